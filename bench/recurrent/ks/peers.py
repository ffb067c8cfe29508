# NumPy's side; package versus says how its functions are called.

def solve(rfft, irfft, title):
    import numpy as np
    n, steps, length, dt = 512, 10000 // part, 100.0, 0.25
    k = 2 * np.pi * np.arange(n // 2 + 1) / length
    linear = k**2 - k**4
    whole, half = np.exp(dt * linear), np.exp(dt * linear / 2)
    z = dt * linear[:, None] + np.exp(1j * np.pi * (np.arange(16) + 0.5) / 16)[None]
    mean = lambda f: dt * f.mean(1).real
    q = mean((np.exp(z / 2) - 1) / z)
    f1 = mean((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3)
    f2 = 2 * mean((2 + z + np.exp(z) * (z - 2)) / z**3)
    f3 = mean((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3)
    g = -0.5j * k
    g[-1] = 0
    start, soon = (np.fromfile(f"{directory}/{name}", "<f8") for name in ("start", "soon"))

    def product(v):
        u = irfft(v)
        u *= u
        w = rfft(u)
        w *= g
        return w

    def advance(u, steps):
        v = rfft(u)
        for _ in range(steps):
            nv = product(v)
            halved = half * v
            a = halved + q * nv
            na = product(a)
            nb = product(halved + q * na)
            nc = product(half * a + q * (2 * nb - nv))
            v = whole * v + f1 * nv + f2 * (na + nb) + f3 * nc
        return irfft(v)

    def run():
        off = np.abs(advance(start, 100) - soon).max()
        if not off < 1e-9:
            raise RuntimeError(f"the fields differ by {off} after 100 steps")
        t = time.perf_counter()
        u = advance(start, steps)
        seconds = time.perf_counter() - t
        return seconds, f"{1e6 * seconds / steps:.1f} µs a step, root mean square {np.sqrt(np.mean(u**2)):.2f} at the end; {off:.0e} apart after 100 steps"

    return title, run

def ks_numpy():
    import numpy as np
    return solve(np.fft.rfft, np.fft.irfft, f"NumPy {np.__version__}")

def ks_scipy():
    import scipy, scipy.fft
    return solve(scipy.fft.rfft, scipy.fft.irfft, f"NumPy with transforms of SciPy {scipy.__version__}")
