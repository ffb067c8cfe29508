package egi

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

// TestGolden holds the real file against what MNE-Python sees in it.
func TestGolden(t *testing.T) {
	const name = "eeg/formats/egi/test_egi.raw"
	r, err := recording.Open(recordtest.Data(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	recordtest.Load(t)[name].Check(t, r)
}

// made is a file as a test wants it: two channels and three lines, eight frames.
type made struct {
	version                             uint32
	rate, channels, lines, bits, rangeV int16
	frames                              int32
	cut                                 int // bytes missing at the end
	month                               int16
}

func sound() made {
	return made{version: 2, rate: 500, channels: 2, lines: 3, frames: 8, month: 2}
}

func (m made) content() []byte {
	b := big.AppendUint32(nil, m.version)
	put := func(v ...int16) {
		for _, x := range v {
			b = big.AppendUint16(b, uint16(x))
		}
	}
	put(2020, m.month, 3, 10, 11, 12)
	b = big.AppendUint32(b, 250)
	put(m.rate, m.channels, 1, m.bits, m.rangeV)
	b = big.AppendUint32(b, uint32(m.frames))
	put(m.lines)
	b = append(b, "stimrespsync"...)
	lines := [8][3]int{1: {1, 0, 1}, 2: {1, 0, 1}, 3: {0, 1, 0}, 7: {1, 0, 0}}
	for f := range 8 {
		for _, v := range []int{f, -100 * f, lines[f][0], lines[f][1], lines[f][2]} {
			switch m.version {
			case 4:
				b = big.AppendUint32(b, math.Float32bits(float32(v)))
			case 6:
				b = big.AppendUint64(b, math.Float64bits(float64(v)))
			default:
				b = big.AppendUint16(b, uint16(v))
			}
		}
	}
	return b[:len(b)-m.cut]
}

func readBytes(content []byte) (*recording.Recording, error) {
	return read(records.InMemory(content, "test.raw"))
}

// TestMade reads the same recording in every precision, the integers with a gain of a half.
func TestMade(t *testing.T) {
	for version, gain := range map[uint32]float32{2: 0.5, 4: 1, 6: 1} {
		m := sound()
		m.version = version
		if version == 2 {
			m.bits, m.rangeV = 12, 2048
		}
		r, err := readBytes(m.content())
		if err != nil {
			t.Fatal(err)
		}
		x, err := r.Read(2, 2)
		if want := []float32{2 * gain, -200 * gain, 1, 0, 1, 3 * gain, -300 * gain, 0, 1, 0}; err != nil || !slices.Equal(x, want) {
			t.Errorf("version %d: %v, %v, want %v", version, x, err, want)
		}
		recordtest.Golden{Events: []recordtest.Event{{Onset: 0.002, Duration: 0.004, Label: "stim"}, {Onset: 0.006, Label: "resp"}, {Onset: 0.014, Label: "stim"}}}.CheckEvents(t, r.Events)
		if want := time.Date(2020, 2, 3, 10, 11, 12, 250e6, time.UTC); !r.Start.Equal(want) || r.Rate != 500 || r.Channels[3].Name != "resp" || r.Channels[3].Type != "stim" {
			t.Errorf("version %d: %v, %g Hz, %+v", version, r.Start, r.Rate, r.Channels[3])
		}
	}
}

func TestLies(t *testing.T) {
	change := func(f func(m *made)) []byte {
		m := sound()
		f(&m)
		return m.content()
	}
	recordtest.Lies(t, readBytes, []recordtest.Lie{
		{Name: "nothing", Want: "36 bytes from here"},
		{Name: "version", Content: change(func(m *made) { m.version = 8 }), Want: "2 to 7"},
		{Name: "segmented, but continuous", Content: change(func(m *made) { m.version = 3 }), Want: "codes of stimulus lines"},
		{Name: "no rate", Content: change(func(m *made) { m.rate = 0 }), Want: "rate"},
		{Name: "negative rate", Content: change(func(m *made) { m.rate = -1 }), Want: "rate"},
		{Name: "no channels", Content: change(func(m *made) { m.channels = 0 }), Want: "number of channels"},
		{Name: "negative lines", Content: change(func(m *made) { m.lines = -1 }), Want: "number of stimulus lines"},
		{Name: "many lines", Content: change(func(m *made) { m.lines = 32767 }), Want: "codes of stimulus lines"},
		{Name: "negative length", Content: change(func(m *made) { m.frames = -1 }), Want: "number of samples"},
		{Name: "too long", Content: change(func(m *made) { m.frames = 1 << 30 }), Want: "truncated"},
		{Name: "cut", Content: change(func(m *made) { m.cut = 1 }), Want: "7 frames and 9 bytes"},
		{Name: "nothing recorded", Content: change(func(m *made) { m.frames = 0 })},
		{Name: "strange date", Content: change(func(m *made) { m.month = 77 })},
	})
	whole := sound().content()
	if refused := recordtest.Cut(t, readBytes, whole, len(whole), 1); refused != len(whole) {
		t.Errorf("%d of %d cuts were refused", refused, len(whole))
	}
	recordtest.Damage(t, readBytes, whole, len(whole))
}

func FuzzRead(f *testing.F) {
	m := sound()
	f.Add(m.content())
	m.version = 4
	f.Add(m.content())
	m.version = 6
	f.Add(m.content())
	for version := uint32(3); version < 8; version += 2 {
		s := soundSegments()
		s.version = version
		f.Add(s.content())
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := recordtest.Everything(readBytes, content); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "egi")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "x.raw")
	if err := os.WriteFile(path, sound().content(), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	r, err := recording.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	fmt.Println(len(r.Channels), "channels,", r.Rate, "Hz")
	fmt.Println(r.Events)
	// Output:
	// 5 channels, 500 Hz
	// [{0.002 0.004 stim} {0.006 0 resp} {0.014 0 stim}]
}
