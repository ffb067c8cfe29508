package records

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

// put writes the number v as type t and returns what it reads back as.
func put(b []byte, t Type, big bool, v int64) float64 {
	var bo binary.ByteOrder = binary.LittleEndian
	if big {
		bo = binary.BigEndian
	}
	switch t {
	case Int8:
		b[0] = byte(v)
		return float64(int8(v))
	case Uint8:
		b[0] = byte(v)
		return float64(uint8(v))
	case Int16:
		bo.PutUint16(b, uint16(v))
		return float64(int16(v))
	case Uint16:
		bo.PutUint16(b, uint16(v))
		return float64(uint16(v))
	case Int24, Uint24:
		var four [4]byte
		bo.PutUint32(four[:], uint32(v)&0xffffff)
		if big {
			copy(b, four[1:])
		} else {
			copy(b, four[:3])
		}
		if t == Int24 {
			return float64(int32(uint32(v)<<8) >> 8)
		}
		return float64(uint32(v) & 0xffffff)
	case Int32:
		bo.PutUint32(b, uint32(v))
		return float64(int32(v))
	case Uint32:
		bo.PutUint32(b, uint32(v))
		return float64(uint32(v))
	case Int64:
		bo.PutUint64(b, uint64(v))
		return float64(v)
	case Uint64:
		bo.PutUint64(b, uint64(v))
		return float64(uint64(v))
	case Float32:
		bo.PutUint32(b, math.Float32bits(float32(v)/3))
		return float64(float32(v) / 3)
	default:
		bo.PutUint64(b, math.Float64bits(float64(v)/3))
		return float64(v) / 3
	}
}

// made lays out a random file and gives the values of every signal at its own rate.
func made(rng *rand.Rand) (Layout, []byte, [][]float64, [][]float64) {
	l := Layout{Start: rng.Int64N(50), BigEndian: rng.IntN(3) == 0, Frames: 1}
	if rng.IntN(3) > 0 {
		l.Frames = 1 + rng.Int64N(300)
	}
	records := 1 + rng.Int64N(20)
	one := Type(1 + rng.IntN(12)) // of all signals, in most files
	if rng.IntN(2) == 0 {
		one = Int16
	}
	tidy := rng.IntN(2) == 0 // nothing between the signals
	for range 1 + rng.IntN(10) {
		g := Signal{Type: one, Count: l.Frames, Gain: 1 + rng.Float64(), Offset: rng.Float64()}
		if rng.IntN(6) == 0 && !tidy {
			g.Type = Type(1 + rng.IntN(12))
		}
		if rng.IntN(4) == 0 {
			g.Count = 1 + rng.Int64N(l.Frames)
		}
		if rng.IntN(6) == 0 && !tidy {
			g.Mask, g.Gain, g.Offset = 0xff, 1, 0
			g.Type = Int24
		}
		if !tidy {
			l.Bytes += rng.Int64N(3)
		}
		g.At = l.Bytes
		l.Bytes += g.Count * int64(g.Type.Size())
		l.Signals = append(l.Signals, g)
	}
	l.Total = records*l.Frames - rng.Int64N(l.Frames)
	file := make([]byte, l.Start+records*l.Bytes)
	values, numbers := make([][]float64, len(l.Signals)), make([][]float64, len(l.Signals))
	for c, g := range l.Signals {
		for r := range records {
			for i := range g.Count {
				n := put(file[l.Start+r*l.Bytes+g.At+i*int64(g.Type.Size()):], g.Type, l.BigEndian, int64(rng.Uint64()))
				numbers[c] = append(numbers[c], n)
				if g.Mask != 0 {
					n = float64(int32(n) & g.Mask)
				}
				values[c] = append(values[c], n*g.Gain+g.Offset)
			}
		}
	}
	return l, file, values, numbers
}

