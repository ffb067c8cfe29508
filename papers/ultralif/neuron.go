package ultralif

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/dynamics"
)

// The range of the temperature and of its disentangled companion, and where they and the membranes begin.
const (
	leastEpsilon, mostEpsilon = .1, 20
	leastSlope, mostSlope     = .1, 50
	leastTau, mostTau         = .01, .99
	fixedTau                  = .9 // of units that do not learn their leak
	threshold                 = .5
	startLogit                = .9 // of leaks that are learned as σ(q)
	repositorySlope           = 10 // of soft and surrogate spikes
)

// Ultra is one of the paper's four units. All keep a membrane V, take in a current I, and give out, with a temperature ε that a layer shares,
//
//	s = σ((U - θ)/ε)      V ← U·(1 - s)
//
// where U is LSE(V + log τ, I) in the temporal units (UltraLIF; UltraPLIF if the leak is learned) and LSE(V[i-1], V[i], V[i+1]) + I, with neighbours
// in a ring, in the spatial ones (UltraDLIF; UltraDPLIF, which has τV in place of V). LSE is ε·log Σ exp(·/ε), a maximum as ε → 0.
type Ultra struct {
	Spatial   bool
	LearnLeak bool

	// Repository follows the published code where it differs from the text: θ = 0, and a spatial unit integrates V' = τV + I, takes the LSE of V' only
	// for the spike, and resets V'.
	Repository bool

	Epsilon float64 // at the beginning; 0 means 1
	Pinned  bool    // ε is not learned
	Tau     float64 // of the temporal unit, and at the beginning if it is learned; 0 means 0.9
	// Disentangled gives the spike a learned slope of its own, s = σ(β·U), in place of 1/ε.
	Disentangled bool
}

// check refuses what would otherwise have to be clamped.
func (u Ultra) check() error {
	if e := u.Epsilon; e != 0 && !(e >= leastEpsilon && e <= mostEpsilon) {
		return fmt.Errorf("a temperature ε of %g lies outside %g to %g, to which training clamps it: choose one inside", e, leastEpsilon, float64(mostEpsilon))
	}
	if t := u.Tau; t != 0 && !(t >= leastTau && t <= mostTau) {
		return fmt.Errorf("a leak τ of %g lies outside %g to %g: choose one inside", t, leastTau, mostTau)
	}
	return nil
}

func (u Ultra) theta() float64 {
	if u.Repository || u.Disentangled {
		return 0
	}
	return threshold
}

// UltraCell is an [Ultra] in a graph. Its state is the membrane V after the reset, then U before it.
type UltraCell struct {
	Model Ultra
	// Epsilon and Tau are scalars; replace them by other nodes to make them inputs of the graph. Tau is nil in a spatial unit of the paper without leak.
	Epsilon, Tau *graph.Node
	slope        *graph.Node // β; nil unless disentangled

	Hard    bool // spikes are 1[U > θ]: what is left after deployment, with the membrane as trained
	Limit   bool // ε → 0: the membrane is a maximum, and spikes are hard
	NoReset bool
}

// Cell makes a cell in the graph of like, which also gives the type; what it learns are variables of ctx, which may be nil if nothing is.
func (u Ultra) Cell(ctx *mlctx.Context, like *graph.Node) *UltraCell {
	if err := u.check(); err != nil {
		panic(err)
	}
	c := &UltraCell{Model: u, Epsilon: graph.Scalar(like.Graph(), like.DType(), orDefault(u.Epsilon, 1))}
	if !u.Pinned {
		c.Epsilon = graph.ClipScalar(graph.Exp(scalar(ctx, like, "log-epsilon", math.Log(orDefault(u.Epsilon, 1)))), leastEpsilon, mostEpsilon)
	}
	tau := orDefault(u.Tau, fixedTau)
	switch {
	case u.LearnLeak && u.Spatial:
		start := startLogit
		if u.Tau != 0 {
			start = math.Log(u.Tau / (1 - u.Tau))
		}
		c.Tau = graph.Sigmoid(scalar(ctx, like, "leak", start))
	case u.LearnLeak:
		// As in the published code, the range that it declares for τ is not applied.
		c.Tau = graph.Exp(scalar(ctx, like, "log-leak", math.Log(tau)))
	case !u.Spatial || u.Repository:
		c.Tau = graph.Scalar(like.Graph(), like.DType(), tau)
	}
	if u.Disentangled {
		c.slope = graph.ClipScalar(graph.Exp(scalar(ctx, like, "log-slope", 0)), leastSlope, mostSlope)
	}
	return c
}

