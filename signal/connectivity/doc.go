// Package connectivity measures how channels, or rhythms of one channel, go together.
//
//	spectra, err := connectivity.Estimate(trials, 250, connectivity.Options{})
//	alpha, err := spectra.Coherence().Band(8, 13)          // channels by channels
//
// [Spectra] are cross-spectra over trials, from which follow coherence, imaginary coherency, phase-locking value, phase lag index and its
// weighted form, as in MNE-Connectivity. [PhaseLocking] is the phase-locking value over time of narrow-band signals. [Coupling] measures how the
// phase of a slow rhythm modulates the amplitude of a fast one.
//
// What may enter: measures of what two signals have in common. What must not: models of who drives whom, and statistics over people (package
// measure).
package connectivity
