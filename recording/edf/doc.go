// Package edf reads and writes the European Data Format: EDF (Kemp et al. 1992), EDF+ with annotations, continuous or not
// (Kemp and Olivan 2003), and BioSemi's 24-bit variant BDF with its BDF+.
//
//	f, err := edf.Open("sleep.edf")
//	defer f.Close()
//	x := make([]float64, f.Samples(2))
//	n, err := f.ReadSignal(2, x, 0)            // the third signal at its own rate, in its own unit
//	r := f.Recording()                         // all signals together, with events and gaps
//
// Where the format leaves a choice:
//
//   - Signals of different rates. ReadSignal gives each at its own rate. A Recording runs at the rate of the fastest signal,
//     and a slower one holds each sample until its next: every value of the Recording is one that was measured, and any
//     stretch can be read on its own. (MNE-Python resamples slow signals by a Fourier transform of the whole file instead.)
//   - Labels are kept as they stand, trailing dots and prefixes ("EEG ", "POL ") included; only blanks around them go. A prefix
//     tells the type of its channel; RecordingByTypes takes it off, and so does Recording where Options.Types put it there. In a
//     Recording, labels that occur more than once are numbered ("F1-0", "F1-1"), as MNE-Python does.
//   - Text is UTF-8 or, when it cannot be that, Latin-1.
//   - The stamps at the head of the records of an EDF+ file say when each began. Where one comes later than the record before
//     it ended, the Recording has a gap, in EDF+C too if half a record or more is missing. Onsets of events count from the
//     first record, whose fraction of a second is part of Start.
//   - The "Status" signal of a BDF file becomes events: every change to a value of its 16 trigger bits other than 0 and the
//     value it began with. The channel itself keeps the 17 bits that MNE-Python keeps.
//   - A header that counts more or fewer records than there are (-1 while a recording runs) is corrected by the file's size; a
//     physical or digital range of nothing counts as 1. File.Warnings says what was put right; so does Recording.Warnings.
//   - A data record of no duration, which only files of nothing but annotations should have, leaves the rate unknown (0).
//
// Write and Save put a Recording into a file: EDF+ or BDF+ with its events, and with its gaps.
package edf
