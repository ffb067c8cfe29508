package deepsnn

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug: "deepsnn", System: "Deep SNN bench",
		Title:   "Deep Learning in Spiking Neural Networks",
		Authors: 5, Published: "2018-04-22", ArXiv: "1804.08150",
		Family: papers.Spiking,
		Summary: "A review of how deep spiking networks are trained, made into a bench: conversion, first spikes, surrogate gradients, STDP without and with supervision, and a spiking " +
			"Boltzmann machine learn the same images in networks of the same size, and one counter counts what every spike costs.",
		Claims: []papers.Claim{
			{ID: "reference", Origin: papers.Ours, Says: "A network of rates reaches an accuracy of 0.96, and a linear read-out of the pixels is at least 0.02 lower."},
			{ID: "conversion", Origin: papers.FromPaper, Published: "MNIST, fully connected: about 98.6 % (Diehl 2015)",
				Says: "Converted and normalised, it is within 0.010 of that at T = 200, its accuracy over T never falls by more than 0.01, and at T = 10 normalisation gains 0.02 or matches with fewer spikes."},
			{ID: "surrogate", Origin: papers.FromPaper, Published: "MNIST: 98.88 % with about 5 times fewer operations (Lee 2016), about 98.9 % (Wu 2018)",
				Says: "Surrogate gradients at T = 20 are within 0.02 of the network of rates."},
			{ID: "early", Origin: papers.FromPaper, Says: "At T = 5 surrogate gradients beat normalised conversion by 0.02."},
			{ID: "first-spikes", Origin: papers.FromPaper, Published: "MNIST: about 97.5 % (Mostafa 2017)",
				Says: "First-spike learning is within 0.04 of the network of rates with one spike of a neuron at most and additions before the decision of at most 0.6 of its MACs; gradients equal finite differences to 0.001."},
			{ID: "ranking", Origin: papers.FromPaper, Says: "Conversion at T = 200 and surrogate gradients are both more accurate than first spikes, or 0.01 lower at most."},
			{ID: "local-ranking", Origin: papers.FromPaper,
				Published: "MNIST: BP-STDP about 97.2 %, STDP with 100 cells about 83 %, spiking RBM about 91.9 %",
				Says:      "Both are more accurate than unsupervised STDP and the spiking Boltzmann machine; STDP with 100 cells reaches 0.65, the machine 0.80 and BP-STDP 0.90 (estimates)."},
			{ID: "operations", Origin: papers.FromPaper, Says: "At least one spiking family comes within 0.04 of the network of rates with fewer operations than its MACs."},
			{ID: "shuffled", Origin: papers.Ours, Says: "First-spike networks on inputs with shuffled times reach 0.2 at most."},
			{ID: "xor", Origin: papers.FromPaper, Published: "250 cycles (Bohte 2002)", Says: "SpikeProp learns exclusive-or, to a sum of squared errors below 1 ms², in at most 500 cycles."},
			{ID: "sanity", Origin: papers.Ours, Says: "STDP without lateral inhibition loses 0.20 or more; the Boltzmann machine without model phase reaches 0.6 at most."},
		},
		Experiments: []papers.Experiment{bench, local, xor, recorded},
	})
}
