// Package spectrum estimates how the power of signals is spread over frequency and time.
//
//	psd, err := spectrum.Welch{}.PSD(x, 250)      // channels by samples, Hz
//	alpha, err := psd.Band(8, 13)                 // power of each channel
//
// [Welch] averages over segments and [Multitaper] over tapers ([DPSS]); both give a [PSD] in the signal's unit squared per Hz. [STFT] and
// [Morlet] give a [TimeFrequency]. The defaults and the scaling are SciPy's for Welch and STFT, and MNE-Python's for the others.
//
// What may enter: estimates of power and phase over frequency. What must not: what is read off them, such as peaks (package specparam) or
// coupling (package connectivity).
package spectrum
