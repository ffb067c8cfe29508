"""Writes golden.json: what h5py makes of the HDF5 files the tests read, and the made-*.h5 files beside it.

    python golden.py DATA_FOLDER    # the folder GYRUS_DATA names

made with h5py 3.16.0 (HDF5 2.0.0), hdf5plugin 7.1.0 and numpy 2.4.6. The values of a dataset or attribute are recorded as the
first 64 bits of the SHA-256 of their elements in row-major order, each written as canon() does, joined by newlines: equality
is exact however large they are.
"""
import ctypes, gzip, hashlib, json, pathlib, shutil, struct, sys
import numpy as np
import h5py
import hdf5plugin  # registers LZ4 and bitshuffle

here = pathlib.Path(__file__).parent


names = {}  # by address: the path under which an object is reached first


def name(o):
    return names[h5py.h5o.get_info(o.id).addr]


def canon(v, f):
    if isinstance(v, np.ndarray) and v.dtype != object and v.ndim == 0:
        v = v[()]
    if isinstance(v, (np.bool_, bool)):
        return "true" if v else "false"
    if isinstance(v, (np.integer, int)):
        return str(int(v))
    if isinstance(v, (np.floating, float)):
        return "nan" if np.isnan(v) else struct.pack(">d", float(v)).hex()
    if isinstance(v, (np.complexfloating, complex)):
        return f"({canon(v.real, f)},{canon(v.imag, f)})"
    if isinstance(v, str):
        v = v.encode()
    if isinstance(v, bytes):
        return json.dumps(v.decode("utf-8", "backslashreplace"))
    if isinstance(v, h5py.RegionReference):
        if not v:
            return "region:null"
        s = h5py.h5r.get_region(v, f.id)
        kind = s.get_select_type()
        if kind == h5py.h5s.SEL_POINTS:
            sel = "points" + json.dumps(s.get_select_elem_pointlist().tolist(), separators=(",", ":"))
        elif kind == h5py.h5s.SEL_ALL:
            sel = "all"
        else:
            sel = "blocks" + json.dumps(s.get_select_hyper_blocklist().tolist(), separators=(",", ":"))
        return "region:" + name(f[v]) + ":" + sel
    if isinstance(v, h5py.Reference):
        return "ref:" + (name(f[v]) if v else "null")
    if isinstance(v, np.void) and v.dtype.names:
        names = v.dtype.names
        if names == ("real", "imag"):
            return f"({canon(v['real'], f)},{canon(v['imag'], f)})"
        return "{" + ",".join(f"{n}:{canon(v[n], f)}" for n in names) + "}"
    if isinstance(v, (np.void, np.datetime64)):
        return v.tobytes().hex()
    if isinstance(v, np.ndarray):
        return "[" + ",".join(canon(x, f) for x in v.reshape(-1)) + "]"
    raise TypeError(f"{type(v)} {v!r}")


def record(value, dims, tid, f):
    if isinstance(value, h5py.Empty):
        return {"null": True}
    if tid.get_class() == h5py.h5t.ARRAY and value.ndim > len(dims):
        value = [value[i] for i in np.ndindex(*dims)]  # an array of a type that is an array
    elif not isinstance(value, np.ndarray):
        value = [value]
    elif value.dtype.names or value.dtype == object:
        value = [value[i] for i in np.ndindex(*value.shape)]
    else:
        value = value.reshape(-1)
    if tid.get_class() == h5py.h5t.STRING and not tid.is_variable_str() and tid.get_strpad() == h5py.h5t.STR_SPACEPAD:
        value = [v.rstrip(b" ") for v in value]
    if tid.get_class() == h5py.h5t.OPAQUE:  # some tags make h5py take the bytes for text
        value = [np.void(bytes(v).ljust(tid.get_size(), b"\0")) for v in np.asarray(value).reshape(-1)]
    text = "\n".join(canon(v, f) for v in value)
    return {"dims": list(dims), "sha": hashlib.sha256(text.encode()).hexdigest()[:16]}


