package nwb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

// list is what golden.py records of numbers or texts.
type list struct {
	N   int    `json:"n"`
	Sha string `json:"sha"`
}

type goldenColumn struct {
	Ragged   int    `json:"ragged"`
	Lengths  []list `json:"lengths"`
	Table    bool   `json:"table"`
	Compound int    `json:"compound"`
	Objects  *list  `json:"objects"`
	Values   *list  `json:"values"`
}

type goldenFile struct {
	Identifier  string  `json:"identifier"`
	Description string  `json:"description"`
	Start       float64 `json:"start"`
	Version     string  `json:"version"`
	Tables      map[string]struct {
		Rows    int                     `json:"rows"`
		IDs     list                    `json:"ids"`
		Columns map[string]goldenColumn `json:"columns"`
	} `json:"tables"`
	Series map[string]struct {
		Type       string   `json:"type"`
		Unit       string   `json:"unit"`
		Rate       *float64 `json:"rate"`
		Start      *float64 `json:"start"`
		Dims       []int    `json:"dims"`
		Raw        *list    `json:"raw"`
		Converted  *list    `json:"converted"`
		Timestamps *list    `json:"timestamps"`
		Rows       []int    `json:"rows"`
	} `json:"series"`
	Spikes []list `json:"spikes"`
}

func hash(b []byte, n int) list {
	sum := sha256.Sum256(b)
	return list{n, hex.EncodeToString(sum[:])[:16]}
}

func hashNumbers(x []float64) list {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return hash(b, len(x))
}

func hashTexts(x []string) list { return hash([]byte(strings.Join(x, "\n")), len(x)) }

func hashArray(t *testing.T, x *recording.Array) list {
	t.Helper()
	if texts, ok := x.Data.([]string); ok {
		return hashTexts(texts)
	}
	numbers, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return hashNumbers(numbers)
}

func golden(t *testing.T) map[string]goldenFile {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g map[string]goldenFile
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGolden holds every table and series of every file against what pynwb makes of it, bit for bit.
func TestGolden(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Log("GYRUS_DATA is not set: only made.nwb is read")
	}
	columns, series := 0, 0
	for name, want := range golden(t) {
		path := filepath.Join("testdata", name)
		if name != "made.nwb" {
			if path = filepath.Join(data, name); data == "" {
				continue
			}
		}
		t.Run(name, func(t *testing.T) {
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			start := float64(f.Start.UnixMicro()) / 1e6
			if f.Identifier != want.Identifier || f.Description != want.Description || f.Version != want.Version || math.Abs(start-want.Start) > 1e-5 || f.Reference.IsZero() {
				t.Errorf("%q %q %q %v, want %q %q %q %v", f.Identifier, f.Description, f.Version, start, want.Identifier, want.Description, want.Version, want.Start)
			}
			for _, path := range f.Tables() {
				if _, ok := want.Tables[path]; !ok {
					t.Errorf("table %s is not in the golden file", path)
				}
			}
			for path, w := range want.Tables {
				table, err := f.Table(path)
				if err != nil {
					t.Error(err)
					continue
				}
				ids := make([]float64, len(table.IDs))
				for i, id := range table.IDs {
					ids[i] = float64(id)
				}
				if table.Rows != w.Rows || hashNumbers(ids) != w.IDs || len(table.Columns) != len(w.Columns) {
					t.Errorf("%s: %d rows, %d columns; want %d, %d", path, table.Rows, len(table.Columns), w.Rows, len(w.Columns))
				}
				for name, wc := range w.Columns {
					compareColumn(t, table, name, wc)
					columns++
				}
			}
			for _, path := range f.SeriesPaths() {
				if _, ok := want.Series[path]; !ok {
					t.Errorf("series %s is not in the golden file", path)
				}
			}
			for path, w := range want.Series {
				s, err := f.Series(path)
				if err != nil {
					t.Error(err)
					continue
				}
				series++
				if s.Type != w.Type || s.data != nil && s.Unit != w.Unit || w.Rate != nil && (s.Rate != *w.Rate || s.StartingTime != *w.Start) || !slices.Equal(s.Rows, w.Rows) {
					t.Errorf("%s: %+v, want %+v", path, s, w)
				}
				if s.data != nil && !slices.Equal(s.Dims, w.Dims) {
					t.Errorf("%s: shape %v, want %v", path, s.Dims, w.Dims)
				}
				if s.data != nil && w.Raw != nil {
					for what, read := range map[*list]func(hdf5.Slab) (*recording.Array, error){w.Raw: s.Read, w.Converted: s.Converted} {
						if x, err := read(hdf5.Slab{}); err != nil || hashArray(t, x) != *what {
							t.Errorf("%s: values differ: %v, %v", path, x, err)
						}
					}
				}
				if w.Timestamps != nil {
					if at, err := s.Timestamps(); err != nil || hashNumbers(at) != *w.Timestamps {
						t.Errorf("%s: timestamps differ: %v", path, err)
					}
				}
			}
			if want.Spikes != nil {
				spikes, err := f.SpikeTimes()
				if err != nil || len(spikes) != len(want.Spikes) {
					t.Fatalf("%d units, %v; want %d", len(spikes), err, len(want.Spikes))
				}
				for i, s := range spikes {
					if hashNumbers(s) != want.Spikes[i] {
						t.Errorf("spikes of unit %d differ", i)
					}
				}
			}
		})
	}
	t.Logf("%d columns, %d series equal", columns, series)
	if columns < 26 || data != "" && (columns < 80 || series < 80) {
		t.Error("too few compared")
	}
}

