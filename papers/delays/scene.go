package delays

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/dynamics/spacetime"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

// clip is a movie of events with the motion in every step.
type clip struct {
	Movie *spacetime.Movie
	Class []int // [steps]
	Since []int // [steps], steps since the motion began

	packed *packed // the movie once more
}

// scene makes an image that a path leads along: frame returns what is seen, side x side, when the image has moved by (x, y).
type scene func(path *motion.Path, rng *rand.Rand) (frame func(x, y float64) []float64, err error)

// whitening is the frequency, in cycles per pixel, above which images are smoothed.
const whitening = .35

// leaves is a scene of dead leaves, side x side pixels and periodic.
func leaves(side int) scene {
	return func(_ *motion.Path, rng *rand.Rand) (func(x, y float64) []float64, error) {
		im, err := motion.DeadLeaves(side, side, 1.5, min(20, .3125*float64(side)), rng)
		if err != nil {
			return nil, err
		}
		if im, err = im.Whitened(whitening); err != nil {
			return nil, err
		}
		return motion.NewMover(im).Frame, nil
	}
}

// photos is a scene of photographs, whitened already, of which a window side x side is seen. Beyond its edges a photograph begins anew; the path keeps
// within it if there is room.
func photos(list []*motion.Image, side int) scene {
	const border = 16 // that the frayed edges of shifts by parts of a pixel stay out of sight
	size := side + 2*border
	return func(path *motion.Path, rng *rand.Rand) (func(x, y float64) []float64, error) {
		im := list[rng.IntN(len(list))]
		top, left := origin(path.Y, im.Height, size, rng), origin(path.X, im.Width, size, rng)
		crop := &motion.Image{Height: size, Width: size, Pixels: make([]float64, size*size)}
		out := make([]float64, side*side)
		return func(x, y float64) []float64 {
			wholeX, wholeY := math.Floor(x), math.Floor(y)
			for i := range size {
				row := im.Pixels[wrap(top+i-int(wholeY), im.Height)*im.Width:][:im.Width]
				for j := range size {
					crop.Pixels[i*size+j] = row[wrap(left+j-int(wholeX), im.Width)]
				}
			}
			shifted := motion.NewMover(crop).Frame(x-wholeX, y-wholeY)
			for i := range side {
				copy(out[i*side:(i+1)*side], shifted[(border+i)*size+border:])
			}
			return out
		}, nil
	}
}

func wrap(i, n int) int { return (i%n + n) % n }

// origin picks where a window of a photograph of n pixels begins.
func origin(path []float64, n, size int, rng *rand.Rand) int {
	low, high := 0., 0.
	for _, p := range path {
		low, high = math.Min(low, p), math.Max(high, p)
	}
	from, to := int(math.Ceil(high)), n-size+int(math.Floor(low))
	if to < from {
		return rng.IntN(n)
	}
	return from + rng.IntN(to-from+1)
}

// stimulus says what clips are made of.
type stimulus struct {
	Scene     scene
	Side      int // pixels
	Classes   []motion.Velocity
	Steps     int     // ms
	Segment   float64 // mean length of a motion, ms
	Threshold float64 // of the event camera
}

// film makes clips, side by side; each has a stream of random numbers of its own.
func (s stimulus) film(ctx context.Context, n int, rng *rand.Rand, progress func(papers.Progress)) ([]clip, error) {
	clips := make([]clip, n)
	seeds := make([][2]uint64, n)
	for i := range seeds {
		seeds[i] = [2]uint64{rng.Uint64(), rng.Uint64()}
	}
	err := parallel(ctx, n, progress, func() func(i int) error {
		return func(i int) error {
			own := rand.New(rand.NewPCG(seeds[i][0], seeds[i][1]))
			path, err := motion.NewPath(s.Steps, s.Classes, s.Segment, own)
			if err != nil {
				return err
			}
			frame, err := s.Scene(path, own)
			if err != nil {
				return err
			}
			movie, err := watch(s.Steps, s.Side, s.Threshold, func(t int) []float64 { return frame(path.X[t], path.Y[t]) })
			if err != nil {
				return err
			}
			clips[i] = clip{movie, path.Class, path.Since, pack(movie)}
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	density := 0.
	for _, c := range clips {
		density += 2 * c.Movie.Density() / float64(n) // per place: of both polarities
	}
	return clips, checkDensity(density, "the event camera's threshold (--set threshold=)")
}

// watch shows an event camera steps+1 frames, side x side.
func watch(steps, side int, threshold float64, frame func(t int) []float64) (*spacetime.Movie, error) {
	movie, err := spacetime.NewMovie(2, steps, side, side)
	if err != nil {
		return nil, err
	}
	camera, err := motion.NewCamera(frame(0), threshold)
	if err != nil {
		return nil, err
	}
	for t := range steps {
		if err := camera.Look(frame(t+1), movie.Frame(0, t), movie.Frame(1, t)); err != nil {
			return nil, err
		}
	}
	return movie, nil
}

// The densities of events, per place and ms, between which motion can be decoded.
const leastDensity, mostDensity = .001, .6

// checkDensity refuses too many or too few events; the knob is what changes their number.
func checkDensity(density float64, knob string) error {
	if density >= leastDensity && density <= mostDensity {
		return nil
	}
	what, do := "few", "lower"
	if density > mostDensity {
		what, do = "many", "raise"
	}
	if knob == binKnob { // wider bins hold more events
		do = map[string]string{"few": "widen", "many": "narrow"}[what]
	}
	return papers.Refuse(fmt.Errorf("too %s events: %.3g %% of all places have one in each step, expected %g to %g %%: %s %s",
		what, 100*density, 100*leastDensity, 100*mostDensity, do, knob))
}

// binKnob is what changes the density of a recording.
const binKnob = "the bins (--set bin=), or choose another part of the recording"

// parallel does n jobs on all processors. worker makes what a processor works with.
func parallel(ctx context.Context, n int, progress func(papers.Progress), worker func() func(i int) error) error {
	var next, done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	reports := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		do := worker()
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := do(i); err != nil {
					return err
				}
				select {
				case reports <- int(done.Add(1)):
				default: // nobody listens just now
				}
			}
		})
	}
	end := make(chan error)
	go func() { end <- group.Wait() }()
	for {
		select {
		case d := <-reports:
			progress(papers.Progress{Done: d, Total: n})
		case err := <-end:
			return err
		}
	}
}

// unseen names the speeds whose motion leaves the field before its longest delay, and says whether any leaves it within two delays: nothing
// is left then to tell the motion by.
func unseen(s shape, speeds []float64) (says string, blind bool) {
	for _, v := range speeds {
		if v*float64(s.Depth) <= float64(2*(s.Width/2)) {
			continue
		}
		if says != "" {
			says += ", "
		}
		seen := float64(2*(s.Width/2)) / v
		says += fmt.Sprintf("%g pixels per ms after %.3g ms", v, seen)
		blind = blind || seen < 2
	}
	return says, blind
}
