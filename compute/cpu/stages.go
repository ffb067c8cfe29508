package cpu

import (
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// Most steps share their own work among the workers. Those too small for that run beside one another instead, where the graph allows: a
// stage is a set of steps of which none needs what another makes, each run by one worker.

// stageStep runs its steps at the same time.
type stageStep struct{ steps []step }

func (s *stageStep) run(f *frame) {
	if f.par.Workers() == 1 {
		for _, one := range s.steps {
			one.run(f)
		}
		return
	}
	f.par.For(len(s.steps), func(i int) { s.steps[i].run(f.alone) })
}

// costing is a step that can tell how long it takes, about.
type costing interface {
	// cost returns nanoseconds by one worker, and into how many parts the step divides its work among several.
	cost() (nanoseconds float64, parts int)
}

const (
	lookAhead = 12  // steps that are looked at for a stage
	mostSteps = 6   // of a stage
	handOver  = 700 // nanoseconds to call another worker and wait for it
)

// stages puts the steps in stages: it changes their order, as far as they do not need one another, and what the values know of it.
func (e *emitter) stages() {
	n := len(e.steps)
	needs := make([][]int, n) // the steps each one reads from
	for i := range e.values {
		v := &e.values[i]
		for _, r := range v.reads {
			if v.made >= 0 && r != v.made {
				needs[r] = append(needs[r], v.made)
			}
		}
	}
	taken := make([]bool, n)
	var groups [][]int
	for i := range n {
		if taken[i] {
			continue
		}
		taken[i] = true
		group := []int{i}
		if c, ok := e.steps[i].(costing); ok {
			group = e.stage(i, c, needs, taken)
		}
		groups = append(groups, group)
	}
	stageOf := make([]int, n)
	steps, labels := make([]step, len(groups)), make([]string, len(groups))
	for s, group := range groups {
		var together stageStep
		var names []string
		for _, i := range group {
			stageOf[i] = s
			together.steps, names = append(together.steps, e.steps[i]), append(names, e.labels[i])
		}
		if steps[s], labels[s] = together.steps[0], names[0]; len(group) > 1 {
			steps[s], labels[s] = &together, "together: "+strings.Join(names, " | ")
		}
	}
	for i := range e.values {
		v := &e.values[i]
		v.step, v.last = v.made, -1
		if v.made >= 0 {
			v.made = stageOf[v.made]
			v.last = v.made
		}
		for _, r := range v.reads {
			v.last = max(v.last, stageOf[r])
		}
	}
	e.steps, e.labels, e.stageOf = steps, labels, stageOf
}

// stage returns the steps to run beside step i, i first, and marks them as taken.
func (e *emitter) stage(i int, c costing, needs [][]int, taken []bool) []int {
	nanoseconds, parts := c.cost()
	group := []int{i}
	if nanoseconds < handOver || parts > 1 {
		return group
	}
	total, longest := nanoseconds, nanoseconds
	blocked := []int{i} // what later steps must not need
	for j := i + 1; j < min(i+lookAhead, len(e.steps)) && len(group) < mostSteps; j++ {
		if taken[j] {
			continue
		}
		dependent := slices.ContainsFunc(needs[j], func(k int) bool { return slices.Contains(blocked, k) })
		other, ok := e.steps[j].(costing)
		if !dependent && ok {
			t, p := other.cost()
			if t >= handOver && p == 1 && max(longest, t)+handOver < total+t {
				group = append(group, j)
				taken[j] = true
				total, longest = total+t, max(longest, t)
			}
		}
		blocked = append(blocked, j)
	}
	// The longest first, so that the others fill up the time beside it.
	slices.SortStableFunc(group, func(a, b int) int {
		x, _ := e.steps[a].(costing).cost()
		y, _ := e.steps[b].(costing).cost()
		return int(y - x)
	})
	return group
}

// soleReader reports whether in a stage only one step, if any, reads a value.
func (e *emitter) soleReader(v *value, stage, step int) bool {
	for _, r := range v.reads {
		if e.stageOf[r] == stage && r != step {
			return false
		}
	}
	return true
}

func (s *fusedStep) cost() (float64, int) {
	return 100 + 0.1*float64(max(1, s.weight))*float64(s.points), s.blocks * s.pieces
}

func (s *contractStep[T]) cost() (float64, int) {
	work := s.problems * s.work
	parts := 1
	if work >= kernel.ShareWork {
		parts = 2
	}
	return 100 + float64(work)/40, parts
}

func (s *copyStep) cost() (float64, int) {
	n := s.v.size()
	parts := 1
	if n >= 1<<14 {
		parts = 2
	}
	return 50 + 0.5*float64(n), parts
}

func (s *concatStep) cost() (float64, int) {
	parts := 1
	if s.work >= concatShared {
		parts = len(s.parts)
	}
	return 50 + 0.1*float64(s.work), parts
}

func (s *padStep) cost() (float64, int) { return 50 + 0.2*float64(s.n*s.size), 1 }

func (s *rngBitsStep) cost() (float64, int) {
	return 50 + 0.2*float64(s.bytes), (s.bytes + rngPiece - 1) / rngPiece
}

func (s *reduceStep[T]) cost() (float64, int) {
	n := s.outer * s.n * s.inner
	return 50 + 0.15*float64(n), 1 + n>>16
}
