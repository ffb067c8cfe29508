"""Writes golden.json: what SciPy and scikit-learn compute, for the tests of package signal.

Made with scipy 1.17.1, scikit-learn (version in the file) and numpy 2.4.6: python golden.py > golden.json
"""
import json
import numpy as np, scipy, sklearn
from scipy import signal, linalg
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

def r(a): return np.round(np.asarray(a, float), 12).tolist()

rng = np.random.default_rng(7)
x = r(rng.standard_normal(120))
designs = []
for kind, order, edges, fs in [
    ("lowpass", 1, [30], 250), ("lowpass", 2, [32], 250), ("lowpass", 5, [40], 512), ("lowpass", 8, [0.5], 100),
    ("highpass", 2, [8], 250), ("highpass", 3, [0.5], 100), ("highpass", 1, [4], 250),
    ("bandpass", 1, [8, 32], 250), ("bandpass", 4, [8, 32], 250), ("bandpass", 3, [7, 40], 100), ("bandpass", 2, [0.5, 45], 100),
    ("bandstop", 2, [48, 52], 250), ("bandstop", 3, [45, 49], 100)]:
    sos = signal.butter(order, edges if len(edges) > 1 else edges[0], kind, fs=fs, output="sos")
    f = np.array([0.1, 1, 5, 10, 20, 31, 44])
    _, h = signal.sosfreqz(sos, worN=f, fs=fs)
    designs.append(dict(kind=kind, order=order, edges=edges, fs=fs, sections=len(sos), frequencies=r(f), real=r(h.real), imag=r(h.imag),
                        causal=r(signal.sosfilt(sos, x)), zero_phase=r(signal.sosfiltfilt(sos, x))))

mix = rng.standard_normal((4, 4))
trials = [r(mix @ (rng.standard_normal((4, 40)) * (np.array([2, 1, 1, .5]) if i % 2 else np.array([.7, 1, 1, 1.5]))[:, None])) for i in range(10)]
labels = [i % 2 for i in range(10)]
covs = [np.cov(np.array(t)) for t in trials]
inv = np.real(linalg.fractional_matrix_power(np.mean(covs, 0), -0.5))
k = 3
inv_k = np.real(linalg.fractional_matrix_power(np.mean(covs[:k], 0), -0.5))
cc = [np.mean([covs[i] / np.trace(covs[i]) for i in range(10) if labels[i] == c], 0) for c in (0, 1)]
w, v = linalg.eigh(cc[1], cc[0] + cc[1])

feat = rng.standard_normal((30, 3)) @ rng.standard_normal((3, 3))
y = np.array([0] * 12 + [1] * 18)
feat[y == 1] += [1, -.5, .3]
lda = LinearDiscriminantAnalysis(solver="lsqr").fit(feat, y)
centred = feat - np.array([feat[y == c].mean(0) for c in y])
_, shrink = ledoit_wolf(centred, assume_centered=True)
print(json.dumps(dict(
    note="made by golden.py", scipy=scipy.__version__, sklearn=sklearn.__version__, x=x, designs=designs,
    trials=trials, labels=labels, aligned_first=r(inv @ np.array(trials[0])), online_third=r(inv_k @ np.array(trials[k - 1])),
    csp_values=r(w), csp_top_filter=r(v[:, -1]),
    lda=dict(features=r(feat), labels=y.tolist(), probability_of_1=r(lda.predict_proba(feat)[:, 1]), ledoit_wolf=float(shrink)))))
