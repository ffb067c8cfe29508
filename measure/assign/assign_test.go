package assign_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/measure/assign"
)

// exhaustive returns the least cost over all assignments of rows ≤ columns.
func exhaustive(cost *mat.Dense, row int, taken []bool) float64 {
	rows, columns := cost.Dims()
	if row == rows {
		return 0
	}
	least := math.Inf(1)
	for j := range columns {
		if !taken[j] {
			taken[j] = true
			least = min(least, cost.At(row, j)+exhaustive(cost, row+1, taken))
			taken[j] = false
		}
	}
	return least
}

func TestLeastAgainstAllAssignments(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := range 400 {
		rows, columns := 1+rng.IntN(6), 1+rng.IntN(6)
		cost := mat.NewDense(rows, columns, nil)
		for i := range rows {
			for j := range columns {
				switch {
				case trial%3 == 0:
					cost.Set(i, j, float64(rng.IntN(4))) // ties
				case trial%3 == 1 && rng.Float64() < .3:
					cost.Set(i, j, math.Inf(1))
				default:
					cost.Set(i, j, rng.NormFloat64())
				}
			}
		}
		wide := cost
		if rows > columns {
			wide = mat.DenseCopyOf(cost.T())
		}
		_, n := wide.Dims()
		want := exhaustive(wide, 0, make([]bool, n))
		got, total, err := assign.Least(cost)
		if math.IsInf(want, 1) {
			if err == nil {
				t.Fatalf("%v: an assignment %v where none is allowed", mat.Formatted(cost), got)
			}
			continue
		}
		if err != nil || math.Abs(total-want) > 1e-12 {
			t.Fatalf("%v: total %v, %v, want %v", mat.Formatted(cost), total, err, want)
		}
		seen, sum := map[int]bool{}, 0.0
		for i, j := range got {
			if j < 0 {
				continue
			}
			if seen[j] {
				t.Fatalf("column %d is taken twice in %v", j, got)
			}
			seen[j], sum = true, sum+cost.At(i, j)
		}
		if len(seen) != min(rows, columns) || math.Abs(sum-total) > 1e-12 {
			t.Fatalf("%v: %d rows assigned at cost %v, said to be %v", mat.Formatted(cost), len(seen), sum, total)
		}
	}
}

// The table and its optimum are those of testdata/golden.py: SciPy's linear_sum_assignment on a table that both sides make from the same formula.
func TestLeastAgainstSciPy(t *testing.T) {
	for _, c := range []struct {
		rows, columns int
		want          float64
		first         []int
	}{
		{40, 60, wantWide, firstWide},
		{200, 200, wantSquare, firstSquare},
	} {
		cost := mat.NewDense(c.rows, c.columns, nil)
		for i := range c.rows {
			for j := range c.columns {
				cost.Set(i, j, float64((i*i*7919+j*j*104729+i*j*31)%10007)/10007)
			}
		}
		got, total, err := assign.Least(cost)
		if err != nil || math.Abs(total-c.want) > 1e-9 {
			t.Errorf("%d x %d: %v, %v, SciPy finds %v", c.rows, c.columns, total, err, c.want)
		}
		if !slices.Equal(got[:len(c.first)], c.first) {
			t.Errorf("%d x %d: first columns %v, SciPy's are %v", c.rows, c.columns, got[:len(c.first)], c.first)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(-1)} {
		if _, _, err := assign.Least(mat.NewDense(2, 2, []float64{1, 2, v, 3})); err == nil {
			t.Errorf("a cost of %v is taken", v)
		}
	}
}

func BenchmarkLeast(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	cost := mat.NewDense(128, 128, nil)
	for i := range 128 {
		for j := range 128 {
			cost.Set(i, j, rng.NormFloat64())
		}
	}
	for b.Loop() {
		if _, _, err := assign.Least(cost); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleLeast() {
	cost := mat.NewDense(3, 3, []float64{
		4, 1, 3,
		2, 0, 5,
		3, 2, 2,
	})
	columns, total, err := assign.Least(cost)
	fmt.Println(columns, total, err)
	// Output: [1 0 2] 5 <nil>
}
