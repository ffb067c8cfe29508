package ultralif

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "ultralif", System: "UltraLIF",
		Title:   "UltraLIF: Fully Differentiable Spiking Neural Networks via Ultradiscretization and Max-Plus Algebra",
		Authors: 1, Published: "2026-02-10", ArXiv: "2602.11206", Code: "https://github.com/JomaMinoza/UltraLIF",
		Family: papers.Spiking,
		Summary: "A spiking neuron whose membrane is a log-sum-exp and whose spike is a logistic function of it, both at one learned temperature: smooth to train without surrogate " +
			"gradients, and a maximum with a hard threshold as the temperature goes to zero.",
		Claims: []papers.Claim{
			{ID: "bounds", Origin: papers.FromPaper,
				Says: "Without reset a membrane lies above its max-plus limit by 0 to t·ε·log 2 (UltraLIF) or t·ε·log 3 (UltraDLIF), on 1,000 random inputs at ε = 1, 0.1 and 0.01; with reset spikes agree for 10 steps as long as every margin exceeded 20ε."},
			{ID: "gradient", Origin: papers.FromPaper,
				Says: "Gradients for weights, ε and τ over T = 10 equal central differences to 0.001."},
			{ID: "identity", Origin: papers.Ours,
				Says: "At T = 1 UltraDLIF and UltraDPLIF are equal bit for bit, and equal σ((I - θ)/ε + log 3) to 0.00001."},
			{ID: "one-step", Origin: papers.FromPaper, Published: "SHD, T = 1: UltraDLIF 51.24 %, LIF (with soft spikes) 27.69 %, one seed",
				Says: "At T = 1 the best Ultra unit is more accurate than LIF with hard spikes by 3 points or more."},
			{ID: "ten-steps", Origin: papers.FromPaper, Published: "SHD, T = 10: UltraDLIF 67.62 %, LIF (with soft spikes) 72.66 %, one seed",
				Says: "At T = 10 that lead shrinks or reverses, and every neuron gains 10 points or more over T = 1."},
			{ID: "sparsity", Origin: papers.FromPaper, Published: "MNIST, T = 1, UltraDLIF: activation 0.446 to 0.268, accuracy 95.67 to 95.71 %, one seed",
				Says: "λ = 0.1 lowers the mean activation by 20 % or more at a loss of 1.5 points of accuracy or less."},
			{ID: "hardening", Origin: papers.Ours,
				Says: "A network trained with ε pinned at 0.1 loses less accuracy when its spikes are made hard than one pinned at 2."},
			{ID: "chance", Origin: papers.Ours,
				Says: "Trained on shuffled labels, accuracy is 8 % or less on 20 classes."},
		},
		Experiments: []papers.Experiment{words, drawnDigits, theory, recorded},
	})
}
