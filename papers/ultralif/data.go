package ultralif

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/dynamics"
	"github.com/gyrus-dev/gyrus/simulate/eventaudio"
)

// examples are what a network is trained or tested on: counts of events in successive steps, or images, which become spikes anew whenever a network
// sees them.
type examples struct {
	name   string // for errors
	steps  int    // 1 for images
	width  int    // values of a step, flattened
	image  bool
	values []float32 // [n, steps, width]; of an image the normalised intensity, clamped to [0, 1]
	labels []int32   // [n]
}

func (e *examples) len() int { return len(e.labels) }

// check refuses examples that a network with so many classes cannot be trained on in batches of that size.
func (e *examples) check(classes, batch int) error {
	per := e.steps * e.width
	if per == 0 || len(e.values) != e.len()*per {
		return fmt.Errorf("%s: %d values for %d examples; %d steps of width %d need %d", e.name, len(e.values), e.len(), e.steps, e.width, e.len()*per)
	}
	if e.len() == 0 {
		return fmt.Errorf("%s: no examples", e.name)
	}
	empty, first := 0, 0
	for i, label := range e.labels {
		if label < 0 || int(label) >= classes {
			return fmt.Errorf("%s: example %d has the label %d; labels must lie in 0 to %d", e.name, i, label, classes-1)
		}
		zero := true
		for k, v := range e.values[i*per : (i+1)*per] {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("%s: example %d holds %g at value %d of step %d; expected finite values: mend or leave out the example",
					e.name, i, v, k%e.width, k/e.width)
			}
			zero = zero && v == 0
		}
		if zero {
			if empty == 0 {
				first = i
			}
			empty++
		}
	}
	if empty == e.len() || empty >= batch {
		return fmt.Errorf("%s: %d of %d examples are all zero, the first of them example %d, so that a batch of %d can be empty: leave them out",
			e.name, empty, e.len(), first, batch)
	}
	return nil
}

// sameWidth refuses to test on frames of another width than was trained on.
func sameWidth(training, testing *examples) error {
	if training.width != testing.width || training.steps != testing.steps {
		return fmt.Errorf("%s has %d steps of %d values, %s has %d steps of %d values: frames must be flattened alike",
			training.name, training.steps, training.width, testing.name, testing.steps, testing.width)
	}
	return nil
}

// weight columns of a tensor of examples: what an example counts in a mean over all of them.
const (
	weighValidation = iota
	weighTest
	weighTwins
	weights
)

// split is training examples, examples by which an epoch is chosen, and test examples.
type split struct {
	training, validation, testing *examples
	classes                       int
	twin                          func(label int32) bool // which classes are half of a pair that time alone tells apart; nil for none
}

func (s *split) check(batch int) error {
	for _, e := range []*examples{s.training, s.validation, s.testing} {
		if err := e.check(s.classes, batch); err != nil {
			return err
		}
		if err := sameWidth(s.training, e); err != nil {
			return err
		}
	}
	return nil
}

// shufflings is how many random orders of the labels there are to train on. What a network that learned nothing says about examples of a class is nearly
// the same for all of them, so that one order tells little.
const shufflings = 5

// tensors are the training examples, and those of validation and test one behind the other: values, labels with further columns of labels in random order,
// and weights.
func (s *split) tensors(rng *rand.Rand) (train, judged []*tensors.Tensor) {
	return s.pack([]*examples{s.training}, rng), s.pack([]*examples{s.validation, s.testing}, nil)
}

func (s *split) pack(parts []*examples, shuffle *rand.Rand) []*tensors.Tensor {
	var values, weight []float32
	var labels []int32
	for k, e := range parts {
		values = append(values, e.values...)
		twins := 0
		for _, l := range e.labels {
			if s.twin != nil && s.twin(l) {
				twins++
			}
		}
		for _, l := range e.labels {
			var w [weights]float32
			w[k] = 1 / float32(e.len()) // without meaning in training
			if k == weighTest && s.twin != nil && s.twin(l) {
				w[weighTwins] = 1 / float32(twins)
			}
			weight = append(weight, w[:]...)
			for range 1 + shufflings {
				labels = append(labels, l)
			}
		}
	}
	const columns = 1 + shufflings
	n := len(labels) / columns
	for k := 1; k < columns && shuffle != nil; k++ {
		shuffle.Shuffle(n, func(i, j int) { labels[columns*i+k], labels[columns*j+k] = labels[columns*j+k], labels[columns*i+k] })
	}
	for i := range weight {
		weight[i] *= float32(n) // the mean over all examples is then the mean over those that count
	}
	dims := []int{n, parts[0].width}
	if !parts[0].image {
		dims = []int{n, parts[0].steps, parts[0].width}
	}
	return []*tensors.Tensor{tensors.FromFlatDataAndDimensions(values, dims...), tensors.FromFlatDataAndDimensions(labels, n, columns),
		tensors.FromFlatDataAndDimensions(weight, n, weights)}
}

