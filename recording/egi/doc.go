// Package egi reads recordings of EGI's Net Station: the "simple binary" files (.raw) and the newer MFF, which is a folder.
//
//	r, err := recording.Open("subject01.raw")
//	r, err := egi.OpenMFF("subject01.mff")
//
// Simple binary: continuous recordings of 16-bit integers, 32-bit or 64-bit floating-point numbers. Channels are called E1, E2
// ...; behind them come the stimulus lines, by their four-letter codes, as channels of type "stim". Every stretch during which
// a line is not zero is an event labelled with the line's code; it lasts as long as the stretch, or no time when that is a
// single sample. The stimulus lines are therefore read through when a file is opened. The lines "sync" and "TREV", which Net
// Station drives itself, make no events, as in MNE-Python. A segmented recording (versions 3, 5 and 7) has its segments one after the
// other, each an event with the name of its category, as long as the segment, and a gap before every one but the first. Where Net Station
// has sorted segments by category, so that their times do not rise, the gaps last no time, and a warning says so.
//
// MFF: the signals of the net and of the physiological inputs, with positions (in the frame of the head if its points are
// there), the events of all tracks labelled with their codes, and gaps between epochs. In an averaged file the averages lie
// end to end, and an event of each category's name says where its average begins and how long it is. Calibrations are not
// applied.
//
// Amplitudes are microvolts.
package egi
