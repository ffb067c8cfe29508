package deconstruct

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "deconstruct", System: "Recurrence-attention-gating lab",
		Title: "Deconstructing recurrence, attention, and gating: investigating the transferability of Transformers and gated recurrent neural networks in forecasting of " +
			"dynamical systems",
		Authors: 3, Published: "2024-10-03", ArXiv: "2410.02654",
		Family: papers.Sequence,
		Summary: "Gating, attention and recurrence as switches that are thrown one by one, on LSTM, GRU, recurrent highway and Transformer, with the same data, budget and skeleton " +
			"for all. What counts is how long a model that is fed its own predictions stays with a chaotic trajectory.",
		Claims: []papers.Claim{
			{ID: "learn", Origin: papers.Ours,
				Says: "Plain LSTM, GRU, RHN and Transformer predict a step ahead with at most 0.08 of the error of persistence, and stay valid for at least 0.6 time units, in the mean of seeds."},
			{ID: "gating", Origin: papers.FromPaper, Published: "gating and attention improve all standard RNNs in most tasks; numbers not read",
				Says: "Attention with an input-dependent gate: the valid time over the plain core's is at least 0.95 in the mean of LSTM, GRU and RHN, and at least 1.03 for GRU."},
			{ID: "memory", Origin: papers.FromPaper, Published: "recurrence hurts Transformers; numbers not read",
				Says: "A Transformer that remembers a segment stays valid for at most 1.03 of the time of one that does not."},
			{ID: "highway", Origin: papers.FromPaper, Published: "RHN with gating and attention is the best on high-dimensional chaos; numbers not read",
				Says: "The recurrent highway is the best core: valid for at least as long as GRU, and as LSTM less 0.02 time units."},
			{ID: "stable", Origin: papers.Ours,
				Says: "Closed loops are stable: the error stays below 3 standard deviations over 1.2 time units in at least 95 % of starts, for each core alone and with attention and input gate, and both Transformers."},
			{ID: "causal", Origin: papers.Ours,
				Says: "What comes later leaves all earlier outputs as they were, bit for bit; a block with rate 0 is the identity; the last step's error is at least twice as large when the time before it is shuffled."},
			{ID: "high-dimensional", Origin: papers.FromPaper, Published: "RHN with gating and attention is the best on high-dimensional chaos; numbers not read",
				Says: "On the Kuramoto-Sivashinsky field RHN with attention and input gate stays valid longest of all models that were run."},
		},
		Experiments: []papers.Experiment{lorenz, field, series},
	})
}
