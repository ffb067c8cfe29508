package deepsnn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-dev/gyrus/dynamics/rows"
)

// firstSpike is F2a: neurons without leak, driven by synaptic currents that decay exponentially, that fire at most once; learning descends the exact
// gradient of their times (Mostafa 2017). Times are written as z = exp(t).
type firstSpike struct {
	Hidden       int
	Epochs       int
	Batch        int
	Rate         float64 // of Adam, falling along a cosine to a tenth
	Mean, Spread float64 // of the sum of initial weights from early inputs into a neuron

	Layers []layer
}

const (
	early = 1. // z of pixels above 0.5
	late  = 6. // z of the others
	// silent is z of a neuron that does not fire.
	silent = 22026.4657948 // e^10

	penaltyWeight = 100.
	decayWeight   = 1e-3
	rowClip       = 10.

	// gridStep is the length of a step of ln z in which what the network does is written down.
	gridStep = .05
)

// volley is the spikes of a layer: z of each neuron, and neurons in the order in which they fire, those that do not left out.
type volley struct {
	Z     []float64
	Order []uint32
}

func volleyOf(z []float64) volley {
	v := volley{Z: z}
	for i, t := range z {
		if t < silent {
			v.Order = append(v.Order, uint32(i))
		}
	}
	slices.SortStableFunc(v.Order, func(a, b uint32) int {
		switch {
		case z[a] < z[b]:
			return -1
		case z[a] > z[b]:
			return 1
		}
		return 0
	})
	return v
}

// inputs is an image as spikes.
func inputs(x []float32) volley {
	v := volley{Z: make([]float64, len(x)), Order: make([]uint32, 0, len(x))}
	for _, on := range []bool{true, false} {
		for i, p := range x {
			if on == (p > .5) {
				v.Order = append(v.Order, uint32(i))
				if v.Z[i] = late; on {
					v.Z[i] = early
				}
			}
		}
	}
	return v
}

// group is the end of those that fire together with the one at begin, and the time of the next.
func (v *volley) group(begin int) (end int, next float64) {
	z := v.Z[v.Order[begin]]
	for end = begin + 1; end < len(v.Order); end++ {
		if next := v.Z[v.Order[end]]; next > z {
			return end, next
		}
	}
	return end, silent
}

// arrival is the sums of a layer's neurons while spikes come in.
type arrival struct {
	layer  *layer
	Weight []float64 // Σ w over the spikes so far
	timed  []float64 // Σ w·z
	sums   []float32
	at     []uint32
	Z      []float64 // of the neurons that fired, or silent
	Causal []int     // how many spikes, in their order, a neuron that fired had seen
}

func (l *layer) begin() *arrival {
	a := &arrival{layer: l, Weight: make([]float64, l.Out), timed: make([]float64, l.Out), sums: make([]float32, l.Out), Z: make([]float64, l.Out), Causal: make([]int, l.Out)}
	for k := range a.Z {
		a.Z[k] = silent
	}
	return a
}

// take delivers spikes of time z and fires the neurons that reach their threshold before the next spike. It returns how many did.
func (a *arrival) take(spikes []uint32, z, next float64, seen int, c *cost) (fired int) {
	clear(a.sums)
	a.at = a.layer.deliver(spikes, a.sums, a.at, c)
	c.Updates += int64(a.layer.Out)
	for k, s := range a.sums {
		if a.Z[k] < silent {
			continue
		}
		a.Weight[k] += float64(s)
		a.timed[k] += z * float64(s)
		if a.Weight[k] > 1 {
			if out := a.timed[k] / (a.Weight[k] - 1); out < next {
				a.Z[k], a.Causal[k] = out, seen
				fired++
			}
		}
	}
	return fired
}

// fire runs a layer to the end.
func (l *layer) fire(in *volley, c *cost) *arrival {
	a := l.begin()
	left := l.Out
	for begin := 0; begin < len(in.Order) && left > 0; {
		end, next := in.group(begin)
		left -= a.take(in.Order[begin:end], in.Z[in.Order[begin]], next, end, c)
		begin = end
	}
	return a
}

// back adds the gradient of the layer's weights to w, for the gradient of its output times; it returns that of its input times.
//
//	∂z/∂w_p = (z_p - z)/(Σ w - 1)      ∂z/∂z_p = w_p/(Σ w - 1)      for p in the causal set
func (a *arrival) back(in *volley, dz []float64, w []float32, toInputs bool) (dIn []float64) {
	gain, most := make([]float64, len(dz)), 0
	for k, d := range dz {
		if d != 0 && a.Z[k] < silent {
			gain[k] = d / (a.Weight[k] - 1)
			most = max(most, a.Causal[k])
		}
	}
	if toInputs {
		dIn = make([]float64, len(in.Z))
	}
	out := a.layer.Out
	change := make([]float32, out)
	for begin := 0; begin < most; {
		end, _ := in.group(begin)
		z := in.Z[in.Order[begin]]
		a.at = a.at[:0]
		for k, g := range gain {
			if change[k] = 0; a.Causal[k] >= end {
				change[k] = float32(g * (z - a.Z[k]))
			}
		}
		for _, p := range in.Order[begin:end] {
			a.at = append(a.at, p*uint32(out))
			if toInputs {
				for k, v := range a.layer.W[int(p)*out:][:out] {
					if a.Causal[k] >= end {
						dIn[p] += gain[k] * float64(v)
					}
				}
			}
		}
		rows.Add(w, a.at, change)
		begin = end
	}
	return dIn
}

