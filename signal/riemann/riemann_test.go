package riemann_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal/riemann"
)

// golden is what pyRiemann computes; testdata/golden.py made it.
type golden struct {
	Sets []struct {
		Covs              [][][]float64
		Labels, Predicted []int
		Mean, Log_mean    [][]float64
		Distances         []float64
		Features, MDM     [][]float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func sym(rows [][]float64) *mat.SymDense {
	m := mat.NewSymDense(len(rows), nil)
	for i, row := range rows {
		for j := i; j < len(rows); j++ {
			m.SetSym(i, j, row[j])
		}
	}
	return m
}

func TestAgreesWithPyRiemann(t *testing.T) {
	for _, s := range readGolden(t).Sets {
		var covs []*mat.SymDense
		for _, rows := range s.Covs {
			covs = append(covs, sym(rows))
		}
		mean, err := riemann.Mean(covs)
		if err != nil {
			t.Fatal(err)
		}
		if !mat.EqualApprox(mean, sym(s.Mean), 1e-7) {
			t.Errorf("%d channels: the mean differs", mean.SymmetricDim())
		}
		log, err := riemann.LogEuclideanMean(covs)
		if err != nil {
			t.Fatal(err)
		}
		if !mat.EqualApprox(log, sym(s.Log_mean), 1e-9) {
			t.Errorf("%d channels: the log-Euclidean mean differs", mean.SymmetricDim())
		}
		space, err := riemann.NewTangentSpace(sym(s.Mean))
		if err != nil {
			t.Fatal(err)
		}
		mdm, err := riemann.FitMDM(covs, s.Labels, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range covs {
			d, err := riemann.Distance(covs[0], c)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(d-s.Distances[i]) > 1e-7 { // of a point from itself only the root of rounding remains
				t.Errorf("distance %d is %g, want %g", i, d, s.Distances[i])
			}
			features, err := space.Features(c)
			if err != nil {
				t.Fatal(err)
			}
			if !floats.EqualApprox(features, s.Features[i], 1e-9) {
				t.Errorf("features of %d are %v, want %v", i, features, s.Features[i])
			}
			back, err := space.Covariance(features)
			if err != nil {
				t.Fatal(err)
			}
			if !mat.EqualApprox(back, c, 1e-9) {
				t.Errorf("covariance %d did not come back from its features", i)
			}
			distances, err := mdm.Distances(c)
			if err != nil {
				t.Fatal(err)
			}
			if !floats.EqualApprox(distances, s.MDM[i], 1e-7) {
				t.Errorf("distances of %d from the class means are %v, want %v", i, distances, s.MDM[i])
			}
			if class, err := mdm.Predict(c); err != nil || class != s.Predicted[i] {
				t.Errorf("class of %d is %d (%v), want %d", i, class, err, s.Predicted[i])
			}
		}
	}
}

// Mixing the channels moves the mean along and changes no distance.
func TestMixingChangesNoDistance(t *testing.T) {
	s := readGolden(t).Sets[1]
	rng := rand.New(rand.NewPCG(1, 1))
	a := mat.NewDense(4, 4, nil)
	a.Apply(func(i, j int, _ float64) float64 { return rng.NormFloat64() }, a)
	var plain, mixed []*mat.SymDense
	mix := func(c *mat.SymDense) *mat.SymDense {
		var half, full mat.Dense
		half.Mul(a, c)
		full.Mul(&half, a.T())
		rows := make([][]float64, 4)
		for i := range rows {
			rows[i] = full.RawRowView(i)
		}
		return sym(rows)
	}
	for _, rows := range s.Covs {
		plain = append(plain, sym(rows))
		mixed = append(mixed, mix(sym(rows)))
	}
	before, err := riemann.Distance(plain[0], plain[1])
	if err != nil {
		t.Fatal(err)
	}
	after, err := riemann.Distance(mixed[0], mixed[1])
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(before-after) > 1e-8 {
		t.Errorf("the distance is %g, and %g once mixed", before, after)
	}
	m1, err := riemann.Mean(plain)
	if err != nil {
		t.Fatal(err)
	}
	m2, err := riemann.Mean(mixed)
	if err != nil {
		t.Fatal(err)
	}
	if !mat.EqualApprox(mix(m1), m2, 1e-6) {
		t.Error("the mean does not move along with the mixing")
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	check := func(err error, says ...string) {
		t.Helper()
		for _, s := range says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("error %v does not say %q", err, s)
			}
		}
	}
	good := sym([][]float64{{2, 0.5}, {0.5, 1}})
	flat := sym([][]float64{{1, 1}, {1, 1}})
	nan := sym([][]float64{{math.NaN(), 0}, {0, 1}})
	three := sym([][]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}})
	_, err := riemann.Mean([]*mat.SymDense{good, flat})
	check(err, "covariance 2", "not positive definite", "Shrink")
	_, err = riemann.Mean(nil)
	check(err, "no covariances")
	_, err = riemann.Mean([]*mat.SymDense{good, three})
	check(err, "covariance 2 is of 3 channels, the first of 2")
	_, err = riemann.Mean([]*mat.SymDense{nan})
	if err == nil {
		t.Error("a mean of NaN is no error")
	}
	_, err = riemann.LogEuclideanMean([]*mat.SymDense{flat})
	check(err, "covariance 1", "not positive definite")
	_, err = riemann.NewTangentSpace(flat)
	check(err, "not positive definite")
	_, err = riemann.Distance(good, three)
	check(err, "3 channels")
	space, err := riemann.NewTangentSpace(good)
	if err != nil {
		t.Fatal(err)
	}
	_, err = space.Features(three)
	check(err, "3 channels")
	_, err = space.Covariance([]float64{1})
	check(err, "1 features, expected the 3 of 2 channels")
	_, err = riemann.FitMDM([]*mat.SymDense{good, good}, []int{0, 2}, 2)
	check(err, "trial 2 has label 2")
	_, err = riemann.FitMDM([]*mat.SymDense{good, good}, []int{0, 0}, 2)
	check(err, "no trial of class 1")
	_, err = riemann.FitMDM([]*mat.SymDense{good}, []int{0, 0}, 2)
	check(err, "1 covariances but 2 labels")
}

func ExampleTangentSpace() {
	covariances := []*mat.SymDense{mat.NewSymDense(2, []float64{4, 0, 0, 1}), mat.NewSymDense(2, []float64{1, 0, 0, 1})}
	mean, err := riemann.Mean(covariances)
	if err != nil {
		fmt.Println(err)
		return
	}
	space, err := riemann.NewTangentSpace(mean)
	if err != nil {
		fmt.Println(err)
		return
	}
	features, err := space.Features(covariances[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f around a mean of\n%.1f\n", features, mat.Formatted(mean))
	// Output:
	// [0.693 0.000 0.000] around a mean of
	// ⎡2.0  0.0⎤
	// ⎣0.0  1.0⎦
}

func ExampleMDM() {
	covariances := []*mat.SymDense{mat.NewSymDense(2, []float64{4, 0, 0, 1}), mat.NewSymDense(2, []float64{1, 0, 0, 4})}
	nearest, err := riemann.FitMDM(covariances, []int{0, 1}, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	class, err := nearest.Predict(mat.NewSymDense(2, []float64{1, 0.1, 0.1, 3}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("class", class)
	// Output: class 1
}
