# PyTorch's side; package versus says how its functions are called.

def fixedpoints_torch():
    import numpy as np, torch
    torch.set_num_threads(THREADS)
    data = np.load(os.path.join(directory, "network.npz"))
    weights = torch.from_numpy(np.concatenate([data[name] for name in ("reset", "update", "candidate")]).astype(np.float32)).T.contiguous()
    starts = torch.from_numpy(data["starts"].astype(np.float32))
    tolerance, merge, most = 1e-11, 1e-3, 5000

    def step(h):
        r, u, n = torch.chunk(h @ weights, 3, dim=1)
        n = torch.tanh(torch.sigmoid(r) * n)
        return n + torch.sigmoid(u) * (h - n)

    def run():
        t = time.perf_counter()
        h = starts.clone().requires_grad_(True)
        optimizer = torch.optim.Adam([h], lr=0.05)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=500, gamma=0.7)
        for iteration in range(most):
            optimizer.zero_grad()
            q = 0.5 * torch.sum(torch.square(step(h) - h), dim=1)
            if bool(torch.all(q.detach() <= tolerance)):
                break
            q.mean().backward()
            optimizer.step()
            scheduler.step()
        states, fixed = h.detach().numpy(), (q.detach() <= tolerance).numpy()
        unique = []
        for state in states[fixed]:
            if all(np.max(np.abs(state - other)) >= merge for other in unique):
                unique.append(state)
        seconds = time.perf_counter() - t
        # Each point of one side must lie near one of the other. Points that PyTorch misses because the starts there are not below the tolerance after the
        # last iteration are counted; a point that Gyrus misses fails the run.
        ours = np.array(json.load(open(os.path.join(directory, "found.json"))))
        between = np.abs(np.array(unique)[:, None] - ours[None]).max(2)
        missed, alone = int(np.sum(between.min(0) > 0.01)), int(np.sum(between.min(1) > 0.01))
        if alone:
            raise RuntimeError(f"PyTorch finds {len(unique)} fixed points, {alone} of which Gyrus, with {len(ours)}, does not find")
        found = f"the same {len(unique)} fixed points" if not missed else f"{len(unique)} of the {len(ours)} fixed points"
        return seconds, f"{found}, at which {fixed.sum()} starts end, {iteration} descents a start"
    return f"PyTorch {torch.__version__}", run
