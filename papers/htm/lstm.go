package htm

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// lstm is one layer of LSTM units with a linear read-out, trained by back-propagation through time with Adam on the squared error. Weight
// matrices act from the right on rows of examples; gates are stored in the order input, forget, candidate, output.
//
// It is written out here instead of as a GoMLX graph because it is retrained from scratch dozens of times in a run with a layer
// of 20 units: a graph unrolled over 100 steps spends its time in dispatch, and this needs about a millisecond per thousand elements.
type lstm struct {
	in, units, out int
	weights        []float32 // wx [in, 4*units], wh [units, 4*units], b [4*units], wo [units, out], bo [out]
	gradient       []float32
	moment, square []float32 // Adam's
	updates        int
	mask           []float32 // per unit: 1, or 0 if it is dead

	// Scratch space of one batch; rows run over steps, then over chunks.
	gates, cells, hidden, squashed, errOut, errHidden, errCell []float32
}

func newLSTM(in, units, out int, rng *rand.Rand) *lstm {
	n := (in+units+1)*4*units + (units+1)*out
	l := &lstm{
		in: in, units: units, out: out, mask: slices.Repeat([]float32{1}, units),
		weights: make([]float32, n), gradient: make([]float32, n), moment: make([]float32, n), square: make([]float32, n),
	}
	p := l.parts(l.weights)
	uniform := func(m blas32.General, fanIn int) {
		bound := 1 / math.Sqrt(float64(fanIn))
		for i := range m.Data {
			m.Data[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	uniform(p.wx, in)
	uniform(p.wh, units)
	uniform(p.wo, units)
	for j := units; j < 2*units; j++ {
		p.b[j] = 1 // forget gates start open
	}
	return l
}

type lstmParts struct {
	wx, wh, wo blas32.General
	b, bo      []float32
}

// parts gives names to the pieces of a flat vector of weights or of their gradient.
func (l *lstm) parts(flat []float32) lstmParts {
	g := 4 * l.units
	take := func(n int) []float32 {
		part := flat[:n]
		flat = flat[n:]
		return part
	}
	var p lstmParts
	p.wx = rows(take(l.in*g), l.in, g)
	p.wh = rows(take(l.units*g), l.units, g)
	p.b = take(g)
	p.wo = rows(take(l.units*l.out), l.units, l.out)
	p.bo = take(l.out)
	return p
}

// rows views the first n*width values of data as n rows.
func rows(data []float32, n, width int) blas32.General {
	return blas32.General{Rows: n, Cols: width, Stride: width, Data: data[:n*width]}
}

// learn takes one Adam step on the mean squared error of a batch. x is [steps*chunks, in] and y is [steps*chunks, out], both with
// steps outermost; every chunk starts from rest. It returns the error before the step.
func (l *lstm) learn(x, y []float32, steps, chunks int, rate float64) float64 {
	loss := l.backward(x, y, steps, chunks)
	const beta1, beta2, epsilon = 0.9, 0.999, 1e-8
	l.updates++
	scale := float32(rate * math.Sqrt(1-math.Pow(beta2, float64(l.updates))) / (1 - math.Pow(beta1, float64(l.updates))))
	for i, g := range l.gradient {
		l.moment[i] += (1 - beta1) * (g - l.moment[i])
		l.square[i] += (1 - beta2) * (g*g - l.square[i])
		l.weights[i] -= scale * l.moment[i] / (float32(math.Sqrt(float64(l.square[i]))) + epsilon)
	}
	return loss
}

// backward fills in the gradient of the mean squared error of a batch laid out as for learn, and returns the error.
func (l *lstm) backward(x, y []float32, steps, chunks int) float64 {
	u, g, n := l.units, 4*l.units, steps*chunks
	w, d := l.parts(l.weights), l.parts(l.gradient)
	resize(&l.gates, n*g)
	resize(&l.squashed, n*u)
	resize(&l.errOut, n*l.out)
	resize(&l.errHidden, n*u)
	resize(&l.errCell, chunks*u)
	resize(&l.cells, (n+chunks)*u) // one step more, for the state of rest
	resize(&l.hidden, (n+chunks)*u)
	clear(l.cells[:chunks*u])
	clear(l.hidden[:chunks*u])
	at := func(v []float32, t, width int) []float32 { return v[t*chunks*width : (t+1)*chunks*width] }

	// Forward. Step t reads state t and writes state t+1.
	for r := range n {
		copy(l.gates[r*g:], w.b)
	}
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, rows(x, n, l.in), w.wx, 1, rows(l.gates, n, g))
	for t := range steps {
		gates := at(l.gates, t, g)
		if t > 0 {
			blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, rows(at(l.hidden, t, u), chunks, u), w.wh, 1, rows(gates, chunks, g))
		}
		l.activate(gates, at(l.cells, t, u), at(l.cells, t+1, u), at(l.hidden, t+1, u), at(l.squashed, t, u), chunks)
	}
	for r := range n {
		copy(l.errOut[r*l.out:], w.bo)
	}
	hidden := rows(l.hidden[chunks*u:], n, u)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, hidden, w.wo, 1, rows(l.errOut, n, l.out))

	// Backward.
	loss, scale := 0.0, float32(2)/float32(n*l.out)
	clear(d.bo)
	for i, v := range l.errOut[:n*l.out] {
		e := v - y[i]
		loss += float64(e * e)
		l.errOut[i] = e * scale
		d.bo[i%l.out] += e * scale
	}
	errOut := rows(l.errOut, n, l.out)
	blas32.Gemm(blas.Trans, blas.NoTrans, 1, hidden, errOut, 0, d.wo)
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, errOut, w.wo, 0, rows(l.errHidden, n, u))
	clear(l.errCell)
	for t := steps - 1; t >= 0; t-- {
		errHidden := at(l.errHidden, t, u)
		if t < steps-1 {
			blas32.Gemm(blas.NoTrans, blas.Trans, 1, rows(at(l.gates, t+1, g), chunks, g), w.wh, 1, rows(errHidden, chunks, u))
		}
		l.deactivate(at(l.gates, t, g), at(l.cells, t, u), at(l.squashed, t, u), errHidden, chunks)
	}
	gates := rows(l.gates, n, g)
	blas32.Gemm(blas.Trans, blas.NoTrans, 1, rows(x, n, l.in), gates, 0, d.wx)
	blas32.Gemm(blas.Trans, blas.NoTrans, 1, rows(l.hidden, n, u), gates, 0, d.wh)
	clear(d.b)
	for r := range n {
		for j, v := range l.gates[r*g : (r+1)*g] {
			d.b[j] += v
		}
	}
	return loss / float64(n*l.out)
}

