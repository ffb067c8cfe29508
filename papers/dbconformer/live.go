package dbconformer

import (
	"context"
	"fmt"
	"math"
	"strings"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/signal"
)

// decoder is a saved network on a stream. It sees what apply sees: the same filter, the same windows, the same alignment.
type decoder struct {
	m       model
	predict *fit.Predictor
	attends bool
	band    signal.Sections // of windows that are filtered one by one; nil otherwise
	window  papers.LiveWindow

	sum       *mat.SymDense // of the covariances of the trials so far
	seen      int
	alignment *mat.SymDense
	trial     *mat.Dense
	amplitude float64 // root mean square of the training's trials
}

// openLive loads a saved network for a stream.
func openLive(_ context.Context, a *papers.Application) (papers.Decoder, error) {
	d := &decoder{}
	vars, err := fit.Load(a.ModelDir, &d.m)
	if err != nil {
		return nil, err
	}
	m := &d.m
	if len(m.Channels) != m.Size.Channels || len(m.Classes) != m.Size.Classes || len(m.Covariance) != m.Size.Channels*m.Size.Channels || m.Trials < 1 {
		return nil, fmt.Errorf("%s: the model does not hold the names and the alignment of %d channels; train it again with gyrus run dbconformer", a.ModelDir, m.Size.Channels)
	}
	backend, err := a.Backend()
	if err != nil {
		return nil, err
	}
	net := m.Size.variant(Variant{})
	d.predict, err = fit.NewPredictor("live DBConformer", backend, vars, func(ctx *mlctx.Context, batch []*Node) []*Node {
		logits, attention := net(ctx, batch[0])
		if d.attends = attention != nil; d.attends {
			return []*Node{Softmax(logits, -1), attention}
		}
		return []*Node{Softmax(logits, -1)}
	})
	if err != nil {
		return nil, err
	}
	d.window = papers.LiveWindow{Channels: m.Channels, Rows: m.Size.Channels, Samples: m.Size.Samples, Rate: m.Rate, Units: m.Units, Events: m.Events, Classes: m.Classes}
	if strings.HasPrefix(m.Channels[0], "channel ") { // the training file named none
		d.window.Channels = nil
	}
	band, err := bandOf(m.Low, m.High, m.Rate)
	if err != nil {
		return nil, err
	}
	if len(m.Events) == 0 { // training trials came cut, and each was filtered from rest
		d.band = band
	} else {
		d.window.First = int(math.RoundToEven(m.From * m.Rate))
		if band != nil {
			d.window.Filter = func() papers.CausalFilter { return signal.NewStream(band, 1) }
		}
	}
	d.sum = mat.NewSymDense(m.Size.Channels, nil)
	d.sum.ScaleSym(float64(m.Trials), mat.NewSymDense(m.Size.Channels, m.Covariance))
	d.seen = m.Trials
	d.amplitude = session{covariance: mat.NewSymDense(m.Size.Channels, m.Covariance)}.amplitude()
	d.trial = mat.NewDense(m.Size.Channels, m.Size.Samples, nil)
	if err := d.align(); err != nil {
		return nil, err
	}
	return d, nil
}

// align makes the alignment of the trials so far, as signal.OnlineAlignment does.
func (d *decoder) align() error {
	var r mat.SymDense
	r.ScaleSym(1/float64(d.seen), d.sum)
	alignment, err := signal.InverseSqrt(signal.Shrink(&r, d.m.Shrink))
	if err != nil {
		return fmt.Errorf("aligning the signal of %d trials: %w", d.seen, err)
	}
	d.alignment = alignment
	return nil
}

func (d *decoder) Window() papers.LiveWindow { return d.window }

func (d *decoder) Decide(ctx context.Context, window []float32, learn bool) (papers.LiveDecision, error) {
	channels, samples := d.trial.Dims()
	if len(window) != channels*samples {
		return papers.LiveDecision{}, fmt.Errorf("a window of %d values; the network looks at %d channels of %d samples", len(window), channels, samples)
	}
	raw := d.trial.RawMatrix().Data
	for i, v := range window {
		raw[i] = float64(v)
	}
	if d.band != nil {
		for c := range channels {
			d.trial.SetRow(c, d.band.Filter(d.trial.RawRowView(c)))
		}
	}
	if learn {
		cov, err := signal.Covariance(d.trial)
		if err != nil {
			return papers.LiveDecision{}, err
		}
		d.sum.AddSym(d.sum, cov)
		d.seen++
		if err := d.align(); err != nil {
			return papers.LiveDecision{}, err
		}
	}
	aligned := (&signal.Alignment{Matrix: d.alignment}).Apply(d.trial)
	out, err := d.predict.Run(ctx, []*tensors.Tensor{examples{trials: []*mat.Dense{aligned}}.tensor()}, 1)
	if err != nil {
		return papers.LiveDecision{}, err
	}
	decision := papers.LiveDecision{Probability: wide(rows(out[0])[0])}
	if d.amplitude > 0 {
		decision.Amplitude = amplitudeOf(d.trial) / d.amplitude
	}
	if d.attends {
		decision.Attention = wide(rows(out[1])[0])
	}
	for k, p := range decision.Probability {
		if p > decision.Probability[decision.Class] {
			decision.Class = k
		}
	}
	decision.Name = d.m.Classes[decision.Class]
	return decision, nil
}

func wide(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

func (d *decoder) Close() { d.predict.Close() }
