package delays

import (
	"math"

	"github.com/gyrus-dev/gyrus/dynamics/rows"
	"github.com/gyrus-dev/gyrus/dynamics/spacetime"
)

// field is what the neurons at one place look at: the taps that there are, and where in a table of weights the row of each begins.
type field struct {
	classes   int
	grid      *spacetime.Kernel // of one class; only lists taps
	mask      []bool            // [taps]
	looked    []fieldRow        // the same by rows
	begins    [2][]uint32       // [taps]; the second with polarities swapped
	rows      []uint32          // begins of the rows that some tap has
	size      int               // values of a table
	invariant bool              // the larger of both orders of polarities counts
}

// shape describes a field.
type shape struct {
	Depth, Width, Classes int
	Cone                  bool // delays look at places of a disk that grows with them; else all at the same disk
	Invariant             bool
	Collapsed             bool // all delays share their weights: what is left is a layer that cannot tell when
}

// radius is that of the disk which a delay looks at, in pixels.
func (s shape) radius(dt int) float64 {
	if s.Cone {
		return min(float64(s.Width/2), 2.5+2*float64(dt))
	}
	return float64(s.Width / 2)
}

func newField(s shape) (*field, error) {
	grid, err := spacetime.NewKernel(2, s.Depth, s.Width, s.Width, 1)
	if err != nil {
		return nil, err
	}
	f := &field{classes: s.Classes, grid: grid, mask: make([]bool, grid.TapCount()), invariant: s.Invariant}
	shared, err := spacetime.NewKernel(2, 1, s.Width, s.Width, 1)
	if err != nil {
		return nil, err
	}
	f.size = grid.TapCount() * s.Classes
	if s.Collapsed {
		f.size = shared.TapCount() * s.Classes
	}
	used := make([]bool, f.size/s.Classes)
	for swap := range f.begins {
		f.begins[swap] = make([]uint32, grid.TapCount())
		for tap := range f.mask {
			p, dt, dy, dx := grid.Of(tap)
			f.mask[tap] = math.Hypot(float64(dx), float64(dy)) <= s.radius(dt)
			row := grid.Tap(p^swap, dt, dy, dx)
			if s.Collapsed {
				row = shared.Tap(p^swap, 0, dy, dx)
			}
			f.begins[swap][tap] = uint32(row * s.Classes)
			if f.mask[tap] && !used[row] {
				used[row] = true
				f.rows = append(f.rows, uint32(row*s.Classes))
			}
		}
	}
	f.looked = f.fieldRows()
	return f, nil
}

// weights is how many weights a layer has.
func (f *field) weights() int { return len(f.rows) * f.classes }

// margin is how far from the edges of a movie a neuron must be to see its whole field.
func (f *field) margin() int { return f.grid.Width / 2 }

// layer is what is learnt.
type layer struct {
	Weights []float32 // [rows, classes], zero where no tap looks
	Bias    []float32 // [classes]
}

// kernel is the layer's weights as a kernel; it shares the storage. The layer must not be collapsed.
func (f *field) kernel(l layer) *spacetime.Kernel {
	k := *f.grid
	k.Classes, k.Weights = f.classes, l.Weights
	return &k
}

// glance is what the neurons at one place see at one time, and what they make of it. It is for one goroutine.
type glance struct {
	*field
	found    []uint32     // taps
	at       [2][]uint32  // rows of the taps, in both orders of polarities
	sums     [2][]float32 // [classes]
	evidence []float32    // [classes]; the larger sum, without bias
}

func (f *field) glance() *glance {
	return &glance{field: f, sums: [2][]float32{make([]float32, f.classes), make([]float32, f.classes)}, evidence: make([]float32, f.classes)}
}

// look lists the events around a place.
func (g *glance) look(m *packed, t, y, x int) {
	g.found = g.taps(m, t, y, x, g.found[:0])
	for swap := range g.orders() {
		at := g.at[swap][:0]
		begins := g.begins[swap]
		for _, tap := range g.found {
			at = append(at, begins[tap])
		}
		g.at[swap] = at
	}
}

// orders is how many orders of polarities are looked at.
func (f *field) orders() int {
	if f.invariant {
		return 2
	}
	return 1
}

// sum computes the evidence of a layer for what was looked at.
func (g *glance) sum(l layer) []float32 {
	for swap := range g.orders() {
		clear(g.sums[swap])
		rows.Sum(g.sums[swap], l.Weights, g.at[swap])
	}
	copy(g.evidence, g.sums[0])
	if g.invariant {
		for c, v := range g.sums[1] {
			g.evidence[c] = max(g.evidence[c], v)
		}
	}
	return g.evidence
}

// learn adds a change of the evidence to the gradient: each class through the order of polarities that won.
func (g *glance) learn(gradient []float32, change []float32) {
	if !g.invariant {
		rows.Add(gradient, g.at[0], change)
		return
	}
	for c := range change { // the sums are not needed any more
		won, lost := &g.sums[0][c], &g.sums[1][c]
		if *lost > *won {
			won, lost = lost, won
		}
		*won, *lost = change[c], 0
	}
	for swap := range g.sums {
		rows.Add(gradient, g.at[swap], g.sums[swap])
	}
}

// sigmoid is 1/(1+exp(-x)).
func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

// best is the index of the largest of evidence plus bias.
func best(evidence, bias []float32) int {
	out := 0
	for c := range evidence {
		if evidence[c]+bias[c] > evidence[out]+bias[out] {
			out = c
		}
	}
	return out
}
