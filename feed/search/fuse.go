package search

import (
	"cmp"
	"slices"
)

// Mode says by what a search finds.
type Mode uint8

// The modes.
const (
	Hybrid  Mode = iota // by words and by meaning
	Lexical             // by words alone: BM25
	Dense               // by meaning alone: vectors
)

func (m Mode) String() string { return [...]string{"hybrid", "BM25", "dense"}[m] }

// denseShare is how much of the score of a hybrid search comes from meaning. It was chosen on text that is in no benchmark of this project,
// the documentation of Python libraries (first line to the rest, and half to half): there, shares of 0.2 to 0.35 beat both sides in both
// tasks; less is better for short queries, more for long ones.
const denseShare = 0.35

// fuse orders what was found by its score. That of a hybrid search is the weighted sum of both sides, each as a share of its best, so that
// a side that sees no difference between its best papers leaves the order to the other. Fusing ranks instead (reciprocal-rank fusion) lost
// on both tasks: it forgets by how much a paper is ahead.
func fuse(found []fused, mode Mode) {
	var lexical, dense float64
	for i := range found {
		lexical, dense = max(lexical, found[i].lexical), max(dense, found[i].dense)
	}
	for i := range found {
		switch f := &found[i]; mode {
		case Lexical:
			f.score = f.lexical
		case Dense:
			f.score = f.dense
		default:
			if lexical > 0 {
				f.score += (1 - denseShare) * f.lexical / lexical
			}
			if dense > 0 {
				f.score += denseShare * f.dense / dense
			}
		}
	}
	slices.SortFunc(found, func(a, b fused) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.doc, b.doc)) })
}
