package synchrony

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/dynamics/coupling"
)

// population is n circuits that learn the same, each with noise of its own, and pull one another together:
//
//	dw_i = -∇Φ(w_i) dt + Σ_j a_ij (w_j - w_i) dt + σ dB_i
//
// in steps of Euler and Maruyama.
type population struct {
	*learner
	graph    *coupling.Graph
	sigma    float64
	dt       float64
	burn     float64 // time before measuring
	length   float64 // time measured
	every    float64 // between measurements
	decide   float64 // between looks at decisions
	scatter  float64 // standard deviation of where circuits begin, about the optimum
	common   float64 // part of the noise's variance that all circuits share
	repel    bool    // the sign of the coupling turned round
	seed     uint64
	decision *decisions // nil if the learner decides nothing
}

// outcome is the means over the time measured.
type outcome struct {
	Expected     theory
	Circuits     int
	Dt           float64
	Disagreement float64 // D = (1/n) Σ |w_i - mean|²
	Mean         float64 // |mean - w*|²
	Copy         float64 // (1/n) Σ |w_i - w*|², their sum
	Flips        [3]float64
	Accuracy     [3]float64     // of one circuit, of the mean circuit and of the majority
	Diverged     bool           // the errors are those where it was given up
	Paths        [][2][]float64 // the first two weights of a few circuits
	Series       []float64      // D at the first records
}

// of the decisions of a population.
const (
	oneCircuit = iota
	meanCircuit
	majority
)

// decisions are held-out samples and what the optimum decides about them.
type decisions struct {
	samples
	best []float64 // sign of w*·x
}

func newDecisions(l *learner, s samples) *decisions {
	d := &decisions{samples: s}
	for _, x := range s.x {
		d.best = append(d.best, sign(dot(l.optimum, x)))
	}
	return d
}

func sign(v float64) float64 {
	if v < 0 {
		return -1
	}
	return 1
}

// accuracy of the optimum.
func (d *decisions) accuracy() float64 {
	right := 0.0
	for i, b := range d.best {
		right += wrong(-b, d.y[i])
	}
	return right / float64(len(d.best))
}

// wrong is 1 where the sign of v is not y, 1/2 where v is 0: half of a vote.
func wrong(v, y float64) float64 { return (1 - y*math.Copysign(min(1, math.Ceil(math.Abs(v))), v)) / 2 }

// look adds the shares of decisions that differ from the optimum's and of those that are right.
func (d *decisions) look(w [][]float64, mean []float64, flips, accuracy *[3]float64) {
	part := 1 / float64(len(d.x))
	for i, x := range d.x {
		votes := 0.0
		for _, own := range w {
			v := sign(dot(own, x))
			votes += v
			flips[oneCircuit] += wrong(v, d.best[i]) * part / float64(len(w))
			accuracy[oneCircuit] += wrong(-v, d.y[i]) * part / float64(len(w))
		}
		of := sign(dot(mean, x))
		flips[meanCircuit] += wrong(of, d.best[i]) * part
		accuracy[meanCircuit] += wrong(-of, d.y[i]) * part
		flips[majority] += wrong(votes, d.best[i]) * part
		accuracy[majority] += wrong(-votes, d.y[i]) * part
	}
}

const (
	tooFar      = 1e6 // |w| at which a population counts as diverged
	pathRecords = 250 // of a few circuits, kept for figures
	pathCopies  = 4
)

