package egi

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

func init() {
	recording.Register(recording.Format{
		Name: "egi", Title: "EGI simple binary", Extensions: []string{"raw"},
		Match: match, Describe: recording.DescribeWith(Open), Open: Open,
	})
	recording.Register(recording.Format{
		Name: "mff", Title: "EGI MFF", Extensions: []string{"mff"},
		Match:    func(recording.Head) recording.Confidence { return recording.No },
		Folder:   func(path string) bool { return strings.EqualFold(filepath.Ext(filepath.Clean(path)), ".mff") },
		Describe: recording.DescribeWith(OpenMFF), Open: OpenMFF,
	})
}

// match has no magic number to go by: a version from 2 to 7, a date and a time.
func match(h recording.Head) recording.Confidence {
	if h.Gzip || len(h.Data) < fixedBytes {
		return recording.No
	}
	b := h.Data
	version, year := big.Uint32(b), big.Uint16(b[4:])
	if version < 2 || version > 7 || year < 1980 || year > 2200 {
		return recording.No
	}
	for i, most := range []uint16{12, 31, 23, 59, 60} { // month, day, hour, minute, second
		if big.Uint16(b[6+2*i:]) > most {
			return recording.No
		}
	}
	return recording.Sure
}

// Open opens the recording at path. Close it when done.
func Open(path string) (*recording.Recording, error) {
	f, err := records.Open(path, "a simple binary file of EGI")
	if err != nil {
		return nil, err
	}
	r, err := read(f)
	if err != nil {
		f.Close()
	}
	return r, err
}

// fixedBytes is the header before the codes of the stimulus lines.
const fixedBytes = 36

var big = binary.BigEndian

func read(f *records.File) (*recording.Recording, error) {
	b, err := f.Bytes(0, fixedBytes, "header")
	if err != nil {
		return nil, err
	}
	version := big.Uint32(b)
	kind, ok := map[uint32]records.Type{2: records.Int16, 4: records.Float32, 6: records.Float64}[version&^1]
	if !ok {
		return nil, f.Error(0, "version", fmt.Sprint(version), "2 to 7", "")
	}
	at := func(offset int) int { return int(int16(big.Uint16(b[offset:]))) }
	r := &recording.Recording{Rate: float64(at(20)), Metadata: map[string]string{}}
	if year, month, day := at(4), at(6), at(8); year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31 {
		r.Start = time.Date(year, time.Month(month), day, at(10), at(12), at(14), int(big.Uint32(b[16:])%1000)*1e6, time.UTC)
	}
	channels := at(22)
	s := &segments{f: f, at: 30}
	if err := s.header(version&1 != 0); err != nil {
		return nil, err
	}
	lines, frames := s.lines, s.count*s.frames
	switch {
	case r.Rate <= 0:
		return nil, f.Error(20, "rate", fmt.Sprint(r.Rate), "samples per second", "")
	case channels < 1:
		return nil, f.Error(22, "number of channels", fmt.Sprint(channels), "at least 1", "")
	}
	codes, err := f.Bytes(s.at, 4*int64(lines), "codes of stimulus lines")
	if err != nil {
		return nil, err
	}
	gain := 1.0 // microvolts, in floating point
	if bits, span := at(26), at(28); bits > 0 && bits <= 64 && span != 0 {
		gain = float64(span) / math.Pow(2, float64(bits))
	}
	gains, offsets := make([]float64, channels+lines), make([]float64, channels+lines)
	names := make([]string, channels+lines)
	for i := range names {
		gains[i] = 1
		if i < channels {
			names[i], gains[i] = fmt.Sprint("E", i+1), gain
		} else {
			names[i] = records.Text(codes[4*(i-channels):][:4])
		}
	}
	for i, name := range records.Unique(names) {
		c := recording.Channel{Name: name, Type: "eeg", Unit: "uV"}
		if i >= channels {
			c.Type, c.Unit = "stim", ""
		}
		r.Channels = append(r.Channels, c)
	}
	start := s.at + 4*int64(lines)
	if s.categories != nil {
		if f, err = s.without(start, int64(kind.Size())*int64(channels+lines)); err != nil {
			return nil, err
		}
	}
	l := records.Interleaved(start, frames, kind, gains, offsets)
	l.BigEndian = true
	there, left := f.FramesIn(start, l.Bytes)
	if there < frames {
		return nil, f.Error(start, "samples", fmt.Sprintf("%d frames and %d bytes", there, left), fmt.Sprintf("%d frames, as the header says", frames), "the file is truncated: copy it again from its source")
	}
	r.Frames = frames
	samples, err := records.New(f, l)
	if err != nil {
		return nil, err
	}
	r.Samples = samples
	if s.categories != nil {
		s.place(r)
	}
	l.Signals = l.Signals[channels:]
	lined, err := events(f, l, s.frames, r, names[channels:])
	r.Events = append(r.Events, lined...)
	slices.SortStableFunc(r.Events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return r, err
}

// events reads the stimulus lines through. No event goes on into the next segment.
func events(f *records.File, l records.Layout, segment int64, r *recording.Recording, codes []string) ([]recording.Event, error) {
	n := len(codes)
	if n == 0 {
		return nil, nil
	}
	s, err := records.New(f, l)
	if err != nil {
		return nil, err
	}
	var out []recording.Event
	since := make([]int64, n) // the frame where the line left zero, or -1
	for i := range since {
		since[i] = -1
	}
	end := func(line int, frame int64) {
		e := recording.Event{Onset: r.Time(since[line]), Label: codes[line]}
		if length := frame - since[line]; length > 1 {
			e.Duration = float64(length) / r.Rate
		}
		if codes[line] != "sync" && codes[line] != "TREV" {
			out = append(out, e)
		}
		since[line] = -1
	}
	block := make([]float32, max(1, 1<<16/n)*n)
	for first := int64(0); first < l.Total; {
		got, err := s.ReadFrames(block, first)
		if got == 0 {
			return nil, err
		}
		for i, v := range block[:got*n] {
			line, frame := i%n, first+int64(i/n)
			if frame%segment == 0 && since[line] >= 0 {
				end(line, frame)
			}
			switch {
			case v != 0 && since[line] < 0:
				since[line] = frame
			case v == 0 && since[line] >= 0:
				end(line, frame)
			}
		}
		first += int64(got)
	}
	for line := range since {
		if since[line] >= 0 {
			end(line, l.Total)
		}
	}
	return out, nil
}
