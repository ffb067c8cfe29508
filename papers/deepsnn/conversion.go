package deepsnn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// conversion is F1: the reference's weights in a network of integrate-and-fire neurons, whose rates follow its activations (Diehl 2015, Rueckauer 2017).
// Activations are scaled so that the chosen percentile of each layer's becomes one spike in each step.
type conversion struct {
	from       *reference
	Percentile float64 // of a layer's activations, above 50; 100 is their maximum; 0: weights stay as they are
	Images     int     // for the percentile
	Hard       bool    // reset to 0 in place of subtraction
	Start      float64 // of the membranes, in thresholds
	Coding     coding

	net *layered
}

func (f *conversion) train(_ context.Context, d *split, _ *session) (err error) {
	lambda, err := f.scales(d.training.first(f.Images))
	if err != nil {
		return err
	}
	layers, err := convert(f.from.Layers, lambda)
	if err != nil {
		return err
	}
	f.net = &layered{Layers: layers, Threshold: thresholds(len(layers), 1), Decay: 1, Subtract: !f.Hard, Start: float32(f.Start), Coding: f.Coding, Readout: potential}
	return nil
}

func (f *conversion) infer(x []float32, steps int, rng *rand.Rand, to *response) {
	f.net.infer(x, steps, rng, to)
}

// scales is λ of each layer: that percentile of its activations over all units and images.
func (f *conversion) scales(images *examples) ([]float64, error) {
	lambda := make([]float64, len(f.from.Layers))
	for l := range lambda {
		lambda[l] = 1
	}
	if f.Percentile == 0 {
		return lambda, nil
	}
	if !(f.Percentile > 50 && f.Percentile <= 100) {
		return nil, fmt.Errorf("percentile: found %g, expected more than 50 and at most 100; 99.9 leaves outliers out, 100 is the maximum", f.Percentile)
	}
	activity := make([][]float32, len(lambda))
	var c cost
	for i := range images.len() {
		for l, a := range rates(f.from.Layers, images.image(i), &c, rectified) {
			activity[l] = append(activity[l], a...)
		}
	}
	for l, a := range activity {
		slices.Sort(a)
		at := int(f.Percentile / 100 * float64(len(a)-1))
		if lambda[l] = float64(a[at]); lambda[l] <= 0 {
			return nil, fmt.Errorf("layer %d: percentile %g of its activations on %d images is %g, expected more than 0; take a higher percentile", l+1, f.Percentile, images.len(), lambda[l])
		}
	}
	return lambda, nil
}

// convert scales weights: W ← W·λ of the layer before / λ of the layer. It refuses what a rate of spikes cannot stand for.
func convert(layers []layer, lambda []float64) ([]layer, error) {
	before := 1. // inputs are 0 to 1 already
	var out []layer
	for l, w := range layers {
		switch {
		case w.B != nil:
			return nil, fmt.Errorf("layer %d has biases, which cannot be converted here: a bias is a current of its own that would have to be scaled with the weights; train the network without (biases=false)", l+1)
		case w.Slope != 0 && l+1 < len(layers):
			return nil, fmt.Errorf("layer %d: its activation has the slope %g below zero, and a neuron cannot fire at a rate below zero; train the network with ReLU (slope=0)", l+1, w.Slope)
		}
		scaled := layer{In: w.In, Out: w.Out, W: slices.Clone(w.W)}
		for i := range scaled.W {
			scaled.W[i] *= float32(before / lambda[l])
		}
		before = lambda[l]
		out = append(out, scaled)
	}
	return out, nil
}
