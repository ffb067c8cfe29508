package nn

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

// draw returns what an initializer makes of a float64 variable.
func draw(t *testing.T, b backends.Backend, init Initializer, dims ...int) []float64 {
	t.Helper()
	vars := mlctx.New()
	if err := vars.SetRNGStateFromSeed(3); err != nil {
		t.Fatal(err)
	}
	e, err := mlctx.NewExec(b, vars, func(ctx *mlctx.Context, g *graph.Graph) *graph.Node {
		return init(ctx)(g, shapes.Make(dtypes.Float64, dims...))
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Exec()
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float64](out[0])
}

func moments(x []float64) (mean, sd, largest float64) {
	for _, v := range x {
		mean += v / float64(len(x))
		largest = max(largest, math.Abs(v))
	}
	for _, v := range x {
		sd += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, math.Sqrt(sd), largest
}

func TestInitializers(t *testing.T) {
	const n = 40000
	// The standard deviation of a standard normal cut off at ±c.
	cut := func(c float64) float64 {
		density := math.Exp(-c*c/2) / math.Sqrt(2*math.Pi)
		return math.Sqrt(1 - 2*c*density/math.Erf(c/math.Sqrt2))
	}
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		for _, c := range []struct {
			name      string
			init      Initializer
			sd, limit float64
		}{
			{"normal", Normal(0.3), 0.3, math.Inf(1)},
			{"uniform", Uniform(0.6), 0.6 / math.Sqrt(3), 0.6},
			{"fan in", FanInUniform(25), 0.2 / math.Sqrt(3), 0.2},
			{"xavier", XavierUniform(2, 10, 14), 1 / math.Sqrt(3), 1},
			{"scaled", Scaled(0.5, Uniform(2)), 1 / math.Sqrt(3), 1},
			{"cut at 1 sd", TruncatedNormal(0.5, 0.5), 0.5 * cut(1), 0.5},
			{"cut at 2 sd", TruncatedNormal(1, 2), cut(2), 2},
			{"cut at 4 sd", TruncatedNormal(0.5, 2), 0.5 * cut(4), 2},
			{"cut far out", TruncatedNormal(0.01, 2), 0.01, 2},
			{"zeros", Zeros, 0, 0},
		} {
			mean, sd, largest := moments(draw(t, b, c.init, n))
			// Five standard errors of a mean; the error of an sd is smaller than that of the mean.
			if tolerance := 5 * c.sd / math.Sqrt(n); math.Abs(mean) > tolerance || math.Abs(sd-c.sd) > tolerance || largest > c.limit*(1+1e-12) {
				t.Errorf("%s: mean %v, sd %v (expected %v), largest %v (limit %v)", c.name, mean, sd, c.sd, largest, c.limit)
			}
		}
	})
}

func TestErfInverse(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		var x []float64
		for v := -0.9999; v < 1; v += 0.0101 {
			x = append(x, v)
		}
		out := run(t, b, mlctx.New(), []array{{[]int{len(x)}, x}}, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
			return []*graph.Node{erfInverse(in[0])}
		})
		for i, got := range tensors.MustCopyFlatData[float64](out[0]) {
			if want := math.Erfinv(x[i]); math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("at %v: %v, expected %v", x[i], got, want)
			}
		}
	})
}

func TestOrthogonal(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		for _, dims := range [][]int{{6, 6}, {3, 9}, {9, 3}, {4, 2, 5}, {64, 64}} {
			rows := dims[0]
			columns := 1
			for _, d := range dims[1:] {
				columns *= d
			}
			q := draw(t, b, Orthogonal(2), dims...)
			at := func(i, j int) float64 { // vector i, element j of the fewer vectors
				if rows <= columns {
					return q[i*columns+j]
				}
				return q[j*columns+i]
			}
			for i := range min(rows, columns) {
				for k := range i + 1 {
					dot := 0.0
					for j := range max(rows, columns) {
						dot += at(i, j) * at(k, j)
					}
					want := 0.0
					if i == k {
						want = 4
					}
					if math.Abs(dot-want) > 1e-9 {
						t.Fatalf("%v: vectors %d and %d have product %v, expected %v", dims, i, k, dot, want)
					}
				}
			}
		}
	})
}

