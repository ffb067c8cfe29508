package search

import (
	"math/rand/v2"
	"slices"
)

// Bounds of what the built-in model learns from.
const (
	maxTerms  = 40_000 // words it has vectors for
	commonest = 0.4    // share of papers past which a word says nothing about meaning
)

// count counts the words of a sample of the papers, for training. Names are not words. In a corpus of any size a word must be in two papers
// to be learnt from, since else it relates nothing.
func (s *snapshot) count(sample int) *counted {
	c := &counted{of: s.live}
	in := map[string]int{}
	for k, p := range s.parts {
		for t, stem := range p.terms {
			n := 0
			p.each(t, func(doc uint32, _ uint8, f field) {
				if f&^inNames != 0 && !s.dead[k].has(int(doc)) {
					n++
				}
			})
			if n > 0 && !functionWords[stem] {
				in[stem] += n
			}
		}
	}
	type term struct {
		stem string
		in   int
	}
	var terms []term
	for stem, n := range in {
		if n >= 2 && (float64(n) <= commonest*float64(s.live) || s.live < 20) {
			terms = append(terms, term{stem, n})
		}
	}
	slices.SortFunc(terms, func(a, b term) int {
		if a.in != b.in {
			return b.in - a.in
		}
		if a.stem < b.stem {
			return -1
		}
		return 1
	})
	terms = terms[:min(len(terms), maxTerms)]
	slices.SortFunc(terms, func(a, b term) int {
		if a.stem < b.stem {
			return -1
		}
		return 1
	})
	for _, t := range terms {
		c.terms, c.in = append(c.terms, t.stem), append(c.in, t.in)
	}

	// The row of each paper, or -1.
	row := make([]int32, s.total)
	chosen := 0
	r := rand.New(rand.NewPCG(2, uint64(s.live)))
	left, want := s.live, min(sample, s.live)
	for k, p := range s.parts {
		for i := range p.papers {
			doc := s.base[k] + i
			row[doc] = -1
			if s.dead[k].has(i) {
				continue
			}
			if r.IntN(left) < want-chosen {
				row[doc] = int32(chosen)
				chosen++
			}
			left--
		}
	}
	// Twice through the postings: once to count, once to place.
	c.start = make([]int, chosen+1)
	visit := func(do func(row int32, term int, frequency uint8)) {
		for k, p := range s.parts {
			for t, stem := range p.terms {
				id, known := slices.BinarySearch(c.terms, stem)
				if !known {
					continue
				}
				p.each(t, func(doc uint32, frequency uint8, f field) {
					if at := row[s.base[k]+int(doc)]; at >= 0 && f&^inNames != 0 {
						do(at, id, frequency)
					}
				})
			}
		}
	}
	visit(func(row int32, _ int, _ uint8) { c.start[row+1]++ })
	for i := range chosen {
		c.start[i+1] += c.start[i]
	}
	c.term, c.count = make([]int32, c.start[chosen]), make([]uint8, c.start[chosen])
	next := slices.Clone(c.start)
	visit(func(row int32, term int, frequency uint8) {
		c.term[next[row]], c.count[next[row]] = int32(term), frequency
		next[row]++
	})
	return c
}

// embed returns the vectors of all papers of a segment, the dead included, from the words that the index has of them.
func (l *latent) embedSegment(p *segment) *vectors {
	const block = 4096 // papers at a time, so that the sums need little room
	out := &vectors{dim: l.vec.dim}
	ids := make([]int32, len(p.terms))
	for t, stem := range p.terms {
		ids[t] = int32(l.term(stem))
	}
	sums := make([]float32, min(block, len(p.papers))*l.vec.dim)
	for from := 0; from < len(p.papers); from += block {
		to := min(from+block, len(p.papers))
		clear(sums)
		for t := range p.terms {
			if ids[t] < 0 {
				continue
			}
			p.each(t, func(doc uint32, frequency uint8, f field) {
				if int(doc) >= from && int(doc) < to && f&^inNames != 0 {
					l.addTerm(sums[(int(doc)-from)*l.vec.dim:][:l.vec.dim], int(ids[t]), l.idf[ids[t]]*sublinear(float32(frequency)))
				}
			})
		}
		for i := range to - from {
			d := sums[i*l.vec.dim:][:l.vec.dim]
			if n := length(d); n > 0 {
				for j := range d {
					d[j] = d[j]/n - l.mean[j]
				}
			}
			out.add(d)
		}
	}
	return out
}
