package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// walkParams are the parameters of the test paper: a random walk cut into stages.
type walkParams struct {
	Stages int           `param:"stages" help:"number of stored stages" min:"1" max:"100"`
	Pause  time.Duration `param:"pause" help:"time each stage takes" min:"0"`
	Fault  string        `param:"fault" help:"what goes wrong" oneof:"none error panic graph nan"`
}

func init() {
	small := walkParams{Stages: 4, Fault: "none"}
	papers.Register(papers.Paper{
		Slug: "walk", System: "Walk", Title: "A random walk", Authors: 1, Published: "2026-01", Family: papers.Recurrent,
		Summary: "Walks at random.",
		Claims: []papers.Claim{
			{ID: "moves", Says: "the walk moves", Origin: papers.FromPaper},
			{ID: "far", Says: "the walk ends a thousand steps away", Origin: papers.Ours},
			{ID: "unjudged", Says: "nobody looks at this", Origin: papers.Ours},
		},
		Experiments: []papers.Experiment{{
			Name: "plain", Summary: "No file.", Tests: []string{"moves", "far", "unjudged"},
			Params:  papers.Presets[walkParams]{Quick: small, Default: small, Full: small},
			Seeds:   papers.Seeds{Default: 2},
			Metrics: []report.Metric{{ID: "end", Name: "end"}, {ID: "steps", Name: "steps"}},
			Systems: []report.System{{Name: "walk", Role: report.Subject}},
			Run:     walk,
			Judge: func(rs *papers.Results) {
				rs.Claim("moves").Relation("mean distance > 0", math.Abs(rs.Mean("walk", "end")), ">", 0)
				rs.Claim("far").Level("largest end ≥ 1000", rs.Max("walk", "end"), "≥", 1000).Because("a short walk")
			},
		}, {
			Name: "file", Summary: "Reads a file.",
			Params:  papers.Presets[walkParams]{Quick: small, Default: small, Full: small},
			Inputs:  []papers.Input{{Name: "steps", Says: "anything", Formats: []string{"text"}, Required: true}},
			Metrics: []report.Metric{{ID: "steps", Name: "steps"}},
			Systems: []report.System{{Name: "walk", Role: report.Subject}},
			Run: func(_ context.Context, r *papers.Run) error {
				path, _ := r.Input("steps")
				data, err := os.ReadFile(path)
				r.Measure("walk", "steps", float64(len(data)))
				return err
			},
		}},
	})
}

func walk(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[walkParams](r)
	x := 0.0
	for i := range p.Stages {
		next, err := papers.Stage(r, fmt.Sprint("stage-", i), func() (float64, error) {
			switch p.Fault {
			case "error":
				return 0, errors.New("the floor is missing")
			case "panic":
				var none []int
				_ = none[i]
			case "graph":
				panic(fmt.Errorf("shapes [2] and [3] do not match"))
			}
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(p.Pause):
			}
			return x + r.Rand(fmt.Sprint("stage ", i)).NormFloat64(), nil
		})
		if err != nil {
			return err
		}
		x = next
		r.Progress(papers.Progress{Stage: "walk", Done: i + 1, Total: p.Stages, Metrics: map[string]float64{"x": x, "bad": math.NaN()}})
	}
	if p.Fault == "nan" {
		x = math.NaN()
	}
	r.Measure("walk", "end", x)
	r.Measure("walk", "steps", float64(p.Stages))
	r.Warn("a warning with %d", 7)
	return nil
}

