package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// sampleFigures draws one or more figures of every kind from synthetic data with the look of real results.
func sampleFigures(seed uint64) []Figure {
	rng := rand.New(rand.NewPCG(seed, 7))
	return []Figure{
		sampleLines(rng), sampleLog(rng), sampleScatter(rng), sampleTrajectories(rng, 6), sampleTrajectories(rng, 40),
		sampleBars(), sampleLyingBars(), sampleHeat(rng), sampleSignedHeat(), sampleConfusion(), sampleManyClasses(rng), sampleRaster(rng),
		sampleRates(rng), sampleTopomap(), sampleTopomaps(), sampleHistogram(rng), sampleTimeline(rng),
		sampleTraces(rng), sampleManyTraces(rng), sampleSpectra(rng, 4), sampleSpectra(rng, 40), sampleSlices(),
	}
}

func sampleLines(rng *rand.Rand) Figure {
	var out []Series
	for k, s := range []struct {
		name string
		role Role
		late float64
	}{{"HTM", Subject, 0.92}, {"online LSTM-1000", Baseline, 0.88}, {"online ELM", Baseline, 0.71}, {"HTM without context", Ablation, 0.35}} {
		var x, y, lo, hi []float64
		for i := 0; i <= 20000; i += 100 {
			t := float64(i)
			if i >= 10000 {
				t -= 10000
			}
			v := s.late*(1-math.Exp(-t/(900+600*float64(k)))) + 0.012*rng.NormFloat64()
			x, y, lo, hi = append(x, float64(i)), append(y, v), append(lo, v-0.03-0.01*float64(k)), append(hi, v+0.03+0.01*float64(k))
		}
		out = append(out, Series{Name: s.name, Role: s.role, X: x, Y: y, Low: lo, High: hi})
	}
	return LinePlot(Frame{ID: "accuracy", Title: "Prediction accuracy over the stream", Caption: "Accuracy over the last 100 sequences; the sequences' ends are swapped at element 10 000.",
		XLabel: "element of the stream", YLabel: "accuracy (share of sequences)",
		Events: []Ref{{10000, "swap at 10,000"}, {11200, "HTM back at 0.9"}}, Levels: []Ref{{0.5, "chance of the better guess"}, {0.55, "bar"}}}, out)
}

func sampleLog(rng *rand.Rand) Figure {
	x := make([]float64, 50000)
	y := make([]float64, len(x))
	for i := range x {
		x[i] = float64(i + 1)
		y[i] = 5*math.Pow(x[i], -0.6)*math.Exp(0.2*rng.NormFloat64()) + 0.002
	}
	return LinePlot(Frame{ID: "loss", Title: "Training loss", Caption: "50 000 steps, both axes logarithmic.", XLabel: "step", YLabel: "NLL (nats/bin)", XLog: true, YLog: true},
		[]Series{{Name: "LangevinFlow", Role: Subject, X: x, Y: y}})
}

func sampleScatter(rng *rand.Rand) Figure {
	mk := func(n int, noise float64) (x, y []float64) {
		for range n {
			v := 20 * rng.ExpFloat64()
			x, y = append(x, v), append(y, math.Max(0, v+noise*rng.NormFloat64()))
		}
		return x, y
	}
	x1, y1 := mk(9000, 3)
	x2, y2 := mk(800, 9)
	return ScatterPlot(Frame{ID: "rates", Title: "Inferred against true rates", Caption: "All neurons and test bins.", XLabel: "true rate (Hz)", YLabel: "inferred rate (Hz)", Square: true, Height: 480},
		[]Points{{Name: "LangevinFlow", Role: Subject, X: x1, Y: y1}, {Name: "Gaussian smoothing", Role: Baseline, X: x2, Y: y2}})
}

