package feed

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 4, 20, 12, 0, 0, 0, time.UTC)

func open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return now }
	t.Cleanup(func() { s.Close() })
	return s
}

func each(papers ...Paper) iter.Seq2[Paper, error] {
	return func(yield func(Paper, error) bool) {
		for _, p := range papers {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func put(t *testing.T, s *Store, source string, papers ...Paper) Summary {
	t.Helper()
	sum, err := s.Import(t.Context(), source, each(papers...))
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestImportMerges(t *testing.T) {
	full := Paper{ArXiv: "2501.00001v2", DOI: "10.1000/ABC", Title: "Waves in Networks", Abstract: "One.", Authors: []string{"Ada Blue", "Carl Dean"},
		Published: now.AddDate(0, 0, -3)}
	for _, c := range []struct {
		name   string
		second Paper
		want   Summary
	}{
		{"the same", full, Summary{Seen: 1, Unchanged: 1}},
		{"arXiv ID in another spelling", Paper{ArXiv: "https://arxiv.org/abs/2501.00001v1", Title: "Old title"}, Summary{Seen: 1, Unchanged: 1}},
		{"arXiv's DOI", Paper{DOI: "https://doi.org/10.48550/arXiv.2501.00001", Title: "Waves in networks"}, Summary{Seen: 1, Unchanged: 1}},
		{"DOI", Paper{DOI: "doi:10.1000/abc", Title: "Wave networks", Authors: []string{"A. Blue"}}, Summary{Seen: 1, Unchanged: 1}},
		{"title in another spelling", Paper{Title: "  WAVES in {\\it net-works}"}, Summary{Seen: 1, Unchanged: 1}},
		{"title and an author", Paper{Title: "Waves in Networks", Authors: []string{"Dean, C."}}, Summary{Seen: 1, Unchanged: 1}},
		{"title, other authors", Paper{Title: "Waves in Networks", Authors: []string{"Eve Fox"}}, Summary{Seen: 1, Added: 1}},
		{"title, other arXiv ID", Paper{ArXiv: "2501.00002", Title: "Waves in Networks"}, Summary{Seen: 1, Added: 1}},
		{"title, other DOI", Paper{DOI: "10.1000/other", Title: "Waves in Networks"}, Summary{Seen: 1, Added: 1}},
		{"another", Paper{Title: "Particles in Networks"}, Summary{Seen: 1, Added: 1}},
		{"more upvotes", Paper{ArXiv: "2501.00001", Title: "Waves in Networks", Upvotes: 7}, Summary{Seen: 1, Updated: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			if sum := put(t, s, "arxiv", full); sum.Added != 1 {
				t.Fatalf("first import: %+v", sum)
			}
			source := "bibtex"
			if c.want.Unchanged == 1 {
				put(t, s, source, c.second) // the first time it adds its name to the sources
			}
			if got := put(t, s, source, c.second); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			p, err := s.ByArXiv(t.Context(), "2501.00001")
			if err != nil {
				t.Fatal(err)
			}
			if p.Title != full.Title || p.Abstract != "One." || p.DOI != "10.1000/abc" || p.ArXivVersion != 2 || p.Version != 1 || !p.Listed.Equal(full.Published) {
				t.Errorf("the first paper became %+v", p)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	s := open(t)
	put(t, s, "page", Paper{Title: "Waves in Networks", AuthorCount: 3})
	put(t, s, "arxiv", Paper{ArXiv: "2501.00001v1", Title: "Waves in Networks", Abstract: "First.", Authors: []string{"A B"}})
	put(t, s, "arxiv", Paper{ArXiv: "2501.00001v3", Title: "Waves in All Networks", Abstract: "Third.", Authors: []string{"A B"}})
	put(t, s, "arxiv", Paper{ArXiv: "2501.00001v2", Title: "Waves in Some Networks", Abstract: "Second.", Authors: []string{"A B"}})  // late
	put(t, s, "page", Paper{ArXiv: "2501.00001", Title: "Waves in All Networks", Abstract: "As abridged.", Authors: []string{"B A"}}) // less to be trusted
	all, err := s.Versions(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, p := range all {
		texts = append(texts, p.Title+"/"+p.Abstract)
	}
	if want := []string{"Waves in All Networks/Third.", "Waves in Networks/First."}; !slices.Equal(texts, want) {
		t.Errorf("versions are %q, want %q", texts, want)
	}
	if p := all[0]; p.Version != 2 || p.ArXivVersion != 3 || !slices.Equal(p.Sources, []string{"page", "arxiv"}) || p.Link() != "https://arxiv.org/abs/2501.00001" {
		t.Errorf("the present version is %+v", p)
	}
	if n, err := s.Count(t.Context(), Filter{}); n != 1 || err != nil {
		t.Errorf("%d papers, %v", n, err)
	}
}

// A paper that bears the arXiv ID of one entry and the DOI of another shows that they are the same; what refers to the second follows.
func TestMergeOfTwo(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	put(t, s, "arxiv", Paper{ArXiv: "2501.00001", Title: "Waves in Networks", Upvotes: 2})
	put(t, s, "bibtex", Paper{DOI: "10.1000/abc", Title: "Networks and their waves", Abstract: "Text.", Comments: 4})
	if err := s.Migrate(ctx, "notes", `CREATE TABLE notes (paper INTEGER REFERENCES papers (id), note TEXT);
		CREATE TRIGGER notes_follow AFTER UPDATE OF merged_into ON papers WHEN NEW.merged_into IS NOT NULL BEGIN
			UPDATE notes SET paper = NEW.merged_into WHERE paper = NEW.id; END`); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(ctx, func(tx *sql.Tx) error { _, err := tx.Exec("INSERT INTO notes VALUES (2, 'x')"); return err }); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(ctx, Signal{Paper: 2, Kind: Run, Delta: 1}); err != nil {
		t.Fatal(err)
	}
	before, err := s.Changes(ctx, 0, 10)
	if err != nil || len(before) != 2 {
		t.Fatalf("changes %v, %v", before, err)
	}
	if sum := put(t, s, "doi", Paper{ArXiv: "2501.00001", DOI: "10.1000/abc", Title: "Waves in Networks"}); sum.Merged != 1 {
		t.Errorf("summary %+v", sum)
	}
	p, err := s.Paper(ctx, 2)
	if err != nil || p.ID != 1 || p.Abstract != "Text." || p.Upvotes != 2 || p.Comments != 4 || p.Own.Runs != 1 || p.DOI != "10.1000/abc" {
		t.Errorf("paper 2 is now %+v, %v", p, err)
	}
	if got, err := s.Papers(ctx, 2, 1); err != nil || len(got) != 1 || got[0].ID != 1 {
		t.Errorf("papers are %v, %v", got, err)
	}
	var note int64
	if err := s.DB().QueryRow("SELECT paper FROM notes").Scan(&note); err != nil || note != 1 {
		t.Errorf("the note is at paper %d, %v", note, err)
	}
	after, err := s.Changes(ctx, before[1].Seq, 10)
	if err != nil || len(after) != 2 || after[0].Kind != Merged || after[0].Paper != 2 || after[0].Into != 1 || after[1].Kind != Put || after[1].Paper != 1 {
		t.Errorf("changes after the merge: %+v, %v", after, err)
	}
	if sum := put(t, s, "bibtex", Paper{Title: "Networks and their waves"}); sum.Added != 0 { // the merged title is still known
		t.Errorf("the merged paper came back: %+v", sum)
	}
	if err := s.Record(ctx, Signal{Paper: 2, Kind: Upvote, Delta: 1}); err != nil { // a page that was open during the merge
		t.Error(err)
	}
	if p, _ := s.Paper(ctx, 1); p.Own.Upvotes != 1 {
		t.Errorf("an upvote for the merged paper went astray: %+v", p.Own)
	}
}

func TestRefused(t *testing.T) {
	s := open(t)
	source := func(yield func(Paper, error) bool) {
		_ = yield(Paper{Title: " \x00 "}, nil) &&
			yield(Paper{Title: "Good one", URL: "javascript:alert(1)"}, nil) &&
			yield(Paper{}, &Refusal{Where: "line 3", Reason: "torn"}) &&
			yield(Paper{Title: "Far", Published: now.AddDate(40, 0, 0)}, nil) &&
			yield(Paper{Title: "Id", ArXiv: "nonsense"}, nil) &&
			yield(Paper{Title: "Long", Abstract: strings.Repeat("x", maxAbstract+1)}, nil) &&
			yield(Paper{Title: "Last \u202egood\ufffd"}, nil) &&
			yield(Paper{}, fs.ErrClosed) &&
			yield(Paper{Title: "Never reached"}, nil)
	}
	sum, err := s.Import(t.Context(), "page", source)
	if !errors.Is(err, fs.ErrClosed) || sum.Added != 2 || sum.Refused != 5 || len(sum.Reasons) != 5 || sum.Seen != 7 {
		t.Errorf("%+v, %v", sum, err)
	}
	list, err := s.List(t.Context(), Filter{})
	if err != nil || len(list) != 2 || list[0].Title != "Last good" || list[1].URL != "" {
		t.Errorf("list %+v, %v", list, err)
	}
}

func TestRemove(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	put(t, s, "page", Paper{Title: "Spam"}, Paper{Title: "Science"})
	if err := s.Remove(ctx, 1, "advertising"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Paper(ctx, 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("a removed paper: %v", err)
	}
	if err := s.Remove(ctx, 1, "again"); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if sum := put(t, s, "page", Paper{Title: "spam!"}); sum.Refused != 1 || !strings.Contains(sum.Reasons[0].Reason, "advertising") {
		t.Errorf("offered again: %+v", sum)
	}
	changes, err := s.Changes(ctx, 2, 10)
	if err != nil || len(changes) != 1 || changes[0].Kind != Removed || changes[0].Paper != 1 {
		t.Errorf("changes %+v, %v", changes, err)
	}
	if err := s.Restore(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Paper(ctx, 1); err != nil || p.Title != "Spam" {
		t.Errorf("restored: %+v, %v", p, err)
	}
}

func TestSystems(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	put(t, s, "page", Paper{Title: "Waves in Networks"}, Paper{Title: "Renamed since", ArXiv: "2501.00007"}, Paper{Title: "Other"})
	waves, seven := System{"waves", "recurrent", "Waves in networks", "2501.00001"}, System{"seven", "spiking", "The Seventh", "2501.00007"}
	if err := s.Register(ctx, waves, seven); err != nil {
		t.Fatal(err)
	}
	put(t, s, "arxiv", Paper{Title: "Waves in Networks", ArXiv: "2501.00009", Authors: []string{"Eve Fox"}}) // joins the first by title, and is another paper
	for slug, title := range map[string]string{"seven": "Renamed since"} {
		if p, err := s.BySlug(ctx, slug); err != nil || p.Title != title || p.Family != "spiking" {
			t.Errorf("%s is %+v, %v", slug, p, err)
		}
	}
	if p, err := s.BySlug(ctx, "waves"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a paper with another arXiv ID passes for waves: %+v, %v", p, err)
	}
	put(t, s, "arxiv", Paper{Title: "Waves in networks", ArXiv: "2501.00001"})
	list, err := s.List(ctx, Filter{Runnable: true})
	if err != nil || len(list) != 2 {
		t.Errorf("runnable: %+v, %v", list, err)
	}
	if list, err := s.List(ctx, Filter{Families: []string{"recurrent", "signals"}}); err != nil || len(list) != 1 || list[0].Slug != "waves" {
		t.Errorf("of a family: %+v, %v", list, err)
	}
	last, _ := s.Changes(ctx, 0, 100)
	if err := s.Register(ctx, waves, seven); err != nil { // nothing new
		t.Fatal(err)
	}
	if more, _ := s.Changes(ctx, last[len(last)-1].Seq, 100); len(more) != 0 {
		t.Errorf("registering the same again changed %+v", more)
	}
	if err := s.Register(ctx, seven); err != nil {
		t.Fatal(err)
	}
	if _, err := s.BySlug(ctx, "waves"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a system that is gone: %v", err)
	}
}

func TestListAndArchive(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	day := func(d string) time.Time { t, _ := time.Parse(time.DateOnly, d); return t }
	put(t, s, "page", Paper{Title: "A", Listed: day("2026-04-20"), Published: day("2020-01-01")}, Paper{Title: "B", Listed: day("2026-04-19")},
		Paper{Title: "C", Listed: day("2026-03-31"), Published: day("2026-03-30")}, Paper{Title: "D", Published: day("2026-04-19")}, Paper{Title: "E"})
	titles := func(f Filter) string {
		t.Helper()
		list, err := s.List(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, p := range list {
			out += p.Title
		}
		return out
	}
	_, week, err := ParsePeriod("2026-W16")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		f    Filter
		want string
	}{
		{Filter{}, "EADBC"}, {Filter{Limit: 2, Offset: 1}, "AD"}, {Filter{Order: ByDate}, "DCAEB"}, {Filter{Listed: Day.Around(now)}, "EA"},
		{Filter{Listed: week}, "DB"}, {Filter{Listed: Month.Around(now)}, "EADB"}, {Filter{Published: Span{From: day("2026-01-01")}}, "DC"},
	} {
		if got := titles(c.f); got != c.want {
			t.Errorf("%+v lists %s, want %s", c.f, got, c.want)
		}
		f := c.f
		f.Limit, f.Offset = 0, 0
		if n, err := s.Count(ctx, f); err != nil || n < len(c.want) {
			t.Errorf("%+v counts %d, %v", c.f, n, err)
		}
	}
	for by, want := range map[Period]string{Day: "2026-04-20:2 2026-04-19:2 2026-03-31:1", Week: "2026-W17:2 2026-W16:2 2026-W14:1", Month: "2026-04:4 2026-03:1"} {
		buckets, err := s.Archive(ctx, by, Span{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range buckets {
			got = append(got, b.Name+":"+string(rune('0'+b.Papers)))
			if p, span, err := ParsePeriod(b.Name); err != nil || p != by || span != b.Span {
				t.Errorf("%s reads as %s %v, %v", b.Name, p, span, err)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("archive by %s is %v, want %s", by, got, want)
		}
	}
	// The counts follow papers that go, come back, turn out to be another, or turn out to have been listed before; also before 1970.
	put(t, s, "page", Paper{Title: "Old", Published: time.Date(1943, 12, 1, 13, 0, 0, 0, time.UTC)}, Paper{Title: "B", Listed: day("2026-03-31")},
		Paper{Title: "F", DOI: "10.1000/f"}, Paper{Title: "G", ArXiv: "2604.00001", Listed: day("2026-04-18")})
	put(t, s, "page", Paper{Title: "F or G", DOI: "10.1000/f", ArXiv: "2604.00001"})
	for _, err := range []error{s.Remove(ctx, 1, "x"), s.Remove(ctx, 3, "x"), s.Restore(ctx, 3)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	buckets, err := s.Archive(ctx, Day, Span{})
	var got []string
	for _, b := range buckets {
		got = append(got, b.Name+":"+string(rune('0'+b.Papers)))
	}
	if want := "2026-04-20:1 2026-04-19:1 2026-04-18:1 2026-03-31:2 1943-12-01:1"; strings.Join(got, " ") != want || err != nil {
		t.Errorf("archive is %v, want %s (%v)", got, want, err)
	}
	if buckets, err := s.Archive(ctx, Month, Month.Around(now)); err != nil || len(buckets) != 1 || buckets[0].Papers != 3 {
		t.Errorf("the archive of April is %+v, %v", buckets, err)
	}
	for _, bad := range []string{"", "2026", "2026-W00", "2026-W54", "2026-02-30", "yesterday"} {
		if p, _, err := ParsePeriod(bad); err == nil {
			t.Errorf("%q reads as a %s", bad, p)
		}
	}
}

// The scores are those of the formula in the documentation, worked out here with Go's own arithmetic.
func TestTrending(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	put(t, s, "page", Paper{Title: "Old and loved", Listed: now.AddDate(-1, 0, 0), Upvotes: 900},
		Paper{Title: "Fresh", Listed: now.Add(-6 * time.Hour)},
		Paper{Title: "Voted", Listed: now.Add(-6 * time.Hour), Upvotes: 5},
		Paper{Title: "Run", Listed: now.AddDate(0, 0, -3)})
	if err := s.Record(ctx, Signal{4, Run, 2, now.Add(-8 * time.Hour)}, Signal{4, Upvote, 1, now.Add(-2 * time.Hour)}, Signal{4, Upvote, -1, now.Add(-2 * time.Hour)},
		Signal{2, Run, 1, now.Add(time.Hour)}); err != nil { // in the future: not yet
		t.Fatal(err)
	}
	got, err := s.Trending(ctx, Day, now, 0)
	if err != nil {
		t.Fatal(err)
	}
	decay := math.Exp2(-6. / 8)
	want := []struct {
		title string
		score float64
	}{{"Run", 3 * math.Log1p(2*0.5)}, {"Voted", math.Log1p(5*decay) + 0.5*math.Log1p(decay)}, {"Fresh", 0.5 * math.Log1p(decay)}}
	if len(got) != len(want) {
		t.Fatalf("%d papers trend: %+v", len(got), got)
	}
	for i, w := range want {
		if got[i].Title != w.title || math.Abs(got[i].Score-w.score) > 1e-9 {
			t.Errorf("place %d is %s with %g, want %s with %g", i, got[i].Title, got[i].Score, w.title, w.score)
		}
	}
	put(t, s, "huggingface", Paper{Title: "Old and loved", Upvotes: 1000}) // 100 more, seen now
	list, err := s.List(ctx, Filter{Order: Trending, Window: Week, Now: now, Limit: 1})
	if err != nil || len(list) != 1 || list[0].Title != "Old and loved" {
		t.Errorf("after new upvotes: %+v, %v", list, err)
	}
	if _, err := s.List(ctx, Filter{Order: Trending}); err == nil {
		t.Error("trending without a window")
	}
	if err := s.Record(ctx, Signal{Paper: 99, Kind: Run, Delta: 1}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a run of no paper: %v", err)
	}
	if err := s.Record(ctx, Signal{Paper: 1, Kind: "fame", Delta: 1}); err == nil {
		t.Error("a signal of no kind")
	}
}

func TestOpenAndBackup(t *testing.T) {
	ctx := t.Context()
	s := open(t)
	put(t, s, "page", Paper{Title: "Kept"})
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(ctx, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second backup: %v", err)
	}
	for _, file := range []string{path, s.Path()} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	c, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p, err := c.Paper(ctx, 1); err != nil || p.Title != "Kept" {
		t.Errorf("the backup has %+v, %v", p, err)
	}
	if _, err := c.DB().Exec("INSERT INTO versions VALUES (77, 1, 0, '')"); err == nil {
		t.Error("foreign keys are not checked")
	}

	text := filepath.Join(t.TempDir(), "text.db")
	os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o644)
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE runs (id)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for _, file := range []string{text, other} {
		before, _ := os.ReadFile(file)
		if _, err := Open(ctx, file); err == nil || !strings.Contains(err.Error(), "not the feed") {
			t.Errorf("%s opens: %v", filepath.Base(file), err)
		}
		if after, _ := os.ReadFile(file); string(after) != string(before) {
			t.Errorf("%s was written to", filepath.Base(file))
		}
	}
}

func TestMigrate(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	steps := []string{"CREATE TABLE notes (a); INSERT INTO notes VALUES (1)", "INSERT INTO notes VALUES (2)"}
	for range 2 {
		if err := s.Migrate(ctx, "notes", steps[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Migrate(ctx, "notes", append(steps, "INSERT INTO nowhere VALUES (1)")...); err == nil {
		t.Fatal("a bad step passes")
	}
	if err := s.Migrate(ctx, "notes", steps...); err != nil { // the bad migration left nothing behind
		t.Fatal(err)
	}
	var n int
	if err := s.DB().QueryRow("SELECT count(*) FROM notes").Scan(&n); err != nil || n != 2 {
		t.Errorf("%d notes, %v", n, err)
	}
	if err := s.Migrate(ctx, "notes", steps[0]); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("an older program: %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := open(t)
	second, err := Open(t.Context(), s.Path()) // as another process would
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	put(t, s, "page", Paper{Title: "Busy"})
	errs := make(chan error)
	for i := range 8 {
		st := []*Store{s, second}[i%2]
		go func() {
			for range 20 {
				if err := st.Record(context.Background(), Signal{Paper: 1, Kind: Upvote, Delta: 1}); err != nil {
					errs <- err
					return
				}
				if _, err := st.List(context.Background(), Filter{}); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if p, err := s.Paper(t.Context(), 1); err != nil || p.Own.Upvotes != 160 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestIdentifiers(t *testing.T) {
	for in, want := range map[string]string{
		"2507.11531": "2507.11531", "arXiv:2507.11531v2": "2507.11531", "https://arxiv.org/pdf/2507.11531v12.pdf": "2507.11531",
		"http://export.arxiv.org/abs/2507.11531?x=1": "2507.11531", "math.GT/0309136v1": "math/0309136", "oai:arXiv.org:hep-th/9901001": "hep-th/9901001",
		"2507": "", "": "", "25071.1531": "", "https://evil.example/abs/2507.11531": "", "2507.115311": "", "x/1": "",
	} {
		if got, _, ok := ParseArXiv(in); got != want || ok != (want != "") {
			t.Errorf("arXiv ID of %q is %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"https://doi.org/10.1038/NATURE14539": "10.1038/nature14539", "doi: 10.1000/a(b)c<1>.": "10.1000/a(b)c<1>",
		"http://dx.doi.org/10.1000%2Fxyz": "10.1000/xyz", "10.1000/": "", "11.1000/x": "", "10.1000/a b": "", "": "",
	} {
		if got, ok := ParseDOI(in); ok != (want != "") || ok && got != want {
			t.Errorf("DOI of %q is %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"TRC²: Naïve  {\\em sequence}-learning": "trc2naivesequencelearning", "$\\alpha$-synuclein": "synuclein", "学习 脉冲": "学习脉冲", "?!": "",
	} {
		if got := TitleKey(in); got != want {
			t.Errorf("title key of %q is %q, want %q", in, got, want)
		}
	}
	if got := text(" one\ntwo \r\n\r\n\n three\x07\n"); got != "one two\n\nthree" {
		t.Errorf("text is %q", got)
	}
}