// TestRandomLayouts reads parts of files of every layout and type and compares with what was put there.
func TestRandomLayouts(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l, file, values, numbers := made(rng)
		s, err := New(InMemory(file, "test"), l)
		if err != nil {
			t.Fatal(err)
		}
		channels := len(l.Signals)
		for range 6 {
			first := rng.Int64N(l.Total)
			n := 1 + rng.Int64N(l.Total-first)
			dst := make([]float32, n*int64(channels))
			if got, err := s.ReadFrames(dst, first); err != nil || int64(got) != n {
				t.Fatalf("seed %d: %d frames, %v", seed, got, err)
			}
			for i := range n {
				for c, g := range l.Signals {
					f := first + i
					want := float32(values[c][f/l.Frames*g.Count+f%l.Frames*g.Count/l.Frames])
					if got := dst[i*int64(channels)+int64(c)]; got != want && !(got != got && want != want) {
						t.Fatalf("seed %d: frame %d channel %d is %v, want %v (%+v)", seed, f, c, got, want, l)
					}
				}
			}
		}
		for c := range l.Signals {
			total := s.Samples(c)
			first := rng.Int64N(total)
			for k, want := range [][]float64{values[c], numbers[c]} {
				dst := make([]float64, total-first+1)
				read := []func([]float64, int, int64) (int, error){s.ReadSignal, s.ReadNumbers}[k]
				n, err := read(dst, c, first)
				if int64(n) != total-first || err != io.EOF {
					t.Fatalf("seed %d: %d samples of %d, %v", seed, n, total-first, err)
				}
				for i, got := range dst[:n] {
					if want := want[first+int64(i)]; got != want && !(got != got && want != want) {
						t.Fatalf("seed %d: signal %d sample %d is %v, want %v", seed, c, i, got, want)
					}
				}
			}
		}
		if n, err := s.ReadFrames(make([]float32, 3*channels), l.Total-1); n != 1 || err != io.EOF {
			t.Fatalf("seed %d: behind the end: %d, %v", seed, n, err)
		}
	}
}

// TestLargeRecords reads records that are longer than the buffer, whole and in part, and in parallel.
func TestLargeRecords(t *testing.T) {
	for _, c := range []struct{ channels, frames, records int64 }{{3, 700001, 1}, {2, 3 << 20, 2}, {70, 8000, 3}, {33, 1, 90000}} {
		l := Layout{Bytes: 2 * c.channels * c.frames, Frames: c.frames, Total: c.frames * c.records}
		for i := range c.channels {
			l.Signals = append(l.Signals, Signal{At: 2 * i * c.frames, Count: c.frames, Type: Int16, Gain: 1})
		}
		file := make([]byte, l.Bytes*c.records)
		for i := 0; i < len(file); i += 2 {
			binary.LittleEndian.PutUint16(file[i:], uint16(i/2*7))
		}
		s, err := New(InMemory(file, "test"), l)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][2]int64{{0, l.Total}, {c.frames / 3, l.Total / 2}, {l.Total - 5, 5}} {
			dst := make([]float32, part[1]*c.channels)
			if n, err := s.ReadFrames(dst, part[0]); int64(n) != part[1] || err != nil {
				t.Fatalf("%+v: %d, %v", c, n, err)
			}
			for k := int64(0); k < int64(len(dst)); k += 1 + k%101 {
				f, ch := part[0]+k/c.channels, k%c.channels
				at := f/c.frames*c.frames*c.channels + ch*c.frames + f%c.frames
				if want := float32(int16(at * 7)); dst[k] != want {
					t.Fatalf("%+v: frame %d channel %d is %v, want %v", c, f, ch, dst[k], want)
				}
			}
		}
	}
}

