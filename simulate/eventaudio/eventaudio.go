package eventaudio

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// The shape of the recordings.
const (
	Channels = 700
	Classes  = 20
	Length   = 1.0 // s
)

// Style says how hard the words are to tell apart.
type Style struct {
	Difference float64 // standard deviation in channels by which the tracks of classes that share a base word differ
	Shift      float64 // standard deviation in channels of a sample's shift
	Events     float64 // mean number of events of a word
	Noise      int     // events spread over all channels and times
}

// Standard returns the style that the spiking papers are run on.
func Standard() Style { return Style{Difference: 60, Shift: 30, Events: 8000, Noise: 400} }

// Sample is one recording. Its events are in order of time.
type Sample struct {
	Times    []float32 // s, from 0 to Length
	Channels []uint16
	Label    int
}

// Words are the classes: what is common to all samples of a word.
type Words struct {
	style   Style
	classes [Classes]word
}

// track is a formant, the channel f(u) = a + b·u + c·sin(2π(d·u + e)) at the part u of the word.
type track struct{ a, b, c, d, e float64 }

func (t track) at(u float64) float64 { return t.a + t.b*u + t.c*math.Sin(2*math.Pi*(t.d*u+t.e)) }

// swell is a Gaussian in time.
type swell struct{ mean, sd float64 }

type word struct {
	tracks    [3]track
	swells    [2]swell
	backwards bool
}

// bases is how many words the classes are variations of.
const bases = 6

// NewWords draws the classes.
func NewWords(style Style, rng *rand.Rand) (*Words, error) {
	for _, v := range []float64{style.Difference, style.Shift, style.Events} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("event audio: a style of %+v; nothing may be negative", style)
		}
	}
	if style.Noise < 0 || style.Events == 0 && style.Noise == 0 {
		return nil, errors.New("event audio: a style without events")
	}
	uniform := func(from, to float64) float64 { return from + (to-from)*rng.Float64() }
	var base [bases]word
	for i := range base {
		for k := range base[i].tracks {
			base[i].tracks[k] = track{uniform(80, 620), uniform(-250, 250), uniform(0, 60), uniform(.5, 2), uniform(0, 1)}
		}
		base[i].swells = [2]swell{{uniform(.2, .5), uniform(.08, .18)}, {uniform(.5, .8), uniform(.08, .18)}}
	}
	w := &Words{style: style}
	for class := range w.classes {
		if class >= Classes/2 && class%2 == 1 {
			w.classes[class] = w.classes[class-1]
			w.classes[class].backwards = true
			continue
		}
		c := base[class%bases]
		for k := range c.tracks {
			t := &c.tracks[k]
			t.a += style.Difference * rng.NormFloat64()
			t.b += style.Difference * rng.NormFloat64()
			t.c *= math.Exp(.3 * rng.NormFloat64())
			t.e += .1 * rng.NormFloat64()
		}
		w.classes[class] = c
	}
	return w, nil
}

// Generate draws n samples, all classes equally often (or once more), in random order.
func (w *Words) Generate(n int, rng *rand.Rand) []Sample {
	samples := make([]Sample, max(0, n))
	for i := range samples {
		samples[i].Label = i % Classes
	}
	rng.Shuffle(n, func(i, j int) { samples[i].Label, samples[j].Label = samples[j].Label, samples[i].Label })
	for i := range samples {
		w.draw(&samples[i], rng)
	}
	return samples
}

func (w *Words) draw(s *Sample, rng *rand.Rand) {
	c := w.classes[s.Label]
	shift, stretch := w.style.Shift*rng.NormFloat64(), .8+.4*rng.Float64()
	n := 0
	if mean := w.style.Events * math.Exp(.2*rng.NormFloat64()); mean > 0 {
		n = int(distuv.Poisson{Lambda: mean, Src: rng}.Rand())
	}
	events := make([]uint64, 0, n+w.style.Noise) // the bits of a time, which are in its order, then the channel
	add := func(time float64, channel uint16) {
		events = append(events, uint64(math.Float32bits(float32(time)))<<16|uint64(channel))
	}
	for range n {
		e := c.swells[rng.IntN(2)]
		u := e.mean + e.sd*rng.NormFloat64() // part of the word
		channel := c.tracks[rng.IntN(3)].at(u) + shift + 10*rng.NormFloat64()
		if c.backwards {
			u = 1 - u
		}
		// The word is stretched about its middle; what leaves the recording or the cochlea is lost.
		time := Length * (.5 + (u-.5)*stretch)
		if k := math.Round(channel); time >= 0 && time < Length && k >= 0 && k < Channels {
			add(time, uint16(k))
		}
	}
	for range w.style.Noise {
		add(Length*rng.Float64(), uint16(rng.IntN(Channels)))
	}
	slices.Sort(events)
	s.Times, s.Channels = make([]float32, len(events)), make([]uint16, len(events))
	for i, e := range events {
		s.Times[i], s.Channels[i] = math.Float32frombits(uint32(e>>16)), uint16(e)
	}
}
