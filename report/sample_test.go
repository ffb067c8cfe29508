package report

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// sampleFigures draws one or more figures of every kind from synthetic data with the look of real results.
func sampleFigures(seed uint64) []Figure {
	rng := rand.New(rand.NewPCG(seed, 7))
	return []Figure{
		sampleLines(rng), sampleLog(rng), sampleScatter(rng), sampleTrajectories(rng, 6), sampleTrajectories(rng, 40),
		sampleBars(), sampleLyingBars(), sampleHeat(rng), sampleSignedHeat(), sampleConfusion(), sampleManyClasses(rng), sampleRaster(rng),
		sampleRates(rng), sampleTopomap(), sampleTopomaps(), sampleHistogram(rng), sampleTimeline(rng),
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
