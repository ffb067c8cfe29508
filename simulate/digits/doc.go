// Package digits draws handwritten-looking digits from strokes: ten classes of grey images that need no download, for classifiers
// that are otherwise tried on MNIST.
//
// A digit is a polyline or an ellipse in a unit box, whose vertices are moved at random; the whole is turned, sheared, stretched and
// shifted, and drawn with a soft pen of random width. [Standard] has the amounts that the papers here use.
//
// What may enter: the drawing of shapes with known class. What must not: encoding of images as spikes (package dynamics), or anything
// that is fitted.
package digits
