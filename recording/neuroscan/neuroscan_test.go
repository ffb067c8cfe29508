package neuroscan

import (
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

// TestGolden holds the real file against what MNE-Python sees in it (see golden.py).
func TestGolden(t *testing.T) {
	for name, want := range recordtest.Load(t) {
		r, err := recording.Open(recordtest.Data(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		want.Check(t, r)
		if !strings.Contains(strings.Join(r.Warnings, "; "), "the header says blocks of 8, but the samples are taken as multiplexed") {
			t.Errorf("metadata %v", r.Metadata)
		}
	}
}

// made is a file as a test wants it: two channels that rise slowly, far from each other.
type made struct {
	bits      int // 16 by default
	frames    int
	block     int // samples in a row; 0 for multiplexed
	offset    int32
	claimed   int32 // samples by the header
	rate      uint16
	channels  uint16
	table     int64 // where the header says the event table is; 0 for where it is
	events    []byte
	kind      byte
	length    int32 // of the event table; 0 for what it is
	mark      bool
	badSecond bool
	gain      float32
}

func sound() made {
	m := made{bits: 16, frames: 16, claimed: 16, rate: 250, channels: 2, kind: 1, gain: 1}
	at := func(frame int) uint32 { return uint32(900 + 150 + (frame+1)*4) }
	for _, e := range []struct {
		code      uint16
		key, mark byte
		frame     int
	}{{7, 0, 0, 2}, {0, 3, 0, 4}, {0, 0, 2, 5}, {1, 0, 0xc0, 6}, {0, 0, 0xd0, 9}} {
		m.events = binary.LittleEndian.AppendUint16(m.events, e.code)
		m.events = append(m.events, e.key, e.mark)
		m.events = binary.LittleEndian.AppendUint32(m.events, at(e.frame))
	}
	return m
}

func (m made) content() []byte {
	b := make([]byte, setupBytes+2*electrodeBytes)
	copy(b, "Version 3.0")
	copy(b[121:], "Unspecified")
	copy(b[225:], "02/03/20")
	copy(b[235:], "10:11:12")
	little.PutUint16(b[370:], m.channels)
	little.PutUint16(b[376:], m.rate)
	b[438] = 1
	little.PutUint32(b[875:], math.Float32bits(100))
	little.PutUint32(b[864:], uint32(m.claimed))
	little.PutUint32(b[894:], uint32(m.offset))
	for i, name := range []string{"FPZ", "HEOG"} {
		e := b[setupBytes+i*electrodeBytes:]
		copy(e, name)
		little.PutUint16(e[47:], uint16(i))
		little.PutUint32(e[59:], math.Float32bits(204.8))
		little.PutUint32(e[71:], math.Float32bits(m.gain))
		if i == 1 && m.badSecond {
			e[14] = 1
		}
	}
	put := func(v int) {
		if m.bits == 32 {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		} else {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
	}
	block := max(1, m.block)
	for f := 0; f < m.frames; f += block {
		for c := range 2 {
			for i := range block {
				put(f + i + 1000*c)
			}
		}
	}
	at := int64(len(b))
	if m.table != 0 {
		at = m.table
	}
	little.PutUint32(b[886:], uint32(at))
	if m.length == 0 {
		m.length = int32(len(m.events))
	}
	b = append(b, m.kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(m.length))
	b = append(append(b, 0, 0, 0, 0), m.events...)
	if m.mark {
		little.PutUint32(b[12:], uint32(len(b)))
		b = append(b, make([]byte, 60)...)
		b[len(b)-8] = 1
	}
	return b
}

func readBytes(content []byte) (*recording.Recording, error) {
	return read(records.InMemory(content, "test.cnt"))
}

// TestMade reads the same signals in every order and width.
func TestMade(t *testing.T) {
	for name, change := range map[string]func(m *made){
		"16 bits":               func(m *made) {},
		"32 bits":               func(m *made) { m.bits = 32 },
		"32 bits, marked":       func(m *made) { m.bits, m.mark, m.claimed = 32, true, 0 },
		"16 bits, not counted":  func(m *made) { m.claimed = 0 },
		"blocks":                func(m *made) { m.block, m.offset = 8, 16 },
		"blocks of 32 bits":     func(m *made) { m.bits, m.block, m.offset = 32, 4, 16 },
		"blocks that are none":  func(m *made) { m.offset = 16 },
		"miscounted":            func(m *made) { m.claimed = 17 },
		"table nowhere to find": func(m *made) { m.table = 1 << 31 },
		"bad channel":           func(m *made) { m.badSecond = true },
	} {
		t.Run(name, func(t *testing.T) {
			m := sound()
			change(&m)
			if m.bits == 32 { // offsets are in bytes
				for i := 4; i < len(m.events); i += 8 {
					little.PutUint32(m.events[i:], 1050+2*(little.Uint32(m.events[i:])-1050))
				}
			}
			r, err := readBytes(m.content())
			if err != nil {
				t.Fatal(err)
			}
			x, err := r.Read(7, 2)
			if want := []float32{7, 1006, 8, 1007}; err != nil || !slices.Equal(x, want) || r.Frames != 16 || r.Rate != 250 {
				t.Errorf("%v, %v, want %v; %d frames at %g Hz", x, err, want, r.Frames, r.Rate)
			}
			recordtest.Golden{Events: []recordtest.Event{{Onset: 2. / 250, Label: "7"}, {Onset: 4. / 250, Label: "Keyboard Response 3"},
				{Onset: 5. / 250, Label: "KeyPad Response 2"}, {Onset: 6. / 250, Duration: 3. / 250, Label: "BAD_1"}}}.CheckEvents(t, r.Events)
			if !r.Start.Equal(time.Date(2020, 2, 3, 10, 11, 12, 0, time.UTC)) || r.Metadata["lowpass"] != "100 Hz" || r.Metadata["patient"] != "" {
				t.Errorf("%v %v", r.Start, r.Metadata)
			}
			if got := r.Metadata["bad channels"]; (got == "HEOG") != m.badSecond {
				t.Errorf("bad channels %q", got)
			}
		})
	}
}

// TestEventTypes reads the longer entries, type 3 of which counts frames.
func TestEventTypes(t *testing.T) {
	for kind, offset := range map[byte]uint32{2: 1050 + 4*11, 3: 1050/4 + 1 + 11} {
		m := sound()
		m.kind = kind
		m.events = binary.LittleEndian.AppendUint16(nil, 300)
		m.events = binary.LittleEndian.AppendUint32(append(m.events, 0, 0), offset)
		m.events = append(m.events, make([]byte, 11)...)
		r, err := readBytes(m.content())
		if err != nil {
			t.Fatal(err)
		}
		recordtest.Golden{Events: []recordtest.Event{{Onset: 10. / 250, Label: "300"}}}.CheckEvents(t, r.Events)
	}
}

func TestLies(t *testing.T) {
	change := func(f func(m *made)) []byte {
		m := sound()
		f(&m)
		return m.content()
	}
	recordtest.Lies(t, readBytes, []recordtest.Lie{
		{Name: "nothing", Want: "900 bytes from here"},
		{Name: "another format", Content: append([]byte("RIFF"), make([]byte, 2000)...), Want: "ANT Neuro"},
		{Name: "no rate", Content: change(func(m *made) { m.rate = 0 }), Want: "0 Hz"},
		{Name: "no channels", Content: change(func(m *made) { m.channels = 0 }), Want: "number of channels"},
		{Name: "more channels than bytes", Content: change(func(m *made) { m.channels = 65535 }), Want: "electrodes"},
		{Name: "truncated", Content: change(func(m *made) { m.table, m.claimed = 1<<31, 1000 }), Want: "truncated"},
		{Name: "neither length", Content: change(func(m *made) { m.table, m.claimed = 1<<31, 0 }), Want: "a place within the file"},
		{Name: "negative count", Content: change(func(m *made) { m.claimed = -5 })},
		{Name: "table in the header", Content: change(func(m *made) { m.table = 10 })},
		{Name: "huge blocks", Content: change(func(m *made) { m.offset = 1 << 30 })},
		{Name: "negative blocks", Content: change(func(m *made) { m.offset = -4 })},
		{Name: "event type", Content: change(func(m *made) { m.kind = 9 }), Want: "type 9"},
		{Name: "events beyond the file", Content: change(func(m *made) { m.length = 1 << 30 }), Want: "event table"},
		{Name: "negative events", Content: change(func(m *made) { m.length = -8 }), Want: "a length of -8 bytes"},
		{Name: "gain", Content: change(func(m *made) { m.gain = float32(math.NaN()) }), Want: "a gain of NaN"},
	})
	whole := sound().content()
	// Cut just before the event table, a file is a sound one without events.
	if refused := recordtest.Cut(t, readBytes, whole, len(whole), 1); refused != len(whole)-1 {
		t.Errorf("%d of %d cuts were refused", refused, len(whole))
	}
	m := sound()
	m.block, m.offset = 8, 16
	recordtest.Damage(t, readBytes, m.content(), len(whole))
}

func FuzzRead(f *testing.F) {
	m := sound()
	f.Add(m.content())
	m.block, m.offset = 8, 16
	f.Add(m.content())
	m.bits, m.mark = 32, true
	f.Add(m.content())
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := recordtest.Everything(readBytes, content); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "neuroscan")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "x.cnt")
	if err := os.WriteFile(path, sound().content(), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	r, err := Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	fmt.Println(r.Channels[0].Name, r.Channels[1].Type, r.Rate, "Hz")
	for _, e := range r.Events[:2] {
		fmt.Printf("%.3f s %s\n", e.Onset, e.Label)
	}
	// Output:
	// FPZ eog 250 Hz
	// 0.008 s 7
	// 0.016 s Keyboard Response 3
}
