package langevinflow

import (
	"testing"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/attractor"

	"github.com/gomlx/gomlx/backends"
)

// BenchmarkTrain trains each model for two epochs at the sizes of the default preset and gives the time of a step.
func BenchmarkTrain(b *testing.B) {
	config := attractor.Standard()
	backend, err := compute.Open("")
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Finalize()
	for _, m := range []struct {
		variant Variant
		balance Balance
	}{{Langevin, Released}, {NoFlow, Released}, {LFADS, Balanced}} {
		b.Run(string(m.variant), func(b *testing.B) {
			r := papers.NewRun(papers.RunConfig{Experiment: &papers.Experiment{Systems: []report.System{}}, Dir: b.TempDir(), Seed: 1,
				Backend: func() (backends.Backend, error) { return backend, nil }})
			population, err := attractor.Generate(config, r.Rand("population"))
			if err != nil {
				b.Fatal(err)
			}
			data := splitRepeats(population, false)
			p := lorenzDefault
			p.Epochs = 2
			steps := 0
			for b.Loop() {
				r.Dir = b.TempDir()
				trained, err := train(b.Context(), r, "bench", p.config(lorenzSizes, m.variant, m.balance), p.schedule(), data.train, data.validation)
				if err != nil {
					b.Fatal(err)
				}
				for _, e := range trained.History.Epochs {
					steps += e.Steps
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(steps), "ms/step")
		})
	}
}
