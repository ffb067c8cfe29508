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
		state := mix(n.Seed ^ mix(uint64(step)<<32^uint64(begin/noiseChunk)))
		a, b := max(begin, from), min(begin+noiseChunk, to)
		addNormals(current[a-from:b-from], n.SD[a:b], a-begin, state)
	}
}

// addNormalsPortable adds sd·z to current, with z the normal numbers of state from skip on.
func addNormalsPortable(current, sd []float32, skip int, state uint64) {
	var z [noiseChunk]float32
	normals(&z, state)
	kernel.FMA(current, z[skip:skip+len(current)], sd, current)
}

// mix is the output function of SplitMix64 (Steele, Lea & Flood 2014).
func mix(x uint64) uint64 { return mixed(x + golden) }

const golden = 0x9e3779b97f4a7c15

func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A normal number is made of the top 24 bits of a word, v, and its lowest, which is the sign: its magnitude is the one that (v+½)/2^24 of all are
// beyond. Between one half and the whole of a power of two in v, and so from one cell to the next by factors, that is close to a cubic in v: to 5e-5 of
// a standard deviation. Where v is below 2^lowest, once in 65,536 numbers, it is drawn exactly.
const (
	lowest    = 8
	cells     = 2 * (24 - lowest)
	firstCell = (127 + lowest) * 2 // the first 9 bits of a float32 of 2^lowest, but for the sign
)

// cubics has the coefficients of g, v divided by the power of two below it, in each cell: g⁰ in cubics[0].
var cubics = func() (c [4][cells]float32) {
	for cell := range cells {
		low := 1 + .5*float64(cell%2)
		power := math.Exp2(float64(lowest + cell/2))
		// Newton's form of the cubic through four points, those of Chebyshev, and then its powers.
		var g, z [4]float64
		for i := range g {
			g[i] = low + .25 - .25*math.Cos(math.Pi*(float64(i)+.5)/4)
			z[i] = magnitude((g[i]*power + .5) / (1 << 24))
		}
		for order := 1; order < 4; order++ {
			for i := 3; i >= order; i-- {
				z[i] = (z[i] - z[i-1]) / (g[i] - g[i-order])
			}
		}
		poly := [4]float64{z[3]}
		for i := 2; i >= 0; i-- {
			for k := 3; k > 0; k-- {
				poly[k] = poly[k-1] - g[i]*poly[k]
			}
			poly[0] = z[i] - g[i]*poly[0]
		}
		for k, x := range poly {
			c[k][cell] = float32(x)
		}
	}
	return c
}()

// magnitude is what a part q of all normal numbers are beyond, on either side.
func magnitude(q float64) float64 { return math.Sqrt2 * math.Erfinv(1-q) }

// normals draws standard normal numbers from SplitMix64 at a state, two from each word. They are the same on every processor.
func normals(z *[noiseChunk]float32, state uint64) {
	for i := 0; i < noiseChunk; i += 2 {
		state += golden
		word := mixed(state)
		z[i], z[i+1] = normal(uint32(word)), normal(uint32(word>>32))
	}
}

func normal(w uint32) float32 {
	v := math.Float32bits(float32(w >> 8))
	cell := int(v>>22) - firstCell
	if cell < 0 {
		return tail(w)
	}
	g := math.Float32frombits(v&(1<<23-1) | 127<<23)
	x := cubics[3][cell]
	for k := 2; k >= 0; k-- {
		x = float32(x*g) + cubics[k][cell] // the conversion keeps the two from being fused
	}
	return math.Float32frombits(math.Float32bits(x) | w<<31)
}

// tail draws what lies beyond all cells.
func tail(w uint32) float32 {
	inside := (float64(mix(uint64(w))>>11) + .5) / (1 << 53)
	x := magnitude(inside * (1 << lowest) / (1 << 24))
	if w&1 != 0 {
		x = -x
	}
	return float32(x)
}
