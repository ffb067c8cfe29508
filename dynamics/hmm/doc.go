// Package hmm is hidden Markov models: a chain of states that jumps by fixed probabilities, seen only through observations whose distribution depends on
// the state. It samples them, decodes what they went through (forward-backward and Viterbi, Rabiner 1989) and fits them by Baum and Welch's
// expectation maximisation, over several sequences and on several processors. Probabilities are scaled at each step instead of kept as logarithms, so
// that sequences may be millions long.
//
// What may enter: discrete hidden states in discrete time, and what they emit. What must not: continuous hidden states, networks, anything only one
// paper has.
package hmm
