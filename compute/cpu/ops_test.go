package cpu_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

type builder = backends.Builder

// one makes a program of a single op.
func one(op func(b builder, in []backends.Op) (backends.Op, error)) program {
	return func(b builder, in []backends.Op) ([]backends.Op, error) {
		y, err := op(b, in)
		return []backends.Op{y}, err
	}
}

func TestLayout(t *testing.T) {
	rng := newRand(t)
	for _, dtype := range append([]dtypes.DType{dtypes.Bool}, stockDTypes...) {
		x := random(rng, dtype, false, 3, 4, 5)
		y := random(rng, dtype, false, 3, 2, 5)
		cases := map[string]program{
			"transpose": one(func(b builder, in []backends.Op) (backends.Op, error) { return b.Transpose(in[0], 2, 0, 1) }),
			"broadcast": one(func(b builder, in []backends.Op) (backends.Op, error) {
				return b.BroadcastInDim(in[0], shapes.Make(dtype, 2, 3, 4, 6, 5), []int{1, 2, 4})
			}),
			"slice": one(func(b builder, in []backends.Op) (backends.Op, error) {
				return b.Slice(in[0], []int{1, 0, 1}, []int{3, 4, 5}, []int{1, 3, 2})
			}),
			"reshape of transpose": one(func(b builder, in []backends.Op) (backends.Op, error) {
				z, err := b.Transpose(in[0], 1, 0, 2)
				if err != nil {
					return nil, err
				}
				return b.Reshape(z, 2, 30)
			}),
			"concatenate": one(func(b builder, in []backends.Op) (backends.Op, error) { return b.Concatenate(1, in[0], in[1], in[0]) }),
			"where": one(func(b builder, in []backends.Op) (backends.Op, error) {
				c, err := b.Equal(in[0], in[0])
				if err != nil {
					return nil, err
				}
				z, err := b.Transpose(in[0], 0, 1, 2)
				if err != nil {
					return nil, err
				}
				return b.Where(c, z, in[0])
			}),
		}
		for name, p := range cases {
			t.Run(name+dtype.String(), func(t *testing.T) {
				if dtype == dtypes.Bool && name == "where" {
					t.Skip("the stock backend does not compare booleans")
				}
				compare(t, 0, p, x, y)
			})
		}
	}
}

func TestConvert(t *testing.T) {
	rng := newRand(t)
	all := append([]dtypes.DType{dtypes.Bool}, stockDTypes...)
	for _, from := range all {
		for _, to := range all {
			x := random(rng, from, false, 100)
			if from.IsFloat() && to.IsUnsigned() {
				// Go leaves negative floats to unsigned integers to the machine; here they give 0.
				x = random(rng, dtypes.Uint8, false, 100)
			}
			t.Run(fmt.Sprint(from, to), func(t *testing.T) {
				tol := 1e-6
				if to == dtypes.BFloat16 {
					tol = 1.0 / 128 // the stock backend cuts where this one rounds
				}
				compare(t, tol, one(func(b builder, in []backends.Op) (backends.Op, error) {
					y, err := b.ConvertDType(in[0], from)
					if err != nil {
						return nil, err
					}
					return b.ConvertDType(y, to)
				}), x)
			})
		}
	}
}

// TestConv compares with the stock backend, whose kernel is a plain loop, over strides, dilations, padding, groups and axis orders.
func TestConv(t *testing.T) {
	rng := newRand(t)
	for i := range 60 {
		spatial := 1 + rng.IntN(3)
		axes := backends.ConvolveAxesConfig{}
		order := func() (int, int, []int) {
			p := rng.Perm(spatial + 2)
			return p[0], p[1], p[2:]
		}
		axes.InputBatch, axes.InputChannels, axes.InputSpatial = order()
		axes.KernelInputChannels, axes.KernelOutputChannels, axes.KernelSpatial = order()
		axes.OutputBatch, axes.OutputChannels, axes.OutputSpatial = order()
		groups := []int{1, 1, 2, 16}[rng.IntN(4)] // 16 groups of one channel are summed as vectors
		in, out := 1+rng.IntN(3), 1+rng.IntN(3)
		x, w := make([]int, spatial+2), make([]int, spatial+2)
		x[axes.InputBatch], x[axes.InputChannels] = 1+rng.IntN(3), in*groups
		w[axes.KernelInputChannels], w[axes.KernelOutputChannels] = in, out*groups
		var strides, inDil, kDil []int
		var pads [][2]int
		for s := range spatial {
			x[axes.InputSpatial[s]] = 1 + rng.IntN(9)
			w[axes.KernelSpatial[s]] = 1 + rng.IntN(4)
			strides = append(strides, 1+rng.IntN(2))
			inDil = append(inDil, 1+rng.IntN(2))
			kDil = append(kDil, 1+rng.IntN(2))
			need := (w[axes.KernelSpatial[s]]-1)*kDil[s] + 1
			pads = append(pads, [2]int{rng.IntN(3), rng.IntN(3) + need})
		}
		dtype := []dtypes.DType{dtypes.Float32, dtypes.Float64, dtypes.Int32, dtypes.BFloat16}[i%4]
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if i%3 == 0 {
				inDil = nil
			}
			compare(t, tolerance(dtype)*20, one(func(b builder, in []backends.Op) (backends.Op, error) {
				d := inDil
				if d == nil {
					d = slices.Repeat([]int{1}, spatial)
				}
				return b.ConvGeneral(in[0], in[1], axes, strides, pads, d, kDil, groups, 1)
			}), random(rng, dtype, false, x...), random(rng, dtype, false, w...))
		})
	}
}

