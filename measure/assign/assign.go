package assign

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Least gives each row of cost a column so that no column is taken twice and the sum of the costs is least. Where there are more rows than columns,
// the rows left over have column -1. A cost of +Inf forbids a pair; NaN and -Inf are refused, and so is a table that leaves no assignment.
//
// It is the Hungarian method with shortest augmenting paths, O(rows²·columns) (Jonker & Volgenant, "A shortest augmenting path algorithm for dense and
// sparse linear assignment problems", Computing 38, 1987; D. F. Crouse, 2016).
func Least(cost mat.Matrix) (columns []int, total float64, err error) {
	rows, cols := cost.Dims()
	turned := rows > cols
	n, m := rows, cols
	if turned {
		n, m = cols, rows
	}
	table := make([]float64, n*m)
	for i := range rows {
		for j := range cols {
			c := cost.At(i, j)
			if math.IsNaN(c) || math.IsInf(c, -1) {
				return nil, 0, fmt.Errorf("the cost of row %d and column %d is %v; costs must be numbers, or +Inf for a pair that may not be", i, j, c)
			}
			if turned {
				table[j*m+i] = c
			} else {
				table[i*m+j] = c
			}
		}
	}
	taken, ok := solve(table, n, m)
	if !ok {
		return nil, 0, fmt.Errorf("no assignment of %d rows to %d columns has finite cost: too many pairs are forbidden", rows, cols)
	}
	if turned {
		columns = make([]int, rows)
		for i := range columns {
			columns[i] = -1
		}
		for j, i := range taken {
			columns[i] = j
		}
	} else {
		columns = taken
	}
	for i, j := range columns {
		if j >= 0 {
			total += cost.At(i, j)
		}
	}
	return columns, total, nil
}

// Greatest is Least for gains instead of costs: the sum is greatest, and -Inf forbids a pair.
func Greatest(gain mat.Matrix) (columns []int, total float64, err error) {
	var negative mat.Dense
	negative.Scale(-1, gain)
	columns, total, err = Least(&negative)
	return columns, -total, err
}

// solve assigns n ≤ m rows of a row-major table. Rows enter one by one; each takes the shortest path to a free column, in costs reduced by the
// potentials u and v, under which all pairs cost at least 0 and those assigned exactly 0.
func solve(table []float64, n, m int) (columnOf []int, ok bool) {
	u, v := make([]float64, n), make([]float64, m)
	columnOf = make([]int, n)
	rowOf, from := make([]int, m), make([]int, m) // -1 for a free column; the row from which a column is reached
	distance := make([]float64, m)
	open, closed := make([]int, m), make([]int, 0, m) // columns not yet reached for good, and those that are
	for j := range rowOf {
		rowOf[j] = -1
	}
	for start := range n {
		open, closed = open[:m], closed[:0]
		for j := range open {
			open[j], distance[j] = j, math.Inf(1)
		}
		row, reached, free := start, 0.0, -1
		for free < 0 {
			costs := table[row*m : (row+1)*m]
			base := reached - u[row]
			least, at := math.Inf(1), -1
			for k, j := range open {
				if d := base + costs[j] - v[j]; d < distance[j] {
					distance[j], from[j] = d, row
				}
				// Of equals a free column ends the search at once.
				if d := distance[j]; d < least || d == least && at >= 0 && rowOf[j] < 0 {
					least, at = d, k
				}
			}
			if at < 0 {
				return nil, false
			}
			reached = least
			j := open[at]
			open[at] = open[len(open)-1]
			open = open[:len(open)-1]
			if rowOf[j] < 0 {
				free = j
			} else {
				closed = append(closed, j)
				row = rowOf[j]
			}
		}
		u[start] += reached
		for _, j := range closed {
			u[rowOf[j]] += reached - distance[j]
			v[j] -= reached - distance[j]
		}
		for j := free; ; {
			i := from[j]
			rowOf[j] = i
			columnOf[i], j = j, columnOf[i]
			if i == start {
				break
			}
		}
	}
	return columnOf, true
}
