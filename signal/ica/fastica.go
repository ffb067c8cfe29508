package ica

import (
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/gyrus-dev/gyrus/signal/lanes"
)

// fastICA rotates all components at once by fixed-point steps with the logarithm of the hyperbolic cosine for contrast.
func fastICA(w *whitened, start *mat.Dense, iterations int, tolerance float64) (rotation *mat.Dense, made int, converged bool, err error) {
	n := w.components
	current, err := decorrelated(start)
	if err != nil {
		return nil, 0, false, err
	}
	// Parts of a fixed size, added up in order, give the same sum however many processors there are.
	const part = 4096
	parts := (w.samples + part - 1) / part
	products := make([][]float64, parts)
	slopes := make([][]float64, parts)
	for p := range parts {
		products[p], slopes[p] = make([]float64, n*n), make([]float64, n)
	}
	for made < iterations {
		made++
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for p := range parts {
			group.Go(func() error {
				rows := min(part, w.samples-p*part)
				data := w.data[p*part*n : (p*part+rows)*n]
				u := make([]float64, rows*n)
				multiply(u, rows, n, n, kernel.View[float64]{Data: data, Row: n, Col: 1},
					kernel.View[float64]{Data: current.RawMatrix().Data, Row: 1, Col: n}, false)
				lanes.Tanh(u, u)
				multiply(products[p], n, n, rows, kernel.View[float64]{Data: u, Row: 1, Col: n},
					kernel.View[float64]{Data: data, Row: n, Col: 1}, false)
				clear(slopes[p])
				for t := range rows {
					for k, v := range u[t*n : (t+1)*n] {
						slopes[p][k] += 1 - v*v
					}
				}
				return nil
			})
		}
		_ = group.Wait() // no part of it can fail
		next := mat.NewDense(n, n, nil)
		for k := range n {
			row := next.RawRowView(k)
			slope := 0.0
			for p := range parts {
				slope += slopes[p][k]
				for j := range row {
					row[j] += products[p][k*n+j]
				}
			}
			for j := range row {
				row[j] = (row[j] - slope*current.At(k, j)) / float64(w.samples)
			}
		}
		if next, err = decorrelated(next); err != nil {
			return nil, made, false, err
		}
		change := 0.0
		for k := range n {
			dot := 0.0
			for j, v := range next.RawRowView(k) {
				dot += v * current.At(k, j)
			}
			change = max(change, math.Abs(math.Abs(dot)-1))
		}
		current = next
		if change < tolerance {
			return current, made, true, nil
		}
	}
	return current, made, false, nil
}

// decorrelated returns (w wᵀ)^{-1/2} w, the rotation nearest to w.
func decorrelated(w *mat.Dense) (*mat.Dense, error) {
	var svd mat.SVD
	if !svd.Factorize(w, mat.SVDThin) {
		return nil, fmt.Errorf("the components could not be made orthogonal; is the signal finite and of more than one component?")
	}
	var u, v, out mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	out.Mul(&u, v.T())
	return &out, nil
}
