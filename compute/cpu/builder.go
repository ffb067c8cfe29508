package cpu

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/shapeinference"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/pkg/errors"
)

// Builder records a computation. Its nodes are numbered in the order they are made, inputs before users.
type Builder struct {
	backend  *Backend
	name     string
	nodes    []*node
	params   []*node
	compiled bool
}

var _ backends.Builder = (*Builder)(nil)

func newBuilder(b *Backend, name string) *Builder { return &Builder{backend: b, name: name} }

// opcode extends GoMLX's op types with the ones the compiler adds.
type opcode = backends.OpType

const (
	opRNGState   opcode = backends.OpTypeLast + 1 + iota // random generator's state after attr.(int) draws
	opRNGBits                                            // random bits from a state
	opCopy                                               // a strided view made contiguous
	opSquare                                             // x*x
	opReciprocal                                         // 1/x
	opGelu                                               // x/2*(1+erf(x/sqrt(2)))
	opContract                                           // sums of products, attr.(contraction)
	opIota1                                              // 0, 1, 2, ... along the only axis
)

func opName(op opcode) string {
	switch op {
	case opRNGState, opRNGBits:
		return "RNGBitGenerator"
	case opCopy:
		return "Copy"
	case opSquare:
		return "Square"
	case opReciprocal:
		return "Reciprocal"
	case opGelu:
		return "Gelu"
	case opContract:
		return "Contract"
	case opIota1:
		return "Iota"
	}
	return op.String()
}

// node is one value of the computation.
type node struct {
	owner *Builder
	id    int
	op    opcode
	shape shapes.Shape
	in    []*node
	attr  any // what else the op needs; printing it with %v identifies it
}

// parameter is the attr of an input.
type parameter struct {
	name  string
	index int
}

// literal is the attr of a constant: its values in memory.
type literal struct {
	words []uint64
}

func (l *literal) ptr() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(l.words)) }

func newLiteral(bytes int) *literal { return &literal{make([]uint64, max(1, (bytes+7)/8))} }

func (b *Builder) add(op opcode, shape shapes.Shape, attr any, in ...*node) *node {
	n := &node{owner: b, id: len(b.nodes), op: op, shape: shape, in: in, attr: attr}
	b.nodes = append(b.nodes, n)
	return n
}

// inputs checks that the ops belong to this builder and that it still accepts more.
func (b *Builder) inputs(op opcode, ops ...backends.Op) ([]*node, error) {
	if err := b.backend.checkLive(opName(op)); err != nil {
		return nil, err
	}
	if b.compiled {
		return nil, errors.Errorf("%s: computation %q is already compiled, nothing can be added", opName(op), b.name)
	}
	nodes := make([]*node, len(ops))
	for i, o := range ops {
		n, ok := o.(*node)
		if !ok || n == nil {
			return nil, errors.Errorf("%s: operand #%d is a %T, want an op of backend %q", opName(op), i, o, Name)
		}
		if n.owner != b {
			return nil, errors.Errorf("%s: operand #%d belongs to computation %q, not to %q", opName(op), i, n.owner.name, b.name)
		}
		nodes[i] = n
	}
	return nodes, nil
}

// describe names an op with its operands' shapes, for errors.
func describe(op opcode, in ...*node) string {
	s := opName(op) + "("
	for i, n := range in {
		if i > 0 {
			s += ", "
		}
		s += n.shape.String()
	}
	return s + ")"
}

// Name of the computation.
func (b *Builder) Name() string { return b.name }

// OpShape returns the shape of an op's value.
func (b *Builder) OpShape(op backends.Op) (shapes.Shape, error) {
	n, ok := op.(*node)
	if !ok || n == nil || n.owner != b {
		return shapes.Invalid(), errors.Errorf("OpShape: got a %T, want an op of computation %q of backend %q", op, b.name, Name)
	}
	return n.shape, nil
}

// Parameter adds an input.
func (b *Builder) Parameter(name string, shape shapes.Shape, sharding *backends.ShardingSpec) (backends.Op, error) {
	if _, err := b.inputs(backends.OpTypeParameter); err != nil {
		return nil, err
	}
	if sharding != nil {
		return nil, errors.Errorf("Parameter %q: backend %q has one device, it cannot shard", name, Name)
	}
	if !isSupported(shape.DType) {
		return nil, errors.Errorf("Parameter %q: backend %q has no dtype %s (shape %s)", name, Name, shape.DType, shape)
	}
	if _, err := sizeBytes(shape); err != nil {
		return nil, errors.WithMessagef(err, "Parameter %q", name)
	}
	n := b.add(backends.OpTypeParameter, shape.Clone(), &parameter{name, len(b.params)})
	b.params = append(b.params, n)
	return n, nil
}

