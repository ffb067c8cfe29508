package spacetime

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// Kernel is the weights of a layer. A tap is one place in it: polarity, delay and offset.
type Kernel struct {
	Polarities, Depth, Height, Width, Classes int // Height and Width are odd

	// Weights is [taps, Classes] with taps in the order of [Kernel.Tap].
	Weights []float32
}

// NewKernel makes a kernel of zeros.
func NewKernel(polarities, depth, height, width, classes int) (*Kernel, error) {
	if polarities < 1 || depth < 1 || height < 1 || width < 1 || classes < 1 || height%2 == 0 || width%2 == 0 {
		return nil, fmt.Errorf("spacetime: a kernel of %d polarities, %d delays, %d x %d places and %d classes; all must be positive, and height and width odd",
			polarities, depth, height, width, classes)
	}
	k := &Kernel{Polarities: polarities, Depth: depth, Height: height, Width: width, Classes: classes}
	k.Weights = make([]float32, k.TapCount()*classes)
	return k, nil
}

// TapCount is polarities · depth · height · width.
func (k *Kernel) TapCount() int { return k.Polarities * k.Depth * k.Height * k.Width }

// Tap returns the number of the tap for polarity p and delay dt at offset (dy, dx): ((p·depth + dt)·height + dy + height/2)·width + dx + width/2.
func (k *Kernel) Tap(p, dt, dy, dx int) int {
	return ((p*k.Depth+dt)*k.Height+dy+k.Height/2)*k.Width + dx + k.Width/2
}

// Of is the opposite of Tap.
func (k *Kernel) Of(tap int) (p, dt, dy, dx int) {
	dx, tap = tap%k.Width-k.Width/2, tap/k.Width
	dy, tap = tap%k.Height-k.Height/2, tap/k.Height
	return tap / k.Depth, tap % k.Depth, dy, dx
}

// Row is the weights of one tap, [Classes]. It shares the storage.
func (k *Kernel) Row(tap int) []float32 { return k.Weights[tap*k.Classes : (tap+1)*k.Classes] }

// Taps appends to into the taps that have an event for the neurons at (y, x) in step t, in order, leaving out those that mask, [taps] or nil, does
// not have. Events before the movie or outside its edge do not exist.
func (k *Kernel) Taps(m *Movie, t, y, x int, mask []bool, into []int32) []int32 {
	left, right := max(-k.Width/2, x-m.Width+1), min(k.Width/2, x) // of dx
	for p := range k.Polarities {
		for dt := 0; dt < k.Depth && dt <= t; dt++ {
			frame := m.Frame(p, t-dt)
			for dy := max(-k.Height/2, y-m.Height+1); dy <= min(k.Height/2, y); dy++ {
				tap := k.Tap(p, dt, dy, 0)
				row := frame[(y-dy)*m.Width : (y-dy+1)*m.Width]
				for dx := left; dx <= right; dx++ {
					if row[x-dx] != 0 && (mask == nil || mask[tap+dx]) {
						into = append(into, int32(tap+dx))
					}
				}
			}
		}
	}
	return into
}

// Sum adds the rows of taps to evidence [Classes].
func (k *Kernel) Sum(taps []int32, evidence []float32) {
	for _, tap := range taps {
		kernel.Binary(kernel.Add, evidence, evidence, k.Row(int(tap)))
	}
}

// Prune sets to zero all weights of a magnitude below cut and returns how many are left.
func (k *Kernel) Prune(cut float64) (left int) {
	for i, w := range k.Weights {
		if math.Abs(float64(w)) < cut {
			k.Weights[i] = 0
		} else if w != 0 {
			left++
		}
	}
	return left
}

// Shorten sets to zero all weights of delays from depth on and returns how many are left.
func (k *Kernel) Shorten(depth int) (left int) {
	for tap := range k.TapCount() {
		_, dt, _, _ := k.Of(tap)
		for i, w := range k.Row(tap) {
			if dt >= depth {
				k.Row(tap)[i] = 0
			} else if w != 0 {
				left++
			}
		}
	}
	return left
}

// Clone returns a copy.
func (k *Kernel) Clone() *Kernel {
	c := *k
	c.Weights = append([]float32(nil), k.Weights...)
	return &c
}

func (k *Kernel) check(m *Movie) error {
	if m.Polarities != k.Polarities {
		return fmt.Errorf("spacetime: a movie of %d polarities for a kernel of %d", m.Polarities, k.Polarities)
	}
	if len(k.Weights) != k.TapCount()*k.Classes {
		return fmt.Errorf("spacetime: a kernel of %d taps and %d classes has %d weights", k.TapCount(), k.Classes, len(k.Weights))
	}
	return nil
}

