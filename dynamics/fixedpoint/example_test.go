package fixedpoint_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics/fixedpoint"
)

// A unit that excites itself and has a small bias holds one bit: two stable points and an unstable one between them.
func Example() {
	backend, err := compute.Open("")
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Finalize()
	net, err := fixedpoint.New(backend, mlctx.New(), fixedpoint.Network{Units: 1, Step: func(_ *mlctx.Context, h *graph.Node) *graph.Node {
		return graph.Tanh(graph.AddScalar(graph.MulScalar(h, 2), .1))
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer net.Close()
	starts := mat.NewDense(5, 1, []float64{-1.2, -.8, -.2, .7, 1.5})
	found, err := net.Find(context.Background(), starts, fixedpoint.Search{})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range found.Fixed {
		jacobian, err := net.Jacobian(p.State)
		if err != nil {
			log.Fatal(err)
		}
		local, err := fixedpoint.Linearise(jacobian)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.4f, from %d starts: %s, time constant %.2f steps\n", p.State, len(p.Starts), local.Kind, local.TimeConstants(1)[0])
	}
	// Unordered output:
	// [0.9663], from 2 starts: stable, time constant 0.50 steps
	// [-0.9460], from 2 starts: stable, time constant 0.64 steps
	// [-0.1003], from 1 starts: unstable, time constant 1.46 steps
}
