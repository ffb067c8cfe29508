// Package riemann works with covariances of trials as points of the curved space of positive definite matrices, where a mixing of the channels
// changes no distance.
//
//	covariances, err := signal.Covariances(trials)
//	mean, err := riemann.Mean(covariances)
//	space, err := riemann.NewTangentSpace(mean)
//	features := space.Features(covariances[0])      // for any linear classifier
//
// [Mean] is the affine-invariant mean, [Distance] the distance that goes with it (Barachant et al., IEEE Trans. Biomed. Eng. 59(4), 2012),
// [TangentSpace] the flat space around a point, and [MDM] classifies by the nearest mean.
//
// What may enter: geometry of covariances and what classifies by it alone. What must not: estimating covariances (package signal).
package riemann
