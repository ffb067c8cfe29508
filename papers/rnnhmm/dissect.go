package rnnhmm

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// silence is what is left of a driven run without noise.
type silence struct {
	Driven float64 // root mean square distance of driven states from their mean
	Left   float64 // the same of where they end after 500 silent steps
	End    float64 // length of the mean of those
}

func (s *student) silence(seed uint64) silence {
	const n, steps = 100, 500
	t := s.run(n, nil, 1, seed)
	for range settle {
		t.step()
	}
	out := silence{}
	out.Driven, _ = spread(t.h, n)
	clear(t.x)
	for range steps {
		t.advance()
	}
	out.Left, out.End = spread(t.h, n)
	return out
}

// spread is the root mean square distance of n states from their mean, and the length of that.
func spread(h []float32, n int) (distance, length float64) {
	width := len(h) / n
	mean := make([]float64, width)
	for i, v := range h {
		mean[i%width] += float64(v) / float64(n)
	}
	for i, v := range h {
		d := float64(v) - mean[i%width]
		distance += d * d / float64(n)
	}
	for _, m := range mean {
		length += m * m
	}
	return math.Sqrt(distance), math.Sqrt(length)
}

// level is what a student does under noise of a standard deviation.
type level struct {
	Sigma    float64
	Switches float64 // sampled changes of symbol per step
	Radius   float64 // root mean square distance from the mean in the plane of the first two principal components at σ = 1
}

// scan runs a student at several levels of noise.
func (s *student) scan(sigmas []float64, plane *plane, seed uint64) (levels []level) {
	const n, steps = 100, 300
	for _, sigma := range sigmas {
		t := s.run(n, nil, sigma, seed)
		rng := rand.New(rand.NewPCG(seed, 2))
		last := make([]int32, n)
		l := level{Sigma: sigma}
		var x, y []float64
		for step := range settle + steps {
			t.step()
			for i := range n {
				symbol := t.draw(i, rng)
				if step >= settle {
					if symbol != last[i] {
						l.Switches += 1 / float64(n*steps)
					}
					a, b := plane.at(t.h[i*s.Hidden : (i+1)*s.Hidden])
					x, y = append(x, a), append(y, b)
				}
				last[i] = symbol
			}
		}
		l.Radius = math.Sqrt(stat.Variance(x, nil) + stat.Variance(y, nil))
		levels = append(levels, l)
	}
	return levels
}

// record is a driven run that is kept: [steps][n] states, symbols of the largest logit and confidences.
type record struct {
	n          int
	states     [][]float32 // [steps][n·Hidden]
	best       [][]int     // [steps][n]
	confidence [][]float64 // [steps][n]
}

func (s *student) record(n, steps int, seed uint64) *record {
	r := &record{n: n}
	t := s.run(n, nil, 1, seed)
	for step := range settle + steps {
		t.step()
		if step < settle {
			continue
		}
		best, confidence := make([]int, n), make([]float64, n)
		for i := range n {
			best[i], confidence[i] = t.best(i), t.confidence(i)
		}
		r.states, r.best, r.confidence = append(r.states, slices.Clone(t.h)), append(r.best, best), append(r.confidence, confidence)
	}
	return r
}

// state is that of trajectory i at a step.
func (r *record) state(step, i int) []float32 {
	width := len(r.states[step]) / r.n
	return r.states[step][i*width : (i+1)*width]
}

// change is a step at which the symbol of the largest logit has become another.
type change struct{ step, trajectory, from, to int }

func (r *record) changes() (all []change) {
	for step := 1; step < len(r.best); step++ {
		for i := range r.n {
			if a, b := r.best[step-1][i], r.best[step][i]; a != b {
				all = append(all, change{step, i, a, b})
			}
		}
	}
	return all
}

// plane is the first two principal components of a record.
type plane struct {
	mean []float64
	axes [2][]float64
	part float64 // of the variance
}

