// Package persyst reads recordings in Persyst's format: a .lay file, which is text, and the file of samples that it names. It
// is the .lay that is opened:
//
//	r, err := recording.Open("clip.lay")
//
// Samples are integers of 16 or 32 bits, interleaved, times one calibration, in microvolts. There are as many as the file of
// samples holds: a clip keeps the sample times of the recording it was cut from, so [SampleTimes] is not used, and pauses are
// not seen. Channel names are written in capitals and without "-REF", as MNE-Python does. Comments are events.
package persyst
