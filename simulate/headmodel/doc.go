// Package headmodel generates scalp EEG of which the sources are known: where they sit, what they do and when.
//
// [MotorImagery] makes the trials of several people who imagine moving the left or the right hand: the mu and beta rhythms of the
// opposite hand area weaken (event-related desynchronisation), amid occipital alpha, pink background sources and sensor noise.
// Every [Subject] and [Trial] carries the quantities it was made from, so that what a decoder finds can be held against the truth.
//
// A head here is flat: electrodes lie on a plane with a grid step of one, and a source spreads as a Gaussian. That is enough to test
// spatial filters, alignment across people and decoders; it is no model of current flow in tissue.
//
// What may enter: generators of multichannel signals on a scalp or cortex with known sources. What must not: analysis of any
// kind, beyond the recording chain's own filter.
package headmodel
