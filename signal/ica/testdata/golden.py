"""Writes golden.json: what MNE-Python and scikit-learn compute, for the tests of package ica.

Made with mne 1.13.2, scikit-learn 1.9.1 and numpy 2.4.6: python golden.py > golden.json
"""
import json, warnings
import mne, numpy as np, sklearn
from mne.preprocessing import infomax_ as module
from mne.preprocessing.bads import _find_outliers
from sklearn.decomposition import FastICA

warnings.simplefilter("ignore")
mne.set_log_level("ERROR")

def r(a, digits=12):
    return np.round(np.asarray(a, float), digits).tolist()

rng = np.random.default_rng(9)
samples = 500
sources = np.array([rng.laplace(size=samples), rng.uniform(-1, 1, samples), rng.laplace(size=samples), rng.standard_t(4, samples), np.sin(np.arange(samples) / 3)])
x = (rng.standard_normal((5, 5)) @ sources).round(5)
x = x - x.mean(1, keepdims=True)
u, s, v = np.linalg.svd(x, full_matrices=False)
white = (v * np.sqrt(samples)).round(9)

passes = [0]
def shuffle(n, rng):  # a permutation that can be written down: 500 and 7919 have no common divisor
    passes[0] += 1
    return (7919 * np.arange(n) + 31 * passes[0]) % n
module._random_permutation = shuffle

runs = []
for extended, kw in [(False, {}), (True, {}), (False, dict(l_rate=0.02)), (True, dict(l_rate=0.02))]:
    for iterations in (1, 4, 60):
        passes[0] = 0
        w, made = module.infomax(white.T.copy(), extended=extended, max_iter=iterations, random_state=0, return_n_iter=True, n_small_angle=20, **kw)
        runs.append(dict(extended=extended, rate=kw.get("l_rate", 0), iterations=iterations, made=made, weights=r(w)))

start = rng.standard_normal((5, 5)).round(6)
fast = []
for iterations in (1, 3, 200):
    f = FastICA(whiten=False, w_init=start, max_iter=iterations, tol=1e-4, fun="logcosh").fit(white.T.copy())
    fast.append(dict(iterations=iterations, made=int(f.n_iter_), weights=r(f.components_)))

scores = rng.standard_normal(30).round(5)
scores[[3, 17]] = 9, -5
print(json.dumps(dict(note="made by golden.py", mne=mne.__version__, sklearn=sklearn.__version__, white=r(white), runs=runs, start=r(start), fast=fast,
                      scores=r(scores), outliers=[int(i) for i in _find_outliers(scores, 3.0)])))
