package search

import (
	"cmp"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// letters is a word's set of letters, each of them at a place of 32. Words that differ by n edits differ in at most 2n places.
func letters(word string) (mask uint32) {
	for i := range len(word) {
		mask |= 1 << (word[i] & 31)
	}
	return mask
}

// edits is how many misspellings a word of that many characters is forgiven.
func edits(n int) int {
	switch {
	case n < 4:
		return 0
	case n < 8:
		return 1
	}
	return 2
}

// distance is the number of insertions, deletions, replacements and swaps of neighbours that make one word of the other, no place edited
// twice; most+1 if there are more than most. (Optimal string alignment.)
func distance(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > most || len(x) > maxWord {
		return most + 1
	}
	var rows [3][maxWord + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(x) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(y); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(x); j++ {
			d := last[j-1]
			if x[j-1] != y[i-1] {
				d = min(d, last[j], row[j-1]) + 1
				if i > 1 && j > 1 && x[j-1] == y[i-2] && x[j-2] == y[i-1] {
					d = min(d, before[j-2]+1)
				}
			}
			row[j] = d
			least = min(least, d)
		}
		if least > most {
			return most + 1
		}
		before, last, row = last, row, before
	}
	return min(last[len(x)], most+1)
}

// spelling is a word of the corpus that a misspelt one may stand for.
type spelling struct {
	word string
	off  int    // edits
	in   uint32 // papers
}

// spellings returns the words of the corpus that a word may stand for, likeliest first, at most n. Of a word that is still being typed they
// are those that begin almost like it, with the same letter.
func (s *snapshot) spellings(word string, typing bool, n int) []spelling {
	size := utf8.RuneCountInString(word)
	most := edits(size)
	if most == 0 {
		return nil
	}
	mask := letters(word)
	found := map[string]spelling{}
	for _, p := range s.parts {
		for i, m := range p.mask {
			w := p.words[i]
			switch d := len(w) - len(word); {
			case -d > most+2: // an accent may take a byte of its own
				continue
			case typing:
				if w[0] != word[0] || bits.OnesCount32(mask&^m) > most {
					continue
				}
				w = w[:min(len(w), len(word))]
			case d > most+2 || bits.OnesCount32(m^mask) > 2*most:
				continue
			}
			if off := distance(word, w, most); off <= most && off > 0 {
				f := found[p.words[i]]
				found[p.words[i]] = spelling{p.words[i], off, f.in + p.wordIn[i]}
			}
		}
	}
	out := make([]spelling, 0, len(found))
	for _, f := range found {
		out = append(out, f)
	}
	// The first letter is seldom wrong, and a frequent word likelier meant than a rare one.
	rank := func(f spelling) float64 {
		r := -3*float64(f.off) + float64(bits.Len32(f.in))/4
		if f.word[0] == word[0] {
			r++
		}
		return r
	}
	slices.SortFunc(out, func(a, b spelling) int { return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.word, b.word)) })
	return out[:min(n, len(out))]
}
