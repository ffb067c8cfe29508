"""Makes maze.nwb, a small file laid out like MC_Maze of the Neural Latents Benchmark (DANDI 000128), and maze.npz, the tensors that
nlb_tools 0.0.4 (the benchmark's own preprocessing) makes of it. Needs pynwb, nlb_tools and pandas < 2. The spikes are Poisson draws;
nlb_tools bins the whole recording on one 20 ms grid, and a trial begins with the first bin of it that lies 250 ms before the onset or later.
Here that is exactly 250 ms before, so that aligning the bins to the event itself gives the same."""
import datetime
import numpy as np
from hdmf.backends.hdf5 import H5DataIO
from pynwb import NWBFile, NWBHDF5IO, TimeSeries
from nlb_tools.nwb_interface import NWBDataset
from nlb_tools.make_tensors import make_train_input_tensors, make_eval_input_tensors

rng = np.random.default_rng(1)
trials, length = 16, 1.6
held_out = [False, True, False, False, True]
f = NWBFile("maze", "maze", datetime.datetime(2021, 1, 1, tzinfo=datetime.timezone.utc))
f.add_unit_column("heldout", "held out")
for h in held_out:
    times = np.sort(np.round(rng.uniform(0, trials * length, 250), 4)) + 3e-5
    f.add_unit(spike_times=times, heldout=h, obs_intervals=[[0, trials * length]])
for name in ["move_onset_time", "split", "trial_type", "trial_version"]:
    f.add_trial_column(name, name)
for k in range(trials):
    start = k * length
    onset = start + 0.61 + 0.02 * (k % 5)
    f.add_trial(start_time=start, stop_time=start + length, move_onset_time=onset, split="val" if k % 4 == 3 else "train", trial_type=0, trial_version=0)
t = np.arange(int(trials * length * 1000)) / 1000
velocity = np.stack([np.sin(3 * t), np.cos(2 * t)], 1)
f.create_processing_module("behavior", "behavior").add(TimeSeries(name="hand_vel", data=H5DataIO(velocity.astype("f4"), compression="gzip", shuffle=True), timestamps=H5DataIO(t, compression="gzip", shuffle=True), unit="mm/s"))
with NWBHDF5IO("maze.nwb", "w") as io:
    io.write(f, cache_spec=False)

d = NWBDataset("maze.nwb")
d.resample(20)
out = dict(make_train_input_tensors(d, "mc_maze", trial_split="train", save_file=False, include_behavior=True, include_forward_pred=True, return_dict=True))
val = make_train_input_tensors(d, "mc_maze", trial_split="val", save_file=False, include_behavior=True, include_forward_pred=True, return_dict=True)
out.update({k.replace("train_", "eval_"): v for k, v in val.items()})
for k, v in out.items():
    print(k, v.shape, v.dtype)
np.savez_compressed("maze.npz", **{k: v.astype("f4") for k, v in out.items()})
