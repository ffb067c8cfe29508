package eeglab

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

// TestGolden holds continuous datasets against what MNE-Python sees in them.
func TestGolden(t *testing.T) {
	for name, want := range recordtest.Load(t) {
		if want.Extra != nil {
			continue // epochs
		}
		t.Run(name, func(t *testing.T) {
			path := recordtest.Data(t, name)
			if strings.HasSuffix(name, "h5.set") {
				path = withSamples(t, path, want.Frames, int64(len(want.Names)))
			}
			r, err := recording.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for i, n := range want.Names {
				if strings.HasPrefix(n, "EOG") {
					want.Types[i] = "eog" // MNE wants to be told
				}
			}
			want.Check(t, r)
		})
	}
}

// withSamples copies a .set whose samples are missing, and gives it the samples that golden.py made up.
func withSamples(t *testing.T, path string, frames, channels int64) string {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fdt []byte
	for f := range frames {
		for c := range channels {
			fdt = binary.LittleEndian.AppendUint32(fdt, math.Float32bits(float32(100*f+c)))
		}
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"x.set": content, "x.fdt": fdt} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "x.set")
}

// TestEpochs compares epochs with what MNE-Python sees.
func TestEpochs(t *testing.T) {
	const name = "eeg/formats/eeglab/test_epochs_onefile.set"
	want := recordtest.Load(t)[name]
	var extra struct {
		Begin  float64
		Labels []string
		Shape  []int
		Data   []float64
	}
	if err := json.Unmarshal(want.Extra, &extra); err != nil {
		t.Fatal(err)
	}
	f, err := Open(recordtest.Data(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e, err := f.Epochs()
	if err != nil {
		t.Fatal(err)
	}
	if got := []int{len(e.Labels), len(e.Channels), e.Samples}; !slices.Equal(got, extra.Shape) || e.Begin != extra.Begin || e.Rate != want.Rate {
		t.Fatalf("%v from %g s at %g Hz, want %v, %g, %g", got, e.Begin, e.Rate, extra.Shape, extra.Begin, want.Rate)
	}
	for i, x := range e.Data {
		if math.Abs(float64(x)-extra.Data[i]) > 1e-5 {
			t.Fatalf("number %d is %v, want %v", i, x, extra.Data[i])
		}
	}
	for i, events := range e.Events {
		var labels []string
		for _, v := range events {
			labels = append(labels, v.Label)
		}
		if got := strings.Join(labels, "/"); got != extra.Labels[i] {
			t.Errorf("epoch %d has events %q, want %q", i, got, extra.Labels[i])
		}
	}
	// EEG.epoch.eventlatency of the file has its zeros at these.
	if want := []string{"S255", "S  8", "S255", "S  9"}; !slices.Equal(e.Labels, want) {
		t.Errorf("labels %q, want %q", e.Labels, want)
	}
	if _, err := f.Recording(); err == nil || !strings.Contains(err.Error(), "File.Epochs") {
		t.Errorf("as a recording: %v", err)
	}
	a, err := recording.Arrays(recordtest.Data(t, name), "labels", "data")
	if err != nil || len(a) != 2 || !slices.Equal(a[1].Dims, extra.Shape) {
		t.Errorf("%v, %v", a, err)
	}
	d, err := recording.Inspect(recordtest.Data(t, name))
	if err != nil || d.Format != "eeglab" || !strings.Contains(d.String(), "4, of 8 samples from -0.06 s on") {
		t.Errorf("%v, %v", d, err)
	}
}

// TestEpochLabels looks for the type of the event at time 0 in each epoch.
func TestEpochLabels(t *testing.T) {
	f, err := made{trials: 2, samples: 4}.open("x.set")
	if err != nil {
		t.Fatal(err)
	}
	e, err := f.Epochs()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"go", "7"}; !slices.Equal(e.Labels, want) {
		t.Errorf("labels %q, want %q", e.Labels, want)
	}
	if want := []recording.Event{{Onset: 0.01, Duration: 0.02, Label: "boundary"}}; !slices.Equal(e.Events[1][1:], want) {
		t.Errorf("events of the second epoch %v, want %v behind the first", e.Events[1], want)
	}
	if e.Data[4] != 100 || e.Data[8] != 8 || e.Begin != -0.01 {
		t.Errorf("data %v from %g s", e.Data, e.Begin)
	}
}

// made is a dataset as a test wants it, written as a MAT-file of level 5: two channels, at 100 Hz, three events.
type made struct {
	trials, samples int
	nbchan          float64 // 0 for 2
	srate           float64 // 0 for 100
	flat            bool    // fields as variables
	fdt             string  // name of a file of samples; empty for samples inside
	order           string  // "planar" for channel after channel in the file
	short           int     // bytes that are missing from it
	labels          int     // names of channels; 0 for 2
}

// The MAT-file of level 5, as far as it is needed.
func element(kind uint32, data []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	return append(b, make([]byte, (8-len(data)%8)%8)...)
}

func words(v ...int) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return b
}

