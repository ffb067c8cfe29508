package degeneracy_test

import (
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/papers"
)

// runs makes runs of the experiment knobs as a sweep does.
func runs(t *testing.T, set map[string]string, seeds int) (*papers.Experiment, []*papers.Run) {
	t.Helper()
	paper, err := papers.Get("degeneracy")
	if err != nil {
		t.Fatal(err)
	}
	exp, err := paper.Experiment("knobs")
	if err != nil {
		t.Fatal(err)
	}
	params, err := exp.Params.Resolve(papers.Quick, set)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*papers.Run, seeds)
	for i := range all {
		all[i] = papers.NewRun(papers.RunConfig{Paper: paper, Experiment: exp, Preset: papers.Quick, Params: params, Seed: int64(i), Dir: t.TempDir(), ModelDir: t.TempDir(),
			Log: slog.New(slog.DiscardHandler), Backend: func() (backends.Backend, error) { return backend, nil }})
	}
	return exp, all
}

// TestBatch wants a batch of runs to measure what each measures alone, one network at a time.
func TestBatch(t *testing.T) {
	set := map[string]string{"threshold": "0.2"}
	exp, together := runs(t, set, 3)
	begin := time.Now()
	if err := exp.Batch(t.Context(), together); err != nil {
		t.Fatal(err)
	}
	batched := time.Since(begin)
	set["together"] = "1"
	_, alone := runs(t, set, 3)
	begin = time.Now()
	for i, r := range alone {
		if err := exp.Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		got, want := together[i].Record().Measurements, r.Record().Measurements
		if len(got) != len(want) || len(want) < 20 {
			t.Fatalf("seed %d: %d measurements in a batch, %d alone", i, len(got), len(want))
		}
		for k, m := range want {
			if got[k].Metric != m.Metric || math.Abs(float64(got[k].Value-m.Value)) > 1e-3*(1e-3+math.Abs(float64(m.Value))) {
				t.Errorf("seed %d, %s of %s: %g in a batch, %g alone", i, m.Metric, m.System, got[k].Value, m.Value)
			}
		}
	}
	t.Logf("%v in a batch, %v one by one", batched, time.Since(begin))
}

// TestKnobs turns each knob once.
func TestKnobs(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"muP":            {"gain": "2", "leak": "0.5", "rate": "0.02", "threshold": "0.5"},
		"low rank":       {"low-rank": "1e-3", "threshold": "0.3"},
		"discrimination": {"task": "discrimination", "steps": "4", "auxiliary": "true", "threshold": "0.3"},
		"sine":           {"task": "sine", "steps": "20", "threshold": "0.6"},
		"path":           {"task": "path", "channels": "2", "threshold": "5"},
	} {
		t.Run(name, func(t *testing.T) {
			exp, all := runs(t, set, 1)
			if err := exp.Run(t.Context(), all[0]); err != nil {
				t.Fatal(err)
			}
			r := all[0].Record()
			if share, _ := r.Value("networks", "converged"); share != 1 {
				t.Errorf("%g of the networks reach the threshold: %v", share, r.Notes)
			}
		})
	}
}
