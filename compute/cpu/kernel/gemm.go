package kernel

import (
	"fmt"
	"sync"
	"unsafe"
)

// A View is a matrix inside a slice: element (i, j) is Data[i*Row+j*Col]. A row-major matrix of n columns is {data, n, 1} and its
// transpose {data, 1, n}; overlapping and repeated rows (strides of 0) are allowed in operands.
type View[T Float] struct {
	Data     []T
	Row, Col int
}

// GEMM is the product of two matrices, or of a batch of them, with what happens to the result while it is still in cache:
//
//	C = Activation(A·B + C·[Accumulate] + Add + Bias)
//
// A is [M, K], B [K, N] and C [M, N] row-major, its rows LDC elements apart. Problem p of a batch works on A.Data[p*StrideA:],
// B.Data[p*StrideB:], C[p*StrideC:] and Add[p*StrideAdd:]; a stride of 0 shares the operand.
//
// Each element of C is summed over K from first to last in blocks of 384, whatever the shapes, the strides and the number of workers; vectors
// (M = 1 or N = 1) against a matrix whose rows run along K fold like a Sum instead.
type GEMM[T Float] struct {
	M, N, K    int
	A, B       View[T]
	C          []T
	LDC        int
	Accumulate bool
	Add        []T // [M, N], its rows LDAdd apart (0 repeats one row), or nil; not together with Accumulate
	LDAdd      int
	Bias       []T // [N], added to every row, or nil
	Activation UnaryOp

	Batch                     int // 0 and 1 are one problem
	StrideA, StrideB, StrideC int
	StrideAdd                 int

	rowBias []T // [M], added to every column, or nil: the Bias of a transposed problem
}

// depthBlock is the run of K that is summed in registers before it is added to C.
const depthBlock = 384

// microArgs is what a micro-kernel reads; strides are in bytes.
type microArgs struct {
	a, b, c    unsafe.Pointer
	k          int
	aRow, aCol int
	bRow       int // the columns of b are adjacent
	ldc        int
	cols       int // columns to compute, at most the kernel's width
	accumulate int // 1 adds what is at from, 0 adds nothing
	segments   *segment
	count      int // of segments, at least 1
	from       unsafe.Pointer
	ldFrom     int
}

// segment is where a further run of k products begins, in bytes from a and b.
type segment struct{ a, b int }

// argsPool holds the arguments of running micro-kernels, which escape to them.
var argsPool = sync.Pool{New: func() any { return new(microArgs) }}

// oneSegment is the product of A and B themselves.
var oneSegment segment

// microWidths are the widths of micro-kernels in vectors.
var microWidths = [...]int{1, 2, 4, 8}

// microKernels are the register-blocked inner products of a tier.
type microKernels[T Float] struct {
	// lanes is the width of a vector, rows the largest height of a tile.
	lanes, rows int
	// tile[r][w] computes r rows of microWidths[w] vectors, the last of them possibly in part; nil where the tile does not fit the registers.
	tile [][len(microWidths)]func(*microArgs)
}

func micro[T Float]() *microKernels[T] {
	var zero T
	switch any(zero).(type) {
	case float32:
		return any(active.gemm32).(*microKernels[T])
	default:
		return any(active.gemm64).(*microKernels[T])
	}
}

// Run computes the product. Workers share the tiles of C. It panics when an operand is too short for its shape.
func (g *GEMM[T]) Run(par Parallel) {
	one := *g
	one.check()
	if one.M == 0 || one.N == 0 || one.Batch == 0 && g.Batch != 0 {
		return
	}
	if one.Batch <= 1 {
		one.run(par)
		return
	}
	// A batch that shares B is one tall matrix.
	if one.StrideB == 0 && one.StrideA == one.M*one.A.Row && one.StrideC == one.M*one.LDC &&
		(one.Add == nil || one.StrideAdd == one.M*one.LDAdd) {
		one.M *= one.Batch
		one.run(par)
		return
	}
	if one.Batch < par.Workers() && one.work() > parallelWork {
		for p := range one.Batch {
			problem := one.problem(p)
			problem.run(par)
		}
		return
	}
	if par.Workers() == 1 || one.Batch*one.work() < parallelWork {
		one.runBatch(0, one.Batch)
		return
	}
	one.shareBatch(par)
}

