// Package all makes every file format of Gyrus known to package recording. Import it for its effect:
//
//	import _ "github.com/gyrus-dev/gyrus/recording/all"
//
// A new format adds one line here.
package all

import (
	_ "github.com/gyrus-dev/gyrus/recording/bids"        // folders of the Brain Imaging Data Structure
	_ "github.com/gyrus-dev/gyrus/recording/blackrock"   // Blackrock NSx
	_ "github.com/gyrus-dev/gyrus/recording/brainvision" // Brain Products
	_ "github.com/gyrus-dev/gyrus/recording/bti"         // 4D Neuroimaging MEG
	_ "github.com/gyrus-dev/gyrus/recording/ctf"         // CTF MEG
	_ "github.com/gyrus-dev/gyrus/recording/curry"       // Curry
	_ "github.com/gyrus-dev/gyrus/recording/edf"         // EDF, EDF+, BDF
	_ "github.com/gyrus-dev/gyrus/recording/eeglab"      // EEGLAB
	_ "github.com/gyrus-dev/gyrus/recording/egi"         // EGI simple binary, MFF
	_ "github.com/gyrus-dev/gyrus/recording/events"      // event cameras: AEDAT, N-MNIST
	_ "github.com/gyrus-dev/gyrus/recording/fif"         // MEG and EEG (MNE-Python, MEGIN)
	_ "github.com/gyrus-dev/gyrus/recording/gdf"         // GDF
	_ "github.com/gyrus-dev/gyrus/recording/gifti"       // surfaces
	_ "github.com/gyrus-dev/gyrus/recording/hdf5"        // HDF5
	_ "github.com/gyrus-dev/gyrus/recording/idx"         // MNIST and its successors
	_ "github.com/gyrus-dev/gyrus/recording/kit"         // KIT, Yokogawa, Ricoh MEG
	_ "github.com/gyrus-dev/gyrus/recording/matfile"     // MATLAB
	_ "github.com/gyrus-dev/gyrus/recording/neuralynx"   // Neuralynx NCS, NEV
	_ "github.com/gyrus-dev/gyrus/recording/neuroscan"   // Neuroscan CNT
	_ "github.com/gyrus-dev/gyrus/recording/nifti"       // volumes: NIfTI, MGH
	_ "github.com/gyrus-dev/gyrus/recording/nihonkohden" // Nihon Kohden
	_ "github.com/gyrus-dev/gyrus/recording/numpy"       // NPY, NPZ
	_ "github.com/gyrus-dev/gyrus/recording/nwb"         // Neurodata Without Borders
	_ "github.com/gyrus-dev/gyrus/recording/persyst"     // Persyst
	_ "github.com/gyrus-dev/gyrus/recording/snirf"       // near infrared spectroscopy
	_ "github.com/gyrus-dev/gyrus/recording/table"       // CSV, TSV
	_ "github.com/gyrus-dev/gyrus/recording/xdf"         // Lab Streaming Layer
)