func compareColumn(t *testing.T, table *Table, name string, want goldenColumn) {
	t.Helper()
	at := table.Path + "." + name
	c, err := table.Column(name)
	if err != nil {
		t.Error(err)
		return
	}
	if c.Ragged() != want.Ragged || (c.Table != "") != want.Table {
		t.Errorf("%s: ragged %d, rows of %q; want %+v", at, c.Ragged(), c.Table, want)
		return
	}
	for i, w := range want.Lengths {
		last := 0
		lengths := make([]float64, len(c.index[i]))
		for k, end := range c.index[i] {
			lengths[k] = float64(end - last)
			last = end
		}
		if hashNumbers(lengths) != w {
			t.Errorf("%s: lists of lengths %v", at, lengths)
		}
	}
	switch {
	case want.Values != nil:
		x, err := c.Array()
		if err != nil || hashArray(t, x) != *want.Values {
			t.Errorf("%s: values differ: %v, %v", at, x, err)
		}
	case want.Objects != nil:
		paths, err := c.Strings()
		for i, p := range paths {
			paths[i] = base(p)
		}
		if err != nil || hashTexts(paths) != *want.Objects {
			t.Errorf("%s: objects %v, %v", at, paths, err)
		}
	default:
		n := 0
		for i := range table.Rows {
			values, err := c.RowValues(i)
			if err != nil {
				t.Error(err)
			}
			n += len(values)
		}
		if n != want.Compound {
			t.Errorf("%s: %d elements, want %d", at, n, want.Compound)
		}
	}
}

