package eventaudio

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func words(t *testing.T, style Style) *Words {
	w, err := NewWords(style, newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// counts are a sample's events in so many windows of time and 35 bands of channels.
func counts(s Sample, windows int) []float64 {
	out := make([]float64, windows*35)
	for i, c := range s.Channels {
		out[min(int(float64(s.Times[i])*float64(windows)), windows-1)*35+int(c)/20]++
	}
	return out
}

func TestGenerate(t *testing.T) {
	samples := words(t, Standard()).Generate(101, newRand(2))
	var per [Classes]int
	total := 0
	for _, s := range samples {
		per[s.Label]++
		total += len(s.Times)
		if !slices.IsSorted(s.Times) || len(s.Channels) != len(s.Times) || s.Times[0] < 0 || s.Times[len(s.Times)-1] > Length || slices.Max(s.Channels) >= Channels {
			t.Fatal("events out of order or range")
		}
	}
	if slices.Min(per[:]) < 5 || slices.Max(per[:]) > 6 {
		t.Errorf("classes are drawn %v times", per)
	}
	if mean := total / len(samples); mean < 6000 || mean > 9500 {
		t.Errorf("%d events in a sample", mean)
	}
	again := words(t, Standard()).Generate(101, newRand(2))
	if !slices.Equal(samples[7].Times, again[7].Times) {
		t.Error("the same seed draws other samples")
	}
}

// TestPairs holds that one of a pair is the other backwards: counts over the whole recording agree, those in time do not until they are
// turned round.
func TestPairs(t *testing.T) {
	style := Standard()
	style.Shift, style.Noise, style.Events = 0, 0, 100_000
	w := words(t, style)
	distance := func(a, b []float64) (d float64) {
		na, nb := 0., 0.
		for i := range a {
			na += a[i]
			nb += b[i]
		}
		for i := range a {
			d += math.Abs(a[i]/na-b[i]/nb) / 2
		}
		return d
	}
	for class := Classes / 2; class < Classes; class += 2 {
		a, b := Sample{Label: class}, Sample{Label: class + 1}
		w.draw(&a, newRand(3))
		w.draw(&b, newRand(3))
		if d := distance(counts(a, 1), counts(b, 1)); d > .05 {
			t.Errorf("class %d and its reverse differ by %.3f in their counts", class, d)
		}
		if d := distance(counts(a, 10), counts(b, 10)); d < .1 {
			t.Errorf("class %d and its reverse differ by only %.3f in time", class, d)
		}
		for i := range b.Times {
			b.Times[i] = Length - b.Times[i]
		}
		if d := distance(counts(a, 10), counts(b, 10)); d > .05 {
			t.Errorf("class %d and its reverse, turned round, differ by %.3f", class, d)
		}
	}
}

// TestClasses classifies by the nearest mean of the counts: with one window the reversed pairs are a coin toss, with ten they are not.
func TestClasses(t *testing.T) {
	w := words(t, Standard())
	train, test := w.Generate(400, newRand(2)), w.Generate(200, newRand(3))
	right := func(windows int) (n int) {
		means := make([][]float64, Classes)
		for k := range means {
			means[k] = make([]float64, windows*35)
		}
		for _, s := range train {
			for i, c := range counts(s, windows) {
				means[s.Label][i] += c / 20
			}
		}
		for _, s := range test {
			best, nearest := 0, math.Inf(1)
			for k, m := range means {
				d := 0.
				for i, c := range counts(s, windows) {
					d += (c - m[i]) * (c - m[i])
				}
				if d < nearest {
					best, nearest = k, d
				}
			}
			if best == s.Label {
				n++
			}
		}
		return n
	}
	if one, ten := right(1), right(10); one < 60 || one > 170 || ten < one+20 {
		t.Errorf("the nearest mean is right for %d of 200 by counts and %d in time", one, ten)
	}
}

func TestRefuses(t *testing.T) {
	for _, s := range []Style{{}, {Events: -1, Noise: 1}, {Events: 10, Shift: math.NaN()}, {Events: 10, Noise: -1}} {
		if _, err := NewWords(s, newRand(1)); err == nil {
			t.Errorf("words of the style %+v", s)
		}
	}
}

func Example() {
	words, err := NewWords(Standard(), newRand(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	samples := words.Generate(200, newRand(2))
	fmt.Println(len(samples), len(samples[0].Times) > 1000)
	// Output: 200 true
}

func BenchmarkGenerate(b *testing.B) {
	w, err := NewWords(Standard(), newRand(1))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w.Generate(100, newRand(2))
	}
}
