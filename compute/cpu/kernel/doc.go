// Package kernel holds the numeric inner loops of the built-in GoMLX backend: matrix products, element-wise functions, reductions, the
// exponentials of a soft-max, layout changes and conversions, over plain slices.
//
// What may enter: a loop over numbers that is worth making fast and that something outside the package runs. What must not: shapes beyond the
// few integers a loop needs, graphs, buffers, goroutines. Work is shared out through the caller's Parallel, and how many workers it has changes
// no result.
//
// # Tiers
//
// The best Tier the processor can run is chosen when the program starts; GYRUS_CPU_TIER or Use picks another. The assembly is written by the
// program in gen and committed; go generate reproduces it. These are plain Go on every tier: the arithmetic of integers, comparisons and
// selections of anything but float32, conversions but those of booleans and 32-bit integers to float32, transposes of anything but four-byte
// elements, the float64 transcendental functions, Pow and Rem.
//
// # Matrix products
//
// A tile of C stays in registers: up to 12 rows of two vectors with AVX-512, 6 of two with AVX2, fewer rows of more vectors for low
// matrices. GEMM goes through K in blocks of 384 and packs large operands into panels first. Products reads operands that the caches hold where
// they are, and sums over further loops in the same registers.
//
// # Accuracy
//
// Errors of the float32 functions on the assembly tiers, in units of the last place, are at most: Exp 1.2, Expm1 1.5, Log 1.5, Log1p 2, Sin and
// Cos 1.5, Tanh and Sigmoid 2.5, Erf 3, Rsqrt 1.5, Sqrt and Reciprocal 0.5. Gelu is within 2.5 times 2^-24*max(1, |x|). TestUnaryFloat32 checks
// these bounds on a sample of about a million numbers from the whole range, not on every one.
package kernel
