package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	_ "github.com/gyrus-dev/gyrus/docs/example/leaky" // a paper that runs at once
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// The paper waits stores a stage and then waits until it is stopped, or goes on if it is told to.
func init() {
	papers.Register(papers.Paper{
		Slug: "waits", System: "Waiter", Title: "Waiting", Authors: 1, Published: "2026", Family: papers.Recurrent, Summary: "Waits.",
		Experiments: []papers.Experiment{{
			Name: "long", Summary: "Waits.", Params: papers.Presets[struct{}]{},
			Metrics: []report.Metric{{ID: "first", Name: "first"}}, Systems: []report.System{{Name: "waiter"}},
			Run: func(ctx context.Context, r *papers.Run) error {
				first, err := papers.Stage(r, "first", func() (int, error) { return 1, nil })
				if err != nil {
					return err
				}
				r.Measure("waiter", "first", float64(first))
				r.Progress(papers.Progress{Stage: "waiting", Total: 1})
				if os.Getenv("GYRUS_TEST_GO_ON") == "" {
					<-ctx.Done()
				}
				return ctx.Err()
			},
		}},
	})
}

// gyrus runs the command line in this process.
func gyrus(t *testing.T, home string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	root := rootCommand()
	root.SetArgs(append([]string{"--home", home}, args...))
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetIn(strings.NewReader(""))
	err := root.ExecuteContext(t.Context())
	if err != nil {
		errs.WriteString(err.Error())
	}
	return out.String(), errs.String(), exitStatus(err)
}

func TestRunAndReport(t *testing.T) {
	home := t.TempDir()
	out, errs, status := gyrus(t, home, "run", "leaky", "--quick", "--seeds", "2", "--set", "tau=8")
	if status != 0 || !strings.Contains(out, "reproduced") || !strings.Contains(out, "report.html") {
		t.Fatalf("status %d\n%s\n%s", status, out, errs)
	}
	_, page, _ := strings.Cut(out, "Report: ")
	if _, err := os.Stat(strings.TrimSpace(strings.SplitN(page, "\n", 2)[0])); err != nil {
		t.Error(err)
	}
	out, _, status = gyrus(t, home, "runs", "--json")
	var runs []runner.Entry
	if err := json.Unmarshal([]byte(out), &runs); err != nil || status != 0 || len(runs) != 1 || runs[0].Seeds != 2 {
		t.Fatalf("runs --json gave %s (%v)", out, err)
	}
	if out, _, _ := gyrus(t, home, "runs"); !strings.Contains(out, runs[0].ID) || !strings.Contains(out, "1 reproduced") {
		t.Errorf("runs printed\n%s", out)
	}
	out, _, status = gyrus(t, home, "report", "last", "--json")
	var d report.Document
	if err := json.Unmarshal([]byte(out), &d); err != nil || status != 0 || len(d.Records) != 2 {
		t.Errorf("report --json gave status %d, %d records: %v", status, len(d.Records), err)
	}
	// A run of the repeating command measures the same.
	args := strings.Fields(d.Command)[1:]
	out, errs, status = gyrus(t, home, append(args, "--json")...)
	var again report.Document
	if err := json.Unmarshal([]byte(out), &again); err != nil || status != 0 {
		t.Fatalf("%v gave status %d: %v\n%s", args, status, err, errs)
	}
	for i := range d.Records {
		if again.Records[i].Measurements[0] != d.Records[i].Measurements[0] {
			t.Errorf("seed %d measured %v, then %v", d.Seeds[i], d.Records[i].Measurements[0], again.Records[i].Measurements[0])
		}
	}
	if !strings.Contains(errs, `"kind":"run-finished"`) {
		t.Errorf("--json printed no events: %s", errs)
	}
}

