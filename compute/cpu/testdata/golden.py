"""Writes golden.json: losses and gradients of three small networks by PyTorch, in float64, rounded to 9 digits.

Made with PyTorch 2.15 on a CPU. Inputs and parameters are sin(1), sin(2), ... scaled, so that a test can make them too: parameter number i
of a network is 0.5*sin(index + 100*i), the input 0.7*cos(index)."""
import json

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def parameter(i, *dims):
    n = int(torch.tensor(dims).prod())
    return (0.5 * torch.sin(torch.arange(n) + 100.0 * i)).reshape(dims).requires_grad_()


def data(*dims):
    n = int(torch.tensor(dims).prod())
    return 0.7 * torch.cos(torch.arange(n) + 0.0).reshape(dims)


def convnet():
    """Two convolutions (stride 2, padding 1; groups 2, dilation 2), ReLU, average pool, linear, cross-entropy."""
    x = data(3, 4, 9, 8)
    p = [parameter(0, 6, 4, 3, 3), parameter(1, 6), parameter(2, 4, 3, 2, 2), parameter(3, 5, 4)]
    h = F.relu(F.conv2d(x, p[0], p[1], stride=2, padding=1))
    h = F.relu(F.conv2d(h, p[2], groups=2, dilation=2, padding=1))
    return p, F.cross_entropy(h.mean((2, 3)) @ p[3].T, torch.tensor([1, 4, 0]))


def transformer():
    """A pre-norm encoder layer: 2 heads, width 8, feed-forward 12, exact GELU; loss is the mean of squares."""
    x = data(2, 5, 8)
    p = [parameter(i, 8, 8) for i in range(4)] + [parameter(4, 8, 12), parameter(5, 12), parameter(6, 12, 8), parameter(7, 8), parameter(8, 8)]
    heads = lambda y: y.reshape(2, 5, 2, 4).transpose(1, 2)
    y = F.layer_norm(x, (8,), p[7], p[8])
    a = torch.softmax(heads(y @ p[0]) @ heads(y @ p[1]).transpose(-1, -2) / 2, -1)
    x = x + (a @ heads(y @ p[2])).transpose(1, 2).reshape(2, 5, 8) @ p[3]
    x = x + F.gelu(F.layer_norm(x, (8,)) @ p[4] + p[5]) @ p[6]
    return p, x.square().mean()


def gru():
    """A GRU of 6 units over 7 steps of 4 inputs; loss is the mean square of the last state."""
    x = data(3, 7, 4)
    p = [parameter(0, 18, 4), parameter(1, 18, 6), parameter(2, 18), parameter(3, 18)]
    h = torch.zeros(3, 6)
    for t in range(7):
        i, r = x[:, t] @ p[0].T + p[2], h @ p[1].T + p[3]
        ir, iz, inn = i.chunk(3, 1)
        hr, hz, hn = r.chunk(3, 1)
        z = torch.sigmoid(iz + hz)
        h = (1 - z) * torch.tanh(inn + torch.sigmoid(ir + hr) * hn) + z * h
    return p, h.square().mean()


out = {}
for f in (convnet, transformer, gru):
    params, loss = f()
    grads = torch.autograd.grad(loss, params)
    out[f.__name__] = {"loss": float(loss.detach()), "grads": [[float("%.9g" % v) for v in g.flatten()] for g in grads]}
print(json.dumps(out))
