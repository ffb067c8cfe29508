// Package motion makes images move and lets an event camera watch them, with the motion known at every moment.
//
// [DeadLeaves] draws an image with the statistics of natural ones, [NewPath] a path of segments of constant velocity, as an eye that looks about
// (Grimaldi & Perrinet 2023), [Mover] the image shifted along it by any part of a pixel, and [Camera] the events that the changes of brightness
// cause. [Cloud] makes Motion Clouds, textures that move by a distribution of velocities (Leon et al. 2012).
//
// What may enter: moving scenes in the plane and sensors that watch them. What must not: detectors of motion.
package motion
