// Package brainvision reads recordings of Brain Products' BrainVision Recorder and Analyzer ("BrainVision Core Data Format"
// 1.0 and 2.0): a header (.vhdr, or .ahdr of the V-Amp), which names a file of samples (.eeg, .dat, .avg) and one of markers
// (.vmrk, .amrk). It is the header that is opened:
//
//	r, err := recording.Open("subject01.vhdr")
//
// Read are 16-bit (signed or not) and 32-bit integers, floating-point numbers and ASCII, multiplexed or vectorised, in the
// units that the header gives the channels (microvolts where it gives none). Frequency data are refused.
//
//   - The files that the header names are looked for in its own folder, whatever folder it gives; a name that is not there
//     is tried again as the header's own name with the same ending, since recordings are renamed.
//   - A marker becomes an event labelled "type/description", as in MNE-Python: "Stimulus/S  1". The first marker "New
//     Segment", which carries the date, is not an event. A later one whose date leaves time between is a gap as well.
//   - Coordinates become positions in the frame of Analyzer: x to the right ear, y to the nose, z up. An idealised radius
//     of 1 is a head of 95 mm, as in MNE-Python.
//   - The filters of amplifier or software, which stand in the comment, become metadata: of channels that differ, the
//     weakest.
package brainvision
