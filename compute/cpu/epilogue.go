package cpu

import (
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// epilogues lets contractions finish what otherwise a later step would read their results for: the addition of a bias, of another
// contraction or of any stored value, and an activation. A sum of many products, as the gradient of a weight used at every time step, so
// becomes a chain of contractions each of which adds to the one before.
//
// It changes nodes in place; contractions that become part of another stay behind unused.
func epilogues(outputs []*node) {
	nodes, users := usersOf(outputs)
	for _, n := range nodes {
		if dtype := n.shape.DType; dtype != dtypes.Float32 && dtype != dtypes.Float64 {
			continue
		}
		if n.op == backends.OpTypeAdd {
			x, y := n.in[0], n.in[1]
			if x.id < y.id {
				x, y = y, x // the later one adds the earlier, which is ready by then
			}
			for range 2 {
				if x != y && bare(x, users) && addable(y) {
					n.op, n.attr, n.in = opContract, x.attr, []*node{x.in[0], x.in[1], y}
					break
				}
				x, y = y, x
			}
			continue
		}
		if f, x := activationOf(n); f != kernel.Identity && x.op == opContract && len(users[x]) == 1 &&
			x.attr.(contraction).activation == kernel.Identity && neededInMemory(n, users) {
			c := x.attr.(contraction)
			c.activation = f
			n.op, n.attr, n.in = opContract, c, x.in
		}
	}
}

// usersOf returns the nodes that the outputs need, in order, and who uses each: a nil user is the caller.
func usersOf(outputs []*node) (nodes []*node, users map[*node][]*node) {
	nodes, users = live(outputs), map[*node][]*node{}
	for _, n := range nodes {
		for _, x := range n.in {
			users[x] = append(users[x], n)
		}
	}
	for _, o := range outputs {
		users[o] = append(users[o], nil)
	}
	return nodes, users
}

// gelus makes x/2*(1+erf(x/sqrt(2))), written in any order, one op where nothing else reads 1+erf.
func gelus(outputs []*node) {
	nodes, users := usersOf(outputs)
	// scaled returns x where n is x times the factor and used only for this, or also for other things.
	scaled := func(n *node, factor float64) *node {
		if n.op == backends.OpTypeMul {
			for i, x := range n.in {
				if v, ok := floatValue(x); ok && math.Abs(v-factor) < 1e-6 {
					return n.in[1-i]
				}
			}
		}
		return nil
	}
	onePlusErf := func(n *node) *node { // x of 1+erf(x/sqrt(2))
		if n.op != backends.OpTypeAdd || len(users[n]) != 1 {
			return nil
		}
		for i, one := range n.in {
			if v, ok := floatValue(one); ok && v == 1 && n.in[1-i].op == backends.OpTypeErf {
				return scaled(n.in[1-i].in[0], math.Sqrt2/2)
			}
		}
		return nil
	}
	for _, n := range nodes {
		if n.op != backends.OpTypeMul || n.shape.DType != dtypes.Float32 {
			continue
		}
		for i, half := range n.in {
			if x := onePlusErf(n.in[1-i]); x != nil && scaled(half, 0.5) == x {
				n.op, n.attr, n.in = opGelu, nil, []*node{x}
				break
			}
		}
	}
}

// bare reports whether x is a contraction that adds nothing yet and whose result one node alone reads.
func bare(x *node, users map[*node][]*node) bool {
	return x.op == opContract && len(x.in) == 2 && x.attr.(contraction).activation == kernel.Identity && len(users[x]) == 1
}

// addable reports whether y is in memory anyway. What is computed element by element is not: it is better computed together with the sum.
func addable(y *node) bool {
	for isLayout(y.op) {
		y = y.in[0]
	}
	return y.shape.Size() > 1 && !isElementwise(y.op) && !isReduction(y.op)
}

// activationOf returns the activation that n is, and of what.
func activationOf(n *node) (kernel.UnaryOp, *node) {
	switch n.op {
	case backends.OpTypeTanh:
		return kernel.Tanh, n.in[0]
	case backends.OpTypeLogistic:
		return kernel.Sigmoid, n.in[0]
	case opGelu:
		return kernel.Gelu, n.in[0]
	case backends.OpTypeMax:
		for i, x := range n.in {
			if v, ok := floatValue(x); ok && v == 0 {
				return kernel.Relu, n.in[1-i]
			}
		}
	}
	return kernel.Identity, nil
}

// neededInMemory reports whether a step of its own reads n, or the caller.
func neededInMemory(n *node, users map[*node][]*node) bool {
	for _, u := range users[n] {
		if u == nil || !isElementwise(u.op) && !isReduction(u.op) && (!isLayout(u.op) || neededInMemory(u, users)) {
			return true
		}
	}
	return false
}
