package xdf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/inflate"
)

// MaxInflated is the most bytes that a compressed file (.xdfz) may inflate to.
const MaxInflated = 8 << 30

// maxChannels bounds the channels of a stream: a header promises them before any sample proves them.
const maxChannels = 1 << 16

// Options say how a file is to be read. The zero value is what pyxdf does by default.
type Options struct {
	KeepClocks bool // leave each stream on its own computer's clock
	KeepJitter bool // leave the time stamps of streams with a rate as they were sent
	Recover    bool // go on behind damaged places; File.Damage says where they are
}

// File is an open XDF. Its methods may be called from several goroutines at once.
type File struct {
	Header  *Element // of the file; nil when it has none
	Streams []*Stream
	Damage  []error // places that were skipped; nil unless Options.Recover

	path    string
	content *inflate.File
	options Options
}

// Stream is one source of samples.
type Stream struct {
	ID            uint32
	Name          string
	Type          string  // of the content, in the sender's words: "EEG", "Markers" ...
	Format        string  // of the values: "int8", "int16", "int32", "int64", "float32", "double64" or "string"
	Channels      int     // values in a sample
	Rate          float64 // Hz, as the sender announced it; 0 for an irregular stream
	EffectiveRate float64 // Hz, by the time stamps; 0 when they do not tell
	Stamps        []float64
	Segments      []Segment // without breaks in them
	ClockSegments []Segment // between resets of the sender's clock; nil when clocks were left alone
	ClockTimes    []float64 // when the clock offset was measured, seconds of the sender's clock
	ClockOffsets  []float64 // what to add to get the recorder's clock, seconds
	Header        *Element
	Footer        *Element // nil when the recorder did not come to write one

	f    *File
	size int // bytes of a value; 0 for text
	runs []run
	last float64 // stamp read so far
}

// Segment is a run of samples: the first, and the one behind the last.
type Segment struct{ First, End int }

// run is a piece of a chunk: where its samples are in the file.
type run struct {
	at     int64
	bytes  int
	first  int // sample
	frames int
}

// A run ends after so many samples or bytes, so that a sample is found without reading a long chunk from its start.
const (
	runFrames = 1024
	runBytes  = 256 << 10
)

// Open opens the XDF at path, plain or compressed by gzip, and reads all of it but the values. Close it when done.
func Open(path string) (*File, error) { return Options{}.Open(path) }

// Open is the function Open with options.
func (o Options) Open(path string) (*File, error) {
	content, err := inflate.Open(path, MaxInflated)
	if err != nil {
		return nil, err
	}
	return o.read(content, path)
}

// NewFile opens an XDF of size bytes read through r; name stands for it in errors.
func (o Options) NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	content, err := inflate.New(r, size, name, MaxInflated)
	if err != nil {
		return nil, err
	}
	return o.read(content, name)
}

func (o Options) read(content *inflate.File, path string) (*File, error) {
	f := &File{path: path, content: content, options: o}
	if err := f.scan(); err != nil {
		content.Close()
		return nil, err
	}
	for _, s := range f.Streams {
		if !o.KeepClocks {
			s.dropLateSample()
			s.synchronise()
		}
		s.segment(!o.KeepJitter)
	}
	return f, nil
}

// Close releases the file. Time stamps stay valid, recordings do not.
func (f *File) Close() error { return f.content.Close() }

// Tags of chunks.
const (
	tagFileHeader   = 1
	tagStreamHeader = 2
	tagSamples      = 3
	tagClockOffset  = 4
	tagBoundary     = 5
	tagStreamFooter = 6
)

const magic = "XDF:"

// boundary is the content of a boundary chunk, the same in every file.
var boundary = []byte{0x43, 0xa5, 0x46, 0xdc, 0xcb, 0xf5, 0x41, 0x0f, 0xb3, 0x0e, 0xd5, 0x46, 0x73, 0x83, 0xcb, 0xe4}

