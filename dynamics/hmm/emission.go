package hmm

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Categorical emits one of Symbols symbols, numbered from 0.
type Categorical struct {
	Symbols int
	P       []float64 // [M, Symbols]

	bySymbol []float64 // [Symbols, M]
}

// NewCategorical makes an emission of probabilities p, [M, symbols].
func NewCategorical(symbols int, p []float64) (*Categorical, error) {
	c := &Categorical{Symbols: symbols, P: p}
	return c, c.Check()
}

// RandomCategorical draws the probabilities of each state: a start for a fit.
func RandomCategorical(states, symbols int, rng *rand.Rand) *Categorical {
	c := &Categorical{Symbols: symbols, P: make([]float64, states*symbols)}
	for i := range states {
		randomDistribution(c.P[i*symbols:(i+1)*symbols], rng)
	}
	return c
}

// RandomModel draws start and transition probabilities for an emission: a start for a fit. stay is added to the probability of each state to stay, before all are
// scaled to 1; states of behaviour last longer than chance has it, and a fit that begins there seldom ends in a poor optimum.
func RandomModel[O any](e Emission[O], stay float64, rng *rand.Rand) *Model[O] {
	n := e.States()
	m := &Model[O]{Start: make([]float64, n), Transition: make([]float64, n*n), Emission: e}
	randomDistribution(m.Start, rng)
	for i := range n {
		row := m.Transition[i*n : (i+1)*n]
		randomDistribution(row, rng)
		row[i] += stay
		for j := range row {
			row[j] /= 1 + stay
		}
	}
	return m
}

