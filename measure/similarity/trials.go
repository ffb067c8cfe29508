package similarity

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// Trials cuts flat, row-major states [trials, steps, units] into one matrix [steps, units] for each trial.
func Trials[T float32 | float64](states []T, trials, steps, units int) ([]*mat.Dense, error) {
	if trials < 1 || steps < 1 || units < 1 || len(states) != trials*steps*units {
		return nil, fmt.Errorf("%d values are not states of %d trials, %d steps and %d units", len(states), trials, steps, units)
	}
	out := make([]*mat.Dense, trials)
	for k := range out {
		values := make([]float64, steps*units)
		for i, v := range states[k*steps*units:][:steps*units] {
			values[i] = float64(v)
		}
		out[k] = mat.NewDense(steps, units, values)
	}
	return out, nil
}

// Stack joins trials [steps, units] to one matrix [samples, units], trial after trial.
func Stack(trials []*mat.Dense) (*mat.Dense, error) {
	units, rows, err := width(trials)
	if err != nil {
		return nil, err
	}
	out := mat.NewDense(rows, units, nil)
	at := 0
	for _, t := range trials {
		steps, _ := t.Dims()
		out.Slice(at, at+steps, 0, units).(*mat.Dense).Copy(t)
		at += steps
	}
	return out, nil
}

// width returns the number of units, which all trials must share, and of all steps together.
func width(trials []*mat.Dense) (units, steps int, err error) {
	if len(trials) == 0 {
		return 0, 0, fmt.Errorf("there are no trials")
	}
	for k, t := range trials {
		rows, columns := t.Dims()
		if k == 0 {
			units = columns
		}
		if columns != units {
			return 0, 0, fmt.Errorf("trial %d has %d units, trial 1 has %d", k+1, columns, units)
		}
		if err := finite(t); err != nil {
			return 0, 0, fmt.Errorf("trial %d: %w", k+1, err)
		}
		steps += rows
	}
	return units, steps, nil
}