func (r *record) plane() *plane {
	width := len(r.states[0]) / r.n
	var rows []float64
	for step := 0; step < len(r.states); step += 5 {
		for _, v := range r.states[step] {
			rows = append(rows, float64(v))
		}
	}
	x := mat.NewDense(len(rows)/width, width, rows)
	p := &plane{mean: make([]float64, width)}
	for j := range p.mean {
		p.mean[j] = stat.Mean(mat.Col(nil, j, x), nil)
	}
	var covariance mat.SymDense
	stat.CovarianceMatrix(&covariance, x, nil)
	var eigen mat.EigenSym
	eigen.Factorize(&covariance, true)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values, total := eigen.Values(nil), 0.
	for _, v := range values {
		total += v
	}
	for k := range p.axes {
		p.axes[k] = mat.Col(nil, width-1-k, &vectors)
		p.part += values[width-1-k] / total
	}
	return p
}

func (p *plane) at(h []float32) (x, y float64) {
	for j, v := range h {
		d := float64(v) - p.mean[j]
		x += d * p.axes[0][j]
		y += d * p.axes[1][j]
	}
	return x, y
}

// residence is how long states keep their symbol: RT of the paper, the mean over continuations with fresh noise of the steps until the largest logit
// is another's.
type residence struct {
	RT         []float64
	Confidence []float64
	X, Y       []float64
	Step       []int // where in the record the states come from
	Trajectory []int
}

const (
	continuations                       = 20
	longestWait                         = 60
	transitionBelow, clusterAbove, sure = 2, 8, .8
)

// class of a state by its residence: "transition", "kick zone", "cluster", or "" for long residence without confidence.
func (r *residence) class(i int) string {
	switch rt := r.RT[i]; {
	case rt < transitionBelow:
		return "transition"
	case rt <= clusterAbove:
		return "kick zone"
	case r.Confidence[i] > sure:
		return "cluster"
	}
	return ""
}

// share is the part of the states in a class, and their mean residence.
func (r *residence) share(class string) (part, mean float64) {
	n := 0.
	for i, rt := range r.RT {
		if r.class(i) == class {
			n++
			mean += rt
		}
	}
	return n / float64(len(r.RT)), mean / n
}

// residence measures states drawn from a record.
func (s *student) residence(rec *record, p *plane, count int, seed uint64) *residence {
	rng := rand.New(rand.NewPCG(seed, 3))
	r := &residence{}
	start := make([]float32, 0, count*continuations*s.Hidden)
	first := make([]int, 0, count)
	for range count {
		step, i := rng.IntN(len(rec.states)), rng.IntN(rec.n)
		h := rec.state(step, i)
		for range continuations {
			start = append(start, h...)
		}
		x, y := p.at(h)
		r.X, r.Y, r.Confidence = append(r.X, x), append(r.Y, y), append(r.Confidence, rec.confidence[step][i])
		r.Step, r.Trajectory, first = append(r.Step, step), append(r.Trajectory, i), append(first, rec.best[step][i])
	}
	t := s.run(count*continuations, start, 1, seed)
	wait := make([]int, count*continuations)
	for i := range wait {
		wait[i] = longestWait
	}
	for step := range longestWait {
		t.step()
		for i, w := range wait {
			if w == longestWait && t.best(i) != first[i/continuations] {
				wait[i] = step + 1
			}
		}
	}
	for k := range count {
		sum := 0
		for _, w := range wait[k*continuations : (k+1)*continuations] {
			sum += w
		}
		r.RT = append(r.RT, float64(sum)/continuations)
	}
	return r
}

// kickScores is how much more active each unit is in the 4 steps before a switch than more than 10 steps from any. from and to, if not negative, take
// only switches of that kind.
func (r *record) kickScores(from, to int) []float64 {
	const before, far = 4, 10
	width := len(r.states[0]) / r.n
	near := make([][]bool, r.n) // some switch is within far steps
	kick := make([][]bool, r.n) // a switch of the kind comes within before steps
	for i := range r.n {
		near[i], kick[i] = make([]bool, len(r.states)), make([]bool, len(r.states))
	}
	for _, c := range r.changes() {
		for step := max(0, c.step-far); step <= min(len(r.states)-1, c.step+far); step++ {
			near[c.trajectory][step] = true
		}
		if (from < 0 || c.from == from) && (to < 0 || c.to == to) {
			for step := max(0, c.step-before); step < c.step; step++ {
				kick[c.trajectory][step] = true
			}
		}
	}
	sums, counts := [2][]float64{make([]float64, width), make([]float64, width)}, [2]float64{}
	for step := range r.states {
		for i := range r.n {
			k := 0
			switch {
			case kick[i][step]:
			case !near[i][step]:
				k = 1
			default:
				continue
			}
			counts[k]++
			for j, v := range r.state(step, i) {
				sums[k][j] += float64(v)
			}
		}
	}
	scores := make([]float64, width)
	for j := range scores {
		if counts[0] > 0 && counts[1] > 0 {
			scores[j] = sums[0][j]/counts[0] - sums[1][j]/counts[1]
		}
	}
	return scores
}

