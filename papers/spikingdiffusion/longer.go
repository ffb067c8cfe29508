package spikingdiffusion

import (
	"context"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

type longerParams struct {
	Width    int     `param:"width" min:"4" max:"256" help:"channels of the first level"`
	Training int     `param:"training" min:"1" max:"1000000" help:"training steps of both networks"`
	Batch    int     `param:"batch" min:"2" max:"1024" help:"images in a step"`
	Rate     float64 `param:"rate" min:"0.000001" max:"1" help:"learning rate of Adam, falling along a cosine to floor"`
	Floor    float64 `param:"floor" min:"0" max:"1" help:"learning rate at the end"`
	Held     int     `param:"held" min:"10" max:"100000" help:"held-out images with noise"`
	Samples  int     `param:"samples" min:"2" max:"50000" help:"images that each system makes"`
	Sampling int     `param:"sampling" min:"1" max:"1000" help:"steps of the sampler, of 1000"`
}

var longer = papers.Experiment{
	Name:    "longer",
	Summary: "The spiking U-Net with 2 and with 8 spiking steps in each step of the diffusion, trained alike, on images of eight shapes.",
	Tests:   []string{"longer"},
	Params: papers.Presets[longerParams]{
		Quick:   longerParams{Width: 8, Training: 30, Batch: 16, Rate: 3e-3, Floor: 1e-3, Held: 40, Samples: 4, Sampling: 2},
		Default: longerParams{Width: 16, Training: 160, Batch: 16, Rate: 2e-2, Floor: 2e-4, Held: 512, Samples: 64, Sampling: 20},
		Full:    longerParams{Width: 32, Training: 10000, Batch: 64, Rate: 1e-2, Floor: 2e-4, Held: 2000, Samples: 1000, Sampling: 50},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: []report.Metric{metricError, metricFrechet, metricRecognised, metricPresent, metricRate},
	Systems: []report.System{
		{Name: systemLong, Role: report.Subject},
		{Name: systemShort, Role: report.Ablation},
	},
	Run: runLonger,
	Judge: func(rs *papers.Results) {
		rs.Claim("longer").Relation("error of the predicted noise at T = 8, mean of seeds, against that at T = 2", rs.Mean(systemLong, "epsilon-mse"), "<", rs.Mean(systemShort, "epsilon-mse"))
	},
}

func runLonger(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[longerParams](r)
	b := newBench(r, p.Held, p.Samples, p.Sampling)
	for _, c := range []struct {
		name  string
		steps int
	}{{systemShort, 2}, {systemLong, 8}} {
		s := sizes{Width: p.Width, Steps: c.steps}
		net, err := train(ctx, r, c.name, s.network(Spiking), budget{p.Training, p.Batch, p.Rate, p.Floor}, b.training, nil)
		if err != nil {
			return err
		}
		o, err := b.assess(ctx, r, net)
		if err != nil {
			return err
		}
		warnRates(r, o)
		r.Measure(c.name, "epsilon-mse", o.Error)
		r.Measure(c.name, "frechet", o.Frechet)
		r.Measure(c.name, "recognised", o.Content.Recognised)
		r.Measure(c.name, "present", float64(o.Content.Present))
		r.Measure(c.name, "rate", mean(o.Rates))
		drawLoss(r, c.name, o.Loss, p.Training)
		drawErrors(r, c.name, o.ByTime)
	}
	return nil
}
