package spikingdiffusion

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

func open(t *testing.T) backends.Backend {
	t.Helper()
	b, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// evaluate runs a function of one tensor.
func evaluate(t *testing.T, x []float32, dims []int, f func(x *graph.Node) []*graph.Node) [][]float32 {
	t.Helper()
	out, err := mlctx.ExecOnceN(open(t), mlctx.New(), func(_ *mlctx.Context, x *graph.Node) []*graph.Node { return f(x) }, tensors.FromFlatDataAndDimensions(x, dims...))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]float32
	for _, o := range out {
		all = append(all, tensors.MustCopyFlatData[float32](o))
	}
	return all
}

// TestIntegrate runs three units by hand: 0.4 fires in the third step (1.2), 0.5 in the second, 1.5 always; what is left over is lost.
func TestIntegrate(t *testing.T) {
	steps := func(x *graph.Node) []*graph.Node { return []*graph.Node{x, x, x, x} }
	for _, c := range []struct {
		name  string
		units func(x *graph.Node) []*graph.Node
		want  [][]float32
	}{
		{"hard reset", func(x *graph.Node) []*graph.Node {
			return integrate(steps(x), graph.ScalarOne(x.Graph(), x.DType()))
		}, [][]float32{{0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {0, 1, 1}}},
		{"lower threshold", func(x *graph.Node) []*graph.Node { return integrate(steps(x), graph.Scalar(x.Graph(), x.DType(), .8)) },
			[][]float32{{0, 0, 1}, {1, 1, 1}, {0, 0, 1}, {1, 1, 1}}},
		{"soft reset from half", func(x *graph.Node) []*graph.Node {
			return integrateSoftly(steps(x), graph.ScalarOne(x.Graph(), x.DType()))
		}, [][]float32{{0, 1, 1}, {1, 0, 1}, {0, 1, 1}, {1, 0, 1}}},
	} {
		got := evaluate(t, []float32{.4, .5, 1.5}, []int{3}, c.units)
		for n := range got {
			for i := range got[n] {
				if got[n][i] != c.want[n][i] {
					t.Errorf("%s, step %d: spikes %v, want %v", c.name, n, got[n], c.want[n])
				}
			}
		}
	}
}

// TestSurrogateGradient compares the gradient of two steps with the chain rule, reset included.
func TestSurrogateGradient(t *testing.T) {
	const x = .7
	slope := func(u float64) float64 { return 1 / (1 + math.Pow(math.Pi*u, 2)) } // α = 2
	got := evaluate(t, []float32{x}, []int{1}, func(in *graph.Node) []*graph.Node {
		spikes := integrate([]*graph.Node{in, in}, graph.ScalarOne(in.Graph(), in.DType()))
		return graph.Gradient(graph.ReduceAllSum(spikes[1]), in)
	})[0][0]
	// u1 = x, s1 = 0, v1 = u1 (1 - s1), u2 = v1 + x, s2 = H(u2 - 1)
	want := slope(2*x-1) * (1 + 1 - x*slope(x-1))
	if math.Abs(float64(got)-want) > 1e-5 {
		t.Errorf("gradient %v, want %v", got, want)
	}
}

// TestConversionIsExact tries every level, borders included, and inputs beyond the ends.
func TestConversionIsExact(t *testing.T) {
	b := open(t)
	for _, bits := range []int{1, 2, 3, 4} {
		var x []float32
		for i := -300; i <= 600; i++ {
			x = append(x, float32(i)/256)
		}
		levels, counts, err := stairs(b, x, 1, bits)
		if err != nil {
			t.Fatal(err)
		}
		most := float32(int(1)<<bits - 1)
		for i := range x {
			want := float32(math.Floor(float64(max(0, min(1, x[i]))*most) + .5))
			if levels[i] != want || counts[i] != want {
				t.Errorf("%d bits, input %v: level %v and %v spikes, want %v", bits, x[i], levels[i], counts[i], want)
			}
		}
	}
}

// TestNetworks builds every kind: the shapes are right, and the parts that must not matter do not.
func TestNetworks(t *testing.T) {
	b := open(t)
	for _, kind := range []Kind{Spiking, Smooth, Quantised} {
		c := sizes{Width: 4, Steps: 3}.network(kind)
		c.Bits = 2
		vars := mlctx.New()
		x := make([]float32, 2*256)
		for i := range x {
			x[i] = float32(math.Sin(float64(i)))
		}
		out, err := mlctx.ExecOnceN(b, vars.Checked(false), func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			a := c.predict(ctx, in[0], in[1], nil)
			macs := map[string]int{}
			for _, l := range a.layers {
				macs[l.kind] += l.macs
			}
			if macs["first"] != 256*9*4 {
				t.Errorf("%s: the first convolution has %d operations", kind, macs["first"])
			}
			return []*graph.Node{a.noise}
		}, tensors.FromFlatDataAndDimensions(x, 2, 16, 16, 1), tensors.FromFlatDataAndDimensions([]float32{1, 1000}, 2))
		if err != nil {
			t.Fatal(err)
		}
		if got := out[0].Shape().Dimensions; len(got) != 4 || got[0] != 2 || got[1] != 16 || got[2] != 16 || got[3] != 1 {
			t.Errorf("%s: output %v", kind, got)
		}
	}
}

// TestEnergy counts by hand.
func TestEnergy(t *testing.T) {
	layers := []layer{{kind: "first", macs: 1000}, {kind: "spikes", macs: 2000}, {kind: "spikes", macs: 4000}, {kind: "real", macs: 500}, {kind: "embedding", macs: 100}}
	e := spikingEnergy(layers, []float64{.25, .5}, 4)
	paper := 4.6 + .9*4*(.25*2+.5*4)
	if math.Abs(e.Paper-paper) > 1e-12 || math.Abs(e.Strict-(paper+4.6*(4*.5+.1))) > 1e-12 {
		t.Errorf("%+v nJ, want %v", e, paper)
	}
	if e := plainEnergy(layers); math.Abs(e.Paper-4.6*7) > 1e-12 || math.Abs(e.Strict-4.6*7.6) > 1e-12 {
		t.Errorf("the twin takes %+v nJ", e)
	}
}
