// Package deepsnn makes a bench of "Deep Learning in Spiking Neural Networks" (2018), a review without experiments of its own: families of training methods on
// the same images, in networks of the same size, and one way of counting what they cost.
//
//	F0   a network of rates: ReLU, no biases, dropout 0.2, Adam; 784-256-256-10, whose MACs are M = 268,800
//	F1   conversion: its weights, W_l λ_{l-1}/λ_l with λ a percentile of activations, in integrate-and-fire neurons (Diehl 2015, Rueckauer 2017)
//	F2a  first spikes: neurons fire once, and times z = exp(t) have exact gradients; 784-256-10 (Mostafa 2017)
//	F2b  SpikeProp on exclusive-or, in continuous time (Bohte 2002)
//	F3   surrogate gradients: leaky integrate-and-fire neurons, back-propagation through time (STBP, SuperSpike)
//	F4a  unsupervised STDP of 100 cells that silence each other and are named afterwards (Diehl & Cook 2015)
//	F4b  BP-STDP, a supervised rule on spike counts in windows of 5 steps; 784-256-10 (Tavanaei & Maida 2017)
//	F5a  a restricted Boltzmann machine of spiking neurons, trained by event-driven contrastive divergence (Neftci 2014, Buesing 2011)
//
// Every family trains, and shows an image step by step with its scores, spikes and costs after each step. Additions are counted in the functions that deliver
// spikes, one for each synapse that a spike reaches; tests hold them against spikes × fan-out. A constant input costs the first layer's MACs once and one
// addition for each first neuron in each step. A family's cost is given at the first step that is within one point of its final accuracy, and at its end;
// F2a stops at its first output spike. F5a pays twice for a spike: its effect lasts 10 steps, and to take it away is an addition too.
//
// What may enter: families and the experiments on them. What must not: the drawing of digits (simulate/digits) and the reading of files (datasets/labelled).
//
// # Experiments
//
// bench has the families that learn by gradients, over three seeds; local has F4 and F5, which take longer, for one seed, beside F0, F1 and F3. xor is F2b, and
// recorded is bench, local, or F3 alone, on MNIST, sets in its form, and N-MNIST.
//
// # Choices and deviations
//
//   - F1 starts from V(0) = 0 with a constant input and subtraction at resets; V(0) = 0.5, random input, reset to 0, the maximum in place of the percentile and
//     no normalisation are systems of their own. Its read-out is the membrane of output neurons that do not fire.
//   - F3 learns for 10 epochs, as F0 does, from a constant input; T = 20 with random input is a system of its own.
//   - F2a takes batches of 10 for 15 epochs. A class whose neuron stays silent is refused after the last epoch only, a silent layer at once.
//   - F4a's presynaptic trace rises by 1 at a spike, as the paper's text has it. Where a spike sets it to 1, as in the authors' program, accuracy with seed 101 and
//     8,000 images was 0.62 in place of 0.81. Cells are named with weights and thresholds fixed, on half as many images as they learned from. If fewer than 5 spikes come the rate rises
//     up to 4 times, in tests too.
//   - F4b: the sheet's threshold of outputs, 0.9·h, does not say what h is. It is taken as a fortieth of the hidden neurons; with all of them accuracy is lower, and
//     rule-output sets it. Weights begin with a standard deviation of 1.
//   - F5a runs event by event in plain Go and not as batched graphs, so that what it costs is counted; coincidences are counted exactly, as common bits of words
//     that hold the steps in which units are on.
//   - Validation images are set aside and used by no family; constants were chosen with seeds from 100 on.
//   - An image on which all scores are equal counts as wrong. That is why F5a without model phase has an accuracy of 0 and not of 0.1: all label units fire as often
//     as they can.
//   - Left out: the variant of F3 that differentiates through filtered spikes, F5b, convolutional networks and DoG filters with STDP.
//
// # What reproduced
//
// bench, seeds 0 to 2: all but one statement. F0 reaches 0.992, the linear read-out 0.954, F1 0.992 at T = 200 (0.985 after 5 steps), F3 0.993 at T = 20 and
// 0.992 at T = 5, F2a 0.957 with 0.39 M additions. That surrogate gradients at T = 5 beat conversion by 0.02 is not reproduced: on these digits
// conversion loses only 0.007 in 5 steps, which leaves no such room.
//
// local, seed 0: F0 reaches 0.991, a linear read-out 0.956, F1 0.991 and F3 0.993; BP-STDP 0.970, the spiking Boltzmann machine 0.936 and unsupervised STDP 0.808.
// Within a point of that they take 0.95 M, 1.03 M and 0.58 M additions, so that local rules are not cheap by themselves. Without inhibition all cells raise their
// thresholds alike until few of them fire at all: accuracy 0.004. Without model phase all label units fire as often as they can, and nothing is decided.
//
// xor, seeds 0 to 2: 29 of 30 networks learn exclusive-or, in 214 cycles (mean of medians).
package deepsnn
