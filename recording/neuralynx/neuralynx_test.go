package neuralynx

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/matfile"
	"github.com/gyrus-dev/gyrus/recording/records"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

const folder = "eeg/formats/neuralynx/"

// TestExports compares samples, gaps and events with the MAT-files that the manufacturer's own reader exported.
func TestExports(t *testing.T) {
	for _, name := range []string{"LAHC1", "LAHC1_3_gaps"} {
		mat, err := matfile.Open(recordtest.Data(t, folder+name+".mat"))
		if err != nil {
			t.Fatal(err)
		}
		defer mat.Close()
		numbers := func(name string) []float64 {
			a, err := mat.Array(name)
			if err != nil {
				t.Fatal(err)
			}
			x, err := a.Float64s()
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		samples, valid, times := numbers("Samples"), numbers("NumberOfValidSamples"), numbers("Timestamps")
		const gain = -0.305175781250000006 // microvolts a step; the input was inverted
		var want []float32
		missing := 0.0
		for i, n := range valid {
			for _, v := range samples[512*i:][:int(n)] {
				want = append(want, float32(v*gain))
			}
			if i < len(valid)-1 { // behind the last, nothing is missing
				missing += 512 - n
			}
		}
		r, err := recording.Open(recordtest.Data(t, folder+name+".ncs"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, err := r.Read(0, int(r.Frames))
		if err != nil || !slices.Equal(got, want) || r.Rate != 2000 || r.Channels[0].Name != "LAHC1" {
			t.Errorf("%s: %d samples, want %d; %v", name, len(got), len(want), err)
		}
		seconds := 0.0
		for _, g := range r.Gaps {
			seconds += g.Seconds
		}
		if math.Abs(seconds-missing/2000) > 1e-3 || len(r.Gaps) != 3*strings.Count(name, "gaps") {
			t.Errorf("%s: gaps %v, want %g s", name, r.Gaps, missing/2000)
		}
		if len(r.Events) != 4 || r.Events[0].Label != "Starting Recording" || r.Events[3].Label != "Stopping Recording" {
			t.Errorf("%s: events %v", name, r.Events)
		}
		events, err := ReadEvents(recordtest.Data(t, folder+"Events.nev"))
		if err != nil {
			t.Fatal(err)
		}
		if want := float64(events[3].Time-uint64(times[0])) / 1e6; math.Abs(r.Events[3].Onset-want) > 1e-6 {
			t.Errorf("%s: stopped at %g s, want %g", name, r.Events[3].Onset, want)
		}
	}
	r, err := OpenChannels(recordtest.Data(t, folder+"LAHC1.ncs"), recordtest.Data(t, folder+"LAHC1.ncs"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x, err := r.Read(500, 20)
	if err != nil || x[0] != x[1] || x[38] != x[39] || r.Channels[1].Name != "LAHC1-1" {
		t.Errorf("the same channel twice: %v, %v", x, err)
	}
	if _, err := OpenChannels(recordtest.Data(t, folder+"LAHC1.ncs"), recordtest.Data(t, folder+"LAHC1_3_gaps.ncs")); err == nil || !strings.Contains(err.Error(), "open it on its own") {
		t.Errorf("channels that do not agree: %v", err)
	}
}

// TestEventExport compares all fields of the events with their export.
func TestEventExport(t *testing.T) {
	mat, err := matfile.Open(recordtest.Data(t, folder+"Events.mat"))
	if err != nil {
		t.Fatal(err)
	}
	defer mat.Close()
	got, err := ReadEvents(recordtest.Data(t, folder+"Events.nev"))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range got {
		for name, have := range map[string]float64{"Timestamps": float64(e.Time), "EventIDs": float64(e.ID), "TTLs": float64(e.TTL)} {
			a, err := mat.Array(name)
			if err != nil {
				t.Fatal(err)
			}
			if x, err := a.Float64s(); err != nil || len(x) != len(got) || x[i] != have {
				t.Errorf("%s of event %d is %v, want %v, %v", name, i, have, x, err)
			}
		}
	}
}

// made is a channel as a test wants it.
func made(header string, records ...[]byte) []byte {
	b := make([]byte, headerBytes)
	copy(b, magic+" Data File Header\r\n"+header)
	for _, r := range records {
		b = append(b, r...)
	}
	return b
}

const soundHeader = "-FileType NCS\r\n-RecordSize 1044\r\n-SamplingFrequency 1000\r\n-ADBitVolts 0.000001\r\n-AcqEntName A1\r\n-TimeCreated 2020/02/03 10:11:12\r\n"

// record has samples n, n+1 ...
func record(at uint64, valid uint32, n int) []byte {
	b := little.AppendUint64(nil, at)
	b = little.AppendUint32(b, 0)
	b = little.AppendUint32(b, 1000)
	b = little.AppendUint32(b, valid)
	for i := range ncsSamples {
		b = little.AppendUint16(b, uint16(n+i))
	}
	return b
}

func readBytes(content []byte) (*recording.Recording, error) {
	c, err := readChannel(records.InMemory(content, "test.ncs"))
	if err != nil {
		return nil, err
	}
	return &recording.Recording{Channels: make([]recording.Channel, 1), Rate: c.rate, Frames: c.chain.Frames(), Gaps: c.gaps, Samples: c.chain}, nil
}

func TestMade(t *testing.T) {
	r, err := readBytes(made(soundHeader, record(50, 0, 0), record(100, 3, 0), record(3100, 512, 3), record(600000, 512, 600), record(1112000, 2, 1112), nil))
	if err != nil {
		t.Fatal(err)
	}
	if want := []recording.Gap{{Frame: 515, Seconds: 0.0849}}; len(r.Gaps) != 1 || r.Gaps[0].Frame != 515 || math.Abs(r.Gaps[0].Seconds-want[0].Seconds) > 1e-9 {
		t.Errorf("gaps %v, want %v", r.Gaps, want)
	}
	x, err := r.Read(0, int(r.Frames))
	if err != nil || len(x) != 3+512+512+2 || x[4] != 4 || x[514] != 514 || x[515] != 600 || x[1028] != 1113 {
		t.Errorf("%d samples, %v", len(x), err)
	}
}

func TestLies(t *testing.T) {
	good := record(100, 512, 0)
	change := func(old, new string) []byte { return made(strings.Replace(soundHeader, old, new, 1), good) }
	recordtest.Lies(t, readBytes, []recordtest.Lie{
		{Name: "nothing", Want: "16384 bytes from here"},
		{Name: "something else", Content: make([]byte, 20000), Want: `"######## Neuralynx"`},
		{Name: "no rate", Content: change("-SamplingFrequency 1000", ""), Want: "samples per second"},
		{Name: "absurd rate", Content: change("y 1000", "y -3"), Want: "samples per second"},
		{Name: "no step", Content: change("-ADBitVolts 0.000001", "-ADBitVolts x"), Want: "volts for a step"},
		{Name: "other records", Content: change("1044", "1045"), Want: "RecordSize"},
		{Name: "too many samples", Content: made(soundHeader, record(0, 513, 0)), Want: "513 valid samples"},
		{Name: "no records", Content: made(soundHeader)},
		{Name: "no samples", Content: made(soundHeader, record(0, 0, 0))},
		{Name: "backwards", Content: made(soundHeader, record(1<<63, 512, 0), good, record(1<<64-1, 1, 0))},
	})
	whole := made(soundHeader, good, record(612100, 7, 0))
	for _, cut := range []int{0, 100, headerBytes - 1, headerBytes, headerBytes + 1, headerBytes + ncsBytes - 1, headerBytes + ncsBytes, len(whole) - 1} {
		r, err := readBytes(whole[:cut])
		switch {
		case cut < headerBytes && err == nil:
			t.Errorf("cut to %d bytes: no error", cut)
		case cut >= headerBytes && (err != nil || r.Frames != int64(512*min(1, (cut-headerBytes)/ncsBytes))):
			t.Errorf("cut to %d bytes: %v, %v", cut, r, err)
		}
	}
	recordtest.Damage(t, readBytes, whole, 160)
	for _, n := range []int{1, nevBytes - 1} {
		if _, err := readEvents(records.InMemory(made("-FileType Event", make([]byte, n)), "x.nev")); err == nil || !strings.Contains(err.Error(), "truncated") {
			t.Errorf("%d bytes of an event: %v", n, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(soundHeader, slices.Concat(record(100, 3, 0), record(3100, 512, 3), record(600000, 512, 600)))
	f.Add("-FileType Event", make([]byte, 2*nevBytes))
	f.Fuzz(func(t *testing.T, header string, data []byte) {
		if len(header) > 2000 {
			t.Skip()
		}
		content := made(header, data)
		if err := recordtest.Everything(readBytes, content); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
		if events, err := readEvents(records.InMemory(content, "x.nev")); err == nil && len(events)*nevBytes != len(data) {
			t.Fatalf("%d events in %d bytes", len(events), len(data))
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "neuralynx")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "A1.ncs")
	if err := os.WriteFile(path, made(soundHeader, record(100, 512, 0), record(900100, 100, 512)), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	r, err := recording.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	fmt.Println(r.Channels[0].Name, r.Frames, "samples,", r.Rate, "Hz, gaps", r.Gaps)
	// Output:
	// A1 612 samples, 1000 Hz, gaps [{512 0.388}]
}
