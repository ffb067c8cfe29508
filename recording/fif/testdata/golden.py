"""Makes made-*.fif and golden.json: what MNE-Python reads out of FIF files.

    GYRUS_DATA=/path/to/data python golden.py

Values in golden.json were made with MNE-Python 1.13.2. Hashes are SHA-256 of little-endian bytes.
"""
import hashlib
import html
import json
import os
import pathlib
import struct
import warnings

import mne
import numpy as np
from mne._fiff.proj import make_projector

mne.set_log_level("ERROR")
warnings.simplefilter("ignore")
HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(os.environ["GYRUS_DATA"])


def sha(x, dtype):
    return hashlib.sha256(np.ascontiguousarray(x, dtype).tobytes()).hexdigest()[:16]


def make_raw():
    rng = np.random.default_rng(1)
    names = ["MEG 0113", "MEG 0112", "MEG 0111", "EEG 001", "EEG with a long name: x", "EOG 061", "STI 014", "MISC 1"]
    types = ["grad", "grad", "mag", "eeg", "eeg", "eog", "stim", "misc"]
    info = mne.create_info(names, 250.0, types)
    for i, c in enumerate(info["chs"]):
        if types[i] in ("grad", "mag"):
            q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
            c["loc"] = np.concatenate([rng.normal(size=3) * 0.1, q.ravel()]).astype("f4").astype(float)
        elif types[i] == "eeg":
            c["loc"] = np.concatenate([rng.normal(size=3) * 0.1, np.zeros(9)]).astype("f4").astype(float)
    n = 130
    data = rng.normal(size=(len(names), n)) * np.array([1e-11, 1e-11, 1e-12, 1e-5, 1e-5, 1e-4, 1, 1])[:, None]
    stim = np.zeros(n)
    stim[3:9] = 1
    stim[9:12] = 3   # rises without a fall
    stim[12:20] = 2  # falls to another value: no onset
    stim[40:41] = 70
    stim[125:] = 9   # never ends
    data[6] = stim
    for c, cal in zip(info["chs"], [1e-14, 1e-14, 1e-15, 1e-8, 1e-8, 1e-7, 1, 1e-3]):
        c["cal"] = cal  # so that integers hold the samples
    raw = mne.io.RawArray(data, info, first_samp=1000)
    with raw.info._unlock():
        raw.info["dev_head_t"] = mne.transforms.Transform("meg", "head", mne.transforms.translation(0.001, -0.02, 0.04) @ mne.transforms.rotation(0.1, 0.2, -0.3))
        raw.info["line_freq"] = 50.0
        raw.info["highpass"] = 0.5
        raw.info["description"] = "made for a test"
        raw.info["experimenter"] = "nobody"
    raw.set_meas_date(1500000000.25)
    montage = mne.channels.make_dig_montage(nasion=[0, 0.1, 0], lpa=[-0.08, 0, 0], rpa=[0.08, 0, 0], hsp=rng.normal(size=(4, 3)) * 0.1, hpi=rng.normal(size=(2, 3)) * 0.1)
    with raw.info._unlock():
        raw.info["dig"] = montage.dig
    raw.info["bads"] = ["EEG with a long name: x"]
    raw.set_annotations(mne.Annotations([4.1, 4.2], [0.04, 0], ["blink: left", "5 € seen"], orig_time=raw.info["meas_date"]))
    v = rng.normal(size=3)
    raw.add_proj(mne.Projection(data=dict(nrow=1, ncol=3, row_names=None, col_names=names[:3], data=(v / np.linalg.norm(v))[None]), active=False, kind=1, desc="MEG pattern", explained_var=None))
    return raw


def tags(content):
    """Splits a FIF file into tags; all of them must follow each other."""
    out, at = [], 0
    while at < len(content):
        kind, form, size, nxt = struct.unpack(">iIii", content[at:at + 16])
        assert nxt in (0, -1)
        out.append((kind, form, content[at + 16:at + 16 + size]))
        at += 16 + size
    return out


def tag(kind, form, data, nxt=0):
    return struct.pack(">iIii", kind, form, len(data), nxt) + data


def join(list_of_tags):
    return b"".join(tag(k, f, d, -1 if i == len(list_of_tags) - 1 else 0) for i, (k, f, d) in enumerate(list_of_tags))


def number(kind, value):
    return (kind, 3, struct.pack(">i", value))


def make_files():
    raw = make_raw()
    for fmt in ("single", "double", "int", "short"):
        raw.save(HERE / f"made-{fmt}_raw.fif", fmt=fmt, buffer_size_sec=0.1, overwrite=True)
    raw.save(HERE / "made-compressed_raw.fif.gz", buffer_size_sec=0.1, overwrite=True)
    content = tags((HERE / "made-short_raw.fif").read_bytes())
    ranged = [(k, f, d[:12] + struct.pack(">f", 2.5) + d[16:] if k == 203 and d[80:87] == b"MEG 011" else d) for k, f, d in content]
    (HERE / "made-packed_raw.fif").write_bytes(join([(k, 16 if k == 300 else f, d) for k, f, d in ranged]))
    content = tags((HERE / "made-single_raw.fif").read_bytes())
    buffers = [i for i, t in enumerate(content) if t[0] == 300]
    # Skips: one buffer before the first, two before the fourth.
    skipped = content[:buffers[3]] + [number(301, 2)] + content[buffers[3]:]
    skipped = skipped[:buffers[0]] + [number(301, 1)] + skipped[buffers[0]:]
    (HERE / "made-skips_raw.fif").write_bytes(join(skipped))
    # Split: the first three buffers in one file, the others in the next.
    half = buffers[3]
    start, end = content[:buffers[0]], content[buffers[-1] + 1:]
    reference = [number(104, 118), number(115, 2), (118, 10, b"made-split-1_raw.fif"), number(117, 1), number(105, 118)]
    first = content[:half] + end[:1] + reference + end[1:]
    (HERE / "made-split_raw.fif").write_bytes(join(first))
    begin = [(k, f, struct.pack(">i", 1000 + 25 * 3) if k == 208 else d) for k, f, d in start]
    (HERE / "made-split-1_raw.fif").write_bytes(join(begin + content[half:]))
    raw.set_annotations(None)
    events = mne.find_events(raw)
    epochs = mne.Epochs(raw, events, dict(left=1, right=70), -0.004, 0.02, baseline=(None, 0), preload=True, proj=False)
    epochs.save(HERE / "made_epo.fif", overwrite=True)
    epochs.save(HERE / "made-double_epo.fif", fmt="double", overwrite=True)
    mne.write_evokeds(HERE / "made_ave.fif", [epochs["left"].average(picks="all"), epochs.standard_error(picks="all")], overwrite=True)


