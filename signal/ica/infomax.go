package ica

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/gyrus-dev/gyrus/signal/lanes"
)

// infomax is gradient ascent on the entropy of the squashed components, by the natural gradient over blocks of samples in random order. The
// schedule of the learning rate and the rules for stopping are those of EEGLAB's runica in MNE-Python's form.
type infomax struct {
	data       []float64 // samples by components, whitened
	samples, n int
	extended   bool
	maximum    int     // passes over the data
	tolerance  float64 // squared change of the weights in a pass
	random     *rand.Rand
	shuffle    func(n int) []int

	block   int
	weights []float64 // n by n: a component is a column
	bias    []float64
	signs   []float64 // extended: -1 for components with light tails
	rate    float64   // of learning; by the number of components if 0
	update  []float64 // n by n
	ones    []float64

	halves [2]half
	task   chan func(*half) // for the second half
	done   chan struct{}

	kurtosis []float64
	oldSigns []float64
	every    int // blocks from one estimate of the kurtosis to the next
	steady   int // estimates since a sign changed
}

// half is one goroutine's part of the work.
type half struct {
	x, u, y  []float64
	gradient []float64
	sum      []float64 // of the derivative of the bias
	moments  [4][]float64
}

// The schedule.
const (
	annealAngle    = 60.0 // degrees between successive changes from which the rate falls
	annealFactor   = 0.9
	largestWeight  = 1e8
	restartFactor  = 0.9
	smallestRate   = 1e-10
	largestChange  = 1e4
	blowupFactor   = 0.5
	smallAngles    = 20 // passes in the same direction after which to stop
	kurtosisSample = 6000
	momentum       = 0.5 // of the kurtosis
	signBias       = 0.02
	steadyEnough   = 25
)

func (f *infomax) fit() (rotation *mat.Dense, made int, converged bool, err error) {
	n := f.n
	f.block = int(math.Sqrt(float64(f.samples) / 3))
	if f.block < 2 || n < 2 {
		return nil, 0, false, fmt.Errorf("%d samples of %d components are too few for Infomax; use a longer stretch, more channels or FastICA", f.samples, n)
	}
	if f.rate == 0 {
		f.rate = 0.01 / math.Log(float64(n*n))
	}
	f.update, f.kurtosis, f.ones = make([]float64, n*n), make([]float64, n), make([]float64, n)
	for i := range f.ones {
		f.ones[i] = 1
	}
	f.begin()
	f.startHalves()
	defer close(f.task)

	before := append([]float64(nil), f.weights...)
	var direction []float64 // of the change that angles are measured from
	directionNorm, small, limit := 0.0, 0, f.maximum
	blocks := 0
	for made < limit {
		order := f.shuffle(f.samples)
		blown := false
		for first := 0; first+f.block <= f.samples; first += f.block {
			f.step(order[first : first+f.block])
			blocks++
			if !bounded(f.weights) {
				blown = true
				break
			}
			if f.extended && blocks%f.every == 0 {
				f.estimateSigns()
			}
		}
		if blown {
			// Begin again, slower.
			if f.rate *= restartFactor; f.rate <= smallestRate {
				return nil, made, false, fmt.Errorf("the weights grow without bound at any learning rate; are channels nearly dependent? keep fewer " +
					"components, or use FastICA")
			}
			f.begin()
			copy(before, f.weights)
			made, small, blocks, direction = 0, 0, 1, make([]float64, n*n)
			continue
		}
		made++
		change := make([]float64, n*n)
		floats.SubTo(change, f.weights, before)
		copy(before, f.weights)
		size := floats.Dot(change, change)
		angle := 0.0
		if made > 2 {
			angle = math.Acos(floats.Dot(change, direction)/math.Sqrt(size*directionNorm)) * 180 / math.Pi
		}
		if angle > annealAngle {
			f.rate *= annealFactor
			direction, directionNorm, small = change, size, 0
		} else {
			if made == 1 {
				direction, directionNorm = change, size
			}
			if small++; small > smallAngles {
				limit, converged = made, true
			}
		}
		if made > 2 && size < f.tolerance {
			converged = true
			break
		}
		if size > largestChange {
			f.rate *= blowupFactor
		}
	}
	// Rows of the rotation are components.
	rotation = mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			rotation.Set(j, i, f.weights[i*n+j])
		}
	}
	return rotation, made, converged, nil
}

// begin sets the weights to the identity and forgets everything else.
func (f *infomax) begin() {
	n := f.n
	f.weights, f.bias, f.signs, f.oldSigns = make([]float64, n*n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		f.weights[i*n+i], f.signs[i] = 1, 1
	}
	f.signs[0] = -1
	f.every = 1
}

// bounded says whether the weights are finite and not too large.
func bounded(weights []float64) bool {
	for _, v := range weights {
		if !(v <= largestWeight && v >= -largestWeight) {
			return false
		}
	}
	return true
}

