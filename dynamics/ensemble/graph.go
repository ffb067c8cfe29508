package ensemble

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
)

// parts are the weights of S networks in a graph, cut out of [S, size].
type parts struct {
	recurrent  *graph.Node // [S, n, n]
	input      *graph.Node // [S, n, m]
	bias       *graph.Node // [S, n]
	output     *graph.Node // [S, o, n]
	outputBias *graph.Node // [S, o]
}

func (n Network) parts(flat *graph.Node) parts {
	s, at := flat.Shape().Dimensions[0], 0
	take := func(dims ...int) *graph.Node {
		size := 1
		for _, d := range dims {
			size *= d
		}
		part := graph.Slice(flat, graph.AxisRange(), graph.AxisRange(at, at+size))
		at += size
		return graph.Reshape(part, append([]int{s}, dims...)...)
	}
	var p parts
	p.recurrent, p.input, p.bias = take(n.Units, n.Units), take(n.Units, n.Inputs), take(n.Units)
	p.output, p.outputBias = take(n.Outputs, n.Units), take(n.Outputs)
	return p
}

// dot is a product for each network, contracting an axis of a with one of b.
func dot(a *graph.Node, axisA int, b *graph.Node, axisB int) *graph.Node {
	return graph.DotGeneral(a, []int{axisA}, []int{0}, b, []int{axisB}, []int{0})
}

func scaled(x *graph.Node, by float64) *graph.Node {
	if by == 1 {
		return x
	}
	return graph.MulScalar(x, by)
}

// cutSteps cuts x [S, T·B, k] into T of [S, B, k].
func cutSteps(x *graph.Node, steps int) []*graph.Node {
	batch := x.Shape().Dimensions[1] / steps
	cut := make([]*graph.Node, steps)
	for t := range cut {
		cut[t] = graph.Slice(x, graph.AxisRange(), graph.AxisRange(t*batch, (t+1)*batch))
	}
	return cut
}

// withOnes appends a column of ones to x [S, rows, m], which carries the bias.
func withOnes(x *graph.Node) *graph.Node {
	shape := x.Shape().Clone()
	shape.Dimensions[2] = 1
	return graph.Concatenate([]*graph.Node{x, graph.Ones(x.Graph(), shape)}, 2)
}

// forward runs the networks over x [S, T·B, m+1], time first and with ones. It returns the rates φ(a) of each step [S, B, n].
func (n Network) forward(p parts, x *graph.Node, steps int) []*graph.Node {
	leak, s, _ := n.constants()
	in := graph.Concatenate([]*graph.Node{p.input, graph.InsertAxes(p.bias, 2)}, 2) // [S, n, m+1]
	drive := cutSteps(scaled(dot(x, 2, in, 2), leak), steps)
	weights := scaled(p.recurrent, leak*s)
	rates := make([]*graph.Node, steps)
	var a *graph.Node
	for t := range rates {
		next := drive[t]
		if t > 0 {
			next = graph.Add(dot(rates[t-1], 2, weights, 2), next)
			if leak != 1 {
				next = graph.Add(next, graph.MulScalar(a, 1-leak))
			}
		}
		a = next
		rates[t] = graph.Tanh(a)
	}
	return rates
}

// readout makes outputs [S, rows, o] of rates [S, rows, n].
func (n Network) readout(p parts, rates *graph.Node) *graph.Node {
	_, _, c := n.constants()
	return graph.Add(dot(rates, 2, scaled(p.output, c), 2), graph.InsertAxes(p.outputBias, 1))
}

