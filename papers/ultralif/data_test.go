package ultralif

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func says(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; expected one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q does not say %q", err, p)
		}
	}
}

func TestFrames(t *testing.T) {
	rs := []recording{{[]float32{0, .1, .49, .5, 1}, []uint16{0, 1, 1, 2, 0}, 3}, {[]float32{.2, .9}, []uint16{2, 2}, 0}}
	e, err := frames("set", rs, 3, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{1, 2, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1}; !slices.Equal(e.values, want) || !slices.Equal(e.labels, []int32{3, 0}) {
		t.Errorf("counts %v, labels %v", e.values, e.labels)
	}
	if one := e.fewer(1); one.steps != 1 || !slices.Equal(one.values, []float32{2, 2, 1, 0, 0, 2}) {
		t.Errorf("in one step: %v", one.values)
	}
	own, err := frames("set", rs[1:], 3, 2, 0) // half of its own length each
	if err != nil || !slices.Equal(own.values, []float32{0, 0, 1, 0, 0, 1}) {
		t.Errorf("%v, %v", own, err)
	}
}

func TestFramesRefuses(t *testing.T) {
	good := recording{[]float32{0, .5}, []uint16{0, 1}, 0}
	for _, c := range []struct {
		name  string
		r     recording
		steps int
		says  []string
	}{
		{"channel beyond the sensor", recording{[]float32{0, .5}, []uint16{0, 700}, 0}, 2, []string{"example 1", "field channels, event 1", "found channel 700", "0 to 699"}},
		{"unsorted times", recording{[]float32{.5, .7, .2}, []uint16{0, 1, 1}, 0}, 2, []string{"example 1", "field times, event 2", "found 0.2 s", "in order"}},
		{"time before zero", recording{[]float32{-1}, []uint16{0}, 0}, 2, []string{"event 0", "found -1 s"}},
		{"time that is no number", recording{[]float32{float32(math.NaN())}, []uint16{0}, 0}, 2, []string{"event 0", "found NaN s"}},
		{"no steps", good, 0, []string{"T must be between 1 and"}},
		{"more steps than hold events", good, 10, []string{"T is 10", "T must be between 1 and 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := frames("set", []recording{good, c.r}, 700, c.steps, 1)
			says(t, err, append(c.says, "set")...)
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name   string
		values []float32
		labels []int32
		says   []string
	}{
		{"label beyond the classes", []float32{1, 0, 1, 0}, []int32{0, 4}, []string{"example 1 has the label 4", "0 to 3"}},
		{"label below zero", []float32{1, 0, 1, 0}, []int32{-1, 0}, []string{"example 0 has the label -1"}},
		{"NaN", []float32{1, 0, 1, nan}, []int32{0, 1}, []string{"example 1 holds NaN at value 1 of step 0"}},
		{"infinity", []float32{1, float32(math.Inf(1)), 1, 0}, []int32{0, 1}, []string{"example 0 holds +Inf at value 1"}},
		{"all zero", []float32{0, 0, 0, 0}, []int32{0, 1}, []string{"2 of 2 examples are all zero"}},
		{"a batch of zeros", []float32{1, 1, 0, 0, 0, 0}, []int32{0, 1, 2}, []string{"2 of 3 examples are all zero", "example 1", "a batch of 2"}},
		{"wrong width", []float32{1, 0, 1}, []int32{0, 1}, []string{"3 values for 2 examples", "need 4"}},
		{"nothing", nil, nil, []string{"no examples"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &examples{name: "set", steps: 1, width: 2, values: c.values, labels: c.labels}
			says(t, e.check(4, 2), append(c.says, "set")...)
		})
	}
	s := &split{classes: 2, training: &examples{name: "training", steps: 1, width: 2, values: []float32{1, 1}, labels: []int32{0}}}
	s.validation, s.testing = s.training, &examples{name: "test", steps: 1, width: 3, values: []float32{1, 1, 1}, labels: []int32{0}}
	says(t, s.check(1), "training has 1 steps of 2 values", "test has 1 steps of 3 values")
}

// TestNormalize takes the mean of each colour away and clamps.
func TestNormalize(t *testing.T) {
	part := func(v ...float32) *examples {
		return &examples{name: "p", steps: 1, width: 4, image: true, values: v, labels: make([]int32, len(v)/4)}
	}
	s := &split{training: part(0, 1, .2, .2, 0, 1, .4, .4), validation: part(.25, .75, .3, .35), testing: part(0, 2, .3, .3)}
	s.normalize(2)
	for i, want := range []float32{0, .5, 0, .5} { // mean 0.5 and sd 0.5; mean 0.3 and sd 0.1
		if got := s.validation.values[i]; math.Abs(float64(got-want)) > 1e-5 {
			t.Errorf("value %d is %g, want %g", i, got, want)
		}
	}
	if s.testing.values[1] != 1 || s.testing.values[0] != 0 {
		t.Errorf("not clamped: %v", s.testing.values)
	}
}

// TestSelected takes the accuracy where validation is best first.
func TestSelected(t *testing.T) {
	c := course{Accuracy: []float64{.1, .5, .4, .6}, Validation: []float64{.2, .7, .7, .6}}
	if got := c.selected(); got != .5 {
		t.Errorf("selected %g", got)
	}
}
