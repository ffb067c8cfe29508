package network

import (
	"math"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// Noise is independent normal currents, drawn anew at each step. What a neuron gets is a function of Seed, the step and its number alone.
type Noise struct {
	SD   []float32 // of each neuron
	Seed uint64
}

// EqualNoise is noise of one standard deviation for n neurons.
func EqualNoise(sd float64, n int, seed uint64) *Noise {
	s := make([]float32, n)
	kernel.Fill(s, float32(sd))
	return &Noise{s, seed}
}

// noiseChunk is how many neurons are drawn for at once. Ranges of neurons that workers have begin at its multiples.
const noiseChunk = 256

// Add adds the currents of a step to current[i], for neurons from+i. It has the signature of Drive.Current.
func (n *Noise) Add(step, from, to int, current []float32) {
	var z [noiseChunk]float32
	for begin := from - from%noiseChunk; begin < to; begin += noiseChunk {
		normals(&z, mix(n.Seed^mix(uint64(step)<<32^uint64(begin/noiseChunk))))
		a, b := max(begin, from), min(begin+noiseChunk, to)
		into := current[a-from : b-from]
		kernel.FMA(into, z[a-begin:b-begin], n.SD[a:b], into)
	}
}

// mix is the output function of SplitMix64 (Steele, Lea & Flood 2014).
func mix(x uint64) uint64 { return mixed(x + golden) }

const golden = 0x9e3779b97f4a7c15

func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// quantiles has the half of the normal distribution above zero in cells of equal probability: where a cell begins, and its width by 2^-20. Within a cell
// numbers are spread evenly. The last cells are wide, and one has no end: numbers from them are drawn exactly.
var quantiles = func() (q [cells][2]float32) {
	edge := func(i int) float64 { return math.Sqrt2 * math.Erfinv(float64(i)/cells) }
	for i := range even {
		width := (edge(i+1) - edge(i)) / (1 << 20)
		q[i] = [2]float32{float32(edge(i) + width/2), float32(width)}
	}
	return q
}()

const (
	cells = 2048
	even  = cells - 4 // cells within which numbers are spread evenly
)

// normals draws standard normal numbers from SplitMix64 at a state, two from each word. They are the same on every processor.
func normals(z *[noiseChunk]float32, state uint64) {
	if fastNormals(z, state) {
		return
	}
	for i := 0; i < noiseChunk; i += 2 {
		state += golden
		word := mixed(state)
		z[i], z[i+1] = normal(uint32(word)), normal(uint32(word>>32))
	}
}

// normal makes a number of a sign, 11 bits for the cell and 20 for the place in it.
func normal(w uint32) float32 {
	cell := w >> 20 % cells
	if cell >= even {
		return tail(w)
	}
	q := &quantiles[cell]
	x := q[0] + float32(q[1]*float32(int32(w&(1<<20-1)))) // the conversion keeps the two from being fused
	return math.Float32frombits(math.Float32bits(x) | w&(1<<31))
}

// tail draws from the last cells.
func tail(w uint32) float32 {
	inside := (float64(mix(uint64(w))>>11) + .5) / (1 << 53)
	x := math.Sqrt2 * math.Erfinv((even+(cells-even)*inside)/cells)
	return float32(math.Copysign(x, float64(int32(w))))
}