// TestConvolutions compares convolutions of all kinds of sizes, and their gradients, with loops.
func TestConvolutions(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		for range 100 {
			batch, in, time := 1+random.IntN(3), 1+random.IntN(4), 1+random.IntN(40)
			stride, padding, same := 1+random.IntN(5), random.IntN(6), random.IntN(4) == 0
			kernel := 2*padding + 1 + random.IntN(time)
			if same {
				stride, padding, kernel = 1, 0, 1+random.IntN(2*time)
			}
			depthwise := random.IntN(2) == 0
			channels, per := in, 1
			if !depthwise {
				channels, per = 1+random.IntN(4), in
			}
			x := array{[]int{batch, in, time}, wave(batch * in * time)}
			w := array{[]int{channels, per, kernel}, wave(channels * per * kernel)}
			out := run(t, b, mlctx.New(), []array{x, w}, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
				y := newWindows("test", in[0], kernel, stride, padding, same).convolve(in[0], in[1], depthwise)
				if !convolutionsTrain(b) {
					return []*graph.Node{y}
				}
				return append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Sin(y)), in...)...)
			})
			before, count := padding, (time+2*padding-kernel)/stride+1
			if same {
				before, count = (kernel-1)/2, time
			}
			want := array{Shape: []int{batch, channels, count}}
			gradX, gradW := array{x.Shape, make([]float64, len(x.Flat))}, array{w.Shape, make([]float64, len(w.Flat))}
			for n := range batch {
				for c := range channels {
					for i := range count {
						// products calls f with the places in x and w of everything that output i sums.
						products := func(f func(atX, atW int)) {
							for p := range per {
								from := p
								if depthwise {
									from = c
								}
								for k := range kernel {
									if at := i*stride + k - before; at >= 0 && at < time {
										f((n*in+from)*time+at, (c*per+p)*kernel+k)
									}
								}
							}
						}
						sum := 0.0
						products(func(atX, atW int) { sum += x.Flat[atX] * w.Flat[atW] })
						want.Flat = append(want.Flat, sum)
						products(func(atX, atW int) {
							gradX.Flat[atX] += math.Cos(sum) * w.Flat[atW]
							gradW.Flat[atW] += math.Cos(sum) * x.Flat[atX]
						})
					}
				}
			}
			near(t, "convolution", out[0], want)
			if len(out) > 1 {
				near(t, "gradient of the input", out[1], gradX)
				near(t, "gradient of the kernel", out[2], gradW)
			}
		}
	})
}

func TestDropoutKeepsTheMeanAndOnlyTrains(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		const n = 20000
		ones := array{[]int{n}, make([]float64, n)}
		for i := range ones.Flat {
			ones.Flat[i] = 1
		}
		vars := mlctx.New()
		if err := vars.SetRNGStateFromSeed(1); err != nil {
			t.Fatal(err)
		}
		out := run(t, b, vars, []array{ones}, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			still := Dropout(ctx, in[0], 0.3)
			ctx.SetTraining(in[0].Graph(), true)
			y := Dropout(ctx, in[0], 0.3)
			return []*graph.Node{still, y, graph.Gradient(graph.ReduceAllSum(y), in[0])[0]}
		})
		near(t, "outside training", out[0], ones)
		y := tensors.MustCopyFlatData[float64](out[1])
		gone := 0.0
		for _, v := range y {
			switch {
			case v == 0:
				gone++
			case math.Abs(v-1/0.7) > 1e-9:
				t.Fatalf("an element is %v, expected 0 or %v", v, 1/0.7)
			}
		}
		if share := gone / n; math.Abs(share-0.3) > 5*math.Sqrt(0.3*0.7/n) {
			t.Errorf("a share of %v is dropped, expected 0.3", share)
		}
		near(t, "gradient", out[2], array{ones.Shape, y})
	})
}

