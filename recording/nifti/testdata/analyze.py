"""Makes analyze-*.hdr/.img and analyze.json: what nibabel reads out of images of Analyze 7.5.

    python analyze.py

Made with nibabel 5.4.2; voxels are recorded as the first 64 bits of the SHA-256 of their values as little-endian float64, first axis fastest.
"""
import hashlib, json, pathlib

import nibabel as nib
import numpy as np
from nibabel.analyze import AnalyzeHeader, AnalyzeImage
from nibabel.spm2analyze import Spm2AnalyzeHeader, Spm2AnalyzeImage

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(3)
x = rng.integers(-300, 300, (4, 3, 2))


def save(name, data, dtype, big=False, change=None):
    h = Spm2AnalyzeHeader(endianness=">" if big else "<")
    h.set_data_dtype(dtype)
    h.set_data_shape(data.shape)
    h.set_zooms((2, 3, 4.5, 1.5)[: data.ndim])
    h["descrip"] = b"made for a test"
    if change:
        change(h)
    (here / (name + ".hdr")).write_bytes(h.binaryblock)
    (here / (name + ".img")).write_bytes(data.astype(h.get_data_dtype()).tobytes(order="F"))
    im = nib.load(here / (name + ".hdr"))
    values = np.asarray(im.dataobj, float)
    return dict(kind=type(im).__name__, shape=list(im.shape), type=str(np.dtype(im.get_data_dtype()).newbyteorder("=")), affine=im.affine.tolist(),
                first=float(values.flat[0]), sha=hashlib.sha256(values.astype("<f8").tobytes(order="F")).hexdigest()[:16])


def spm(h):
    h["scl_slope"], h["scl_inter"] = 0.25, -3
    h["origin"][:3] = (2, 3, 1)


def calibrated(h):
    h["scl_slope"] = 0
    h["cal_max"], h["cal_min"], h["glmax"], h["glmin"] = 10, -10, 400, -400
    h["origin"][:3] = (-9, 1, 1)  # outside: the middle is taken


golden = {
    "analyze-plain": save("analyze-plain", x, np.int16),
    "analyze-spm": save("analyze-spm", x, np.int16, True, spm),
    "analyze-calibrated": save("analyze-calibrated", x, np.int32, False, calibrated),
    "analyze-4d": save("analyze-4d", rng.normal(size=(3, 2, 2, 2)), np.float32),
}
(here / "analyze.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()) + "\n}\n")
