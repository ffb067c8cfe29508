package hmm

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

func newRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// paths calls f with each sequence of states and its joint probability with the observations, by definition.
func paths[O any](m *Model[O], sequence []O, f func(path []int, p float64)) {
	n, b := len(m.Start), make([]float64, len(m.Start))
	path := make([]int, len(sequence))
	for k := range int(math.Pow(float64(n), float64(len(sequence)))) {
		p := 1.
		for t := range path {
			path[t] = k % n
			k /= n
			scale := m.Emission.Likelihood(sequence[t], b)
			p *= b[path[t]] * math.Exp(scale)
			if t == 0 {
				p *= m.Start[path[t]]
			} else {
				p *= m.Transition[path[t-1]*n+path[t]]
			}
		}
		f(path, p)
	}
}

func againstDefinition[O any](t *testing.T, m *Model[O], sequence []O) {
	t.Helper()
	n := len(m.Start)
	total, best, bestPath := 0., 0., []int(nil)
	posterior := make([]float64, len(sequence)*n)
	paths(m, sequence, func(path []int, p float64) {
		total += p
		for step, s := range path {
			posterior[step*n+s] += p
		}
		if p > best {
			best, bestPath = p, slices.Clone(path)
		}
	})
	got, logLikelihood, err := m.Posterior(sequence)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(logLikelihood-math.Log(total)) > 1e-9 {
		t.Errorf("log-likelihood %g, want %g", logLikelihood, math.Log(total))
	}
	for i, p := range got {
		if math.Abs(p-posterior[i]/total) > 1e-12 {
			t.Errorf("posterior of state %d at step %d is %g, want %g", i%n, i/n, p, posterior[i]/total)
		}
	}
	path, p, err := m.Viterbi(sequence)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(path, bestPath) || math.Abs(p-math.Log(best)) > 1e-9 {
		t.Errorf("path %v of %g, want %v of %g", path, p, bestPath, math.Log(best))
	}
}

// TestDefinition compares decoding with sums over all sequences of states.
func TestDefinition(t *testing.T) {
	rng := newRand()
	for range 5 {
		m := RandomModel(RandomCategorical(3, 4, rng), 0, rng)
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		m.Transition[1*3+0], m.Transition[1*3+1] = 0, m.Transition[1*3+0]+m.Transition[1*3+1] // a jump that never happens
		_, x := m.Sample(7, rng)
		againstDefinition(t, m, x)
		g, err := NewGaussian(2, []float64{0, 0, 1, 2, -1, 1}, []float64{1, .5, 2, 1, .3, .2})
		if err != nil {
			t.Fatal(err)
		}
		gm := RandomModel(g, 1, rng)
		_, y := gm.Sample(6, rng)
		againstDefinition(t, gm, y)
	}
}

