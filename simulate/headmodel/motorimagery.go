package headmodel

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
)

// Rate is the sampling rate of everything this package makes, in Hz.
const Rate = 250

// warmUp is how many samples before the trial are generated and filtered, then dropped.
const warmUp = 250

// Hand is a class of imagery, and the side of a hand area.
type Hand int

// The two classes, and the two hand areas by the side of the head they lie on.
const (
	Left Hand = iota
	Right
)

// Recipe is what to generate.
type Recipe struct {
	Subjects int
	Trials   int // per subject, half of each class
	Samples  int // per trial, at 250 Hz
	Seed     uint64
}

// Subject is one simulated person. A subject depends on the recipe's seed, trial count and length only, not on how many others there are.
type Subject struct {
	Montage []Electrode
	Trials  []Trial

	Shift    [2]float64 // displacement of all sources against the cap, grid steps
	Mu, Beta float64    // centre frequencies, Hz
	Depth    float64    // mean depth of the mu desynchronisation over the opposite hand area, 0 to 1
	// HandAreas is the lead field of the left and the right hand area: how strongly each electrode sees it.
	HandAreas [2][]float64
}

// Trial is one imagined movement.
type Trial struct {
	EEG   *mat.Dense // channels by samples, 8 to 32 Hz
	Label Hand

	Onset float64 // s after the trial's first sample at which desynchronisation begins
	Lasts float64 // s from the onset until the rhythms have their full strength again
	// Depths is the depth of the mu desynchronisation over the left and the right hand area.
	Depths [2]float64
}

// ramp is how long desynchronisation takes to build up and to end, in s.
const ramp = 0.4

// Desynchronised returns how far desynchronisation has built up t seconds into the trial, from 0 to 1.
func (tr *Trial) Desynchronised(t float64) float64 {
	rising := (t - tr.Onset) / ramp
	falling := (tr.Onset + tr.Lasts - t) / ramp
	return max(0, min(1, rising, falling))
}

// Envelope returns the factor on the amplitude of the mu rhythm of the hand area on that side, t seconds into the trial.
func (tr *Trial) Envelope(side Hand, t float64) float64 {
	return 1 - tr.Depths[side]*tr.Desynchronised(t)
}

// MotorImagery generates the recipe's subjects. The band is cut to 8-32 Hz with causal second-order Butterworth sections, two
// high-pass and two low-pass.
func MotorImagery(r Recipe) ([]Subject, error) {
	switch {
	case r.Subjects < 1:
		return nil, fmt.Errorf("motor imagery of %d subjects; at least 1 is needed", r.Subjects)
	case r.Trials < 2 || r.Trials%2 != 0:
		return nil, fmt.Errorf("%d trials per subject; an even number is needed, half for each hand", r.Trials)
	case r.Samples < 1:
		return nil, fmt.Errorf("trials of %d samples; at least 1 is needed", r.Samples)
	}
	chain, err := recordingChain()
	if err != nil {
		return nil, err
	}
	subjects := make([]Subject, r.Subjects)
	for i := range subjects {
		subjects[i] = newSubject(r, i, chain)
	}
	return subjects, nil
}

func recordingChain() (signal.Sections, error) {
	high, err := signal.HighPass(2, 8, Rate)
	if err != nil {
		return nil, err
	}
	low, err := signal.LowPass(2, 32, Rate)
	if err != nil {
		return nil, err
	}
	return signal.Sections{high[0], high[0], low[0], low[0]}, nil
}

// background is a source that has nothing to do with the task.
type background struct {
	field []float64
	alpha float64 // centre frequency in Hz; 0 for pink noise
}

func newSubject(r Recipe, index int, chain signal.Sections) Subject {
	rng := rand.New(rand.NewPCG(r.Seed, uint64(index)))
	montage := IV2a()
	s := Subject{
		Montage: montage,
		Shift:   [2]float64{0.3 * rng.NormFloat64(), 0.3 * rng.NormFloat64()},
		Mu:      11 + 0.7*rng.NormFloat64(),
		Beta:    22 + 1.5*rng.NormFloat64(),
		Depth:   0.35 + 0.4*rng.Float64(),
	}
	field := func(x, y, spread float64) []float64 { return leadField(montage, x+s.Shift[0], y+s.Shift[1], spread) }
	s.HandAreas = [2][]float64{field(-2, 0, 1.2), field(2, 0, 1.2)}
	var sources []background
	for _, x := range []float64{-1, 1} {
		sources = append(sources, background{field: field(x, -3.5, 1.6), alpha: 10 + 0.3*rng.NormFloat64()})
	}
	for range 6 {
		sources = append(sources, background{field: field(-3+6*rng.Float64(), -3+5*rng.Float64(), 1.5)})
	}

	labels := make([]Hand, r.Trials)
	for i := range labels {
		labels[i] = Hand(i % 2)
	}
	rng.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
	for _, label := range labels {
		s.Trials = append(s.Trials, s.trial(rng, label, r.Samples, sources, chain))
	}
	return s
}

