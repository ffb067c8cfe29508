package ensemble

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/compute"
)

// Activity is what networks do on the same trials.
type Activity struct {
	Rates   [][]float32 // of each network, φ(a) [trials, steps, units]
	Outputs [][]float32 // of each network [trials, steps, outputs]
}

// Run shows all networks the same inputs x [steps, trials, inputs]. Trials come first in what it returns, as package similarity takes them.
func Run(backend backends.Backend, net Network, weights []Weights, x []float32, steps, trials int) (*Activity, error) {
	if err := net.Check(); err != nil {
		return nil, err
	}
	if len(x) != steps*trials*net.Inputs {
		return nil, fmt.Errorf("ensemble: %d values for %d steps of %d trials of %d inputs", len(x), steps, trials, net.Inputs)
	}
	out := &Activity{}
	err := compute.Catch("running an ensemble", func() error {
		exec, err := graph.NewExec(backend, func(flat, x *graph.Node) (*graph.Node, *graph.Node) {
			p := net.parts(flat)
			rates := graph.Concatenate(net.forward(p, withOnes(x), steps), 1)
			trialsFirst := func(v *graph.Node) *graph.Node {
				return graph.TransposeAllAxes(graph.Reshape(v, 1, steps, trials, v.Shape().Dimensions[2]), 0, 2, 1, 3)
			}
			return trialsFirst(rates), trialsFirst(net.readout(p, rates))
		})
		if err != nil {
			return err
		}
		defer exec.Finalize()
		in := tensors.FromFlatDataAndDimensions(x, 1, steps*trials, net.Inputs)
		for _, w := range weights {
			flat := w.Flat()
			if len(flat) != net.size() {
				return fmt.Errorf("ensemble: a network has %d weights, expected %d", len(flat), net.size())
			}
			rates, outputs, err := exec.Exec2(tensors.FromFlatDataAndDimensions(flat, 1, len(flat)), in)
			if err != nil {
				return err
			}
			out.Rates = append(out.Rates, tensors.MustCopyFlatData[float32](rates))
			out.Outputs = append(out.Outputs, tensors.MustCopyFlatData[float32](outputs))
			rates.MustFinalizeAll()
			outputs.MustFinalizeAll()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
