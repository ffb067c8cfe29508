// Package runnertest is for the tests of papers: it runs an experiment's quick preset as the command line would and looks up what was measured.
//
// What may enter: what the tests of several papers do with a run. What must not: anything a program needs.
package runnertest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// Figures is the environment variable that names a folder to which the figures of runs are written, to be looked at.
const Figures = "GYRUS_TEST_FIGURES"

// Execute runs an experiment, the quick preset unless the configuration names another, in a home of the test's own. Verdicts are logged.
func Execute(t testing.TB, c runner.Config) (*runner.Outcome, error) {
	t.Helper()
	c.Home = t.TempDir()
	if c.Preset == "" {
		c.Preset = papers.Quick
	}
	o, err := runner.Execute(t.Context(), c)
	if err != nil {
		return nil, err
	}
	for _, claim := range o.Document.Claims {
		t.Log(claim.ID, claim.Verdict.Status, claim.Verdict.Conditions, claim.Verdict.Why)
	}
	if dir := os.Getenv(Figures); dir != "" {
		for _, f := range o.Document.Records[0].Figures {
			name := fmt.Sprintf("%s-%s-%s.svg", c.Paper, c.Experiment, f.ID)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(f.SVG), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return o, nil
}

// Value is what the first seed measured; the test ends if it did not.
func Value(t testing.TB, o *runner.Outcome, system, metric string) float64 {
	t.Helper()
	v, ok := o.Document.Records[0].Value(system, metric)
	if !ok {
		t.Fatalf("%s of %s was not measured", metric, system)
	}
	return v
}

// Status is the verdict on a claim; the test ends if there is none.
func Status(t testing.TB, o *runner.Outcome, claim string) report.Status {
	t.Helper()
	for _, c := range o.Document.Claims {
		if c.ID == claim {
			return c.Verdict.Status
		}
	}
	t.Fatalf("claim %s was not judged", claim)
	return ""
}
