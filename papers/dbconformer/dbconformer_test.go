package dbconformer

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/simulate/headmodel"
)

// value is what the first seed measured.
func value(t *testing.T, o *runner.Outcome, system, metric string) float64 {
	t.Helper()
	v, ok := o.Document.Records[0].Value(system, metric)
	if !ok {
		t.Fatalf("%s of %s was not measured", metric, system)
	}
	return v
}

// The quick preset must decode people it has not seen with the temporal branch, and neither without it nor from permuted labels. Over seeds 1
// to 6 it measures 0.75 to 0.88 for both branches, 0.73 to 0.83 for the temporal one, 0.50 for the other and 0.43 to 0.50 for permuted
// labels; 120 trials decided by a coin stay below 0.65 in 999 of 1000 cases.
func TestQuickSynthetic(t *testing.T) {
	if testing.Short() {
		t.Skip("trains four networks on two divisions")
	}
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Experiment: "synthetic", Preset: papers.Quick, Seed: 1, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	both, time, space, chance := value(t, o, dbc, "loso"), value(t, o, temporal, "loso"), value(t, o, spatial, "loso"), value(t, o, permuted, "loso")
	t.Logf("both branches %.3f, temporal %.3f, spatial %.3f, permuted labels %.3f, CSP + LDA %.3f", both, time, space, chance, value(t, o, csp, "loso"))
	if both < 0.68 || time < 0.66 {
		t.Errorf("both branches reach %.3f and the temporal branch alone %.3f on people not seen; at least 0.68 and 0.66 are expected", both, time)
	}
	if space > 0.60 || space > both-0.10 {
		t.Errorf("the spatial branch alone reaches %.3f: the class must come from the temporal branch", space)
	}
	if chance < 0.35 || chance > 0.62 || chance > both-0.10 {
		t.Errorf("trained on permuted labels the network reaches %.3f, not chance", chance)
	}
}

// Random gains of each person's channels must hardly harm aligned trials, and unaligned ones much. Common spatial patterns show it without
// training a network.
func TestAlignmentUndoesChannelGains(t *testing.T) {
	subjects, err := headmodel.MotorImagery(headmodel.Recipe{Subjects: 5, Trials: 40, Samples: 1000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	people := make([]examples, len(subjects))
	for i, s := range subjects {
		for _, tr := range s.Trials {
			people[i].trials = append(people[i].trials, tr.EEG)
			people[i].labels = append(people[i].labels, int(tr.Label))
		}
	}
	mean := func(c condition) float64 {
		trainOn, testOn, err := conditioned(people, c, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		var fs []foldResult
		for k := range people {
			f, _, err := cspLDA(join(slices.Concat(trainOn[:k], trainOn[k+1:])...), testOn[k], 0)
			if err != nil {
				t.Fatal(err)
			}
			fs = append(fs, f)
		}
		return meanAccuracy(fs)
	}
	aligned, scaled, raw := mean(condition{aligned: true}), mean(condition{aligned: true, gains: true}), mean(condition{gains: true})
	t.Logf("aligned %.3f, with gains %.3f, with gains and not aligned %.3f", aligned, scaled, raw)
	if scaled < aligned-0.08 || scaled < raw+0.08 {
		t.Errorf("accuracy is %.3f aligned, %.3f with channel gains, %.3f with gains and not aligned", aligned, scaled, raw)
	}
}