func sampleTrajectories(rng *rand.Rand, groups int) Figure {
	var paths []Path
	for g := range groups {
		x, y, z := rng.NormFloat64()*8, rng.NormFloat64()*8, 25+rng.NormFloat64()*5
		truth, got := Path{Group: fmt.Sprintf("condition %d", g+1), Truth: true}, Path{Group: fmt.Sprintf("condition %d", g+1)}
		for range 220 {
			dx, dy, dz := 10*(y-x), x*(28-z)-y, x*y-8./3*z
			x, y, z = x+0.006*dx, y+0.006*dy, z+0.006*dz
			truth.X, truth.Y = append(truth.X, x), append(truth.Y, z)
			got.X, got.Y = append(got.X, x+0.4*rng.NormFloat64()), append(got.Y, z+0.4*rng.NormFloat64())
		}
		paths = append(paths, truth, got)
	}
	return Trajectories(Frame{ID: fmt.Sprintf("latents-%d", groups), Title: "Latents in the plane of the attractor", Caption: "Affine fit of the inferred latents to the true ones.",
		XLabel: "x₁ (normalised)", YLabel: "x₃ (normalised)", Square: true, Height: 460}, paths)
}

func sampleBars() Figure {
	return BarPlot(Frame{ID: "by-snr", Title: "Accuracy by signal-to-noise ratio", Caption: "Mean and standard deviation over five folds.", XLabel: "signal-to-noise ratio (dB)", YLabel: "accuracy", Levels: []Ref{{0.5, "chance"}}},
		[]string{"−10", "−5", "0"}, []Bars{
			{"DBConformer", Subject, [][]float64{{.66, .68, .71, .64, .69}, {.80, .83, .79, .84, .81}, {.93, .95, .92, .96, .94}}},
			{"EEGNet", Baseline, [][]float64{{.62, .61, .66, .60, .63}, {.77, .75, .79, .74, .78}, {.91, .90, .93, .89, .92}}},
			{"CSP + LDA", Baseline, [][]float64{{.58, .55, .60, .57, .61}, {.72, .70, .74, .69, .71}, {.88, .86, .90, .85, .87}}},
			{"without the spatial branch", Ablation, [][]float64{{.60, .63, .59, .62, .61}, {.74, .77, .73, .75, .76}, {.90, .88, .91, .89, .90}}},
		})
}

func sampleLyingBars() Figure {
	return BarPlot(Frame{ID: "r2", Title: "Rate R²", Caption: "Mean of three seeds.", XLabel: "rate R² on test trials", Levels: []Ref{{0.82, "bar 0.82"}}}, []string{""}, []Bars{
		{"LangevinFlow (released weights of the KL)", Subject, [][]float64{{.84, .86, .83}}},
		{"Gaussian smoothing + GLM", Baseline, [][]float64{{.73, .80, .67}}},
		{"GRU-VAE", Ablation, [][]float64{{.85, .86, .82}}},
		{"per-neuron mean", Baseline, [][]float64{{-.02, -.01, -.03}}},
	})
}

func sampleHeat(rng *rand.Rand) Figure {
	v := make([][]float64, 30)
	for r := range v {
		v[r] = make([]float64, 50)
		for c := range v[r] {
			v[r][c] = 12*math.Exp(-math.Pow(float64(c-r)-10, 2)/60) + rng.ExpFloat64()
		}
	}
	v[4][7] = math.NaN()
	return HeatMap(Frame{ID: "psth", Title: "Rates of all neurons", XLabel: "time (s)", YLabel: "neuron", Caption: "Sorted by time of the peak."},
		Heat{Values: v, XSpan: [2]float64{-0.25, 0.75}, Scale: Scale{Label: "rate (spikes/s)"}})
}

func sampleSignedHeat() Figure {
	names := []string{"delta", "theta", "alpha", "beta", "gamma"}
	v := make([][]float64, 5)
	for r := range v {
		v[r] = make([]float64, 5)
		for c := range v[r] {
			v[r][c] = math.Cos(float64(r-c)*1.1) * (1 - 0.1*float64(r))
		}
	}
	return HeatMap(Frame{ID: "corr", Title: "Correlation of bands"}, Heat{Values: v, Rows: names, Columns: names, Annotate: true, Scale: Scale{Label: "correlation", Signed: true}})
}

func sampleConfusion() Figure {
	return ConfusionMatrix(Frame{ID: "confusion", Title: "Confusion", Caption: "Test trials of all folds."}, []string{"left hand", "right hand"}, [][]int{{128, 31}, {24, 133}})
}

