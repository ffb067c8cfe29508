"""Makes made-* and golden.json: what NiBabel reads out of NIfTI and MGH images.

    GYRUS_DATA=/path/to/data python golden.py

Values in golden.json were made with NiBabel 5.4.2. Hashes are SHA-256 of little-endian bytes, first axis fastest.
"""
import hashlib
import json
import os
import pathlib

import nibabel as nib
import numpy as np

HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(os.environ["GYRUS_DATA"])


def sha(x):
    x = np.asarray(x)
    if x.dtype.fields:  # colours
        x = np.stack([x[k] for k in x.dtype.names])
    return hashlib.sha256(x.astype(x.dtype.newbyteorder("<")).tobytes(order="F")).hexdigest()[:16]


def made():
    rng = np.random.default_rng(1)
    shape = (4, 3, 2, 2)
    affine = np.array([[0, -2, 0, 10], [3, 0, 0, -20], [0, 0, 4, 5.5], [0, 0, 0, 1.0]])
    types = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "c8", "c16"]
    for k, t in enumerate(types):
        if t[0] in "iu":
            info = np.iinfo(t)
            x = rng.integers(info.min, info.max, size=shape, dtype=t, endpoint=True)
        else:
            x = rng.normal(size=shape).astype(t)
            if t[0] == "c":
                x = (x + 1j * rng.normal(size=shape)).astype(t)
        klass, header = [(nib.Nifti1Image, nib.Nifti1Header), (nib.Nifti2Image, nib.Nifti2Header)][k % 2]
        order = "<>"[k // 2 % 2]
        h = header(endianness=order)
        h.set_data_dtype(np.dtype(t).newbyteorder(order))
        image = klass(x, affine, h)
        image.header.set_xyzt_units("mm", ["sec", "msec", "usec"][k % 3])
        image.header.set_zooms((3, 2, 4, 1500))
        image.header["descrip"] = f"made {t}".encode()
        image.header.set_intent("estimate", (), "voltage")
        if k % 3 == 1:
            image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"a note of some length"))
        if t in ("u1", "i2", "i4", "f4", "c8"):
            image.header.set_slope_inter(0.25, -3)
        name = HERE / (f"made-{t}" + [".nii", ".nii.gz"][k % 2])
        nib.save(image, name)
    # Affines: only a quaternion (left-handed too), and none.
    for name, left in (("made-qform", False), ("made-left", True)):
        q = np.eye(4)
        q[:3, :3] = nib.eulerangles.euler2mat(0.3, -0.2, 1.1) @ np.diag([2, 3, -4 if left else 4])
        q[:3, 3] = (1, -2, 3)
        image = nib.Nifti1Image(np.arange(24, dtype="i2").reshape(4, 3, 2), None)
        image.header.set_qform(q, 1)
        image.header.set_sform(None, 0)
        nib.save(image, HERE / f"{name}.nii")
    image = nib.Nifti1Image(np.arange(24, dtype="i2").reshape(4, 3, 2), None)
    image.header.set_zooms((2, 3, 4))
    image.header.set_qform(None, 0)
    image.header.set_sform(None, 0)
    nib.save(image, HERE / "made-nowhere.nii")
    nib.save(nib.Nifti1Pair(np.arange(24, dtype=">i2").reshape(4, 3, 2), affine), HERE / "made-pair.hdr")
    nib.save(nib.Nifti2Pair(np.arange(24, dtype="f4").reshape(4, 3, 2), affine), HERE / "made-pair2.img")
    rgb = np.zeros((3, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    for i, c in enumerate("RGB"):
        rgb[c] = np.arange(12).reshape(3, 2, 2) + 20 * i
    nib.save(nib.Nifti1Image(rgb, affine), HERE / "made-rgb.nii")
    mask = np.zeros(shape[:3], "u1")
    mask[1, 2, 0] = mask[3, 0, 1] = mask[0, 0, 0] = 1
    nib.save(nib.Nifti1Image(mask, affine), HERE / "made-mask.nii.gz")
    for t in ("u1", "i2", "i4", "f4"):
        x = rng.integers(0, 100, size=(3, 4, 2, 3) if t == "i2" else (3, 4, 2)).astype(t)
        image = nib.MGHImage(x, affine)
        if t == "i2":
            image.header.set_zooms((3, 2, 4, 2300))
        nib.save(image, HERE / (f"made-{t}.mgz" if t == "i2" else f"made-{t}.mgh"))


def image(path):
    im = nib.load(path)
    if isinstance(im, nib.Cifti2Image):
        im = nib.Nifti2Image.from_filename(path)
    h = im.header
    stored = np.asarray(im.dataobj.get_unscaled()) if hasattr(im.dataobj, "get_unscaled") else np.asarray(im.dataobj)
    scaled = np.asanyarray(im.dataobj)
    scaling = [float(im.dataobj.slope), float(im.dataobj.inter)]
    narrow = stored.dtype.kind in "iuf" and stored.dtype.itemsize <= 2 or stored.dtype == np.float32
    if scaling != [1, 0]:
        scaled = (stored.astype("c16" if stored.dtype.kind == "c" else "f8") * scaling[0] + scaling[1]).astype(stored.dtype if stored.dtype.kind == "c" else "f4" if narrow else "f8")
    zooms = [float(z) for z in h.get_zooms()]
    if len(zooms) > 3:
        unit = h.get_xyzt_units()[1] if hasattr(h, "get_xyzt_units") else "msec"
        zooms[3] *= {"msec": 1e-3, "usec": 1e-6}.get(unit, 1)
    out = dict(shape=list(im.shape), dtype=str(stored.dtype.newbyteorder("=")) if not stored.dtype.fields else "rgb", zooms=zooms,
               affine=np.asarray(im.affine, float).ravel().tolist(), scaling=scaling, stored=sha(stored), scaled=sha(scaled),
               axes="".join(nib.aff2axcodes(im.affine)))
    if hasattr(h, "get_sform"):
        out.update(sform=int(h["sform_code"]), qform=int(h["qform_code"]), description=h["descrip"].tobytes().split(b"\0")[0].decode(),
                   intent=int(h["intent_code"]), extensions=[[e.get_code(), e.get_sizeondisk() - 8] for e in h.extensions])
    # A box that does not lie together, and one volume.
    box = tuple(slice(min(1, n - 1), n) if i % 2 == 0 else slice(0, max(1, n - 1)) for i, n in enumerate(im.shape))
    out["box"] = sha(stored[box])
    out["volume"] = sha(stored.reshape(im.shape[:3] + (-1,), order="F")[..., -1])
    return out


made()
golden = {}
skip = ("analyze.hdr", "nifti1.hdr", "nifti2.hdr")
for path in sorted(HERE.glob("made*")) + sorted(p for e in ("*.nii", "*.nii.gz", "*.mgz", "*.mgh") for p in DATA.rglob(e)):
    name = path.name if path.parent == HERE else str(path.relative_to(DATA))
    if path.name.endswith(".img") and path.name != "made-pair2.img" or path.name == "made-pair2.hdr":
        continue
    golden[name] = image(path)
(HERE / "golden.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, default=lambda x: x.item())}" for k, v in golden.items()) + "\n}\n")
