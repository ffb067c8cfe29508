package ensemble

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute"
)

// plainLoss is the mean squared error of a network, in plain Go and double precision, from the equations of the package's comment.
func plainLoss(n Network, w []float64, x, y []float32, steps, batch int) float64 {
	leak, s, c := n.constants()
	take := func(size int) []float64 { part := w[:size]; w = w[size:]; return part }
	recurrent, input, bias := take(n.Units*n.Units), take(n.Units*n.Inputs), take(n.Units)
	output, outputBias := take(n.Outputs*n.Units), take(n.Outputs)
	sum := 0.0
	for k := range batch {
		a, phi := make([]float64, n.Units), make([]float64, n.Units)
		for t := range steps {
			next := make([]float64, n.Units)
			for i := range n.Units {
				drive := bias[i]
				for j, r := range phi {
					drive += s * recurrent[i*n.Units+j] * r
				}
				for j := range n.Inputs {
					drive += input[i*n.Inputs+j] * float64(x[(t*batch+k)*n.Inputs+j])
				}
				next[i] = (1-leak)*a[i] + leak*drive
			}
			a = next
			for i, v := range a {
				phi[i] = math.Tanh(v)
			}
			for o := range n.Outputs {
				out := outputBias[o]
				for j, r := range phi {
					out += c * output[o*n.Units+j] * r
				}
				d := out - float64(y[(t*batch+k)*n.Outputs+o])
				sum += d * d
			}
		}
	}
	return sum / float64(steps*batch*n.Outputs)
}

// TestGradient holds loss and gradient against differences of the plain loss.
func TestGradient(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	const steps, batch, networks = 6, 5, 2
	for name, n := range map[string]Network{
		"usual":  {Inputs: 2, Units: 7, Outputs: 3, Biased: true},
		"leaky":  {Inputs: 2, Units: 7, Outputs: 3, Biased: true, Leak: .3, Recurrent: .5, Readout: 2},
		"muP":    MuP(1, 9, 2, .1, 1.5),
		"narrow": {Inputs: 1, Units: 1, Outputs: 1},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			random := func(size int) []float32 {
				v := make([]float32, size)
				for i := range v {
					v[i] = float32(rng.NormFloat64())
				}
				return v
			}
			var flat []float32
			for range networks {
				w := n.InitMuP(rng)
				if n.Biased {
					w.Bias, w.OutputBias = random(n.Units), random(n.Outputs)
				}
				flat = append(flat, w.Flat()...)
			}
			x, y := random(networks*steps*batch*n.Inputs), random(networks*steps*batch*n.Outputs)
			exec, err := graph.NewExec(backend, func(flat, x, y *graph.Node) (*graph.Node, *graph.Node) {
				return n.gradient(flat, x, y, steps)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer exec.Finalize()
			out, err := exec.Exec(tensors.FromFlatDataAndDimensions(flat, networks, n.size()), tensors.FromFlatDataAndDimensions(x, networks, steps*batch, n.Inputs),
				tensors.FromFlatDataAndDimensions(y, networks, steps*batch, n.Outputs))
			if err != nil {
				t.Fatal(err)
			}
			losses, grads := tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
			for k := range networks {
				w := make([]float64, n.size())
				for i := range w {
					w[i] = float64(flat[k*n.size()+i])
				}
				x, y := x[k*steps*batch*n.Inputs:][:steps*batch*n.Inputs], y[k*steps*batch*n.Outputs:][:steps*batch*n.Outputs]
				loss := plainLoss(n, w, x, y, steps, batch)
				if math.Abs(loss-float64(losses[k])) > 1e-4*loss {
					t.Errorf("loss of network %d is %g, want %g", k, losses[k], loss)
				}
				cut := n.cut(make([]float32, n.size()))
				biases := len(cut.Recurrent) + len(cut.Input)
				for i := range w {
					const h = 1e-5
					at := w[i]
					w[i] = at + h
					up := plainLoss(n, w, x, y, steps, batch)
					w[i] = at - h
					want := (up - plainLoss(n, w, x, y, steps, batch)) / (2 * h)
					w[i] = at
					if isBias := i >= biases && i < biases+n.Units || i >= n.size()-n.Outputs; isBias && !n.Biased {
						want = 0
					}
					if got := float64(grads[k*n.size()+i]); math.Abs(got-want) > 2e-4*(1+math.Abs(want)) {
						t.Fatalf("gradient %d of network %d is %g, want %g", i, k, got, want)
					}
				}
			}
		})
	}
}