// randomDistribution draws evenly among all distributions.
func randomDistribution(p []float64, rng *rand.Rand) {
	sum := 0.
	for i := range p {
		p[i] = rng.ExpFloat64()
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
}

// States is the number of states.
func (c *Categorical) States() int { return len(c.P) / max(1, c.Symbols) }

// Check says which probabilities are none.
func (c *Categorical) Check() error {
	if c.Symbols < 1 || len(c.P) == 0 || len(c.P)%c.Symbols != 0 {
		return fmt.Errorf("hmm: %d emission probabilities of %d symbols; expected a row of %d for each state", len(c.P), c.Symbols, c.Symbols)
	}
	for i := range c.States() {
		if err := distribution(fmt.Sprintf("row %d of the emission", i), c.P[i*c.Symbols:(i+1)*c.Symbols]); err != nil {
			return err
		}
	}
	if c.bySymbol == nil {
		c.bySymbol = transposed(c.P, c.States(), c.Symbols)
	}
	return nil
}

func transposed(p []float64, rows, columns int) []float64 {
	out := make([]float64, len(p))
	for i := range rows {
		for j := range columns {
			out[j*rows+i] = p[i*columns+j]
		}
	}
	return out
}

// Fits says whether there is such a symbol.
func (c *Categorical) Fits(o int) error {
	if o < 0 || o >= c.Symbols {
		return fmt.Errorf("symbol %d; expected 0 to %d", o, c.Symbols-1)
	}
	return nil
}

// Likelihood writes the probability of a symbol in each state.
func (c *Categorical) Likelihood(o int, into []float64) (scale float64) {
	copy(into, c.bySymbol[o*len(into):(o+1)*len(into)])
	return 0
}

// Draw draws a symbol.
func (c *Categorical) Draw(state int, rng *rand.Rand) int {
	return pick(c.P[state*c.Symbols:(state+1)*c.Symbols], rng)
}

// Learner counts symbols.
func (c *Categorical) Learner() Learner[int] {
	return &symbolCounts{c, make([]float64, len(c.P))}
}

type symbolCounts struct {
	of       *Categorical
	bySymbol []float64
}

func (l *symbolCounts) Add(o int, posterior []float64) {
	row := l.bySymbol[o*len(posterior):][:len(posterior)]
	for i, p := range posterior {
		row[i] += p
	}
}

func (l *symbolCounts) Merge(other Learner[int]) {
	for i, x := range other.(*symbolCounts).bySymbol {
		l.bySymbol[i] += x
	}
}

func (l *symbolCounts) Emission() Emission[int] {
	n := l.of.States()
	c := &Categorical{Symbols: l.of.Symbols, P: transposed(l.bySymbol, l.of.Symbols, n)}
	for i := range n {
		normalise(c.P[i*c.Symbols:(i+1)*c.Symbols], l.of.P[i*c.Symbols:(i+1)*c.Symbols])
	}
	c.bySymbol = transposed(c.P, n, c.Symbols)
	return c
}

// normalise scales counts to sum 1, or, where there are none, puts what was there before.
func normalise(counts, before []float64) {
	sum := 0.
	for _, x := range counts {
		sum += x
	}
	if sum == 0 {
		copy(counts, before)
		return
	}
	for i := range counts {
		counts[i] /= sum
	}
}

// Gaussian emits vectors of Dimensions values that are normal and independent of each other within a state.
type Gaussian struct {
	Dimensions int
	Mean       []float64 // [M, Dimensions]
	Variance   []float64 // [M, Dimensions]
	// Floor is the least variance that a fit gives: without it a state can settle on a single observation.
	Floor float64

	precision []float64 // 1/variance
	log       []float64 // [M], -½ Σ log(2π variance)
}

// NewGaussian makes an emission of means and variances, [M, dimensions] each.
func NewGaussian(dimensions int, mean, variance []float64) (*Gaussian, error) {
	g := &Gaussian{Dimensions: dimensions, Mean: mean, Variance: variance, Floor: 1e-9}
	return g, g.Check()
}

// GaussianFrom makes a start for a fit: means at observations far from each other (those of k-means++, Arthur & Vassilvitskii 2007) and the variance
// of all. The floor is a thousandth of that variance, of the dimension where it is least.
func GaussianFrom(states int, sequences [][][]float64, rng *rand.Rand) (*Gaussian, error) {
	var all [][]float64
	for _, s := range sequences {
		all = append(all, s...)
	}
	if states < 1 || len(all) < states || len(all[0]) == 0 {
		return nil, fmt.Errorf("hmm: %d observations for %d states", len(all), states)
	}
	d := len(all[0])
	mean, variance := make([]float64, d), make([]float64, d)
	for t, o := range all {
		if len(o) != d {
			return nil, fmt.Errorf("hmm: observation %d has %d values; expected %d as the first", t, len(o), d)
		}
		for i, x := range o {
			mean[i] += x / float64(len(all))
		}
	}
	for _, o := range all {
		for i, x := range o {
			variance[i] += (x - mean[i]) * (x - mean[i]) / float64(len(all))
		}
	}
	g := &Gaussian{Dimensions: d, Floor: math.Inf(1)}
	for i, v := range variance {
		if !(v > 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("hmm: dimension %d has the variance %g; expected it to vary", i, v)
		}
		g.Floor = min(g.Floor, v/1000)
	}
	far := make([]float64, len(all)) // squared distance to the nearest mean, in standard deviations
	for k := range states {
		next := rng.IntN(len(all))
		if k > 0 {
			p, sum := make([]float64, len(all)), 0.
			for _, x := range far {
				sum += x
			}
			for t, x := range far {
				p[t] = x / sum
			}
			next = pick(p, rng)
		}
		g.Mean = append(g.Mean, all[next]...)
		g.Variance = append(g.Variance, variance...)
		for t, o := range all {
			sum := 0.
			for i, x := range o {
				sum += (x - all[next][i]) * (x - all[next][i]) / variance[i]
			}
			if k == 0 || sum < far[t] {
				far[t] = sum
			}
		}
	}
	return g, g.Check()
}

// States is the number of states.
func (g *Gaussian) States() int { return len(g.Mean) / max(1, g.Dimensions) }

// Check says which parameters cannot be.
func (g *Gaussian) Check() error {
	if g.Dimensions < 1 || len(g.Mean) == 0 || len(g.Mean)%g.Dimensions != 0 || len(g.Variance) != len(g.Mean) {
		return fmt.Errorf("hmm: %d means and %d variances of %d dimensions; expected a row of %d for each state", len(g.Mean), len(g.Variance), g.Dimensions, g.Dimensions)
	}
	for i, v := range g.Variance {
		if x := g.Mean[i]; !(v > 0) || math.IsInf(v, 0) || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("hmm: state %d, dimension %d: mean %g and variance %g; expected finite values and a positive variance", i/g.Dimensions, i%g.Dimensions, x, v)
		}
	}
	if g.precision == nil {
		g.prepare()
	}
	return nil
}

