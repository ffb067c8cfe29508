package ultralif

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

type theoryParams struct {
	Inputs int `param:"inputs" min:"10" max:"100000" help:"random inputs on which the bounds are tried"`
	Units  int `param:"units" min:"3" max:"1000" help:"units of a layer, in a ring where the unit is spatial"`
	Steps  int `param:"steps" min:"1" max:"100" help:"steps of the bounds and of the gradients"`
}

var theory = papers.Experiment{
	Name:    "theory",
	Summary: "What follows from the equations, without training: the distance to the max-plus unit, gradients against differences, and what the units are at T = 1. Seconds.",
	Tests:   []string{"bounds", "gradient", "identity"},
	Params: papers.Presets[theoryParams]{
		Quick:   theoryParams{Inputs: 100, Units: 8, Steps: 10},
		Default: theoryParams{Inputs: 1000, Units: 16, Steps: 10},
		Full:    theoryParams{Inputs: 1000, Units: 64, Steps: 10},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: []report.Metric{
		{ID: "least", Name: "least V - V of the limit, in units of ε", Says: "without reset, over ε = 1, 0.1, 0.01, inputs, units and steps; double precision"},
		{ID: "most", Name: "largest V - V of the limit, as a part of its bound", Better: report.Lower, Says: "the bound is t·ε·log 2 or t·ε·log 3"},
		{ID: "compared", Name: "spikes compared with the limit's", Better: report.Higher, Says: "with reset, where every margin so far exceeded 20ε"},
		{ID: "differ", Name: "spikes that differ from the limit's", Better: report.Lower},
		{ID: "weights", Name: "error of the gradient for weights", Better: report.Lower, Says: "norm of the difference to central differences, as a part of the larger of their norms"},
		{ID: "epsilon", Name: "error of the gradient for ε", Better: report.Lower},
		{ID: "tau", Name: "error of the gradient for τ", Better: report.Lower},
		{ID: "unequal", Name: "values that differ from UltraDLIF's at T = 1", Better: report.Lower, Says: "single precision, same weights, five temperatures"},
		{ID: "sigmoid", Name: "largest difference to σ((I - θ)/ε + log 3) at T = 1", Better: report.Lower},
	},
	Systems: []report.System{
		{Name: ultraLIF, Role: report.Subject, Says: "temporal: U = LSE(V + log 0.9, I)"},
		{Name: ultraPLIF, Role: report.Subject, Says: "temporal, learned leak"},
		{Name: ultraDLIF, Role: report.Subject, Says: "spatial: U = LSE(V of three neighbours) + I"},
		{Name: ultraDPLIF, Role: report.Subject, Says: "spatial, learned leak"},
		{Name: hardLIF, Role: report.Baseline, Says: "true spikes and a surrogate gradient, which is no derivative of what it computes"},
		{Name: sigmoids, Role: report.Baseline, Says: "σ((I - θ)/ε) with ε·log 3 added to its bias"},
	},
	Run:   runTheory,
	Judge: judgeTheory,
}

// bothLimits are the units for which the paper states bounds.
var bothLimits = []string{ultraLIF, ultraDLIF}

func runTheory(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[theoryParams](r)
	backend, err := r.Backend()
	if err != nil {
		return err
	}
	for _, name := range bothLimits {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		u := modelOf(name, Ultra{}).neuron.(Ultra)
		d, err := distanceToLimit(backend, u, p, r.Rand("bounds"))
		if err != nil {
			return err
		}
		r.Measure(name, "least", d.least)
		r.Measure(name, "most", d.most)
		r.Measure(name, "compared", float64(d.compared))
		r.Measure(name, "differ", float64(d.differ))
	}
	for _, name := range append(ultras[:len(ultras):len(ultras)], hardLIF) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs, err := gradientErrors(backend, modelOf(name, Ultra{}).neuron, p.Steps, r.Rand("gradient"))
		if err != nil {
			return err
		}
		for k, metric := range []string{"weights", "epsilon", "tau"} {
			if !math.IsNaN(errs[k]) {
				r.Measure(name, metric, errs[k])
			}
		}
	}
	id, err := identities(backend, p, r.Rand("identity"))
	if err != nil {
		return err
	}
	r.Measure(ultraDPLIF, "unequal", id.unequal)
	r.Measure(ultraDLIF, "sigmoid", id.sigmoid)
	r.Measure(sigmoids, "sigmoid", id.mlp)
	return drawTraces(r, backend)
}

