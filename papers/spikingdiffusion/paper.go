package spikingdiffusion

import (
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// What is measured of all systems.
var (
	metricError        = report.Metric{ID: "epsilon-mse", Name: "error of the predicted noise", Better: report.Lower, Says: "mean square, held-out images at steps spread evenly; predicting 0 gives 1"}
	metricFrechet      = report.Metric{ID: "frechet", Name: "Fréchet distance", Better: report.Lower, Says: "of samples (DDIM) from the truth, on its principal components"}
	metricRecognised   = report.Metric{ID: "recognised", Name: "recognised", Better: report.Higher, Says: "part of the samples of whose energy 0.8 or more lies in the span of one shape and its changes"}
	metricPresent      = report.Metric{ID: "present", Name: "shapes present", Better: report.Higher, Says: "of 8, those that make up at least 1 % of the samples"}
	metricDistance     = report.Metric{ID: "distance", Name: "distance from equal parts", Better: report.Lower, Says: "of shapes among the recognised samples, in total variation"}
	metricRate         = report.Metric{ID: "rate", Name: "firing rate", Unit: "spikes/step", Better: report.Neither, Says: "mean over spiking layers, counted while sampling"}
	metricPaperEnergy  = report.Metric{ID: "energy", Name: "energy, in parts of the ANN twin's", Better: report.Lower, Says: "the paper's count: first convolution and synapses behind spikes"}
	metricStrictEnergy = report.Metric{ID: "strict-energy", Name: "energy with all that reads real values", Better: report.Lower, Says: "in parts of the ANN twin's: read-out, shortcuts and embedding of time are in both"}
)

func init() {
	papers.Register(papers.Paper{
		Slug: "spikingdiffusion", System: "SDM", Title: "Spiking diffusion models",
		Authors: 7, Published: "2024-08", ArXiv: "2408.16467", Code: "https://github.com/AndyCao1125/SDM",
		Family: papers.Spiking,
		Summary: "A diffusion model whose U-Net spikes: a few steps of integrate-and-fire units in each step of the diffusion. It adds a learned scalar for " +
			"each spiking step of each convolution, and moves the firing threshold a little while sampling.",
		Claims: []papers.Claim{
			{ID: "learns", Origin: papers.Ours,
				Says: "The spiking network predicts noise with a mean square error of 0.35 or less and 1.6 times the ANN twin's or less; silenced by its threshold, of more than 0.7."},
			{ID: "samples", Origin: papers.FromPaper, Published: "FID 15.45 (T = 8, TSM), CIFAR-10, 50,000 samples",
				Says: "Its images have a quarter of the Fréchet distance of noise or less, 0.3 of them or more are recognised, and 6 of 8 shapes are present."},
			{ID: "tsm", Origin: papers.FromPaper, Published: "FID 19.73 without and 18.57 with temporal scalars, T = 4, CIFAR-10",
				Says: "With all temporal scalars at 1 the network is the one without, bit by bit; trained, its error is not above that of the same training without them, and they move by 0.01 or more on average."},
			{ID: "longer", Origin: papers.FromPaper, Published: "FID 19.73 at T = 4 and 17.27 at T = 8, CIFAR-10",
				Says: "With T = 8 spiking steps the error is lower than with T = 2."},
			{ID: "threshold", Origin: papers.FromPaper, Published: "FID 19.20 at threshold 0.997 and 19.73 at 1, picked on the test",
				Says: "The firing rate falls all along as the threshold rises from 0.98 to 1.02. Whether images get better is reported only."},
			{ID: "energy", Origin: papers.FromPaper, Published: "10.97 mJ at T = 4, ANN 29.2 mJ: 0.375, CIFAR-10",
				Says: "By the paper's count it takes 0.6 of the ANN twin's energy or less."},
			{ID: "conversion", Origin: papers.Ours,
				Says: "At constant input a converted unit fires exactly as often as the quantised ReLU says: no mismatch."},
		},
		Experiments: []papers.Experiment{drawn, longer, conversion, recorded},
	})
}
