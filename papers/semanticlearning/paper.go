package semanticlearning

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "semanticlearning", System: "Autonomous clique network",
		Title:   "Semantic learning in autonomously active recurrent neural networks",
		Authors: 2, Published: "2009-03-11", ArXiv: "0903.1979",
		Family: papers.Recurrent,
		Summary: "A network that is never silent goes from one clique of neurons to the next as they tire. What it sees does not drive it, but has a say in which clique is next; " +
			"and where it had, its links learn. Unsupervised, each clique comes to stand for one cause of what is seen.",
		Claims: []papers.Claim{
			{ID: "autonomy", Origin: papers.FromPaper,
				Says: "Without input states follow one another for ever: at least 400 winners in 100,000 time units, each clique has 5 to 15 % of them, and no state lasts longer than 400 units."},
			{ID: "bars", Origin: papers.FromPaper,
				Says: "Unsupervised, cliques come to stand for bars that hide one another: 9 of 10 distinct best bars, a match of 0.65 (mean of seeds), and all 10 bars with 3 seeds."},
			{ID: "sensitive-period", Origin: papers.FromPaper,
				Says: "A stimulus counts only as a state tires: allowed to enter only in the first 55 time units after a winner, the match is 0.2 or less; allowed only after 55 or 70, it keeps 0.9 of its value."},
			{ID: "gating", Origin: papers.FromPaper,
				Says: "Learning needs the signal that a stimulus had a part in who won: always on, the match is lower by 0.4."},
			{ID: "untrained", Origin: papers.Ours,
				Says: "The match is learnt: at most 0.35 with the weights of the start, and 0.2 where the stimulus never enters the dynamics."},
			{ID: "modulates", Origin: papers.Ours,
				Says: "Input modulates and does not drive: the mean life of a state changes by less than 40 % between none and learned input."},
		},
		Experiments: []papers.Experiment{barsExperiment, patches},
	})
}
