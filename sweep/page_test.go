package sweep

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/report"
)

// archive holds one file of that name.
func archive(t *testing.T, name string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("x"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// filled is a sweep whose jobs are all done, without having been run.
func filled(t *testing.T, c Config) *Sweep {
	t.Helper()
	p := plan(t, c)
	_, exp, err := p.describe()
	if err != nil {
		t.Fatal(err)
	}
	s := &Sweep{Plan: p, Dir: t.TempDir(), State: Finished}
	for i, point := range p.Points {
		params, err := exp.Params.Resolve(p.Preset, p.settings(point))
		if err != nil {
			t.Fatal(err)
		}
		for _, seed := range p.Seeds {
			s.Outcomes = append(s.Outcomes, Outcome{Job: jobName(i, seed), Point: i, Seed: seed, Status: Done, Worker: "w", Gyrus: "v1", Started: p.Started, Seconds: 1,
				Measurements: []report.Measurement{{System: "toy", Metric: "y", Value: report.Number(params.(toy).value(seed))}, {System: "zero", Metric: "y", Value: 0}}})
		}
	}
	return s
}

// TestFigures wants the figures that fit the grid.
func TestFigures(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		want   []string // titles
	}{
		{"seeds only", Config{}, []string{"Over seeds"}},
		{"one number", Config{Axes: []Axis{axis(t, "x=1:4:1")}}, []string{"Against x"}},
		{"one name", Config{Axes: []Axis{axis(t, "kind=line,square")}}, []string{"Against kind"}},
		{"two", Config{Axes: []Axis{axis(t, "x=1:4:1"), axis(t, "kind=line,square")}}, []string{"Against x", "Against kind", "toy over x and kind"}},
		{"two numbers", Config{Axes: []Axis{axis(t, "x=1:4:1"), axis(t, "width=8,16,512")}}, []string{"Against x", "Against width", "toy over x and width"}},
		{"three", Config{Axes: []Axis{axis(t, "x=1:4:1"), axis(t, "kind=line,square"), axis(t, "width=8,16")}},
			[]string{"Against x", "Against kind", "Against width", "toy over x and kind", "toy over x and width", "toy over kind and width"}},
		{"drawn", Config{Axes: []Axis{axis(t, "x=log:0.1..10"), axis(t, "width=8,16")}, Random: 20}, []string{"Against x", "Against width"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := filled(t, c.config)
			if err := s.WriteResult(s.Dir); err != nil {
				t.Fatal(err)
			}
			r, err := s.Result()
			if err != nil {
				t.Fatal(err)
			}
			sheet, err := s.sheet(r)
			if err != nil {
				t.Fatal(err)
			}
			var titles []string
			for _, part := range sheet.Parts {
				for _, f := range part.Figures {
					titles = append(titles, f.Title)
					if !strings.HasPrefix(f.SVG, "<svg") || !strings.Contains(f.SVG, "</svg>") {
						t.Errorf("%s is no picture", f.Title)
					}
				}
			}
			if strings.Join(titles, "; ") != strings.Join(c.want, "; ") {
				t.Errorf("figures are %v, want %v", titles, c.want)
			}
			if dir := os.Getenv("GYRUS_SWEEP_PAGES"); dir != "" { // to be looked at
				page, err := os.ReadFile(filepath.Join(s.Dir, "report.html"))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(c.name, " ", "-")+".html"), page, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestResult wants the tables to hold what the jobs measured, what is parked and what is missing.
func TestResult(t *testing.T) {
	s := filled(t, Config{Axes: []Axis{axis(t, "x=1,2")}, Seeds: seeds(t, "4")})
	s.Outcomes[1].Measurements[0].Value = report.Number(math.NaN())
	s.Outcomes[2] = Outcome{Job: "p0-s2", Seed: 2, Status: Parked, Error: "a <b>reason</b>", Worker: "w", Gyrus: "v2"}
	s.Outcomes = s.Outcomes[:7]
	s.State = Stopped
	if err := s.WriteResult(s.Dir); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []map[string]string {
		f, err := os.Open(filepath.Join(s.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		all, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var rows []map[string]string
		for _, line := range all[1:] {
			row := map[string]string{}
			for i, cell := range line {
				row[all[0][i]] = cell
			}
			rows = append(rows, row)
		}
		return rows
	}
	results := read("results.csv")
	if r := results[0]; len(results) != 4 || r["x"] != "1" || r["system"] != "toy" || r["n"] != "2" || r["not_finite"] != "1" || results[2]["n"] != "3" {
		t.Errorf("results.csv holds %v", results)
	}
	jobs := read("jobs.csv")
	if len(jobs) != 6*2+1 || jobs[0]["value"] != "1" || jobs[4]["status"] != "parked" || jobs[4]["error"] != "a <b>reason</b>" || jobs[2]["value"] != "NaN" {
		t.Errorf("jobs.csv holds %v", jobs)
	}
	data, err := os.ReadFile(filepath.Join(s.Dir, "sweep.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Outcomes) != 7 || len(r.Summaries) != 4 || r.Plan.ID != s.ID || !strings.Contains(r.Command, "--grid x=1,2 --seeds 0..3") {
		t.Errorf("sweep.json holds %+v", r)
	}
	if len(r.Claims) != 2 || r.Claims[1].Verdicts[0].Status != report.Reproduced || r.Claims[0].Verdicts[0].Status != report.NotTested {
		t.Errorf("claims are %+v", r.Claims) // the first point has a NaN
	}
	page, err := os.ReadFile(filepath.Join(s.Dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 of its 8 jobs have no outcome", "1 of 8 jobs are parked", "a &lt;b&gt;reason&lt;/b&gt;", "different versions", "1 measured values are not finite", "Claims at each point", "too narrow"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"<script", "http://", "<b>reason"} {
		if strings.Contains(strings.ReplaceAll(string(page), "http://www.w3.org/", ""), never) {
			t.Errorf("the page has %q", never)
		}
	}
}
