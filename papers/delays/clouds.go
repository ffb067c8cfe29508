package delays

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

// tuning is how well motion is decoded from Motion Clouds as one of their parameters varies.
type tuning struct {
	Parameter string // what varies, with its unit
	Short     string // the same for the names of systems
	Log       bool
	Series    string
	Values    []float64
	Accuracy  []float64
}

// The cloud whose parameters are varied one at a time.
var plainCloud = motion.Cloud{Frequency: .125, FrequencyBand: 1, SpeedBand: .2, OrientationBand: math.Inf(1)}

// isotropic stands for an infinite width of the orientation band on a logarithmic axis.
const isotropic = 10

// tunings lists what is tried; cloud changes the plain cloud, which has its velocity already.
func tunings() (list []tuning, cloud []func(c *motion.Cloud, value float64, rng *rand.Rand)) {
	add := func(t tuning, f func(*motion.Cloud, float64, *rand.Rand)) {
		list, cloud = append(list, t), append(cloud, f)
	}
	add(tuning{Parameter: "mean frequency (cycles/pixel)", Short: "frequency", Log: true, Series: "frequency", Values: []float64{.03, .06, .125, .25}},
		func(c *motion.Cloud, v float64, _ *rand.Rand) { c.Frequency = v })
	add(tuning{Parameter: "frequency bandwidth (standard deviation of ln f)", Short: "frequency band", Log: true, Series: "frequency band", Values: []float64{.1, .3, 1}},
		func(c *motion.Cloud, v float64, _ *rand.Rand) { c.FrequencyBand = v })
	add(tuning{Parameter: "speed bandwidth", Short: "speed band", Log: true, Series: "speed band", Values: []float64{.02, .2, 1, 3}},
		func(c *motion.Cloud, v float64, _ *rand.Rand) { c.SpeedBand = v })
	band := func(v float64) float64 {
		if v == isotropic {
			return math.Inf(1)
		}
		return v
	}
	const parameter = "orientation bandwidth (10 stands for all orientations)"
	add(tuning{Parameter: parameter, Short: "orientation band", Log: true, Series: orientationAcross, Values: []float64{.1, .3, 1, isotropic}},
		func(c *motion.Cloud, v float64, _ *rand.Rand) {
			c.OrientationBand, c.Orientation = band(v), math.Atan2(c.Y, c.X)
		})
	add(tuning{Parameter: parameter, Short: "orientation band", Log: true, Series: orientationFree, Values: []float64{.1, .3, 1, isotropic}},
		func(c *motion.Cloud, v float64, rng *rand.Rand) {
			c.OrientationBand, c.Orientation = band(v), math.Pi*rng.Float64()
		})
	return list, cloud
}

const (
	orientationAcross = "bars across the motion"
	orientationFree   = "bars of any orientation"
)

// clouds decodes n Motion Clouds for each value of each parameter, one motion each. first tells seeds apart, so that several of them have all classes.
func (f *field) clouds(ctx context.Context, l layer, classes []motion.Velocity, directions, n, first, steps, side, places int, threshold float64, rng *rand.Rand,
	progress func(papers.Progress)) ([]tuning, error) {
	list, change := tunings()
	speeds := len(classes) / directions
	total, done := 0, 0
	for _, t := range list {
		total += n * len(t.Values)
	}
	for i := range list {
		for _, value := range list[i].Values {
			made := make([]clip, n)
			seeds := make([]uint64, n)
			for j := range seeds {
				seeds[j] = rng.Uint64()
			}
			err := parallel(ctx, n, func(p papers.Progress) { progress(papers.Progress{Done: done + p.Done, Total: total, Unit: "movies"}) }, func() func(int) error {
				return func(j int) error {
					own := rand.New(rand.NewPCG(seeds[j], 1))
					direction := j % directions
					class := direction*speeds + (direction+j/directions+first)%speeds
					c := plainCloud
					c.Velocity = classes[class]
					change[i](&c, value, own)
					frames, err := c.Frames(steps+1, side, side, own)
					if err != nil {
						return err
					}
					m, err := watch(steps, side, threshold, func(t int) []float64 { return frames[t] })
					if err != nil {
						return err
					}
					made[j] = clip{m, make([]int, steps), make([]int, steps), pack(m)}
					for t := range steps {
						made[j].Class[t], made[j].Since[t] = class, t
					}
					return nil
				}
			})
			if err != nil {
				return nil, fmt.Errorf("motion clouds of %s %g: %w", list[i].Short, value, err)
			}
			moments := f.moments(made, 3)
			d, err := f.decode(ctx, made, moments, places, []layer{l}, rng.Uint64(), func(papers.Progress) {})
			if err != nil {
				return nil, err
			}
			list[i].Accuracy = append(list[i].Accuracy, accuracy(moments, d[0].Class, 0))
			done += n
		}
	}
	return list, nil
}
