"""Writes golden.json: what SciPy and MNE-Python compute, for the tests of package spectrum.

Made with scipy 1.17.1, mne 1.13.2 and numpy 2.4.6: python golden.py > golden.json
"""
import json
import mne, numpy as np, scipy
from mne.time_frequency import psd_array_multitaper, tfr_array_morlet
from scipy import signal
from scipy.signal.windows import dpss

mne.set_log_level("ERROR")

def r(a, digits=12):
    # Significant digits: spectra span decades.
    return [float(f"{v:.{digits}g}") for v in np.asarray(a, float).ravel()]

rng = np.random.default_rng(3)
fs = 100.0
t = np.arange(230) / fs
x = (rng.standard_normal((2, 230)).cumsum(1) * 0.2 + np.sin(2 * np.pi * 11 * t) + 0.01 * np.arange(230) + 3).round(4)

welch = []
for kw in [dict(), dict(nperseg=64), dict(nperseg=65, noverlap=10), dict(nperseg=50, window="hamming", detrend="linear"), dict(nperseg=40, average="median"),
           dict(nperseg=33, average="median", detrend=False), dict(nperseg=50, noverlap=0, window="blackman")]:
    n = kw.get("nperseg", 230)
    f, p = signal.welch(x, fs, **({"nperseg": 230} | kw))
    welch.append(dict(segment=kw.get("nperseg", 0), step=n - kw.get("noverlap", n // 2), window=kw.get("window", "hann"), median="average" in kw,
                      trend={"constant": 0, "linear": 1, False: 2}[kw.get("detrend", "constant")], f=r(f), p=r(p)))

tapers = []
for n, nw, k, periodic in [(50, 4, 7, True), (51, 2.5, 5, False), (16, 3, 8, False), (4, 1, 2, False), (400, 4, 3, True)]:
    w, ratios = dpss(n, nw, k, sym=not periodic, return_ratios=True)
    tapers.append(dict(n=n, nw=nw, periodic=periodic, tapers=[r(v[::max(1, n // 50)], 11) for v in w], ratios=r(ratios)))

multitaper = []
for kw in [dict(), dict(bandwidth=8.0), dict(bandwidth=0.9), dict(adaptive=True), dict(bandwidth=5.0, adaptive=True)]:
    for n in (230, 201):
        p, f = psd_array_multitaper(x[:, :n], fs, normalization="full", **kw)
        multitaper.append(dict(n=n, bandwidth=kw.get("bandwidth", 0), adaptive=kw.get("adaptive", False), f=r(f), p=r(p)))

stft = []
for kw in [dict(), dict(nperseg=64), dict(nperseg=31, noverlap=20), dict(nperseg=50, noverlap=40, window="hamming")]:
    n = kw.get("nperseg", 230)
    f, times, z = signal.stft(x[0], fs, **({"nperseg": 230} | kw))
    stft.append(dict(segment=kw.get("nperseg", 0), step=n - kw.get("noverlap", n // 2), window=kw.get("window", "hann"), f=r(f), t=r(times),
                     real=r(z.real[::5], 10), imag=r(z.imag[::5], 10)))

freqs = [8.0, 11.0, 25.5]
morlet = []
for cycles in ([7.0], [3.0, 4.0, 10.0]):
    z = tfr_array_morlet(x[None, :1], fs, freqs, n_cycles=cycles if len(cycles) > 1 else cycles[0], zero_mean=True, output="complex")[0, 0]
    morlet.append(dict(freqs=freqs, cycles=cycles, real=r(z.real[:, ::9], 11), imag=r(z.imag[:, ::9], 11)))

print(json.dumps(dict(note="made by golden.py", scipy=scipy.__version__, mne=mne.__version__, fs=fs, x=[r(row) for row in x], welch=welch, tapers=tapers,
                      multitaper=multitaper, stft=stft, morlet=morlet)))