// shareBatch hands out the problems of a batch. Its receiver is a copy, so that only this way of running a GEMM allocates one.
func (g GEMM[T]) shareBatch(par Parallel) {
	split(par, g.Batch, ceilDiv(parallelWork/4, g.work()+1), g.runBatch)
}

func (g *GEMM[T]) runBatch(from, to int) {
	for p := from; p < to; p++ {
		one := g.problem(p)
		one.run(Serial{})
	}
}

// problem returns problem p of the batch by itself.
func (g *GEMM[T]) problem(p int) GEMM[T] {
	one := *g
	one.A.Data = g.A.Data[p*g.StrideA:]
	one.B.Data = g.B.Data[p*g.StrideB:]
	one.C = g.C[p*g.StrideC:]
	if g.Add != nil {
		one.Add = g.Add[p*g.StrideAdd:]
	}
	one.Batch = 1
	return one
}

// parallelWork is the number of multiply-adds below which handing work to another core costs more than it saves.
const parallelWork = 1 << 18

func (g *GEMM[T]) work() int { return g.M * g.N * g.K }

func (g *GEMM[T]) check() {
	last := max(g.Batch, 1) - 1
	need := func(name string, have, stride, extent int) {
		if g.M > 0 && g.N > 0 && have < last*stride+extent {
			panic(fmt.Sprintf("kernel.GEMM: %s has %d elements where [%d, %d]x[%d, %d] in a batch of %d needs %d",
				name, have, g.M, g.K, g.K, g.N, last+1, last*stride+extent))
		}
	}
	if g.K > 0 {
		need("A", len(g.A.Data), g.StrideA, (g.M-1)*g.A.Row+(g.K-1)*g.A.Col+1)
		need("B", len(g.B.Data), g.StrideB, (g.K-1)*g.B.Row+(g.N-1)*g.B.Col+1)
	}
	need("C", len(g.C), g.StrideC, (g.M-1)*g.LDC+g.N)
	if g.Add != nil {
		need("Add", len(g.Add), g.StrideAdd, (g.M-1)*g.LDAdd+g.N)
	}
	if min(g.A.Row, g.A.Col, g.B.Row, g.B.Col, g.LDC, g.LDAdd, g.StrideA, g.StrideB, g.StrideC, g.StrideAdd, g.M, g.N, g.K) < 0 {
		panic("kernel.GEMM: a size or stride is negative")
	}
	if g.Bias != nil {
		need("Bias", len(g.Bias), 0, g.N)
	}
}

// run computes one problem along the cheapest of three ways: dot products, tiles straight from the operands, or tiles from packed panels.
func (g *GEMM[T]) run(par Parallel) {
	if g.K == 0 {
		for i := range g.M {
			switch c := g.C[i*g.LDC:][:g.N]; {
			case g.Add != nil:
				copy(c, g.Add[i*g.LDAdd:])
			case !g.Accumulate:
				Fill(c, 0)
			}
		}
		g.finish(0, g.M, 0, g.N)
		return
	}
	if g.N == 1 && g.LDC == 1 && g.M > 1 && (g.Add == nil || g.LDAdd == 1) {
		// A column is the row of the transposed problem.
		g.M, g.N = g.N, g.M
		g.A, g.B = View[T]{g.B.Data, g.B.Col, g.B.Row}, View[T]{g.A.Data, g.A.Col, g.A.Row}
		g.Bias, g.rowBias = nil, g.Bias
		g.LDC, g.LDAdd = g.N, g.N
	}
	if g.work() < parallelWork {
		par = Serial{}
	}
	switch {
	case g.M <= 2 && g.B.Row == 1 && g.B.Col != 1 && g.A.Col == 1 && g.K >= 16:
		g.dots(par)
	default:
		s := borrowGEMM[T]()
		s.GEMM, s.micro = *g, micro[T]()
		s.multiply(par)
		s.GEMM, s.micro = GEMM[T]{}, nil
		s.release()
	}
}

// dots computes every element by itself: A and B both run along K.
func (g *GEMM[T]) dots(par Parallel) {
	if par.Workers() == 1 {
		g.dotColumns(0, g.N)
		return
	}
	shared := *g
	split(par, g.N, ceilDiv(parallelWork/4, g.M*g.K), shared.dotColumns)
}

