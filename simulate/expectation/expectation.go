package expectation

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Event is one of the things that may follow the cue of a block.
type Event struct {
	Probability float64
	At          int // step within the trial
}

// Block is trials of equal statistics.
type Block struct {
	Events []Event // of each channel; their probabilities sum to 1
	Trials int
}

// Protocol is the blocks of an experiment. Steps are of 1 ms in the task's paper.
type Protocol struct {
	Steps     int // of a trial
	CueOn     int // first step of the cue
	CueLength int
	Width     float64 // standard deviation of the bump that marks an event in time, steps
	Blocks    []Block
}

// Two is the block of two events a and b, in which a comes with probability p at step atA and b otherwise at step atB.
func Two(p float64, atA, atB, trials int) Block {
	return Block{Events: []Event{{p, atA}, {1 - p, atB}}, Trials: trials}
}

// Standard returns the protocol of five blocks of 100 trials of 1,000 ms, in which timing, probability, timing again, and both change.
func Standard() Protocol {
	return Protocol{Steps: 1000, CueOn: 50, CueLength: 50, Width: 40, Blocks: []Block{
		Two(.8, 400, 700, 100), Two(.8, 600, 700, 100), Two(.2, 600, 700, 100), Two(.2, 600, 350, 100), Two(.8, 300, 500, 100),
	}}
}

// Check says what is wrong with a protocol: events must come at least 50 steps after the cue and two widths before the end of the trial.
func (p Protocol) Check() error {
	if p.CueOn < 0 || p.CueLength < 1 || !(p.Width > 0) || p.CueOn+p.CueLength > p.Steps {
		return fmt.Errorf("expectation: a cue of %d steps from step %d of %d, bumps of width %g; the cue must lie in the trial", p.CueLength, p.CueOn, p.Steps, p.Width)
	}
	if len(p.Blocks) == 0 {
		return errors.New("expectation: there are no blocks")
	}
	for i, b := range p.Blocks {
		if b.Trials < 1 || len(b.Events) == 0 || len(b.Events) != len(p.Blocks[0].Events) {
			return fmt.Errorf("expectation: block %d has %d trials of %d events; all blocks need trials and equally many events", i, b.Trials, len(b.Events))
		}
		sum := 0.
		for k, e := range b.Events {
			if !(e.Probability >= 0 && e.Probability <= 1) {
				return fmt.Errorf("expectation: event %d of block %d has the probability %g", k, i, e.Probability)
			}
			sum += e.Probability
			if first, last := p.CueOn+p.CueLength+50, float64(p.Steps)-2*p.Width; e.At < first || float64(e.At) > last {
				return fmt.Errorf("expectation: event %d of block %d comes at step %d; it must come between %d (50 after the cue) and %g (two widths before the end)", k, i, e.At, first, last)
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			return fmt.Errorf("expectation: the probabilities of block %d sum to %g, not 1", i, sum)
		}
	}
	return nil
}

// Trial is what happens in one trial.
type Trial struct {
	Block, Number int // Number counts within the block, from 0
	Event         int // which happens
	At            int // step
}

// Draw draws the trials of all blocks, in order.
func (p Protocol) Draw(rng *rand.Rand) ([]Trial, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	var out []Trial
	for i, b := range p.Blocks {
		for n := range b.Trials {
			k, u := 0, rng.Float64()
			for k < len(b.Events)-1 && u >= b.Events[k].Probability {
				u -= b.Events[k].Probability
				k++
			}
			out = append(out, Trial{i, n, k, b.Events[k].At})
		}
	}
	return out, nil
}

// Cue says whether the cue is on in a step.
func (p Protocol) Cue(step int) bool { return step >= p.CueOn && step < p.CueOn+p.CueLength }

// Bump is exp(-(step-at)²/(2·Width²)): what marks an event in time.
func (p Protocol) Bump(step, at int) float64 {
	d := float64(step-at) / p.Width
	return math.Exp(-d * d / 2)
}

// Expected is what a learner that knows the block expects of channel k in a step: the event's probability times its bump.
func (p Protocol) Expected(block, k, step int) float64 {
	e := p.Blocks[block].Events[k]
	return e.Probability * p.Bump(step, e.At)
}