// TestHmmlearn compares with testdata/golden.json, which testdata/golden.py made.
func TestHmmlearn(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	type parameters struct {
		Start, Transition, EmissionProb, Means, Covars []float64
		Score                                          float64
	}
	var golden map[string]struct {
		parameters
		X             [][]float64
		Lengths       []int
		Posterior     []float64
		Viterbi       []int
		Viterbi_score float64
		Fit           parameters
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want []float64, tolerance float64) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
		}
		for i, x := range got {
			if math.Abs(x-want[i]) > tolerance {
				t.Errorf("%s: value %d is %.12g, want %.12g", what, i, x, want[i])
			}
		}
	}
	for _, workers := range []int{1, 2, 8} {
		c := golden["categorical"]
		e, err := NewCategorical(4, c.EmissionProb)
		if err != nil {
			t.Fatal(err)
		}
		m := &Model[int]{c.Start, c.Transition, e}
		var sequences [][]int
		at := 0
		for _, n := range c.Lengths {
			var s []int
			for _, x := range c.X[at : at+n] {
				s = append(s, int(x[0]))
			}
			sequences, at = append(sequences, s), at+n
		}
		posterior, score, err := m.Posterior(sequences[0])
		if err != nil {
			t.Fatal(err)
		}
		near("categorical score", []float64{score}, []float64{c.Score}, 1e-9)
		near("categorical posterior", posterior, c.Posterior, 1e-9)
		path, p, err := m.Viterbi(sequences[0])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(path, c.Viterbi) {
			t.Errorf("categorical path %v, want %v", path, c.Viterbi)
		}
		near("categorical path's score", []float64{p}, []float64{c.Viterbi_score}, 1e-9)
		fitted, scores, err := m.Fit(t.Context(), sequences, Options{Iterations: 5, Tolerance: -1, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		near("categorical start", fitted.Start, c.Fit.Start, 1e-8)
		near("categorical transition", fitted.Transition, c.Fit.Transition, 1e-8)
		near("categorical emission", fitted.Emission.(*Categorical).P, c.Fit.EmissionProb, 1e-8)
		near("categorical score after", []float64{scores[5]}, []float64{c.Fit.Score}, 1e-6)
		if !slices.IsSorted(scores) {
			t.Errorf("likelihoods fall: %v", scores)
		}

		c = golden["gaussian"]
		g, err := NewGaussian(2, c.Means, c.Covars)
		if err != nil {
			t.Fatal(err)
		}
		gm := &Model[[]float64]{c.Start, c.Transition, g}
		var vectors [][][]float64
		at = 0
		for _, n := range c.Lengths {
			vectors, at = append(vectors, c.X[at:at+n]), at+n
		}
		posterior, score, err = gm.Posterior(vectors[0])
		if err != nil {
			t.Fatal(err)
		}
		near("Gaussian score", []float64{score}, []float64{c.Score}, 1e-9)
		near("Gaussian posterior", posterior, c.Posterior, 1e-9)
		gf, scores, err := gm.Fit(t.Context(), vectors, Options{Iterations: 5, Tolerance: -1, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		near("Gaussian start", gf.Start, c.Fit.Start, 1e-8)
		near("Gaussian transition", gf.Transition, c.Fit.Transition, 1e-8)
		near("Gaussian means", gf.Emission.(*Gaussian).Mean, c.Fit.Means, 1e-8)
		near("Gaussian variances", gf.Emission.(*Gaussian).Variance, c.Fit.Covars, 1e-8)
		near("Gaussian score after", []float64{scores[5]}, []float64{c.Fit.Score}, 1e-6)
	}
}

// TestLong fits a long sequence from a random start and finds the model that made it, but for the order of states.
func TestLong(t *testing.T) {
	rng := newRand()
	e, err := NewCategorical(3, []float64{.9, .05, .05, .05, .9, .05, .1, .1, .8})
	if err != nil {
		t.Fatal(err)
	}
	truth := &Model[int]{[]float64{1, 0, 0}, []float64{.9, .1, 0, 0, .95, .05, .2, 0, .8}, e}
	states, x := truth.Sample(50_000, rng)
	fitted, scores, err := RandomModel(RandomCategorical(3, 3, rng), 5, rng).Fit(t.Context(), [][]int{x}, Options{Iterations: 300})
	if err != nil {
		t.Fatal(err)
	}
	want, err := truth.LogLikelihood(x)
	if err != nil {
		t.Fatal(err)
	}
	if got := scores[len(scores)-1]; got < want {
		t.Errorf("the fit's log-likelihood is %g, that of the truth %g", got, want)
	}
	path, _, err := fitted.Viterbi(x)
	if err != nil {
		t.Fatal(err)
	}
	var together [3][3]int
	for i, s := range path {
		together[states[i]][s]++
	}
	for s, row := range together {
		_, as := largest([]float64{float64(row[0]), float64(row[1]), float64(row[2])})
		if part := float64(row[as]) / float64(row[0]+row[1]+row[2]); part < .85 {
			t.Errorf("state %d is decoded as one of the fit's for %.2f of the time only: %v", s, part, row)
		}
		if stay := fitted.Transition[as*3+as]; math.Abs(stay-truth.Transition[s*3+s]) > .02 {
			t.Errorf("state %d stays with %.3f, want %.3f", s, stay, truth.Transition[s*3+s])
		}
	}
	stationary := truth.Stationary()
	var share [3]float64
	for _, s := range states {
		share[s] += 1 / float64(len(states))
	}
	for s, p := range stationary {
		if math.Abs(p-share[s]) > .02 {
			t.Errorf("state %d is taken %.3f of the time, and %.3f were expected", s, share[s], p)
		}
	}
}

func TestGaussianFrom(t *testing.T) {
	rng := newRand()
	g, err := NewGaussian(2, []float64{-3, 0, 3, 0, 0, 4}, []float64{1, 1, 1, 1, .5, .5})
	if err != nil {
		t.Fatal(err)
	}
	_, x := RandomModel(g, 8, rng).Sample(5000, rng)
	start, err := GaussianFrom(3, [][][]float64{x}, rng)
	if err != nil {
		t.Fatal(err)
	}
	fitted, _, err := RandomModel(start, 5, rng).Fit(t.Context(), [][][]float64{x}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for s := range 3 {
		nearest := math.Inf(1)
		for k := range 3 {
			mean := fitted.Emission.(*Gaussian).Mean[2*k:]
			nearest = min(nearest, math.Hypot(mean[0]-g.Mean[2*s], mean[1]-g.Mean[2*s+1]))
		}
		if nearest > .2 {
			t.Errorf("no mean within 0.2 of that of state %d, the nearest at %.2f", s, nearest)
		}
	}
	if _, err := GaussianFrom(2, [][][]float64{{{1, 2}, {1, 3}}}, rng); err == nil || !strings.Contains(err.Error(), "vary") {
		t.Errorf("a constant dimension: %v", err)
	}
}

func TestRefused(t *testing.T) {
	good := func() *Model[int] {
		return &Model[int]{[]float64{.5, .5}, []float64{.9, .1, .2, .8}, &Categorical{Symbols: 2, P: []float64{1, 0, 0, 1}}}
	}
	for want, change := range map[string]func(m *Model[int]) []int{
		"start probabilities sum to 1.1":        func(m *Model[int]) []int { m.Start[0] = .6; return []int{0} },
		"entry 1 is -0.1":                       func(m *Model[int]) []int { m.Transition[0], m.Transition[1] = 1.1, -.1; return []int{0} },
		"row 1 of the transition probabilities": func(m *Model[int]) []int { m.Transition[2] = .3; return []int{0} },
		"row 0 of the emission probabilities":   func(m *Model[int]) []int { m.Emission.(*Categorical).P[1] = .5; return []int{0} },
		"expected 2 and 4":                      func(m *Model[int]) []int { m.Start = m.Start[:1]; return []int{0} },
		"observation 1: symbol 2":               func(m *Model[int]) []int { return []int{0, 2} },
		"an empty sequence":                     func(m *Model[int]) []int { return nil },
		"observation 1 is impossible":           func(m *Model[int]) []int { m.Transition = []float64{1, 0, 0, 1}; return []int{0, 1} },
	} {
		m := good()
		sequence := change(m)
		for what, err := range map[string]error{
			"likelihood": second(m.LogLikelihood(sequence)), "posterior": third(m.Posterior(sequence)), "Viterbi": third(m.Viterbi(sequence)),
			"fit": third(m.Fit(t.Context(), [][]int{sequence}, Options{})),
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", what, err, want)
			}
		}
	}
	if _, err := NewGaussian(1, []float64{0}, []float64{0}); err == nil || !strings.Contains(err.Error(), "positive variance") {
		t.Errorf("no variance: %v", err)
	}
}

func second[A any](_ A, err error) error { return err }

func third[A, B any](_ A, _ B, err error) error { return err }

func BenchmarkFit(b *testing.B) {
	rng := newRand()
	m := RandomModel(RandomCategorical(10, 20, rng), 3, rng)
	_, x := m.Sample(1_000_000, rng)
	start := RandomModel(RandomCategorical(10, 20, rng), 3, rng)
	for b.Loop() {
		if _, _, err := start.Fit(b.Context(), [][]int{x}, Options{Iterations: 1, Tolerance: -1}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N)/2, "ms/expectation")
}
