package search

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/gyrus-dev/gyrus/feed"
)

// snapshot is the index at one moment. It never changes, so that searches go on in it while a newer one is made.
type snapshot struct {
	state   state
	parts   []*segment
	dead    []bitmap   // by part: papers that left, or have a newer text in a later part
	vectors []*vectors // by part: of its papers; nil if there is no model
	words   *latent    // the built-in model; nil if there is none yet, or another embedder
	base    []int      // by part: the number of its first paper in the whole
	total   int        // papers, the dead included
	live    int
	norm    []float32 // by paper: how much its length holds back the frequency of a word
	scratch *sync.Pool
}

// The parameters of BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009).
const (
	bm25K = 1.2
	bm25B = 0.75
)

// prepare fills in what follows from the parts.
func (s *snapshot) prepare() *snapshot {
	s.base, s.total, s.live = nil, 0, 0
	sum := 0.
	for k, p := range s.parts {
		s.base = append(s.base, s.total)
		s.total += len(p.papers)
		for i, l := range p.length {
			if !s.dead[k].has(i) {
				s.live++
				sum += float64(l)
			}
		}
	}
	s.norm = make([]float32, 0, s.total)
	mean := max(1, sum/float64(max(s.live, 1)))
	for _, p := range s.parts {
		for _, l := range p.length {
			s.norm = append(s.norm, float32(bm25K*(1-bm25B+bm25B*float64(l)/mean)))
		}
	}
	n := s.total
	s.scratch = &sync.Pool{New: func() any { return &scratch{score: make([]float32, n), most: make([]float32, n)} }}
	return s
}

// scratch is what one search writes to; both are zero between searches.
type scratch struct {
	score []float32 // by paper: BM25
	most  []float32 // by paper: the part of one word in it
}

// at returns the part that a paper is in, and its number there.
func (s *snapshot) at(doc int) (*segment, int, int) {
	k, found := slices.BinarySearch(s.base, doc)
	if !found {
		k--
	}
	for k+1 < len(s.base) && s.base[k+1] == doc { // parts without papers
		k++
	}
	return s.parts[k], doc - s.base[k], k
}

// find returns the number of a paper, or -1.
func (s *snapshot) find(paper int64) int {
	for k, p := range s.parts {
		for i, id := range p.papers {
			if id == paper && !s.dead[k].has(i) {
				return s.base[k] + i
			}
		}
	}
	return -1
}

// in is the number of papers that have a stem.
func (s *snapshot) in(stem string) (n int) {
	for _, p := range s.parts {
		if t := p.term(stem); t >= 0 {
			n += int(p.document[t])
		}
	}
	return n
}

// alternative is a stem that a word of the query may stand for.
type alternative struct {
	stem   string
	weight float32
}

// sought is a word of a query, ready to be looked up.
type sought struct {
	Word
	any   []alternative
	idf   float32
	times float32
	as    string // the spelling that was assumed, empty if the word is known
}

// seek finds what the words of a query may stand for. Words that are there twice count twice; function words are left out unless there is
// nothing else.
func (s *snapshot) seek(q *Query, instant bool) []sought {
	var out []sought
	index := map[Word]int{}
	only := true // function words
	for i := range q.Words {
		if !q.Words[i].Not && !functionWords[q.Words[i].Text] {
			only = false
		}
	}
	for i, w := range q.Words {
		last := i == len(q.Words)-1
		w.Prefix = w.Prefix || instant && last && !w.Not
		if functionWords[w.Text] && !only && !w.Must && !w.Not && w.In == "" && !(w.Prefix && last) {
			continue
		}
		if j, known := index[w]; known {
			out[j].times++
			continue
		}
		index[w] = len(out)
		out = append(out, s.look(w))
	}
	for _, p := range q.Phrases {
		for _, word := range p.Words {
			if !p.Not && !functionWords[word] {
				out = append(out, s.look(Word{Text: word, In: p.In}))
			}
		}
	}
	return out
}

const (
	mostCompletions = 40
	mostSpellings   = 3
)

// look finds what a word may stand for: its stem, the words it is the beginning of, and, if the corpus does not know it, words that are
// spelt almost like it.
func (s *snapshot) look(w Word) sought {
	g := sought{Word: w, times: 1}
	own := stem(w.Text)
	known := s.in(own)
	total := known
	if known > 0 {
		g.any = append(g.any, alternative{own, 1})
	}
	add := func(a alternative) {
		if !slices.ContainsFunc(g.any, func(b alternative) bool { return a.stem == b.stem }) {
			g.any = append(g.any, a)
			total += s.in(a.stem)
		}
	}
	if w.Prefix {
		for _, c := range s.complete(w.Text, mostCompletions) {
			add(alternative{stem(c.word), 0.8})
		}
	}
	if len(g.any) == 0 && !w.Not {
		for i, f := range s.spellings(w.Text, w.Prefix, mostSpellings) {
			if i == 0 {
				g.as = f.word
			}
			add(alternative{stem(f.word), 0.8 / float32(f.off+i)})
		}
	}
	in := float64(min(total, s.live))
	g.idf = float32(math.Log(1 + (float64(s.live)-in+0.5)/(in+0.5)))
	return g
}

