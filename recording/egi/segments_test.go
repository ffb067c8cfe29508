package egi

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

// madeSegments is a segmented file as a test wants it: two channels and one line, four frames a segment, of two categories.
type madeSegments struct {
	version       uint32
	categories    []string
	count, frames int // as the header says
	heads         [][2]int
	lines         int16
	cut           int
}

func soundSegments() madeSegments {
	return madeSegments{version: 3, categories: []string{"left", "Größe"}, count: 3, frames: 4, heads: [][2]int{{1, 1000}, {2, 2000}, {1, 2008}}, lines: 1}
}

func (m madeSegments) content() []byte {
	b := big.AppendUint32(nil, m.version)
	put := func(v ...int) {
		for _, x := range v {
			b = big.AppendUint16(b, uint16(x))
		}
	}
	put(2020, 2, 3, 10, 11, 12)
	b = big.AppendUint32(b, 250)
	put(500, 2, 1, 0, 0, len(m.categories))
	for _, c := range m.categories {
		b = append(append(b, byte(len(c))), c...)
	}
	put(m.count)
	b = big.AppendUint32(b, uint32(m.frames))
	put(int(m.lines))
	b = append(b, "stim"...)
	for i, h := range m.heads {
		put(h[0])
		b = big.AppendUint32(b, uint32(h[1]))
		for f := range 4 {
			line := 0
			if f == 3 || f == 0 && i > 0 { // on at the end of a segment and the beginning of the next
				line = 1
			}
			for _, v := range []int{4*i + f, -100 * (4*i + f), line} {
				switch m.version {
				case 5:
					b = big.AppendUint32(b, math.Float32bits(float32(v)))
				case 7:
					b = big.AppendUint64(b, math.Float64bits(float64(v)))
				default:
					b = big.AppendUint16(b, uint16(v))
				}
			}
		}
	}
	return b[:len(b)-m.cut]
}

// TestSegments reads segments of every precision from a file: samples, gaps, categories, and stimuli that do not go on from one into the next.
func TestSegments(t *testing.T) {
	for _, version := range []uint32{3, 5, 7} {
		m := soundSegments()
		m.version = version
		path := filepath.Join(t.TempDir(), "x.raw")
		if err := os.WriteFile(path, m.content(), 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := recording.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if r.Frames != 12 || r.Metadata["segments"] != "3 of 4 samples" || len(r.Warnings) > 0 || !r.Start.Equal(time.Date(2020, 2, 3, 10, 11, 13, 250e6, time.UTC)) {
			t.Errorf("version %d: %d frames, %v, %v, from %v", version, r.Frames, r.Metadata, r.Warnings, r.Start)
		}
		x, err := r.Read(3, 6)
		if want := []float32{3, -300, 1, 4, -400, 1, 5, -500, 0, 6, -600, 0, 7, -700, 1, 8, -800, 1}; err != nil || !slices.Equal(x, want) {
			t.Errorf("version %d: %v, %v, want %v", version, x, err, want)
		}
		if len(r.Gaps) != 2 || r.Gaps[0].Frame != 4 || math.Abs(r.Gaps[0].Seconds-0.992) > 1e-9 || r.Gaps[1].Frame != 8 || r.Gaps[1].Seconds > 1e-9 {
			t.Errorf("version %d: gaps %v", version, r.Gaps)
		}
		recordtest.Golden{Events: []recordtest.Event{{Onset: 0, Duration: 0.008, Label: "left"}, {Onset: 0.006, Label: "stim"}, {Onset: 1, Duration: 0.008, Label: "Größe"}, {Onset: 1, Label: "stim"},
			{Onset: 1.006, Label: "stim"}, {Onset: 1.008, Duration: 0.008, Label: "left"}, {Onset: 1.008, Label: "stim"}, {Onset: 1.014, Label: "stim"}}}.CheckEvents(t, r.Events)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := r.Read(0, 1); err == nil {
			t.Error("the file is still open")
		}
	}
}

// TestSortedSegments has times that fall where the next category begins.
func TestSortedSegments(t *testing.T) {
	m := soundSegments()
	m.heads = [][2]int{{1, 1000}, {1, 5000}, {2, 2000}}
	r, err := readBytes(m.content())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Gaps) != 2 || r.Gaps[0].Seconds != 0 || r.Gaps[1].Seconds != 0 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "not in the order of their times") ||
		r.Events[len(r.Events)-1].Onset > 0.024 || r.Start.Second() != 12 {
		t.Errorf("gaps %v, warnings %v, events %v", r.Gaps, r.Warnings, r.Events)
	}
}

func TestBadSegments(t *testing.T) {
	change := func(f func(m *madeSegments)) []byte {
		m := soundSegments()
		f(&m)
		return m.content()
	}
	recordtest.Lies(t, readBytes, []recordtest.Lie{
		{Name: "more segments", Content: change(func(m *madeSegments) { m.count = 4 }), Want: "4 segments of 30 bytes"},
		{Name: "negative segments", Content: change(func(m *madeSegments) { m.count = -1 }), Want: "number of segments"},
		{Name: "longer segments", Content: change(func(m *madeSegments) { m.frames = 1 << 30 }), Want: "truncated"},
		{Name: "negative samples", Content: change(func(m *madeSegments) { m.frames = -1 }), Want: "number of samples"},
		{Name: "negative lines", Content: change(func(m *madeSegments) { m.lines = -1 }), Want: "number of stimulus lines"},
		{Name: "no such category", Content: change(func(m *madeSegments) { m.heads[1][0] = 3 }), Want: "category of a segment, at byte 87: found 3, expected 1 to 2"},
		{Name: "category 0", Content: change(func(m *madeSegments) { m.heads[0][0] = 0 }), Want: "category of a segment"},
		{Name: "long name", Content: append(change(func(m *madeSegments) { m.categories = nil })[:30], 0, 1, 255, 'x', 'x', 'x', 'x'), Want: "name of a category"},
		{Name: "no segments", Content: change(func(m *madeSegments) { m.count, m.heads = 0, nil })},
		{Name: "no samples", Content: change(func(m *madeSegments) { m.frames, m.count, m.heads = 0, 0, nil })},
		{Name: "no categories", Content: change(func(m *madeSegments) { m.categories, m.heads[1][0] = nil, 1 })},
	})
	whole := soundSegments().content()
	if refused := recordtest.Cut(t, readBytes, whole, len(whole), 1); refused != len(whole) {
		t.Errorf("%d of %d cuts were refused", refused, len(whole))
	}
	recordtest.Damage(t, readBytes, whole, len(whole))
}
