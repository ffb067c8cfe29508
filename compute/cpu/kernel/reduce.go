package kernel

import (
	"fmt"
	"math"
	"math/bits"
	"sync"
)

// A ReduceOp folds many numbers into one.
type ReduceOp uint8

// The reductions. Over no elements they give 0, 1, the lowest and the highest value of the type.
const (
	Sum ReduceOp = iota
	Product
	Maximum // NaN if any element is; +0 is above -0
	Minimum // NaN if any element is; -0 is below +0
	numReduce
)

var reduceNames = [numReduce]string{"sum", "product", "maximum", "minimum"}

// String returns the reduction's name in lower case.
func (op ReduceOp) String() string {
	if op < numReduce {
		return reduceNames[op]
	}
	return fmt.Sprintf("ReduceOp(%d)", uint8(op))
}

// Every floating-point reduction has one order of evaluation, whatever the tier and the number of workers:
//
//   - a run of up to blockLength consecutive elements is dealt out to 256/(bytes of an element) lanes in turn, each lane folds its
//     elements from first to last, and the lanes fold in halves, lane i with lane i+half;
//   - a longer run is cut at the largest power-of-two multiple of blockLength below its length, and the two sides fold by this rule;
//   - columns of a matrix fold from the first row to the last in blocks of blockRows rows, and the blocks' results again by this rule.
const (
	blockLength = 4096
	blockRows   = 256
	laneBytes   = 256
	// pieceLength is what one worker takes of a long run: a subtree of the rule above.
	pieceLength = 16 * blockLength
)

// reduceKernels are the floating-point reductions of one block.
type reduceKernels[T Float] struct {
	// run folds up to blockLength elements.
	run [numReduce]func(x []T) T
	// columns folds the rows of x, which start stride elements apart, into dst.
	columns [numReduce]func(dst, x []T, rows, stride int)
	// dot folds x*y like Sum.
	dot func(x, y []T) T
}

func reductions[T Float]() *reduceKernels[T] {
	var zero T
	switch any(zero).(type) {
	case float32:
		return any(&active.reduce32).(*reduceKernels[T])
	default:
		return any(&active.reduce64).(*reduceKernels[T])
	}
}

// Reduce folds the middle axis of x [outer, n, inner] into dst [outer, inner]. Reducing the last axis is inner = 1, reducing the leading
// one outer = 1.
func Reduce[T Number](par Parallel, op ReduceOp, dst, x []T, outer, n, inner int) {
	checkLength("Reduce", len(dst), outer*inner)
	if outer*n*inner != len(x) {
		panic(fmt.Sprintf("kernel.Reduce: the operand has %d elements where [%d, %d, %d] needs %d", len(x), outer, n, inner, outer*n*inner))
	}
	if n == 0 {
		Fill(dst, identity[T](op))
		return
	}
	switch d := any(dst).(type) {
	case []float32:
		reduceFloat(par, op, d, any(x).([]float32), outer, n, inner)
	case []float64:
		reduceFloat(par, op, d, any(x).([]float64), outer, n, inner)
	default:
		split(par, outer, ceilDiv(1<<14, n*inner), func(from, to int) {
			for o := from; o < to; o++ {
				reduceColumns(op, dst[o*inner:(o+1)*inner], x[o*n*inner:(o+1)*n*inner], n, inner)
			}
		})
	}
}

