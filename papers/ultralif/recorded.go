package ultralif

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/gyrus-dev/gyrus/datasets/labelled"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

type recordedParams struct {
	Most    int     `param:"most" min:"0" max:"1000000" help:"examples of a class to use of each part; 0: all"`
	Shrink  int     `param:"shrink" min:"1" max:"64" help:"of an event camera: blocks of so many by so many pixels are taken as one"`
	Steps   int     `param:"steps" min:"0" max:"100" help:"T of the long run, beside T = 1"`
	Hidden  int     `param:"hidden" min:"1" max:"4096" help:"units of the hidden layer"`
	Epochs  int     `param:"epochs" min:"1" max:"1000" help:"epochs of every network"`
	Batch   int     `param:"batch" min:"1" max:"4096" help:"examples in a step"`
	Rate    float64 `param:"rate" min:"0.000001" max:"1" help:"learning rate of Adam, falling along a cosine to 0"`
	Epsilon float64 `param:"epsilon" min:"0.1" max:"20" help:"temperature ε at the beginning"`
	Tau     float64 `param:"tau" min:"0.01" max:"0.99" help:"leak τ of the Ultra units, at the beginning where it is learned"`
	Form    string  `param:"form" oneof:"paper code" help:"Ultra units as in the paper's text or as in its published code"`
	Neurons string  `param:"neurons" help:"all, or systems separated by semicolons"`
}

