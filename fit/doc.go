// Package fit trains a model: it is the loop around GoMLX's trainer that every paper written on graphs shares.
//
// A [Problem] is data in memory and a function that builds the loss; [Train] minimises it under [Options] and returns the
// [History] of what happened. A [Predictor] puts the trained variables to work, and [Save] and [Load] keep them in a file.
//
// Everything that decides a run is a function of the options and the data: batches are shuffled by (seed, epoch), random numbers
// inside the graph are drawn from a state set by (seed, epoch), learning rates, decays and named scalars are functions of the
// epoch and of the curves so far. A run that is killed and started again with the same checkpoint folder therefore ends with the
// same variables, bit for bit, as one that was left alone.
//
// What may enter: what training needs whatever is trained. What must not: layers and losses (package nn), metrics that are
// measured once on the trained model (package measure), and how runs are stored and shown (packages runner and report).
package fit
