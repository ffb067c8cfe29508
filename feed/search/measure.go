package search

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// Quality is how well papers are found, as [Measure] measured it.
type Quality struct {
	Papers int    `json:"papers"`
	Tasks  []Task `json:"tasks"`
}

// Task is a way of asking for papers of which one knows what should be found.
type Task struct {
	Name    string   `json:"name"`
	Queries int      `json:"queries"`
	Modes   []Figure `json:"modes"`
	// How much better hybrid is than the other modes, with the interval of the paired differences.
	OverBM25  Estimate `json:"over_bm25"`
	OverDense Estimate `json:"over_dense"`
}

// Figure is how well one mode does.
type Figure struct {
	Mode   string   `json:"mode"`
	NDCG   Estimate `json:"ndcg_at_10"`
	Recall Estimate `json:"recall_at_10"`
}

// Estimate is a mean over queries, with a 95 % interval by the percentile bootstrap over queries.
type Estimate struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func (e Estimate) String() string { return fmt.Sprintf("%.3f [%.3f, %.3f]", e.Mean, e.Low, e.High) }

// Measure measures how well papers are found by BM25, by vectors and by both, in tasks made from the papers:
//
//   - title to abstract: a title is the query, the abstracts alone are indexed, and only its own should be found;
//   - half to half: the first half of an abstract is the query, the second halves are indexed;
//   - family: a paper is the query as in [Index.More], and the others of its family should be found. Only papers that are registered systems
//     take part, and only if there are some.
//
// What is asked for is never what the model has learnt from: it is trained on the indexed texts of the task. Papers without an abstract of
// twenty words are left out. At most queries queries are made, drawn by chance. Feeds know no citations, so that there is no task of them.
func Measure(ctx context.Context, papers []feed.Paper, queries int) (*Quality, error) {
	papers = slices.DeleteFunc(slices.Clone(papers), func(p feed.Paper) bool { return len(strings.Fields(p.Abstract)) < 20 })
	if len(papers) < 10 {
		return nil, fmt.Errorf("%d papers have an abstract; 10 are the least that something can be measured on", len(papers))
	}
	asked := rand.New(rand.NewPCG(1, 1)).Perm(len(papers))
	asked = asked[:min(queries, len(asked))]
	slices.Sort(asked)
	out := &Quality{Papers: len(papers)}
	for _, task := range []struct {
		name    string
		indexed func(*feed.Paper) feed.Paper
		query   func(*feed.Paper) string
	}{
		{"title to abstract", func(p *feed.Paper) feed.Paper { return feed.Paper{Abstract: p.Abstract} }, func(p *feed.Paper) string { return p.Title }},
		{"half to half", func(p *feed.Paper) feed.Paper { return feed.Paper{Abstract: half(p.Abstract, 1)} }, func(p *feed.Paper) string { return half(p.Abstract, 0) }},
	} {
		s, err := inMemory(ctx, papers, task.indexed)
		if err != nil {
			return nil, err
		}
		t, err := measure(task.name, len(asked), func(i int, mode Mode) ([]fused, map[int]bool, error) {
			words := s.seek(plain(task.query(&papers[asked[i]])), false)
			found, err := s.rank(ctx, words, s.meaning(words), nil, mode, 10)
			return found, map[int]bool{asked[i]: true}, err
		})
		if err != nil {
			return nil, err
		}
		out.Tasks = append(out.Tasks, t)
	}

	systems := slices.DeleteFunc(slices.Clone(papers), func(p feed.Paper) bool { return p.Family == "" })
	families := map[string]map[int]bool{}
	for i, p := range systems {
		if families[p.Family] == nil {
			families[p.Family] = map[int]bool{}
		}
		families[p.Family][i] = true
	}
	if len(systems) >= 10 && len(families) > 1 {
		s, err := inMemory(ctx, systems, func(p *feed.Paper) feed.Paper { return feed.Paper{Title: p.Title, Abstract: p.Abstract} })
		if err != nil {
			return nil, err
		}
		asked := slices.DeleteFunc(rand.New(rand.NewPCG(1, 2)).Perm(len(systems)), func(i int) bool { return len(families[systems[i].Family]) < 2 })
		asked = asked[:min(queries, len(asked))]
		t, err := measure("family", len(asked), func(i int, mode Mode) ([]fused, map[int]bool, error) {
			var vector []float32
			if len(s.vectors) > 0 {
				vector = s.vectors[0].vector(asked[i])
			}
			found, err := s.rank(ctx, s.characteristic(&systems[asked[i]]), vector, nil, mode, 11)
			found = slices.DeleteFunc(found, func(f fused) bool { return f.doc == asked[i] })
			relevant := map[int]bool{}
			for j := range families[systems[asked[i]].Family] {
				relevant[j] = j != asked[i]
			}
			delete(relevant, asked[i])
			return found[:min(10, len(found))], relevant, err
		})
		if err != nil {
			return nil, err
		}
		out.Tasks = append(out.Tasks, t)
	}
	return out, nil
}

// half returns the first or the second half of the words of a text.
func half(text string, which int) string {
	words := strings.Fields(text)
	if which == 0 {
		return strings.Join(words[:len(words)/2], " ")
	}
	return strings.Join(words[len(words)/2:], " ")
}

// plain is a query of the words of a text, in which nothing is an instruction.
func plain(text string) *Query {
	q := &Query{}
	for t := range tokens(text) {
		if len(q.Words) < maxQueryWords {
			q.Words = append(q.Words, Word{Text: t.word})
		}
	}
	return q
}

