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
	for begin := from - from%noiseChunk; begin < to; begin += noiseChunk {
		g := gaussian{mix(n.Seed ^ mix(uint64(step)<<32^uint64(begin/noiseChunk)))}
		for range from - begin { // those of other ranges
			g.next()
		}
		a, b := max(begin, from), min(begin+noiseChunk, to)
		sd, into := n.SD[a:b], current[a-from:b-from]
		into = into[:len(sd)]
		for i, sd := range sd {
			// next, written out: the call would take as long as the drawing.
			g.state += golden
			r := mixed(g.state)
			layer, j := r&127, int32(r>>32)
			x := float32(j) * ziggurat.width[layer]
			if uint32(max(j, -j)) >= ziggurat.inner[layer] {
				x = g.rest(layer, x)
			}
			into[i] += sd * x
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

// gaussian draws standard normal numbers from SplitMix64 by the ziggurat method (Marsaglia & Tsang 2000).
type gaussian struct{ state uint64 }

// ziggurat has for each of 128 layers its width in units of 2^-31, below which part of it lies in the next, and its height.
var ziggurat = func() (z struct {
	width, height [128]float32
	inner         [128]uint32
}) {
	const edge, area, unit = 3.442619855899, 9.91256303526217e-3, 1 << 31
	density := func(x float64) float64 { return math.Exp(-x * x / 2) }
	bottom := area / density(edge)
	z.inner[0] = uint32(edge / bottom * unit)
	z.width[0], z.width[127] = float32(bottom/unit), float32(edge/unit)
	z.height[0], z.height[127] = 1, float32(density(edge))
	x := edge
	for i := 126; i >= 1; i-- {
		below := x
		x = math.Sqrt(-2 * math.Log(area/x+density(x)))
		z.inner[i+1] = uint32(x / below * unit)
		z.width[i], z.height[i] = float32(x/unit), float32(density(x))
	}
	return z
}()

func (g *gaussian) next() float32 {
	g.state += golden
	r := mixed(g.state)
	layer, j := r&127, int32(r>>32)
	x := float32(j) * ziggurat.width[layer]
	if uint32(max(j, -j)) < ziggurat.inner[layer] {
		return x
	}
	return g.rest(layer, x)
}

// rest decides the cases, 1 in 40, in which a point may lie outside.
func (g *gaussian) rest(layer uint64, x float32) float32 {
	const edge = 3.442619855899
	uniform := func() float64 {
		g.state += golden
		return (float64(mixed(g.state)>>11) + .5) / (1 << 53)
	}
	if layer == 0 { // the tail
		for {
			a, b := -math.Log(uniform())/edge, -math.Log(uniform())
			if b+b >= a*a {
				return float32(math.Copysign(edge+a, float64(x)))
			}
		}
	}
	top, bottom := float64(ziggurat.height[layer-1]), float64(ziggurat.height[layer])
	if bottom+uniform()*(top-bottom) < math.Exp(-float64(x)*float64(x)/2) {
		return x
	}
	return g.next()
}
