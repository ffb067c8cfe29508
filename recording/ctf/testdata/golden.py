"""Makes made.ds and golden.json: what MNE-Python reads out of a data set of CTF.

    python golden.py

There was no small data set of CTF to be had freely, so one is written here by the layout of its files; MNE-Python 1.13.2,
which reads it, is the check that it is one. Hashes are SHA-256 of little-endian bytes.
"""
import hashlib
import json
import pathlib
import shutil
import struct

import mne
import numpy as np

mne.set_log_level("ERROR")
HERE = pathlib.Path(__file__).parent


def sha(x, dtype):
    return hashlib.sha256(np.ascontiguousarray(x, dtype).tobytes()).hexdigest()[:16]


def text(s, n):
    return s.encode().ljust(n, b"\0")


def coil(position, normal):
    return struct.pack(">3dd3ddhihd", *position, 0, *normal, 0, 1, 0, 0, 1.0)


def make():
    rng = np.random.default_rng(1)
    folder = HERE / "made.ds"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    names = ["SCLK01-177", "BG1-606", "G11-606", "P12-606", "MLC11-606", "MRC12-606", "MZC01-606", "EEG001-606", "EEG002-606", "STIM", "UADC001", "MLX00-606"]
    types = [17, 0, 1, 1, 5, 5, 5, 9, 9, 11, 18, 5]
    n, samples, trials, pre = len(names), 50, 3, 10
    head = bytearray(1844)

    def put(at, fmt, *values):
        struct.pack_into(">" + fmt, head, at, *values)

    put(0, "8s", b"MEG42RS\0")
    put(8, "256s256s256s", b"made", b"for", b"a test")
    put(776, "h255s255s", 0, b"10:20:30", b"24-Oct-2007")
    put(1288, "ih", samples, n)
    put(1296, "ddh", 600.0, samples / 600, trials)
    put(1316, "i", pre)
    put(1712, "32s32s", b"S01", b"nobody")
    description = b"a run\0"
    put(1836, "i", len(description))
    body = bytes(head) + description
    body += struct.pack(">hdiih", 2, 150.0, 1, 1, 0) + struct.pack(">diihd", 0.5, 1, 2, 1, 3.0)
    body += b"".join(text(name, 32) for name in names)
    gains = []
    for name, kind in zip(names, types):
        proper, q = (rng.choice([-1, 1]) * rng.uniform(1e9, 2e9), 1048576.0) if kind in (0, 1, 5) else (1.0, 1e6 if kind in (9, 18) else 1.0)
        gains.append((proper, q))
        normal = rng.normal(size=3)
        normal /= np.linalg.norm(normal)
        place = rng.normal(size=3) * 10
        second = place + 5 * normal
        if name == "P12-606":  # off the diagonal: the second coil is across the normal
            second = place + 5 * np.cross(normal, [0.6, 0, 0.8]) / np.linalg.norm(np.cross(normal, [0.6, 0, 0.8]))
        if name == "MLX00-606":
            place, second, normal = np.zeros(3), np.zeros(3), np.zeros(3)
        if name == "MZC01-606":
            normal = np.array([0, 0, 1.0])
        coils = [coil(place, normal), coil(second, -normal)] + [coil(np.zeros(3), np.zeros(3))] * 6
        body += struct.pack(">hhiddddhhi", kind, 0, 0, proper, q, 1.0, 0.0, 2, 3, 0) + b"".join(coils) + b"".join([coil(np.zeros(3), np.zeros(3))] * 8)
    # Coefficients of compensation, which MNE-Python wants to see: one sensor each, first order.
    compensated = [name for name in names if name.startswith("M")]
    body += struct.pack(">h", len(compensated))
    for name in compensated:
        body += text(name, 32) + struct.pack(">iih", 0x47314252, 0, 2) + text("BG1-606", 31) + text("G11-606", 31) + bytes(31 * 48) + struct.pack(">dd", 0.5, -0.25) + bytes(8 * 48)
    (folder / "made.res4").write_bytes(body)
    total = samples * trials
    data = rng.integers(-2**20, 2**20, size=(n, total))
    data[0] = np.arange(total) + 1
    data[9] = 0
    data[9, 20:25] = 4
    data[9, 25:30] = 6
    data[9, 120:] = 3
    blocks = lambda d: b"".join(d[:, i:i + samples].astype(">i4").tobytes() for i in range(0, d.shape[1], samples))
    (folder / "made.meg4").write_bytes(b"MEG41CP\0" + blocks(data[:, :100]))
    data[0, 140:] = 0  # the clock stops
    (folder / "made.1_meg4").write_bytes(b"MEG41CP\0" + blocks(data[:, 100:]))
    points = dict(nasion=(9, 0.5, 0), left=(0, 7, 0), right=(0.2, -7, 0))
    turn = mne.transforms.rotation(0.1, 0.2, 0.3)[:3, :3]
    lines = []
    for kind, frame, f in (("standard", "dewar", lambda p: p), ("measured", "dewar", lambda p: turn.T @ (np.array(p) - [1, 2, -20])), ("measured", "head", lambda p: p)):
        for name, label in (("nasion", "nasion"), ("left", "left ear"), ("right", "right ear")):
            lines += [f"{kind} {label} coil position relative to {frame} (cm):"] + [f"\t{a} = {v:.6f}" for a, v in zip("xyz", f(points[name]))]
    (folder / "made.hc").write_text("\n".join(lines) + "\n")
    (folder / "made.eeg").write_text("1 EEG001-606 1.5 6 9\n2 EEG002-606 -1 2 11.25\n")
    (folder / "BadChannels").write_text("MRC12\n")
    (folder / "bad.segments").write_text("1\t0.01\t0.03\n")
    (folder / "MarkerFile.mrk").write_text("""PATH OF DATASET:
made.ds


NUMBER OF MARKERS:
2


CLASSGROUPID:
3
NAME:
left
COMMENT:

COLOR:
red
NUMBER OF SAMPLES:
2
LIST OF SAMPLES:
TRIAL NUMBER\t\tTIME FROM SYNC POINT (in seconds)
                  +0\t\t\t\t     +0.0105
                  +2\t\t\t\t     -0.005


CLASSGROUPID:
3
NAME:
right button
NUMBER OF SAMPLES:
1
LIST OF SAMPLES:
TRIAL NUMBER\t\tTIME FROM SYNC POINT (in seconds)
                  +1\t\t\t\t     +0


""")


make()
raw = mne.io.read_raw_ctf(HERE / "made.ds")
info = raw.info
golden = dict(names=raw.ch_names, types=raw.get_channel_types(), rate=info["sfreq"], frames=len(raw.times), date=info["meas_date"].timestamp(),
              highpass=info["highpass"], lowpass=info["lowpass"], experimenter=info["experimenter"], bads=info["bads"],
              loc=[np.nan_to_num(c["loc"]).tolist() for c in info["chs"]], data=sha(raw.get_data().T, "<f4"),
              annotations=sorted([a["onset"], a["duration"], a["description"]] for a in raw.annotations),
              events=[[int(a), int(c)] for a, _, c in mne.find_events(raw)])
(HERE / "golden.json").write_text(json.dumps(golden) + "\n")
