package search

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// Request is a search.
type Request struct {
	Query   string // as [ParseQuery] reads it
	Filter  Filter // in addition to what the query says
	Mode    Mode
	Order   Order
	Instant bool // the last word of the query is still being typed
	Limit   int  // papers wanted; 0 stands for 20
	Offset  int
}

// Order is the order of what is found.
type Order string

// The orders.
const (
	BestFirst   Order = ""
	NewestFirst Order = "newest" // by date of publication; papers without one come last
)

// Found is the answer to a search.
type Found struct {
	Query     Query
	Results   []Result
	Total     int          // papers that can be paged through: the best few hundred, or all if the query has only filters
	Corrected []Correction // words that the feed does not have, and what was searched for instead
	Took      time.Duration
}

// Correction is a word that was taken for another.
type Correction struct{ From, To string }

// Result is a paper that was found.
type Result struct {
	Paper   feed.Paper
	Score   float64     // comparable within one answer only; 0 if the query has only filters
	Lexical float64     // BM25, as a share of the most that a paper could have; 0 if it has no word of the query
	Dense   float64     // cosine of the vectors; 0 if there are none
	Title   Highlighted // the whole title
	Snippet Highlighted // the part of the abstract that the query is about
}

// Bounds of a search.
const (
	defaultLimit = 20
	maxLimit     = 200
	maxOffset    = 10_000
)

// leastCosine is the cosine below which a paper that has no word of the query is not found: there it says nothing.
const leastCosine = 0.2

// Search answers a request. Any text is a fine query; what was not understood of it is in Found.Query.Notes.
func (x *Index) Search(ctx context.Context, r Request) (*Found, error) {
	begin := time.Now()
	q := ParseQuery(r.Query)
	f := &Found{Query: q}
	filter := q.Filter.both(r.Filter)
	limit := min(cmp.Or(max(r.Limit, 0), defaultLimit), maxLimit)
	offset := min(max(r.Offset, 0), maxOffset)
	s, words, found, err := x.answer(ctx, &q, &filter, r.Mode, r.Instant)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		if w.as != "" {
			f.Corrected = append(f.Corrected, Correction{w.Text, w.as})
		}
	}
	if r.Order == NewestFirst {
		s.newest(found, published)
	}
	h := newHighlighter(words)
	if len(q.Phrases) == 0 {
		f.Total = len(found)
		found = found[min(offset, len(found)):]
		f.Results, err = x.results(ctx, s, found[:min(limit, len(found))], h)
	} else {
		f.Results, f.Total, err = x.withPhrases(ctx, s, found, h, &q, offset, limit)
	}
	if err != nil {
		return nil, err
	}
	f.Took = time.Since(begin)
	return f, nil
}

// answer finds the papers for a query, best first.
func (x *Index) answer(ctx context.Context, q *Query, filter *Filter, mode Mode, instant bool) (*snapshot, []sought, []fused, error) {
	select {
	case x.slots <- struct{}{}:
		defer func() { <-x.slots }()
	case <-ctx.Done():
		return nil, nil, nil, ctx.Err()
	}
	s := x.now.Load()
	words := s.seek(q, instant)
	vector, err := x.vector(ctx, s, q, words, mode)
	if err != nil {
		return nil, nil, nil, err
	}
	ok := s.allowed(q, words, filter, x.options.Status)
	positive := slices.ContainsFunc(words, func(w sought) bool { return !w.Not })
	if !positive {
		if ok == nil {
			return s, words, nil, nil
		}
		return s, words, s.all(ok), nil
	}
	found, err := s.rank(ctx, words, vector, ok, mode, candidates)
	return s, words, slices.DeleteFunc(found, func(f fused) bool { return f.lexical == 0 && f.dense < leastCosine }), err
}

// vector returns the vector of a query, nil if it has none.
func (x *Index) vector(ctx context.Context, s *snapshot, q *Query, words []sought, mode Mode) ([]float32, error) {
	e := x.options.Embedder
	if mode == Lexical || e == nil {
		return s.meaning(words), nil
	}
	var text []string
	for _, w := range q.Words {
		if !w.Not && w.In != "author" {
			text = append(text, w.Text)
		}
	}
	for _, p := range q.Phrases {
		if !p.Not {
			text = append(text, p.Words...)
		}
	}
	if len(text) == 0 || len(s.vectors) == 0 {
		return nil, nil
	}
	v, err := e.Embed(ctx, []string{strings.Join(text, " ")})
	if err != nil {
		return nil, fmt.Errorf("embedding the search with %s: %w", e.Name(), err)
	}
	if len(v) != 1 || len(v[0]) != e.Dim() {
		return nil, fmt.Errorf("embedding the search with %s: it gave no vector of %d dimensions", e.Name(), e.Dim())
	}
	return v[0], nil
}

