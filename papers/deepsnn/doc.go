// Package deepsnn is the bench that "Deep Learning in Spiking Neural Networks" (2018), a review, asks for: families of training methods on the same images, in
// networks of the same size, with one counter of operations.
package deepsnn
