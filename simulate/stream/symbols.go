package stream

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Grammar is a set of symbol sequences. Each draw gives one of them, all equally likely.
// Symbols count from 0; larger numbers than the alphabet's stand for noise.
type Grammar struct {
	Alphabet  int     // number of symbols the sequences use
	Sequences [][]int // at least two symbols each; the last one is the ending
}

// HighOrder is the paper's set of eight sequences in two groups that share sub-sequences: the ending follows from the first symbol
// alone, six or seven steps back (Cui, Ahmad, Hawkins 2016, section 4.1).
func HighOrder() Grammar {
	return Grammar{Alphabet: 10, Sequences: [][]int{
		{6, 8, 7, 4, 2, 3, 0}, {1, 8, 7, 4, 2, 3, 5}, {6, 3, 4, 2, 7, 8, 5}, {1, 3, 4, 2, 7, 8, 0},
		{0, 9, 7, 8, 5, 3, 4, 1}, {2, 9, 7, 8, 5, 3, 4, 6}, {0, 4, 3, 5, 8, 7, 9, 6}, {2, 4, 3, 5, 8, 7, 9, 1},
	}}
}

// TwoEndings is the paper's set in which every context has two equally likely endings: sixteen sequences of a head, a body and
// one ending (section 4.2).
func TwoEndings() Grammar {
	bodies := [][]int{{8, 3, 10, 9, 6}, {6, 9, 10, 3, 8}, {3, 8, 6, 1, 10, 11}, {11, 10, 1, 6, 8, 3}}
	endings := [][2][2]int{{{1, 2}, {0, 7}}, {{7, 0}, {2, 1}}, {{9, 2}, {0, 7}}, {{7, 0}, {2, 9}}}
	g := Grammar{Alphabet: 12}
	for b, body := range bodies {
		for h, head := range []int{4, 5} {
			for _, ending := range endings[b][h] {
				g.Sequences = append(g.Sequences, slices.Concat([]int{head}, body, []int{ending}))
			}
		}
	}
	return g
}

// Swapped returns the grammar with the endings exchanged between sequences that differ in their first and last symbols only: what has
// been learned becomes exactly wrong.
func (g Grammar) Swapped() Grammar {
	out := Grammar{Alphabet: g.Alphabet, Sequences: make([][]int, len(g.Sequences))}
	for i, s := range g.Sequences {
		t := slices.Clone(s)
		for j, other := range g.Sequences {
			if i != j && slices.Equal(s[1:len(s)-1], other[1:max(1, len(other)-1)]) {
				t[len(t)-1] = other[len(other)-1]
			}
		}
		out.Sequences[i] = t
	}
	return out
}

// Symbols is a stream of symbols.
type Symbols struct {
	Values   []int  // below the grammar's alphabet, or noise
	Question []bool // true where the next value is the ending of a sequence
	Starts   []bool // true at the first element of a sequence
	Alphabet int    // symbols that are not noise
	Noise    int    // number of different noise symbols
}

// SymbolOptions says how a stream is drawn.
type SymbolOptions struct {
	Elements int // length of the stream
	Noise    int // different noise symbols; one follows every sequence. 0 for none
	SwapAt   int // element from which endings are swapped; 0 for never
}

// Draw draws a stream: sequences chosen at random, each followed by one noise symbol. Symbols are renumbered by a random permutation of
// the alphabet.
func (g Grammar) Draw(o SymbolOptions, rng *rand.Rand) (Symbols, error) {
	switch {
	case o.Elements < 1:
		return Symbols{}, fmt.Errorf("a stream of %d elements is empty; ask for at least 1", o.Elements)
	case o.Noise < 0:
		return Symbols{}, fmt.Errorf("%d noise symbols; use 0 for none", o.Noise)
	case o.SwapAt < 0 || o.SwapAt >= o.Elements:
		return Symbols{}, fmt.Errorf("endings cannot be swapped at element %d of a stream of %d; use 1 to %d, or 0 for never",
			o.SwapAt, o.Elements, o.Elements-1)
	}
	names := rng.Perm(g.Alphabet)
	s := Symbols{Alphabet: g.Alphabet, Noise: o.Noise}
	now, swapped := g, g.Swapped()
	for len(s.Values) < o.Elements {
		if o.SwapAt > 0 && len(s.Values) >= o.SwapAt {
			now = swapped
		}
		sequence := now.Sequences[rng.IntN(len(now.Sequences))]
		for i, v := range sequence {
			s.Values = append(s.Values, names[v])
			s.Question = append(s.Question, i == len(sequence)-2)
			s.Starts = append(s.Starts, i == 0)
		}
		if o.Noise > 0 {
			s.Values = append(s.Values, g.Alphabet+rng.IntN(o.Noise))
			s.Question, s.Starts = append(s.Question, false), append(s.Starts, false)
		}
	}
	s.Values, s.Question, s.Starts = s.Values[:o.Elements], s.Question[:o.Elements], s.Starts[:o.Elements]
	s.Question[o.Elements-1] = false // its answer is cut off
	return s, nil
}