func (f *infomax) startHalves() {
	n := f.n
	rows := (f.block + 1) / 2
	if f.extended {
		rows = max(rows, (min(kurtosisSample, f.samples)+1)/2)
	}
	for i := range f.halves {
		h := &f.halves[i]
		h.x, h.u, h.y = make([]float64, rows*n), make([]float64, rows*n), make([]float64, rows*n)
		h.gradient, h.sum = make([]float64, n*n), make([]float64, n)
		for k := range h.moments {
			h.moments[k] = make([]float64, n)
		}
	}
	f.task, f.done = make(chan func(*half)), make(chan struct{})
	go func() {
		for work := range f.task {
			work(&f.halves[1])
			f.done <- struct{}{}
		}
	}()
}

// share gives the first half of the samples to one goroutine and the second to another. Each half's sums are its own, so that the result
// does not depend on how many processors there are.
func (f *infomax) share(order []int, work func(h *half, order []int)) {
	middle := len(order) / 2
	f.task <- func(h *half) { work(h, order[middle:]) }
	work(&f.halves[0], order[:middle])
	<-f.done
}

// step moves the weights uphill on one block.
func (f *infomax) step(order []int) {
	n := f.n
	f.share(order, f.gradient)
	a, b := &f.halves[0], &f.halves[1]
	for i, v := range a.gradient {
		f.update[i] = v + b.gradient[i]
	}
	if f.extended {
		floats.Scale(-1, f.update)
	}
	for i := range n {
		f.update[i*n+i] += float64(len(order))
	}
	// weights += rate · weights · update
	for i, v := range f.weights {
		a.gradient[i] = f.rate * v
	}
	multiply(f.weights, n, n, n, kernel.View[float64]{Data: a.gradient, Row: n, Col: 1}, kernel.View[float64]{Data: f.update, Row: n, Col: 1}, true)
	for i := range f.bias {
		f.bias[i] += f.rate * (a.sum[i] + b.sum[i])
	}
}

// activate sets h.u to the components of the given samples.
func (f *infomax) activate(h *half, order []int, bias []float64) (u []float64) {
	n, rows := f.n, len(order)
	x, u := h.x[:rows*n], h.u[:rows*n]
	for i, t := range order {
		copy(x[i*n:(i+1)*n], f.data[t*n:])
	}
	g := kernel.GEMM[float64]{M: rows, N: n, K: n, A: kernel.View[float64]{Data: x, Row: n, Col: 1},
		B: kernel.View[float64]{Data: f.weights, Row: n, Col: 1}, C: u, LDC: n, Bias: bias}
	g.Run(kernel.Serial{})
	return u
}

// gradient computes the part of the gradient that some samples give: uᵀ(signs·tanh u + u), the negative of the gradient's, when extended, and
// uᵀ(1 - 2·logistic u) when not.
func (f *infomax) gradient(h *half, order []int) {
	n, rows := f.n, len(order)
	u, y := f.activate(h, order, f.bias), h.y[:rows*n]
	clear(h.sum)
	if f.extended {
		lanes.Tanh(y, u)
	} else {
		lanes.Logistic(y, u)
	}
	for i := range rows {
		row := y[i*n : (i+1)*n]
		if f.extended {
			floats.Add(h.sum, row)
			kernel.FMA(row, row, f.signs, u[i*n:(i+1)*n])
		} else {
			floats.AddScaledTo(row, f.ones, -2, row)
			floats.Add(h.sum, row)
		}
	}
	if f.extended {
		floats.Scale(-2, h.sum)
	}
	multiply(h.gradient, n, n, rows, kernel.View[float64]{Data: u, Row: 1, Col: n}, kernel.View[float64]{Data: y, Row: n, Col: 1}, false)
}

// estimateSigns decides by their kurtosis which components have light tails.
func (f *infomax) estimateSigns() {
	order := make([]int, min(kurtosisSample, f.samples))
	for i := range order {
		order[i] = i
		if len(order) < f.samples {
			order[i] = int(f.random.Float64() * float64(f.samples-1))
		}
	}
	f.share(order, f.powers)
	count := float64(len(order))
	same := true
	for j := range f.n {
		var m [4]float64 // raw moments; the components are centred but for what the bias and chance leave
		for k := range m {
			m[k] = (f.halves[0].moments[k][j] + f.halves[1].moments[k][j]) / count
		}
		second := m[1] - m[0]*m[0]
		fourth := m[3] - 4*m[0]*m[2] + 6*m[0]*m[0]*m[1] - 3*m[0]*m[0]*m[0]*m[0]
		f.kurtosis[j] = momentum*f.kurtosis[j] + (1-momentum)*(fourth/(second*second)-3)
		switch v := f.kurtosis[j] + signBias; {
		case v > 0:
			f.signs[j] = 1
		case v < 0:
			f.signs[j] = -1
		default:
			f.signs[j] = 0
		}
		same = same && f.signs[j] == f.oldSigns[j]
	}
	copy(f.oldSigns, f.signs)
	f.steady++
	if !same {
		f.steady = 0
	}
	if f.steady >= steadyEnough {
		f.every *= 2
		f.steady = 0
	}
}

// powers sums the first four powers of the components of some samples.
func (f *infomax) powers(h *half, order []int) {
	n := f.n
	u := f.activate(h, order, nil)
	for k := range h.moments {
		clear(h.moments[k])
	}
	lanes.Powers(&h.moments, u[:len(order)*n])
}
