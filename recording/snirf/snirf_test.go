package snirf

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

// golden is what golden.py records of a file.
type golden struct {
	Names     []string     `json:"names"`
	Types     []string     `json:"types"`
	Rate      float64      `json:"rate"`
	Frames    int64        `json:"frames"`
	Positions [][3]float64 `json:"positions"`
	Start     float64      `json:"start"`
	Sha       string       `json:"sha"`
	Events    [][3]any     `json:"events"`
}

// TestGolden holds recordings against what MNE-Python makes of the same files, samples bit for bit.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 {
		t.Errorf("%d files in the golden file", len(all))
	}
	for name, want := range all {
		path := filepath.Join("testdata", name)
		if !strings.HasPrefix(name, "made-") {
			data := os.Getenv("GYRUS_DATA")
			if data == "" {
				t.Log("GYRUS_DATA is not set: " + name + " is skipped")
				continue
			}
			path = filepath.Join(data, name)
		}
		t.Run(name, func(t *testing.T) {
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r, err := f.Recording()
			if err != nil {
				t.Fatal(err)
			}
			// MNE-Python leaves out auxiliary signals, and counts onsets from the start of the clock instead of the first sample.
			late := f.Runs[0].Data[0].Start
			start := float64(r.Start.UnixMicro())/1e6 - late
			if math.Abs(r.Rate-want.Rate) > 1e-9 || r.Frames != want.Frames || math.Abs(start-want.Start) > 1e-5 {
				t.Errorf("%g Hz, %d frames, start %v; want %g, %d, %v", r.Rate, r.Frames, start, want.Rate, want.Frames, want.Start)
			}
			for i, name := range want.Names {
				c := r.Channels[i]
				if c.Name != name || c.Type != want.Types[i] || c.Position == nil {
					t.Fatalf("channel %+v, want %s %s", c, name, want.Types[i])
				}
				for k, x := range c.Position {
					if math.Abs(x-want.Positions[i][k]) > 1e-8 {
						t.Errorf("%s at %v, want %v", name, *c.Position, want.Positions[i])
					}
				}
			}
			x, err := r.Read(0, int(r.Frames))
			if err != nil {
				t.Fatal(err)
			}
			var b []byte
			for i, v := range x {
				if i%len(r.Channels) < len(want.Names) {
					b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
				}
			}
			if sum := sha256.Sum256(b); hex.EncodeToString(sum[:])[:16] != want.Sha {
				t.Errorf("samples differ: %v", x[:8])
			}
			if len(r.Events) != len(want.Events) {
				t.Fatalf("events %v, want %v", r.Events, want.Events)
			}
			for i, e := range r.Events {
				w := want.Events[i]
				ends := min(e.Onset+late+e.Duration, float64(want.Frames)/want.Rate) // where MNE-Python cuts events off
				if math.Abs(e.Onset+late-w[0].(float64)) > 1e-6 || math.Abs(ends-e.Onset-late-w[1].(float64)) > 1e-6 || e.Label != w[2] {
					t.Errorf("event %+v, want %v", e, w)
				}
			}
		})
	}
}

// TestAux reads auxiliary signals: those sampled with the data as channels, the others on their own.
func TestAux(t *testing.T) {
	f, err := Open("testdata/made-cw.snirf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := f.Recording()
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Channels) != 7 || r.Channels[4] != (recording.Channel{Name: "accelerometer 1", Type: "misc", Unit: "g"}) || r.Channels[0].Unit != "V" {
		t.Fatalf("channels %+v", r.Channels)
	}
	x, err := r.Read(10, 2)
	if err != nil || !slices.Equal(x[4:7], []float32{30, 31, 32}) || !slices.Equal(x[11:], []float32{33, 34, 35}) {
		t.Errorf("%v, %v", x, err)
	}
	buffer := make([]float32, 70)
	if n, err := r.Samples.ReadFrames(buffer, 115); n != 5 || !errors.Is(err, io.EOF) || buffer[4] != 345 {
		t.Errorf("%d frames, %v, %v", n, err, buffer)
	}
	pulse := f.Runs[0].Aux[1]
	if pulse.Name != "pulse" || math.Abs(pulse.Rate-50) > 1e-9 || pulse.Frames != 600 || pulse.Start != 0.5 {
		t.Errorf("%+v", pulse)
	}
	if x, err := pulse.Read(hdf5.Slab{Start: []int{598}}); err != nil || !slices.Equal(x.Data.([]float64), []float64{598, 599}) {
		t.Errorf("%v, %v", x, err)
	}
}