func (g *GEMM[T]) dotColumns(from, to int) {
	dot := reductions[T]().dot
	for i := range g.M {
		a := g.A.Data[i*g.A.Row:][:g.K]
		for j := from; j < to; j++ {
			v := foldDot(a, g.B.Data[j*g.B.Col:][:g.K], dot)
			switch {
			case g.Accumulate:
				v += g.C[i*g.LDC+j]
			case g.Add != nil:
				v += g.Add[i*g.LDAdd+j]
			}
			g.C[i*g.LDC+j] = v
		}
	}
	g.finish(0, g.M, from, to)
}

// finish applies biases and activation to rows [i0, i1) and columns [j0, j1) of C.
func (g *GEMM[T]) finish(i0, i1, j0, j1 int) {
	if g.Bias == nil && g.rowBias == nil && g.Activation == Identity {
		return
	}
	for i := i0; i < i1; i++ {
		c := g.C[i*g.LDC+j0 : i*g.LDC+j1]
		if g.rowBias != nil {
			BinaryVS(Add, c, c, g.rowBias[i])
		}
		if g.Bias != nil {
			Binary(Add, c, c, g.Bias[j0:j1])
		}
		if g.Activation != Identity {
			Unary(g.Activation, c, c)
		}
	}
}

// gemmState is a running GEMM: where it is, its packed panels, and its loop bodies, which are bound once so that a call allocates nothing.
type gemmState[T Float] struct {
	GEMM[T]
	micro *microKernels[T]

	rows, width    int // of a tile
	widest         int // width as an index of microWidths
	tilesM, tilesN int // per task
	tasksN         int
	p0, depth      int // the current block of K
	j0, cols       int // the current block of N
	packedA        []T // nil: A is read in place
	packedB        []T // nil: B is read in place
	storeA, storeB []T

	packTask, tileTask func(int)
}

var gemmPool32, gemmPool64 sync.Pool

func gemmPool[T Float]() *sync.Pool {
	var zero T
	if _, double := any(zero).(float64); double {
		return &gemmPool64
	}
	return &gemmPool32
}

func borrowGEMM[T Float]() *gemmState[T] {
	if s, ok := gemmPool[T]().Get().(*gemmState[T]); ok {
		return s
	}
	s := new(gemmState[T])
	s.packTask, s.tileTask = s.pack, s.tiles
	return s
}

func (s *gemmState[T]) release() { gemmPool[T]().Put(s) }

// Columns packed at once; they and the rows of A bound the size of the panels.
const columnBlock = 4096

func (s *gemmState[T]) multiply(par Parallel) {
	mk := s.micro
	// Rows are spread evenly over as few tiles as possible.
	s.rows = ceilDiv(s.M, ceilDiv(s.M, mk.rows))
	// Low tiles leave registers for more columns.
	s.widest = 0
	for w, v := range microWidths {
		if mk.tile[s.rows][w] != nil && (v-1)*mk.lanes < s.N {
			s.widest = w
		}
	}
	s.width = microWidths[s.widest] * mk.lanes
	packA := s.N > 4*s.width && s.M*s.K > 1<<14
	packB := s.B.Col != 1 || s.M > 4*mk.rows && s.K*s.N > 1<<16
	for s.j0 = 0; s.j0 < s.N; s.j0 += columnBlock {
		s.cols = min(columnBlock, s.N-s.j0)
		for s.p0 = 0; s.p0 < s.K; s.p0 += depthBlock {
			s.depth = min(depthBlock, s.K-s.p0)
			s.packedA, s.packedB = nil, nil
			panels := 0
			if packA {
				s.packedA = grow(&s.storeA, roundUp(s.M, s.rows)*s.depth)
				panels += ceilDiv(s.M, s.rows)
			}
			if packB {
				s.packedB = grow(&s.storeB, roundUp(s.cols, s.width)*s.depth)
				panels += ceilDiv(s.cols, s.width)
			}
			if panels > 0 {
				share(par, panels, s.packTask)
			}
			s.divide(par.Workers())
			share(par, ceilDiv(ceilDiv(s.M, s.rows), s.tilesM)*s.tasksN, s.tileTask)
		}
	}
}

func share(par Parallel, n int, body func(int)) {
	if n == 1 || par.Workers() == 1 {
		for i := range n {
			body(i)
		}
		return
	}
	par.For(n, body)
}

