package rows

import "github.com/gyrus-dev/gyrus/compute/cpu/kernel"

//go:generate go run ./gen -out kernels_amd64.s -stubs kernels_amd64.go -pkg rows

// block is a kernel for so many values.
type block struct {
	values int
	sum    func(acc, table *float32, at *uint32, n int)
	add    func(table *float32, at *uint32, n int, x *float32)
}

var (
	blocks512 = []block{{64, sum4AVX512, add4AVX512}, {32, sum2AVX512, add2AVX512}, {16, sum1AVX512, add1AVX512}}
	blocks2   = []block{{32, sum4AVX2, add4AVX2}, {8, sum1AVX2, add1AVX2}}
)

func blocks() []block {
	switch kernel.Active() {
	case kernel.AVX512:
		return blocks512
	case kernel.AVX2:
		return blocks2
	}
	return nil
}

func sum(acc, table []float32, at []uint32) {
	done := 0
	for _, b := range blocks() {
		for ; len(acc)-done >= b.values; done += b.values {
			b.sum(&acc[done], &table[done], &at[0], len(at))
		}
	}
	if rest := acc[done:]; len(rest) > 0 {
		if kernel.Active() == kernel.AVX512 {
			sumTailAVX512(&acc[done], &table[done], &at[0], len(at), 1<<len(rest)-1)
		} else {
			sumPortable(rest, table[done:], at)
		}
	}
}

func add(table []float32, at []uint32, x []float32) {
	done := 0
	for _, b := range blocks() {
		for ; len(x)-done >= b.values; done += b.values {
			b.add(&table[done], &at[0], len(at), &x[done])
		}
	}
	if rest := x[done:]; len(rest) > 0 {
		if kernel.Active() == kernel.AVX512 {
			addTailAVX512(&table[done], &at[0], len(at), &x[done], 1<<len(rest)-1)
		} else {
			addPortable(table[done:], at, rest)
		}
	}
}

func columns(values int, acc []float32, stride int, table []float32, at []uint16, room int, counts, order []uint16) bool {
	var run func(acc *float32, stride int, table *float32, at *uint16, room int, counts, order *uint16, n int)
	switch tier := kernel.Active(); {
	case tier == kernel.AVX512 && values == 64:
		run = columns4AVX512
	case tier == kernel.AVX512 && values == 32:
		run = columns2AVX512
	case tier == kernel.AVX512:
		run = columns1AVX512
	case tier == kernel.AVX2 && values == 64:
		run = columns8AVX2
	case tier == kernel.AVX2 && values == 32:
		run = columns4AVX2
	case tier == kernel.AVX2:
		run = columns2AVX2
	default:
		return false
	}
	run(&acc[0], stride, &table[0], &at[0], room, &counts[0], &order[0], len(order))
	return true
}
