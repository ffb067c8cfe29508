package dynamics

import "github.com/gomlx/gomlx/pkg/core/graph"

// The rules below return the change that a batch of activities asks of weights, without a learning rate, and have no gradient. Rows are samples, or
// samples of all steps; changes are means over rows.

// Hebb is Hebb's rule for weights [out, in]: Δw_ij is the mean of y_i·x_j, for inputs x [rows, in] and outputs y [rows, out]. Its negative is the
// anti-Hebbian rule.
func Hebb(x, y *graph.Node) *graph.Node {
	if x.Rank() != 2 || y.Rank() != 2 || x.Shape().Dimensions[0] != y.Shape().Dimensions[0] {
		panicf("Hebb needs inputs [rows, in] and outputs [rows, out], got shapes %s and %s", x.Shape(), y.Shape())
	}
	return graph.StopGradient(graph.MulScalar(graph.DotGeneral(y, []int{0}, nil, x, []int{0}, nil), 1/float64(x.Shape().Dimensions[0])))
}

// OjaSubspace is Oja's subspace rule for weights h [k, n] and activities x [rows, n],
//
//	y = h x      Δh = y (x - hᵀy)ᵀ
//
// whose rows become an orthonormal basis of the k principal directions of x (E. Oja, "Neural networks, principal components, and subspaces", 1989).
// The second term is anti-Hebbian: what the rows already explain is taken from the activity before it is learned. It also returns y [rows, k].
func OjaSubspace(h, x *graph.Node) (change, y *graph.Node) {
	if h.Rank() != 2 || x.Rank() != 2 || h.Shape().Dimensions[1] != x.Shape().Dimensions[1] {
		panicf("OjaSubspace needs weights [k, n] and activities [rows, n], got shapes %s and %s", h.Shape(), x.Shape())
	}
	y = graph.DotGeneral(x, []int{1}, nil, h, []int{1}, nil) // [rows, k]
	return Hebb(graph.Sub(x, graph.Dot(y, h)), y), y
}

// Decorrelate is the anti-Hebbian rule for lateral weights [k, k] between outputs y [rows, k], minus the mean of y_i·y_j and zero on the diagonal
// (Földiák 1990): neurons that fire together come to inhibit each other.
func Decorrelate(y *graph.Node) *graph.Node {
	c := Hebb(y, y)
	k := c.Shape().Dimensions[0]
	return graph.Neg(graph.Where(graph.Diagonal(c.Graph(), k), graph.ZerosLike(c), c))
}
