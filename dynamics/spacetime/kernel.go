package spacetime

import (
	"fmt"
	"math"
	"runtime"
	"slices"
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
	pl := newPlan(k)
	first := max(0, from-k.Depth+1)
	columns := columnsOf(m, first, to)
	// Bands of rows share what they load of the tables, but every worker should have some.
	height := min(bandRows, max(1, (to-from)*m.Height/(2*workers)), m.Height)
	bands := (m.Height + height - 1) / height
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(workers, (to-from)*bands) {
		group.Go(func() {
			side := k.Width / 2 * k.Classes
			w := pl.worker(m, height)
			for {
				i := int(next.Add(1)) - 1
				t, y := from+i/bands, i%bands*height
				if t >= to {
					return
				}
				rows := min(height, m.Height-y)
				w.band(columns, first, t, y, rows)
				for r := range rows {
					take(t, y+r, w.evidence[r][side:side+m.Width*k.Classes])
				}
			}
		})
	}
	group.Wait()
	return pl.additions(m, columns, first, from, to), nil
}

// A slab is the weights of one polarity, delay and dy, [width, classes]. An event adds a slab to the evidence of its neighbours in a row: to a stretch
// that begins at its column. Slabs come in groups, those of like width together, and stretches in parts, so that the table of one group and part stays
// in the first-level cache while it is used for all columns of a band of rows: for each column the slabs that its events call for are summed in
// registers.
type plan struct {
	k      *Kernel
	groups []slabs
	values int // of a part
}

type slabs struct {
	list   []slab
	from   int         // where in slabs the first part begins: before it there are zeros
	tables [][]float32 // [parts][slabs, values]
}

type slab struct {
	p, dt, dy int
	from, to  int      // the weights are zero before and after
	perDX     []int64  // [width+1]: weights before each dx that are not zero
	begin     uint16   // in each table of the group
	few       []weight // if they are few: they are added by themselves, and the slab is in no table
}

type weight struct {
	at    int32 // in the slab
	value float32
}

const (
	// groupSlabs is how many slabs have a table that takes half a first-level cache.
	groupSlabs = 96
	// bandRows is how many rows are computed together.
	bandRows = 8
	// sparseFrom is how many values must go to each weight that is not zero for it to be cheaper to add those alone.
	sparseFrom = 36
)

