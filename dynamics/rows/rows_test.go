package rows

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// TestTiers compares sums and additions with plain Go, bit for bit, for all lengths up to beyond the widest blocks, and rows picked twice, on every tier of the processor.
func TestTiers(t *testing.T) {
	defer kernel.Use(kernel.Active())
	rng := rand.New(rand.NewPCG(1, 2))
	table := make([]float32, 3000)
	for i := range table {
		table[i] = float32(rng.NormFloat64())
	}
	for _, tier := range kernel.Tiers() {
		if err := kernel.Use(tier); err != nil {
			t.Fatal(err)
		}
		for n := range 520 {
			for _, picks := range []int{0, 1, 2, 7} {
				at := make([]uint32, picks)
				for i := range at {
					at[i] = uint32(rng.IntN(len(table) - n + 1))
				}
				if picks == 7 {
					at[3] = at[2]
				}
				x := make([]float32, n)
				for i := range x {
					x[i] = float32(rng.NormFloat64())
				}
				got, want := slices.Clone(x), slices.Clone(x)
				Sum(got, table, at)
				sumPortable(want, table, at)
				if !slices.Equal(got, want) {
					t.Fatalf("%v: a sum of %d rows of %d values differs", tier, picks, n)
				}
				for i := range at {
					at[i] = at[i] / uint32(max(n, 1)) * uint32(n)
				}
				got, want = slices.Clone(table), slices.Clone(table)
				Add(got, at, x)
				addPortable(want, at, x)
				if !slices.Equal(got, want) {
					t.Fatalf("%v: %d values added to %d rows differ", tier, n, picks)
				}
			}
		}
	}
}

// TestColumns does the same for sums column by column.
func TestColumns(t *testing.T) {
	defer kernel.Use(kernel.Active())
	rng := rand.New(rand.NewPCG(1, 2))
	const columns, stride, room = 9, 5, 7
	table := make([]float32, 500)
	for i := range table {
		table[i] = float32(rng.NormFloat64())
	}
	for _, tier := range kernel.Tiers() {
		if err := kernel.Use(tier); err != nil {
			t.Fatal(err)
		}
		for _, values := range []int{16, 32, 64} {
			at, counts, order := make([]uint16, columns*room), make([]uint16, columns), []uint16{}
			for i := range at {
				at[i] = uint16(rng.IntN(len(table) - values + 1))
			}
			for _, c := range rng.Perm(columns) {
				if counts[c] = uint16(rng.IntN(room + 1)); counts[c] > 0 {
					order = append(order, uint16(c))
				}
			}
			got := make([]float32, (columns-1)*stride+values)
			want := slices.Clone(got)
			Columns(values, got, stride, table, at, room, counts, order)
			for _, c := range order {
				starts := make([]uint32, counts[c])
				for i := range starts {
					starts[i] = uint32(at[int(c)*room+i])
				}
				sumPortable(want[int(c)*stride:][:values], table, starts)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%v: columns of %d values differ", tier, values)
			}
		}
	}
}

func TestOutside(t *testing.T) {
	for _, f := range []func(){
		func() { Sum(make([]float32, 5), make([]float32, 10), []uint32{0, 6}) },
		func() { Add(make([]float32, 10), []uint32{6, 0}, make([]float32, 5)) },
		func() {
			Columns(32, make([]float32, 36), 5, make([]float32, 32), make([]uint16, 2), 1, []uint16{1, 1}, []uint16{0})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a row outside the table was accepted")
				}
			}()
			f()
		}()
	}
}

func BenchmarkSum(b *testing.B) {
	for _, n := range []int{36, 208} {
		b.Run(map[int]string{36: "36 values", 208: "208 values"}[n], func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			table, acc := make([]float32, 450*n), make([]float32, n)
			at := make([]uint32, 600)
			for i := range at {
				at[i] = uint32(rng.IntN(450) * n)
			}
			for b.Loop() {
				Sum(acc, table, at)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/600, "ns/row")
		})
	}
}
