// Package ensemble trains many recurrent networks of one shape side by side, such as networks that differ in nothing but their seed.
//
// A [Network] is the shape, and the equations, in rows of [batch, ...]:
//
//	a(t) = (1-τ) a(t-1) + τ (s·W φ(a(t-1)) + U x(t) + b)      y(t) = c·V φ(a(t)) + d      φ = tanh, φ(a(-1)) = 0
//
// With τ = s = c = 1, the default, this is the usual h(t) = tanh(W h(t-1) + U x(t) + b), y(t) = V h(t) + d. With s = 1/n and c = 1/(g·n) it is
// the parametrisation in which the gain g sets how strongly features are learnt, whatever the width n ([MuP]).
//
// [Train] minimises the mean squared error of each network on batches of its own by Adam, as in PyTorch. Networks share one graph, whose tensors have a
// leading axis of networks: all products are batched ones [networks, batch, n] × [networks, n, n], inputs of all steps are projected in one, and so are
// gradients with respect to weights. The gradient is that of backpropagation through time, written out. A network whose loss has fallen below its
// threshold leaves; the others close ranks, so that it costs nothing any more. Networks go through the graph in groups that fit the
// processor's caches, which is faster than all at once. What becomes of a network does not depend on those beside it, but for rounding.
//
//	members := []*ensemble.Member{{Weights: net.Init(rng), Draw: draw}, ...}
//	err := ensemble.Train(ctx, backend, net, members, ensemble.Options{Steps: 40, Batch: 64, Rate: 1e-3, Threshold: 1e-3, Updates: 20_000})
//
// What may enter: training and running of many small recurrent networks at once. What must not: tasks (package cognitive), comparisons between
// networks (package similarity).
package ensemble