// scan walks the chunks.
func (f *File) scan() error {
	c := &cursor{f: f}
	head, err := c.take(min(len(magic), int(f.content.Size)))
	if err != nil {
		return err
	}
	if string(head) != magic {
		return f.broken(0, fmt.Sprintf("the bytes % x", head), fmt.Sprintf("%q, which begins an XDF", magic))
	}
	byID := map[uint32]*Stream{}
	for c.at() < f.content.Size {
		err := f.chunk(c, byID)
		if err == nil {
			continue
		}
		if !f.options.Recover {
			return err
		}
		f.Damage = append(f.Damage, err)
		if err := c.skipToBoundary(); err != nil {
			return err
		}
	}
	return nil
}

// chunk reads one chunk.
func (f *File) chunk(c *cursor, byID map[uint32]*Stream) error {
	start := c.at()
	length, err := c.length()
	if err != nil {
		return err
	}
	if length > f.content.Size-c.at() {
		return f.truncated(start, fmt.Sprintf("a chunk of %d bytes", length), nil)
	}
	if length < 2 {
		return f.broken(start, fmt.Sprintf("a chunk of %d bytes", length), "2 or more")
	}
	end := c.at() + length
	raw, err := c.take(2)
	if err != nil {
		return err
	}
	tag := binary.LittleEndian.Uint16(raw)
	var s *Stream
	var id uint32
	switch tag {
	case tagStreamHeader, tagSamples, tagClockOffset, tagStreamFooter:
		if length < 6 {
			return f.broken(start, fmt.Sprintf("a chunk of %d bytes", length), "one with the number of a stream")
		}
		if raw, err = c.take(4); err != nil {
			return err
		}
		id = binary.LittleEndian.Uint32(raw)
		s = byID[id]
		if (s == nil) != (tag == tagStreamHeader) {
			found := "a second header of"
			if s == nil {
				found = "a chunk of"
			}
			return f.broken(start, fmt.Sprintf("%s stream %d", found, id), "one header of every stream, before its other chunks")
		}
	}
	switch tag {
	case tagFileHeader:
		f.Header, err = f.xml(c, end)
	case tagStreamHeader:
		var header *Element
		if header, err = f.xml(c, end); err == nil {
			s, err = f.stream(id, header, start)
		}
		if err == nil {
			byID[id] = s
			f.Streams = append(f.Streams, s)
		}
	case tagSamples:
		err = s.samples(c, end)
	case tagClockOffset:
		if end-c.at() != 16 {
			return f.broken(start, fmt.Sprintf("a clock offset of %d bytes", end-c.at()), "16")
		}
		if raw, err = c.take(16); err == nil {
			s.ClockTimes = append(s.ClockTimes, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
			s.ClockOffsets = append(s.ClockOffsets, math.Float64frombits(binary.LittleEndian.Uint64(raw[8:])))
		}
	case tagStreamFooter:
		s.Footer, err = f.xml(c, end)
	}
	if err != nil {
		return err
	}
	c.seek(end)
	return nil
}

// xml reads an XML document that fills the rest of a chunk.
func (f *File) xml(c *cursor, end int64) (*Element, error) {
	at := c.at()
	text := make([]byte, end-at) // chunk has seen that the file has them
	if n, err := f.content.ReadAt(text, at); n < len(text) {
		return nil, f.truncated(at, fmt.Sprintf("%d bytes of XML", len(text)), err)
	}
	e, err := parse(bytes.ToValidUTF8(text, []byte("\uFFFD")))
	if err != nil {
		return nil, &recording.Error{Path: f.path, Offset: at, Found: "XML that cannot be read", Expected: "a document", Err: err}
	}
	c.seek(end)
	return e, nil
}

var sizes = map[string]int{"int8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4, "double64": 8, "string": 0}

// stream makes a stream of its header.
func (f *File) stream(id uint32, header *Element, at int64) (*Stream, error) {
	s := &Stream{ID: id, f: f, Header: header, Name: header.Text("name"), Type: header.Text("type"), Format: header.Text("channel_format")}
	var known bool
	if s.size, known = sizes[s.Format]; !known {
		return nil, f.broken(at, fmt.Sprintf("values of format %q in stream %q", s.Format, s.Name), "int8, int16, int32, int64, float32, double64 or string")
	}
	count := header.Text("channel_count")
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > maxChannels {
		return nil, f.broken(at, fmt.Sprintf("%q channels in stream %q", count, s.Name), fmt.Sprintf("a number up to %d", maxChannels))
	}
	s.Channels = n
	rate := header.Text("nominal_srate")
	s.Rate, err = strconv.ParseFloat(rate, 64)
	if err != nil || !(s.Rate >= 0) || math.IsInf(s.Rate, 0) {
		return nil, f.broken(at, fmt.Sprintf("a rate of %q Hz of stream %q", rate, s.Name), "0 or a positive number")
	}
	return s, nil
}

// samples indexes a chunk of samples and takes their time stamps. A sample without one follows the last by the stream's
// interval.
func (s *Stream) samples(c *cursor, end int64) error {
	start := c.at()
	count, err := c.length()
	if err != nil {
		return err
	}
	width := int64(s.Channels) * int64(s.size)
	least := 1 + width
	if s.size == 0 {
		least = 1 + 2*int64(s.Channels) // a length takes two bytes or more
	}
	if count < 0 || count > (end-c.at())/least {
		return s.f.broken(start, fmt.Sprintf("%d samples of stream %q in %d bytes", count, s.Name, end-c.at()), fmt.Sprintf("at least %d bytes for each", least))
	}
	interval := 0.0
	if s.Rate > 0 {
		interval = 1 / s.Rate
	}
	before, last := len(s.Stamps), s.last
	var runs []run
	r := run{at: c.at(), first: before}
	for i := int64(0); i < count; i++ {
		if r.frames == runFrames || c.at()-r.at > runBytes {
			r.bytes = int(c.at() - r.at)
			runs = append(runs, r)
			r = run{at: c.at(), first: r.first + r.frames}
		}
		stamp, err := c.stamp(last+interval, end)
		if err == nil && s.size > 0 {
			err = c.skip(width, end)
		}
		for k := 0; err == nil && s.size == 0 && k < s.Channels; k++ {
			var n int64
			if n, err = c.length(); err == nil {
				err = c.skip(n, end)
			}
		}
		if err != nil {
			s.Stamps = s.Stamps[:before]
			return err
		}
		last = stamp
		s.Stamps = append(s.Stamps, stamp)
		r.frames++
	}
	if c.at() != end {
		s.Stamps = s.Stamps[:before]
		return s.f.broken(c.at(), fmt.Sprintf("%d bytes behind the samples of a chunk", end-c.at()), "none")
	}
	s.last = last
	r.bytes = int(c.at() - r.at)
	if r.frames > 0 {
		runs = append(runs, r)
	}
	s.runs = append(s.runs, runs...)
	return nil
}

// Label is the stream's name, with its number when another stream has the same name.
func (s *Stream) Label() string {
	for _, other := range s.f.Streams {
		if other != s && strings.EqualFold(other.Name, s.Name) {
			return fmt.Sprintf("%s (%d)", s.Name, s.ID)
		}
	}
	return s.Name
}

// Stream finds a stream by name (compared without regard to case), by label or by number; the error lists the streams there
// are.
func (f *File) Stream(name string) (*Stream, error) {
	var labels []string
	for _, s := range f.Streams {
		if label := s.Label(); strings.EqualFold(label, name) || fmt.Sprint(s.ID) == name {
			return s, nil
		}
		labels = append(labels, s.Label())
	}
	return nil, &recording.Error{Path: f.path, Offset: -1, Found: "none of that name", Expected: fmt.Sprintf("a stream %q", name),
		Remedy: "it holds " + strings.Join(labels, ", ")}
}

// broken is the error for bytes that do not follow the format.
func (f *File) broken(offset int64, found, expected string) error {
	return &recording.Error{Path: f.path, Offset: offset, Found: found, Expected: expected}
}

// truncated is the error for bytes that are not there.
func (f *File) truncated(offset int64, expected string, cause error) error {
	e := &recording.Error{Path: f.path, Offset: offset, Found: "the end of the file", Expected: expected,
		Remedy: "the file is truncated: copy it again from its source, or read what there is with Options.Recover"}
	if cause != nil && cause != io.EOF {
		e.Err = cause
	}
	return e
}
