package pyramid

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// signal makes frames x channels of a random walk with some values that are not finite.
func signal(frames, channels int) []float32 {
	rng := rand.New(rand.NewPCG(1, uint64(frames)))
	x := make([]float32, frames*channels)
	walk := make([]float64, channels)
	for i := range x {
		walk[i%channels] += rng.NormFloat64()
		x[i] = float32(walk[i%channels])
		if rng.IntN(500) == 0 {
			x[i] = float32(math.NaN())
		}
	}
	for i := 100 * channels; i < min(len(x), 200*channels); i++ { // longer than some bins
		x[i] = float32(math.Inf(1 - 2*(i%2)))
	}
	return x
}

// want is a tile computed the plain way.
func want(x []float32, channels int, factor, index int64, from, to int, done int64) *Tile {
	frames := int64(len(x) / channels)
	first := index * TileBins * factor
	end := min(frames, first+TileBins*factor)
	if done < frames {
		end = max(first, min(end, done/factor*factor))
	}
	return Reduce(x[first*int64(channels):end*int64(channels)], channels, factor, from, to)
}

func same(a, b *Tile, tolerance func(c int) float64) error {
	if a.Channels != b.Channels || a.Bins != b.Bins || a.Factor != b.Factor {
		return fmt.Errorf("shapes %d x %d and %d x %d", a.Channels, a.Bins, b.Channels, b.Bins)
	}
	for i, v := range a.Values {
		w := b.Values[i]
		if v-v != 0 || w-w != 0 {
			if (v-v == 0) != (w-w == 0) {
				return fmt.Errorf("value %d: %g and %g", i, v, w)
			}
			continue
		}
		if d := math.Abs(float64(v) - float64(w)); d > tolerance(i/(len(a.Values)/a.Channels)) {
			return fmt.Errorf("value %d: %g and %g", i, v, w)
		}
	}
	return nil
}

func exactly(int) float64 { return 0 }

func TestLevels(t *testing.T) {
	for _, frames := range []int{1, 2048, 2049, 16 * 2048, 16*2048 + 1, 70_000, 300_007} {
		const channels = 3
		s := Shape{channels, int64(frames)}
		x := signal(frames, channels)
		dir := t.TempDir()
		b, err := Create(dir, s)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Open(dir, s)
		if err != nil {
			t.Fatal(err)
		}
		check := func(done int64) {
			t.Helper()
			for _, f := range s.Factors() {
				for i := range s.Tiles(f) {
					got, err := p.Tile(f, i, 1, 3, done)
					if err != nil {
						t.Fatal(err)
					}
					w := want(x, channels, f, i, 1, 3, done)
					if err := same(got, w, exactly); err != nil {
						t.Errorf("%d frames, %d done, level %d, tile %d: %v", frames, done, f, i, err)
					}
					if full := i*TileBins*f+int64(w.Bins)*f >= min(int64(frames), (i+1)*TileBins*f); got.Partial == full {
						t.Errorf("%d frames, %d done, level %d, tile %d: partial is %v", frames, done, f, i, got.Partial)
					}
				}
			}
		}
		part := frames / 2 / 7 * 7
		for i := 0; i < frames; {
			n := min(777, frames-i)
			if i < part {
				n = min(n, part-i)
			}
			if err := b.Add(x[i*channels : (i+n)*channels]); err != nil {
				t.Fatal(err)
			}
			if i += n; i == part || i == frames {
				done, err := b.Flush()
				if err != nil || done != int64(i) {
					t.Fatal(done, err)
				}
				check(done)
			}
		}
		if err := b.Add(x[:channels]); err == nil {
			t.Error("more frames were taken than announced")
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Tile(3, 0, 0, 1, int64(frames)); err != ErrNoTile {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if n := s.Bytes(); n > int64(frames)*channels*2+int64(len(s.Factors()))*s.slot()*2 {
			t.Errorf("%d frames take %d bytes", frames, n)
		}
	}
}

func TestTileArrives(t *testing.T) {
	const channels = 4
	x := signal(3000, channels)
	for i := range 3000 { // a small signal on a large offset, and a flat one
		x[i*channels+1] = 1e5 + float32(i%7)
		x[i*channels+2] = 5
	}
	for _, factor := range []int64{1, 4, 16} {
		sent := Reduce(x, channels, factor, 0, channels)
		got, ok := Parse(sent.Append(nil))
		if !ok {
			t.Fatal("a tile cannot be read back")
		}
		n := len(sent.Values) / channels
		err := same(sent, got, func(c int) float64 {
			low, high := math.Inf(1), math.Inf(-1)
			for _, v := range sent.Values[c*n : (c+1)*n] {
				if v-v == 0 {
					low, high = min(low, float64(v)), max(high, float64(v))
				}
			}
			return (high-low)/65534 + 1e-6*math.Abs(high)/4 // and of float32
		})
		if err != nil {
			t.Errorf("factor %d: %v", factor, err)
		}
	}
	if _, ok := Parse([]byte("GYT1 and not a tile at all")); ok {
		t.Error("nonsense was read as a tile")
	}
}

// BenchmarkAdd reads 64 channels of 10 s at 500 Hz.
func BenchmarkAdd(b *testing.B) {
	p, err := Create(b.TempDir(), Shape{64, 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	x := signal(5000, 64)
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		if err := p.Add(x); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	tile := Reduce(signal(TileBins, 64), 64, 1, 0, 64)
	var buffer []byte
	b.SetBytes(int64(4 * len(tile.Values)))
	for b.Loop() {
		buffer = tile.Append(buffer[:0])
	}
}