// inMemory indexes texts without a store.
func inMemory(ctx context.Context, papers []feed.Paper, indexed func(*feed.Paper) feed.Paper) (*snapshot, error) {
	b := newBuilder()
	for i := range papers {
		p := indexed(&papers[i])
		b.add(&p)
	}
	s := (&snapshot{parts: []*segment{b.segment()}, dead: []bitmap{nil}}).prepare()
	var err error
	if s.words, err = trainLatent(ctx, s.count(latentDefaults.sample), latentDefaults); err != nil {
		return nil, err
	}
	if s.words != nil {
		s.vectors = []*vectors{s.words.embedSegment(s.parts[0])}
	}
	return s, nil
}

// measure asks n queries in every mode.
func measure(name string, n int, ask func(i int, mode Mode) ([]fused, map[int]bool, error)) (Task, error) {
	t := Task{Name: name, Queries: n}
	ndcg := map[Mode][]float64{}
	for _, mode := range []Mode{Lexical, Dense, Hybrid} {
		var recall []float64
		for i := range n {
			found, relevant, err := ask(i, mode)
			if err != nil {
				return t, err
			}
			var gain, ideal, hits float64
			for r, f := range found {
				if relevant[f.doc] {
					gain += 1 / math.Log2(float64(r+2))
					hits++
				}
			}
			most := min(10, len(relevant))
			for r := range most {
				ideal += 1 / math.Log2(float64(r+2))
			}
			ndcg[mode] = append(ndcg[mode], gain/ideal)
			recall = append(recall, hits/float64(most))
		}
		t.Modes = append(t.Modes, Figure{Mode: mode.String(), NDCG: estimate(ndcg[mode]), Recall: estimate(recall)})
	}
	over := func(mode Mode) Estimate {
		d := slices.Clone(ndcg[Hybrid])
		for i := range d {
			d[i] -= ndcg[mode][i]
		}
		return estimate(d)
	}
	t.OverBM25, t.OverDense = over(Lexical), over(Dense)
	return t, nil
}

func estimate(x []float64) Estimate {
	mean := func(pick func(int) int) float64 {
		sum := 0.
		for i := range x {
			sum += x[pick(i)]
		}
		return sum / float64(max(len(x), 1))
	}
	e := Estimate{Mean: mean(func(i int) int { return i })}
	r := rand.New(rand.NewPCG(3, 3))
	resampled := make([]float64, 2000)
	for b := range resampled {
		resampled[b] = mean(func(int) int { return r.IntN(len(x)) })
	}
	slices.Sort(resampled)
	e.Low, e.High = resampled[len(resampled)*25/1000], resampled[len(resampled)*975/1000]
	return e
}

// Write prints the figures as tables.
func (q *Quality) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range q.Tasks {
		fmt.Fprintf(w, "%s: %d queries among %d papers; mean and 95 %% interval\n", t.Name, t.Queries, q.Papers)
		fmt.Fprintln(w, "\tnDCG@10\trecall@10")
		for _, m := range t.Modes {
			fmt.Fprintf(w, "%s\t%s\t%s\n", m.Mode, m.NDCG, m.Recall)
		}
		fmt.Fprintf(w, "hybrid over BM25\t%s\t\nhybrid over dense\t%s\t\n\n", t.OverBM25, t.OverDense)
	}
	return w.Flush()
}

// Speed is how long searches take and what the index needs.
type Speed struct {
	Papers   int           `json:"papers"`
	Searches int           `json:"searches"`
	P50      time.Duration `json:"p50_ns"`
	P99      time.Duration `json:"p99_ns"`
	Worst    time.Duration `json:"worst_ns"`
	Bytes    int           `json:"bytes"` // the index holds in memory
}

// MeasureSpeed searches one query after another, on one processor, and reads the papers found as Search does. The program's other work is
// held to one processor meanwhile.
func (x *Index) MeasureSpeed(ctx context.Context, queries []string) (Speed, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var took []time.Duration
	for pass := range 2 { // the first pass fills caches, as the readers before did
		for i, q := range queries {
			if pass == 0 && i >= max(20, len(queries)/10) {
				break
			}
			begin := time.Now()
			if _, err := x.Search(ctx, Request{Query: q}); err != nil {
				return Speed{}, err
			}
			if pass == 1 {
				took = append(took, time.Since(begin))
			}
		}
	}
	if len(took) == 0 {
		return Speed{}, fmt.Errorf("there is nothing to search for")
	}
	slices.SortFunc(took, cmp.Compare[time.Duration])
	s := x.now.Load()
	return Speed{Papers: s.live, Searches: len(took), P50: took[len(took)/2], P99: took[len(took)*99/100], Worst: took[len(took)-1], Bytes: s.bytes()}, nil
}

func (s Speed) String() string {
	return fmt.Sprintf("%d searches among %d papers on one processor: p50 %.1f ms, p99 %.1f ms, worst %.1f ms; the index takes %.0f bytes a paper",
		s.Searches, s.Papers, ms(s.P50), ms(s.P99), ms(s.Worst), float64(s.Bytes)/float64(max(s.Papers, 1)))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// bytes is what the snapshot holds in memory, but for small change.
func (s *snapshot) bytes() int {
	texts := func(list []string) int {
		n := 16 * len(list)
		for _, t := range list {
			n += len(t)
		}
		return n
	}
	ofVectors := func(v *vectors) int { return len(v.values) + 4*len(v.scale) + 8*len(v.signs) }
	n := 4 * len(s.norm)
	for k, p := range s.parts {
		n += len(p.papers)*(8+2*4+3*2) + texts(p.terms) + 8*len(p.terms) + len(p.postings) + texts(p.words) + 12*len(p.words) + 8*len(s.dead[k])
		if len(s.vectors) > 0 {
			n += ofVectors(s.vectors[k])
		}
	}
	if s.words != nil {
		n += texts(s.words.terms) + 8*len(s.words.terms) + ofVectors(s.words.vec)
	}
	return n
}
