package cognitive

import (
	"fmt"
	"math/rand/v2"
)

// Task is something to be learnt from trials.
type Task interface {
	// Check says what is wrong with the task's parameters. The other methods need parameters that pass.
	Check() error
	// Sizes are the steps of a trial, and its values in each step.
	Sizes() Sizes
	// Trial draws a trial into x [steps, inputs] and y [steps, outputs], of which it sets every value.
	Trial(rng *rand.Rand, x, y []float32)
	// Longer is the same task with trials, or delays, of twice the length.
	Longer() Task
}

// Sizes are the shape of a task's trials.
type Sizes struct{ Steps, Inputs, Outputs int }

// Fill draws trials into x [steps, trials, inputs] and y [steps, trials, outputs].
func Fill(task Task, rng *rand.Rand, trials int, x, y []float32) {
	s := task.Sizes()
	if len(x) != s.Steps*trials*s.Inputs || len(y) != s.Steps*trials*s.Outputs {
		panic(fmt.Sprintf("cognitive: %d trials of %+v do not fill %d inputs and %d targets", trials, s, len(x), len(y)))
	}
	in, out := make([]float32, s.Steps*s.Inputs), make([]float32, s.Steps*s.Outputs)
	for k := range trials {
		task.Trial(rng, in, out)
		for t := range s.Steps {
			copy(x[(t*trials+k)*s.Inputs:][:s.Inputs], in[t*s.Inputs:])
			copy(y[(t*trials+k)*s.Outputs:][:s.Outputs], out[t*s.Outputs:])
		}
	}
}

// Batch draws trials as [Fill] does.
func Batch(task Task, rng *rand.Rand, trials int) (x, y []float32) {
	s := task.Sizes()
	x, y = make([]float32, s.Steps*trials*s.Inputs), make([]float32, s.Steps*trials*s.Outputs)
	Fill(task, rng, trials, x, y)
	return x, y
}

// most is how long and how wide a trial may be.
const most = 1 << 20

// within checks a number of things.
func within(what string, n, least int) error {
	if n < least || n > most {
		return fmt.Errorf("cognitive: %s are %d; expected %d to %d", what, n, least, most)
	}
	return nil
}
