package ensemble_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics/ensemble"
	"github.com/gyrus-dev/gyrus/simulate/cognitive"
)

func open(t testing.TB) (ensemble.Network, func(net ensemble.Network, members []*ensemble.Member, o ensemble.Options) error) {
	t.Helper()
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	return ensemble.Network{Inputs: 1, Units: 16, Outputs: 1, Biased: true}, func(net ensemble.Network, members []*ensemble.Member, o ensemble.Options) error {
		return ensemble.Train(t.Context(), backend, net, members, o)
	}
}

var task = cognitive.FlipFlop{Bits: 1, Steps: 10, P: .3}

// member is a network with a stream of trials of its own.
func member(net ensemble.Network, seed uint64) *ensemble.Member {
	rng := rand.New(rand.NewPCG(seed, 1))
	return &ensemble.Member{Weights: net.Init(rng), Draw: func(x, y []float32) { cognitive.Fill(task, rng, 16, x, y) }}
}

var options = ensemble.Options{Steps: 10, Batch: 16, Rate: 3e-3, Threshold: .02, Updates: 1500}

func Example() {
	backend, err := compute.Open("")
	if err != nil {
		panic(err)
	}
	net := ensemble.Network{Inputs: 1, Units: 16, Outputs: 1, Biased: true}
	members := []*ensemble.Member{member(net, 1), member(net, 2), member(net, 3)}
	if err := ensemble.Train(context.Background(), backend, net, members, options); err != nil {
		panic(err)
	}
	for _, m := range members {
		fmt.Println(m.Converged, m.Loss < options.Threshold)
	}
	// Output:
	// true true
	// true true
	// true true
}

// TestAlone wants networks trained side by side, in groups that networks leave at moments of their own, to become what each becomes alone.
func TestAlone(t *testing.T) {
	net, train := open(t)
	for name, o := range map[string]ensemble.Options{
		"in one group":    {Group: 8},
		"in groups of 2":  {Group: 2},
		"with extra":      {Group: 4, Extra: 3},
		"with penalties":  {Group: 4, L1: 1e-4, Nuclear: 1e-4},
		"a group of five": {Group: 5},
		"with patience":   {Group: 4, Patience: 20},
	} {
		t.Run(name, func(t *testing.T) {
			run := options
			run.Group, run.Extra, run.L1, run.Nuclear, run.Patience = o.Group, o.Extra, o.L1, o.Nuclear, o.Patience
			run.Threshold, run.Updates = .3, 400 // early, before rounding has grown
			var together []*ensemble.Member
			for i := range uint64(5) {
				together = append(together, member(net, i))
			}
			if err := train(net, together, run); err != nil {
				t.Fatal(err)
			}
			updates := map[int]bool{}
			for i, m := range together {
				alone := member(net, uint64(i))
				if err := train(net, []*ensemble.Member{alone}, run); err != nil {
					t.Fatal(err)
				}
				updates[m.Updates] = true
				if !m.Converged || m.Updates != alone.Updates || math.Abs(m.Loss-alone.Loss) > 1e-5 {
					t.Errorf("network %d: %d updates to %g, alone %d to %g", i, m.Updates, m.Loss, alone.Updates, alone.Loss)
				}
				a, b := m.Weights.Flat(), alone.Weights.Flat()
				for k := range a {
					if math.Abs(float64(a[k]-b[k])) > 1e-4 {
						t.Fatalf("network %d: weight %d is %g, alone %g", i, k, a[k], b[k])
					}
				}
			}
			if len(updates) < 2 {
				t.Errorf("all stopped after %v updates: nothing is tested of leaving", updates)
			}
		})
	}
}

