package pyramid

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

const (
	// Base is how many frames a bin of the finest stored level has.
	Base = 16
	// Step is how many bins of a level make one of the next.
	Step = 4
	// TileBins is how many bins a tile has.
	TileBins = 2048
)

// Shape is the size of a signal.
type Shape struct {
	Channels int
	Frames   int64
}

// Factors lists the levels that are stored by how many frames a bin has, the finest first. The last one has a single tile.
func (s Shape) Factors() []int64 {
	if s.Frames <= TileBins {
		return nil // all of it is a tile
	}
	out := []int64{Base}
	for f := int64(Base); bins(s.Frames, f) > TileBins; {
		f *= Step
		out = append(out, f)
	}
	return out
}

// Bins is how many bins a level has, and Tiles how many tiles.
func (s Shape) Bins(factor int64) int64  { return bins(s.Frames, factor) }
func (s Shape) Tiles(factor int64) int64 { return (s.Bins(factor) + TileBins - 1) / TileBins }

func bins(frames, factor int64) int64 { return (frames + factor - 1) / factor }

// Bytes is how much the files of all levels take.
func (s Shape) Bytes() (n int64) {
	for _, f := range s.Factors() {
		n += s.Tiles(f) * s.slot()
	}
	return n
}

// slot is the size of a tile in a file: all channels, one after the other, of pairs of float32, little-endian.
func (s Shape) slot() int64 { return int64(s.Channels) * channelBytes }

const channelBytes = TileBins * 2 * 4

func levelPath(dir string, factor int64) string {
	return filepath.Join(dir, fmt.Sprintf("level-%d", factor))
}

// Builder makes the levels of a signal.
type Builder struct {
	shape  Shape
	levels []*level
	done   int64
	frames int // in the bin of the finest level that is being filled
}

// level is the tile that is being filled, and what follows from it.
type level struct {
	file    *os.File
	tile    int64
	bin     int       // in the tile
	values  []float32 // channels x TileBins x 2
	low     []float32 // of the bin that is being filled, by channel
	high    []float32
	parts   int // bins of the level below in that bin
	encoded []byte
}

// Create begins the files of a signal's levels in a folder.
func Create(dir string, s Shape) (*Builder, error) {
	if s.Channels < 1 || s.Frames < 0 {
		return nil, fmt.Errorf("a signal of %d channels and %d frames", s.Channels, s.Frames)
	}
	b := &Builder{shape: s}
	for _, factor := range s.Factors() {
		file, err := os.Create(levelPath(dir, factor))
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		l := &level{file: file, values: make([]float32, s.Channels*TileBins*2), low: make([]float32, s.Channels), high: make([]float32, s.Channels)}
		l.clear()
		b.levels = append(b.levels, l)
	}
	return b, nil
}

