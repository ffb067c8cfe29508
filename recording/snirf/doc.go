// Package snirf reads SNIRF, the Shared Near Infrared Spectroscopy Format (versions 1.0 and 1.1, as the Society for fNIRS
// specifies it): light that went through the head between sources and detectors, in HDF5 (see package hdf5):
//
//	f, err := snirf.Open("finger-tapping.snirf")
//	defer f.Close()
//	fmt.Println(f.Sources, f.Detectors, f.Wavelengths)
//	r, err := f.Recording()                         // channels "S1_D2 760", as MNE-Python names them
//
// Read: intensities, optical densities and concentrations of haemoglobin; in the frequency domain AC amplitudes (type
// "fnirs_fd_ac_amplitude") and phases ("fnirs_fd_phase", in the unit of the file) by wavelength and modulation; positions of optodes in two
// or three dimensions; stimuli as events; auxiliary signals. A file may hold several runs, and several blocks of data in a run; File.Runs
// lists them. Moments of time-domain and correlation spectroscopy are read as channels without a
// type.
package snirf