// gradient returns the mean squared error of each network [S] and its gradient [S, size], by backpropagation through time. With it written out, rather
// than derived, the gradient of each matrix is one product over all steps.
func (n Network) gradient(flat, x, y *graph.Node, steps int) (loss, grad *graph.Node) {
	leak, s, c := n.constants()
	p := n.parts(flat)
	x = withOnes(x)
	rates := n.forward(p, x, steps)
	all := graph.Concatenate(rates, 1) // [S, T·B, n]
	miss := graph.Sub(n.readout(p, all), y)
	rows := miss.Shape().Dimensions[1]
	loss = graph.ReduceMean(graph.Square(miss), 1, 2)

	atOutput := graph.MulScalar(miss, 2/float64(rows*n.Outputs))
	fromOutput := cutSteps(dot(atOutput, 2, scaled(p.output, c), 1), steps)
	weights := scaled(p.recurrent, leak*s)
	at := make([]*graph.Node, steps) // with respect to a(t), [S, B, n]
	for t := steps - 1; t >= 0; t-- {
		from := fromOutput[t]
		if t < steps-1 {
			from = graph.Add(dot(at[t+1], 2, weights, 1), from)
		}
		at[t] = graph.Mul(from, graph.OneMinus(graph.Square(rates[t])))
		if leak != 1 && t < steps-1 {
			at[t] = graph.Add(at[t], graph.MulScalar(at[t+1], 1-leak))
		}
	}
	through := graph.Concatenate(at, 1)
	batch := rows / steps
	s0 := flat.Shape().Dimensions[0]
	join := func(g *graph.Node) *graph.Node { return graph.Reshape(g, s0, g.Shape().Size()/s0) }
	var recurrent *graph.Node
	if steps > 1 {
		recurrent = scaled(dot(graph.Slice(through, graph.AxisRange(), graph.AxisRange(batch)), 1,
			graph.Slice(all, graph.AxisRange(), graph.AxisRange(0, rows-batch)), 1), leak*s)
	} else {
		recurrent = graph.ZerosLike(p.recurrent)
	}
	in := scaled(dot(through, 1, x, 1), leak) // [S, n, m+1]
	bias := graph.Slice(in, graph.AxisRange(), graph.AxisRange(), graph.AxisElem(n.Inputs))
	outputBias := graph.ReduceSum(atOutput, 1)
	if !n.Biased {
		bias, outputBias = graph.ZerosLike(bias), graph.ZerosLike(outputBias)
	}
	grad = graph.Concatenate([]*graph.Node{
		join(recurrent), join(graph.Slice(in, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(0, n.Inputs))), join(bias),
		join(scaled(dot(atOutput, 1, all, 1), c)), join(outputBias),
	}, 1)
	return loss, grad
}

// penalty returns the gradient [S, size] of what is added to the loss, or nil: l1 times the absolute values of all weights but biases, and nuclear times
// the sum of the singular values of the recurrent ones.
func (n Network) penalty(flat *graph.Node, l1, nuclear float64) *graph.Node {
	if l1 == 0 && nuclear == 0 {
		return nil
	}
	p := n.parts(flat)
	s := flat.Shape().Dimensions[0]
	sign := func(w *graph.Node) *graph.Node { return graph.MulScalar(graph.Sign(w), l1) }
	recurrent := sign(p.recurrent)
	if nuclear != 0 {
		recurrent = graph.Add(recurrent, graph.MulScalar(polar(p.recurrent), nuclear))
	}
	var flats []*graph.Node
	for _, g := range []*graph.Node{recurrent, sign(p.input), graph.ZerosLike(p.bias), sign(p.output), graph.ZerosLike(p.outputBias)} {
		flats = append(flats, graph.Reshape(g, s, g.Shape().Size()/s))
	}
	return graph.Concatenate(flats, 1)
}

// polar returns UVᵀ of each matrix w = UΣVᵀ [S, n, n], the gradient of the sum of singular values, by the iteration X ← (3X - XXᵀX)/2 of Newton and
// Schulz. Singular values below about 2^-30 of the largest are taken for smaller ones, which smooths the corner at zero.
func polar(w *graph.Node) *graph.Node {
	norm := graph.Sqrt(graph.ReduceAndKeep(graph.Square(w), graph.ReduceSum, 1, 2))
	x := graph.Div(w, graph.AddScalar(norm, 1e-20))
	for range 40 {
		gram := dot(x, 1, x, 1) // XᵀX
		x = graph.Sub(graph.MulScalar(x, 1.5), graph.MulScalar(dot(x, 2, gram, 1), .5))
	}
	return x
}

// adam makes one step of Adam for each network. scales [S, 3] are the learning rate and what corrects the bias of both moments, 1/(1-β^t).
func adam(flat, first, second, grad, scales *graph.Node) (newFlat, newFirst, newSecond *graph.Node) {
	const beta1, beta2, epsilon = .9, .999, 1e-8
	scale := func(i int) *graph.Node { return graph.Slice(scales, graph.AxisRange(), graph.AxisRange(i, i+1)) }
	newFirst = graph.Add(graph.MulScalar(first, beta1), graph.MulScalar(grad, 1-beta1))
	newSecond = graph.Add(graph.MulScalar(second, beta2), graph.MulScalar(graph.Square(grad), 1-beta2))
	step := graph.Div(graph.Mul(newFirst, graph.Mul(scale(0), scale(1))), graph.AddScalar(graph.Sqrt(graph.Mul(newSecond, scale(2))), epsilon))
	return graph.Sub(flat, step), newFirst, newSecond
}
