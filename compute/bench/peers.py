"""Times NumPy, PyTorch and JAX on the work of works.go; prints "peer work milliseconds megabytes" lines and "skip peer reason" ones."""
import gc, sys, time

only = sys.argv[1] if len(sys.argv) > 1 else None


def best(f):
    f()
    least, begin, i = 1e9, time.perf_counter(), 0
    while i < 4 or time.perf_counter() - begin < 1:
        start = time.perf_counter()
        f()
        least = min(least, time.perf_counter() - start)
        i += 1
        if time.perf_counter() - begin > 20:
            break
    return least * 1e3


def peak():
    """The largest memory the process has had since the last restart(), in MB."""
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e6


def restart():
    gc.collect()
    open("/proc/self/clear_refs", "w").write("5")
    return peak()


def report(peer, work, make):
    """make() returns the function to time; what it allocates counts as the work's memory."""
    if only not in (None, work):
        return
    try:
        before = restart()
        f = make()
        ms = best(f)
        print(peer, work, "%.6f" % ms, "%.3f" % (peak() - before), flush=True)
    except Exception as e:
        print("skip", peer + ":" + work, str(e).splitlines()[0], flush=True)


def numpy_work(np):
    rng = np.random.default_rng(1)
    r = lambda *d: (rng.standard_normal(d, dtype=np.float32) * np.float32(0.05))

    def matmul(n):
        def make():
            a, b = r(n, n), r(n, n)
            return lambda: a @ b

        return make

    for n in (256, 512, 1024, 2048):
        report("numpy", "matmul%d" % n, matmul(n))

    def batched():
        a, b = r(64, 256, 64), r(64, 64, 256)
        return lambda: a @ b

    report("numpy", "batched", batched)

    def softmax():
        x = r(64, 256, 128)

        def f():
            e = np.exp(x - x.max(-1, keepdims=True))
            return e / e.sum(-1, keepdims=True)

        return f

    def layernorm():
        x = r(64, 256, 128)

        def f():
            c = x - x.mean(-1, keepdims=True)
            return c / np.sqrt((c * c).mean(-1, keepdims=True) + np.float32(1e-5))

        return f

    def adam():
        w, m, v, g = (r(2 << 20) for _ in range(4))
        v = abs(v)

        def f():
            m1 = np.float32(0.9) * m + np.float32(0.1) * g
            v1 = np.float32(0.999) * v + np.float32(0.001) * (g * g)
            return w - np.float32(0.001) * m1 / (np.sqrt(v1) + np.float32(1e-7)), m1, v1

        return f

    report("numpy", "softmax", softmax)
    report("numpy", "layernorm", layernorm)
    report("numpy", "adam", adam)