func matrix(name string, class int, dims []int, content ...[]byte) []byte {
	body := slices.Concat(element(6, words(class, 0)), element(5, words(dims...)), element(1, []byte(name)), bytes.Join(content, nil))
	return element(14, body)
}

func double(name string, dims []int, v ...float64) []byte {
	b, _ := binary.Append(nil, binary.LittleEndian, v)
	return matrix(name, 6, dims, element(9, b))
}

func char(name, s string) []byte { return matrix(name, 4, []int{1, len(s)}, element(16, []byte(s))) }

func structure(name string, fields []string, values ...[]byte) []byte {
	var names []byte
	for _, f := range fields {
		names = append(names, append([]byte(f), make([]byte, 32-len(f))...)...)
	}
	return matrix(name, 2, []int{1, len(values) / len(fields)}, element(5, words(32)), element(1, names), bytes.Join(values, nil))
}

func (m made) files() map[string][]byte {
	one := []int{1, 1}
	if m.nbchan == 0 {
		m.nbchan = 2
	}
	if m.srate == 0 {
		m.srate = 100
	}
	if m.labels == 0 {
		m.labels = 2
	}
	total := m.trials * m.samples
	x := make([]float64, 2*total)
	for i := range total {
		x[2*i], x[2*i+1] = float64(i), float64(100+i)
		if m.trials > 1 && i >= m.samples {
			x[2*i] = float64(2 * i)
		}
	}
	files := map[string][]byte{}
	dataOf := func(name string) []byte { return double(name, []int{2, m.samples, m.trials}, x...) }
	if m.fdt != "" {
		dataOf = func(name string) []byte { return char(name, m.fdt) }
		var b []byte
		for i := range x {
			v := x[i]
			if m.order == "planar" {
				v = x[i%total*2+i/total]
			}
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		}
		files[m.fdt] = b[:len(b)-m.short]
	}
	var locs [][]byte
	for i := range m.labels {
		empty := double("", []int{0, 0})
		locs = append(locs, char("", fmt.Sprint("C", i+3)), double("", one, float64(i)), double("", one, 0), double("", one, 85), empty)
	}
	event := func(kind []byte, latency, duration, epoch float64) [][]byte {
		return [][]byte{kind, double("", one, latency), double("", one, duration), double("", one, epoch)}
	}
	events := slices.Concat(event(char("", "go"), 2, 0, 1), event(double("", one, 7), float64(m.samples+2), 1, 2), event(char("", "boundary"), float64(m.samples+3), 2, 2))
	if m.trials == 1 {
		events = slices.Concat(event(char("", "go"), 2, 0, 1), event(char("", "boundary"), 3.5, 50, 1), event(double("", one, 7), 5, 1, 1), event(double("", one, 8), math.NaN(), 1, 1))
	}
	fields := map[string]func(name string) []byte{
		"setname": func(n string) []byte { return char(n, "made") },
		"nbchan":  func(n string) []byte { return double(n, one, m.nbchan) },
		"trials":  func(n string) []byte { return double(n, one, float64(m.trials)) },
		"pnts":    func(n string) []byte { return double(n, one, float64(m.samples)) },
		"srate":   func(n string) []byte { return double(n, one, m.srate) },
		"xmin":    func(n string) []byte { return double(n, one, -0.01) },
		"data":    dataOf,
		"chanlocs": func(n string) []byte {
			return structure(n, []string{"labels", "X", "Y", "Z", "type"}, locs...)
		},
		"event": func(n string) []byte {
			return structure(n, []string{"type", "latency", "duration", "epoch"}, events...)
		},
	}
	order := []string{"setname", "nbchan", "trials", "pnts", "srate", "xmin", "data", "chanlocs", "event"}
	head := make([]byte, 128)
	copy(head, "MATLAB 5.0 MAT-file, made by a test")
	head[125], head[126], head[127] = 1, 'I', 'M'
	var values [][]byte
	for _, name := range order {
		if m.flat {
			head = append(head, fields[name](name)...)
		}
		values = append(values, fields[name](""))
	}
	if !m.flat {
		head = append(head, structure("EEG", order, values...)...)
	}
	files["x.set"] = head
	return files
}

func (m made) open(path string) (*File, error) { return openIn(m.files(), path) }

