"""The peer of bench/live: the loop a person writes with pylsl, SciPy and PyTorch. It reads the stream NAME, filters it causally, and every
STEP seconds aligns the last window and classifies it with DBConformer (the same sizes as Gyrus's; the weights are random, which does
not change how long it takes). Prints one line of JSON: the latencies from a window's last sample, as the outlet stamped it, to the
decision, in seconds.

  peers.py CONFIG NAME SECONDS STEP SAMPLES KERNEL PATCH ELECTRODE_KERNEL ELECTRODE_STRIDE
"""
import json, math, os, sys

os.environ["LSLAPICFG"] = sys.argv[1]
import numpy as np, pylsl, scipy, scipy.signal, torch, torch.nn as nn, torch.nn.functional as F

name, seconds, step = sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
samples, kernel, patch, ek, es = map(int, sys.argv[5:])
D, HEADS, DEPTH, CLASSES = 40, 10, 2, 2


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.qkv, self.out = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.expand, self.contract = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, t, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, D))
        return x + self.contract(F.gelu(self.expand(self.norm2(x))))


class DBConformer(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.temporal = nn.Sequential(nn.Conv1d(channels, D, 1, bias=False), nn.BatchNorm1d(D), nn.Conv1d(D, D, kernel, padding=kernel // 2, groups=D, bias=False),
                                      nn.BatchNorm1d(D), nn.GELU(), nn.AvgPool1d(patch))
        self.times = nn.Parameter(torch.randn(1, samples // patch, D))
        self.temporal_blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
        self.encoder = nn.Conv1d(1, 16, ek, stride=es, padding=ek // 2)
        self.project = nn.Linear(16, D)
        self.places = nn.Parameter(torch.randn(1, channels, D))
        self.spatial_blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
        self.pool1, self.pool2 = nn.Linear(D, D), nn.Linear(D, 1)
        self.head = nn.Sequential(nn.Linear(2 * D, 64), nn.ELU(), nn.Linear(64, 32), nn.ELU(), nn.Linear(32, CLASSES))

    def forward(self, x):
        b, c, t = x.shape
        z = self.temporal_blocks(self.temporal(x).transpose(1, 2) + self.times)
        e = F.elu(self.encoder(x.reshape(b * c, 1, t))).mean(-1)
        s = self.spatial_blocks(self.project(e).reshape(b, c, D) + self.places)
        a = torch.softmax(self.pool2(torch.tanh(self.pool1(s))), 1)
        return torch.softmax(self.head(torch.cat([z.mean(1), (a * s).sum(1)], -1)), -1), a


found = pylsl.resolve_byprop("name", name, timeout=20)
if not found:
    sys.exit("no stream " + name)
inlet = pylsl.StreamInlet(found[0])
channels, rate = found[0].channel_count(), found[0].nominal_srate()
net = DBConformer(channels).eval()
sos = scipy.signal.butter(4, [8, 32], "bandpass", fs=rate, output="sos")
state = np.zeros((sos.shape[0], channels, 2))
window = np.zeros((channels, samples), np.float32)
alignment = np.eye(channels, dtype=np.float32)
inlet.open_stream()
latencies, frames, every, begun = [], 0, round(step * rate), None
with torch.inference_mode():
    # One thread or as many as PyTorch takes by itself, whichever is faster here.
    took = {}
    for threads in (torch.get_num_threads(), 1):
        torch.set_num_threads(threads)
        times = []
        for _ in range(60):
            t0 = pylsl.local_clock()
            net(torch.from_numpy(window)[None])
            times.append(pylsl.local_clock() - t0)
        took[threads] = float(np.percentile(times[20:], 90))
    torch.set_num_threads(min(took, key=took.get))
    while begun is None or pylsl.local_clock() < begun + seconds:
        sample, t = inlet.pull_sample(timeout=5)
        if sample is None:
            sys.exit("the stream ended")
        rows = [sample]
        more, times = inlet.pull_chunk(timeout=0)
        if times:
            rows, t = rows + more, times[-1]
        block, state = scipy.signal.sosfilt(sos, np.array(rows).T, zi=state)
        window = np.concatenate([window[:, len(rows):], block[:, -samples:].astype(np.float32)], 1)
        before, frames = frames, frames + len(rows)
        if before // every == frames // every or frames < samples:
            continue
        begun = begun or pylsl.local_clock()
        p, a = net(torch.from_numpy(alignment @ window)[None])
        decision = int(p.argmax())
        latencies.append(pylsl.local_clock() - t)
print(json.dumps(dict(latencies=latencies, versions=f"torch {torch.__version__}, liblsl {pylsl.library_version()}, SciPy {scipy.__version__}, {torch.get_num_threads()} threads")))
