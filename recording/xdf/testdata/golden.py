"""Makes made-*.xdf and golden.json: what pyxdf reads out of XDF files.

    GYRUS_DATA=/path/to/data python golden.py

Values in golden.json were made with pyxdf 1.17.5. Hashes are SHA-256 of little-endian bytes.
"""
import hashlib
import json
import logging
import os
import pathlib
import struct

import numpy as np
import pyxdf

logging.disable(logging.CRITICAL)
HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(os.environ["GYRUS_DATA"])


def varlen(n, width=None):
    if width is None:
        width = 1 if n < 256 else 4
    return bytes([width]) + n.to_bytes(width, "little")


def chunk(tag, content, width=None):
    body = struct.pack("<H", tag) + content
    return varlen(len(body), width) + body


def header(sid, name, kind, count, rate, fmt, desc=""):
    xml = f'<?xml version="1.0"?><info><name>{name}</name><type>{kind}</type><channel_count>{count}</channel_count><nominal_srate>{rate}</nominal_srate><channel_format>{fmt}</channel_format>{desc}</info>'
    return chunk(2, struct.pack("<I", sid) + xml.encode())


def footer(sid, count):
    return chunk(6, struct.pack("<I", sid) + f"<info><sample_count>{count}</sample_count></info>".encode())


def offset(sid, t, v):
    return chunk(4, struct.pack("<Idd", sid, t, v))


DTYPES = dict(int8="i1", int16="<i2", int32="<i4", int64="<i8", float32="<f4", double64="<f8")


def samples(sid, fmt, stamps, values, width=None):
    body = struct.pack("<I", sid) + varlen(len(stamps), width)
    for t, v in zip(stamps, values):
        body += b"\0" if t is None else b"\x08" + struct.pack("<d", t)
        if fmt == "string":
            for text in v:
                raw = text.encode()
                body += varlen(len(raw)) + raw
        else:
            body += np.asarray(v).astype(DTYPES[fmt]).tobytes()
    return chunk(3, body)