// gradient adds an image's gradient of the cross-entropy of softmax(-z) to that of all weights, and says which neurons fired.
func (f *firstSpike) gradient(x []float32, label int, to [][]float32) (loss float64, hidden, output *arrival) {
	var c cost
	in := inputs(x)
	hidden = f.Layers[0].fire(&in, &c)
	middle := volleyOf(hidden.Z)
	output = f.Layers[1].fire(&middle, &c)
	first := slices.Min(output.Z)
	sum, dz := 0., make([]float64, classes)
	for k, z := range output.Z {
		dz[k] = math.Exp(first - z)
		sum += dz[k]
	}
	for k := range dz {
		dz[k] /= -sum // ∂/∂z of log Σ exp(-z)
	}
	dz[label]++
	dMiddle := output.back(&middle, dz, to[1], true)
	hidden.back(&in, dMiddle, to[0], false)
	return output.Z[label] - first + math.Log(sum), hidden, output
}

// penalties adds the gradient of what keeps neurons firing and weights small, and limits that of each neuron's weights.
func (l *layer) penalties(gradient []float32) {
	total, norm := make([]float64, l.Out), make([]float64, l.Out)
	for i, w := range l.W {
		total[i%l.Out] += float64(w)
	}
	for i, w := range l.W {
		k := i % l.Out
		gradient[i] += float32(2 * decayWeight * float64(w))
		if total[k] < 1 {
			gradient[i] -= float32(penaltyWeight / float64(l.Out))
		}
		norm[k] += float64(gradient[i]) * float64(gradient[i])
	}
	for k, n := range norm {
		norm[k] = min(1, rowClip/math.Sqrt(max(n, 1e-30)))
	}
	for i := range gradient {
		gradient[i] *= float32(norm[i%l.Out])
	}
}

// adam is Kingma and Ba's optimiser of one array.
type adam struct {
	m, v []float32
	t    int
}

func (a *adam) step(w, gradient []float32, rate float64) {
	if a.m == nil {
		a.m, a.v = make([]float32, len(w)), make([]float32, len(w))
	}
	a.t++
	const b1, b2 = .9, .999
	scale := float32(rate * math.Sqrt(1-math.Pow(b2, float64(a.t))) / (1 - math.Pow(b1, float64(a.t))))
	for i, g := range gradient {
		a.m[i] += (1 - b1) * (g - a.m[i])
		a.v[i] += (1 - b2) * (g*g - a.v[i])
		w[i] -= scale * a.m[i] / (float32(math.Sqrt(float64(a.v[i]))) + 1e-8)
	}
}

// initial draws weights whose sums over so many inputs have that mean and standard deviation: with a mean of 0 nothing would fire.
func initial(in, out int, active, mean, spread float64, rng *rand.Rand) layer {
	l := layer{In: in, Out: out, W: make([]float32, in*out)}
	for i := range l.W {
		l.W[i] = float32(mean/active + spread/math.Sqrt(active)*rng.NormFloat64())
	}
	return l
}

func (f *firstSpike) train(ctx context.Context, d *split, s *session) error {
	on := 0.
	for _, v := range d.training.values {
		if v > .5 {
			on += 1 / float64(d.training.len())
		}
	}
	if on < 1 {
		return fmt.Errorf("%s: %.2f pixels of an image are above 0.5, expected at least 1; bright pixels are what fires first, so stretch the images' range", d.training.name, on)
	}
	f.Layers = []layer{initial(d.training.width, f.Hidden, on, f.Mean, f.Spread, s.rng), initial(f.Hidden, classes, float64(f.Hidden), f.Mean, f.Spread, s.rng)}
	var optimizer [2]adam
	gradient := [][]float32{make([]float32, len(f.Layers[0].W)), make([]float32, len(f.Layers[1].W))}
	batch := min(f.Batch, d.training.len())
	per := d.training.len() / batch
	for epoch := range f.Epochs {
		rate := f.Rate * (.1 + .9*(1+math.Cos(math.Pi*float64(epoch)/float64(f.Epochs)))/2)
		order := s.rng.Perm(d.training.len())
		fired := [2][]int{make([]int, f.Hidden), make([]int, classes)}
		for b := range per {
			if err := ctx.Err(); err != nil {
				return err
			}
			for _, i := range order[b*batch : (b+1)*batch] {
				_, hidden, output := f.gradient(d.training.image(i), int(d.training.labels[i]), gradient)
				for l, a := range []*arrival{hidden, output} {
					for k, z := range a.Z {
						if z < silent {
							fired[l][k]++
						}
					}
				}
			}
			for l := range f.Layers {
				g := gradient[l]
				for i := range g {
					g[i] /= float32(batch)
				}
				f.Layers[l].penalties(g)
				optimizer[l].step(f.Layers[l].W, g, rate)
				clear(g)
			}
			s.progress(epoch*per+b+1, f.Epochs*per, "step")
		}
		if err := f.mute(fired, epoch+1 == f.Epochs); err != nil {
			return err
		}
	}
	return nil
}

