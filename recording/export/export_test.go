package export

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/bids"
	_ "github.com/gyrus-dev/gyrus/recording/edf"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/recording/table"
)

func made(gaps ...recording.Gap) *recording.Recording {
	r := &recording.Recording{
		Channels: []recording.Channel{
			{Name: "Fz", Type: "eeg", Unit: "uV", Position: &[3]float64{0, 0.06, 0.07}},
			{Name: `left, "up"`, Type: "misc", Unit: "mV"},
		},
		Rate: 100, Frames: 1000, Start: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Gaps: gaps,
		Events: []recording.Event{{Onset: 1.5, Duration: 0.25, Label: "go"}, {Onset: 1.5, Label: "tick, tock"}, {Onset: 9, Label: "Übung"}},
	}
	data := make([]float32, 2000)
	for i := range data {
		data[i] = float32(50 * math.Sin(float64(i)/9))
	}
	r.Samples = recording.Memory{Data: data, Channels: 2}
	return r
}

func TestRecordingSurvives(t *testing.T) {
	for _, name := range []string{"a.edf", "a.bdf"} {
		path := filepath.Join(t.TempDir(), name)
		r := made()
		if err := Recording(path, r, Options{}); err != nil {
			t.Fatal(err)
		}
		back, err := recording.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		if back.Frames != r.Frames || back.Rate != r.Rate || !slices.Equal(back.Events, r.Events) || back.Channels[0].Unit != "uV" || back.Channels[0].Name != "Fz" {
			t.Errorf("%s: %+v", name, back)
		}
		x, err := back.Read(0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if math.Abs(float64(v-r.Samples.(recording.Memory).Data[i])) > 0.002 {
				t.Fatalf("%s: value %d is %v", name, i, v)
			}
		}
	}
}