BOUNDARY = chunk(5, bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4"))
EEG = """<desc><channels><channel><label>Cz</label><unit>microvolts</unit><type>EEG</type><location><X>1</X><Y>-2.5</Y><Z>90</Z></location></channel>
<channel><label>HEOG</label><unit>microvolts</unit><type>EOG</type></channel></channels></desc>"""


def formats():
    """All formats of values, stamps given and left out, lengths of all widths."""
    rng = np.random.default_rng(1)
    out = b"XDF:" + chunk(1, b'<?xml version="1.0"?><info><version>1.0</version><datetime>2024-05-06T07:08:09+0200</datetime></info>')
    for sid, fmt in enumerate(DTYPES, 1):
        out += header(sid, fmt, "EEG" if fmt == "int16" else "data", 2, 100 if sid < 6 else 0, fmt, EEG if fmt == "int16" else "")
    out += header(7, "texts", "Markers", 2, 0, "string")
    out += header(8, "codes", "markers", 1, 0, "int32")
    n = 12
    for sid, fmt in enumerate(DTYPES, 1):
        if fmt[:3] == "int":
            info = np.iinfo(DTYPES[fmt])
            values = rng.integers(info.min, info.max, size=(n, 2), endpoint=True)
        else:
            values = rng.normal(size=(n, 2))
        stamps = [None if k % 4 else 50 + 0.01 * k + 1e-4 * rng.normal() for k in range(n)]
        out += samples(sid, fmt, stamps[:5], values[:5], width=8) + BOUNDARY
        out += samples(sid, fmt, stamps[5:], values[5:], width=4)
        out += footer(sid, n)
    out += samples(7, "string", [50.02, 50.05], [["left", "a"], ["right: ü", "x" * 300]]) + footer(7, 2)
    out += samples(8, "int32", [50.03], [[17]]) + footer(8, 1)
    return out


def clocks():
    """A drifting clock with outliers, a clock that is reset, breaks, a stream that may drop frames, and one that ends badly."""
    rng = np.random.default_rng(2)
    out = b"XDF:" + chunk(1, b"<info><version>1.0</version></info>")
    out += header(1, "drifting", "EEG", 1, 10, "float32") + header(2, "reset", "EEG", 1, 10, "int16")
    out += header(3, "dropping", "video", 1, 10, "int16", "<desc><synchronization><can_drop_samples>true</can_drop_samples></synchronization></desc>")
    out += header(4, "late", "EEG", 1, 10, "int8") + header(5, "empty", "EEG", 3, 10, "int8") + header(6, "drifting", "Markers", 1, 0, "string")
    t = 100 + np.arange(300) / 10.02 + rng.normal(size=300) * 2e-3
    t[150:] += 70  # a break
    out += samples(1, "float32", t, rng.normal(size=(300, 1)))
    for k in range(30):
        at = 98 + 4 * k
        out += offset(1, at, -3 + 2e-5 * at + rng.normal() * 2e-5 + (0.02 if k in (7, 20) else 0))
    t2 = np.concatenate([1000 + np.arange(200) / 10, 5 + np.arange(150) / 10]) + rng.normal(size=350) * 1e-3
    out += samples(2, "int16", t2, np.arange(350)[:, None])
    for at in np.arange(1000, 1020, 2.0):
        out += offset(2, at, 1 + rng.normal() * 1e-4)
    for at in np.arange(5, 20, 2.0):
        out += offset(2, at, 1020 + rng.normal() * 1e-4)
    t3 = 10 + np.delete(np.arange(40), [7, 8, 9, 20]) / 10
    out += samples(3, "int16", t3, np.arange(36)[:, None]) + offset(3, 11, 0.5)
    out += samples(4, "int8", 10 + np.arange(21) / 10, np.arange(21)[:, None])
    for at in (10, 12, 14, 16):
        out += offset(4, at, 0.25 + 1e-4 * (at % 3))
    out += offset(4, 500, 400.0) + footer(4, 20) + footer(5, 0)
    out += samples(6, "string", [100.5, 175.25], [["go"], ["stop"]])
    return out


def damaged():
    """The first file with one chunk spoilt, to be read with Recover."""
    out = bytearray(formats())
    first = out.index(b"int32</channel_format>")
    at = out.index(bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4"), first)  # behind the first chunk of int8
    out[at + 16] = 77  # the length of the next chunk's length
    return bytes(out)


def sha(x):
    x = np.ascontiguousarray(x)
    return hashlib.sha256(x.astype(x.dtype.newbyteorder("<")).tobytes()).hexdigest()[:16]


def stream(s):
    info = s["info"]
    text = info["channel_format"][0] == "string"
    stamps = s["time_stamps"]
    few = sorted({*range(min(3, len(stamps))), *range(0, len(stamps), max(1, len(stamps) // 40)), *range(max(0, len(stamps) - 3), len(stamps))})
    return dict(
        id=info["stream_id"], name=info["name"][0], format=info["channel_format"][0], channels=int(info["channel_count"][0]),
        rate=float(info["nominal_srate"][0]), effective=float(info["effective_srate"]), samples=len(stamps),
        stamps=[[k, float(stamps[k])] for k in few],
        segments=[[a, b + 1] for a, b in info["segments"]], clock=[[a, b + 1] for a, b in info["clock_segments"]],
        values=None if text else sha(s["time_series"]), texts=s["time_series"][:20] if text else None)


(HERE / "made-formats.xdf").write_bytes(formats())
(HERE / "made-clocks.xdf").write_bytes(clocks())
(HERE / "made-damaged.xdf").write_bytes(damaged())
golden = {}
for path in sorted(HERE.glob("made*.xdf")) + sorted(DATA.rglob("*.xdf")):
    name = path.name if path.parent == HERE else str(path.relative_to(DATA))
    golden[name] = dict(synchronised=[stream(s) for s in pyxdf.load_xdf(path)[0]],
                        raw=[stream(s) for s in pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)[0]])
(HERE / "golden.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()) + "\n}\n")
