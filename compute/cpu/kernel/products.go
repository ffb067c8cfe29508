package kernel

import (
	"fmt"
	"slices"
	"unsafe"
)

// Axis is a loop around matrix products: how many times it runs and by how many elements each operand moves.
type Axis struct{ N, A, B, C, Add int }

// Products is a nest of loops around matrix products of one shape, read where they lie:
//
//	C = Activation(A·B summed over the Segments + Add)
//
// for every index of the Outer loops. A is [M, K] with any strides, B [K, N], C and Add [M, N] with adjacent columns. It is for products
// whose operands fit the caches as they are, a convolution's or a recurrent cell's: nothing is packed, and starting one costs tens of
// nanoseconds. [GEMM] is for the others.
//
// No size is zero and no stride negative: who has nothing to multiply asks for no product. Each element of C is summed over K and the segments
// from first to last, whatever the number of workers.
type Products[T Float] struct {
	M, N, K    int
	ARow, ACol int
	BRow       int
	LDC, LDAdd int // an LDAdd of 0 repeats one row
	Adds       bool
	Activation UnaryOp
	Outer      []Axis
	Segments   []Axis // loops of the sum around K; only A and B move

	segments []segment
	count    int // of outer problems
}

// Suits reports whether products of this shape are better read in place than packed. bCol is the distance of B's columns.
func Suits[T Float](m, n, k, bCol int) bool {
	mk := micro[T]()
	rows := ceilDiv(m, ceilDiv(m, mk.rows))
	width := mk.lanes
	for w, v := range microWidths {
		if mk.tile[rows][w] != nil && (v-1)*mk.lanes < n {
			width = v * mk.lanes
		}
	}
	packA := n > 4*width && m*k > 1<<14
	packB := bCol != 1 || m > 4*mk.rows && k*n > 1<<16
	return !packA && !packB
}

// Prepare works out what does not depend on the data. Call it once, before Run. It panics where a size is zero or a stride negative.
func (p *Products[T]) Prepare() {
	sizes, strides := min(p.M, p.N, p.K), min(p.ARow, p.ACol, p.BRow, p.LDC, p.LDAdd)
	for _, x := range slices.Concat(p.Outer, p.Segments) {
		sizes, strides = min(sizes, x.N), min(strides, x.A, x.B, x.C, x.Add)
	}
	if sizes < 1 || strides < 0 {
		panic(fmt.Sprintf("kernel.Products: [%d, %d]x[%d, %d] in the loops %v around %v has a size below 1 or a negative stride",
			p.M, p.K, p.K, p.N, p.Outer, p.Segments))
	}
	var zero T
	size := int(unsafe.Sizeof(zero))
	p.segments = []segment{{}}
	for _, x := range p.Segments {
		var longer []segment
		for _, s := range p.segments {
			for i := range x.N {
				longer = append(longer, segment{s.a + i*x.A*size, s.b + i*x.B*size})
			}
		}
		p.segments = longer
	}
	p.count = 1
	for _, x := range p.Outer {
		p.count *= x.N
	}
}

// extent returns how many elements of A, B, C and Add are reached.
func (p *Products[T]) extent() (a, b, c, add int) {
	a, b = (p.M-1)*p.ARow+(p.K-1)*p.ACol+1, (p.K-1)*p.BRow+p.N
	c, add = (p.M-1)*p.LDC+p.N, (p.M-1)*p.LDAdd+p.N
	for _, x := range p.Outer {
		a, b, c, add = a+(x.N-1)*x.A, b+(x.N-1)*x.B, c+(x.N-1)*x.C, add+(x.N-1)*x.Add
	}
	for _, x := range p.Segments {
		a, b = a+(x.N-1)*x.A, b+(x.N-1)*x.B
	}
	return a, b, c, add
}

// ShareWork is the number of multiply-adds from which Products asks another worker to help.
const ShareWork = 1 << 17

