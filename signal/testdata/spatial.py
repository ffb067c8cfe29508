"""Writes spatial.json: what pyRiemann and SciPy compute, for the tests of xDAWN and of filter-bank CSP in package signal.

Made with pyriemann 0.12, scipy 1.17.1 and numpy 2.4.6: python spatial.py > spatial.json
"""
import json
import numpy as np, pyriemann, scipy
from pyriemann.spatialfilters import Xdawn
from scipy.stats import gaussian_kde

def r(a, digits=11):
    return np.round(np.asarray(a, float), digits).tolist()

rng = np.random.default_rng(4)
labels = np.array([0, 1] * 7)
trials = rng.standard_normal((14, 4, 25))
trials[labels == 1] += np.outer([1, -0.5, 2, 0], np.exp(-((np.arange(25) - 12) / 3.0) ** 2))
trials = trials.round(4)
x = Xdawn(nfilter=2).fit(trials, labels)

information = []
for shift, n in [(0.0, 20), (1.0, 30), (4.0, 15)]:
    y = rng.integers(0, 2, n)
    y[:4] = 0, 1, 0, 1
    f = (rng.standard_normal(n) * (1 + y) + shift * y).round(6)
    prior = np.array([(y == k).mean() for k in (0, 1)])
    joint = np.array([prior[k] * gaussian_kde(f[y == k], "silverman")(f) for k in (0, 1)])
    p = joint / joint.sum(0)
    information.append(dict(feature=r(f), labels=y.tolist(), bits=float(-(prior * np.log2(prior)).sum() + (p * np.log2(p)).sum() / n)))
print(json.dumps(dict(note="made by spatial.py", pyriemann=pyriemann.__version__, scipy=scipy.__version__, trials=r(trials), labels=labels.tolist(),
                      filters=r(x.filters_), patterns=r(x.patterns_), evoked=r(x.evokeds_), information=information)))
