package rows

import "fmt"

// Sum adds to acc, for each i in order, the len(acc) values of table that begin at at[i]. Every value of acc is summed in that order, so that the
// result does not depend on the processor.
func Sum(acc, table []float32, at []uint32) {
	check(len(acc), table, at)
	if len(acc) > 0 && len(at) > 0 {
		sum(acc, table, at)
	}
}

// Add adds x, for each i in order, to the len(x) values of table that begin at at[i]. Rows may be picked several times, but must not overlap otherwise.
func Add(table []float32, at []uint32, x []float32) {
	check(len(x), table, at)
	if len(x) > 0 && len(at) > 0 {
		add(table, at, x)
	}
}

// check panics when a row does not lie in the table, as an index out of range does.
func check(n int, table []float32, at []uint32) {
	last := uint32(0)
	for _, a := range at {
		last = max(last, a)
	}
	if len(at) > 0 && int(last)+n > len(table) {
		panic(fmt.Errorf("rows: %d values from %d on do not lie in a table of %d", n, last, len(table)))
	}
}

func sumPortable(acc, table []float32, at []uint32) {
	for _, a := range at {
		row := table[a:][:len(acc)]
		for i, v := range row {
			acc[i] += v
		}
	}
}

func addPortable(table []float32, at []uint32, x []float32) {
	for _, a := range at {
		row := table[a:][:len(x)]
		for i, v := range x {
			row[i] += v
		}
	}
}
