package main

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/export"
	"github.com/gyrus-dev/gyrus/recording/nifti"
	"github.com/gyrus-dev/gyrus/recording/numpy"
)

// madeRecording writes 40 s of six channels: a wave of 10 Hz, one of 2 Hz, hum of 50 Hz, blinks in front and in an EOG channel, a trigger.
func madeRecording(t *testing.T) string {
	t.Helper()
	r := &recording.Recording{Rate: 200, Frames: 8000, Events: []recording.Event{}}
	for _, c := range [][2]string{{"Fp1", "eeg"}, {"Fz", "eeg"}, {"C3", "eeg"}, {"O1", "eeg"}, {"EOG", "eog"}, {"STIM", "stim"}} {
		r.Channels = append(r.Channels, recording.Channel{Name: c[0], Type: c[1], Unit: "uV"})
	}
	data := make([]float32, 6*8000)
	state := uint32(1)
	noise := func() float64 {
		state = state*1664525 + 1013904223
		return float64(state>>8)/(1<<23) - 1
	}
	for i := range 8000 {
		s := float64(i) / 200
		wave := func(f float64) float64 { return math.Sin(2 * math.Pi * f * s) }
		blink := 0.0
		if m := i % 900; m < 60 {
			blink = 150 * math.Sin(math.Pi*float64(m)/60)
		}
		row := data[6*i : 6*i+6]
		row[0] = float32(10*wave(2) + blink + noise())
		row[1] = float32(8*wave(2) + 0.4*blink + 2*wave(50) + 2*noise())
		row[2] = float32(3*wave(10) + 4*wave(50) + 3*noise())
		row[3] = float32(20*wave(10) + 3*wave(50) + noise())
		row[4] = float32(2*blink + noise())
		if i%400 < 10 && i > 0 {
			row[5] = 1
		}
	}
	for i := 400; i < 8000; i += 400 {
		r.Events = append(r.Events, recording.Event{Onset: float64(i) / 200, Label: []string{"left", "right"}[i/400%2]})
	}
	r.Samples = recording.Memory{Data: data, Channels: 6}
	path := filepath.Join(t.TempDir(), "made.bdf")
	if err := export.Recording(path, r, export.Options{}); err != nil {
		t.Fatal(err)
	}
	return path
}

// must runs a command that must succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, status := gyrus(t, t.TempDir(), args...)
	if status != 0 {
		t.Fatalf("gyrus %s: status %d\n%s", strings.Join(args, " "), status, errs)
	}
	return out
}

func bandPowers(t *testing.T, path, channel string) map[string]float64 {
	t.Helper()
	var got struct {
		Channels []psdLine `json:"channels"`
	}
	if err := json.Unmarshal([]byte(must(t, "psd", path, "--json", "--channels", channel)), &got); err != nil {
		t.Fatal(err)
	}
	return got.Channels[0].Bands
}

func TestFilterCommand(t *testing.T) {
	path := madeRecording(t)
	for _, method := range []string{"fir", "iir"} {
		for _, causal := range []string{"--causal=false", "--causal"} {
			out := filepath.Join(t.TempDir(), "f.bdf")
			said := must(t, "filter", path, "--band", "6-30", "--notch", "50", "--method", method, causal, "--out", out, "--json")
			var w written
			if err := json.Unmarshal([]byte(said), &w); err != nil || w.Filtered != 5 || w.Channels != 6 || w.Events != 19 || len(w.Did) != 2 {
				t.Errorf("it said %s (%v)", said, err)
			}
			before, after := bandPowers(t, path, "Fp1"), bandPowers(t, out, "Fp1")
			if after["delta"] > before["delta"]/1000 {
				t.Errorf("%s %s: delta went from %g to %g", method, causal, before["delta"], after["delta"])
			}
			before, after = bandPowers(t, path, "O1"), bandPowers(t, out, "O1")
			if r := after["alpha"] / before["alpha"]; r < 0.9 || r > 1.02 {
				t.Errorf("%s %s: alpha is %g of what it was", method, causal, r)
			}
			r, err := recording.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			x, err := r.Read(400, 1)
			if err != nil || x[5] != 1 || r.Events[0].Label != "right" || r.Events[0].Onset != 2 || r.Channels[0].Unit != "uV" {
				t.Errorf("%s %s: trigger %v, events %v (%v)", method, causal, x[5], r.Events[0], err)
			}
			r.Close()
		}
	}
}

