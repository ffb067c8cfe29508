// Package signal prepares multichannel signals for a model: filters, covariance, alignment and spatial filters.
//
//   - [Sections] is an IIR filter as second-order sections, designed by [LowPass], [HighPass], [BandPass], [BandStop] and [Notch]; [FIR] one
//     of finite response, designed by [FIRDesign] (MNE-Python's rules), [FIRNotch] and [Firwin]. Either is a [Filter]: it runs without phase
//     shift over a recording ([Filter].ZeroPhase), causally, and live through a [Stream], with the same coefficients.
//   - [Montage] maps channels to others: [CommonAverage], [LinkedReference], [Bipolar], [Laplacian], [CurrentSourceDensity], [Interpolation].
//   - [Resampling], [Detrend], [Hilbert] and [Envelope].
//   - [Covariance] of a trial, its [CheckRank] and its [InverseSqrt].
//   - [Alignment], [EuclideanAlignment] and [OnlineAlignment] bring the trials of different people to a common reference.
//   - [CSP] finds the spatial filters whose power tells two classes apart, [FilterBank] those of several bands; [XDAWN] those that raise evoked
//     responses; [LDA] classifies features.
//
// Beside it lie what is large enough for a package of its own: epoch cuts trials and rejects artefacts, spectrum estimates power over frequency
// and time, ica unmixes sources, riemann works with covariances as points of a curved space, connectivity compares channels, and
// specparam parts a spectrum into its background and its peaks.
//
// A signal is a gonum matrix, channels by samples, in float64; [Matrix] reads one from a recording. Nothing here needs a compute backend.
//
// What may enter: what turns a signal into a cleaner signal or into features, from the published literature of the field and
// tested against an independent implementation. What must not: reading files (package recording), trained networks (package
// nn), scores and statistics (package measure), and what only one paper needs.
package signal
