// Package lazy filters and re-references whole recordings while they are read, and estimates their spectra ([Welch], [Multitaper]), in memory
// that does not depend on their length.
//
//	r, err := recording.Open("subject01.edf")
//	band, err := signal.FIRDesign{Low: 8, High: 30}.Design(r.Rate)
//	clean, err := lazy.Filter(r, band, lazy.Options{})
//	err = edf.Save("clean.edf", clean, edf.Options{}) // filters as it writes
//
// What it gives is a recording.Recording like another, with the same events and gaps; nothing is filtered across a gap. Reading it from front
// to end is what it is made for: going back begins again at the last gap.
//
// What may enter: whole recordings by pieces, with the filters of package signal. What must not: designs of filters.
package lazy