// Rest is all zeros.
func (c *UltraCell) Rest(like *graph.Node) dynamics.State {
	return dynamics.State{graph.ZerosLike(like), graph.ZerosLike(like)}
}

// Step returns s, shaped like current, whose last axis is the ring of a spatial unit.
func (c *UltraCell) Step(current *graph.Node, state dynamics.State) (*graph.Node, dynamics.State) {
	v := state[0]
	var u, kept *graph.Node // what the spike sees, what is reset
	switch {
	case !c.Model.Spatial:
		u = c.sum(graph.Add(v, graph.Log(c.Tau)), current)
		kept = u
	case c.Model.Repository:
		kept = graph.Add(graph.Mul(v, c.Tau), current)
		u = c.sum(ring(kept, -1), kept, ring(kept, 1))
	default:
		if c.Tau != nil {
			v = graph.Mul(v, c.Tau)
		}
		u = graph.Add(c.sum(ring(v, -1), v, ring(v, 1)), current)
		kept = u
	}
	s := c.spike(u)
	if c.NoReset {
		return s, dynamics.State{kept, u}
	}
	return s, dynamics.State{graph.Mul(kept, graph.OneMinus(s)), u}
}

func (c *UltraCell) sum(terms ...*graph.Node) *graph.Node {
	if c.Limit {
		return maximum(terms...)
	}
	return LSE(c.Epsilon, terms...)
}

func (c *UltraCell) spike(u *graph.Node) *graph.Node {
	above := graph.AddScalar(u, -c.Model.theta())
	switch {
	case c.Limit || c.Hard:
		return exceeds(above)
	case c.slope != nil:
		return graph.Sigmoid(graph.Mul(above, c.slope))
	}
	return graph.Sigmoid(graph.Div(above, c.Epsilon))
}

// LSE is ε·log Σ exp(a/ε) over terms of one shape, and lies between their maximum and that plus ε·log of their number. Its gradient with respect to the
// terms is their softmax; that through the maximum, which is only subtracted for the sake of range, cancels and is left out.
func LSE(epsilon *graph.Node, terms ...*graph.Node) *graph.Node {
	most := graph.StopGradient(maximum(terms...))
	var sum *graph.Node
	for _, a := range terms {
		e := graph.Exp(graph.Div(graph.Sub(a, most), epsilon))
		if sum == nil {
			sum = e
		} else {
			sum = graph.Add(sum, e)
		}
	}
	return graph.Add(most, graph.Mul(graph.Log(sum), epsilon))
}

func maximum(terms ...*graph.Node) *graph.Node {
	most := terms[0]
	for _, a := range terms[1:] {
		most = graph.Max(most, a)
	}
	return most
}

// ring is x with its last axis turned by one, so that index i holds what was at i + by.
func ring(x *graph.Node, by int) *graph.Node {
	n := x.Shape().Dimensions[x.Rank()-1]
	at := (by + n) % n
	if at == 0 {
		return x
	}
	return graph.Concatenate([]*graph.Node{graph.SliceAxis(x, -1, graph.AxisRange(at)), graph.SliceAxis(x, -1, graph.AxisRange(0, at))}, -1)
}

// exceeds is 1 where x > 0 and 0 elsewhere, without gradient.
func exceeds(x *graph.Node) *graph.Node {
	return graph.ConvertDType(graph.GreaterThan(x, graph.ScalarZero(x.Graph(), x.DType())), x.DType())
}

// scalar is a trainable number of a layer.
func scalar(ctx *mlctx.Context, like *graph.Node, name string, value float64) *graph.Node {
	return ctx.WithInitializer(func(g *graph.Graph, s shapes.Shape) *graph.Node { return graph.AddScalar(graph.Zeros(g, s), value) }).
		VariableWithShape(name, shapes.Make(like.DType())).ValueGraph(like.Graph())
}

func orDefault(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}
