"""Makes shd_test.h5, four recordings in the layout of the Spiking Heidelberg Digits: float16 times and uint16 units of variable length, uint8 labels.
Run with h5py 3: python golden.py"""
import h5py, numpy as np

times = [[0, 0.125, 0.5], [0.25], [], [0.5, 0.5, 0.75, 1]]
units = [[5, 699, 0], [300], [], [1, 2, 3, 4]]
with h5py.File("shd_test.h5", "w") as f:
    g = f.create_group("spikes")
    t = g.create_dataset("times", (4,), dtype=h5py.vlen_dtype(np.float16))
    u = g.create_dataset("units", (4,), dtype=h5py.vlen_dtype(np.uint16))
    for i in range(4):
        t[i], u[i] = np.array(times[i], np.float16), np.array(units[i], np.uint16)
    f["labels"] = np.array([3, 19, 0, 7], np.uint8)
