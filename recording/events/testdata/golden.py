"""Makes made-* and golden.json: what other readers get out of recordings of event cameras.

    GYRUS_DATA=/path/to/data python golden.py

AEDAT 4 files are written with dv-processing 2.0.4 and read with aedat 2.3.0; AEDAT 2.0 and 3.1 and N-MNIST files are read
with tonic 1.7.0. Hashes are SHA-256 of little-endian bytes.
"""
import hashlib
import json
import os
import pathlib
import struct

import aedat
import dv_processing as dv
import numpy as np
import tonic.io

HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(os.environ["GYRUS_DATA"])


def sha(x, dtype):
    return hashlib.sha256(np.ascontiguousarray(x, dtype).tobytes()).hexdigest()[:16]


def events(e, p):
    return dict(count=len(e), x=sha(e["x"], "<u2"), y=sha(e["y"], "<u2"), t=sha(e["t"], "<i8"), p=sha(e[p], "u1"), first=[int(e[k][0]) for k in ("x", "y", p, "t")])


def make_aedat4(rng):
    for name in ("NONE", "LZ4", "LZ4_HIGH", "ZSTD", "ZSTD_HIGH"):
        path = HERE / f"made-{name.lower()}.aedat4"
        path.unlink(missing_ok=True)
        config = dv.io.MonoCameraWriter.Config("made", getattr(dv.CompressionType, name))
        config.addEventStream((64, 48))
        config.addFrameStream((64, 48))
        config.addTriggerStream()
        writer = dv.io.MonoCameraWriter(str(path), config)
        t = 1700000000000000
        for _ in range(3):
            store = dv.EventStore()
            for _ in range(100):
                t += int(rng.integers(0, 90))
                store.push_back(t, int(rng.integers(64)), int(rng.integers(48)), bool(rng.integers(2)))
            writer.writeEvents(store)
            writer.writeTrigger(dv.Trigger(t - 100, dv.TriggerType.EXTERNAL_SIGNAL_RISING_EDGE))
        writer.writeFrame(dv.Frame(t, np.zeros((48, 64), np.uint8)))
        del writer


def make_old(rng):
    n = 200
    t = np.cumsum(rng.integers(0, 50, n)) + 1000
    x, y, p = rng.integers(0, 346, n), rng.integers(0, 260, n), rng.integers(0, 2, n)
    address = (y << 22) | (x << 12) | (p << 11)
    head = b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n# AEChip: eu.seebetter.ini.chips.davis.Davis346blue\r\n# Creation time: System.currentTimeMillis() 1600000000000\r\n"
    (HERE / "made-davis346.aedat").write_bytes(head + np.stack([address, t], 1).astype(">u4").tobytes())
    # With a frame word, an IMU word and an external event in between, and a clock that wraps.
    words = [(0x80000005, 1, 10), (0x80000C00, 1, 20), (0x400, 1, 30)]
    mixed = [(int(a), int(b)) for a, b in zip(address[:6], t[:6])]
    mixed[2:2] = [(w, 1000) for w, _, _ in words]
    mixed += [(int(address[6]), 0x7FFFFFFF), (int(address[7]), 0x80000005 - 2**31)]
    (HERE / "made-mixed.aedat").write_bytes(head + b"".join(struct.pack(">II", a, b) for a, b in mixed))
    x, y = rng.integers(0, 128, n), rng.integers(0, 128, n)
    packets = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2016-05-04 13:12:11 (TZ+0200)\r\n#!END-HEADER\r\n"
    for part in np.array_split(np.arange(n), 3):
        data = (x[part] << 17) | (y[part] << 2) | (p[part] << 1) | 1
        packets += struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, len(part), len(part), len(part)) + np.stack([data, t[part]], 1).astype("<u4").tobytes()
    (HERE / "made-raw31.aedat").write_bytes(packets)
    # The same with special events, an invalid one, an overflow of the clock, and packets of other kinds.
    more = packets + struct.pack("<hhiiiiii", 0, 1, 8, 4, 0, 2, 2, 2) + struct.pack("<IiIi", (2 << 1) | 1, 5000, (3 << 1) | 1, 5100)
    more += struct.pack("<hhiiiiii", 3, 1, 36, 8, 0, 1, 1, 1) + bytes(36)
    more += struct.pack("<hhiiiiii", 1, 1, 8, 4, 1, 2, 2, 1) + struct.pack("<IiIi", (7 << 17) | (9 << 2) | 3, 6, (8 << 17) | 2, 7)
    (HERE / "made-more31.aedat").write_bytes(more)
    x, y, t = rng.integers(0, 34, 50), rng.integers(0, 34, 50), np.cumsum(rng.integers(0, 3000, 50))
    y[20] = 240  # the clock overflows
    rows = np.stack([x, y, (p[:50] << 7) | (t >> 16), (t >> 8) & 255, t & 255], 1).astype("u1")
    (HERE / "made.bs2").write_bytes(rows.tobytes())


make_aedat4(np.random.default_rng(1))
make_old(np.random.default_rng(2))
golden = {}
for path in sorted(HERE.glob("*.aedat4")):
    decoder = aedat.Decoder(str(path))
    packets = [p for p in decoder]
    e = np.concatenate([p["events"] for p in packets if "events" in p])
    golden[path.name] = events(e, "on") | dict(size=[64, 48], triggers=[int(t["t"]) for p in packets if "triggers" in p for t in p["triggers"]])
golden["made-davis346.aedat"] = events(tonic.io.read_davis_346(str(HERE / "made-davis346.aedat"))[2], "p") | dict(size=[346, 260])


def raw31(name):
    version, start, _ = tonic.io.read_aedat_header_from_file(str(HERE / name))
    raw = tonic.io.get_aer_events_from_file(str(HERE / name), version, start)
    a = raw["address"]
    return tonic.io.make_structured_array(a >> 17, (a >> 2) & 0x7FFF, raw["timeStamp"], (a >> 1) & 1)


golden["made-raw31.aedat"] = events(raw31("made-raw31.aedat"), "p") | dict(size=[128, 128])
kind = np.dtype([("x", "i4"), ("y", "i4"), ("t", "i8"), ("p", "i4")])
for path in [HERE / "made.bs2"] + sorted(DATA.glob("events/nmnist-small/*.bs2"))[:80]:
    name = path.name if path.parent == HERE else str(path.relative_to(DATA))
    golden[name] = events(tonic.io.read_mnist_file(str(path), kind), "p") | dict(size=[34, 34])
# The DAVIS recording: tonic knows its words only for another size of sensor, so they are told apart here by the same bits.
path = DATA / "events/dvs-jaer/IMU_translBoxes.aedat"
content = path.read_bytes()
at = 0
while content[at:at + 1] == b"#":
    at = content.index(b"\n", at) + 1
words = np.frombuffer(content[at:], ">u4").reshape(-1, 2)
a = words[:, 0][(words[:, 0] >> 31 == 0) & (words[:, 0] & 0x400 == 0)]
t = words[:, 1][(words[:, 0] >> 31 == 0) & (words[:, 0] & 0x400 == 0)]
e = tonic.io.make_structured_array(239 - ((a >> 12) & 0x3FF), 179 - ((a >> 22) & 0x1FF), t, (a >> 11) & 1)
golden[str(path.relative_to(DATA))] = events(e, "p") | dict(size=[240, 180])
(HERE / "golden.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()) + "\n}\n")