func TestZip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	r := made(recording.Gap{Frame: 500, Seconds: 2})
	if err := Recording(path, r, Options{}); err != nil {
		t.Fatal(err)
	}
	f, err := numpy.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := func(name string) []string {
		a, err := f.Array(name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := recording.Values[string](a)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	data, err := f.Array("data")
	if err != nil {
		t.Fatal(err)
	}
	x, _ := data.RowMajor().Float32s()
	if !slices.Equal(data.Dims, []int{2, 1000}) || x[1000+7] != r.Samples.(recording.Memory).Data[15] {
		t.Errorf("data are %v", data)
	}
	if got := text("label"); !slices.Equal(got, []string{"go", "tick, tock", "Übung"}) {
		t.Errorf("labels %q", got)
	}
	if got := text("channels"); !slices.Equal(got, []string{"Fz", `left, "up"`}) {
		t.Errorf("channels %q", got)
	}
	gap, err := f.Array("gap_frame")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := gap.Float64s(); !slices.Equal(v, []float64{500}) {
		t.Errorf("gaps before %v", v)
	}
	if v := text("start"); v[0] != "2024-05-06T07:08:09Z" {
		t.Errorf("start %q", v)
	}
}

func TestTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	r := made(recording.Gap{Frame: 500, Seconds: 2})
	if err := Recording(path, r, Options{}); err != nil {
		t.Fatal(err)
	}
	got, err := table.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	when, err := got.Numbers("time (s)")
	if err != nil {
		t.Fatal(err)
	}
	fz, err := got.Numbers("Fz (uV)")
	if err != nil {
		t.Fatal(err)
	}
	if len(when) != 1000 || when[499] != 4.99 || when[500] != 7 || float32(fz[3]) != r.Samples.(recording.Memory).Data[6] {
		t.Errorf("%d rows, times %v and %v", len(when), when[499], when[500])
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if lines[0] != `time (s),Fz (uV),"left, ""up"" (mV)",event` || !strings.HasSuffix(lines[151], `,"go; tick, tock"`) || !strings.HasSuffix(lines[701], ",Übung") {
		t.Errorf("lines %q, %q, %q", lines[0], lines[151], lines[701])
	}
}

func TestNothingIsReplacedUnasked(t *testing.T) {
	for _, name := range []string{"a.edf", "a.npz", "a.csv"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		var own *recording.Error
		if err := Recording(path, made(), Options{}); !errors.As(err, &own) {
			t.Errorf("%s: %v", name, err)
		}
		if text, _ := os.ReadFile(path); string(text) != "mine" {
			t.Errorf("%s was replaced", name)
		}
		if err := Recording(path, made(), Options{Overwrite: true}); err != nil {
			t.Error(err)
		}
		broken := made()
		broken.Frames = 5000 // more than there are
		if err := Recording(path, broken, Options{Overwrite: true}); err == nil {
			t.Errorf("%s: half a recording was written", name)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
	if err := Recording("a.xyz", made(), Options{}); err == nil || !strings.Contains(err.Error(), ".bdf") {
		t.Errorf("an unknown ending: %v", err)
	}
}

// TestSmallUnits writes volts and teslas, whose numbers EDF's header cannot hold.
func TestSmallUnits(t *testing.T) {
	data := make([]float32, 3000)
	for i := range 1000 {
		data[3*i], data[3*i+1], data[3*i+2] = float32(50e-6*math.Sin(float64(i))), float32(2e-12*math.Cos(float64(i))), float32(i%4)
	}
	r := &recording.Recording{Rate: 100, Frames: 1000, Samples: recording.Memory{Data: data, Channels: 3},
		Channels: []recording.Channel{{Name: "Cz", Type: "eeg", Unit: "V"}, {Name: "MEG0111", Type: "mag", Unit: "T"}, {Name: "STIM", Type: "stim", Unit: "V"}}}
	path := filepath.Join(t.TempDir(), "a.bdf")
	if err := Recording(path, r, Options{}); err != nil {
		t.Fatal(err)
	}
	back, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	x, err := back.Read(0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if math.Abs(float64(x[3*i])-50*math.Sin(float64(i))) > 1e-4 || math.Abs(float64(x[3*i+1])-2000*math.Cos(float64(i))) > 1e-3 || x[3*i+2] != float32(i%4) {
			t.Fatalf("frame %d is %v", i, x[3*i:3*i+3])
		}
	}
	if back.Channels[0].Unit != "uV" || back.Channels[1].Unit != "fT" || r.Channels[0].Unit != "V" {
		t.Errorf("units %q and %q", back.Channels[0].Unit, back.Channels[1].Unit)
	}
}

// TestTypesAndPositions writes what EDF has no place for in labels and beside, and reads it again as from a data set of BIDS.
func TestTypesAndPositions(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, "sub-1", "eeg")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "dataset_description.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := made()
	r.Metadata = map[string]string{"session": "Startdate X lab me machine"}
	r.Channels = nil
	for _, c := range [][3]string{{"EEG 001", "eeg", "uV"}, {"Fz", "eog", "uV"}, {"left", "emg", "uV"}, {"V1", "ecg", "mV"}, {"0113", "grad", "T/m"}, {"0111", "mag", "T"}, {"T1", "stim", ""}, {"x", "misc", "%"}, {"EOG", "eeg", "uV"}} {
		r.Channels = append(r.Channels, recording.Channel{Name: c[0], Type: c[1], Unit: c[2]})
	}
	r.Channels[0].Position, r.Channels[5].Position = &[3]float64{-0.01, 0.0825, 1e-7}, &[3]float64{0.1, 0, 0.05}
	data := make([]float32, 9*1000)
	for i := range data {
		if data[i] = float32(i % 7); i%9 == 4 || i%9 == 5 {
			data[i] *= 1e-12
		}
	}
	r.Samples = recording.Memory{Data: data, Channels: 9}
	for _, ending := range []string{".edf", ".bdf"} {
		path := filepath.Join(folder, "sub-1_task-x_eeg"+ending)
		o := Options{Types: true, Positions: true}
		if err := Recording(path, r, o); err != nil {
			t.Fatal(err)
		}
		if lost := TypesLost(path, r, o); len(lost) > 0 {
			t.Errorf("%s loses the types %v", path, lost)
		}
		if lost := TypesLost(path, r, Options{}); len(lost) != 7 {
			t.Errorf("without types in labels %s loses %v", path, lost)
		}
		d, err := bids.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		back, err := d.Recording(d.Recordings()[0])
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range back.Channels {
			want := r.Channels[i]
			if c.Name != want.Name || c.Type != want.Type || (c.Position == nil) != (want.Position == nil) || c.Position != nil && *c.Position != *want.Position {
				t.Errorf("%s: channel %+v, want %+v", ending, c, want)
			}
		}
		if s := back.Metadata["session"]; s != "Startdate X lab me machine" && !strings.HasSuffix(s, "lab me machine") || strings.Contains(s, "labels") {
			t.Errorf("session %q", s)
		}
		back.Close()
		if err := Recording(path, r, o); err == nil || !strings.Contains(err.Error(), "exists") {
			t.Errorf("overwritten: %v", err)
		}
		for _, e := range []string{path, filepath.Join(folder, "sub-1_task-x_electrodes.tsv"), filepath.Join(folder, "sub-1_task-x_coordsystem.json")} {
			if err := os.Remove(e); err != nil {
				t.Error(err)
			}
		}
	}
	for i := range r.Channels {
		r.Channels[i].Position = nil
	}
	path := filepath.Join(folder, "b.edf")
	if err := Recording(path, r, Options{Positions: true}); err == nil || !strings.Contains(err.Error(), "no positions") {
		t.Errorf("no positions: %v", err)
	}
	r.Channels[0].Name = "a name of 13 b"
	if err := Recording(path, r, Options{Types: true}); err == nil || !strings.Contains(err.Error(), "at most 16 bytes") {
		t.Errorf("a long name: %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
