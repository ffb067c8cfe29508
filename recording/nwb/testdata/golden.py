"""Writes golden.json: what pynwb makes of the NWB files the tests read, and made.nwb beside it.

    python golden.py DATA_FOLDER    # the folder GYRUS_DATA names

made with pynwb 4.2.0, h5py 3.16.0 and numpy 2.4.6. Numbers are recorded as the first 64 bits of the SHA-256 of their values as
little-endian float64, so that equality is exact however many there are; texts as themselves when there are few, else hashed.
"""
import datetime, hashlib, json, pathlib, sys, warnings
import numpy as np
import h5py
import pynwb
from hdmf.common import DynamicTable, DynamicTableRegion, VectorData, VectorIndex
from pynwb import NWBFile, NWBHDF5IO, TimeSeries
from pynwb.base import Images
from pynwb.behavior import Position, SpatialSeries
from pynwb.ecephys import LFP, ElectricalSeries
from pynwb.image import GrayscaleImage, ImageSeries
from pynwb.misc import AnnotationSeries
from pynwb.ophys import Fluorescence, ImageSegmentation, OpticalChannel, RoiResponseSeries

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent


def numbers(x):
    x = np.asarray(x, np.float64)
    return {"n": int(x.size), "sha": hashlib.sha256(x.astype("<f8").tobytes()).hexdigest()[:16]}


def values(x):
    """A flat list of numbers or texts."""
    x = list(x)
    if x and isinstance(x[0], (str, bytes)):
        text = "\n".join(v if isinstance(v, str) else v.decode() for v in x)
        return {"n": len(x), "sha": hashlib.sha256(text.encode()).hexdigest()[:16]}
    return numbers(x)


def table(t):
    columns = {}
    for name in t.colnames:
        c = t[name]
        levels = 0
        lists = []
        while isinstance(c, VectorIndex):
            lists.append(np.diff(np.concatenate([[0], np.asarray(c.data[:], np.int64)])).tolist())
            c = c.target
            levels += 1
        entry = {"ragged": levels, "lengths": [values(x) for x in lists]}
        if isinstance(c, DynamicTableRegion):
            entry["table"] = True
        data = c.data[:]
        if isinstance(data, np.ndarray) and data.dtype.names:
            entry["compound"] = len(data)
        elif len(data) and hasattr(data[0], "name") and hasattr(data[0], "neurodata_type"):
            entry["objects"] = values([o.name for o in data])
        elif len(data) and not isinstance(data[0], (str, bytes, np.ndarray, int, float, np.generic, list, tuple, bool)):
            entry["compound"] = len(data)
        else:
            entry["values"] = values(np.asarray(data).reshape(-1)) if not (len(data) and isinstance(data[0], (str, bytes))) else values(data)
        columns[name] = entry
    return {"rows": len(t), "ids": numbers(t.id[:]), "columns": columns}


def series(s):
    out = {"type": s.neurodata_type, "unit": s.unit, "rate": s.rate, "start": s.starting_time}
    if s.data is not None and len(np.shape(s.data)):
        data = np.asarray(s.data[:])
        out["dims"] = list(data.shape)
        if data.dtype.kind in "iuf":
            out["raw"] = numbers(data)
            factor = s.conversion * np.asarray(s.channel_conversion[:]) if getattr(s, "channel_conversion", None) is not None else s.conversion
            out["converted"] = numbers(data.astype(np.float64) * factor + s.offset)
    if s.timestamps is not None:
        out["timestamps"] = numbers(s.timestamps[:])
    for rows in ("electrodes", "rois"):
        if getattr(s, rows, None) is not None:
            out["rows"] = [int(i) for i in getattr(s, rows).data[:]]
    return out


def read(path):
    with NWBHDF5IO(str(path), "r", load_namespaces=True) as io:
        n = io.read()
        out = {"identifier": n.identifier, "description": n.session_description, "start": n.session_start_time.timestamp(),
               "version": str(n.nwb_version if hasattr(n, "nwb_version") else io._file.attrs["nwb_version"]), "tables": {}, "series": {}}
        for o in n.all_children():
            if isinstance(o, DynamicTable):
                out["tables"][h5py.h5i.get_name(io._file[path_of(o, io)].id).decode()] = table(o)
            elif isinstance(o, TimeSeries):
                out["series"][path_of(o, io)] = series(o)
        if n.units is not None:
            out["spikes"] = [numbers(n.units["spike_times"][i]) for i in range(len(n.units))]
    return out


def path_of(o, io):
    b, parts = io.manager.get_builder(o), []
    while b is not None and b.name != "root":
        parts.append(b.name)
        b = b.parent
    return "/" + "/".join(reversed(parts))