func TestPSDCommand(t *testing.T) {
	path, dir := madeRecording(t), t.TempDir()
	// A sine of amplitude 20 has power 200.
	for _, method := range []string{"welch", "multitaper", "multitaper --segment 5"} {
		out := must(t, append([]string{"psd", path, "--channels", "O1", "--json", "--method"}, strings.Fields(method)...)...)
		var got struct {
			Frequencies []float64 `json:"frequencies"`
			Channels    []psdLine `json:"channels"`
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		p := got.Channels[0]
		if math.Abs(p.Bands["alpha"]-200) > 5 || len(p.Power) != len(got.Frequencies) || p.Unit != "uV" {
			t.Errorf("%s: bands %v", method, p.Bands)
		}
		if want := map[string]int{"welch": 401, "multitaper": 4001, "multitaper --segment 5": 501}[method]; len(got.Frequencies) != want {
			t.Errorf("%s: %d frequencies, want %d", method, len(got.Frequencies), want)
		}
	}
	if said := must(t, "psd", path, "--method", "multitaper", "--segment", "5"); !strings.Contains(said, "Multitaper over 40 s, the average of windows of 5 s.") {
		t.Errorf("said %q", said)
	}
	for _, name := range []string{"a.csv", "a.svg", "a.html"} {
		out := filepath.Join(dir, name)
		must(t, "psd", path, "--channels", "eeg", "--out", out)
		text, err := os.ReadFile(out)
		if err != nil || !strings.Contains(string(text), "O1") {
			t.Errorf("%s lacks a channel (%v)", name, err)
		}
	}
	if text := must(t, "psd", path); !strings.Contains(text, "alpha 8-13 Hz") || strings.Contains(text, "STIM") {
		t.Errorf("psd printed\n%s", text)
	}
}

func TestEpochCommand(t *testing.T) {
	path, out := madeRecording(t), filepath.Join(t.TempDir(), "t.npz")
	said := must(t, "epoch", path, "--event", "left", "--event", "right", "--tmin", "-0.1", "--tmax", "0.4", "--baseline", "-0.1,0", "--reject", "0.1mV", "--out", out, "--json")
	var line epochLine
	if err := json.Unmarshal([]byte(said), &line); err != nil || line.Samples != 101 || line.Trials+line.Dropped["too large"] != 19 || line.Dropped["too large"] == 0 || line.Trials == 0 {
		t.Fatalf("it said %s (%v)", said, err)
	}
	f, err := numpy.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := f.Array("data")
	if err != nil || !slices.Equal(data.Dims, []int{line.Trials, 5, 101}) {
		t.Fatalf("data are %v (%v)", data, err)
	}
	x, _ := data.Float32s()
	mean := 0.0
	for _, v := range x[:21] {
		mean += float64(v) / 21
	}
	if math.Abs(mean) > 1e-3 {
		t.Errorf("the baseline has mean %g", mean)
	}
	labels, _ := f.Array("labels")
	v, _ := labels.Float64s()
	ones := 0
	for _, x := range v {
		if x == 1 {
			ones++
		}
	}
	if ones != line.Classes["right"] || ones == 0 || ones == len(v) {
		t.Errorf("labels %v, classes %v", v, line.Classes)
	}
}

func TestICACommand(t *testing.T) {
	path, dir := madeRecording(t), t.TempDir()
	var line icaLine
	if err := json.Unmarshal([]byte(must(t, "ica", path, "--json")), &line); err != nil || len(line.Components) != 4 {
		t.Fatalf("%+v (%v)", line, err)
	}
	blink := -1
	for _, c := range line.Components {
		if math.Abs(c.Reference["EOG"]) > 0.9 {
			blink = c.Number
		}
	}
	if blink < 0 {
		t.Fatalf("no component is the blinks: %+v", line.Components)
	}
	out, page := filepath.Join(dir, "c.bdf"), filepath.Join(dir, "c.html")
	must(t, "ica", path, "--remove", string(rune('0'+blink)), "--out", out, "--page="+page)
	before, after := readAll(t, path), readAll(t, out)
	// The blink at 22.5 s is gone from the front of the head, and EOG and trigger are as they were.
	i := 6 * (900*5 + 30)
	if math.Abs(float64(after[i])) > 30 || before[i] < 100 {
		t.Errorf("at the blink Fp1 is %g, and was %g", after[i], before[i])
	}
	for k := range 8000 {
		if math.Abs(float64(after[6*k+4]-before[6*k+4])) > 0.01 || after[6*k+5] != before[6*k+5] {
			t.Fatalf("frame %d: EOG and trigger are %v, and were %v", k, after[6*k+4:6*k+6], before[6*k+4:6*k+6])
		}
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "(removed)") {
		t.Errorf("the page does not say what was removed (%v)", err)
	}
}

func readAll(t *testing.T, path string) []float32 {
	t.Helper()
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x, err := r.Read(0, int(r.Frames))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestConvertCommand(t *testing.T) {
	path, dir := madeRecording(t), t.TempDir()
	for _, name := range []string{"a.edf", "a.csv", "a.npz"} {
		must(t, "convert", path, "--out", filepath.Join(dir, name))
	}
	r := &recording.Recording{Rate: 10, Frames: 10, Channels: []recording.Channel{{Name: "A12", Type: "mag", Unit: "T"}, {Name: "STI 014", Type: "stim"}, {Name: "EEG 001", Type: "eeg", Unit: "uV"}}}
	if got := export.TypesLost("a.edf", r, export.Options{}); !maps.Equal(got, map[string]int{"mag": 1, "stim": 1}) || export.TypesLost("a.npz", r, export.Options{}) != nil {
		t.Errorf("types lost: %v", got)
	}
	back := readAll(t, filepath.Join(dir, "a.edf"))
	for i, v := range readAll(t, path) {
		if math.Abs(float64(v-back[i])) > 0.01 {
			t.Fatalf("value %d went from %g to %g", i, v, back[i])
		}
	}
	a, err := recording.NewArray("a", []int{3, 4, 5}, recording.ColumnMajor, make([]int16, 60))
	if err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(dir, "a.nii")
	if err := nifti.Write(image, a, nifti.WriteOptions{Affine: [4][4]float64{{0, 2, 0, 5}, {3, 0, 0, 6}, {0, 0, 4, 7}, {0, 0, 0, 1}}}); err != nil {
		t.Fatal(err)
	}
	must(t, "convert", image, "--out", filepath.Join(dir, "b.nii.gz"))
	im, err := nifti.Open(filepath.Join(dir, "b.nii.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	if im.Affine[0] != [4]float64{0, 2, 0, 5} || !slices.Equal(im.Dims, []int{3, 4, 5}) || im.Type != "int16" {
		t.Errorf("the image is %v %s at %v", im.Dims, im.Type, im.Affine)
	}
	must(t, "convert", filepath.Join(dir, "a.npz"), "--out", filepath.Join(dir, "c.npz"))

	meg := "../../recording/ctf/testdata/made.ds"
	typed := filepath.Join(dir, "m.edf")
	if said := must(t, "convert", meg, "--out", typed, "--types", "--positions"); !strings.Contains(said, "do not tell: 3 ref_meg\n") || !strings.Contains(said, "m_electrodes.tsv and ") {
		t.Errorf("said %q", said)
	}
	from, err := recording.Open(meg)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := recording.Open(typed)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	for i, c := range from.Channels {
		if got := to.Channels[i]; got.Name != c.Name || got.Type != c.Type && c.Type != "ref_meg" {
			t.Errorf("channel %s of %s came back as %s of %s", c.Name, c.Type, got.Name, got.Type)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "m_electrodes.tsv")); err != nil || !strings.HasPrefix(string(text), "name\tx\ty\tz\nBG1-606\t0.0907") {
		t.Errorf("positions %q, %v", text, err)
	}
}

// TestRequestsThatCannotBe checks that each is refused with what to do about it, and that nothing is written.
func TestRequestsThatCannotBe(t *testing.T) {
	path, dir := madeRecording(t), t.TempDir()
	there := filepath.Join(dir, "there.edf")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(dir, "t.csv")
	if err := os.WriteFile(table, []byte("a,b\n1,2\n3,4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.edf")
	for _, c := range []struct {
		args string
		says string
	}{
		{"filter FILE --band 8-30", "--out"},
		{"filter FILE --out OUT", "--band"},
		{"filter FILE --band 30-8 --out OUT", "8-30"},
		{"filter FILE --band 8-300 --out OUT", "100 Hz"},
		{"filter FILE --band 8-30 --out THERE", "--overwrite"},
		{"filter FILE --band 8-30 --method fft --out OUT", "fir or iir"},
		{"filter FILE --band 8-30 --channels nose --out OUT", "Fp1"},
		{"filter FILE --band 0.01- --out OUT", "causally"},
		{"filter TABLE --band 8-30 --out OUT", "sampling rate"},
		{"filter nowhere.edf --band 8-30 --out OUT", "no such file"},
		{"psd FILE --method mtm", "multitaper"},
		{"psd FILE --out x.png", ".svg"},
		{"psd FILE --from 50", "40"},
		{"epoch FILE --event up --out x.npz", "10 right"},
		{"epoch FILE --out x.mat", ".npz"},
		{"epoch FILE --tmin 2 --tmax 1 --out x.npz", "begin before"},
		{"epoch FILE --baseline 5,6 --out x.npz", "-0.2,0"},
		{"epoch FILE --reject 100pT --out x.npz", "uV"},
		{"epoch FILE --reject lots --out x.npz", "100uV"},
		{"ica FILE --remove 9 --out OUT", "0 to 3"},
		{"ica FILE --remove 0", "--out"},
		{"ica FILE --method pca", "fastica"},
		{"ica FILE --channels O1", "two channels"},
		{"convert FILE --out x.nii", "only images"},
		{"convert FILE --out x.csv --types", "--types is for .edf and .bdf"},
		{"convert FILE --out x.edf --positions", "no positions"},
		{"convert FILE --out x.xyz", ".bdf"},
		{"convert TABLE --out OUT", "sampling rate"},
	} {
		args := strings.Fields(strings.NewReplacer("FILE", path, "TABLE", table, "THERE", there, "OUT", out).Replace(c.args))
		_, errs, status := gyrus(t, dir, args...)
		if status != 2 || !strings.Contains(errs, c.says) {
			t.Errorf("gyrus %s: status %d, %q does not say %q", c.args, status, errs, c.says)
		}
	}
	if text, _ := os.ReadFile(there); string(text) != "mine" {
		t.Error("a file was replaced unasked")
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if f.Name() != "there.edf" && f.Name() != "t.csv" {
			t.Errorf("left behind: %s", f.Name())
		}
	}
}

func TestInspectPage(t *testing.T) {
	path, page := madeRecording(t), filepath.Join(t.TempDir(), "p.html")
	must(t, "inspect", path, "--page="+page)
	text, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(text), "10 right, 9 left") {
		t.Errorf("the page lacks the events (%v)", err)
	}
	if _, errs, status := gyrus(t, t.TempDir(), "inspect", path, "--page="+page); status != 2 || !strings.Contains(errs, "--overwrite") {
		t.Errorf("a page was replaced: %d %s", status, errs)
	}
	samples := filepath.Join(t.TempDir(), "a.eeg")
	for name, text := range map[string]string{samples: "\x01\x02\x03\x04 nothing to see", strings.TrimSuffix(samples, "eeg") + "vhdr": "Brain Vision Data Exchange Header File Version 1.0\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, errs, status := gyrus(t, t.TempDir(), "inspect", samples); status != 2 || !strings.Contains(errs, "name a.vhdr") {
		t.Errorf("the samples of a BrainVision recording: %d %s", status, errs)
	}
}

// TestExamplesOfHelp runs nothing, but holds each example of the verbs for recordings to flags that exist.
func TestExamplesOfHelp(t *testing.T) {
	for _, verb := range []string{"inspect", "filter", "psd", "epoch", "ica", "convert"} {
		root := rootCommand()
		cmd, _, err := root.Find([]string{verb})
		if err != nil || cmd.Example == "" {
			t.Errorf("%s has no example (%v)", verb, err)
			continue
		}
		for _, line := range strings.Split(cmd.Example, "\n") {
			words := strings.Fields(strings.Split(line, "#")[0])
			if len(words) < 3 || words[0] != "gyrus" {
				t.Errorf("%s: example %q", verb, line)
				continue
			}
			of, rest, err := rootCommand().Find(words[1:])
			if err == nil {
				err = of.ParseFlags(rest)
			}
			if err != nil {
				t.Errorf("%s: example %q: %v", verb, line, err)
			}
		}
	}
}

// TestGuide runs the commands of docs/recordings.md and holds what they print against the page.
func TestGuide(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	page, err := os.ReadFile("../../docs/recordings.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"eeg/eegmmidb-s001/S001R04.edf", "eeg/eeglab/eeglab_data.set", "eeg/eeglab/eeglab_data.fdt"} {
		if err := os.Symlink(filepath.Join(data, name), filepath.Join(dir, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	ran := 0
	for i, block := range strings.Split(string(page), "```") {
		if i%2 == 0 || !strings.HasPrefix(block, "\n$ gyrus ") {
			continue
		}
		for _, step := range strings.Split(block, "\n$ gyrus ")[1:] {
			line, want, _ := strings.Cut(step, "\n")
			out, errs, status := gyrus(t, t.TempDir(), strings.Fields(line)...)
			if status != 0 {
				t.Fatalf("gyrus %s: %d %s", line, status, errs)
			}
			ran++
			rest, ok := strings.TrimRight(out, "\n"), true
			for k, part := range strings.Split("\n"+strings.Trim(want, "\n")+"\n", "\n...\n") {
				part = strings.Trim(part, "\n")
				at := strings.Index(rest, part)
				if at < 0 || k == 0 && at != 0 {
					ok = false
					break
				}
				rest = rest[at+len(part):]
			}
			if !ok || !strings.Contains("\n"+want, "\n...") && strings.Trim(rest, "\n") != "" {
				t.Errorf("gyrus %s printed\n%s\nand the page has\n%s", line, out, want)
			}
		}
	}
	if ran < 8 {
		t.Errorf("the page runs %d commands", ran)
	}
}
