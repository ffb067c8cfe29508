// Package records reads the samples of raw recordings, nearly all of which are laid out alike: a header, then records of equal
// size, and in each record a run of samples of every signal. A file that interleaves its channels has records of one frame;
// one that stores channel after channel has a single record; EDF, GDF and block-wise CNT lie between.
//
// A Layout describes where the samples lie and what number makes which physical value; a Source reads them on demand, as
// frames x channels for a recording.Recording or signal by signal at the signal's own rate. File is an open file that checks
// every length before it is believed, and words the errors.
//
// It is for the readers of such formats (edf, gdf, brainvision ...), and knows none of them.
package records