def read(path):
    try:
        f = h5py.File(path, "r")
    except OSError as e:
        return {"error": str(e)[:120]}
    out = {}

    def visit(name, o):
        entry = {"kind": {h5py.Group: "group", h5py.Dataset: "dataset", h5py.Datatype: "datatype"}[type(o)], "attrs": {}}
        for k in o.attrs:
            a = o.attrs.get_id(k)
            try:
                value = o.attrs[k]
                if a.get_type().get_class() == h5py.h5t.STRING and a.get_type().is_variable_str() and a.shape:
                    value = np.array([v.encode() if isinstance(v, str) else v for v in np.asarray(value).reshape(-1)], dtype=object)
                entry["attrs"][k] = record(value, a.shape, a.get_type(), f)
            except Exception as e:
                entry["attrs"][k] = {"error": f"{type(e).__name__}: {e}"[:120]}
        if isinstance(o, h5py.Dataset):
            try:
                entry |= record(o[()], o.shape, o.id.get_type(), f)
            except Exception as e:
                entry["error"] = f"{type(e).__name__}: {e}"[:120]
        out[o.name] = entry

    names.clear()
    names[h5py.h5o.get_info(f.id).addr] = "/"
    f.visititems(lambda _, o: names.update({h5py.h5o.get_info(o.id).addr: o.name}))
    visit("/", f["/"])
    f.visititems(visit)
    return out


def make():
    rng = np.random.default_rng(1)
    for version, libver in (("earliest", ("earliest", "v108")), ("v110", ("v110", "v110")), ("latest", ("latest", "latest"))):
        with h5py.File(here / f"made-{version}.h5", "w", libver=libver, userblock_size=1024 if version == "v110" else 0) as f:
            types(f, rng)
            layouts(f, rng)
            links(f)
    # Nodes of B-trees within nodes, and blocks of fractal heaps within blocks.
    with h5py.File(here / "made-deep.h5", "w", libver="latest") as f:
        d = f.create_dataset("btree2", (80, 80), np.uint8, maxshape=(None, None), chunks=(1, 1))
        d[:] = np.arange(6400).reshape(80, 80) % 251
        many = f.create_group("many", track_order=True)
        for i in range(1500):
            many[f"link with a longer name {(i * 7919) % 1500:05d}"] = h5py.SoftLink("/btree2")
        g = f.create_group("dense")
        for i in range(180):
            g.attrs[f"attribute {i:03d}"] = np.full(500, i, np.float64)
    with h5py.File(here / "made-deep-earliest.h5", "w", libver="earliest") as f:
        d = f.create_dataset("btree1", (50, 60), np.int8, maxshape=(None, None), chunks=(1, 1))
        d[:] = np.arange(3000).reshape(50, 60) % 113
        many = f.create_group("many")
        for i in range(600):
            many[f"{(i * 7919) % 600:05d}"] = h5py.SoftLink("/btree1")
    with h5py.File(here / "made-example.h5", "w") as f:
        x = f.create_dataset("acquisition/lfp", data=np.round(100 * np.sin(np.arange(2000).reshape(500, 4) / 20)).astype("<i2"),
                             chunks=(100, 4), compression="gzip", shuffle=True)
        x.attrs["unit"], x.attrs["rate"] = "uV", 250.0
        f["acquisition/channels"] = np.array(["C3", "Cz", "C4", "Pz"], h5py.string_dtype())
        f.attrs["subject"] = "s01"
    # Messages that several objects share, for which h5py has no call: its library is asked directly.
    lib = ctypes.CDLL(next(str(p) for p in pathlib.Path(h5py.__file__).parent.parent.glob("h5py.libs/libhdf5-*")))
    plist = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    lib.H5Pset_shared_mesg_nindexes(ctypes.c_int64(plist.id), ctypes.c_uint(2))
    lib.H5Pset_shared_mesg_index(ctypes.c_int64(plist.id), ctypes.c_uint(0), ctypes.c_uint(0x0F), ctypes.c_uint(8))
    lib.H5Pset_shared_mesg_index(ctypes.c_int64(plist.id), ctypes.c_uint(1), ctypes.c_uint(0x10), ctypes.c_uint(8))
    with h5py.File(h5py.h5f.create(str(here / "made-shared.h5").encode(), fcpl=plist)) as f:
        for i in range(60):
            d = f.create_dataset(f"{i:02d}", data=np.arange(20.0).reshape(4, 5) + i, chunks=(2, 5), fillvalue=7.0, compression="gzip")
            d.attrs["note"] = np.arange(12.0)
            for k in range(12 * (i % 5 == 0)):
                d.attrs[f"dense {k}"] = np.arange(12.0)
    # A group whose heap of links went through a filter.
    plist = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    lib.H5Pset_deflate(ctypes.c_int64(plist.id), ctypes.c_uint(6))
    with h5py.File(here / "made-shared.h5", "a") as f:
        g = h5py.Group(h5py.h5g.create(f.id, b"filtered", gcpl=plist))
        for i in range(300):
            g[f"link {(i * 7919) % 300:03d}"] = h5py.SoftLink("/00")
        for i in range(3):
            g[str(i) * 1000] = h5py.SoftLink("/nowhere/" * 500)
    # Small ones, for fuzzing to begin with.
    for version, libver in (("old", ("earliest", "v108")), ("new", ("v110", "v110"))):
        with h5py.File(here / f"made-small-{version}.h5", "w", libver=libver) as f:
            x = np.arange(24, dtype=">i2").reshape(4, 6)
            f.create_dataset("fixed", data=x, chunks=(2, 4), compression="gzip", shuffle=True, fletcher32=True)
            f.create_dataset("extensible", data=x, chunks=(1, 4), maxshape=(None, 6), compression="lzf")
            f.create_dataset("unlimited", data=x, chunks=(2, 2), maxshape=(None, None))
            f.create_dataset("rows", data=np.array([(1, "ab", [1, 2])], [("n", "<i4"), ("s", h5py.string_dtype()), ("a", "u1", 2)]))
            f.create_dataset("sequence", (1,), h5py.vlen_dtype(np.float32))[0] = [1, 2]
            f.create_dataset("reference", data=np.array([f["fixed"].ref], h5py.ref_dtype))
            f["soft"] = h5py.SoftLink("/rows")
            for i in range(9 * (version == "new")):
                f["rows"].attrs[str(i)] = i
                f[f"link {i}"] = f["rows"]
    for name in ("made-shared", "made-earliest", "made-v110", "made-latest", "made-deep", "made-deep-earliest"):
        with open(here / (name + ".h5"), "rb") as raw, open(here / (name + ".h5.gz"), "wb") as out:
            with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as z:
                shutil.copyfileobj(raw, z)
        (here / (name + ".h5")).unlink()


