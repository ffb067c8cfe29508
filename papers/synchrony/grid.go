package synchrony

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/dynamics/coupling"
	"github.com/gyrus-dev/gyrus/papers"
)

// gains are the couplings of the grid, 1/time, between each two circuits.
var gains = []float64{0, .05, .25, 1}

// clock is how populations are followed.
type clock struct {
	Sigma, Burn, Length float64
	Step, Longest       float64 // of Euler's method: the largest dt·(h+l), and the largest dt
	Fixed               float64 // a dt that the user asked for, or 0
}

const (
	recordEvery = .2 // time units
	decideEvery = 2.
	// Small populations are followed for longer, as if they had so many circuits, so that their means are as certain.
	evenOut = 8
)

// check refuses what a population of this learner cannot be run with.
func (c clock) check(l *learner) error {
	slowest := l.mu
	if slowest == 0 { // without a ridge only the optimum's surroundings say how long things take
		slowest = l.curvature[0]
	}
	switch {
	case c.Sigma < 0 || math.IsNaN(c.Sigma):
		return fmt.Errorf("the noise is %v; its standard deviation cannot be negative", c.Sigma)
	case l.lipschitz > 0 && c.Burn < 5/slowest:
		return fmt.Errorf("a burn-in of %g is too short: the slowest direction takes 1/μ = %.4g, and 5 times that, %.4g, is the least that forgets the start", c.Burn, 1/slowest, 5/slowest)
	}
	return nil
}

// dt chooses the step for a Laplacian's largest eigenvalue, or refuses the one asked for.
func (c clock) dt(l *learner, largest float64) (float64, error) {
	rate := l.steepest + largest
	if c.Fixed > 0 {
		if c.Fixed*rate >= 2 {
			return 0, fmt.Errorf("a step of %g makes the largest curvature and coupling, %.4g + %.4g, unstable; the largest stable step is below %.4g, and %.2g keeps errors at 1%%",
				c.Fixed, l.steepest, largest, 2/rate, .02/rate)
		}
		return c.Fixed, nil
	}
	return min(c.Longest, c.Step/rate), nil
}

// condition is one population of the grid.
type condition struct {
	name     string
	topology string
	k        float64
	graph    *coupling.Graph
	common   float64
	repel    bool
}

const (
	allToAll   = "complete"
	traceUnits = 16 // circuits in the comparison of topologies, whose couplings all sum to as much
)

// complete is the condition of n circuits with gain k between each two.
func complete(n int, k float64) (condition, error) {
	if n == 1 && k > 0 {
		return condition{}, fmt.Errorf("one circuit with a coupling of %g: there is nothing to couple it with; take 2 circuits or more, or a gain of 0", k)
	}
	g, err := coupling.Complete(n, k)
	return condition{name: fmt.Sprintf("n=%d k=%g", n, k), topology: allToAll, k: k, graph: g}, err
}

// key finds a condition's outcome.
func key(n int, k float64) string { return fmt.Sprintf("n=%d k=%g", n, k) }

// grid is all sizes up to most, powers of two, with all gains.
func grid(most int) ([]condition, error) {
	var all []condition
	for n := 1; n <= most; n *= 2 {
		for _, k := range gains {
			if n == 1 && k > 0 {
				continue
			}
			c, err := complete(n, k)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// topologies is five networks of 16 circuits, all with a Laplacian of trace 16.
func topologies(r *papers.Run) ([]condition, error) {
	regular, err := coupling.Regular(traceUnits, 4, 1, r.Rand("regular graph"))
	if err != nil {
		return nil, err
	}
	all := []condition{{topology: "4-regular", graph: regular}}
	for _, t := range []struct {
		name string
		make func(int, float64) (*coupling.Graph, error)
	}{{allToAll, coupling.Complete}, {"star", coupling.Star}, {"ring", coupling.Ring}, {"path", coupling.Path}} {
		g, err := t.make(traceUnits, 1)
		if err != nil {
			return nil, err
		}
		all = append(all, condition{topology: t.name, graph: g})
	}
	for i := range all {
		all[i].name = "topology " + all[i].topology
		all[i].graph = all[i].graph.Scaled(traceUnits / all[i].graph.Trace())
	}
	return all, nil
}

// simulate runs all conditions, as many side by side as there are processors, those that take longest first.
func simulate(ctx context.Context, r *papers.Run, l *learner, held *decisions, c clock, conditions []condition) (map[string]*outcome, error) {
	type job struct {
		condition
		population
		cost float64
	}
	var jobs []job
	for _, condition := range conditions {
		spectrum, err := condition.graph.Spectrum()
		if err != nil {
			return nil, err
		}
		dt, err := c.dt(l, spectrum[len(spectrum)-1])
		if err != nil {
			return nil, papers.Refuse(err)
		}
		n := condition.graph.Units()
		p := population{learner: l, graph: condition.graph, sigma: c.Sigma, dt: dt, burn: c.Burn, length: c.Length * max(1, float64(evenOut)/float64(n)), every: recordEvery,
			decide: decideEvery, common: condition.common, repel: condition.repel, decision: held, seed: uint64(r.SeedFor(condition.name))}
		jobs = append(jobs, job{condition, p, float64(n) * (p.burn + p.length) / dt})
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return int(b.cost/1e3) - int(a.cost/1e3) })
	out := make(map[string]*outcome, len(jobs))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, j := range jobs {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			o, err := papers.Stage(r, j.name, func() (*outcome, error) { return j.run(ctx) })
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			out[j.name] = o
			r.Progress(papers.Progress{Stage: "populations", Done: len(out), Total: len(jobs), Unit: "populations"})
			return nil
		})
	}
	return out, group.Wait()
}