func openMade(t *testing.T) *File {
	t.Helper()
	f, err := Open("testdata/made.nwb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestRows reads single rows of columns of every kind.
func TestRows(t *testing.T) {
	f := openMade(t)
	for _, c := range []struct {
		table, column string
		row           int
		want          string
	}{
		{"/intervals/trials", "choice", 1, "1 string [right]"},
		{"/intervals/trials", "licks", 0, "0 float64 []"},
		{"/intervals/trials", "licks", 2, "2 float64 [10.5 10.5]"},
		{"/intervals/epochs", "tags", 0, "2 string [first half]"},
		{"/units", "obs_intervals", 1, "2x2 float64 [0 10 12 20]"},
		{"/units", "electrodes", 1, "2 int64 [1 2]"},
		{"/units", "spike_times", 0, "0 float64 []"},
		{"/units", "spike_times", 3, "found a request for row 3, expected one of the 3 rows"},
		{"/units", "waveform_mean", 2, "1x4x2 float64"},
	} {
		table, err := f.Table(c.table)
		if err != nil {
			t.Fatal(err)
		}
		column, err := table.Column(c.column)
		if err != nil {
			t.Fatal(err)
		}
		x, err := column.Row(c.row)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(recording.FormatDims(x.Dims), " ", x.Type(), " ", x.Data)
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s %s %d: %s, want %s", c.table, c.column, c.row, got, c.want)
		}
	}
	units, err := f.Table("/units")
	if err != nil {
		t.Fatal(err)
	}
	waveforms, err := units.Column("waveforms")
	if err != nil {
		t.Fatal(err)
	}
	all, err := waveforms.Array()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range units.Rows {
		lists, err := waveforms.RowLists(i)
		if err != nil || len(lists) != i+1 {
			t.Fatalf("unit %d: %d lists, %v", i, len(lists), err)
		}
		for _, x := range lists {
			if !slices.Equal(x.Data.([]float64), all.Data.([]float64)[n:n+12]) || !slices.Equal(x.Dims, []int{3, 4}) {
				t.Errorf("unit %d: %v", i, x)
			}
			n += 12
		}
	}
	if ends := waveforms.Ends(); !slices.Equal(ends, []int{3, 9, 18}) {
		t.Errorf("ends %v", ends)
	}
	if _, err := waveforms.RowLists(9); err == nil || !strings.Contains(err.Error(), "row 9") {
		t.Error(err)
	}
	electrodes, err := units.Column("electrodes")
	if err != nil || electrodes.Table != "/general/extracellular_ephys/electrodes" {
		t.Errorf("%+v, %v", electrodes, err)
	}
	if _, err := electrodes.RowLists(0); err == nil || !strings.Contains(err.Error(), "ragged 1 times") {
		t.Error(err)
	}
	cells, err := f.Table("/processing/ophys/ImageSegmentation/cells")
	if err != nil {
		t.Fatal(err)
	}
	mask, err := cells.Column("pixel_mask")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := mask.RowValues(1); fmt.Sprint(got, err) != "[[{x 1} {y 0} {weight 0.5}] [{x 1} {y 1} {weight 1.5}]] <nil>" {
		t.Errorf("%v, %v", got, err)
	}
	trials, err := f.Table("/intervals/trials")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trials.Column("side"); err == nil || !strings.Contains(err.Error(), `no column "side", expected one of start_time, stop_time, choice, licks`) {
		t.Error(err)
	}
	if !trials.Has("choice") || trials.Has("side") || trials.Type != "TimeIntervals" {
		t.Errorf("%+v", trials)
	}
	if _, err := f.Table("/acquisition"); err == nil || !strings.Contains(err.Error(), "a group without colnames") {
		t.Error(err)
	}
}

// TestRecording reads series as recordings, whole and in parts.
func TestRecording(t *testing.T) {
	f := openMade(t)
	s, err := f.Series("/acquisition/raw")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Recording()
	if err != nil {
		t.Fatal(err)
	}
	if r.Rate != 200 || r.Frames != 400 || len(r.Gaps) != 0 || r.Start.Format("15:04:05.000") != "04:05:08.289" {
		t.Errorf("%+v", r)
	}
	want := []recording.Channel{{Name: "contact 1", Unit: "V"}, {Name: "contact 5", Unit: "V"}, {Name: "contact 3", Unit: "V"}}
	if !slices.Equal(r.Channels, want) {
		t.Errorf("channels %+v", r.Channels)
	}
	whole, err := s.Converted(hdf5.Slab{})
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	err = r.Blocks(func(block []float32, _ int64) error { got = append(got, block...); return nil })
	for i, v := range whole.Data.([]float64) {
		if got[i] != float32(v) {
			t.Fatalf("sample %d is %g, want %g", i, got[i], v)
		}
	}
	if err != nil || len(got) != 1200 {
		t.Errorf("%d samples, %v", len(got), err)
	}
	part, err := r.Read(123, 7)
	if err != nil || !slices.Equal(part, got[3*123:3*130]) {
		t.Errorf("%v, %v", part, err)
	}
	buffer := make([]float32, 30)
	if n, err := r.Samples.ReadFrames(buffer, 395); n != 5 || !errors.Is(err, io.EOF) || !slices.Equal(buffer[:15], got[3*395:]) {
		t.Errorf("%d frames, %v", n, err)
	}
	// Trials and epochs, in seconds after the first sample at 1.5 s.
	if len(r.Events) != 5 || r.Events[0] != (recording.Event{Onset: 0, Duration: 8.5, Label: "epochs"}) || r.Events[4] != (recording.Event{Onset: 12.5, Duration: 2, Label: "trials"}) {
		t.Errorf("events %+v", r.Events)
	}

	// Timestamps with a gap, and a series that borrows them.
	r, err = f.Recording("/processing/behavior/Position/position", "/processing/behavior/speed")
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(r.Rate-30) > 0.01 || r.Frames != 60 || len(r.Gaps) != 1 || r.Gaps[0].Frame != 40 || math.Abs(r.Gaps[0].Seconds-2) > 2e-3 {
		t.Errorf("%g Hz, gaps %+v", r.Rate, r.Gaps)
	}
	if len(r.Channels) != 3 || r.Channels[1] != (recording.Channel{Name: "position y", Unit: "m"}) || r.Channels[2] != (recording.Channel{Name: "speed", Unit: "m/s"}) {
		t.Errorf("channels %+v", r.Channels)
	}
	x, err := r.Read(10, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range []string{"/processing/behavior/Position/position", "/processing/behavior/speed"} {
		s, err := f.Series(path)
		if err != nil {
			t.Fatal(err)
		}
		values, err := s.Converted(hdf5.Slab{})
		if err != nil {
			t.Fatal(err)
		}
		if v := values.Data.([]float64); x[3+2*i] != float32(v[len(v)/60*11]) {
			t.Errorf("%s: %v", path, x)
		}
	}

	for _, c := range []struct {
		paths []string
		want  string
	}{
		{[]string{"/acquisition/licks"}, "timestamps at irregular distances"},
		{[]string{"/acquisition/notes"}, "samples of type text"},
		{[]string{"/acquisition/camera"}, "found samples 5x4x3"},
		{[]string{"/acquisition/film"}, "found samples 0x0x0"},
		{[]string{"/acquisition/raw", "/processing/ecephys/LFP/lfp"}, `expected 400 at 200 Hz from 1.5 s on, as "/acquisition/raw" has`},
		{[]string{"/units"}, "neither a starting time nor timestamps"},
		{nil, "no series asked for"},
	} {
		if _, err := f.Recording(c.paths...); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "made.nwb") {
			t.Errorf("%v: %v, want %s", c.paths, err, c.want)
		}
	}
	traces, err := f.Recording("/processing/ophys/Fluorescence/dff")
	if err != nil || traces.Channels[0].Name != "12" || traces.Channels[1].Name != "10" {
		t.Errorf("%+v, %v", traces, err)
	}
	film, err := f.Series("/acquisition/film")
	if err != nil || !slices.Equal(film.Files, []string{"film.avi"}) {
		t.Errorf("%+v, %v", film, err)
	}
	s, err = f.Series("/acquisition/raw")
	if err != nil {
		t.Fatal(err)
	}
	one, err := s.Converted(hdf5.Slab{Start: []int{5, 1}, Step: []int{100, 1}})
	if w := whole.Data.([]float64); err != nil || !slices.Equal(one.Data.([]float64)[:4], []float64{w[16], w[17], w[316], w[317]}) {
		t.Errorf("%v, %v", one, err)
	}
}

// TestRegular tells even timestamps from others.
func TestRegular(t *testing.T) {
	even := func(n int, step float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = 5 + float64(i)*step
		}
		return out
	}
	drift := even(1000, 0.1)
	for i := range drift {
		drift[i] += 0.04 * 0.1 * float64(max(0, i-500))
	}
	late := even(100, 0.1)
	for i := 50; i < 100; i++ {
		late[i] += 3
	}
	for _, c := range []struct {
		name string
		at   []float64
		rate float64
		gaps int
		ok   bool
	}{
		{"even", even(100, 0.01), 100, 0, true},
		{"a gap", late, 10, 1, true},
		{"two", []float64{0, 1}, 0, 0, false},
		{"equal", []float64{1, 1, 1, 1}, 0, 0, false},
		{"backwards", []float64{0, 1, 2, 1, 2, 3, 4}, 0, 0, false},
		{"not a number", []float64{0, 1, math.NaN(), 3, 4, 5}, 0, 0, false},
		{"endless", []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, math.Inf(1)}, 0, 0, false},
		{"drifting", drift, 0, 0, false},
		{"mostly gaps", []float64{0, 1, 2, 3, 9, 10, 20}, 0, 0, false},
	} {
		rate, gaps, ok := regular(c.at)
		if ok != c.ok || ok && (math.Abs(rate-c.rate) > 1e-6 || len(gaps) != c.gaps) {
			t.Errorf("%s: %g, %v, %v", c.name, rate, gaps, ok)
		}
	}
}