// Add takes the next frames, row-major frames x channels. Values that are not finite are left out.
func (b *Builder) Add(block []float32) error {
	n := b.shape.Channels
	b.done += int64(len(block) / n)
	if b.done > b.shape.Frames {
		return fmt.Errorf("more than the %d frames that were announced", b.shape.Frames)
	}
	if len(b.levels) == 0 {
		return nil
	}
	base := b.levels[0]
	for ; len(block) >= n; block = block[n:] {
		low, high := base.low[:n], base.high[:n]
		for c, v := range block[:n] {
			if v < low[c] && v >= -math.MaxFloat32 {
				low[c] = v
			}
			if v > high[c] && v <= math.MaxFloat32 {
				high[c] = v
			}
		}
		if b.frames++; b.frames == Base {
			b.frames = 0
			if err := b.finish(0); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish ends the bin of a level and makes it part of one of the next.
func (b *Builder) finish(k int) error {
	l := b.levels[k]
	l.put(l.bin)
	if k+1 < len(b.levels) {
		up := b.levels[k+1]
		for c := range l.low {
			up.low[c], up.high[c] = min(up.low[c], l.low[c]), max(up.high[c], l.high[c])
		}
		if up.parts++; up.parts == Step {
			up.parts = 0
			if err := b.finish(k + 1); err != nil {
				return err
			}
		}
	}
	l.reset()
	if l.bin++; l.bin == TileBins {
		if err := l.write(); err != nil {
			return err
		}
		l.clear()
		l.tile++
		l.bin = 0
	}
	return nil
}

// put stores the bin that is being filled in the tile. A bin without a finite value is a gap.
func (l *level) put(at int) {
	for c, low := range l.low {
		high := l.high[c]
		if low > high {
			low, high = float32(math.NaN()), float32(math.NaN())
		}
		l.values[(c*TileBins+at)*2], l.values[(c*TileBins+at)*2+1] = low, high
	}
}

func (l *level) reset() {
	for c := range l.low {
		l.low[c], l.high[c] = float32(math.Inf(1)), float32(math.Inf(-1))
	}
}

func (l *level) clear() {
	l.reset()
	for i := range l.values {
		l.values[i] = float32(math.NaN())
	}
}

func (l *level) write() error {
	if l.encoded == nil {
		l.encoded = make([]byte, 4*len(l.values))
	}
	for i, v := range l.values {
		binary.LittleEndian.PutUint32(l.encoded[4*i:], math.Float32bits(v))
	}
	_, err := l.file.WriteAt(l.encoded, l.tile*int64(len(l.encoded)))
	return err
}

// Flush makes what was added so far readable, and returns how many frames that is.
func (b *Builder) Flush() (frames int64, err error) {
	for k, l := range b.levels {
		last := b.done == b.shape.Frames && (b.frames > 0 || k > 0)
		if last { // the last bin of a level may be of fewer frames than others
			if k > 0 {
				below := b.levels[k-1]
				for c := range l.low {
					l.low[c], l.high[c] = min(l.low[c], below.low[c]), max(l.high[c], below.high[c])
				}
			}
			if l.bin < TileBins {
				l.put(l.bin)
			}
		}
		if err := l.write(); err != nil {
			return 0, err
		}
	}
	return b.done, nil
}

// Close closes the files; Flush must have come before.
func (b *Builder) Close() error {
	var errs []error
	for _, l := range b.levels {
		errs = append(errs, l.file.Close())
	}
	return errors.Join(errs...)
}

// Pyramid reads levels. It is safe for concurrent use.
type Pyramid struct {
	shape Shape
	files map[int64]*os.File
}

// Open opens the levels in a folder.
func Open(dir string, s Shape) (*Pyramid, error) {
	p := &Pyramid{shape: s, files: map[int64]*os.File{}}
	for _, factor := range s.Factors() {
		file, err := os.Open(levelPath(dir, factor))
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.files[factor] = file
	}
	return p, nil
}

// Close closes the files.
func (p *Pyramid) Close() error {
	var errs []error
	for _, f := range p.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// ErrNoTile is the error of asking for a tile that there is not.
var ErrNoTile = errors.New("there is no such tile")

// Tile reads a tile of the channels from, from+1 ... to-1. Of a signal that is still being read, only the bins of its first done frames are there,
// so that the tile may be short, or empty.
func (p *Pyramid) Tile(factor, index int64, from, to int, done int64) (*Tile, error) {
	file := p.files[factor]
	if file == nil || index < 0 || index >= p.shape.Tiles(factor) || from < 0 || to > p.shape.Channels || from >= to {
		return nil, ErrNoTile
	}
	whole := int(min(TileBins, p.shape.Bins(factor)-index*TileBins))
	there := int64(whole)
	if done < p.shape.Frames {
		there = min(there, done/factor-index*TileBins)
	}
	t := &Tile{Factor: factor, Channels: to - from, Bins: int(max(0, there)), Partial: there < int64(whole)}
	if t.Bins == 0 {
		return t, nil
	}
	raw := make([]byte, t.Channels*channelBytes)
	if _, err := file.ReadAt(raw, index*p.shape.slot()+int64(from)*channelBytes); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	t.Values = make([]float32, t.Channels*t.Bins*2)
	for c := range t.Channels {
		for i := range t.Bins * 2 {
			t.Values[c*t.Bins*2+i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[c*channelBytes+4*i:]))
		}
	}
	return t, nil
}
