// Package nwb reads files of Neurodata Without Borders 2 (NWB), the common format of cellular neurophysiology, as its schema
// at nwb-schema.readthedocs.io describes it. An NWB file is an HDF5 file (see package hdf5) of two kinds of things: tables,
// whose columns may be ragged, and series of samples in time:
//
//	f, err := nwb.Open("session.nwb")
//	defer f.Close()
//	spikes, err := f.SpikeTimes()                  // seconds, by unit
//	trials, err := f.Table("/intervals/trials")
//	start, err := trials.Column("start_time")
//	t, err := start.Float64s()
//	lfp, err := f.Series("/processing/ecephys/LFP/lfp")
//	r, err := lfp.Recording()                      // channels, rate, samples on demand, intervals as events
//
// Read: every DynamicTable (units, electrodes, intervals, plane segmentations, those of extensions) with columns of any type,
// ragged ones, references to rows of other tables and to objects; every TimeSeries and what is derived from it, with
// conversion to its unit, a rate or timestamps, also where it borrows them from another series. A series becomes a
// recording.Recording when it has a rate, or timestamps that are evenly spaced apart from gaps. Series with the same timing
// can be read as one Recording. Image series are listed with their shape; their pixels are read with Series.Read when they
// are in the file. Still images are listed by Images.
//
// Refused: NWB 1, whose layout differs throughout. Attributes and objects that only an extension defines are reached through
// File.HDF5.
package nwb
