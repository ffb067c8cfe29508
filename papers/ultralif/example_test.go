package ultralif_test

import (
	"fmt"
	"log"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics"
	"github.com/gyrus-dev/gyrus/papers/ultralif"
)

// A unit with a fixed temperature takes in four currents, with soft spikes and with hard ones.
func ExampleUltra() {
	backend, err := compute.Open("")
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Finalize()
	exec, err := graph.NewExec(backend, func(x *graph.Node) []*graph.Node { // x [time, batch, units]
		soft := ultralif.Ultra{Epsilon: .1, Pinned: true}.Cell(nil, x)
		hard := *soft
		hard.Hard = true
		return []*graph.Node{
			dynamics.Stack(dynamics.Unroll(soft, dynamics.Steps(x), dynamics.Unrolling{}).Outputs),
			dynamics.Stack(dynamics.Unroll(&hard, dynamics.Steps(x), dynamics.Unrolling{}).Outputs),
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions([]float64{0, .4, .9, -1}, 4, 1, 1))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n%.0f\n", tensors.MustCopyFlatData[float64](out[0]), tensors.MustCopyFlatData[float64](out[1]))
	// Output:
	// [0.009 0.271 0.982 0.003]
	// [0 0 1 0]
}
