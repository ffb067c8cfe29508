package hlop

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

func newRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// TestLinear asserts that a layer with a subspace has the plain layer's values, that its weights' gradient is the plain one projected, G - G HᵀH, and
// that errors pass down by the weights, by fixed random ones, or by signs.
func TestLinear(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	const rows, width, out, k = 7, 6, 4, 2
	rng := newRand()
	x := mat.NewDense(rows, width, nil)
	x.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, x)
	error := mat.NewDense(rows, out, nil) // dL/dy
	error.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, error)
	h := randomRows(k, width, rng)
	for _, way := range []transport{exact, alignment, signs} {
		l := learner{sizes: sizes{Inputs: width, Hidden: out, Classes: 3, Steps: 1}, errors: way}
		l.subspaces[0] = tensorOf(h)
		vars := mlctx.New()
		exec, err := mlctx.NewExec(backend, vars, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			y := l.linear(ctx, 0, in[0])
			loss := graph.ReduceAllSum(graph.Mul(y, in[1]))
			w := l.weights(ctx.Reuse(), in[0].Graph(), 0)
			return append([]*graph.Node{y}, graph.Gradient(loss, in[0], w)...)
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := exec.Exec(tensorOf(x), tensorOf(error))
		if err != nil {
			t.Fatal(err)
		}
		value := func(name string) *mat.Dense {
			v, err := scope(vars, 0).GetVariable(name).Value()
			if err != nil {
				t.Fatal(err)
			}
			return matrixOf(v)
		}
		w := value("weights")
		var y, down, full, in, back mat.Dense
		y.Mul(x, w)
		passing := w
		switch way {
		case alignment:
			passing = value("feedback")
		case signs:
			passing = mat.DenseCopyOf(w)
			passing.Apply(func(_, _ int, v float64) float64 { return math.Copysign(1, v) / math.Sqrt(width) }, w)
		}
		down.Mul(error, passing.T())
		full.Mul(x.T(), error) // [width, out]
		in.Mul(h, &full)
		back.Mul(h.T(), &in)
		full.Sub(&full, &back)
		for i, want := range []*mat.Dense{&y, &down, &full} {
			if !mat.EqualApprox(matrixOf(got[i]), want, 1e-5) {
				t.Errorf("way %d, result %d:\n%v\nwant\n%v", way, i, mat.Formatted(matrixOf(got[i])), mat.Formatted(want))
			}
		}
	}
}

// TestHebb compares an update of rows in the graph with Oja's rule in plain matrices, with frozen rows and without.
func TestHebb(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	const n, width, k = 9, 8, 3
	rng := newRand()
	x := mat.NewDense(n, width, nil)
	x.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, x)
	old := randomRows(2, width, rng)
	for _, frozen := range []*mat.Dense{nil, old} {
		l := learner{sizes: sizes{Inputs: width, Hidden: 5, Classes: 3, Steps: 1}}
		if frozen != nil {
			l.subspaces[1] = tensorOf(frozen)
		}
		vars := mlctx.New()
		start := randomRows(k, width, rng)
		begin(vars, 1, start)
		exec, err := mlctx.NewExec(backend, vars, func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			l.hebb(scope(ctx, 1), 1, x)
			return graph.ReduceAllSum(x)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := exec.Exec1(tensorOf(x)); err != nil {
			t.Fatal(err)
		}
		got, err := rowsOf(vars, 1)
		if err != nil {
			t.Fatal(err)
		}
		want, m := mat.DenseCopyOf(start), mat.NewDense(k, width, nil)
		for range hebbianUpdates {
			all := mat.DenseCopyOf(want)
			if frozen != nil {
				var stack mat.Dense
				stack.Stack(frozen, want)
				all = &stack
			}
			var y, yAll, back, change mat.Dense
			y.Mul(x, want.T())
			yAll.Mul(x, all.T())
			back.Mul(&yAll, all)
			back.Sub(x, &back)
			change.Mul(y.T(), &back)
			change.Scale(.1/n, &change)
			m.Scale(.9, m)
			m.Add(m, &change)
			change.Scale(.01, m)
			want.Add(want, &change)
		}
		if !mat.EqualApprox(got, want, 1e-5) {
			t.Errorf("rows\n%v\nwant\n%v", mat.Formatted(got), mat.Formatted(want))
		}
		if mat.EqualApprox(got, start, 1e-4) {
			t.Error("rows did not learn")
		}
	}
}

