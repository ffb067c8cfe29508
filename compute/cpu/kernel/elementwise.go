package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// Float is the element types with every floating-point kernel.
type Float interface{ float32 | float64 }

// Integer is the integer element types.
type Integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// Number is the element types arithmetic is defined on.
type Number interface{ Float | Integer }

// A UnaryOp is a function of one floating-point number.
type UnaryOp uint8

// The unary functions. Error bounds for float32 are in the package documentation.
const (
	Identity UnaryOp = iota // x
	Abs
	Neg        // -x, also of zeros and NaN
	Sign       // -1, ±0 or 1; NaN of NaN
	Floor      //
	Ceil       //
	RoundEven  // to the nearest integer, halves to even
	Square     // x*x
	Reciprocal // 1/x
	Sqrt       //
	Rsqrt      // 1/sqrt(x)
	Exp        //
	Expm1      // exp(x)-1
	Log        //
	Log1p      // log(1+x)
	Sin        //
	Cos        //
	Tanh       //
	Sigmoid    // 1/(1+exp(-x))
	Erf        //
	Relu       // max(x, 0); NaN of NaN
	Gelu       // x/2*(1+Erf(x/sqrt(2)))
	numUnary
)

var unaryNames = [numUnary]string{"identity", "abs", "neg", "sign", "floor", "ceil", "roundeven", "square", "reciprocal", "sqrt",
	"rsqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "sigmoid", "erf", "relu", "gelu"}

// String returns the function's name in lower case.
func (op UnaryOp) String() string {
	if op < numUnary {
		return unaryNames[op]
	}
	return fmt.Sprintf("UnaryOp(%d)", uint8(op))
}

// Unary sets dst[i] = op(x[i]). x has dst's length and may be dst itself, but must not overlap it otherwise.
func Unary[T Float](op UnaryOp, dst, x []T) {
	checkLength("Unary", len(dst), len(x))
	switch d := any(dst).(type) {
	case []float32:
		active.unary32[op](d, any(x).([]float32))
	case []float64:
		active.unary64[op](d, any(x).([]float64))
	}
}

// A BinaryOp is a function of two numbers.
type BinaryOp uint8

// The binary functions.
const (
	Add BinaryOp = iota
	Sub
	Mul
	Div // of integers: truncated, all bits set where the divisor is 0
	Max // NaN if either is; +0 is above -0
	Min // NaN if either is; -0 is below +0
	Pow // of integers: by repeated squaring; a negative exponent gives 1, -1 or 0
	Rem // x - trunc(x/y)*y, the sign is x's; of integers: x where the divisor is 0
	numBinary
)

var binaryNames = [numBinary]string{"add", "sub", "mul", "div", "max", "min", "pow", "rem"}

// String returns the function's name in lower case.
func (op BinaryOp) String() string {
	if op < numBinary {
		return binaryNames[op]
	}
	return fmt.Sprintf("BinaryOp(%d)", uint8(op))
}

// binaryKernels are the three operand forms: vector with vector, vector with scalar, scalar with vector.
type binaryKernels[T Float] struct {
	vv func(dst, x, y []T)
	vs func(dst, x []T, y T)
	sv func(dst []T, x T, y []T)
}

// Binary sets dst[i] = op(x[i], y[i]). x and y have dst's length and each may be dst itself, but must not overlap it otherwise.
func Binary[T Number](op BinaryOp, dst, x, y []T) {
	checkLength("Binary", len(dst), len(x))
	checkLength("Binary", len(dst), len(y))
	switch d := any(dst).(type) {
	case []float32:
		active.binary32[op].vv(d, any(x).([]float32), any(y).([]float32))
	case []float64:
		active.binary64[op].vv(d, any(x).([]float64), any(y).([]float64))
	default:
		binaryInteger(op, dst, x, y, 1, 1)
	}
}

// BinaryVS sets dst[i] = op(x[i], y). x has dst's length and may be dst itself.
func BinaryVS[T Number](op BinaryOp, dst, x []T, y T) {
	checkLength("BinaryVS", len(dst), len(x))
	switch d := any(dst).(type) {
	case []float32:
		active.binary32[op].vs(d, any(x).([]float32), any(y).(float32))
	case []float64:
		active.binary64[op].vs(d, any(x).([]float64), any(y).(float64))
	default:
		binaryInteger(op, dst, x, []T{y}, 1, 0)
	}
}

// BinaryRows sets each row of dst [rows, cols] to op of the row of x and the row's number in y [rows]. dst may be x.
func BinaryRows(op BinaryOp, dst, x, y []float32, cols int) {
	checkLength("BinaryRows", len(dst), len(x))
	checkLength("BinaryRows", len(dst), cols*len(y))
	f := active.binary32[op].vs
	for r, v := range y {
		f(dst[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols], v)
	}
}

// DivideRows sets each row of dst [rows, cols] to the row of x divided by the row's number in y [rows]: where there are 16 columns or more, to
// its product with the reciprocal if that is a normal number, which is several times as fast and one unit in the last place less exact.
// dst may be x.
func DivideRows(dst, x, y []float32, cols int) {
	checkLength("DivideRows", len(dst), len(x))
	checkLength("DivideRows", len(dst), cols*len(y))
	const many = 16
	multiply, divide := active.binary32[Mul].vs, active.binary32[Div].vs
	for r, v := range y {
		d, n := dst[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols]
		if size := math.Abs(float64(v)); cols >= many && size >= 0x1p-126 && size <= 0x1p126 {
			multiply(d, n, 1/v)
		} else {
			divide(d, n, v)
		}
	}
}

// BinarySV sets dst[i] = op(x, y[i]). y has dst's length and may be dst itself.
func BinarySV[T Number](op BinaryOp, dst []T, x T, y []T) {
	checkLength("BinarySV", len(dst), len(y))
	switch d := any(dst).(type) {
	case []float32:
		active.binary32[op].sv(d, any(x).(float32), any(y).([]float32))
	case []float64:
		active.binary64[op].sv(d, any(x).(float64), any(y).([]float64))
	default:
		binaryInteger(op, dst, []T{x}, y, 0, 1)
	}
}

// A CompareOp is an ordering test. Every test but NotEqual is false when either side is NaN.
type CompareOp uint8

// The ordering tests.
const (
	Equal CompareOp = iota
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
	numCompare
)

var compareNames = [numCompare]string{"equal", "notequal", "less", "lessequal", "greater", "greaterequal"}

// String returns the test's name in lower case.
func (op CompareOp) String() string {
	if op < numCompare {
		return compareNames[op]
	}
	return fmt.Sprintf("CompareOp(%d)", uint8(op))
}

// Swapped returns the test t with t(y, x) == op(x, y).
func (op CompareOp) Swapped() CompareOp {
	return [numCompare]CompareOp{Equal, NotEqual, Greater, GreaterEqual, Less, LessEqual}[op]
}

type compareKernels struct {
	vv func(dst []bool, x, y []float32)
	vs func(dst []bool, x []float32, y float32)
}

// Compare sets dst[i] = op(x[i], y[i]). x and y have dst's length.
func Compare[T Number](op CompareOp, dst []bool, x, y []T) {
	checkLength("Compare", len(dst), len(x))
	checkLength("Compare", len(dst), len(y))
	switch v := any(x).(type) {
	case []float32:
		active.compare32[op].vv(dst, v, any(y).([]float32))
	default:
		comparePortable(op, dst, x, y, 1)
	}
}

// CompareVS sets dst[i] = op(x[i], y). x has dst's length. For a scalar on the left use op.Swapped.
func CompareVS[T Number](op CompareOp, dst []bool, x []T, y T) {
	checkLength("CompareVS", len(dst), len(x))
	switch v := any(x).(type) {
	case []float32:
		active.compare32[op].vs(dst, v, any(y).(float32))
	default:
		comparePortable(op, dst, x, []T{y}, 0)
	}
}

// Select sets dst[i] to x[i] where cond[i] holds and to y[i] where it does not. cond, x and y have dst's length; x and y may be dst itself.
func Select[T any](dst []T, cond []bool, x, y []T) {
	checkLength("Select", len(dst), len(cond))
	checkLength("Select", len(dst), len(x))
	checkLength("Select", len(dst), len(y))
	if d, ok := any(dst).([]float32); ok {
		active.select32(d, cond, any(x).([]float32), any(y).([]float32))
		return
	}
	selectPortable(dst, cond, x, y)
}

// FMA sets dst[i] = x[i]*y[i] + z[i], rounded once on the assembly tiers and twice on the portable one. All have dst's length and each
// may be dst itself.
func FMA[T Float](dst, x, y, z []T) {
	checkLength("FMA", len(dst), len(x))
	checkLength("FMA", len(dst), len(y))
	checkLength("FMA", len(dst), len(z))
	switch d := any(dst).(type) {
	case []float32:
		active.fma32(d, any(x).([]float32), any(y).([]float32), any(z).([]float32))
	case []float64:
		active.fma64(d, any(x).([]float64), any(y).([]float64), any(z).([]float64))
	}
}

// Axpy sets dst[i] = a*x[i] + y[i], rounded as FMA. x and y have dst's length and each may be dst itself.
func Axpy[T Float](dst []T, a T, x, y []T) {
	checkLength("Axpy", len(dst), len(x))
	checkLength("Axpy", len(dst), len(y))
	switch d := any(dst).(type) {
	case []float32:
		active.axpy32(d, any(a).(float32), any(x).([]float32), any(y).([]float32))
	case []float64:
		active.axpy64(d, any(a).(float64), any(x).([]float64), any(y).([]float64))
	}
}

// Fill sets every element of dst to v.
func Fill[T any](dst []T, v T) {
	if unsafe.Sizeof(v) == 4 && len(dst) >= 16 {
		active.fill4(words[uint32](dst), *(*uint32)(unsafe.Pointer(&v)))
		return
	}
	fillPortable(dst, v)
}

func fillPortable[T any](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}

func checkLength(kernel string, want, got int) {
	if want != got {
		panic(fmt.Sprintf("kernel.%s: an operand has %d elements where the result has %d", kernel, got, want))
	}
}

// unaryPortable holds the reference definitions, evaluated in float64.
var unaryPortable = [numUnary]func(float64) float64{
	Identity:   func(x float64) float64 { return x },
	Abs:        math.Abs,
	Neg:        func(x float64) float64 { return -x },
	Sign:       sign,
	Floor:      math.Floor,
	Ceil:       math.Ceil,
	RoundEven:  math.RoundToEven,
	Square:     func(x float64) float64 { return x * x },
	Reciprocal: func(x float64) float64 { return 1 / x },
	Sqrt:       math.Sqrt,
	Rsqrt:      func(x float64) float64 { return 1 / math.Sqrt(x) },
	Exp:        math.Exp,
	Expm1:      math.Expm1,
	Log:        math.Log,
	Log1p:      math.Log1p,
	Sin:        math.Sin,
	Cos:        math.Cos,
	Tanh:       math.Tanh,
	Sigmoid:    sigmoid,
	Erf:        math.Erf,
	Relu:       relu,
	Gelu:       gelu,
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func sigmoid(x float64) float64 {
	e := math.Exp(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

func relu(x float64) float64 {
	if x < 0 {
		return 0
	}
	return x
}

func gelu(x float64) float64 {
	if math.IsInf(x, -1) {
		return math.Copysign(0, -1)
	}
	return x / 2 * math.Erfc(-x/math.Sqrt2)
}

func portableUnary[T Float](f func(float64) float64) func(dst, x []T) {
	return func(dst, x []T) {
		x = x[:len(dst)]
		for i, v := range x {
			dst[i] = T(f(float64(v)))
		}
	}
}

// portableBinary spells out every operand form, so that the loops of the cheap functions stay free of calls.
func portableBinary[T Float]() (ops [numBinary]binaryKernels[T]) {
	ops[Add] = binaryKernels[T]{
		func(dst, x, y []T) {
			for i := range dst {
				dst[i] = x[i] + y[i]
			}
		}, func(dst, x []T, y T) {
			for i := range dst {
				dst[i] = x[i] + y
			}
		}, func(dst []T, x T, y []T) {
			for i := range dst {
				dst[i] = x + y[i]
			}
		}}
	ops[Sub] = binaryKernels[T]{
		func(dst, x, y []T) {
			for i := range dst {
				dst[i] = x[i] - y[i]
			}
		}, func(dst, x []T, y T) {
			for i := range dst {
				dst[i] = x[i] - y
			}
		}, func(dst []T, x T, y []T) {
			for i := range dst {
				dst[i] = x - y[i]
			}
		}}
	ops[Mul] = binaryKernels[T]{
		func(dst, x, y []T) {
			for i := range dst {
				dst[i] = x[i] * y[i]
			}
		}, func(dst, x []T, y T) {
			for i := range dst {
				dst[i] = x[i] * y
			}
		}, func(dst []T, x T, y []T) {
			for i := range dst {
				dst[i] = x * y[i]
			}
		}}
	ops[Div] = binaryKernels[T]{
		func(dst, x, y []T) {
			for i := range dst {
				dst[i] = x[i] / y[i]
			}
		}, func(dst, x []T, y T) {
			for i := range dst {
				dst[i] = x[i] / y
			}
		}, func(dst []T, x T, y []T) {
			for i := range dst {
				dst[i] = x / y[i]
			}
		}}
	ops[Max] = binaryOf(func(x, y T) T { return max(x, y) })
	ops[Min] = binaryOf(func(x, y T) T { return min(x, y) })
	ops[Pow] = binaryOf(func(x, y T) T { return T(math.Pow(float64(x), float64(y))) })
	ops[Rem] = binaryOf(func(x, y T) T { return T(math.Mod(float64(x), float64(y))) })
	return ops
}

func binaryOf[T Float](f func(x, y T) T) binaryKernels[T] {
	return binaryKernels[T]{
		func(dst, x, y []T) {
			for i := range dst {
				dst[i] = f(x[i], y[i])
			}
		}, func(dst, x []T, y T) {
			for i := range dst {
				dst[i] = f(x[i], y)
			}
		}, func(dst []T, x T, y []T) {
			for i := range dst {
				dst[i] = f(x, y[i])
			}
		}}
}

// binaryInteger applies op to integers; stepX and stepY are 0 for an operand that stays on its first element.
func binaryInteger[T Number](op BinaryOp, dst, x, y []T, stepX, stepY int) {
	if len(dst) == 0 {
		return
	}
	switch op {
	case Add:
		for i := range dst {
			dst[i] = x[i*stepX] + y[i*stepY]
		}
	case Sub:
		for i := range dst {
			dst[i] = x[i*stepX] - y[i*stepY]
		}
	case Mul:
		for i := range dst {
			dst[i] = x[i*stepX] * y[i*stepY]
		}
	case Div:
		for i := range dst {
			if d := y[i*stepY]; d != 0 {
				dst[i] = x[i*stepX] / d
			} else {
				dst[i] = d - 1
			}
		}
	case Max:
		for i := range dst {
			dst[i] = max(x[i*stepX], y[i*stepY])
		}
	case Min:
		for i := range dst {
			dst[i] = min(x[i*stepX], y[i*stepY])
		}
	case Pow:
		for i := range dst {
			dst[i] = powInteger(x[i*stepX], y[i*stepY])
		}
	case Rem:
		for i := range dst {
			if d := y[i*stepY]; d != 0 {
				q := x[i*stepX] / d
				dst[i] = x[i*stepX] - q*d
			} else {
				dst[i] = x[i*stepX]
			}
		}
	}
}

func powInteger[T Number](x, n T) T {
	var zero T
	one := zero + 1
	if n < zero {
		switch {
		case x == one:
			return one
		case x+one == zero:
			if half := n / 2; half*2 != n {
				return x
			}
			return one
		}
		return zero
	}
	p := one
	for n > zero {
		half := n / 2
		if half*2 != n {
			p *= x
		}
		x *= x
		n = half
	}
	return p
}

func comparePortable[T Number](op CompareOp, dst []bool, x, y []T, stepY int) {
	if len(dst) == 0 {
		return
	}
	switch op {
	case Equal:
		for i := range dst {
			dst[i] = x[i] == y[i*stepY]
		}
	case NotEqual:
		for i := range dst {
			dst[i] = x[i] != y[i*stepY]
		}
	case Less:
		for i := range dst {
			dst[i] = x[i] < y[i*stepY]
		}
	case LessEqual:
		for i := range dst {
			dst[i] = x[i] <= y[i*stepY]
		}
	case Greater:
		for i := range dst {
			dst[i] = x[i] > y[i*stepY]
		}
	case GreaterEqual:
		for i := range dst {
			dst[i] = x[i] >= y[i*stepY]
		}
	}
}

func portableCompare() (ops [numCompare]compareKernels) {
	for op := range numCompare {
		ops[op] = compareKernels{
			func(dst []bool, x, y []float32) { comparePortable(op, dst, x, y, 1) },
			func(dst []bool, x []float32, y float32) { comparePortable(op, dst, x, []float32{y}, 0) },
		}
	}
	return ops
}

func selectPortable[T any](dst []T, cond []bool, x, y []T) {
	dst, x, y = dst[:len(cond)], x[:len(cond)], y[:len(cond)]
	for i, c := range cond {
		if c {
			dst[i] = x[i]
		} else {
			dst[i] = y[i]
		}
	}
}

func portableFMA[T Float](dst, x, y, z []T) {
	for i := range dst {
		dst[i] = x[i]*y[i] + z[i]
	}
}

func portableAxpy[T Float](dst []T, a T, x, y []T) {
	for i := range dst {
		dst[i] = a*x[i] + y[i]
	}
}
