// Package nihonkohden reads the recordings of Nihon Kohden's EEG-1100, EEG-1200, EEG-2100, QI-403 and DAE-2100 (.EEG), with the
// electrode names (.21E) and the log of events (.LOG) that lie beside them.
//
//	r, err := recording.Open("MB0400FU.EEG")
//
// Where there is no .21E, the manufacturer's own names stand in; without a .LOG there are no events. Signals are in
// microvolts, those of the DC, SpO2 and similar inputs in millivolts. A recording of several data blocks has a gap where a
// block starts, by its clock of whole seconds, at least two seconds after the one before it ended. Onsets of events are those
// of the log, by the clock.
//
// Types of channels follow MNE-Python as far as it reads a name whole: "X1" is "bio", "DC03" and "$A1" are "misc", "Mark1" is
// "stim". More than one control block is refused.
package nihonkohden
