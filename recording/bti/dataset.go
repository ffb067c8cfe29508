package bti

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// Dataset is an open recording. Its methods may be called from several goroutines at once.
type Dataset struct {
	Rate      float64
	Frames    int64
	Start     time.Time
	Site      string
	Highpass  float64 // Hz, of filters that were applied; 0 for none
	Lowpass   float64 // likewise
	LineRate  float64 // Hz, of the mains
	Channels  []Channel
	Processes []string // what was done to the samples: "B_file_create" ...

	path   string
	file   *os.File
	format int // of samples: 1 int16, 2 int32, 3 float32, 4 float64
}

// Channel is one sensor or line, in the order of the samples.
type Channel struct {
	Name string // "A1" ... of sensors, "MxaA", "GxxA" ... of references, else the label of the line
	Kind int    // of the config: 1 sensor, 2 EEG, 3 reference, 4 external, 5 trigger, 6 utility, 7 derived, 8 shorted
	Unit string // "T", "T/m" or "V"
	Gain float64
	// Of a coil: origin and axes in the head's frame, metres; Z is the normal. Zero for other channels.
	Origin, X, Y, Z [3]float64
}

// Kinds of channels.
const (
	kindSensor    = 1
	kindEEG       = 2
	kindReference = 3
	kindExternal  = 4
	kindTrigger   = 5
	kindUtility   = 6
	kindDerived   = 7
	kindShorted   = 8
)

// maxConfig is the largest config that is read; they have some hundred kilobytes.
const maxConfig = 64 << 20

// maxHeader is the largest header of a file of samples.
const maxHeader = 64 << 20

// Open opens a file of samples and reads its header and the config beside it. Close it when done.
func Open(path string) (*Dataset, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	d := &Dataset{path: path, file: file}
	config, err := small(filepath.Join(filepath.Dir(path), "config"), maxConfig)
	if err == nil {
		err = d.read(config)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return d, nil
}

// small reads a file that describes others.
func small(path string, limit int64) (*reader, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("something of %d bytes", info.Size()), Expected: fmt.Sprintf("a file of at most %d", limit)}
	}
	content, err := os.ReadFile(path)
	return &reader{b: content, path: path}, err
}

// Close releases the file of samples.
func (d *Dataset) Close() error { return d.file.Close() }

// reader reads fields one after the other, big-endian, and keeps the first error.
type reader struct {
	b    []byte
	path string
	base int64 // where b begins in the file
	pos  int   // in b
	err  error
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b)-r.pos {
		if r.err == nil {
			r.err = &recording.Error{Path: r.path, Offset: r.base + int64(r.pos), Found: "the end of the file", Expected: fmt.Sprintf("%d more bytes", n), Remedy: "the file is truncated: copy it again from its source"}
		}
		return make([]byte, max(0, min(n, 1<<16)))
	}
	r.pos += n
	return r.b[r.pos-n : r.pos]
}

func (r *reader) skip(n int) { r.take(n) }
func (r *reader) int16() int { return int(int16(binary.BigEndian.Uint16(r.take(2)))) }
func (r *reader) int32() int { return int(int32(binary.BigEndian.Uint32(r.take(4)))) }
func (r *reader) float32() float64 {
	return float64(math.Float32frombits(binary.BigEndian.Uint32(r.take(4))))
}
func (r *reader) float64() float64 { return math.Float64frombits(binary.BigEndian.Uint64(r.take(8))) }

func (r *reader) text(n int) string {
	s, _, _ := strings.Cut(string(r.take(n)), "\x00")
	return strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
}

// align goes to the next multiple of 8 in the file.
func (r *reader) align() {
	if over := int((r.base + int64(r.pos)) % 8); over != 0 {
		r.skip(8 - over)
	}
}

func (r *reader) broken(found, expected string) error {
	return &recording.Error{Path: r.path, Offset: r.base + int64(r.pos), Found: found, Expected: expected}
}

// configured is what the config says of a channel.
type configured struct {
	name          string
	kind          int
	gain, perUnit float64
	frame         [4][3]float64 // origin and axes
}