func TestCoordinatedDropout(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		const n, keep = 20000, 0.4
		x := array{[]int{n}, make([]float64, n)}
		for i := range x.Flat {
			x.Flat[i] = 2
		}
		vars := mlctx.New()
		if err := vars.SetRNGStateFromSeed(2); err != nil {
			t.Fatal(err)
		}
		out := run(t, b, vars, []array{x}, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			if same, mask := CoordinatedDropout(ctx, in[0], keep); same != in[0] || mask != nil || MaskGradient(same, nil) != same {
				t.Error("outside training the input is changed")
			}
			ctx.SetTraining(in[0].Graph(), true)
			input, learn := CoordinatedDropout(ctx, in[0], keep)
			masked := MaskGradient(graph.Square(in[0]), learn)
			return []*graph.Node{input, learn, masked, graph.Gradient(graph.ReduceAllSum(masked), in[0])[0]}
		})
		input, learn := tensors.MustCopyFlatData[float64](out[0]), tensors.MustCopyFlatData[float64](out[1])
		var kept, both float64
		for i := range input {
			switch {
			case input[i] == 0 && learn[i] == 1:
			case math.Abs(input[i]-2/keep) < 1e-9 && (learn[i] == 0 || learn[i] == 1):
				kept++
				both += learn[i]
			default:
				t.Fatalf("element %d: input %v, learn %v", i, input[i], learn[i])
			}
		}
		if share := kept / n; math.Abs(share-keep) > 5*math.Sqrt(keep*(1-keep)/n) {
			t.Errorf("a share of %v is kept, expected %v", share, keep)
		}
		if share := both / kept; math.Abs(share-(1-keep)) > 5*math.Sqrt(keep*(1-keep)/kept) {
			t.Errorf("a share of %v of the kept learns, expected %v", share, 1-keep)
		}
		for i, v := range tensors.MustCopyFlatData[float64](out[2]) {
			grad := tensors.MustCopyFlatData[float64](out[3])
			if v != 4 || grad[i] != 4*learn[i] {
				t.Fatalf("element %d: value %v, gradient %v where learn is %v", i, v, grad[i], learn[i])
			}
			if i == 100 {
				break
			}
		}
	})
}

func TestMaskGradientCountsWhatIsBeyondTheMask(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		x := array{[]int{2, 3}, []float64{1, 2, 3, 4, 5, 6}}
		mask := array{[]int{1, 2}, []float64{0, 1}}
		out := run(t, b, mlctx.New(), []array{x, mask}, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
			y := MaskGradient(in[0], in[1])
			return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(y), in[0])[0]}
		})
		near(t, "value", out[0], x)
		near(t, "gradient", out[1], array{x.Shape, []float64{0, 1, 1, 1, 1, 1}})
	})
}

func TestReparameterizeDrawsTheDistribution(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		const n = 20000
		mean, logVariance := array{[]int{n}, make([]float64, n)}, array{[]int{1}, []float64{math.Log(0.25)}}
		for i := range mean.Flat {
			mean.Flat[i] = 3
		}
		vars := mlctx.New()
		if err := vars.SetRNGStateFromSeed(4); err != nil {
			t.Fatal(err)
		}
		out := run(t, b, vars, []array{mean, logVariance}, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			return []*graph.Node{Reparameterize(ctx, in[0], in[1])}
		})
		m, sd, _ := moments(tensors.MustCopyFlatData[float64](out[0]))
		if tolerance := 5 * 0.5 / math.Sqrt(n); math.Abs(m-3) > tolerance || math.Abs(sd-0.5) > tolerance {
			t.Errorf("mean %v and sd %v, expected 3 and 0.5", m, sd)
		}
	})
}

