// Package fif reads FIF files, the format of Elekta/MEGIN and MNE-Python for MEG and EEG: continuous recordings, averages,
// epochs, coordinate transforms, and what is known about the sensors.
//
//	f, err := fif.Open("sample_raw.fif")
//	defer f.Close()
//	f.Info.Channels // sensors with coil frames, in the order of the samples
//	f.Info.DeviceToHead
//	r, err := f.Recording(fif.Options{Project: true}) // a recording.Recording, SSP projectors applied
//
//	averages, err := f.Evokeds()
//	trials, err := f.Epochs()
//	x, err := trials.Read(0) // channels x times
//
// A file is a list of tags (kind, type, length, data; big-endian) in nested blocks. Numbers follow MNE-Python: samples are
// multiplied by range and calibration, units are the SI units of the file, MEG positions are in the device's frame and EEG
// positions in the head's. Read: samples as int16, int32, float32, float64 and packed int16; recordings split over files;
// skipped stretches, which become gaps (MNE-Python fills them with zeros); files compressed by gzip. Events come from
// annotations and from the trigger channel, found as mne.find_events finds them.
//
// CTF's compensation matrices are read (Info.Compensations) and not applied: the samples keep the compensation they were saved with
// (Info.Grade). Averages and epochs may be complex.
//
// Not read: complex samples of a continuous recording, DAU packs of 13 and 14 bits, covariances, source spaces and forward models (Inspect
// lists their blocks).
package fif
