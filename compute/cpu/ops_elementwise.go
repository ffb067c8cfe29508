package cpu

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/shapeinference"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/pkg/errors"
)

// The element-wise ops and the reductions of [backends.StandardOps]: what each computes is documented there.

// Abs implements [backends.StandardOps].
func (b *Builder) Abs(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeAbs, x) }

// BitwiseNot implements [backends.StandardOps].
func (b *Builder) BitwiseNot(x backends.Op) (backends.Op, error) {
	return b.unary(backends.OpTypeBitwiseNot, x)
}

// BitCount implements [backends.StandardOps].
func (b *Builder) BitCount(x backends.Op) (backends.Op, error) {
	return b.unary(backends.OpTypeBitCount, x)
}

// Ceil implements [backends.StandardOps].
func (b *Builder) Ceil(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeCeil, x) }

// Clz implements [backends.StandardOps].
func (b *Builder) Clz(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeClz, x) }

// Conj implements [backends.StandardOps].
func (b *Builder) Conj(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeConj, x) }

// Cos implements [backends.StandardOps].
func (b *Builder) Cos(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeCos, x) }

// Erf implements [backends.StandardOps].
func (b *Builder) Erf(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeErf, x) }

// Exp implements [backends.StandardOps].
func (b *Builder) Exp(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeExp, x) }

// Expm1 implements [backends.StandardOps].
func (b *Builder) Expm1(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeExpm1, x) }

// Floor implements [backends.StandardOps].
func (b *Builder) Floor(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeFloor, x) }

// Imag implements [backends.StandardOps].
func (b *Builder) Imag(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeImag, x) }

// Log implements [backends.StandardOps].
func (b *Builder) Log(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeLog, x) }

// Log1p implements [backends.StandardOps].
func (b *Builder) Log1p(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeLog1p, x) }

// LogicalNot implements [backends.StandardOps].
func (b *Builder) LogicalNot(x backends.Op) (backends.Op, error) {
	return b.unary(backends.OpTypeLogicalNot, x)
}

// Logistic implements [backends.StandardOps].
func (b *Builder) Logistic(x backends.Op) (backends.Op, error) {
	return b.unary(backends.OpTypeLogistic, x)
}

// Neg implements [backends.StandardOps].
func (b *Builder) Neg(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeNeg, x) }

// Real implements [backends.StandardOps].
func (b *Builder) Real(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeReal, x) }

// Round implements [backends.StandardOps].
func (b *Builder) Round(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeRound, x) }

// Rsqrt implements [backends.StandardOps].
func (b *Builder) Rsqrt(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeRsqrt, x) }

// Sign implements [backends.StandardOps].
func (b *Builder) Sign(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeSign, x) }

// Sin implements [backends.StandardOps].
func (b *Builder) Sin(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeSin, x) }

// Sqrt implements [backends.StandardOps].
func (b *Builder) Sqrt(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeSqrt, x) }

// Tanh implements [backends.StandardOps].
func (b *Builder) Tanh(x backends.Op) (backends.Op, error) { return b.unary(backends.OpTypeTanh, x) }

// Add implements [backends.StandardOps].
func (b *Builder) Add(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeAdd, lhs, rhs)
}

// BitwiseAnd implements [backends.StandardOps].
func (b *Builder) BitwiseAnd(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeBitwiseAnd, lhs, rhs)
}

// BitwiseOr implements [backends.StandardOps].
func (b *Builder) BitwiseOr(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeBitwiseOr, lhs, rhs)
}

// BitwiseXor implements [backends.StandardOps].
func (b *Builder) BitwiseXor(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeBitwiseXor, lhs, rhs)
}

// Div implements [backends.StandardOps].
func (b *Builder) Div(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeDiv, lhs, rhs)
}

// LogicalAnd implements [backends.StandardOps].
func (b *Builder) LogicalAnd(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeLogicalAnd, lhs, rhs)
}

// LogicalOr implements [backends.StandardOps].
func (b *Builder) LogicalOr(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeLogicalOr, lhs, rhs)
}

// LogicalXor implements [backends.StandardOps].
func (b *Builder) LogicalXor(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeLogicalXor, lhs, rhs)
}

// Max implements [backends.StandardOps].
func (b *Builder) Max(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeMax, lhs, rhs)
}

