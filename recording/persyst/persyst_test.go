package persyst

import (
	"encoding/binary"
	"fmt"
	"io/fs"
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

// TestGolden holds the real clip against what MNE-Python sees in it.
func TestGolden(t *testing.T) {
	for name, want := range recordtest.Load(t) {
		r, err := recording.Open(recordtest.Data(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		want.Check(t, r)
	}
}

const sound = `[FileInfo]
File=C:\data\x.dat
FileType=Interleaved
SamplingRate=200
HeaderLength=2
Calibration=0.5
WaveformCount=2
DataType=0

[Patient]
ID=7
TestDate=2.3.x
TestDate=2020.02.03
TestTime=10:11:12

[ChannelMap]
C4-Ref=2
Fp1-Ref=1

[Comments]
1.5,0.5,0,1,b=c, d
0.25,0,0,1,a
[SampleTimes]
0=100.5
`

// samples have two bytes before them.
func samples(kind int) []byte {
	b := []byte{9, 9}
	for i := range 5 {
		for _, v := range []int{i, -i} {
			if kind == 7 {
				b = binary.LittleEndian.AppendUint32(b, uint32(v))
			} else {
				b = binary.LittleEndian.AppendUint16(b, uint16(v))
			}
		}
	}
	return b
}

func openIn(lay string, data []byte) (*recording.Recording, error) {
	return open("x.lay", func(path string) (*records.File, error) {
		switch path {
		case "x.lay":
			return records.InMemory([]byte(lay), path), nil
		case "x.dat":
			return records.InMemory(data, path), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	})
}

func TestMade(t *testing.T) {
	for name, lay := range map[string]string{"16 bits": strings.Replace(sound, "TestDate=2.3.x\n", "", 1), "32 bits": strings.NewReplacer("DataType=0", "DataType=7", "\n", "\r\n",
		"TestDate=2.3.x\n", "", "2020.02.03", "02/03/2020").Replace(sound)} {
		kind := 0
		if name == "32 bits" {
			kind = 7
		}
		r, err := openIn(lay, samples(kind))
		if err != nil {
			t.Fatal(name, err)
		}
		x, err := r.Read(1, 2)
		if want := []float32{0.5, -0.5, 1, -1}; err != nil || !slices.Equal(x, want) || r.Frames != 5 || r.Rate != 200 {
			t.Errorf("%s: %v, %v, want %v; %d frames", name, x, err, want, r.Frames)
		}
		if want := []recording.Event{{Onset: 0.25, Label: "a"}, {Onset: 1.5, Duration: 0.5, Label: "b=c, d"}}; !slices.Equal(r.Events, want) {
			t.Errorf("%s: events %v", name, r.Events)
		}
		if !r.Start.Equal(time.Date(2020, 2, 3, 10, 11, 12, 0, time.UTC)) || r.Channels[0].Name != "FP1" || r.Channels[1].Name != "C4" || r.Metadata["patient id"] != "7" {
			t.Errorf("%s: %v %v %v", name, r.Start, r.Channels, r.Metadata)
		}
	}
}

func TestLies(t *testing.T) {
	lie := func(name, old, new, want string) {
		t.Helper()
		recordtest.Lies(t, func(b []byte) (*recording.Recording, error) { return openIn(string(b), samples(0)) },
			[]recordtest.Lie{{Name: name, Content: []byte(strings.Replace(sound, old, new, 1)), Want: want}})
	}
	lie("nothing", sound, "", "SamplingRate: found no such line")
	lie("rate", "=200", "=0", "samples per second")
	lie("absurd rate", "=200", "=1e300", "samples per second")
	lie("calibration", "=0.5", "=x", "microvolts for a step")
	lie("header", "=2\nCal", "=-2\nCal", "a number of bytes")
	lie("header beyond the file", "=2\nCal", "=2000\nCal", "begin at byte 2000")
	lie("type", "DataType=0", "DataType=3", "0 (16 bits) or 7 (32 bits)")
	lie("order", "Interleaved", "Sideways", "expected Interleaved")
	lie("count", "Count=2", "Count=2000000", "the length of the channel map")
	lie("no channels", "Count=2", "Count=0", "the length of the channel map")
	lie("twice", "Fp1-Ref=1", "Fp1-Ref=2", "each once")
	lie("outside", "Fp1-Ref=1", "Fp1-Ref=9", "each once")
	lie("comment", "1.5,0.5,0", "1.5", "time, duration, state, type and text")
	lie("onset", "1.5,", "x,", "a time and a duration")
	lie("no file", "File=C", "Feil=C", "the name of the file of samples")
	lie("missing", `\x.dat`, `\y.dat`, "put it beside the .lay")
	for cut := range sound {
		if err := recordtest.Everything(func(b []byte) (*recording.Recording, error) { return openIn(string(b), samples(0)) }, []byte(sound[:cut])); err != nil && !recordtest.Refused(err) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
	for cut := range samples(0) {
		r, err := openIn(sound, samples(0)[:cut])
		if cut < 2 {
			if err == nil {
				t.Errorf("samples cut to %d bytes: no error", cut)
			}
			continue
		}
		if err != nil || r.Frames != int64(cut-2)/4 || (len(r.Warnings) > 0) != ((cut-2)%4 != 0) {
			t.Errorf("samples cut to %d bytes: %v, %v", cut, r, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(sound, samples(0))
	f.Add(strings.Replace(sound, "DataType=0", "DataType=7", 1), samples(7))
	f.Fuzz(func(t *testing.T, lay string, data []byte) {
		if err := recordtest.Everything(func([]byte) (*recording.Recording, error) { return openIn(lay, data) }, nil); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "persyst")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for name, content := range map[string][]byte{"x.lay": []byte(sound), "x.dat": samples(0)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			fmt.Println(err)
			return
		}
	}
	r, err := recording.Open(filepath.Join(dir, "x.lay"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	fmt.Println(r.Channels[0].Name, r.Rate, "Hz", r.Events)
	// Output:
	// FP1 200 Hz [{0.25 0 a} {1.5 0.5 b=c, d}]
}
