// Package expectation generates trials in which a cue is followed by one of several events, each at its own time and with its own probability: what
// happens, and when, can be expected, and both change from block to block without notice (the multi-event expectation task of "Joint encoding of
// what and when predictions", 2025).
//
// What may enter: protocols of stimuli with known probabilities and times. What must not: networks that learn them.
package expectation
