// Package bids reads a folder laid out by the Brain Imaging Data Structure as one data set: who took part, which recordings
// there are, and what the files beside a recording say about it.
//
//	d, err := bids.Open("ds000117")
//	for _, f := range d.Recordings("sub-01", "task-faces") {
//		r, err := d.Recording(f) // opened by its format, with events.tsv, channels.tsv and electrodes.tsv applied
//		...
//	}
//
// A file that describes others applies to every file below it whose name has all of its entities (the inheritance principle):
// task-faces_eeg.json at the top speaks of each recording of that task, and what is said nearer to a recording overrules it.
// Import the formats that recordings may have (package recording/all). Folders of derivatives, code, stimuli and source data
// are left out.
package bids