func (s *Subject) trial(rng *rand.Rand, label Hand, samples int, sources []background, chain signal.Sections) Trial {
	tr := Trial{
		Label: label,
		Onset: 0.5 + 0.2*rng.NormFloat64(),
		Lasts: max(2*ramp, ramp+2.8+0.3*rng.NormFloat64()),
	}
	depth := max(0, min(0.95, s.Depth*(1+0.25*rng.NormFloat64())))
	tr.Depths[1-label] = depth // the hand area opposite the hand
	tr.Depths[label] = 0.35 * depth

	total := warmUp + samples
	eeg := mat.NewDense(len(s.Montage), total, nil)
	add := func(field, wave []float64, amplitude float64) {
		for c, g := range field {
			floats.AddScaled(eeg.RawRowView(c), g*amplitude, wave)
		}
	}
	wave, beta := make([]float64, total), make([]float64, total)
	// How strong the rhythms are today is one draw for both hand areas: arousal, not laterality.
	muGain, betaGain := math.Exp(0.15*rng.NormFloat64()), 0.5*math.Exp(0.15*rng.NormFloat64())
	for side, area := range s.HandAreas {
		resonate(rng, wave, s.Mu, 0.985)
		resonate(rng, beta, s.Beta, 0.97)
		for t := range wave {
			e := tr.Depths[side] * tr.Desynchronised(float64(t-warmUp)/Rate)
			wave[t] = muGain*wave[t]*(1-e) + betaGain*beta[t]*(1-0.8*e)
		}
		add(area, wave, 1.5)
	}
	for _, source := range sources {
		if source.alpha > 0 {
			resonate(rng, wave, source.alpha, 0.985)
			add(source.field, wave, 1.5*math.Exp(0.5*rng.NormFloat64()))
		} else {
			pink(rng, wave)
			add(source.field, wave, 1.5)
		}
	}
	for c := range s.Montage {
		pink(rng, wave)
		floats.Add(eeg.RawRowView(c), wave)
	}
	tr.EEG = mat.NewDense(len(s.Montage), samples, nil)
	for c := range s.Montage {
		tr.EEG.SetRow(c, chain.Filter(eeg.RawRowView(c))[warmUp:])
	}
	return tr
}

// resonate fills x with a stationary second-order autoregression of unit variance whose poles have the given radius and lie at
// about centre Hz, jittered by 2.5 % from call to call.
func resonate(rng *rand.Rand, x []float64, centre, radius float64) {
	theta := 2 * math.Pi * centre * (1 + 0.025*rng.NormFloat64()) / Rate
	p1, p2 := 2*radius*math.Cos(theta), -radius*radius
	neighbour := p1 / (1 - p2) // correlation of neighbouring samples
	sd := math.Sqrt((1 + p2) / (1 - p2) * ((1-p2)*(1-p2) - p1*p1))
	before := rng.NormFloat64()
	last := neighbour*before + math.Sqrt(1-neighbour*neighbour)*rng.NormFloat64()
	for t := range x {
		x[t] = p1*last + p2*before + sd*rng.NormFloat64()
		before, last = last, x[t]
	}
}

// pinkPoles and pinkGains approximate a 1/f spectrum by three first-order low-pass filters beside white noise (P. Kellet's filter).
var (
	pinkPoles = [4]float64{0.99765, 0.963, 0.57, 0}
	pinkGains = [4]float64{0.0990460, 0.2965164, 1.0526913, 0.1848}
)

// pink fills x with noise of unit variance whose power falls as 1/f.
func pink(rng *rand.Rand, x []float64) {
	variance := 0.0
	for i := range pinkPoles {
		for j := range pinkPoles {
			variance += pinkGains[i] * pinkGains[j] / (1 - pinkPoles[i]*pinkPoles[j])
		}
	}
	scale := 1 / math.Sqrt(variance)
	var state [4]float64
	for t := range x {
		w, sum := rng.NormFloat64(), 0.0
		for i, p := range pinkPoles {
			state[i] = p*state[i] + pinkGains[i]*w
			sum += state[i]
		}
		x[t] = scale * sum
	}
}