func grow[T any](store *[]T, n int) []T {
	if cap(*store) < n {
		*store = make([]T, roundUp(n, 1<<12))
	}
	return (*store)[:n]
}

// divide chooses the tiles per task: blocks that keep a packed panel of B in the second-level cache, and a few tasks for each worker.
func (s *gemmState[T]) divide(workers int) {
	m, n := ceilDiv(s.M, s.rows), ceilDiv(s.cols, s.width)
	s.tilesM, s.tilesN = m, min(n, max(1, 256/s.width))
	if workers > 1 {
		want := 4 * workers
		s.tilesM = max(1, m/max(1, ceilDiv(want, ceilDiv(n, s.tilesN))))
	}
	s.tasksN = ceilDiv(n, s.tilesN)
}

// pack copies one panel of A or B.
func (s *gemmState[T]) pack(panel int) {
	if s.packedA != nil {
		count := ceilDiv(s.M, s.rows)
		if panel < count {
			i := panel * s.rows
			a := View[T]{s.A.Data[i*s.A.Row+s.p0*s.A.Col:], s.A.Row, s.A.Col}
			rows := min(s.rows, s.M-i)
			packRows(s.packedA[i*s.depth:][:rows*s.depth], a, rows, s.depth)
			return
		}
		panel -= count
	}
	j := panel * s.width
	b := View[T]{s.B.Data[s.p0*s.B.Row+(s.j0+j)*s.B.Col:], s.B.Row, s.B.Col}
	packColumns(s.packedB[j*s.depth:][:s.width*s.depth], b, s.depth, min(s.width, s.cols-j), s.width)
}

// tiles computes one task's tiles of C.
func (s *gemmState[T]) tiles(task int) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	i0, i1 := task/s.tasksN*s.tilesM*s.rows, s.M
	i1 = min(i1, i0+s.tilesM*s.rows)
	j0, j1 := task%s.tasksN*s.tilesN*s.width, s.cols
	j1 = min(j1, j0+s.tilesN*s.width)
	args := argsPool.Get().(*microArgs)
	defer argsPool.Put(args)
	*args = microArgs{k: s.depth, ldc: s.LDC * size, segments: &oneSegment, count: 1}
	from, ldFrom := s.C, s.LDC
	switch {
	case s.p0 > 0 || s.Accumulate:
		args.accumulate = 1
	case s.Add != nil:
		args.accumulate = 1
		from, ldFrom = s.Add, s.LDAdd
	}
	args.ldFrom = ldFrom * size
	for i := i0; i < i1; i += s.rows {
		rows := min(s.rows, i1-i)
		if s.packedA != nil {
			args.a, args.aRow, args.aCol = unsafe.Pointer(&s.packedA[i*s.depth]), size, rows*size
		} else {
			args.a, args.aRow, args.aCol = unsafe.Pointer(&s.A.Data[i*s.A.Row+s.p0*s.A.Col]), s.A.Row*size, s.A.Col*size
		}
		row := &s.micro.tile[rows]
		for j, w := j0, s.widest; j < j1; {
			// Only the last vector of a tile may be cut short, so what is left of a row goes by narrower tiles.
			for w > 0 && (row[w] == nil || (microWidths[w]-1)*s.micro.lanes >= j1-j) {
				w--
			}
			args.cols = min(microWidths[w]*s.micro.lanes, j1-j)
			if s.packedB != nil {
				panel := j / s.width
				args.b, args.bRow = unsafe.Pointer(&s.packedB[panel*s.width*s.depth+j-panel*s.width]), s.width*size
			} else {
				args.b, args.bRow = unsafe.Pointer(&s.B.Data[s.p0*s.B.Row+s.j0+j]), s.B.Row*size
			}
			args.c = unsafe.Pointer(&s.C[i*s.LDC+s.j0+j])
			if args.accumulate != 0 {
				args.from = unsafe.Pointer(&from[i*ldFrom+s.j0+j])
			}
			row[w](args)
			j += args.cols
		}
	}
	if s.p0+s.depth == s.K {
		s.finish(i0, i1, s.j0+j0, s.j0+j1)
	}
}

