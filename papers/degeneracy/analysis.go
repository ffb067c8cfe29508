package degeneracy

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/dynamics/ensemble"
	"github.com/gyrus-dev/gyrus/measure"
	"github.com/gyrus-dev/gyrus/measure/similarity"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/cognitive"
)

// analysis is what is measured on the networks of one condition.
type analysis struct {
	Networks, Converged int
	Updates             float64 // mean
	Loss, LossSpread    float64 // mean training error at the end, and its standard deviation over networks as a part of it
	Change              []float64
	Alignment           []float64 // of the tangent kernel before and after
	OOD                 []float64 // error on longer trials
	Spread              measure.Variability
	Trained             *comparison // nil with fewer than three networks
	Untrained           *comparison // nil if not asked for
}

// probing is on what trials networks are looked at.
type probing struct {
	trials, longer int // of the common probe, and of longer trials
	kernel         int // trials of 10 steps for the tangent kernel; 0 for none
	effort         effort
	untrained      bool
}

const kernelSteps = 10

// analyse compares networks of a condition. Those that have not reached the threshold are left out.
func (c condition) analyse(ctx context.Context, r *papers.Run, all []network, p probing) (*analysis, error) {
	return papers.Stage(r, c.name+"-compared", func() (*analysis, error) {
		backend, err := r.Backend()
		if err != nil {
			return nil, err
		}
		a := &analysis{Networks: len(all)}
		var kept []network
		var losses []float64
		for _, n := range all {
			a.Updates += float64(n.Updates) / float64(len(all))
			if n.Converged {
				kept, losses = append(kept, n), append(losses, n.Loss)
			}
		}
		a.Converged = len(kept)
		if len(kept) < least {
			return a, nil
		}
		v, err := measure.OODVariability(losses)
		if err != nil {
			return nil, err
		}
		a.Loss, a.LossSpread = v.Mean, v.SD/v.Mean

		size := c.task.Sizes()
		probe, _ := cognitive.Batch(c.task, r.Rand("probe of "+c.stream), p.trials)
		if a.Trained, err = c.compared(ctx, r, kept, probe, p, func(n network) ensemble.Weights { return n.End }); err != nil {
			return nil, err
		}
		if p.untrained {
			if a.Untrained, err = c.compared(ctx, r, kept, probe, p, func(n network) ensemble.Weights { return n.Start }); err != nil {
				return nil, err
			}
		}
		longer := c.task.Longer()
		x, y := cognitive.Batch(longer, r.Rand("longer trials of "+c.stream), p.longer)
		for _, n := range kept {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			out, err := ensemble.Run(backend, c.net, []ensemble.Weights{n.End}, x, longer.Sizes().Steps, p.longer)
			if err != nil {
				return nil, err
			}
			a.OOD = append(a.OOD, meanSquare(out.Outputs[0], y, longer.Sizes().Steps, p.longer, size.Outputs))
			a.Change = append(a.Change, change(n))
			if p.kernel == 0 {
				continue
			}
			ka, err := c.alignment(r, n, probe, p)
			if err != nil {
				return nil, err
			}
			a.Alignment = append(a.Alignment, ka)
		}
		a.Spread, err = measure.OODVariability(a.OOD)
		return a, err
	})
}

// meanSquare is the error of outputs [trials, steps, k] against targets [steps, trials, k].
func meanSquare(out, y []float32, steps, trials, k int) float64 {
	sum := 0.0
	for t := range steps {
		for i := range trials {
			for o := range k {
				d := float64(out[(i*steps+t)*k+o] - y[(t*trials+i)*k+o])
				sum += d * d
			}
		}
	}
	return sum / float64(steps*trials*k)
}

