package leaky_test

import (
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"

	_ "github.com/gyrus-dev/gyrus/docs/example/leaky"
)

func TestQuick(t *testing.T) {
	run := func(set map[string]string) report.Status {
		out, err := runner.Execute(t.Context(), runner.Config{Paper: "leaky", Preset: papers.Quick, Seed: 1, Set: set, Home: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return out.Document.Claims[0].Verdict.Status
	}
	if s := run(nil); s != report.Reproduced {
		t.Errorf("the claim is %q, want reproduced", s)
	}
	// Without a memory the integrator is the newest sample, and the claim must fail.
	if s := run(map[string]string{"tau": "1"}); s != report.NotReproduced {
		t.Errorf("without memory the claim is %q, want not reproduced", s)
	}
}
