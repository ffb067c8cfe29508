package spacetime

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func random(t testing.TB, k *Kernel, zeros float64, steps, height, width int, density float64) *Movie {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range k.Weights {
		if rng.Float64() >= zeros {
			k.Weights[i] = float32(rng.NormFloat64())
		}
	}
	m, err := NewMovie(k.Polarities, steps, height, width)
	if err != nil {
		t.Fatal(err)
	}
	for p := range k.Polarities {
		for step := range steps {
			for i := range m.Frame(p, step) {
				if rng.Float64() < density {
					if err := m.Set(p, step, i/width, i%width); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	return m
}

func newKernel(t testing.TB, p, depth, h, w, classes int) *Kernel {
	k, err := NewKernel(p, depth, h, w, classes)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// definition is the layer's equation, term by term, and the additions it takes.
func definition(k *Kernel, m *Movie, t, y, x, c int) (sum float64, additions int) {
	for tap := range k.TapCount() {
		p, dt, dy, dx := k.Of(tap)
		if t-dt < 0 || y-dy < 0 || y-dy >= m.Height || x-dx < 0 || x-dx >= m.Width {
			continue
		}
		if w := k.Row(tap)[c]; m.Frame(p, t-dt)[(y-dy)*m.Width+x-dx] == 1 && w != 0 {
			sum += float64(w)
			additions++
		}
	}
	return sum, additions
}

// TestWays compares the ways to compute a layer with its definition: rows, event by event, and tap by tap; dense and sparse weights, kernels larger
// than the movie, and steps from the middle.
func TestWays(t *testing.T) {
	for _, c := range []struct {
		p, depth, h, w, classes int
		zeros                   float64
		steps, height, width    int
		density                 float64
	}{
		{2, 5, 3, 5, 4, 0, 9, 8, 10, .3},
		{2, 5, 5, 3, 3, .6, 9, 8, 10, .3},
		{2, 5, 5, 3, 3, .97, 9, 8, 10, .3},
		{1, 1, 1, 1, 1, 0, 3, 2, 2, .5},
		{3, 4, 9, 11, 2, .2, 7, 3, 4, .4},
		{2, 12, 3, 3, 36, 0, 4, 4, 4, .4},
		{2, 3, 3, 3, 2, 0, 5, 4, 4, 0},
	} {
		k := newKernel(t, c.p, c.depth, c.h, c.w, c.classes)
		m := random(t, k, c.zeros, c.steps, c.height, c.width, c.density)
		n := c.height * c.width * c.classes
		want, wantAdditions := make([]float64, c.steps*n), int64(0)
		for i := range want {
			sum, additions := definition(k, m, i/n, i%n/(c.width*c.classes), i/c.classes%c.width, i%c.classes)
			want[i] = sum
			wantAdditions += int64(additions)
		}
		compare := func(way string, t0 int, got []float32) {
			for i, v := range got {
				if math.Abs(float64(v)-want[t0*n+i]) > 1e-4 {
					t.Fatalf("%+v, %s: step %d, place %d: %g, want %g", c, way, t0, i, v, want[t0*n+i])
				}
			}
		}
		for _, workers := range []int{1, 3} {
			got := make([]float32, c.steps*n)
			additions, err := k.Apply(m, 0, c.steps, workers, func(step, y int, row []float32) { copy(got[step*n+y*c.width*c.classes:], row) })
			if err != nil {
				t.Fatal(err)
			}
			compare("by rows", 0, got)
			if additions != wantAdditions {
				t.Errorf("%+v, by rows: %d additions, want %d", c, additions, wantAdditions)
			}
		}
		if _, err := k.Apply(m, c.steps-1, c.steps, 1, func(step, y int, row []float32) {
			got := make([]float32, y*c.width*c.classes, n)
			for i := range got {
				got[i] = float32(want[step*n+i])
			}
			compare("the last step", step, append(got, row...))
		}); err != nil {
			t.Fatal(err)
		}
		q, err := NewQueue(k, c.height, c.width)
		if err != nil {
			t.Fatal(err)
		}
		for step := range c.steps {
			for p := range c.p {
				for i, b := range m.Frame(p, step) {
					if b == 1 {
						if err := q.Push(p, i/c.width, i%c.width); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			compare("event by event", step, q.Next())
		}
		for step := range c.steps {
			var got []float32
			for y := range c.height {
				for x := range c.width {
					evidence := make([]float32, c.classes)
					k.Sum(k.Taps(m, step, y, x, nil, nil), evidence)
					got = append(got, evidence...)
				}
			}
			compare("tap by tap", step, got)
		}
	}
}

// TestQueueCounts compares the queue's operations with those of rows for a movie with enough empty steps behind it for all to be due.
func TestQueueCounts(t *testing.T) {
	k := newKernel(t, 2, 4, 3, 3, 5)
	short := random(t, k, .5, 6, 7, 7, .3)
	m, _ := NewMovie(2, 6+4, 7, 7)
	q, err := NewQueue(k, 7, 7)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 6 {
		for p := range 2 {
			copy(m.Frame(p, step), short.Frame(p, step))
			for i, b := range m.Frame(p, step) {
				if b == 1 {
					q.Push(p, i/7, i%7)
				}
			}
		}
		q.Next()
	}
	additions, err := k.Apply(m, 0, m.Steps, 1, func(int, int, []float32) {})
	if err != nil || additions != q.Additions || additions == 0 {
		t.Errorf("%d additions by rows, %d event by event: %v", additions, q.Additions, err)
	}
	if m.Events() != short.Events() || m.Density() >= short.Density() {
		t.Error("events or density are wrong")
	}
}

func TestMask(t *testing.T) {
	k := newKernel(t, 2, 3, 3, 3, 2)
	m := random(t, k, 0, 5, 6, 6, .6)
	mask := make([]bool, k.TapCount())
	for tap := range mask {
		_, dt, dy, dx := k.Of(tap)
		mask[tap] = dt > 0 || dy == 0 && dx == 0
	}
	all := k.Taps(m, 4, 3, 3, nil, nil)
	if !slices.IsSorted(all) {
		t.Error("taps are not in order")
	}
	want := slices.DeleteFunc(slices.Clone(all), func(tap uint32) bool { return !mask[tap] })
	if got := k.Taps(m, 4, 3, 3, mask, nil); !slices.Equal(got, want) || len(got) == len(all) {
		t.Errorf("masked taps %v, want %v", got, want)
	}
	for tap := range mask {
		if p, dt, dy, dx := k.Of(tap); k.Tap(p, dt, dy, dx) != tap {
			t.Errorf("tap %d is %d, %d, %d, %d", tap, p, dt, dy, dx)
		}
	}
}

func TestPrune(t *testing.T) {
	k := newKernel(t, 1, 3, 1, 1, 2)
	copy(k.Weights, []float32{.1, -.5, .3, -.2, 0, .7})
	c := k.Clone()
	if left := c.Prune(.3); left != 3 || !slices.Equal(c.Weights, []float32{0, -.5, .3, 0, 0, .7}) {
		t.Errorf("pruned to %v, %d left", c.Weights, left)
	}
	if left := k.Shorten(2); left != 4 || k.Weights[5] != 0 || k.Weights[0] != .1 {
		t.Errorf("shortened to %v, %d left", k.Weights, left)
	}
}

func TestSwapped(t *testing.T) {
	m, _ := NewMovie(2, 2, 2, 2)
	m.Set(1, 1, 0, 1)
	s := m.Swapped()
	if s.Events() != 1 || s.Frame(0, 1)[1] != 1 || m.Frame(1, 1)[1] != 1 {
		t.Error("polarities are not swapped")
	}
}

func TestRefuses(t *testing.T) {
	if _, err := NewKernel(2, 3, 4, 3, 1); err == nil {
		t.Error("a kernel of even height")
	}
	if _, err := NewMovie(1, 1, 0, 1); err == nil {
		t.Error("a movie without rows")
	}
	k := newKernel(t, 2, 3, 3, 3, 1)
	m, _ := NewMovie(1, 5, 4, 4)
	if err := m.Set(0, 5, 0, 0); err == nil || !strings.Contains(err.Error(), "step 5") {
		t.Errorf("an event after the end: %v", err)
	}
	if _, err := k.Apply(m, 0, 5, 1, nil); err == nil {
		t.Error("applied a kernel of two polarities to a movie of one")
	}
	m, _ = NewMovie(2, 5, 4, 4)
	if _, err := k.Apply(m, 2, 6, 1, nil); err == nil {
		t.Error("applied to steps that are not there")
	}
	q, _ := NewQueue(k, 4, 4)
	if err := q.Push(0, 4, 0); err == nil {
		t.Error("took an event outside")
	}
}

func BenchmarkApply(b *testing.B) {
	k := newKernel(b, 2, 21, 17, 17, 36)
	m := random(b, k, 0, 40, 64, 64, .09)
	for tap := range k.TapCount() { // a cone
		if _, dt, dy, dx := k.Of(tap); math.Hypot(float64(dx), float64(dy)) > min(8, 2.5+2*float64(dt)) {
			clear(k.Row(tap))
		}
	}
	for b.Loop() {
		if _, err := k.Apply(m, 0, m.Steps, 2, func(int, int, []float32) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(m.Events())*1e6, "s/Mevent")
}

// TestAdd learns: what is added to the rows of some taps is what their sum grows by, and no other row changes.
func TestAdd(t *testing.T) {
	k, err := NewKernel(2, 3, 3, 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	taps := []uint32{uint32(k.Tap(0, 1, 0, -1)), uint32(k.Tap(1, 2, 1, 1)), uint32(k.Tap(0, 0, 0, 0))}
	change := []float32{1, -2, 0.5, 0, 3}
	k.Add(k.Weights, taps, change)
	k.Add(k.Weights, taps[:1], change)
	evidence := make([]float32, k.Classes)
	k.Sum(taps, evidence)
	touched := 0
	for _, w := range k.Weights {
		if w != 0 {
			touched++
		}
	}
	for c := range evidence {
		if evidence[c] != 4*change[c] {
			t.Errorf("class %d has %g, want %g", c, evidence[c], 4*change[c])
		}
	}
	if touched != 3*4 {
		t.Errorf("%d weights changed, want those of three rows that change", touched)
	}
}
