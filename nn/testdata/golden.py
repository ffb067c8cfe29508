"""Writes golden.json: inputs, weights and outputs of PyTorch's layers, which the layers of package nn must agree with.

Run with: python golden.py > golden.json   (PyTorch is needed; the file says which version made it)
"""
import json, torch
from torch import nn

torch.manual_seed(20250715)
torch.set_default_dtype(torch.float64)
cases = {}


def values(t):
    return {"shape": list(t.shape), "flat": [round(float(v), 10) for v in t.detach().reshape(-1)]}


def rounded(module):
    """Rounds the parameters, and draws those that begin as constants, so that the file holds them exactly."""
    with torch.no_grad():
        for name, p in module.named_parameters():
            if p.std() == 0 or p.numel() == 1:
                p.add_(torch.randn_like(p) * 0.2)
            p.copy_((p * 1e4).round() / 1e4)
    return module


def data(*shape):
    return ((torch.randn(*shape) * 1e3).round() / 1e3)


def case(name, module, inputs, output, grad_of=None):
    """Stores a case; grad is the gradient of sum(output * cos(index)) with respect to the first input."""
    c = {"inputs": [values(x) for x in inputs], "output": values(output)}
    c["weights"] = {k: values(v) for k, v in module.state_dict().items() if v.dim() > 0} if module is not None else {}
    if inputs[0].requires_grad:
        weight = torch.cos(torch.arange(output.numel())).reshape(output.shape)
        (grad,) = torch.autograd.grad((output * weight).sum(), inputs[0], retain_graph=True)
        c["grad"] = values(grad)
    cases[name] = c


def unroll(cell, x, lstm):
    h = torch.zeros(x.shape[0], cell.hidden_size)
    c = torch.zeros_like(h)
    out = []
    for t in range(x.shape[1]):
        if lstm:
            h, c = cell(x[:, t], (h, c))
        else:
            h = cell(x[:, t], h)
        out.append(h)
    return torch.stack(out, 1)


x = data(2, 4, 3).requires_grad_()
gru = rounded(nn.GRUCell(3, 5))
case("gru", gru, [x], unroll(gru, x, False))
lstm = rounded(nn.LSTMCell(3, 5))
case("lstm", lstm, [x], unroll(lstm, x, True))

tokens = data(2, 5, 8).requires_grad_()
for pre in (False, True):
    for act in ("relu", "gelu"):
        layer = rounded(nn.TransformerEncoderLayer(8, 2, 12, activation=act, batch_first=True, norm_first=pre)).eval()
        torch.backends.mha.set_fastpath_enabled(False)
        case(f"transformer {'pre' if pre else 'post'} {act}", layer, [tokens], layer(tokens))
layer = rounded(nn.TransformerEncoderLayer(8, 4, 12, batch_first=True)).eval()
mask = nn.Transformer.generate_square_subsequent_mask(5)
case("transformer causal", layer, [tokens], layer(tokens, src_mask=mask, is_causal=True))

# Attention with scores divided by sqrt(features) instead of sqrt(head width), from PyTorch's functional attention.
mha = rounded(nn.MultiheadAttention(8, 2, batch_first=True)).eval()
w, b = mha.in_proj_weight, mha.in_proj_bias
q, k, v = (nn.functional.linear(tokens, w[i * 8:(i + 1) * 8], b[i * 8:(i + 1) * 8]).reshape(2, 5, 2, 4).transpose(1, 2) for i in range(3))
y = nn.functional.scaled_dot_product_attention(q, k, v, scale=8 ** -0.5).transpose(1, 2).reshape(2, 5, 8)
case("attention score scale", mha, [tokens], mha.out_proj(y))

signal = data(2, 4, 30).requires_grad_()
for name, conv in {
    "conv depthwise": nn.Conv1d(4, 4, 7, padding=3, groups=4, bias=False),
    "conv depthwise stride": nn.Conv1d(4, 4, 6, stride=3, padding=2, groups=4),
    "conv": nn.Conv1d(4, 6, 5, padding=2),
    "conv stride": nn.Conv1d(4, 6, 9, stride=4, padding=1),
    "conv pointwise": nn.Conv1d(4, 6, 1, bias=False),
}.items():
    conv = rounded(conv)
    case(name, conv, [signal], conv(signal))
case("pool", None, [signal], nn.functional.avg_pool1d(signal, 5))
case("pool overlapping", None, [signal], nn.functional.avg_pool1d(signal, 7, stride=3))

norm = rounded(nn.LayerNorm(30))
case("layer norm", norm, [signal], norm(signal))
bn = rounded(nn.BatchNorm1d(4)).train()
second = data(2, 4, 30)
start = {k: v.clone() for k, v in bn.state_dict().items()}
first_out = bn(signal)
case("batch norm training", bn, [signal], first_out)
bn(second)
bn.eval()
case("batch norm evaluation", bn, [signal, second], bn(signal))

case("gelu", None, [signal], nn.functional.gelu(signal))
case("elu", None, [signal], nn.functional.elu(signal))
rates, counts = data(3, 4).requires_grad_(), torch.poisson(torch.ones(3, 4))
case("poisson", None, [rates, counts], nn.functional.poisson_nll_loss(rates, counts, log_input=True, full=False, reduction="none"))
mean, logvar = data(3, 4).requires_grad_(), data(3, 4)
kl = torch.distributions.kl_divergence(torch.distributions.Normal(mean, (logvar / 2).exp()), torch.distributions.Normal(0.3, 0.7 ** 0.5))
case("gaussian kl", None, [mean, logvar], kl)

same = rounded(nn.Conv1d(4, 6, 6, padding="same"))
case("conv same", same, [signal], same(signal))
same = rounded(nn.Conv1d(4, 4, 8, padding="same", groups=4, bias=False))
case("conv depthwise same", same, [signal], same(signal))
bn = rounded(nn.BatchNorm1d(30)).train()
case("batch norm axis 2", bn, [signal], bn(signal.transpose(1, 2)).transpose(1, 2))
case("softmax", None, [signal], torch.softmax(signal, -1))
case("relu", None, [signal], torch.relu(signal))

print(json.dumps({"made by": "PyTorch " + torch.__version__.split("+")[0] + ", testdata/golden.py", "cases": cases}))
