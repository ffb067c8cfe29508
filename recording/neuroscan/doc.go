// Package neuroscan reads continuous recordings of Neuroscan's SCAN (.cnt), of 16 or 32 bits, with their events. The
// structures are those that Bourke's collection documents ("EEG file formats", SETUP, ELECTLOC, TEEG, EVENT1 to EVENT3).
//
//	r, err := recording.Open("subject01.cnt")
//
// The format says little of itself, so the reader decides:
//
//   - The length follows from where the event table begins; the header's number of samples is used only where that place is
//     not in the file.
//   - Samples are of 32 bits where the file says so (a byte that newer writers set) or the number of samples makes it
//     likelier, else of 16.
//   - ChannelOffset says that samples come in blocks of some length, channel after channel. Files exist in which it is set
//     and the samples are multiplexed all the same; the order that gives the smoother signals is taken.
//   - Dates are month/day/year. Amplitudes are microvolts.
//   - An event is labelled with its stimulus code, or "Keyboard Response n", "KeyPad Response n", as in MNE-Python; one
//     that rejects data lasts until the next that accepts it and is labelled "BAD_...".
//
// The header's electrode places are screen coordinates and not read. The .cnt of ANT Neuro's eeprobe is another format.
package neuroscan