func sampleManyClasses(rng *rand.Rand) Figure {
	n := 14
	names := make([]string, n)
	counts := make([][]int, n)
	for i := range counts {
		names[i] = fmt.Sprintf("gesture %d", i+1)
		counts[i] = make([]int, n)
		for j := range counts[i] {
			counts[i][j] = rng.IntN(12)
		}
		counts[i][i] += 1100
	}
	return ConfusionMatrix(Frame{ID: "gestures", Title: "Confusion of 14 gestures"}, names, counts)
}

func sampleSpikes(rng *rand.Rand, rows int, rate float64) ([][]float64, []string) {
	times := make([][]float64, rows)
	groups := make([]string, rows)
	for r := range times {
		groups[r] = "held-in neurons"
		if r >= rows*3/4 {
			groups[r] = "held-out neurons"
		}
		for t := 0.0; t < 2; t += rng.ExpFloat64() / (rate * (1.05 + math.Sin(6*t+float64(r)/5))) {
			times[r] = append(times[r], t)
		}
	}
	return times, groups
}

func sampleRaster(rng *rand.Rand) Figure {
	t, g := sampleSpikes(rng, 30, 15)
	return Raster(Frame{ID: "raster", Title: "Spikes of one trial", XLabel: "time (s)", YLabel: "neuron", Events: []Ref{{1.2, "go cue"}}}, Spikes{Times: t, Groups: g, Span: [2]float64{0, 2}})
}

func sampleRates(rng *rand.Rand) Figure {
	t, _ := sampleSpikes(rng, 30, 60)
	return Raster(Frame{ID: "rate-image", Title: "Rates of one trial", XLabel: "time (s)", YLabel: "neuron"}, Spikes{Times: t, Span: [2]float64{0, 2}, Bin: 0.02})
}

// montage places n sensors evenly over the head.
func montage(n int) []Sensor {
	names := []string{"Cz", "FC1", "FC2", "CP1", "CP2", "C3", "C4", "Fz", "Pz", "F3", "F4", "P3", "P4", "T7", "T8", "Fp1", "Fp2", "O1", "O2", "F7", "F8", "P7", "P8", "FC5", "FC6", "CP5", "CP6", "Oz"}
	var s []Sensor
	for i := range n {
		r, a := math.Sqrt((float64(i)+0.3)/float64(n))*1.02, float64(i)*2.399963
		s = append(s, Sensor{Name: names[i%len(names)], X: r * math.Cos(a), Y: r * math.Sin(a)})
	}
	return s
}

func dipole(s []Sensor, angle float64) []float64 {
	v := make([]float64, len(s))
	for i, q := range s {
		dx, dy := q.X-0.5*math.Cos(angle), q.Y-0.5*math.Sin(angle)
		ex, ey := q.X+0.5*math.Cos(angle), q.Y+0.5*math.Sin(angle)
		v[i] = 3.2*math.Exp(-(dx*dx+dy*dy)/0.15) - 2.4*math.Exp(-(ex*ex+ey*ey)/0.2)
	}
	return v
}

func sampleTopomap() Figure {
	s := montage(28)
	return Topomap(Frame{ID: "topomap", Title: "Pattern of the first filter", Caption: "Right minus left."}, s, Scale{Label: "amplitude (µV)", Signed: true}, ScalpValues{Values: dipole(s, 0.2)})
}

func sampleTopomaps() Figure {
	s := montage(64)
	var m []ScalpValues
	for i := range 4 {
		m = append(m, ScalpValues{fmt.Sprintf("pattern %d", i+1), dipole(s, float64(i))})
	}
	return Topomap(Frame{ID: "patterns", Title: "Patterns of four filters"}, s, Scale{Label: "amplitude (µV)", Signed: true}, m...)
}

func sampleHistogram(rng *rand.Rand) Figure {
	mk := func(n int, mu, sd float64) (v []float64) {
		for range n {
			v = append(v, mu+sd*rng.NormFloat64())
		}
		return v
	}
	return Histogram(Frame{ID: "errors", Title: "Errors of prediction", XLabel: "error (passengers per half hour)"}, []Sample{{"HTM", Subject, mk(4000, 0, 900)}, {"shifted", Baseline, mk(3000, 300, 2100)}}, 0)
}

