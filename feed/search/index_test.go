package search

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func newStore(t testing.TB) *feed.Store {
	s, err := feed.Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func add(t testing.TB, s *feed.Store, papers ...feed.Paper) {
	t.Helper()
	sum, err := s.Import(t.Context(), "test", func(yield func(feed.Paper, error) bool) {
		for _, p := range papers {
			if !yield(p, nil) {
				return
			}
		}
	})
	if err != nil || sum.Refused > 0 {
		t.Fatal(sum, err)
	}
}

func refreshed(t testing.TB, x *Index) Progress {
	t.Helper()
	p, err := x.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func open(t testing.TB, s *feed.Store, o Options) *Index {
	t.Helper()
	x, err := Open(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// few is a feed in which meaning can be learnt: seizures and epilepsy, spikes and neurons, scenes and rays.
func few() []feed.Paper {
	return []feed.Paper{
		{Title: "Forecasting seizures from scalp recordings", Abstract: "Epileptic seizures are forecast from the EEG of patients with epilepsy. The forecast warns patients minutes ahead of a seizure.", Authors: []string{"Ada Blue"}, Published: date("2024-03-01"), ArXiv: "2403.00001"},
		{Title: "Epilepsy and its rhythms", Abstract: "Patients with epilepsy show rhythms in the EEG that precede epileptic seizures by minutes.", Published: date("2023-05-01")},
		{Title: "Long records of patients", Abstract: "The EEG of patients with epilepsy was recorded for months, and seizures were marked by hand.", Published: date("2025-01-01")},
		{Title: "Spiking neurons that learn delays", Abstract: "Spiking neurons learn the delays of synapses. Spikes of the neurons detect motion fast.", Authors: []string{"Bea Müller"}, Published: date("2025-06-01"), ArXiv: "2506.00004"},
		{Title: "Synapses with delays", Abstract: "Delays between spikes let a layer of neurons detect motion. Learning of the delays is local to synapses.", Published: date("2022-06-01")},
		{Title: "Event cameras and spikes", Abstract: "Motion seen by event cameras is detected by neurons that emit spikes; synapses have delays.", Published: date("2021-06-01")},
		{Title: "Radiance fields of scenes", Abstract: "A radiance field renders novel views of a scene from a ray per pixel and images of the scene.", Published: date("2023-07-16")},
		{Title: "Rays across images", Abstract: "Rays across images of a scene render novel views with the same appearance of the radiance field.", Published: date("2023-08-16")},
		{Title: "Splatting scenes", Abstract: "Novel views of scenes are rendered from images by splatting, faster than by a radiance field and its rays.", Published: date("2024-06-14")},
	}
}

func titles(f *Found) []string {
	var out []string
	for _, r := range f.Results {
		out = append(out, r.Paper.Title)
	}
	return out
}

func TestSearch(t *testing.T) {
	s := newStore(t)
	add(t, s, few()...)
	if err := s.Register(t.Context(), feed.System{Slug: "delays", Family: "spiking", ArXiv: "2506.00004"}, feed.System{Slug: "stan", Family: "signals", ArXiv: "2403.00001"}); err != nil {
		t.Fatal(err)
	}
	x := open(t, s, Options{Status: func(slug string) []string {
		return map[string][]string{"delays": {"reproduced", "partly"}, "stan": {"not tested"}}[slug]
	}})
	if p := refreshed(t, x); p.Papers != 9 || !p.Trained {
		t.Fatalf("%+v", p)
	}
	const seizures, delays, splatting = "Forecasting seizures from scalp recordings", "Spiking neurons that learn delays", "Splatting scenes"
	for _, c := range []struct {
		query   string
		first   string // empty: nothing may be found
		without []string
	}{
		{"seizure forecasting", seizures, nil},
		{"siezure forcasting", seizures, nil},         // misspelt
		{"author:muller", delays, []string{seizures}}, // accents do not matter
		{"blue", seizures, []string{delays}},          // an author without saying so
		{"title:delays title:learning", delays, nil},  // any form of a word
		{`"views of scenes"`, splatting, []string{"Radiance fields of scenes", "Rays across images"}},
		{`"views of scene"`, splatting, nil},
		{`"scenes of views"`, "", nil},
		{"novel views -radiance", "", nil},
		{"epilepsy -forecast -rhythms", "Long records of patients", []string{seizures, "Epilepsy and its rhythms"}},
		{"+motion +camera", "Event cameras and spikes", []string{delays}},
		{"spik* learn", delays, []string{splatting}},
		{"family:spiking", delays, []string{seizures}},
		{"is:runnable epilepsy", seizures, []string{"Epilepsy and its rhythms", delays + "?"}},
		{"status:reproduced", delays, []string{seizures}},
		{`status:"not tested"`, seizures, []string{delays}},
		{"views published:2024", splatting, []string{"Radiance fields of scenes", "Rays across images"}},
		{"views before:2023-08", "Radiance fields of scenes", []string{"Rays across images", splatting}},
		{"views after:2023", splatting, []string{"Rays across images"}},
		{"family:spiking family:signals before:2025", seizures, []string{delays}},
		{"the of and", "", []string{}},
		{"zzzzzz", "", nil},
		{"", "", nil},
		{`"`, "", nil},
		{"-", "", nil},
	} {
		f, err := x.Search(t.Context(), Request{Query: c.query})
		if err != nil {
			t.Fatal(err)
		}
		got := titles(f)
		switch {
		case c.query == "the of and": // function words are searched for if there is nothing else
			if len(got) == 0 {
				t.Errorf("%s: nothing", c.query)
			}
		case c.first == "" && len(got) > 0 || c.first != "" && (len(got) == 0 || got[0] != c.first):
			t.Errorf("%s: %q, want first %q", c.query, got, c.first)
		}
		for _, w := range c.without {
			if slices.Contains(got, w) {
				t.Errorf("%s: found %s", c.query, w)
			}
		}
	}

	// Meaning: a paper without any word of the query, because its words keep the company of the query's.
	f, err := x.Search(t.Context(), Request{Query: "pixel", Mode: Dense})
	if got := titles(f); err != nil || len(got) != 3 || !slices.Contains(got, splatting) || !slices.Contains(got, "Rays across images") {
		t.Errorf("pixel, by meaning: %q, %v", got, err)
	}
	f, err = x.Search(t.Context(), Request{Query: "pixel", Mode: Lexical})
	if got := titles(f); err != nil || len(got) != 1 {
		t.Errorf("pixel, by words: %q, %v", got, err)
	}

	// What is being typed.
	if f, err = x.Search(t.Context(), Request{Query: "radiance fie", Instant: true}); err != nil || len(f.Results) < 3 || f.Results[0].Title[0].Text != "Radiance" {
		t.Errorf("radiance fie: %q, %v", titles(f), err)
	}
	if got := x.Complete("scalp rec", 3); !slices.Equal(got, []string{"scalp recorded", "scalp recordings", "scalp records"}) {
		t.Errorf("completions: %q", got)
	}
	if got := x.Complete("siezur", 1); len(got) != 1 || !strings.HasPrefix(got[0], "seizure") {
		t.Errorf("corrections: %q", got)
	}
	if got := x.Complete("family:spi", 3); got != nil {
		t.Errorf("completions of a filter: %q", got)
	}

	// Pages, order, corrections.
	all, err := x.Search(t.Context(), Request{Query: "views scenes", Order: NewestFirst})
	if err != nil || !slices.IsSortedFunc(all.Results, func(a, b Result) int { return b.Paper.Published.Compare(a.Paper.Published) }) {
		t.Errorf("newest first: %q, %v", titles(all), err)
	}
	best, _ := x.Search(t.Context(), Request{Query: "views scenes"})
	second, err := x.Search(t.Context(), Request{Query: "views scenes", Limit: 1, Offset: 1})
	if err != nil || len(second.Results) != 1 || second.Results[0].Paper.ID != best.Results[1].Paper.ID || second.Total != best.Total {
		t.Errorf("page 2: %q, %v", titles(second), err)
	}
	if f, err = x.Search(t.Context(), Request{Query: "epilepsi siezures"}); err != nil || !slices.Equal(f.Corrected, []Correction{{"siezures", "seizures"}}) {
		t.Errorf("corrected: %v, %v", f.Corrected, err)
	}

	// Papers like another.
	paper, err := s.BySlug(t.Context(), "delays")
	if err != nil {
		t.Fatal(err)
	}
	more, err := x.More(t.Context(), paper.ID, Filter{}, 2)
	if err != nil || len(more) != 2 || more[0].Paper.ID == paper.ID || more[0].Paper.Title != "Synapses with delays" || more[1].Paper.Title != "Event cameras and spikes" {
		t.Errorf("more like %s: %+v, %v", paper.Title, more, err)
	}
	if _, err := x.More(t.Context(), 999, Filter{}, 2); err == nil {
		t.Error("more like a paper that is not there")
	}

	// What a digest asks.
	if found, err := x.Find(t.Context(), "seizures", date("2024-03-01"), 5); err != nil || len(found) == 0 || found[0].Title != seizures || found[0].Listed.Before(date("2024-03-01")) {
		t.Errorf("find: %d, %v", len(found), err)
	}
	if found, err := x.Find(t.Context(), "seizures", time.Now().Add(time.Hour), 5); err != nil || len(found) != 0 {
		t.Errorf("find in the future: %d, %v", len(found), err)
	}
	if found, err := x.Find(t.Context(), "family:spiking", time.Time{}, 5); err != nil || len(found) != 1 {
		t.Errorf("find a family: %d, %v", len(found), err)
	}
}

// The index follows the feed, is as it was after it is opened again, and two of them of one feed agree.
func TestRefresh(t *testing.T) {
	s := newStore(t)
	x, other := open(t, s, Options{}), open(t, s, Options{})
	if p := refreshed(t, x); p != (Progress{}) {
		t.Errorf("of an empty feed: %+v", p)
	}
	find := func(x *Index, query string) []string {
		t.Helper()
		f, err := x.Search(t.Context(), Request{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		return titles(f)
	}
	add(t, s, few()...)
	refreshed(t, x)
	want := find(x, "motion of spikes")
	if p := refreshed(t, x); p.Changes != 0 || p.Trained {
		t.Errorf("again: %+v", p)
	}
	if got := find(open(t, s, Options{}), "motion of spikes"); !slices.Equal(got, want) || len(got) < 3 {
		t.Errorf("opened again: %q, want %q", got, want)
	}
	if p := refreshed(t, other); p.Papers != 9 || p.Changes != 0 {
		t.Errorf("the other: %+v", p)
	}

	// A paper with a word that nobody has written yet is found at once, by that word and by what stands beside it.
	add(t, s, feed.Paper{Title: "Quokkas", Abstract: "Quokkas with epilepsy and seizures."})
	if p := refreshed(t, other); p.Changes != 1 || p.Trained {
		t.Errorf("%+v", p)
	}
	refreshed(t, x)
	if got := find(x, "quokka"); len(got) == 0 || got[0] != "Quokkas" {
		t.Errorf("quokka: %q", got)
	}
	if got := find(x, "quokka"); len(got) < 3 || slices.Contains(got, "Splatting scenes") {
		t.Errorf("the company of quokkas: %q", got)
	}

	// A changed and a removed paper.
	p := few()[0]
	p.Abstract = "Nothing but platypuses."
	p.ArXiv = "2403.00001v2"
	add(t, s, p)
	all, err := s.List(t.Context(), feed.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Title == "Quokkas" {
			if err := s.Remove(t.Context(), p.ID, "test"); err != nil {
				t.Fatal(err)
			}
		}
	}
	refreshed(t, x)
	if got := find(x, "platypus"); len(got) == 0 || got[0] != p.Title {
		t.Errorf("platypus: %q", got)
	}
	if got := find(x, "+forecast +warns"); len(got) > 0 {
		t.Errorf("the text before: %q", got)
	}
	if got := find(x, "+quokka"); len(got) > 0 || x.Len() != 9 {
		t.Errorf("the removed: %q, %d papers", got, x.Len())
	}

	// Enough changes lead to a new model.
	add(t, s, feed.Paper{Title: "Wombats in burrows", Abstract: "Wombats dig burrows."}, feed.Paper{Title: "Burrows of wombats", Abstract: "In burrows wombats sleep."},
		feed.Paper{Title: "Sleep", Abstract: "Wombats sleep."})
	if p := refreshed(t, x); !p.Trained || p.Papers != 12 {
		t.Errorf("%+v", p)
	}

	// What is damaged is made anew.
	if err := s.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE search_blobs SET data = zeroblob(length(data)) WHERE name LIKE 'segment%'")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	damaged := open(t, s, Options{})
	if p := refreshed(t, damaged); p.Papers != 12 || p.Changes == 0 {
		t.Errorf("after damage: %+v", p)
	}
	refreshed(t, x)
	if got, want := find(x, "wombat epilepsy"), find(damaged, "wombat epilepsy"); !slices.Equal(got, want) || len(got) == 0 {
		t.Errorf("%q, %q", got, want)
	}
	var blobs int
	if err := s.DB().QueryRow("SELECT count(DISTINCT name) FROM search_blobs").Scan(&blobs); err != nil || blobs > 7 {
		t.Errorf("%d blobs are kept, %v", blobs, err)
	}
}

// Many parts and merges find the same as one.
func TestMergedIndexFindsTheSame(t *testing.T) {
	papers := generated(600)
	s := newStore(t)
	x := open(t, s, Options{})
	for i := 0; i < len(papers); i += 60 {
		add(t, s, papers[i:i+60]...)
		refreshed(t, x)
	}
	whole := newStore(t)
	add(t, whole, papers...)
	y := open(t, whole, Options{})
	refreshed(t, y)
	if n := len(x.now.Load().parts); n > 6 {
		t.Errorf("%d parts", n)
	}
	for _, p := range papers[:50] {
		a, err := x.Search(t.Context(), Request{Query: p.Title, Mode: Lexical, Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		b, err := y.Search(t.Context(), Request{Query: p.Title, Mode: Lexical, Limit: 5})
		if err != nil || !slices.Equal(titles(a), titles(b)) {
			t.Fatalf("%q: %q, %q, %v", p.Title, titles(a), titles(b), err)
		}
	}
}

// Readers search while the feed grows.
func TestConcurrentSearch(t *testing.T) {
	papers := generated(400)
	s := newStore(t)
	add(t, s, papers[:100]...)
	x := open(t, s, Options{Concurrent: 2})
	refreshed(t, x)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for i := range 8 {
		wg.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				f, err := x.Search(t.Context(), Request{Query: papers[n%100].Title})
				if err == nil && len(f.Results) == 0 {
					err = fmt.Errorf("nothing for %q", papers[n%100].Title)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for i := 100; i < len(papers); i += 50 {
		add(t, s, papers[i:i+50]...)
		refreshed(t, x)
	}
	cancel()
	wg.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	if x.Len() != 400 {
		t.Errorf("%d papers", x.Len())
	}
}

// backwards is an embedder that counts letters.
type backwards struct{ dim int }

func (backwards) Name() string { return "letters" }
func (b backwards) Dim() int   { return b.dim }
func (b backwards) Embed(_ context.Context, texts []string) ([][]float32, error) {
	var out [][]float32
	for _, text := range texts {
		v := make([]float32, b.dim)
		for _, c := range strings.ToLower(text) {
			if 'a' <= c && c <= 'z' {
				v[int(c-'a')%b.dim]++
			}
		}
		out = append(out, v)
	}
	return out, nil
}

func TestOtherEmbedder(t *testing.T) {
	s := newStore(t)
	add(t, s, few()...)
	x := open(t, s, Options{})
	refreshed(t, x)
	y := open(t, s, Options{Embedder: backwards{26}})
	if p := refreshed(t, y); p.Papers != 9 || p.Changes != 9 || p.Trained {
		t.Errorf("%+v", p)
	}
	f, err := y.Search(t.Context(), Request{Query: "sgnittalps senecs", Mode: Dense})
	if err != nil || len(f.Results) == 0 {
		t.Fatal(len(f.Results), err)
	}
	if p, err := x.Refresh(t.Context()); err != nil || p.Papers != 9 || !p.Trained {
		t.Errorf("back: %+v, %v", p, err)
	}
	for _, dim := range []int{0, maxDim + 1} {
		if _, err := Open(t.Context(), s, Options{Embedder: backwards{dim}}); err == nil {
			t.Errorf("an embedder of %d dimensions", dim)
		}
	}
}