func newPlan(k *Kernel) *plan {
	n := k.Width * k.Classes
	pl := &plan{k: k, values: 64}
	for pl.values > 16 && n <= pl.values/2 {
		pl.values /= 2
	}
	var all []slab
	for p := range k.Polarities {
		for dt := range k.Depth {
			for dy := -k.Height / 2; dy <= k.Height/2; dy++ {
				s := slab{p: p, dt: dt, dy: dy, perDX: make([]int64, k.Width+1)}
				for i, w := range k.slab(s) {
					if w != 0 {
						s.perDX[i/k.Classes+1]++
						s.few = append(s.few, weight{int32(i), w})
					}
				}
				if len(s.few) == 0 {
					continue
				}
				for i := range k.Width {
					s.perDX[i+1] += s.perDX[i]
				}
				s.from, s.to = int(s.few[0].at), int(s.few[len(s.few)-1].at)+1
				if len(s.few)*sparseFrom >= s.to-s.from {
					s.few = nil
				}
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b slab) int { return a.to - a.from - (b.to - b.from) })
	for list := range slices.Chunk(all, groupSlabs) {
		pl.groups = append(pl.groups, pl.group(list))
	}
	return pl
}

// slab is the weights of a slab.
func (k *Kernel) slab(s slab) []float32 {
	return k.Weights[k.Tap(s.p, s.dt, s.dy, -(k.Width/2))*k.Classes:][:k.Width*k.Classes]
}

// group makes the tables of slabs.
func (pl *plan) group(list []slab) slabs {
	g := slabs{list: list, from: math.MaxInt}
	to := 0
	for _, s := range list {
		g.from, to = min(g.from, s.from), max(to, s.to)
	}
	g.tables = make([][]float32, (to-g.from+pl.values-1)/pl.values)
	row := make([]float32, len(g.tables)*pl.values)
	for i := range list {
		if s := &list[i]; s.few == nil {
			s.begin = uint16(len(g.tables[0]))
			copy(row, pl.k.slab(*s)[g.from:to])
			for part := range g.tables {
				g.tables[part] = append(g.tables[part], row[part*pl.values:(part+1)*pl.values]...)
			}
		}
	}
	return g
}

// worker has the memory to compute a band of rows at a time.
type worker struct {
	*plan
	m        *Movie
	evidence [][]float32 // [rows][width/2 + movie's width + width/2, classes], with what falls off either edge, and what the last part reaches beyond
	wanted   [][]uint16  // [rows][movie's width, groupSlabs], where in a table the slabs begin that a column's events call for
	counts   [][]uint16  // [rows][movie's width], how many
	order    [][]uint16  // [rows], the columns that call for any, by how many
}

func (pl *plan) worker(m *Movie, rows int) *worker {
	w := &worker{plan: pl, m: m}
	for range rows {
		w.evidence = append(w.evidence, make([]float32, (m.Width-1+pl.k.Width)*pl.k.Classes+pl.values))
		w.wanted = append(w.wanted, make([]uint16, m.Width*groupSlabs))
		w.counts = append(w.counts, make([]uint16, m.Width))
		w.order = append(w.order, make([]uint16, m.Width))
	}
	return w
}

// band computes the evidence of so many rows from y on in step t from the columns of events, of steps from first on.
func (w *worker) band(columns [][]uint16, first, t, y, height int) {
	for r := range height {
		clear(w.evidence[r])
	}
	for _, g := range w.groups {
		for r := range height {
			w.want(g, r, columns, first, t, y+r)
		}
		for part, table := range g.tables {
			for r := range height {
				rows.Columns(w.values, w.evidence[r][g.from+part*w.values:], w.k.Classes, table, w.wanted[r], groupSlabs, w.counts[r], w.order[r])
			}
		}
	}
}

// want lists what the events around row y in step t want of a group, and adds the slabs of few weights.
func (w *worker) want(g slabs, r int, columns [][]uint16, first, t, y int) {
	evidence, wanted, counts := w.evidence[r], w.wanted[r], w.counts[r]
	clear(counts)
	for i := range g.list {
		s := &g.list[i]
		from, when := y-s.dy, t-s.dt
		if from < 0 || from >= w.m.Height || when < 0 {
			continue
		}
		at := columns[((when-first)*w.m.Polarities+s.p)*w.m.Height+from]
		if s.few != nil {
			for _, x := range at {
				into := evidence[int(x)*w.k.Classes:]
				for _, weight := range s.few {
					into[weight.at] += weight.value
				}
			}
			continue
		}
		for _, x := range at {
			n := counts[x]
			counts[x] = n + 1
			wanted[int(x)*groupSlabs+int(n)] = s.begin
		}
	}
	// Columns of like counts come together, but no neighbours: the evidence of those overlaps, and a processor waits where it is to load what it is
	// still about to store.
	const kinds = groupSlabs + 1
	var begin [2*kinds + 1]int
	for x, n := range counts {
		if n > 0 {
			begin[x%2*kinds+int(n)+1]++
		}
	}
	for i := range begin[1:] {
		begin[i+1] += begin[i]
	}
	order := w.order[r][:begin[2*kinds]]
	for x, n := range counts {
		if n > 0 {
			at := &begin[x%2*kinds+int(n)]
			order[*at] = uint16(x)
			*at++
		}
	}
	w.order[r] = order
}

// additions counts the weights that are not zero which events add to evidence of steps from to to-1 inside the movie.
func (pl *plan) additions(m *Movie, columns [][]uint16, first, from, to int) (sum int64) {
	k := pl.k
	// An event near an edge loses the weights of offsets beyond it. So for each polarity and class of distance from the edges, events are counted, and
	// added up over earlier steps and higher rows: a slab meets the events of a rectangle of steps and rows.
	var kept [][2]int // of each class: which offsets stay inside
	class := make([]int, m.Width)
	for x := range class {
		inside := [2]int{max(0, k.Width/2-x), min(k.Width, m.Width+k.Width/2-x)}
		if class[x] = slices.Index(kept, inside); class[x] < 0 {
			class[x] = len(kept)
			kept = append(kept, inside)
		}
	}
	n, width, steps := len(kept), m.Height+1, to-first
	before := make([]int64, m.Polarities*(steps+1)*width*n)
	at := func(p, t, y int) []int64 { return before[((p*(steps+1)+t)*width+y)*n:][:n] }
	for p := range m.Polarities {
		for t := range steps {
			for y := range m.Height {
				into, left, above, both := at(p, t+1, y+1), at(p, t+1, y), at(p, t, y+1), at(p, t, y)
				for c := range into {
					into[c] = left[c] + above[c] - both[c]
				}
				for _, x := range columns[(t*m.Polarities+p)*m.Height+y] {
					into[class[x]]++
				}
			}
		}
	}
	for _, g := range pl.groups {
		for _, s := range g.list {
			t0, t1 := max(from-s.dt, first)-first, to-s.dt-first
			y0, y1 := max(0, -s.dy), min(m.Height, m.Height-s.dy)
			if t1 <= t0 || y1 <= y0 {
				continue
			}
			a, b, c, d := at(s.p, t1, y1), at(s.p, t0, y1), at(s.p, t1, y0), at(s.p, t0, y0)
			for i, inside := range kept {
				sum += (a[i] - b[i] - c[i] + d[i]) * (s.perDX[inside[1]] - s.perDX[inside[0]])
			}
		}
	}
	return sum
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
