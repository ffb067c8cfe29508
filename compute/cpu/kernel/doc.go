// Package kernel holds the numeric inner loops of the built-in GoMLX backend: matrix products, element-wise functions, reductions, row
// operations, depthwise convolution, layout changes and conversions, over plain slices.
//
// What may enter: a loop over numbers that is worth making fast. What must not: shapes beyond the few integers a loop needs, graphs,
// buffers, goroutines. Work is shared out through the caller's Parallel, and how many workers it has changes no result.
//
// # Tiers
//
// The best Tier the processor can run is chosen when the program starts; GYRUS_CPU_TIER or Use picks another. The assembly is written by the
// program in gen and committed; go generate reproduces it. Compares, selects, conversions, transposes, packing, the float64
// transcendental functions, Pow and Rem are plain Go on every tier.
//
// # Matrix products
//
// A tile of C stays in registers: up to 12 rows of two vectors with AVX-512, 6 of two with AVX2, fewer rows of more vectors for low
// matrices. K goes by in blocks of 384. Large operands are packed into panels first; small ones and batches are read where they are.
//
// # Accuracy
//
// Errors of the float32 functions on the assembly tiers, in units of the last place, are at most: Exp 1.2, Expm1 1.5, Log 1.5, Log1p 2, Sin and
// Cos 1.5, Tanh and Sigmoid 2.5, Erf 3, Rsqrt 1.5, Sqrt and Reciprocal 0.5. Silu and GeluTanh and Softplus are within 3, and Gelu within 2.5, times
// 2^-24*max(1, |x|). TestUnaryFloat32 checks these bounds on a sample of about a million numbers from the whole range, not on every one.
package kernel