// TestLists reads the measurement list of version 1.1, which says the same in another way.
func TestLists(t *testing.T) {
	var all [2]*recording.Recording
	for i, name := range []string{"made-cw.snirf", "made-lists.snirf"} {
		f, err := Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if all[i], err = f.Recording(); err != nil {
			t.Fatal(err)
		}
		if f.Version != "1.1" || len(f.Runs[0].Sources) != 2 || f.Runs[0].Sources[1].Label != "S2" || !slices.Equal(f.Runs[0].Wavelengths, []float64{760, 850}) {
			t.Errorf("%+v", f.Runs[0])
		}
	}
	for i, c := range all[1].Channels {
		w := all[0].Channels[i]
		for k := range 3 {
			if math.Abs(c.Position[k]-w.Position[k]) > 1e-12 {
				t.Errorf("%+v at %v, want %v", c, *c.Position, *w.Position)
			}
		}
		c.Position, w.Position = nil, nil
		if c != w {
			t.Errorf("%+v, want %+v", c, w)
		}
	}
	if len(all[1].Channels) != 4 || math.Abs(all[1].Rate-all[0].Rate) > 1e-9 || !all[1].Start.Equal(all[0].Start) {
		t.Errorf("%+v", all[1])
	}
}

// TestRuns reads a file of two runs.
func TestRuns(t *testing.T) {
	f, err := Open("testdata/made-two.snirf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Runs) != 2 {
		t.Fatalf("%d runs", len(f.Runs))
	}
	if _, err := f.Recording(); err == nil || !strings.Contains(err.Error(), "found 2 blocks of data /nirs1/data1, /nirs2/data1, expected one") {
		t.Error(err)
	}
	r, err := f.Runs[1].Data[0].Recording()
	if err != nil || r.Frames != 20 || r.Channels[3].Name != "S2_D2 850" {
		t.Errorf("%+v, %v", r, err)
	}
	d, err := recording.Inspect("testdata/made-two.snirf")
	if err != nil || len(d.Items) != 2 || d.Items[1].Name != "/nirs2/data1" || !slices.Equal(d.Items[1].Dims, []int{20, 4}) {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestFormat opens and describes a file through package recording.
func TestFormat(t *testing.T) {
	r, err := recording.Open("testdata/made-hb.snirf")
	if err != nil {
		t.Fatal(err)
	}
	if r.Channels[1].Type != "hbr" || r.Metadata["SubjectID"] != "s1" {
		t.Errorf("%+v", r)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(0, 1); err == nil {
		t.Error("a closed recording is read")
	}
	d, err := recording.Inspect("testdata/made-cw.snirf")
	if err != nil {
		t.Fatal(err)
	}
	text := d.String()
	for _, want := range []string{"SNIRF 1.1", "2 sources, 2 detectors, wavelengths [760 850] nm", "pulse, 600 frames at 50 Hz", "S1_D1 760", "fnirs_cw_amplitude"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description lacks %q:\n%s", want, text)
		}
	}
}

// TestHostile reads files that contradict themselves.
func TestHostile(t *testing.T) {
	whole, err := os.ReadFile("testdata/made-cw.snirf")
	if err != nil {
		t.Fatal(err)
	}
	double := func(x float64) string {
		return string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
	}
	swap := func(old, new string) []byte {
		t.Helper()
		if !bytes.Contains(whole, []byte(old)) {
			t.Fatalf("no %q in the file", old)
		}
		return bytes.Replace(whole, []byte(old), []byte(new), 1)
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"other HDF5", swap("nirs\x00", "mirs\x00"), "found no group nirs"},
		{"unit of length", swap("mm\x00", "ft\x00"), `"/nirs/metaDataTags/LengthUnit": found "ft", expected m, cm or mm`},
		{"standing clock", swap(double(0.5)+double(0.1), double(0.5)+double(0)), `"/nirs/data1/time": found a start at 0.5 and a distance of 0`},
		{"no number", swap(double(0.5)+double(0.1), double(math.NaN())+double(0.1)), "found a start at NaN"},
	} {
		_, err := NewFile(bytes.NewReader(c.content), int64(len(c.content)), "test.snirf")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	for i := range 200 {
		content := bytes.Clone(whole)
		for k := range 20 {
			at := (i*7919 + k*104729) % len(content)
			if content[at] != 0 {
				content[at] = byte(i * k)
			}
		}
		readAll(t, content)
	}
}

func readAll(t *testing.T, content []byte) {
	f, err := NewFile(bytes.NewReader(content), int64(len(content)), "test.snirf")
	if err == nil {
		for _, run := range f.Runs {
			for _, d := range run.Data {
				var r *recording.Recording
				if r, err = d.Recording(); err == nil {
					_, err = r.Read(0, int(min(r.Frames, 100)))
				}
			}
		}
	}
	var own *recording.Error
	if err != nil && !errors.As(err, &own) {
		t.Errorf("%v is not a *recording.Error", err)
	}
}

func FuzzFile(f *testing.F) {
	for _, name := range []string{"made-lists.snirf", "made-hb.snirf"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(readAll)
}

func Example() {
	f, err := Open("testdata/made-cw.snirf")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	r, err := f.Recording()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%g %s %.3f\n", r.Rate, r.Channels[0].Name, *r.Channels[0].Position)
	for _, e := range r.Events {
		fmt.Println(e.Label, e.Onset, e.Duration)
	}
	// Output:
	// 10 S1_D1 760 [0.015 0.085 0.025]
	// tapping 2 5
	// rest 5 2
	// tapping 7.5 5
}

// TestFrequencyDomain names amplitudes and phases by wavelength and modulation.
func TestFrequencyDomain(t *testing.T) {
	r, err := recording.Open("testdata/made-fd.snirf")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for _, c := range r.Channels {
		got = append(got, fmt.Sprint(c.Name, "/", c.Type, "/", c.Unit))
	}
	want := []string{"S1_D2 760/fnirs_cw_amplitude/V", "S1_D2 850/fnirs_cw_amplitude/V",
		"S1_D2 760 110 MHz ac/fnirs_fd_ac_amplitude/V", "S1_D2 850 110 MHz ac/fnirs_fd_ac_amplitude/V", "S1_D2 760 110 MHz phase/fnirs_fd_phase/deg", "S1_D2 850 110 MHz phase/fnirs_fd_phase/deg",
		"S1_D2 760 141.5 MHz ac/fnirs_fd_ac_amplitude/V", "S1_D2 850 141.5 MHz ac/fnirs_fd_ac_amplitude/V", "S1_D2 760 141.5 MHz phase/fnirs_fd_phase/deg", "S1_D2 850 141.5 MHz phase/fnirs_fd_phase/deg"}
	if !slices.Equal(got, want) {
		t.Errorf("channels\n%q, want\n%q", got, want)
	}
	x, err := r.Read(29, 1)
	if err != nil || r.Rate != 50 || x[4] != 294.0/8 {
		t.Errorf("%v at %g Hz, %v", x, r.Rate, err)
	}
	f, err := Open("testdata/made-fd.snirf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c := f.Runs[0].Data[0].Channels[9]; c.Frequency != 141.5e6 || c.Wavelength != 850 || !slices.Equal(f.Runs[0].Frequencies, []float64{110e6, 141.5e6}) {
		t.Errorf("%+v of %v", c, f.Runs[0].Frequencies)
	}
	// One frequency needs no name; a number beyond those of the probe is refused.
	run := &Run{Wavelengths: []float64{760}, Frequencies: []float64{110e6}, f: &File{path: "x.snirf"}}
	c, err := run.channel("/nirs", [6]float64{1, 1, 1, 0, 102, 1}, "", "rad")
	if err != nil || run.described(c).Name != "S1_D1 760 phase" {
		t.Errorf("%+v, %v", run.described(c), err)
	}
	if _, err := run.channel("/nirs", [6]float64{1, 1, 1, 0, 101, 2}, "", ""); err == nil || !strings.Contains(err.Error(), "found frequency 2, expected one of the 1 of the probe") {
		t.Error(err)
	}
}
