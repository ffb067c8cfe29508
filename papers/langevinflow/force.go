package langevinflow

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// Potential builds U(z) of each row of z [B, H], summed over the batch, from the kernel [G, G, 3] exactly as the paper states it: z as G
// groups × C channels, Y[g,c] = Σ_{g',k} ŵ[g,g',k] z[g',c+k−1] with zeros beyond the ends, U = Σ_{g,g',c} Y[g,c] z[g',c].
//
// The model never evaluates it: [ForceMatrix] is its gradient in closed form.
func Potential(kernel, z *graph.Node) *graph.Node {
	batch, channels := z.Shape().Dimensions[0], z.Shape().Dimensions[1]/Groups
	w := normalised(kernel)
	grouped := graph.Reshape(z, batch, Groups, channels) // [B, G, C]
	edge := graph.Zeros(z.Graph(), shapes.Make(z.DType(), batch, Groups, 1))
	padded := graph.Concatenate([]*graph.Node{edge, grouped, edge}, -1) // [B, G, C+2]
	var y *graph.Node                                                   // [B, G, C]
	for k := range 3 {
		shifted := graph.Slice(padded, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(k, k+channels))                // z[g', c+k−1]
		tap := graph.Reshape(graph.Slice(w, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(k, k+1)), Groups, Groups) // [g, g']
		term := graph.Einsum("gj,bjc->bgc", tap, shifted)
		if y == nil {
			y = term
		} else {
			y = graph.Add(y, term)
		}
	}
	return graph.ReduceAllSum(graph.Mul(graph.ReduceSum(y, 1), graph.ReduceSum(grouped, 1))) // over [B, C]
}

// normalised scales the kernel [G, G, 3] to unit length along its last axis. Near zero, where the reference implementation's gradient
// is singular, the length is kept above 1e-4.
func normalised(kernel *graph.Node) *graph.Node {
	return graph.Div(kernel, graph.Sqrt(graph.AddScalar(graph.ReduceAndKeep(graph.Square(kernel), graph.ReduceSum, -1), 1e-8)))
}

// ForceMatrix builds the symmetric matrix M [H, H] with ∇U(z) = z·M. U is quadratic in z, and of the normalised kernel only the twelve
// sums a[g,k] = Σ_{g'} ŵ[g',g,k] matter: with s[c] = Σ_g z[g,c],
//
//	∂U/∂z[g,c] = Σ_{g',k} a[g',k] z[g',c+k−1] + Σ_k a[g,k] s[c−k+1]
//
// Being linear, the force costs one small product per step, and training needs no second derivative.
func ForceMatrix(kernel *graph.Node, hidden int) *graph.Node {
	a := graph.Reshape(graph.ReduceSum(normalised(kernel), 0), 1, 3*Groups) // a[g,k] at 3g+k
	m := graph.Reshape(graph.Dot(a, couplings(kernel.Graph(), hidden)), hidden, hidden)
	return graph.Add(m, graph.Transpose(m, 0, 1))
}

// couplings returns the constant [3G, H*H] whose row 3g+k has a 1 where the force on element (g', c) takes z[g,c+k−1] with weight a[g,k]: in
// row (g, c+k−1) and column (g', c), for every g'. The transpose of that is the second term of the force.
func couplings(g *graph.Graph, hidden int) *graph.Node {
	channels := hidden / Groups
	flat := make([]float32, 3*Groups*hidden*hidden)
	for from := range Groups {
		for k := range 3 {
			rows := flat[(3*from+k)*hidden*hidden:]
			for c := range channels {
				source := c + k - 1
				if source < 0 || source >= channels {
					continue
				}
				for to := range Groups {
					rows[(from*channels+source)*hidden+to*channels+c] = 1
				}
			}
		}
	}
	return graph.Reshape(graph.Const(g, flat), 3*Groups, hidden*hidden)
}

// Oscillators is the Langevin flow outside a graph, in float64: what the tests hold the graph against, and what the energy drift of the
// discretisation is measured on.
type Oscillators struct {
	Hidden int
	A      [Groups][3]float64 // Σ_{g'} of the normalised kernel ŵ[g',g,k]
}

// NewOscillators normalises a kernel [G, G, 3] given row-major.
func NewOscillators(kernel []float32, hidden int) (*Oscillators, error) {
	if len(kernel) != Groups*Groups*3 || hidden < Groups || hidden%Groups != 0 {
		return nil, fmt.Errorf("oscillators: a kernel of %d values and hidden size %d; need %d values and a multiple of %d",
			len(kernel), hidden, Groups*Groups*3, Groups)
	}
	o := &Oscillators{Hidden: hidden}
	for to := range Groups {
		for from := range Groups {
			w := kernel[3*(to*Groups+from):][:3]
			length := math.Sqrt(1e-8 + float64(w[0])*float64(w[0]) + float64(w[1])*float64(w[1]) + float64(w[2])*float64(w[2]))
			for k := range 3 {
				o.A[from][k] += float64(w[k]) / length
			}
		}
	}
	return o, nil
}

// Energy is U(z).
func (o *Oscillators) Energy(z []float64) float64 {
	u, channels := 0.0, o.Hidden/Groups
	for c := range channels {
		y, s := 0.0, 0.0
		for g := range Groups {
			s += z[g*channels+c]
			for k := range 3 {
				if i := c + k - 1; i >= 0 && i < channels {
					y += o.A[g][k] * z[g*channels+i]
				}
			}
		}
		u += y * s
	}
	return u
}

// Force writes ∇U(z).
func (o *Oscillators) Force(z, into []float64) {
	channels := o.Hidden / Groups
	sum := func(c int) (s float64) {
		if c >= 0 && c < channels {
			for g := range Groups {
				s += z[g*channels+c]
			}
		}
		return s
	}
	for c := range channels {
		shared := 0.0
		for g := range Groups {
			for k := range 3 {
				if i := c + k - 1; i >= 0 && i < channels {
					shared += o.A[g][k] * z[g*channels+i]
				}
			}
		}
		for g := range Groups {
			f := shared
			for k := range 3 {
				f += o.A[g][k] * sum(c-k+1)
			}
			into[g*channels+c] = f
		}
	}
}

// Drift runs the model's step without damping and noise for a time and returns the largest departure of ½|v|² + U(z) from its start. The step
// is explicit Euler, so the departure shrinks with η but does not vanish.
func (o *Oscillators) Drift(z, v []float64, eta, time float64) float64 {
	z, v = append([]float64(nil), z...), append([]float64(nil), v...)
	force := make([]float64, o.Hidden)
	energy := func() float64 {
		e := o.Energy(z)
		for _, x := range v {
			e += x * x / 2
		}
		return e
	}
	start, worst := energy(), 0.0
	for range int(time/eta + 0.5) {
		o.Force(z, force)
		for i := range z {
			z[i], v[i] = z[i]+eta*v[i], v[i]-eta*force[i]
		}
		worst = max(worst, math.Abs(energy()-start))
	}
	return worst
}
