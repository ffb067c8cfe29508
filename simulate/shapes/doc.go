// Package shapes makes small images of eight shapes whose density is known: a mixture of Gaussians, of which each moves, grows, turns and
// changes the contrast of one shape to first order,
//
//	x = μ_k + B_k z + σ n        z ~ N(0, I of 5), n ~ N(0, I)
//
// so that the best prediction of noise that was added to an image, the best linear one, and all moments are exact. It is for generative
// models: what they make can be held against the truth.
//
// What may enter: the images, and what follows from their density. What must not: models of them, and how they are judged.
package shapes