// TestPenalties wants them to lower what they are on.
func TestPenalties(t *testing.T) {
	net, train := open(t)
	after := func(l1, nuclear float64) float64 {
		m := member(net, 1)
		o := options
		o.L1, o.Nuclear, o.Threshold, o.Updates = l1, nuclear, 0, 300
		if err := train(net, []*ensemble.Member{m}, o); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, w := range m.Weights.Recurrent {
			sum += math.Abs(float64(w))
		}
		return sum
	}
	none := after(0, 0)
	if l1, nuclear := after(1e-3, 0), after(0, 1e-2); l1 > .8*none || nuclear > .8*none {
		t.Errorf("sums of absolute weights are %g without, %g with l1, %g with the nuclear norm", none, l1, nuclear)
	}
}

// TestRun steps trials by hand.
func TestRun(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	net := ensemble.Network{Inputs: 2, Units: 5, Outputs: 3, Biased: true, Leak: .4}
	rng := rand.New(rand.NewPCG(1, 2))
	weights := []ensemble.Weights{net.Init(rng), net.Init(rng)}
	const steps, trials = 4, 3
	x := make([]float32, steps*trials*2)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	got, err := ensemble.Run(backend, net, weights, x, steps, trials)
	if err != nil {
		t.Fatal(err)
	}
	for s, w := range weights {
		for k := range trials {
			a, phi := make([]float64, 5), make([]float64, 5)
			for step := range steps {
				next := make([]float64, 5)
				for i := range next {
					drive := float64(w.Bias[i])
					for j, r := range phi {
						drive += float64(w.Recurrent[i*5+j]) * r
					}
					for j := range 2 {
						drive += float64(w.Input[i*2+j] * x[(step*trials+k)*2+j])
					}
					next[i] = .6*a[i] + .4*drive
				}
				a = next
				for i, v := range a {
					phi[i] = math.Tanh(v)
					if d := float64(got.Rates[s][(k*steps+step)*5+i]) - phi[i]; math.Abs(d) > 1e-5 {
						t.Fatalf("rate is off by %g", d)
					}
				}
				for o := range 3 {
					y := float64(w.OutputBias[o])
					for j, r := range phi {
						y += float64(w.Output[o*5+j]) * r
					}
					if d := float64(got.Outputs[s][(k*steps+step)*3+o]) - y; math.Abs(d) > 1e-5 {
						t.Fatalf("output is off by %g", d)
					}
				}
			}
		}
	}
}

func TestStops(t *testing.T) {
	net, train := open(t)
	o := options
	o.Threshold, o.Updates, o.Every = 0, 30, 10
	m := member(net, 1)
	if err := train(net, []*ensemble.Member{m}, o); err != nil {
		t.Fatal(err)
	}
	if m.Converged || m.Updates != 30 || len(m.Curve) != 3 {
		t.Errorf("at the cap: converged %v after %d updates, curve %v", m.Converged, m.Updates, m.Curve)
	}
	if m.Rate != o.Rate {
		t.Errorf("the rate is %g, was %g", m.Rate, o.Rate)
	}
	m = member(net, 1)
	draw := m.Draw
	m.Draw = func(x, y []float32) { // errors grow with time, so that none but the first is a best one
		draw(x, y)
		for i := range y {
			y[i] *= 1 + float32(m.Updates)
		}
	}
	o.Patience = 10
	if err := train(net, []*ensemble.Member{m}, o); err != nil {
		t.Fatal(err)
	}
	if m.Rate != o.Rate/4 {
		t.Errorf("after 29 updates without a best one, with a patience of 10, the rate is %g, was %g", m.Rate, o.Rate)
	}
	m = member(net, 1)
	before := slices.Clone(m.Weights.Flat())
	o.Rate = 1e30
	if err := train(net, []*ensemble.Member{m}, o); !errors.Is(err, ensemble.ErrDiverged) {
		t.Errorf("a rate of 1e30 ends with %v", err)
	}
	if !slices.Equal(before, m.Weights.Flat()) {
		t.Error("a training that failed has changed its networks")
	}
	o.Rate = 0
	if train(net, []*ensemble.Member{m}, o) == nil {
		t.Error("a rate of 0 was accepted")
	}
	if train(ensemble.Network{Inputs: 1, Units: 8, Outputs: 1}, []*ensemble.Member{m}, options) == nil {
		t.Error("weights of another size were accepted")
	}
}