// Min implements [backends.StandardOps].
func (b *Builder) Min(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeMin, lhs, rhs)
}

// Mul implements [backends.StandardOps].
func (b *Builder) Mul(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeMul, lhs, rhs)
}

// Pow implements [backends.StandardOps].
func (b *Builder) Pow(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypePow, lhs, rhs)
}

// Rem implements [backends.StandardOps].
func (b *Builder) Rem(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeRem, lhs, rhs)
}

// ShiftLeft implements [backends.StandardOps].
func (b *Builder) ShiftLeft(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeShiftLeft, lhs, rhs)
}

// ShiftRightArithmetic implements [backends.StandardOps].
func (b *Builder) ShiftRightArithmetic(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeShiftRightArithmetic, lhs, rhs)
}

// ShiftRightLogical implements [backends.StandardOps].
func (b *Builder) ShiftRightLogical(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeShiftRightLogical, lhs, rhs)
}

// Sub implements [backends.StandardOps].
func (b *Builder) Sub(lhs, rhs backends.Op) (backends.Op, error) {
	return b.binary(backends.OpTypeSub, lhs, rhs)
}

// Equal implements [backends.StandardOps].
func (b *Builder) Equal(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeEqual, lhs, rhs)
}

// EqualTotalOrder implements [backends.StandardOps].
func (b *Builder) EqualTotalOrder(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeEqualTotalOrder, lhs, rhs)
}

// GreaterOrEqual implements [backends.StandardOps].
func (b *Builder) GreaterOrEqual(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeGreaterOrEqual, lhs, rhs)
}

// GreaterOrEqualTotalOrder implements [backends.StandardOps].
func (b *Builder) GreaterOrEqualTotalOrder(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeGreaterOrEqualTotalOrder, lhs, rhs)
}

// GreaterThan implements [backends.StandardOps].
func (b *Builder) GreaterThan(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeGreaterThan, lhs, rhs)
}

// GreaterThanTotalOrder implements [backends.StandardOps].
func (b *Builder) GreaterThanTotalOrder(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeGreaterThanTotalOrder, lhs, rhs)
}

// LessOrEqual implements [backends.StandardOps].
func (b *Builder) LessOrEqual(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeLessOrEqual, lhs, rhs)
}

// LessOrEqualTotalOrder implements [backends.StandardOps].
func (b *Builder) LessOrEqualTotalOrder(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeLessOrEqualTotalOrder, lhs, rhs)
}

// LessThan implements [backends.StandardOps].
func (b *Builder) LessThan(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeLessThan, lhs, rhs)
}

// LessThanTotalOrder implements [backends.StandardOps].
func (b *Builder) LessThanTotalOrder(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeLessThanTotalOrder, lhs, rhs)
}

// NotEqual implements [backends.StandardOps].
func (b *Builder) NotEqual(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeNotEqual, lhs, rhs)
}

// NotEqualTotalOrder implements [backends.StandardOps].
func (b *Builder) NotEqualTotalOrder(lhs, rhs backends.Op) (backends.Op, error) {
	return b.compare(backends.OpTypeNotEqualTotalOrder, lhs, rhs)
}

// ReduceBitwiseAnd implements [backends.StandardOps].
func (b *Builder) ReduceBitwiseAnd(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceBitwiseAnd, x, axes)
}

// ReduceBitwiseOr implements [backends.StandardOps].
func (b *Builder) ReduceBitwiseOr(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceBitwiseOr, x, axes)
}

// ReduceBitwiseXor implements [backends.StandardOps].
func (b *Builder) ReduceBitwiseXor(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceBitwiseXor, x, axes)
}

// ReduceLogicalAnd implements [backends.StandardOps].
func (b *Builder) ReduceLogicalAnd(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceLogicalAnd, x, axes)
}

// ReduceLogicalOr implements [backends.StandardOps].
func (b *Builder) ReduceLogicalOr(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceLogicalOr, x, axes)
}

// ReduceLogicalXor implements [backends.StandardOps].
func (b *Builder) ReduceLogicalXor(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceLogicalXor, x, axes)
}

// ReduceMax implements [backends.StandardOps].
func (b *Builder) ReduceMax(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceMax, x, axes)
}

