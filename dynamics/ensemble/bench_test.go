package ensemble_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics/ensemble"
	"github.com/gyrus-dev/gyrus/simulate/cognitive"
)

// BenchmarkUpdate is one update of 64 networks on flip-flop trials of 40 steps, 64 units in batches of 64 or 16 units in batches of 16, in groups of several
// sizes.
func BenchmarkUpdate(b *testing.B) {
	backend, err := compute.Open("")
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{16, 64} {
		for _, group := range []int{1, 2, 4, 8, 16, 64} {
			b.Run(fmt.Sprintf("units=%d/group=%d", size, group), func(b *testing.B) {
				task := cognitive.FlipFlop{Bits: 3, Steps: 40, P: .1}
				net := ensemble.Network{Inputs: 3, Units: size, Outputs: 3, Biased: true}
				var members []*ensemble.Member
				for i := range 64 {
					rng := rand.New(rand.NewPCG(uint64(i), 0))
					members = append(members, &ensemble.Member{Weights: net.Init(rng), Draw: func(x, y []float32) { cognitive.Fill(task, rng, size, x, y) }})
				}
				o := ensemble.Options{Steps: 40, Batch: size, Rate: 1e-3, Updates: b.N + 1, Group: group}
				o.Progress = func(_, updates int) {
					if updates == 1 {
						b.ResetTimer() // without compilation
					}
				}
				if err := ensemble.Train(b.Context(), backend, net, members, o); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
