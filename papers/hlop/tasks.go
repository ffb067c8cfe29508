package hlop

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/simulate/digits"
)

// images are pictures of a data set with their classes.
type images struct {
	width  int       // pixels
	pixels []float32 // [n, width]
	labels []int32   // [n]
}

func (s images) len() int { return len(s.labels) }

// normalise brings pixels to mean 0 and variance 1 over the whole of a, and b by the same numbers.
func normalise(a, b *images) error {
	sum, squares := 0., 0.
	for i, v := range a.pixels {
		if v-v != 0 {
			return fmt.Errorf("pixel %d of image %d is %g; expected finite values", i%a.width, i/a.width, v)
		}
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(a.pixels))
	mean := sum / n
	sd := math.Sqrt(squares/n - mean*mean)
	if !(sd > 0) {
		return fmt.Errorf("all pixels are %g; expected images that differ", mean)
	}
	for _, s := range []*images{a, b} {
		for i, v := range s.pixels {
			s.pixels[i] = float32((float64(v) - mean) / sd)
		}
	}
	return nil
}

// check says what cannot be learnt: no images, one class, labels outside the head.
func (s images) check(what string, classes int) error {
	if s.len() == 0 {
		return fmt.Errorf("%s: no images", what)
	}
	first, other := s.labels[0], false
	for i, l := range s.labels {
		if l < 0 || int(l) >= classes {
			return fmt.Errorf("%s: image %d has the label %d; the read-out has classes 0 to %d", what, i, l, classes-1)
		}
		other = other || l != first
	}
	if !other {
		return fmt.Errorf("%s: all images are of class %d; expected two classes or more", what, first)
	}
	return nil
}

// permuted has the pixels in another order, the same for all images.
func (s images) permuted(order []int) images {
	out := images{s.width, make([]float32, len(s.pixels)), s.labels}
	for i := range s.len() {
		from, to := s.pixels[i*s.width:(i+1)*s.width], out.pixels[i*s.width:(i+1)*s.width]
		for j, k := range order {
			to[j] = from[k]
		}
	}
	return out
}

// tensors are [n, width] and [n, 1].
func (s images) tensors() []*tensors.Tensor {
	return []*tensors.Tensor{tensors.FromFlatDataAndDimensions(s.pixels, s.len(), s.width), tensors.FromFlatDataAndDimensions(s.labels, s.len(), 1)}
}

// task is one of a sequence.
type task struct{ train, test images }

// permutations makes tasks of one data set, each with the pixels in an order of its own, drawn from rng.
func permutations(train, test images, count int, rng *rand.Rand) []task {
	tasks := make([]task, count)
	for i := range tasks {
		order := rng.Perm(train.width)
		tasks[i] = task{train.permuted(order), test.permuted(order)}
	}
	return tasks
}

// together is the training images of all tasks.
func together(tasks []task) images {
	all := images{width: tasks[0].train.width}
	for _, t := range tasks {
		all.pixels, all.labels = append(all.pixels, t.train.pixels...), append(all.labels, t.train.labels...)
	}
	return all
}

// strokes draws digits.
func strokes(n int, rng *rand.Rand) (images, error) {
	set, err := digits.Generate(n, digits.Standard(), rng)
	if err != nil {
		return images{}, err
	}
	out := images{width: digits.Size * digits.Size, pixels: set.Images}
	for _, l := range set.Labels {
		out.labels = append(out.labels, int32(l))
	}
	return out, nil
}
