package htm

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-dev/gyrus/simulate/stream"
)

// predictor is a method that follows a stream of symbols and can be asked at any time what comes next.
type predictor interface {
	// See takes in the next element and learns what it learns.
	See(symbol int) error
	// Guess returns the n symbols of the alphabet, noise excluded, that it holds most likely to come next, best first.
	Guess(n int) []int
}

// answer is the outcome of one question put to a predictor.
type answer struct {
	At    int // elements seen when it was asked
	Right bool
}

// follow shows a stream to a predictor and asks it, wherever an ending is due, for guesses; an answer is right if the ending that came is
// among them. seen, if not nil, is called after each element.
func follow(ctx context.Context, p predictor, s stream.Symbols, guesses int, seen func(i int)) ([]answer, error) {
	var answers []answer
	for i, v := range s.Values {
		if i%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := p.See(v); err != nil {
			return nil, err
		}
		if s.Question[i] {
			answers = append(answers, answer{i + 1, slices.Contains(p.Guess(guesses), s.Values[i+1])})
		}
		if seen != nil {
			seen(i)
		}
	}
	return answers, nil
}

// window is the number of answers the paper's moving average runs over.
const window = 100

// accuracyAt returns the share of right answers among the last [window] given by the time that many elements were seen; NaN before the first.
func accuracyAt(answers []answer, elements int) float64 {
	end := 0
	for end < len(answers) && answers[end].At <= elements {
		end++
	}
	return accuracy(answers[max(0, end-window):end])
}

// accuracy returns the share of right answers, or NaN if there is none.
func accuracy(answers []answer) float64 {
	right := 0
	for _, a := range answers {
		if a.Right {
			right++
		}
	}
	return float64(right) / float64(len(answers))
}

// symbolHTM predicts symbols with a temporal memory.
type symbolHTM struct {
	memory   *Memory
	codes    *Codes
	alphabet int
	learning bool
	rng      *rand.Rand
}

func newSymbolHTM(cfg Config, activeColumns, alphabet int, rng *rand.Rand) (*symbolHTM, error) {
	if err := cfg.Check(activeColumns); err != nil {
		return nil, err
	}
	codes, err := NewCodes(cfg.Columns, activeColumns, rand.New(rand.NewPCG(rng.Uint64(), 1)))
	if err != nil {
		return nil, err
	}
	memory, err := NewMemory(cfg, rng.Uint64())
	if err != nil {
		return nil, err
	}
	return &symbolHTM{memory, codes, alphabet, true, rng}, nil
}

func (h *symbolHTM) See(symbol int) error { return h.memory.Step(h.codes.Code(symbol), h.learning) }

// Guess scores a symbol by the number of its columns that are predicted.
func (h *symbolHTM) Guess(n int) []int {
	scores := make([]float64, h.alphabet)
	for s := range scores {
		for _, c := range h.codes.Code(s) {
			if h.memory.Predicts(c) {
				scores[s]++
			}
		}
	}
	return topN(scores, n, h.rng)
}

// topN returns the indices of the n largest scores, best first, ties in random order.
func topN(scores []float64, n int, rng *rand.Rand) []int {
	order := rng.Perm(len(scores))
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	return order[:min(n, len(order))]
}

// firstOrder predicts from counts of which symbol followed which. Endings do not depend on the symbol before them alone, so it
// shows what is reached without memory.
type firstOrder struct {
	alphabet int
	counts   map[int][]float64
	last     int
	rng      *rand.Rand
}

func newFirstOrder(alphabet int, rng *rand.Rand) *firstOrder {
	return &firstOrder{alphabet: alphabet, counts: map[int][]float64{}, last: -1, rng: rng}
}

func (f *firstOrder) See(symbol int) error {
	if f.last >= 0 && symbol < f.alphabet {
		if f.counts[f.last] == nil {
			f.counts[f.last] = make([]float64, f.alphabet)
		}
		f.counts[f.last][symbol]++
	}
	f.last = symbol
	return nil
}

func (f *firstOrder) Guess(n int) []int {
	scores := f.counts[f.last]
	if scores == nil {
		scores = make([]float64, f.alphabet)
	}
	return topN(scores, n, f.rng)
}

// codeLength is the length of the random real code a symbol has for the baselines.
const codeLength = 25

// realCodes gives each symbol a fixed random vector with components in [-1,1], drawn when it is first used.
type realCodes struct {
	rng   *rand.Rand
	codes map[int][]float32
}

