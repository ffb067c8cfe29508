package dynamics

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
)

// Surrogate stands in for the derivative of the step function by which a neuron fires, which is zero wherever it exists. It is a function
// of x, the membrane minus the threshold. See Neftci, Mostafa & Zenke, "Surrogate gradient learning in spiking neural networks",
// IEEE Signal Processing Magazine 2019.
type Surrogate interface {
	// At is the surrogate's value at x.
	At(x float64) float64
	// Graph is the same for a node of any shape.
	Graph(x *graph.Node) *graph.Node
}

// Spike is 1 where x ≥ 0 and 0 elsewhere, exactly; its gradient is that of surrogate, or of [ArcTan] if that is nil. x must be finite.
func Spike(x *graph.Node, surrogate Surrogate) *graph.Node {
	if surrogate == nil {
		surrogate = ArcTan{}
	}
	pass := graph.IdentityWithCustomGradient(x, func(x, v *graph.Node) *graph.Node { return graph.Mul(v, surrogate.Graph(x)) })
	return withGradientOf(graph.StopGradient(Step(x)), pass)
}

// Step is 1 where x ≥ 0 and 0 elsewhere. It has no gradient.
func Step(x *graph.Node) *graph.Node {
	return graph.ConvertDType(graph.GreaterOrEqual(x, graph.ScalarZero(x.Graph(), x.DType())), x.DType())
}

// withGradientOf is value, to which pass gives its gradient. The difference that it adds is exactly zero, where the usual
// sg(H(x) - φ(x)) + φ(x) leaves a rounding error in the spikes.
func withGradientOf(value, pass *graph.Node) *graph.Node {
	return graph.Add(value, graph.Sub(pass, graph.StopGradient(pass)))
}

// FastSigmoid is 1/(1 + k|x|)², the derivative of x/(1 + k|x|): the surrogate of SuperSpike (Zenke & Ganguli 2018). It is 1 at x = 0.
type FastSigmoid struct {
	Slope float64 // k; zero means 5
}

func (f FastSigmoid) At(x float64) float64 {
	d := 1 + orDefault(f.Slope, 5)*math.Abs(x)
	return 1 / (d * d)
}

func (f FastSigmoid) Graph(x *graph.Node) *graph.Node {
	return graph.Reciprocal(graph.Square(graph.OnePlus(graph.MulScalar(graph.Abs(x), orDefault(f.Slope, 5)))))
}

// ArcTan is (α/2)/(1 + (πα x/2)²), the derivative of arctan(πα x/2)/π (Fang et al. 2021, SpikingJelly). Its integral is 1.
type ArcTan struct {
	Alpha float64 // α; zero means 2
}

func (a ArcTan) At(x float64) float64 {
	alpha := orDefault(a.Alpha, 2)
	y := math.Pi / 2 * alpha * x
	return alpha / 2 / (1 + y*y)
}

func (a ArcTan) Graph(x *graph.Node) *graph.Node {
	alpha := orDefault(a.Alpha, 2)
	return graph.MulScalar(graph.Reciprocal(graph.OnePlus(graph.Square(graph.MulScalar(x, math.Pi/2*alpha)))), alpha/2)
}

// Boxcar is 1/a where |x| < a/2 and 0 elsewhere (Wu et al. 2018, STBP). Its integral is 1.
type Boxcar struct {
	Width float64 // a; zero means 1
}

func (b Boxcar) At(x float64) float64 {
	if a := orDefault(b.Width, 1); math.Abs(x) < a/2 {
		return 1 / a
	}
	return 0
}

func (b Boxcar) Graph(x *graph.Node) *graph.Node {
	a := orDefault(b.Width, 1)
	inside := graph.LessThan(graph.Abs(x), graph.Scalar(x.Graph(), x.DType(), a/2))
	return graph.MulScalar(graph.ConvertDType(inside, x.DType()), 1/a)
}

// SigmoidDerivative is k·σ(kx)·(1 - σ(kx)), the derivative of the logistic function of kx. Its integral is 1.
type SigmoidDerivative struct {
	Slope float64 // k; zero means 4
}

func (s SigmoidDerivative) At(x float64) float64 {
	k := orDefault(s.Slope, 4)
	y := 1 / (1 + math.Exp(-k*x))
	return k * y * (1 - y)
}

func (s SigmoidDerivative) Graph(x *graph.Node) *graph.Node {
	k := orDefault(s.Slope, 4)
	y := graph.Sigmoid(graph.MulScalar(x, k))
	return graph.MulScalar(graph.Mul(y, graph.OneMinus(y)), k)
}

// StraightThrough is 1 everywhere: gradients pass the spike as if it were the membrane (Bengio, Léonard & Courville 2013).
type StraightThrough struct{}

func (StraightThrough) At(float64) float64              { return 1 }
func (StraightThrough) Graph(x *graph.Node) *graph.Node { return graph.OnesLike(x) }

func orDefault(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}
