"""Makes made-*/ and golden.json: what MNE-Python reads out of recordings of 4D Neuroimaging.

    GYRUS_DATA=/path/to/data python golden.py

The made ones are written here by the layout of their files; that MNE-Python 1.13.2 reads them is the check that they are sound.
Hashes are SHA-256 of little-endian bytes.
"""
import hashlib
import json
import os
import pathlib
import shutil
import struct

import mne
import numpy as np

mne.set_log_level("ERROR")
HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(os.environ["GYRUS_DATA"])


def sha(x, dtype):
    return hashlib.sha256(np.ascontiguousarray(x, dtype).tobytes()).hexdigest()[:16]


def text(s, n):
    return s.encode().ljust(n, b"\0")


def pad(b):
    return b + bytes(-len(b) % 8)


def frame(rng):
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    t = np.eye(4)
    t[:3, :3] = q
    t[:3, 3] = rng.normal(size=3) * 0.1
    t[3, :3] = 1  # scales
    return t.astype(">f8").tobytes()


def make(folder, form, dtype):
    rng = np.random.default_rng(1)
    folder = HERE / folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    channels = [("TRIGGER", "TRIGGER", 5), ("RESPONSE", "RESPONSE", 5), ("MxA", "MxA", 3), ("GxxA", "GxxA", 3), ("A1", "A1", 1), ("A2", "A2", 1),
                ("E1", "EEG 1", 2), ("X1", "EOG left", 4), ("UACurrent", "UACurrent", 6), ("D1", "D1", 7), ("S1", "S1", 8)]
    n, frames = len(channels), 60
    gains = rng.uniform(0.5, 2, size=n)
    per_bit = rng.uniform(1e-13, 2e-13, size=n)
    scale = np.ones(n)  # MNE-Python multiplies by other ones twice
    for i in (0, 1):
        gains[i], per_bit[i] = 1, 1
    config = struct.pack(">h32s16shihhffhhh", 2, b"a site", b"host", 1, 0, 50, n, 1.0, 1.0, 1, 3, 0) + bytes(2) + struct.pack(">I32s", 0, b"")
    config += np.diag([1.0, 1, 1, 1]).astype(">f8").tobytes()
    blocks = [("B_weights_used", struct.pack(">iII32s80sII72s", 2, 0, 0, b"", b"", 0, 0, b"")), ("B_E_table_used", struct.pack(">iii16si28s", 2, 0, 0, b"", 0, b"")), ("odd", b"1234567")]
    for kind, content in blocks:
        config = pad(config + struct.pack(">I20si32sII32s", 0, text(kind, 20), 0, b"", 0, len(content), b"")) + content
        config = pad(config)
    for i, (name, _, kind) in enumerate(channels):
        config = pad(config + text(name, 16) + struct.pack(">hHhhff16sdi32s", 10 + i, kind, 0, 0, gains[i], per_bit[i], b"", 0, 0, b""))
        device = struct.pack(">ii32s", 0, 0, b"")
        if kind in (1, 3):
            config += device + struct.pack(">f4s", 0, b"") + frame(rng) + struct.pack(">hhi32s", 0, 2, 0, b"") + bytes(104 * 2)
        elif kind == 2:
            config += device + bytes(8) + frame(rng) + bytes(32)
        else:
            config += device + bytes({5: 38, 8: 32}.get(kind, 36))
        config = pad(config)
    (folder / "config").write_bytes(config)
    data = rng.integers(-30000, 30000, size=(frames, n)).astype(dtype)
    data[:, 0] = 0
    data[10:20, 0] = 4
    data[30:35, 0] = 2
    data[35:40, 0] = 8
    samples = data.tobytes()
    samples += bytes(-len(samples) % 8)
    header = struct.pack(">h5sxhhiiiif16sih2xiihhi20x", 1, b"S", form, 1, 2, 2, 1, 1, 1 / 512, b"", 2, n, 0, 0, 0, 0, 0)
    header = pad(header)
    for length in (40, 20):
        header += struct.pack(">ifffiii28x", length, length / 512, 0, 0, 0, 0, 0)
    for i, (_, label, _) in enumerate(channels):
        header += text(label, 16) + struct.pack(">hhf16sh6xddii4sf24x", 10 + i, 0, scale[i], b"", 0, 0, 0, i, 0, b"", 0)
    header = pad(header + struct.pack(">16sfffhi32x", b"Trigger", 0, 0, 1, 1, 0))
    process = lambda kind, steps: pad(struct.pack(">i20si32si256si32x", 0, text(kind, 20), 0, b"", 1500000000, b"", len(steps))) + b"".join(pad(s) for s in steps)
    step = lambda kind, rest: struct.pack(">i20si", 0, text(kind, 20), 0) + rest
    header += process("B_file_create", [step("BTi_defaults", bytes(56)), step("other", struct.pack(">i32x", 5) + bytes(5))])
    header += process("B_sw_filt", [step("b_filt_hp", struct.pack(">f32x", 0.5)), step("b_filt_lp", struct.pack(">f32x", 100.0))])
    (folder / "c,rfDC").write_bytes(samples + pad(header) + struct.pack(">q", len(samples)))
    points = rng.normal(size=(5 + 7, 3)) * 0.1
    (folder / "hs_file").write_bytes(struct.pack(">iiii", 1, 0, 0, 7) + points.astype(">f8").tobytes())


def read(path):
    raw = mne.io.read_raw_bti(path, rename_channels=False, convert=False)
    info = raw.info
    extra = raw._raw_extras[0]
    by_place = sorted(range(len(raw.ch_names)), key=lambda i: extra["chs"][i]["index"])
    hs = mne.io.bti.bti._read_head_shape(str(path.parent / "hs_file"))
    events = mne.find_events(raw, stim_channel="TRIGGER", shortest_event=1)
    loc = np.array([np.nan_to_num(info["chs"][i]["loc"]) * (raw.get_channel_types()[i] in ("mag", "ref_meg")) for i in by_place])
    return dict(names=[raw.ch_names[i] for i in by_place], rate=info["sfreq"], frames=len(raw.times), date=info["meas_date"].timestamp(),
                types=[raw.get_channel_types()[i] for i in by_place], loc=loc[:8].tolist(), loc_sum=float(np.abs(loc).sum()),
                data=sha(raw.get_data()[by_place].T, "<f4"), events=[[int(a), int(c)] for a, _, c in events],
                nasion=hs[0].tolist(), left=hs[1].tolist(), right=hs[2].tolist(), points=[len(hs[4]), float(np.abs(hs[4]).sum())],
                highpass=float(info["highpass"]), lowpass=float(info["lowpass"]))


make("made-int16", 1, ">i2")
make("made-float32", 3, ">f4")
make("made-float64", 4, ">f8")
golden = {}
for name in ("made-int16", "made-float32", "made-float64"):
    golden[f"{name}/c,rfDC"] = read(HERE / name / "c,rfDC")
for name in ("c,rfDC", "c,rfDC,fn50,o"):
    golden[f"meg/bti-4dsim/{name}"] = read(DATA / "meg/bti-4dsim" / name)
(HERE / "golden.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()) + "\n}\n")
