package delays

import (
	"math/rand/v2"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
)

// BenchmarkUpdate times updates of the weights at the usual sizes, on two workers, and says how many places and events are learnt from in a second.
func BenchmarkUpdate(b *testing.B) {
	p, err := standard.plan(nil)
	if err != nil {
		b.Fatal(err)
	}
	clips, err := p.stimulus.film(b.Context(), 4, rand.New(rand.NewPCG(1, 1)), func(papers.Progress) {})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if _, _, err := train(b.Context(), p.field, clips, training{b.N, p.Batch, p.Rate, p.FinalRate}, rand.New(rand.NewPCG(1, 2)), func(papers.Progress) {}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(p.Batch*b.N)/b.Elapsed().Seconds(), "places/s")
}

// BenchmarkTaps times looking for the events of a field: in packed movies, and as package spacetime does.
func BenchmarkTaps(b *testing.B) {
	p, err := standard.plan(nil)
	if err != nil {
		b.Fatal(err)
	}
	clips, err := p.stimulus.film(b.Context(), 1, rand.New(rand.NewPCG(1, 1)), func(papers.Progress) {})
	if err != nil {
		b.Fatal(err)
	}
	for name, taps := range map[string]func(t, y, x int, into []uint32) []uint32{
		"packed": func(t, y, x int, into []uint32) []uint32 { return p.field.taps(clips[0].packed, t, y, x, into) },
		"bytes": func(t, y, x int, into []uint32) []uint32 {
			return p.field.grid.Taps(clips[0].Movie, t, y, x, p.field.mask, into)
		},
	} {
		b.Run(name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 3))
			var into []uint32
			for b.Loop() {
				s := p.field.draw(clips, rng)
				into = taps(s.t, s.y, s.x, into[:0])
			}
		})
	}
}
