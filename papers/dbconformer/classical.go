package dbconformer

import (
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
)

// cspLDA trains and tests common spatial patterns with a linear discriminant on their log-variance; it also returns the patterns.
func cspLDA(tr, te examples, shrink float64) (foldResult, *signal.CSP, error) {
	channels, _ := tr.trials[0].Dims()
	patterns, err := signal.FitCSP(tr.trials, tr.labels, min(6, channels), shrink)
	if err != nil {
		return foldResult{}, nil, err
	}
	r, err := discriminate(tr, te, patterns.Features, 2, 0)
	return r, patterns, err
}

// amplitudeLDA trains and tests a linear discriminant on each channel's mean in five stretches of the trial.
func amplitudeLDA(tr, te examples, classes int) (foldResult, error) {
	return discriminate(tr, te, func(x *mat.Dense) []float64 {
		channels, samples := x.Dims()
		n := min(5, samples)
		var out []float64
		for c := range channels {
			row := x.RawRowView(c)
			for k := range n {
				stretch := row[k*samples/n : (k+1)*samples/n]
				sum := 0.0
				for _, v := range stretch {
					sum += v
				}
				out = append(out, sum/float64(len(stretch)))
			}
		}
		return out
	}, classes, -1)
}

// discriminate trains and tests a linear discriminant on features of trials; for shrink see [signal.FitLDA].
func discriminate(tr, te examples, features func(*mat.Dense) []float64, classes int, shrink float64) (foldResult, error) {
	var rows [][]float64
	for _, x := range tr.trials {
		rows = append(rows, features(x))
	}
	lda, err := signal.FitLDA(rows, tr.labels, classes, shrink)
	if err != nil {
		return foldResult{}, err
	}
	r := foldResult{Truth: te.labels}
	for _, x := range te.trials {
		r.Predicted = append(r.Predicted, lda.Predict(features(x)))
	}
	return r, nil
}
