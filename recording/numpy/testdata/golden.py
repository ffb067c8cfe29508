"""Writes the made-* files and golden.json, what NumPy itself holds in them. Made with numpy 2.4.6.

Numbers are recorded as they are, complex ones as [real parts, imaginary parts], in the order of the axes (C order).
"""
import json, pathlib, warnings
import numpy as np
from numpy.lib import format as npformat

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent
rng = np.random.default_rng(2)
arrays = {
    "bool": np.array([[True, False, True]]), "int8": np.array([-128, 0, 127], dtype="i1"), "int16": np.array([[-32768, 7]], dtype="<i2"),
    "int32": np.arange(-3, 3, dtype="<i4").reshape(2, 3), "int64": np.array([-(2**53), 2**53], dtype="<i8"),
    "uint8": np.array([0, 255], dtype="u1"), "uint16": np.array([65535], dtype="<u2"), "uint32": np.array([2**32 - 1], dtype="<u4"),
    "uint64": np.array([2**53], dtype="<u8"), "float16": np.array([1.0, -0.333, 65504, 6e-8], dtype="<f2"),
    "float32": rng.standard_normal((2, 2, 3)).astype("<f4"), "float64": rng.standard_normal((3, 2)), "complex64": np.array([1 + 2j, -3.5j], dtype="<c8"),
    "complex128": rng.standard_normal(3) + 1j * rng.standard_normal(3), "big16": np.array([1, -2, 300], dtype=">i2"),
    "big64": rng.standard_normal((2, 3)).astype(">f8"), "bigcomplex": np.array([1 + 2j, 3 - 4j], dtype=">c16"),
    "fortran": np.asfortranarray(rng.standard_normal((2, 3, 4))), "scalar": np.float64(2.5), "empty": np.zeros((0, 3)),
    "text": np.array(["C3", "Cz", "caf\u00e9"]), "bigtext": np.array(["C3", "left"], dtype=">U4"), "bytes": np.array([b"ab", b"cde"]),
}


def values(x):
    if x.dtype.kind in "US":
        return [s.decode() if isinstance(s, bytes) else str(s) for s in x.flatten()]
    if x.dtype.kind == "c":
        return [x.real.astype(float).flatten().tolist(), x.imag.astype(float).flatten().tolist()]
    return x.astype(float).flatten().tolist()


golden = {}
for name, x in arrays.items():
    x = np.asanyarray(x)
    golden[name] = {"dims": list(x.shape), "dtype": x.dtype.str, "values": values(x)}
np.savez(here / "made.npz", **arrays)
np.savez_compressed(here / "made-deflated.npz", **arrays)
for version in (1, 2, 3):
    with open(here / f"made-v{version}.npy", "wb") as f:
        npformat.write_array(f, arrays["fortran"], version=(version, 0))
(here / "golden.json").write_text(json.dumps(golden).replace("}, ", "},\n") + "\n")
np.save(here / "refused-object.npy", np.array([{"a": 1}], dtype=object))
np.save(here / "refused-structured.npy", np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
np.save(here / "refused-date.npy", np.array(["2014-07-01"], dtype="M8[s]"))
np.save(here / "refused-longdouble.npy", np.array([1.5], dtype=np.longdouble))
