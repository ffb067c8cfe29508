// Package egi reads the "simple binary" recordings of EGI's Net Station (.raw), continuous ones, of 16-bit integers, 32-bit or
// 64-bit floating-point numbers.
//
//	r, err := recording.Open("subject01.raw")
//
// Channels are called E1, E2 ...; behind them come the stimulus lines, by their four-letter codes, as channels of type "stim".
// Every stretch during which a line is not zero is an event labelled with the line's code; it lasts as long as the stretch, or
// no time when that is a single sample. The stimulus lines are therefore read through when a file is opened. The lines "sync"
// and "TREV", which Net Station drives itself, make no events, as in MNE-Python.
//
// Amplitudes are microvolts. Segmented recordings are refused: export them unsegmented. MFF, the format of newer versions, is
// a folder and not read here.
package egi
