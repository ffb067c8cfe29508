// Command spiking trains a spiking network on recordings of an event camera, one folder for each class. It is the example of docs/spiking.md.
//
//	go run ./docs/example/spiking FOLDER
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/datasets/labelled"
	"github.com/gyrus-dev/gyrus/dynamics"
	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/nn"
	"github.com/gyrus-dev/gyrus/recording/events"
)

const (
	steps  = 10 // of time that a recording is cut into
	side   = 34 // pixels of the sensor, and
	shrink = 2  // pixels taken as one
	inputs = 2 * (side / shrink) * (side / shrink)
	hidden = 128
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: spiking FOLDER, which holds a folder of recordings for each class")
	}
	if err := run(os.Args[1], "model", os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// example is one recording: counts of events [steps, inputs] and the number of its folder.
type example struct {
	counts []float32
	class  int32
}

// read reads FOLDER/CLASS/FILE for all classes and files.
func read(folder string) (all []example, classes []string, err error) {
	folders, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		class := int32(len(classes))
		classes = append(classes, f.Name())
		files, err := os.ReadDir(filepath.Join(folder, f.Name()))
		if err != nil {
			return nil, nil, err
		}
		for _, file := range files {
			recording, err := events.Open(filepath.Join(folder, f.Name(), file.Name()))
			if err != nil {
				return nil, nil, err
			}
			e, err := recording.Read()
			recording.Close()
			if err != nil {
				return nil, nil, err
			}
			counts, err := labelled.Clip{Events: e}.Frames(steps, side, side, shrink, 0)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", file.Name(), err)
			}
			all = append(all, example{counts, class})
		}
	}
	return all, classes, nil
}

// batch makes tensors of examples: counts [examples, steps, inputs] and classes [examples].
func batch(examples []example) []*tensors.Tensor {
	var counts []float32
	var classes []int32
	for _, e := range examples {
		counts, classes = append(counts, e.counts...), append(classes, e.class)
	}
	return []*tensors.Tensor{tensors.FromFlatDataAndDimensions(counts, len(examples), steps, inputs), tensors.FromValue(classes)}
}

// model returns the evidence for each class [batch, classes], and how many synaptic operations the hidden layer's spikes cause [batch].
func model(ctx *mlctx.Context, counts *graph.Node, classes int) (evidence, operations *graph.Node) {
	x := graph.Transpose(counts, 0, 1) // time comes first
	current := nn.Linear{Out: hidden}.Apply(ctx.In("hidden"), x)
	neurons := dynamics.LIF{Decay: .8, DetachReset: true, LearnDecay: true, Surrogate: dynamics.FastSigmoid{}}
	run := dynamics.Unroll(neurons.Cell(ctx.In("neurons"), x), dynamics.Steps(current), dynamics.Unrolling{})
	spikes := dynamics.Stack(run.Outputs) // [steps, batch, hidden]
	out := ctx.In("out")
	currents := nn.Linear{Out: classes}.Apply(out, spikes)
	readOut := dynamics.Unroll(dynamics.Leaky{Decay: .9}, dynamics.Steps(currents), dynamics.Unrolling{})
	weights := out.GetVariable("weights").ValueGraph(x.Graph())
	operations = dynamics.Operations(graph.Reshape(spikes, -1, hidden), weights) // [steps·batch]
	return dynamics.Mean(readOut.Outputs), graph.ReduceSum(graph.Reshape(operations, steps, -1), 0)
}

// run trains on three quarters of the recordings, tests on the others, and saves the model in a folder.
func run(folder, save string, log io.Writer) error {
	all, classes, err := read(folder)
	if err != nil {
		return err
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	cut := len(all) * 3 / 4
	training, test := batch(all[:cut]), batch(all[cut:])

	backend, err := compute.Open("")
	if err != nil {
		return err
	}
	defer backend.Finalize()
	vars := mlctx.New()
	_, err = fit.Train(context.Background(), backend, vars, fit.Problem{
		Name:  "spiking classifier",
		Train: training,
		Loss: func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
			evidence, _ := model(ctx, batch[0], len(classes))
			picked := graph.Mul(graph.OneHot(batch[1], len(classes), evidence.DType()), graph.LogSoftmax(evidence))
			return graph.Neg(graph.ReduceAllMean(graph.ReduceSum(picked, -1)))
		},
	}, fit.Options{Epochs: 30, BatchSize: 10, LearningRate: 2e-3, ClipNorm: 1, Seed: 1,
		OnEpoch: func(e fit.Epoch) error {
			if (e.Epoch+1)%10 == 0 {
				fmt.Fprintf(log, "epoch %d: loss %.3f\n", e.Epoch+1, e.Train["loss"])
			}
			return nil
		}})
	if err != nil {
		return err
	}

	out, err := fit.Predict(context.Background(), backend, vars, func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node {
		evidence, operations := model(ctx, batch[0], len(classes))
		return []*graph.Node{graph.ArgMax(evidence, 1), operations}
	}, test, 20)
	if err != nil {
		return err
	}
	right, operations := 0, float32(0)
	counted := tensors.MustCopyFlatData[float32](out[1])
	for i, class := range tensors.MustCopyFlatData[int32](out[0]) {
		if class == all[cut+i].class {
			right++
		}
		operations += counted[i] / float32(len(counted))
	}
	fmt.Fprintf(log, "%d of %d test recordings right\n", right, len(all)-cut)
	fmt.Fprintf(log, "%.0f synaptic operations a recording behind the hidden layer, of %d if all neurons fired\n", operations, steps*hidden*len(classes))
	return fit.Save(save, vars, map[string]any{"classes": classes, "steps": steps, "side": side, "shrink": shrink})
}
