package spacetime

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gyrus-dev/gyrus/dynamics/rows"
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
func (k *Kernel) Taps(m *Movie, t, y, x int, mask []bool, into []uint32) []uint32 {
	left, right := max(-k.Width/2, x-m.Width+1), min(k.Width/2, x) // of dx
	for p := range k.Polarities {
		for dt := 0; dt < k.Depth && dt <= t; dt++ {
			frame := m.Frame(p, t-dt)
			for dy := max(-k.Height/2, y-m.Height+1); dy <= min(k.Height/2, y); dy++ {
				tap := k.Tap(p, dt, dy, 0)
				row := frame[(y-dy)*m.Width : (y-dy+1)*m.Width]
				for dx := left; dx <= right; dx++ {
					if row[x-dx] != 0 && (mask == nil || mask[tap+dx]) {
						into = append(into, uint32(tap+dx))
					}
				}
			}
		}
	}
	return into
}

// Sum adds the weights of taps, [Classes] each, to evidence [Classes].
func (k *Kernel) Sum(taps []uint32, evidence []float32) {
	rows.Sum(evidence, k.Weights, k.begins(taps))
}

// Add adds change [Classes] to the weights of each of the taps: to k.Weights, or to what is shaped like them, such as a gradient.
func (k *Kernel) Add(weights []float32, taps []uint32, change []float32) {
	rows.Add(weights, k.begins(taps), change)
}

// begins returns where the rows of taps begin.
func (k *Kernel) begins(taps []uint32) []uint32 {
	at := make([]uint32, len(taps))
	for i, tap := range taps {
		at[i] = tap * uint32(k.Classes)
	}
	return at
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
	plan := newPlan(k)
	first := max(0, from-k.Depth+1)
	columns := columnsOf(m, first, to)
	var next, sum atomic.Int64
	var group sync.WaitGroup
	for range min(workers, max(1, (to-from)*m.Height)) {
		group.Go(func() {
			side := k.Width / 2 * k.Classes
			w := plan.worker(m)
			for {
				i := int(next.Add(1)) - 1
				t, y := from+i/m.Height, i%m.Height
				if t >= to {
					return
				}
				sum.Add(w.row(columns, first, t, y))
				take(t, y, w.evidence[side:side+m.Width*k.Classes])
			}
		})
	}
	group.Wait()
	return sum.Load(), nil
}

// A slab is the weights of one polarity, delay and dy, [width, classes]. An event adds a slab to the evidence of its neighbours in a row: to a stretch
// that begins at its column. A row of evidence is computed column by column: the slabs that the events of a column call for, of all delays and rows,
// are summed while a part of that stretch stays in registers, and then the next part.
type plan struct {
	k      *Kernel
	slabs  []slab
	parts  int
	values int         // of a part
	tables [][]float32 // [parts][slabs, values]
}

type slab struct {
	p, dt, dy int
	perDX     []int64  // [width+1]: weights before each dx that are not zero
	few       []weight // if they are few: they are added by themselves, and the tables have zeros
}

type weight struct {
	at    int32 // in the slab
	value float32
}

const (
	// partValues is what goes well into registers, and whose tables, for kernels as those of the literature, into the second-level cache.
	partValues = 208
	// sparseFrom is how many values must go to each weight that is not zero for it to be cheaper to add those alone.
	sparseFrom = 24
)

func newPlan(k *Kernel) *plan {
	n := k.Width * k.Classes
	pl := &plan{k: k, parts: (n + partValues - 1) / partValues}
	pl.values = ((n+pl.parts-1)/pl.parts + 15) / 16 * 16
	pl.tables = make([][]float32, pl.parts)
	for p := range k.Polarities {
		for dt := range k.Depth {
			for dy := -k.Height / 2; dy <= k.Height/2; dy++ {
				weights := k.Weights[k.Tap(p, dt, dy, -(k.Width/2))*k.Classes:][:n]
				s := slab{p: p, dt: dt, dy: dy, perDX: make([]int64, k.Width+1)}
				var set []weight
				for i, w := range weights {
					if w != 0 {
						s.perDX[i/k.Classes+1]++
						set = append(set, weight{int32(i), w})
					}
				}
				if len(set) == 0 {
					continue
				}
				for i := range k.Width {
					s.perDX[i+1] += s.perDX[i]
				}
				row := make([]float32, pl.parts*pl.values)
				if len(set)*sparseFrom < n {
					s.few = set
				} else {
					copy(row, weights)
				}
				for i := range pl.tables {
					pl.tables[i] = append(pl.tables[i], row[i*pl.values:(i+1)*pl.values]...)
				}
				pl.slabs = append(pl.slabs, s)
			}
		}
	}
	return pl
}

// worker has the memory to compute one row at a time.
type worker struct {
	*plan
	m        *Movie
	evidence []float32 // [width/2 + movie's width + width/2, classes], with what falls off either edge, and what the last part reaches beyond
	wanted   []uint32  // [movie's width, slabs], where in a table the slabs begin that a column's events call for
	count    []int32   // [movie's width]
}

func (pl *plan) worker(m *Movie) *worker {
	return &worker{plan: pl, m: m, evidence: make([]float32, (m.Width-1)*pl.k.Classes+pl.parts*pl.values),
		wanted: make([]uint32, m.Width*len(pl.slabs)), count: make([]int32, m.Width)}
}

// row computes the evidence of row y in step t from the columns of events, of steps from first on.
func (w *worker) row(columns [][]uint16, first, t, y int) (additions int64) {
	clear(w.evidence)
	clear(w.count)
	k, half, slabs := w.k, w.k.Width/2, len(w.slabs)
	for i := range w.slabs {
		s := &w.slabs[i]
		from, when := y-s.dy, t-s.dt
		if from < 0 || from >= w.m.Height || when < 0 {
			continue
		}
		at := columns[((when-first)*w.m.Polarities+s.p)*w.m.Height+from]
		all := s.perDX[k.Width]
		additions += all * int64(len(at))
		// What falls off the edges is no operation of the layer. Columns are in order.
		for _, x := range at {
			if int(x) >= half {
				break
			}
			additions -= s.perDX[half-int(x)]
		}
		for j := len(at) - 1; j >= 0 && int(at[j]) >= w.m.Width-half; j-- {
			additions -= all - s.perDX[w.m.Width+half-int(at[j])]
		}
		if s.few != nil {
			for _, x := range at {
				into := w.evidence[int(x)*k.Classes:]
				for _, weight := range s.few {
					into[weight.at] += weight.value
				}
			}
			continue
		}
		begin := uint32(i * w.values)
		for _, x := range at {
			n := w.count[x]
			w.count[x] = n + 1
			w.wanted[int(x)*slabs+int(n)] = begin
		}
	}
	for part, table := range w.tables {
		for x, n := range w.count {
			if n > 0 {
				rows.Sum(w.evidence[x*k.Classes+part*w.values:][:w.values], table, w.wanted[x*slabs:][:n])
			}
		}
	}
	return additions
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