// all returns all papers of a filter, those listed last first.
func (s *snapshot) all(ok []bitmap) []fused {
	var out []fused
	for k, p := range s.parts {
		for i := range p.papers {
			if ok[k].has(i) && !s.dead[k].has(i) {
				out = append(out, fused{doc: s.base[k] + i})
			}
		}
	}
	s.newest(out, listed)
	return out
}

func (s *snapshot) newest(found []fused, date int) {
	slices.SortStableFunc(found, func(a, b fused) int {
		p, i, _ := s.at(a.doc)
		q, j, _ := s.at(b.doc)
		return cmp.Or(cmp.Compare(q.dates[date][j], p.dates[date][i]), cmp.Compare(q.papers[j], p.papers[i]))
	})
}

// results reads the papers that were found. Those that left the feed meanwhile are left out.
func (x *Index) results(ctx context.Context, s *snapshot, found []fused, h *highlighter) ([]Result, error) {
	ids, by := make([]int64, len(found)), make(map[int64]fused, len(found))
	for i, f := range found {
		p, j, _ := s.at(f.doc)
		ids[i] = p.papers[j]
		by[ids[i]] = f
	}
	papers, err := x.store.Papers(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]Result, 0, len(papers))
	for _, p := range papers {
		f := by[p.ID]
		out = append(out, Result{Paper: p, Score: f.score, Lexical: f.lexical, Dense: f.dense, Title: h.whole(p.Title), Snippet: h.snippet(p.Abstract)})
	}
	return out, nil
}

// withPhrases reads papers until enough of them have the phrases of the query.
func (x *Index) withPhrases(ctx context.Context, s *snapshot, found []fused, h *highlighter, q *Query, offset, limit int) ([]Result, int, error) {
	var out []Result
	n := 0
	for len(found) > 0 {
		batch := found[:min(50, len(found))]
		found = found[len(batch):]
		all, err := x.results(ctx, s, batch, h)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range all {
			if q.phrasesFit(&r.Paper) {
				if n++; n > offset && len(out) < limit {
					out = append(out, r)
				}
			}
		}
	}
	return out, n, nil
}

// phrasesFit reports whether a paper has the phrases that it must have, and none that it must not.
func (q *Query) phrasesFit(p *feed.Paper) bool {
	texts := map[field][]string{}
	for f, list := range map[field][]string{inTitle: {p.Title}, inAbstract: {p.Abstract}, inNames: append(slices.Clone(p.Authors), p.Organisation)} {
		for _, text := range list {
			for t := range tokens(text) {
				texts[f] = append(texts[f], stem(t.word))
			}
			texts[f] = append(texts[f], "") // no phrase goes across
		}
	}
	for _, phrase := range q.Phrases {
		stems := make([]string, len(phrase.Words))
		for i, w := range phrase.Words {
			stems[i] = stem(w)
		}
		has := false
		for f, text := range texts {
			if f&fields(phrase.In) == 0 {
				continue
			}
			for i := 0; i+len(stems) <= len(text) && !has; i++ {
				has = slices.Equal(text[i:i+len(stems)], stems)
			}
		}
		if has == phrase.Not {
			return false
		}
	}
	return true
}

