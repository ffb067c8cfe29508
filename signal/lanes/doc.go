// Package lanes computes with eight signals at once, one in each lane of a vector register.
//
// A recursive filter needs its last output before its next, and a Fourier transform shuffles its points: along time neither suits
// a processor's vectors. Across channels they do, as every channel gets the same arithmetic. So signals are interleaved
// ([Interleave]), filtered ([Biquads]) or transformed ([Transform]) together, and taken apart again ([Deinterleave]).
//
// The assembly, for AVX-512 and for AVX2, is written by the program in gen and committed; go generate reproduces it. Everything has a
// form in plain Go for other processors. Which is used follows package kernel of the built-in compute backend and its GYRUS_CPU_TIER.
//
// What may enter: a loop over numbers that the packages under signal share and that is worth making fast. What must not: goroutines,
// filter design, anything that checks what a user gave.
package lanes