// TestFormat opens files through package recording.
func TestFormat(t *testing.T) {
	r, err := recording.Open("testdata/made.nwb")
	if err == nil || !strings.Contains(err.Error(), "found 2 series of different timing: /acquisition/raw, /processing/ecephys/LFP/lfp") {
		t.Errorf("%v, %v", r, err)
	}
	d, err := recording.Inspect("testdata/made.nwb")
	if err != nil {
		t.Fatal(err)
	}
	text := d.String()
	for _, want := range []string{"Neurodata Without Borders 2.", "species:", "Mus musculus", "/units", "lists of float64", "lists of lists of float64", "rows of /general/extracellular_ephys/electrodes",
		"left, right, left, right", "ElectricalSeries", "200 Hz, volts", "1 files elsewhere: film.avi", "5x4x3",
		"GrayscaleImage", "a ramp"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description lacks %q:\n%s", want, text)
		}
	}
	if len(d.Warnings) > 0 {
		t.Errorf("warnings %q", d.Warnings)
	}
	x, err := recording.Arrays("testdata/made.nwb", "/acquisition/pictures/grey")
	if text := fmt.Sprint(x, err); text != "[/acquisition/pictures/grey 3x4 uint8] <nil>" {
		t.Error(text)
	}
	x, err = recording.Arrays("testdata/made.nwb", "/intervals/trials/start_time", "/acquisition/raw", "acquisition/licks/timestamps")
	if text := fmt.Sprint(x, err); text != "[/intervals/trials/start_time 4 float64 /acquisition/raw 400x3 float64 acquisition/licks/timestamps 4 float64] <nil>" {
		t.Error(text)
	}
	if x, err = recording.Arrays("testdata/made.nwb"); err != nil || len(x) < 30 {
		t.Errorf("%d arrays, %v", len(x), err)
	}
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		return
	}
	r, err = recording.Open(filepath.Join(data, "spikes/celegans-scholz/ScholzEtAl2018.AML175_moving.BrainScanner20180223_141721.nwb"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.Channels) != 64 || r.Frames != 2244 || math.Abs(r.Rate-6) > 0.01 || len(r.Gaps) != 7 {
		t.Errorf("%d channels, %d frames, %g Hz, %d gaps", len(r.Channels), r.Frames, r.Rate, len(r.Gaps))
	}
}

