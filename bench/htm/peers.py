"""Runs the peers of Gyrus's temporal memory on the stream it wrote, and prints records per second and the ratio.

The stream is a line of active columns per element; beside it lies a file with what Gyrus reached on it: its rate, and after
each element the number of its active cells and of predicted columns, for comparison.
"""
import sys
import time

path = sys.argv[1]
stream = [[int(c) for c in line.split()] for line in open(path)]
gyrus_rate, gyrus = None, []
for line in open(path + ".result"):
    words = line.split()
    if words[0] == "gyrus":
        gyrus_rate = float(words[1])
        print(line.rstrip())
    else:
        gyrus.append((int(words[0]), int(words[1])))


def report(name, n, seconds, active):
    same = sum(a == g for a, (g, _) in zip(active, gyrus))
    # Random choices differ, so only the counts can agree: bursts and predicted elements, not the cells.
    print(f"{name}: {n / seconds:.0f} records/s over {n} records; Gyrus is {gyrus_rate * seconds / n:.1f} times as fast; "
          f"as many active cells as Gyrus at {100 * same / n:.1f} % of the elements")


def htm_core():
    try:
        from htm.algorithms import TemporalMemory
        from htm.bindings.sdr import SDR
    except ImportError:
        print("htm.core: not installed; not compared")
        return
    tm = TemporalMemory(
        columnDimensions=(2048,), cellsPerColumn=32, activationThreshold=15, initialPermanence=0.21,
        connectedPermanence=0.5, minThreshold=15, maxNewSynapseCount=32, permanenceIncrement=0.1, permanenceDecrement=0.1,
        predictedSegmentDecrement=0.02, maxSegmentsPerCell=128, maxSynapsesPerSegment=128, seed=1)
    columns = SDR((2048,))
    active = []
    start = time.perf_counter()
    for bits in stream:
        columns.sparse = bits
        tm.compute(columns, learn=True)
        tm.activateDendrites(True)
        active.append(int(tm.getActiveCells().getSum()))
    report("htm.core", len(stream), time.perf_counter() - start, active)


def numpy_memory(n):
    """The temporal memory of the paper on arrays: one row of 128 synapse slots per segment."""
    try:
        import numpy as np
    except ImportError:
        print("NumPy: not installed; not compared")
        return
    K, C, theta, new, width = 32, 2048, 15, 32, 128
    rng = np.random.default_rng(1)
    cap = 1024
    pre = np.full((cap, width), -1, np.int64)
    perm = np.zeros((cap, width), np.float32)
    owner = np.full(cap, -1, np.int64)
    count = 0
    per_cell = np.zeros(C * K, np.int64)
    on = np.zeros(C * K + 1, bool)  # the last entry stands for an empty slot
    winners = np.zeros(0, np.int64)
    n_conn = np.zeros(0, np.int64)
    n_pot = np.zeros(0, np.int64)
    active_counts = []

    def adapt(s):
        used = pre[s] >= 0
        hit = on[pre[s]] & used
        perm[s][hit] = np.minimum(perm[s][hit] + np.float32(0.1), 1)
        perm[s][used & ~hit] -= np.float32(0.1)
        pre[s][used & (perm[s] < 1e-5)] = -1
        grow(s, new - n_pot[s])

    def grow(s, want):
        candidates = winners[~np.isin(winners, pre[s])]
        want = min(want, len(candidates))
        if want <= 0:
            return
        free = np.flatnonzero(pre[s] < 0)
        if len(free) < want:
            spare = np.flatnonzero((pre[s] >= 0) & ~np.isin(pre[s], winners))
            worst = spare[np.argsort(perm[s][spare], kind="stable")[:want - len(free)]]
            pre[s][worst] = -1
            free = np.flatnonzero(pre[s] < 0)
        free = free[:want]
        pre[s][free] = rng.choice(candidates, len(free), replace=False)
        perm[s][free] = 0.21

    start = time.perf_counter()
    for bits in stream[:n]:
        bits = np.asarray(bits)
        in_columns = np.zeros(C, bool)
        in_columns[bits] = True
        matching = np.flatnonzero(n_pot >= theta)
        columns_of = owner[matching] // K
        next_active, next_winners = [], []
        for c in bits:
            here = matching[columns_of == c]
            live = here[n_conn[here] >= theta]
            if len(live):
                cells = np.unique(owner[live])
                next_active.append(cells)
                next_winners.append(cells)
                for s in live:
                    adapt(s)
                continue
            next_active.append(np.arange(c * K, (c + 1) * K))
            if len(here):
                s = here[np.argmax(n_pot[here])]
                next_winners.append(owner[s:s + 1])
                adapt(s)
                continue
            load = per_cell[c * K:(c + 1) * K]
            cell = c * K + rng.choice(np.flatnonzero(load == load.min()))
            next_winners.append(np.array([cell]))
            if len(winners):
                if count == cap:
                    pre = np.concatenate([pre, np.full((cap, width), -1, np.int64)])
                    perm = np.concatenate([perm, np.zeros((cap, width), np.float32)])
                    owner = np.concatenate([owner, np.full(cap, -1, np.int64)])
                    cap *= 2
                s, count = count, count + 1
                owner[s] = cell
                per_cell[cell] += 1
                grow(s, new)
        wrong = matching[~in_columns[columns_of]]
        if len(wrong):
            hit = on[pre[wrong]] & (pre[wrong] >= 0)
            block = perm[wrong]
            block[hit] -= np.float32(0.02)
            perm[wrong] = block
            row = pre[wrong]
            row[(row >= 0) & (block < 1e-5)] = -1
            pre[wrong] = row
        on[:] = False
        act = np.concatenate(next_active)
        on[act] = True
        winners = np.concatenate(next_winners)
        hit = on[pre[:count]] & (pre[:count] >= 0)
        n_pot = hit.sum(1)
        n_conn = (hit & (perm[:count] >= 0.5 - 1e-6)).sum(1)
        active_counts.append(len(act))
    report("NumPy", n, time.perf_counter() - start, active_counts)


htm_core()
# The NumPy memory goes through the beginning of the stream only, where networks are small and steps are cheap; Gyrus's rate is over
# the whole stream, so the ratio favours NumPy.
numpy_memory(min(len(stream), 2000))
