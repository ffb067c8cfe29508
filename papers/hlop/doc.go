// Package hlop is HLOP-SNN, "Hebbian Learning based Orthogonal Projection for Continual Learning of Spiking Neural Networks" (2024). Beside every layer with input
// activity x and weights W there are lateral neurons whose weights H, one row each, learn the principal directions of x by Oja's rule, five times a
// mini-batch, with momentum:
//
//	y = H x      x̂ = Hᵀy      ΔH = mean of y (x - x̂)ᵀ      M ← 0.9 M + 0.1 ΔH      H ← H + η M
//
// After a task its rows are frozen and those of the next learn what they leave. On later tasks the gradient of W sees only what of x lies outside the frozen
// rows, x⊥ = x - HᵀH x, so that answers to what was seen before do not change; forward and error signals are as ever. The network is two layers of
// LIF units (τ = 2, soft reset, derivative of σ(4(v - 1)) as surrogate) and a read-out averaged over time, without biases, trained by plain
// gradient descent.
//
// What may enter: the projection, its baselines and the experiments. What must not: neuron models (package dynamics) and images (simulate/digits,
// datasets/labelled).
//
// # Deviations
//
//   - The input layer sees the same image in all steps, so that its rows learn from one row an image.
//   - Later tasks add 35 rows in the second layer where the sheet adds 50, as 10 tasks would otherwise use up its 400 directions.
//   - Frozen rows are not made orthonormal after a task: the report shows how far they are from it.
//   - Lateral spikes stand for activities when rows learn; the projection uses exact ones.
//   - Left out: convolutional layers with patches as rows and the 10-split CIFAR-100 experiment, training by rates (DSR) or traces (OTTT), replay.
package hlop