func openIn(files map[string][]byte, path string) (*File, error) {
	return open(path, func(path string) (*records.File, error) {
		if b, ok := files[path]; ok {
			return records.InMemory(b, path), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	})
}

// TestMade reads the same continuous dataset stored in every way.
func TestMade(t *testing.T) {
	for name, m := range map[string]made{
		"struct": {}, "flat": {flat: true}, "fdt": {fdt: "x.fdt"}, "fdt elsewhere": {fdt: "x.fdt", flat: true}, "transposed": {fdt: "x.dat", order: "planar"},
	} {
		t.Run(name, func(t *testing.T) {
			m.trials, m.samples = 1, 6
			f, err := m.open("x.set")
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.Recording()
			if err != nil {
				t.Fatal(err)
			}
			x, err := r.Read(1, 3)
			if want := []float32{1, 101, 2, 102, 3, 103}; err != nil || !slices.Equal(x, want) || r.Frames != 6 || r.Rate != 100 {
				t.Errorf("%v, %v, want %v; %d frames, %g Hz", x, err, want, r.Frames, r.Rate)
			}
			if want := []recording.Event{{Onset: 0.01, Label: "go"}, {Onset: 0.025, Duration: 0.5, Label: "boundary"}, {Onset: 0.54, Duration: 0.01, Label: "7"}}; !slices.EqualFunc(r.Events, want, nearEvent) {
				t.Errorf("events %v, want %v", r.Events, want)
			}
			if len(r.Gaps) != 1 || r.Gaps[0] != (recording.Gap{Frame: 3, Seconds: 0.5}) {
				t.Errorf("gaps %v", r.Gaps)
			}
			if c := r.Channels[1]; c.Name != "C4" || c.Type != "eeg" || *c.Position != [3]float64{0, 0.001, 0.085} {
				t.Errorf("%+v at %v", c, *c.Position)
			}
		})
	}
}

func nearEvent(a, b recording.Event) bool {
	return math.Abs(a.Onset-b.Onset) < 1e-12 && math.Abs(a.Duration-b.Duration) < 1e-12 && a.Label == b.Label
}

func TestLies(t *testing.T) {
	lie := func(name string, m made, want string) {
		t.Helper()
		if m.trials == 0 {
			m.trials, m.samples = 1, 6
		}
		files := m.files()
		recordtest.Lies(t, func(b []byte) (*recording.Recording, error) {
			files["x.set"] = b
			f, err := openIn(files, "x.set")
			if err != nil {
				return nil, err
			}
			return f.Recording()
		}, []recordtest.Lie{{Name: name, Content: files["x.set"], Want: want}})
	}
	lie("more channels", made{nbchan: 3}, "2x6x1 numbers, expected 3 channels")
	lie("a million channels", made{nbchan: 1e6}, "expected 1000000 channels")
	lie("half a channel", made{nbchan: 1.5}, "a whole number")
	lie("negative channels", made{nbchan: -1}, "a whole number")
	lie("too many channels", made{nbchan: 1e12, fdt: "x.fdt"}, "1000000000000 channels")
	lie("absurd rate", made{srate: 1e30}, "a sampling rate")
	lie("no rate", made{srate: math.NaN()}, "a sampling rate")
	lie("names missing", made{labels: 1}, "1 labels, expected one for each of 2 channels")
	lie("short file", made{fdt: "x.fdt", short: 1}, "a file of 47 bytes, expected 48")
	lie("epochs", made{trials: 2, samples: 4}, "2 epochs, expected continuous data")
	if _, err := openIn(map[string][]byte{"x.set": made{trials: 1, samples: 2, fdt: "x.fdt"}.files()["x.set"]}, "x.set"); err == nil || !strings.Contains(err.Error(), "put it beside the .set") {
		t.Errorf("no samples: %v", err)
	}
	head := made{trials: 1, samples: 2}.files()["x.set"][:128]
	if _, err := openIn(map[string][]byte{"x.set": append(head, double("ALLEEG", []int{1, 1}, 1)...)}, "x.set"); err == nil || !strings.Contains(err.Error(), "save each dataset on its own") {
		t.Errorf("ALLEEG: %v", err)
	}
}

// read opens a .set in memory, with an .fdt beside it, as a recording.
func read(content []byte) (*recording.Recording, error) {
	f, err := openIn(map[string][]byte{"x.set": content, "x.fdt": make([]byte, 64)}, "x.set")
	if err != nil {
		return nil, err
	}
	if f.Trials > 1 {
		if _, err := f.Epochs(); err != nil {
			return nil, err
		}
	}
	return f.Recording()
}

func TestCut(t *testing.T) {
	for _, m := range []made{{trials: 1, samples: 6}, {trials: 1, samples: 6, flat: true}, {trials: 2, samples: 3, fdt: "x.fdt"}} {
		whole := m.files()["x.set"]
		recordtest.Cut(t, read, whole, len(whole), 1)
		recordtest.Damage(t, read, whole, 600)
	}
}

func FuzzRead(f *testing.F) {
	for _, m := range []made{{trials: 1, samples: 6}, {trials: 1, samples: 6, flat: true}, {trials: 2, samples: 3, fdt: "x.fdt"}} {
		f.Add(m.files()["x.set"])
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := recordtest.Everything(read, content); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "eeglab")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "x.set")
	if err := os.WriteFile(path, made{trials: 2, samples: 4}.files()["x.set"], 0o644); err != nil {
		fmt.Println(err)
		return
	}
	f, err := Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	e, err := f.Epochs()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(e.Labels), "epochs of", len(e.Channels), "channels and", e.Samples, "samples from", e.Begin, "s on")
	fmt.Printf("%q\n", e.Labels)
	// Output:
	// 2 epochs of 2 channels and 4 samples from -0.01 s on
	// ["go" "7"]
}