// portableMicro computes tiles of four rows and four columns.
func portableMicro[T Float]() *microKernels[T] {
	return &microKernels[T]{
		lanes: 4, rows: 4,
		tile: [][len(microWidths)]func(*microArgs){
			{}, {portableTile[T](1)}, {portableTile[T](2)}, {portableTile[T](3)}, {portableTile4[T]},
		},
	}
}

// elements returns the n elements from p on.
func elements[T Float](p unsafe.Pointer, n int) []T { return unsafe.Slice((*T)(p), n) }

func portableTile[T Float](rows int) func(*microArgs) {
	return func(g *microArgs) {
		var zero T
		size := int(unsafe.Sizeof(zero))
		c := elements[T](g.c, (rows-1)*g.ldc/size+g.cols)
		for i := range rows {
			for j := range g.cols {
				var sum T
				for _, at := range unsafe.Slice(g.segments, g.count) {
					a := elements[T](unsafe.Add(g.a, at.a), (rows-1)*g.aRow/size+(g.k-1)*g.aCol/size+1)
					b := elements[T](unsafe.Add(g.b, at.b), (g.k-1)*g.bRow/size+g.cols)
					for p := range g.k {
						sum += a[(i*g.aRow+p*g.aCol)/size] * b[p*g.bRow/size+j]
					}
				}
				if g.accumulate != 0 {
					sum += *(*T)(unsafe.Add(g.from, i*g.ldFrom+j*size))
				}
				c[i*g.ldc/size+j] = sum
			}
		}
	}
}

func portableTile4[T Float](g *microArgs) {
	if g.cols < 4 {
		portableTile[T](4)(g)
		return
	}
	var zero T
	size := int(unsafe.Sizeof(zero))
	row, col, step, ldc := g.aRow/size, g.aCol/size, g.bRow/size, g.ldc/size
	var c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33 T
	for _, at := range unsafe.Slice(g.segments, g.count) {
		a := elements[T](unsafe.Add(g.a, at.a), 3*row+(g.k-1)*col+1)
		b := elements[T](unsafe.Add(g.b, at.b), (g.k-1)*step+4)
		for p := range g.k {
			v := b[p*step:][:4]
			b0, b1, b2, b3 := v[0], v[1], v[2], v[3]
			a0, a1, a2, a3 := a[p*col], a[p*col+row], a[p*col+2*row], a[p*col+3*row]
			c00 += a0 * b0
			c01 += a0 * b1
			c02 += a0 * b2
			c03 += a0 * b3
			c10 += a1 * b0
			c11 += a1 * b1
			c12 += a1 * b2
			c13 += a1 * b3
			c20 += a2 * b0
			c21 += a2 * b1
			c22 += a2 * b2
			c23 += a2 * b3
			c30 += a3 * b0
			c31 += a3 * b1
			c32 += a3 * b2
			c33 += a3 * b3
		}
	}
	c := elements[T](g.c, 3*ldc+4)
	for i, sum := range [4][4]T{{c00, c01, c02, c03}, {c10, c11, c12, c13}, {c20, c21, c22, c23}, {c30, c31, c32, c33}} {
		row := c[i*ldc:][:4]
		for j, v := range sum {
			if g.accumulate != 0 {
				v += *(*T)(unsafe.Add(g.from, i*g.ldFrom+j*size))
			}
			row[j] = v
		}
	}
}

// packRows copies rows x k of a into dst with element (i, p) at p*rows+i.
func packRows[T Float](dst []T, a View[T], rows, k int) {
	if a.Col == 1 && a.Row >= k {
		Transpose(Serial{}, dst, rows, a.Data, a.Row, rows, k)
		return
	}
	for i := range rows {
		at := i * a.Row
		for p := i; p < rows*k; p += rows {
			dst[p] = a.Data[at]
			at += a.Col
		}
	}
}

// packColumns copies k x cols of b into dst with element (p, j) at p*width+j.
func packColumns[T Float](dst []T, b View[T], k, cols, width int) {
	if b.Col == 1 {
		for p := range k {
			copy(dst[p*width:][:cols], b.Data[p*b.Row:])
		}
		return
	}
	if b.Row == 1 && b.Col >= k {
		Transpose(Serial{}, dst, width, b.Data, b.Col, cols, k)
		return
	}
	for j := range cols {
		at := j * b.Col
		for p := range k {
			dst[p*width+j] = b.Data[at]
			at += b.Row
		}
	}
}
