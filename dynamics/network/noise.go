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
		sd, z, into := n.SD[a:b], z[a-begin:b-begin], current[a-from:b-from]
		for i := range into {
			into[i] += sd[i] * z[i]
		}
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

// layers is how many layers the ziggurat has. With so many, 1 point in 300 needs a second look.
const layers = 1024

// ziggurat covers half of the normal density by layers of equal area (Marsaglia & Tsang 2000). The lowest contains the tail beyond edge.
var ziggurat = func() (z struct {
	edge   float64
	width  [layers]float32 // of a layer, in units of 2^-31
	inner  [layers]uint32  // what part of it lies under the density for certain, in units of 2^-31
	height [layers + 1]float64
}) {
	density := func(x float64) float64 { return math.Exp(-x * x / 2) }
	var x [layers + 1]float64 // edges, from the widest
	// build lays the layers for an edge and returns how far the last reaches above the density's peak of 1.
	build := func(edge float64) float64 {
		area := edge*density(edge) + math.Sqrt(math.Pi/2)*math.Erfc(edge/math.Sqrt2)
		x[0], x[1] = area/density(edge), edge
		for i := 2; i < layers; i++ {
			top := area/x[i-1] + density(x[i-1])
			if top >= 1 {
				return top
			}
			x[i] = math.Sqrt(-2 * math.Log(top))
		}
		return area/x[layers-1] + density(x[layers-1])
	}
	low, high := 3., 6. // the last layer reaches too high for the first edge, not high enough for the second
	for range 60 {
		if z.edge = (low + high) / 2; build(z.edge) > 1 {
			low = z.edge
		} else {
			high = z.edge
		}
	}
	z.edge = high
	build(high)
	for i := range layers {
		z.width[i] = float32(x[i] / (1 << 31))
		z.inner[i] = uint32(x[i+1] / x[i] * (1 << 31))
		z.height[i] = density(x[i])
	}
	z.height[0], z.height[layers] = 0, 1
	return z
}()

// normals draws standard normal numbers from SplitMix64 at a state, two from each word.
func normals(z *[noiseChunk]float32, state uint64) {
	for i := 0; i < noiseChunk; i += 2 {
		state += golden
		word := mixed(state)
		for k := range 2 {
			w := uint32(word >> (32 * k))
			layer, j := w%layers, int32(w&^(layers-1))
			x := float32(j) * ziggurat.width[layer]
			if uint32(max(j, -j)) >= ziggurat.inner[layer] {
				x = unsure(x, layer, mix(word+uint64(k)))
			}
			z[i+k] = x
		}
	}
}

// unsure decides for a point of a layer that may lie above the density, with further random numbers from a state of its own.
func unsure(x float32, layer uint32, state uint64) float32 {
	uniform := func() float64 {
		state += golden
		return (float64(mixed(state)>>11) + .5) / (1 << 53)
	}
	for {
		size := math.Abs(float64(x))
		if layer == 0 && size >= ziggurat.edge { // the tail, by Marsaglia's method
			a, b := -math.Log(uniform())/ziggurat.edge, -math.Log(uniform())
			if b+b >= a*a {
				return float32(math.Copysign(ziggurat.edge+a, float64(x)))
			}
			continue
		}
		bottom, top := ziggurat.height[layer], ziggurat.height[layer+1]
		if layer > 0 && bottom+uniform()*(top-bottom) < math.Exp(-size*size/2) || layer == 0 {
			return x
		}
		// A new point altogether.
		w := mixed(state)
		state += golden
		layer = uint32(w % layers)
		j := int32(uint32(w>>32) &^ (layers - 1))
		x = float32(j) * ziggurat.width[layer]
		if uint32(max(j, -j)) < ziggurat.inner[layer] {
			return x
		}
	}
}
