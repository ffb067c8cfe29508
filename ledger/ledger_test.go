package ledger

import (
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

func document() *report.Document {
	return &report.Document{
		RunID: "x-e-1", Paper: "x", Experiment: "e", Preset: "default", Finished: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Seeds: []int64{1, 2},
		Params:      []report.Param{{Name: "a"}},
		Environment: report.Environment{CPU: "a processor", Threads: 2, Backend: "cpu (fast)"},
		Command:     "gyrus run x/e --seed 1 --data trials=/home/someone/secret/trials.mat --data 'more=/a/b.csv'",
		Records:     []report.Record{{Seconds: 61, PeakBytes: 5 << 20}, {Seconds: 60, PeakBytes: 9 << 20}},
		Claims: []report.ClaimRow{{ID: "c", Verdict: report.Verdict{Claim: "c", Status: report.Partly, Why: "too | short",
			Conditions: []report.Condition{{Says: "r2 < bar", Left: 0.81234, Op: "≥", Right: 0.9, Level: true}, {Says: "above", Left: 2, Op: ">", Right: 1, Holds: true}}}}},
	}
}

func TestFromDocument(t *testing.T) {
	e, err := FromDocument(document())
	if err != nil {
		t.Fatal(err)
	}
	if e.Seconds != 121 || e.PeakBytes != 9<<20 || e.Claims[0].Status != report.Partly {
		t.Errorf("got %+v", e)
	}
	if want := "gyrus run x/e --seed 1 --data trials=trials.mat --data more=b.csv"; e.Command != want {
		t.Errorf("command is %q, want %q without the paths of the measuring machine", e.Command, want)
	}
	d := document()
	d.Preset = "quick"
	if _, err := FromDocument(d); err == nil {
		t.Error("a quick run is entered")
	}
	d = document()
	d.Params[0].Changed = true
	if e, err := FromDocument(d); err != nil || len(e.Changed) != 1 || !strings.HasPrefix(e.Changed[0], "a=") {
		t.Errorf("a run with a changed parameter gave %+v, %v", e, err)
	}
}

func TestTables(t *testing.T) {
	all := []*papers.Paper{{Slug: "x", System: "X", Title: "X | Y", Family: papers.Fields, Claims: []papers.Claim{
		{ID: "c", Says: "works", Origin: papers.FromPaper, Published: "0.95"}, {ID: "d", Says: "is fast", Origin: papers.Ours}}}}
	var l Ledger
	e, err := FromDocument(document())
	if err != nil {
		t.Fatal(err)
	}
	l.Put(e)
	l.Put(e) // the second replaces the first
	if len(l.Entries) != 1 {
		t.Fatalf("%d entries, want 1", len(l.Entries))
	}
	table := l.PaperTable(all)
	if !strings.Contains(table, `| X: X \| Y | fields | 1 partly, 1 not tested |`) {
		t.Errorf("table of papers:\n%s", table)
	}
	page := l.Page(all)
	for _, want := range []string{"✗ r2 &lt; bar: 0.8123 ≥ 0.9", "✓ above: 2 > 1", `too \| short`, "| is fast | ours | not tested | no run has been entered |",
		"seeds 1, 2, 2m1s on a processor (2 threads, backend cpu), peak memory 9 MB, 2026-01-02", "*Published: 0.95*"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	data, err := l.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(data)
	if err != nil || again.Page(all) != page {
		t.Errorf("what is stored reads back as another page (%v)", err)
	}
	if _, err := Parse([]byte("{")); err == nil {
		t.Error("a broken ledger is read")
	}
}

func TestBetween(t *testing.T) {
	got, err := Between("a\nBEGIN\nold\nEND\nz", "BEGIN", "END", "new\n")
	if err != nil || got != "a\nBEGIN\nnew\nEND\nz" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, text := range []string{"", "BEGIN only", "END"} {
		if _, err := Between(text, "BEGIN", "END", ""); err == nil {
			t.Errorf("%q has no place for the table and gave no error", text)
		}
	}
}
