package papers

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/report"
)

type allKinds struct {
	Epochs int           `param:"epochs" help:"passes over the data" min:"1" max:"10"`
	Big    int64         `param:"big" help:"a large number"`
	Rate   float64       `param:"rate" help:"learning rate" min:"0" unit:"1/step"`
	Wait   time.Duration `param:"wait" help:"how long" max:"60"`
	Mode   string        `param:"kl-mode" help:"which loss" oneof:"released balanced"`
	Deep   bool          `param:"deep" help:"more layers"`
}

var kinds = Presets[allKinds]{
	Quick:   allKinds{Epochs: 1, Rate: 0.1, Mode: "released"},
	Default: allKinds{Epochs: 5, Rate: 0.01, Mode: "balanced", Wait: time.Second},
	Full:    allKinds{Epochs: 10, Rate: 0.001, Mode: "balanced", Deep: true},
}

func TestResolve(t *testing.T) {
	for _, tc := range []struct {
		name   string
		preset Preset
		set    map[string]string
		want   allKinds
		says   string
	}{
		{"preset", Full, nil, kinds.Full, ""},
		{"default for no preset", "", nil, kinds.Default, ""},
		{"every kind", Quick, map[string]string{"epochs": "3", "big": "-9000000000", "rate": "1e-3", "wait": "2s", "kl-mode": "balanced", "deep": "true"},
			allKinds{3, -9000000000, 1e-3, 2 * time.Second, "balanced", true}, ""},
		{"unknown", Quick, map[string]string{"epoch": "3"}, allKinds{}, `did you mean "epochs"`},
		{"not whole", Quick, map[string]string{"epochs": "3.5"}, allKinds{}, "not a whole number"},
		{"too small", Quick, map[string]string{"epochs": "0"}, allKinds{}, "at least 1"},
		{"too large", Quick, map[string]string{"epochs": "11"}, allKinds{}, "at most 10"},
		{"negative with unit", Quick, map[string]string{"rate": "-1"}, allKinds{}, "at least 0, in 1/step"},
		{"NaN", Quick, map[string]string{"rate": "NaN"}, allKinds{}, "finite"},
		{"infinite", Quick, map[string]string{"rate": "Inf"}, allKinds{}, "finite"},
		{"no unit", Quick, map[string]string{"wait": "5"}, allKinds{}, "duration such as"},
		{"too long", Quick, map[string]string{"wait": "2m"}, allKinds{}, "at most 60"},
		{"no choice", Quick, map[string]string{"kl-mode": "both"}, allKinds{}, "one of released, balanced"},
		{"no bool", Quick, map[string]string{"deep": "very"}, allKinds{}, "true or false"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := kinds.Resolve(tc.preset, tc.set)
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Fatalf("got %v, want an error that says %q", err, tc.says)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tc.want)
			}
			again, err := kinds.Resolve(Quick, ParamValues(got))
			if err != nil || again != tc.want {
				t.Errorf("what ParamValues prints is read back as %+v, %v", again, err)
			}
		})
	}
}

func TestParamsThatAreRefused(t *testing.T) {
	type untagged struct{ X int }
	type unhelpful struct {
		X int `param:"x"`
	}
	type slice struct {
		X []int `param:"x" help:"x"`
	}
	type twice struct {
		X int `param:"x" help:"x"`
		Y int `param:"x" help:"y"`
	}
	type bounded struct {
		X int `param:"x" help:"x" min:"1"`
	}
	for _, p := range []Params{Presets[untagged]{}, Presets[unhelpful]{}, Presets[slice]{}, Presets[twice]{}, Presets[bounded]{}, Presets[int]{}} {
		if p.check() == nil {
			t.Errorf("%T passes", p)
		}
	}
	if err := kinds.check(); err != nil {
		t.Error(err)
	}
}

func TestNearest(t *testing.T) {
	slugs := []string{"langevinflow", "htm", "dbconformer", "hlop", "stan"}
	for typed, want := range map[string]string{
		"langevinflo": "langevinflow", "Langevin": "langevinflow", "dbconfromer": "dbconformer", "hmt": "htm", "lop": "hlop", "xyzzyplugh": "",
	} {
		if got := nearest(typed, slugs); got != want {
			t.Errorf("nearest to %q is %q, want %q", typed, got, want)
		}
	}
}

func TestJudgement(t *testing.T) {
	rs := &Results{Records: []report.Record{
		{Measurements: []report.Measurement{{System: "a", Metric: "r2", Value: 0.8}, {System: "b", Metric: "r2", Value: 0.5}}},
		{Measurements: []report.Measurement{{System: "a", Metric: "r2", Value: 0.9}}},
	}}
	if m := rs.Mean("a", "r2"); math.Abs(m-0.85) > 1e-12 || rs.Min("a", "r2") != 0.8 || rs.Max("a", "r2") != 0.9 {
		t.Errorf("mean %v, min %v, max %v", m, rs.Min("a", "r2"), rs.Max("a", "r2"))
	}
	if !math.IsNaN(rs.Mean("c", "r2")) || !math.IsNaN(rs.Min("c", "r2")) {
		t.Error("what was not measured has a value")
	}
	a, b, missing := rs.Mean("a", "r2"), rs.Mean("b", "r2"), rs.Mean("c", "r2")
	rs.Claim("all").Relation("", a, ">", b).Level("", a, "≥", 0.85)
	rs.Claim("level-fails").Relation("", a, ">", b).Level("", a, "≥", 0.99).Because("too short")
	rs.Claim("relation-fails").Level("", a, "≥", 0.99).Relation("", b, "≥", a)
	rs.Claim("unmeasured").Relation("x above y", a, ">", missing).Relation("", b, "<", a)
	rs.Claim("empty")
	rs.NotTested("left-out", "no data")
	want := []report.Status{report.Reproduced, report.Partly, report.NotReproduced, report.NotTested, report.NotTested, report.NotTested}
	for i, v := range rs.Verdicts() {
		if v.Status != want[i] {
			t.Errorf("claim %s is %q, want %q", v.Claim, v.Status, want[i])
		}
	}
	if v := rs.Verdicts(); v[1].Why != "too short" || v[0].Why != "" || !strings.Contains(v[3].Why, "x above y") {
		t.Errorf("reasons are %q, %q, %q", v[0].Why, v[1].Why, v[3].Why)
	}
}

