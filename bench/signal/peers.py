"""The other side of bench/signal: reads "work peer" lines, does the work once, and answers with its seconds as JSON."""
import importlib, json, sys, time, warnings

warnings.simplefilter("ignore")
directory, part = sys.argv[1], int(sys.argv[2])
versions = {}
for name, module in dict(scipy="scipy", mne="mne", sklearn="sklearn", picard="picard").items():
    try:
        versions[name] = importlib.import_module(module).__version__
    except ImportError:
        versions[name] = ""
if versions["mne"] and not versions["sklearn"]:
    versions["mne"] = ""  # its CSP needs scikit-learn
print(json.dumps(versions), flush=True)
answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is not an answer

import numpy as np
if versions["mne"]:
    import mne
    mne.set_log_level("ERROR")

kept = {}
def data(name, make):
    """Only the newest data are kept."""
    if name not in kept:
        kept.clear()
        kept[name] = make()
    return kept[name]

hour, ten_minutes = 3600 * 500 // part, 600 * 250 // part
def long_noise(): return data("long", lambda: np.random.default_rng(1).standard_normal((64, hour)))
def noise(): return data("noise", lambda: np.random.default_rng(1).standard_normal((64, ten_minutes)))
def mixture(): return data("mixture", lambda: np.fromfile(directory + "/mixture").reshape(64, -1))

def whitened():
    x = mixture()
    x = x - x.mean(1, keepdims=True)
    values, vectors = np.linalg.eigh(x @ x.T / x.shape[1])
    return (vectors / np.sqrt(values)).T @ x

def butterworth_scipy():
    from scipy import signal
    x, sos = long_noise(), signal.butter(4, [8, 30], "bandpass", fs=500, output="sos")
    t = time.perf_counter()
    signal.sosfiltfilt(sos, x)
    return time.perf_counter() - t, ""

def fir_mne():
    x = long_noise()
    t = time.perf_counter()
    mne.filter.filter_data(x, 500, 8, 30, copy=False)
    return time.perf_counter() - t, ""

def infomax_mne(extended=False):
    x = mixture()
    t = time.perf_counter()
    _, made = mne.preprocessing.infomax(whitened().T, extended=extended, max_iter=5, w_change=1e-300, n_small_angle=None, random_state=0, return_n_iter=True)
    return time.perf_counter() - t, f"{made} passes"

def extended_mne(): return infomax_mne(True)

def converged_mne():
    x = mixture()
    t = time.perf_counter()
    _, made = mne.preprocessing.infomax(whitened().T, extended=True, random_state=0, return_n_iter=True)
    return time.perf_counter() - t, f"{made} passes"

def converged_picard():
    import picard
    x = mixture()
    t = time.perf_counter()
    out = picard.picard(x, ortho=False, extended=True, random_state=0, return_n_iter=True, max_iter=500)
    return time.perf_counter() - t, f"{out[-1]} passes"

def fastica_sklearn():
    from sklearn.decomposition import FastICA
    x = mixture()
    t = time.perf_counter()
    f = FastICA(whiten="unit-variance", random_state=0, tol=1e-4, max_iter=200).fit(x.T)
    return time.perf_counter() - t, f"{f.n_iter_} passes"

def fastica_picard():
    import picard
    x = mixture()
    t = time.perf_counter()
    out = picard.picard(x, ortho=True, extended=True, random_state=0, return_n_iter=True, max_iter=200)
    return time.perf_counter() - t, f"{out[-1]} passes"

def decode_mne():
    from mne.decoding import CSP
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    kept.clear()
    seconds, scores = 0.0, []
    events = np.array([[i * 1125, 0, 1 + i % 2] for i in range(288)])
    for subject in range(max(1, 20 // part)):
        raw = mne.io.RawArray(np.fromfile(f"{directory}/subject{subject}").reshape(22, -1), mne.create_info(22, 250.0, "eeg"))
        t = time.perf_counter()
        epochs = mne.Epochs(raw, events, tmin=0, tmax=4 - 1 / 250, baseline=None, preload=True)
        decoder = make_pipeline(CSP(n_components=6), LinearDiscriminantAnalysis())
        x, y = epochs.get_data(copy=False), epochs.events[:, 2]
        scores.append(cross_val_score(decoder, x, y, cv=KFold(10)).mean())
        seconds += time.perf_counter() - t
    return seconds, f"accuracy {np.mean(scores):.3f}"

def welch_scipy():
    from scipy import signal
    x = noise()
    t = time.perf_counter()
    signal.welch(x, 250, nperseg=1024)
    return time.perf_counter() - t, ""

def morlet_mne():
    x = noise()[None, :8]
    t = time.perf_counter()
    mne.time_frequency.tfr_array_morlet(x, 250, [4, 6, 8, 10, 13, 16, 20, 25, 32, 40], n_cycles=7.0, zero_mean=True, output="complex")
    return time.perf_counter() - t, ""

def resample_scipy():
    from scipy import signal
    x = noise()
    t = time.perf_counter()
    signal.resample_poly(x, 16, 25, axis=1)
    return time.perf_counter() - t, ""

try:
    from threadpoolctl import threadpool_limits
except ImportError:
    from contextlib import nullcontext
    def threadpool_limits(limits=None): return nullcontext()

turns = {}
for line in sys.stdin:
    work, peer = line.split()
    turns[line] = turns.get(line, 0) + 1
    try:
        with threadpool_limits(limits=1 if turns[line] % 2 == 1 else None):
            seconds, remark = globals()[f"{work}_{peer}"]()
        answer = dict(seconds=seconds, remark=remark, error="")
    except Exception as error:
        answer = dict(seconds=0, remark="", error=f"{type(error).__name__}: {error}")
    print(json.dumps(answer), file=answers, flush=True)
