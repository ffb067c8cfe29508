// Package kernel holds the numeric inner loops of the built-in GoMLX backend: matrix products, element-wise functions, reductions, row
// operations, depthwise convolution, layout changes and conversions, over plain slices.
//
// What may enter: a loop over numbers that is worth making fast. What must not: shapes beyond the few integers a loop needs, graphs,
// buffers, goroutines. Work is shared out through the caller's Parallel.
package kernel
