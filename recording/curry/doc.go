// Package curry reads continuous recordings of Compumedics Neuroscan's Curry: version 7 (.dap with .dat, .rs3 and .cef) and
// versions 8 and 9 (.cdt with .cdt.dpa or .cdt.dpo and .cdt.cef). A recording is opened by its parameters or, of the newer
// ones, by its samples:
//
//	r, err := recording.Open("x.dap")
//	r, err := recording.Open("x.cdt")
//
// Samples are 32-bit floating-point numbers, frame by frame or channel by channel, in the unit that the parameters give each
// group of channels. Sensor positions are in metres in Curry's own frame. An event is labelled with its remark or, where it has
// none, its code; 50000 is Curry's own, for the end of a stimulus. Epochs, averages, frequency data and text samples are
// refused.
package curry
