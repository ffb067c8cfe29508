"""Writes golden.json: how PyTorch's optimisers and schedules train a small logistic network, which package fit must repeat.

Run with: python golden.py > golden.json   (PyTorch is needed; the file says which version made it)
"""
import json, torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
x = (torch.randn(12, 3) * 1e3).round() / 1e3
y = (x[:, :1] - 2 * x[:, 1:2] * x[:, 2:] > 0).double()
w1, b1 = (torch.randn(3, 4) * 1e3).round() / 1e3, (torch.randn(4) * 1e3).round() / 1e3
w2, b2 = (torch.randn(4, 1) * 1e3).round() / 1e3, (torch.randn(1) * 1e3).round() / 1e3


def flat(t):
    return [round(float(v), 12) for v in t.detach().reshape(-1)]


def train(epochs, make, clip=0.0, scheduler=None, decay=None):
    """Trains in the order of the rows, in batches of 5; the loss is the mean binary cross-entropy."""
    ps = [nn.Parameter(p.clone()) for p in (w1, b1, w2, b2)]
    opt = make(ps)
    sched = scheduler(opt) if scheduler else None
    out = []
    for epoch in range(epochs):
        if decay:
            opt.param_groups[0]["weight_decay"] = decay(epoch)
        rate = opt.param_groups[0]["lr"]
        total = 0.0
        for i in range(0, 12, 5):
            bx, by = x[i:i + 5], y[i:i + 5]
            logits = torch.tanh(bx @ ps[0] + ps[1]) @ ps[2] + ps[3]
            loss = nn.functional.binary_cross_entropy_with_logits(logits, by)
            opt.zero_grad()
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(ps, clip)
            opt.step()
            total += float(loss) * len(bx)
        mean = total / 12
        out.append({"rate": rate, "loss": round(mean, 12), "values": sum((flat(p) for p in ps), [])})
        if sched:
            sched.step(mean) if isinstance(sched, torch.optim.lr_scheduler.ReduceLROnPlateau) else sched.step()
    return out


adam = lambda **k: (lambda ps: torch.optim.Adam(ps, lr=0.05, **k))
S = torch.optim.lr_scheduler
cases = {
    "adam": train(6, adam()),
    "adam other constants": train(6, adam(betas=(0.8, 0.95), eps=1e-3)),
    "coupled decay": train(6, adam(weight_decay=0.1)),
    "coupled decay ramp": train(6, adam(), decay=lambda e: 0.04 * e),
    "decoupled decay": train(6, lambda ps: torch.optim.AdamW(ps, lr=0.05, weight_decay=0.1)),
    "clipped": train(6, adam(), clip=0.05),
    "clipped and decayed": train(6, adam(weight_decay=0.1), clip=0.05),
    "sgd": train(6, lambda ps: torch.optim.SGD(ps, lr=0.5)),
    "plateau": train(40, lambda ps: torch.optim.SGD(ps, lr=6.0), scheduler=lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=2, min_lr=0.4)),
    "cosine": train(6, adam(), scheduler=lambda o: S.CosineAnnealingLR(o, T_max=6, eta_min=0.01)),
    "steps": train(6, adam(), scheduler=lambda o: S.StepLR(o, step_size=2, gamma=0.3)),
}
rates = [e["rate"] for e in cases["plateau"]]
assert len(set(rates)) >= 3, rates  # the case must exercise the schedule
print(json.dumps({"made by": "PyTorch " + torch.__version__.split("+")[0] + ", testdata/golden.py",
                  "x": flat(x), "y": flat(y), "w1": flat(w1), "b1": flat(b1), "w2": flat(w2), "b2": flat(b2), "cases": cases}))
