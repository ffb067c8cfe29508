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
		here := current[a-from : b-from]
		kernel.FMA(here, z[a-begin:b-begin], n.SD[a:b], here)
	}
}

// mix is the output function of SplitMix64 (Steele, Lea & Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// normals draws standard normal numbers by Box and Muller's method, from SplitMix64 at a state. They stay within 5.9 standard deviations.
func normals(z *[noiseChunk]float32, state uint64) {
	const half = noiseChunk / 2
	var radius, angle [half]float32
	for i := range half {
		x := mix(state)
		state += 0x9e3779b97f4a7c15
		radius[i] = (float32(x>>40) + .5) * (1. / (1 << 24))
		angle[i] = float32(int32(x)) * (math.Pi / (1 << 31))
	}
	r := radius[:]
	kernel.Unary(kernel.Log, r, r)
	kernel.BinaryVS(kernel.Mul, r, r, -2)
	kernel.Unary(kernel.Sqrt, r, r)
	kernel.Unary(kernel.Cos, z[:half], angle[:])
	kernel.Unary(kernel.Sin, z[half:], angle[:])
	kernel.Binary(kernel.Mul, z[:half], z[:half], r)
	kernel.Binary(kernel.Mul, z[half:], z[half:], r)
}
