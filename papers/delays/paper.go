package delays

import (
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// The systems the experiments run side by side.
const (
	systemLayer       = "delay layer"
	systemPruned30    = "pruned to 30 %"
	systemPruned10    = "pruned to 10 %"
	systemPruned3     = "pruned to 3 %"
	systemPruned1     = "pruned to 1 %"
	systemPruned03    = "pruned to 0.3 %"
	systemPruned01    = "pruned to 0.1 %"
	systemRandom30    = "pruned at random to 30 %"
	systemRandom10    = "pruned at random to 10 %"
	systemRandom3     = "pruned at random to 3 %"
	systemShort       = "2 delays"
	systemSingle      = "1 delay"
	systemCollapsed   = "time-collapsed"
	systemCorrelation = "phase correlation"
	systemSpikes      = "spiking output"
	systemShuffled    = "times shuffled"
	systemScheduler   = "event-driven scheduler"
	systemRecording   = "on the recording"
)

var (
	all         = report.Metric{ID: "accuracy", Name: "accuracy", Better: report.Higher, Says: "part of all times at which the class, direction and speed, is right"}
	late        = report.Metric{ID: "late", Name: "accuracy ≥ 8 ms after a switch", Better: report.Higher, Says: "the same at times at least 8 ms after the motion changed"}
	load        = report.Metric{ID: "load", Name: "load", Says: "part of the weights that are left"}
	additions   = report.Metric{ID: "additions", Name: "additions", Unit: "per place and ms", Better: report.Lower, Says: "of weights that are not zero, counted from the events, both orders of polarities"}
	halfPruned  = report.Metric{ID: "half-pruned", Name: "load at half the accuracy, pruned", Better: report.Lower, Says: "interpolated between the loads tried"}
	halfShort   = report.Metric{ID: "half-shortened", Name: "load at half the accuracy, shortened", Better: report.Lower, Says: "interpolated between the depths tried"}
	density     = report.Metric{ID: "density", Name: "events", Unit: "per place and ms"}
	straight    = report.Metric{ID: "aligned", Name: "kernels along the motion", Better: report.Higher, Says: "part of the classes of 1 pixel/ms and more whose line through the centres of mass of squared weights, delay by delay, is within 20° of their direction"}
	lineSpeed   = report.Metric{ID: "line-speed", Name: "speed of the line", Says: "of the kernels' lines relative to that of their class, median of the same classes"}
	continues   = report.Metric{ID: "continues", Name: "kernels that go on along the motion", Better: report.Higher, Says: "part of the same classes whose weights are most like those of later delays when displaced within 20° and 25 % of their motion"}
	difference  = report.Metric{ID: "difference", Name: "largest difference", Better: report.Lower, Says: "of any evidence, event by event against the convolution, all places, classes and ms of a clip of 30 ms"}
	perEvent    = report.Metric{ID: "per-event", Name: "additions per event", Better: report.Lower, Says: "counted by the scheduler, one order of polarities"}
	spikeRate   = report.Metric{ID: "rate", Name: "rate of a neuron", Unit: "Hz"}
	precision   = report.Metric{ID: "precision", Name: "spikes of the right class", Better: report.Higher}
	everyPlace  = report.Metric{ID: "places", Name: "places whose best class is right", Better: report.Higher, Says: "spike or not: what the threshold is worth"}
	cloudTuning = report.Metric{ID: "accuracy-clouds", Name: "accuracy on Motion Clouds", Better: report.Higher, Says: "plain clouds, and with one parameter changed"}
)

var systems = []report.System{
	{Name: systemLayer, Role: report.Subject, Says: "every synapse with a weight of its own for each delay"},
	{Name: systemPruned30, Role: report.Subject, Says: "the largest weights alone, not trained again"},
	{Name: systemPruned10, Role: report.Subject},
	{Name: systemPruned3, Role: report.Subject},
	{Name: systemPruned1, Role: report.Subject},
	{Name: systemPruned03, Role: report.Subject},
	{Name: systemPruned01, Role: report.Subject},
	{Name: systemShort, Role: report.Baseline, Says: "the same layer with the two shortest delays"},
	{Name: systemSingle, Role: report.Baseline, Says: "the same layer without delays"},
	{Name: systemCollapsed, Role: report.Baseline, Says: "logistic regression on events summed over delays, trained alike"},
	{Name: systemCorrelation, Role: report.Baseline, Says: "of all events in two windows of 8 ms, one after the other; does not learn"},
	{Name: systemRandom30, Role: report.Ablation, Says: "as many weights, whichever"},
	{Name: systemRandom10, Role: report.Ablation},
	{Name: systemRandom3, Role: report.Ablation},
	{Name: systemShuffled, Role: report.Ablation, Says: "each pixel's events at random times of windows as long as the longest delay"},
	{Name: systemSpikes, Role: report.Subject, Says: "all places; a neuron fires where its class is best and above a threshold of 1 spike per second; the class of most spikes"},
	{Name: systemScheduler, Role: report.Subject, Says: "each event schedules its synapses' weights for when they are due"},
}

func init() {
	papers.Register(papers.Paper{
		Slug: "delays", System: "HD-SNN",
		Title:   "Learning heterogeneous delays in a layer of spiking neurons for fast motion detection",
		Authors: 2, Published: "2023-07-26", ArXiv: "2307.14077", Code: "https://github.com/SpikeAI/2023_GrimaldiPerrinet_HeterogeneousDelaySNN",
		Family: papers.Spiking,
		Summary: "One layer of neurons tells the motion of an image from an event camera's events: each synapse has a place, a polarity and a delay, and the right " +
			"motion makes the delayed events arrive together. Weights for all delays are learnt by logistic regression, and most can then be removed.",
		Claims: []papers.Claim{
			{ID: "accuracy", Origin: papers.FromPaper, Published: "about 91 % of 36 classes, 128 x 128 pixels, 1,024 training movies, natural images",
				Says: "Of 36 motions (12 directions, 3 speeds) 0.50 or more are right over all times and 0.65 or more at times 8 ms and longer after a switch, mean of 3 seeds."},
			{ID: "pruning", Origin: papers.FromPaper, Published: "half-saturation at 652 synapses, 1.5e-3 of dense; near-peak accuracy down to 31 times fewer additions",
				Says: "The largest 10 % of the weights keep 0.90 of the accuracy or more, the largest 3 % 0.70."},
			{ID: "beats-shortening", Origin: papers.FromPaper, Published: "half-saturation of shortened kernels at about one third of the weights",
				Says: "Pruning beats shortening: the accuracy of the largest 10 % of the weights is that of 2 delays + 0.15 or more."},
			{ID: "needs-time", Origin: papers.Ours,
				Says: "One delay alone reaches 0.10 or less, and events at random times within windows as long as the longest delay (21 ms) 0.15 or less."},
			{ID: "geometry", Origin: papers.FromPaper,
				Says: "Kernels follow the motion: the line of their centres of mass over delays is within 20° of the direction for 0.75 or more of the classes of 1 pixel/ms and faster."},
			{ID: "continuation", Origin: papers.Ours,
				Says: "Kernels are stripes along the motion: the displacement per ms under which weights are most like those of longer delays is within 20° and 25 % of the motion for 0.75 or more of the same classes."},
			{ID: "event-driven", Origin: papers.Ours,
				Says: "The event-driven scheduler and the convolution agree to 1e-4 on a clip of 30 ms."},
			{ID: "clouds", Origin: papers.FromPaper,
				Says: "On Motion Clouds accuracy falls as the band of speeds grows, and narrow bands of orientations cost accuracy where they are free of the direction, not where bars lie across it. No bar is known; ours are the relations."},
		},
		Experiments: []papers.Experiment{saccades, recorded},
		Apply:       apply,
		Applies: "Reads recordings of an event camera (AEDAT, N-MNIST, or t, x, y, p as CSV or NPY, t in microseconds), bins them at 1 ms and writes a CSV with the decoded " +
			"motion (class, velocity, probability) of every ms.",
	})
}