// TestPolar compares the gradient of the sum of singular values with a decomposition.
func TestPolar(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	const n = 16
	rng := rand.New(rand.NewPCG(1, 2))
	flat := make([]float32, n*n)
	m := mat.NewDense(n, n, nil)
	for i := range flat {
		flat[i] = float32(rng.NormFloat64())
		m.Set(i/n, i%n, float64(flat[i]))
	}
	got := tensors.MustCopyFlatData[float32](graph.MustExecOnce(backend, polar, tensors.FromFlatDataAndDimensions(flat, 1, n, n)))
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDFull) {
		t.Fatal("no decomposition")
	}
	var u, v, want mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	want.Mul(&u, v.T())
	for i, g := range got {
		if w := want.At(i/n, i%n); math.Abs(float64(g)-w) > 1e-4 {
			t.Fatalf("element %d is %g, want %g", i, g, w)
		}
	}
}

// TestTangent sums tangents of outputs to the gradient of an error: Σ 2(output - target)/count · tangent.
func TestTangent(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	const steps, trials = 5, 3
	for _, n := range []Network{{Inputs: 2, Units: 6, Outputs: 2, Biased: true}, MuP(2, 6, 2, .2, 1)} {
		rng := rand.New(rand.NewPCG(3, 4))
		w, x := n.Init(rng), make([]float32, steps*trials*n.Inputs)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		y := make([]float32, steps*trials*n.Outputs) // targets of 0: the error is the mean square of the outputs
		got := make([]float64, n.size())
		rows := n.Tangent(w, x, steps, trials)
		activity, err := Run(backend, n, []Weights{w}, x, steps, trials)
		if err != nil {
			t.Fatal(err)
		}
		for step := range steps {
			for k := range trials {
				for o := range n.Outputs {
					miss := 2 * float64(activity.Outputs[0][(k*steps+step)*n.Outputs+o]) / float64(len(y))
					for i := range got {
						got[i] += miss * float64(rows[((step*trials+k)*n.Outputs+o)*n.size()+i])
					}
				}
			}
		}
		grad := graph.MustExecOnce(backend, func(flat, x, y *graph.Node) *graph.Node {
			_, g := n.gradient(flat, x, y, steps)
			return g
		}, tensors.FromFlatDataAndDimensions(w.Flat(), 1, n.size()), tensors.FromFlatDataAndDimensions(x, 1, steps*trials, n.Inputs),
			tensors.FromFlatDataAndDimensions(y, 1, steps*trials, n.Outputs))
		for i, want := range tensors.MustCopyFlatData[float32](grad) {
			if math.Abs(got[i]-float64(want)) > 1e-5*(1+math.Abs(float64(want))) {
				t.Fatalf("%+v: gradient %d is %g, want %g", n, i, got[i], want)
			}
		}
		// A kernel is aligned with itself, and less with another's.
		self, err := n.KernelAlignment(backend, w, w, x, steps, trials)
		if err != nil || math.Abs(self-1) > 1e-5 {
			t.Errorf("aligned with itself %g, %v", self, err)
		}
		if other, err := n.KernelAlignment(backend, w, n.Init(rng), x, steps, trials); err != nil || !(other > 0 && other < .999) {
			t.Errorf("aligned with another %g, %v", other, err)
		}
	}
}