// TestRefused opens what is no NWB 2.
func TestRefused(t *testing.T) {
	for name, want := range map[string]string{
		"../hdf5/testdata/made-example.h5": "found an HDF5 file without nwb_version",
		"testdata/golden.py":               "no HDF5 signature",
		"testdata/made-1.nwb":              "found a file of NWB 1, expected NWB 2",
	} {
		if _, err := Open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// readAll reads everything of a file.
func readAll(t *testing.T, content []byte) {
	f, err := NewFile(bytes.NewReader(content), int64(len(content)), "test.nwb")
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	note(err)
	if err == nil {
		for _, path := range f.Tables() {
			table, err := f.Table(path)
			note(err)
			if err != nil {
				continue
			}
			for _, c := range table.Columns {
				_, err := c.Strings()
				if err == nil {
					continue
				}
				for i := range min(table.Rows, 5) {
					_, err := c.RowValues(i)
					note(err)
				}
			}
		}
		for _, path := range f.SeriesPaths() {
			_, err := f.Recording(path)
			note(err)
		}
		if len(f.Tables()) > 0 {
			_, err := f.SpikeTimes()
			note(err)
		}
		f.main()
	}
	for _, err := range errs {
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			t.Errorf("%v is not a *recording.Error", err)
		}
	}
}

// TestDamaged changes bytes: content or an error, and nothing else.
func TestDamaged(t *testing.T) {
	whole, err := os.ReadFile("testdata/made.nwb")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 150 {
		content := bytes.Clone(whole)
		for k := range 40 {
			at := (i*7919 + k*104729) % len(content)
			if content[at] != 0 {
				content[at] = byte(i * k)
			}
		}
		readAll(t, content)
	}
}

func FuzzFile(f *testing.F) {
	whole, err := os.ReadFile("testdata/made-1.nwb")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	if whole, err = os.ReadFile("testdata/made-small.nwb"); err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(readAll)
}

func Example() {
	f, err := Open("testdata/made.nwb")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	spikes, err := f.SpikeTimes()
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, s := range spikes {
		fmt.Printf("unit %d: %d spikes\n", i, len(s))
	}
	trials, err := f.Table("/intervals/trials")
	if err != nil {
		fmt.Println(err)
		return
	}
	choice, err := trials.Column("choice")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(choice.Strings())
	// Output:
	// unit 0: 0 spikes
	// unit 1: 5 spikes
	// unit 2: 10 spikes
	// [left right left right] <nil>
}
