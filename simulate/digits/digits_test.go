package digits

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// still is the standard style without anything random.
func still() Style { return Style{PenFrom: .04, PenTo: .04} }

func TestGenerate(t *testing.T) {
	s, err := Generate(1003, Standard(), newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	var counts [Classes]int
	for i, label := range s.Labels {
		counts[label]++
		image := s.Image(i)
		if slices.Min(image) < 0 || slices.Max(image) > 1 || slices.Max(image) < .5 {
			t.Fatalf("image %d has values from %g to %g", i, slices.Min(image), slices.Max(image))
		}
	}
	for digit, n := range counts {
		if n != 100 && n != 101 {
			t.Errorf("digit %d is drawn %d times of 1003", digit, n)
		}
	}
	if slices.IsSorted(s.Labels[:20]) {
		t.Error("the digits are in order")
	}
	again, _ := Generate(1003, Standard(), newRand(1))
	if !slices.Equal(again.Images, s.Images) || !slices.Equal(again.Labels, s.Labels) {
		t.Error("the same seed draws other digits")
	}
}

// TestPlace checks where ink is: a 1 has its stem, a 0 its ring and no middle.
func TestPlace(t *testing.T) {
	at := func(image []float32, x, y float64) float32 {
		pixel := func(v float64) int { return int(v*(Size-2*margin)) + margin }
		return image[pixel(y)*Size+pixel(x)]
	}
	one, err := Draw(1, still(), newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	zero, _ := Draw(0, still(), newRand(1))
	for _, c := range []struct {
		name  string
		image []float32
		x, y  float64
		ink   bool
	}{
		{"stem of 1", one, .52, .7, true}, {"left of 1", one, .2, .7, false}, {"flag of 1", one, .42, .19, true},
		{"top of 0", zero, .5, .1, true}, {"left of 0", zero, .22, .5, true}, {"middle of 0", zero, .5, .5, false}, {"corner of 0", zero, .95, .95, false},
	} {
		if got := at(c.image, c.x, c.y); got > .6 != c.ink || got > .05 && !c.ink {
			t.Errorf("%s has the value %g", c.name, got)
		}
	}
	for i := range margin { // nothing reaches the margin when nothing is moved
		if slices.Max(one[i*Size:(i+1)*Size]) > .1 {
			t.Errorf("row %d of a 1 has ink", i)
		}
	}
}

// TestPen compares the profile across the stem of a 1 with the pen's Gaussian.
func TestPen(t *testing.T) {
	image, _ := Draw(1, still(), newRand(1))
	row := image[20*Size:]
	for column := 10; column < 20; column++ {
		d := box(column) - .52
		if want := math.Exp(-d * d / (2 * .04 * .04)); math.Abs(float64(row[column])-want) > 1e-5 {
			t.Errorf("column %d is %g, want %g", column, row[column], want)
		}
	}
}

// TestClasses classifies noisy digits by the nearest mean of their class: learnable, yet not by that alone.
func TestClasses(t *testing.T) {
	train, _ := Generate(2000, Standard(), newRand(1))
	test, _ := Generate(1000, Standard(), newRand(2))
	var means [Classes][Size * Size]float64
	for i, label := range train.Labels {
		for j, v := range train.Image(i) {
			means[label][j] += float64(v) / 200
		}
	}
	right := 0
	for i, label := range test.Labels {
		best, nearest := 0, math.Inf(1)
		for digit := range means {
			d := 0.
			for j, v := range test.Image(i) {
				d += (float64(v) - means[digit][j]) * (float64(v) - means[digit][j])
			}
			if d < nearest {
				best, nearest = digit, d
			}
		}
		if best == int(label) {
			right++
		}
	}
	if right < 650 || right > 980 {
		t.Errorf("the nearest class mean is right for %d of 1000", right)
	}
}

func TestRefuses(t *testing.T) {
	if _, err := Draw(10, Standard(), newRand(1)); err == nil {
		t.Error("drew digit 10")
	}
	for _, change := range []func(*Style){
		func(s *Style) { s.PenFrom = 0 }, func(s *Style) { s.PenTo = .01 }, func(s *Style) { s.Shift = -1 }, func(s *Style) { s.Scale = math.NaN() },
	} {
		style := Standard()
		change(&style)
		if _, err := Generate(1, style, newRand(1)); err == nil {
			t.Errorf("drew in the style %+v", style)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if _, err := Generate(100, Standard(), newRand(1)); err != nil {
			b.Fatal(err)
		}
	}
}
