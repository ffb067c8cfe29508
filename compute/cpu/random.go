package cpu

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// pcg is the state of Go's math/rand/v2 PCG generator, which GoMLX's own Go backend draws from.
type pcg struct{ hi, lo uint64 }

// The linear congruential step of math/rand/v2: state = state*multiplier + increment, modulo 2^128.
var (
	pcgMultiplier = pcg{2549297995355413924, 4865540595714422341}
	pcgIncrement  = pcg{6364136223846793005, 1442695040888963407}
)

func (p pcg) times(q pcg) pcg {
	hi, lo := bits.Mul64(p.lo, q.lo)
	return pcg{hi + p.hi*q.lo + p.lo*q.hi, lo}
}

func (p pcg) plus(q pcg) pcg {
	lo, carry := bits.Add64(p.lo, q.lo, 0)
	hi, _ := bits.Add64(p.hi, q.hi, carry)
	return pcg{hi, lo}
}

// after returns the state after n draws, in time proportional to log n (F. Brown, "Random number generation with arbitrary strides",
// 1994).
func (p pcg) after(n int) pcg {
	factor, offset := pcg{0, 1}, pcg{}
	mul, inc := pcgMultiplier, pcgIncrement
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			factor = factor.times(mul)
			offset = offset.times(mul).plus(inc)
		}
		inc = mul.plus(pcg{0, 1}).times(inc)
		mul = mul.times(mul)
	}
	return p.times(factor).plus(offset)
}

// rngStateStep advances the generator.
type rngStateStep struct {
	dst, src ref
	draws    int
}

func (s *rngStateStep) run(f *frame) {
	in, out := span[uint64](f.at(s.src), 3), span[uint64](f.at(s.dst), 3)
	next := pcg{in[0], in[1]}.after(s.draws)
	// GoMLX's backend reads Go's big-endian encoding of the state as little-endian: the next state is the bytes swapped.
	out[0], out[1], out[2] = bits.ReverseBytes64(next.hi), bits.ReverseBytes64(next.lo), in[2]
}

// rngBitsStep draws random bytes, eight a draw, the lowest first.
type rngBitsStep struct {
	dst, src ref
	bytes    int
}

// rngPiece is how many bytes a worker draws at a time.
const rngPiece = 1 << 15

func (s *rngBitsStep) run(f *frame) {
	in := span[uint64](f.at(s.src), 3)
	start := pcg{in[0], in[1]}
	out := span[byte](f.at(s.dst), s.bytes)
	f.par.For((s.bytes+rngPiece-1)/rngPiece, func(i int) {
		part := out[i*rngPiece : min((i+1)*rngPiece, len(out))]
		at := start.after(i * rngPiece / 8)
		fillRandom(part, at)
	})
}

func fillRandom(out []byte, at pcg) {
	rng := rand.NewPCG(at.hi, at.lo)
	words := span[uint64](unsafe.Pointer(unsafe.SliceData(out)), len(out)/8)
	for i := range words {
		words[i] = rng.Uint64()
	}
	if rest := out[len(words)*8:]; len(rest) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], rng.Uint64())
		copy(rest, last[:])
	}
}
