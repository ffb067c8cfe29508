package live

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
)

// measuring says how large a window is beside one of the training, in which every value was 1.
type measuring struct{ summing }

func (m *measuring) Decide(ctx context.Context, w []float32, learn bool) (papers.LiveDecision, error) {
	d, err := m.summing.Decide(ctx, w, learn)
	for _, v := range w {
		d.Amplitude += math.Abs(float64(v)) / float64(len(w))
	}
	return d, err
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		name                   string
		stream, asked, trained string  // units
		value                  float32 // of the signal
		want                   float32 // in windows
		unlike                 int64
		refused                string
		warnings               []string
	}{
		{"the same", "uV", "", "uV", 1, 1, 0, "", nil},
		{"volts for microvolts", "volts", "", "uV", 1e-6, 1, 0, "", nil},
		{"said by the person", "uV", "V", "uV", 1e-6, 1, 0, "", nil},
		{"not known, but alike", "", "", "uV", 3, 3, 0, "", []string{"test does not say its unit; the model was trained on uV: they are taken to be the same"}},
		{"an old model", "uV", "", "", 3, 3, 0, "", []string{"the model does not say the unit"}},
		{"not known, and unlike", "", "", "uV", 1e-6, 0, 0, "test does not say its unit; the model was trained on uV, and the amplitude is 1e-06 times", nil},
		{"known, and unlike", "uV", "", "uV", 1e-6, 1e-6, 5, "", []string{"the amplitude is 1e-06 times that of the training"}},
		{"another quantity", "T", "", "uV", 1, 0, 0, "channel 1 of test is in T, but the model was trained on uV", nil},
	} {
		w := windowOf(10)
		d := &measuring{summing{window: w, keep: true}}
		d.window.Units = []string{c.trained}
		s := Signal{Name: "test", Width: 1, Rate: 100, Units: []string{c.stream}, Patient: true}
		b := steady(0, 50, 100, 0)
		for i := range b.Samples {
			b.Samples[i] = c.value
		}
		var warnings []string
		r, err := Run(t.Context(), &script{signal: s, blocks: []Block{b}}, d, Options{Step: 0.1, Unit: c.asked, Warn: func(s string) { warnings = append(warnings, s) }})
		if c.refused != "" {
			var refused *papers.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: error %v, want a refusal with %q", c.name, err, c.refused)
			}
			continue
		}
		if err != nil || r.Decisions != 5 || r.Unlike != c.unlike || d.seen[0][0] != c.want {
			t.Errorf("%s: windows of %g, %+v, %v", c.name, d.seen[0][0], r, err)
		}
		if len(warnings) != len(c.warnings) || !slices.EqualFunc(warnings, c.warnings, strings.Contains) {
			t.Errorf("%s: warnings %q, want %q", c.name, warnings, c.warnings)
		}
	}
}

// TestUnlikeAfterAGoodStart does not end a stream of unknown unit that began well.
func TestUnlikeAfterAGoodStart(t *testing.T) {
	d := &measuring{summing{window: windowOf(10)}}
	b := steady(0, 100, 100, 0)
	for i := range b.Samples {
		if b.Samples[i] = 1; i >= 10 {
			b.Samples[i] = 1e-6
		}
	}
	r, err := Run(t.Context(), &script{signal: Signal{Name: "test", Width: 1, Rate: 100, Patient: true}, blocks: []Block{b}}, d, Options{Step: 0.1})
	if err != nil || r.Decisions != 10 || r.Unlike != 9 || !strings.Contains(r.String(), "9 windows of quite another amplitude") {
		t.Errorf("%+v, %v", r, err)
	}
}
