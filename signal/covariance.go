package signal

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// Covariance returns the covariance of the channels of a trial (channels by samples), each channel's mean over time removed,
// divided by the number of samples less one.
func Covariance(trial *mat.Dense) (*mat.SymDense, error) {
	channels, samples := trial.Dims()
	if samples < 2 {
		return nil, fmt.Errorf("the trial has %d samples; a covariance needs at least 2", samples)
	}
	centred := make([]float64, channels*samples)
	for c := range channels {
		row := centred[c*samples : (c+1)*samples]
		copy(row, trial.RawRowView(c))
		floats.AddConst(-floats.Sum(row)/float64(samples), row)
	}
	product := make([]float64, channels*channels)
	g := kernel.GEMM[float64]{M: channels, N: channels, K: samples, C: product, LDC: channels,
		A: kernel.View[float64]{Data: centred, Row: samples, Col: 1}, B: kernel.View[float64]{Data: centred, Row: 1, Col: samples}}
	g.Run(kernel.Serial{})
	floats.Scale(1/float64(samples-1), product)
	cov := mat.NewSymDense(channels, product) // which reads one triangle
	for c := range channels {
		if v := cov.At(c, c); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("channel %d holds a value that is not a finite number", c+1)
		}
	}
	return cov, nil
}

// Covariances returns the covariance of each trial. All trials must have the same channels; they may differ in length.
func Covariances(trials []*mat.Dense) ([]*mat.SymDense, error) {
	if len(trials) == 0 {
		return nil, fmt.Errorf("no trials to take a covariance of")
	}
	channels, _ := trials[0].Dims()
	out, failed := make([]*mat.SymDense, len(trials)), make([]error, len(trials))
	parallel(len(trials), func(i int) {
		if c, _ := trials[i].Dims(); c != channels {
			failed[i] = fmt.Errorf("trial %d has %d channels, the first has %d", i+1, c, channels)
			return
		}
		if out[i], failed[i] = Covariance(trials[i]); failed[i] != nil {
			failed[i] = fmt.Errorf("trial %d: %w", i+1, failed[i])
		}
	})
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// MeanCovariance returns the mean of the trials' covariances. All trials must have the same channels; they may differ in length.
func MeanCovariance(trials []*mat.Dense) (*mat.SymDense, error) {
	covariances, err := Covariances(trials)
	if err != nil {
		return nil, err
	}
	mean := mat.NewSymDense(covariances[0].SymmetricDim(), nil)
	for _, cov := range covariances {
		mean.AddSym(mean, cov)
	}
	mean.ScaleSym(1/float64(len(trials)), mean)
	return mean, nil
}

// Shrink returns (1-amount)·cov + amount·m·I, where m is the mean variance of the channels: the same total power, with every direction
// kept from vanishing. The amount is between 0 and 1.
func Shrink(cov *mat.SymDense, amount float64) *mat.SymDense {
	n := cov.SymmetricDim()
	var out mat.SymDense
	out.ScaleSym(1-amount, cov)
	m := amount * mat.Trace(cov) / float64(n)
	for c := range n {
		out.SetSym(c, c, out.At(c, c)+m)
	}
	return &out
}

// eigenFloor is the smallest eigenvalue that is believed, as a part of the mean eigenvalue.
const eigenFloor = 1e-6

// InverseSqrt returns the symmetric R^{-1/2}. Eigenvalues below 1e-6 of the mean eigenvalue (the trace over the number of channels) are
// raised to that, so that a direction in which there is no signal is not blown up without bound.
func InverseSqrt(r *mat.SymDense) (*mat.SymDense, error) {
	n := r.SymmetricDim()
	var eig mat.EigenSym
	if !eig.Factorize(r, true) {
		return nil, fmt.Errorf("the eigenvalues of a %d x %d covariance did not converge", n, n)
	}
	floor := eigenFloor * mat.Trace(r) / float64(n)
	if !(floor > 0) {
		return nil, fmt.Errorf("the covariance has no power: every channel is flat")
	}
	var vectors mat.Dense
	eig.VectorsTo(&vectors)
	scaled := mat.NewDense(n, n, nil)
	for j, v := range eig.Values(nil) {
		s := math.Pow(max(v, floor), -0.25)
		for i := range n {
			scaled.Set(i, j, vectors.At(i, j)*s)
		}
	}
	var out mat.SymDense
	out.SymOuterK(1, scaled)
	return &out, nil
}

// RankError says that a covariance is singular and which channels make it so.
type RankError struct {
	Cause    RankCause
	Channels []int // zero-based: the flat channel; the two alike; all that sum to zero; or the one most nearly a mixture of the others
	Names    []string
}

// RankCause is the reason why a covariance is singular.
type RankCause int

// The causes, in the order CheckRank looks for them.
const (
	FlatChannel      RankCause = iota // a channel does not move
	SameChannel                       // two channels carry the same signal, up to scale
	AverageReference                  // the channels sum to zero at every sample
	Dependent                         // a channel is a mixture of the others
)

func (e *RankError) Error() string {
	switch e.Cause {
	case FlatChannel:
		return fmt.Sprintf("channel %s is flat: leave it out", e.Names[0])
	case SameChannel:
		return fmt.Sprintf("channels %s and %s carry the same signal: leave one out", e.Names[0], e.Names[1])
	case AverageReference:
		return fmt.Sprintf("the %d channels sum to zero (average reference), so that one of them, such as %s, is told by the others",
			len(e.Names), e.Names[len(e.Names)-1])
	}
	return fmt.Sprintf("channel %s is a mixture of other channels", e.Names[0])
}

// CheckRank returns a *RankError if the covariance is singular, and nil if it is not. Names are used in its message; without
// them channels are counted from 1.
func CheckRank(cov *mat.SymDense, names []string) error {
	n := cov.SymmetricDim()
	const tiny = 1e-10
	fail := func(cause RankCause, channels ...int) error {
		e := &RankError{Cause: cause, Channels: channels}
		for _, c := range channels {
			if len(names) == n {
				e.Names = append(e.Names, names[c])
			} else {
				e.Names = append(e.Names, fmt.Sprint(c+1))
			}
		}
		return e
	}
	largest := 0.0
	for c := range n {
		largest = max(largest, cov.At(c, c))
	}
	for c := range n {
		if cov.At(c, c) <= tiny*largest {
			return fail(FlatChannel, c)
		}
	}
	// Scale does not matter to rank, but it does to rounding: go on with correlations.
	corr := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			corr.SetSym(i, j, cov.At(i, j)/math.Sqrt(cov.At(i, i)*cov.At(j, j)))
			if j > i && math.Abs(corr.At(i, j)) >= 1-tiny {
				return fail(SameChannel, i, j)
			}
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(corr, true) {
		return fmt.Errorf("the eigenvalues of a %d x %d covariance did not converge", n, n)
	}
	if eig.Values(nil)[0] > tiny {
		return nil
	}
	all, sum := make([]int, n), 0.0
	for i := range n {
		all[i] = i
		for j := range n {
			sum += cov.At(i, j)
		}
	}
	if sum <= tiny*mat.Trace(cov) {
		return fail(AverageReference, all...)
	}
	var vectors mat.Dense
	eig.VectorsTo(&vectors)
	worst := 0
	for c := range n {
		if math.Abs(vectors.At(c, 0)) > math.Abs(vectors.At(worst, 0)) {
			worst = c
		}
	}
	return fail(Dependent, worst)
}
