package ica

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// golden is what MNE-Python and scikit-learn compute; testdata/golden.py made it.
type golden struct {
	White [][]float64 // components by samples
	Runs  []struct {
		Extended         bool
		Rate             float64
		Iterations, Made int
		Weights          [][]float64
	}
	Start [][]float64
	Fast  []struct {
		Iterations, Made int
		Weights          [][]float64
	}
	Scores   []float64
	Outliers []int
}

func readGolden(t *testing.T) (g golden, data []float64) {
	t.Helper()
	file, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file, &g); err != nil {
		t.Fatal(err)
	}
	for i := range g.White[0] {
		for _, row := range g.White {
			data = append(data, row[i])
		}
	}
	return g, data
}

func compare(t *testing.T, what string, got *mat.Dense, want [][]float64, tol float64) {
	t.Helper()
	for i, row := range want {
		for j, v := range row {
			if !(math.Abs(got.At(i, j)-v) <= tol) {
				t.Fatalf("%s: weight %d,%d is %.12g, want %.12g", what, i, j, got.At(i, j), v)
			}
		}
	}
}

// With the same order of samples, every pass moves the weights as MNE-Python does.
func TestInfomaxAgreesWithMNE(t *testing.T) {
	g, data := readGolden(t)
	for _, c := range g.Runs {
		passes := 0
		run := infomax{data: data, samples: 500, n: 5, extended: c.Extended, maximum: c.Iterations, tolerance: 1e-12,
			rate: c.Rate, random: rand.New(rand.NewPCG(1, 1)),
			shuffle: func(n int) []int {
				passes++
				order := make([]int, n)
				for i := range order {
					order[i] = (7919*i + 31*passes) % n
				}
				return order
			}}
		rotation, made, _, err := run.fit()
		if err != nil {
			t.Fatal(err)
		}
		if made != c.Made {
			t.Errorf("%d passes were made, want %d", made, c.Made)
		}
		compare(t, "infomax", rotation, c.Weights, 1e-9)
	}
}

func TestFastICAAgreesWithScikitLearn(t *testing.T) {
	g, data := readGolden(t)
	start := mat.NewDense(5, 5, nil)
	for i, row := range g.Start {
		start.SetRow(i, row)
	}
	for _, c := range g.Fast {
		rotation, made, converged, err := fastICA(&whitened{components: 5, data: data, samples: 500}, start, c.Iterations, 1e-4)
		if err != nil {
			t.Fatal(err)
		}
		if made != c.Made || converged != (c.Iterations == 200) {
			t.Errorf("%d steps were made, want %d", made, c.Made)
		}
		compare(t, "FastICA", rotation, c.Weights, 1e-9)
	}
}

func TestOutliersAgreeWithMNE(t *testing.T) {
	g, _ := readGolden(t)
	if got := Outliers(g.Scores, 3); !slices.Equal(got, g.Outliers) {
		t.Errorf("outliers %v, want %v", got, g.Outliers)
	}
}