func TestRandStreams(t *testing.T) {
	a, again, b, other := &Run{Seed: 1}, &Run{Seed: 1}, &Run{Seed: 1}, &Run{Seed: 2}
	if a.Rand("x").Uint64() != again.Rand("x").Uint64() {
		t.Error("the same seed and name give another stream")
	}
	if a.Rand("x").Uint64() == b.Rand("y").Uint64() || a.Rand("x").Uint64() == other.Rand("x").Uint64() {
		t.Error("another name or seed gives the same stream")
	}
	if a.SeedFor("x") < 0 || a.SeedFor("x") == a.SeedFor("y") {
		t.Error("derived seeds are negative or alike")
	}
}

func TestStage(t *testing.T) {
	type result struct {
		Losses []float64
		Best   map[string]float64
	}
	r := NewRun(RunConfig{Dir: t.TempDir()})
	calls := 0
	f := func() (result, error) {
		calls++
		return result{[]float64{1, math.NaN(), math.Inf(1)}, map[string]float64{"a": 0.1}}, nil
	}
	first, err := Stage(r, "train", f)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Stage(r, "train", f)
	if err != nil || calls != 1 || !reflect.DeepEqual(first.Best, second.Best) || !math.IsNaN(second.Losses[1]) || second.Losses[2] != first.Losses[2] {
		t.Errorf("the stored result is %+v after %d calls (%v), want %+v after 1", second, calls, err, first)
	}
	boom := errors.New("boom")
	if _, err := Stage(r, "fails", func() (int, error) { return 0, boom }); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if got, err := Stage(r, "fails", func() (int, error) { return 7, nil }); err != nil || got != 7 {
		t.Errorf("a failed stage was stored: %v, %v", got, err)
	}
	path := filepath.Join(r.Dir, "stages", "train.gob")
	if err := os.Truncate(path, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := Stage(r, "train", f); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a cut file gave %v, want an error that names it", err)
	}
}

func TestWriteFileAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "file")
	write := func(text string, fail error) error {
		return WriteFileAtomic(path, func(f *os.File) error {
			f.WriteString(text)
			return fail
		})
	}
	if err := write("old", nil); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("disk full")
	if err := write("half", boom); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("after a failed write the file holds %q", got)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Errorf("a temporary file was left: %v", entries)
	}
	if err := WriteFileAtomic(filepath.Join(path, "below"), func(*os.File) error { return nil }); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("writing below a file gave %v", err)
	}
}

func TestRegisterRefuses(t *testing.T) {
	good := func() Paper {
		return Paper{Slug: "x", System: "X", Title: "X", Authors: 1, Published: "2020", Family: Fields, Summary: "x",
			Claims: []Claim{{ID: "c", Says: "c", Origin: Ours}},
			Experiments: []Experiment{{Name: "e", Summary: "e", Params: kinds, Run: nil, Metrics: []report.Metric{{ID: "m"}},
				Systems: []report.System{{Name: "s"}}}}}
	}
	for name, spoil := range map[string]func(*Paper){
		"slug": func(p *Paper) { p.Slug = "X-1" }, "family": func(p *Paper) { p.Family = "other" }, "date": func(p *Paper) { p.Published = "May 2020" },
		"no run": func(p *Paper) {}, "no experiment": func(p *Paper) { p.Experiments = nil }, "claim": func(p *Paper) { p.Claims[0].Origin = "" },
		"unknown claim": func(p *Paper) { p.Experiments[0].Tests = []string{"d"} },
	} {
		p := good()
		spoil(&p)
		if p.check() == nil {
			t.Errorf("a paper with a bad %s passes", name)
		}
	}
}

func TestOutputPath(t *testing.T) {
	dir := t.TempDir()
	input, folder := filepath.Join(dir, "a.mat"), filepath.Join(dir, "out")
	os.Mkdir(folder, 0o755)
	taken := filepath.Join(folder, "taken.csv")
	os.WriteFile(taken, nil, 0o644)
	for _, tc := range []struct {
		out, input string
		files      int
		want, says string
	}{
		{"", input, 1, filepath.Join(dir, "a-x.csv"), ""},
		{folder, input, 2, filepath.Join(folder, "a-x.csv"), ""},
		{filepath.Join(dir, "b.csv"), input, 1, filepath.Join(dir, "b.csv"), ""},
		{filepath.Join(dir, "b.csv"), input, 2, "", "not a folder"},
		{taken, input, 1, "", "not overwritten"},
	} {
		a := &Application{Out: tc.out, Files: make([]string, tc.files)}
		got, err := a.OutputPath(tc.input, "-x.csv")
		if got != tc.want || (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("out %q gives %q, %v; want %q, %q", tc.out, got, err, tc.want, tc.says)
		}
	}
}