var recorded = papers.Experiment{
	Name: "recorded",
	Summary: "The paper's comparison on its own sets, at T = 1 and T = 10: SHD, N-MNIST, DVS128 Gesture, MNIST or a set in its form, CIFAR-10. " +
		"Where a folder holds one part only, a fifth of it is kept for the test.",
	Params: papers.Presets[recordedParams]{
		Quick: recordedParams{Most: 40, Shrink: 2, Steps: 3, Hidden: 32, Epochs: 5, Batch: 16, Rate: 3e-3, Epsilon: 1, Tau: .9, Form: "paper",
			Neurons: "UltraLIF;UltraDLIF;LIF, hard spikes"},
		Default: recordedParams{Most: 1000, Shrink: 2, Steps: 10, Hidden: 64, Epochs: 20, Batch: 64, Rate: 1e-3, Epsilon: 1, Tau: .9, Form: "paper", Neurons: "all"},
		Full:    recordedParams{Most: 0, Shrink: 1, Steps: 10, Hidden: 64, Epochs: 100, Batch: 128, Rate: 1e-3, Epsilon: 1, Tau: .9, Form: "paper", Neurons: "all"},
	},
	Inputs: []papers.Input{
		{Name: "shd", Dataset: "shd", Formats: []string{"HDF5"}, Says: "folder with shd_train.h5 and shd_test.h5: spikes of 700 channels, 20 classes"},
		{Name: "n-mnist", Dataset: "n-mnist", Formats: []string{"N-MNIST binary"}, Says: "folder with Train and Test, or with recordings and labels.tsv: 34x34 pixels, 10 classes"},
		{Name: "gesture", Dataset: "dvs128-gesture", Formats: []string{"AEDAT 3.1"}, Says: "folder with trials_to_train.txt, trials_to_test.txt, recordings and their labels: 128x128 pixels, 11 classes"},
		{Name: "mnist", Dataset: "mnist", Formats: []string{"IDX"}, Says: "folder with the images and labels of MNIST, Fashion-MNIST or a set in their form, 10 classes"},
		{Name: "cifar-10", Dataset: "cifar-10", Formats: []string{"CIFAR-10 binary"}, Says: "folder with the batches, or their archive: 3x32x32 pixels, 10 classes"},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Metrics: append(metricsOf("one", "T = 1"), metricsOf("long", "long T")...),
	Systems: slices.DeleteFunc(slices.Clone(systems), func(s report.System) bool { return !slices.Contains(timed, s.Name) && s.Name != sigmoids }),
	Run:     runRecorded,
}

func runRecorded(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[recordedParams](r)
	short, err := lineup(append(slices.Clone(timed), sigmoids), p.Neurons, base(p.Form, p.Epsilon, p.Tau))
	if err != nil {
		return err
	}
	long, err := lineup(timed, p.Neurons, base(p.Form, p.Epsilon, p.Tau))
	if err != nil {
		return err
	}
	data, err := p.read(r)
	if err != nil {
		return papers.Refuse(err)
	}
	if err := data.check(p.Batch); err != nil {
		return papers.Refuse(err)
	}
	r.Note("%d training, %d validation and %d test examples of width %d.", data.training.len(), data.validation.len(), data.testing.len(), data.training.width)
	b := budget{p.Hidden, p.Epochs, p.Batch, p.Rate}
	still := data
	if !data.training.image {
		still = data.fewer(1)
	}
	atOne, err := compete(ctx, r, "T = 1", short, still, 1, b)
	if err != nil {
		return err
	}
	atMany, err := compete(ctx, r, fmt.Sprintf("T = %d", p.Steps), long, data, p.Steps, b)
	if err != nil {
		return err
	}
	measureAll(r, "one", atOne)
	measureAll(r, "long", atMany)
	drawTraining(r, atOne, atMany, p.Steps)
	return nil
}

// read reads the set that was given.
func (p recordedParams) read(r *papers.Run) (*split, error) {
	if p.Steps < 1 {
		return nil, fmt.Errorf("the number of steps T is %d; T must be between 1 and the number of steps that hold events", p.Steps)
	}
	type source struct {
		classes, colours int
		parts            func(dir string) (train, test *examples, err error) // test is nil where the folder has one part only
	}
	sources := map[string]source{
		"shd":     {20, 0, p.shd},
		"n-mnist": {10, 0, p.nmnist},
		"gesture": {11, 0, p.gesture},
		"mnist": {10, 1, func(dir string) (train, test *examples, err error) {
			return p.stills(dir, labelled.MNIST, hasAny(dir, "train-images*"), hasAny(dir, "t10k-images*"))
		}},
		"cifar-10": {10, 3, func(dir string) (train, test *examples, err error) {
			return p.stills(dir, labelled.CIFAR10, true, true)
		}},
	}
	var name, place string
	for _, in := range r.Experiment.Inputs {
		if path, given := r.Input(in.Name); given {
			if name != "" {
				return nil, fmt.Errorf("both %s and %s are given: one set at a time", name, in.Name)
			}
			name, place = in.Name, path
		}
	}
	if name == "" {
		return nil, errors.New("this experiment needs a set: --data shd=FOLDER, or n-mnist, gesture, mnist, cifar-10")
	}
	s := sources[name]
	train, test, err := s.parts(place)
	if err != nil {
		return nil, err
	}
	data := &split{classes: s.classes}
	if test == nil {
		r.Warn("%s holds one part of the set: a fifth of its %d examples is kept for the test, so that results do not compare with published ones", place, train.len())
		train, test = train.divide(r.Rand("test"), "test examples")
	} else {
		test = test.limit(p.Most, s.classes, r.Rand("test"))
	}
	train = train.limit(p.Most, s.classes, r.Rand("training"))
	data.training, data.validation = train.divide(r.Rand("validation"), "validation examples")
	data.testing = test
	if s.colours > 0 {
		data.normalize(s.colours)
	}
	return data, nil
}

func hasAny(dir, pattern string) bool {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	return err == nil && len(found) > 0
}

// pick makes examples of those at the given places.
func (e *examples) pick(name string, at []int) *examples {
	per := e.steps * e.width
	c := &examples{name: name, steps: e.steps, width: e.width, image: e.image, values: make([]float32, 0, len(at)*per)}
	for _, i := range at {
		c.values, c.labels = append(c.values, e.values[i*per:(i+1)*per]...), append(c.labels, e.labels[i])
	}
	return c
}

// limit keeps at most so many examples of a class, in random order; 0 keeps all.
func (e *examples) limit(most, classes int, rng *rand.Rand) *examples {
	if most == 0 {
		return e
	}
	of := make([]int, classes)
	var at []int
	for _, i := range rng.Perm(e.len()) {
		if l := e.labels[i]; int(l) < classes && l >= 0 {
			if of[l]++; of[l] > most {
				continue
			}
		}
		at = append(at, i)
	}
	return e.pick(e.name, at)
}

// divide takes a fifth of the examples away, at random.
func (e *examples) divide(rng *rand.Rand, name string) (rest, fifth *examples) {
	at := rng.Perm(e.len())
	n := e.len() / 5
	return e.pick(e.name, at[n:]), e.pick(name, at[:n])
}

// mostValues is how many values are held in memory, 4 bytes each, a few times.
const mostValues = 1 << 29

func (p recordedParams) room(name string, n, width int) error {
	if values := n * width * p.Steps; values > mostValues {
		return fmt.Errorf("%s: %d recordings of %d steps of %d values are %d MB: use fewer (--set most=N), fewer steps, or a camera's pixels in blocks (--set shrink=N)",
			name, n, p.Steps, width, values>>18)
	}
	return nil
}

func (p recordedParams) shd(dir string) (train, test *examples, err error) {
	read := func(part labelled.Part) (*examples, error) {
		set, err := labelled.SHD(dir, part)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%s, %s part", dir, part)
		if err := p.room(name, len(set.Samples), set.Channels); err != nil {
			return nil, err
		}
		recordings := make([]recording, len(set.Samples))
		for i, s := range set.Samples {
			recordings[i] = recording{s.Times, s.Channels, s.Label}
		}
		return frames(name, recordings, set.Channels, p.Steps, 0)
	}
	return both(read, hasAny(dir, "shd_train*"), hasAny(dir, "shd_test*"))
}

// both reads the parts that there are; where there is only one, test is nil.
func both(read func(labelled.Part) (*examples, error), training, testing bool) (train, test *examples, err error) {
	if testing && !training {
		train, err = read(labelled.Test)
		return train, nil, err
	}
	if train, err = read(labelled.Train); err != nil || training && !testing {
		return train, nil, err
	}
	test, err = read(labelled.Test)
	return train, test, err
}

func (p recordedParams) nmnist(dir string) (train, test *examples, err error) {
	read := func(part labelled.Part) (*examples, error) {
		clips, err := labelled.NMNIST(dir, part, p.Most)
		if err != nil {
			return nil, err
		}
		return p.clips(fmt.Sprintf("%s, %s part", dir, part), clips, 34)
	}
	_, err = os.Stat(filepath.Join(dir, "Train"))
	return both(read, true, err == nil) // a folder with labels.tsv has no parts
}

func (p recordedParams) gesture(dir string) (train, test *examples, err error) {
	return both(func(part labelled.Part) (*examples, error) {
		clips, err := labelled.DVSGesture(dir, part)
		if err != nil {
			return nil, err
		}
		return p.clips(fmt.Sprintf("%s, %s part", dir, part), clips, 128)
	}, true, true)
}

// clips counts the events of a camera of size x size pixels: channels are polarity, row, column.
func (p recordedParams) clips(name string, clips []labelled.Clip, size int) (*examples, error) {
	w := (size + p.Shrink - 1) / p.Shrink
	if err := p.room(name, len(clips), 2*w*w); err != nil {
		return nil, err
	}
	recordings := make([]recording, len(clips))
	for i, c := range clips {
		r := recording{label: c.Label}
		for k, t := range c.Events.T {
			x, y := int(c.Events.X[k]), int(c.Events.Y[k])
			if x >= size || y >= size {
				return nil, fmt.Errorf("%s, example %d, fields x and y, event %d: found pixel (%d, %d), expected a sensor of %d x %d", name, i, k, x, y, size, size)
			}
			channel := y/p.Shrink*w + x/p.Shrink
			if c.Events.On[k] {
				channel += w * w
			}
			r.times, r.channels = append(r.times, float32(float64(t)/1e6)), append(r.channels, uint16(channel))
		}
		recordings[i] = r
	}
	return frames(name, recordings, 2*w*w, p.Steps, 0)
}

func (p recordedParams) stills(dir string, read func(string, labelled.Part) (*labelled.Images, error), training, testing bool) (train, test *examples, err error) {
	return both(func(part labelled.Part) (*examples, error) {
		set, err := read(dir, part)
		if err != nil {
			return nil, err
		}
		return images(fmt.Sprintf("%s, %s part", dir, part), set.Channels*set.Height*set.Width, set.Float32s(), set.Labels), nil
	}, training, testing)
}