func judgeTheory(rs *papers.Results) {
	bounds := rs.Claim("bounds")
	for _, name := range bothLimits {
		bounds.Level("least distance of "+name+" to its limit, least of seeds", rs.Min(name, "least"), "≥", 0).
			Level("largest distance of "+name+" as a part of its bound (a millionth for rounding), largest of seeds", rs.Max(name, "most"), "≤", 1+1e-6).
			Level("spikes of "+name+" compared with the limit's, least of seeds", rs.Min(name, "compared"), "≥", 1000).
			Level("spikes of "+name+" that differ from the limit's where margins are wide, most of seeds", rs.Max(name, "differ"), "≤", 0)
	}
	gradient := rs.Claim("gradient")
	for _, name := range ultras {
		for _, of := range []string{"weights", "epsilon", "tau"} {
			if of != "tau" || name != ultraDLIF { // it has none
				gradient.Level("error of the gradient of "+name+" for "+of+", largest of seeds", rs.Max(name, of), "≤", 1e-3)
			}
		}
	}
	rs.Claim("identity").
		Level("values of UltraDPLIF that differ from UltraDLIF's at T = 1, most of seeds", rs.Max(ultraDPLIF, "unequal"), "≤", 0).
		Level("largest difference of UltraDLIF to σ((I - θ)/ε + log 3), largest of seeds", rs.Max(ultraDLIF, "sigmoid"), "≤", 1e-5)
}

// evaluate runs a graph once and returns its outputs, flat, as float64.
func evaluate(backend backends.Backend, build func(in []*graph.Node) []*graph.Node, in ...any) (flat [][]float64, err error) {
	err = compute.Catch("evaluating units", func() error {
		exec, err := mlctx.NewExec(backend, mlctx.New(), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node { return build(in) })
		if err != nil {
			return err
		}
		defer exec.Finalize()
		out, err := exec.Exec(in...)
		if err != nil {
			return err
		}
		for _, o := range out {
			flat = append(flat, tensors.MustCopyFlatData[float64](o))
		}
		return nil
	})
	return flat, err
}

func normal(rng *rand.Rand, n int, sd float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = sd * rng.NormFloat64()
	}
	return x
}

// distance is how far a unit is from its max-plus limit.
type distance struct {
	least, most      float64 // of V - V_max without reset: in units of ε; as a part of t·ε·log n
	compared, differ int     // spikes with reset
}

// run returns the course of spikes and of the membrane before the reset, [T, inputs, units] each.
func (u Ultra) run(backend backends.Backend, currents *tensors.Tensor, change func(*UltraCell)) (spikes, membrane []float64, err error) {
	u.Pinned = true
	out, err := evaluate(backend, func(in []*graph.Node) []*graph.Node {
		c := u.Cell(nil, in[0])
		change(c)
		t := dynamics.Unroll(c, dynamics.Steps(in[0]), dynamics.Unrolling{})
		return []*graph.Node{dynamics.Stack(t.Outputs), dynamics.Stack(t.State(1))}
	}, currents)
	if err != nil {
		return nil, nil, err
	}
	return out[0], out[1], nil
}

