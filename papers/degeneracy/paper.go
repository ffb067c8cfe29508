package degeneracy

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "degeneracy", System: "RNN Degeneracy Suite",
		Title:   "Measuring and Controlling Solution Degeneracy across Task-Trained Recurrent Neural Networks",
		Authors: 4, Published: "2024-10-04", ArXiv: "2410.03972",
		Family: papers.Recurrent,
		Summary: "Recurrent networks that differ only in their seed are trained on one task to one error. How different they have become is measured in their weights, their dynamics and " +
			"their behaviour on longer trials, while the task becomes harder or weights are penalised.",
		Claims: []papers.Claim{
			{ID: "equal-loss", Origin: papers.FromPaper,
				Says: "Every network of every condition reaches its threshold, and the training error at the end varies by less than 20 % across seeds."},
			{ID: "weights", Origin: papers.FromPaper,
				Says: "A harder task spreads weights: d_PIF with 4 bits is above that with 2 by 2 standard errors over pairs or more, and |W_T - W_0| rises from 2 over 3 to 4 bits."},
			{ID: "dynamics", Origin: papers.FromPaper,
				Says: "A harder task narrows dynamics: DSA with 4 bits is below 0.6 of that with 2, at (1, 4) and (3, 4), and that with 2 bits is 3 times its null level or more."},
			{ID: "l1", Origin: papers.FromPaper,
				Says: "An l1 penalty of 5e-5 lowers d_PIF by 10 % or more at equal error, and DSA (1, 4) by 20 % or more."},
			{ID: "behaviour", Origin: papers.FromPaper,
				Says: "Discrimination: an auxiliary target lowers the sd of the error on doubled delays, or raises it by no more than a standard error (8 seeds are few)."},
			{ID: "sanity", Origin: papers.Ours,
				Says: "The distances of a network from itself with units permuted (d_PIF < 1e-3 |W|, 32 units) or states rotated (DSA < 1e-2, ranks to 8, both determinants) vanish; without the search they do not."},
		},
		Experiments: []papers.Experiment{suite, knobs, own},
	})
}
