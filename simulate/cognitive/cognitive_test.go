package cognitive_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/simulate/cognitive"
)

func Example() {
	task := cognitive.FlipFlop{Bits: 1, Steps: 10, P: .3}
	x, y := cognitive.Batch(task, rand.New(rand.NewPCG(1, 6)), 1)
	fmt.Println(x)
	fmt.Println(y)
	// Output:
	// [1 0 0 0 0 0 -1 1 0 0]
	// [1 1 1 1 1 1 -1 1 1 1]
}

var tasks = map[string]cognitive.Task{
	"flip-flop":                   cognitive.FlipFlop{Bits: 3, Steps: 50, P: .1},
	"sine":                        cognitive.Sine{Frequencies: 5, Low: 1, High: 30, Steps: 60, DT: .01},
	"discrimination":              cognitive.Discrimination{Channels: 2, MinDelay: 5, MaxDelay: 20, Response: 5, Low: 2, High: 10},
	"discrimination with targets": cognitive.Discrimination{Channels: 2, MinDelay: 0, MaxDelay: 20, Response: 5, Low: 2, High: 10, Auxiliary: true},
	"path integration, 2-D":       cognitive.PathIntegration{Dims: 2, Steps: 100, Speed: .3, Turn: .3},
	"path integration, 3-D":       cognitive.PathIntegration{Dims: 3, Steps: 100, Speed: .3, Turn: .3},
}

// TestTargets works each target out again from the inputs alone, of trials and of longer ones.
func TestTargets(t *testing.T) {
	for name, task := range tasks {
		for _, task := range []cognitive.Task{task, task.Longer()} {
			if err := task.Check(); err != nil {
				t.Fatal(err)
			}
			s := task.Sizes()
			rng := rand.New(rand.NewPCG(3, 4))
			x, y := make([]float32, s.Steps*s.Inputs), make([]float32, s.Steps*s.Outputs)
			for range 50 {
				for i := range x { // what a trial does not set must show
					x[i] = float32(math.NaN())
				}
				for i := range y {
					y[i] = float32(math.NaN())
				}
				task.Trial(rng, x, y)
				want := answer(t, task, x)
				for i, v := range y {
					if math.Abs(float64(v-want[i])) > 1e-4 || v != v {
						t.Fatalf("%s: output %d of step %d is %g, want %g", name, i%s.Outputs, i/s.Outputs, v, want[i])
					}
				}
			}
		}
	}
}

// answer solves a trial from what is shown.
func answer(t *testing.T, task cognitive.Task, x []float32) []float32 {
	s := task.Sizes()
	y := make([]float32, s.Steps*s.Outputs)
	switch task := task.(type) {
	case cognitive.FlipFlop:
		held := make([]float32, task.Bits)
		for i, v := range x {
			if v != 0 {
				held[i%task.Bits] = v
			}
			y[i] = held[i%task.Bits]
		}
	case cognitive.Sine:
		for i := range y {
			y[i] = float32(math.Sin(2 * math.Pi * float64(x[0]) * float64(i) * task.DT))
		}
	case cognitive.Discrimination:
		for c := range task.Channels {
			var f []float32
			var at []int
			for step := range s.Steps {
				if v := x[step*s.Inputs+c]; v != 0 {
					f, at = append(f, v), append(at, step)
				}
			}
			if len(f) != 2 || at[1]-at[0]-1 < task.MinDelay || at[1]-at[0]-1 > task.MaxDelay || at[1] != s.Steps-task.Response-1 {
				t.Fatalf("pulses %v at %v", f, at)
			}
			for step := at[1] + 1; step < s.Steps; step++ {
				y[step*s.Outputs+c] = float32(math.Copysign(1, float64(f[1]-f[0])))
				if task.Auxiliary {
					y[step*s.Outputs+task.Channels+c] = (f[1] - f[0]) / 8
				}
			}
		}
	case cognitive.PathIntegration:
		place := slices.Clone(x[task.Dims : 2*task.Dims])
		for step := range s.Steps {
			for i := range place {
				place[i] += x[step*s.Inputs+i]
				if y[step*task.Dims+i] = place[i]; math.Abs(float64(place[i])) > 5.001 {
					t.Fatalf("step %d is out of the arena: %v", step, place)
				}
			}
		}
	}
	return y
}

// TestStatistics holds rates, delays and frequencies against what was asked for.
func TestStatistics(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pulses, up := 0, 0
	x, _ := cognitive.Batch(cognitive.FlipFlop{Bits: 2, Steps: 101, P: .1}, rng, 500)
	for _, v := range x[500*2:] { // without the first step
		if v != 0 {
			pulses++
		}
		if v > 0 {
			up++
		}
	}
	if rate := float64(pulses) / 100 / 1000; math.Abs(rate-.1) > .005 {
		t.Errorf("pulses come at %.4f, want 0.1", rate)
	}
	if part := float64(up) / float64(pulses); math.Abs(part-.5) > .02 {
		t.Errorf("%.3f of the pulses are up, want half", part)
	}
	counts := map[float32]int{}
	x, _ = cognitive.Batch(cognitive.Sine{Frequencies: 4, Low: 1, High: 10, Steps: 1, DT: .01}, rng, 4000)
	for _, f := range x {
		counts[f]++
	}
	for _, f := range []float32{1, 4, 7, 10} {
		if c := counts[f]; c < 850 || c > 1150 {
			t.Errorf("%d of 4000 trials are of %g Hz: %v", c, f, counts)
		}
	}
}

func TestSeeded(t *testing.T) {
	for name, task := range tasks {
		draw := func(seed uint64) []float32 {
			x, y := cognitive.Batch(task, rand.New(rand.NewPCG(seed, 0)), 20)
			return append(x, y...)
		}
		if !slices.Equal(draw(1), draw(1)) {
			t.Errorf("%s: one seed gives two batches", name)
		}
		if slices.Equal(draw(1), draw(2)) {
			t.Errorf("%s: two seeds give one batch", name)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, task := range []cognitive.Task{
		cognitive.FlipFlop{Bits: 0, Steps: 10, P: .1},
		cognitive.FlipFlop{Bits: 2, Steps: 0, P: .1},
		cognitive.FlipFlop{Bits: 2, Steps: 10, P: math.NaN()},
		cognitive.Sine{Frequencies: 2, Low: 1, High: 80, Steps: 10, DT: .01},
		cognitive.Sine{Frequencies: 0, Low: 1, High: 10, Steps: 10, DT: .01},
		cognitive.Discrimination{Channels: 1, MinDelay: 6, MaxDelay: 5, Response: 5, Low: 2, High: 10},
		cognitive.Discrimination{Channels: 1, MinDelay: 5, MaxDelay: 5, Response: 0, Low: 2, High: 10},
		cognitive.Discrimination{Channels: 1, MinDelay: 5, MaxDelay: 5, Response: 5, Low: 2, High: 2},
		cognitive.PathIntegration{Dims: 4, Steps: 10, Speed: .1},
		cognitive.PathIntegration{Dims: 2, Steps: 10, Speed: 2},
	} {
		if task.Check() == nil {
			t.Errorf("%#v was accepted", task)
		}
	}
}
