package rnnhmm

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "rnnhmm", System: "HMM-RNN",
		Title:   "Mechanistic interpretability of RNNs emulating hidden Markov models",
		Authors: 5, Published: "2025-10-29", ArXiv: "2510.25674", Code: "https://github.com/EliaTorre/hmmrnn",
		Family: papers.Recurrent,
		Summary: "A recurrent network that nothing but noise drives learns to emit sequences with the statistics of a hidden Markov model, by optimal transport between batches of " +
			"sequences. Without noise it has one fixed point; noise keeps up orbits, and a few units kick it from one symbol to another.",
		Claims: []papers.Claim{
			{ID: "transitions", Origin: papers.FromPaper,
				Says: "Two states: the transitions between frequent symbols are those of the teacher to 0.04 (mean absolute error), and at least 8 times nearer than the untrained network's."},
			{ID: "floor", Origin: papers.FromPaper, Published: "final divergences in file names, 10.0 for two states of 100 steps; batch sizes differ",
				Says: "The Sinkhorn divergence of the network from the teacher is at most 1.10 of that between two draws of the teacher."},
			{ID: "collapse", Origin: papers.FromPaper,
				Says: "Without noise all states fall to one fixed point: after 500 steps their spread is below 1 % of the driven one, in every seed."},
			{ID: "graded", Origin: papers.FromPaper,
				Says: "Noise makes the switches: the rate of changes falls from σ = 0.25 over 0.5 and 1 to 2 while the orbit grows, and clusters hold 4 times as long as transitions."},
			{ID: "kick", Origin: papers.FromPaper,
				Says: "Three kick units start switches: silenced, there are at most a fifth as many, while three random units change the rate by less than a factor of 2."},
			{ID: "statistics", Origin: papers.Ours,
				Says: "Shares of the two main symbols are right to 0.05 and the changes to 50 %; without the gradient, or with its self term only, the divergence is above 1.10 of the floor."},
		},
		Experiments: []papers.Experiment{twoStates, threeStates, behaviour},
	})
}