// ReduceMin implements [backends.StandardOps].
func (b *Builder) ReduceMin(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceMin, x, axes)
}

// ReduceProduct implements [backends.StandardOps].
func (b *Builder) ReduceProduct(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceProduct, x, axes)
}

// ReduceSum implements [backends.StandardOps].
func (b *Builder) ReduceSum(x backends.Op, axes ...int) (backends.Op, error) {
	return b.reduce(backends.OpTypeReduceSum, x, axes)
}

func (b *Builder) unary(op opcode, x backends.Op) (backends.Op, error) {
	in, err := b.inputs(op, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].shape
	dtype := shape.DType
	switch op {
	case backends.OpTypeReal, backends.OpTypeImag, backends.OpTypeConj:
		if !dtype.IsComplex() && !dtype.IsFloat() {
			return nil, errors.Errorf("%s: want a complex or floating-point operand", describe(op, in...))
		}
		if !dtype.IsComplex() {
			if op == backends.OpTypeImag {
				return b.zerosLike(in[0]), nil
			}
			return in[0], nil
		}
		if op != backends.OpTypeConj {
			shape = withDType(shape, dtype.RealDType())
		}
	case backends.OpTypeCos, backends.OpTypeSin, backends.OpTypeTanh:
		// GoMLX's inference refuses complex operands here, which have these functions too.
		if !dtype.IsComplex() {
			if shape, err = unaryShape(op, in[0]); err != nil {
				return nil, err
			}
		}
	default:
		if shape, err = unaryShape(op, in[0]); err != nil {
			return nil, err
		}
		if op == backends.OpTypeAbs && dtype.IsComplex() {
			shape = withDType(shape, dtype.RealDType())
		}
	}
	if !hasUnary(op, dtype) {
		return nil, errors.Errorf("%s: the op is not defined for dtype %s in backend %q", describe(op, in...), dtype, Name)
	}
	return b.add(op, shape, nil, in...), nil
}

func (b *Builder) binary(op opcode, lhs, rhs backends.Op) (backends.Op, error) {
	in, err := b.inputs(op, lhs, rhs)
	if err != nil {
		return nil, err
	}
	inferAs := op
	switch op {
	case backends.OpTypeShiftLeft, backends.OpTypeShiftRightArithmetic, backends.OpTypeShiftRightLogical:
		inferAs = backends.OpTypeBitwiseAnd // not in GoMLX's inference tables; the rules are the same
	}
	shape, err := shapeinference.BinaryOp(inferAs, in[0].shape, in[1].shape)
	if err != nil {
		return nil, errors.WithMessage(err, describe(op, in...))
	}
	if !hasBinary(op, shape.DType) {
		return nil, errors.Errorf("%s: the op is not defined for dtype %s in backend %q", describe(op, in...), shape.DType, Name)
	}
	return b.add(op, shape, nil, b.spread(in[0], shape), b.spread(in[1], shape)), nil
}

func (b *Builder) compare(op opcode, lhs, rhs backends.Op) (backends.Op, error) {
	in, err := b.inputs(op, lhs, rhs)
	if err != nil {
		return nil, err
	}
	inferAs := op
	if op == backends.OpTypeNotEqualTotalOrder {
		inferAs = backends.OpTypeEqualTotalOrder // missing from GoMLX's inference tables
	}
	shape, err := shapeinference.ComparisonOp(inferAs, in[0].shape, in[1].shape)
	if err != nil {
		return nil, errors.WithMessage(err, describe(op, in...))
	}
	if !hasCompare(op, in[0].shape.DType) {
		return nil, errors.Errorf("%s: the op is not defined for dtype %s in backend %q", describe(op, in...), in[0].shape.DType, Name)
	}
	return b.add(op, shape, nil, b.spread(in[0], shape), b.spread(in[1], shape)), nil
}

// IsFinite implements [backends.StandardOps].
func (b *Builder) IsFinite(x backends.Op) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeIsFinite, x)
	if err != nil {
		return nil, err
	}
	if !in[0].shape.DType.IsFloat() {
		return nil, errors.Errorf("%s: want a floating-point operand", describe(backends.OpTypeIsFinite, in...))
	}
	return b.add(backends.OpTypeIsFinite, withDType(in[0].shape, dtypes.Bool), nil, in...), nil
}

