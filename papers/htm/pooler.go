package htm

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Parameters of the spatial pooler that the paper does not vary.
const (
	poolerPotential = 0.8    // share of the inputs that a column may connect to
	poolerConnected = 0.5    // permanence from which an input counts
	poolerInc       = 0.0001 // for active inputs of a winning column
	poolerDec       = 0.0005 // for its other inputs
)

// Pooler turns any pattern of input bits into a fixed number of active columns, so that patterns that share bits share columns: the
// columns whose connected inputs overlap the pattern most win (global inhibition; no boosting).
type Pooler struct {
	columns, inputs, active int
	words                   int       // of a bit set of inputs
	potential               []uint64  // [columns, words]: inputs in reach
	connected               []uint64  // [columns, words]: inputs that count
	permanence              []float32 // [columns, inputs]
	rank                    []uint32  // per column: breaks ties of overlap

	pattern   []uint64
	change    []float32 // per input: of a winner's permanence
	overlaps  []uint32  // per column
	histogram []int     // columns by overlap
	ties      []uint64
	winners   []int
}

// NewPooler returns a pooler with random connections.
func NewPooler(inputs, columns, active int, rng *rand.Rand) (*Pooler, error) {
	switch {
	case inputs < 1:
		return nil, fmt.Errorf("spatial pooler: %d inputs; at least 1 is needed", inputs)
	case active < 1 || active > columns:
		return nil, fmt.Errorf("spatial pooler: %d active of %d columns; use 1 to the number of columns", active, columns)
	}
	words := (inputs + 63) / 64
	p := &Pooler{
		columns: columns, inputs: inputs, active: active, words: words,
		potential: make([]uint64, columns*words), connected: make([]uint64, columns*words),
		permanence: make([]float32, columns*inputs), rank: make([]uint32, columns), pattern: make([]uint64, words),
		change: make([]float32, inputs), overlaps: make([]uint32, columns), histogram: make([]int, inputs+1),
	}
	reach := max(1, int(poolerPotential*float64(inputs)+0.5))
	for c := range columns {
		for _, i := range rng.Perm(inputs)[:reach] {
			p.potential[c*words+i/64] |= 1 << (i % 64)
			v := rng.Float32() // half of them connected
			p.permanence[c*inputs+i] = v
			if v >= poolerConnected {
				p.connected[c*words+i/64] |= 1 << (i % 64)
			}
		}
	}
	for c, r := range rng.Perm(columns) {
		p.rank[c] = uint32(r)
	}
	return p, nil
}

// Pool returns the active columns for a pattern of input bits, ascending, and learns if learn is set. The slice is valid until the next call.
func (p *Pooler) Pool(pattern []int, learn bool) ([]int, error) {
	clear(p.pattern)
	for _, i := range pattern {
		if i < 0 || i >= p.inputs {
			return nil, fmt.Errorf("spatial pooler: input bit %d of %d", i, p.inputs)
		}
		p.pattern[i/64] |= 1 << (i % 64)
	}
	overlaps, histogram := p.overlaps, p.histogram
	clear(histogram)
	for c := range overlaps {
		n := 0
		for w, word := range p.connected[c*p.words : (c+1)*p.words] {
			n += bits.OnesCount64(word & p.pattern[w])
		}
		overlaps[c] = uint32(n)
		histogram[n]++
	}
	// Everything above the threshold wins; of the columns at the threshold those of highest rank take the places left.
	threshold, left := len(histogram)-1, p.active
	for histogram[threshold] < left {
		left -= histogram[threshold]
		threshold--
	}
	p.winners, p.ties = p.winners[:0], p.ties[:0]
	for c, n := range overlaps {
		if int(n) > threshold {
			p.winners = append(p.winners, c)
		} else if int(n) == threshold {
			p.ties = append(p.ties, uint64(p.rank[c])<<32|uint64(c))
		}
	}
	slices.Sort(p.ties)
	for _, tie := range p.ties[len(p.ties)-left:] {
		p.winners = append(p.winners, int(uint32(tie)))
	}
	slices.Sort(p.winners)
	if learn {
		for i := range p.change {
			p.change[i] = -poolerDec
		}
		for _, i := range pattern {
			p.change[i] = poolerInc
		}
		for _, c := range p.winners {
			p.adapt(c)
		}
	}
	return p.winners, nil
}

// adapt moves a winning column's permanences towards the pattern. It runs over all inputs, in reach or not, without a branch; what is out
// of reach is masked.
func (p *Pooler) adapt(c int) {
	all := p.permanence[c*p.inputs : (c+1)*p.inputs]
	for w := range p.words {
		permanence := all[w*64 : min(w*64+64, p.inputs)]
		change := p.change[w*64:][:len(permanence)]
		connected := uint64(0)
		for k, v := range permanence {
			v = min(max(v+change[k], 0), 1)
			permanence[k] = v
			// For numbers that are not negative the order of the bits is the order of the numbers.
			below := (math.Float32bits(v) - math.Float32bits(poolerConnected)) >> 31
			connected |= uint64(below^1) << k
		}
		p.connected[c*p.words+w] = connected & p.potential[c*p.words+w]
	}
}
