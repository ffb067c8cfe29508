package deepsnn

import (
	"fmt"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// The systems.
const (
	sysReference  = "F0 reference"
	sysLinear     = "linear on pixels"
	sysConverted  = "F1 conversion"
	sysPlain      = "F1, not normalised"
	sysMaximum    = "F1, by the maximum"
	sysHard       = "F1, reset to 0"
	sysHalf       = "F1, V(0) = 0.5"
	sysRandom     = "F1, random input"
	sysFirst      = "F2a first spikes"
	sysScattered  = "F2a, shuffled times"
	sysFive       = "F3 surrogate, T = 5"
	sysTen        = "F3 surrogate, T = 10"
	sysTwenty     = "F3 surrogate, T = 20"
	sysTwentyRand = "F3, T = 20, random input"
	sysClipped    = "F3, T = 20, as rates"
	sysCells      = "F4a STDP"
	sysFreeCells  = "F4a, no inhibition"
	sysSupervised = "F4b BP-STDP"
	sysSampler    = "F5a spiking RBM"
	sysOnlyData   = "F5a, no model phase"
)

var describe = map[string]report.System{
	sysReference:  {Role: report.Baseline, Says: "rates: ReLU, no biases, Adam"},
	sysLinear:     {Role: report.Baseline, Says: "softmax regression"},
	sysConverted:  {Role: report.Subject, Says: "F0's weights, normalised by a percentile; constant input, V(0) = 0, reset by subtraction"},
	sysPlain:      {Role: report.Ablation, Says: "F0's weights as they are"},
	sysMaximum:    {Role: report.Ablation, Says: "normalised by the largest activation"},
	sysHard:       {Role: report.Ablation},
	sysHalf:       {Role: report.Ablation},
	sysRandom:     {Role: report.Ablation, Says: "a pixel fires with the probability that is its value"},
	sysFirst:      {Role: report.Subject, Says: "exact gradients of spike times; a neuron fires at most once"},
	sysScattered:  {Role: report.Ablation, Says: "the same network, tested on images whose spikes change places at random"},
	sysFive:       {Role: report.Ablation, Says: "fewer steps"},
	sysTen:        {Role: report.Ablation, Says: "fewer steps"},
	sysTwenty:     {Role: report.Subject, Says: "back-propagation through time; constant input"},
	sysTwentyRand: {Role: report.Ablation, Says: "a pixel fires with the probability that is its value"},
	sysClipped:    {Role: report.Ablation, Says: "the weights of F3 in a network of rates between 0 and 1"},
	sysCells:      {Role: report.Subject, Says: "unsupervised; cells are named afterwards"},
	sysFreeCells:  {Role: report.Ablation},
	sysSupervised: {Role: report.Subject, Says: "supervised, by spike counts in windows"},
	sysSampler:    {Role: report.Subject, Says: "event-driven contrastive divergence"},
	sysOnlyData:   {Role: report.Ablation, Says: "learns from data alone"},
}

// systemsOf is the systems of those names.
func systemsOf(names ...string) (s []report.System) {
	for _, n := range names {
		d := describe[n]
		d.Name = n
		s = append(s, d)
	}
	return s
}

// metrics are those of every system. M is the MACs of F0.
var metrics = []report.Metric{
	{ID: "accuracy", Name: "accuracy", Better: report.Higher, Says: "on test images, at the end"},
	{ID: "accuracy-5", Name: "accuracy after 5 steps", Better: report.Higher},
	{ID: "accuracy-10", Name: "accuracy after 10 steps", Better: report.Higher},
	{ID: "fall", Name: "largest fall of accuracy over time", Better: report.Lower, Says: "below an earlier step"},
	{ID: "early", Name: "first step within 1 point", Better: report.Lower, Says: "of the final accuracy, in steps of the family"},
	{ID: "settled", Name: "time to decision", Better: report.Lower, Says: "mean step from which an image's decision stays; in steps of the family"},
	{ID: "operations", Name: "additions and MACs / M", Better: report.Lower, Says: "of an image up to the first step within 1 point"},
	{ID: "additions", Name: "additions / M up to there", Better: report.Lower},
	{ID: "additions-end", Name: "additions / M at the end", Better: report.Lower, Says: "up to the decision for F2a, which stops there"},
	{ID: "energy", Name: "energy", Unit: "nJ", Better: report.Lower, Says: "4.6 pJ a MAC and 0.9 pJ an addition, up to the first step within 1 point"},
	{ID: "updates", Name: "updates of neurons", Better: report.Lower, Says: "up to the first step within 1 point"},
	{ID: "spikes", Name: "spikes of an image", Better: report.Lower, Says: "all layers, up to the first step within 1 point"},
	{ID: "spikes-10", Name: "spikes in 10 steps", Better: report.Lower},
	{ID: "most", Name: "most spikes of a neuron", Better: report.Lower, Says: "for one image"},
}

// measure records what a system reached; m is the MACs of F0.
func measure(r *papers.Run, system string, c *course, m float64) {
	at := c.early()
	for metric, v := range map[string]float64{
		"accuracy": c.final(), "fall": c.fall(), "early": float64(at + 1), "settled": c.Settled,
		"operations": c.operations(at) / m, "additions": c.Additions[at] / m, "additions-end": c.Additions[len(c.Additions)-1] / m,
		"energy": c.energy(at), "updates": c.Updates[at], "spikes": c.Spikes[at], "most": c.Most,
	} {
		r.Measure(system, metric, v)
	}
	if n := len(c.Accuracy); n >= 5 && c.Step == 1 {
		r.Measure(system, "accuracy-5", c.at(5))
		if n >= 10 {
			r.Measure(system, "accuracy-10", c.at(10))
			r.Measure(system, "spikes-10", c.Spikes[9])
		}
	}
}

// tabulate shows accuracy against operations: for each system the first step within a point of its final accuracy, and the end.
func tabulate(r *papers.Run, courses map[string]course, m float64) {
	t := report.Table{ID: "operations", Title: "Accuracy against operations", Columns: []string{"system", "until", "accuracy", "additions / M", "MACs / M", "energy (nJ)", "spikes", "updates"},
		Caption: fmt.Sprintf("Means of an image. M = %.0f is the MACs of F0. Each system at the first step that is within one point of its final accuracy, and at its end. A constant input "+
			"costs the first layer's MACs once. Energies are 4.6 pJ for a MAC and 0.9 pJ for an addition; updates of neurons and memory are not in them. This seed.", m)}
	for _, s := range r.Experiment.Systems {
		c, ok := courses[s.Name]
		if !ok {
			continue
		}
		ends := []int{c.early(), len(c.Accuracy) - 1}
		if ends[0] == ends[1] {
			ends = ends[:1]
		}
		for _, at := range ends {
			until := fmt.Sprintf("step %d", at+1)
			if c.Step != 1 {
				until = fmt.Sprintf("%.4g %s", float64(at+1)*c.Step, c.Unit)
			}
			t.Rows = append(t.Rows, []string{s.Name, until, fmt.Sprintf("%.3f", c.Accuracy[at]), fmt.Sprintf("%.2f", c.Additions[at]/m), fmt.Sprintf("%.2f", c.MACs[at]/m),
				fmt.Sprintf("%.0f", c.energy(at)), fmt.Sprintf("%.0f", c.Spikes[at]), fmt.Sprintf("%.0f", c.Updates[at])})
		}
	}
	r.Table(t)
}
