package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/gyrus-dev/gyrus/docs/example/leaky" // a paper that runs at once
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

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
		{"unknown backend", []string{"backend", "install", "abacus"}, "abacus"},
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
		{[]string{"version"}, []string{"gyrus", home}},
		{[]string{"runs"}, []string{"no run yet"}},
		{[]string{"completion", "bash"}, []string{"__complete"}},
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
