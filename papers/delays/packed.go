package delays

import (
	"math/bits"

	"github.com/gyrus-dev/gyrus/dynamics/spacetime"
)

// packed is a movie with a bit for each place. A layer that learns from random places spends most of its time looking for their events, and a row of
// a field is looked through in a few instructions this way.
type packed struct {
	polarities, height int
	perRow             int
	words              []uint64 // [steps, polarities, height, perRow]; the first and last word of a row are empty
}

// mostWidth is the widest field: its rows must fit into a word.
const mostWidth = 63

func pack(m *spacetime.Movie) *packed {
	p := &packed{m.Polarities, m.Height, (m.Width+63)/64 + 2, nil}
	p.words = make([]uint64, m.Steps*m.Polarities*m.Height*p.perRow)
	for t := range m.Steps {
		for polarity := range m.Polarities {
			for i, b := range m.Frame(polarity, t) {
				x := i%m.Width + 64
				p.row(t, polarity, i/m.Width)[x/64] |= uint64(b) << (x % 64)
			}
		}
	}
	return p
}

func (p *packed) row(t, polarity, y int) []uint64 {
	return p.words[((t*p.polarities+polarity)*p.height+y)*p.perRow:][:p.perRow]
}

// fieldRow is a row of a field.
type fieldRow struct {
	p, dt, dy int
	last      int    // tap of the largest dx
	mask      uint64 // bit i: whether there is a tap for the i-th place from the left
}

// fieldRows lists the rows of a field that have taps.
func (f *field) fieldRows() (out []fieldRow) {
	k := f.grid
	for p := range k.Polarities {
		for dt := range k.Depth {
			for dy := -(k.Height / 2); dy <= k.Height/2; dy++ {
				row := fieldRow{p, dt, dy, k.Tap(p, dt, dy, k.Width/2), 0}
				for i := range k.Width {
					if f.mask[row.last-i] { // the leftmost place has the largest dx
						row.mask |= 1 << i
					}
				}
				if row.mask != 0 {
					out = append(out, row)
				}
			}
		}
	}
	return out
}

// taps is what Kernel.Taps is, from a packed movie.
func (f *field) taps(m *packed, t, y, x int, into []uint32) []uint32 {
	left := x - f.grid.Width/2 + 64
	word, shift := left/64, left%64
	for i := range f.looked {
		r := &f.looked[i]
		from := y - r.dy
		if from < 0 || from >= m.height || r.dt > t {
			continue
		}
		row := m.row(t-r.dt, r.p, from)
		for seen := (row[word]>>shift | row[word+1]<<(64-shift)) & r.mask; seen != 0; {
			at := 63 - bits.LeadingZeros64(seen)
			seen &^= 1 << at
			into = append(into, uint32(r.last-at))
		}
	}
	return into
}