func reduceFloat[T Float](par Parallel, op ReduceOp, dst, x []T, outer, n, inner int) {
	k := reductions[T]()
	switch {
	case inner == 1 && n > pieceLength && outer < 2*par.Workers():
		for o := range outer {
			dst[o] = foldPieces(par, op, x[o*n:(o+1)*n], k.run[op])
		}
	case inner == 1 && outer*n <= 1<<14:
		foldRows(op, dst, x, n, k.run[op])
	case inner == 1:
		split(par, outer, ceilDiv(1<<14, n), func(from, to int) {
			foldRows(op, dst[from:to], x[from*n:to*n], n, k.run[op])
		})
	case outer == 1 || n*inner > 1<<16:
		for o := range outer {
			foldColumns(par, op, dst[o*inner:(o+1)*inner], x[o*n*inner:(o+1)*n*inner], n, inner)
		}
	default:
		split(par, outer, ceilDiv(1<<14, n*inner), func(from, to int) {
			for o := from; o < to; o++ {
				foldColumns(Serial{}, op, dst[o*inner:(o+1)*inner], x[o*n*inner:(o+1)*n*inner], n, inner)
			}
		})
	}
}

func foldRows[T Float](op ReduceOp, dst, x []T, n int, run func([]T) T) {
	for o := range dst {
		dst[o] = fold(op, x[o*n:(o+1)*n], run)
	}
}

// fold reduces a run of any length.
func fold[T Float](op ReduceOp, x []T, run func([]T) T) T {
	if len(x) <= blockLength {
		return run(x)
	}
	cut := firstPart(len(x))
	return combine(op, fold(op, x[:cut], run), fold(op, x[cut:], run))
}

// firstPart returns where a run of n elements, more than blockLength, is cut.
func firstPart(n int) int { return blockLength << (bits.Len(uint((n-1)/blockLength)) - 1) }

// foldPieces is fold with the pieces of pieceLength shared out.
func foldPieces[T Float](par Parallel, op ReduceOp, x []T, run func([]T) T) T {
	partial := borrow[T](ceilDiv(len(x), pieceLength))
	defer partial.release()
	par.For(len(partial.data), func(i int) {
		partial.data[i] = fold(op, x[i*pieceLength:min(len(x), (i+1)*pieceLength)], run)
	})
	return foldTree(op, partial.data)
}

// foldTree folds the results of equal pieces in the order fold would have.
func foldTree[T Float](op ReduceOp, x []T) T {
	if len(x) == 1 {
		return x[0]
	}
	cut := 1 << (bits.Len(uint(len(x)-1)) - 1)
	return combine(op, foldTree(op, x[:cut]), foldTree(op, x[cut:]))
}

// foldColumns reduces the rows of x [rows, cols] into dst [cols].
func foldColumns[T Float](par Parallel, op ReduceOp, dst, x []T, rows, cols int) {
	columns := reductions[T]().columns[op]
	blocks := ceilDiv(rows, blockRows)
	// Columns are independent, so they may be cut anywhere; 64 of them are wide enough to stream.
	if strips := cols / 64; blocks == 1 && rows*cols > 1<<15 && strips >= 2*par.Workers() {
		split(par, cols, 64, func(from, to int) { columns(dst[from:to], x[from:], rows, cols) })
		return
	}
	if blocks == 1 {
		columns(dst, x, rows, cols)
		return
	}
	partial := borrow[T](blocks * cols)
	defer partial.release()
	body := func(i int) {
		r := min(rows, (i+1)*blockRows)
		columns(partial.data[i*cols:(i+1)*cols], x[i*blockRows*cols:r*cols], r-i*blockRows, cols)
	}
	if rows*cols <= 1<<15 {
		Serial{}.For(blocks, body)
	} else {
		par.For(blocks, body)
	}
	foldColumns(par, op, dst, partial.data, blocks, cols)
}

// foldDot returns the sum of x[i]*y[i], folded like Sum, for operands of any length. y has x's length.
func foldDot[T Float](x, y []T, run func(x, y []T) T) T {
	if len(x) <= blockLength {
		return run(x, y)
	}
	cut := firstPart(len(x))
	return foldDot(x[:cut], y[:cut], run) + foldDot(x[cut:], y[cut:], run)
}

func combine[T Number](op ReduceOp, x, y T) T {
	switch op {
	case Sum:
		return x + y
	case Product:
		return x * y
	case Maximum:
		return max(x, y)
	default:
		return min(x, y)
	}
}