// config reads the config: channels by number, all else skipped by the lengths it gives.
func (d *Dataset) config(r *reader) (map[int]configured, error) {
	r.skip(2)
	d.Site = r.text(32)
	r.skip(16 + 2 + 4)
	d.LineRate = float64(r.int16())
	channels := r.int16()
	r.skip(4 + 4)
	sensors, blocks := r.int16(), r.int16()
	r.skip(2 + 2 + 4 + 32)
	if r.err != nil {
		return nil, r.err
	}
	if channels < 1 || sensors < 0 || blocks < 0 {
		return nil, r.broken(fmt.Sprintf("%d channels, %d sensors and %d blocks", channels, sensors, blocks), "numbers that are not negative")
	}
	r.skip(sensors * 16 * 8)
	for range blocks {
		r.skip(4 + 20 + 4 + 32 + 4)
		size := r.int32()
		r.skip(32)
		r.align()
		if size < 0 {
			return nil, r.broken(fmt.Sprintf("a block of %d bytes", size), "a size that is not negative")
		}
		r.skip(size)
		r.align()
		if r.err != nil {
			return nil, r.err
		}
	}
	out := map[int]configured{}
	for range channels {
		c := configured{name: r.text(16)}
		number := r.int16()
		c.kind = r.int16()
		r.skip(2 + 2)
		c.gain, c.perUnit = r.float32(), r.float32()
		r.skip(16 + 8 + 4 + 32)
		r.align()
		const device = 40 // size, checksum, reserved
		switch c.kind {
		case kindSensor, kindReference:
			r.skip(device + 4 + 4)
			c.frame = r.frame()
			r.skip(2)
			loops := r.int16()
			r.skip(4 + 32)
			if loops < 0 {
				return nil, r.broken(fmt.Sprintf("%d loops of sensor %s", loops, c.name), "a number that is not negative")
			}
			r.skip(loops * 104)
		case kindEEG:
			r.skip(device + 4 + 4 + 128 + 32)
		case kindExternal, kindUtility, kindDerived:
			r.skip(device + 4 + 32)
		case kindTrigger:
			r.skip(device + 4 + 2 + 32)
		case kindShorted:
			r.skip(device + 32)
		}
		r.align()
		if r.err != nil {
			return nil, r.err
		}
		out[number] = c
	}
	return out, nil
}

// frame reads a transform of 4 x 4 and gives origin and axes, turned to x to the right, y to the front.
func (r *reader) frame() [4][3]float64 {
	var m [4][4]float64
	for i := range m {
		for k := range m[i] {
			m[i][k] = r.float64()
		}
	}
	for i := range 3 { // the last row scales the others
		for k := range 3 {
			m[i][k] *= m[3][i]
		}
	}
	column := func(k int) [3]float64 { return turned([3]float64{m[0][k], m[1][k], m[2][k]}) }
	return [4][3]float64{column(3), column(0), column(1), column(2)}
}

// turned turns 4D's frame, x to the front and y to the left, to x to the right and y to the front.
func turned(v [3]float64) [3]float64 { return [3]float64{-v[1], v[0], v[2]} }

// widths gives the bytes of a sample of each format.
var widths = [...]int{1: 2, 2: 4, 3: 4, 4: 8}

// read reads the config and the header, which stands at the end of the file of samples.
func (d *Dataset) read(config *reader) error {
	channels, err := d.config(config)
	if err != nil {
		return err
	}
	info, err := d.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() < 16 {
		return &recording.Error{Path: d.path, Offset: -1, Found: fmt.Sprintf("something of %d bytes", info.Size()), Expected: "a file of samples"}
	}
	end := info.Size() - 8
	var tail [8]byte
	if n, err := d.file.ReadAt(tail[:], end); n < 8 {
		return &recording.Error{Path: d.path, Offset: end, Err: err}
	}
	// The last eight bytes tell where the header begins; in files below 2 GB, the upper bits may be anything.
	at := int64(binary.BigEndian.Uint64(tail[:]))
	if low := at & math.MaxInt32; end+8-low <= math.MaxInt32 {
		at = low
	}
	at = (at + 7) &^ 7
	if at < 0 || at > end || end-at > maxHeader {
		return &recording.Error{Path: d.path, Offset: end, Found: fmt.Sprintf("a header at byte %d", at), Expected: fmt.Sprintf("one before byte %d", end), Remedy: "the file may be truncated: copy it again from its source"}
	}
	r := &reader{b: make([]byte, end-at), path: d.path, base: at}
	if n, err := d.file.ReadAt(r.b, at); n < len(r.b) {
		return &recording.Error{Path: d.path, Offset: at, Err: err}
	}
	return d.header(r, channels, at)
}