// TestChain reads across stretches of a file.
func TestChain(t *testing.T) {
	file := make([]byte, 2*2*100)
	for i := range 200 {
		binary.LittleEndian.PutUint16(file[2*i:], uint16(i))
	}
	c := NewChain(InMemory(file, "test"))
	for _, part := range [][2]int64{{10, 3}, {50, 0}, {60, 1}, {0, 40}} { // from frame, frames
		if err := c.Append(Interleaved(4*part[0], part[1], Int16, []float64{1, 1}, []float64{0, 0})); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Append(Interleaved(0, 101, Int16, []float64{1, 1}, []float64{0, 0})); err == nil {
		t.Error("a stretch beyond the file")
	}
	frames := []int{10, 11, 12, 60}
	for i := range 40 {
		frames = append(frames, i)
	}
	if c.Frames() != 44 {
		t.Fatalf("%d frames", c.Frames())
	}
	for first := range frames {
		for n := 1; n <= len(frames)-first; n++ {
			dst := make([]float32, 2*n)
			if got, err := c.ReadFrames(dst, int64(first)); got != n || err != nil {
				t.Fatalf("%d frames from %d: %d, %v", n, first, got, err)
			}
			for i := range n {
				if f := frames[first+i]; dst[2*i] != float32(2*f) || dst[2*i+1] != float32(2*f+1) {
					t.Fatalf("frame %d is %v, want that of %d", first+i, dst[2*i:2*i+2], f)
				}
			}
		}
	}
	if n, err := c.ReadFrames(make([]float32, 8), 42); n != 2 || err != io.EOF {
		t.Errorf("behind the end: %d, %v", n, err)
	}
	for _, first := range []int64{-1, 44} {
		if n, err := c.ReadFrames(make([]float32, 2), first); n != 0 || err != io.EOF {
			t.Errorf("frame %d: %d, %v", first, n, err)
		}
	}
}

// TestJoin reads sources side by side, the second of which is shorter.
func TestJoin(t *testing.T) {
	var j Joined
	if n, err := j.ReadFrames(make([]float32, 5), 0); n != 0 || err != io.EOF {
		t.Errorf("nothing: %d, %v", n, err)
	}
	const frames = 40000
	a, b := make([]float32, 2*frames), make([]float32, frames-7)
	for f := range frames {
		a[2*f], a[2*f+1] = float32(f), float32(-f)
		if f < len(b) {
			b[f] = float32(f) / 2
		}
	}
	j.Join(recording.Memory{Data: a, Channels: 2}, 2)
	j.Join(recording.Memory{Data: b, Channels: 1}, 1)
	for _, c := range [][3]int{{0, 10, 10}, {5, frames - 12, frames - 12}, {17, frames, frames - 24}, {frames - 8, 1, 1}, {frames - 7, 1, 0}, {frames, 1, 0}} {
		dst := make([]float32, 3*c[1])
		n, err := j.ReadFrames(dst, int64(c[0]))
		if n != c[2] || (err == io.EOF) != (n < c[1]) {
			t.Fatalf("%v: %d frames, %v", c, n, err)
		}
		for i := range n {
			if f := float32(c[0] + i); dst[3*i] != f || dst[3*i+1] != -f || dst[3*i+2] != f/2 {
				t.Fatalf("%v: frame %v is %v", c, f, dst[3*i:3*i+3])
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	good := func() Layout {
		return Layout{Start: 10, Bytes: 20, Frames: 5, Total: 10, Signals: []Signal{{At: 0, Count: 5, Type: Int16}, {At: 10, Count: 2, Type: Int16}}}
	}
	f := InMemory(make([]byte, 50), "test.raw")
	if _, err := New(f, good()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Layout)
		want   string
	}{
		"start":          {func(l *Layout) { l.Start = 51 }, "begin at byte 51"},
		"negative start": {func(l *Layout) { l.Start = -1 }, "begin at byte -1"},
		"too many":       {func(l *Layout) { l.Total = 11 }, "3 records of 20 bytes"},
		"huge":           {func(l *Layout) { l.Total = math.MaxInt64 }, "records of 20 bytes"},
		"huge records":   {func(l *Layout) { l.Bytes = math.MaxInt64 }, "records of"},
		"negative":       {func(l *Layout) { l.Total = -1 }, "positive numbers"},
		"no bytes":       {func(l *Layout) { l.Bytes = 0 }, "positive numbers"},
		"no frames":      {func(l *Layout) { l.Frames = 0 }, "positive numbers"},
		"outside":        {func(l *Layout) { l.Signals[1].At = 17 }, "signal 2"},
		"far outside":    {func(l *Layout) { l.Signals[1].At = math.MaxInt64 }, "signal 2"},
		"negative at":    {func(l *Layout) { l.Signals[1].At = -1 }, "signal 2"},
		"no samples":     {func(l *Layout) { l.Signals[1].Count = 0 }, "signal 2"},
		"too fast":       {func(l *Layout) { l.Signals[1].Count = 6 }, "signal 2"},
		"no type":        {func(l *Layout) { l.Signals[1].Type = 13 }, "type 13"},
	} {
		l := good()
		c.change(&l)
		_, err := New(f, l)
		var own *recording.Error
		if !errors.As(err, &own) || own.Path != "test.raw" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, "an X file")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := f.Bytes(2, 3, "x"); err != nil || string(b) != "234" {
		t.Errorf("%q, %v", b, err)
	}
	for _, c := range [][2]int64{{8, 3}, {-1, 2}, {2, -1}, {11, 0}, {1, math.MaxInt64}} {
		if _, err := f.Bytes(c[0], c[1], "the x"); err == nil || !strings.Contains(err.Error(), "the x") {
			t.Errorf("%v: %v", c, err)
		}
	}
	s, err := New(f, Interleaved(0, 5, Int16, []float64{1}, []float64{0}))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 4); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadFrames(make([]float32, 5), 0); err == nil || !strings.Contains(err.Error(), "became shorter") {
		t.Errorf("a shrunken file: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.TempDir(), "an X file"); err == nil || !strings.Contains(err.Error(), "expected an X file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestBeside(t *testing.T) {
	for _, c := range [][3]string{{"a/b.lay", "c.dat", "a/c.dat"}, {"b.lay", `C:\x\c.dat`, "c.dat"}, {"a/b.lay", "../../etc/c.dat", "a/c.dat"},
		{"a/b.lay", "..", ""}, {"a/b.lay", "x/", ""}, {"a/b.lay", "", ""}} {
		if got := Beside(c[0], c[1]); got != c[2] {
			t.Errorf("%q beside %q is %q, want %q", c[1], c[0], got, c[2])
		}
	}
	if got := Renamed("a.b/c.vhdr", ".eeg"); got != "a.b/c.eeg" {
		t.Errorf("renamed %q", got)
	}
}

func BenchmarkRead(b *testing.B) {
	const channels, rate, seconds = 64, 256, 1024
	file := make([]byte, 4*channels*rate*seconds)
	for _, c := range []struct {
		t      Type
		frames int64
	}{{Int16, rate}, {Int16, 1}, {Int24, rate}, {Int24, 1}, {Float32, 1}, {Float32, rate * seconds}, {Int16, rate * seconds}} {
		size := int64(c.t.Size())
		l := Layout{Bytes: size * channels * c.frames, Frames: c.frames, Total: rate * seconds}
		for i := range int64(channels) {
			l.Signals = append(l.Signals, Signal{At: size * i * c.frames, Count: c.frames, Type: c.t, Gain: 0.1, Offset: 1})
		}
		s, err := New(&File{ReaderAt: bytes.NewReader(file), Size: int64(len(file))}, l)
		if err != nil {
			b.Fatal(err)
		}
		dst := make([]float32, channels*rate*seconds)
		for _, block := range []int64{4096, l.Total} {
			b.Run(fmt.Sprintf("%v/record%d/block%d", c.t, c.frames, block), func(b *testing.B) {
				b.SetBytes(l.Total * size * channels)
				for b.Loop() {
					for first := int64(0); first < l.Total; first += block {
						if _, err := s.ReadFrames(dst[:block*channels], first); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
