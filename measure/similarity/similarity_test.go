package similarity_test

import (
	"math"
	"math/rand/v2"
	"strings"
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

func TestInvariances(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	x := normal(80, 6, rng)
	var rotated, mixed mat.Dense
	rotated.Mul(x, orthogonal(6, true, rng))
	rotated.Scale(3, &rotated)
	mixed.Mul(x, normal(6, 6, rng))
	other := normal(80, 6, rng)
	svcca := func(x, y mat.Matrix) (float64, error) { return similarity.SVCCA(x, y, 1) }
	for _, c := range []struct {
		name         string
		of           func(x, y mat.Matrix) (float64, error)
		same         float64 // of a representation and itself
		linear       bool    // whether any linear map leaves it as it is
		alien, reach float64 // of independent ones, and how far that may be off
	}{
		{"CKA", similarity.LinearCKA, 1, false, .07, .05},
		{"debiased CKA", similarity.DebiasedCKA, 1, false, 0, .05},
		{"Procrustes", similarity.Procrustes, 0, false, 1.23, .1},
		{"mean CCA", similarity.MeanCCA, 1, true, .2, .08},
		{"SVCCA", svcca, 1, true, .2, .08},
	} {
		for name, y := range map[string]*mat.Dense{"itself": x, "a rotation": &rotated} {
			if got, err := c.of(x, y); err != nil || math.Abs(got-c.same) > 1e-6 {
				t.Errorf("%s with %s is %v, %v, want %v", c.name, name, got, err, c.same)
			}
		}
		if got, err := c.of(x, &mixed); err != nil || (math.Abs(got-c.same) < 1e-6) != c.linear {
			t.Errorf("%s with a linear map is %v, %v", c.name, got, err)
		}
		if got, err := c.of(x, other); err != nil || math.Abs(got-c.alien) > c.reach {
			t.Errorf("%s of independent representations is %v, %v, want about %v", c.name, got, err, c.alien)
		}
	}
}

// Wide representations take the way over samples, which must give the same as that over units.
func TestWideRepresentations(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	x, y := normal(12, 60, rng), normal(12, 50, rng)
	var padded mat.Dense
	padded.Augment(y, mat.NewDense(12, 100, nil))
	biased, err := similarity.LinearCKA(x, y)
	again, err2 := similarity.LinearCKA(x, &padded)
	debiased, err3 := similarity.DebiasedCKA(x, y)
	if err != nil || err2 != nil || err3 != nil || math.Abs(biased-again) > 1e-12 {
		t.Errorf("CKA %v, with silent units %v; %v %v %v", biased, again, err, err2, err3)
	}
	if biased < .6 || math.Abs(debiased) > .3 {
		t.Errorf("of 12 samples of 60 independent units CKA is %v and the debiased %v; only the first should be large", biased, debiased)
	}
}

// A linear system seen through different random mixings of its state is the same system; another with other eigenvalues is not.
func TestDSASeesDynamicsNotGeometry(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	system := func(turn, decay float64) []*mat.Dense {
		mix := orthogonal(5, false, rng)
		var trials []*mat.Dense
		for range 6 {
			latent := mat.NewDense(60, 5, nil)
			x, y := rng.NormFloat64(), rng.NormFloat64()
			for t := range 60 {
				sin, cos := math.Sincos(turn)
				x, y = decay*(cos*x-sin*y), decay*(sin*x+cos*y)
				latent.SetRow(t, []float64{x, y, 0, 0, 0})
			}
			var seen mat.Dense
			seen.Mul(latent, mix)
			trials = append(trials, &seen)
		}
		return trials
	}
	model := similarity.DSA{Rank: 2}
	same, err := model.Distance(system(.3, .98), system(.3, .98))
	if err != nil {
		t.Fatal(err)
	}
	other, err := model.Distance(system(.3, .98), system(.6, .98))
	if err != nil {
		t.Fatal(err)
	}
	if same.Frobenius > .1 || other.Frobenius < .3 || same.Angle > .1 || other.Angle < .2 {
		t.Errorf("the same oscillator is %+v apart, one twice as fast %+v", same, other)
	}
}

func TestRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	x := normal(10, 3, rng)
	bad := mat.DenseCopyOf(x)
	bad.Set(4, 1, math.NaN())
	flat := mat.NewDense(10, 3, nil)
	var flatRank mat.Dense
	flatRank.Mul(normal(10, 1, rng), normal(1, 3, rng))
	of := func(_ any, err error) error { return err }
	for _, c := range []struct {
		name string
		err  error
		says string
	}{
		{"other samples", of(similarity.LinearCKA(x, normal(9, 3, rng))), "same samples"},
		{"NaN", of(similarity.Procrustes(x, bad)), "row 4, column 1 is NaN"},
		{"constant", of(similarity.MeanCCA(x, flat)), "constant"},
		{"few samples", of(similarity.DebiasedCKA(normal(3, 2, rng), normal(3, 2, rng))), "at least 4"},
		{"variance", of(similarity.SVCCA(x, x, 0)), "part above 0"},
		{"NaN states", of(similarity.DSA{Rank: 2}.Fit([]*mat.Dense{x, bad})), "trial 2"},
		{"unequal units", of(similarity.DSA{Rank: 2}.Fit([]*mat.Dense{x, normal(10, 4, rng)})), "4 units"},
		{"no rank", of(similarity.DSA{}.Fit([]*mat.Dense{x})), "rank 0"},
		{"long delays", of(similarity.DSA{Delays: 6, Rank: 3}.Fit([]*mat.Dense{x})), "fewer delays"},
		{"rank above that of the states", of(similarity.DSA{Rank: 2}.Fit([]*mat.Dense{&flatRank})), "of rank 1"},
		{"rank above the units", of(similarity.DSA{Rank: 4}.Fit([]*mat.Dense{x})), "3 coordinates"},
		{"maps of two ranks", of(similarity.DSA{}.Align(normal(2, 2, rng), normal(3, 3, rng))), "must be the same"},
		{"unequal width", of(similarity.PIF{}.Match(normal(3, 3, rng), normal(4, 4, rng))), "equal width"},
		{"not square", of(similarity.PIF{}.Match(x, x)), "square"},
		{"no trials", of(similarity.Stack(nil)), "no trials"},
		{"shape", of(similarity.Trials(make([]float32, 7), 1, 2, 3)), "7 values"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want %q in it", c.name, c.err, c.says)
		}
	}
}

func TestStackOfTrials(t *testing.T) {
	trials, err := similarity.Trials([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	all, err := similarity.Stack(trials)
	if err != nil || !mat.Equal(all, mat.NewDense(4, 2, []float64{1, 2, 3, 4, 5, 6, 7, 8})) {
		t.Errorf("%v, %v", all, err)
	}
}

func TestPIFSaysWhenItWasCutShort(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	a, b := normal(20, 20, rng), normal(20, 20, rng)
	for iterations, capped := range map[int]bool{1: true, 200: false} {
		got, err := similarity.PIF{Starts: 1, Iterations: iterations}.Match(a, b)
		if err != nil || got.Capped != capped {
			t.Errorf("%d iterations: capped is %v, %v", iterations, got.Capped, err)
		}
	}
}