func (g *Gaussian) prepare() {
	g.precision, g.log = make([]float64, len(g.Mean)), make([]float64, g.States())
	for i, v := range g.Variance {
		g.precision[i] = 1 / v
		g.log[i/g.Dimensions] -= .5 * math.Log(2*math.Pi*v)
	}
}

// Fits says whether an observation has all values.
func (g *Gaussian) Fits(o []float64) error {
	if len(o) != g.Dimensions {
		return fmt.Errorf("%d values; expected %d", len(o), g.Dimensions)
	}
	for i, x := range o {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("value %d is %g; expected finite values", i, x)
		}
	}
	return nil
}

// Likelihood writes densities, divided by the largest.
func (g *Gaussian) Likelihood(o []float64, into []float64) (scale float64) {
	scale = math.Inf(-1)
	for s := range into {
		mean, precision := g.Mean[s*len(o):(s+1)*len(o)], g.precision[s*len(o):(s+1)*len(o)]
		sum := 0.
		for i, x := range o {
			sum += (x - mean[i]) * (x - mean[i]) * precision[i]
		}
		into[s] = g.log[s] - .5*sum
		scale = max(scale, into[s])
	}
	for s, l := range into {
		into[s] = math.Exp(l - scale)
	}
	return scale
}

// Draw draws a vector.
func (g *Gaussian) Draw(state int, rng *rand.Rand) []float64 {
	o := make([]float64, g.Dimensions)
	for i := range o {
		at := state*g.Dimensions + i
		o[i] = g.Mean[at] + math.Sqrt(g.Variance[at])*rng.NormFloat64()
	}
	return o
}

// Learner sums values and squares, both taken from the present means so that no digits are lost.
func (g *Gaussian) Learner() Learner[[]float64] {
	return &moments{g, make([]float64, g.States()), make([]float64, len(g.Mean)), make([]float64, len(g.Mean))}
}

type moments struct {
	of           *Gaussian
	weight       []float64
	sum, squares []float64
}

func (l *moments) Add(o []float64, posterior []float64) {
	for s, p := range posterior {
		l.weight[s] += p
		at := s * len(o)
		for i, x := range o {
			x -= l.of.Mean[at+i]
			l.sum[at+i] += p * x
			l.squares[at+i] += p * x * x
		}
	}
}

func (l *moments) Merge(other Learner[[]float64]) {
	o := other.(*moments)
	for i, x := range o.weight {
		l.weight[i] += x
	}
	for i := range o.sum {
		l.sum[i] += o.sum[i]
		l.squares[i] += o.squares[i]
	}
}

func (l *moments) Emission() Emission[[]float64] {
	g := &Gaussian{Dimensions: l.of.Dimensions, Floor: l.of.Floor, Mean: make([]float64, len(l.sum)), Variance: make([]float64, len(l.sum))}
	for i := range l.sum {
		w := l.weight[i/g.Dimensions]
		if w == 0 {
			g.Mean[i], g.Variance[i] = l.of.Mean[i], l.of.Variance[i]
			continue
		}
		shift := l.sum[i] / w
		g.Mean[i] = l.of.Mean[i] + shift
		g.Variance[i] = max(l.squares[i]/w-shift*shift, g.Floor)
	}
	g.prepare()
	return g
}