func newRealCodes(rng *rand.Rand) *realCodes {
	return &realCodes{rand.New(rand.NewPCG(rng.Uint64(), 2)), map[int][]float32{}}
}

func (r *realCodes) code(symbol int) []float32 {
	c := r.codes[symbol]
	if c == nil {
		c = make([]float32, codeLength)
		for i := range c {
			c[i] = float32(2*r.rng.Float64() - 1)
		}
		r.codes[symbol] = c
	}
	return c
}

// nearest returns the n symbols of the alphabet whose codes are nearest to y.
func (r *realCodes) nearest(y []float32, alphabet, n int, rng *rand.Rand) []int {
	scores := make([]float64, alphabet)
	for s := range scores {
		for i, c := range r.code(s) {
			d := float64(c - y[i])
			scores[s] -= d * d
		}
	}
	return topN(scores, n, rng)
}

// lstmBudget is what a retrained LSTM may spend.
type lstmBudget struct {
	Every  int // elements between retrainings
	Window int // elements it is trained on
	Steps  int // Adam steps of one retraining
	Chunks int // chunks in a step
}

const (
	lstmUnits = 20
	lstmChunk = 100 // elements of a chunk
	lstmRate  = 1e-2
)

// retrainedLSTM predicts with an LSTM that is initialised and trained anew on a window of the last elements every so many elements, and
// is frozen in between.
type retrainedLSTM struct {
	budget   lstmBudget
	codes    *realCodes
	alphabet int
	rng      *rand.Rand
	frozen   bool
	ctx      context.Context

	history []int
	net     *lstm
	state   *lstmState
	y       []float32
}

func newRetrainedLSTM(ctx context.Context, b lstmBudget, alphabet int, rng *rand.Rand) (*retrainedLSTM, error) {
	if b.Every <= lstmChunk || b.Window <= lstmChunk {
		return nil, fmt.Errorf("LSTM: retrained every %d elements on the last %d; both must exceed the chunk of %d", b.Every, b.Window, lstmChunk)
	}
	l := &retrainedLSTM{budget: b, codes: newRealCodes(rng), alphabet: alphabet, rng: rng, ctx: ctx}
	l.net = newLSTM(codeLength, lstmUnits, codeLength, rng)
	l.state = l.net.rest()
	return l, nil
}

func (l *retrainedLSTM) See(symbol int) error {
	if !l.frozen {
		l.history = append(l.history, symbol)
	}
	l.y = l.net.run(l.state, l.codes.code(symbol))
	if !l.frozen && len(l.history)%l.budget.Every == 0 {
		return l.retrain()
	}
	return nil
}

func (l *retrainedLSTM) Guess(n int) []int { return l.codes.nearest(l.y, l.alphabet, n, l.rng) }

// retrain trains a new network on random chunks of the window and runs it along the last chunk, so that it goes on from there.
func (l *retrainedLSTM) retrain() error {
	data := l.history[max(0, len(l.history)-l.budget.Window):]
	l.net = newLSTM(codeLength, lstmUnits, codeLength, l.rng)
	chunks := l.budget.Chunks
	x, y := make([]float32, lstmChunk*chunks*codeLength), make([]float32, lstmChunk*chunks*codeLength)
	for step := range l.budget.Steps {
		if step%16 == 0 && l.ctx.Err() != nil {
			return l.ctx.Err()
		}
		for k := range chunks {
			start := l.rng.IntN(len(data) - lstmChunk)
			for t := range lstmChunk {
				r := (t*chunks + k) * codeLength
				copy(x[r:], l.codes.code(data[start+t]))
				copy(y[r:], l.codes.code(data[start+t+1]))
			}
		}
		// The rate falls along half a cosine, so that a short training ends settled.
		rate := lstmRate * (1 + math.Cos(math.Pi*float64(step)/float64(l.budget.Steps))) / 2
		l.net.learn(x, y, lstmChunk, chunks, rate)
	}
	l.state = l.net.rest()
	for _, v := range data[len(data)-lstmChunk:] {
		l.y = l.net.run(l.state, l.codes.code(v))
	}
	return nil
}