// recording is events of numbered channels.
type recording struct {
	times    []float32 // s
	channels []uint16
	label    int
}

// frames counts the events of recordings in so many steps over each one's length, which is that of all if it is given (s) and else up to its last event.
func frames(name string, recordings []recording, channels, steps int, length float64) (*examples, error) {
	if steps < 1 {
		return nil, fmt.Errorf("%s: T is %d; T must be between 1 and the number of steps that hold events", name, steps)
	}
	e := &examples{name: name, steps: steps, width: channels, values: make([]float32, 0, len(recordings)*steps*channels)}
	filled := make([]bool, steps)
	for i, r := range recordings {
		span := length
		for k, t := range r.times {
			if !(t >= 0) || k > 0 && t < r.times[k-1] {
				return nil, fmt.Errorf("%s, example %d, field times, event %d: found %g s, expected times from 0 on and in order: sort the events", name, i, k, t)
			}
			if int(r.channels[k]) >= channels {
				return nil, fmt.Errorf("%s, example %d, field channels, event %d: found channel %d, expected 0 to %d, the sensor's size", name, i, k, r.channels[k], channels-1)
			}
			if length == 0 {
				span = math.Max(span, float64(t))
			}
		}
		if span == 0 {
			span = 1
		}
		counts, err := dynamics.CountFrames(r.times, r.channels, channels, steps, span)
		if err != nil {
			return nil, fmt.Errorf("%s, example %d: %w", name, i, err)
		}
		for k, c := range counts {
			if c != 0 {
				filled[k/channels] = true
			}
		}
		e.values, e.labels = append(e.values, counts...), append(e.labels, int32(r.label))
	}
	held := 0
	for _, f := range filled {
		if f {
			held++
		}
	}
	if held < steps {
		return nil, fmt.Errorf("%s: T is %d, but only %d of so many steps hold any event: T must be between 1 and %d", name, steps, held, max(1, held))
	}
	return e, nil
}

// fewer joins successive steps of counts until there are so many.
func (e *examples) fewer(steps int) *examples {
	joined := *e
	joined.steps = steps
	joined.values = make([]float32, e.len()*steps*e.width)
	for i := range e.labels {
		for t := range e.steps {
			to := joined.values[(i*steps+t*steps/e.steps)*e.width:]
			for k, v := range e.values[(i*e.steps+t)*e.width:][:e.width] {
				to[k] += v
			}
		}
	}
	return &joined
}

func (s *split) fewer(steps int) *split {
	c := *s
	c.training, c.validation, c.testing = s.training.fewer(steps), s.validation.fewer(steps), s.testing.fewer(steps)
	return &c
}

// drawWords generates spoken-word-like recordings.
func drawWords(style eventaudio.Style, train, validation, test, steps int, rng func(string) *rand.Rand) (*split, []eventaudio.Sample, error) {
	words, err := eventaudio.NewWords(style, rng("words"))
	if err != nil {
		return nil, nil, err
	}
	s := &split{classes: eventaudio.Classes, twin: func(l int32) bool { return l >= eventaudio.Classes/2 }}
	var shown []eventaudio.Sample
	for _, p := range []struct {
		name string
		n    int
		to   **examples
	}{{"training words", train, &s.training}, {"validation words", validation, &s.validation}, {"test words", test, &s.testing}} {
		samples := words.Generate(p.n, rng(p.name))
		recordings := make([]recording, len(samples))
		for i, w := range samples {
			recordings[i] = recording{w.Times, w.Channels, w.Label}
		}
		if *p.to, err = frames(p.name, recordings, eventaudio.Channels, steps, eventaudio.Length); err != nil {
			return nil, nil, err
		}
		shown = samples
	}
	return s, shown, nil
}

// images are flattened images, with intensities as they are stored.
func images(name string, width int, values []float32, labels []uint8) *examples {
	e := &examples{name: name, steps: 1, width: width, image: true, values: values}
	for _, l := range labels {
		e.labels = append(e.labels, int32(l))
	}
	return e
}

// normalize takes the mean and standard deviation of each colour over the training images out of all images, then clamps them to [0, 1]: what is darker than
// the mean never fires.
func (s *split) normalize(colours int) {
	per := s.training.width / colours
	mean, sd := make([]float64, colours), make([]float64, colours)
	n := float64(len(s.training.values) / colours)
	for i, v := range s.training.values {
		mean[i/per%colours] += float64(v) / n
	}
	for i, v := range s.training.values {
		d := float64(v) - mean[i/per%colours]
		sd[i/per%colours] += d * d / n
	}
	for _, e := range []*examples{s.training, s.validation, s.testing} {
		values := make([]float32, len(e.values))
		for i, v := range e.values {
			c := i / per % colours
			values[i] = float32(min(1, max(0, (float64(v)-mean[c])/math.Max(math.Sqrt(sd[c]), 1e-9)))) // NaN stays, for check
		}
		e.values = values
	}
}
