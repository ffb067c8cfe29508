package semanticlearning

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal/ica"
)

// encoder is what a baseline has learnt: the answers of its units to a picture.
type encoder func(pixels []bool) []float64

func number(pixels []bool) []float64 {
	x := make([]float64, len(pixels))
	for i, on := range pixels {
		if on {
			x[i] = 1
		}
	}
	return x
}

// matrix has a column for each picture, [pixels, pictures].
func matrix(pictures []picture) *mat.Dense {
	m := mat.NewDense(len(pictures[0].pixels), len(pictures), nil)
	for j, p := range pictures {
		m.SetCol(j, number(p.pixels))
	}
	return m
}

// fastICA finds independent components that add up, which bars do not. Each is turned so that its largest weight is positive, and answers by how far
// its source is from that of an empty picture.
func fastICA(pictures []picture, units int, seed uint64) (encoder, error) {
	found, err := ica.Fit(matrix(pictures), ica.Options{Components: units, Iterations: 1000, Seed: seed})
	if err != nil {
		return nil, err
	}
	rows, columns := found.Unmixing.Dims()
	w := mat.DenseCopyOf(found.Unmixing)
	for k := range rows {
		column := mat.Col(nil, k, found.Mixing) // how the component shows in the picture
		if column[floats.MaxIdx(absolute(column))] < 0 {
			for j := range columns {
				w.Set(k, j, -w.At(k, j))
			}
		}
	}
	return func(pixels []bool) []float64 {
		out := mat.NewVecDense(rows, nil)
		out.MulVec(w, mat.NewVecDense(columns, number(pixels)))
		return out.RawVector().Data
	}, nil
}

func absolute(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.Abs(v)
	}
	return out
}

// nmf factors pictures into parts without negative values, which add up, by the multiplicative updates of Lee and Seung (2001) for squared errors.
func nmf(pictures []picture, units, iterations int, rng *rand.Rand) encoder {
	x := matrix(pictures)
	pixels, n := x.Dims()
	random := func(rows, columns int) *mat.Dense {
		data := make([]float64, rows*columns)
		for i := range data {
			data[i] = rng.Float64()
		}
		return mat.NewDense(rows, columns, data)
	}
	w, h := random(pixels, units), random(units, n)
	for range iterations {
		updateCodes(x, w, h)
		var up, square, down mat.Dense
		up.Mul(x, h.T())
		square.Mul(h, h.T())
		down.Mul(w, &square)
		multiply(w, &up, &down)
		for k := range units { // parts of length 1: the codes carry the size
			if length := mat.Norm(w.ColView(k), 2); length > 0 {
				for i := range pixels {
					w.Set(i, k, w.At(i, k)/length)
				}
			}
		}
	}
	return func(picture []bool) []float64 {
		codes := mat.NewDense(units, 1, nil)
		for k := range units {
			codes.Set(k, 0, 1)
		}
		column := mat.NewDense(pixels, 1, number(picture))
		for range 200 {
			updateCodes(column, w, codes)
		}
		return codes.RawMatrix().Data
	}
}

// updateCodes does one update of h for x ≈ w h.
func updateCodes(x, w, h *mat.Dense) {
	var up, square, down mat.Dense
	up.Mul(w.T(), x)
	square.Mul(w.T(), w)
	down.Mul(&square, h)
	multiply(h, &up, &down)
}

// multiply scales a by up/down, value by value.
func multiply(a, up, down *mat.Dense) {
	a.Apply(func(i, j int, v float64) float64 { return v * up.At(i, j) / (down.At(i, j) + 1e-12) }, a)
}

// competitive is units of which the one nearest to a picture moves towards it, with a conscience that holds back who wins too often (DeSieno 1988).
// Empty pictures teach nothing. Units answer by the overlap with their weights.
func competitive(pictures []picture, units int, rng *rand.Rand) encoder {
	const conscience, memory = 10, 1e-3
	pixels := len(pictures[0].pixels)
	w, often := make([][]float64, units), make([]float64, units)
	for k := range w {
		w[k] = make([]float64, pixels)
		for i := range w[k] {
			w[k][i] = .02 * rng.Float64()
		}
		often[k] = 1 / float64(units)
	}
	for t, p := range pictures {
		x := number(p.pixels)
		if floats.Sum(x) == 0 {
			continue
		}
		rate := .05 + (.005-.05)*float64(t)/float64(len(pictures))
		best, least := 0, math.Inf(1)
		for k := range w {
			d := floats.Distance(w[k], x, 2)
			if d = d*d - conscience*(1/float64(units)-often[k]); d < least {
				best, least = k, d
			}
		}
		for k := range often {
			often[k] *= 1 - memory
		}
		often[best] += memory
		for i := range x {
			w[best][i] += rate * (x[i] - w[best][i])
		}
	}
	return func(pixels []bool) []float64 {
		out, x := make([]float64, units), number(pixels)
		for k := range w {
			out[k] = floats.Dot(w[k], x)
		}
		return out
	}
}

// matchOf is the part of the pictures of one bar in which that is the best bar of the unit that answers most.
func matchOf(e encoder, pictures []picture, best []int) float64 {
	right, all := 0, 0
	for _, p := range pictures {
		if p.bar >= 0 {
			all++
			if best[floats.MaxIdx(e(p.pixels))] == p.bar {
				right++
			}
		}
	}
	return float64(right) / float64(all)
}
