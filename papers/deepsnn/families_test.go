package deepsnn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/simulate/digits"
)

func someDigits(t *testing.T, n int) *examples {
	t.Helper()
	set, err := digits.Generate(n, digits.Standard(), rand.New(rand.NewPCG(uint64(n), 3)))
	if err != nil {
		t.Fatal(err)
	}
	return &examples{"drawn digits", digits.Size * digits.Size, 1, set.Images, set.Labels}
}

func quiet(seed uint64) *session {
	return &session{rng: rand.New(rand.NewPCG(seed, 0)), progress: func(int, int, string) {}, backend: func() (backends.Backend, error) { return compute.Open("") }}
}

func random(in, out int, scale float64, rng *rand.Rand) layer {
	l := layer{In: in, Out: out, W: make([]float32, in*out)}
	for i := range l.W {
		l.W[i] = float32(scale * rng.NormFloat64())
	}
	return l
}

// TestConvertedRates: with subtraction at resets and a constant input, spikes after T steps follow activations to within one spike, layer by layer.
func TestConvertedRates(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	net := &layered{Layers: []layer{random(20, 12, .1, rng), random(12, classes, .3, rng)}, Threshold: thresholds(2, 1), Decay: 1, Subtract: true, Readout: potential}
	x := make([]float32, 20)
	for i := range x {
		x[i] = rng.Float32()
	}
	var c cost
	p := net.begin(x, rng)
	const steps = 1000
	for range steps {
		p.step()
	}
	for i, a := range rates(net.Layers, x, &c, rectified)[0] {
		if got := float64(p.count[0][i]) / steps; math.Abs(got-min(1, float64(a))) > 2./steps {
			t.Errorf("neuron %d fires in %.4f of steps, its activation is %.4f", i, got, a)
		}
	}
}

// TestCounter holds what is counted where spikes are delivered against spikes × fan-out, step by step.
func TestCounter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := someDigits(t, 10).image(3)
	for _, code := range []coding{constant, bernoulli} {
		net := &layered{Layers: []layer{random(784, 30, .1, rng), random(30, 20, .3, rng), random(20, classes, .3, rng)}, Threshold: thresholds(3, 1), Decay: .9, Coding: code, Readout: meanPotential}
		var r response
		net.infer(x, 12, rng, &r)
		var want cost
		for s, spikes := range r.Spikes {
			if code == constant {
				want.MACs = 784 * 30
				want.Additions += 30
			}
			want.Additions += int64(spikes[0]*30 + spikes[1]*20 + spikes[2]*classes)
			want.Updates += 30 + 20 + classes
			if r.Costs[s] != want {
				t.Errorf("coding %d, step %d: counted %+v, want %+v", code, s, r.Costs[s], want)
			}
		}
		if r.Spikes[11][1] == 0 || code == bernoulli && r.Spikes[0][0] == 0 {
			t.Error("nothing fires")
		}
	}
}

// TestSurrogateGraph runs the graph that is trained and the network that counts on the same weights.
func TestSurrogateGraph(t *testing.T) {
	images := someDigits(t, 20)
	f := &surrogate{Hidden: []int{24, 16}, Steps: 7, budget: budget{2, 10, 1e-3}}
	s := quiet(4)
	s.dir = t.TempDir()
	if err := f.train(t.Context(), &split{training: images}, s); err != nil {
		t.Fatal(err)
	}
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	vars := mlctx.New()
	for l, w := range f.Layers {
		vars.Inf("layer%d", l).VariableWithValue("weights", tensors.FromFlatDataAndDimensions(w.W, w.In, w.Out))
		vars.Inf("layer%d", l).VariableWithValue("bias", tensors.FromFlatDataAndDimensions(w.B, w.Out))
	}
	exec, err := mlctx.NewExec(backend, vars.Reuse(), func(ctx *mlctx.Context, x *graph.Node) []*graph.Node {
		logits, rate := f.graph(ctx, f.input(ctx, x))
		return []*graph.Node{logits, rate}
	})
	if err != nil {
		t.Fatal(err)
	}
	out := exec.MustExec(images.tensors()[0])
	logits := tensors.MustCopyFlatData[float32](out[0])
	spikes := 0
	for i := range images.len() {
		var r response
		f.infer(images.image(i), f.Steps, nil, &r)
		for c, v := range r.Scores[f.Steps-1] {
			if math.Abs(float64(v-logits[i*classes+c])) > 1e-4 {
				t.Fatalf("image %d, class %d: %g, the graph says %g", i, c, v, logits[i*classes+c])
			}
		}
		for _, n := range r.Spikes {
			spikes += n[1]*16 + n[2]*24 // each layer's share of its neurons alike
		}
	}
	want := float64(tensors.MustCopyFlatData[float32](out[1])[0])
	if got := float64(spikes) / (2 * 24 * 16 * 7 * 20); math.Abs(got-want) > 1e-5 || want == 0 {
		t.Errorf("mean rate %.5f, the graph says %.5f", got, want)
	}
}

