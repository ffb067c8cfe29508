# The other libraries' side; package versus says how its functions are called.

def izhikevich_parameters(np):
    r = np.random.default_rng(1).random(10000)
    e = np.arange(10000) < 8000
    return dict(a=np.where(e, .02, .02 + .08 * r), b=np.where(e, .2, .25 - .05 * r),
                c=np.where(e, -65 + 15 * r * r, -65), d=np.where(e, 8 - 6 * r * r, 2), sd=np.where(e, 5., 2.))

def network_brian2():
    import numpy as np, brian2 as b2, shutil
    b2.BrianLogger.suppress_hierarchy("brian2")
    standalone = shutil.which("g++") is not None
    steps = 1000 // part
    p = izhikevich_parameters(np)
    def build():
        b2.defaultclock.dt = 1 * b2.ms
        # The equations of the 2003 paper in its own steps: v in two halves, then u.
        g = b2.NeuronGroup(10000, """v : 1
            u : 1
            I : 1
            a : 1 (constant)
            b : 1 (constant)
            c : 1 (constant)
            d : 1 (constant)
            sd : 1 (constant)""", threshold="v >= 30", reset="v = c; u += d")
        g.run_regularly("""I += sd*randn()
            v += 0.5*(0.04*v**2 + 5*v + 140 - u + I)
            v += 0.5*(0.04*v**2 + 5*v + 140 - u + I)
            u += a*(b*v - u)
            I = 0""", when="groups")
        s = b2.Synapses(g, g, "w : 1 (constant)", on_pre="I_post += w")
        rng = np.random.default_rng(2)
        s.connect(i=np.repeat(np.arange(10000), 1000), j=rng.integers(0, 10000, 10_000_000))
        counter = b2.SpikeMonitor(g, record=False)
        g.v = -65
        for name in ("a", "b", "c", "d", "sd"):
            setattr(g, name, p[name])
        g.u = p["b"] * -65
        weights = rng.random(10_000_000)
        s.w = np.where(np.repeat(np.arange(10000) < 8000, 1000), .5 * weights, -weights)
        return b2.Network(g, s, counter), counter
    if standalone:
        b2.set_device("cpp_standalone", build_on_run=False, directory=os.path.join(directory, "brian2"))
        b2.prefs.devices.cpp_standalone.openmp_threads = THREADS
        net, counter = build()
        net.run(steps * b2.ms)
        b2.device.build(directory=os.path.join(directory, "brian2"), compile=True, run=False, debug=False)
        def run():
            b2.device.run(os.path.join(directory, "brian2"), with_output=False, run_args=[])
            return b2.device._last_run_time, f"C++ standalone, {THREADS} OpenMP threads, {counter.num_spikes / 10000 / (steps / 1000):.1f} Hz"
    else:
        net, counter = build()
        net.store()
        def run():
            net.restore()
            t = time.perf_counter()
            net.run(steps * b2.ms)
            return time.perf_counter() - t, f"runtime mode, as there is no compiler, {counter.num_spikes / 10000 / (steps / 1000):.1f} Hz"
    return f"Brian2 {b2.__version__}", run

def network_nest():
    import numpy as np, nest
    nest.set_verbosity("M_ERROR")
    steps = 1000 // part
    p = izhikevich_parameters(np)
    nest.ResetKernel()
    nest.local_num_threads = THREADS
    nest.resolution = 1.0
    n = nest.Create("izhikevich", 10000, dict(a=p["a"], b=p["b"], c=p["c"], d=p["d"], V_m=np.full(10000, -65.), U_m=p["b"] * -65,
                                              consistent_integration=False))
    for mask, sd, size, low, high in ((slice(0, 8000), 5., 8000, 0., .5), (slice(8000, 10000), 2., 2000, -1., 0.)):
        nest.Connect(nest.Create("noise_generator", params=dict(std=sd, dt=1.0)), n[mask])
        nest.Connect(n[mask], n, dict(rule="fixed_outdegree", outdegree=1000),
                     dict(synapse_model="static_synapse", weight=nest.random.uniform(low, high), delay=1.0))
    recorder = nest.Create("spike_recorder")
    nest.Connect(n, recorder)
    nest.Prepare()
    before = [0]
    def run():  # it goes on from where it was: NEST cannot go back
        t = time.perf_counter()
        nest.Run(float(steps))
        seconds = time.perf_counter() - t
        spikes, before[0] = recorder.n_events - before[0], recorder.n_events
        return seconds, f"{THREADS} threads, {spikes / 10000 / (steps / 1000):.1f} Hz"
    nest.Run(float(steps))
    before[0] = recorder.n_events
    return f"NEST {nest.__version__}", run

STEPS, BATCH = 25, 128

def training_data(torch, direct):
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    if direct:
        return torch.rand(BATCH, 784), torch.zeros(BATCH, dtype=torch.long)
    return (torch.rand(STEPS, BATCH, 784) < .2).float(), torch.zeros(BATCH, dtype=torch.long)

