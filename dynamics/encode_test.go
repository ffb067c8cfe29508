package dynamics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

func TestRateCode(t *testing.T) {
	b := open(t)
	p := []float64{0, .1, .5, .9, 1}
	got := run(t, b, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
		return []*graph.Node{Stack(RateCode(ctx, graph.BroadcastToDims(graph.InsertAxes(in[0], 0), 400, 5), 50))}
	}, p)
	rates := make([]float64, len(p))
	for i, s := range got[0] {
		if s != 0 && s != 1 {
			t.Fatalf("a spike of %g", s)
		}
		rates[i%5] += s / (400 * 50)
	}
	for i, want := range p {
		if math.Abs(rates[i]-want) > .015 {
			t.Errorf("probability %g gives a rate of %g", want, rates[i])
		}
	}
	if slices.Equal(got[0][:2000], got[0][2000:4000]) {
		t.Error("all steps have the same spikes")
	}
}

func TestLatencyCode(t *testing.T) {
	x := []float64{1, .76, .5, .26, .05, 0}
	got := run(t, open(t), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		return []*graph.Node{Stack(LatencyCode(in[0], 5, .1))}
	}, x)
	for i, want := range []int{0, 1, 2, 3, -1, -1} {
		for step := range 5 {
			if spike := got[0][step*len(x)+i]; (spike == 1) != (step == want) || spike != 0 && spike != 1 {
				t.Errorf("value %g in step %d: %g", x[i], step, spike)
			}
		}
	}
}

func TestDeltaCode(t *testing.T) {
	signal := []float32{0, 5, .4, 5, 1.1, 5, 3, 3.9, 3, 3.9, 1.9, 2, 1.9, 2}
	got, err := DeltaCode(signal, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int8{0, 0, 0, 0, 1, 0, 1, -1, 1, 0, -1, -1, 0, -1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, err := DeltaCode(signal, 3, 1); err == nil {
		t.Error("14 values in 3 channels")
	}
}

func TestCountFrames(t *testing.T) {
	got, err := CountFrames([]float32{0, .1, .49, .5, .99, 1}, []uint16{0, 1, 0, 2, 2, 2}, 3, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{2, 1, 0, 0, 0, 3}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	nan := float32(math.NaN())
	for _, c := range []struct {
		times    []float32
		channels []uint16
		steps    int
	}{{[]float32{1.1}, []uint16{0}, 2}, {[]float32{-.1}, []uint16{0}, 2}, {[]float32{nan}, []uint16{0}, 2}, {[]float32{0}, []uint16{3}, 2}, {[]float32{0}, nil, 2}, {[]float32{0}, []uint16{0}, 0}} {
		if _, err := CountFrames(c.times, c.channels, 3, c.steps, 1); err == nil {
			t.Errorf("counted %+v", c)
		}
	}
}

func TestOperations(t *testing.T) {
	got := run(t, open(t), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		return []*graph.Node{Operations(in[0], in[1])}
	}, tensors.FromFlatDataAndDimensions([]float64{1, 0, 1, 0, 1, 1}, 2, 3), tensors.FromFlatDataAndDimensions([]float64{1, 2, 0, 3, 0, 0}, 3, 2))
	// Rows 0 and 2 of the weights, then 1 and 2.
	if want := []float64{2, 1}; !slices.Equal(got[0], want) {
		t.Errorf("%v operations, want %v", got[0], want)
	}
}

// TestOjaSubspace finds the principal directions of known activities: 60 values that vary in 6 directions.
func TestOjaSubspace(t *testing.T) {
	const n, r, rows = 60, 6, 64
	rng := rand.New(rand.NewPCG(1, 2))
	basis := make([][]float64, r) // orthonormal
	for k := range basis {
		basis[k] = noise(n, 0, 1, uint64(k))
		for _, b := range basis[:k] {
			d := 0.
			for i := range b {
				d += b[i] * basis[k][i]
			}
			for i := range b {
				basis[k][i] -= d * b[i]
			}
		}
		norm := 0.
		for _, v := range basis[k] {
			norm += v * v
		}
		for i := range basis[k] {
			basis[k][i] /= math.Sqrt(norm)
		}
	}
	b := open(t)
	exec, err := graph.NewExec(b, func(h, x *graph.Node) []*graph.Node {
		change, y := OjaSubspace(h, x)
		return []*graph.Node{graph.Add(h, graph.MulScalar(change, .05)), y}
	})
	if err != nil {
		t.Fatal(err)
	}
	h := tensors.FromFlatDataAndDimensions(noise(r*n, 0, .1, 9), r, n)
	for range 800 {
		x := make([]float64, rows*n)
		for row := range rows {
			for k := range r {
				z := rng.NormFloat64()
				for i := range n {
					x[row*n+i] += z * basis[k][i]
				}
			}
			for i := range n {
				x[row*n+i] += .05 * rng.NormFloat64()
			}
		}
		out, err := exec.Exec(h, tensors.FromFlatDataAndDimensions(x, rows, n))
		if err != nil {
			t.Fatal(err)
		}
		h = out[0]
	}
	flat := tensors.MustCopyFlatData[float64](h)
	captured := 0. // mean squared cosine of the principal angles, if rows are orthonormal
	for i := range r {
		row := flat[i*n : (i+1)*n]
		for j := range r {
			dot, own := 0., 0.
			for k := range n {
				dot += row[k] * basis[j][k]
				own += row[k] * flat[j*n+k]
			}
			captured += dot * dot / r
			if want := map[bool]float64{true: 1}[i == j]; math.Abs(own-want) > .05 {
				t.Errorf("rows %d and %d have the product %g", i, j, own)
			}
		}
	}
	if captured < .98 {
		t.Errorf("rows capture %.3f of the subspace", captured)
	}
}

func TestHebb(t *testing.T) {
	got := run(t, open(t), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		return []*graph.Node{Hebb(in[0], in[1]), Decorrelate(in[1])}
	}, tensors.FromFlatDataAndDimensions([]float64{1, 2, 3, 4, 5, 6}, 2, 3), tensors.FromFlatDataAndDimensions([]float64{1, 0, 1, 2}, 2, 2))
	if want := []float64{2.5, 3.5, 4.5, 4, 5, 6}; !slices.Equal(got[0], want) {
		t.Errorf("Hebb %v, want %v", got[0], want)
	}
	if want := []float64{0, -1, -1, 0}; !slices.Equal(got[1], want) {
		t.Errorf("Decorrelate %v, want %v", got[1], want)
	}
}