func sampleTimeline(rng *rand.Rand) Figure {
	mk := func() (s []int) {
		k := 0
		for range 400 {
			if rng.Float64() < 0.03 {
				k = rng.IntN(4)
			}
			s = append(s, k)
		}
		return s
	}
	return StateTimeline(Frame{ID: "states", Title: "Decoded states", XLabel: "time (s)"}, []string{"rest", "reach", "grasp", "return"}, []States{{"true", mk()}, {"decoded", mk()}}, 0.05)
}

// sampleDocument is a run of three seeds as a paper's experiment would leave it, from synthetic data: 12 curves and five figures a seed.
func sampleDocument() *Document {
	start := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	d := &Document{
		RunID: "langevinflow-lorenz-20260314-092653", Paper: "langevinflow", System: "LangevinFlow",
		Title: "Langevin Flows for Modeling Neural Latent Dynamics", ArXiv: "2507.11531", Code: "github.com/KingJamesSong/LangevinFlow_CCN",
		Summary: "A sequential variational autoencoder that turns binned spike counts into denoised firing rates. A GRU reads the spikes; a position and velocity " +
			"pair moves by underdamped Langevin dynamics in a learned oscillator potential; a Transformer reads rates from the whole latent sequence.",
		Experiment: "lorenz", ExpSummary: "Poisson spikes of 30 neurons driven by a Lorenz system, 1040 training and 260 test trials; eight neurons and the last ten bins are held out.",
		Preset: "default", Started: start, Finished: start.Add(13*time.Minute + 41*time.Second), Seeds: []int64{1, 2, 3},
		Params: []Param{
			{Name: "hidden", Value: "64", Says: "width of the GRU, of the position and of the velocity"},
			{Name: "bin", Value: "20", Unit: "ms", Says: "width of a time bin"},
			{Name: "epochs", Value: "40", Unit: "epochs", Says: "passes over the training trials", Changed: true},
			{Name: "learning-rate", Value: "0.003", Says: "initial step size of Adam"},
		},
		Data: []DataSource{
			{Input: "generator", Says: "Lorenz-driven Poisson spikes, made anew for each seed."},
			{Input: "recording", Path: "data/eeg/sp1s_aa.mat", SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Bytes: 2_254_848},
		},
		Environment: Environment{Gyrus: "v0.1.0", Go: "go1.26.8", OS: "linux", Arch: "amd64", CPU: "AMD EPYC 9R14", Threads: 2, Backend: "cpu"},
		Metrics: []Metric{
			{ID: "rate-r2", Name: "rate R²", Better: Higher, Says: "share of the variance of the true rates of all neurons that the inferred rates explain, on test trials"},
			{ID: "co-bps", Name: "held-out co-bps", Unit: "bits/spike", Better: Higher, Says: "likelihood of the held-out neurons' spikes against their mean rates"},
			{ID: "fp-bps", Name: "forward", Unit: "bits/spike", Better: Higher},
			{ID: "err", Name: "rate error", Unit: "Hz²", Better: Lower},
			{ID: "shuffled", Name: "rate R², input shuffled"},
		},
		Systems: []System{
			{"LangevinFlow", Subject, "as released: KL summed over time"},
			{"LangevinFlow balanced", Subject, "KL divided by bins and neurons"},
			{"smoothing + GLM", Baseline, "Gaussian smoothing at the width best on training trials, Poisson regression to held-out neurons"},
			{"bidirectional VAE", Baseline, "LFADS-style GRU encoder and generator"},
			{"GRU-VAE", Ablation, "LangevinFlow without position and velocity"},
		},
		Command: "gyrus run langevinflow/lorenz --seeds 3 --seed 1 --set epochs=40",
	}
	d.Claims = []ClaimRow{
		{ID: "rate-r2", Says: "Inferred rates follow the true rates of the Lorenz benchmark better than smoothing does.", Origin: "paper",
			Verdict: Verdict{Claim: "rate-r2", Status: Reproduced, Conditions: []Condition{
				{Says: "rate R², mean of seeds, against our bar", Left: 0.8434, Op: "≥", Right: 0.82, Level: true, Holds: true},
				{Says: "rate R² of LangevinFlow against smoothing + 0.06", Left: 0.8434, Op: "≥", Right: 0.79333, Holds: true}}}},
		{ID: "co-bps", Says: "Held-out neurons are predicted better than by smoothing and regression.", Origin: "paper", Published: "0.3650 bits/spike on MC_Maze, 20 ms (public leaderboard)",
			Verdict: Verdict{Claim: "co-bps", Status: Partly, Conditions: []Condition{
				{Says: "co-bps of the worst seed against none", Left: 0.1873, Op: ">", Right: 0, Holds: true},
				{Says: "co-bps, mean of seeds, against smoothing + 0.02 bits/spike", Left: 0.20119, Op: "≥", Right: 0.20141, Level: true}},
				Why: "The margin over smoothing is 0.0198 bits/spike; 40 epochs were asked for where the preset has 80."}},
		{ID: "langevin", Says: "The Langevin pair adds to the GRU.", Origin: "paper", Verdict: Verdict{Claim: "langevin", Status: NotReproduced,
			Conditions: []Condition{{Says: "rate R² of LangevinFlow against GRU-VAE", Left: 0.8434, Op: ">", Right: 0.8512}},
			Why:        "By construction the latent pair gets no data after the first bin; the KL term, a sum beside a mean, makes it collapse to its prior."}},
		{ID: "order", Says: "The order of the bins matters.", Origin: "ours", Verdict: Verdict{Claim: "order", Status: Reproduced,
			Conditions: []Condition{{Says: "fall of rate R² when input bins are shuffled", Left: 0.4411, Op: "≥", Right: 0.2, Holds: true}}}},
		{ID: "maze", Says: "On MC_Maze the system leads the public leaderboard.", Origin: "paper", Published: "0.3650 bits/spike",
			Verdict: Verdict{Claim: "maze", Status: NotTested, Why: "needs the MC_Maze recording (DANDI 000128): give it with --data"}},
	}
	level := map[string][]float64{"rate-r2": {.843, .851, .733, .81, .8512}, "co-bps": {.2012, .214, .1814, .19, .203}, "fp-bps": {.11, .12, .04, .09, .108},
		"err": {188.2, 171.9, 421.3, 203.7, 184.4}, "shuffled": {.402, .39}}
	for _, seed := range d.Seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		r := Record{Seed: seed, Seconds: 260 + 9*rng.Float64(), PeakBytes: 412_000_000 + seed*3_000_000}
		for _, m := range d.Metrics {
			for k, v := range level[m.ID] {
				r.Measurements = append(r.Measurements, Measurement{d.Systems[k].Name, m.ID, Number(v * (1 + 0.02*rng.NormFloat64()))})
			}
		}
		for _, plot := range []struct{ title, y string }{{"training loss", "NLL (nats/bin)"}, {"validation loss", "NLL (nats/bin)"}, {"validation rate R²", "R²"}} {
			for k, s := range d.Systems {
				if k == 2 {
					continue
				}
				c := Curve{Plot: plot.title, Series: s.Name, XLabel: "epoch", YLabel: plot.y}
				epochs := 40
				if plot.title == "validation rate R²" && k == 3 {
					epochs = 28 + 3*int(seed) // stopped early, at another epoch for each seed
				}
				for e := 1; e <= epochs; e++ {
					v := 0.62 + (0.3+0.05*float64(k))*math.Exp(-float64(e)/8) + 0.006*rng.NormFloat64()
					if plot.y == "R²" {
						v = 0.85 - v + 0.6
						c.Levels = []Ref{{0.82, "bar 0.82"}}
					}
					c.X, c.Y = append(c.X, Number(e)), append(c.Y, Number(v))
				}
				r.Curves = append(r.Curves, c)
			}
		}
		r.Figures = []Figure{sampleTrajectories(rng, 5), sampleScatter(rng), sampleRaster(rng), sampleBars(), sampleTopomap()}
		r.Tables = []Table{{ID: "smoothing", Title: "Smoothing by width", Caption: "Test trials; the width chosen on training trials is 80 ms.", Columns: []string{"width", "rate R²", "chosen"},
			Rows: [][]string{{"20 ms", "0.412", ""}, {"40 ms", "0.633", ""}, {"80 ms", "0.733", "yes"}, {"100 ms", "0.729", ""}}}}
		r.Notes = []Note{{Text: "Log-rates are averaged over 50 samples before the exponential."}}
		if seed == 2 {
			r.Notes = append(r.Notes, Note{Warning: true, Text: "Neuron 17 fired no spike in training: it is left out of bits/spike."})
		}
		d.Records = append(d.Records, r)
	}
	return d
}

