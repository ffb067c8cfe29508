"""Times NumPy and PyTorch on the work of main.go; prints "peer work milliseconds" lines and "skip peer reason" ones."""
import re, sys, time

only = re.compile(sys.argv[1] if len(sys.argv) > 1 else ".")


def best(f):
    f()
    least, begin, i = 1e9, time.perf_counter(), 0
    while i < 4 or time.perf_counter() - begin < 1 and i < 200:
        start = time.perf_counter()
        f()
        least = min(least, time.perf_counter() - start)
        i += 1
        if time.perf_counter() - begin > 20:
            break
    return least * 1e3


def report(peer, work, f):
    if only.search(work):
        print(peer, work, "%.6f" % best(f), flush=True)


def numpy_work(np):
    rng = np.random.default_rng(1)
    r = lambda *d: (rng.standard_normal(d) * 0.05).astype(np.float32)
    for n in (256, 512, 1024, 2048):
        a, b = r(n, n), r(n, n)
        report("numpy", "matmul%d" % n, lambda: a @ b)
    a, b = r(64, 256, 64), r(64, 64, 256)
    report("numpy", "batched", lambda: a @ b)
    x = r(64, 256, 128)

    def softmax():
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def layernorm():
        c = x - x.mean(-1, keepdims=True)
        return c / np.sqrt((c * c).mean(-1, keepdims=True) + np.float32(1e-5))

    report("numpy", "softmax", softmax)
    report("numpy", "layernorm", layernorm)
    w, m, v, g = (r(2 << 20) for _ in range(4))
    v = abs(v)

    def adam():
        m1 = np.float32(0.9) * m + np.float32(0.1) * g
        v1 = np.float32(0.999) * v + np.float32(0.001) * (g * g)
        return w - np.float32(0.001) * m1 / (np.sqrt(v1) + np.float32(1e-7)), m1, v1

    report("numpy", "adam", adam)


def torch_work(torch):
    F = torch.nn.functional
    torch.set_num_threads(2)
    torch.manual_seed(1)
    r = lambda *d: torch.randn(*d) * 0.05
    for n in (256, 512, 1024, 2048):
        a, b = r(n, n), r(n, n)
        report("torch", "matmul%d" % n, lambda: a @ b)
    a, b = r(64, 256, 64), r(64, 64, 256)
    report("torch", "batched", lambda: a @ b)
    x = r(64, 256, 128)
    report("torch", "softmax", lambda: torch.softmax(x, -1))
    report("torch", "layernorm", lambda: F.layer_norm(x, (128,)))
    y = r(2 << 20)
    report("torch", "gelu", lambda: F.gelu(y))
    w, m, v, g = (r(2 << 20) for _ in range(4))
    v = v.abs()

    def adam():
        m1 = m * 0.9 + g * 0.1
        v1 = v * 0.999 + g * g * 0.001
        return w - m1 * 0.001 / (v1.sqrt() + 1e-7), m1, v1

    report("torch", "adam", adam)

    def train(params, loss):
        def f():
            grads = torch.autograd.grad(loss(), params)
            with torch.no_grad():
                return [p - 0.01 * d for p, d in zip(params, grads)]

        return f

    p = lambda *d: r(*d).requires_grad_()
    x2, w2 = p(16, 32, 32, 32), p(32, 32, 3, 3)
    report("torch", "conv2d", train([x2, w2], lambda: F.conv2d(x2, w2, padding=1).square().mean()))
    x1, w1 = p(64, 22, 1000), p(40, 22, 25)
    report("torch", "conv1d", train([x1, w1], lambda: F.conv1d(x1, w1, padding=12).square().mean()))
    t = r(32, 128, 128)
    ws = [p(128, 128) for _ in range(4)] + [p(128, 512), p(512, 128)]

    def layer():
        h = lambda z: z.view(32, 128, 4, 32).transpose(1, 2)
        y = F.layer_norm(t, (128,))
        q, k, v = h(y @ ws[0]), h(y @ ws[1]), h(y @ ws[2])
        a = torch.softmax(q @ k.transpose(-1, -2) * 0.1767767, -1)
        y = t + (a @ v).transpose(1, 2).reshape(32, 128, 128) @ ws[3]
        return (y + F.gelu(F.layer_norm(y, (128,)) @ ws[4]) @ ws[5]).square().mean()

    report("torch", "transformer", train(ws, layer))
    xr, wi, wh = r(32, 200, 128), p(128, 128), p(128, 128)

    def loop():
        h = torch.zeros(32, 128)
        for i in range(200):
            h = torch.tanh(xr[:, i] @ wi + h @ wh)
        return h.square().mean()

    report("torch-loop", "rnn", train([wi, wh], loop))
    net = torch.nn.RNN(128, 128, bias=False, batch_first=True)
    report("torch", "rnn", train(list(net.parameters()), lambda: net(xr)[0][:, -1].square().mean()))
    xl, li, lh = r(64, 100, 256), p(256, 256), p(256, 256)

    def lif():
        u = spikes = total = torch.zeros(64, 256)
        for i in range(100):
            u = u * 0.9 - spikes + (xl[:, i] @ li + spikes @ lh)
            over = u - 1
            soft = over / (over.abs() * 25 + 1)
            spikes = soft + ((over > 0).float() - soft).detach()
            total = total + spikes
        return total.square().mean()

    report("torch-loop", "lif", train([li, lh], lif))


for name, work in (("numpy", numpy_work), ("torch", torch_work)):
    try:
        module = __import__(name)
    except ImportError as e:
        print("skip", name, e)
        continue
    work(module)