// completions returns the most frequent words that begin with a prefix.
func (s *snapshot) complete(prefix string, n int) []spelling {
	if prefix == "" {
		return nil
	}
	counts := map[string]uint32{}
	for _, p := range s.parts {
		from, to := p.completions(prefix)
		for i := from; i < to; i++ {
			counts[p.words[i]] += p.wordIn[i]
		}
	}
	out := make([]spelling, 0, len(counts))
	for w, in := range counts {
		out = append(out, spelling{word: w, in: in})
	}
	slices.SortFunc(out, func(a, b spelling) int {
		if a.in != b.in {
			return int(int64(b.in) - int64(a.in))
		}
		return strings.Compare(a.word, b.word)
	})
	return out[:min(n, len(out))]
}

// fields is the fields that a name in a query stands for.
func fields(name string) field {
	switch name {
	case "title":
		return inTitle
	case "abstract":
		return inAbstract
	case "author":
		return inNames
	}
	return anywhere
}

// lexical adds up BM25 in the scratch, and returns the largest score that a paper could have.
func (s *snapshot) lexical(words []sought, to *scratch) (most float32) {
	for i := range words {
		g := &words[i]
		if g.Not {
			continue
		}
		weight := g.idf * (bm25K + 1) * g.times
		most += weight
		where := fields(g.In)
		several := len(g.any) > 1
		for _, a := range g.any {
			for k, p := range s.parts {
				t := p.term(a.stem)
				if t < 0 {
					continue
				}
				score, norm := to.score[s.base[k]:], s.norm[s.base[k]:]
				w := weight * a.weight
				switch {
				case !several && where == anywhere:
					p.each(t, func(doc uint32, frequency uint8, _ field) {
						f := float32(frequency)
						score[doc] += w * f / (f + norm[doc])
					})
				default:
					share := to.most[s.base[k]:]
					p.each(t, func(doc uint32, frequency uint8, in field) {
						if f := float32(frequency); in&where != 0 {
							if v := w * f / (f + norm[doc]); v > share[doc] {
								score[doc] += v - share[doc]
								share[doc] = v
							}
						}
					})
				}
			}
		}
		if several || where != anywhere {
			clear(to.most)
		}
	}
	return most
}

// allowed returns the papers that a filter lets through and that have, or have not, what the query insists on; nil for all. Phrases are
// only held to having all their words: whether these stand one after another, the text must tell.
func (s *snapshot) allowed(q *Query, words []sought, f *Filter, status func(slug string) []string) []bitmap {
	var insists bool
	for _, w := range words {
		insists = insists || w.Must || w.Not
	}
	for _, p := range q.Phrases {
		insists = insists || !p.Not
	}
	if f.empty() && !insists {
		return nil
	}
	out := make([]bitmap, len(s.parts))
	for k, p := range s.parts {
		ok := newBitmap(len(p.papers))
		families, systems := make([]bool, len(p.names)), make([]bool, len(p.names))
		for i, name := range p.names {
			families[i] = len(f.Families) == 0 || slices.Contains(f.Families, name)
			systems[i] = !f.Runnable || name != ""
			if len(f.Status) > 0 {
				systems[i] = name != "" && status != nil && slices.ContainsFunc(status(name), func(s string) bool { return slices.Contains(f.Status, s) })
			}
		}
		spans := [2][2]int32{}
		for i, span := range []feed.Span{published: f.Published, listed: f.Listed} {
			spans[i] = [2]int32{noDate, math.MaxInt32}
			if !span.From.IsZero() {
				spans[i][0] = day(span.From)
			}
			if !span.To.IsZero() {
				spans[i][1] = day(span.To)
				spans[i][0] = max(spans[i][0], noDate+1)
			}
		}
		for i := range p.papers {
			if families[p.family[i]] && systems[p.system[i]] && p.dates[0][i] >= spans[0][0] && p.dates[0][i] < spans[0][1] &&
				p.dates[1][i] >= spans[1][0] && p.dates[1][i] < spans[1][1] {
				ok.set(i)
			}
		}
		with := func(any []alternative, in string) bitmap {
			b, where := newBitmap(len(p.papers)), fields(in)
			for _, a := range any {
				if t := p.term(a.stem); t >= 0 {
					p.each(t, func(doc uint32, _ uint8, fields field) {
						if fields&where != 0 {
							b.set(int(doc))
						}
					})
				}
			}
			return b
		}
		for _, w := range words {
			switch {
			case w.Must:
				ok.keep(with(w.any, w.In))
			case w.Not:
				ok.drop(with(w.any, w.In))
			}
		}
		for _, phrase := range q.Phrases {
			for _, word := range phrase.Words {
				if !phrase.Not {
					ok.keep(with([]alternative{{stem(word), 1}}, phrase.In))
				}
			}
		}
		out[k] = ok
	}
	return out
}

