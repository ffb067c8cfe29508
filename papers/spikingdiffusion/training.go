package spikingdiffusion

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/diffusion"
	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/papers"
)

// The diffusion of the paper.
const (
	diffusionSteps      = 1000
	firstBeta, lastBeta = 1e-4, 0.02
)

func schedule() *diffusion.Schedule {
	s, err := diffusion.Linear(diffusionSteps, firstBeta, lastBeta)
	if err != nil {
		panic(err)
	}
	return s
}

// budget is how networks are trained: Adam with the norm of the gradient clipped to 1.
type budget struct {
	Steps, Batch int
	Rate, Floor  float64 // of learning, falling along a cosine
}

// trained is a network with its variables.
type trained struct {
	Config
	name    string
	vars    *mlctx.Context
	backend backends.Backend
	loss    []float64 // of each epoch, of which a training has twenty
}

// epochs is into how many parts a training is cut, between which the rate of learning falls.
const epochs = 20

// images are square images [n, side, side, colours] with values about -1 to 1.
type images struct {
	side, colours int
	pixels        []float32
}

func (im images) size() int { return im.side * im.side * im.colours }
func (im images) len() int  { return len(im.pixels) / im.size() }

// train fits a network to predict noise; from, if not nil, is the network it begins from.
func train(ctx context.Context, r *papers.Run, name string, c Config, b budget, data images, from *trained) (*trained, error) {
	if err := c.Check(); err != nil {
		return nil, papers.Refuse(err)
	}
	if data.len() < b.Batch {
		return nil, papers.Refuse(fmt.Errorf("%d images for training; with batches of %d there must be at least as many", data.len(), b.Batch))
	}
	backend, err := r.Backend()
	if err != nil {
		return nil, err
	}
	net := &trained{Config: c, name: name, vars: mlctx.New(), backend: backend}
	if from != nil {
		if net.vars, err = from.vars.Clone(); err != nil {
			return nil, err
		}
	}
	// An epoch is a part of the training, not a pass through the data: it sees as many images as its steps take.
	parts := min(epochs, b.Steps)
	rows := b.Steps / parts * b.Batch
	seen := make([]float32, 0, rows*data.size())
	order := r.Rand("order of " + name)
	for range rows {
		i := order.IntN(data.len())
		seen = append(seen, data.pixels[i*data.size():(i+1)*data.size()]...)
	}
	history, err := fit.Train(ctx, backend, net.vars, fit.Problem{
		Name: name, Train: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(seen, rows, data.side, data.side, data.colours)}, Loss: c.loss,
	}, fit.Options{
		Epochs: parts, BatchSize: b.Batch, MinBatch: b.Batch, LearningRate: b.Rate, Schedule: fit.Cosine{Floor: b.Floor}, ClipNorm: 1,
		Checkpoint: fit.Checkpoint{Dir: filepath.Join(r.Dir, "checkpoints", name)},
		Seed:       r.SeedFor("training"), Tag: fmt.Sprintf("%+v %+v", c, b),
		Progress: func(p fit.Progress) {
			r.Progress(papers.Progress{Stage: name, Done: p.Step, Total: p.Steps, Unit: "step", Metrics: map[string]float64{"loss": p.Loss}})
		},
	})
	if err != nil {
		return nil, err
	}
	net.loss, _ = history.Curve("loss")
	return net, nil
}

// loss is the mean square error of the predicted noise, at steps and with noise that are drawn anew for every example.
func (c Config) loss(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
	x := batch[0]
	g, n := x.Graph(), x.Shape().Dim(0)
	s := schedule()
	scales := make([]float32, 0, 2*diffusionSteps)
	for t := 1; t <= diffusionSteps; t++ {
		signal, noise := s.Scales(t)
		scales = append(scales, float32(signal), float32(noise))
	}
	at := graph.Floor(graph.MulScalar(ctx.RandomUniform(g, shapes.Make(dtypes.Float32, n, 1)), diffusionSteps))
	at = graph.Min(at, graph.Scalar(g, dtypes.Float32, diffusionSteps-1))
	chosen := graph.Gather(graph.Const(g, tensors.FromFlatDataAndDimensions(scales, diffusionSteps, 2)), graph.ConvertDType(at, dtypes.Int32)) // [n, 2]
	scale := func(i int) *graph.Node {
		return graph.Reshape(graph.Slice(chosen, graph.AxisRange(), graph.AxisElem(i)), n, 1, 1, 1)
	}
	noise := ctx.RandomNormal(g, x.Shape())
	noisy := graph.Add(graph.Mul(scale(0), x), graph.Mul(scale(1), noise))
	predicted := c.predict(ctx, noisy, graph.Reshape(graph.OnePlus(at), n), nil).noise
	return graph.ReduceAllMean(graph.Square(graph.Sub(predicted, noise)))
}

// predictor is a network at work. It counts the spikes of every call until it is reset.
type predictor struct {
	*trained
	layers []layer // without rates
	run    *fit.Predictor
	// threshold of all integrate-and-fire units
	threshold float64

	calls float64 // examples
	spent []float64
}

// predictBatch is how many examples pass through the graph at a time.
const predictBatch = 64

// open compiles the network for prediction. The threshold is an input of the graph and may change from call to call.
func (n *trained) open() (*predictor, error) {
	p := &predictor{trained: n, threshold: 1}
	var err error
	p.run, err = fit.NewPredictor(n.name, n.backend, n.vars, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
		a := n.predict(ctx, in[0], in[1], in[2])
		p.layers = a.layers
		if rates := a.rates(); rates != nil {
			return []*graph.Node{a.noise, rates}
		}
		return []*graph.Node{a.noise, graph.ExpandAxes(graph.ZerosLike(in[1]), -1)}
	})
	return p, err
}

func (p *predictor) close() { p.run.Close() }

// noise predicts the noise in x at steps t, one for each example.
func (p *predictor) noise(ctx context.Context, x []float32, t []float32) ([]float32, error) {
	n := len(t)
	thresholds := make([]float32, n)
	for i := range thresholds {
		thresholds[i] = float32(p.threshold)
	}
	in := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(x, n, p.Side, p.Side, p.Colours),
		tensors.FromFlatDataAndDimensions(t, n), tensors.FromFlatDataAndDimensions(thresholds, n),
	}
	out, err := p.run.Run(ctx, in, predictBatch)
	for _, v := range in {
		v.MustFinalizeAll()
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, v := range out {
			v.MustFinalizeAll()
		}
	}()
	rates := tensors.MustCopyFlatData[float32](out[1])
	width := len(rates) / n
	if p.spent == nil {
		p.spent = make([]float64, width)
	}
	for i, v := range rates {
		p.spent[i%width] += float64(v)
	}
	p.calls += float64(n)
	return tensors.MustCopyFlatData[float32](out[0]), nil
}

// sampling is the network as a sampler wants it.
func (p *predictor) sampling(ctx context.Context, x []float32, t int) ([]float32, error) {
	times := make([]float32, len(x)/(p.Side*p.Side*p.Colours))
	for i := range times {
		times[i] = float32(t)
	}
	return p.noise(ctx, x, times)
}

// reset forgets the spikes counted.
func (p *predictor) reset() { p.spent, p.calls = nil, 0 }

// layerRates are spikes per unit and step of each layer of kind "spikes", over all calls since the reset.
func (p *predictor) layerRates() []float64 {
	out := make([]float64, len(p.spent))
	for i, v := range p.spent {
		out[i] = v / p.calls
	}
	return out
}
