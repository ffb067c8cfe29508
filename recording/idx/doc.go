// Package idx reads IDX, the format of MNIST and its successors: one array of numbers behind a few bytes of header, often
// compressed by gzip.
//
//	images, err := idx.Read("t10k-images-idx3-ubyte.gz") // a recording.Array of 10000 x 28 x 28 uint8
package idx