func (d *Dataset) header(r *reader, configs map[int]configured, at int64) error {
	r.skip(2 + 5 + 1)
	d.format = r.int16()
	r.skip(2)
	epochs := r.int32()
	r.skip(4)
	events := r.int32()
	r.skip(4)
	period := r.float32()
	r.skip(16)
	processes, channels := r.int32(), r.int16()
	r.skip(2 + 4 + 4 + 2 + 2 + 4 + 20)
	r.align()
	if r.err != nil {
		return r.err
	}
	if d.format < 1 || d.format > 4 {
		return r.broken(fmt.Sprintf("samples of format %d", d.format), "1 to 4: int16, int32, float32 or float64")
	}
	if !(period > 0) || math.IsInf(period, 0) {
		return r.broken(fmt.Sprintf("%g s from sample to sample", period), "a positive number")
	}
	if channels < 1 || epochs < 0 || events < 0 || processes < 0 {
		return r.broken(fmt.Sprintf("%d channels, %d epochs, %d events and %d processes", channels, epochs, events, processes), "numbers that are not negative")
	}
	d.Rate = float64(1 / float32(period)) // no more precise than the period is
	for range epochs {
		n := r.int32()
		r.skip(6*4 + 28)
		if r.err != nil {
			return r.err
		}
		if n < 0 {
			return r.broken(fmt.Sprintf("an epoch of %d samples", n), "a number that is not negative")
		}
		d.Frames += int64(n)
	}
	const channelSize = 104
	if channels*channelSize > len(r.b)-r.pos {
		r.skip(channels * channelSize)
		return r.err
	}
	d.Channels = make([]Channel, channels)
	for i := range channels {
		label := r.text(16)
		number := r.int16()
		r.skip(2)
		scale := r.float32()
		r.skip(16 + 2 + 6 + 8 + 8)
		index := r.int32()
		r.skip(4 + 4 + 4 + 24)
		if r.err != nil {
			return r.err
		}
		c, ok := configs[number]
		if !ok {
			return r.broken(fmt.Sprintf("channel %q with number %d", label, number), "a number that the config has")
		}
		if index < 0 || index >= channels || d.Channels[index].Name != "" {
			return r.broken(fmt.Sprintf("channel %d of %d at place %d of the samples", i, channels, index), "a place of its own")
		}
		d.Channels[index] = d.channel(label, scale, c)
	}
	for range events {
		r.skip(16 + 3*4 + 2 + 4 + 32)
		r.align()
		if r.err != nil {
			return r.err
		}
	}
	for i := range processes {
		if err := d.process(r, i == 0); err != nil {
			return err
		}
	}
	if r.err != nil {
		return r.err
	}
	if d.Frames > at/int64(channels*widths[d.format]) {
		return &recording.Error{Path: d.path, Offset: at, Found: fmt.Sprintf("%d bytes of samples", at), Expected: fmt.Sprintf("%d samples of %d channels of %d bytes", d.Frames, channels, widths[d.format])}
	}
	return nil
}

// channel joins what header and config say of a channel.
func (d *Dataset) channel(label string, scale float64, c configured) Channel {
	out := Channel{Name: label, Kind: c.kind, Unit: "V"}
	if strings.HasPrefix(c.name, "A") || label == "" {
		out.Name = c.name
	}
	if c.kind == kindSensor || c.kind == kindReference {
		out.Origin, out.X, out.Y, out.Z = c.frame[0], c.frame[1], c.frame[2], c.frame[3]
		if out.Unit = "T"; strings.HasPrefix(out.Name, "G") {
			out.Unit = "T/m"
		}
	}
	// All three are float32 in the files, and MNE-Python computes with them as such.
	if d.format <= 2 {
		out.Gain = float64(float32(scale) * float32(c.perUnit) / float32(c.gain))
	} else {
		out.Gain = float64(float32(scale) * float32(c.gain))
	}
	if math.IsInf(out.Gain, 0) || math.IsNaN(out.Gain) {
		out.Gain = 0 // a channel that was not connected
	}
	if out.Name == "" {
		out.Name = fmt.Sprintf("channel of kind %d", c.kind)
	}
	return out
}

// process reads what was done to the samples in one go: filters, and when.
func (d *Dataset) process(r *reader, first bool) error {
	r.skip(4)
	kind := r.text(20)
	r.skip(4 + 32)
	at := r.int32()
	r.skip(256)
	steps := r.int32()
	r.skip(32)
	r.align()
	if r.err != nil {
		return r.err
	}
	if first {
		d.Start = time.Unix(int64(at), 0).UTC()
	}
	d.Processes = append(d.Processes, kind)
	for range steps {
		r.skip(4)
		step := r.text(20)
		r.skip(4)
		switch step {
		case "BTi_defaults":
			r.skip(4 + 4 + 8 + 4 + 2 + 2 + 32)
		case "b_filt_hp", "b_filt_lp", "b_filt_notch":
			frequency := r.float32()
			r.skip(32)
			switch step {
			case "b_filt_hp":
				d.Highpass = frequency
			case "b_filt_lp":
				d.Lowpass = frequency
			}
		case "b_filt_b_pass", "b_filt_b_reject":
			high, low := r.float32(), r.float32()
			if step == "b_filt_b_pass" {
				d.Highpass, d.Lowpass = low, high
			}
		default:
			size := r.int32()
			r.skip(32)
			r.skip(size)
		}
		r.align()
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

// HeadShape is what was digitised on the head, in metres, in the frame of the sensors.
type HeadShape struct {
	Nasion, LeftEar, RightEar [3]float64
	Coils                     [][3]float64
	Points                    [][3]float64
}

// HeadShape reads the file "hs_file" beside the samples; nil when there is none.
func (d *Dataset) HeadShape() (*HeadShape, error) {
	r, err := small(filepath.Join(filepath.Dir(d.path), "hs_file"), maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.skip(12)
	n := r.int32()
	point := func() [3]float64 { return turned([3]float64{r.float64(), r.float64(), r.float64()}) }
	h := &HeadShape{LeftEar: point(), RightEar: point(), Nasion: point()}
	h.Coils = append(h.Coils, point(), point())
	if r.err == nil && (n < 0 || n > (len(r.b)-r.pos)/24) {
		return nil, r.broken(fmt.Sprintf("%d points in %d bytes", n, len(r.b)-r.pos), "24 bytes for each")
	}
	for i := 0; i < n && r.err == nil; i++ {
		h.Points = append(h.Points, point())
	}
	if r.err != nil {
		return nil, r.err
	}
	return h, nil
}