func TestReduceWindow(t *testing.T) {
	rng := newRand(t)
	for i := range 60 {
		rank := 1 + rng.IntN(3)
		var dims, win, strides, base, dil []int
		var pads [][2]int
		for range rank {
			dims = append(dims, 2+rng.IntN(8))
			win = append(win, 1+rng.IntN(3))
			strides = append(strides, 1+rng.IntN(2))
			base = append(base, 1+rng.IntN(2))
			dil = append(dil, 1+rng.IntN(2))
			pads = append(pads, [2]int{rng.IntN(2), 4})
		}
		if i%3 == 0 {
			dims, win, strides, base, dil, pads = append(dims, 6), append(win, 1), append(strides, 1), append(base, 1), append(dil, 1), append(pads, [2]int{})
		}
		op := []backends.ReduceOpType{backends.ReduceOpSum, backends.ReduceOpMax, backends.ReduceOpMin, backends.ReduceOpProduct}[i%4]
		dtype := []dtypes.DType{dtypes.Float32, dtypes.Float64, dtypes.Int32}[i%3]
		t.Run(fmt.Sprint(i, op), func(t *testing.T) {
			compare(t, tolerance(dtype)*10, one(func(b builder, in []backends.Op) (backends.Op, error) {
				return b.ReduceWindow(in[0], op, win, strides, base, dil, pads)
			}), random(rng, dtype, false, dims...))
		})
	}
}

func TestGatherScatter(t *testing.T) {
	rng := newRand(t)
	for _, dtype := range stockDTypes {
		x := random(rng, dtype, false, 7, 5, 4)
		idx := random(rng, dtypes.Int32, false, 6, 2)
		t.Run("gather"+dtype.String(), func(t *testing.T) {
			compare(t, 0, one(func(b builder, in []backends.Op) (backends.Op, error) {
				return b.Gather(in[0], in[1], 1, []int{0, 2}, []int{0}, []int{0, 1}, []int{1, 2, 4}, false)
			}), x, idx)
		})
		// Indices inside: the stock backend does not check them.
		inside := tensor{shapes.Make(dtypes.Int64, 6, 2), []int64{0, 0, 3, 1, 6, 3, 3, 1, 2, 2, 0, 0}}
		updates := random(rng, dtype, false, 6, 2, 4)
		for name, op := range map[string]func(builder, backends.Op, backends.Op, backends.Op, int, []int, []int, []int, bool, bool) (backends.Op, error){
			"sum": builder.ScatterSum, "max": builder.ScatterMax, "min": builder.ScatterMin} {
			t.Run(name+dtype.String(), func(t *testing.T) {
				compare(t, tolerance(dtype), one(func(b builder, in []backends.Op) (backends.Op, error) {
					return op(b, in[0], in[1], in[2], 1, []int{1, 2}, []int{0}, []int{0, 1}, false, false)
				}), x, inside, updates)
			})
		}
	}
}

func TestArgMinMax(t *testing.T) {
	rng := newRand(t)
	for _, dtype := range stockDTypes {
		for axis := range 3 {
			for _, isMin := range []bool{false, true} {
				t.Run(fmt.Sprint(dtype, axis, isMin), func(t *testing.T) {
					compare(t, 0, one(func(b builder, in []backends.Op) (backends.Op, error) {
						return b.ArgMinMax(in[0], axis, dtypes.Int32, isMin)
					}), random(rng, dtype, false, 4, 6, 5))
				})
			}
		}
	}
}

