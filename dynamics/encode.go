package dynamics

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// RateCode draws spikes of n steps, each 1 with the probability that p says, independently (Bernoulli's law, the discrete form of a Poisson process):
// one node shaped like p for each step. They are drawn anew in every run, from the context's random numbers.
func RateCode(ctx *mlctx.Context, p *graph.Node, n int) []*graph.Node {
	steps := make([]*graph.Node, n)
	for t := range steps {
		u := ctx.RandomUniform(p.Graph(), p.Shape())
		steps[t] = graph.StopGradient(graph.ConvertDType(graph.LessThan(u, p), p.DType()))
	}
	return steps
}

// LatencyCode gives each value x of [0, 1] one spike in n steps, the earlier the larger it is: in step round((1-x)·(n-1)). Values below least never fire.
func LatencyCode(x *graph.Node, n int, least float64) []*graph.Node {
	at := graph.Round(graph.MulScalar(graph.OneMinus(x), float64(n-1)))
	fires := graph.GreaterOrEqual(x, graph.Scalar(x.Graph(), x.DType(), least))
	steps := make([]*graph.Node, n)
	for t := range steps {
		now := graph.Equal(at, graph.Scalar(x.Graph(), x.DType(), float64(t)))
		steps[t] = graph.StopGradient(graph.ConvertDType(graph.LogicalAnd(fires, now), x.DType()))
	}
	return steps
}

// DeltaCode turns a signal [time, channels], row-major, into events: on (+1) in a step in which a channel has risen by threshold since its last event
// or its first value, off (-1) where it has fallen by as much, else 0. The level that changes are counted from moves by one threshold at an event.
func DeltaCode(signal []float32, channels int, threshold float32) ([]int8, error) {
	if channels < 1 || len(signal)%channels != 0 || !(threshold > 0) {
		return nil, fmt.Errorf("dynamics: delta code of %d values in %d channels with a threshold of %g", len(signal), channels, threshold)
	}
	out := make([]int8, len(signal))
	if len(signal) == 0 {
		return out, nil
	}
	level := append([]float32(nil), signal[:channels]...)
	for i, x := range signal {
		switch c := i % channels; {
		case x-level[c] >= threshold:
			out[i] = 1
			level[c] += threshold
		case level[c]-x >= threshold:
			out[i] = -1
			level[c] -= threshold
		}
	}
	return out, nil
}

// CountFrames counts the events of a recording in steps of equal length: [steps, channels], row-major. Times, in any order, must lie between 0 and length,
// which belongs to the last step.
func CountFrames(times []float32, channel []uint16, channels, steps int, length float64) ([]float32, error) {
	if len(times) != len(channel) || channels < 1 || steps < 1 || !(length > 0) || math.IsInf(length, 0) {
		return nil, fmt.Errorf("dynamics: counting %d times of %d events in %d channels, %d steps over %g; steps and channels must be at least 1", len(times), len(channel), channels, steps, length)
	}
	out := make([]float32, steps*channels)
	per := float64(steps) / length
	for i, t := range times {
		if !(t >= 0 && float64(t) <= length) {
			return nil, fmt.Errorf("dynamics: event %d is at %g, not between 0 and %g", i, t, length)
		}
		if int(channel[i]) >= channels {
			return nil, fmt.Errorf("dynamics: event %d is in channel %d of %d", i, channel[i], channels)
		}
		out[min(int(float64(t)*per), steps-1)*channels+int(channel[i])]++
	}
	return out, nil
}

// Operations counts the synaptic operations of spikes [rows, in] that reach weights [in, out]: for each row [rows], the weights that are not zero
// summed over its spikes. It has no gradient. Values other than 0 and 1 count once if they are not zero.
func Operations(spikes, weights *graph.Node) *graph.Node {
	if spikes.Rank() != 2 || weights.Rank() != 2 || spikes.Shape().Dimensions[1] != weights.Shape().Dimensions[0] {
		panicf("Operations needs spikes [rows, in] and weights [in, out], got shapes %s and %s", spikes.Shape(), weights.Shape())
	}
	zero := graph.ScalarZero(spikes.Graph(), spikes.DType())
	reached := graph.ReduceSum(graph.ConvertDType(graph.NotEqual(weights, zero), spikes.DType()), 1) // [in]
	sent := graph.ConvertDType(graph.NotEqual(spikes, zero), spikes.DType())
	return graph.StopGradient(graph.ReduceSum(graph.Mul(sent, graph.InsertAxes(reached, 0)), 1))
}
