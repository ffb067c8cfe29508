package dbconformer

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
)

// session is one person's training trials as Euclidean alignment sees them; later trials of the same person go on from it.
type session struct {
	covariance *mat.SymDense // mean of the trials
	trials     int
	shrink     float64
}

// amplitude is the root mean square of the training trials, each channel about its mean.
func (s session) amplitude() float64 {
	n := s.covariance.SymmetricDim()
	sum := 0.0
	for c := range n {
		sum += s.covariance.At(c, c)
	}
	return math.Sqrt(sum / float64(n))
}

// amplitudeOf is the same of one trial.
func amplitudeOf(trial *mat.Dense) float64 {
	channels, samples := trial.Dims()
	sum := 0.0
	for c := range channels {
		row := trial.RawRowView(c)
		mean := floats.Sum(row) / float64(samples)
		for _, v := range row {
			sum += (v - mean) * (v - mean)
		}
	}
	return math.Sqrt(sum / float64(channels*max(1, samples-1)))
}

// alignSession aligns training trials with their own mean covariance. The warning is for the reader, if there is one.
func alignSession(trials []*mat.Dense, names []string) (aligned []*mat.Dense, s session, warning string, err error) {
	s.trials = len(trials)
	if s.covariance, err = signal.MeanCovariance(trials); err != nil {
		return nil, s, "", err
	}
	if s.shrink, warning, err = shrinkage(s.covariance, len(trials), names); err != nil {
		return nil, s, "", err
	}
	aligned, err = alignAll(trials, s.shrink)
	return aligned, s, warning, err
}

// alignPeople aligns the training trials of each person with that person's own mean covariance. For a person that it has not seen, the session
// begins with the mean of theirs, which counts as one trial.
func alignPeople(e examples, names []string) (aligned []*mat.Dense, s session, warning string, err error) {
	if e.people == nil {
		return alignSession(e.trials, names)
	}
	aligned = make([]*mat.Dense, len(e.trials))
	groups := e.byPerson()
	s.covariance = mat.NewSymDense(len(names), nil)
	for _, of := range groups {
		trials := make([]*mat.Dense, len(of))
		for k, i := range of {
			trials[k] = e.trials[i]
		}
		own, one, said, err := alignSession(trials, names)
		if err != nil {
			return nil, s, "", err
		}
		for k, i := range of {
			aligned[i] = own[k]
		}
		one.covariance.ScaleSym(1/float64(len(groups)), one.covariance)
		s.covariance.AddSym(s.covariance, one.covariance)
		s.shrink, warning = max(s.shrink, one.shrink), cmp.Or(warning, said)
	}
	s.trials = 1
	return aligned, s, warning, nil
}

// byPerson lists the trials of each person, in order.
func (e examples) byPerson() (groups [][]int) {
	index := map[int]int{}
	for i, p := range e.people {
		k, known := index[p]
		if !known {
			k = len(groups)
			index[p], groups = k, append(groups, nil)
		}
		groups[k] = append(groups[k], i)
	}
	return groups
}

// onlineEach aligns trials of people online, each person's as those of one that follows the session.
func (s session) onlineEach(e examples) ([]*mat.Dense, error) {
	if e.people == nil {
		return s.online(e.trials)
	}
	out := make([]*mat.Dense, len(e.trials))
	for _, of := range e.byPerson() {
		trials := make([]*mat.Dense, len(of))
		for k, i := range of {
			trials[k] = e.trials[i]
		}
		aligned, err := s.online(trials)
		if err != nil {
			return nil, err
		}
		for k, i := range of {
			out[i] = aligned[k]
		}
	}
	return out, nil
}

// online aligns later trials of the person, each with the training trials and those before it.
func (s session) online(trials []*mat.Dense) ([]*mat.Dense, error) {
	return alignOnline(trials, &signal.OnlineAlignment{Shrink: s.shrink, Prior: s.covariance, PriorTrials: s.trials})
}

func alignAll(trials []*mat.Dense, shrink float64) ([]*mat.Dense, error) {
	a, err := signal.EuclideanAlignment(trials, shrink)
	if err != nil {
		return nil, err
	}
	out := make([]*mat.Dense, len(trials))
	for i, x := range trials {
		out[i] = a.Apply(x)
	}
	return out, nil
}

func alignOnline(trials []*mat.Dense, o *signal.OnlineAlignment) ([]*mat.Dense, error) {
	out := make([]*mat.Dense, len(trials))
	for i, x := range trials {
		var err error
		if out[i], err = o.Next(x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// shrinkage decides how much a mean covariance must be shrunk before it is inverted. A flat channel or two equal ones are refused; too few
// trials, or channels that depend on each other, are shrunk, with a warning.
func shrinkage(covariance *mat.SymDense, trials int, names []string) (shrink float64, warning string, err error) {
	const amount = 0.05
	var rank *signal.RankError
	switch err := signal.CheckRank(covariance, names); {
	case errors.As(err, &rank) && (rank.Cause == signal.FlatChannel || rank.Cause == signal.SameChannel):
		return 0, "", fmt.Errorf("no Euclidean alignment is possible: %w", err)
	case errors.As(err, &rank):
		return amount, fmt.Sprintf("%s; the reference covariance is shrunk by %g", err, amount), nil
	case err != nil:
		return 0, "", err
	}
	if channels := covariance.SymmetricDim(); trials < channels+1 {
		return amount, fmt.Sprintf("%d trials are few for %d channels: the reference covariance of Euclidean alignment is shrunk by %g", trials, channels, amount), nil
	}
	return 0, "", nil
}