// IsNaN implements [backends.StandardOps].
func (b *Builder) IsNaN(x backends.Op) (backends.Op, error) { return b.NotEqual(x, x) }

// Clamp implements [backends.StandardOps]: min(max(x, low), high).
func (b *Builder) Clamp(low, x, high backends.Op) (backends.Op, error) {
	y, err := b.Max(low, x)
	if err != nil {
		return nil, err
	}
	return b.Min(y, high)
}

// Complex implements [backends.StandardOps].
func (b *Builder) Complex(re, im backends.Op) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeComplex, re, im)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.BinaryOp(backends.OpTypeAdd, in[0].shape, in[1].shape)
	if err != nil {
		return nil, errors.WithMessage(err, describe(backends.OpTypeComplex, in...))
	}
	dtype := dtypes.Complex64
	switch shape.DType {
	case dtypes.Float32:
	case dtypes.Float64:
		dtype = dtypes.Complex128
	default:
		return nil, errors.Errorf("%s: want float32 or float64 operands", describe(backends.OpTypeComplex, in...))
	}
	return b.add(backends.OpTypeComplex, withDType(shape, dtype), nil, b.spread(in[0], shape), b.spread(in[1], shape)), nil
}

// ConvertDType implements [backends.StandardOps].
func (b *Builder) ConvertDType(x backends.Op, dtype dtypes.DType) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeConvertDType, x)
	if err != nil {
		return nil, err
	}
	if in[0].shape.DType == dtype {
		return in[0], nil
	}
	if !isSupported(dtype) || !hasConvert(in[0].shape.DType, dtype) {
		return nil, errors.Errorf("%s: backend %q cannot convert to %s", describe(backends.OpTypeConvertDType, in...), Name, dtype)
	}
	return b.add(backends.OpTypeConvertDType, withDType(in[0].shape, dtype), nil, in...), nil
}

// Where implements [backends.StandardOps].
func (b *Builder) Where(condition, onTrue, onFalse backends.Op) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeWhere, condition, onTrue, onFalse)
	if err != nil {
		return nil, err
	}
	if in[1].shape.DType != in[2].shape.DType {
		return nil, errors.Errorf("%s: the two values have different dtypes", describe(backends.OpTypeWhere, in...))
	}
	shape, err := shapeinference.WhereOp(in[0].shape, in[1].shape, in[2].shape)
	if err != nil {
		return nil, errors.WithMessage(err, describe(backends.OpTypeWhere, in...))
	}
	return b.add(backends.OpTypeWhere, shape, nil, b.spread(in[0], shape), b.spread(in[1], shape), b.spread(in[2], shape)), nil
}

// spread broadcasts x to the dimensions of shape: x is a scalar or has the same rank with some axes of dimension 1.
func (b *Builder) spread(x *node, shape shapes.Shape) *node {
	if x.shape.EqualDimensions(shape) {
		return x
	}
	axes := make([]int, x.shape.Rank())
	for i := range axes {
		axes[i] = i
	}
	return b.add(backends.OpTypeBroadcastInDim, withDType(shape, x.shape.DType), axes, x)
}

// reductionAxes is the attr of a reduction.
type reductionAxes []int

func (b *Builder) reduce(op opcode, x backends.Op, axes []int) (backends.Op, error) {
	in, err := b.inputs(op, x)
	if err != nil {
		return nil, err
	}
	if len(axes) == 0 {
		axes = make([]int, in[0].shape.Rank())
		for i := range axes {
			axes[i] = i
		}
	}
	if err := axesUnique(op, in[0], axes); err != nil {
		return nil, err
	}
	if !hasReduce(op, in[0].shape.DType) {
		return nil, errors.Errorf("%s: the op is not defined for dtype %s in backend %q", describe(op, in...), in[0].shape.DType, Name)
	}
	if len(axes) == 0 {
		return in[0], nil // a scalar
	}
	return b.add(op, withoutAxes(in[0].shape, axes), reductionAxes(sorted(axes)), in...), nil
}

func withDType(shape shapes.Shape, dtype dtypes.DType) shapes.Shape {
	return shapes.Shape{DType: dtype, Dimensions: shape.Dimensions}
}
