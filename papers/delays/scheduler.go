package delays

import (
	"context"
	"math"
	"slices"

	"github.com/gyrus-dev/gyrus/dynamics/spacetime"
	"github.com/gyrus-dev/gyrus/papers"
)

// agreement is how the event-driven scheduler compares with the convolution on one clip.
type agreement struct {
	Difference          float64 // largest of any evidence
	PerEvent            float64 // additions the scheduler made for each event
	Events              int
	Scheduled, Convolve int64 // additions
}

// compare runs a kernel both ways over the first steps of a movie, cut to side x side pixels, and as many steps more without events, in which what has been
// scheduled falls due.
func compare(k *spacetime.Kernel, m *spacetime.Movie, steps, side int) (a agreement, err error) {
	cut, err := spacetime.NewMovie(m.Polarities, steps+k.Depth-1, side, side)
	if err != nil {
		return a, err
	}
	queue, err := spacetime.NewQueue(k, side, side)
	if err != nil {
		return a, err
	}
	scheduled := make([][]float32, cut.Steps)
	top, left := (m.Height-side)/2, (m.Width-side)/2
	for t := range cut.Steps {
		for p := range m.Polarities {
			for i := range side * side {
				if y, x := i/side, i%side; t < steps && m.Frame(p, t)[(top+y)*m.Width+left+x] != 0 {
					if err := cut.Set(p, t, y, x); err != nil {
						return a, err
					}
					if err := queue.Push(p, y, x); err != nil {
						return a, err
					}
				}
			}
		}
		scheduled[t] = slices.Clone(queue.Next())
	}
	a.Convolve, err = k.Apply(cut, 0, cut.Steps, 1, func(t, y int, evidence []float32) {
		for i, v := range evidence {
			a.Difference = math.Max(a.Difference, math.Abs(float64(v-scheduled[t][y*side*k.Classes+i])))
		}
	})
	a.Events, a.Scheduled = cut.Events(), queue.Additions
	a.PerEvent = float64(queue.Additions) / float64(max(1, a.Events))
	return a, err
}

// spiking is what the layer reaches when places speak up only if their evidence is large.
type spiking struct {
	Threshold float32
	Rate      float64 // Hz, mean of all neurons
	Precision float64 // part of the spikes whose class is right
	Every     float64 // part of all places whose best class is right, spike or not
	Class     []int   // [moments], of most spikes; -1 if there is none
}

// spikes lets at each place the neuron of the best class fire if its evidence exceeds a threshold. The threshold is such that on the training clips a neuron fires
// rate times a second on average, steps being milliseconds.
func (f *field) spikes(ctx context.Context, l layer, training, test []clip, trainingAt, testAt []moment, rate float64, progress func(papers.Progress)) (spiking, error) {
	var s spiking
	type vote struct {
		class    int
		evidence float32
	}
	votes := func(clips []clip, moments []moment, stride int) ([][]vote, error) {
		out := make([][]vote, len(moments))
		err := parallel(ctx, len(moments), progress, func() func(int) error {
			g := f.glance()
			return func(i int) error {
				c, n := clips[moments[i].Clip], f.margin()
				for y := n; y < c.Movie.Height-n; y += stride {
					for x := n; x < c.Movie.Width-n; x += stride {
						g.look(c.packed, moments[i].T, y, x)
						sum := g.sum(l)
						class := best(sum, l.Bias)
						out[i] = append(out[i], vote{class, sum[class] + l.Bias[class]})
					}
				}
				return nil
			}
		})
		return out, err
	}
	of, err := votes(training, trainingAt, 2)
	if err != nil {
		return s, err
	}
	var all []float32
	for _, v := range of {
		for _, one := range v {
			all = append(all, one.evidence)
		}
	}
	slices.Sort(all)
	firing := min(1, rate/1000*float64(f.classes)) // at each place, of all classes together
	s.Threshold = all[min(len(all)-1, int(float64(len(all))*(1-firing)))]
	if of, err = votes(test, testAt, 1); err != nil {
		return s, err
	}
	spikes, right, places, rightAll := 0, 0, 0, 0
	for i, v := range of {
		counts := make([]int, f.classes)
		for _, one := range v {
			places++
			if one.class == testAt[i].Class {
				rightAll++
			}
			if one.evidence > s.Threshold {
				spikes++
				counts[one.class]++
				if one.class == testAt[i].Class {
					right++
				}
			}
		}
		class := -1
		if most := slices.Max(counts); most > 0 {
			class = slices.Index(counts, most)
		}
		s.Class = append(s.Class, class)
	}
	s.Rate = float64(spikes) / float64(max(1, places)) * 1000 / float64(f.classes)
	s.Precision, s.Every = float64(right)/float64(max(1, spikes)), float64(rightAll)/float64(max(1, places))
	return s, nil
}
