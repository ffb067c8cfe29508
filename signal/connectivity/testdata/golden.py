"""Writes golden.json: what MNE-Connectivity, SciPy and tensorpac compute, for the tests of package connectivity.

Made with mne-connectivity 0.9.0, scipy 1.17.1, tensorpac 0.6.5 and numpy 2.4.6: python golden.py > golden.json
"""
import json
import mne, mne_connectivity, numpy as np, scipy
from mne_connectivity import spectral_connectivity_epochs
from scipy import signal
from tensorpac.methods import modulation_index

mne.set_log_level("ERROR")

def r(a, digits=10):
    return np.round(np.asarray(a, float), digits).tolist()

rng = np.random.default_rng(6)
fs = 100.0
trials = rng.standard_normal((7, 3, 60))
common = signal.lfilter([1], [1, -1.5, 0.9], rng.standard_normal((7, 64)))
trials[:, 0] += common[:, :60]
trials[:, 1] += common[:, 2:62]
trials = trials.round(4)
indices = (np.array([0, 0, 1]), np.array([1, 2, 2]))
methods = ["coh", "imcoh", "plv", "pli", "wpli"]
estimates = []
for mode, kw in [("multitaper", {}), ("multitaper", dict(mt_bandwidth=6.0))]:
    out = spectral_connectivity_epochs(trials, method=methods, indices=indices, sfreq=fs, mode=mode, fmin=0.1, **kw)
    estimates.append(dict(bandwidth=kw.get("mt_bandwidth", 0), f=r(out[0].freqs), **{m: r(np.abs(o.get_data())) for m, o in zip(methods, out)}))

x = trials.transpose(1, 0, 2).reshape(3, -1)
f, cxy = signal.coherence(x[0], x[1], fs, nperseg=60, noverlap=30)

narrow = signal.sosfiltfilt(signal.butter(3, [8, 13], "bandpass", fs=fs, output="sos"), x)
units = np.exp(1j * np.angle(signal.hilbert(narrow)))
locking = np.abs(units @ units.conj().T) / units.shape[1]

t = np.arange(1200) / 200.0
slow = np.sin(2 * np.pi * 6 * t)
coupled = (slow + (1 + 0.8 * slow) * 0.5 * np.sin(2 * np.pi * 60 * t) + 0.3 * rng.standard_normal(t.size)).round(4)
def part(low, high):
    return signal.hilbert(signal.sosfiltfilt(signal.butter(3, [low, high], "bandpass", fs=200, output="sos"), coupled))
phase, amplitude = np.angle(part(4, 8)), np.abs(part(45, 75))
index = modulation_index(phase[None, None], amplitude[None, None], n_bins=18)
print(json.dumps(dict(note="made by golden.py", mne_connectivity=mne_connectivity.__version__, scipy=scipy.__version__, fs=fs, trials=r(trials), estimates=estimates,
                      coherence=dict(f=r(f), squared=r(cxy)), locking=r(locking), coupled=r(coupled), index=float(np.ravel(index)[0]))))
