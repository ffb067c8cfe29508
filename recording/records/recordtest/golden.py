"""What the golden.py of each format shares: sum up a raw object of MNE-Python for recordtest.Golden.

Values are written in the unit the file stores, as far as it names one: MNE gives volts, unit says how many of the file's
units a volt is, channel by channel.
"""
import datetime
import json
import os
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
import mne  # noqa: E402

mne.set_log_level("ERROR")
DATA = os.environ.get("GYRUS_DATA", "")


def places(n):
    """A few sample numbers: the ends, and some between that do not fall on round places."""
    return sorted({i for i in (0, 1, n // 7, n // 3, n // 2 + 1, (5 * n) // 7, n - 2, n - 1) if 0 <= i < n})


def number(x):
    return None if not np.isfinite(x) else float(f"{x:.8g}")


def signal(x):
    x = np.asarray(x, float)
    return {"n": len(x), "mean": number(x.mean()), "min": number(x.min()), "max": number(x.max()),
            "at": [number(x[i]) for i in places(len(x))]}


def events(annotations):
    return [[round(float(a["onset"]), 9), round(float(a["duration"]), 9), str(a["description"])] for a in annotations]


def summary(raw, units=None, annotations=None):
    """units: file units per volt for each channel; 1 by default."""
    data = raw.get_data()
    n = len(raw.ch_names)
    units = [1.0] * n if units is None else units
    positions = []
    for ch in raw.info["chs"]:
        p = ch["loc"][:3]
        positions.append(None if not np.all(np.isfinite(p)) or not np.any(p) else [float(f"{v:.7g}") for v in p])
    start = raw.info["meas_date"]
    out = {
        "names": raw.ch_names,
        "types": raw.get_channel_types(),
        "rate": raw.info["sfreq"],
        "frames": raw.n_times,
        "start": "" if start is None else start.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "signals": [signal(data[i] * units[i]) for i in range(n)],
        "events": events(raw.annotations if annotations is None else annotations),
    }
    if any(p is not None for p in positions):
        out["positions"] = positions
    return out


def write(golden, file):
    path = os.path.join(os.path.dirname(os.path.abspath(file)), "golden.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write("{\n")
        for i, (name, g) in enumerate(golden.items()):
            f.write(json.dumps(name) + ": " + json.dumps(g, ensure_ascii=False, separators=(",", ":"), default=lambda o: o.item()))
            f.write(",\n" if i + 1 < len(golden) else "\n")
        f.write("}\n")
    print(f"{len(golden)} files, MNE {mne.__version__}, {os.path.getsize(path)} bytes", file=sys.stderr)
