package deepsnn

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/dynamics/rows"
)

// sampler is F5a: a restricted Boltzmann machine of spiking neurons, trained by event-driven contrastive divergence (Neftci 2014) on neural sampling (Buesing
// 2011). A neuron's state is 1 for so many steps after a spike, and while it is 0 the neuron fires with the probability σ(u - log τ), u = b + Σ w z.
type sampler struct {
	Hidden    int
	Epochs    int
	Batch     int     // images whose changes are taken together
	Rate      float64 // η, which falls geometrically to a tenth
	OnlyData  bool    // the model phase is left out: plain Hebbian learning
	Inputs    int
	W         []float32 // [visible, Hidden]; visible is pixels, then label units
	Transpose []float32 // the same, [Hidden, visible]
	BiasV     []float32
	BiasH     []float32
}

const (
	labelCopies  = 4
	onSteps      = 10 // τ
	phaseSteps   = 40
	burnIn       = 10
	surePixel    = .98 // the largest probability of a clamped unit to be on
	logitEntries = 1 << 14
)

// logits is quantiles of the logistic law: a uniform draw from them is below u with probability σ(u).
var logits = func() (table [logitEntries]float32) {
	for i := range table {
		p := (float64(i) + .5) / logitEntries
		table[i] = float32(math.Log(p / (1 - p)))
	}
	return
}()

var logTau = float32(math.Log(onSteps))

// units is a layer at work: sums of what it takes in, and who is on.
type units struct {
	u     []float32         // b + Σ w z
	off   []int             // the step in which a unit's state goes to 0 again
	ring  [onSteps][]uint32 // who fired, by step
	began []uint64          // by unit, a bit for each step of a phase's part that is learned from, in which it was on
}

// sampling is the machine at work on an image.
type sampling struct {
	*sampler
	visible, hidden units
	able            []uint32 // visible units that can fire while an image is clamped
	t               int
	spare           []float32
	ended, at       []uint32
	cost            cost
	rng             *rand.Rand
	random          uint64
	left            int // draws in random
}

func (f *sampler) size() int { return f.Inputs + classes*labelCopies }

func (f *sampler) sampling() *sampling {
	v := f.size()
	s := &sampling{sampler: f, spare: make([]float32, max(v, f.Hidden))}
	s.visible = units{u: make([]float32, v), off: make([]int, v), began: make([]uint64, v)}
	s.hidden = units{u: make([]float32, f.Hidden), off: make([]int, f.Hidden), began: make([]uint64, f.Hidden)}
	return s
}

// begin brings all to rest.
func (s *sampling) begin(rng *rand.Rand) {
	s.t, s.rng, s.cost, s.left = 0, rng, cost{}, 0
	copy(s.visible.u, s.BiasV)
	copy(s.hidden.u, s.BiasH)
	for _, l := range []*units{&s.visible, &s.hidden} {
		clear(l.off)
		clear(l.began)
		for i := range l.ring {
			l.ring[i] = l.ring[i][:0]
		}
	}
}

// threshold draws from the logistic law.
func (s *sampling) threshold() float32 {
	if s.left == 0 {
		s.random, s.left = s.rng.Uint64(), 4
	}
	l := logits[s.random%logitEntries]
	s.random >>= 16
	s.left--
	return l
}

// clamp drives visible units with what they would be on with in such a share of time, and with nothing else. A label of -1 leaves label units free.
func (s *sampling) clamp(x []float32, label int) {
	s.able = s.able[:0]
	drive := func(i int, p float32) {
		p = min(p, surePixel)
		s.visible.u[i] = float32(math.Log(float64(p / (1 - p))))
		s.able = append(s.able, uint32(i))
	}
	for i, p := range x {
		if p > 0 {
			drive(i, p)
		}
	}
	if label >= 0 {
		for k := range labelCopies {
			drive(s.Inputs+label*labelCopies+k, surePixel)
		}
		return
	}
	for k := range classes * labelCopies {
		s.able = append(s.able, uint32(s.Inputs+k))
	}
}