func TestAttentionPoolWeighsTokens(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		z := array{[]int{2, 3, 2}, wave(12)}
		vars := mlctx.New()
		if err := vars.SetRNGStateFromSeed(4); err != nil {
			t.Fatal(err)
		}
		out := run(t, b, vars, []array{z}, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			pooled, alpha := AttentionPool{Hidden: 4}.Apply(ctx, in[0])
			return []*graph.Node{pooled, alpha}
		})
		weight := func(name string) []float64 {
			scope, name := mlctx.SplitScope(name)
			return tensors.MustCopyFlatData[float64](vars.GetVariableByScopeAndName(scope, name).MustValue())
		}
		w1, b1, w2, b2 := weight("/w1/weights"), weight("/w1/bias"), weight("/w2/weights"), weight("/w2/bias")
		alpha := array{[]int{2, 3}, make([]float64, 6)}
		pooled := array{[]int{2, 2}, make([]float64, 4)}
		for n := range 2 {
			sum := 0.0
			for token := range 3 {
				a := b2[0]
				for j := range 4 {
					h := b1[j]
					for d := range 2 {
						h += z.Flat[(n*3+token)*2+d] * w1[d*4+j]
					}
					a += w2[j] * math.Tanh(h)
				}
				alpha.Flat[n*3+token] = math.Exp(a)
				sum += math.Exp(a)
			}
			for token := range 3 {
				alpha.Flat[n*3+token] /= sum
				for d := range 2 {
					pooled.Flat[n*2+d] += alpha.Flat[n*3+token] * z.Flat[(n*3+token)*2+d]
				}
			}
		}
		near(t, "pooled", out[0], pooled)
		near(t, "weights", out[1], alpha)
	})
}

func TestUnstackAndStackAreInverse(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		x := array{[]int{2, 3, 4}, wave(24)}
		out := run(t, b, mlctx.New(), []array{x}, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
			xs := Unstack(in[0])
			return []*graph.Node{Stack(xs), xs[1]}
		})
		near(t, "restacked", out[0], x)
		near(t, "time 1", out[1], array{[]int{2, 4}, append(append([]float64{}, x.Flat[4:8]...), x.Flat[16:20]...)})
	})
}

// TestMistakesAreExplained checks that wrong shapes and options become errors that say what was wrong.
func TestMistakesAreExplained(t *testing.T) {
	b, err := compute.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	x := array{[]int{2, 3, 8}, wave(48)}
	for _, c := range []struct {
		want  string
		apply func(ctx *mlctx.Context, x *graph.Node) *graph.Node
	}{
		{"5 heads, which do not divide the 8 features", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return SelfAttention{Heads: 5}.Apply(ctx, x)
		}},
		{"Linear layer of 0 outputs", func(ctx *mlctx.Context, x *graph.Node) *graph.Node { return Linear{}.Apply(ctx, x) }},
		{"dropout rate is 1", func(ctx *mlctx.Context, x *graph.Node) *graph.Node { return Dropout(ctx, x, 1) }},
		{"keeps a share of 0", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			y, _ := CoordinatedDropout(ctx, x, 0)
			return y
		}},
		{"kernel 9 and padding 0 (at most half the kernel), which do not fit the 8 samples", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return DepthwiseConv1D{Kernel: 9}.Apply(ctx, x)
		}},
		{"stride 2 and padding 0 beside Same", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return Conv1D{Out: 1, Kernel: 3, Stride: 2, Same: true}.Apply(ctx, x)
		}},
		{"needs channels along axis 3", func(ctx *mlctx.Context, x *graph.Node) *graph.Node { return BatchNorm{Axis: 3}.Apply(ctx, x) }},
		{"Conv1D has 0 outputs", func(ctx *mlctx.Context, x *graph.Node) *graph.Node { return Conv1D{Kernel: 3}.Apply(ctx, x) }},
		{"window 9 and stride 9", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return AvgPool1D{Window: 9}.Apply(x) }},
		{"needs an input [batch, 3]", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			c := NewGRUCell(ctx, x, 3, 4)
			return c.Step(Unstack(x)[0], c.Zero(2))
		}},
		{"needs [batch, tokens, features]", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			y, _ := AttentionPool{Hidden: 2}.Apply(ctx, graph.Reshape(x, 6, 8))
			return y
		}},
		{"needs [batch, time, features]", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return Unstack(graph.Reshape(x, 6, 8))[0] }},
		{"at least 2 values per channel", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			ctx.SetTraining(x.Graph(), true)
			return BatchNorm{}.Apply(ctx, graph.Reshape(x, 1, 48))
		}},
		{"gradient mask of shape", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return MaskGradient(graph.Reshape(x, 6, 8), x) }},
	} {
		err := compute.Catch("building", func() error {
			e, err := mlctx.NewExec(b, mlctx.New(), c.apply)
			if err != nil {
				return err
			}
			_, err = e.Exec(x.tensor())
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, expected one with %q", err, c.want)
		}
	}
}