// identity returns the value op gives over no elements.
func identity[T Number](op ReduceOp) T {
	var v T
	switch op {
	case Sum:
		return 0
	case Product:
		return 1
	}
	lowest := op == Maximum
	switch p := any(&v).(type) {
	case *float32:
		*p = float32(math.Inf(pick(lowest, -1, 1)))
	case *float64:
		*p = math.Inf(pick(lowest, -1, 1))
	case *int8:
		*p = pick[int8](lowest, math.MinInt8, math.MaxInt8)
	case *int16:
		*p = pick[int16](lowest, math.MinInt16, math.MaxInt16)
	case *int32:
		*p = pick[int32](lowest, math.MinInt32, math.MaxInt32)
	case *int64:
		*p = pick[int64](lowest, math.MinInt64, math.MaxInt64)
	case *uint8:
		*p = pick[uint8](lowest, 0, math.MaxUint8)
	case *uint16:
		*p = pick[uint16](lowest, 0, math.MaxUint16)
	case *uint32:
		*p = pick[uint32](lowest, 0, math.MaxUint32)
	case *uint64:
		*p = pick[uint64](lowest, 0, math.MaxUint64)
	}
	return v
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

func portableReduce[T Float]() (k reduceKernels[T]) {
	for op := range numReduce {
		k.run[op] = func(x []T) T {
			return runLanes(op, len(x), func(i int) T { return x[i] })
		}
		k.columns[op] = func(dst, x []T, rows, stride int) {
			copy(dst, x)
			for r := 1; r < rows; r++ {
				foldInto(op, dst, x[r*stride:])
			}
		}
	}
	k.dot = func(x, y []T) T { return runLanes(Sum, len(x), func(i int) T { return x[i] * y[i] }) }
	return k
}

// runLanes folds element(0) ... element(n-1) in the order of the lanes.
func runLanes[T Float](op ReduceOp, n int, element func(i int) T) T {
	var v T
	var store [laneBytes / 4]T
	lanes := store[:]
	if _, double := any(v).(float64); double {
		lanes = store[:laneBytes/8]
	}
	fillPortable(lanes, identity[T](op))
	for i := range n {
		lane := &lanes[i%len(lanes)]
		*lane = combine(op, *lane, element(i))
	}
	for half := len(lanes) / 2; half > 0; half /= 2 {
		for i := range half {
			lanes[i] = combine(op, lanes[i], lanes[i+half])
		}
	}
	return lanes[0]
}

func reduceColumns[T Number](op ReduceOp, dst, x []T, rows, stride int) {
	copy(dst, x)
	for r := 1; r < rows; r++ {
		foldInto(op, dst, x[r*stride:])
	}
}

func foldInto[T Number](op ReduceOp, dst, x []T) {
	x = x[:len(dst)]
	switch op {
	case Sum:
		for i, v := range x {
			dst[i] += v
		}
	case Product:
		for i, v := range x {
			dst[i] *= v
		}
	case Maximum:
		for i, v := range x {
			dst[i] = max(dst[i], v)
		}
	case Minimum:
		for i, v := range x {
			dst[i] = min(dst[i], v)
		}
	}
}

// scratch is a slice on loan from a pool of its element type.
type scratch[T Float] struct {
	data []T
	pool *sync.Pool
}

var scratch32, scratch64 sync.Pool

// borrow returns a slice of n elements with unspecified contents; release gives it back.
func borrow[T Float](n int) *scratch[T] {
	var zero T
	pool := &scratch32
	if _, double := any(zero).(float64); double {
		pool = &scratch64
	}
	s, _ := pool.Get().(*scratch[T])
	if s == nil {
		s = &scratch[T]{pool: pool}
	}
	if cap(s.data) < n {
		s.data = make([]T, n, 1<<bits.Len(uint(n-1)))
	}
	s.data = s.data[:n]
	return s
}

func (s *scratch[T]) release() { s.pool.Put(s) }