// More returns papers like one of the feed, most alike first, at most n (0 stands for ten). The error of a paper that is not in the feed is
// [feed.ErrNotFound]; one that the index does not have yet is searched for by its text.
func (x *Index) More(ctx context.Context, paper int64, filter Filter, n int) ([]Result, error) {
	p, err := x.store.Paper(ctx, paper)
	if err != nil {
		return nil, err
	}
	select {
	case x.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s := x.now.Load()
	words := s.characteristic(&p)
	var vector []float32
	doc := s.find(p.ID)
	if doc >= 0 && len(s.vectors) > 0 {
		_, i, k := s.at(doc)
		vector = s.vectors[k].vector(i)
	} else if x.options.Embedder == nil {
		vector = s.meaning(words)
	}
	found, err := s.rank(ctx, words, vector, s.allowed(&Query{}, nil, &filter, x.options.Status), Hybrid, candidates)
	<-x.slots
	if err != nil {
		return nil, err
	}
	n = min(cmp.Or(max(n, 0), 10), maxLimit)
	found = slices.DeleteFunc(found, func(f fused) bool { return f.doc == doc || f.lexical == 0 && f.dense < leastCosine })
	return x.results(ctx, s, found[:min(n, len(found))], newHighlighter(nil))
}

// characteristic returns the words that tell a paper from others, as a query.
func (s *snapshot) characteristic(p *feed.Paper) []sought {
	const most = 25
	times := map[string]float32{}
	for i, text := range []string{p.Title, p.Abstract} {
		for t := range tokens(text) {
			if !functionWords[t.word] {
				times[stem(t.word)] += float32(2 - i)
			}
		}
	}
	var out []sought
	for st, n := range times {
		if in := float64(s.in(st)); in > 1 || s.live < 100 && in > 0 { // a word that only this paper has finds no other
			out = append(out, sought{Word: Word{Text: st}, any: []alternative{{st, 1}}, times: sublinear(n),
				idf: float32(math.Log(1 + (float64(s.live)-in+0.5)/(in+0.5)))})
		}
	}
	slices.SortFunc(out, func(a, b sought) int {
		return cmp.Or(cmp.Compare(b.idf*b.times, a.idf*a.times), cmp.Compare(a.Text, b.Text))
	})
	return out[:min(most, len(out))]
}

// Find returns the papers that answer a query and were listed at or after since, best first, at most n. Unlike Search it keeps to papers
// that are clearly meant: that have about half of the query's words by weight, or a vector close to the query's. The empty query stands for
// the whole feed, newest first. It is what a digest asks for.
func (x *Index) Find(ctx context.Context, query string, since time.Time, n int) ([]feed.Paper, error) {
	if n <= 0 {
		return nil, nil
	}
	if strings.TrimSpace(query) == "" {
		return x.store.List(ctx, feed.Filter{Listed: feed.Span{From: since}, Limit: n})
	}
	q := ParseQuery(query)
	filter := q.Filter.both(Filter{Listed: feed.Span{From: since}})
	s, words, found, err := x.answer(ctx, &q, &filter, Hybrid, false)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(words, func(w sought) bool { return !w.Not }) {
		found = slices.DeleteFunc(found, func(f fused) bool { return f.lexical < 0.25 && f.dense < 0.45 })
	}
	var out []feed.Paper
	for len(found) > 0 && len(out) < n {
		batch := found[:min(50, len(found))]
		found = found[len(batch):]
		all, err := x.results(ctx, s, batch, newHighlighter(nil))
		if err != nil {
			return nil, err
		}
		for i := range all {
			if p := &all[i].Paper; len(out) < n && !p.Listed.Before(since) && q.phrasesFit(p) { // the index knows only the day
				out = append(out, *p)
			}
		}
	}
	return out, nil
}

// Complete returns what a query that is being typed may become: its last word completed to frequent words that begin so or, if none does,
// put right. At most n, likeliest first.
func (x *Index) Complete(query string, n int) []string {
	s := x.now.Load()
	at := strings.LastIndexFunc(query, func(r rune) bool { return r == ' ' || r == '\t' || r == '"' || r == '-' || r == '+' }) + 1
	head, typed := query[:at], query[at:]
	if i := strings.LastIndex(typed, ":"); i >= 0 {
		if name := strings.ToLower(typed[:i]); name != "title" && name != "abstract" && name != "author" {
			return nil
		}
		head, typed = query[:at+i+1], typed[i+1:]
	}
	var word string
	for t := range tokens(typed) {
		word = t.word
	}
	if len(word) < 2 || len(query) > maxQueryBytes || n <= 0 {
		return nil
	}
	list := s.complete(word, n+1)
	if len(list) == 0 {
		list = s.spellings(word, true, n)
	}
	var out []string
	for _, c := range list {
		if c.word != word && len(out) < n {
			out = append(out, head+c.word)
		}
	}
	return out
}