// free takes the drive away: visible units take in what the hidden ones send from here on.
func (s *sampling) free() {
	copy(s.visible.u, s.BiasV)
	for i, off := range s.hidden.off {
		if off >= s.t { // it is still to go off
			s.at = append(s.at[:0], uint32(i*len(s.visible.u)))
			rows.Sum(s.visible.u, s.Transpose, s.at)
			s.cost.Additions += int64(len(s.visible.u))
		}
	}
}

// fire lets those of a layer fire that may, and returns who did and whose state went to 0.
func (s *sampling) fire(l *units, who []uint32) (on, off []uint32) {
	slot := &l.ring[s.t%onSteps]
	s.ended = append(s.ended[:0], *slot...)
	off = s.ended
	*slot = (*slot)[:0]
	if who == nil {
		for i, u := range l.u {
			if l.off[i] <= s.t && s.threshold() < u-logTau {
				*slot = append(*slot, uint32(i))
			}
		}
		s.cost.Updates += int64(len(l.u))
	} else {
		for _, i := range who {
			if l.off[i] <= s.t && s.threshold() < l.u[i]-logTau {
				*slot = append(*slot, i)
			}
		}
		s.cost.Updates += int64(len(who))
	}
	for _, i := range *slot {
		l.off[i] = s.t + onSteps
	}
	return *slot, off
}

// deliver adds the weights of who went on and takes those of who went off away, and counts both: [units, out] from place first, so many.
func (s *sampling) deliver(on, off []uint32, table []float32, stride, first int, to []float32) {
	at := s.at[:0]
	for _, i := range on {
		at = append(at, i*uint32(stride)+uint32(first))
	}
	rows.Sum(to, table, at)
	at = at[:0]
	for _, i := range off {
		at = append(at, i*uint32(stride)+uint32(first))
	}
	if len(at) > 0 {
		spare := s.spare[:len(to)]
		clear(spare)
		rows.Sum(spare, table, at)
		for i, v := range spare {
			to[i] -= v
		}
	}
	s.at = at
	s.cost.Additions += int64((len(on) + len(off)) * len(to))
}

// phase is what of the visible layer is clamped.
type phase int

const (
	allClamped phase = iota
	labelsFree
	allFree
)

// step goes one step on; it returns the spikes of both layers.
func (s *sampling) step(p phase) (visible, hidden []uint32) {
	who := s.able
	if p == allFree {
		who = nil
	}
	on, off := s.fire(&s.visible, who)
	visible = on
	s.deliver(on, off, s.W, s.Hidden, 0, s.hidden.u)
	on, off = s.fire(&s.hidden, nil)
	hidden = on
	switch p {
	case allFree:
		s.deliver(on, off, s.Transpose, len(s.visible.u), 0, s.visible.u)
	case labelsFree:
		s.deliver(on, off, s.Transpose, len(s.visible.u), s.Inputs, s.visible.u[s.Inputs:])
	}
	s.t++
	return visible, hidden
}

// remember writes down who is on, in a bit.
func (l *units) remember(now, bit int) {
	for i, off := range l.off {
		if off > now {
			l.began[i] |= 1 << bit
		}
	}
}

const perPhase = phaseSteps - burnIn

// masks of the bits of each phase.
const (
	dataBits  = uint64(1)<<perPhase - 1
	modelBits = dataBits << perPhase
)

// dream shows an image and its label, then lets the machine go on by itself.
func (s *sampling) dream(x []float32, label int, rng *rand.Rand) {
	s.begin(rng)
	s.clamp(x, label)
	for t := range phaseSteps {
		s.step(allClamped)
		if t >= burnIn {
			s.visible.remember(s.t-1, t-burnIn)
			s.hidden.remember(s.t-1, t-burnIn)
		}
	}
	if s.OnlyData {
		return
	}
	s.free()
	for t := range phaseSteps {
		s.step(allFree)
		if t >= burnIn {
			s.visible.remember(s.t-1, perPhase+t-burnIn)
			s.hidden.remember(s.t-1, perPhase+t-burnIn)
		}
	}
}