// TestReportOpen puts a browser of its own in the place of the system's.
func TestReportOpen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system's browser is started by another name here")
	}
	home, bin := t.TempDir(), t.TempDir()
	if _, errs, status := gyrus(t, home, "run", "leaky", "--quick"); status != 0 {
		t.Fatal(errs)
	}
	t.Setenv("PATH", bin)
	if _, errs, status := gyrus(t, home, "report", "last", "--open"); status != 1 || !strings.Contains(errs, "yourself") {
		t.Errorf("without a browser: status %d, %s", status, errs)
	}
	opened := filepath.Join(bin, "opened")
	script := func(text string) {
		if err := os.WriteFile(filepath.Join(bin, "xdg-open"), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script("echo \"$1\" > " + opened)
	out, errs, status := gyrus(t, home, "report", "last", "--open")
	_, page, _ := strings.Cut(out, "Report: ")
	if got, err := os.ReadFile(opened); status != 0 || err != nil || string(got) != page || !strings.HasSuffix(page, "report.html\n") {
		t.Errorf("status %d; opened %q, printed %q: %v %s", status, got, page, err, errs)
	}
	script("exit 3")
	if _, errs, status := gyrus(t, home, "report", "last", "--open"); status != 1 || !strings.Contains(errs, "exit status 3") {
		t.Errorf("a browser that fails: status %d, %s", status, errs)
	}
}

// TestMain lets the test binary act as the gyrus command.
func TestMain(m *testing.M) {
	if os.Getenv("GYRUS_TEST_AS_COMMAND") != "" {
		main()
	}
	os.Exit(m.Run())
}

// command returns gyrus as a process of its own.
func command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), "GYRUS_TEST_AS_COMMAND=1")
	return c
}

// TestInterrupt sends the signal of Ctrl-C to a run and goes on with it.
func TestInterrupt(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("sends a signal to a process")
	}
	home := t.TempDir()
	run := command("--home", home, "run", "waits", "--out", filepath.Join(home, "run"))
	var errs bytes.Buffer
	run.Stderr = &errs
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if data, _ := os.ReadFile(filepath.Join(home, "run", "events.jsonl")); bytes.Contains(data, []byte(`"progress"`)) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	run.Wait()
	if status := run.ProcessState.ExitCode(); status != 130 || !strings.Contains(errs.String(), "gyrus run --resume waits-") {
		t.Fatalf("status %d, said %s", status, errs.String())
	}
	if out, errs, status := gyrus(t, home, "runs"); status != 0 || !strings.Contains(out, "cancelled") {
		t.Errorf("runs has status %d: %s %s", status, out, errs)
	}
	t.Setenv("GYRUS_TEST_GO_ON", "1")
	out, said, status := gyrus(t, home, "run", "--resume", "last", "--json")
	var d report.Document
	if err := json.Unmarshal([]byte(out), &d); err != nil || status != 0 {
		t.Fatalf("resuming has status %d: %v %s", status, err, said)
	}
	if v, _ := d.Records[0].Value("waiter", "first"); v != 1 || !strings.Contains(said, "stage taken from an earlier start") {
		t.Errorf("what was stored before the interrupt was not used: %v %s", v, said)
	}
}

// TestFullOutput prints to a device that takes nothing.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"version"}, {"papers", "--json"}, {"show", "leaky"}} {
		c := command(append([]string{"--home", t.TempDir()}, args...)...)
		var errs bytes.Buffer
		c.Stdout, c.Stderr = full, &errs
		c.Run()
		if status := c.ProcessState.ExitCode(); status != 1 || !strings.Contains(errs.String(), "free some space") {
			t.Errorf("%v: status %d, said %s", args, status, errs.String())
		}
	}
}

func TestUsageErrors(t *testing.T) {
	home := t.TempDir()
	broken := filepath.Join(home, "broken.mat")
	os.WriteFile(broken, []byte("MATLAB 5.0 MAT-file, but no more"), 0o644)
	for _, tc := range []struct {
		name string
		args []string
		says string
	}{
		{"typo in a paper", []string{"run", "leakey"}, `did you mean "leaky"`},
		{"typo in a verb", []string{"rnu", "leaky"}, "run"},
		{"typo in a parameter", []string{"run", "leaky", "--set", "taau=3"}, `did you mean "tau"`},
		{"malformed set", []string{"run", "leaky", "--set", "tau"}, "name=value"},
		{"set twice", []string{"run", "leaky", "--set", "tau=1", "--set", "tau=2"}, "twice"},
		{"two presets", []string{"run", "leaky", "--quick", "--full"}, "exclude"},
		{"no seeds", []string{"run", "leaky", "--seeds", "0"}, "at least 1"},
		{"seeds not a number", []string{"run", "leaky", "--seeds", "x"}, "--seeds"},
		{"data for none", []string{"run", "leaky", "--data", broken}, "reads"},
		{"no paper", []string{"run"}, "gyrus papers"},
		{"resume nothing", []string{"run", "--resume", "last"}, "no run yet"},
		{"resume with a change", []string{"run", "--resume", "last", "--seed", "3"}, "cannot be changed"},
		{"resume and paper", []string{"run", "leaky", "--resume", "last"}, "do not name a paper"},
		{"unknown backend", []string{"run", "leaky", "--backend", "abacus"}, "abacus"},
		{"unknown plug-in", []string{"backend", "install", "abacus"}, "abacus"},
		{"unknown run", []string{"report", "nothing"}, "gyrus runs"},
		{"unknown paper to show", []string{"show", "xyzzyplugh"}, "there are"},
		{"unknown family", []string{"papers", "--family", "cats"}, "signals"},
		{"unknown status", []string{"papers", "--status", "fine"}, "reproduced"},
		{"unknown data set", []string{"data", "get", "nothing"}, "nyc-taxi"},
		{"data set behind a form", []string{"data", "get", "bci2-selfpaced"}, "--data"},
		{"no terminal to ask on", []string{"data", "get", "bnci2014-001"}, "--yes"},
		{"inspect nothing", []string{"inspect", filepath.Join(home, "none")}, "none"},
		{"inspect a broken file", []string{"inspect", broken}, "broken.mat"},
		{"too many arguments", []string{"version", "x"}, "--help"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, errs, status := gyrus(t, home, tc.args...)
			if status != 2 || !strings.Contains(errs, tc.says) {
				t.Errorf("status %d, want 2; printed %q and %q, want an error that says %q", status, out, errs, tc.says)
			}
		})
	}
}

func TestCancelledRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	home := t.TempDir()
	root := rootCommand()
	var errs bytes.Buffer
	root.SetArgs([]string{"--home", home, "run", "leaky"})
	root.SetErr(&errs)
	err := root.ExecuteContext(ctx)
	if exitStatus(err) != 130 || !strings.Contains(errs.String(), "gyrus run --resume leaky-walk-") {
		t.Fatalf("a stopped run has status %d and says %s", exitStatus(err), errs.String())
	}
	if out, errs, status := gyrus(t, home, "run", "--resume", "last"); status != 0 || !strings.Contains(out, "reproduced") {
		t.Errorf("resuming has status %d: %s %s", status, out, errs)
	}
}

func TestListings(t *testing.T) {
	home := t.TempDir()
	t.Setenv("GYRUS_DATA", "")
	for _, tc := range []struct {
		args []string
		says []string
	}{
		{[]string{"papers"}, []string{"leaky", "Leaky integrator", "1 not tested"}},
		{[]string{"papers", "--family", "recurrent", "--json"}, []string{`"slug": "leaky"`}},
		{[]string{"show", "leaky"}, []string{"at most half", "newest sample", "tau", "1 to 1000", "steps"}},
		{[]string{"show", "leaky", "--json"}, []string{`"experiments"`, `"min": "1"`}},
		{[]string{"data", "list"}, []string{"nyc-taxi", "MIT"}},
		{[]string{"backend", "list"}, []string{"the default"}},
		{[]string{"backend", "list", "--json"}, []string{`"default": true`}},
		{[]string{"data", "list", "--json"}, []string{`"nyc-taxi"`, `"here": {}`}},
		{[]string{"version"}, []string{"gyrus", home}},
		{[]string{"version", "--json"}, []string{`"gyrus": "`, `"home": "` + home}},
		{[]string{"runs"}, []string{"no run yet"}},
		{[]string{"completion", "bash"}, []string{"__complete"}},
		{[]string{"__complete", "run", "lea"}, []string{"leaky\t"}},
		{[]string{"__complete", "run", "leaky", "--set", ""}, []string{"tau=\t"}},
		{[]string{"__complete", "run", "--resume", ""}, []string{"last\t"}},
		{[]string{"__complete", "report", ""}, []string{"last\t"}},
		{[]string{"__complete", "data", "get", "nyc"}, []string{"nyc-taxi\t"}},
		{nil, []string{"Exit status", "reproduction", "inspect"}},
	} {
		out, errs, status := gyrus(t, home, tc.args...)
		if status != 0 {
			t.Errorf("%v has status %d: %s", tc.args, status, errs)
		}
		for _, s := range tc.says {
			if !strings.Contains(out, s) {
				t.Errorf("%v does not print %q:\n%s", tc.args, s, out)
			}
		}
	}
}

func TestOwnRunsCount(t *testing.T) {
	home := t.TempDir()
	gyrus(t, home, "run", "leaky", "--quick")
	if out, _, _ := gyrus(t, home, "papers"); !strings.Contains(out, "1 not tested") {
		t.Errorf("a quick run counts:\n%s", out)
	}
	gyrus(t, home, "run", "leaky")
	if out, _, _ := gyrus(t, home, "papers", "--status", "reproduced"); !strings.Contains(out, "1 reproduced") {
		t.Errorf("an own run does not count:\n%s", out)
	}
}