func TestConvertRefuses(t *testing.T) {
	good := layer{In: 1, Out: 1, W: []float32{1}}
	biased, leaky := good, good
	biased.B, leaky.Slope = []float32{1}, .2
	for want, layers := range map[string][]layer{"layer 2 has biases": {good, biased}, "layer 1: its activation has the slope 0.2": {leaky, good}} {
		if _, err := convert(layers, []float64{1, 1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	scaled, err := convert([]layer{good, good}, []float64{2, 8})
	if err != nil || scaled[0].W[0] != .5 || scaled[1].W[0] != .25 {
		t.Errorf("%v, %v", scaled, err)
	}
}

// TestFirstSpikes holds times against the definition in double precision, gradients against differences, and the run that stops early against the whole one.
func TestFirstSpikes(t *testing.T) {
	images := someDigits(t, 40)
	f := &firstSpike{Hidden: 20, Epochs: 3, Batch: 10, Rate: 1e-3, Mean: 3, Spread: .8}
	if err := f.train(t.Context(), &split{training: images}, quiet(2)); err != nil {
		t.Fatal(err)
	}
	if e := f.gradientError(images, rand.New(rand.NewPCG(1, 1))); e > 1e-3 || e == 0 {
		t.Errorf("gradients are off by %g", e)
	}
	w := [][]float64{nil, nil}
	for l := range w {
		for _, v := range f.Layers[l].W {
			w[l] = append(w[l], float64(v))
		}
	}
	late := 0
	for i := range images.len() {
		in := inputs(images.image(i))
		var c cost
		hidden := f.Layers[0].fire(&in, &c)
		middle := volleyOf(hidden.Z)
		output := f.Layers[1].fire(&middle, &c)
		z, sets := exact(w, []int{20, classes}, in.Z)
		for l, a := range []*arrival{hidden, output} {
			for k := range a.Z {
				// float32 sums may put a time at the next spike on its other side.
				if math.Abs(a.Z[k]-z[l][k]) > 1e-3*z[l][k] {
					t.Errorf("image %d, layer %d, neuron %d: z = %g after %d spikes, want %g after %d", i, l, k, a.Z[k], a.Causal[k], z[l][k], sets[l][k])
				}
			}
		}
		var r response
		f.infer(images.image(i), firstSteps, nil, &r)
		winner := slices.Index(output.Z, slices.Min(output.Z))
		if got := decision(&r.Scores[firstSteps-1]); output.Z[winner] < silent && got != winner {
			t.Errorf("image %d: stopped at class %d, want %d", i, got, winner)
		}
		end := r.Costs[firstSteps-1].Additions
		if end > c.Additions+20*classes {
			t.Errorf("image %d: %d additions up to the decision, %d in all", i, end, c.Additions)
		}
		if output.Z[winner] > 6 {
			late++
		}
		spikes := [2]int{}
		for _, s := range r.Spikes {
			spikes[0], spikes[1] = spikes[0]+s[0], spikes[1]+s[1]
		}
		if want := int64(spikes[0]*20 + spikes[1]*classes); end != want {
			t.Errorf("image %d: %d additions, spikes × fan-out is %d", i, end, want)
		}
	}
	if late == images.len() {
		t.Error("every decision waits for dark pixels")
	}
}

func TestMute(t *testing.T) {
	f := &firstSpike{Hidden: 20, Epochs: 1, Batch: 10, Rate: 1e-9, Mean: -1, Spread: .01}
	if err := f.train(t.Context(), &split{training: someDigits(t, 20)}, quiet(2)); err == nil || !strings.Contains(err.Error(), "hidden layer") || !strings.Contains(err.Error(), "raise the initial weights") {
		t.Errorf("%v", err)
	}
	ones := slices.Repeat([]int{1}, classes)
	ones[3] = 0
	if err := f.mute([2][]int{{1}, ones}, true); err == nil || !strings.Contains(err.Error(), "class 3 in the output layer") {
		t.Errorf("%v", err)
	}
	if err := f.mute([2][]int{{1}, ones}, false); err != nil {
		t.Errorf("before the end: %v", err)
	}
}

// TestCompetitionRefuses: cells that stay silent, and one that always wins.
func TestCompetitionRefuses(t *testing.T) {
	images := someDigits(t, 20)
	for want, change := range map[string]func(f *competition){
		"all 4 cells are silent": func(f *competition) {
			for k := range f.Theta {
				f.Theta[k] = 1000
			}
		},
		"cell 2 fires most": func(f *competition) {
			for k := range f.Theta {
				if k != 2 {
					f.Theta[k] = 1000
				}
			}
		},
	} {
		f := &competition{Cells: 4, Passes: 1, Images: 2, Naming: 20, Rate: .01, Inhibition: inhibition}
		f.W, f.Theta = make([]float64, 784*4), make([]float64, 4)
		for i := range f.W {
			f.W[i] = .1
		}
		change(f)
		if err := f.name(t.Context(), f.cells(), images, rand.New(rand.NewPCG(1, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestLocalCounters holds what F4a and F5a count against spikes × fan-out.
func TestLocalCounters(t *testing.T) {
	x := someDigits(t, 10).image(2)
	rng := rand.New(rand.NewPCG(3, 3))
	f := &competition{Cells: 6, Inhibition: inhibition, W: make([]float64, 784*6), Theta: make([]float64, 6), Class: make([]int, 6), Often: [classes]int{6}}
	for i := range f.W {
		f.W[i] = .3 * rng.Float64()
	}
	var r response
	f.infer(x, cellSteps, rng, &r)
	var want int64
	for step, n := range r.Spikes {
		if want += int64(n[0]*6 + n[1]*5); r.Costs[step].Additions != want {
			t.Fatalf("STDP, step %d: %d additions, want %d", step, r.Costs[step].Additions, want)
		}
	}
	if r.Scores[cellSteps-1][0] == 0 {
		t.Error("no cell fires")
	}
	m := &sampler{Hidden: 15, Inputs: 784, BiasH: make([]float32, 15)}
	m.BiasV, m.W = make([]float32, m.size()), make([]float32, m.size()*15)
	m.Transpose = make([]float32, len(m.W))
	m.infer(x, 60, rng, &r)
	want = 0
	arrive := func(n []int) int64 { return int64((n[0]+n[2])*15 + n[1]*classes*labelCopies) }
	for step := range r.Spikes {
		want += arrive(r.Spikes[step])
		if step >= onSteps {
			want += arrive(r.Spikes[step-onSteps]) // their states end
		}
		if r.Costs[step].Additions != want {
			t.Fatalf("sampler, step %d: %d additions, want %d", step, r.Costs[step].Additions, want)
		}
	}
}

// TestSums: what a sampler's units take in by events is what their states say, also where phases change.
func TestSums(t *testing.T) {
	images := someDigits(t, 20)
	f := &sampler{Hidden: 15, Epochs: 1, Batch: 5, Rate: .5}
	if err := f.train(t.Context(), &split{training: images}, quiet(3)); err != nil {
		t.Fatal(err)
	}
	s := f.sampling()
	s.begin(rand.New(rand.NewPCG(5, 5)))
	s.clamp(images.image(0), 4)
	for range phaseSteps {
		s.step(allClamped)
	}
	s.free()
	for range phaseSteps {
		s.step(allFree)
		// A unit that fired at step t is in the sums until that of step t + τ is begun.
		for h, got := range s.hidden.u {
			want := f.BiasH[h]
			for i, off := range s.visible.off {
				if off >= s.t {
					want += f.W[i*f.Hidden+h]
				}
			}
			if math.Abs(float64(got-want)) > 1e-3 {
				t.Fatalf("step %d, hidden unit %d takes in %g, its neighbours send %g", s.t, h, got, want)
			}
		}
		for i, got := range s.visible.u {
			want := f.BiasV[i]
			for h, off := range s.hidden.off {
				if off >= s.t {
					want += f.W[i*f.Hidden+h]
				}
			}
			if math.Abs(float64(got-want)) > 1e-3 {
				t.Fatalf("step %d, visible unit %d takes in %g, its neighbours send %g", s.t, i, got, want)
			}
		}
	}
}

// TestSampling: a unit that is driven with u is on with probability σ(u), as neural sampling promises.
func TestSampling(t *testing.T) {
	f := &sampler{Hidden: 4, Inputs: 3, BiasH: []float32{-2, 0, 1, 3}}
	f.BiasV, f.W = make([]float32, f.size()), make([]float32, f.size()*4)
	f.Transpose = make([]float32, len(f.W))
	s := f.sampling()
	s.begin(rand.New(rand.NewPCG(9, 9)))
	on := make([]float64, 4)
	const steps = 400_000
	for range steps {
		s.step(allFree)
		for h, off := range s.hidden.off {
			if off >= s.t {
				on[h]++
			}
		}
	}
	for h, u := range f.BiasH {
		if want := 1 / (1 + math.Exp(-float64(u))); math.Abs(on[h]/steps-want) > .01 {
			t.Errorf("driven with %g it is on in %.3f of steps, want %.3f", u, on[h]/steps, want)
		}
	}
}

func TestExamplesRefused(t *testing.T) {
	for want, e := range map[string]*examples{
		"pixel 1: found 1.5, expected 0 to 1": {"a", 2, 1, []float32{0, 1.5}, []uint8{0}},
		"all pixels are 0.5":                  {"a", 2, 1, []float32{.5, .5}, []uint8{0}},
		"found label 10":                      {"a", 2, 1, []float32{0, .5}, []uint8{10}},
		"no examples":                         {"a", 2, 1, nil, nil},
	} {
		if err := e.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestSpikeProp holds the rule's changes against differences of the squared error.
func TestSpikeProp(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	s := newSpikeProp(1e-7, rng)
	in := xorPatterns[1]
	loss := func() float64 {
		d := s.present(in.In[:], in.Target, false) - in.Target
		return d * d / 2
	}
	for _, at := range [][3]int{{1, 0, 20}, {1, 0, 4*xorDelays + 2}, {0, 1, 3}, {0, 4, 2}, {0, 2, 2*xorDelays + 1}} {
		w := s.Weight[at[0]][at[1]]
		was := w[at[2]]
		const h = .001
		w[at[2]] = was + h
		above := loss()
		w[at[2]] = was - h
		below := loss()
		w[at[2]] = was
		learner := &spikeProp{Rate: s.Rate}
		for l := range s.Weight {
			for _, v := range s.Weight[l] {
				learner.Weight[l] = append(learner.Weight[l], slices.Clone(v))
			}
		}
		learner.present(in.In[:], in.Target, true)
		got := (was - learner.Weight[at[0]][at[1]][at[2]]) / s.Rate
		if want := (above - below) / (2 * h); math.Abs(got-want) > .03*math.Abs(want)+1e-3 {
			t.Errorf("weight %v: gradient %g, differences give %g", at, got, want)
		}
	}
}
