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

// Columns does, for each column c of order, Sum(acc[c*stride:][:values], table, at[c*room:][:counts[c]]). values must be 16, 32 or 64, and no count of
// a column of order 0. Rows that are few for each column and lie close together stay in the first-level cache, and a processor foresees where sums end
// when columns of equal counts follow one another. Only the first and the last columns are checked: that rows lie in the table, and columns of order
// among counts, is the caller's to see to.
func Columns(values int, acc []float32, stride int, table []float32, at []uint16, room int, counts, order []uint16) {
	n := len(counts)
	if len(order) == 0 {
		return
	}
	if values != 16 && values != 32 && values != 64 || stride < 0 || room < 0 || (n-1)*stride+values > len(acc) || n*room > len(at) || len(table) < values {
		panic(fmt.Errorf("rows: %d columns of %d values, %d apart, of %d, with room for %d rows each in %d", n, values, stride, len(acc), room, len(at)))
	}
	if !columns(values, acc, stride, table, at, room, counts, order) {
		columnsPortable(values, acc, stride, table, at, room, counts, order)
	}
}

func columnsPortable(values int, acc []float32, stride int, table []float32, at []uint16, room int, counts, order []uint16) {
	for _, c := range order {
		into := acc[int(c)*stride:][:values]
		for _, a := range at[int(c)*room:][:counts[c]] {
			for i, v := range table[a:][:values] {
				into[i] += v
			}
		}
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
