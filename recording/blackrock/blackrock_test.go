package blackrock

import (
	"encoding/json"
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
			want.Check(t, r)
			var gaps [][2]float64 // frame, missing samples
			if err := json.Unmarshal(want.Extra, &gaps); err != nil {
				t.Fatal(err)
			}
			if len(r.Gaps) != len(gaps) {
				t.Fatalf("gaps %v, want %v", r.Gaps, gaps)
			}
			for i, g := range r.Gaps {
				if float64(g.Frame) != gaps[i][0] || math.Abs(g.Seconds*r.Rate-gaps[i][1]) > 1e-6 {
					t.Errorf("gap %v, want %v", g, gaps[i])
				}
			}
		})
	}
}

// TestOldest reads the file of specification 2.1, which MNE-Python does not, and compares with the same numbers in the others.
func TestOldest(t *testing.T) {
	const folder = "eeg/formats/blackrock-nsx/"
	old, err := recording.Open(recordtest.Data(t, folder+"test_NEURALSG_raw.ns3"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if old.Frames != 100 || len(old.Channels) != 128 || old.Rate != 2000 || old.Channels[5].Name != "chan5" {
		t.Fatalf("%d frames of %d channels at %g Hz, %v", old.Frames, len(old.Channels), old.Rate, old.Channels[5])
	}
	newer, err := recording.Open(recordtest.Data(t, folder+"test_NEURALCD_raw.ns3"))
	if err != nil {
		t.Fatal(err)
	}
	defer newer.Close()
	x, err := old.Read(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	y, err := newer.Read(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		if want := x[i] * 5000 / 8192; math.Abs(float64(y[i]-want)) > 1e-4 {
			t.Fatalf("number %d is %v, and %v in the newer file", i, x[i], y[i])
		}
	}
}

// made is a file of two channels as a test wants it.
type made struct {
	id       string
	period   uint32
	ticks    uint32
	channels uint32
	length   uint32 // of the header; 0 for what it is
	month    uint16
	packets  []packet
	tail     []byte
}

type packet struct {
	stamp  uint64
	frames int
	claims uint32 // frames by its head; 0 for as many as there are
	begin  byte
}

func sound(id string, packets ...packet) made {
	return made{id: id, period: 30, ticks: 30000, channels: 2, month: 2, packets: packets}
}

// content counts frames on from 0 in the first channel and down in the second.
func (m made) content() []byte {
	b := []byte(m.id)
	if m.id == type21 {
		b = append(b, "1 kS/s          "...)
		b = little.AppendUint32(b, m.period)
		b = little.AppendUint32(b, m.channels)
		b = little.AppendUint32(b, 7)
		b = little.AppendUint32(b, 8)
	} else {
		length := m.length
		if length == 0 {
			length = basicBytes + 2*channelBytes
		}
		b = append(b, 2, 3)
		b = little.AppendUint32(b, length)
		b = append(b, make([]byte, 272)...)
		b = little.AppendUint32(b, m.period)
		b = little.AppendUint32(b, m.ticks)
		for _, v := range []uint16{2020, m.month, 0, 3, 10, 11, 12, 250} {
			b = little.AppendUint16(b, v)
		}
		b = little.AppendUint32(b, m.channels)
		for i := range 2 {
			c := make([]byte, channelBytes)
			copy(c, "CC")
			copy(c[4:], fmt.Sprint("elec", i))
			for k, v := range []int16{-1000, 1000, -500, 500} {
				little.PutUint16(c[22+2*k:], uint16(v))
			}
			copy(c[30:], "uV")
			little.PutUint32(c[46:], 300)
			b = append(b, c...)
		}
	}
	n := 0
	for _, p := range m.packets {
		if m.id != type21 {
			b = append(b, p.begin^1)
			if m.id == type30 {
				b = little.AppendUint64(b, p.stamp)
			} else {
				b = little.AppendUint32(b, uint32(p.stamp))
			}
			if p.claims == 0 {
				p.claims = uint32(p.frames)
			}
			b = little.AppendUint32(b, p.claims)
		}
		for range p.frames {
			b = little.AppendUint16(b, uint16(2*n))
			b = little.AppendUint16(b, uint16(-2*n))
			n++
		}
	}
	return append(b, m.tail...)
}

func readBytes(content []byte) (*recording.Recording, error) {
	return read(records.InMemory(content, "test.ns3"))
}

// TestMade reads packets of many frames and of one, with a gap of 100 ms.
func TestMade(t *testing.T) {
	ptp := sound(type30)
	ptp.ticks = 1e9
	for i := range 3 {
		ptp.packets = append(ptp.packets, packet{stamp: uint64(5e9 + 1e6*i), frames: 1})
	}
	ptp.packets = append(ptp.packets, packet{stamp: 5e9 + 103e6, frames: 4}, packet{stamp: 5e9 + 107e6, frames: 1})
	for name, c := range map[string]struct {
		m    made
		gaps int
	}{
		"2.1": {sound(type21, packet{frames: 8}), 0},
		"2.2": {sound(type22, packet{stamp: 90, frames: 3}, packet{}, packet{stamp: 90 + 30*103, frames: 5}), 1},
		"3.0": {sound(type30, packet{stamp: 90, frames: 3}, packet{stamp: 90 + 30*103, frames: 4}, packet{stamp: 90 + 30*107, frames: 1}), 1},
		"PTP": {ptp, 1},
	} {
		r, err := readBytes(c.m.content())
		if err != nil {
			t.Fatal(name, err)
		}
		gain := float32(0.5)
		if name == "2.1" {
			gain = 1
		} else if !r.Start.Equal(time.Date(2020, 2, 3, 10, 11, 12, 250e6, time.UTC)) || r.Channels[1].Name != "elec1" || r.Channels[0].Unit != "uV" || r.Metadata["highpass"] != "0.3 Hz" {
			t.Errorf("%s: %v %v %v", name, r.Start, r.Channels, r.Metadata)
		}
		x, err := r.Read(0, int(r.Frames))
		var want []float32
		for i := range 8 {
			want = append(want, float32(2*i)*gain, float32(-2*i)*gain)
		}
		if err != nil || !slices.Equal(x, want) || r.Rate != 1000 {
			t.Errorf("%s: %v at %g Hz, %v, want %v", name, x, r.Rate, err, want)
		}
		if len(r.Gaps) != c.gaps || (c.gaps > 0 && (r.Gaps[0].Frame != 3 || math.Abs(r.Gaps[0].Seconds-0.1) > 1e-9)) {
			t.Errorf("%s: gaps %v", name, r.Gaps)
		}
	}
}

func TestLies(t *testing.T) {
	change := func(f func(m *made)) []byte {
		m := sound(type22, packet{frames: 3}, packet{stamp: 90, frames: 5})
		f(&m)
		return m.content()
	}
	recordtest.Lies(t, readBytes, []recordtest.Lie{
		{Name: "nothing", Want: "8 bytes from here"},
		{Name: "another type", Content: change(func(m *made) { m.id = "NEURALEV" }), Want: "NEURALSG, NEURALCD or BRSMPGRP"},
		{Name: "no period", Content: change(func(m *made) { m.period = 0 }), Want: "period"},
		{Name: "no ticks", Content: change(func(m *made) { m.ticks = 0 }), Want: "period"},
		{Name: "no channels", Content: change(func(m *made) { m.channels = 0 }), Want: "header length"},
		{Name: "more channels than bytes", Content: change(func(m *made) { m.channels = 1<<32 - 1 }), Want: "header length"},
		{Name: "header beyond the file", Content: change(func(m *made) { m.length = 1 << 31 }), Want: "header length"},
		{Name: "oldest, more channels than bytes", Content: change(func(m *made) { m.id, m.channels = type21, 1<<32-1 }), Want: "channel numbers"},
		{Name: "oldest, no channels", Content: change(func(m *made) { m.id, m.channels = type21, 0 }), Want: "number of channels"},
		{Name: "packet that is none", Content: change(func(m *made) { m.packets[1].begin = 9 }), Want: "a packet that begins with 8"},
		{Name: "packet beyond the file", Content: change(func(m *made) { m.packets[1].claims = 1<<32 - 1 })},
		{Name: "strange date", Content: change(func(m *made) { m.month = 77 })},
		{Name: "a long comment in the header", Content: append(change(func(m *made) { m.length = basicBytes + 2*channelBytes + 20 }), make([]byte, 4)...), Want: "packet"},
	})
	whole := sound(type30, packet{frames: 3}, packet{stamp: 90, frames: 1}, packet{stamp: 120, frames: 1}).content()
	header := basicBytes + 2*channelBytes
	if refused := recordtest.Cut(t, readBytes, whole, len(whole), 1); refused != header {
		t.Errorf("%d cuts were refused, want the %d within the header", refused, header)
	}
	r, err := readBytes(whole[:len(whole)-1])
	if err != nil || r.Frames != 4 || !strings.Contains(strings.Join(r.Warnings, "; "), "3 bytes of an incomplete") {
		t.Errorf("cut in the last packet: %v, %v", r, err)
	}
	recordtest.Damage(t, readBytes, whole, len(whole))
}

func FuzzRead(f *testing.F) {
	f.Add(sound(type21, packet{frames: 8}).content())
	f.Add(sound(type22, packet{frames: 3}, packet{stamp: 900, frames: 5}).content())
	f.Add(sound(type30, packet{frames: 1}, packet{stamp: 30, frames: 1}, packet{stamp: 60, frames: 2}).content())
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := recordtest.Everything(readBytes, content); err != nil && !recordtest.Refused(err) {
			t.Fatal(err)
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "blackrock")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "x.ns2")
	if err := os.WriteFile(path, sound(type22, packet{frames: 300}, packet{stamp: 30 * 800, frames: 200}).content(), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	r, err := recording.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	fmt.Println(r.Frames, "frames,", r.Rate, "Hz, gaps", r.Gaps)
	// Output:
	// 500 frames, 1000 Hz, gaps [{300 0.5}]
}