def torch_work(torch):
    F = torch.nn.functional
    torch.set_num_threads(2)
    torch.manual_seed(1)
    r = lambda *d: torch.randn(*d) * 0.05
    p = lambda *d: r(*d).requires_grad_()

    def matmul(n):
        def make():
            a, b = r(n, n), r(n, n)
            return lambda: a @ b

        return make

    for n in (256, 512, 1024, 2048):
        report("torch", "matmul%d" % n, matmul(n))

    def batched():
        a, b = r(64, 256, 64), r(64, 64, 256)
        return lambda: a @ b

    def softmax():
        x = r(64, 256, 128)
        return lambda: torch.softmax(x, -1)

    def layernorm():
        x = r(64, 256, 128)
        return lambda: F.layer_norm(x, (128,))

    def gelu():
        x = r(2 << 20)
        return lambda: F.gelu(x)

    def adam():
        w, m, v, g = (r(2 << 20) for _ in range(4))
        v = v.abs()

        def f():
            m1 = m * 0.9 + g * 0.1
            v1 = v * 0.999 + g * g * 0.001
            return w - m1 * 0.001 / (v1.sqrt() + 1e-7), m1, v1

        return f

    def optimizer(fused):
        def make():
            w = p(2 << 20)
            w.grad = r(2 << 20)
            return torch.optim.Adam([w], fused=fused).step

        return make

    def train(params, loss):
        def f():
            grads = torch.autograd.grad(loss(), params)
            with torch.no_grad():
                return [p - 0.01 * d for p, d in zip(params, grads)]

        return f

    def conv2d():
        x, w = p(16, 32, 32, 32), p(32, 32, 3, 3)
        return train([x, w], lambda: F.conv2d(x, w, padding=1).square().mean())

    def conv1d():
        x, w = p(64, 22, 1000), p(40, 22, 25)
        return train([x, w], lambda: F.conv1d(x, w, padding=12).square().mean())

    def encoder(compiled):
        def make():
            t = r(32, 128, 128)
            ws = [p(128, 128) for _ in range(4)] + [p(128, 512), p(512, 128)]

            def layer():
                h = lambda z: z.view(32, 128, 4, 32).transpose(1, 2)
                y = F.layer_norm(t, (128,))
                q, k, v = h(y @ ws[0]), h(y @ ws[1]), h(y @ ws[2])
                a = torch.softmax(q @ k.transpose(-1, -2) * 0.1767767, -1)
                y = t + (a @ v).transpose(1, 2).reshape(32, 128, 128) @ ws[3]
                return (y + F.gelu(F.layer_norm(y, (128,)) @ ws[4]) @ ws[5]).square().mean()

            return train(ws, torch.compile(layer) if compiled else layer)

        return make

    def loop():
        x, wi, wh = r(32, 200, 128), p(128, 128), p(128, 128)

        def loss():
            h = torch.zeros(32, 128)
            for i in range(200):
                h = torch.tanh(x[:, i] @ wi + h @ wh)
            return h.square().mean()

        return train([wi, wh], loss)

    def layer():
        x = r(32, 200, 128)
        net = torch.nn.RNN(128, 128, bias=False, batch_first=True)
        return train(list(net.parameters()), lambda: net(x)[0][:, -1].square().mean())

    def lif():
        x, wi, wh = r(64, 100, 256), p(256, 256), p(256, 256)

        def loss():
            u = spikes = total = torch.zeros(64, 256)
            for i in range(100):
                u = u * 0.9 - spikes + (x[:, i] @ wi + spikes @ wh)
                over = u - 1
                soft = over / (over.abs() * 25 + 1)
                spikes = soft + ((over > 0).float() - soft).detach()
                total = total + spikes
            return total.square().mean()

        return train([wi, wh], loss)

    def gru_step():
        x, h, cell = r(1, 128), r(1, 128), torch.nn.GRUCell(128, 128)

        def f():
            with torch.inference_mode():
                return cell(x, h)

        return f

    report("torch", "gru-step", gru_step)
    report("torch", "batched", batched)
    report("torch", "softmax", softmax)
    report("torch", "layernorm", layernorm)
    report("torch", "gelu", gelu)
    report("torch", "adam", optimizer(None))
    report("torch-fused", "adam", optimizer(True))
    report("torch-loop", "adam", adam)
    report("torch", "conv2d", conv2d)
    report("torch", "conv1d", conv1d)
    report("torch", "transformer", encoder(False))
    report("torch-loop", "rnn", loop)
    report("torch", "rnn", layer)
    report("torch-loop", "lif", lif)
    report("torch-compile", "transformer", encoder(True))