// change is |W_T - W_0| of the recurrent weights.
func change(n network) float64 {
	sum := 0.0
	for i, w := range n.End.Recurrent {
		d := float64(w - n.Start.Recurrent[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// alignment compares the tangent kernels before and after training on the last steps of some trials of the probe, in which tasks ask for something.
func (c condition) alignment(r *papers.Run, n network, probe []float32, p probing) (float64, error) {
	backend, err := r.Backend()
	if err != nil {
		return 0, err
	}
	s := c.task.Sizes()
	steps, trials := min(kernelSteps, s.Steps), min(p.kernel, p.trials)
	x := make([]float32, steps*trials*s.Inputs)
	for t := range steps {
		copy(x[t*trials*s.Inputs:][:trials*s.Inputs], probe[(s.Steps-steps+t)*p.trials*s.Inputs:])
	}
	return c.net.KernelAlignment(backend, n.Start, n.End, x, steps, trials)
}

// compared measures all distances between networks that see the same probe.
func (c condition) compared(ctx context.Context, r *papers.Run, nets []network, probe []float32, p probing, of func(network) ensemble.Weights) (*comparison, error) {
	backend, err := r.Backend()
	if err != nil {
		return nil, err
	}
	s := c.task.Sizes()
	weights, states := make([]*mat.Dense, len(nets)), make([][]*mat.Dense, len(nets))
	for i, n := range nets {
		weights[i] = of(n).Matrix()
		activity, err := ensemble.Run(backend, c.net, []ensemble.Weights{of(n)}, probe, s.Steps, p.trials)
		if err != nil {
			return nil, err
		}
		if states[i], err = similarity.Trials(activity.Rates[0], p.trials, s.Steps, c.net.Units); err != nil {
			return nil, err
		}
	}
	return similar(ctx, weights, states, p.effort, func(done, total int) {
		r.Progress(papers.Progress{Stage: "comparing networks of " + c.system, Done: done, Total: total, Unit: "pairs"})
	})
}

// metrics are what is measured of a condition.
var metrics = []report.Metric{
	{ID: "converged", Name: "networks that reach the threshold", Better: report.Higher, Says: "as a share"},
	{ID: "updates", Name: "updates of a network"},
	{ID: "loss", Name: "training error at the end", Says: "running mean of the mean square"},
	{ID: "loss-spread", Name: "spread of the training error", Says: "standard deviation over networks, as a part of the mean"},
	{ID: "change", Name: "|W_T - W_0|", Says: "Frobenius norm of the change of the recurrent weights"},
	{ID: "alignment", Name: "kernel alignment", Says: "of the neural tangent kernels before and after training; 1 is unchanged features"},
	{ID: "pif", Name: "distance of weights d_PIF", Says: "upper bound: least found over permutations, mean over pairs"},
	{ID: "pif-se", Name: "its standard error over pairs"},
	{ID: "dsa-1-4", Name: "distance of dynamics, DSA (1, 4)", Says: "1 delay, rank 4; mean over pairs; ranks do not compare with each other"},
	{ID: "dsa-3-4", Name: "DSA (3, 4)"},
	{ID: "dsa-1-8", Name: "DSA (1, 8)", Says: "beside the registered ranks"},
	{ID: "dsa-3-8", Name: "DSA (3, 8)", Says: "beside the registered ranks"},
	{ID: "null-1-4", Name: "null level of DSA (1, 4)", Says: "between two halves of the trials of one network, mean over networks"},
	{ID: "null-3-4", Name: "null level of DSA (3, 4)"},
	{ID: "null-1-8", Name: "null level of DSA (1, 8)"},
	{ID: "null-3-8", Name: "null level of DSA (3, 8)"},
	{ID: "procrustes", Name: "distance of geometry, Procrustes", Says: "between states of the same trials"},
	{ID: "svcca", Name: "distance of geometry, 1 - SVCCA", Says: "components of 99 % of the variance"},
	{ID: "ood", Name: "error on longer trials", Says: "mean over networks"},
	{ID: "ood-sd", Name: "distance of behaviour: sd of the error on longer trials", Says: "over networks"},
	{ID: "ood-se", Name: "standard error of that sd"},
}

// record measures what an analysis found.
func (a *analysis) record(r *papers.Run, c condition) {
	set := func(metric string, v float64) { r.Measure(c.system, metric, v) }
	set("converged", float64(a.Converged)/float64(a.Networks))
	set("updates", a.Updates)
	if out := a.Networks - a.Converged; out > 0 {
		r.Warn("%s: %d of %d networks did not reach the error %g within %d updates; they are left out of all comparisons", c.system, out, a.Networks, c.o.Threshold, c.o.Updates)
	}
	if a.Trained == nil {
		r.Warn("%s: %d networks are too few to compare; it takes %d", c.system, a.Converged, least)
		return
	}
	set("loss", a.Loss)
	set("loss-spread", a.LossSpread)
	mean, _ := meanAndError(a.Change)
	set("change", mean)
	if len(a.Alignment) > 0 {
		mean, _ = meanAndError(a.Alignment)
		set("alignment", mean)
	}
	set("ood", a.Spread.Mean)
	set("ood-sd", a.Spread.SD)
	set("ood-se", a.Spread.SE)
	a.Trained.record(r, c.system)
}

func (c *comparison) record(r *papers.Run, system string) {
	mean, se := c.PIF.mean()
	r.Measure(system, "pif", mean)
	r.Measure(system, "pif-se", se)
	for k, e := range embeddings {
		mean, _ := c.DSA[k].mean()
		r.Measure(system, e.id(), mean)
		r.Measure(system, e.nullID(), c.Null[k])
	}
	mean, _ = c.Procrustes.mean()
	r.Measure(system, "procrustes", mean)
	mean, _ = c.SVCCA.mean()
	r.Measure(system, "svcca", mean)
	if c.Capped > 0 {
		n := len(c.PIF)
		r.Note("%s: for %d of %d pairs the search for a permutation ended by its cap of iterations; their distances of weights are upper bounds", system, c.Capped, n*(n-1)/2)
	}
}

// hidden measures what remains between a network and itself under another name: units permuted, states rotated. Without the search it is far away.
func hidden(rng *rand.Rand, e effort) (pif, dsa, pifUnsearched, dsaUnsearched float64, err error) {
	const units = 32
	w := mat.NewDense(units, units, nil)
	for i := range units {
		for j := range units {
			w.Set(i, j, rng.NormFloat64()/math.Sqrt(units))
		}
	}
	order := rng.Perm(units)
	permuted := mat.NewDense(units, units, nil)
	for i := range units {
		for j := range units {
			permuted.Set(i, j, w.At(order[i], order[j]))
		}
	}
	m, err := similarity.PIF{Starts: e.permutations}.Match(w, permuted)
	if err != nil {
		return 0, 0, 0, 0, err
	}
	pif, pifUnsearched = m.Distance/mat.Norm(w, 2), apart(w, permuted)/mat.Norm(w, 2)
	for rank := 2; rank <= 8; rank += 2 {
		for _, sign := range []float64{1, -1} {
			a, q := mat.NewDense(rank, rank, nil), mat.NewDense(rank, rank, nil)
			for i := range rank {
				for j := range rank {
					a.Set(i, j, rng.NormFloat64()/math.Sqrt(float64(rank)))
					q.Set(i, j, rng.NormFloat64())
				}
			}
			var qr mat.QR
			qr.Factorize(q)
			qr.QTo(q)
			if mat.Det(q)*sign < 0 {
				for j := range rank {
					q.Set(0, j, -q.At(0, j))
				}
			}
			var b mat.Dense
			b.Product(q, a, q.T())
			d, err := similarity.DSA{Rank: rank, Starts: 16}.Align(a, &b)
			if err != nil {
				return 0, 0, 0, 0, err
			}
			dsa, dsaUnsearched = max(dsa, d.Frobenius), max(dsaUnsearched, apart(a, &b))
		}
	}
	return pif, dsa, pifUnsearched, dsaUnsearched, nil
}

func apart(a, b *mat.Dense) float64 {
	var d mat.Dense
	d.Sub(a, b)
	return mat.Norm(&d, 2)
}

// least is how many networks it takes to speak of a spread.
const least = 3

func fewNetworks(n int) error {
	return papers.Refuse(fmt.Errorf("networks: found %d, expected %d or more: fewer have no spread; set networks=8", n, least))
}
