package langevinflow

import (
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// The systems the experiments run side by side.
const (
	system    = "LangevinFlow"
	balanced  = "LangevinFlow, balanced KL"
	noFlow    = "GRU-VAE without z, v"
	lfads     = "LFADS-style VAE"
	smoothing = "smoothing + GLM"
	allSeen   = "smoothing of all spikes"
	shuffled  = "LangevinFlow, bins shuffled"
	zeroed    = "LangevinFlow, h zeroed"
)

var (
	rateR2 = report.Metric{ID: "rate-r2", Name: "rate R²", Better: report.Higher,
		Says: "variance of the true rates explained, all neurons and bins of the test trials pooled"}
	coBPS = report.Metric{ID: "co-bps", Name: "co-bps", Unit: "bits/spike", Better: report.Higher,
		Says: "held-out neurons in observed bins, against each neuron's mean"}
	fpBPS = report.Metric{ID: "fp-bps", Name: "fp-bps", Unit: "bits/spike", Better: report.Higher,
		Says: "all neurons in the bins after the observed ones, against each neuron's mean"}
	latentR2 = report.Metric{ID: "latent-r2", Name: "latent R²", Better: report.Higher,
		Says: "variance of the Lorenz state explained by a linear readout of the inferred log-rates, cross-validated over conditions"}
	behaviourR2 = report.Metric{ID: "behaviour-r2", Name: "behaviour R²", Better: report.Higher,
		Says: "variance of the recorded behaviour, such as hand velocity, explained by ridge regression on the rates of the same bins; mean over its dimensions"}
	wander = report.Metric{ID: "z-wander", Name: "rms z_t − z_0", Says: "how far the position moves over a trial, in units of its prior's standard deviation"}
	force  = report.Metric{ID: "force-error", Name: "force error", Better: report.Lower,
		Says: "relative distance of the closed-form force from central differences of U, trained kernel"}
	drift = report.Metric{ID: "drift-ratio", Name: "drift ratio",
		Says: "energy drift at step η over that at η/2, no damping, no noise, trained kernel"}
)

var systems = map[string]report.System{
	system:    {Name: system, Role: report.Subject, Says: "as released: KL summed over time, weight 0.1"},
	balanced:  {Name: balanced, Role: report.Ablation, Says: "the same with the KL in the units of the likelihood"},
	noFlow:    {Name: noFlow, Role: report.Ablation, Says: "same encoder and decoder, tokens h only"},
	lfads:     {Name: lfads, Role: report.Baseline, Says: "bidirectional encoder, autonomous GRU generator, linear factors"},
	smoothing: {Name: smoothing, Role: report.Baseline, Says: "Gaussian smoothing, Poisson regressions for what is not observed; sees what the models see"},
	allSeen:   {Name: allSeen, Role: report.Baseline, Says: "Gaussian smoothing that is shown the held-out neurons and the forward bins too"},
	shuffled:  {Name: shuffled, Role: report.Ablation, Says: "test probe: the bins of each trial are shuffled in time"},
	zeroed:    {Name: zeroed, Role: report.Ablation, Says: "test probe: the decoder is given zeros instead of h"},
}

func systemsOf(names ...string) (out []report.System) {
	for _, n := range names {
		out = append(out, systems[n])
	}
	return out
}

func init() {
	papers.Register(papers.Paper{
		Slug: "langevinflow", System: "LangevinFlow", Title: "Langevin Flows for Modeling Neural Latent Dynamics",
		Authors: 5, Published: "2025-07-15", ArXiv: "2507.11531", Code: "https://github.com/KingJamesSong/LangevinFlow_CCN",
		Family: papers.Populations,
		Summary: "A sequential variational autoencoder of binned spike counts. A GRU reads the spikes, a position-velocity pair evolves by " +
			"underdamped Langevin dynamics in a potential of locally coupled oscillators, and a Transformer layer reads rates off the whole " +
			"path: denoised rates, held-out neurons and future bins.",
		Claims: []papers.Claim{
			{ID: "lorenz-rates", Origin: papers.FromPaper, Says: "On Lorenz-driven spikes the inferred rates reach R² ≥ 0.82 and beat Gaussian smoothing by ≥ 0.06 (mean of 3 seeds; bars ours)"},
			{ID: "lorenz-held-out", Origin: papers.FromPaper, Says: "Held-out neurons are predicted: co-bps > 0 for every seed and ≥ smoothing + GLM + 0.02 bits/spike"},
			{ID: "langevin-part", Origin: papers.FromPaper, Says: "The Langevin pair does not hurt: rate R² ≥ that of the GRU-VAE without it − 0.01"},
			{ID: "reads-time", Origin: papers.Ours, Says: "Shuffling the input bins in time at test lowers R² by ≥ 0.2; zeros instead of h at the decoder bring it below 0.3"},
			{ID: "force", Origin: papers.Ours, Says: "The closed-form force is the gradient of U within 1e-4, and without damping and noise halving η about halves the energy drift"},
			{ID: "forward", Origin: papers.Ours, Says: "Future bins are predicted better than by each neuron's mean: fp-bps > 0"},
			{ID: "new-conditions", Origin: papers.Ours, Says: "Initial conditions never seen in training: rate R² above smoothing's"},
			{ID: "mc-maze", Origin: papers.FromPaper, Says: "On MC_Maze of the Neural Latents Benchmark the system beats NDT and AutoLFADS in co-bps",
				Published: "co-bps 0.3650 against 0.3597 and 0.3554, 20 ms bins, public leaderboard"},
		},
		Experiments: []papers.Experiment{lorenz, newConditions, counts},
		Apply:       apply,
		Applies: "Reads spike counts [trials, bins, neurons] (NPZ, NPY, MAT, HDF5, or CSV with columns trial, bin and one per neuron) or spike times (NWB) of the neurons and bin width the model was " +
			"trained on; held-out neurons and forward bins need not be there. Writes rates (counts per bin) and latents as NPZ, or rates alone as CSV, as the name in --out ends.",
	})
}