func (b bitmap) keep(c bitmap) {
	for i := range b {
		b[i] &= c[i]
	}
}

func (b bitmap) drop(c bitmap) {
	for i := range b {
		b[i] &^= c[i]
	}
}

// meaning returns the vector of the words of a query in the built-in model.
func (s *snapshot) meaning(words []sought) []float32 {
	if s.words == nil {
		return nil
	}
	var terms []int
	var times []float32
	var more []float32
	for i := range words {
		g := &words[i]
		if g.Not || g.In == "author" {
			continue
		}
		sum := float32(0)
		for j, a := range g.any {
			if j < 3 {
				sum += a.weight
			}
		}
		for j, a := range g.any {
			if j >= 3 {
				break
			}
			if t := s.words.term(a.stem); t >= 0 {
				terms, times = append(terms, t), append(times, g.times*a.weight/max(sum, 1))
			} else {
				more = s.company(a.stem, g.idf*g.times*a.weight/max(sum, 1), more)
			}
		}
		if len(g.any) == 0 {
			// A word that nobody has written yet takes after those that begin like it.
			for _, t := range s.words.relatives(stem(g.Text)) {
				terms, times = append(terms, t), append(times, g.times*0.5)
			}
		}
	}
	out := s.words.embed(terms, times, more)
	return out
}

// company adds to a sum the mean vector of papers that have a stem, which stands for a word that the model does not know: one that is new
// or was too rare to be learnt.
func (s *snapshot) company(stem string, weight float32, sum []float32) []float32 {
	const most = 16
	mean := make([]float32, s.words.vec.dim)
	n := 0
	for k, p := range s.parts {
		t := p.term(stem)
		if t < 0 || n >= most {
			continue
		}
		p.each(t, func(doc uint32, _ uint8, in field) {
			if n < most && in&^inNames != 0 && !s.dead[k].has(int(doc)) {
				n++
				axpy(1, s.vectors[k].vector(int(doc)), mean)
			}
		})
	}
	if n == 0 {
		return sum
	}
	if sum == nil {
		sum = make([]float32, len(mean))
	}
	axpy(weight*s.words.usual/float32(n), mean, sum)
	return sum
}

// candidates is how many papers each side proposes to the fusion.
const candidates = 400

// exact is of how many papers the dense side computes products.
const exact = 2000

// fused is a paper that was found, and what speaks for it.
type fused struct {
	doc     int
	score   float64
	lexical float64 // BM25 as a share of the most that a paper could have
	dense   float64 // cosine
}

// rank finds the papers that fit best, at most n.
func (s *snapshot) rank(ctx context.Context, words []sought, vector []float32, ok []bitmap, mode Mode, n int) ([]fused, error) {
	to := s.scratch.Get().(*scratch)
	defer func() {
		clear(to.score)
		s.scratch.Put(to)
	}()
	may := func(k, i int) bool { return !s.dead[k].has(i) && (ok == nil || ok[k].has(i)) }
	var most float32
	var found []hit
	if mode != Dense {
		most = s.lexical(words, to)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for k, p := range s.parts {
			for i, score := range to.score[s.base[k] : s.base[k]+len(p.papers)] {
				if score > 0 && may(k, i) {
					found = append(found, hit{s.base[k] + i, score})
				}
			}
		}
		found = best(found, max(n, candidates))
	}
	var q *query
	var near []hit
	if mode != Lexical && vector != nil && s.vectors != nil {
		if q = newQuery(vector); q != nil {
			for k, v := range s.vectors {
				near = v.nearest(q, max(n, candidates), exact, s.base[k], func(i int) bool { return may(k, i) }, near)
			}
			near = best(near, max(n, candidates))
		}
	}
	docs := make(map[int]bool, len(found)+len(near))
	var out []fused
	for _, h := range slices.Concat(found, near) {
		if docs[h.doc] {
			continue
		}
		docs[h.doc] = true
		f := fused{doc: h.doc}
		if most > 0 {
			f.lexical = float64(to.score[h.doc] / most)
		}
		if q != nil {
			_, i, k := s.at(h.doc)
			f.dense = float64(s.vectors[k].dot(i, q))
		}
		out = append(out, f)
	}
	fuse(out, mode)
	return out[:min(n, len(out))], nil
}
