package dbconformer

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/fit"
)

// built returns the trainable values of a network at a size, by building its graph once.
func built(t *testing.T, net network, channels, samples int) int {
	t.Helper()
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	vars := mlctx.New()
	err = compute.Catch("building", func() error {
		net(vars, Parameter(NewGraph(backend, "count"), "x", shapes.Make(dtypes.Float32, 2, channels, samples)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fit.Size(vars)
}

func TestParameterCounts(t *testing.T) {
	for _, samples := range []int{1000, 1001} {
		size, err := SizeFor(22, samples, 2, 250, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n := built(t, size.variant(Variant{}), 22, samples); n != 93_747 {
			t.Errorf("T=%d: DBConformer has %d parameters, want 93747", samples, n)
		}
		// The count of 789,668 includes the layer norm and linear layer (80 + 82) of a second head that the authors of
		// EEG Conformer declare but do not use; it is not built here.
		if n := built(t, size.eegConformer(250), 22, samples) + 80 + 82; n != 789_668 {
			t.Errorf("T=%d: EEG Conformer has %d parameters, want 789668", samples, n)
		}
		if n := built(t, size.eegNet(250), 22, samples); n != 1406 {
			t.Errorf("T=%d: EEGNet has %d parameters, want 1406", samples, n)
		}
		if n := built(t, size.variant(Variant{NoSpatial: true}), 22, samples); n != 93_747-1096-22*40-2*19_720-1681-40*64 {
			t.Errorf("temporal branch alone has %d parameters", n)
		}
		if n := built(t, size.variant(Variant{MeanPool: true}), 22, samples); n != 93_747-1681 {
			t.Errorf("without channel attention there are %d parameters", n)
		}
		if n := built(t, size.variant(Variant{NoPositions: true}), 22, samples); n != 93_747-30*40 {
			t.Errorf("without position codes there are %d parameters", n)
		}
		if n := built(t, size.variant(Variant{Gated: true}), 22, samples); n != 93_747-40*64+80*40+40 {
			t.Errorf("with gated fusion there are %d parameters", n)
		}
	}
}

// The networks must compute, in double precision, what an independent implementation of their equations computes: see
// testdata/golden.py.
func TestNetworksAgreeWithPyTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Name                     string
			Batch, Channels, Samples int
			Parameters               int
			Logits, Attention        [][]float64
			Gradients                map[string]float64
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		t.Run(c.Name, func(t *testing.T) {
			size := Size{Channels: c.Channels, Samples: c.Samples, Classes: 3, Width: 8, Heads: 2, Depth: 2, Kernel: 9, Patch: 12, ElectrodeKernel: 7, ElectrodeStride: 3}
			net := size.variant(Variant{})
			if c.Name != "dbconformer" {
				size.Classes = 2
				net = size.eegNet(20)
				if c.Name == "eegconformer" {
					net = size.eegConformer(60)
					if taps, step, _ := conformerShape(c.Samples, 60); taps != 6 || step != 4 {
						t.Fatalf("taps %d, step %d", taps, step)
					}
				}
			}
			x := make([]float64, c.Batch*c.Channels*c.Samples)
			for i := range x {
				f := float64(i)
				x[i] = math.Sin(0.61*f) + 0.5*math.Sin(math.Mod(0.0173*f*f, 6.2831853))
			}
			labels := make([]int32, c.Batch)
			for i := range labels {
				labels[i] = int32(i % size.Classes)
			}
			vars := mlctx.New()
			xs := tensors.FromFlatDataAndDimensions(x, c.Batch, c.Channels, c.Samples)
			// Build once to learn the variables, then give them the values of the golden file's rule.
			err := compute.Catch("building", func() error {
				net(vars, Parameter(NewGraph(backend, "probe"), "x", xs.Shape()))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for v := range vars.IterVariables() {
				name := strings.TrimPrefix(v.ScopeAndName(), "/")
				if name == "rngState" || strings.HasPrefix(name, "#") {
					continue
				}
				phase := 0
				for k, ch := range []byte(name) {
					phase += (k + 1) * int(ch)
				}
				phase %= 97
				values := make([]float64, v.Shape().Size())
				for i := range values {
					w := 0.3 * math.Sin(0.37*float64(i)+float64(phase))
					if strings.HasSuffix(name, "/scale") || strings.HasSuffix(name, "/running_variance") {
						w++
					}
					values[i] = w
				}
				if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
					t.Fatal(err)
				}
				if v.Trainable {
					names = append(names, name)
				}
			}
			exec := mlctx.MustNewExec(backend, vars.Reuse(), func(ctx *mlctx.Context, x, y *Node) []*Node {
				logits, attention := net(ctx, x)
				if attention == nil {
					attention = logits
				}
				loss := ReduceAllMean(losses.SparseCategoricalCrossEntropyLogits([]*Node{y}, []*Node{logits}))
				out := []*Node{logits, attention}
				var params []*Node
				for _, name := range names {
					scope, short := "/", name
					if i := strings.LastIndex(name, "/"); i >= 0 {
						scope, short = "/"+name[:i], name[i+1:]
					}
					params = append(params, ctx.GetVariableByScopeAndName(scope, short).ValueGraph(x.Graph()))
				}
				return append(out, Gradient(loss, params...)...)
			})
			out := exec.MustExec(xs, tensors.FromFlatDataAndDimensions(labels, c.Batch, 1))
			compare := func(what string, got *tensors.Tensor, want [][]float64) {
				flat := tensors.MustCopyFlatData[float64](got)
				for i, row := range want {
					for j, w := range row {
						if g := flat[i*len(row)+j]; math.Abs(g-w) > 1e-9*(1+math.Abs(w)) {
							t.Errorf("%s %d,%d is %g, want %g", what, i, j, g, w)
						}
					}
				}
			}
			compare("logit", out[0], c.Logits)
			if c.Attention != nil {
				compare("attention", out[1], c.Attention)
			}
			if len(names) != len(c.Gradients) {
				t.Errorf("%d variables, the golden file has %d", len(names), len(c.Gradients))
			}
			for i, name := range names {
				want, ok := c.Gradients[name]
				if !ok {
					t.Errorf("the golden file has no variable %s", name)
					continue
				}
				got, scale := 0.0, 0.0
				for k, v := range tensors.MustCopyFlatData[float64](out[2+i]) {
					got += v * math.Cos(0.73*float64(k))
					scale += math.Abs(v)
				}
				if math.Abs(got-want) > 1e-9*(1+scale) {
					t.Errorf("gradient of %s: %g, want %g (sum of magnitudes %g)", name, got, want, scale)
				}
			}
		})
	}
}
