// Package fourier is gonum's discrete Fourier transform for signals of any length, with NumPy's normalisation.
//
// gonum's transform takes time proportional to the largest prime in the length: an hour of samples whose number is prime would take days.
// Lengths with a large prime factor go by Bluestein's algorithm here, as a convolution of a length that is a power of two.
//
// What may enter: transforms and what one needs to read them. What must not: windows, averages and spectra (package spectrum), and the
// transforms that filter many channels at once (package lanes).
package fourier