def types(f, rng):
    g = f.create_group("types")
    for kind in "iu":
        for size in (1, 2, 4, 8):
            for order in "<>":
                info = np.iinfo(f"{kind}{size}")
                g[f"{order}{kind}{size}".replace("<", "le ").replace(">", "be ")] = np.array([info.min, info.max, 1, 42], f"{order}{kind}{size}")
    special = [0.0, -0.0, 1.5, -2.25, np.inf, -np.inf, np.nan, 6e-8]
    for size in (2, 4, 8):
        for order in "<>":
            g[f"{order}f{size}".replace("<", "le ").replace(">", "be ")] = np.array(special, f"{order}f{size}")
    g["longdouble"] = np.array([1.5, -2.25, np.pi, np.inf, 0], np.longdouble)
    odd = h5py.h5t.STD_I32BE.copy()  # 11 bits from bit 5 on
    odd.set_precision(11)
    odd.set_offset(5)
    low_level(g, "int11", odd, np.array([-1024, 1023, -1, 7], np.int32), h5py.h5t.NATIVE_INT32)
    odd = h5py.h5t.STD_U64LE.copy()
    odd.set_precision(20)
    odd.set_size(3)
    low_level(g, "uint20", odd, np.array([0, 1, 1 << 19, (1 << 20) - 1], np.uint32), h5py.h5t.NATIVE_UINT32)
    odd = h5py.h5t.IEEE_F32BE.copy()  # bfloat16
    odd.set_fields(15, 7, 8, 0, 7)
    odd.set_size(2)
    odd.set_ebias(127)
    low_level(g, "bfloat16", odd, np.array([1.5, -2.0, 0, 256], np.float32), h5py.h5t.NATIVE_FLOAT)
    g["complex64"] = np.array([1 - 2j, 3.5j], np.complex64)
    if f.libver[1] not in ("v108", "v110"):  # HDF5 2.0 has complex numbers of its own
        z = np.array([1 - 2j, 3.5j], np.complex128)
        low_level(g, "native complex64", h5py.h5t.COMPLEX_IEEE_F32BE, z, h5py.h5t.NATIVE_DOUBLE_COMPLEX)
        low_level(g, "native complex128", h5py.h5t.COMPLEX_IEEE_F64LE, z, h5py.h5t.NATIVE_DOUBLE_COMPLEX)
    g["complex128"] = np.array([[1 - 2j, np.inf + 3.5j]], np.complex128)
    g["bool"] = np.array([[True, False], [False, True]])
    g.create_dataset("enum", data=np.array([2, 1, 300], np.int16), dtype=h5py.enum_dtype({"RED": 1, "GREEN": 2, "BLUE": 300}, np.int16))
    g["fixed"] = np.array([b"ab", b"", b"abcde"], "S5")
    g.create_dataset("fixed utf8", data=np.array(["µV".encode(), "°".encode()], h5py.string_dtype("utf-8", 6)))
    space = h5py.h5t.C_S1.copy()
    space.set_size(6)
    space.set_strpad(h5py.h5t.STR_SPACEPAD)
    low_level(g, "spaces", space, np.array([b"ab    ", b"  c   "], "S6"), space)
    g.create_dataset("vlen", data=["left–right", "", "tap"], dtype=h5py.string_dtype())
    g.create_dataset("scalar text", data="hello", dtype=h5py.string_dtype("ascii"))
    seq = g.create_dataset("sequences", (3,), h5py.vlen_dtype(np.dtype(">i2")))
    for i, x in enumerate(([1, 2, 3], [], [-7])):
        seq[i] = x
    floats = g.create_dataset("sequences of floats", (2,), h5py.vlen_dtype(np.dtype("<f4")))
    floats[0], floats[1] = [0.5, np.inf], [-1]
    texts = g.create_dataset("sequences of text", (2,), h5py.vlen_dtype(h5py.string_dtype()))
    texts[0] = np.array(["a", "bc"], object)
    texts[1] = np.array(["def"], object)
    inner = np.dtype([("x", "<f4"), ("ok", "?"), ("name", "S3")])
    outer = np.dtype([("id", ">u2"), ("in", inner), ("m", "<i2", (2, 3)), ("z", "<c8"), ("note", h5py.string_dtype())])
    rows = np.zeros(2, outer)
    rows["id"], rows["in"]["x"], rows["in"]["ok"], rows["in"]["name"] = [1, 65535], [0.5, -1], [True, False], [b"abc", b"d"]
    rows["m"], rows["z"] = np.arange(12).reshape(2, 2, 3), [1j, 2]
    rows["note"] = ["first", "second"]
    g.create_dataset("compound", data=rows)
    g["array"] = np.zeros(3, [("v", "<f8")])["v"]
    d = h5py.h5d.create(g.id, b"arrays", h5py.h5t.array_create(h5py.h5t.STD_I16BE, (2, 3)), h5py.h5s.create_simple((4,)))
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(24, dtype=">i2").reshape(4, 2, 3), h5py.h5t.array_create(h5py.h5t.STD_I16BE, (2, 3)))
    g["opaque"] = np.array([b"\x01\x02\x03", b"\xff\x00\x10"], "V3")
    g["object references"] = np.array([f.ref, g["bool"].ref], h5py.ref_dtype)
    region = g["le i4"].regionref[1:3]
    grid = g.create_dataset("grid", data=np.arange(40).reshape(5, 8))
    regions = g.create_dataset("region references", (4,), h5py.regionref_dtype)
    regions[0], regions[1], regions[2] = region, grid.regionref[1:4:2, 2:6], grid.regionref[:, :]
    f["committed"] = np.dtype([("a", "<i4"), ("b", "<f8")])
    g.create_dataset("of committed", data=np.array([(1, 2.5)], f["committed"].dtype), dtype=f["committed"])
    g.attrs.create("with committed", np.array([(3, 4.5)], f["committed"].dtype), dtype=f["committed"])
    g["null"] = h5py.Empty("f4")
    g.attrs["null"] = h5py.Empty("S1")
    g.attrs["text"] = "Elektrode °"
    g.attrs["texts"] = ["a", "bc", ""]
    g.attrs["matrix"] = np.arange(6, dtype=">f4").reshape(2, 3)
    g.attrs["reference"] = g["grid"].ref
    dense = f.create_group("dense", track_order=True)
    for i in range(30):
        dense.attrs[f"{(i * 11) % 30} of thirty"] = np.arange(i, dtype=np.int32)


