package egi

import (
	"encoding/binary"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

// TestAverages holds an averaged MFF against what MNE-Python sees, and against the manufacturer's export as text.
func TestAverages(t *testing.T) {
	const name = "eeg/formats/egi/test_egi_evoked.mff"
	r, err := OpenMFF(recordtest.Data(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := recordtest.Load(t)[name]
	want.Events = []recordtest.Event{{Onset: 0, Duration: 0.02, Label: "Category 1"}, {Onset: 0.012, Duration: 0.001, Label: "cat1"},
		{Onset: 0.012, Duration: 0.001, Label: "cat1"}, {Onset: 0.02, Duration: 0.004, Label: "Category 2"}}
	want.Check(t, r)
	n := len(r.Channels)
	x, err := r.Read(0, int(r.Frames))
	if err != nil {
		t.Fatal(err)
	}
	frame := 0
	for _, export := range []string{"cat1", "cat2"} {
		text, err := os.ReadFile(recordtest.Data(t, "eeg/formats/egi/test_egi_evoked_"+export+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			for c, cell := range strings.Fields(line) {
				v, err := strconv.ParseFloat(cell, 64)
				if err != nil {
					t.Fatal(err)
				}
				if got := float64(x[frame*n+c]); math.Abs(got-v) > 1e-6*math.Abs(v)+1e-6 {
					t.Fatalf("frame %d, channel %d is %v, want %v", frame, c, got, v)
				}
			}
			frame++
		}
	}
	if frame != int(r.Frames) {
		t.Errorf("%d frames, want %d", r.Frames, frame)
	}
}

// madeMFF is a continuous recording of two electrodes and one input, in two epochs, as files in memory.
func madeMFF() map[string]string {
	return map[string]string{
		"info.xml":  `<?xml version="1.0" encoding="UTF-8"?><fileInfo><recordTime>2020-02-03T10:11:12.000000000+01:00</recordTime></fileInfo>`,
		"info1.xml": `<dataInfo><generalInformation><fileDataType><EEG></EEG></fileDataType></generalInformation></dataInfo>`,
		"info2.xml": `<dataInfo><generalInformation><fileDataType><PNSData></PNSData></fileDataType></generalInformation></dataInfo>`,
		"coordinates.xml": `<coordinates><sensorLayout><sensors><sensor><name></name><number>1</number><type>0</type><x>1</x><y>2</y><z>3</z></sensor>` +
			`<sensor><name>VREF</name><number>2</number><type>1</type><x>0</x><y>0</y><z>9</z></sensor><sensor><name>Nasion</name><number>3</number><type>2</type></sensor></sensors></sensorLayout></coordinates>`,
		"pnsSet.xml":   `<PNSSet><sensors><sensor><name>ECG</name><unit>uV</unit></sensor></sensors></PNSSet>`,
		"epochs.xml":   `<epochs><epoch><beginTime>0</beginTime><endTime>40000000</endTime></epoch><epoch><beginTime>1000000000</beginTime><endTime>1030000000</endTime></epoch></epochs>`,
		"Events_x.xml": `<eventTrack><event><beginTime>2020-02-03T10:11:13.010000000+01:00</beginTime><duration>5000000</duration><code>stim</code></event></eventTrack>`,
		"signal1.bin":  string(blocks(2, 0, []int{2, 2, 3}, []bool{true, false, true})),
		"signal2.bin":  string(blocks(1, 50, []int{3, 3, 1}, []bool{true, false, true})),
	}
}

// blocks are of channels that count frames from base on, the second negative, at 100 Hz.
func blocks(channels, base int, lengths []int, headers []bool) []byte {
	var b []byte
	frame := base
	for i, n := range lengths {
		if headers[i] {
			for _, v := range []int{1, 16 + 8*channels + 4, 4 * channels * n, channels} {
				b = binary.LittleEndian.AppendUint32(b, uint32(v))
			}
			for c := range channels {
				b = binary.LittleEndian.AppendUint32(b, uint32(4*n*c))
			}
			for range channels {
				b = binary.LittleEndian.AppendUint32(b, 100<<8|32)
			}
		}
		b = binary.LittleEndian.AppendUint32(b, 0)
		for c := range channels {
			for k := range n {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32((frame+k)*(1-2*c))))
			}
		}
		frame += n
	}
	return b
}

func openMade(files map[string]string) (*recording.Recording, error) {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return openMFF("x.mff", names, func(path string) (*records.File, error) {
		if b, ok := files[strings.TrimPrefix(path, "x.mff/")]; ok {
			return records.InMemory([]byte(b), path), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	})
}

func TestContinuous(t *testing.T) {
	r, err := openMade(madeMFF())
	if err != nil {
		t.Fatal(err)
	}
	x, err := r.Read(0, int(r.Frames))
	var want []float32
	for i := range 7 {
		want = append(want, float32(i), float32(-i), float32(50+i))
	}
	if err != nil || !slices.Equal(x, want) || r.Rate != 100 {
		t.Errorf("%v, %v, want %v", x, err, want)
	}
	if c := r.Channels; c[0].Name != "E1" || *c[0].Position != [3]float64{0.01, 0.02, 0.03} || c[1].Name != "VREF" || c[2].Name != "ECG" || c[2].Type != "ecg" || c[2].Position != nil {
		t.Errorf("%+v", c)
	}
	if len(r.Gaps) != 1 || r.Gaps[0].Frame != 4 || math.Abs(r.Gaps[0].Seconds-0.96) > 1e-12 {
		t.Errorf("gaps %v", r.Gaps)
	}
	recordtest.Golden{Events: []recordtest.Event{{Onset: 1.01, Duration: 0.005, Label: "stim"}}}.CheckEvents(t, r.Events)
	if !r.Start.Equal(time.Date(2020, 2, 3, 9, 11, 12, 0, time.UTC)) {
		t.Errorf("start %v", r.Start)
	}
}

func TestMFFLies(t *testing.T) {
	lie := func(name, want string, change func(map[string]string)) {
		t.Helper()
		files := madeMFF()
		change(files)
		recordtest.Lies(t, func([]byte) (*recording.Recording, error) { return openMade(files) }, []recordtest.Lie{{Name: name, Want: want}})
	}
	put := func(at int, v uint32) func(map[string]string) {
		return func(files map[string]string) {
			b := []byte(files["signal1.bin"])
			binary.LittleEndian.PutUint32(b[at:], v)
			files["signal1.bin"] = string(b)
		}
	}
	lie("no signals", "no signals", func(f map[string]string) { delete(f, "signal1.bin"); delete(f, "signal2.bin") })
	lie("signals of nothing", "no signals", func(f map[string]string) { f["signal1.bin"], f["signal2.bin"] = "", "" })
	lie("no XML", "expected XML", func(f map[string]string) { f["epochs.xml"] = "<epochs" })
	lie("block", "a block that begins with 7", put(0, 7))
	lie("block without a header", "a header first", put(0, 0))
	lie("header", "a header and samples that fit", put(4, 3))
	lie("header beyond the file", "truncated", put(4, 1<<31))
	lie("samples beyond the file", "truncated", put(8, 1<<31))
	lie("no channels", "a header and samples that fit", put(12, 0))
	lie("many channels", "a header and samples that fit", put(12, 1<<30))
	lie("place of a signal", "samples that lie within", put(16, 1<<30))
	lie("bits", "samples of 16 bits", put(24, 100<<8|16))
	lie("rate", "0 Hz", put(24, 32))
	lie("rates that differ", "one rate for all signals", put(28, 99<<8|32))
	lie("cut", "block", func(f map[string]string) { f["signal1.bin"] = f["signal1.bin"][:len(f["signal1.bin"])-1] })
	lie("sensors", "one for each of 2 signals", func(f map[string]string) {
		f["coordinates.xml"] = strings.Replace(f["coordinates.xml"], "<type>1<", "<type>2<", 1)
	})
	lie("coordinate", "a coordinate in centimetres", func(f map[string]string) {
		f["coordinates.xml"] = strings.Replace(f["coordinates.xml"], "<x>1<", "<x>one<", 1)
	})
	lie("epoch", "a stretch of time", func(f map[string]string) {
		f["epochs.xml"] = strings.Replace(f["epochs.xml"], "<endTime>4", "<endTime>-4", 1)
	})
	lie("event", "a time, and one of the beginning", func(f map[string]string) { f["Events_x.xml"] = strings.Replace(f["Events_x.xml"], "2020", "2O2O", 1) })
	lie("other rates", "as the signals before", func(f map[string]string) {
		b := []byte(f["signal2.bin"])
		for _, at := range []int{20, 20 + 8 + 4 + 4*3 + 4 + 4*3 + 16} {
			binary.LittleEndian.PutUint32(b[at:], 50<<8|32)
		}
		f["signal2.bin"] = string(b)
	})
	whole := madeMFF()["signal1.bin"]
	for cut := range whole {
		files := madeMFF()
		files["signal1.bin"] = whole[:cut]
		if err := recordtest.Everything(func([]byte) (*recording.Recording, error) { return openMade(files) }, nil); err != nil && !recordtest.Refused(err) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}

func FuzzMFF(f *testing.F) {
	m := madeMFF()
	f.Add([]byte(m["signal1.bin"]), m["info.xml"], m["coordinates.xml"], m["epochs.xml"], m["Events_x.xml"])
	f.Fuzz(func(t *testing.T, signal []byte, info, coordinates, epochs, events string) {
		files := madeMFF()
		files["signal1.bin"], files["info.xml"], files["coordinates.xml"], files["epochs.xml"], files["Events_x.xml"] = string(signal), info, coordinates, epochs, events
		if err := recordtest.Everything(func([]byte) (*recording.Recording, error) { return openMade(files) }, nil); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}