def training_steps(torch, net, forward, x, y):
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    loss = torch.nn.CrossEntropyLoss()
    count = max(2, 20 // part)
    def step():
        optimizer.zero_grad()
        loss(forward(x), y).backward()
        optimizer.step()
    for _ in range(3):
        step()
    def run():
        t = time.perf_counter()
        for _ in range(count):
            step()
        return (time.perf_counter() - t) / count, f"PyTorch {torch.__version__}, of {count} steps"
    return run

def training_snntorch(direct=False):
    import torch, snntorch
    x, y = training_data(torch, direct)
    layers = torch.nn.ModuleList([torch.nn.Linear(784, 512), torch.nn.Linear(512, 512), torch.nn.Linear(512, 10)])
    cells = [snntorch.Leaky(beta=.9, spike_grad=snntorch.surrogate.atan()) for _ in range(2)]
    def forward(x):
        states = [c.init_leaky() for c in cells]
        total = 0
        for t in range(STEPS):
            s = x if direct else x[t]
            for i in range(2):
                s, states[i] = cells[i](layers[i](s), states[i])
            total = total + s
        return layers[2](total / STEPS)
    return f"snnTorch {snntorch.__version__}", training_steps(torch, layers, forward, x, y)

def direct_snntorch():
    return training_snntorch(True)

def training_spikingjelly(direct=False):
    import importlib.metadata, torch
    from spikingjelly.activation_based import functional, layer, neuron, surrogate
    x, y = training_data(torch, direct)
    lif = lambda: neuron.LIFNode(tau=10., decay_input=False, v_reset=None, detach_reset=True, surrogate_function=surrogate.ATan(), step_mode="m")
    first, rest = layer.Linear(784, 512), torch.nn.Sequential(lif(), layer.Linear(512, 512, step_mode="m"), lif())
    first.step_mode = "s" if direct else "m"
    last = torch.nn.Linear(512, 10)
    net = torch.nn.ModuleList([first, rest, last])
    def forward(x):
        functional.reset_net(net)
        current = first(x)
        if direct:  # computed once, as a careful user would
            current = current.unsqueeze(0).expand(STEPS, -1, -1)
        return last(rest(current).mean(0))
    return f"SpikingJelly {importlib.metadata.version('spikingjelly')}", training_steps(torch, net, forward, x, y)

def direct_spikingjelly():
    return training_spikingjelly(True)

def reservoir_numpy():
    import numpy as np
    rng = np.random.default_rng(1)
    n, e = 1000, 800
    r = rng.random(n)
    exc = np.arange(n) < e
    a, b = np.where(exc, .02, .02 + .08 * r), np.where(exc, .2, .25 - .05 * r)
    c, d = np.where(exc, -65 + 15 * r * r, -65), np.where(exc, 8 - 6 * r * r, 2)
    w = np.where(exc[:, None], .05 * rng.random((n, n)), -.1 * rng.random((n, n))) * (rng.random((n, n)) < .1)  # [from, to]
    bias = rng.random(n) * np.where(exc, 8, 8 * .6)
    cue, fade = rng.uniform(-15, 15, n), np.exp(-1 / (50 * 16 ** rng.random(n)))
    feedback = rng.uniform(-.5, .5, (2, n))
    syn, rise, decay = np.exp(-1 / 40), np.exp(-1 / 5), np.exp(-1 / 25)
    scale = 1 / (5 ** (-5 / 20) - 5 ** (-25 / 20))
    v, u = np.full(n, -65.), b * -65
    g, due, held, fast, slow = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    baseline = np.full(n, .2)
    weights = np.zeros((2, n))
    trials = max(1, 20 // part)
    times = np.arange(1000)
    bumps = [np.exp(-((times - at) / 40) ** 2 / 2) for at in (400, 700)]
    def run():
        nonlocal v, u, g, due, held, fast, slow
        t0 = time.perf_counter()
        spikes = 0
        for trial in range(trials):
            y = np.zeros(2)
            happens = trial % 2
            held[:] = 0
            for ms in range(1000):
                held = np.ones(n) if 50 <= ms < 100 else held * fade
                g = syn * g + due
                i = g + bias + held * cue + y @ feedback + .3 * rng.standard_normal(n)
                v = v + .5 * (.04 * v * v + 5 * v + 140 - u + i)
                v = v + .5 * (.04 * v * v + 5 * v + 140 - u + i)
                u = u + a * (b * v - u)
                fired = np.flatnonzero(v >= 30)
                v[fired] = c[fired]
                u[fired] += d[fired]
                due = w[fired].sum(0)
                spikes += len(fired)
                slow *= decay
                fast *= rise
                x = slow - fast - baseline
                slow[fired] += scale
                fast[fired] += scale
                y = np.clip(weights @ x, -.5, 1.5)
                target = bumps[happens][ms]
                if target > .05 or abs(y[happens]) > .05:
                    weights[happens] += .02 * (target - y[happens]) / (x @ x) * x
        seconds = (time.perf_counter() - t0) / trials
        return seconds, f"{spikes / trials / n:.1f} Hz, {1 / seconds:.1f} simulated seconds a second"
    return f"NumPy {np.__version__}", run

def delays_torch():
    import numpy as np, torch
    torch.set_num_threads(THREADS)
    movie = torch.from_numpy(np.fromfile(f"{directory}/movie", np.uint8).reshape(-1, 2, 64, 64)).permute(1, 0, 2, 3)
    kernel = torch.from_numpy(np.fromfile(f"{directory}/kernel", np.float32).reshape(2, 21, 17, 17, 36)).permute(4, 0, 1, 2, 3)
    kernel = kernel.flip(2, 3, 4).contiguous()  # conv3d correlates
    steps = movie.shape[1]
    padded = torch.nn.functional.pad(movie.float(), (8, 8, 8, 8, 20, 0))[None]
    def run():
        t = time.perf_counter()
        probe = 0.
        with torch.inference_mode():
            for begin in range(0, steps, 100):  # in parts, to bound memory
                out = torch.nn.functional.conv3d(padded[:, :, begin:begin + 120], kernel)
                if begin <= 50 < begin + out.shape[2]:
                    probe = out[0, 7, 50 - begin, 30, 31].item()
        return time.perf_counter() - t, f"conv3d, evidence of one neuron {probe:.3f}"
    return f"PyTorch {torch.__version__}", run

pruned_torch = delays_torch
