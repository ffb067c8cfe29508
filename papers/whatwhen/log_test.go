package whatwhen

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadLog(t *testing.T) {
	want := eventLog{Names: []string{"left", "right"}, Trials: []happening{{0, 350, 2}, {1, 600, 3}, {0, 351, 4}}}
	got, err := readLog(written(t, "a.csv", "trial,cue_ms,event_id,event_ms\n1,1000,left,1350\n2,3000,right,3600\n3,5000,left,5351\n"), "cue", nil)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = readLog(written(t, "a_events.tsv", "onset\tduration\ttrial_type\n1\t.1\tcue\n1.5\t0\tright\n3\t.1\tcue\n3.25\t0\tleft\n"), "cue", []string{"right", "left"})
	want = eventLog{Names: []string{"right", "left"}, Trials: []happening{{0, 500, 3}, {1, 250, 5}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReadLogRefuses(t *testing.T) {
	const head, bids = "trial,cue_ms,event_id,event_ms\n1,1000,left,1350\n", "onset\tduration\ttrial_type\n1\t.1\tcue\n1.5\t0\tleft\n"
	for _, c := range []struct {
		text, says string
		line       int
		field      string
	}{
		{head + "1,3000,right,3500\n", "one event in each trial", 3, "trial"},
		{head + "2,3000,up,3500\n", "one of left, right", 3, "event_id"},
		{head + "2,3000,,3500\n", "the name of the event", 3, "event_id"},
		{head + "2,-3,left,3500\n", "zero or more", 3, "cue_ms"},
		{head + "2,3000,left,\n", "zero or more", 3, "event_ms"},
		{head + "2,3000,left,2900\n", "after the cue", 3, "event_ms"},
		{head + "2,1200,left,1900\n", "1350 or later", 3, "cue_ms"},
		{"trial,cue_ms,event_ms\n1,1000,1350\n", "event_id", 0, ""},
		{bids + "0.5\t0\tcue\n", "in order of time", 4, "onset"},
		{bids + "2.5\t0\tleft\n", "one event after each", 4, "trial_type"},
		{bids + "2.5\t0\tcue\n3\t0\tcue\n", "an event after each cue", 5, "trial_type"},
	} {
		_, err := readLog(written(t, "a.csv", c.text), "cue", []string{"left", "right"})
		var e *recording.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q", c.text, err, c.says)
		} else if e.Line != c.line || !strings.Contains(e.Field, c.field) {
			t.Errorf("%q: line %d, field %q; want line %d, field %q", c.text, e.Line, e.Field, c.line, c.field)
		}
	}
}

// TestEventsQuick predicts the trials of a file: better than nothing does, at the right time, with the right shares.
func TestEventsQuick(t *testing.T) {
	var text strings.Builder
	text.WriteString("trial,cue_ms,event_id,event_ms\n")
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		name, latency := "left", 200
		if rng.Float64() < .2 {
			name, latency = "right", 400
		}
		fmt.Fprintf(&text, "%d,%d,%s,%d\n", i, 2000*i, name, 2000*i+latency)
	}
	o := execute(t, "events", nil, map[string]string{"trials": written(t, "trials.csv", text.String())})
	if got, zero := runnertest.Value(t, o, systemLocal, "error"), runnertest.Value(t, o, systemZero, "error"); got > .9*zero {
		t.Errorf("error %.3f, of expecting nothing %.3f", got, zero)
	}
	if got := runnertest.Value(t, o, systemLocal, "timing"); got > 40 {
		t.Errorf("peaks are %.0f ms from events", got)
	}
	if got := runnertest.Value(t, o, systemLocal, "brier"); got > .5 {
		t.Errorf("Brier score %.2f, of a coin 0.5", got)
	}
}

// TestRefuses gives experiments what they cannot be carried out with.
func TestRefuses(t *testing.T) {
	log := written(t, "trials.csv", "trial,cue_ms,event_id,event_ms\n1,1000,left,1050\n")
	for _, c := range []struct {
		experiment string
		set        map[string]string
		says       string
	}{
		{"blocks", map[string]string{"blocks": "1.2/400/700"}, "probability 1.2"},
		{"blocks", map[string]string{"blocks": "0.8/400"}, "expected p(A)/tA/tB"},
		{"blocks", map[string]string{"blocks": "0.8/four/700"}, "whole milliseconds"},
		{"blocks", map[string]string{"blocks": "0.8/149/700"}, "50 after the cue"},
		{"blocks", map[string]string{"blocks": "0.8/400/921"}, "two widths before the end"},
		{"blocks", map[string]string{"steps": "600"}, "two widths before the end"},
		{"blocks", map[string]string{"blocks": ""}, "no blocks"},
		{"blocks", map[string]string{"neurons": "199"}, "200 neurons or more"},
		{"blocks", map[string]string{"excitatory": "1"}, "0 are inhibitory"},
		{"blocks", map[string]string{"bias": "0", "noise": "0"}, "silent"},
		{"blocks", map[string]string{"bias": "1000"}, "Hz"},
		{"probabilities", map[string]string{"levels": "4"}, "odd"},
		{"probabilities", map[string]string{"a": "120"}, "50 after the cue"},
		{"probabilities", map[string]string{"excitatory": "0"}, "400 are inhibitory"},
		{"events", nil, "line 2"},
	} {
		var inputs map[string]string
		if c.experiment == "events" {
			inputs = map[string]string{"trials": log}
		}
		_, err := runner.Execute(t.Context(), runner.Config{Paper: "whatwhen", Experiment: c.experiment, Preset: papers.Quick, Seed: 1, Set: c.set,
			Inputs: inputs, Home: t.TempDir()})
		var refused *papers.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s with %v: %v, want a refusal that says %q", c.experiment, c.set, err, c.says)
		}
	}
}