// run follows the population. Circuits begin at the optimum, those of a quadratic objective in their stationary distribution, which is known.
func (p *population) run(ctx context.Context) (*outcome, error) {
	n, d := p.graph.Units(), p.size()
	spectrum, err := p.graph.Spectrum()
	if err != nil {
		return nil, err
	}
	out := &outcome{Expected: predict(p.learner, spectrum, p.sigma), Circuits: n, Dt: p.dt}
	w, next := rows(n, d), rows(n, d)
	for i := range w {
		copy(w[i], p.optimum)
	}
	if p.lipschitz == 0 {
		if err := p.stationary(w); err != nil {
			return nil, err
		}
	}
	noise := make([]*rand.Rand, n)
	for i := range noise {
		noise[i] = rand.New(rand.NewPCG(p.seed, uint64(i)+1))
		for j := range w[i] {
			if p.scatter > 0 {
				w[i][j] += p.scatter * noise[i].NormFloat64()
			}
		}
	}
	shared := rand.New(rand.NewPCG(p.seed, 0))
	own, common := p.sigma*math.Sqrt(p.dt*(1-p.common)), p.sigma*math.Sqrt(p.dt*p.common)
	gradient, together, mean := make([]float64, d), make([]float64, d), make([]float64, d)
	pull := p.dt
	if p.repel {
		pull = -pull
	}
	burn, steps := int(p.burn/p.dt), int((p.burn+p.length)/p.dt)
	every, decide := max(1, int(math.Round(p.every/p.dt))), max(1, int(math.Round(p.decide/p.dt)))
	records, looks := 0, 0
	out.Paths = make([][2][]float64, min(n, pathCopies))
	for step := 1; step <= steps; step++ {
		if common > 0 {
			for j := range together {
				together[j] = common * shared.NormFloat64()
			}
		}
		for i, at := range w {
			p.gradient(gradient, at)
			to, rng := next[i][:len(gradient)], noise[i]
			for j, g := range gradient {
				to[j] = at[j] - p.dt*g + together[j]
			}
			if own > 0 {
				for j := range to {
					to[j] += own * rng.NormFloat64()
				}
			}
			for _, e := range p.graph.Edges[i] {
				other, weight := w[e.To][:len(to)], pull*e.Weight
				for j := range to {
					to[j] += weight * (other[j] - at[j])
				}
			}
		}
		w, next = next, w
		if step%every != 0 {
			continue
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		apart, off := p.spread(w, mean)
		if !(apart+off <= tooFar*tooFar) {
			out.Diverged, out.Disagreement, out.Mean, out.Copy = true, apart, off, apart+off
			return out, nil
		}
		if step <= burn {
			continue
		}
		records++
		out.Disagreement += (apart - out.Disagreement) / float64(records)
		out.Mean += (off - out.Mean) / float64(records)
		if records <= pathRecords {
			out.Series = append(out.Series, apart)
		}
		if records <= pathRecords && d > 1 {
			for i := range out.Paths {
				out.Paths[i][0], out.Paths[i][1] = append(out.Paths[i][0], w[i][0]), append(out.Paths[i][1], w[i][1])
			}
		}
		if p.decision != nil && records*every/decide > looks {
			looks++
			p.decision.look(w, mean, &out.Flips, &out.Accuracy)
		}
	}
	if records == 0 {
		return nil, fmt.Errorf("nothing is measured in a time of %g, in steps of %g", p.length, p.dt)
	}
	out.Copy = out.Disagreement + out.Mean
	for k := range out.Flips {
		out.Flips[k] /= float64(max(looks, 1))
		out.Accuracy[k] /= float64(max(looks, 1))
	}
	return out, nil
}

// spread writes the mean circuit and returns how far circuits are from it, on average, and it from the optimum, squared.
func (p *population) spread(w [][]float64, mean []float64) (apart, off float64) {
	clear(mean)
	for _, own := range w {
		for j, v := range own {
			mean[j] += v / float64(len(w))
		}
	}
	for _, own := range w {
		for j, v := range own {
			apart += (v - mean[j]) * (v - mean[j])
		}
	}
	for j, v := range mean {
		off += (v - p.optimum[j]) * (v - p.optimum[j])
	}
	return apart / float64(len(w)), off
}

// stationary draws states of a quadratic learner from the distribution that Euler's steps keep: each eigenvector of the Laplacian in each direction is a
// mode of rate a = h + l, with variance σ²/(2a(1 - a·dt/2)).
func (p *population) stationary(w [][]float64) error {
	var eigen mat.EigenSym
	if !eigen.Factorize(p.graph.Laplacian(), true) {
		return fmt.Errorf("the eigenvalues of the Laplacian of %d circuits did not converge", len(w))
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	rng := rand.New(rand.NewPCG(p.seed, math.MaxUint64))
	for r, l := range eigen.Values(nil) {
		part := 1 - p.common
		if r == 0 { // what is common moves the mean alone
			l, part = 0, part+p.common*float64(len(w))
		}
		for q, h := range p.curvature {
			a := h + l
			z := p.sigma * math.Sqrt(part/(2*a*(1-a*p.dt/2))) * rng.NormFloat64()
			for i := range w {
				w[i][q] += vectors.At(i, r) * z
			}
		}
	}
	return nil
}

func rows(n, d int) [][]float64 {
	flat := make([]float64, n*d)
	out := make([][]float64, n)
	for i := range out {
		out[i] = flat[i*d : (i+1)*d : (i+1)*d]
	}
	return out
}