// largest returns the units of the n largest scores.
func largest(scores []float64, n int) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	return order[:n]
}

// stability is the local linear dynamics around switches: at each offset from the switch, how many eigenvalues of the Jacobian diag(h > 0) Wh, drawn
// onto the plane by m = (λ-1)/(λ+1), are unstable (Re m > 0) and how many pairs are critical (|Re m| < 0.1, Im m > 0.06); means over switches.
type stability struct{ Offset, Unstable, Critical []float64 }

func (s *student) stability(ctx context.Context, r *record, count int) (stability, error) {
	const around = 15
	var chosen []change
	for _, c := range r.changes() {
		if c.step >= around && c.step+around < len(r.states) && len(chosen) < count {
			chosen = append(chosen, c)
		}
	}
	out := stability{}
	for offset := -around; offset <= around; offset++ {
		out.Offset = append(out.Offset, float64(offset))
	}
	out.Unstable, out.Critical = make([]float64, len(out.Offset)), make([]float64, len(out.Offset))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for k := range out.Offset {
		group.Go(func() error {
			for _, c := range chosen {
				if err := ctx.Err(); err != nil {
					return context.Cause(ctx)
				}
				unstable, critical := s.local(r.state(c.step+k-around, c.trajectory))
				out.Unstable[k] += float64(unstable) / float64(len(chosen))
				out.Critical[k] += float64(critical) / float64(len(chosen))
			}
			return nil
		})
	}
	return out, group.Wait()
}

// local counts unstable eigenvalues and critical pairs at a state. Only units above zero pass anything on, so that the others can be left out.
func (s *student) local(h []float32) (unstable, critical int) {
	var active []int
	for i, v := range h {
		if v > 0 {
			active = append(active, i)
		}
	}
	if len(active) == 0 {
		return 0, 0
	}
	j := mat.NewDense(len(active), len(active), nil)
	for a, from := range active {
		for b, to := range active {
			j.Set(b, a, float64(s.Wh[from*s.Hidden+to]))
		}
	}
	var eigen mat.Eigen
	if !eigen.Factorize(j, mat.EigenNone) {
		return 0, 0
	}
	for _, l := range eigen.Values(nil) {
		m := (l - 1) / (l + 1)
		if real(m) > 0 {
			unstable++
		}
		if math.Abs(real(m)) < .1 && imag(m) > .06 {
			critical++
		}
	}
	return unstable, critical
}

// sensitivity is the trace of the covariance of states at each of 5 steps when a state is played again 100 times with a part c of its noise fresh.
func (s *student) sensitivity(starts [][]float32, c float64, seed uint64) []float64 {
	const trials, steps = 100, 5
	out := make([]float64, steps)
	for k, h := range starts {
		var start []float32
		for range trials {
			start = append(start, h...)
		}
		frozen := s.run(1, nil, 1, seed+uint64(k))
		t := s.run(trials, start, 1, seed+1000+uint64(k))
		for step := range steps {
			clear(frozen.x)
			frozen.noise.Add(step, 0, len(frozen.x), frozen.x)
			clear(t.x)
			t.noise.Add(step, 0, len(t.x), t.x)
			for i, v := range t.x {
				t.x[i] = float32(1-c)*frozen.x[i%s.Inputs] + float32(c)*v
			}
			t.advance()
			d, _ := spread(t.h, trials)
			out[step] += d * d / float64(len(starts))
		}
	}
	return out
}

// integrators are the units that most excite one group of kick units and inhibit the other: those of the most negative product of their mean weights.
func (s *student) integrators(a, b []int, count int) []int {
	scores := make([]float64, s.Hidden)
	for i := range scores {
		mean := func(group []int) (sum float64) {
			for _, u := range group {
				sum += float64(s.Wh[i*s.Hidden+u]) / float64(len(group))
			}
			return sum
		}
		scores[i] = -mean(a) * mean(b)
	}
	return largest(scores, min(count, s.Hidden))
}
