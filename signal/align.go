package signal

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// Alignment is a fixed linear map of the channels, such as Euclidean alignment makes for one person or session.
type Alignment struct {
	Reference *mat.SymDense // R, the covariance that the map turns into the identity
	Matrix    *mat.SymDense // R^{-1/2}
}

// EuclideanAlignment returns the alignment of He and Wu (Transfer learning for brain-computer interfaces: a Euclidean space data
// alignment approach, IEEE TBME 67(2), 2020): R is the mean covariance of a person's trials, and each trial X becomes R^{-1/2} X, so
// that the mean covariance of everyone's trials is the identity. Labels are not used.
//
// A shrink above 0 shrinks R first (see [Shrink]), for channels that are dependent or trials that are few.
func EuclideanAlignment(trials []*mat.Dense, shrink float64) (*Alignment, error) {
	r, err := MeanCovariance(trials)
	if err != nil {
		return nil, fmt.Errorf("aligning to the Euclidean mean: %w", err)
	}
	return newAlignment(Shrink(r, shrink))
}

func newAlignment(r *mat.SymDense) (*Alignment, error) {
	m, err := InverseSqrt(r)
	if err != nil {
		return nil, fmt.Errorf("aligning to the Euclidean mean: %w", err)
	}
	return &Alignment{Reference: r, Matrix: m}, nil
}

// Apply returns the aligned trial.
func (a *Alignment) Apply(trial *mat.Dense) *mat.Dense {
	var out mat.Dense
	out.Mul(a.Matrix, trial)
	return &out
}

// OnlineAlignment aligns trials in the order they arrive: each with the mean covariance of the trials so far, itself included, so
// that nothing of the future is used. The zero value is ready for the first trial.
type OnlineAlignment struct {
	Shrink float64 // see [EuclideanAlignment]
	// Prior, if given, is the mean covariance of PriorTrials trials that came before, such as a training session of the same person.
	Prior       *mat.SymDense
	PriorTrials int

	seen int
	sum  *mat.SymDense
}

// Next takes in the next trial and returns it aligned.
func (o *OnlineAlignment) Next(trial *mat.Dense) (*mat.Dense, error) {
	cov, err := Covariance(trial)
	if err != nil {
		return nil, fmt.Errorf("online Euclidean alignment, trial %d: %w", o.seen+1, err)
	}
	if o.sum == nil {
		o.sum = mat.NewSymDense(cov.SymmetricDim(), nil)
		if o.Prior != nil {
			o.sum = mat.NewSymDense(o.Prior.SymmetricDim(), nil)
			o.sum.ScaleSym(float64(o.PriorTrials), o.Prior)
			o.seen = o.PriorTrials
		}
	}
	if c, want := cov.SymmetricDim(), o.sum.SymmetricDim(); c != want {
		return nil, fmt.Errorf("online Euclidean alignment, trial %d: %d channels, the trials before it have %d", o.seen+1, c, want)
	}
	o.sum.AddSym(o.sum, cov)
	o.seen++
	var r mat.SymDense
	r.ScaleSym(1/float64(o.seen), o.sum)
	a, err := newAlignment(Shrink(&r, o.Shrink))
	if err != nil {
		return nil, fmt.Errorf("trial %d: %w", o.seen, err)
	}
	return a.Apply(trial), nil
}
