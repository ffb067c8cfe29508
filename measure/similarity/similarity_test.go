package similarity_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/measure/similarity"
)

func normal(rows, columns int, rng *rand.Rand) *mat.Dense {
	m := mat.NewDense(rows, columns, nil)
	for i := range rows {
		for j := range columns {
			m.Set(i, j, rng.NormFloat64())
		}
	}
	return m
}

// orthogonal draws a rotation, or its mirror image.
func orthogonal(n int, mirror bool, rng *rand.Rand) *mat.Dense {
	var qr mat.QR
	qr.Factorize(normal(n, n, rng))
	var q mat.Dense
	qr.QTo(&q)
	if (mat.Det(&q) < 0) != mirror {
		for j := range n {
			q.Set(0, j, -q.At(0, j))
		}
	}
	return &q
}

// permutedWeights returns w with its units in the order of p.
func permutedWeights(w *mat.Dense, p []int) *mat.Dense {
	n := len(p)
	out := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			out.Set(p[i], p[j], w.At(i, j))
		}
	}
	return out
}

func TestDSAFindsARotation(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, rank := range []int{1, 2, 4, 8} {
		for trial := range 10 {
			a := normal(rank, rank, rng)
			q := orthogonal(rank, trial%2 == 1, rng)
			var half, b mat.Dense
			half.Mul(q, a)
			b.Mul(&half, q.T())
			got, err := similarity.DSA{Rank: rank}.Align(a, &b)
			if err != nil {
				t.Fatal(err)
			}
			if got.Frobenius > 1e-2 || got.Angle > 1e-2 {
				t.Errorf("rank %d, trial %d: a map and its rotation are %.3g (angle %.3g) apart", rank, trial, got.Frobenius, got.Angle)
			}
			if rank > 2 {
				var d mat.Dense
				d.Sub(a, &b)
				if mat.Norm(&d, 2) < mat.Norm(a, 2) {
					t.Errorf("rank %d, trial %d: the rotation is so small that no search is needed", rank, trial)
				}
			}
		}
	}
}

func TestPIFFindsAPermutation(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for trial := range 10 {
		w := normal(32, 32, rng)
		p := rng.Perm(32)
		shuffled := permutedWeights(w, p)
		got, err := similarity.PIF{}.Match(w, shuffled)
		if err != nil {
			t.Fatal(err)
		}
		if got.Distance > 1e-3*mat.Norm(w, 2) {
			t.Errorf("trial %d: weights and their permutation are %.3g apart, of a norm of %.3g", trial, got.Distance, mat.Norm(w, 2))
		}
		var d mat.Dense
		d.Sub(w, shuffled)
		if mat.Norm(&d, 2) < mat.Norm(w, 2) {
			t.Errorf("trial %d: nothing to find", trial)
		}
	}
}

func BenchmarkAlign(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, rank := range []int{4, 8} {
		x, y := normal(rank, rank, rng), normal(rank, rank, rng)
		b.Run(string(rune('0'+rank)), func(b *testing.B) {
			for b.Loop() {
				if _, err := (similarity.DSA{}).Align(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	x, y := normal(64, 64, rng), normal(64, 64, rng)
	for b.Loop() {
		if _, err := (similarity.PIF{}).Match(x, y); err != nil {
			b.Fatal(err)
		}
	}
}

var _ = math.Pi