// TestRandomBits checks that the stream and the next states are the stock backend's, bit for bit, also where workers start in the middle.
func TestRandomBits(t *testing.T) {
	state := tensor{backends.RNGStateShape, []uint64{42, 7, 0}}
	for _, shape := range []shapes.Shape{shapes.Make(dtypes.Uint32), shapes.Make(dtypes.Uint8, 3), shapes.Make(dtypes.Uint64, 5, 7), shapes.Make(dtypes.Uint32, 100001)} {
		t.Run(shape.String(), func(t *testing.T) {
			compare(t, 0, func(b builder, in []backends.Op) ([]backends.Op, error) {
				next, first, err := b.RNGBitGenerator(in[0], shape)
				if err != nil {
					return nil, err
				}
				_, second, err := b.RNGBitGenerator(next, shape)
				return []backends.Op{first, second}, err
			}, state)
		})
	}
}

// TestPad, TestDynamicSlices, TestReverse, TestShifts and TestFFT check ops the stock backend lacks against their definitions.
func TestPad(t *testing.T) {
	x := tensor{shapes.Make(dtypes.Int32, 2, 3), []int32{1, 2, 3, 4, 5, 6}}
	pad := func(p ...backends.PadAxis) program {
		return one(func(b builder, in []backends.Op) (backends.Op, error) {
			zero, err := b.Constant([]int32{9})
			if err != nil {
				return nil, err
			}
			return b.Pad(in[0], zero, p...)
		})
	}
	for _, c := range []struct {
		name string
		pads []backends.PadAxis
		want []int32
	}{
		{"nothing", nil, []int32{1, 2, 3, 4, 5, 6}},
		{"around", []backends.PadAxis{{}, {Start: 1, End: 2}}, []int32{9, 1, 2, 3, 9, 9, 9, 4, 5, 6, 9, 9}},
		{"between", []backends.PadAxis{{Interior: 1}, {Interior: 1, Start: -1}}, []int32{9, 2, 9, 3, 9, 9, 9, 9, 9, 5, 9, 6}},
		{"cut", []backends.PadAxis{{Start: -1}, {End: -2}}, []int32{4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, ours, pad(c.pads...), x)[0].flat.([]int32)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestDynamicSlices(t *testing.T) {
	x := tensor{shapes.Make(dtypes.Int32, 3, 4), []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}
	u := tensor{shapes.Make(dtypes.Int32, 2, 2), []int32{-1, -2, -3, -4}}
	for _, c := range []struct {
		i, j          int64
		slice, update []int32
	}{
		{0, 0, []int32{0, 1, 4, 5}, []int32{-1, -2, 2, 3, -3, -4, 6, 7, 8, 9, 10, 11}},
		{1, 2, []int32{6, 7, 10, 11}, []int32{0, 1, 2, 3, 4, 5, -1, -2, 8, 9, -3, -4}},
		{99, -5, []int32{4, 5, 8, 9}, []int32{0, 1, 2, 3, -1, -2, 6, 7, -3, -4, 10, 11}},
	} {
		i, j := tensor{shapes.Make(dtypes.Int64), []int64{c.i}}, tensor{shapes.Make(dtypes.Int64), []int64{c.j}}
		got := run(t, ours, func(b builder, in []backends.Op) ([]backends.Op, error) {
			s, err := b.DynamicSlice(in[0], in[2:4], []int{2, 2})
			if err != nil {
				return nil, err
			}
			v, err := b.DynamicUpdateSlice(in[0], in[1], in[2:4])
			return []backends.Op{s, v}, err
		}, x, u, i, j)
		if s := got[0].flat.([]int32); !slices.Equal(s, c.slice) {
			t.Errorf("slice at %d, %d: got %v, want %v", c.i, c.j, s, c.slice)
		}
		if v := got[1].flat.([]int32); !slices.Equal(v, c.update) {
			t.Errorf("update at %d, %d: got %v, want %v", c.i, c.j, v, c.update)
		}
	}
}

func TestReverse(t *testing.T) {
	x := tensor{shapes.Make(dtypes.Int32, 2, 3), []int32{1, 2, 3, 4, 5, 6}}
	got := run(t, ours, one(func(b builder, in []backends.Op) (backends.Op, error) { return b.Reverse(in[0], 0, 1) }), x)[0].flat.([]int32)
	if want := []int32{6, 5, 4, 3, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestShifts(t *testing.T) {
	x := tensor{shapes.Make(dtypes.Int8, 4), []int8{-128, -1, 3, 64}}
	y := tensor{shapes.Make(dtypes.Int8, 4), []int8{1, 9, 2, 1}}
	got := run(t, ours, func(b builder, in []backends.Op) ([]backends.Op, error) {
		l, err := b.ShiftLeft(in[0], in[1])
		if err != nil {
			return nil, err
		}
		a, err := b.ShiftRightArithmetic(in[0], in[1])
		if err != nil {
			return nil, err
		}
		r, err := b.ShiftRightLogical(in[0], in[1])
		return []backends.Op{l, a, r}, err
	}, x, y)
	for i, want := range [][]int8{{0, 0, 12, -128}, {-64, -1, 0, 32}, {64, 0, 0, 32}} {
		if g := got[i].flat.([]int8); !slices.Equal(g, want) {
			t.Errorf("shift %d: got %v, want %v", i, g, want)
		}
	}
}

func TestFFT(t *testing.T) {
	rng := newRand(t)
	for _, n := range []int{1, 2, 5, 8, 12} {
		x := tensor{shapes.Make(dtypes.Complex128, 3, n), make([]complex128, 3*n)}
		for i := range x.flat.([]complex128) {
			x.flat.([]complex128)[i] = complex(rng.NormFloat64(), rng.NormFloat64())
		}
		got := run(t, ours, func(b builder, in []backends.Op) ([]backends.Op, error) {
			y, err := b.FFT(in[0], backends.FFTForward, []int{n})
			if err != nil {
				return nil, err
			}
			z, err := b.FFT(y, backends.FFTInverse, []int{n})
			if err != nil {
				return nil, err
			}
			re, err := b.Real(in[0])
			if err != nil {
				return nil, err
			}
			half, err := b.FFT(re, backends.FFTForwardReal, []int{n})
			if err != nil {
				return nil, err
			}
			back, err := b.FFT(half, backends.FFTInverseReal, []int{n})
			return []backends.Op{y, z, half, back}, err
		}, x)
		for row := range 3 {
			in := x.flat.([]complex128)[row*n : (row+1)*n]
			for k := range n {
				var want, real_ complex128
				for j, v := range in {
					w := cmplx.Exp(complex(0, -2*math.Pi*float64(j*k)/float64(n)))
					want += v * w
					real_ += complex(real(v), 0) * w
				}
				if d := cmplx.Abs(got[0].flat.([]complex128)[row*n+k] - want); d > 1e-12 {
					t.Errorf("n=%d: forward %d off by %g", n, k, d)
				}
				if d := cmplx.Abs(got[1].flat.([]complex128)[row*n+k] - in[k]); d > 1e-12 {
					t.Errorf("n=%d: inverse %d off by %g", n, k, d)
				}
				if h := n/2 + 1; k < h {
					if d := cmplx.Abs(got[2].flat.([]complex128)[row*h+k] - real_); d > 1e-12 {
						t.Errorf("n=%d: real forward %d off by %g", n, k, d)
					}
				}
				if d := math.Abs(got[3].flat.([]float64)[row*n+k] - real(in[k])); d > 1e-12 {
					t.Errorf("n=%d: real inverse %d off by %g", n, k, d)
				}
			}
		}
	}
}

func TestTotalOrder(t *testing.T) {
	nan := float32(math.NaN())
	values := []float32{float32(math.Copysign(float64(nan), -1)), float32(math.Inf(-1)), -1, float32(math.Copysign(0, -1)), 0, 1, float32(math.Inf(1)), nan}
	n := len(values)
	var x, y []float32
	for _, a := range values {
		for _, b := range values {
			x, y = append(x, a), append(y, b)
		}
	}
	got := run(t, ours, one(func(b builder, in []backends.Op) (backends.Op, error) { return b.LessThanTotalOrder(in[0], in[1]) }),
		tensor{shapes.Make(dtypes.Float32, n*n), x}, tensor{shapes.Make(dtypes.Float32, n*n), y})[0].flat.([]bool)
	for i := range n {
		for j := range n {
			if got[i*n+j] != (i < j) {
				t.Errorf("%g < %g: got %v", values[i], values[j], got[i*n+j])
			}
		}
	}
}

// TestZeroSize runs every kind of step on operands without values.
func TestZeroSize(t *testing.T) {
	x := tensor{shapes.Make(dtypes.Float32, 3, 0, 2), []float32{}}
	got := run(t, ours, func(b builder, in []backends.Op) ([]backends.Op, error) {
		var out []backends.Op
		var failed error
		keep := func(o backends.Op, err error) backends.Op {
			if err != nil && failed == nil {
				failed = err
			}
			out = append(out, o)
			return o
		}
		e := keep(b.Exp(in[0]))
		keep(b.ReduceSum(e, 1))
		keep(b.ReduceMax(e))
		keep(b.Transpose(e, 2, 1, 0))
		keep(b.Reshape(e, 0, 6))
		keep(b.Concatenate(1, e, in[0]))
		keep(b.DotGeneral(e, []int{1}, nil, e, []int{1}, nil))
		keep(b.DotGeneral(e, []int{2}, []int{0}, e, []int{2}, []int{0}))
		keep(b.Slice(e, []int{0, 0, 0}, []int{2, 0, 1}, []int{1, 1, 1}))
		return out, failed
	}, x)
	if v := got[1].flat.([]float32); !slices.Equal(v, make([]float32, 6)) {
		t.Errorf("sums over nothing: got %v, want zeros", v)
	}
	if v := got[2].flat.([]float32)[0]; !math.IsInf(float64(v), -1) {
		t.Errorf("maximum of nothing: got %g, want -Inf", v)
	}
	if v := got[6].flat.([]float32); !slices.Equal(v, make([]float32, 36)) {
		t.Errorf("products over nothing: got %v, want zeros", v)
	}
}

// TestRandomPrograms builds random graphs of element-wise ops, reductions, layout changes and products and compares every value they
// make, so that each fusion is seen with its members stored and not.
func TestRandomPrograms(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dims := [][]int{{6, 8}, {3, 40, 5}, {64, 48}, {2, 3, 4, 5}}[seed%4]
			rng := rand.New(rand.NewPCG(seed, 5))
			inputs := []tensor{random(rng, dtypes.Float64, false, dims...), random(rng, dtypes.Float64, false, dims...), random(rng, dtypes.Float64, false, dims[len(dims)-1])}
			shape := shapes.Make(dtypes.Float64, dims...)
			keepAll := seed%3 == 0
			compare(t, 1e-9, func(b builder, in []backends.Op) ([]backends.Op, error) {
				rng := rand.New(rand.NewPCG(seed, 6))
				wide, err := b.BroadcastInDim(in[2], shape, []int{len(dims) - 1})
				if err != nil {
					return nil, err
				}
				pool := []backends.Op{in[0], in[1], wide}
				var out []backends.Op
				pick := func() backends.Op { return pool[rng.IntN(len(pool))] }
				for range 14 {
					var y backends.Op
					x := pick()
					switch rng.IntN(9) {
					case 0, 1:
						y, err = b.Add(x, pick())
					case 2:
						y, err = b.Mul(x, pick())
					case 3:
						y, err = b.Tanh(x)
					case 4: // a value for each row, broadcast back
						last := len(dims) - 1
						if y, err = b.ReduceMax(x, last); err == nil {
							axes := make([]int, last)
							for i := range axes {
								axes[i] = i
							}
							if y, err = b.Logistic(y); err == nil {
								y, err = b.BroadcastInDim(y, shape, axes)
							}
						}
					case 5: // a value for each column
						if y, err = b.ReduceSum(x, 0); err == nil {
							if y, err = b.Sin(y); err == nil {
								axes := make([]int, len(dims)-1)
								for i := range axes {
									axes[i] = i + 1
								}
								y, err = b.BroadcastInDim(y, shape, axes)
							}
						}
					case 6: // middle axis, or all
						if y, err = b.ReduceSum(x, 1); err == nil && len(dims) > 2 {
							axes := []int{0}
							for i := 2; i < len(dims); i++ {
								axes = append(axes, i)
							}
							y, err = b.Cos(y)
							if err == nil {
								y, err = b.BroadcastInDim(y, shape, axes)
							}
						} else if err == nil {
							y, err = b.BroadcastInDim(y, shape, []int{0})
						}
					case 7: // there and back
						n := len(dims)
						order, back := rng.Perm(n), make([]int, n)
						for i, a := range order {
							back[a] = i
						}
						if y, err = b.Transpose(x, order...); err == nil {
							if y, err = b.Neg(y); err == nil {
								y, err = b.Transpose(y, back...)
							}
						}
					case 8:
						c, e := b.GreaterThan(x, pick())
						if e != nil {
							return nil, e
						}
						y, err = b.Where(c, pick(), pick())
					}
					if err != nil {
						return nil, err
					}
					pool = append(pool, y)
					if keepAll {
						out = append(out, y)
					}
				}
				last := pool[len(pool)-1]
				sum, err := b.ReduceSum(last)
				if err != nil {
					return nil, err
				}
				if !keepAll {
					out = append(out, last)
				}
				return append(out, sum), nil
			}, inputs...)
		})
	}
}
