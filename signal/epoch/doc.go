// Package epoch cuts recordings into trials around events and keeps those that are clean.
//
//	epochs, err := epoch.Cut(r, epoch.Window{From: -0.2, To: 0.8}, "target", "standard")
//	err = epochs.Baseline(-0.2, 0)
//	err = epochs.Reject(epoch.Limits{"eeg": {Most: 150}})
//
// [Epochs] are the trials with their events and a log of what was dropped and why. [Epochs.Reject] drops trials by peak-to-peak amplitude;
// [GlobalThreshold] finds a limit by cross-validation, and [AutoReject] one for every channel, with how many bad channels make a bad
// trial and how many are interpolated (Jas et al., NeuroImage 159, 2017).
//
// What may enter: cutting, baselines, choosing and repairing trials. What must not: filters and references, which go before (package
// signal), and what is computed from trials afterwards.
package epoch
