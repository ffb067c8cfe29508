package degeneracy

import (
	"context"
	"fmt"
	"math"

	"github.com/gyrus-dev/gyrus/dynamics/ensemble"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/cognitive"
)

type knobParams struct {
	Task      string  `param:"task" help:"flip-flop, sine, discrimination or path"`
	Channels  int     `param:"channels" min:"1" max:"64" help:"bits, frequencies, pairs of pulses, or dimensions of the path (2 or 3)"`
	Steps     int     `param:"steps" min:"2" max:"1000" help:"steps of a trial; of a discrimination, its longest delay"`
	Auxiliary bool    `param:"auxiliary" help:"ask a discrimination for the difference as well"`
	Units     int     `param:"units" min:"4" max:"1024" help:"units of a network"`
	Gain      float64 `param:"gain" min:"0" max:"1000" help:"feature learning: 0 is the usual network, else g of the muP network"`
	Leak      float64 `param:"leak" min:"0" max:"1" help:"of the muP network"`
	L1        float64 `param:"l1" min:"0" max:"1" help:"times the sum of absolute weights in the loss"`
	Nuclear   float64 `param:"low-rank" min:"0" max:"1" help:"times the sum of singular values of the recurrent weights in the loss"`
	Networks  int     `param:"networks" min:"1" max:"1000" help:"networks, 3 or more; they differ in their seed"`
	Batch     int     `param:"batch" min:"1" max:"4096" help:"trials of an update"`
	Rate      float64 `param:"rate" min:"0" max:"1" help:"learning rate of Adam; a muP network takes g times that"`
	Threshold float64 `param:"threshold" min:"0" max:"10" help:"error at which a network stops"`
	Patience  int     `param:"patience" min:"0" max:"1000000" help:"updates without a best error after which the rate of a network is halved; 0 keeps it"`
	Updates   int     `param:"updates" min:"1" max:"1000000" help:"most updates of a network"`
	Probe     int     `param:"probe" min:"8" max:"4096" help:"trials on which networks are compared"`
	Longer    int     `param:"longer" min:"8" max:"65536" help:"longer trials for the error beyond training"`
	Starts    int     `param:"starts" min:"1" max:"1000" help:"starts of the search for a rotation"`
	Kernel    bool    `param:"kernel" help:"measure the alignment of tangent kernels"`
	Together  int     `param:"together" min:"0" max:"4096" help:"networks trained side by side; 0 is all, 1 one after the other"`
}

const trainedNets = "networks"

var knobs = papers.Experiment{
	Name: "knobs",
	Summary: "One condition of your choice, for sweeps: any of the four tasks, channels, delay, auxiliary target, width, feature learning, penalties. Seeds of a sweep can be trained " +
		"side by side (--batch).",
	Params: papers.Presets[knobParams]{
		Quick: knobParams{Task: "flip-flop", Channels: 1, Steps: 10, Units: 16, Leak: .1, Networks: 3, Batch: 16, Rate: 5e-3, Threshold: .05, Updates: 1500, Probe: 128, Longer: 64, Starts: 4,
			Kernel: true},
		Default: knobParams{Task: "flip-flop", Channels: 3, Steps: 40, Units: 64, Leak: .1, Networks: 8, Batch: 64, Rate: 1e-3, Threshold: 1e-3, Updates: 20_000, Probe: 256, Longer: 512,
			Starts: 16, Kernel: true},
		Full: knobParams{Task: "flip-flop", Channels: 3, Steps: 100, Units: 128, Leak: .1, Networks: 50, Batch: 64, Rate: 1e-3, Threshold: 1e-3, Updates: 128_000, Probe: 256, Longer: 2048,
			Starts: 16, Kernel: true},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 1, Full: 1},
	Metrics: metrics,
	Systems: []report.System{
		{Name: trainedNets, Role: report.Subject},
		{Name: untrained(trainedNets), Role: report.Baseline, Says: "the same networks before training"},
	},
	Run:   func(ctx context.Context, r *papers.Run) error { return runKnobs(ctx, []*papers.Run{r}) },
	Batch: runKnobs,
}

