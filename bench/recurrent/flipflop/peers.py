# The sides of PyTorch and JAX; package versus says how these functions are called.

NETWORKS, UNITS, BITS, STEPS, BATCH, P, RATE, THRESHOLD = 64, 64, 3, 40, 64, 0.1, 1e-3, 1e-3


def torch_trainer(count, loop=False):
    """Networks one after the other, each with its optimiser: what a script in a loop over seeds does. With loop, time is a loop of Python too, as where a
    network is not one that PyTorch has."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.RNN(BITS, UNITS)  # its loop over time is in C++; its second bias is kept at zero
            self.rnn.bias_hh_l0.requires_grad_(False).zero_()
            self.out = torch.nn.Linear(UNITS, BITS)

        def forward(self, x):
            if not loop:
                return self.out(self.rnn(x)[0])
            drive = torch.nn.functional.linear(x, self.rnn.weight_ih_l0, self.rnn.bias_ih_l0)
            h, all = torch.zeros(BATCH, UNITS), []
            for d in drive:
                h = torch.tanh(torch.addmm(d, h, self.rnn.weight_hh_l0.T))
                all.append(h)
            return self.out(torch.stack(all))

    def draw():
        x = (torch.rand(STEPS, BATCH, BITS) < P).float()
        x[0] = 1
        x *= 2.0 * torch.randint(0, 2, x.shape) - 1
        at = torch.where(x != 0, torch.arange(STEPS)[:, None, None], 0).cummax(0)[0]
        return x, x.gather(0, at)

    torch.manual_seed(0)
    nets = [Net() for _ in range(count)]
    optimizers = [torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=RATE) for net in nets]

    def update():
        loss = 0.0
        for net, optimizer in zip(nets, optimizers):
            x, y = draw()
            optimizer.zero_grad()
            error = torch.nn.functional.mse_loss(net(x), y)
            error.backward()
            optimizer.step()
            loss = error.item()
        return loss

    # Matrices are small, so that one thread may be faster than two.
    took = {}
    update()
    for threads in (1, THREADS):
        torch.set_num_threads(threads)
        t = time.perf_counter()
        update()
        took[threads] = time.perf_counter() - t
    best = min(took, key=took.get)
    torch.set_num_threads(best)
    return f"PyTorch {torch.__version__}, loop over networks{' and time' if loop else ''}, threads: {best}", update


def update_torch():
    return update_with(False)


def update_loop():
    return update_with(True)


def update_with(loop):
    title, update = torch_trainer(NETWORKS, loop)
    updates = 20 // part

    def run():
        t = time.perf_counter()
        for _ in range(updates):
            loss = update()
        seconds = time.perf_counter() - t
        return seconds, f"{1000 * seconds / updates:.1f} ms an update, loss {loss:.3f}"
    return title, run


def criterion_torch():
    return criterion_with(False)


def criterion_loop():
    return criterion_with(True)


def criterion_with(loop):
    title, update = torch_trainer(NETWORKS, loop)

    def run():
        needed = json.load(open(os.path.join(directory, "criterion.json")))["updates"]
        t = time.perf_counter()
        for _ in range(5):
            update()
        each = (time.perf_counter() - t) / 5 / NETWORKS
        return each * needed, f"extrapolated: {1000 * each:.2f} ms for an update of one network, {needed} such updates"
    return title, run


def jax_trainer(count):
    """All networks in one function: vmap over networks, scan over time, Adam written out; compiled as a whole."""
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={THREADS}"
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax, jax.numpy as jnp

    def draw(key):
        a, b = jax.random.split(key)
        x = jax.random.bernoulli(a, P, (STEPS, BATCH, BITS)).astype(jnp.float32).at[0].set(1)
        x = x * (2.0 * jax.random.bernoulli(b, 0.5, x.shape) - 1)
        at = jax.lax.cummax(jnp.where(x != 0, jnp.arange(STEPS)[:, None, None], 0), axis=0)
        return x, jnp.take_along_axis(x, at, axis=0)

    def loss_of(w, x, y):
        drive = x @ w["in"] + w["bias"]

        def step(h, d):
            h = jnp.tanh(d + h @ w["rec"])
            return h, h
        _, h = jax.lax.scan(step, jnp.zeros((BATCH, UNITS)), drive)
        return jnp.mean((h @ w["out"] + w["out_bias"] - y) ** 2)

    def init(key):
        shapes = {"rec": (UNITS, UNITS), "in": (BITS, UNITS), "bias": (UNITS,), "out": (UNITS, BITS), "out_bias": (BITS,)}
        bound = UNITS ** -0.5
        return {name: jax.random.uniform(k, s, minval=-bound, maxval=bound) for k, (name, s) in zip(jax.random.split(key, 5), shapes.items())}

    def one(w, m, v, n, key, running, active):
        x, y = draw(jax.random.fold_in(key, n))
        loss, g = jax.value_and_grad(loss_of)(w, x, y)
        n = n + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c1, c2 = 1 / (1 - 0.9 ** n), 1 / (1 - 0.999 ** n)
        w = jax.tree.map(lambda w, m, v: w - active * RATE * m * c1 / (jnp.sqrt(v * c2) + 1e-8), w, m, v)
        running = jnp.where(active, jnp.where(n == 1, loss, 0.95 * running + 0.05 * loss), running)
        return w, m, v, n, key, running, active * (running >= THRESHOLD)

    update = jax.jit(jax.vmap(one, in_axes=(0, 0, 0, None, 0, 0, 0), out_axes=(0, 0, 0, None, 0, 0, 0)), donate_argnums=(0, 1, 2))

    def begin():
        keys = jax.random.split(jax.random.key(0), count)
        w = jax.vmap(init)(keys)
        zeros = jax.tree.map(jnp.zeros_like, w)
        return w, zeros, jax.tree.map(jnp.zeros_like, w), jnp.int32(0), keys, jnp.ones(count), jnp.ones(count)
    return f"JAX {jax.__version__}, vmap over networks, scan over time", begin, update


def update_jax():
    title, begin, update = jax_trainer(NETWORKS)
    updates = 20 // part
    update(*begin())[5].block_until_ready()

    def run():
        state = update(*begin())
        state[5].block_until_ready()
        t = time.perf_counter()
        for _ in range(updates):
            state = update(*state)
        loss = float(state[5][0])
        seconds = time.perf_counter() - t
        return seconds, f"{1000 * seconds / updates:.1f} ms an update, running loss {loss:.3f}"
    return title, run


def criterion_jax():
    count = max(1, NETWORKS // part)
    title, begin, update = jax_trainer(count)
    update(*begin())[5].block_until_ready()

    def run():
        state = begin()
        t = time.perf_counter()
        for n in range(20_000):
            state = update(*state)
            if n % 20 == 0 and float(state[6].sum()) == 0:
                break
        seconds = time.perf_counter() - t
        return seconds, f"{count} networks, {n} updates until the last was below"
    return title, run