func TestProgress(t *testing.T) {
	p := progress{Accuracy: [][]float64{{.9}, {.7, .8}, {.6, .7, .95}}}
	if a, b := p.acc(3), p.bwt(3); math.Abs(a-.75) > 1e-12 || math.Abs(b-(-.2)) > 1e-12 {
		t.Errorf("ACC %g, BWT %g; want 0.75 and -0.2", a, b)
	}
	if b := p.bwt(2); math.Abs(b-(-.2)) > 1e-12 {
		t.Errorf("BWT of two %g, want -0.2", b)
	}
}

// TestSubspaces asserts that leading directions capture the most, and that what lies outside has none of a subspace.
func TestSubspaces(t *testing.T) {
	rng := newRand()
	x := mat.NewDense(50, 10, nil)
	x.Apply(func(_, j int, _ float64) float64 { return rng.NormFloat64() / float64(1+j) }, x)
	top := leading(x, 3)
	if offIdentity(top) > 1e-9 {
		t.Errorf("singular vectors are off by %g", offIdentity(top))
	}
	for range 20 {
		if e := energy(x, randomRows(3, 10, rng)); e > energy(x, top) {
			t.Errorf("random rows capture %.3f, singular vectors %.3f", e, energy(x, top))
		}
	}
	rest := outside(x, tensorOf(top))
	if e := energy(rest, top); e > 1e-9 {
		t.Errorf("what lies outside has %g inside", e)
	}
}

func execute(t *testing.T, experiment string, set, inputs map[string]string) (*runner.Outcome, error) {
	t.Helper()
	return runnertest.Execute(t, runner.Config{Paper: "hlop", Experiment: experiment, Seed: 1, Set: set, Inputs: inputs})
}

// TestQuick asserts that projection saves what fine-tuning forgets, and random rows do not.
func TestQuick(t *testing.T) {
	o, err := execute(t, "strokes", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	value := func(system, metric string) float64 { return runnertest.Value(t, o, system, metric) }
	own, fine := value(systemHLOP, "bwt"), value(systemFine, "bwt")
	if own < fine+.015 || own < fine/2 {
		t.Errorf("backward transfer %.3f, fine-tuning's %.3f", own, fine)
	}
	if blind := value(systemBlind, "bwt"); blind > (own+fine)/2 {
		t.Errorf("backward transfer with random rows %.3f, half way %.3f", blind, (own+fine)/2)
	}
	if a := value(systemHLOP, "acc"); a < .8 {
		t.Errorf("accuracy %.3f", a)
	}
	if c := value(systemSubspace, "cosine"); c < .98 {
		t.Errorf("cosine with the known subspace %.3f", c)
	}
}

func TestRefused(t *testing.T) {
	for want, set := range map[string]map[string]string{
		"none is left free":  {"hidden": "40", "share": "0.5"},
		"few: 5 tasks of 3":  {"few": "5"},
		"but a task has 100": {"train": "100", "batch": "200"},
		"share: 0":           {"share": "0"},
	} {
		if _, err := execute(t, "strokes", set, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", set, err, want)
		}
	}
	s := images{2, []float32{0, 1, 1, 0}, []int32{0, 1}}
	for want, bad := range map[string]images{
		"label 3":                   {2, s.pixels, []int32{0, 3}},
		"all images are of class 1": {2, s.pixels, []int32{1, 1}},
		"no images":                 {2, nil, nil},
	} {
		if err := bad.check("training images", 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	nan := images{2, []float32{0, float32(math.NaN()), 1, 0}, s.labels}
	if err := normalise(&nan, &s); err == nil || !strings.Contains(err.Error(), "pixel 1 of image 0") {
		t.Errorf("not a number: %v", err)
	}
	if _, err := execute(t, "images", nil, map[string]string{"images": t.TempDir()}); err == nil {
		t.Error("an empty folder was accepted")
	}
}

// TestGrown asserts that rows which grow under inputs too large are told of.
func TestGrown(t *testing.T) {
	vars := mlctx.New()
	long := randomRows(2, 6, newRand())
	long.Scale(2.5, long)
	for layer := range layers {
		begin(vars, layer, long)
	}
	l := learner{rows: [layers]int{2, 2, 2}}
	if err := l.grown(vars); err == nil || !strings.Contains(err.Error(), "scale inputs") {
		t.Errorf("long rows: %v", err)
	}
}

// TestMNIST runs the experiment on real images where there are some.
func TestMNIST(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	dir := filepath.Join(data, "images", "mnist")
	if _, err := os.Stat(dir); err != nil {
		t.Skip(err)
	}
	o, err := execute(t, "images", nil, map[string]string{"images": dir})
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := o.Document.Records[0].Value(systemHLOP, "acc"); !ok || v < .3 {
		t.Errorf("accuracy %.3f", v)
	}
}
