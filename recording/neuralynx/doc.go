// Package neuralynx reads the files of Neuralynx's Cheetah and Pegasus: continuous channels (.ncs), each in a file of its own,
// and events (.nev), as described in "Neuralynx Data File Formats".
//
//	r, err := recording.Open("LAHC1.ncs")                       // one channel, with the events of Events.nev beside it
//	r, err := neuralynx.OpenChannels("LAHC1.ncs", "LAHC2.ncs")  // several that were sampled together
//	events, err := neuralynx.ReadEvents("Events.nev")
//
// Samples are in microvolts, turned over where the header says that the input was inverted. A record of an .ncs has a time
// stamp and up to 512 valid samples; where a record begins later than the one before it ended, the Recording has a gap. Onsets
// of events count from the first sample. An .nev opened as a recording has no channels, and onsets count from its first event.
//
// Not read: spikes (.nse, .ntt, .nst), video and raw data (.nvt, .nrd).
package neuralynx
