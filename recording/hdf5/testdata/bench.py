"""Reads the same sets with h5py and with Gyrus, and prints how long each takes.

    python bench.py        # in recording/hdf5/testdata; needs go
"""
import os, re, subprocess, tempfile, time
import numpy as np
import h5py

rng = np.random.default_rng(1)
x = np.cumsum(rng.standard_normal((200000, 64)), axis=0).round(1).astype("<f4")  # 51 MB
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "bench.h5")
    with h5py.File(path, "w") as f:
        f["contiguous"] = x
        f.create_dataset("deflate", data=x, chunks=(4096, 64), compression="gzip", compression_opts=4)
        f.create_dataset("shuffle", data=x, chunks=(4096, 64), compression="gzip", compression_opts=4, shuffle=True)
        f.create_dataset("lzf", data=x, chunks=(4096, 64), compression="lzf", shuffle=True)

    def best(read):
        times = []
        for _ in range(5):
            with h5py.File(path) as f:
                start = time.perf_counter()
                read(f)
                times.append(time.perf_counter() - start)
        return min(times)

    peer = {"contiguous": best(lambda f: f["contiguous"][()]), "deflate": best(lambda f: f["deflate"][()]),
            "shuffle-deflate": best(lambda f: f["shuffle"][()]), "lzf": best(lambda f: f["lzf"][()]),
            "column-of-contiguous": best(lambda f: f["contiguous"][:, 5]), "column-of-deflate": best(lambda f: f["deflate"][:, 5])}
    out = subprocess.run(["go", "test", "-run", "-", "-bench", "Read", "-benchtime", "5x", "-count", "3", ".."],
                         env=os.environ | {"GYRUS_HDF5_BENCH": path}, capture_output=True, text=True, check=True).stdout
    ours = {}
    for name, ns in re.findall(r"BenchmarkRead/(\S+?)(?:-\d+)?\s+\d+\s+(\d+) ns/op", out):
        ours[name] = min(ours.get(name, 1e99), int(ns) / 1e9)
    for name, t in peer.items():
        print(f"{name:22} h5py {1e3 * t:7.1f} ms   gyrus {1e3 * ours[name]:7.1f} ms   gyrus/h5py {ours[name] / t:.2f}")