// Apply computes the evidence B for steps from to to-1 of a movie and hands it to take row by row: evidence is [width, classes] for the neurons of
// row y in step t, which take must not keep. Rows come in no order, and several at once if workers, 0 for GOMAXPROCS, are more than 1; their values
// do not depend on that. Apply returns the additions of weights that the events caused: its synaptic operations, those of weights that are not zero.
//
// The events of a row of the movie add a row of the kernel, all offsets dx and classes at once, to a row of evidence.
func (k *Kernel) Apply(m *Movie, from, to, workers int, take func(t, y int, evidence []float32)) (additions int64, err error) {
	if err := k.check(m); err != nil {
		return 0, err
	}
	if from < 0 || to > m.Steps || from > to {
		return 0, fmt.Errorf("spacetime: steps %d to %d of a movie of %d", from, to, m.Steps)
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	slabs := k.slabs()
	first := max(0, from-k.Depth+1)
	columns := columnsOf(m, first, to)
	var next, sum atomic.Int64
	var group sync.WaitGroup
	for range min(workers, max(1, (to-from)*m.Height)) {
		group.Go(func() {
			side := k.Width / 2 * k.Classes
			row := make([]float32, m.Width*k.Classes+2*side) // with what falls off either edge
			for {
				i := int(next.Add(1)) - 1
				t, y := from+i/m.Height, i%m.Height
				if t >= to {
					return
				}
				clear(row)
				sum.Add(k.row(m, columns, first, t, y, slabs, row))
				take(t, y, row[side:len(row)-side])
			}
		})
	}
	group.Wait()
	return sum.Load(), nil
}

// slab is the weights of one polarity, delay and dy, [width, classes], as far as they are not zero.
type slab struct {
	p, dt, dy int
	offset    int       // where dense begins within the slab
	dense     []float32 // what to add at once, or
	at        []int32   // where
	sparse    []float32 // and what to add one by one, if those are few
	perDX     []int64   // [width+1], weights before each dx that are not zero
}

func (k *Kernel) slabs() (out []slab) {
	n := k.Width * k.Classes
	for p := range k.Polarities {
		for dt := range k.Depth {
			for dy := -k.Height / 2; dy <= k.Height/2; dy++ {
				s := slab{p: p, dt: dt, dy: dy, perDX: make([]int64, k.Width+1)}
				weights := k.Weights[k.Tap(p, dt, dy, -(k.Width/2))*k.Classes:][:n]
				first, last := n, 0
				for i, w := range weights {
					if w != 0 {
						first, last = min(first, i), i+1
						s.at, s.sparse = append(s.at, int32(i)), append(s.sparse, w)
						s.perDX[i/k.Classes+1]++
					}
				}
				if len(s.at) == 0 {
					continue
				}
				for i := range k.Width {
					s.perDX[i+1] += s.perDX[i]
				}
				// A vector instruction adds 16, at about the pace of one addition that looks up where.
				if len(s.at)*8 > last-first {
					s.offset, s.dense, s.at, s.sparse = first, weights[first:last], nil, nil
				}
				out = append(out, s)
			}
		}
	}
	return out
}

// columnsOf lists the events of each row of a movie, [steps, polarities, height], from step first on.
func columnsOf(m *Movie, first, to int) [][]uint16 {
	out := make([][]uint16, (to-first)*m.Polarities*m.Height)
	var all []uint16
	for t := first; t < to; t++ {
		for p := range m.Polarities {
			frame := m.Frame(p, t)
			for y := range m.Height {
				begin := len(all)
				for x, b := range frame[y*m.Width : (y+1)*m.Width] {
					if b != 0 {
						all = append(all, uint16(x))
					}
				}
				out[((t-first)*m.Polarities+p)*m.Height+y] = all[begin:len(all):len(all)]
			}
		}
	}
	return out
}

// row adds to a row of evidence [width/2 + movie's width + width/2, classes] what events cause there.
func (k *Kernel) row(m *Movie, columns [][]uint16, first, t, y int, slabs []slab, row []float32) (additions int64) {
	for i := range slabs {
		s := &slabs[i]
		from, when := y-s.dy, t-s.dt
		if from < 0 || from >= m.Height || when < 0 {
			continue
		}
		for _, x := range columns[((when-first)*m.Polarities+s.p)*m.Height+from] {
			at := row[int(x)*k.Classes:][s.offset:]
			if s.dense != nil {
				at = at[:len(s.dense)]
				kernel.Binary(kernel.Add, at, at, s.dense)
			} else {
				for j, place := range s.at {
					at[place] += s.sparse[j]
				}
			}
			// What falls off the edges is no operation of the layer.
			left, right := max(0, k.Width/2-int(x)), min(k.Width, m.Width+k.Width/2-int(x))
			additions += s.perDX[right] - s.perDX[left]
		}
	}
	return additions
}