// withDead returns a frozen copy with some of the units dead.
func (l *retrainedLSTM) withDead(units []int) *retrainedLSTM {
	c, net, state := *l, *l.net, *l.state
	net.mask = slices.Clone(l.net.mask)
	for _, u := range units {
		net.mask[u] = 0
	}
	for _, s := range []*[]float32{&state.gates, &state.cells, &state.next, &state.hidden, &state.squashed, &state.y} {
		*s = slices.Clone(*s)
	}
	c.net, c.state, c.frozen = &net, &state, true
	return &c
}

const (
	elmLags   = 10
	elmHidden = 200
	elmStart  = 300 // elements seen before it learns and predicts
	elmPrior  = 1   // P starts as this times the identity: ridge regression with weight 1/elmPrior
)

// onlineELM is an online sequential extreme learning machine: a layer of sigmoid units with fixed random weights on the codes of the last
// ten symbols, and a linear read-out that recursive least squares keeps exact after every element.
type onlineELM struct {
	codes    *realCodes
	alphabet int
	rng      *rand.Rand
	frozen   bool
	mask     []float64

	seen    int
	lags    []float32 // codes of the last elmLags symbols, oldest first
	weights []float32 // [elmHidden, elmLags*codeLength+1]
	p       []float64 // [elmHidden, elmHidden]
	beta    []float64 // [elmHidden, codeLength]
	h, ph   []float64
}

func newOnlineELM(alphabet int, rng *rand.Rand) *onlineELM {
	e := &onlineELM{
		codes: newRealCodes(rng), alphabet: alphabet, rng: rng, mask: slices.Repeat([]float64{1}, elmHidden),
		lags: make([]float32, elmLags*codeLength), weights: make([]float32, elmHidden*(elmLags*codeLength+1)),
		p: make([]float64, elmHidden*elmHidden), beta: make([]float64, elmHidden*codeLength),
		h: make([]float64, elmHidden), ph: make([]float64, elmHidden),
	}
	for i := range e.weights {
		e.weights[i] = float32(2*rng.Float64() - 1)
	}
	for i := range elmHidden {
		e.p[i*elmHidden+i] = elmPrior
	}
	return e
}

func (e *onlineELM) See(symbol int) error {
	code := e.codes.code(symbol)
	if e.seen >= elmStart && !e.frozen {
		e.learn(code)
	}
	e.seen++
	copy(e.lags, e.lags[codeLength:])
	copy(e.lags[len(e.lags)-codeLength:], code)
	width := len(e.lags) + 1
	for i := range e.h {
		w := e.weights[i*width : (i+1)*width]
		z := w[len(e.lags)]
		for j, x := range e.lags {
			z += w[j] * x
		}
		e.h[i] = float64(sigmoid(z)) * e.mask[i]
	}
	return nil
}

// learn corrects the read-out so that it would have given target for the hidden activity h of the step before:
// P <- P - P h h'P/(1+h'P h), then beta <- beta + P h (target - h'beta)'.
func (e *onlineELM) learn(target []float32) {
	denominator := 1.0
	for i := range e.ph {
		sum := 0.0
		for j, v := range e.p[i*elmHidden : (i+1)*elmHidden] {
			sum += v * e.h[j]
		}
		e.ph[i] = sum
		denominator += sum * e.h[i]
	}
	for i, pi := range e.ph {
		scale := pi / denominator
		row := e.p[i*elmHidden : (i+1)*elmHidden]
		for j := range row {
			row[j] -= scale * e.ph[j]
		}
	}
	miss := e.output()
	for k := range miss {
		miss[k] = float64(target[k]) - miss[k]
	}
	for i, pi := range e.ph { // the new P times h is the old one over the denominator
		for k, m := range miss {
			e.beta[i*codeLength+k] += pi / denominator * m
		}
	}
}

func (e *onlineELM) output() []float64 {
	y := make([]float64, codeLength)
	for i, h := range e.h {
		for k := range y {
			y[k] += h * e.beta[i*codeLength+k]
		}
	}
	return y
}

func (e *onlineELM) Guess(n int) []int {
	y := make([]float32, codeLength)
	for k, v := range e.output() {
		y[k] = float32(v)
	}
	return e.codes.nearest(y, e.alphabet, n, e.rng)
}

// withDead returns a frozen copy with some of the hidden units dead.
func (e *onlineELM) withDead(units []int) *onlineELM {
	c := *e
	c.mask, c.lags, c.h = slices.Clone(e.mask), slices.Clone(e.lags), slices.Clone(e.h)
	for _, u := range units {
		c.mask[u], c.h[u] = 0, 0
	}
	c.frozen = true
	return &c
}
