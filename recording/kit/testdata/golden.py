"""Makes made.sqd and golden.json: what MNE-Python reads out of recordings of KIT.

    GYRUS_DATA=/path/to/data python golden.py

Values in golden.json were made with MNE-Python 1.13.2. Hashes are SHA-256 of little-endian bytes.
"""
import hashlib
import json
import os
import pathlib
import struct

import mne
import numpy as np
from mne.io.kit import read_mrk

mne.set_log_level("ERROR")
HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(os.environ["GYRUS_DATA"])


def sha(x, dtype):
    return hashlib.sha256(np.ascontiguousarray(x, dtype).tobytes()).hexdigest()[:16]


def make():
    """Twelve channels of all kinds, 40 samples of 32 bits, Kapper electronics, markers."""
    rng = np.random.default_rng(1)
    kinds = [2, 2, 0x101, 0x101, -1, -1, -2, -2, -3, -4, 0, 0]
    n, frames = len(kinds), 40
    parts = {}
    text = lambda s, size: s.encode().ljust(size, b"\0")
    system = struct.pack("<iii", 3, 1, 442) + text("made for a test", 128) + text("model\nM", 128) + struct.pack("<i", n) + text("comment", 256)
    system += struct.pack("<ii", 1500000000, 0) + bytes(12) + struct.pack("<i", 0) + bytes(12) + struct.pack("<i", 120) + bytes(12) + struct.pack("<i", 0) + bytes(12)
    system += struct.pack("<i", 0) + bytes(116) + struct.pack("<diii", 10.0, 0, 32, 18)
    parts[1] = (system, len(system), 1)
    channels = b""
    for i, k in enumerate(kinds):
        if k > 0:
            c = struct.pack("<i5d", k, *(rng.normal(size=3) * 0.1), rng.uniform(0, 180), rng.uniform(0, 360)) + bytes(16) + text("AG%03d" % i if i == 1 else "", 6)
        else:
            size = {-2: 8, 0: 0}.get(k, 32)
            c = struct.pack("<iii", k, i, 0) + text(["", "Cz"][i % 2] if k == -2 else "", size)
            if k in (-2, -3):
                c += bytes(6 if k == -2 else 8) + struct.pack("<d", 1e-3 * (i % 2))
        channels += c.ljust(76, b"\0")
    parts[4] = (channels, 76, n)
    parts[5] = (b"".join(struct.pack("<dd", 0, 1e-9 * (1 + i)) for i in range(n)), 16, n)
    parts[7] = (struct.pack("<I", 1 << 12 | 2 << 28 | 3 << 24 | 2 << 8 | 5 << 16), 4, 1)
    parts[8] = (struct.pack("<idii", 1, 500.0, 0, frames), 100, 1)
    data = rng.integers(-100000, 100000, size=(frames, n))
    data[:, 4:6] = 2**17  # 5 V
    data[5:9, 4] = data[7:9, 5] = data[20:, 5] = 0
    parts[9] = (data.astype("<i4").tobytes(), 4, frames * n)
    marks = struct.pack("<i", 1) + bytes(256) + struct.pack("<i", 5)
    for i in range(5):
        marks += struct.pack("<4i3d3d", 1, 1, 1, 1, 0, 0, 0, *(rng.normal(size=3) * 0.1))
    parts[12] = (marks, len(marks), 1)
    count = 32
    at = count * 16
    directory, body = b"", b""
    for i in range(count):
        content, size, number = parts.get(i, (b"", 0, 0))
        if i == 0:
            directory += struct.pack("<Iiii", 0, 16, count, count)
            continue
        directory += struct.pack("<Iiii", at if content else 0, size, number, number)
        body += content
        at += len(content)
    # The system's description comes first, as in real files.
    (HERE / "made.sqd").write_bytes(directory + body)


def read(path):
    raw = mne.io.read_raw_kit(path)
    n = len(raw.ch_names) - 1
    info = raw.info
    return dict(names=raw.ch_names[:n], types=raw.get_channel_types()[:n], rate=info["sfreq"], frames=len(raw.times), date=info["meas_date"].timestamp(),
                highpass=info["highpass"], lowpass=info["lowpass"], description=info["description"],
                loc=[c["loc"].tolist() for c in info["chs"][:n] if c["loc"].any()][:12], loc_sum=float(sum(np.abs(c["loc"]).sum() for c in info["chs"][:n])),
                data=sha(raw.get_data()[:n].T, "<f4"), events=[[int(a), int(c)] for a, _, c in mne.find_events(raw, shortest_event=1)])


make()
golden = {"made.sqd": read(HERE / "made.sqd"), "meg/kit/test.sqd": read(DATA / "meg/kit/test.sqd")}
golden["made.sqd"]["markers"] = read_mrk(HERE / "made.sqd").tolist()
golden["meg/kit/test.sqd"]["markers"] = None
golden["meg/kit/test_mrk.sqd"] = dict(markers=read_mrk(DATA / "meg/kit/test_mrk.sqd").tolist())
(HERE / "golden.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()) + "\n}\n")
