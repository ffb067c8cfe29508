// Package split is the Fourier transform of one real signal whose length is a power of two, as fast as it goes: real and imaginary parts are kept apart, so that
// butterflies run in vector registers, and the signal is given as its even and odd samples, which is how half as long a complex transform takes it. It is for
// spectral methods, which transform to and fro at each step and do the rest point by point. Package fourier is for everything else.
//
// What may enter: this transform. What must not: other lengths, and what is done with spectra.
package split
