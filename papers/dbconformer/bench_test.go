package dbconformer

import (
	"context"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute"
)

// BenchmarkEpoch trains one epoch on 320 trials of the paper's size: the unit the cost of an experiment is counted in.
func BenchmarkEpoch(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	var data examples
	for i := range 320 {
		x := mat.NewDense(22, 1000, nil)
		for j := range x.RawMatrix().Data {
			x.RawMatrix().Data[j] = rng.NormFloat64()
		}
		data.trials, data.labels = append(data.trials, x), append(data.labels, i%2)
	}
	size, err := SizeFor(22, 1000, 2, 250, 0)
	if err != nil {
		b.Fatal(err)
	}
	backend, err := compute.Open("")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []struct {
		name string
		net  network
	}{
		{"DBConformer", size.variant(Variant{})}, {"spatial", size.variant(Variant{NoTemporal: true})},
		{"temporal", size.variant(Variant{NoSpatial: true})},
		{"EEGNet", size.eegNet(250)}, {"EEGConformer", size.eegConformer(250)},
	} {
		b.Run(n.name, func(b *testing.B) {
			if _, _, err := train(context.Background(), backend, n.name, n.net, data, budget{epochs: b.N, batch: 32, rate: 1e-3}, 1, nil); err != nil {
				b.Fatal(err)
			}
		})
	}
}
