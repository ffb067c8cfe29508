package whatwhen

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "whatwhen", System: "WhatWhen",
		Title:   `Joint encoding of "what" and "when" predictions through error-modulated plasticity in reservoir spiking networks`,
		Authors: 2, Published: "2025-10-16", ArXiv: "2510.14382",
		Family: papers.Spiking,
		Summary: "A fixed spiking network with two local read-outs learns what follows a cue, when, and how likely it is, as the product of a value " +
			"and a trace. It goes on learning when times or probabilities switch, where recursive least squares stays with what it has seen.",
		Claims: []papers.Claim{
			{ID: "learns", Origin: papers.FromPaper, Published: "error 0.192, 0.136, 0.092, 0.085 after trials 1, 10, 50, 100, 5 seeds; its definition of the error could not be read",
				Says: "In one block of 100 trials the error falls to 0.65 of that after the first trial, or less."},
			{ID: "recalibrates", Origin: papers.FromPaper,
				Says: "After each switch of time, probability or both the error falls to 0.60 of that just after it, or less, and to 0.125 or less in every block, with no reset."},
			{ID: "timing", Origin: papers.FromPaper,
				Says: "At the end of every block the prediction of a channel of probability 0.5 or more peaks within 40 ms of its event."},
			{ID: "amplitude", Origin: papers.FromPaper, Published: "Pearson r 0.978 (A) and -0.989 (B), 11 levels",
				Says: "The prediction around an event's time follows its probability: over 11 levels Pearson r with p(A) is 0.93 or more for A and -0.93 or less for B."},
			{ID: "beats-force", Origin: papers.FromPaper,
				Says: "FORCE without reset is better halfway through block 1, but from block 3 on the local rules' error is lower by 0.03, in the middle and at the end of blocks."},
			{ID: "gate", Origin: papers.Ours,
				Says: "Without the gate the amplitude fitted at p = 0.5 is 0.75 of the gated one or less, since the probability enters twice."},
			{ID: "sanity", Origin: papers.Ours,
				Says: "Features shuffled in time are no better than expecting nothing (0.95 of its error or more), and untrained read-outs are exactly that."},
			{ID: "separate-weights", Origin: papers.FromPaper,
				Says: "The weights of what and when are nearly orthogonal: |cos| is 0.3 or less. Weak: random vectors of 1,000 values pass as well."},
		},
		Experiments: []papers.Experiment{blocks, probabilities, events},
	})
}
