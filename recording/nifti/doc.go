// Package nifti reads and writes NIfTI images (versions 1 and 2, single files and pairs, plain or compressed by gzip, both
// byte orders) and reads Analyze 7.5 and FreeSurfer's MGH and MGZ.
//
//	im, err := nifti.Open("bold.nii.gz")
//	defer im.Close()
//	im.Dims, im.Zooms, im.Affine // voxels, their size in millimetres and seconds, and where they are
//	volume, err := im.Volume(0)  // one volume, scaled by slope and intercept
//	r, err := im.Recording(mask) // voxels within a mask as the channels of a recording.Recording
//
//	err = nifti.Write("map.nii.gz", values, nifti.WriteOptions{Affine: im.Affine})
//
// Voxels are read on demand, any box of them at a time; a compressed file is inflated once, when it is opened. The first axis
// of an image varies fastest, so arrays are column-major. Affine and scaling follow NiBabel: the sform where there is one,
// else the qform, else the voxel sizes around the middle of the image. Of Analyze, scaling and origin are read where SPM keeps them, and the
// first axis is taken to run to the left; a transform in a .mat file beside it is not read. Not read: bits and 128-bit floating-point numbers.
package nifti
