package hlop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/gyrus-dev/gyrus/datasets/labelled"
)

// readImages reads images and labels from a folder of MNIST's files, or of CIFAR-10's, and picks as many as asked for. Where the folder has one part of the
// set only, whole is false and a fifth of it is kept to test on.
func readImages(path string, p params, rng *rand.Rand) (train, test images, classes int, whole bool, err error) {
	if s, err := os.Stat(path); err != nil || !s.IsDir() {
		return train, test, 0, false, fmt.Errorf("%s: not a folder; expected one with the files of MNIST or CIFAR-10", path)
	}
	read := labelled.CIFAR10
	if found, _ := filepath.Glob(filepath.Join(path, "*idx3-ubyte*")); len(found) > 0 {
		read = labelled.MNIST
	}
	first, err := read(path, labelled.Train)
	second, errTest := read(path, labelled.Test)
	switch {
	case err == nil && errTest == nil:
		if first.Classes != second.Classes {
			return train, test, 0, false, fmt.Errorf("%s: %d classes to train on and %d to test on", path, first.Classes, second.Classes)
		}
		return pick(first, rng.Perm(first.Len()), p.Train), pick(second, rng.Perm(second.Len()), p.Test), first.Classes, true, nil
	case err != nil && errTest != nil:
		return train, test, 0, false, err
	case err != nil:
		first = second
	}
	order := rng.Perm(first.Len())
	fifth := first.Len() / 5
	return pick(first, order[fifth:], p.Train), pick(first, order[:fifth], p.Test), first.Classes, false, nil
}

// pick takes the images of an order, so many at most.
func pick(set *labelled.Images, order []int, most int) images {
	pixels := set.Float32s()
	out := images{width: set.Channels * set.Height * set.Width}
	for _, i := range order[:min(most, len(order))] {
		out.pixels = append(out.pixels, pixels[i*out.width:(i+1)*out.width]...)
		out.labels = append(out.labels, int32(set.Labels[i]))
	}
	return out
}
