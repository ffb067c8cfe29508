"""Writes golden.json: what MNE-Python and autoreject compute, for the tests of package epoch.

Made with mne 1.13.2, autoreject 0.5.1, scikit-learn 1.9.1 and numpy 2.4.6: python golden.py > golden.json
"""
import json
import autoreject, mne, numpy as np
from autoreject.autoreject import _AutoReject, _GlobalAutoReject, _ChannelAutoReject, _interpolate_bad_epochs, _run_local_reject_cv
from functools import partial
from sklearn.model_selection import KFold, cross_val_score

mne.set_log_level("ERROR")

def r(a, digits=9):
    return np.round(np.asarray(a, float), digits).tolist()

rng = np.random.default_rng(5)
fs = 50.0
x = rng.standard_normal((3, 400)).cumsum(1).round(3)
x[1, 120:125] += 30
x[2, 230:300] = 2
types = ["eeg", "eeg", "eog"]
info = mne.create_info(["C3", "C4", "EOG"], fs, types)
raw = mne.io.RawArray(x, info)
onsets = [0.06, 0.94, 1.7, 2.4, 3.52, 4.24, 5.1, 5.56, 6.6, 7.96]
labels = [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]
events = np.array([[int(np.round(o * fs)), 0, l] for o, l in zip(onsets, labels)])
epochs = mne.Epochs(raw, events, dict(a=1, b=2), tmin=-0.1, tmax=0.43, baseline=(-0.1, 0.02), reject=dict(eeg=20), flat=dict(eog=0.1), preload=True)
cut = dict(fs=fs, x=r(x), types=types, onsets=onsets, labels=["a" if l == 1 else "b" for l in labels], tmin=-0.1, tmax=0.43, baseline=[-0.1, 0.02],
           most=20, least=0.1, selection=epochs.selection.tolist(), drop_log=[list(d) for d in epochs.drop_log], times=r(epochs.times),
           first=r(epochs.get_data()[0]), average_b=r(epochs["b"].get_data().mean(0)))

# Eight sensors on a sphere; a few loud trials, and channels that are loud now and then.
directions = rng.standard_normal((8, 3))
directions[:, 2] = np.abs(directions[:, 2])
positions = (0.095 * directions / np.linalg.norm(directions, axis=1, keepdims=True)).round(6)
names = [f"E{i + 1}" for i in range(8)]
data = rng.standard_normal((20, 8, 12)) + np.sin(np.arange(12) / 2)
data[[3, 11]] *= 6
for t, c in [(0, 2), (0, 5), (5, 1), (8, 2), (9, 2), (9, 7), (14, 4), (14, 2), (14, 0), (17, 6), (3, 1)]:
    data[t, c] *= rng.uniform(3, 8)
data = data.round(3)
info = mne.create_info(names, 100.0, "eeg")
info.set_montage(mne.channels.make_dig_montage(dict(zip(names, positions)), nasion=[0, 0.095, 0], lpa=[-0.095, 0, 0], rpa=[0.095, 0, 0], coord_frame="head"))
trials = mne.EpochsArray(data, info)

amplitude = np.ptp(data, axis=2)
limits = np.sort(amplitude.max(1))
whole = [-cross_val_score(_GlobalAutoReject(8, 12, thresh=t), data, cv=KFold(5)).mean() for t in limits]
channel = np.sort(amplitude[:, 2])
single = [-cross_val_score(_ChannelAutoReject(thresh=t), data[:, 2], cv=KFold(10)).mean() for t in channel]

def exhaustive(c):
    candidates = np.sort(amplitude[:, c])
    return candidates[np.argmin([-cross_val_score(_ChannelAutoReject(thresh=t), data[:, c], cv=KFold(10)).mean() for t in candidates])]

found = {n: exhaustive(c) for c, n in enumerate(names)}
consensus = np.linspace(0, 1, 11)
losses = {}
for n in (0, 1, 3):  # one at a time: in a list, autoreject goes on from the channels it has repaired before
    _, loss = _run_local_reject_cv(trials, lambda *a, **k: found, np.arange(8), [n], KFold(10), consensus, None, False)
    losses[n] = [None if np.isinf(v) else v for v in loss.mean(-1)[:, 0]]
local = _AutoReject(1, 0.4, lambda *a, **k: found, picks=np.arange(8), verbose=False).fit(trials)
log = local.get_reject_log(trials)
clean = trials.copy()
_interpolate_bad_epochs(clean, [[names[c] for c in np.where(row == 2)[0]] for row in log.labels], np.arange(8), verbose=False)
clean = clean[~log.bad_epochs]
print(json.dumps(dict(
    note="made by golden.py", mne=mne.__version__, autoreject=autoreject.__version__, cut=cut,
    reject=dict(names=names, positions=r(positions), trials=r(data), limits=r(limits), whole=[None if np.isinf(v) else v for v in whole],
                channel=r(channel), single=r(single, 12), found=[found[n] for n in names], losses=losses, consensus=r(consensus),
                bad=log.bad_epochs.tolist(), labels=log.labels.tolist(), clean=r(clean.get_data())))))
