package dbconformer

import "github.com/gyrus-dev/gyrus/papers"

func init() {
	papers.Register(papers.Paper{
		Slug:      "dbconformer",
		System:    "DBConformer",
		Title:     "DBConformer: Dual-Branch Convolutional Transformer for EEG Decoding",
		Authors:   6,
		Published: "2025-06",
		ArXiv:     "2506.21140",
		Code:      "https://github.com/wzwvv/DBConformer",
		Family:    papers.Signals,
		Summary: "A small classifier of EEG trials, for motor imagery above all. One transformer reads patches of time, another reads electrodes; " +
			"attention weighs the electrodes and shows which ones counted. Aligning the trials of each person lets it decode people it has not seen.",
		Claims: []papers.Claim{
			{ID: "beats-baselines", Origin: papers.FromPaper, Says: "On people left out, DBConformer is at least as accurate as EEGNet and as EEG Conformer (less 0.01), mean over people and seeds."},
			{ID: "level", Origin: papers.Ours, Says: "On people left out, DBConformer reaches 0.76 and CSP + LDA less 0.05."},
			{ID: "dual-branch", Origin: papers.FromPaper, Says: "Both branches together are at least as accurate as the temporal branch alone (less 0.01), which itself reaches 0.70."},
			{ID: "spatial-alone", Origin: papers.FromPaper, Says: "The spatial branch alone does not decode motor imagery (at most 0.60), as a comment in the authors' code says."},
			{ID: "parameters", Origin: papers.FromPaper, Says: "DBConformer has 93,747 parameters for 22 channels and 1000 samples, at most an eighth of EEG Conformer's.", Published: ">8x fewer parameters than EEG Conformer, abstract"},
			{ID: "sanity", Origin: papers.Ours, Says: "Trained on permuted labels it stays at chance (0.42 to 0.58); under random channel gains alignment adds at least 0.03."},
			{ID: "attention", Origin: papers.FromPaper, Says: "Channel attention is higher over the hand areas (C3, C4, CP3, CP4, FC3, FC4) than elsewhere in at least 3 of 5 people."},
		},
		Experiments: []papers.Experiment{synthetic, recorded},
		Apply:       apply,
		Live:        openLive,
		Applies:     "reads trials (MAT or NPZ), or a recording or BIDS folder with events if it was trained on one, of the montage and length the network was trained on; writes a CSV with each trial's class, its probability, and the attention to each channel",
	})
}