// distanceToLimit compares a unit with its limit at three temperatures. Those with reset are driven by currents so large that margins are mostly wide.
func distanceToLimit(backend backends.Backend, u Ultra, p theoryParams, rng *rand.Rand) (distance, error) {
	d := distance{least: math.Inf(1)}
	terms := 2.
	if u.Spatial {
		terms = 3
	}
	layer := p.Inputs * p.Units
	for _, epsilon := range []float64{1, .1, .01} {
		at := func(c *UltraCell) { c.Epsilon = graph.Scalar(c.Epsilon.Graph(), c.Epsilon.DType(), epsilon) }
		small := tensors.FromFlatDataAndDimensions(normal(rng, p.Steps*layer, 1), p.Steps, p.Inputs, p.Units)
		_, smooth, err := u.run(backend, small, func(c *UltraCell) { at(c); c.NoReset = true })
		if err != nil {
			return d, err
		}
		_, limit, err := u.run(backend, small, func(c *UltraCell) { c.NoReset, c.Limit = true, true })
		if err != nil {
			return d, err
		}
		for i := range smooth {
			gap := smooth[i] - limit[i]
			d.least = math.Min(d.least, gap/epsilon)
			d.most = math.Max(d.most, gap/(float64(i/layer+1)*epsilon*math.Log(terms)))
		}

		steps := min(p.Steps, 10)
		large := tensors.FromFlatDataAndDimensions(normal(rng, steps*layer, 1000*epsilon), steps, p.Inputs, p.Units)
		soft, _, err := u.run(backend, large, at)
		if err != nil {
			return d, err
		}
		hard, margin, err := u.run(backend, large, func(c *UltraCell) { c.Limit = true })
		if err != nil {
			return d, err
		}
		clear := make([]bool, layer)
		for i := range clear {
			clear[i] = true
		}
		for t := range steps {
			before := append([]bool(nil), clear...)
			for i := range layer {
				k := t*layer + i
				if u.Spatial { // a unit hears of its neighbours' margins a step later
					row, unit := i/p.Units*p.Units, i%p.Units
					clear[i] = before[i] && before[row+(unit+1)%p.Units] && before[row+(unit+p.Units-1)%p.Units]
				}
				clear[i] = clear[i] && math.Abs(margin[k]-threshold) > 20*epsilon
				if clear[i] {
					d.compared++
					if (soft[k] > .5) != (hard[k] == 1) {
						d.differ++
					}
				}
			}
		}
	}
	return d, nil
}

// gradientErrors compares the gradients of a small network's loss for weights, ε and τ with central differences: the norm of the difference as a part of
// the larger of both. NaN stands for a parameter that a neuron lacks.
func gradientErrors(backend backends.Backend, n neuron, steps int, rng *rand.Rand) (errs [3]float64, err error) {
	const batch, in, units = 4, 5, 6
	x := tensors.FromFlatDataAndDimensions(normal(rng, steps*batch*in, 1), steps, batch, in)
	weigh := tensors.FromFlatDataAndDimensions(normal(rng, steps*batch*units, 1), steps, batch, units)
	// Weights, then ε and τ.
	point := append(normal(rng, in*units, .7), .6, .8)
	u, ultra := n.(Ultra)
	loss := func(n0 []*graph.Node) (loss *graph.Node, parameters []*graph.Node) {
		w, epsilon, tau := n0[0], n0[1], n0[2]
		var cell dynamics.Cell
		if ultra {
			u.Pinned, u.LearnLeak = true, false // what is learned comes in as inputs
			c := u.Cell(nil, w)
			c.Epsilon = epsilon
			if c.Tau != nil || n.(Ultra).LearnLeak {
				c.Tau = tau
			}
			cell = c
		} else {
			cell, _, _ = n.cells(nil, w)
		}
		current := graph.DotGeneral(n0[3], []int{-1}, nil, w, []int{0}, nil)
		s := dynamics.Stack(dynamics.Unroll(cell, dynamics.Steps(current), dynamics.Unrolling{}).Outputs)
		return graph.ReduceAllSum(graph.Mul(s, n0[4])), []*graph.Node{w, epsilon, tau}
	}
	at := func(point []float64) []any {
		return []any{tensors.FromFlatDataAndDimensions(point[:in*units:in*units], in, units), point[in*units], point[in*units+1], x, weigh}
	}
	has := [3]bool{true, ultra, ultra && (!u.Spatial || u.LearnLeak)}
	g, err := evaluate(backend, func(in []*graph.Node) []*graph.Node {
		l, parameters := loss(in)
		var of []*graph.Node
		for k, has := range has {
			if has {
				of = append(of, parameters[k])
			}
		}
		return graph.Gradient(l, of...)
	}, at(point)...)
	if err != nil {
		return errs, err
	}
	var exec *mlctx.Exec
	err = compute.Catch("evaluating differences", func() error {
		exec, err = mlctx.NewExec(backend, mlctx.New(), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
			l, _ := loss(in)
			return []*graph.Node{l}
		})
		return err
	})
	if err != nil {
		return errs, err
	}
	defer exec.Finalize()
	value := func(point []float64) (v float64, err error) {
		out, err := exec.Exec(at(point)...)
		if err != nil {
			return 0, err
		}
		return tensors.MustCopyFlatData[float64](out[0])[0], nil
	}
	difference := func(k int) (float64, error) {
		const h = 1e-5
		moved := append([]float64(nil), point...)
		moved[k] += h
		up, err := value(moved)
		if err != nil {
			return 0, err
		}
		moved[k] -= 2 * h
		down, err := value(moved)
		return (up - down) / (2 * h), err
	}
	from, read := 0, 0
	for k, size := range []int{in * units, 1, 1} {
		errs[k] = math.NaN()
		if has[k] {
			var off, norm, of float64
			for i := range size {
				d, err := difference(from + i)
				if err != nil {
					return errs, err
				}
				off += (g[read][i] - d) * (g[read][i] - d)
				norm += d * d
				of += g[read][i] * g[read][i]
			}
			errs[k] = math.Sqrt(off / math.Max(norm, of))
			read++
		}
		from += size
	}
	return errs, nil
}