// Run computes all products. add is not read unless Adds is set. It panics when an operand is too short.
func (p *Products[T]) Run(par Parallel, a, b, c, add []T) {
	wantA, wantB, wantC, wantAdd := p.extent()
	if len(a) < wantA || len(b) < wantB || len(c) < wantC || p.Adds && len(add) < wantAdd {
		panic(fmt.Sprintf("kernel.Products: A, B, C and Add have %d, %d, %d and %d elements where %d, %d, %d and %d are needed",
			len(a), len(b), len(c), len(add), wantA, wantB, wantC, wantAdd))
	}
	mk := micro[T]()
	all := piece{to: p.count, rows: p.M, cols: p.N}
	work := p.M * p.N * p.K * len(p.segments) * p.count
	workers := par.Workers()
	if workers == 1 || work < ShareWork {
		p.part(mk, all, a, b, c, add)
		return
	}
	want := min(4*workers, max(workers, work/ShareWork)) // tasks
	if p.count >= want {
		tasks := min(p.count, max(want, work>>21))
		par.For(tasks, func(i int) {
			part := all
			part.from, part.to = i*p.count/tasks, (i+1)*p.count/tasks
			p.part(mk, part, a, b, c, add)
		})
		return
	}
	// Few products: their columns or else their rows are shared, in whole tiles.
	each := ceilDiv(want, p.count)
	part, blocks := all, 1
	if tiles := ceilDiv(p.N, 2*mk.lanes); tiles >= each {
		part.cols = ceilDiv(tiles, each) * 2 * mk.lanes
		blocks = ceilDiv(p.N, part.cols)
	} else {
		part.rows = ceilDiv(ceilDiv(p.M, mk.rows), each) * mk.rows
		blocks = ceilDiv(p.M, part.rows)
	}
	par.For(p.count*blocks, func(i int) {
		one := part
		one.from, one.to = i/blocks, i/blocks+1
		if part.cols < p.N {
			one.col = i % blocks * part.cols
			one.cols = min(part.cols, p.N-one.col)
		} else {
			one.row = i % blocks * part.rows
			one.rows = min(part.rows, p.M-one.row)
		}
		p.part(mk, one, a, b, c, add)
	})
}

// piece is a part of the products: problems [from, to) and of each a block of rows and columns.
type piece struct{ from, to, row, rows, col, cols int }

func (p *Products[T]) part(mk *microKernels[T], part piece, a, b, c, add []T) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	tileRows := ceilDiv(part.rows, ceilDiv(part.rows, mk.rows))
	widest := 0
	for w, v := range microWidths {
		if mk.tile[tileRows][w] != nil && (v-1)*mk.lanes < part.cols {
			widest = w
		}
	}
	args := argsPool.Get().(*microArgs)
	defer argsPool.Put(args)
	*args = microArgs{k: p.K, aRow: p.ARow * size, aCol: p.ACol * size, bRow: p.BRow * size, ldc: p.LDC * size, ldFrom: p.LDAdd * size,
		segments: &p.segments[0], count: len(p.segments)}
	if p.Adds {
		args.accumulate = 1
	}
	baseA, baseB := unsafe.Pointer(unsafe.SliceData(a)), unsafe.Pointer(unsafe.SliceData(b))
	baseC, baseAdd := unsafe.Pointer(unsafe.SliceData(c)), unsafe.Pointer(unsafe.SliceData(add))
	for problem := part.from; problem < part.to; problem++ {
		var at Axis
		rest := problem
		for i := len(p.Outer) - 1; i >= 0; i-- {
			x := &p.Outer[i]
			j := rest
			if i > 0 {
				j, rest = rest%x.N, rest/x.N
			}
			at.A, at.B, at.C, at.Add = at.A+j*x.A, at.B+j*x.B, at.C+j*x.C, at.Add+j*x.Add
		}
		for i := part.row; i < part.row+part.rows; i += tileRows {
			rows := min(tileRows, part.row+part.rows-i)
			args.a = unsafe.Add(baseA, (at.A+i*p.ARow)*size)
			row := &mk.tile[rows]
			for j, w := part.col, widest; j < part.col+part.cols; {
				left := part.col + part.cols - j
				for w > 0 && (row[w] == nil || (microWidths[w]-1)*mk.lanes >= left) {
					w--
				}
				args.cols = min(microWidths[w]*mk.lanes, left)
				args.b = unsafe.Add(baseB, (at.B+j)*size)
				args.c = unsafe.Add(baseC, (at.C+i*p.LDC+j)*size)
				if p.Adds {
					args.from = unsafe.Add(baseAdd, (at.Add+i*p.LDAdd+j)*size)
				}
				row[w](args)
				j += args.cols
			}
			if p.Activation != Identity {
				for r := i; r < i+rows; r++ {
					line := elements[T](unsafe.Add(baseC, (at.C+r*p.LDC+part.col)*size), part.cols)
					Unary(p.Activation, line, line)
				}
			}
		}
	}
}
