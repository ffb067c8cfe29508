"""Makes made-*.gii and golden.json: what NiBabel reads out of GIFTI files.

    GYRUS_DATA=/path/to/data python golden.py

Values in golden.json were made with NiBabel 5.4.2. Hashes are SHA-256 of little-endian bytes, last axis fastest.
"""
import base64
import gzip
import hashlib
import json
import os
import pathlib
import re
import zlib

import nibabel as nib
import numpy as np
from nibabel.gifti import GiftiCoordSystem, GiftiDataArray, GiftiImage, GiftiLabel, GiftiLabelTable, GiftiMetaData

HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(os.environ["GYRUS_DATA"])


def sha(x):
    return hashlib.sha256(np.ascontiguousarray(x, x.dtype.newbyteorder("<")).tobytes()).hexdigest()[:16]


def swapped(text):
    """Turns the bytes of all numbers round."""
    def data(match):
        raw = base64.b64decode(match[3])
        packed = match[0].count("GZipBase64Binary") > 0
        raw = zlib.decompress(raw) if packed else raw
        size = 1 if "UINT8" in match[0] else 4
        raw = b"".join(raw[i:i + size][::-1] for i in range(0, len(raw), size))
        raw = zlib.compress(raw) if packed else raw
        return match[1].replace("LittleEndian", "BigEndian") + match[2] + base64.b64encode(raw).decode() + "</Data>"
    return re.sub(r"(<DataArray[^>]*>)(.*?<Data>)([^<]*)</Data>", data, text, flags=re.S)


def made():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(5, 3)).astype("f4") * 50
    triangles = np.array([[0, 1, 2], [0, 2, 3], [1, 4, 2]], "i4")
    move = GiftiCoordSystem("NIFTI_XFORM_SCANNER_ANAT", "NIFTI_XFORM_TALAIRACH", np.array([[1, 0, 0, 5], [0, 0, -1, 2], [0, 1, 0, 0.5], [0, 0, 0, 1]]))
    for encoding in ("ASCII", "B64BIN", "B64GZ"):
        for order in ("C", "F"):
            for endian in ("little", "big"):
                if encoding == "ASCII" and order == "F":
                    continue  # NiBabel takes lines of text for rows, whatever the file says of its order
                if endian == "big" and (encoding == "ASCII" or order == "F"):
                    continue
                arrays = [
                    GiftiDataArray(points, "NIFTI_INTENT_POINTSET", encoding=encoding, coordsys=move, ordering=order,
                                   meta=GiftiMetaData(AnatomicalStructurePrimary="CortexLeft")),
                    GiftiDataArray(triangles, "NIFTI_INTENT_TRIANGLE", encoding=encoding, ordering=order),
                    GiftiDataArray(np.array([3, 3, 7, 3, 7], "i4"), "NIFTI_INTENT_LABEL", encoding=encoding),
                    GiftiDataArray(np.array([0, 255, 7, 3, 1], "u1"), "NIFTI_INTENT_SHAPE", encoding=encoding, meta=GiftiMetaData(Name="depth: <5>")),
                ]
                table = GiftiLabelTable()
                for key, name in ((3, "left & right"), (7, "außen")):
                    label = GiftiLabel(key, 0.25, 0.5, 1.0, 0.75)
                    label.label = name
                    table.labels.append(label)
                image = GiftiImage(darrays=arrays, labeltable=table, meta=GiftiMetaData(maker="golden.py"))
                path = HERE / f"made-{encoding.lower()}-{order.lower()}-{endian}.gii"
                nib.save(image, path)
                if endian == "big":  # NiBabel writes little-endian only
                    path.write_text(swapped(path.read_text()))
    series = [GiftiDataArray(rng.normal(size=4).astype("f4"), "NIFTI_INTENT_TIME_SERIES", meta=GiftiMetaData(TimeStep="2500")) for _ in range(3)]
    nib.save(GiftiImage(darrays=series), HERE / "made-series.func.gii")


def image(path):
    im = nib.load(path) if not path.name.endswith(".gz") else GiftiImage.from_bytes(gzip.decompress(path.read_bytes()))
    return dict(
        meta=dict(im.meta), labels=[[l.key, l.label, list(l.rgba)] for l in im.labeltable.labels],
        arrays=[dict(intent=nib.nifti1.intent_codes.niistring[a.intent].removeprefix("NIFTI_INTENT_").lower(), shape=list(a.data.shape), dtype=a.data.dtype.name, data=sha(a.data),
                     meta=dict(a.meta), transform=a.coordsys.xform.ravel().tolist() if a.coordsys is not None and a.intent == 1008 else None) for a in im.darrays])


made()
golden = {}
for path in sorted(HERE.glob("made*.gii")) + sorted(DATA.rglob("*.gii")) + sorted(DATA.rglob("*.gii.gz")):
    golden[path.name if path.parent == HERE else str(path.relative_to(DATA))] = image(path)
(HERE / "golden.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, default=lambda x: x.item())}" for k, v in golden.items()) + "\n}\n")
