package rnnhmm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/gyrus-dev/gyrus/dynamics/network"
)

// student is a network in plain Go, to be run freely and taken apart: h_t = ReLU(x_t Wx + h_{t-1} Wh), logits z_t = h_t Wo.
type student struct {
	sizes
	Wx []float32 // [Inputs, Hidden]
	Wh []float32 // [Hidden, Hidden]
	Wo []float32 // [Hidden, Symbols]
}

// studentOf reads trained weights.
func studentOf(s sizes, vars *mlctx.Context) (*student, error) {
	out := &student{sizes: s}
	for name, into := range map[string]*[]float32{"input": &out.Wx, "recurrent": &out.Wh, "output": &out.Wo} {
		v := vars.GetVariable(name)
		if v == nil {
			return nil, fmt.Errorf("the trained network has no weights %q", name)
		}
		value, err := v.Value()
		if err != nil {
			return nil, err
		}
		if err := tensors.ConstFlatData(value, func(flat []float32) { *into = slices.Clone(flat) }); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// untrained draws a student as training begins with.
func untrained(s sizes, rng *rand.Rand) *student {
	limit := 1 / math.Sqrt(float64(s.Hidden))
	draw := func(n int) []float32 {
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(limit * (2*rng.Float64() - 1))
		}
		return w
	}
	return &student{s, draw(s.Inputs * s.Hidden), draw(s.Hidden * s.Hidden), draw(s.Hidden * s.Symbols)}
}

// scaled is a copy in which the recurrent drive of some units is multiplied by recurrent, and their noise by noise. Both zero silences them.
func (s *student) scaled(units []int, recurrent, noise float32) *student {
	c := &student{s.sizes, slices.Clone(s.Wx), slices.Clone(s.Wh), s.Wo}
	for _, u := range units {
		for i := range s.Inputs {
			c.Wx[i*s.Hidden+u] *= noise
		}
		for i := range s.Hidden {
			c.Wh[i*s.Hidden+u] *= recurrent
		}
	}
	return c
}

// silenced is a copy without some units.
func (s *student) silenced(units []int) *student { return s.scaled(units, 0, 0) }

// trajectories are n states advancing side by side.
type trajectories struct {
	*student
	n     int
	h     []float32 // [n, Hidden]
	z     []float32 // [n, Symbols], logits of h
	x     []float32 // [n, Inputs], noise of the last step
	next  []float32
	noise *network.Noise
	steps int
}

// run starts n trajectories from zero, or from start [n, Hidden], with noise of a standard deviation.
func (s *student) run(n int, start []float32, sigma float64, seed uint64) *trajectories {
	t := &trajectories{student: s, n: n, h: make([]float32, n*s.Hidden), next: make([]float32, n*s.Hidden), z: make([]float32, n*s.Symbols),
		x: make([]float32, n*s.Inputs), noise: network.EqualNoise(sigma, n*s.Inputs, seed)}
	copy(t.h, start)
	return t
}

// step advances all trajectories.
func (t *trajectories) step() {
	clear(t.x)
	t.noise.Add(t.steps, 0, len(t.x), t.x)
	t.advance()
}

// advance is step with the noise that stands in x.
func (t *trajectories) advance() {
	t.steps++
	general := func(rows, columns int, data []float32) blas32.General {
		return blas32.General{Rows: rows, Cols: columns, Stride: columns, Data: data}
	}
	h := general(t.n, t.Hidden, t.next)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, general(t.n, t.Inputs, t.x), general(t.Inputs, t.Hidden, t.Wx), 0, h)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, general(t.n, t.Hidden, t.h), general(t.Hidden, t.Hidden, t.Wh), 1, h)
	for i, v := range t.next {
		t.next[i] = max(v, 0)
	}
	t.h, t.next = t.next, t.h
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, general(t.n, t.Hidden, t.h), general(t.Hidden, t.Symbols, t.Wo), 0, general(t.n, t.Symbols, t.z))
}

// best is the symbol of the largest logit of trajectory i.
func (t *trajectories) best(i int) int {
	at := 0
	row := t.z[i*t.Symbols : (i+1)*t.Symbols]
	for k, v := range row {
		if v > row[at] {
			at = k
		}
	}
	return at
}

// draw samples a symbol of trajectory i by its soft-max.
func (t *trajectories) draw(i int, rng *rand.Rand) int32 {
	at, top := 0, math.Inf(-1)
	for k, v := range t.z[i*t.Symbols : (i+1)*t.Symbols] {
		if x := float64(v) - math.Log(rng.ExpFloat64()); x > top {
			at, top = k, x
		}
	}
	return int32(at)
}

// confidence is the largest probability of trajectory i.
func (t *trajectories) confidence(i int) float64 {
	row := t.z[i*t.Symbols : (i+1)*t.Symbols]
	top := slices.Max(row)
	sum := 0.
	for _, v := range row {
		sum += math.Exp(float64(v - top))
	}
	return 1 / sum
}

// speak samples n sequences from zero.
func (s *student) speak(n int, sigma float64, start []float32, seed uint64) sequences {
	const together = 500
	out := sequences{n, s.Steps, make([]int32, n*s.Steps)}
	rng := rand.New(rand.NewPCG(seed, 1))
	for from := 0; from < n; from += together {
		count := min(together, n-from)
		var begin []float32
		if start != nil {
			begin = start[from*s.Hidden : (from+count)*s.Hidden]
		}
		t := s.run(count, begin, sigma, seed+uint64(from))
		for step := range s.Steps {
			t.step()
			for i := range count {
				out.symbols[(from+i)*s.Steps+step] = t.draw(i, rng)
			}
		}
	}
	return out
}

// argmaxSwitches is the part of steps, after some to settle, at which the symbol of the largest logit changes.
func (s *student) argmaxSwitches(n, steps int, seed uint64) float64 {
	t := s.run(n, nil, 1, seed)
	last := make([]int, n)
	changes := 0
	for step := range settle + steps {
		t.step()
		for i := range n {
			b := t.best(i)
			if step >= settle && b != last[i] {
				changes++
			}
			last[i] = b
		}
	}
	return float64(changes) / float64(n*steps)
}

// settle is how many steps a run from zero is given before it is looked at.
const settle = 60