// TestMain lets the test binary act as a process that carries out a run and can be killed, or whose disk fills up at an event.
func TestMain(m *testing.M) {
	if home := os.Getenv("GYRUS_TEST_CHILD_HOME"); home != "" {
		_, err := Execute(context.Background(), Config{Paper: "walk", Home: home, Out: filepath.Join(home, "run"), Seed: 5, Seeds: 2,
			Set: map[string]string{"stages": "20", "pause": "20ms"},
			Listen: func(e Event) {
				if fillAt := os.Getenv("GYRUS_TEST_CHILD_FULL"); fillAt != "" && fillAt == landmark(e) {
					fillDisk()
				}
			}})
		fmt.Println("child ended:", err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fillDisk makes every further write of this process fail; nil where that cannot be done.
var fillDisk func()

// landmark names an event of the child's run.
func landmark(e Event) string {
	if e.Kind == Progressed {
		return fmt.Sprintf("seed %d, stage %d", e.Seed, e.Progress.Done)
	}
	return fmt.Sprintf("seed %d, %s", e.Seed, e.Kind)
}

func values(d *report.Document) (v []report.Measurement) {
	for _, r := range d.Records {
		v = append(v, r.Measurements...)
	}
	return v
}

func TestExecute(t *testing.T) {
	home := t.TempDir()
	var kinds []Kind
	out, err := Execute(t.Context(), Config{Paper: "walk", Home: home, Seed: 3, Listen: func(e Event) { kinds = append(kinds, e.Kind) }})
	if err != nil {
		t.Fatal(err)
	}
	if out.Status != Done || len(out.Document.Records) != 2 || out.Document.Records[1].Seed != 4 {
		t.Fatalf("status %s with %d records, want done with seeds 3 and 4", out.Status, len(out.Document.Records))
	}
	want := map[string]report.Status{"moves": report.Reproduced, "far": report.Partly, "unjudged": report.NotTested}
	for _, c := range out.Document.Claims {
		if c.Verdict.Status != want[c.ID] {
			t.Errorf("claim %s is %q, want %q", c.ID, c.Verdict.Status, want[c.ID])
		}
	}
	if kinds[0] != RunStarted || kinds[len(kinds)-1] != RunFinished {
		t.Errorf("events begin with %s and end with %s", kinds[0], kinds[len(kinds)-1])
	}
	for _, name := range []string{"run.json", "metrics.json", "report.html", "events.jsonl", "seeds/3/record.json"} {
		if info, err := os.Stat(filepath.Join(out.Dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty: %v", name, err)
		}
	}
	again, err := Execute(t.Context(), Config{Paper: "walk", Home: home, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(values(out.Document), values(again.Document)) {
		t.Error("the same seed measured other numbers the second time")
	}
	other, err := Execute(t.Context(), Config{Paper: "walk", Home: home, Seed: 30})
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(values(out.Document), values(other.Document)) {
		t.Error("another seed measured the same numbers")
	}

	h, err := OpenHistory(home)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	runs, err := h.Runs(t.Context(), "walk", 0)
	if err != nil || len(runs) != 3 || runs[0].Status != Done || len(runs[0].Verdicts) != 3 {
		t.Errorf("history has %d runs, want 3 that are done with 3 verdicts: %+v %v", len(runs), runs, err)
	}
	if _, err := h.Find(t.Context(), "walk-"); err == nil || !strings.Contains(err.Error(), "more than one") {
		t.Errorf("an ambiguous beginning gave %v", err)
	}
	if e, err := h.Find(t.Context(), "last"); err != nil || e.ID != other.ID {
		t.Errorf("last is %s, want %s: %v", e.ID, other.ID, err)
	}
}

// TestKillAndResume kills a process with SIGKILL in the middle of a run and goes on in this one.
func TestKillAndResume(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process")
	}
	whole, err := Execute(t.Context(), Config{Paper: "walk", Home: t.TempDir(), Seed: 5, Seeds: 2, Set: map[string]string{"stages": "20"}})
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	dir := filepath.Join(home, "run")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "GYRUS_TEST_CHILD_HOME="+home)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, filepath.Join(dir, "seeds", "6", "stages", "stage-9.gob"))
	if _, err := Resume(t.Context(), home, dir, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("resuming a run that is under way gave %v", err)
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	h, err := OpenHistory(home)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if e, err := h.Find(t.Context(), "last"); err != nil || e.Status != Interrupted {
		t.Errorf("the killed run is %q, want interrupted: %v", e.Status, err)
	}
	resumed, err := Resume(t.Context(), home, "last", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(values(whole.Document), values(resumed.Document)) {
		t.Errorf("after a kill and a resume the numbers are\n%v, an uninterrupted run measured\n%v", values(resumed.Document), values(whole.Document))
	}
	if s := resumed.Document.Records[1].Seconds; s < 0.1 {
		t.Errorf("the killed seed counts %.3f s; the time before the kill is missing", s)
	}
}

// TestFullDisk lets every write fail from some point of a run on, and goes on when there is room again.
func TestFullDisk(t *testing.T) {
	if fillDisk == nil {
		t.Skip("this system cannot be told to fail writes")
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	whole, err := Execute(t.Context(), Config{Paper: "walk", Home: t.TempDir(), Seed: 5, Seeds: 2, Set: map[string]string{"stages": "20"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ at, says, kept string }{
		{"seed 5, run-started", "seed 5: storing stage \"stage-0\"", "run.json"},
		{"seed 6, stage 8", "seed 6: storing stage \"stage-8\"", "seeds/6/stages/stage-7.gob"},
		{"seed 5, stage 20", "storing the result of seed 5", "seeds/5/stages/stage-19.gob"},
		{"seed 6, seed-finished", "metrics.json", "seeds/6/record.json"},
	} {
		t.Run(tc.at, func(t *testing.T) {
			home := t.TempDir()
			dir := filepath.Join(home, "run")
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), "GYRUS_TEST_CHILD_HOME="+home, "GYRUS_TEST_CHILD_FULL="+tc.at)
			said, err := child.CombinedOutput()
			if err != nil || !strings.Contains(string(said), tc.says) {
				t.Fatalf("the child said %q (%v), want an error that says %q", said, err, tc.says)
			}
			filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if err != nil || strings.HasPrefix(e.Name(), ".") {
					t.Errorf("%s was left behind (%v)", path, err)
				}
				return nil
			})
			if info, err := os.Stat(filepath.Join(dir, tc.kept)); err != nil || info.Size() == 0 {
				t.Errorf("%s is lost: %v", tc.kept, err)
			}
			resumed, err := Resume(t.Context(), home, "last", nil)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(values(whole.Document), values(resumed.Document)) {
				t.Errorf("with room again the numbers are\n%v, an uninterrupted run measured\n%v", values(resumed.Document), values(whole.Document))
			}
		})
	}
}

func TestDiskFull(t *testing.T) {
	h, err := OpenHistory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	h.db.SetMaxOpenConns(1)
	if _, err := h.db.Exec("PRAGMA max_page_count = 1"); err != nil { // the database is full as it is
		t.Fatal(err)
	}
	var full error
	for i := 0; i < 1000 && full == nil; i++ {
		full = h.start(Entry{ID: fmt.Sprint("run ", i)})
	}
	if !DiskFull(fmt.Errorf("writing: %w", full)) {
		t.Errorf("a full database (%v) is not taken for one", full)
	}
	for _, err := range []error{nil, fs.ErrPermission, errors.New("no space left on device")} {
		if DiskFull(err) {
			t.Errorf("%v is taken for a full disk", err)
		}
	}
}

// TestReadHistory reads where nothing may be written.
func TestReadHistory(t *testing.T) {
	home := filepath.Join(t.TempDir(), "none")
	h, err := ReadHistory(home)
	if err != nil {
		t.Fatal(err)
	}
	if runs, err := h.Runs(t.Context(), "", 0); err != nil || len(runs) != 0 {
		t.Errorf("a home that is not there has runs %v, %v", runs, err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(home); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading made the folder: %v", err)
	}
	out, err := Execute(t.Context(), Config{Paper: "walk", Home: home, Seeds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if h, err = ReadHistory(home); err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if e, err := h.Find(t.Context(), "last"); err != nil || e.ID != out.ID {
		t.Errorf("last is %s, want %s: %v", e.ID, out.ID, err)
	}
	if err := h.start(Entry{ID: "x"}); err == nil {
		t.Error("a history opened for reading was written")
	}
	entries, _ := os.ReadDir(home)
	if len(entries) != 2 { // history.db and runs
		t.Errorf("reading left %v", entries)
	}
}

// TestCutEvents appends to an event file whose last line a kill has cut.
func TestCutEvents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	os.WriteFile(path, []byte("{\"kind\":\"seed-started\",\"time\":\"2026-01-01T00:00:00Z\",\"seed\":3}\n{\"kind\":\"progress\",\"time\":\"2026-01-01T00:00:05Z\"}\n{\"kind\":\"prog"), 0o644)
	file, err := openEvents(path)
	if err != nil {
		t.Fatal(err)
	}
	(&eventLog{file: file}).send(Event{Kind: RunStarted})
	file.Close()
	spent, err := secondsSpent(path)
	if err != nil || spent[3] != 5 {
		t.Errorf("seed 3 had %v s, want 5: %v", spent[3], err)
	}
	data, _ := os.ReadFile(path)
	if lines := strings.Split(strings.TrimSpace(string(data)), "\n"); len(lines) != 4 || !strings.HasPrefix(lines[3], "{") {
		t.Errorf("the file holds\n%s", data)
	}
}

func waitFor(t *testing.T, path string) {
	t.Helper()
	for range 1000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s did not appear", path)
}

func TestCancelAndResume(t *testing.T) {
	home := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	out, err := Execute(ctx, Config{Paper: "walk", Home: home, Seeds: 1, Set: map[string]string{"stages": "50", "pause": "5ms"},
		Listen: func(e Event) {
			if e.Kind == Progressed && e.Progress.Done == 3 {
				cancel()
			}
		}})
	if !errors.Is(err, context.Canceled) || out.Status != Cancelled {
		t.Fatalf("a cancelled run ended as %v with %v", out, err)
	}
	out, err = Resume(t.Context(), home, out.ID, nil)
	if err != nil || out.Status != Done {
		t.Fatalf("resuming gave %v, %v", out, err)
	}
}

func TestRefusals(t *testing.T) {
	home := t.TempDir()
	full := filepath.Join(home, "full")
	os.MkdirAll(full, 0o755)
	os.WriteFile(filepath.Join(full, "precious"), []byte("x"), 0o644)
	for _, tc := range []struct {
		name   string
		config Config
		says   string
	}{
		{"unknown paper", Config{Paper: "wlak"}, `did you mean "walk"`},
		{"unknown experiment", Config{Paper: "walk", Experiment: "plian"}, `did you mean "plain"`},
		{"unknown parameter", Config{Paper: "walk", Set: map[string]string{"stage": "3"}}, `did you mean "stages"`},
		{"not a number", Config{Paper: "walk", Set: map[string]string{"stages": "many"}}, "not a whole number"},
		{"out of bounds", Config{Paper: "walk", Set: map[string]string{"stages": "0"}}, "at least 1"},
		{"unknown choice", Config{Paper: "walk", Set: map[string]string{"fault": "bad"}}, "one of none, error"},
		{"input of none", Config{Paper: "walk", Experiment: "plain", Inputs: map[string]string{"": "x"}}, "reads no file"},
		{"wrong input", Config{Paper: "walk", Inputs: map[string]string{"trials": "x"}}, "no experiment of walk reads"},
		{"missing input", Config{Paper: "walk", Experiment: "file"}, "--data FILE"},
		{"missing file", Config{Paper: "walk", Inputs: map[string]string{"": "/does/not/exist"}}, "there is no file"},
		{"unknown backend", Config{Paper: "walk", Backend: "abacus"}, "abacus"},
		{"too many seeds", Config{Paper: "walk", Seeds: 1e6}, "from 1 to 10000"},
		{"directory in use", Config{Paper: "walk", Out: full}, "never overwrites"},
		{"unwritable directory", Config{Paper: "walk", Out: filepath.Join(full, "precious", "run")}, "run directory"},
		{"unwritable home", Config{Paper: "walk", Home: filepath.Join(full, "precious")}, "GYRUS_HOME"},
		{"error", Config{Paper: "walk", Set: map[string]string{"fault": "error"}}, "walk/plain, seed 0: the floor is missing"},
		{"graph panic", Config{Paper: "walk", Set: map[string]string{"fault": "graph"}}, "walk/plain, seed 0: shapes [2] and [3]"},
		{"program panic", Config{Paper: "walk", Set: map[string]string{"fault": "panic"}}, "a mistake in the program"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.config.Home == "" {
				tc.config.Home = home
			}
			out, err := Execute(t.Context(), tc.config)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, want an error that says %q", err, tc.says)
			}
			if out != nil && out.Status != Failed {
				t.Errorf("status is %s", out.Status)
			}
		})
	}
	if entries, _ := os.ReadDir(home); len(entries) > 3 { // full, history.db, runs
		t.Errorf("refused runs left %v", entries)
	}
	if got, _ := os.ReadFile(filepath.Join(full, "precious")); string(got) != "x" {
		t.Error("a file of the user's was changed")
	}
}

func TestInputs(t *testing.T) {
	home := t.TempDir()
	path := filepath.Join(home, "in put.txt")
	os.WriteFile(path, []byte("abc"), 0o644)
	out, err := Execute(t.Context(), Config{Paper: "walk", Home: home, Inputs: map[string]string{"": path}})
	if err != nil {
		t.Fatal(err)
	}
	d := out.Document
	if d.Experiment != "file" || d.Records[0].Measurements[0].Value != 3 {
		t.Errorf("ran %s and measured %v; want the experiment that reads files, and 3 bytes", d.Experiment, values(d))
	}
	if !strings.Contains(d.Command, "--data 'steps="+path+"'") || len(d.Data[0].SHA256) != 64 {
		t.Errorf("the report does not tell the data: %s %+v", d.Command, d.Data)
	}
	os.WriteFile(path, []byte("abcd"), 0o644)
	if _, err := Resume(t.Context(), home, out.Dir, nil); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("resuming on changed data gave %v", err)
	}
}

func TestNaNSurvives(t *testing.T) {
	home := t.TempDir()
	out, err := Execute(t.Context(), Config{Paper: "walk", Home: home, Seeds: 1, Set: map[string]string{"fault": "nan"}})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Resume(t.Context(), home, out.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*report.Document{out.Document, again.Document} {
		if v, _ := d.Records[0].Value("walk", "end"); !math.IsNaN(v) {
			t.Errorf("NaN came back as %v", v)
		}
		if s := d.Claims[0].Verdict.Status; s != report.NotTested {
			t.Errorf("a claim on NaN is %q", s)
		}
	}
}

func TestRelativeHome(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Execute(t.Context(), Config{Paper: "walk", Home: "my runs", Seeds: 1}); err != nil {
		t.Fatal(err)
	}
	h, err := OpenHistory("my runs")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if e, err := h.Find(t.Context(), "last"); err != nil || !filepath.IsAbs(e.Dir) {
		t.Errorf("the run is at %q: %v", e.Dir, err)
	}
}
