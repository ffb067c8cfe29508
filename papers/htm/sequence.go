package htm

import (
	"context"
	"fmt"
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
	resets   []bool // where the memory is told that a sequence begins; nil for never, as in the paper
	seen     int
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
	return &symbolHTM{memory: memory, codes: codes, alphabet: alphabet, learning: true, rng: rng}, nil
}

// resetAt has the memory reset before each element whose flag is set, in a stream of that many elements.
func (h *symbolHTM) resetAt(flags []bool, elements int) error {
	if len(flags) != elements {
		return fmt.Errorf("%d reset flags for a stream of %d elements; give one per element", len(flags), elements)
	}
	h.resets = flags
	return nil
}

func (h *symbolHTM) See(symbol int) error {
	if h.resets != nil && h.resets[h.seen] {
		h.memory.Reset()
	}
	h.seen++
	return h.memory.Step(h.codes.Code(symbol), h.learning)
}

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

// codeLength is the length of the random real code that stands for a symbol in the baselines (paper, section 3.6).
const codeLength = 25

// realCodes gives each symbol a fixed random vector with components in [-1,1], drawn when it is first used.
type realCodes struct {
	alphabet int
	rng      *rand.Rand
	codes    map[int][]float32
}

func newRealCodes(alphabet int, rng *rand.Rand) *realCodes {
	return &realCodes{alphabet, rng, map[int][]float32{}}
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

// nearest returns the n symbols of the alphabet whose codes are nearest to y, nearest first.
func (r *realCodes) nearest(y []float32, n int) []int {
	scores := make([]float64, r.alphabet)
	for s := range scores {
		for i, c := range r.code(s) {
			d := float64(c - y[i])
			scores[s] -= d * d
		}
	}
	return topN(scores, n, r.rng)
}

// symbolLSTM predicts symbols with a retrained LSTM: the symbol whose code is nearest to its output.
type symbolLSTM struct {
	*retrainedLSTM
	codes *realCodes
	y     []float32
}

func newSymbolLSTM(ctx context.Context, b lstmBudget, alphabet int, rng *rand.Rand) (*symbolLSTM, error) {
	l, err := newRetrainedLSTM(ctx, b, codeLength, codeLength, 1, rng)
	return &symbolLSTM{l, newRealCodes(alphabet, rng), make([]float32, codeLength)}, err
}

func (l *symbolLSTM) See(symbol int) (err error) {
	code := l.codes.code(symbol)
	l.y, err = l.see(code, code)
	return err
}

func (l *symbolLSTM) Guess(n int) []int { return l.codes.nearest(l.y, n) }

// symbolELM predicts symbols with an online extreme learning machine: the symbol whose code is nearest to its output.
type symbolELM struct {
	*onlineELM
	codes *realCodes
	y     []float32
}

func newSymbolELM(alphabet int, rng *rand.Rand) *symbolELM {
	return &symbolELM{newOnlineELM(codeLength, codeLength, 1, rng), newRealCodes(alphabet, rng), nil}
}

func (e *symbolELM) See(symbol int) error {
	code := e.codes.code(symbol)
	e.y = e.see(code, code)
	return nil
}

func (e *symbolELM) Guess(n int) []int { return e.codes.nearest(e.y, n) }
