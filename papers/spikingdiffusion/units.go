package spikingdiffusion

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/dynamics"
)

// startingClip is where the learned clip of a quantised unit begins: two standard deviations of what batch normalisation gives.
const startingClip = 2

// unit is the nonlinearity of the network's kind on x [T·B, side, side, channels].
func (p *pass) unit(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	p.rate = nil
	if p.Kind == Smooth {
		return swish(x)
	}
	if p.Kind == Spiking {
		threshold := p.threshold
		if threshold == nil {
			threshold = graph.ScalarOne(x.Graph(), x.DType())
		}
		return p.fire(x, func(currents []*graph.Node) []*graph.Node { return integrate(currents, threshold) })
	}
	clip := ctx.WithInitializer(func(g *graph.Graph, s shapes.Shape) *graph.Node { return graph.Scalar(g, s.DType, startingClip) }).
		VariableWithShape("clip", shapes.Make(dtypes.Float32)).ValueGraph(x.Graph())
	if p.Kind == Quantised {
		return quantise(x, clip, p.Bits)
	}
	return graph.Mul(p.fire(x, func(currents []*graph.Node) []*graph.Node { return integrateSoftly(currents, clip) }), clip)
}

// fire runs units on each step's part of x and notes the rate of their spikes.
func (p *pass) fire(x *graph.Node, units func(currents []*graph.Node) []*graph.Node) *graph.Node {
	currents := make([]*graph.Node, p.Steps)
	for n := range currents {
		currents[n] = graph.Slice(x, graph.AxisRange(n*p.batch, (n+1)*p.batch))
	}
	spikes := units(currents)
	for _, s := range spikes {
		mean := graph.MulScalar(graph.ReduceMean(s, 1, 2, 3), 1/float64(p.Steps))
		if p.rate == nil {
			p.rate = mean
		} else {
			p.rate = graph.Add(p.rate, mean)
		}
	}
	return graph.Concatenate(spikes, 0)
}

// integrate is a layer of integrate-and-fire units that start from 0 and are set to 0 by a spike; the gradient passes the reset as well.
//
//	U[n] = V[n-1] + I[n]    S[n] = 1 if U[n] ≥ threshold    V[n] = U[n]·(1 - S[n])
func integrate(currents []*graph.Node, threshold *graph.Node) (spikes []*graph.Node) {
	var v *graph.Node
	for n, u := range currents {
		if v != nil {
			u = graph.Add(v, u)
		}
		s := dynamics.Spike(graph.Sub(u, threshold), dynamics.ArcTan{})
		spikes = append(spikes, s)
		if n+1 < len(currents) {
			v = graph.Mul(u, graph.OneMinus(s))
		}
	}
	return spikes
}

// integrateSoftly is a layer of units that start from half the threshold, which a spike takes off the membrane.
func integrateSoftly(currents []*graph.Node, threshold *graph.Node) (spikes []*graph.Node) {
	u := graph.MulScalar(threshold, .5)
	for _, i := range currents {
		u = graph.Add(i, u)
		s := dynamics.Step(graph.Sub(u, threshold))
		spikes = append(spikes, s)
		u = graph.Sub(u, graph.Mul(s, threshold))
	}
	return spikes
}

// quantise is a ReLU with 2^bits levels from 0 to clip, halves rounded up. The gradient passes the rounding as if it were not there.
func quantise(x, clip *graph.Node, bits int) *graph.Node {
	steps := float64(int(1)<<bits - 1)
	part := graph.ClipScalar(graph.Div(x, clip), 0, 1)
	rounded := graph.MulScalar(graph.Floor(graph.AddScalar(graph.MulScalar(part, steps), .5)), 1/steps)
	return graph.Mul(clip, graph.Add(part, graph.StopGradient(graph.Sub(rounded, part))))
}

// swish is x·σ(x).
func swish(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Sigmoid(x)) }