// balance is the steps of the data phase in a word of them, less those of the model phase.
func balance(on uint64) int { return bits.OnesCount64(on&dataBits) - bits.OnesCount64(on&modelBits) }

// learn changes weights by the coincidences of a batch of images.
func (f *sampler) learn(batch []*sampling, rate float64) {
	gain := float32(rate / perPhase / float64(len(batch)))
	change := make([]int32, f.Hidden)
	v := f.size()
	for i := range v {
		any := false
		own := int32(0)
		for _, s := range batch {
			on := s.visible.began[i]
			if on == 0 {
				continue
			}
			if !any {
				clear(change)
				any = true
			}
			own += int32(balance(on))
			for h, with := range s.hidden.began {
				change[h] += int32(balance(on & with))
			}
		}
		if !any {
			continue
		}
		f.BiasV[i] += gain * float32(own)
		w := f.W[i*f.Hidden:][:f.Hidden]
		for h, c := range change {
			w[h] += gain * float32(c)
			f.Transpose[h*v+i] = w[h]
		}
	}
	for h := range f.BiasH {
		own := 0
		for _, s := range batch {
			own += balance(s.hidden.began[h])
		}
		f.BiasH[h] += gain * float32(own)
	}
}

func (f *sampler) train(ctx context.Context, d *split, s *session) error {
	f.Inputs = d.training.width
	v := f.size()
	f.W, f.Transpose, f.BiasV, f.BiasH = make([]float32, v*f.Hidden), make([]float32, v*f.Hidden), make([]float32, v), make([]float32, f.Hidden)
	for i := range v {
		for h := range f.Hidden {
			w := float32(.01 * s.rng.NormFloat64())
			f.W[i*f.Hidden+h], f.Transpose[h*v+i] = w, w
		}
		mean := 1. / classes
		if i < f.Inputs {
			mean = 0
			for k := range d.training.len() {
				mean += float64(d.training.image(k)[i]) / float64(d.training.len())
			}
			mean = min(.9, max(.02, mean))
		}
		f.BiasV[i] = float32(math.Log(mean / (1 - mean)))
	}
	batch := make([]*sampling, min(f.Batch, d.training.len()))
	for i := range batch {
		batch[i] = f.sampling()
	}
	per := d.training.len() / len(batch)
	for epoch := range f.Epochs {
		order := s.rng.Perm(d.training.len())
		for b := range per {
			if err := ctx.Err(); err != nil {
				return err
			}
			for k, w := range batch {
				i := order[b*len(batch)+k]
				w.dream(d.training.image(i), int(d.training.labels[i]), s.rng)
			}
			done := epoch*per + b
			f.learn(batch, f.Rate*math.Pow(.1, float64(done)/float64(f.Epochs*per)))
			s.progress(done+1, f.Epochs*per, "batch")
		}
	}
	return nil
}

// infer clamps an image and counts the spikes of label units.
func (f *sampler) infer(x []float32, steps int, rng *rand.Rand, to *response) {
	to.reset(steps, 3) // pixels, hidden, labels
	s := f.sampling()
	s.begin(rng)
	s.clamp(x, -1)
	var count [classes]float32
	of := make([]int, f.Hidden)
	for t := range steps {
		visible, hidden := s.step(labelsFree)
		for _, i := range visible {
			if k := int(i) - f.Inputs; k >= 0 {
				count[k/labelCopies]++
				to.Spikes[t][2]++
			} else {
				to.Spikes[t][0]++
			}
		}
		for _, h := range hidden {
			of[h]++
			to.Most = max(to.Most, of[h])
		}
		to.Spikes[t][1] = len(hidden)
		to.Scores[t], to.Costs[t] = count, s.cost
	}
}
