// Package ica finds independent components of multichannel signals and takes artefacts out by leaving some away.
//
//	unmixed, err := ica.Fit(x, ica.Options{Method: ica.ExtendedInfomax})      // channels by samples, high-passed at 1 Hz
//	blinks := ica.Outliers(unmixed.Correlation(x, eog), 3)
//	clean, err := unmixed.Without(names, blinks...)                           // a montage, for whole recordings and for streams
//
// Signals are reduced to their rank by principal components and whitened; then [FastICA] (Hyvärinen, IEEE Trans. Neural Netw. 10, 1999),
// [Infomax] (Bell and Sejnowski, Neural Comput. 7, 1995) or [ExtendedInfomax] (Lee, Girolami and Sejnowski, Neural Comput. 11, 1999) rotates them.
//
// The signal and copies of it are in memory: finding components of 32 million values took 1.1 GB at the peak. Components of
// a long recording may be found from a part of it, or from every second sample after a low-pass: what matters is some tens of samples for
// each of the channels squared. [ICA.Without] then needs no more than a montage does.
//
// What may enter: ways to unmix and to judge components. What must not: filtering before it, or drawing of maps.
package ica
