package gdf

import (
	"bytes"
	"encoding/binary"
	"fmt"
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
			for i := range want.Events {
				want.Events[i].Duration = 0 // where the table has none, MNE says one sample
			}
			want.Types = nil // "eeg" for all, there
			r.Events = within(r)
			want.Check(t, r)
		})
	}
}

// within leaves out what happens after the last sample, as MNE-Python does.
func within(r *recording.Recording) []recording.Event {
	return slices.DeleteFunc(slices.Clone(r.Events), func(e recording.Event) bool { return e.Onset >= float64(r.Frames)/r.Rate })
}

// TestEventsOfTheSet compares with the table that the data set has beside the file.
func TestEventsOfTheSet(t *testing.T) {
	r, err := Open(recordtest.Data(t, "eeg/ssvep-exo/subject01_run1.gdf"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := os.ReadFile(recordtest.Data(t, "eeg/ssvep-exo/subject01_run1_events.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	events := within(r)
	if len(lines) != len(events) || len(r.Events) != len(events)+1 {
		t.Fatalf("%d events, want %d", len(events), len(lines))
	}
	for i, e := range events {
		if got := fmt.Sprintf("%.0f\t%s\t", e.Onset*r.Rate, e.Label); !strings.HasPrefix(lines[i], got) {
			t.Errorf("event %d is %q, want %q", i, got, lines[i])
		}
	}
}

// made is a file as a test wants it.
type made struct {
	version         string
	length          int64 // of the header; 0 for what it should be
	records         int64
	num, den        uint32
	signals         []madeSignal
	events          []byte
	count           int // of signals; 0 for what it should be
	start           string
	data            []byte
	code            uint16 // of the unit
	dmin, dmax      float64
	physMin, phyMax float64
}

type madeSignal struct {
	label   string
	samples int32
	kind    uint32
}

func sound(version string) made {
	m := made{version: version, records: 3, num: 1, den: 2, code: 4275, dmin: -100, dmax: 100, physMin: -10, phyMax: 10, start: "2002030210111250",
		signals: []madeSignal{{"C3", 2, 3}, {"EOG", 1, 16}, {"Stufe", 2, 1}}}
	for i := range 3 {
		m.data = binary.LittleEndian.AppendUint16(m.data, uint16(10*i))
		m.data = binary.LittleEndian.AppendUint16(m.data, uint16(10*i+1))
		m.data = binary.LittleEndian.AppendUint32(m.data, math.Float32bits(float32(i)+0.5))
		m.data = append(m.data, byte(i), 0xff)
	}
	m.events = table(version, 3, []uint32{5, 1}, []uint16{770, 769}, []uint32{2, 0})
	return m
}

// table is an event table.
func table(version string, mode byte, at []uint32, code []uint16, duration []uint32) []byte {
	b := []byte{mode}
	if version < "GDF 1.94" {
		b = append(b, 4, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(at)))
	} else {
		b = append(b, byte(len(at)), 0, 0)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(4))
	}
	b, _ = binary.Append(b, binary.LittleEndian, at)
	b, _ = binary.Append(b, binary.LittleEndian, code)
	if mode == 3 {
		b = append(b, make([]byte, 2*len(at))...)
		b, _ = binary.Append(b, binary.LittleEndian, duration)
	}
	return b
}

func (m made) content() []byte {
	n := len(m.signals)
	if m.count == 0 {
		m.count = n
	}
	if m.length == 0 {
		m.length = int64(block * (n + 1))
	}
	b := make([]byte, block)
	copy(b, m.version)
	one := m.version < "GDF 1.9"
	if one {
		copy(b[8:], "P01 name")
		copy(b[168:], m.start)
		little.PutUint64(b[184:], uint64(m.length))
		little.PutUint32(b[252:], uint32(m.count))
	} else {
		copy(b[8:], "P01 name")
		const days = 731277                       // 2 March 2002, as MATLAB's datenum counts
		little.PutUint64(b[168:], days<<32|1<<31) // noon
		little.PutUint16(b[184:], uint16(m.length/block))
		little.PutUint16(b[252:], uint16(m.count))
	}
	little.PutUint64(b[236:], uint64(m.records))
	little.PutUint32(b[244:], m.num)
	little.PutUint32(b[248:], m.den)
	put := func(width int, f func(s madeSignal) any) {
		for _, s := range m.signals {
			field := make([]byte, width)
			switch v := f(s).(type) {
			case string:
				copy(field, v)
			default:
				binary.Encode(field, little, v)
			}
			b = append(b, field...)
		}
	}
	nothing := func(madeSignal) any { return "" }
	put(16, func(s madeSignal) any { return s.label })
	put(80, nothing)
	if one {
		put(8, func(madeSignal) any { return "\xb5V" })
	} else {
		put(6, nothing)
		put(2, func(madeSignal) any { return m.code })
	}
	put(8, func(madeSignal) any { return m.physMin })
	put(8, func(madeSignal) any { return m.phyMax })
	if one {
		put(8, func(madeSignal) any { return int64(m.dmin) })
		put(8, func(madeSignal) any { return int64(m.dmax) })
		put(80, nothing)
	} else {
		put(8, func(madeSignal) any { return m.dmin })
		put(8, func(madeSignal) any { return m.dmax })
		put(80, nothing)
	}
	put(4, func(s madeSignal) any { return s.samples })
	put(4, func(s madeSignal) any { return s.kind })
	if one {
		put(32, nothing)
	} else {
		put(32, nothing)
	}
	b = append(b, m.data...)
	return append(b, m.events...)
}

func readBytes(content []byte) (*recording.Recording, error) {
	return read(records.InMemory(content, "test.gdf"))
}

// TestMade reads files of both versions with signals of different types and rates.
func TestMade(t *testing.T) {
	for version, start := range map[string]time.Time{"GDF 1.25": time.Date(2002, 3, 2, 10, 11, 12, 500e6, time.UTC), "GDF 2.10": time.Date(2002, 3, 2, 12, 0, 0, 0, time.UTC),
		"GDF 1.92": time.Date(2002, 3, 2, 12, 0, 0, 0, time.UTC)} {
		r, err := readBytes(sound(version).content())
		if err != nil {
			t.Fatal(version, err)
		}
		if r.Rate != 4 || r.Frames != 6 || !r.Start.Equal(start) || r.Metadata["patient"] != "P01 name" {
			t.Errorf("%s: %g Hz, %d frames, %v, %v", version, r.Rate, r.Frames, r.Start, r.Metadata)
		}
		x, err := r.Read(1, 3)
		if want := []float32{0.1, 0.05, -0.1, 1, 0.15, 0.1, 1.1, 0.15, -0.1}; err != nil || !slices.EqualFunc(x, want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
			t.Errorf("%s: %v, %v, want %v", version, x, err, want)
		}
		if want := []recording.Event{{Onset: 0, Label: "769"}, {Onset: 1, Duration: 0.5, Label: "770"}}; !slices.Equal(r.Events, want) {
			t.Errorf("%s: %v, want %v", version, r.Events, want)
		}
		if c := r.Channels[1]; c.Unit != "uV" || c.Type != "eog" {
			t.Errorf("%s: %+v", version, c)
		}
	}
}

func TestLies(t *testing.T) {
	for _, version := range []string{"GDF 1.25", "GDF 2.10"} {
		change := func(f func(m *made)) []byte {
			m := sound(version)
			f(&m)
			return m.content()
		}
		many := table(version, 1, []uint32{1}, []uint16{1}, nil)
		if version < "GDF 1.94" {
			copy(many[4:], "\xff\xff\xff\xff")
		} else {
			copy(many[1:], "\xff\xff\xff")
		}
		recordtest.Lies(t, readBytes, []recordtest.Lie{
			{Name: "nothing", Want: "256 bytes from here"},
			{Name: "another version", Content: change(func(m *made) { m.version = "GDF 3.00" }), Want: "another 1.x or 2.x"},
			{Name: "not GDF", Content: bytes.Repeat([]byte("x"), 2000), Want: "version"},
			{Name: "more signals than bytes", Content: change(func(m *made) { m.count = 60000 }), Want: "for 60000 signals"},
			{Name: "no signals", Content: change(func(m *made) { m.count = -65536 }), Want: "signals in a file of"},
			{Name: "header beyond the file", Content: change(func(m *made) { m.length = 65535 * block }), Want: "header length"},
			{Name: "too many records", Content: change(func(m *made) { m.records = 1 << 60 }), Want: "truncated"},
			{Name: "negative records", Content: change(func(m *made) { m.records = -5 }), Want: "number of records"},
			{Name: "records not counted", Content: change(func(m *made) { m.records, m.events = -1, nil })},
			{Name: "no events", Content: change(func(m *made) { m.events = nil })},
			{Name: "no duration", Content: change(func(m *made) { m.num = 0 })},
			{Name: "no denominator", Content: change(func(m *made) { m.den = 0 })},
			{Name: "absurd rate", Content: change(func(m *made) { m.num, m.den = 1, 1<<32-1 }), Want: "below 100 MHz"},
			{Name: "negative samples", Content: change(func(m *made) { m.signals[1].samples = -1 }), Want: "-1 samples"},
			{Name: "huge samples", Content: change(func(m *made) { m.signals[1].samples = 1 << 24 }), Want: "truncated"},
			{Name: "no samples", Content: change(func(m *made) { m.signals[1].samples = 0; m.records, m.events = -1, nil })},
			{Name: "unknown type", Content: change(func(m *made) { m.signals[1].kind = 18 }), Want: "samples of type 18"},
			{Name: "no range", Content: change(func(m *made) { m.dmax, m.phyMax = m.dmin, m.physMin })},
			{Name: "range without a number", Content: change(func(m *made) { m.phyMax = math.NaN() }), Want: "a range that ends at NaN"},
			{Name: "event mode", Content: change(func(m *made) { m.events[0] = 7 }), Want: "mode 7"},
			{Name: "more events than bytes", Content: change(func(m *made) { m.events = many }), Want: "event table"},
		})
		whole := sound(version).content()
		// Cut before the event table ends: refused, but for a cut just behind the data or where only the table's head is left.
		if refused := recordtest.Cut(t, readBytes, whole, len(whole), 1); refused < len(whole)-10 {
			t.Errorf("%s: only %d of %d cuts were refused", version, refused, len(whole))
		}
		recordtest.Damage(t, readBytes, whole, len(whole))
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sound("GDF 1.25").content())
	f.Add(sound("GDF 2.10").content())
	m := sound("GDF 2.10")
	m.signals, m.records, m.events = m.signals[:1], -1, nil
	f.Add(m.content())
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := recordtest.Everything(readBytes, content); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

func Example() {
	path := filepath.Join(os.TempDir(), "example.gdf")
	if err := os.WriteFile(path, sound("GDF 2.10").content(), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(path)
	r, err := Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	fmt.Println(r.Rate, "Hz,", r.Frames, "frames of", len(r.Channels), "channels")
	for _, e := range r.Events {
		fmt.Println(e.Onset, "s:", e.Label)
	}
	// Output:
	// 4 Hz, 6 frames of 3 channels
	// 0 s: 769
	// 1 s: 770
}
