package ensemble

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/compute"
)

// Tangent returns the gradients of outputs with respect to all weights, [steps·trials·outputs, weights] in the order of [Weights.Flat], of a network
// that sees x [steps, trials, inputs]. Its rows are what the neural tangent kernel is made of.
func (n Network) Tangent(w Weights, x []float32, steps, trials int) []float32 {
	leak, s, c := n.constants()
	rows := make([]float32, steps*trials*n.Outputs*n.size())
	rates := make([][]float64, steps) // φ(a(t)) of one trial
	for k := range trials {
		a := make([]float64, n.Units)
		for t := range steps {
			rates[t] = make([]float64, n.Units)
			for i := range a {
				drive := float64(w.Bias[i])
				if t > 0 {
					sum := 0.0
					for j, r := range rates[t-1] {
						sum += float64(w.Recurrent[i*n.Units+j]) * r
					}
					drive += s * sum
				}
				for j := range n.Inputs {
					drive += float64(w.Input[i*n.Inputs+j]) * float64(x[(t*trials+k)*n.Inputs+j])
				}
				rates[t][i] = drive
			}
			for i := range a {
				a[i] = (1-leak)*a[i] + leak*rates[t][i]
				rates[t][i] = math.Tanh(a[i])
			}
		}
		for t := range steps {
			for o := range n.Outputs {
				row := n.cut(rows[((t*trials+k)*n.Outputs+o)*n.size():][:n.size()])
				n.tangentOf(row, w, rates[:t+1], x, trials, k, o, leak, s, c)
			}
		}
	}
	return rows
}

// tangentOf fills one row: the gradient of output o after the last of these rates.
func (n Network) tangentOf(row, w Weights, rates [][]float64, x []float32, trials, k, o int, leak, s, c float64) {
	last := len(rates) - 1
	at := make([]float64, n.Units) // with respect to a
	for i, r := range rates[last] {
		row.Output[o*n.Units+i] = float32(c * r)
		at[i] = c * float64(w.Output[o*n.Units+i]) * (1 - r*r)
	}
	if n.Biased {
		row.OutputBias[o] = 1
	}
	for t := last; t >= 0; t-- {
		before := make([]float64, n.Units)
		for i, g := range at {
			if n.Biased {
				row.Bias[i] += float32(leak * g)
			}
			for j := range n.Inputs {
				row.Input[i*n.Inputs+j] += float32(leak * g * float64(x[(t*trials+k)*n.Inputs+j]))
			}
			if t == 0 {
				continue
			}
			g *= leak * s
			to, from := row.Recurrent[i*n.Units:][:n.Units], w.Recurrent[i*n.Units:][:n.Units]
			for j, r := range rates[t-1] {
				to[j] += float32(g * r)
				before[j] += g * float64(from[j])
			}
		}
		if t > 0 {
			for j, r := range rates[t-1] {
				before[j] = before[j]*(1-r*r) + (1-leak)*at[j]
			}
		}
		at = before
	}
}

// KernelAlignment is how far the neural tangent kernels of two networks of one shape agree on the inputs x [steps, trials, inputs]:
// <K₁, K₂>/(|K₁||K₂|), 1 where one is a multiple of the other. Between a network before and after training it says how little its features have changed.
func (n Network) KernelAlignment(backend backends.Backend, one, other Weights, x []float32, steps, trials int) (float64, error) {
	if len(x) != steps*trials*n.Inputs || len(one.Flat()) != n.size() || len(other.Flat()) != n.size() {
		return 0, fmt.Errorf("ensemble: the kernel of %d and %d weights on %d values, for %d steps of %d trials of %+v", len(one.Flat()), len(other.Flat()), len(x), steps, trials, n)
	}
	var got float64
	err := compute.Catch("comparing tangent kernels", func() error {
		tangent := func(w Weights) *tensors.Tensor {
			return tensors.FromFlatDataAndDimensions(n.Tangent(w, x, steps, trials), steps*trials*n.Outputs, n.size())
		}
		out, err := graph.ExecOnce(backend, func(a, b *graph.Node) *graph.Node {
			kernel := func(a *graph.Node) *graph.Node { return graph.DotGeneral(a, []int{1}, nil, a, []int{1}, nil) }
			// In multiples of the largest value, so that products of small gradients stay within single precision.
			unit := func(k *graph.Node) *graph.Node { return graph.Div(k, graph.ReduceAllMax(graph.Abs(k))) }
			p, q := unit(kernel(a)), unit(kernel(b))
			return graph.Div(graph.ReduceAllSum(graph.Mul(p, q)), graph.Sqrt(graph.Mul(graph.ReduceAllSum(graph.Square(p)), graph.ReduceAllSum(graph.Square(q)))))
		}, tangent(one), tangent(other))
		if err != nil {
			return err
		}
		got = float64(tensors.ToScalar[float32](out))
		return nil
	})
	return got, err
}
