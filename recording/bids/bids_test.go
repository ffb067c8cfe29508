package bids

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/ctf"
	_ "github.com/gyrus-dev/gyrus/recording/fif"
)

// made is the text of a small data set around real recordings, by path.
var made = map[string]string{
	"dataset_description.json":           "\xef\xbb\xbf" + `{"Name": "made for a test", "BIDSVersion": "1.9.0", "License": "CC0"}`,
	"participants.tsv":                   "participant_id\tage\tsex\nsub-01\t30\tF\r\nsub-02\tn/a\tM\n",
	"README.md":                          "nothing",
	"task-buttons_meg.json":              `{"TaskName": "buttons", "PowerLineFrequency": 60, "SamplingFrequency": 250}`,
	"task-other_meg.json":                `{"PowerLineFrequency": 1}`,
	"events.json":                        `{"trial_type": {}}`,
	"sub-01/ses-a/sub-01_ses-a_meg.json": `{"PowerLineFrequency": 50}`,
	"sub-01/ses-a/meg/sub-01_ses-a_task-buttons_run-1_events.tsv":        "onset\tduration\ttrial_type\tvalue\n0.2\t0.1\tleft\t1\n0.1\tn/a\tn/a\t7\nn/a\t0\tlost\t0\n",
	"sub-01/ses-a/meg/sub-01_ses-a_task-buttons_run-1_channels.tsv":      "name\ttype\tunits\tstatus\nMEG 0113\tMEGMAG\tT\tgood\nEEG 001\tEOG\tµV\tbad\nMISC 1\tAUDIO\tPa\tgood\nghost\tEEG\tV\tgood\n",
	"sub-01/ses-a/meg/sub-01_ses-a_space-CapTrak_electrodes.tsv":         "name\tx\ty\tz\nEEG 001\t10\t-20\t90\nEOG 061\tn/a\tn/a\tn/a\nghost\t1\t1\t1\n",
	"sub-01/ses-a/meg/sub-01_ses-a_space-CapTrak_coordsystem.json":       `{"EEGCoordinateUnits": "mm"}`,
	"sub-01/ses-a/meg/sub-01_ses-a_space-Other_coordsystem.json":         `{"EEGCoordinateUnits": "m"}`,
	"sub-02/ses-a/meg/sub-02_ses-a_task-buttons_split-02_meg.fif":        "not opened",
	"sub-02/ses-a/meg/sub-02_ses-a_task-buttons_split-02_meg.json":       "{}",
	"sub-02/ses-a/eeg/sub-02_ses-a_task-rest_eeg.vhdr":                   "not opened",
	"sub-02/ses-a/eeg/sub-02_ses-a_task-rest_eeg.vmrk":                   "not opened",
	"sub-03/meg/sub-03_task-buttons_meg.ds/sub-03_task-buttons_meg.meg4": "not opened",
	"derivatives/sub-01/meg/sub-01_task-buttons_desc-clean_meg.fif":      "not looked at",
	".git/sub-01_task-hidden_meg.fif":                                    "not looked at",
}

