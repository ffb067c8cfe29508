package dbconformer

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/live"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/runner"
)

// saveTrials writes the trials around T1 and T2 of a session as gyrus epoch does, in a unit and an order of channels.
func saveTrials(t *testing.T, unit string, scale float32, channels ...int) string {
	t.Helper()
	r := sessionOf(2, false)
	const samples = 192
	var data []float32
	var labels []int64
	for _, e := range r.Events {
		from := int(r.Frame(e.Onset))
		if from+samples > int(r.Frames) {
			break
		}
		x, err := r.Read(int64(from), samples)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range channels {
			for i := range samples {
				data = append(data, scale*x[i*len(r.Channels)+c])
			}
		}
		labels = append(labels, int64(e.Label[1]-'1'))
	}
	var names, units []string
	for _, c := range channels {
		names, units = append(names, r.Channels[c].Name), append(units, unit)
	}
	path := filepath.Join(t.TempDir(), "trials.npz")
	if err := numpy.Save(path, &recording.Array{Name: "data", Dims: []int{len(labels), len(channels), samples}, Data: data},
		&recording.Array{Name: "labels", Dims: []int{len(labels)}, Data: labels}, &recording.Array{Name: "rate", Data: []float64{r.Rate}},
		&recording.Array{Name: "channels", Dims: []int{len(names)}, Data: names}, &recording.Array{Name: "units", Dims: []int{len(units)}, Data: units}); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUnitsAndOrder applies a network to the same trials in other units and with the channels in another order.
func TestUnitsAndOrder(t *testing.T) {
	home := t.TempDir()
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Preset: papers.Quick, Seed: 1, Home: home,
		Inputs: map[string]string{"trials": saveTrials(t, "V", 1e-6, 3, 1, 2)}, Set: map[string]string{"epochs": "2", "batch": "8"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := modelOf(t, o)
	var m model
	vars, err := fit.Load(dir, &m)
	if err != nil || !slices.Equal(m.Units, []string{"uV", "uV", "uV"}) {
		t.Fatalf("the model's units are %q: %v", m.Units, err)
	}
	run := func(dir, path string) (rows [][]string, said string, err error) {
		var b bytes.Buffer
		out := filepath.Join(t.TempDir(), "out.csv")
		if err := apply(t.Context(), application(dir, out, &b, path)); err != nil {
			return nil, b.String(), err
		}
		file, err := os.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		rows, err = csv.NewReader(file).ReadAll()
		return rows, b.String(), err
	}
	want, _, err := run(dir, saveTrials(t, "uV", 1, 3, 1, 2))
	if err != nil || len(want) < 20 {
		t.Fatalf("%d rows, %v", len(want), err)
	}
	m.Units = nil
	old := t.TempDir()
	if err := fit.Save(old, vars, m); err != nil { // as programs before units did
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, dir, path string
		refused, said   string
	}{
		{"millivolts", dir, saveTrials(t, "mV", 1e-3, 3, 1, 2), "", ""},
		{"another order", dir, saveTrials(t, "µV", 1, 1, 2, 3), "", "put into the order of the training"},
		{"no unit", dir, saveTrials(t, "", 1, 3, 1, 2), "", "does not say its unit (the model was trained on uV): taken to be the same"},
		{"no unit, volts", dir, saveTrials(t, "", 1e-6, 3, 1, 2), "seems to be in another unit", ""},
		{"said to be microvolts, far too small", dir, saveTrials(t, "uV", 1e-6, 3, 1, 2), "", "are these the electrodes"},
		{"teslas", dir, saveTrials(t, "T", 1e-12, 3, 1, 2), "channel C4.. is in T, but the network was trained on uV", ""},
		{"old model", old, saveTrials(t, "uV", 1, 3, 1, 2), "", "the model does not say the unit it was trained on (the file is in uV)"},
		{"old model, volts", old, saveTrials(t, "V", 1e-6, 3, 1, 2), "seems to be in another unit", ""},
		{"other channels", dir, saveTrials(t, "uV", 1, 3, 1, 0), "give the same channels", ""},
	} {
		got, said, err := run(c.dir, c.path)
		if c.refused != "" {
			var refused *papers.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: error %v, want a refusal with %q", c.name, err, c.refused)
			}
			continue
		}
		if err != nil || !strings.Contains(said, c.said) {
			t.Errorf("%s: said %q, want %q; %v", c.name, said, c.said, err)
			continue
		}
		if strings.Contains(c.name, "too small") {
			continue
		}
		for i := 1; i < len(want); i++ {
			a, _ := strconv.ParseFloat(want[i][2], 64)
			if b, err := strconv.ParseFloat(got[i][2], 64); err != nil || math.Abs(a-b) > 2e-5 {
				t.Errorf("%s, trial %d: %s, want %s", c.name, i, got[i][2], want[i][2])
				break
			}
		}
	}
	// And on a stream in volts that says so.
	decoder, err := openLive(t.Context(), application(dir, "", &bytes.Buffer{}))
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	for _, unit := range []string{"V", ""} {
		r := sessionOf(2, false)
		data := slices.Clone(r.Samples.(recording.Memory).Data)
		for i := range data {
			data[i] *= 1e-6
		}
		r.Samples = recording.Memory{Data: data, Channels: len(r.Channels)}
		for c := range r.Channels {
			r.Channels[c].Unit = unit
		}
		s, err := live.NewReplay(r, 0)
		if err != nil {
			t.Fatal(err)
		}
		picked, err := live.Match(s.Signal(), decoder.Window())
		if err != nil {
			t.Fatal(err)
		}
		report, err := live.Run(t.Context(), live.Pick(s, picked), decoder, live.Options{Step: 1})
		if unit == "V" && (err != nil || report.Decisions < 60 || report.Unlike != 0) {
			t.Errorf("in volts: %+v, %v", report, err)
		}
		if unit == "" && (err == nil || !strings.Contains(err.Error(), "seems to be in another unit") || report.Decisions > 3) {
			t.Errorf("in volts without saying so: %+v, %v", report, err)
		}
	}
}