def jax_work(jax):
    jnp, nn, lax = jax.numpy, jax.nn, jax.lax
    keys = iter(jax.random.split(jax.random.PRNGKey(1), 100))
    r = lambda *d: jax.random.normal(next(keys), d, dtype=jnp.float32) * 0.05

    def run(f, *shapes):
        def make():
            args = [r(*s) for s in shapes]
            g = jax.jit(f)
            return lambda: jax.block_until_ready(g(*args))

        return make

    def train(loss, count):
        """A step of gradient descent in the first count arguments."""

        def f(*args):
            value, grads = jax.value_and_grad(loss, argnums=tuple(range(count)))(*args)
            return value, [p - 0.01 * g for p, g in zip(args, grads)]

        return f

    for n in (256, 512, 1024, 2048):
        report("jax", "matmul%d" % n, run(lambda a, b: a @ b, (n, n), (n, n)))
    report("jax", "batched", run(lambda a, b: a @ b, (64, 256, 64), (64, 64, 256)))
    report("jax", "softmax", run(lambda x: nn.softmax(x, -1), (64, 256, 128)))

    def norm(x):
        c = x - x.mean(-1, keepdims=True)
        return c / jnp.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)

    report("jax", "layernorm", run(norm, (64, 256, 128)))
    report("jax", "gelu", run(lambda x: nn.gelu(x, approximate=False), (2 << 20,)))

    def adam(w, m, v, g):
        m, v = m * 0.9 + g * 0.1, v * 0.999 + g * g * 0.001
        return w - m * 0.001 / (jnp.sqrt(v) + 1e-7), m, v


    def updates():
        g = jax.jit(adam, donate_argnums=(0, 1, 2))
        state = [r(2 << 20), r(2 << 20), jnp.abs(r(2 << 20))]
        grad = r(2 << 20)

        def f():
            state[:] = g(*state, grad)
            jax.block_until_ready(state)

        return f

    report("jax", "adam", updates)
    conv = lambda dims, pad: lambda x, w: jnp.mean(lax.conv_general_dilated(x, w, [1] * (len(dims[0]) - 2), [pad] * (len(dims[0]) - 2),
                                                                              dimension_numbers=dims) ** 2)
    report("jax", "conv2d", run(train(conv(("NHWC", "HWIO", "NHWC"), (1, 1)), 2), (16, 32, 32, 32), (3, 3, 32, 32)))
    report("jax", "conv1d", run(train(conv(("NWC", "WIO", "NWC"), (12, 12)), 2), (64, 1000, 22), (25, 22, 40)))

    def encoder(wq, wk, wv, wo, w1, w2, t):
        h = lambda z: z.reshape(32, 128, 4, 32)
        y = norm(t)
        a = nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", h(y @ wq), h(y @ wk)) * 0.1767767, -1)
        y = t + jnp.einsum("bhqk,bkhd->bqhd", a, h(y @ wv)).reshape(32, 128, 128) @ wo
        return jnp.mean((y + nn.gelu(norm(y) @ w1, approximate=False) @ w2) ** 2)

    report("jax", "transformer", run(train(encoder, 6), *[(128, 128)] * 4, (128, 512), (512, 128), (32, 128, 128)))

    def rnn(wi, wh, x):
        step = lambda h, xt: (jnp.tanh(xt @ wi + h @ wh), None)
        return jnp.mean(lax.scan(step, jnp.zeros((32, 128)), jnp.swapaxes(x, 0, 1))[0] ** 2)

    report("jax", "rnn", run(train(rnn, 2), (128, 128), (128, 128), (32, 200, 128)))

    def gru(x, h, wi, wh, bi, bh):
        (ir, iz, i), (hr, hz, n) = jnp.split(x @ wi + bi, 3, 1), jnp.split(h @ wh + bh, 3, 1)
        z = nn.sigmoid(iz + hz)
        return (1 - z) * jnp.tanh(i + nn.sigmoid(ir + hr) * n) + z * h

    report("jax", "gru-step", run(gru, (1, 128), (1, 128), (128, 384), (128, 384), (384,), (384,)))

    def lif(wi, wh, x):
        def step(carry, xt):
            u, spikes, total = carry
            u = u * 0.9 - spikes + (xt @ wi + spikes @ wh)
            over = u - 1
            soft = over / (jnp.abs(over) * 25 + 1)
            spikes = soft + lax.stop_gradient((over > 0).astype(jnp.float32) - soft)
            return (u, spikes, total + spikes), None

        z = jnp.zeros((64, 256))
        return jnp.mean(lax.scan(step, (z, z, z), jnp.swapaxes(x, 0, 1))[0][2] ** 2)

    report("jax", "lif", run(train(lif, 2), (256, 256), (256, 256), (64, 100, 256)))


for name, work in (("numpy", numpy_work), ("torch", torch_work), ("jax", jax_work)):
    try:
        module = __import__(name)
    except ImportError as e:
        print("skip", name, e)
        continue
    work(module)