func sampleTraces(rng *rand.Rand) Figure { return tracesOf(rng, 20) }

func sampleManyTraces(rng *rand.Rand) Figure { return tracesOf(rng, 300) }

func tracesOf(rng *rand.Rand, channels int) Figure {
	times := make([]float64, 1500)
	for i := range times {
		times[i] = float64(i) / 250
	}
	var traces []Trace
	for c := range channels {
		t := Trace{Name: fmt.Sprintf("EEG %03d", c+1), Kind: "eeg", Unit: "µV", Values: make([]float64, len(times)), Muted: c == 4}
		if c == channels-1 {
			t.Name, t.Kind, t.Unit = "STI 014", "stim", ""
		}
		level := 1000 * rng.NormFloat64()
		for i := range t.Values {
			level += 3*rng.NormFloat64() - 0.01*level
			t.Values[i] = level
			if t.Kind == "stim" {
				t.Values[i] = float64(i % 300 / 290)
			}
		}
		traces = append(traces, t)
	}
	traces[2].Values[700] = math.NaN()
	return Traces(Frame{ID: fmt.Sprintf("traces-%d", channels), Title: "Signals", XLabel: "time (s)", Events: []Ref{{1.2, "left"}, {2.4, "right"}}}, times, traces)
}

func sampleSpectra(rng *rand.Rand, channels int) Figure {
	f := make([]float64, 200)
	for i := range f {
		f[i] = float64(i) / 4
	}
	var all []Spectrum
	for c := range channels {
		s := Spectrum{Name: fmt.Sprintf("EEG %d", c+1), Power: make([]float64, len(f))}
		gain := math.Exp(0.5 * rng.NormFloat64())
		for i := range f {
			s.Power[i] = gain * (30/math.Pow(f[i]+0.5, 1.5) + 3*math.Exp(-math.Pow(f[i]-10, 2)/2)) * math.Exp(0.1*rng.NormFloat64())
		}
		all = append(all, s)
	}
	all[0].Power[3] = 0
	return Spectra(Frame{ID: fmt.Sprintf("spectra-%d", channels), Title: "Spectra", YLabel: "power (dB re 1 µV²/Hz)"}, f, all)
}

func sampleSlices() Figure {
	cut := func(w, h int, title string, sides [4]string) Slice {
		s := Slice{Title: title, Width: float64(w), Height: float64(h), Across: w / 2, Down: h / 3, Sides: sides, Values: make([][]float64, h)}
		for y := range s.Values {
			s.Values[y] = make([]float64, w)
			for x := range s.Values[y] {
				s.Values[y][x] = math.Exp(-math.Pow(float64(x)/float64(w)-0.5, 2)*8 - math.Pow(float64(y)/float64(h)-0.5, 2)*8)
			}
		}
		s.Values[0][0] = math.NaN()
		return s
	}
	return Slices(Frame{ID: "slices", Title: "Slices", Caption: "Through the middle."}, Scale{Label: "value"},
		[]Slice{cut(60, 50, "sagittal, x = 0", [4]string{"P", "A", "S", "I"}), cut(40, 50, "coronal, y = -22", [4]string{"L", "R", "S", "I"}), cut(40, 60, "axial, z = 9", [4]string{"L", "R", "A", "P"})})
}
