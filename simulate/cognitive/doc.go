// Package cognitive draws trials of the tasks on which neuroscience trains recurrent networks, with their targets at every step: N-bit flip-flop,
// sine generation, delayed discrimination and path integration (Sussillo & Barak, Neural Computation 25, 2013; Huang et al., arXiv 2410.03972).
//
// A [Task] knows its sizes and draws one trial after another from a random source, so that the same source gives the same trials. [Fill] draws a
// batch, time first: inputs [steps, trials, inputs] and targets [steps, trials, outputs]. Each task has a longer version of itself, with which is
// measured what networks do beyond what they were trained on:
//
//	task := cognitive.FlipFlop{Bits: 3, Steps: 40, P: 0.1}
//	x, y := cognitive.Batch(task, rng, 64)               // [40, 64, 3] both
//	x, y = cognitive.Batch(task.Longer(), rng, 64)       // [80, 64, 3]
//
// What may enter: tasks of behavioural experiments as sequences of inputs and targets. What must not: networks, and losses.
package cognitive
