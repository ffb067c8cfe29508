// Package labelled reads the data sets that classifiers are tried on, from the files of their publishers: images (MNIST and what follows its format,
// CIFAR-10 and CIFAR-100) and event recordings (N-MNIST, SHD, DVS128 Gesture), each example with its class.
//
// A set is named by the folder that its files lie in, as the catalogue of package datasets and the sets' own archives leave them. What may enter:
// sets of examples with one label each. What must not: formats (package recording and its parts), and changes to the data that a model asks for.
package labelled
