"""Writes made-73.mat, and golden73.json: what pymatreader makes of the files of level 7.3 that the tests read.

    python golden73.py DATA_FOLDER    # the folder GYRUS_DATA names

made with hdf5storage 0.2.2, pymatreader 1.3.2, h5py 3.16.0 and numpy 2.4.6. made-73.mat holds, in level 7.3, what made-plain.mat
holds in level 5; hdf5storage writes MATLAB's conventions. What it does not know is added with h5py.
"""
import hashlib, json, pathlib, sys
import h5py, hdf5storage
import numpy as np
import pymatreader
import golden

here = pathlib.Path(__file__).parent


def make():
    content = golden.content()
    for known_by_hand in ("sparse", "rows", "single", "many"):
        content.pop(known_by_hand)
    many = np.zeros((1, 2), dtype=[("v", object), ("n", object)])
    many[0, 0], many[0, 1] = (1.0, "a"), (2.0, "bc")
    path = here / "made-73.mat"
    path.unlink(missing_ok=True)
    hdf5storage.savemat(str(path), content | {"many": many, "single": golden.content()["single"]}, format="7.3", truncate_existing=True,
                        store_python_metadata=False, compress=True, compress_size_threshold=100)
    with h5py.File(path, "a") as f:
        def dataset(name, data, kind, **attrs):
            d = f.create_dataset(name, data=data)
            d.attrs["MATLAB_class"] = np.bytes_(kind)
            for k, v in attrs.items():
                d.attrs["MATLAB_" + k] = v
            return d

        dataset("rows", np.array([[97, 99], [98, 100], [32, 101]], np.uint16), "char", int_decode=np.int32(2))
        s = f.create_group("sparse")
        s.attrs["MATLAB_class"], s.attrs["MATLAB_sparse"] = np.bytes_("double"), np.uint64(3)
        s["data"], s["ir"], s["jc"] = np.array([-2, 1.5, 3]), np.array([2, 0, 2], np.uint64), np.array([0, 1, 2, 3], np.uint64)
        s = f.create_group("sparse none")
        s.attrs["MATLAB_class"], s.attrs["MATLAB_sparse"] = np.bytes_("logical"), np.uint64(3)
        s["jc"] = np.zeros(5, np.uint64)
        dataset("empty struct", np.array([0, 2], np.uint64), "struct", empty=np.uint8(1),
                fields=np.array([np.array([b"a", b"b"], "S1"), np.array([b"c"], "S1")], h5py.vlen_dtype(np.dtype("S1"))))
        dataset("empty cell", np.array([3, 0], np.uint64), "cell", empty=np.uint8(1))
        dataset("empty text", np.array([0, 0], np.uint64), "char", empty=np.uint8(1))
        dataset("empty logical", np.array([0, 4], np.uint64), "logical", empty=np.uint8(1))
        dataset("a string object", np.array([[0xDD000000, 2]], np.uint32), "string", object_decode=np.int32(3))
        g = f.create_group("a function")
        g.attrs["MATLAB_class"], g.attrs["MATLAB_object_decode"] = np.bytes_("function_handle"), np.int32(1)
        f.create_dataset("without class", data=np.arange(6.0).reshape(2, 3), compression="gzip")
        f["text without class"] = "µV \U0001d11e"
        shared = dataset("shared", np.array([[f["yes"].ref], [f["yes"].ref]], h5py.ref_dtype), "cell")
        f.create_group("#subsystem#")
        # Values that hold themselves, or each other over and over.
        circle = dataset("circle", np.array([[shared.ref]], h5py.ref_dtype), "cell")
        circle[0, 0] = circle.ref
        last = f["yes"]
        for i in range(40):
            last = dataset(f"#refs#/again {i}", np.array([[last.ref], [last.ref]], h5py.ref_dtype), "cell")
        dataset("doubling", np.array([[last.ref]], h5py.ref_dtype), "cell")


def simple(v):
    if isinstance(v, dict):
        return {k: simple(x) for k, x in v.items()}
    if isinstance(v, list):
        return [simple(x) for x in v]
    if isinstance(v, np.ndarray):
        if v.size == 0:
            return "empty"
        return hashlib.sha256(v.astype("<f8").tobytes(order="F")).hexdigest()[:16]
    return v if isinstance(v, str) else float(v)


if __name__ == "__main__":
    make()
    data = pathlib.Path(sys.argv[1])
    names = ["eeg/formats/eeglab/test_raw_h5.set", "formats/mat-scipy/testhdf5_7.4_GLNX86.mat"]
    out = {n: simple(pymatreader.read_mat(str(data / n))) for n in names}
    (here / "golden73.json").write_text(json.dumps(out, separators=(",", ":"), sort_keys=True) + "\n")
