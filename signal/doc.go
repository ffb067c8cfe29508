// Package signal prepares multichannel signals for a model: filters, covariance, alignment and spatial filters.
//
//   - [Sections] is an IIR filter as second-order sections, designed by [LowPass], [HighPass], [BandPass] and [BandStop];
//     it runs causally ([Sections.Filter], or [Stream] block by block) or without phase shift ([Sections.FiltFilt]).
//   - [Covariance] of a trial, its [CheckRank] and its [InverseSqrt].
//   - [Alignment], [EuclideanAlignment] and [OnlineAlignment] bring the trials of different people to a common reference.
//   - [CSP] finds the spatial filters whose power tells two classes apart; [LDA] classifies features.
//
// A trial is a gonum matrix, channels by samples. Everything is float64 and plain Go; nothing here needs a compute backend.
//
// What may enter: what turns a signal into a cleaner signal or into features, from the published literature of the field and
// tested against an independent implementation. What must not: reading files (package recording), trained networks (package
// nn), scores and statistics (package measure), and what only one paper needs.
package signal
