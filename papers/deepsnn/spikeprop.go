package deepsnn

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// spikeProp is F2b, a test of fidelity: a network in continuous time whose units fire once, and learn exclusive-or by descending the gradient of their times
// (SpikeProp, Bohte et al. 2002). Each link has synapses of several delays; the potential of a unit j and its time are
//
//	x_j(t) = Σ_i Σ_d sign_i w_ijd ε(t - t_i - d)      ε(s) = s/τ·exp(1 - s/τ) for s > 0      t_j: the first t with x_j(t) = threshold
//	∂t_j/∂w = -sign ε(t_j - t_i - d)/x'_j(t_j)        ∂t_j/∂t_i = Σ_d sign_i w ε'(t_j - t_i - d)/x'_j(t_j)
type spikeProp struct {
	Rate   float64
	Weight [2][][]float64 // by layer and unit, [inputs * delays]
}

// Times are in ms. Threshold and initial weights let every unit fire at first, some ms after the last input; their scale decides what a learning rate means.
const (
	xorInputs    = 3 // two that are coded, and a reference at 0
	xorHidden    = 5 // the last one is inhibitory
	xorDelays    = 16
	xorTau       = 7.
	xorThreshold = 5.
	xorStep      = .1
	xorEnd       = 60. // a unit that has not fired by then counts as firing then, and does not learn
	xorEarly     = 10.
	xorLate      = 16.
	// leastSlope of the potential at a spike: where it only just reaches the threshold, times are no smooth function of weights.
	leastSlope = .1
)

// xorPatterns are input times and the target.
var xorPatterns = []struct {
	In     [xorInputs]float64
	Target float64
}{
	{[xorInputs]float64{0, 0, 0}, xorLate}, {[xorInputs]float64{0, 6, 0}, xorEarly}, {[xorInputs]float64{6, 0, 0}, xorEarly}, {[xorInputs]float64{6, 6, 0}, xorLate},
}

func newSpikeProp(rate float64, rng *rand.Rand) *spikeProp {
	s := &spikeProp{Rate: rate}
	for l, n := range []int{xorHidden, 1} {
		in := []int{xorInputs, xorHidden}[l]
		for range n {
			w := make([]float64, in*xorDelays)
			for i := range w {
				w[i] = .1 + .6*rng.Float64()
			}
			s.Weight[l] = append(s.Weight[l], w)
		}
	}
	return s
}

func kernel(s float64) float64 {
	if s <= 0 {
		return 0
	}
	return s / xorTau * math.Exp(1-s/xorTau)
}

func kernelSlope(s float64) float64 {
	if s <= 0 {
		return 0
	}
	return (1 - s/xorTau) / xorTau * math.Exp(1-s/xorTau)
}

// sign of what the i-th input of a layer sends.
func sign(layer, i int) float64 {
	if layer == 1 && i == xorHidden-1 {
		return -1
	}
	return 1
}

// sum is Σ w f(t - t_i - d) of a unit.
func sum(layer int, w, in []float64, t float64, f func(float64) float64) (x float64) {
	for i, ti := range in {
		g := sign(layer, i)
		for d := range xorDelays {
			x += g * w[i*xorDelays+d] * f(t-ti-float64(d+1))
		}
	}
	return x
}

// fire is when a unit fires, and whether it does.
func fire(layer int, w, in []float64) (t float64, ok bool) {
	before := 0.
	for step := 1; float64(step)*xorStep <= xorEnd; step++ {
		t = float64(step) * xorStep
		x := sum(layer, w, in, t, kernel)
		if x >= xorThreshold { // on a straight line between the two
			return t - xorStep*(x-xorThreshold)/(x-before), true
		}
		before = x
	}
	return xorEnd, false
}

