package ultralif

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/dynamics"
)

// neuron is what a hidden layer can be made of.
type neuron interface {
	// cells makes the layer's variables in ctx and returns the cell that is trained, the same one with hard spikes, and the learned temperature, or nil.
	cells(ctx *mlctx.Context, like *graph.Node) (soft, hard dynamics.Cell, epsilon *graph.Node)
}

func (u Ultra) cells(ctx *mlctx.Context, like *graph.Node) (soft, hard dynamics.Cell, epsilon *graph.Node) {
	c := u.Cell(ctx, like)
	h := *c
	h.Hard = true
	return c, &h, c.Epsilon
}

// heaviside is the leaky integrate-and-fire neuron with true spikes and the derivative of a logistic function in place of theirs. It is hard already.
type heaviside struct{}

func (heaviside) cells(_ *mlctx.Context, like *graph.Node) (soft, hard dynamics.Cell, epsilon *graph.Node) {
	c := dynamics.LIF{Decay: fixedTau, Threshold: threshold, Surrogate: dynamics.SigmoidDerivative{Slope: repositorySlope}}.Cell(nil, like)
	return c, c, nil
}

// pulse is how a linear membrane becomes a spike.
type pulse int

const (
	steep    pulse = iota // σ(10·(v - θ)), what the published code gives out for LIF and its relatives
	bounded               // a shifted and scaled tanh of learned slope (DSpike)
	tempered              // σ(v/ε) with learned ε (SigmaLIF)
	static                // σ((v - θ)/ε) with learned ε and no memory: a layer of sigmoid units
)

// linear is a neuron whose membrane is v ← τv + I before the spike and v·(1 - s) after it, and whose spikes are as soft as the published code makes them.
type linear struct {
	pulse                     pulse
	learnLeak, learnThreshold bool // τ and θ as σ of what is learned
	adapt                     bool // θ = 0.5 + 0.1·b, b ← 0.9·b + 0.1·s
}

type linearCell struct {
	linear
	tau, theta, slope, epsilon *graph.Node
	hard                       bool
}

func (l linear) cells(ctx *mlctx.Context, like *graph.Node) (soft, hard dynamics.Cell, epsilon *graph.Node) {
	constant := func(v float64) *graph.Node { return graph.Scalar(like.Graph(), like.DType(), v) }
	c := &linearCell{linear: l, tau: constant(fixedTau), theta: constant(threshold)}
	if l.learnLeak {
		c.tau = graph.Sigmoid(scalar(ctx, like, "leak", startLogit))
	}
	if l.learnThreshold {
		c.theta = graph.Sigmoid(scalar(ctx, like, "threshold", 0))
	}
	switch l.pulse {
	case bounded:
		c.slope = graph.ClipScalar(graph.Softplus(scalar(ctx, like, "slope", 4)), .5, 50)
	case tempered, static:
		c.epsilon = graph.ClipScalar(graph.Exp(scalar(ctx, like, "log-epsilon", 0)), leastEpsilon, mostEpsilon)
	}
	if l.pulse == tempered {
		c.theta = constant(0)
	}
	h := *c
	h.hard = true
	return c, &h, c.epsilon
}

// Rest is a membrane of zero and no adaptation.
func (c *linearCell) Rest(like *graph.Node) dynamics.State {
	return dynamics.State{graph.ZerosLike(like), graph.ZerosLike(like)}
}

// Step returns s, shaped like current. The state is the membrane after the reset, then the adaptation b.
func (c *linearCell) Step(current *graph.Node, state dynamics.State) (*graph.Node, dynamics.State) {
	v, b := current, state[1]
	if c.pulse != static {
		v = graph.Add(graph.Mul(state[0], c.tau), current)
	}
	theta := c.theta
	if c.adapt {
		theta = graph.Add(theta, graph.MulScalar(b, .1))
	}
	s := c.spike(v, theta)
	if c.adapt {
		b = graph.Add(graph.MulScalar(b, .9), graph.MulScalar(s, .1))
	}
	return s, dynamics.State{graph.Mul(v, graph.OneMinus(s)), b}
}

func (c *linearCell) spike(v, theta *graph.Node) *graph.Node {
	above := graph.Sub(v, theta)
	switch {
	case c.hard:
		return exceeds(above)
	case c.pulse == bounded:
		half := graph.Tanh(graph.MulScalar(c.slope, .5))
		x := graph.Div(above, graph.MulScalar(theta, 2)) // v/(2θ) - 1/2
		return graph.ClipScalar(graph.Div(graph.Add(graph.Tanh(graph.Mul(x, c.slope)), half), graph.MulScalar(half, 2)), 0, 1)
	case c.epsilon != nil:
		return graph.Sigmoid(graph.Div(above, c.epsilon))
	}
	return graph.Sigmoid(graph.MulScalar(above, repositorySlope))
}