def low_level(g, name, file_type, data, memory_type):
    d = h5py.h5d.create(g.id, name.encode(), file_type, h5py.h5s.create_simple(data.shape))
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, data, memory_type)


def layouts(f, rng):
    g = f.create_group("layouts")
    x = rng.integers(-30000, 30000, (23, 17, 5)).astype("<i2")
    f3 = rng.standard_normal((40, 6)).round(2)
    g["contiguous"] = x
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    d = h5py.h5d.create(g.id, b"compact", h5py.h5t.STD_I16LE, h5py.h5s.create_simple((4, 5)), plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(20, dtype="<i2").reshape(4, 5))
    g.create_dataset("one chunk", data=x, chunks=x.shape)
    g.create_dataset("one chunk deflate", data=x, chunks=x.shape, compression="gzip")
    g.create_dataset("fixed", data=x, chunks=(5, 4, 5))
    g.create_dataset("fixed deflate", data=x, chunks=(5, 4, 3), compression="gzip")
    g.create_dataset("may grow to", data=x, chunks=(5, 4, 3), maxshape=(40, 40, 40))
    g.create_dataset("may grow to deflate", data=x, chunks=(5, 4, 3), maxshape=(40, 40, 40), compression="gzip")
    g.create_dataset("extensible", data=x, chunks=(2, 4, 5), maxshape=(None, 17, 5))
    g.create_dataset("extensible shuffle deflate", data=x, chunks=(2, 4, 5), maxshape=(23, None, 8), compression="gzip", shuffle=True)
    g.create_dataset("unlimited", data=x, chunks=(2, 4, 5), maxshape=(None, None, 5))
    g.create_dataset("unlimited lzf", data=np.repeat(x[:, :, :1], 8, axis=2), chunks=(5, 4, 8), maxshape=(None, None, 8), compression="lzf")
    g.create_dataset("fletcher", data=f3, chunks=(7, 5), fletcher32=True, shuffle=True, compression="gzip")
    g.create_dataset("odd fletcher", data=np.arange(35, dtype=np.uint8), chunks=(7,), fletcher32=True)
    g.create_dataset("shuffle complex", data=f3 + 1j, chunks=(7, 5), shuffle=True, compression="gzip")
    g.create_dataset("scaleoffset", data=x, chunks=(5, 4, 5), scaleoffset=0)
    g.create_dataset("lz4", data=np.round(f3), chunks=(16, 6), **hdf5plugin.LZ4(nbytes=64))
    g.create_dataset("bitshuffle", data=np.round(f3), chunks=(15, 5), **hdf5plugin.Bitshuffle(nelems=16, cname="none"))
    g.create_dataset("bitshuffle lz4", data=np.round(f3), chunks=(15, 5), **hdf5plugin.Bitshuffle(nelems=16, cname="lz4"))
    g.create_dataset("bitshuffle lz4 3 bytes", data=np.arange(50).astype("V3"), chunks=(41,), **hdf5plugin.Bitshuffle(cname="lz4"))
    g.create_dataset("bitshuffle zstd", data=np.round(f3), chunks=(15, 5), **hdf5plugin.Bitshuffle(cname="zstd"))
    g.create_dataset("fill", (3, 4), "<i4", fillvalue=-7)
    g.create_dataset("fill chunks", (9, 4), "<f4", fillvalue=2.5, chunks=(2, 3))[4, 2] = 1
    g.create_dataset("fill text", (2,), "S3", fillvalue=b"abc")
    shrunk = g.create_dataset("shrunk", data=x[:, :, 0], chunks=(4, 4), maxshape=(None, 40))
    shrunk.resize((9, 12))
    grown = g.create_dataset("grown", data=x[:, :, 0], chunks=(4, 4), maxshape=(None, None), fillvalue=3)
    grown.resize((50, 30))
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_chunk((5, 4))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    d = h5py.h5d.create(g.id, b"implicit", h5py.h5t.STD_I16LE, h5py.h5s.create_simple((23, 17), (30, 40)), early)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(x[:, :, 1]))
    edges = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    edges.set_chunk((5, 4))
    edges.set_deflate(4)
    if hasattr(edges, "set_chunk_opts"):
        edges.set_chunk_opts(2)
    d = h5py.h5d.create(g.id, b"whole edges", h5py.h5t.STD_I16LE, h5py.h5s.create_simple((23, 17)), edges)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(x[:, :, 2]))
    # Far into an extensible array, where its blocks come in pages.
    far = g.create_dataset("far", (200000,), np.int8, maxshape=(None,), chunks=(1,))
    for i in (0, 3, 4, 19, 20, 40, 100, 1000, 5000, 140000, 140001, 199999):
        far[i] = i % 127
    far = g.create_dataset("far deflate", (200000,), np.int8, maxshape=(None,), chunks=(1,), compression="gzip")
    for i in (2, 140000, 199999):
        far[i] = i % 127
    paged = g.create_dataset("paged", (60, 50), np.int8, chunks=(1, 1))  # a fixed array of pages, one not written
    paged[0, :] = np.arange(50)
    paged[59, :] = -np.arange(50)
    if f.libver[1] != "v108":
        v = h5py.VirtualLayout((2, 23, 17, 5), "<i2")
        v[0] = h5py.VirtualSource(g["contiguous"])
        g.create_virtual_dataset("virtual", v)
    g.create_dataset("external", (4,), "<i4", external=[("elsewhere.bin", 0, 16)])


