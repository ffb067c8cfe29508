package delays

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/dynamics/spacetime"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

// execute runs an experiment's quick preset as the command line would.
func execute(t *testing.T, experiment string, set, inputs map[string]string) (*runner.Outcome, error) {
	t.Helper()
	return runnertest.Execute(t, runner.Config{Paper: "delays", Experiment: experiment, Seed: 1, Set: set, Inputs: inputs})
}

// TestQuick asserts what delays are for: the layer tells motions that no layer without them tells, from few weights, along the lines of the motion.
func TestQuick(t *testing.T) {
	o, err := execute(t, "saccades", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range o.Document.Records[0].Measurements {
		t.Logf("%s: %s %.4g", m.System, m.Metric, float64(m.Value))
	}
	whole := runnertest.Value(t, o, systemLayer, "accuracy")
	if whole < .5 || runnertest.Value(t, o, systemLayer, "late") < .6 {
		t.Errorf("accuracy %.2f of 8 motions, %.2f after 8 ms", whole, runnertest.Value(t, o, systemLayer, "late"))
	}
	for _, lesser := range []string{systemShort, systemSingle, systemShuffled, systemCollapsed} {
		if got := runnertest.Value(t, o, lesser, "accuracy"); got > whole-.15 {
			t.Errorf("%s: accuracy %.2f, with all delays %.2f", lesser, got, whole)
		}
	}
	if got := runnertest.Value(t, o, systemPruned10, "accuracy"); got < runnertest.Value(t, o, systemRandom10, "accuracy") || got < runnertest.Value(t, o, systemShort, "accuracy") {
		t.Errorf("the largest 10 %% of the weights: accuracy %.2f", got)
	}
	if got := runnertest.Value(t, o, systemLayer, "continues"); got < .75 {
		t.Errorf("%.2f of the kernels go on along the motion", got)
	}
	if got := runnertest.Value(t, o, systemScheduler, "difference"); got > 1e-4 {
		t.Errorf("event by event the evidence differs by %g", got)
	}
	// What is counted: pruning to a tenth leaves about a tenth of the additions, or fewer events meet what is left.
	if part := runnertest.Value(t, o, systemPruned10, "additions") / runnertest.Value(t, o, systemLayer, "additions"); part < .02 || part > .3 {
		t.Errorf("pruned to 10 %% the layer makes %.3f of the additions", part)
	}
	status := map[string]report.Status{}
	for _, c := range o.Document.Claims {
		status[c.ID] = c.Verdict.Status
	}
	if status["clouds"] != report.NotTested || status["event-driven"] != report.Reproduced {
		t.Errorf("verdicts %v", status)
	}
}

// random is a movie of independent events.
func random(t *testing.T, steps, side int, density float64, seed uint64) *spacetime.Movie {
	t.Helper()
	m, err := spacetime.NewMovie(2, steps, side, side)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for step := range steps {
		for p := range 2 {
			for i := range m.Frame(p, step) {
				if rng.Float64() < density {
					m.Frame(p, step)[i] = 1
				}
			}
		}
	}
	return m
}

func testField(t *testing.T, s shape) (*field, layer) {
	t.Helper()
	f, err := newField(s)
	if err != nil {
		t.Fatal(err)
	}
	l := layer{make([]float32, f.size), make([]float32, f.classes)}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, at := range f.rows {
		for c := range f.classes {
			l.Weights[int(at)+c] = float32(rng.NormFloat64())
		}
	}
	return f, l
}

// TestTaps holds the taps of packed movies against those of package spacetime, at edges and at the beginning too.
func TestTaps(t *testing.T) {
	for _, side := range []int{20, 64, 70, 130} {
		f, _ := testField(t, shape{Depth: 6, Width: 9, Classes: 2, Cone: true})
		m := random(t, 8, side, .2, 1)
		p := pack(m)
		for _, at := range [][3]int{{7, 10, 10}, {2, 0, 0}, {7, side - 1, side - 1}, {5, 3, side - 2}, {6, side / 2, side / 2}} {
			want := f.grid.Taps(m, at[0], at[1], at[2], f.mask, nil)
			if got := f.taps(p, at[0], at[1], at[2], nil); !slices.Equal(got, want) || len(want) == 0 {
				t.Errorf("side %d, %v: %d taps, want %d", side, at, len(got), len(want))
			}
		}
	}
}

// TestEvidence holds what a place sums up against the convolution: of the movie, and of the movie with polarities swapped, of which the larger counts.
func TestEvidence(t *testing.T) {
	f, l := testField(t, shape{Depth: 5, Width: 7, Classes: 3, Cone: true, Invariant: true})
	m := random(t, 9, 16, .2, 2)
	want := make([]float32, f.classes)
	const step, y, x = 7, 9, 6
	for i, movie := range []*spacetime.Movie{m, m.Swapped()} {
		if _, err := f.kernel(l).Apply(movie, step, step+1, 1, func(_, row int, evidence []float32) {
			for c := range want {
				if v := evidence[x*f.classes+c]; row == y && (i == 0 || v > want[c]) {
					want[c] = v
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	g := f.glance()
	g.look(pack(m), step, y, x)
	for c, v := range g.sum(l) {
		if math.Abs(float64(v-want[c])) > 1e-4 {
			t.Errorf("class %d has evidence %g, want %g", c, v, want[c])
		}
	}
}

// TestGradient compares the gradient of the loss, polarities and all, with differences of the loss.
func TestGradient(t *testing.T) {
	for _, s := range []shape{{Depth: 4, Width: 5, Classes: 3, Cone: true, Invariant: true}, {Depth: 4, Width: 5, Classes: 3, Collapsed: true, Invariant: true}, {Depth: 4, Width: 5, Classes: 3}} {
		f, l := testField(t, s)
		for i := range l.Weights {
			l.Weights[i] *= .05
		}
		m := random(t, 6, 12, .3, 3)
		one := sample{clip{Movie: m, packed: pack(m)}, 5, 6, 6, 1}
		run := func() *shard {
			g := &shard{glance: f.glance(), weights: make([]float32, f.size), bias: make([]float32, f.classes), change: make([]float32, f.classes)}
			g.run(l, []sample{one}, 1)
			return g
		}
		g := run()
		checked := 0
		for i := 0; i < f.size; i += 7 {
			const h = 1e-3
			w := l.Weights[i]
			l.Weights[i] = w + h
			up := run().loss
			l.Weights[i] = w - h
			down := run().loss
			l.Weights[i] = w
			if want := (up - down) / (2 * h); math.Abs(want-float64(g.weights[i])) > 2e-3 {
				t.Fatalf("%+v: weight %d has gradient %g, want %g", s, i, g.weights[i], want)
			} else if want != 0 {
				checked++
			}
		}
		if checked < 5 {
			t.Errorf("%+v: only %d gradients are not zero", s, checked)
		}
	}
}

// TestCone counts the places and weights of the layer's usual size.
func TestCone(t *testing.T) {
	f, _ := testField(t, shape{Depth: 21, Width: 17, Classes: 36, Cone: true})
	if len(f.rows) != 7546 || f.weights() != 271_656 {
		t.Errorf("%d inputs and %d weights, want 7546 and 271656", len(f.rows), f.weights())
	}
}

// TestLesions checks what pruning and shortening leave.
func TestLesions(t *testing.T) {
	f, l := testField(t, shape{Depth: 5, Width: 7, Classes: 3, Cone: true, Invariant: true})
	smallest := func(l layer) (least float64) {
		least = math.Inf(1)
		for _, w := range l.Weights {
			if w != 0 {
				least = math.Min(least, math.Abs(float64(w)))
			}
		}
		return least
	}
	largest, any := f.pruned(l, .1), f.prunedAtRandom(l, .1, rand.New(rand.NewPCG(1, 1)))
	if a, b := f.load(largest), f.load(any); math.Abs(a-.1) > .01 || a != b || smallest(largest) <= smallest(any) {
		t.Errorf("loads %g and %g, smallest weights %g and %g", a, b, smallest(largest), smallest(any))
	}
	if f.load(l) != 1 || f.load(f.shortened(l, 5)) != 1 {
		t.Error("the whole layer is not of load 1")
	}
	// One delay of radius 2.5: 21 places.
	if got, want := f.load(f.shortened(l, 1)), 2*21*3/float64(f.weights()); math.Abs(got-want) > 1e-9 {
		t.Errorf("one delay has load %g, want %g", got, want)
	}
	if got := crossing([]float64{1, .1, .01}, []float64{.8, .6, .2}, .4); math.Abs(got-math.Sqrt(.1*.01)) > 1e-9 {
		t.Errorf("half the accuracy at %g", got)
	}
	m := random(t, 10, 16, .2, 4)
	s := shuffled([]clip{{Movie: m}}, 5, rand.New(rand.NewPCG(1, 1)))[0].Movie
	moved := 0
	for i := range 16 * 16 {
		before, after := 0, 0
		for step := range 5 {
			before, after = before+int(m.Frame(1, step)[i]), after+int(s.Frame(1, step)[i])
			if m.Frame(1, step)[i] != s.Frame(1, step)[i] {
				moved++
			}
		}
		if before != after {
			t.Fatalf("pixel %d has %d events in place of %d", i, after, before)
		}
	}
	if moved < 100 {
		t.Errorf("%d bins changed", moved)
	}
}

// TestLines finds the motion of kernels that were made to look along it.
func TestLines(t *testing.T) {
	classes := motion.Velocities(8, 1)
	f, _ := testField(t, shape{Depth: 9, Width: 17, Classes: len(classes)})
	l := layer{make([]float32, f.size), make([]float32, f.classes)}
	k := f.kernel(l)
	for c, v := range classes {
		for dt := range 9 {
			k.Row(k.Tap(1, dt, int(math.Round(v.Y*float64(dt))), int(math.Round(v.X*float64(dt)))))[c] = 1
		}
	}
	goesOn, err := f.continuations(t.Context(), l, classes, func(papers.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	for c, v := range goesOn {
		if off, speed := angle(v, classes[c]), math.Hypot(v.X, v.Y); off > 15 || speed < .75 || speed > 1.25 {
			t.Errorf("class %d goes on %.1f° off, with a speed of %.2f", c, off, speed)
		}
	}
	for _, line := range f.lines(l, classes) {
		if speed := math.Hypot(line.Velocity.X, line.Velocity.Y); line.Off > 5 || speed < .9 || speed > 1.1 {
			t.Errorf("class %d: %.1f° off, speed %.2f", line.Class, line.Off, speed)
		}
	}
}

// TestPhotoScene moves a photograph by whole pixels and by parts of one: what comes into sight is what lay beyond the edge.
func TestPhotoScene(t *testing.T) {
	im := &motion.Image{Height: 200, Width: 220, Pixels: make([]float64, 200*220)}
	for i := range im.Pixels {
		im.Pixels[i] = math.Sin(2*math.Pi*float64(i%220)*11/220) + math.Cos(2*math.Pi*float64(i/220)*20/200)
	}
	path := &motion.Path{X: []float64{0, 40}, Y: []float64{-30, 0}}
	frame, err := photos([]*motion.Image{im}, 32)(path, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	still := slices.Clone(frame(0, 0))
	for y := range 32 {
		for x := 5; x < 32; x++ {
			if got, want := frame(5, -3)[y*32+x], 0.; y+3 < 32 {
				if want = still[(y+3)*32+x-5]; math.Abs(got-want) > 1e-9 {
					t.Fatalf("(%d, %d) is %g, want %g", x, y, got, want)
				}
			}
		}
	}
	worst := 0.
	twice := slices.Clone(frame(.5, 0))
	for i, v := range frame(.5+20, 0) { // 20 pixels are a wave's length
		worst = math.Max(worst, math.Abs(v-twice[i]))
	}
	if worst > 1e-9 {
		t.Errorf("half a pixel and a wave's length further the picture differs by %g", worst)
	}
}

func TestUnseen(t *testing.T) {
	s := shape{Depth: 21, Width: 17}
	if says, blind := unseen(s, []float64{.5, 1, 2}); blind || !strings.Contains(says, "1 pixels per ms after 16 ms") || strings.Contains(says, "0.5") {
		t.Errorf("%q, %v", says, blind)
	}
	if says, blind := unseen(s, []float64{20}); !blind {
		t.Errorf("20 pixels per ms: %q", says)
	}
}