// present runs the network and, if it is to learn, changes its weights. It returns the time of the output.
func (s *spikeProp) present(in []float64, target float64, learn bool) (output float64) {
	hidden, fired := make([]float64, xorHidden), make([]bool, xorHidden)
	for h, w := range s.Weight[0] {
		hidden[h], fired[h] = fire(0, w, in)
	}
	output, ok := fire(1, s.Weight[1][0], hidden)
	if !learn || !ok {
		return output
	}
	w := s.Weight[1][0]
	delta := (output - target) / max(leastSlope, sum(1, w, hidden, output, kernelSlope)) // ∂E/∂t over the slope
	var back [xorHidden]float64
	for h, th := range hidden {
		for d := range xorDelays {
			back[h] += delta * sign(1, h) * w[h*xorDelays+d] * kernelSlope(output-th-float64(d+1))
		}
	}
	s.change(1, w, hidden, output, delta)
	for h, b := range back {
		if fired[h] {
			v := s.Weight[0][h]
			s.change(0, v, in, hidden[h], b/max(leastSlope, sum(0, v, in, hidden[h], kernelSlope)))
		}
	}
	return output
}

// change descends; a weight keeps its sign, which is that of the unit before it.
func (s *spikeProp) change(layer int, w, in []float64, t, delta float64) {
	for i, ti := range in {
		for d := range xorDelays {
			k := i*xorDelays + d
			w[k] = max(0, w[k]+s.Rate*delta*sign(layer, i)*kernel(t-ti-float64(d+1)))
		}
	}
}

// squared is the sum of squared errors over all patterns.
func (s *spikeProp) squared() (e float64) {
	for _, p := range xorPatterns {
		d := s.present(p.In[:], p.Target, false) - p.Target
		e += d * d
	}
	return e
}

type xorParams struct {
	Cycles int     `param:"cycles" min:"1" max:"100000" help:"cycles of all four patterns at most"`
	Rate   float64 `param:"rate" min:"0" max:"1" help:"learning rate"`
	Nets   int     `param:"nets" min:"1" max:"1000" help:"networks, from other initial weights each"`
}

const sysXOR = "F2b SpikeProp"

var xor = papers.Experiment{
	Name:    "xor",
	Summary: "SpikeProp learns exclusive-or in times of spikes: 3 inputs, 5 hidden units, 16 delays on each link; some seconds.",
	Tests:   []string{"xor"},
	Params: papers.Presets[xorParams]{
		Quick: xorParams{300, .01, 1}, Default: xorParams{1000, .01, 10}, Full: xorParams{1000, .01, 100},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: []report.Metric{
		{ID: "learned", Name: "share of networks that learned", Better: report.Higher, Says: "sum of squared errors below 1 ms²"},
		{ID: "cycles", Name: "cycles until then", Better: report.Lower, Says: "median of networks; the most there may be if half of them did not learn"},
	},
	Systems: []report.System{{Name: sysXOR, Role: report.Subject}},
	Run: func(ctx context.Context, r *papers.Run) error {
		p := papers.ParamsOf[xorParams](r)
		rng := r.Rand("weights")
		learned, cycles := 0., make([]float64, p.Nets)
		for n := range p.Nets {
			s := newSpikeProp(p.Rate, rng)
			cycles[n] = float64(p.Cycles)
			var errors, at []float64
			for cycle := range p.Cycles {
				if err := ctx.Err(); err != nil {
					return err
				}
				e := s.squared()
				if errors, at = append(errors, e), append(at, float64(cycle)); e < 1 {
					learned += 1 / float64(p.Nets)
					cycles[n] = float64(cycle)
					break
				}
				for _, pattern := range xorPatterns {
					s.present(pattern.In[:], pattern.Target, true)
				}
			}
			r.Progress(papers.Progress{Stage: "SpikeProp", Done: n + 1, Total: p.Nets, Unit: "networks"})
			if n < 5 {
				r.Curve(report.Curve{Plot: "Error of exclusive-or", Series: "network " + string(rune('1'+n)), XLabel: "cycle", YLabel: "sum of squared errors (ms²)", LogY: true,
					Levels: []report.Ref{{At: 1, Label: "learned"}}, X: report.Numbers(at), Y: report.Numbers(errors)})
			}
		}
		r.Measure(sysXOR, "learned", learned)
		slices.Sort(cycles)
		r.Measure(sysXOR, "cycles", cycles[(p.Nets-1)/2])
		return nil
	},
	Judge: func(rs *papers.Results) {
		rs.Claim("xor").Level("cycles until the error is below 1, mean of seeds' medians", rs.Mean(sysXOR, "cycles"), "≤", 500)
	},
}
