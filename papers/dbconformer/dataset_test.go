package dbconformer

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
	"github.com/gyrus-dev/gyrus/runner"
)

// dataset writes a BIDS data set: for each person a recording whose events are in events.tsv alone, and one of rest without any. change, if
// given, changes a recording before it is written.
func dataset(t *testing.T, change func(person string, r *recording.Recording), people ...string) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("dataset_description.json", `{"Name": "sides", "BIDSVersion": "1.9.0"}`)
	write("task-sides_eeg.json", `{"TaskName": "sides", "PowerLineFrequency": 50}`)
	for k, p := range people {
		base := fmt.Sprintf("sub-%s/eeg/sub-%s_task-", p, p)
		r := sessionOf(uint32(10+k), false)
		if change != nil {
			change(p, r)
		}
		events := "onset\tduration\ttrial_type\n"
		for _, e := range r.Events {
			events += fmt.Sprintf("%g\t0\t%s\n", e.Onset, map[string]string{"T1": "left", "T2": "right"}[e.Label])
		}
		r.Events = nil
		if events != "onset\tduration\ttrial_type\n" {
			write(base+"sides_events.tsv", events)
		}
		write(base+"sides_channels.tsv", "name\ttype\tunits\nFc3\tEOG\tµV\n")
		for _, task := range []string{"sides", "rest"} {
			if err := edf.Save(filepath.Join(root, base+task+"_eeg.edf"), r, edf.Options{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

var sidesSet = map[string]string{"events": "left,right", "to": "1.5", "epochs": "15", "batch": "8", "lr": "0.003", "folds": "3"}

// TestDataset runs on a data set of three people, holding each out, and applies the network to one of a fourth.
func TestDataset(t *testing.T) {
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Experiment: "recording", Preset: papers.Quick, Seed: 1, Home: t.TempDir(),
		Inputs: map[string]string{"trials": dataset(t, nil, "a", "b", "c")}, Set: sidesSet})
	if err != nil {
		t.Fatal(err)
	}
	if a := value(t, o, dbc, "cv"); a < 0.9 {
		t.Errorf("accuracy on people held out is %.3f", a)
	}
	var notes []string
	for _, r := range o.Document.Records {
		for _, n := range r.Notes {
			notes = append(notes, n.Text)
		}
	}
	for _, want := range []string{"93 trials from 0 to 1.5 s around the events left and right of 3 recordings", "sub-a (31), sub-b (31), sub-c (31); 3 channels",
		"3 recordings without these events are left out", "3 people in 3 parts"} {
		if !strings.Contains(strings.Join(notes, "\n"), want) {
			t.Errorf("the notes do not say %q:\n%s", want, strings.Join(notes, "\n"))
		}
	}
	var said bytes.Buffer
	out := filepath.Join(t.TempDir(), "out.csv")
	if err := apply(t.Context(), application(modelOf(t, o), out, &said, dataset(t, nil, "d", "e"))); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) != 63 || rows[0][0] != "recording" || rows[32][0] != "sub-e/eeg/sub-e_task-sides_eeg.edf" || rows[32][1] != "1" || rows[31][1] != "31" {
		t.Fatalf("%d rows, %v\n%v", len(rows), err, rows[:2])
	}
	right := 0
	for i, row := range rows[1:] {
		if row[2] == []string{"left", "right"}[i%31%2] {
			right++
		}
	}
	if right < 58 {
		t.Errorf("%d of 62 trials of two new people are decoded", right)
	}
}

func TestUnsuitableFolders(t *testing.T) {
	empty := t.TempDir()
	for name, text := range map[string]string{"dataset_description.json": "{}", "sub-1/func/sub-1_task-x_bold.nii.gz": "x"} {
		path := filepath.Join(empty, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	with := func(key, value string) map[string]string {
		m := maps.Clone(sidesSet)
		m[key] = value
		return m
	}
	good := dataset(t, nil, "a", "b")
	of := func(person string, change func(*recording.Recording)) string {
		return dataset(t, func(p string, r *recording.Recording) {
			if p == person || person == "all" {
				change(r)
			}
		}, "a", "b")
	}
	cases := []struct {
		name, path string
		set        map[string]string
		says       string
	}{
		{"no signals", empty, sidesSet, "no recordings of EEG, MEG or iEEG; it has 1 files bold"},
		{"no files of that name", good, with("files", "task-sides,run-2"), "no recordings of EEG, MEG or iEEG named task-sides and run-2; it has 2 files channels, 2 files events, 5 files eeg"},
		{"rest alone", good, with("files", "task-rest"), "none of its 2 recordings has events, and trials begin at events: events.tsv is missing"},
		{"no events named", good, with("events", ""), "the recordings have the events left (32), right (30): say which"},
		{"wrong event", good, with("events", "left,up"), `no event is called "up"; the recordings have left (32), right (30)`},
		{"another rate", of("b", func(r *recording.Recording) { r.Rate = 64 }), sidesSet, "is sampled at 64 Hz, but the recordings before it at 128 Hz"},
		{"a channel is missing", of("b", func(r *recording.Recording) { r.Channels[3].Name = "Oz" }), sidesSet, `there is no channel "C4"; the recording has Fc3 C3 Cz Oz`},
		{"another quantity", of("b", func(r *recording.Recording) { r.Channels[1].Unit = "fT" }), sidesSet, "channel C3 is in fT, but in training it was in uV"},
		{"no events at all", of("all", func(r *recording.Recording) { r.Events = nil }), sidesSet, "none of its 4 recordings has events"},
		{"CTF", "../../recording/ctf/testdata/made.ds", with("events", "left,up"), `no event is called "up"; the recording has bad_1 (1), left (2)`},
		{"no events, none named", filepath.Join(good, "sub-a", "eeg", "sub-a_task-rest_eeg.edf"), with("events", ""), "the recording has no events, and trials begin at events"},
		{"a folder of nothing", t.TempDir(), sidesSet, "a folder that is one of: BIDS data set, 4D Neuroimaging MEG, CTF MEG, EGI MFF"},
	}
	if data := os.Getenv("GYRUS_DATA"); data != "" {
		cases = append(cases, []struct {
			name, path string
			set        map[string]string
			says       string
		}{
			{"4D", filepath.Join(data, "meg", "bti-4dsim"), sidesSet, `no event is called "left"; the recording has 4 (4)`},
			{"MFF of averages", filepath.Join(data, "eeg", "formats", "egi", "test_egi_evoked.mff"), with("events", ""), "say which of them begin the trials"},
		}...)
	}
	for _, c := range cases {
		_, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Experiment: "recording", Preset: papers.Quick, Seed: 1, Home: t.TempDir(),
			Inputs: map[string]string{"trials": c.path}, Set: c.set})
		var refused *papers.RefusedError
		var own *recording.Error
		if !errors.As(err, &refused) && !errors.As(err, &own) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a refusal with %q", c.name, err, c.says)
		}
	}
	// A data set of one person is as that person's recording.
	f, err := readTrials(dataset(t, nil, "a"), reading{events: []string{"left", "right"}, to: 1.5, low: -1, high: -1})
	if err != nil || f.train.people != nil || len(f.train.trials) != 31 || !slices.Equal(f.channels, []string{"C3", "Cz", "C4"}) {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestFolderOfMEG cuts trials from a CTF folder, whose sensors are taken and lines left.
func TestFolderOfMEG(t *testing.T) {
	r, err := recording.Open("../../recording/ctf/testdata/made.ds")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	labels := map[string]bool{}
	for _, e := range r.Events {
		labels[e.Label] = true
	}
	events := slices.Sorted(maps.Keys(labels))
	if len(events) < 2 {
		t.Fatalf("the recording has the events %v", r.Events)
	}
	f, err := readTrials("../../recording/ctf/testdata/made.ds", reading{events: events[:2], from: 0, to: 0.02})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range f.channels {
		k, err := r.Channel(c)
		if err != nil || r.Channels[k].Type != "mag" && r.Channels[k].Type != "eeg" || f.units[i] == "" {
			t.Errorf("channel %s in %q, %v", c, f.units[i], err)
		}
	}
}
