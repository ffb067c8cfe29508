// Package xdf reads XDF, the format in which LabRecorder keeps streams of the Lab Streaming Layer: several streams of numbers
// or text in one file, each with samples, time stamps and measurements of its clock.
//
//	f, err := xdf.Open("session.xdf")
//	defer f.Close()
//	for _, s := range f.Streams {
//		fmt.Println(s.Name, s.Format, len(s.Stamps), s.EffectiveRate)
//	}
//	r, err := f.Recording("BioSemi") // one stream as a recording.Recording, text streams as its events
//
// Time stamps are treated as pyxdf treats them: put onto the recording computer's clock by a robust line through the measured
// clock offsets (one line between each two resets of the clock), then, for streams with a rate, replaced by a straight line
// in each segment without breaks. All of that can be turned off in Options.
//
// Opening reads the file through once, keeping 8 bytes of time stamp a sample; values are read on demand. Whatever follows a
// damaged place is an error, or, with Options.Recover, skipped up to the next boundary that the recorder wrote.
package xdf