// condition makes what the parameters ask for, or refuses them.
func (p knobParams) condition() (condition, error) {
	var task cognitive.Task
	switch p.Task {
	case "flip-flop":
		task = cognitive.FlipFlop{Bits: p.Channels, Steps: p.Steps, P: .1}
	case "sine":
		task = cognitive.Sine{Frequencies: p.Channels, Low: 1, High: 30, Steps: p.Steps, DT: .01}
	case "discrimination":
		task = cognitive.Discrimination{Channels: p.Channels, MinDelay: min(5, p.Steps), MaxDelay: p.Steps, Response: 5, Low: 2, High: 10, Auxiliary: p.Auxiliary}
	case "path":
		task = cognitive.PathIntegration{Dims: p.Channels, Steps: p.Steps, Speed: .2, Turn: .3}
	default:
		return condition{}, papers.Refuse(fmt.Errorf("task: found %q, expected flip-flop, sine, discrimination or path", p.Task))
	}
	if err := task.Check(); err != nil {
		return condition{}, papers.Refuse(err)
	}
	switch {
	case p.Networks < least:
		return condition{}, fewNetworks(p.Networks)
	case p.Gain > 0 && !(p.Leak > 0):
		return condition{}, papers.Refuse(fmt.Errorf("leak: found %g, expected more than 0; the paper has 0.1", p.Leak))
	case !(p.Rate > 0):
		return condition{}, papers.Refuse(fmt.Errorf("rate: found %g, expected more than 0", p.Rate))
	}
	s := task.Sizes()
	for _, e := range embeddings {
		if e.Rank > p.Units*e.Delays {
			return condition{}, papers.Refuse(fmt.Errorf("units: found %d, of which %d delays have no rank of %d; expected more", p.Units, e.Delays, e.Rank))
		}
		if (s.Steps-e.Delays)*(p.Probe/2) < e.Rank*e.Delays {
			return condition{}, papers.Refuse(fmt.Errorf("steps: found trials of %d, of which half of %d leave fewer than %d embedded samples; set steps or probe higher", s.Steps, p.Probe, e.Rank*e.Delays))
		}
	}
	c := condition{system: trainedNets, name: "networks", stream: "networks", task: task, count: p.Networks, together: p.Together,
		net: ensemble.Network{Inputs: s.Inputs, Units: p.Units, Outputs: s.Outputs, Biased: true},
		o:   ensemble.Options{Steps: s.Steps, Batch: p.Batch, Rate: p.Rate, L1: p.L1, Nuclear: p.Nuclear, Threshold: p.Threshold, Patience: p.Patience, Updates: p.Updates}}
	if p.Gain > 0 {
		c.net, c.muP = ensemble.MuP(s.Inputs, p.Units, s.Outputs, p.Leak, p.Gain), true
		c.o.Rate *= p.Gain
	}
	return c, nil
}

func runKnobs(ctx context.Context, runs []*papers.Run) error {
	p := papers.ParamsOf[knobParams](runs[0])
	c, err := p.condition()
	if err != nil {
		return err
	}
	trained, err := c.train(ctx, runs)
	if err != nil {
		return err
	}
	for i, r := range runs {
		probing := probing{trials: p.Probe, longer: p.Longer, effort: effort{p.Starts, 3}, untrained: true}
		if p.Kernel {
			probing.kernel = 8
		}
		a, err := c.analyse(ctx, r, trained[i], probing)
		if err != nil {
			return err
		}
		a.record(r, c)
		if a.Untrained != nil {
			a.Untrained.record(r, untrained(c.system))
		}
		results := suiteResults{{c, trained[i], a}}
		results.drawTraining(r)
		results.drawMap(r)
		if p.Gain == 0 {
			if err := results.drawStates(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// errorOfDifference is the standard error of a difference of two means.
func errorOfDifference(a, b float64) float64 { return math.Sqrt(a*a + b*b) }