def transform(t):
    return None if t is None else [t["from"], t["to"]] + t["trans"][:3].ravel().tolist()


def info_of(info):
    types = mne.io.RawArray(np.zeros((len(info["ch_names"]), 1)), info).get_channel_types()
    out = dict(
        names=info["ch_names"], types=types, rate=info["sfreq"], highpass=info["highpass"], lowpass=info["lowpass"],
        line=info["line_freq"] or 0, bads=info["bads"], date=info["meas_date"].timestamp() if info["meas_date"] else None,
        description=info["description"] or "", experimenter=info["experimenter"] or "",
        loc=sha(np.nan_to_num([c["loc"] for c in info["chs"]], nan=-1), "<f8"),
        codes=sha([[c["scanno"], c["logno"], c["kind"], c["coil_type"], c["unit"], c["unit_mul"], c["coord_frame"]] for c in info["chs"]], "<i8"),
        cals=sha([[c["range"], c["cal"]] for c in info["chs"]], "<f8"),
        dev_head=transform(info["dev_head_t"]), ctf_head=transform(info["ctf_head_t"]),
        points=[len(info["dig"] or []), sha([[d["kind"], d["ident"], d["coord_frame"]] + d["r"].tolist() for d in info["dig"] or []], "<f8")],
        projectors=[[p["desc"], int(p["kind"]), bool(p["active"]), len(p["data"]["col_names"]), sha(p["data"]["data"], "<f8")] for p in info["projs"]],
    )
    p, n, _ = make_projector(info["projs"], info["ch_names"], info["bads"])
    out["projection"] = [n, (p @ np.sin(np.arange(len(p)))).tolist() if n else None]
    return out


def raw_of(path):
    raw = mne.io.read_raw_fif(path)
    out = dict(kind="raw", info=info_of(raw.info), first=raw.first_samp)
    data = raw.get_data()
    keep = np.ones(data.shape[1], bool)
    gaps = []
    for a in raw.annotations:
        if a["description"] == "BAD_ACQ_SKIP":
            begin = int(round(a["onset"] * raw.info["sfreq"])) - raw.first_samp
            length = int(round(a["duration"] * raw.info["sfreq"]))
            gaps.append([int(keep[:begin].sum()), length])
            keep[begin:begin + length] = False
    out["gaps"] = gaps
    out["frames"] = int(keep.sum())
    out["data"] = sha(data[:, keep].T, "<f4")
    # MNE-Python leaves short XML references as it wrote them; they stand for characters.
    out["annotations"] = [[a["onset"] - raw.first_time, a["duration"], html.unescape(a["description"])] for a in raw.annotations if a["description"] != "BAD_ACQ_SKIP"]
    if "stim" in raw.get_channel_types():
        events = mne.find_events(raw, shortest_event=1)
        out["events"] = sorted([int(s - raw.first_samp), int(a), int(b)] for s, a, b in events)
    if raw.info["projs"]:
        out["projected"] = raw.copy().load_data().apply_proj().get_data()[:, keep].T[[0, -1]].ravel().tolist()
    return out


def evoked_of(path):
    out = dict(kind="evoked", averages=[])
    for e in mne.read_evokeds(path, proj=False):
        out["info"] = info_of(e.info)
        out["averages"].append(dict(comment=e.comment, kind=e.kind, nave=e.nave, times=e.times.tolist()[::max(1, len(e.times) - 1)],
                                    shape=list(e.data.shape), data=sha(e.data, "<f8"), baseline=e.baseline))
    return out


def epochs_of(path):
    e = mne.read_epochs(path, proj=False)
    return dict(kind="epochs", info=info_of(e.info), events=e.events.tolist(), labels=[{v: k for k, v in e.event_id.items()}[c] for c in e.events[:, 2]],
                times=e.times.tolist(), shape=list(e.get_data().shape), data=sha(e.get_data(), "<f8"), baseline=e.baseline)


def trans_of(path):
    return dict(kind="trans", trans=transform(mne.read_trans(path)))


make_files()
golden = {}
for path in sorted(HERE.glob("made*.fif*")) + sorted(DATA.rglob("*.fif*")):
    name = path.name if path.parent == HERE else str(path.relative_to(DATA))
    if name == "made-split-1_raw.fif":
        continue
    if "_epo" in name:
        golden[name] = epochs_of(path)
    elif "ave.fif" in name:
        golden[name] = evoked_of(path)
    elif "trans" in name:
        golden[name] = trans_of(path)
    else:
        golden[name] = raw_of(path)
(HERE / "golden.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, default=lambda x: x.item())}" for k, v in golden.items()) + "\n}\n")
