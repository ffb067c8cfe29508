package synchrony

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "synchrony", System: "Synchronised Redundant Learners",
		Title:   "Synchronization and Redundancy: Implications for Robustness of Neural Learning and Decision Making",
		Authors: 2, Published: "2010-10-21", ArXiv: "1010.4517", Family: papers.Recurrent,
		Summary: "Copies of one noisy learning circuit pull one another together through a network. Coupling takes away their disagreement like one over the network's " +
			"algebraic connectivity, redundancy the error of their mean like one over their number, and together they make every copy nearly as good as the mean.",
		Claims: []papers.Claim{
			{ID: "bound", Origin: papers.FromPaper,
				Says: "The disagreement of coupled learners of a decision function never exceeds its bound by more than 5 %, for all sizes and gains of the complete graph."},
			{ID: "tight", Origin: papers.FromPaper,
				Says: "The bound is at most 1.20 times the disagreement wherever l₂ is 10 μ or more, and 1.06 times where it is 40 μ or more."},
			{ID: "spectrum", Origin: papers.Ours,
				Says: "The disagreement is within 5 % of the linear formula over the whole spectrum for every topology with l₂ of 0.5 or more, and within 10 % for the ring."},
			{ID: "copy", Origin: papers.FromPaper,
				Says: "A single copy among 16 coupled with k = 0.25 has 0.15 times the squared error of an isolated one, or less, and changes 0.6 times as many decisions, or fewer."},
			{ID: "redundancy", Origin: papers.FromPaper,
				Says: "At k = 0.25 the squared error of the mean falls as 1/n: the slope of its logarithm over that of n lies between -1.15 and -0.85. Without coupling the error of a copy is flat in n, within 5 %."},
			{ID: "sanity", Origin: papers.Ours,
				Says: "Repelling copies and common noise break that: a copy's error is more than 0.15 times an isolated one's; with common noise D is 0 and the error the isolated copy's, within 10 %."},
			{ID: "exact", Origin: papers.Ours,
				Says: "For kernel ridge regression, a quadratic objective, D is within 5 % of the linear formula for all sizes and gains above 0 of the complete graph."},
		},
		Experiments: []papers.Experiment{decision, kernel, ownTable},
	})
}

// The systems that all experiments compare.
const (
	systemCoupled   = "coupled circuits"
	systemUncoupled = "uncoupled circuits"
	systemSingle    = "single circuit"
	systemDescent   = "descent without noise"
	systemCommon    = "coupled, common noise"
	systemRepelling = "repelling circuits"
)