// atOnce is what the units are at T = 1.
type atOnce struct {
	unequal float64 // values of UltraDPLIF that are not UltraDLIF's
	sigmoid float64 // largest difference of UltraDLIF to a sigmoid unit's formula
	mlp     float64 // and to sigmoid units with ε·log 3 in their bias
}

func identities(backend backends.Backend, p theoryParams, rng *rand.Rand) (atOnce, error) {
	var id atOnce
	values := make([]float32, p.Inputs*p.Units)
	for i := range values {
		values[i] = float32(3 * rng.NormFloat64())
	}
	currents := tensors.FromFlatDataAndDimensions(values, p.Inputs, p.Units)
	for _, epsilon := range []float64{.1, .5, 1, 4, 20} {
		out, err := evaluate(backend, func(in []*graph.Node) []*graph.Node {
			x := in[0]
			fire := func(c dynamics.Cell, x *graph.Node) *graph.Node { s, _ := c.Step(x, c.Rest(x)); return s }
			u := Ultra{Spatial: true, Pinned: true, Epsilon: epsilon}
			plain := fire(u.Cell(nil, x), x)
			leaky := u.Cell(nil, x)
			leaky.Tau = graph.Scalar(x.Graph(), x.DType(), .7)
			formula := graph.Sigmoid(graph.AddScalar(graph.MulScalar(graph.AddScalar(x, -threshold), 1/epsilon), math.Log(3)))
			c := &linearCell{linear: linear{pulse: static}, epsilon: graph.Scalar(x.Graph(), x.DType(), epsilon), theta: graph.Scalar(x.Graph(), x.DType(), threshold)}
			mlp := fire(c, graph.AddScalar(x, epsilon*math.Log(3)))
			unequal := graph.ConvertDType(graph.NotEqual(plain, fire(leaky, x)), x.DType())
			off := func(y *graph.Node) *graph.Node { return graph.ReduceAllMax(graph.Abs(graph.Sub(plain, y))) }
			double := []*graph.Node{graph.ReduceAllSum(unequal), off(formula), off(mlp)}
			for i := range double {
				double[i] = graph.ConvertDType(double[i], dtypes.Float64)
			}
			return double
		}, currents)
		if err != nil {
			return id, fmt.Errorf("units at one step: %w", err)
		}
		id.unequal += out[0][0]
		id.sigmoid, id.mlp = math.Max(id.sigmoid, out[1][0]), math.Max(id.mlp, out[2][0])
	}
	return id, nil
}
