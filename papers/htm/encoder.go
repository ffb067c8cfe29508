package htm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Codes gives each symbol a fixed random set of columns; the code's columns become the active columns directly (the paper
// switches the spatial pooler off for symbols). A symbol's code is drawn when it is first used.
type Codes struct {
	columns, active int
	rng             *rand.Rand
	codes           map[int][]int
}

// NewCodes returns codes of active out of columns bits.
func NewCodes(columns, active int, rng *rand.Rand) (*Codes, error) {
	if active < 1 || columns < active {
		return nil, fmt.Errorf("symbol codes: %d active of %d columns; use at least 1 active and no more than there are columns", active, columns)
	}
	return &Codes{columns: columns, active: active, rng: rng, codes: map[int][]int{}}, nil
}

// Code returns the symbol's columns, ascending.
func (c *Codes) Code(symbol int) []int {
	code, ok := c.codes[symbol]
	if !ok {
		code = make([]int, 0, c.active)
		for len(code) < c.active { // rejection is cheap: codes are sparse
			if bit := c.rng.IntN(c.columns); !slices.Contains(code, bit) {
				code = append(code, bit)
			}
		}
		slices.Sort(code)
		c.codes[symbol] = code
	}
	return code
}

// Block encodes a number as a run of Width contiguous bits out of Bits, whose place slides with the value from Min to Max; near
// values share bits. A periodic block wraps round, and then Max is the same place as Min.
type Block struct {
	Name        string // of the quantity, for errors
	Bits, Width int
	Min, Max    float64
	Periodic    bool
}

// Check reports an impossible block.
func (b Block) Check() error {
	switch {
	case b.Width < 1 || b.Width > b.Bits:
		return fmt.Errorf("%s encoder: %d active of %d bits; the width must be 1 to the number of bits", b.Name, b.Width, b.Bits)
	case !(b.Min < b.Max) || math.IsInf(b.Min, 0) || math.IsInf(b.Max, 0):
		return fmt.Errorf("%s encoder: range %v to %v; the minimum must be finite and below the maximum", b.Name, b.Min, b.Max)
	}
	return nil
}

// Places returns the number of different codes.
func (b Block) Places() int {
	if b.Periodic {
		return b.Bits
	}
	return b.Bits - b.Width + 1
}

// Place returns the first bit of a value's run, which is also its bucket among [Block.Places]. Values outside the range are
// clipped, or wrapped if the block is periodic. NaN takes the first place; readers reject it before.
func (b Block) Place(v float64) int {
	t := (v - b.Min) / (b.Max - b.Min)
	if math.IsNaN(t) {
		return 0
	}
	if b.Periodic {
		t -= math.Floor(t)
		return min(int(t*float64(b.Bits)), b.Bits-1)
	}
	return int(math.Round(min(max(t, 0), 1) * float64(b.Places()-1)))
}

// Append appends the value's active bits, shifted by offset, in ascending order.
func (b Block) Append(bits []int, offset int, v float64) []int {
	place, from := b.Place(v), len(bits)
	for i := range b.Width {
		bits = append(bits, offset+(place+i)%b.Bits)
	}
	slices.Sort(bits[from:])
	return bits
}