// makeSet writes the data set, with a real recording in it.
func makeSet(t testing.TB, change map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, files := range []map[string]string{made, change} {
		for name, text := range files {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	content, err := os.ReadFile("../fif/testdata/made-single_raw.fif")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"sub-01/ses-a/meg/sub-01_ses-a_task-buttons_run-1_meg.fif", "sub-02/ses-a/meg/sub-02_ses-a_task-buttons_split-01_meg.fif"} {
		if err := os.WriteFile(filepath.Join(root, path), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLayout(t *testing.T) {
	d, err := Open(makeSet(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "made for a test" || d.Version != "1.9.0" || d.Description["License"] != "CC0" {
		t.Errorf("%+v", d)
	}
	if got := fmt.Sprint(d.Participants); got != "[{sub-01 map[age:30 sex:F]} {sub-02 map[age: sex:M]} {sub-03 map[]}]" {
		t.Errorf("participants %s", got)
	}
	paths := func(files []File) string {
		var out []string
		for _, f := range files {
			out = append(out, filepath.Base(f.Path))
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct{ got, want string }{
		{paths(d.Recordings()), "sub-01_ses-a_task-buttons_run-1_meg.fif sub-02_ses-a_task-rest_eeg.vhdr sub-02_ses-a_task-buttons_split-01_meg.fif sub-03_task-buttons_meg.ds"},
		{paths(d.Recordings("sub-02", "task-buttons")), "sub-02_ses-a_task-buttons_split-01_meg.fif"},
		{paths(d.Recordings("sub-02", "task-none")), ""},
		{paths(d.Find("events")), "sub-01_ses-a_task-buttons_run-1_events.tsv"},
		{paths(d.Find("eeg", "sub-02")), "sub-02_ses-a_task-rest_eeg.vhdr sub-02_ses-a_task-rest_eeg.vmrk"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
	side, err := d.Sidecar(d.Recordings("sub-01")[0])
	if err != nil || fmt.Sprint(side) != "map[PowerLineFrequency:50 SamplingFrequency:250 TaskName:buttons]" {
		t.Errorf("sidecar %v, %v", side, err)
	}
}

func TestRecording(t *testing.T) {
	d, err := Open(makeSet(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Recording(d.Recordings("sub-01")[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := fmt.Sprint(r.Events); got != "[{0.1 0 7} {0.2 0.1 left}]" {
		t.Errorf("events %s", got)
	}
	at := func(name string) recording.Channel {
		i, err := r.Channel(name)
		if err != nil {
			t.Fatal(err)
		}
		return r.Channels[i]
	}
	if c := at("EEG 001"); c.Type != "eog" || c.Unit != "V" || c.Position == nil || math.Abs(c.Position[0]-0.01) > 1e-12 || math.Abs(c.Position[2]-0.09) > 1e-12 {
		t.Errorf("%+v %v", c, c.Position)
	}
	if c := at("MEG 0113"); c.Type != "grad" {
		t.Errorf("%+v", c)
	}
	if c := at("MISC 1"); c.Type != "misc" || c.Unit != "Pa" {
		t.Errorf("%+v", c)
	}
	for name, want := range map[string]string{"bad channels": "EEG 001", "line frequency": "50 Hz", "task": "buttons", "data set": "made for a test"} {
		if r.Metadata[name] != want {
			t.Errorf("%s: %q, want %q", name, r.Metadata[name], want)
		}
	}
	if got := fmt.Sprint(r.Warnings); got != "[channels.tsv has channels that the file does not have: ghost]" {
		t.Errorf("warnings %s", got)
	}
	if x, err := r.Read(0, 3); err != nil || len(x) != 3*8 {
		t.Errorf("%v, %v", x, err)
	}
	// The second has nothing beside it but the sidecar at the top: its own events stay.
	other, err := d.Recording(d.Recordings("sub-02", "task-buttons")[0])
	if err != nil || len(other.Events) != 6 || other.Metadata["line frequency"] != "60 Hz" {
		t.Fatalf("%v, %v", other, err)
	}
	other.Close()
	if _, err := d.Recording(d.Recordings("sub-03")[0]); err == nil || !strings.Contains(err.Error(), "found 0 files .res4") {
		t.Errorf("a folder of nothing: %v", err)
	}
	folder := filepath.Join(d.Root, "sub-03/meg/sub-03_task-buttons_meg.ds")
	entries, err := os.ReadDir("../ctf/testdata/made.ds")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join("../ctf/testdata/made.ds", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, strings.Replace(e.Name(), "made", "sub-03_task-buttons_meg", 1)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if other, err = d.Recording(d.Recordings("sub-03")[0]); err != nil || len(other.Channels) != 12 || other.Metadata["task"] != "buttons" {
		t.Fatalf("%v, %v", other, err)
	}
	other.Close()
}

// TestBroken changes one file at a time.
func TestBroken(t *testing.T) {
	const run = "sub-01/ses-a/meg/sub-01_ses-a_task-buttons_run-1_"
	for _, c := range []struct{ file, text, want string }{
		{"dataset_description.json", "{", "JSON that cannot be read"},
		{"participants.tsv", "id\nsub-01\n", `expected one called "participant_id"`},
		{"participants.tsv", "participant_id\tage\nsub-01\n", "line 2: found 1 cells, expected 2"},
		{"task-buttons_meg.json", "[1]", "JSON that cannot be read"},
		{run + "events.tsv", "time\n1\n", `expected one called "onset"`},
		{run + "events.tsv", "onset\tduration\n1\t0\nsoon\t0\n", `line 3, column 1 (onset): found "soon"`},
		{run + "events.tsv", "onset,duration\n1,0\n", `expected one called "onset"`},
		{run + "channels.tsv", "channel\ttype\nx\tEEG\n", `expected one called "name"`},
		{"sub-01/ses-a/meg/sub-01_ses-a_space-CapTrak_electrodes.tsv", "name\tx\ty\tz\nEEG 001\t1\tb\t2\n", `line 2, column 3 (y): found "b"`},
	} {
		d, err := Open(makeSet(t, map[string]string{c.file: c.text}))
		if err == nil {
			_, err = d.Recording(d.Recordings("sub-01")[0])
		}
		var own *recording.Error
		if !errors.As(err, &own) || !strings.Contains(err.Error(), c.want) || !strings.HasSuffix(own.Path, filepath.FromSlash(c.file)) {
			t.Errorf("%s: %v does not say %q", c.file, err, c.want)
		}
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "a folder without dataset_description.json") {
		t.Error(err)
	}
	d, err := Open(makeSet(t, map[string]string{"sub-01/ses-a/meg/sub-01_ses-a_space-CapTrak_coordsystem.json": `{"EEGCoordinateUnits": "n/a"}`, "task-buttons_meg.json": `{"SamplingFrequency": 1000}`}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Recording(d.Recordings("sub-01")[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, "electrodes are not placed") }) || !slices.Contains(r.Warnings, "the sidecar says 1000 Hz, the file 250 Hz") || r.Rate != 250 {
		t.Errorf("%v", r.Metadata)
	}
}

// TestReal puts real recordings into a data set.
func TestReal(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	root := makeSet(t, map[string]string{
		"sub-04/eeg/sub-04_task-ssvep_events.tsv":   "onset\tduration\ttrial_type\n10\t5\t13Hz\n20\t5\trest\n",
		"sub-04/eeg/sub-04_task-ssvep_channels.tsv": "name\ttype\tunits\tstatus\nOz\tEEG\tV\tbad\n",
	})
	content, err := os.ReadFile(filepath.Join(data, "eeg/ssvep-exo/subject03_run1_raw.fif"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "sub-04/eeg/sub-04_task-ssvep_eeg.fif"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Recording(d.Recordings("sub-04")[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.Channels) != 8 || r.Rate != 256 || fmt.Sprint(r.Events) != "[{10 5 13Hz} {20 5 rest}]" || r.Metadata["bad channels"] != "Oz" {
		t.Errorf("%d channels at %g Hz, %v, %v", len(r.Channels), r.Rate, r.Events, r.Metadata)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"sub-01/eeg/sub-01_task-rest_run-2_eeg.edf": "map[run:2 sub:01 task:rest] eeg .edf true",
		"sub-01/func/sub-01_task-x_bold.nii.gz":     "map[sub:01 task:x] bold .nii.gz true",
		"participants.tsv":                          "map[] participants .tsv false",
		"sub-01_task_eeg.edf":                       " false",
		"sub-01":                                    " false",
		"sub-01_task-rest":                          " false",
	} {
		f, ok := parse(name)
		got := fmt.Sprint(f.Entities, " ", f.Suffix, " ", f.Ext, " ", ok)
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// FuzzTables reads tables and descriptions of any content.
func FuzzTables(f *testing.F) {
	for name, text := range made {
		if strings.HasSuffix(name, ".tsv") || strings.HasSuffix(name, ".json") {
			f.Add([]byte(text))
		}
	}
	d := &Dataset{Root: "root"}
	f.Fuzz(func(t *testing.T, content []byte) {
		var own *recording.Error
		if x, err := d.table("t.tsv", content); err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		} else if err == nil {
			for i := range x.rows {
				if _, _, err := x.number(i, "onset"); err != nil && !errors.As(err, &own) {
					t.Fatalf("%v is not a *recording.Error", err)
				}
			}
		}
		if _, err := d.object("t.json", content); err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		}
	})
}

// TestFolder opens the one recording of a data set as the format of the folder, and lists several.
func TestFolder(t *testing.T) {
	root := makeSet(t, nil)
	if f, err := recording.Detect(root); err != nil || f.Name != "bids" {
		t.Fatalf("%s, %v", f.Name, err)
	}
	if _, err := recording.Open(root); err == nil || !strings.Contains(err.Error(), "a BIDS data set of 4 recordings, expected one recording; name one of them: sub-01/ses-a/meg") {
		t.Errorf("opening four: %v", err)
	}
	d, err := recording.Inspect(root)
	if err != nil || len(d.Items) != 4 || d.Items[0].Type != "meg" || d.Bytes < 10000 || !strings.Contains(d.String(), "participants:  3") {
		t.Errorf("%v, %v", d, err)
	}
	for _, other := range []string{"sub-02", "sub-03"} {
		if err := os.RemoveAll(filepath.Join(root, other)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := recording.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.Events) != 2 || r.Metadata["task"] != "buttons" {
		t.Errorf("%v %v", r.Events, r.Metadata)
	}
	if err := os.RemoveAll(filepath.Join(root, "sub-01")); err != nil {
		t.Fatal(err)
	}
	if _, err := recording.Open(root); err == nil || !strings.Contains(err.Error(), "0 recordings") {
		t.Errorf("opening none: %v", err)
	}
}
