package brainvision

import (
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
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

// TestGolden holds real files against what MNE-Python sees in them.
func TestGolden(t *testing.T) {
	for name, want := range recordtest.Load(t) {
		t.Run(name, func(t *testing.T) {
			r, err := recording.Open(recordtest.Data(t, name))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for i, name := range want.Names {
				if strings.Contains(name, "EOG") {
					want.Types[i] = "eog" // MNE wants to be told
				}
			}
			want.Check(t, r)
			var filters struct{ Highpass, Lowpass float64 }
			if err := json.Unmarshal(want.Extra, &filters); err != nil {
				t.Fatal(err)
			}
			if got := r.Metadata["highpass"]; (filters.Highpass > 0 || got != "") && got != fmt.Sprintf("%.6g Hz", filters.Highpass) {
				t.Errorf("high-pass %q, want %g", got, filters.Highpass)
			}
			// Where there is no filter, MNE says half the sampling rate.
			if got := r.Metadata["lowpass"]; (filters.Lowpass != r.Rate/2 || got != "") && got != fmt.Sprintf("%.6g Hz", filters.Lowpass) {
				t.Errorf("low-pass %q, want %g", got, filters.Lowpass)
			}
		})
	}
}

// made is a recording as a test wants it.
type made struct {
	header, markers string
	data            []byte
}

const soundHeader = `Brain Vision Data Exchange Header File Version 1.0
[Common Infos]
DataFile=x.eeg
MarkerFile=x.vmrk
DataFormat=BINARY
DataOrientation=MULTIPLEXED
NumberOfChannels=2
SamplingInterval=2000
[Binary Infos]
BinaryFormat=INT_16
[Channel Infos]
Ch1=C3,,0.5,µV
Ch2=A\1B,,,mV
[Coordinates]
Ch1=85,90,0
Ch2=0,0,0
`

const soundMarkers = `Brain Vision Data Exchange Marker File, Version 1.0
[Marker Infos]
Mk1=New Segment,,1,1,0,20200102030405500000
Mk2=Stimulus,S  1,3,2,0
Mk3=Comment,a\1b,2,0,0
Mk4=New Segment,,4,1,0,20200102030406506000
Mk5=Response,R1,5,1,0
`

// sound has six frames: the first channel counts up, the second down.
func sound() made {
	m := made{header: soundHeader, markers: soundMarkers}
	for i := range int16(6) {
		m.data, _ = binary.Append(m.data, binary.LittleEndian, []int16{i, -i})
	}
	return m
}

func (m made) open(path string) (*recording.Recording, error) {
	return open(path, func(path string) (*records.File, error) {
		switch path {
		case "x.vhdr", "x.ahdr":
			return records.InMemory([]byte(m.header), path), nil
		case "x.eeg":
			return records.InMemory(m.data, path), nil
		case "x.vmrk":
			return records.InMemory([]byte(m.markers), path), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	})
}

// TestMade reads the same recording in every layout and number format.
func TestMade(t *testing.T) {
	replace := func(m *made, pairs ...string) { m.header = strings.NewReplacer(pairs...).Replace(m.header) }
	encode := func(bo binary.ByteOrder, v any) []byte {
		b, err := binary.Append(nil, bo, v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	multiplexed := []int32{0, 0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5}
	vectorized := []int32{0, 1, 2, 3, 4, 5, 0, -1, -2, -3, -4, -5}
	to := func(v []int32, as any) any {
		for i, x := range v {
			switch as := as.(type) {
			case []int16:
				as[i] = int16(x)
			case []float32:
				as[i] = float32(x)
			}
		}
		return as
	}
	for name, change := range map[string]func(m *made){
		"INT_16": func(m *made) {},
		"absolute": func(m *made) {
			replace(m, "DataFile=x.eeg", `DataFile=C:\data\x.eeg`, "MarkerFile=x.vmrk", "MarkerFile=../$b.vmrk")
		},
		"renamed": func(m *made) { replace(m, "DataFile=x.eeg", "DataFile=old.eeg") },
		"Latin-1": func(m *made) { replace(m, "µ", "\xb5") },
		"DOS":     func(m *made) { replace(m, "\n", "\r\n"); m.markers = strings.ReplaceAll(m.markers, "\n", "\r\n") },
		"INT_32": func(m *made) {
			replace(m, "INT_16", "INT_32")
			m.data = encode(binary.LittleEndian, multiplexed)
		},
		"float": func(m *made) {
			replace(m, "INT_16", "IEEE_FLOAT_32")
			m.data = encode(binary.LittleEndian, to(multiplexed, make([]float32, 12)))
		},
		"big-endian": func(m *made) {
			replace(m, "INT_16", "INT_16\nUseBigEndianOrder=YES")
			m.data = encode(binary.BigEndian, to(multiplexed, make([]int16, 12)))
		},
		"vectorized": func(m *made) {
			replace(m, "MULTIPLEXED", "VECTORIZED\nDataPoints=6")
			m.data = encode(binary.LittleEndian, to(vectorized, make([]int16, 12)))
		},
		"vectorized, not counted": func(m *made) {
			replace(m, "MULTIPLEXED", "VECTORIZED", "INT_16", "IEEE_FLOAT_32")
			m.data = encode(binary.LittleEndian, to(vectorized, make([]float32, 12)))
		},
		"ASCII": func(m *made) {
			replace(m, "BINARY", "ASCII", "[Binary Infos]", "[ASCII Infos]\nDecimalSymbol=,\nSkipLines=1\nSkipColumns=0")
			m.data = []byte("C3 A,B\r\n 0 0\r\n1,0 -1,0\r\n2 -2\n3 -3\n4 -4\n5e0 -5")
		},
		"ASCII, vectorized": func(m *made) {
			replace(m, "BINARY", "ASCII", "MULTIPLEXED", "VECTORIZED", "[Binary Infos]", "[ASCII Infos]\nDecimalSymbol=.\nSkipLines=0\nSkipColumns=1")
			m.data = []byte("C3,0,1,2,3,4,5\nA 0 -1 -2.0 -3 -4 -5\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := sound()
			change(&m)
			r, err := m.open("x.vhdr")
			if err != nil {
				t.Fatal(err)
			}
			if r.Rate != 500 || r.Frames != 6 || !r.Start.Equal(time.Date(2020, 1, 2, 3, 4, 5, 500e6, time.UTC)) {
				t.Errorf("%g Hz, %d frames, %v", r.Rate, r.Frames, r.Start)
			}
			x, err := r.Read(1, 4)
			if want := []float32{0.5, -1, 1, -2, 1.5, -3, 2, -4}; err != nil || !slices.Equal(x, want) {
				t.Errorf("%v, %v, want %v", x, err, want)
			}
			if c := r.Channels[1]; c.Name != "A,B" || c.Unit != "mV" || c.Position != nil || r.Channels[0].Unit != "uV" || math.Abs(r.Channels[0].Position[0]-0.085) > 1e-12 {
				t.Errorf("%+v", r.Channels)
			}
			if len(r.Gaps) != 1 || r.Gaps[0].Frame != 3 || math.Abs(r.Gaps[0].Seconds-1) > 1e-9 {
				t.Errorf("gaps %v", r.Gaps)
			}
			recordtest.Golden{Events: []recordtest.Event{{Onset: 0.002, Label: "Comment/a,b"}, {Onset: 0.004, Duration: 0.004, Label: "Stimulus/S  1"},
				{Onset: 1.006, Duration: 0.002, Label: "New Segment/"}, {Onset: 1.008, Duration: 0.002, Label: "Response/R1"}}}.CheckEvents(t, r.Events)
		})
	}
}

// TestUnsigned reads numbers above the signed range.
func TestUnsigned(t *testing.T) {
	m := sound()
	m.header = strings.Replace(m.header, "INT_16", "UINT_16", 1)
	m.data = []byte{0xff, 0xff, 0, 0x80}
	r, err := m.open("x.vhdr")
	if err != nil {
		t.Fatal(err)
	}
	if x, err := r.Read(0, 1); err != nil || !slices.Equal(x, []float32{32767.5, 32768}) {
		t.Errorf("%v, %v", x, err)
	}
}

// TestFiles opens from the disk what a folder holds, with and without markers.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	m := sound()
	for name, content := range map[string]string{"x.vhdr": m.header, "x.eeg": string(m.data)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "x.vhdr")
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if !strings.Contains(strings.Join(r.Warnings, "; "), "x.vmrk") {
		t.Errorf("metadata %v", r.Metadata)
	}
	if err := os.Remove(filepath.Join(dir, "x.eeg")); err != nil {
		t.Fatal(err)
	}
	if _, err := recording.Open(path); err == nil || !strings.Contains(err.Error(), "x.eeg") || !strings.Contains(err.Error(), "put it beside the header") {
		t.Errorf("without samples: %v", err)
	}
}

func TestLies(t *testing.T) {
	lie := func(name, old, new, want string) {
		t.Helper()
		m := sound()
		m.header = strings.Replace(m.header, old, new, 1)
		m.markers = strings.Replace(m.markers, old, new, 1)
		recordtest.Lies(t, func([]byte) (*recording.Recording, error) { return m.open("x.vhdr") }, []recordtest.Lie{{Name: name, Want: want}})
	}
	lie("version", "Version 1.0\n[Common", "Version 9.0\n[Common", "line 1: found")
	lie("no channels", "NumberOfChannels=2", "", "NumberOfChannels: found no such line")
	lie("negative channels", "Channels=2", "Channels=-2", `line 7 (NumberOfChannels): found "-2"`)
	lie("a billion channels", "Channels=2", "Channels=1000000000", "there are 2")
	lie("missing channel", "Ch2=A", "Ch1=A", "expected Ch2")
	lie("channel outside", "Ch2=A", "Ch3=A", "Ch1 to Ch2")
	lie("no interval", "SamplingInterval=2000", "", "SamplingInterval")
	lie("interval of nothing", "=2000", "=0", "microseconds between samples")
	lie("negative interval", "=2000", "=-5", "microseconds between samples")
	lie("resolution", "0.5", "half", "a number in the third place")
	lie("frequencies", "DataFormat", "DataType=FREQUENCYDOMAIN\nDataFormat", "TIMEDOMAIN")
	lie("orientation", "MULTIPLEXED", "SIDEWAYS", "MULTIPLEXED or VECTORIZED")
	lie("format", "BINARY", "RUNES", "BINARY or ASCII")
	lie("numbers", "INT_16", "INT_15", "BinaryFormat")
	lie("truncated", "MULTIPLEXED", "VECTORIZED\nDataPoints=7", "7, as the header says")
	lie("negative points", "MULTIPLEXED", "VECTORIZED\nDataPoints=-7", "DataPoints")
	lie("no points", "MULTIPLEXED", "VECTORIZED\nDataPoints=0", "")
	lie("no data file", "DataFile=x.eeg", "", "the name of a file")
	lie("a folder", "DataFile=x.eeg", "DataFile=../..", "the name of a file")
	lie("coordinates", "85,90,0", "85,90", "radius, theta and phi")
	lie("text for samples", "BINARY", "ASCII", "one for each of 2 channels")
	lie("marker", "Stimulus,S  1,3,2,0", "Stimulus", "position and size")
	lie("position", "S  1,3", "S  1,-3", "a position, counted from 1")
	lie("position far away", "S  1,3", "S  1,999999999999999", "")
	lie("date", "20200102030406506000", "99999999999999999999", "")
	m := sound()
	for cut := range m.header {
		c := m
		c.header = m.header[:cut]
		if err := recordtest.Everything(func([]byte) (*recording.Recording, error) { return c.open("x.vhdr") }, nil); err != nil && !recordtest.Refused(err) {
			t.Errorf("header cut to %d: %v", cut, err)
		}
	}
	for cut := range m.markers {
		c := m
		c.markers = m.markers[:cut]
		if err := recordtest.Everything(func([]byte) (*recording.Recording, error) { return c.open("x.vhdr") }, nil); err != nil && !recordtest.Refused(err) {
			t.Errorf("markers cut to %d: %v", cut, err)
		}
	}
	for cut := range m.data {
		c := m
		c.data = m.data[:cut]
		r, err := c.open("x.vhdr")
		if err != nil || r.Frames != int64(cut/4) || (len(r.Warnings) > 0) != (cut%4 != 0) {
			t.Errorf("samples cut to %d: %v, %v", cut, r, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	m := sound()
	f.Add(m.header, m.markers, m.data)
	f.Add(strings.Replace(m.header, "MULTIPLEXED", "VECTORIZED\nDataPoints=6", 1), "", m.data)
	f.Add(strings.Replace(m.header, "BINARY", "ASCII", 1), m.markers, []byte("1 2\n3 4"))
	f.Add(m.header+"[Comment]\n#  Name  Low Cutoff [s]  High Cutoff [Hz]\n1  C3  10  250\n2  A  DC  250\n", m.markers, m.data)
	f.Fuzz(func(t *testing.T, header, markers string, data []byte) {
		m := made{header, markers, data}
		if err := recordtest.Everything(func([]byte) (*recording.Recording, error) { return m.open("x.vhdr") }, nil); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "brainvision")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for name, content := range map[string]string{"x.vhdr": soundHeader, "x.vmrk": soundMarkers, "x.eeg": string(sound().data)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			fmt.Println(err)
			return
		}
	}
	r, err := Open(filepath.Join(dir, "x.vhdr"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	fmt.Println(r.Channels[0].Name, r.Rate, "Hz", r.Start.Format(time.DateTime))
	for _, e := range r.Events {
		fmt.Printf("%.3f s %s\n", e.Onset, e.Label)
	}
	// Output:
	// C3 500 Hz 2020-01-02 03:04:05
	// 0.002 s Comment/a,b
	// 0.004 s Stimulus/S  1
	// 1.006 s New Segment/
	// 1.008 s Response/R1
}
