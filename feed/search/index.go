package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gyrus-dev/gyrus/feed"
)

// Index finds papers of a feed. It may be used by several goroutines; several processes may have one of the same feed.
type Index struct {
	store   *feed.Store
	options Options
	now     atomic.Pointer[snapshot]
	refresh sync.Mutex    // held by the one Refresh
	slots   chan struct{} // held by the searches that compute, so that many readers at once need no more memory than few
}

// Options are what an Index is opened with. The zero value is fit for use.
type Options struct {
	// Embedder makes the vectors instead of the built-in model. Papers are embedded anew when another one is given.
	Embedder Embedder
	// Status returns what a search for status: matches of a registered system: the statuses of its claims, such as "reproduced".
	Status func(slug string) []string
	// Concurrent is how many searches compute at once; others wait. 0 stands for four.
	Concurrent int
}

// Embedder turns texts into vectors of one dimension, such that texts that mean much the same have vectors with a large cosine.
type Embedder interface {
	// Name tells the embedder, with its version or a digest of its weights, from others.
	Name() string
	// Dim is the dimension of the vectors, at most 1024.
	Dim() int
	// Embed returns a vector for each text. It may be called by several goroutines.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Progress is how far a Refresh has come.
type Progress struct {
	Changes int  // of the feed that were taken in by this Refresh
	Trained bool // the built-in model was trained anew
	Papers  int  // in the index now
}

// Open opens the index of a feed as it was left, or an empty one. Call [Index.Refresh] to take in what changed since.
func Open(ctx context.Context, store *feed.Store, o Options) (*Index, error) {
	if o.Embedder != nil && (o.Embedder.Dim() < 1 || o.Embedder.Dim() > maxDim || o.Embedder.Name() == "") {
		return nil, fmt.Errorf("the embedder %q has %d dimensions; it needs a name, and 1 to %d", o.Embedder.Name(), o.Embedder.Dim(), maxDim)
	}
	if err := store.Migrate(ctx, "search", migrations...); err != nil {
		return nil, err
	}
	x := &Index{store: store, options: o, slots: make(chan struct{}, cmp.Or(max(o.Concurrent, 0), 4))}
	s, err := x.read(ctx)
	if err != nil {
		return nil, err
	}
	x.now.Store(s)
	return x, nil
}

// Len is the number of papers in the index.
func (x *Index) Len() int { return x.now.Load().live }

// read reads the stored index. One that is damaged, in another format or of another embedder, is empty but for its generation: the next
// Refresh makes it anew.
func (x *Index) read(ctx context.Context) (*snapshot, error) {
	for try := 0; ; try++ {
		st, err := readState(ctx, x.store.DB())
		if err != nil {
			return nil, err
		}
		if st.Embedder == x.embedder() {
			s, err := load(ctx, x.store.DB(), st)
			if err == nil {
				return s, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if again, err := readState(ctx, x.store.DB()); err == nil && again.Generation != st.Generation && try < 5 {
				continue // its parts were replaced while they were read
			}
		}
		return (&snapshot{state: state{Generation: st.Generation, Embedder: x.embedder()}}).prepare(), nil
	}
}

func (x *Index) embedder() string {
	if x.options.Embedder == nil {
		return ""
	}
	return x.options.Embedder.Name()
}

const (
	batch = 5000 // papers that are read and indexed at a time
	// Of the papers the model was trained on, the share that may come, change or leave until it is trained anew. A model that has seen few
	// papers is soon behind; one of many changes little by a few more, and their vectors are folded in at once in any case.
	retrainAfter = 0.25
)

// Refresh takes in what changed in the feed. Nothing is lost if it is stopped: what was taken in stays. Only one Refresh works at a time,
// others wait for it.
func (x *Index) Refresh(ctx context.Context) (Progress, error) {
	x.refresh.Lock()
	defer x.refresh.Unlock()
	var p Progress
	for try := 0; ; try++ {
		err := x.update(ctx, &p)
		if errors.Is(err, errOvertaken) && try < 10 {
			s, err := x.read(ctx)
			if err != nil {
				return p, err
			}
			x.now.Store(s)
			continue
		}
		p.Papers = x.Len()
		return p, err
	}
}

func (x *Index) update(ctx context.Context, done *Progress) error {
	if st, err := readState(ctx, x.store.DB()); err != nil {
		return err
	} else if st.Generation != x.now.Load().state.Generation {
		return errOvertaken
	}
	for {
		s := x.now.Load()
		changes, err := x.store.Changes(ctx, s.state.Seq, batch)
		if err != nil {
			return err
		}
		if len(changes) > 0 {
			if s, err = x.take(ctx, s, changes); err != nil {
				return err
			}
			x.now.Store(s)
			done.Changes += len(changes)
		}
		if len(changes) == batch {
			continue
		}
		if s.due(x.options.Embedder == nil) {
			if s, err = x.train(ctx, s); err != nil {
				return err
			}
			x.now.Store(s)
			done.Trained = true
		}
		return nil
	}
}

// take makes a snapshot with some changes.
func (x *Index) take(ctx context.Context, old *snapshot, changes []feed.Change) (*snapshot, error) {
	s := &snapshot{state: old.state, words: old.words, parts: slices.Clone(old.parts), vectors: slices.Clone(old.vectors)}
	s.state.Parts = slices.Clone(old.state.Parts)
	changed := make(map[int64]bool, len(changes))
	var ids []int64
	for _, c := range changes {
		changed[c.Paper] = true
		if c.Kind == feed.Put {
			ids = append(ids, c.Paper)
		}
	}
	for k, p := range s.parts {
		dead := slices.Clone(old.dead[k])
		for i, id := range p.papers {
			if changed[id] && !dead.has(i) {
				if dead == nil {
					dead = newBitmap(len(p.papers))
				}
				dead.set(i)
			}
		}
		s.dead = append(s.dead, dead)
		s.state.Parts[k].Dead = encodeBitmap(dead)
	}
	papers, err := x.store.Papers(ctx, ids...)
	if err != nil {
		return nil, err
	}
	if len(papers) > 0 {
		b := newBuilder()
		for i := range papers {
			b.add(&papers[i])
		}
		fresh := b.segment()
		v, err := x.embed(ctx, s, fresh, papers)
		if err != nil {
			return nil, err
		}
		s.parts, s.dead, s.state.Parts = append(s.parts, fresh), append(s.dead, nil), append(s.state.Parts, part{Papers: len(papers)})
		if v != nil {
			s.vectors = append(s.vectors, v)
		}
	}
	s.state.Seq = changes[len(changes)-1].Seq
	s.state.Since += len(changes)
	s.tidy()
	return s, x.save(ctx, s)
}

// embed returns the vectors of new papers; nil if there is no model yet.
func (x *Index) embed(ctx context.Context, s *snapshot, fresh *segment, papers []feed.Paper) (*vectors, error) {
	e := x.options.Embedder
	if e == nil {
		if s.words == nil {
			return nil, nil
		}
		return s.words.embedSegment(fresh), nil
	}
	out := &vectors{dim: e.Dim()}
	const together = 32
	for i := 0; i < len(papers); i += together {
		var texts []string
		for j := i; j < min(i+together, len(papers)); j++ {
			texts = append(texts, papers[j].Title+"\n"+papers[j].Abstract)
		}
		v, err := e.Embed(ctx, texts)
		if err != nil {
			return nil, fmt.Errorf("embedding papers with %s: %w", e.Name(), err)
		}
		if len(v) != len(texts) {
			return nil, fmt.Errorf("embedding papers with %s: %d vectors came for %d texts", e.Name(), len(v), len(texts))
		}
		for _, row := range v {
			if len(row) != e.Dim() {
				return nil, fmt.Errorf("embedding papers with %s: a vector has %d dimensions, not %d", e.Name(), len(row), e.Dim())
			}
			out.add(row)
		}
	}
	return out, nil
}

// tidy merges parts, so that there are few, and lets go of the dead where they are many. A part is merged with those behind it unless it is
// several times as large as they are together: each paper is moved about as often as the logarithm of their number.
func (s *snapshot) tidy() {
	from, behind := len(s.parts), 0
	for k := len(s.parts) - 1; k >= 0; k-- {
		n, dead := len(s.parts[k].papers), s.dead[k].count()
		if behind > 0 && n < 3*behind || dead*4 > n {
			from = k
		}
		behind += n
	}
	if from >= len(s.parts) || from == len(s.parts)-1 && s.dead[from].count() == 0 {
		return
	}
	m := merge(s.parts[from:], s.dead[from:])
	var v []*vectors
	if len(s.vectors) > 0 {
		v = append(v, mergeVectors(s.vectors[from:], s.dead[from:]))
	}
	s.parts, s.dead, s.state.Parts = s.parts[:from:from], s.dead[:from:from], s.state.Parts[:from:from]
	if len(s.vectors) > 0 {
		s.vectors = s.vectors[:from:from]
	}
	if len(m.papers) > 0 {
		s.parts, s.dead, s.state.Parts = append(s.parts, m), append(s.dead, nil), append(s.state.Parts, part{Papers: len(m.papers)})
		s.vectors = append(s.vectors, v...)
	}
}

// due reports whether the built-in model should be trained.
func (s *snapshot) due(builtIn bool) bool {
	if !builtIn || s.live < 3 {
		return false
	}
	return s.words == nil && s.state.Since > 0 || float64(s.state.Since) > retrainAfter*float64(s.state.Trained)
}

// train makes a snapshot with a new built-in model.
func (x *Index) train(ctx context.Context, old *snapshot) (*snapshot, error) {
	s := &snapshot{state: old.state, parts: old.parts, dead: old.dead}
	s.state.Parts = slices.Clone(old.state.Parts)
	s.state.Words, s.state.Trained, s.state.Since = "", old.live, 0
	words, err := trainLatent(ctx, old.count(latentDefaults.sample), latentDefaults)
	if err != nil {
		return nil, err
	}
	if s.words = words; words != nil {
		for k, p := range s.parts {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			s.vectors = append(s.vectors, words.embedSegment(p))
			s.state.Parts[k].Vectors = ""
		}
		if s.state.Words, err = putBlob(ctx, x.store, "words", words.encode()); err != nil {
			return nil, err
		}
	}
	return s, x.save(ctx, s)
}

// save stores a snapshot, and makes it ready for searches.
func (x *Index) save(ctx context.Context, s *snapshot) (err error) {
	for k := range s.parts {
		p := &s.state.Parts[k]
		if p.Segment == "" {
			if p.Segment, err = putBlob(ctx, x.store, "segment", s.parts[k].encode()); err != nil {
				return err
			}
		}
		if p.Vectors == "" && len(s.vectors) > 0 {
			if p.Vectors, err = putBlob(ctx, x.store, "vectors", s.vectors[k].encode()); err != nil {
				return err
			}
		}
	}
	before := s.state.Generation
	s.state.Generation++
	s.state.Embedder = x.embedder()
	if err := writeState(ctx, x.store, s.state, before); err != nil {
		return err
	}
	s.prepare()
	return nil
}
