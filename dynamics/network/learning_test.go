package network

import (
	"math"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/dynamics"
)

// pair is two neurons that fire when told to, connected from 0 to 1 by a synapse too weak to matter.
func pair(t *testing.T, l Learning, weight float32) *Network {
	neurons, err := NewLIF(dynamics.LIF{Decay: 0, Threshold: 100}, 2)
	if err != nil {
		t.Fatal(err)
	}
	synapses, err := Connect(2, 2, []Synapse{{0, 1, weight, 3}})
	if err != nil {
		t.Fatal(err)
	}
	net, err := New(Config{Neurons: neurons, Synapses: synapses, Learning: &l})
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// fire makes the neurons fire at the given steps, 60 in all, and returns the weight.
func fire(t *testing.T, net *Network, pre, post []int, reward func(step int) float64) float64 {
	for step := range 60 {
		current := make([]float32, 2)
		for k, at := range [][]int{pre, post} {
			if slices.Contains(at, step) {
				current[k] = 200
			}
		}
		if _, err := net.Step(current, nil); err != nil {
			t.Fatal(err)
		}
		if reward != nil {
			if err := net.Reward(reward(step)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return float64(net.Weights()[0])
}

// pairwise sums the rule over pairs of spikes by its definition, for a synapse that stays away from its bounds.
func pairwise(l Learning, w float64, pre, post []int) float64 {
	for step := range 60 {
		up, down := 0., 0.
		trace := func(at []int, tau float64) (x float64) {
			for _, s := range at {
				if s < step {
					if l.Nearest {
						x = 0
					}
					x += math.Exp(-float64(step-s) / tau)
				}
			}
			return x
		}
		if slices.Contains(pre, step) {
			down = l.AMinus * trace(post, l.TauMinus)
			if l.Multiplicative {
				down *= w
			}
		}
		w -= down
		if slices.Contains(post, step) {
			up = l.APlus * trace(pre, l.TauPlus)
			if l.Multiplicative {
				up *= l.Max - w
			}
		}
		w += up
	}
	return w
}

func TestSTDP(t *testing.T) {
	base := Learning{APlus: .02, AMinus: .03, TauPlus: 12, TauMinus: 18, Max: 2}
	multiplicative, nearest, both := base, base, base
	multiplicative.Multiplicative, nearest.Nearest, both.Multiplicative, both.Nearest = true, true, true, true
	for _, l := range []Learning{base, multiplicative, nearest, both} {
		for _, spikes := range [][2][]int{
			{{10}, {15}}, {{15}, {10}}, {{10}, {10}}, {{10}, {50}}, {{10, 14, 18}, {20}}, {{20}, {10, 14, 18}}, {{5, 20, 21, 40}, {6, 20, 30, 41}},
		} {
			got := fire(t, pair(t, l, 1), spikes[0], spikes[1], nil)
			if want := pairwise(l, 1, spikes[0], spikes[1]); math.Abs(got-want) > 1e-6 {
				t.Errorf("%+v, before %v, after %v: weight %g, want %g", l, spikes[0], spikes[1], got, want)
			}
		}
	}
	// The window itself: exponential on both sides, nothing at zero.
	for dt := -30; dt <= 30; dt++ {
		got := fire(t, pair(t, base, 1), []int{30 - max(0, dt)}, []int{30 - max(0, -dt)}, nil) - 1
		want := 0.
		switch {
		case dt > 0:
			want = .02 * math.Exp(-float64(dt)/12)
		case dt < 0:
			want = -.03 * math.Exp(float64(dt)/18)
		}
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%d steps from pre to post change the weight by %g, want %g", dt, got, want)
		}
	}
}

// TestBounds holds weights between 0 and Max, and leaves alone the synapses that do not learn.
func TestBounds(t *testing.T) {
	l := Learning{APlus: 5, AMinus: 5, TauPlus: 10, TauMinus: 10, Max: 2}
	if w := fire(t, pair(t, l, 1), []int{10}, []int{12}, nil); w != 2 {
		t.Errorf("weight %g, want Max", w)
	}
	if w := fire(t, pair(t, l, 1), []int{12}, []int{10}, nil); w != 0 {
		t.Errorf("weight %g, want 0", w)
	}
	l.Only = func(pre int) bool { return pre == 1 }
	if w := fire(t, pair(t, l, 1), []int{10}, []int{12}, nil); w != 1 {
		t.Errorf("a synapse that does not learn has the weight %g", w)
	}
}

// TestThreeFactors rewards a pair some time after it, which counts for what eligibility is left.
func TestThreeFactors(t *testing.T) {
	l := Learning{APlus: .02, AMinus: .03, TauPlus: 12, TauMinus: 18, Max: 2, Eligibility: 25}
	for _, c := range []struct {
		pre, post, at int
		reward, want  float64
	}{
		{10, 15, 40, 2, 1 + 2*.02*math.Exp(-5./12)*math.Exp(-25./25)},
		{10, 15, 40, -2, 1 - 2*.02*math.Exp(-5./12)*math.Exp(-25./25)},
		{15, 10, 30, 1, 1 - .03*math.Exp(-5./18)*math.Exp(-15./25)},
		{10, 15, 12, 1, 1}, // before anything happened
		{10, 15, 50, 0, 1},
	} {
		got := fire(t, pair(t, l, 1), []int{c.pre}, []int{c.post}, func(step int) float64 {
			if step == c.at {
				return c.reward
			}
			return 0
		})
		if math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%+v: weight %g", c, got)
		}
	}
	if err := pair(t, Learning{TauPlus: 1, TauMinus: 1, Max: 2}, 1).Reward(1); err == nil {
		t.Error("rewarded a network without eligibility")
	}
	// Long runs: what is stored is scaled anew before it leaves the range of float32.
	l.Eligibility = 1
	net := pair(t, l, 1)
	for range 300 {
		if _, err := net.Step(nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := fire(t, net, []int{10}, []int{15}, func(step int) float64 { return map[bool]float64{true: 3}[step == 17] }), 1+3*.02*math.Exp(-5./12)*math.Exp(-2); math.Abs(got-want) > 1e-6 {
		t.Errorf("after 300 steps: weight %g, want %g", got, want)
	}
}
