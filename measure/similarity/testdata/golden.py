"""Prints golden.json, values of other implementations on arrays that the test makes from the same formulas:

    python golden.py > golden.json

NumPy 2.4.6 and SciPy 1.17.1; the public DSA tool is dsa-metric 2.0.2 (its modules dmd and simdist, which need torch and POT only). The tool fits its map
in float32 and searches by Adam, so its distance lies above the minimum, which SciPy finds here from many starts.
"""
import importlib.util
import json
import sys

import numpy as np
import scipy.linalg
from scipy.optimize import linear_sum_assignment, minimize, quadratic_assignment

sys.path.insert(0, importlib.util.find_spec("DSA").submodule_search_locations[0])
import torch
from dmd import DMD
from simdist import SimilarityTransformDist

golden = {}


def made(rows, columns, salt):
    """Numbers between -.5 and .5 that any language makes alike."""
    i, j = np.arange(rows)[:, None], np.arange(columns)[None]
    x = (i * 7919 + j * 104729 + i * j * 31 + i * i * 17 + salt * 613) % 10007
    return (x * x % 10007) / 10007 - 0.5


def representations(salt):
    x = made(60, 7, salt)
    y = np.hstack([x[:, :4] @ made(4, 5, salt + 1) + 0.3 * made(60, 5, salt + 2), made(60, 4, salt + 3)])
    return x, y


# Representations: Gram matrices throughout, where the package works with features.
x, y = representations(1)
n = len(x)
xc, yc = x - x.mean(0), y - y.mean(0)
h = np.eye(n) - 1 / n
k, l = h @ x @ x.T @ h, h @ y @ y.T @ h
golden["cka"] = np.sum(k * l) / np.sqrt(np.sum(k * k) * np.sum(l * l))


def hsic1(k, l):
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    one = np.ones(n)
    return (np.sum(k * l) + one @ k @ one * (one @ l @ one) / (n - 1) / (n - 2) - 2 / (n - 2) * (one @ k @ l @ one)) / n / (n - 3)


k, l = x @ x.T, y @ y.T
golden["debiased"] = hsic1(k, l) / np.sqrt(hsic1(k, k) * hsic1(l, l))

a = np.hstack([xc / np.linalg.norm(xc), np.zeros((n, y.shape[1] - x.shape[1]))])
b = yc / np.linalg.norm(yc)
q, _ = scipy.linalg.orthogonal_procrustes(b, a)
golden["procrustes"] = np.linalg.norm(a - b @ q)

cxx, cyy, cxy = xc.T @ xc, yc.T @ yc, xc.T @ yc
golden["cca"] = np.sqrt(np.sort(scipy.linalg.eigvals(np.linalg.solve(cxx, cxy) @ np.linalg.solve(cyy, cxy.T)).real)[::-1]).tolist()


def reduced(z, part):
    u, s, _ = np.linalg.svd(z, full_matrices=False)
    k = int(np.searchsorted(np.cumsum(s**2) / np.sum(s**2), part)) + 1
    return u[:, :k] * s[:k]


xr, yr = reduced(xc, 0.9), reduced(yc, 0.9)
qx, qy = np.linalg.qr(xr)[0], np.linalg.qr(yr)[0]
golden["svcca90"] = np.linalg.svd(qx.T @ qy, compute_uv=False).mean()


# Dynamics: two networks of six units driven by the same made noise.
def states(salt):
    w = 1.2 * made(6, 6, salt)
    drive = made(5 * 40, 6, 99).reshape(5, 40, 6)
    out = np.zeros((5, 40, 6))
    for trial in range(5):
        hidden = np.zeros(6)
        for t in range(40):
            hidden = np.tanh(w @ hidden + drive[trial, t])
            out[trial, t] = hidden
    return out


def fit(trials, delays, rank, ridge=1e-8):
    steps = trials.shape[1] - delays + 1
    embedded = np.concatenate([trials[:, delays - 1 - d : delays - 1 - d + steps] for d in range(delays)], axis=2)
    u = np.linalg.svd(embedded.reshape(-1, embedded.shape[2]), full_matrices=False)[0][:, :rank].reshape(len(trials), steps, rank)
    before, after = u[:, :-1].reshape(-1, rank), u[:, 1:].reshape(-1, rank)
    return np.linalg.solve(before.T @ before + ridge * np.eye(rank), before.T @ after).T


def least(a, b, starts=60):
    r, rng = len(a), np.random.default_rng(0)
    upper = np.triu_indices(r, 1)
    best = np.inf
    for start in range(starts):
        base = np.linalg.qr(rng.normal(size=(r, r)))[0]
        if (np.linalg.det(base) < 0) != bool(start % 2):
            base[0] *= -1

        def distance(p):
            k = np.zeros((r, r))
            k[upper] = p
            c = scipy.linalg.expm(k - k.T) @ base
            return np.sum((a - c @ b @ c.T) ** 2)

        best = min(best, minimize(distance, np.zeros(len(upper[0])), method="BFGS", options={"gtol": 1e-9}).fun)
    return np.sqrt(best)


golden["dsa"] = []
for delays, rank in [(1, 4), (3, 4), (2, 6)]:
    maps, tool = [], []
    for salt in (5, 8):
        maps.append(fit(states(salt), delays, rank))
        model = DMD(states(salt), n_delays=delays, rank=rank, lamb=1e-8)
        model.fit()
        tool.append(model.A_v)
        assert np.allclose(np.abs(tool[-1].numpy()), np.abs(maps[-1]), atol=1e-5), "the tool fits another map"
    torch.manual_seed(0)
    angle = SimilarityTransformDist(iters=1000, score_method="angular").fit_score(tool[0].float(), tool[1].float())
    golden["dsa"].append({
        "delays": delays, "rank": rank, "sizes": [np.abs(m).tolist() for m in maps], "eigenvalues": [np.sort(np.abs(np.linalg.eigvals(m))).tolist() for m in maps],
        "least": least(*maps), "tool": float(angle),
    })

# Weights: SciPy's FAQ from the barycentre and, better, 2-opt of the best of 100 of its random starts.
a, b = made(24, 24, 3), made(24, 24, 4)
norm = np.sum(a * a) + np.sum(b * b)
faq = quadratic_assignment(a, b, "faq", options={"maximize": True})
golden["faq"] = np.sqrt(norm - 2 * faq.fun)
best = 0
for seed in range(100):
    start = quadratic_assignment(a, b, "faq", options={"maximize": True, "P0": "randomized", "rng": np.random.default_rng(seed)})
    fixed = np.column_stack([np.arange(24), start.col_ind])
    best = max(best, quadratic_assignment(a, b, "2opt", options={"maximize": True, "partial_guess": fixed, "rng": np.random.default_rng(seed)}).fun)
golden["best of 100"] = np.sqrt(norm - 2 * best)

json.dump(golden, sys.stdout, indent=1)
