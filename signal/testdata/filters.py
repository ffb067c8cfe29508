"""Writes filters.json: what SciPy and MNE-Python compute, for the tests of filters, resampling and montages of package signal.

Made with scipy 1.17.1, mne 1.13.2 and numpy 2.4.6: python filters.py > filters.json
"""
import json
import mne, numpy as np, scipy
from scipy import signal

mne.set_log_level("ERROR")

def r(a, digits=12):
    return np.round(np.asarray(a, float), digits).tolist()

rng = np.random.default_rng(11)
x = r(rng.standard_normal((2, 300)).cumsum(1) * 0.3 + rng.standard_normal((2, 300)) + 5, 6)

notches = []
for f, q, fs in [(50, 30, 250), (60, 5, 1000), (20, 2, 100)]:
    b, a = signal.iirnotch(f, q, fs)
    notches.append(dict(freq=f, quality=q, fs=fs, b=r(b), a=r(a), zero_phase=r(signal.sosfiltfilt(np.r_[b, a][None], x)[0], 9)))

designs = []
for low, high, fs, kw in [
        (8, 30, 100, {}), (None, 40, 250, {}), (4, None, 60, {}), (1, 20, 64, {}), (None, 20, 43, {}),
        (8, 12, 100, dict(fir_window="hann")), (8, 12, 80, dict(fir_window="blackman")), (8, 30, 100, dict(l_trans_bandwidth=4, h_trans_bandwidth=6)),
        (8, 30, 100, dict(filter_length=201)), (10, None, 100, dict(filter_length=200)), (2, 15, 31, dict())]:
    h = mne.filter.create_filter(None, fs, low, high, **kw)
    designs.append(dict(low=low or 0, high=high or 0, stop=[], fs=fs, window=kw.get("fir_window", "hamming"), length=kw.get("filter_length", 0),
                        lowtransition=kw.get("l_trans_bandwidth", 0), hightransition=kw.get("h_trans_bandwidth", 0), taps=r(h),
                        zero_phase=r(mne.filter.filter_data(np.array(x)[1], fs, low, high, **kw), 9) if len(h) < 300 else None))
for stop, fs, kw in [([(30, 60)], 200, {}), ([(10, 20), (40, 58)], 128, {}), ([(9, 14)], 50, dict(l_trans_bandwidth=1, h_trans_bandwidth=1))]:
    lows, highs = np.array(stop, float).T
    h = mne.filter.create_filter(None, fs, highs, lows, **kw)
    designs.append(dict(low=0, high=0, stop=stop, fs=fs, window="hamming", length=0, lowtransition=kw.get("l_trans_bandwidth", 0),
                        hightransition=kw.get("h_trans_bandwidth", 0), taps=r(h),
                        zero_phase=r(mne.filter.filter_data(np.array(x)[1], fs, highs, lows, **kw), 9) if len(h) < 300 else None))

notched = rng.standard_normal((1, 400)).round(6)
line = dict(freqs=[10, 20], fs=50, x=r(notched[0]), y=r(mne.filter.notch_filter(notched.copy(), 50, [10, 20])[0], 9))

windowed = []
for taps, cutoffs, pass_zero, window, fs in [
        (21, [10], True, "hamming", 100), (20, [10], True, ("kaiser", 8.6), 100), (33, [10, 20], False, "blackman", 100),
        (33, [10, 20], True, ("kaiser", 3), 90), (15, [12], False, "hann", 50), (1, [5], True, "hamming", 50), (31, [3, 8, 20], False, ("kaiser", 0.5), 60)]:
    h = signal.firwin(taps, cutoffs, pass_zero=pass_zero, window=window, fs=fs)
    windowed.append(dict(taps=taps, cutoffs=cutoffs, passzero=pass_zero, fs=fs, h=r(h, 15),
                         window=window if isinstance(window, str) else "kaiser", beta=0 if isinstance(window, str) else window[1]))
kaiser = []
for ripple, width, fs in [(65, 24, 1000), (30, 3, 100), (12, 10, 100), (90, 0.5, 250)]:
    n, beta = signal.kaiserord(ripple, width / (fs / 2))
    kaiser.append(dict(ripple=ripple, width=width, fs=fs, taps=int(n), beta=beta))

resampled = []
for up, down in [(1, 2), (2, 1), (3, 2), (25, 16), (4, 5), (2, 4), (1, 7), (7, 1), (125, 64)]:
    for ends in ("constant", "mean", "antireflect"):
        if ends == "constant" or up < 5:
            resampled.append(dict(up=up, down=down, ends=ends, y=r(signal.resample_poly(np.array(x)[:1, :90], up, down, axis=1, padtype=ends)[0], 9)))

names = ["Fz", "C3", "Cz", "C4", "Pz", "Oz", "F7"]
info = mne.create_info(names, 100.0, "eeg")
raw = mne.io.RawArray(rng.standard_normal((7, 20)).round(6), info)
raw.set_montage("standard_1005")
sphere = (0.001, 0.002, 0.01, 0.09)
csd = mne.preprocessing.compute_current_source_density(raw.copy(), sphere=sphere)
bads = raw.copy()
bads.info["bads"] = ["Cz", "F7"]
interpolated = bads.copy().interpolate_bads(reset_bads=False, origin=sphere[:3])
average = bads.copy().set_eeg_reference("average", projection=False)
linked = raw.copy().set_eeg_reference(["C3", "C4"])
bipolar = mne.set_bipolar_reference(raw.copy(), ["Fz", "C3"], ["Cz", "C4"])
montage = dict(names=names, x=r(raw.get_data()), positions=r([c["loc"][:3] for c in raw.info["chs"]]), centre=list(sphere[:3]), radius=sphere[3],
               bad=["Cz", "F7"], csd=r(csd.get_data(), 8), interpolated=r(interpolated.get_data()), average=r(average.get_data()),
               linked=r(linked.get_data()), bipolar=r(bipolar.get_data(["Fz-Cz", "C3-C4"])))

print(json.dumps(dict(
    note="made by filters.py", scipy=scipy.__version__, mne=mne.__version__, x=x, notches=notches, designs=designs, line=line,
    windowed=windowed, kaiser=kaiser, resampled=resampled,
    constant=r(signal.detrend(x, type="constant")[0], 9), linear=r(signal.detrend(x)[0], 9),
    hilbert=[dict(n=n, imag=r(signal.hilbert(np.array(x)[0, :n]).imag, 9)) for n in (120, 225, 67, 134)],
    montage=montage)))