def links(f):
    g = f.create_group("links")
    g["hard"] = f["types/bool"]
    g["soft"] = h5py.SoftLink("/types/bool")
    g["relative"] = h5py.SoftLink("deeper/again")
    g["dangling"] = h5py.SoftLink("/nowhere")
    g["circle"] = h5py.SoftLink("/links/circle")
    g["external"] = h5py.ExternalLink("elsewhere.h5", "/x")
    deeper = g.create_group("deeper")
    deeper["again"] = f["layouts/compact"]
    deeper["up"] = g  # a circle of groups
    many = f.create_group("many", track_order=True)
    for i in range(40):
        many[f"group {(i * 7) % 40}"] = f["types"]


if __name__ == "__main__":
    make()
    data = pathlib.Path(sys.argv[1])
    files = sorted(data.glob("formats/hdf5-jhdf/*.hdf5*")) + sorted(data.glob("formats/nwb-pynwb/*.nwb"))
    files += [data / "fnirs/snirf/20220217_nirx_15_3_recording.snirf", data / "formats/mat-scipy/testhdf5_7.4_GLNX86.mat"]
    golden = {str(p.relative_to(data)): read(p) for p in files}
    for p in sorted(here.glob("made-*.h5")):
        golden[p.name] = read(p)
    for p in sorted(here.glob("made-*.h5.gz")):
        plain = p.with_suffix("")
        plain.write_bytes(gzip.decompress(p.read_bytes()))
        golden[p.name] = read(plain)
        plain.unlink()
    text = json.dumps(golden, separators=(",", ":"), ensure_ascii=True)
    (here / "golden.json").write_text(text.replace('},"/', '},\n"/') + "\n")
