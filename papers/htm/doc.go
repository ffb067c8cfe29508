// Package htm is the sequence memory of Cui, Ahmad and Hawkins, "Continuous online sequence learning with an unsupervised neural
// network model" (2016): mini-columns of binary cells whose dendritic segments learn, after every single element, which cells
// follow which. The same symbol is carried by different cells after different histories, so the memory tells long contexts
// apart, and it predicts every continuation that is still possible at once.
//
// What may enter: the memory and its encoders, pooler and classifier; the methods it is compared with; its experiments.
// What must not: generators of streams (package simulate/stream) or anything a second paper needs.
//
// # Deviations
//
//   - The noise symbols of all methods come from one stream of 5000; the authors used 50000 for the baselines.
//   - LSTMs are trained with Adam (2e-2, falling along half a cosine) on random chunks of 100 elements, with the same number of
//     steps for every window, in place of 200 epochs of full-batch Rprop. At 600 steps the network trained on 9000
//     elements is right in 0.99 to 1.00 of its answers before the swap, as the authors' is. It is written in plain Go because it is
//     retrained from scratch about sixty times per seed: a layer of 20 units unrolled over 100 steps is too small for a graph to pay.
//   - The authors' published curves come from their code; ties, segment order and random choices are ours, fixed so that a seed
//     determines a run.
//   - The OS-ELM starts from P = I.
//   - On the taxi series the baselines are given the value, the time of day and the day of the week, as HTM is.
package htm
