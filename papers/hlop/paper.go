package hlop

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "hlop", System: "HLOP-SNN",
		Title:   "Hebbian Learning based Orthogonal Projection for Continual Learning of Spiking Neural Networks",
		Authors: 5, Published: "2024-02-19", ArXiv: "2402.11984", Code: "https://github.com/pkuxmq/HLOP-SNN",
		Family: papers.Spiking,
		Summary: "A spiking network learns one task after another without forgetting: beside each layer lateral neurons learn, by a Hebbian rule, the directions that its input has used, " +
			"and on later tasks weights change only outside them. No data is stored.",
		Claims: []papers.Claim{
			{ID: "forgets-less", Origin: papers.FromPaper, Published: "permuted MNIST, 10 tasks: about 95.2 % against 70.6 % for fine-tuning, recalled",
				Says: "HLOP is more accurate than fine-tuning by 0.05 after 5 tasks and by 0.10 after 10, and within 0.06 of learning all at once."},
			{ID: "backward", Origin: papers.FromPaper, Published: "permuted MNIST, 10 tasks: backward transfer about -1.3 against -28.9 points, recalled",
				Says: "After 10 tasks HLOP's backward transfer is -0.04 or better, fine-tuning's -0.10 or worse."},
			{ID: "subspace", Origin: papers.FromPaper,
				Says: "Hebbian rows find the principal subspace: mean squared cosine of 0.98 with a known one and HHᵀ within 0.05 of the identity; on a task, 0.95 of the energy that as many singular vectors capture."},
			{ID: "gpm", Origin: papers.Ours,
				Says: "HLOP's accuracy is within 0.03 of projection with singular vectors of stored activity."},
			{ID: "transport", Origin: papers.FromPaper,
				Says: "With errors passed by fixed random weights or by signs, HLOP's backward transfer is better by 0.05 than fine-tuning's with the same."},
			{ID: "sanity", Origin: papers.Ours,
				Says: "As many random rows come no further than half way from fine-tuning to HLOP in backward transfer, and lateral activities of 40 spikes cost 0.01 of accuracy or less."},
		},
		Experiments: []papers.Experiment{strokesExperiment, imagesExperiment},
	})
}
