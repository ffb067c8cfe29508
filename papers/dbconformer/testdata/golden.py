"""Writes golden.json: the three networks' outputs and gradients as PyTorch computes them, in evaluation mode.

The networks are written here from their equations with torch.nn.functional, every convolution as a convolution, as a check on the Go
graphs, which evaluate some of them in other forms. No file of any author was used. Weights and inputs are sines of their index, so that the
test can make the same ones. Made with torch 2.15.0: python golden.py > golden.json
"""
import json, math
import numpy as np, torch, torch.nn.functional as F

torch.set_default_dtype(torch.float64)


class Weights(dict):
    """Creates a variable when it is first asked for: 0.3 sin(0.37 i + phase), phase from its name; norms and variances lie near one."""

    def __call__(self, name, *shape):
        if name not in self:
            i = np.arange(int(np.prod(shape)))
            phase = sum((k + 1) * ord(c) for k, c in enumerate(name)) % 97
            v = 0.3 * np.sin(0.37 * i + phase)
            if name.endswith(("/scale", "/running_variance")):
                v = 1 + v
            self[name] = torch.tensor(v.reshape(shape), requires_grad=not name.endswith(("/running_mean", "/running_variance")))
        return self[name]


def linear(w, n, x, out):
    return x @ w(n + "/weights", x.shape[-1], out) + w(n + "/bias", out)


def bn(w, n, x):  # [batch, features, ...]
    f = x.shape[1]
    return F.batch_norm(x, w(n + "/running_mean", f), w(n + "/running_variance", f), w(n + "/scale", f), w(n + "/offset", f), False, 0.1, 1e-5)


def ln(w, n, x):
    return F.layer_norm(x, x.shape[-1:], w(n + "/scale", x.shape[-1]), w(n + "/offset", x.shape[-1]), 1e-5)


def block(w, n, x, heads):
    b, t, d = x.shape
    h = ln(w, n + "/norm1", x)
    q, k, v = (linear(w, f"{n}/attention/{p}", h, d).reshape(b, t, heads, d // heads).transpose(1, 2) for p in ("query", "key", "value"))
    a = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d), -1)
    x = x + linear(w, n + "/attention/out", (a @ v).transpose(1, 2).reshape(b, t, d), d)
    h = F.gelu(linear(w, n + "/expand", ln(w, n + "/norm2", x), 4 * d))
    return x + linear(w, n + "/contract", h, d)


def mlp(w, n, f, width, classes):
    f = F.elu(linear(w, n + "/hidden1", f, width))
    return linear(w, n + "/classes", F.elu(linear(w, n + "/hidden2", f, 32)), classes)


def dbconformer(w, x, D, H, depth, kernel, patch, ek, es, classes):
    b, c, t = x.shape
    h = bn(w, "temporal/norm1", F.conv1d(x, w("temporal/filters/kernel", D, c, 1)))
    h = F.gelu(bn(w, "temporal/norm2", F.conv1d(h, w("temporal/depthwise/kernel", D, 1, kernel), padding=kernel // 2, groups=D)))
    p = t // patch
    z = F.avg_pool1d(h[:, :, : p * patch], patch, patch).transpose(1, 2) + w("temporal/positions", 1, p, D)
    for i in range(depth):
        z = block(w, f"temporal/block{i}", z, H)
    e = F.elu(F.conv1d(x.reshape(b * c, 1, t), w("spatial/encoder/kernel", 16, 1, ek), w("spatial/encoder/bias", 16), stride=es, padding=ek // 2)).mean(-1)
    s = linear(w, "spatial/project", e, D).reshape(b, c, D) + w("spatial/positions", 1, c, D)
    for i in range(depth):
        s = block(w, f"spatial/block{i}", s, H)
    a = torch.softmax(linear(w, "pool/w2", torch.tanh(linear(w, "pool/w1", s, D)), 1)[..., 0], -1)
    f = torch.cat([z.mean(1), (a[..., None] * s).sum(1)], -1)
    return mlp(w, "head", f, 64, classes), a


def eegnet(w, x, taps, classes):
    b, c, t = x.shape
    before = (taps - 1) // 2
    h = F.conv2d(F.pad(x[:, None], (before, taps - 1 - before)), w("temporal/kernel", 4, 1, taps)[:, :, None])
    h = bn(w, "norm1", h)
    h = F.conv2d(h, w("spatial/filters", 4, 2, c).reshape(8, 1, c, 1), groups=4)
    h = F.avg_pool2d(F.elu(bn(w, "norm2", h)), (1, 4))
    h = F.conv2d(F.pad(h, (7, 8)), w("depthwise/kernel", 8, 1, 16)[:, :, None], groups=8)
    h = F.conv2d(h, w("pointwise/kernel", 8, 8, 1)[..., None])
    h = F.avg_pool2d(F.elu(bn(w, "norm3", h)), (1, 8))
    return linear(w, "classes", h.flatten(1), classes)


def conformer(w, x, taps, step, classes):
    b, c, t = x.shape
    h = F.conv2d(x[:, None], w("temporal/kernel", 40, taps)[:, None, None], w("temporal/bias", 40))
    h = F.conv2d(h, w("spatial/filters", 40, 40, c)[..., None], w("spatial/bias", 40))
    h = F.avg_pool2d(F.elu(bn(w, "norm", h)), (1, 5 * step), (1, step))
    h = F.conv2d(h, w("project/kernel", 40, 40, 1)[..., None], w("project/bias", 40))[:, :, 0].transpose(1, 2)
    for i in range(6):
        h = block(w, f"block{i}", h, 10)
    return mlp(w, "head", h.flatten(1), 256, classes)


def case(name, f, batch, channels, samples, **size):
    w = Weights()
    i = np.arange(batch * channels * samples)
    x = torch.tensor((np.sin(0.61 * i) + 0.5 * np.sin(0.0173 * i * i % 6.2831853)).reshape(batch, channels, samples))
    out = f(w, x, **size)
    logits, attention = out if isinstance(out, tuple) else (out, None)
    target = torch.arange(batch) % size["classes"]
    F.cross_entropy(logits, target).backward()
    # Each gradient is kept as its product with a fixed pattern.
    grads = {n: float((v.grad.flatten() * torch.cos(0.73 * torch.arange(v.numel()))).sum()) for n, v in w.items() if v.requires_grad}
    return dict(name=name, batch=batch, channels=channels, samples=samples, size=size, parameters=sum(v.numel() for v in w.values() if v.requires_grad),
                logits=logits.tolist(), attention=None if attention is None else attention.tolist(), gradients=grads)


print(json.dumps(dict(note="made by golden.py with torch " + torch.__version__, cases=[
    case("dbconformer", dbconformer, 3, 5, 61, D=8, H=2, depth=2, kernel=9, patch=12, ek=7, es=3, classes=3),
    case("eegnet", eegnet, 3, 5, 131, taps=10, classes=2),
    case("eegconformer", conformer, 3, 5, 79, taps=6, step=4, classes=2),
]), indent=0))
