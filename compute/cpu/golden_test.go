package cpu_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// goldenNetwork is a network of testdata/golden.py: its loss as a function of the input and the parameters.
type goldenNetwork struct {
	input  []int
	params [][]int
	loss   func(x *Node, p []*Node) *Node
}

var goldenNetworks = map[string]goldenNetwork{
	"convnet": {[]int{3, 4, 9, 8}, [][]int{{6, 4, 3, 3}, {6}, {4, 3, 2, 2}, {5, 4}}, func(x *Node, p []*Node) *Node {
		x = TransposeAllAxes(x, 0, 2, 3, 1)                                      // batch, height, width, channels
		kernel := func(w *Node) *Node { return TransposeAllAxes(w, 2, 3, 1, 0) } // height, width, in, out
		h := Convolve(x, kernel(p[0])).Strides(2).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
		h = MaxScalar(Add(h, ExpandLeftToRank(p[1], 4)), 0)
		h = Convolve(h, kernel(p[2])).ChannelGroupCount(2).Strides(1).Dilations(2).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
		logits := Dot(ReduceMean(MaxScalar(h, 0), 1, 2), Transpose(p[3], 0, 1)) // [3, 5]
		truth := OneHot(Const(x.Graph(), []int32{1, 4, 0}), 5, x.DType())
		return Neg(ReduceAllMean(ReduceSum(Mul(truth, LogSoftmax(logits, -1)), -1)))
	}},
	"transformer": {[]int{2, 5, 8}, [][]int{{8, 8}, {8, 8}, {8, 8}, {8, 8}, {8, 12}, {12}, {12, 8}, {8}, {8}}, func(x *Node, p []*Node) *Node {
		norm := func(x *Node) *Node {
			c := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
			return Div(c, Sqrt(AddScalar(ReduceAndKeep(Square(c), ReduceMean, -1), 1e-5)))
		}
		row := func(v *Node) *Node { return ExpandLeftToRank(v, 3) }
		project := func(y, w *Node) *Node { return DotGeneral(y, []int{2}, nil, w, []int{0}, nil) }
		heads := func(y *Node) *Node { return Reshape(y, 2, 5, 2, 4) }
		y := Add(Mul(norm(x), row(p[7])), row(p[8]))
		a := Softmax(DivScalar(Einsum("bqhd,bkhd->bhqk", heads(project(y, p[0])), heads(project(y, p[1]))), 2), -1)
		x = Add(x, project(Reshape(Einsum("bhqk,bkhd->bqhd", a, heads(project(y, p[2]))), 2, 5, 8), p[3]))
		f := Add(project(norm(x), p[4]), row(p[5]))
		f = Mul(MulScalar(f, 0.5), AddScalar(Erf(MulScalar(f, math.Sqrt2/2)), 1))
		return ReduceAllMean(Square(Add(x, project(f, p[6]))))
	}},
	"gru": {[]int{3, 7, 4}, [][]int{{18, 4}, {18, 6}, {18}, {18}}, func(x *Node, p []*Node) *Node {
		h := Zeros(x.Graph(), shapes.Make(x.DType(), 3, 6))
		part := func(y *Node, i int) *Node { return Slice(y, AxisRange(), AxisRange(6*i, 6*i+6)) }
		for t := range 7 {
			at := Squeeze(Slice(x, AxisRange(), AxisElem(t), AxisRange()), 1)
			i := Add(Dot(at, Transpose(p[0], 0, 1)), ExpandLeftToRank(p[2], 2))
			r := Add(Dot(h, Transpose(p[1], 0, 1)), ExpandLeftToRank(p[3], 2))
			z := Sigmoid(Add(part(i, 1), part(r, 1)))
			n := Tanh(Add(part(i, 2), Mul(Sigmoid(Add(part(i, 0), part(r, 0))), part(r, 2))))
			h = Add(Mul(OneMinus(z), n), Mul(z, h))
		}
		return ReduceAllMean(Square(h))
	}},
}

// TestGolden holds losses and gradients against PyTorch's (testdata/golden.py), in single and double precision.
func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]struct {
		Loss  float64
		Grads [][]float64
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	for name, n := range goldenNetworks {
		for dtype, tolerance := range map[dtypes.DType]float64{dtypes.Float32: 3e-5, dtypes.Float64: 1e-7} {
			t.Run(name+dtype.String(), func(t *testing.T) {
				e := MustNewExec(ours, func(in []*Node) []*Node {
					for i, x := range in {
						in[i] = ConvertDType(x, dtype)
					}
					loss := n.loss(in[0], in[1:])
					out := append([]*Node{loss}, Gradient(loss, in[1:]...)...)
					for i, x := range out {
						out[i] = ConvertDType(x, dtypes.Float64)
					}
					return out
				})
				wave := func(dims []int, f func(i float64) float64) *tensors.Tensor {
					flat := make([]float64, shapes.Make(dtypes.Float64, dims...).Size())
					for i := range flat {
						flat[i] = f(float64(i))
					}
					return tensors.FromFlatDataAndDimensions(flat, dims...)
				}
				inputs := []any{wave(n.input, func(i float64) float64 { return 0.7 * math.Cos(i) })}
				for k, dims := range n.params {
					inputs = append(inputs, wave(dims, func(i float64) float64 { return 0.5 * math.Sin(i+100*float64(k)) }))
				}
				out := e.MustExec(inputs...)
				want := golden[name]
				if loss := tensors.ToScalar[float64](out[0]); math.Abs(loss-want.Loss) > tolerance*(1+math.Abs(want.Loss)) {
					t.Errorf("the loss is %.9g, want %.9g", loss, want.Loss)
				}
				for k, g := range out[1:] {
					for i, v := range tensors.MustCopyFlatData[float64](g) {
						if w := want.Grads[k][i]; math.Abs(v-w) > tolerance*(1+math.Abs(w)) {
							t.Fatalf("the gradient of parameter %d at %d is %.9g, want %.9g", k, i, v, w)
						}
					}
				}
			})
		}
	}
}
