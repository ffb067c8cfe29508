package htm

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// lstmBudget is what a retrained LSTM may spend.
type lstmBudget struct {
	Every  int // elements between retrainings
	Window int // elements it is trained on
	Steps  int // Adam steps of one retraining
}

const (
	lstmUnits  = 20
	lstmChunk  = 100 // elements of a chunk
	lstmChunks = 10  // chunks in a step
	lstmRate   = 2e-2
)

// retrainedLSTM forecasts a stream with an LSTM that is initialised and trained anew, every so many elements, on a window of the last ones,
// and is frozen in between (paper, section 3.6).
type retrainedLSTM struct {
	ctx     context.Context
	budget  lstmBudget
	ahead   int // steps from an input to the target it should give
	rng     *rand.Rand
	frozen  bool
	inputs  [][]float32
	targets [][]float32 // targets[i] belongs to the element of inputs[i]
	net     *lstm
	state   *lstmState
}

func (b lstmBudget) check(ahead int) error {
	if min(b.Every, b.Window) <= lstmChunk+ahead {
		return fmt.Errorf("LSTM: retrained every %d elements on the last %d; both must exceed a chunk of %d and the %d steps ahead",
			b.Every, b.Window, lstmChunk, ahead)
	}
	return nil
}

func newRetrainedLSTM(ctx context.Context, b lstmBudget, in, out, ahead int, rng *rand.Rand) (*retrainedLSTM, error) {
	if err := b.check(ahead); err != nil {
		return nil, err
	}
	l := &retrainedLSTM{ctx: ctx, budget: b, ahead: ahead, rng: rng, net: newLSTM(in, lstmUnits, out, rng)}
	l.state = l.net.rest()
	return l, nil
}

// see takes in an element as its input vector and as its target vector, both of which it keeps, and returns the target expected ahead.
// The result is valid until the next call.
func (l *retrainedLSTM) see(x, target []float32) ([]float32, error) {
	if l.frozen {
		return l.net.run(l.state, x), nil
	}
	l.inputs, l.targets = append(l.inputs, x), append(l.targets, target)
	if len(l.inputs)%l.budget.Every > 0 {
		return l.net.run(l.state, x), nil
	}
	return l.retrain()
}

// retrain trains a new network on random chunks of the window and runs it along the last chunk, so that it goes on from there.
func (l *retrainedLSTM) retrain() ([]float32, error) {
	from := max(0, len(l.inputs)-l.budget.Window)
	inputs, targets := l.inputs[from:], l.targets[from:]
	in, out := l.net.in, l.net.out
	l.net = newLSTM(in, lstmUnits, out, l.rng)
	x, y := make([]float32, lstmChunk*lstmChunks*in), make([]float32, lstmChunk*lstmChunks*out)
	for step := range l.budget.Steps {
		if step%16 == 0 && l.ctx.Err() != nil {
			return nil, l.ctx.Err()
		}
		for k := range lstmChunks {
			start := l.rng.IntN(len(inputs) - lstmChunk - l.ahead + 1)
			for t := range lstmChunk {
				copy(x[(t*lstmChunks+k)*in:], inputs[start+t])
				copy(y[(t*lstmChunks+k)*out:], targets[start+t+l.ahead])
			}
		}
		// The rate falls along half a cosine, so that a short training ends settled.
		rate := lstmRate * (1 + math.Cos(math.Pi*float64(step)/float64(l.budget.Steps))) / 2
		l.net.learn(x, y, lstmChunk, lstmChunks, rate)
	}
	l.state = l.net.rest()
	var latest []float32
	for _, x := range inputs[len(inputs)-lstmChunk:] {
		latest = l.net.run(l.state, x)
	}
	return latest, nil
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