// mute refuses a network that has stopped to fire where it must: a layer that was silent for an epoch, or, at the end, a class.
func (f *firstSpike) mute(fired [2][]int, end bool) error {
	const advice = "raise the initial weights (first-mean), or the penalty on sums below the threshold"
	for l, name := range []string{"hidden", "output"} {
		if slices.Max(fired[l]) == 0 {
			return fmt.Errorf("no neuron of the %s layer fired in a whole epoch, since what comes in does not reach the threshold of 1; %s", name, advice)
		}
	}
	sums := make([]float64, classes)
	for i, w := range f.Layers[1].W {
		sums[i%classes] += float64(w)
	}
	for k, n := range fired[1] {
		if end && n == 0 && sums[k] <= 1 {
			return fmt.Errorf("the neuron of class %d in the output layer never fires, since its weights sum up to %.2f and the threshold is 1; %s", k, sums[k], advice)
		}
	}
	return nil
}

// infer goes from spike to spike until the first output fires; nothing later is computed. A step is gridStep of ln z.
func (f *firstSpike) infer(x []float32, steps int, _ *rand.Rand, to *response) {
	to.reset(steps, 3)
	in := inputs(x)
	hidden, output := f.Layers[0].begin(), f.Layers[1].begin()
	var c, before cost
	t := 0
	bin := func(z float64) int { return min(int(math.Log(z)/gridStep), steps-1) }
	forward := func(z float64) { // the steps that end before z have seen what was before
		for ; t < bin(z); t++ {
			to.Costs[t] = before
		}
	}
	finish := func(winner int, z float64) {
		forward(z)
		for ; t < steps; t++ {
			to.Costs[t] = c
			if winner >= 0 {
				to.Scores[t][winner] = 1
			}
		}
	}
	seen := 0
	for begin := 0; begin < len(in.Order); {
		end, next := in.group(begin)
		z := in.Z[in.Order[begin]]
		forward(z)
		was := slices.Clone(hidden.Z)
		hidden.take(in.Order[begin:end], z, next, end, &c)
		to.Spikes[bin(z)][0] += end - begin
		before = c
		fresh := slices.Clone(hidden.Z)
		for k := range fresh {
			if was[k] < silent {
				fresh[k] = silent // it has fired before
			}
		}
		middle := volleyOf(fresh)
		for i, h := range middle.Order {
			z, following := middle.Z[h], next
			if i+1 < len(middle.Order) {
				following = middle.Z[middle.Order[i+1]]
			}
			forward(z)
			seen++
			output.take([]uint32{h}, z, following, seen, &c)
			to.Spikes[bin(z)][1]++
			to.Most, before = 1, c
			winner := 0
			for k, out := range output.Z {
				if out < output.Z[winner] {
					winner = k
				}
			}
			if output.Z[winner] < silent {
				to.Spikes[bin(output.Z[winner])][2]++
				finish(winner, output.Z[winner])
				return
			}
		}
		begin = end
	}
	finish(-1, silent)
}

// times is the hidden and output spikes of an image if nothing stops at the first, as ln z; silent neurons are left out.
func (f *firstSpike) times(x []float32) (t [2][]float64) {
	var c cost
	in := inputs(x)
	hidden := f.Layers[0].fire(&in, &c)
	middle := volleyOf(hidden.Z)
	for l, a := range []*arrival{hidden, f.Layers[1].fire(&middle, &c)} {
		for _, z := range a.Z {
			if z < silent {
				t[l] = append(t[l], math.Log(z))
			}
		}
	}
	return t
}

// scattered shows a network images whose spikes come from other places: as many early ones, in a random order.
type scattered struct{ family }

func (s scattered) infer(x []float32, steps int, rng *rand.Rand, to *response) {
	y := slices.Clone(x)
	rng.Shuffle(len(y), func(i, j int) { y[i], y[j] = y[j], y[i] })
	s.family.infer(y, steps, rng, to)
}
