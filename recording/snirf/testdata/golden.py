"""Writes golden.json: what MNE-Python makes of the SNIRF files the tests read, and the made-*.snirf files beside it.

    python golden.py DATA_FOLDER    # the folder GYRUS_DATA names

made with MNE-Python 1.13.2, h5py 3.16.0 and numpy 2.4.6. Samples are recorded as the first 64 bits of the SHA-256 of their values
as little-endian float32, frames x channels.
"""
import hashlib, json, pathlib, sys
import h5py
import mne
import numpy as np

here = pathlib.Path(__file__).parent


def read(path):
    raw = mne.io.read_raw_snirf(str(path), verbose="error")
    data = raw.get_data()
    return {
        "names": raw.ch_names, "types": raw.get_channel_types(), "rate": raw.info["sfreq"], "frames": len(raw.times),
        "positions": [[round(float(x), 9) for x in c["loc"][:3]] for c in raw.info["chs"]], "start": raw.info["meas_date"].timestamp(),
        "sha": hashlib.sha256(data.T.astype("<f4").tobytes()).hexdigest()[:16],
        "events": [[round(float(a["onset"]), 6), float(a["duration"]), str(a["description"])] for a in raw.annotations],
    }


def base(f, length, unit_of_time, n, name="nirs"):
    text = h5py.string_dtype()
    if "formatVersion" not in f:
        f.create_dataset("formatVersion", data="1.1", dtype=text)
    g = f.create_group(name)
    for k, v in {"SubjectID": "s1", "MeasurementDate": "2024-02-03", "MeasurementTime": "04:05:06Z", "LengthUnit": length, "TimeUnit": unit_of_time,
                 "FrequencyUnit": "Hz"}.items():
        g.create_dataset("metaDataTags/" + k, data=v, dtype=text)
    g["metaDataTags/MNE_coordFrame"] = [4]
    factor = {"mm": 1000.0, "cm": 100.0, "m": 1.0}[length]
    g["probe/wavelengths"] = [760.0, 850.0]
    g["probe/sourcePos3D"] = np.array([[0.01, 0.08, 0.03], [0.05, 0.06, 0.03]]) * factor
    g["probe/detectorPos3D"] = np.array([[0.02, 0.09, 0.02], [0.04, 0.07, 0.05]]) * factor
    g["probe/sourceLabels"] = np.array(["S1", "S2"], text)
    g["probe/detectorLabels"] = np.array(["D1", "D2"], text)
    g["data1/dataTimeSeries"] = np.random.default_rng(1).uniform(0.5, 1, (n, 4))
    return g


def channels(g, kinds):
    for i, kind in enumerate(kinds):
        m = g.create_group(f"data1/measurementList{i + 1}")
        for k, v in kind.items():
            m.create_dataset(k, data=v, dtype=h5py.string_dtype() if isinstance(v, str) else np.int32)


def make():
    pairs = [(1, 1), (2, 2)]
    cw = [{"sourceIndex": s, "detectorIndex": d, "wavelengthIndex": w, "dataType": 1, "dataTypeIndex": 1, "dataUnit": "V"} for w in (1, 2) for s, d in pairs]
    with h5py.File(here / "made-cw.snirf", "w") as f:
        g = base(f, "mm", "s", 120)
        channels(g, cw)
        g["data1/time"] = [0.5, 0.1]
        text = h5py.string_dtype()
        for i, (name, rows) in enumerate({"tapping": [[2.5, 5, 1], [8, 5, 1]], "rest": [[5.5, 2, 0.5]]}.items()):
            g.create_dataset(f"stim{i + 1}/name", data=name, dtype=text)
            g[f"stim{i + 1}/data"] = np.array(rows, float)
        for i, (name, n, step) in enumerate([("accelerometer", 120, 0.1), ("pulse", 600, 0.02)]):
            a = g.create_group(f"aux{i + 1}")
            a.create_dataset("name", data=name, dtype=text)
            a["dataTimeSeries"] = np.arange(3.0 * n).reshape(n, 3) if i == 0 else np.arange(float(n))
            a["time"] = [0.5, step]
            a.create_dataset("dataUnit", data="g", dtype=text)
    with h5py.File(here / "made-hb.snirf", "w") as f:
        g = base(f, "cm", "ms", 50)
        channels(g, [{"sourceIndex": s, "detectorIndex": d, "wavelengthIndex": 1, "dataType": 99999, "dataTypeIndex": 1, "dataTypeLabel": k} for s, d in pairs for k in ("HbO", "HbR")])
        g["data1/time"] = np.arange(50) * 100.0
    with h5py.File(here / "made-lists.snirf", "w") as f:
        g = base(f, "m", "s", 120)
        for k in ("sourceIndex", "detectorIndex", "wavelengthIndex", "dataType"):
            g["data1/measurementLists/" + k] = np.array([c[k] for c in cw], np.int32)
        g["data1/measurementLists/dataUnit"] = np.array(["V"] * 4, h5py.string_dtype())
        g["data1/time"] = 0.5 + np.arange(120) * 0.1
    with h5py.File(here / "made-two.snirf", "w") as f:
        for name in ("nirs1", "nirs2"):
            g = base(f, "m", "s", 20, name)
            channels(g, cw)
            g["data1/time"] = np.arange(20) * 0.1


def make_fd():
    """Frequency domain: intensity, AC amplitude and phase at two wavelengths and two frequencies, which MNE-Python does not read."""
    kinds = [{"sourceIndex": 1, "detectorIndex": 2, "wavelengthIndex": w, "dataType": t, "dataTypeIndex": i, "dataUnit": u}
             for t, i, u in ((1, 1, "V"), (101, 1, "V"), (102, 1, "deg"), (101, 2, "V"), (102, 2, "deg")) for w in (1, 2)]
    with h5py.File(here / "made-fd.snirf", "w") as f:
        g = base(f, "mm", "s", 30)
        g["metaDataTags/FrequencyUnit"][()] = "MHz"
        g["probe/frequencies"] = [110.0, 141.5]
        del g["data1/dataTimeSeries"]
        g["data1/dataTimeSeries"] = np.arange(300.0).reshape(30, 10) / 8
        channels(g, kinds)
        g["data1/time"] = [0.0, 0.02]


if __name__ == "__main__":
    make()
    make_fd()
    data = pathlib.Path(sys.argv[1])
    files = {str(p.relative_to(data)): p for p in sorted(data.glob("fnirs/snirf/*.snirf"))}
    files |= {p.name: p for p in [here / "made-cw.snirf", here / "made-hb.snirf"]}
    (here / "golden.json").write_text(json.dumps({k: read(p) for k, p in files.items()}, separators=(",", ":")).replace('},"', '},\n"') + "\n")
