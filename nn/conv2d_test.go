package nn

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

// TestConv2D compares convolutions of all kinds of sizes, and their gradients, with loops.
func TestConv2D(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		for range 60 {
			batch, in, out := 1+random.IntN(3), 1+random.IntN(4), 1+random.IntN(4)
			high, wide := 1+random.IntN(9), 1+random.IntN(9)
			stride, padding := 1+random.IntN(3), random.IntN(3)
			kernel := 2*padding + 1 + random.IntN(min(high, wide))
			x := array{[]int{batch, high, wide, in}, wave(batch * high * wide * in)}
			w := array{[]int{kernel, kernel, in, out}, wave(kernel * kernel * in * out)}
			got := run(t, b, mlctx.New(), []array{x, w}, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
				y := convolve2D(in[0], in[1], stride, padding)
				if !convolutionsTrain(b) {
					return []*graph.Node{y}
				}
				return append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Sin(y)), in...)...)
			})
			outHigh, outWide := (high+2*padding-kernel)/stride+1, (wide+2*padding-kernel)/stride+1
			want := array{Shape: []int{batch, outHigh, outWide, out}}
			gradX, gradW := array{x.Shape, make([]float64, len(x.Flat))}, array{w.Shape, make([]float64, len(w.Flat))}
			for n := range batch * outHigh * outWide * out {
				o, col, row, image := n%out, n/out%outWide, n/out/outWide%outHigh, n/out/outWide/outHigh
				products := func(f func(atX, atW int)) {
					for k := range kernel * kernel * in {
						c, r, q := k/in%kernel+col*stride-padding, k/in/kernel+row*stride-padding, k%in
						if c >= 0 && c < wide && r >= 0 && r < high {
							f(((image*high+r)*wide+c)*in+q, k*out+o)
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
			near(t, "convolution", got[0], want)
			if len(got) > 1 {
				near(t, "gradient of the input", got[1], gradX)
				near(t, "gradient of the kernel", got[2], gradW)
			}
		}
	})
}

func TestConv2DExplainsMistakes(t *testing.T) {
	b, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	err = compute.Catch("building", func() error {
		_, err := mlctx.ExecOnce(b, mlctx.New(), func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return Conv2D{Out: 2, Kernel: 3, Padding: 2}.Apply(ctx, x)
		},
			tensors.FromFlatDataAndDimensions(make([]float32, 16), 1, 4, 4, 1))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "at most half the kernel") {
		t.Errorf("error %v", err)
	}
}