// activate turns gate inputs into gate values in place, and carries the state on by one step.
func (l *lstm) activate(gates, before, after, hidden, squashed []float32, chunks int) {
	u := l.units
	for k := range chunks {
		z := gates[k*4*u : (k+1)*4*u]
		for j := range u {
			i, f, c, o := sigmoid(z[j]), sigmoid(z[u+j]), tanh(z[2*u+j]), sigmoid(z[3*u+j])
			s := f*before[k*u+j] + i*c
			q := tanh(s)
			z[j], z[u+j], z[2*u+j], z[3*u+j] = i, f, c, o
			after[k*u+j], squashed[k*u+j], hidden[k*u+j] = s, q, o*q*l.mask[j]
		}
	}
}

// deactivate turns gate values into the error's gradient by the gate inputs, in place, and carries the cell's gradient back by one step.
func (l *lstm) deactivate(gates, before, squashed, errHidden []float32, chunks int) {
	u := l.units
	for k := range chunks {
		z := gates[k*4*u : (k+1)*4*u]
		for j := range u {
			i, f, c, o := z[j], z[u+j], z[2*u+j], z[3*u+j]
			q, eh := squashed[k*u+j], errHidden[k*u+j]
			es := l.errCell[k*u+j] + eh*o*(1-q*q)
			z[j] = es * c * i * (1 - i)
			z[u+j] = es * before[k*u+j] * f * (1 - f)
			z[2*u+j] = es * i * (1 - c*c)
			z[3*u+j] = eh * q * o * (1 - o)
			l.errCell[k*u+j] = es * f
		}
	}
}

// lstmState is the state of a network that runs along a stream.
type lstmState struct{ gates, cells, next, hidden, squashed, y []float32 }

func (l *lstm) rest() *lstmState {
	f := func(n int) []float32 { return make([]float32, n) }
	return &lstmState{f(4 * l.units), f(l.units), f(l.units), f(l.units), f(l.units), f(l.out)}
}

// run takes one step and returns the output, which is valid until the next.
func (l *lstm) run(s *lstmState, x []float32) []float32 {
	w := l.parts(l.weights)
	copy(s.gates, w.b)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, rows(x, 1, l.in), w.wx, 1, rows(s.gates, 1, 4*l.units))
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, rows(s.hidden, 1, l.units), w.wh, 1, rows(s.gates, 1, 4*l.units))
	l.activate(s.gates, s.cells, s.next, s.hidden, s.squashed, 1)
	s.cells, s.next = s.next, s.cells
	copy(s.y, w.bo)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, rows(s.hidden, 1, l.units), w.wo, 1, rows(s.y, 1, l.out))
	return s.y
}

func resize(s *[]float32, n int) {
	if cap(*s) < n {
		*s = make([]float32, n)
	}
	*s = (*s)[:n]
}

func sigmoid(x float32) float32 { return 0.5 + 0.5*tanh(0.5*x) }

// tanh is Lambert's continued fraction at half the argument, then the double-angle formula: within 2e-6 of the true value, at a third of
// the cost of math.Tanh.
func tanh(x float32) float32 {
	h := min(max(0.5*x, -4.9), 4.9)
	s := h * h
	t := h * (135135 + s*(17325+s*(378+s))) / (135135 + s*(62370+s*(3150+28*s)))
	return 2 * t / (1 + t*t)
}
