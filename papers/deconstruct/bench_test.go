package deconstruct

import (
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/fit"
)

// BenchmarkUpdate times an update of each default model.
func BenchmarkUpdate(b *testing.B) {
	backend, err := compute.Open("")
	if err != nil {
		b.Fatal(err)
	}
	s, err := lorenz96(.0025, 20, false)
	if err != nil {
		b.Fatal(err)
	}
	t, err := s.generate(b.Context(), sizes{3000, 200, 100}, newRand())
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"lstm", "gru", "rhn", "lstm+at+input", "gru+at+input", "rhn+at+input", "transformer", "transformer+memory"} {
		b.Run(name, func(b *testing.B) {
			d, err := design{Hidden: 64, Heads: 4, Window: 16, Depth: 2}.parse(name)
			if err != nil {
				b.Fatal(err)
			}
			var begin time.Time
			steps := 0
			vars, _, err := d.train(b.Context(), backend, name, t, budget{Updates: b.N + 10, Batch: 32, Steps: 64, Warmup: 16, Stride: 8, Rate: 1e-3, Floor: 1e-4, Clip: 1, Noise: .005},
				1, "", func(p fit.Progress) {
					if p.Step == 5 {
						begin = time.Now()
					}
					steps = p.Step
				})
			if err != nil {
				b.Fatal(err)
			}
			if steps > 5 {
				b.ReportMetric(1e3*time.Since(begin).Seconds()/float64(steps-5), "ms/update")
				b.ReportMetric(float64(fit.Size(vars)), "parameters")
			}
		})
	}
}
