// Package eventaudio generates spoken-word-like event recordings in the shape of the Spiking Heidelberg Digits: 700 channels of a model cochlea, 20
// classes, about a second each, and no download.
//
// A word is three formant tracks that glide over the channels and an envelope of two swells; a sample shifts, stretches and thins it. Half of the
// classes form pairs of which one is the other played backwards, so that counts over the whole recording cannot tell them apart and time is needed.
//
// What may enter: event recordings of generated sounds. What must not: sound itself, or anything that is fitted.
package eventaudio
