// Package bench times the compute backend beside its peers, NumPy, PyTorch and JAX, on the same work, in one run, with two threads each.
// Command gyrus bench compute prints what it measures.
//
// Every line is the same dtype (float32), sizes and arithmetic on all sides. Times are the best of several runs, since other programs can
// only add to them. A peer that the Python interpreter cannot import is skipped and named.
//
// What may enter: works that papers lean on, written once in works.go and once in peers.py. What must not: kernels, which have Go
// benchmarks beside them.
package bench