def make():
    rng = np.random.default_rng(1)
    n = NWBFile(session_description="made for a test", identifier="made", session_start_time=datetime.datetime(2024, 2, 3, 4, 5, 6, 789000, datetime.timezone.utc),
                lab="none", experimenter=["A. Nonymous"])
    n.subject = pynwb.file.Subject(subject_id="m1", species="Mus musculus", age="P90D", sex="F")
    device = n.create_device("probe")
    group = n.create_electrode_group("shank0", "a shank", "CA1", device)
    n.add_electrode_column("label", "name of the contact")
    for i in range(6):
        n.add_electrode(x=float(i), y=0.5, z=-1.0, imp=1e5, location="CA1", filtering="none", group=group, label=f"contact {5 - i}")
    n.add_unit_column("quality", "by hand")
    for i, q in enumerate(["good", "mua", "good"]):
        times = np.sort(rng.uniform(0, 20, 5 * i))
        n.add_unit(spike_times=times, electrodes=[i, i + 1][: 1 + i % 2], obs_intervals=[[0, 10], [12, 20]][: 1 + i % 2], quality=q,
                   waveform_mean=rng.standard_normal((4, 2)), waveforms=rng.standard_normal((1 + i, 3, 4)).tolist())
    region = n.create_electrode_table_region([4, 0, 2], "three of six")
    raw = rng.integers(-3000, 3000, (400, 3)).astype(np.int16)
    n.add_acquisition(ElectricalSeries("raw", raw, region, rate=200.0, starting_time=1.5, conversion=1e-6, offset=2e-6, channel_conversion=[1.0, 2.0, 0.5]))
    ecephys = n.create_processing_module("ecephys", "filtered")
    lfp = ElectricalSeries("lfp", h5py_chunks(rng.standard_normal((100, 3)).astype(np.float32)), n.create_electrode_table_region([4, 0, 2], "again"), rate=50.0, starting_time=1.5)
    ecephys.add(LFP(lfp))
    behavior = n.create_processing_module("behavior", "where and how fast")
    t = np.arange(60) / 30 + rng.uniform(-3e-4, 3e-4, 60)
    t[40:] += 2.0
    position = SpatialSeries("position", rng.uniform(0, 1, (60, 2)), timestamps=t, reference_frame="corner", unit="meters")
    behavior.add(Position(position))
    behavior.add(TimeSeries("speed", rng.uniform(0, 1, 60), unit="m/s", timestamps=position))
    n.add_acquisition(TimeSeries("licks", np.array([1, 0, 1, 1]), unit="n.a.", timestamps=[0.5, 3.0, 3.1, 19.0]))
    n.add_acquisition(AnnotationSeries("notes", data=["drowsy", "awake"], timestamps=[2.0, 9.0]))
    n.add_acquisition(ImageSeries("camera", rng.integers(0, 255, (5, 4, 3)).astype(np.uint8), unit="n.a.", rate=10.0, starting_time=0.0))
    n.add_acquisition(ImageSeries("film", external_file=["film.avi"], format="external", starting_frame=[0], timestamps=[0.0, 0.1, 0.2], dimension=[4, 3]))
    n.add_acquisition(Images("pictures", images=[GrayscaleImage("grey", np.arange(12, dtype=np.uint8).reshape(3, 4), description="a ramp")]))
    n.add_trial_column("choice", "left or right")
    n.add_trial_column("licks", "when", index=True)
    for i in range(4):
        n.add_trial(start_time=2.0 + 4 * i, stop_time=4.0 + 4 * i, choice=["left", "right"][i % 2], licks=[2.5 + 4 * i] * i, timeseries=[n.acquisition["raw"]] if i else [lfp])
    n.add_epoch(1.5, 10.0, ["first", "half"], [n.acquisition["raw"]])
    plane = n.create_imaging_plane("plane", OpticalChannel("c", "d", 500.0), "d", device, 600.0, "GCaMP", "V1", imaging_rate=30.0)
    ophys = n.create_processing_module("ophys", "imaging")
    segmentation = ImageSegmentation()
    cells = segmentation.create_plane_segmentation("cells", plane, "cells")
    for i in range(3):
        cells.add_roi(pixel_mask=[(i, k, 0.5 + k) for k in range(i + 1)], id=10 + i)
    ophys.add(segmentation)
    traces = RoiResponseSeries("dff", rng.standard_normal((50, 2)), rois=cells.create_roi_table_region("two", region=[2, 0]), unit="lumens", rate=30.0)
    ophys.add(Fluorescence(roi_response_series=traces))
    kinds = DynamicTable("kinds", "an enumeration", columns=[VectorData("kind", "d", data=["a", "b"])])
    n.add_scratch(kinds)
    with NWBHDF5IO(str(here / "made.nwb"), "w") as io:
        io.write(n, cache_spec=False)
    with h5py.File(here / "made-1.nwb", "w") as f:
        f["nwb_version"] = "NWB-1.0.6"
        f.create_group("epochs")
    # The least that has all kinds of things, for fuzzing to begin with.
    with h5py.File(here / "made-small.nwb", "w") as f:
        f.attrs["nwb_version"] = "2.5.0"
        u = f.create_group("units")
        u.attrs["colnames"] = ["spike_times", "kind", "electrodes"]
        u["id"], u["spike_times"], u["spike_times_index"], u["kind"] = [0, 1], [0.5, 1, 2], [1, 3], [1, 0]
        f["kinds"] = ["a", "b"]
        u["kind"].attrs["elements"] = f["kinds"].ref
        u["electrodes"] = [0, 1]
        u["electrodes"].attrs["table"] = u.ref
        s = f.create_group("acquisition/s")
        s["data"], s["timestamps"], s["rois"] = np.arange(8, dtype="i2").reshape(4, 2), [0.0, 1, 2, 3], [1, 0]
        s["rois"].attrs["table"] = u.ref


def h5py_chunks(x):
    return pynwb.H5DataIO(x, chunks=(30, 2), compression="gzip", shuffle=True)


if __name__ == "__main__":
    make()
    data = pathlib.Path(sys.argv[1])
    files = sorted(data.glob("formats/nwb-pynwb/*.nwb")) + sorted(data.glob("spikes/*/*.nwb"))
    golden = {str(p.relative_to(data)): read(p) for p in files} | {"made.nwb": read(here / "made.nwb")}
    (here / "golden.json").write_text(json.dumps(golden, separators=(",", ":"), sort_keys=True).replace('},"/', '},\n"/') + "\n")
