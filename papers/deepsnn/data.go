package deepsnn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/datasets/labelled"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/simulate/digits"
)

// classes is the number of classes of every set here.
const classes = 10

// examples is images, or spikes in steps, with their classes.
type examples struct {
	name   string    // for errors
	width  int       // values of an image, or of a step
	steps  int       // of a recording of spikes; 1 for images
	values []float32 // [n, steps, width]; images lie between 0 and 1
	labels []uint8
}

func (e *examples) len() int { return len(e.labels) }

// image is the i-th example, [steps, width]; it shares the storage.
func (e *examples) image(i int) []float32 {
	per := e.steps * e.width
	return e.values[i*per : (i+1)*per]
}

// first is the first n examples, or all if there are fewer.
func (e *examples) first(n int) *examples {
	f := *e
	n = min(n, e.len())
	f.values, f.labels = e.values[:n*e.steps*e.width], e.labels[:n]
	return &f
}

// pick makes examples of those at the given places.
func (e *examples) pick(name string, at []int) *examples {
	f := &examples{name: name, width: e.width, steps: e.steps}
	for _, i := range at {
		f.values, f.labels = append(f.values, e.image(i)...), append(f.labels, e.labels[i])
	}
	return f
}

// check refuses what no family can learn from.
func (e *examples) check() error {
	if e.len() == 0 {
		return fmt.Errorf("%s: no examples", e.name)
	}
	for i := range e.len() {
		x := e.image(i)
		low, high := x[0], x[0]
		for k, v := range x {
			if !(v >= 0 && v <= 1) {
				return fmt.Errorf("%s, image %d, pixel %d: found %g, expected 0 to 1; divide by the largest value that a pixel can have", e.name, i, k, v)
			}
			low, high = min(low, v), max(high, v)
		}
		if low == high {
			return fmt.Errorf("%s, image %d: all pixels are %g, expected an image; leave it out", e.name, i, low)
		}
		if e.labels[i] >= classes {
			return fmt.Errorf("%s, example %d: found label %d, expected 0 to %d", e.name, i, e.labels[i], classes-1)
		}
	}
	return nil
}

// tensors are the values and the labels.
func (e *examples) tensors() []*tensors.Tensor {
	labels := make([]int32, e.len())
	for i, l := range e.labels {
		labels[i] = int32(l)
	}
	return []*tensors.Tensor{tensors.FromFlatDataAndDimensions(e.values, e.len(), e.steps*e.width), tensors.FromFlatDataAndDimensions(labels, e.len(), 1)}
}

// split is what families are trained, selected and tested on.
type split struct{ training, validation, testing *examples }

func (s *split) check() error {
	for _, e := range []*examples{s.training, s.validation, s.testing} {
		if err := e.check(); err != nil {
			return err
		}
	}
	return nil
}

// drawn draws stroke digits.
func drawn(r *papers.Run, training, validation, testing int) (*split, error) {
	s := &split{}
	for _, part := range []struct {
		name string
		n    int
		to   **examples
	}{{"training digits", training, &s.training}, {"validation digits", validation, &s.validation}, {"test digits", testing, &s.testing}} {
		set, err := digits.Generate(part.n, digits.Standard(), r.Rand(part.name))
		if err != nil {
			return nil, err
		}
		*part.to = &examples{part.name, digits.Size * digits.Size, 1, set.Images, set.Labels}
	}
	return s, s.check()
}

// mnist reads MNIST or a set in its form. At most so many images are used of each part; a tenth of those for training is kept for validation.
func mnist(dir string, training, testing int, rng *rand.Rand) (*split, error) {
	s := &split{}
	for part, to := range map[labelled.Part]**examples{labelled.Train: &s.training, labelled.Test: &s.testing} {
		set, err := labelled.MNIST(dir, part)
		if err != nil {
			return nil, err
		}
		*to = &examples{fmt.Sprintf("%s, %s part", dir, part), set.Height * set.Width, 1, set.Float32s(), set.Labels}
	}
	if s.training.width != s.testing.width {
		return nil, fmt.Errorf("%s: images for training have %d pixels and those for the test %d, expected the same", dir, s.training.width, s.testing.width)
	}
	s.testing = s.testing.first(testing)
	return s.withhold(training, rng)
}

// withhold keeps at most so many examples for training, drawn at random, and takes a tenth of them for validation.
func (s *split) withhold(most int, rng *rand.Rand) (*split, error) {
	all := s.training
	at := rng.Perm(all.len())
	at = at[:min(most, len(at))]
	n := (len(at) + 9) / 10
	s.validation, s.training = all.pick(all.name+", for validation", at[:n]), all.pick(all.name, at[n:])
	return s, s.check()
}

// nmnist reads N-MNIST as spikes in so many steps: where a pixel, or a block of shrink by shrink, has events of a polarity in a step, it fires. Of a folder
// with one part a fifth is taken for the test, and then alone is true.
func nmnist(dir string, training, testing, steps, shrink int, rng *rand.Rand) (s *split, alone bool, err error) {
	const size = 34
	width := 2 * (size / shrink) * (size / shrink)
	read := func(part labelled.Part, most int) (*examples, error) {
		clips, err := labelled.NMNIST(dir, part, (most+classes-1)/classes)
		if err != nil {
			return nil, err
		}
		e := &examples{name: fmt.Sprintf("%s, %s part", dir, part), width: width, steps: steps}
		for i, c := range clips {
			frames, err := c.Frames(steps, size, size, shrink, 0)
			if err != nil {
				return nil, fmt.Errorf("%s, recording %d: %w", e.name, i, err)
			}
			for k, v := range frames {
				frames[k] = min(v, 1)
			}
			e.values, e.labels = append(e.values, frames...), append(e.labels, uint8(c.Label))
		}
		return e, nil
	}
	s = &split{}
	_, err = os.Stat(filepath.Join(dir, "Train"))
	alone = errors.Is(err, os.ErrNotExist)
	if s.training, err = read(labelled.Train, training); err != nil {
		return nil, alone, err
	}
	if alone {
		all, at := s.training, rng.Perm(s.training.len())
		n := (len(at) + 4) / 5
		s.testing, s.training = all.pick(all.name+", for the test", at[:n]), all.pick(all.name, at[n:])
	} else if s.testing, err = read(labelled.Test, testing); err != nil {
		return nil, alone, err
	}
	s, err = s.withhold(training, rng)
	return s, alone, err
}
