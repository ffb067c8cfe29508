package kernel

import (
	"fmt"
	"os"
	"strings"
)

// A Tier is a family of kernels that one generation of processors can run.
type Tier uint8

const (
	// Portable is plain Go: every processor.
	Portable Tier = iota
	// AVX2 is amd64 with AVX2, FMA and F16C.
	AVX2
	// AVX512 is amd64 with the F, BW, DQ and VL subsets of AVX-512.
	AVX512
)

// TierVariable is the environment variable that forces a tier: avx512, avx2 or portable.
const TierVariable = "GYRUS_CPU_TIER"

// String returns the name TierVariable knows the tier by.
func (t Tier) String() string {
	switch t {
	case Portable:
		return "portable"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	}
	return fmt.Sprintf("Tier(%d)", uint8(t))
}

// kernels is one tier's implementations. Every field of the portable table is set; the other tiers start from a copy of it and replace
// what they have assembly for.
type kernels struct {
	tier Tier

	unary32 [numUnary]func(dst, x []float32)
	unary64 [numUnary]func(dst, x []float64)

	binary32 [numBinary]binaryKernels[float32]
	binary64 [numBinary]binaryKernels[float64]

	compare32 [numCompare]compareKernels
	select32  func(dst []float32, cond []bool, x, y []float32)

	fma32  func(dst, x, y, z []float32)
	fma64  func(dst, x, y, z []float64)
	axpy32 func(dst []float32, a float32, x, y []float32)
	axpy64 func(dst []float64, a float64, x, y []float64)

	reduce32 reduceKernels[float32]
	reduce64 reduceKernels[float64]
	// expSum32 sets dst[i] = exp(x[i]-shift) and returns their sum, of at most blockLength elements.
	expSum32 func(dst, x []float32, shift float32) float32

	gemm32 *microKernels[float32]
	gemm64 *microKernels[float64]

	fill4      func(dst []uint32, x uint32)
	transpose4 func(dst []uint32, dstStride int, src []uint32, srcStride, rows, cols int)

	fromBool   func(dst []float32, x []bool)
	fromInt32  func(dst []float32, x []int32)
	fromUint32 func(dst []float32, x []uint32)
}

// portableTable returns the implementations in plain Go.
func portableTable() *kernels {
	k := &kernels{
		tier:       Portable,
		binary32:   portableBinary[float32](),
		binary64:   portableBinary[float64](),
		compare32:  portableCompare(),
		select32:   selectPortable[float32],
		fma32:      portableFMA[float32],
		fma64:      portableFMA[float64],
		axpy32:     portableAxpy[float32],
		axpy64:     portableAxpy[float64],
		reduce32:   portableReduce[float32](),
		reduce64:   portableReduce[float64](),
		expSum32:   expSumPortable,
		gemm32:     portableMicro[float32](),
		gemm64:     portableMicro[float64](),
		fill4:      fillPortable[uint32],
		transpose4: transposePortable[uint32],
		fromBool:   fromBoolPortable[float32],
		fromInt32:  convertPortable[float32, int32],
		fromUint32: convertPortable[float32, uint32],
	}
	for op, f := range unaryPortable {
		k.unary32[op] = portableUnary[float32](f)
		k.unary64[op] = portableUnary[float64](f)
	}
	return k
}

// tables holds the tiers this processor can run, slowest first; active is the one in use.
var (
	tables   = availableTables()
	active   = tables[len(tables)-1]
	envError error
)

func init() {
	if name := os.Getenv(TierVariable); name != "" {
		envError = useNamed(name)
	}
}

// Tiers returns the tiers this processor can run, slowest first.
func Tiers() []Tier {
	tiers := make([]Tier, len(tables))
	for i, t := range tables {
		tiers[i] = t.tier
	}
	return tiers
}

// Active returns the tier in use.
func Active() Tier { return active.tier }

// EnvError is what was wrong with TierVariable when the program started, or nil. The best tier is in use when it was wrong.
func EnvError() error { return envError }

// Use switches to another tier. It must not be called while a kernel runs. The error names the tiers there are when this
// processor cannot run t.
func Use(t Tier) error {
	for _, table := range tables {
		if table.tier == t {
			active = table
			return nil
		}
	}
	return fmt.Errorf("kernel: this processor cannot run tier %s, only %s", t, names())
}

// useNamed is Use with the name of a tier, as TierVariable has it.
func useNamed(name string) error {
	for _, t := range []Tier{Portable, AVX2, AVX512} {
		if t.String() == name {
			return Use(t)
		}
	}
	return fmt.Errorf("kernel: %s=%q is no tier; choose one of %s or leave it unset for the best", TierVariable, name, names())
}

func names() string {
	var list []string
	for _, t := range tables {
		list = append(list, t.tier.String())
	}
	return strings.Join(list, ", ")
}