// Constant adds a constant with a copy of flat's values.
func (b *Builder) Constant(flat any, dims ...int) (backends.Op, error) {
	if _, err := b.inputs(backends.OpTypeConstant); err != nil {
		return nil, err
	}
	v := reflect.ValueOf(flat)
	if v.Kind() != reflect.Slice {
		return nil, errors.Errorf("Constant: got a %T, want a slice of values", flat)
	}
	dtype := dtypes.FromGoType(v.Type().Elem())
	if !isSupported(dtype) {
		return nil, errors.Errorf("Constant: backend %q has no dtype for %T", Name, flat)
	}
	shape := shapes.Make(dtype, dims...)
	if err := checkFlat("Constant", flat, shape); err != nil {
		return nil, err
	}
	bytes := shape.Size() * dtype.Size()
	l := newLiteral(bytes)
	copyMemory(l.ptr(), v.UnsafePointer(), bytes)
	return b.add(backends.OpTypeConstant, shape, l), nil
}

// DistributedSPMD fails for more than one device.
func (b *Builder) DistributedSPMD(numDevices int) error {
	if numDevices == 1 {
		return nil
	}
	return errors.Errorf("DistributedSPMD: got %d devices, backend %q has one", numDevices, Name)
}

// DistributedAutoSharding always fails: there is one device.
func (b *Builder) DistributedAutoSharding(...backends.Mesh) error {
	return errors.Errorf("DistributedAutoSharding: backend %q has one device", Name)
}

// DeviceAssignment accepts only device 0.
func (b *Builder) DeviceAssignment(devices ...backends.DeviceNum) error {
	if len(devices) == 1 && devices[0] == 0 {
		return nil
	}
	return errors.Errorf("DeviceAssignment: got devices %v, backend %q has only device 0", devices, Name)
}

// AllReduce always fails: there is one device.
func (b *Builder) AllReduce([]backends.Op, backends.ReduceOpType, [][]int) ([]backends.Op, error) {
	return nil, errors.Errorf("AllReduce: backend %q has one device", Name)
}

// Compile turns the computation into an executable; the builder accepts nothing more. An op may be an output several times.
func (b *Builder) Compile(outputs []backends.Op, shardings []*backends.ShardingSpec) (backends.Executable, error) {
	nodes, err := b.inputs(backends.OpTypeInvalid, outputs...)
	if err != nil {
		return nil, errors.WithMessagef(err, "Compile(%q)", b.name)
	}
	for _, s := range shardings {
		if s != nil {
			return nil, errors.Errorf("Compile(%q): backend %q has one device, it cannot shard", b.name, Name)
		}
	}
	b.compiled = true
	return compile(b.backend, b.name, b.params, nodes)
}

// key identifies what a node computes: nodes with equal keys have equal values.
func (n *node) key(to []byte) []byte {
	to = fmt.Appendf(to[:0], "%d %d%v", n.op, n.shape.DType, n.shape.Dimensions)
	for _, in := range n.in {
		to = fmt.Appendf(to, " %d", in.id)
	}
	switch a := n.attr.(type) {
	case nil:
	case *literal:
		const most = 128 // larger constants are not compared
		if len(a.words) > most {
			return fmt.Appendf(to, " %p", a)
		}
		return fmt.Appendf(to, " %x", a.words)
	default:
		to = fmt.Appendf(to, " %v", a)
	}
	return to
}

func unaryShape(op opcode, x *node) (shapes.Shape, error) {
	shape, err := shapeinference.UnaryOp(op, x.shape)
	return shape, errors.WithMessage(err, describe(op, x))
}

// axesUnique checks that the axes are valid for the rank and appear once.
func axesUnique(op opcode, x *node, axes []int) error {
	for i, a := range axes {
		if a < 0 || a >= x.shape.Rank() {
			return errors.Errorf("%s: axis %d is out of range, the operand has rank %d", describe(op, x), a, x.shape.Rank())
		}
		if slices.Contains(axes[:i], a) {
			return errors.Errorf("%s: axis %d is given twice in %v", describe(op, x), a, axes)
		}
	}
	return nil
}
