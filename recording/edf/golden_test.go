package edf

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

// TestGolden holds labels, rates, events and samples of real files against what MNE-Python sees.
func TestGolden(t *testing.T) {
	for name, want := range recordtest.Load(t) {
		t.Run(name, func(t *testing.T) {
			path := recordtest.Data(t, name)
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.Recording()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if len(f.Signals) != len(want.Signals) {
				t.Fatalf("%d signals, want %d", len(f.Signals), len(want.Signals))
			}
			even := true
			for i, s := range want.Signals {
				if d := f.Signals[i].Rate - s.Rate; d > 1e-9 || d < -1e-9 {
					t.Errorf("signal %d runs at %g Hz, want %g", i, f.Signals[i].Rate, s.Rate)
				}
				even = even && s.N == want.Frames
				x := make([]float64, f.Samples(i)+1)
				n, err := f.ReadSignal(i, x, 0)
				if err != io.EOF {
					t.Fatal(err)
				}
				if err := s.Check(x[:n]); err != nil {
					t.Errorf("signal %d: %v", i, err)
				}
			}
			status := strings.HasSuffix(name, "test.bdf") || strings.Contains(name, "stim")
			if !status { // MNE makes no annotations of triggers
				want.CheckEvents(t, r.Events)
			}
			if !even {
				want.Signals = nil // TestSlowSignalsAreHeld looks at these
			}
			want.CheckSamples(t, r)
		})
	}
}

// TestTriggers holds the codes on the status channels of two BDF files against those that MNE-Python finds.
func TestTriggers(t *testing.T) {
	golden := recordtest.Load(t)
	for name, idle := range map[string]int{"eeg/formats/edf/test_bdf_stim_channel.bdf": 0, "eeg/eeglab/test.bdf": 255} {
		r, err := recording.Open(recordtest.Data(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var all [][2]int
		if err := json.Unmarshal(golden[name].Extra, &all); err != nil {
			t.Fatal(err)
		}
		var want recordtest.Golden
		for _, e := range all {
			if e[1] != idle {
				want.Events = append(want.Events, recordtest.Event{Onset: float64(e[0]) / r.Rate, Label: strconv.Itoa(e[1])})
			}
		}
		if len(want.Events) < 9 {
			t.Errorf("%s: only %d events to compare with", name, len(want.Events))
		}
		want.CheckEvents(t, r.Events)
	}
}

// TestSlowSignalsAreHeld compares a recording of mixed rates with each signal at its own.
func TestSlowSignalsAreHeld(t *testing.T) {
	for _, name := range []string{"eeg/formats/edf/test_uneven_samp.edf", "formats/edf-pyedflib/test_generator_datarec_generator_2.bdf", "eeg/dreams-spindles/excerpt3.edf"} {
		f, err := Open(recordtest.Data(t, name))
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Recording()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		const first, frames = 77, 4000
		x, err := r.Read(first, frames)
		if err != nil {
			t.Fatal(err)
		}
		for c, s := range f.Signals {
			own := make([]float64, f.Samples(c))
			if _, err := f.ReadSignal(c, own, 0); err != nil {
				t.Fatal(err)
			}
			for i := range frames {
				want := float32(own[int(float64(first+i)/r.Rate*s.Rate+1e-9)])
				if got := x[i*len(f.Signals)+c]; got != want {
					t.Fatalf("%s, %s: frame %d is %v, want %v", name, s.Label, first+i, got, want)
				}
			}
		}
	}
}

// TestExpected holds the rows about EDF in the data set's table of what reference readers see.
func TestExpected(t *testing.T) {
	text, err := os.ReadFile(recordtest.Data(t, "formats/expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if !strings.HasPrefix(cells[0], "edf-") {
			continue
		}
		rows++
		r, err := recording.Open(recordtest.Data(t, "formats/"+cells[0]))
		if err != nil {
			t.Errorf("%s: %v", cells[0], err)
			continue
		}
		if got := fmt.Sprintf("ok: %d channels, %d samples at %g Hz, %d annotations", len(r.Channels), r.Frames, r.Rate, len(r.Events)); got != cells[2] {
			t.Errorf("%s: %s, want %s", cells[0], got, cells[2])
		}
		r.Close()
	}
	if rows < 3 {
		t.Errorf("only %d rows", rows)
	}
}

// BenchmarkRead reads 32 MB of EDF+ from a file, a block at a time and all at once.
func BenchmarkRead(b *testing.B) {
	const channels, rate, seconds = 64, 256, 1024
	path := filepath.Join(b.TempDir(), "x.edf")
	r := &recording.Recording{Rate: rate, Frames: rate * seconds, Samples: recording.Memory{Data: make([]float32, channels*rate*seconds), Channels: channels}}
	for i := range channels {
		r.Channels = append(r.Channels, recording.Channel{Name: fmt.Sprint("E", i)})
	}
	if err := Save(path, r, Options{}); err != nil {
		b.Fatal(err)
	}
	for name, read := range map[string]func(*recording.Recording) error{
		"blocks": func(r *recording.Recording) error {
			return r.Blocks(func([]float32, int64) error { return nil })
		},
		"whole": func(r *recording.Recording) error {
			_, err := r.Read(0, int(r.Frames))
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(2 * channels * rate * seconds)
			for b.Loop() {
				r, err := recording.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				if err := read(r); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}

// BenchmarkWrite writes the same to nowhere.
func BenchmarkWrite(b *testing.B) {
	const channels, rate, seconds = 64, 256, 1024
	r := &recording.Recording{Rate: rate, Frames: rate * seconds, Samples: recording.Memory{Data: make([]float32, channels*rate*seconds), Channels: channels}}
	for i := range channels {
		r.Channels = append(r.Channels, recording.Channel{Name: fmt.Sprint("E", i)})
	}
	b.SetBytes(2 * channels * rate * seconds)
	for b.Loop() {
		if err := Write(io.Discard, r, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRecordingByTypes takes types off labels as MNE-Python does with infer_types.
func TestRecordingByTypes(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	for name, want := range map[string]map[string]string{
		"chtypes_edf.edf":              {"Fp1-Ref": "eeg", "P10-Ref": "eeg", "ECG1": "ecg", "ECG2": "ecg", "X9": "bio", "X10": "bio"},
		"duplicate_channel_labels.edf": {"F1-Ref-0": "eeg", "F2-Ref": "eeg", "F1-Ref-1": "eeg"},
	} {
		f, err := Open(filepath.Join(data, "eeg", "formats", "edf", name))
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.RecordingByTypes()
		if err != nil {
			t.Fatal(err)
		}
		for channel, kind := range want {
			if i, err := r.Channel(channel); err != nil || r.Channels[i].Type != kind {
				t.Errorf("%s, %s: %v", name, channel, err)
			}
		}
		plain, err := f.Recording()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Channels {
			if strings.HasPrefix(c.Name, "EEG ") {
				t.Errorf("%s: channel %q", name, c.Name)
			}
		}
		if !strings.HasPrefix(plain.Channels[0].Name, "EEG ") {
			t.Errorf("%s: labels do not stay: %q", name, plain.Channels[0].Name)
		}
		r.Close()
	}
}
