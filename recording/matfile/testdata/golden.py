"""Writes golden.json: what scipy.io.loadmat makes of the MAT-files the tests read, and the made-*.mat files beside it.

    python golden.py DATA_FOLDER    # the folder GYRUS_DATA names

made with numpy 2.4.6 and scipy 1.17.1. Arrays are recorded as the first 64 bits of the SHA-256 of their values as little-endian float64 in
column-major order (all real parts, then all imaginary parts), so that equality is exact however large they are.
"""
import hashlib, json, pathlib, re, sys, warnings
import numpy as np
import scipy.io
import scipy.sparse
from scipy.io.matlab import MatlabFunction, MatlabObject, MatlabOpaque

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent
classes = {"float64": "double", "float32": "single", "complex128": "double", "complex64": "single", "bool": "uint8"}


def sha(x):
    h = hashlib.sha256()
    h.update(np.real(x).astype("<f8").tobytes(order="F"))
    if np.iscomplexobj(x):
        h.update(np.imag(x).astype("<f8").tobytes(order="F"))
    return h.hexdigest()[:16]


def tree(x, stored):
    """Describes x; stored is the same value loaded with mat_dtype=False, since mat_dtype=True drops imaginary parts."""
    if scipy.sparse.issparse(x):
        return {"class": "sparse", "dims": list(x.shape), "sha": sha(x.toarray())}
    if isinstance(x, MatlabFunction):
        return {"class": "function handle"}
    if isinstance(x, MatlabOpaque):
        return {"class": "opaque object"}
    if x.dtype.names is not None or isinstance(x, MatlabObject):
        names = [re.sub(r"^_\d+_", "", n) for n in x.dtype.names or []]
        items = [tree(e[n], f[n]) for e, f in zip(x.flatten(order="F"), stored.flatten(order="F")) for n in x.dtype.names or []]
        kind = "object" if isinstance(x, MatlabObject) else "struct"
        out = {"class": kind, "dims": list(x.shape), "fields": names, "items": items}
        if kind == "object":
            out["className"] = x.classname
        return out
    if x.dtype == object:
        if x.size and all(e is None for e in x.flat):  # scipy's form of a struct without fields
            return {"class": "struct", "dims": list(x.shape), "fields": [], "items": []}
        return {"class": "cell", "dims": list(x.shape), "items": [tree(e, f) for e, f in zip(x.flatten(order="F"), stored.flatten(order="F"))]}
    if x.dtype.kind == "U":
        return {"class": "char", "dims": list(x.shape), "text": "".join(c or "\0" for c in x.flatten(order="F"))}
    if np.iscomplexobj(stored):
        x = stored
    out = {"class": classes.get(x.dtype.newbyteorder("=").name, x.dtype.newbyteorder("=").name), "dims": list(x.shape), "sha": sha(x)}
    if x.dtype == bool:
        out["logical"] = True
    return out


def load(path):
    try:
        got, stored = (scipy.io.loadmat(path, mat_dtype=m, chars_as_strings=False) for m in (True, False))
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"[:160]}
    return {k: tree(v, stored[k]) for k, v in got.items() if not k.startswith("__") and k != "None"}


def content():
    rng = np.random.default_rng(1)
    names = np.empty((1, 3), dtype=object)
    names[0, :] = ["C3", "Cz", "C4"]
    nested = {"rate": 100.0, "clab": names, "deep": {"note": "left\u2013right", "x": np.arange(6, dtype=np.int16).reshape(2, 3)}}
    return {
        "x": rng.standard_normal((4, 3, 2)), "single": rng.standard_normal((3, 2)).astype(np.float32),
        "int8": np.array([[-128, 127]], dtype=np.int8), "uint16": np.array([[0], [65535]], dtype=np.uint16),
        "int64": np.array([[-(2**62), 2**62]], dtype=np.int64), "uint64": np.array([[2**63]], dtype=np.uint64),
        "z": rng.standard_normal((2, 2)) + 1j * rng.standard_normal((2, 2)), "yes": np.array([[True, False, True]]),
        "nan": np.array([[np.nan, np.inf, -np.inf, -0.0]]), "empty": np.zeros((0, 5)), "text": "self-paced", "rows": np.array(["ab ", "cde"]),
        "names": names, "info": nested, "many": np.array([[(1.0, "a"), (2.0, "bc")]], dtype=[("v", object), ("n", object)]),
        "sparse": scipy.sparse.csc_matrix(np.array([[0, 1.5, 0], [0, 0, 0], [-2, 0, 3]])),
    }


def make():
    scipy.io.savemat(here / "made-plain.mat", content())
    scipy.io.savemat(here / "made-compressed.mat", content(), do_compression=True)
    flat = {k: content()[k] for k in ["single", "z", "nan", "text", "rows", "sparse"]}
    flat["int16"] = np.array([[-3, 4], [5, -32768]], dtype=np.int16)
    scipy.io.savemat(here / "made-level4.mat", flat, format="4")


if __name__ == "__main__":
    make()
    data = pathlib.Path(sys.argv[1])
    files = sorted(data.glob("formats/mat-scipy/*.mat")) + sorted(data.glob("spikes/*/*.mat")) + [data / "eeg/bci2-selfpaced/sp1s_aa.mat"]
    golden = {str(p.relative_to(data)): load(p) for p in files}
    golden |= {p.name: load(p) for p in sorted(here.glob("made-[!7]*.mat"))}
    text = json.dumps(golden, separators=(",", ":"), ensure_ascii=True)
    (here / "golden.json").write_text(text.replace('},"', '},\n"') + "\n")
