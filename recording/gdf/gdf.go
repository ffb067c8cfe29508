package gdf

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

func init() {
	recording.Register(recording.Format{
		Name: "gdf", Title: "General Data Format for biosignals (GDF)", Extensions: []string{"gdf"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case h.Gzip:
				return recording.No
			case strings.HasPrefix(string(h.Data), "GDF 1.") || strings.HasPrefix(string(h.Data), "GDF 2."):
				return recording.Sure
			case h.Ext == "gdf":
				return recording.Likely
			}
			return recording.No
		},
		Describe: recording.DescribeWith(Open), Open: Open,
	})
}

// Open opens the GDF file at path as a recording. Close it when done.
func Open(path string) (*recording.Recording, error) {
	f, err := records.Open(path, "a GDF file")
	if err != nil {
		return nil, err
	}
	r, err := read(f)
	if err != nil {
		f.Close()
	}
	return r, err
}

// Both parts of the header are of 256 bytes, the second for each signal.
const block = 256

// header is what the versions have in common.
type header struct {
	version  float64
	bytes    int64 // before the data
	records  int64 // -1 when not known
	duration float64
	signals  []signal
}

type signal struct {
	label, unit            string
	physicalMin            float64
	physicalMax            float64
	digitalMin, digitalMax float64
	samples                int64 // in a record
	code                   uint32
}

var little = binary.LittleEndian

func read(f *records.File) (*recording.Recording, error) {
	b, err := f.Bytes(0, block, "header")
	if err != nil {
		return nil, err
	}
	r := &recording.Recording{Metadata: map[string]string{}}
	h := header{}
	if h.version, err = records.Number(string(b[4:8])); err != nil || string(b[:4]) != "GDF " || h.version < 1 || h.version >= 3 {
		return nil, f.Error(0, "version", fmt.Sprintf("%q", b[:8]), `"GDF 1.25", "GDF 2.10" or another 1.x or 2.x`, "")
	}
	r.Metadata["version"] = strings.TrimSpace(string(b[:8]))
	n := int64(0)
	texts := map[string][]byte{}
	if h.version < 1.9 {
		texts["patient"], texts["session"] = b[8:88], b[88:168]
		r.Start = startOfText(string(b[168:184]))
		h.bytes = int64(little.Uint64(b[184:]))
		n = int64(little.Uint32(b[252:]))
	} else {
		texts["patient"], texts["session"] = b[8:74], b[88:152]
		r.Start = startOfDays(little.Uint64(b[168:]))
		h.bytes = int64(little.Uint16(b[184:])) * block
		n = int64(little.Uint16(b[252:]))
	}
	for key, text := range texts {
		if s := strings.TrimSpace(records.Text(text)); s != "" {
			r.Metadata[key] = s
		}
	}
	h.records = int64(little.Uint64(b[236:]))
	if den := little.Uint32(b[248:]); den != 0 {
		h.duration = float64(little.Uint32(b[244:])) / float64(den)
	}
	if want := block * (n + 1); n < 1 || h.bytes < want || h.bytes > f.Size || (h.version < 1.9 && h.bytes != want) {
		return nil, f.Error(184, "header length", fmt.Sprintf("%d bytes for %d signals in a file of %d", h.bytes, n, f.Size), "256 bytes for each signal and as many before", "")
	}
	if b, err = f.Bytes(block, n*block, "signal headers"); err != nil {
		return nil, err
	}
	if h.version < 1.9 {
		h.signals = signals1(b, int(n))
	} else {
		h.signals = signals2(b, int(n))
	}
	l, err := h.layout(f, r)
	if err != nil {
		return nil, err
	}
	if r.Events, err = h.events(f, l.Start+h.records*l.Bytes, r.Rate); err != nil {
		return nil, err
	}
	r.Frames = l.Total
	r.Samples, err = records.New(f, l)
	return r, err
}

// columns gives out the fields of signal headers, which stand field by field: those of all signals, then the next.
type columns struct {
	rest []byte
	n    int
}

func (c *columns) each(width int, f func(i int, b []byte)) {
	for i := range c.n {
		f(i, c.rest[i*width:(i+1)*width])
	}
	c.rest = c.rest[c.n*width:]
}

func (c *columns) skip(width int) { c.rest = c.rest[c.n*width:] }

func float(b []byte) float64 { return math.Float64frombits(little.Uint64(b)) }

func signals1(b []byte, n int) []signal {
	s := make([]signal, n)
	c := columns{b, n}
	c.each(16, func(i int, b []byte) { s[i].label = strings.TrimSpace(records.Text(b)) })
	c.skip(80) // transducer
	c.each(8, func(i int, b []byte) { s[i].unit = records.Unit(strings.TrimSpace(records.Text(b))) })
	c.each(8, func(i int, b []byte) { s[i].physicalMin = float(b) })
	c.each(8, func(i int, b []byte) { s[i].physicalMax = float(b) })
	c.each(8, func(i int, b []byte) { s[i].digitalMin = float64(int64(little.Uint64(b))) })
	c.each(8, func(i int, b []byte) { s[i].digitalMax = float64(int64(little.Uint64(b))) })
	c.skip(80) // filter
	c.each(4, func(i int, b []byte) { s[i].samples = int64(int32(little.Uint32(b))) })
	c.each(4, func(i int, b []byte) { s[i].code = little.Uint32(b) })
	return s
}

func signals2(b []byte, n int) []signal {
	s := make([]signal, n)
	c := columns{b, n}
	c.each(16, func(i int, b []byte) { s[i].label = strings.TrimSpace(records.Text(b)) })
	c.skip(80) // transducer
	c.each(6, func(i int, b []byte) { s[i].unit = records.Unit(strings.TrimSpace(records.Text(b))) })
	c.each(2, func(i int, b []byte) {
		if unit, known := unitOf(little.Uint16(b)); known {
			s[i].unit = unit
		}
	})
	c.each(8, func(i int, b []byte) { s[i].physicalMin = float(b) })
	c.each(8, func(i int, b []byte) { s[i].physicalMax = float(b) })
	c.each(8, func(i int, b []byte) { s[i].digitalMin = float(b) })
	c.each(8, func(i int, b []byte) { s[i].digitalMax = float(b) })
	c.skip(68 + 12) // filters
	c.each(4, func(i int, b []byte) { s[i].samples = int64(int32(little.Uint32(b))) })
	c.each(4, func(i int, b []byte) { s[i].code = little.Uint32(b) })
	return s
}

// unitOf reads a physical dimension code of ISO/IEEE 11073: 32 times the unit plus a power of ten.
func unitOf(code uint16) (unit string, known bool) {
	prefix, ok := map[uint16]string{0: "", 18: "m", 19: "u", 20: "n", 21: "p"}[code%32]
	switch base := code &^ 31; {
	case !ok:
		return "", false
	case base == 4256:
		return prefix + "V", true
	case code == 512:
		return "", true
	case code == 544:
		return "%", true
	}
	return "", false
}

// types are the sample types by their codes in the file.
var types = map[uint32]records.Type{1: records.Int8, 2: records.Uint8, 3: records.Int16, 4: records.Uint16, 5: records.Int32, 6: records.Uint32,
	7: records.Int64, 8: records.Uint64, 16: records.Float32, 17: records.Float64, 255 + 24: records.Int24, 511 + 24: records.Uint24}

// layout places the signals and makes the channels.
func (h *header) layout(f *records.File, r *recording.Recording) (records.Layout, error) {
	l := records.Layout{Start: h.bytes}
	names := make([]string, len(h.signals))
	for i, s := range h.signals {
		names[i] = s.label
	}
	for i, name := range records.Unique(names) {
		s := h.signals[i]
		field := fmt.Sprintf("signal %d (%s)", i+1, s.label)
		kind, ok := types[s.code]
		if !ok {
			return l, f.Error(-1, field, fmt.Sprintf("samples of type %d", s.code), "an integer of 8, 16, 24, 32 or 64 bits or a floating-point number", "")
		}
		if s.samples < 0 {
			return l, f.Error(-1, field, fmt.Sprintf("%d samples in a record", s.samples), "0 or more", "")
		}
		for _, x := range []float64{s.physicalMin, s.physicalMax, s.digitalMin, s.digitalMax} {
			if x-x != 0 {
				return l, f.Error(-1, field, fmt.Sprintf("a range that ends at %g", x), "numbers", "")
			}
		}
		place := records.Signal{At: l.Bytes, Count: s.samples, Type: kind}
		place.Gain, place.Offset = records.Scale(s.physicalMin, s.physicalMax, s.digitalMin, s.digitalMax)
		l.Bytes += s.samples * int64(kind.Size())
		if s.samples == 0 {
			continue // sparse samples, which the event table holds
		}
		l.Frames = max(l.Frames, s.samples)
		l.Signals = append(l.Signals, place)
		r.Channels = append(r.Channels, recording.Channel{Name: name, Type: records.ChannelType(s.label, s.unit), Unit: s.unit})
	}
	if h.duration > 0 {
		if r.Rate = float64(l.Frames) / h.duration; l.Frames > 0 && !records.Sane(r.Rate) {
			return l, f.Error(244, "duration of a record", fmt.Sprintf("%g s with %d samples", h.duration, l.Frames), "a rate below 100 MHz", "")
		}
	}
	if l.Bytes == 0 {
		if h.records > 0 {
			return l, f.Error(236, "number of records", fmt.Sprint(h.records), "none, since no signal has samples", "")
		}
		h.records = 0
		return l, nil
	}
	there := (f.Size - l.Start) / l.Bytes
	switch {
	case h.records == -1: // the recording was not closed
		h.records = there
	case h.records < 0:
		return l, f.Error(236, "number of records", fmt.Sprint(h.records), "0 or more, or -1", "")
	case h.records > there:
		return l, f.Error(l.Start, "data", fmt.Sprintf("%d records of %d bytes", there, l.Bytes), fmt.Sprint(h.records), "the file is truncated: copy it again from its source")
	}
	l.Total = h.records * l.Frames
	return l, nil
}

// events reads the event table behind the data, if there is one.
func (h *header) events(f *records.File, at int64, rate float64) ([]recording.Event, error) {
	if f.Size-at < 8 {
		return nil, nil
	}
	b, err := f.Bytes(at, 8, "event table")
	if err != nil {
		return nil, err
	}
	mode := b[0]
	if mode == 0 {
		return nil, nil
	}
	if mode != 1 && mode != 3 {
		return nil, f.Error(at, "event table", fmt.Sprintf("mode %d", mode), "1 or 3", "")
	}
	n := int64(little.Uint32(b[4:]))
	eventRate := float64(uint32(b[1]) | uint32(b[2])<<8 | uint32(b[3])<<16)
	if h.version >= 1.94 {
		n = int64(eventRate)
		eventRate = float64(math.Float32frombits(little.Uint32(b[4:])))
	}
	if !records.Sane(eventRate) {
		eventRate = rate
	}
	if n == 0 {
		return nil, nil
	}
	if eventRate == 0 {
		return nil, f.Error(at, "event table", "a sampling rate of 0", "one for the times of events", "")
	}
	width := int64(6)
	if mode == 3 {
		width = 12
	}
	if b, err = f.Bytes(at+8, n*width, "event table"); err != nil {
		return nil, err
	}
	events := make([]recording.Event, n)
	position, code, duration := b[:4*n], b[4*n:6*n], b[6*n:]
	if mode == 3 {
		duration = b[8*n:]
	}
	for i := range events {
		e := &events[i]
		e.Onset = (float64(little.Uint32(position[4*i:])) - 1) / eventRate // counted from 1
		e.Label = strconv.Itoa(int(little.Uint16(code[2*i:])))
		if mode == 3 {
			e.Duration = float64(little.Uint32(duration[4*i:])) / eventRate
		}
	}
	slices.SortStableFunc(events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return events, nil
}

// startOfText reads YYYYMMDDhhmmsscc; hundredths may be missing.
func startOfText(s string) time.Time {
	t, err := time.Parse("20060102150405", s[:14])
	if err != nil {
		return time.Time{}
	}
	if n, err := strconv.Atoi(s[14:16]); err == nil && n >= 0 {
		t = t.Add(time.Duration(n) * 10 * time.Millisecond)
	}
	return t
}

// startOfDays reads days since the year 0, times 2^32. The calendar begins at day 367.
func startOfDays(x uint64) time.Time {
	if x == 0 {
		return time.Time{}
	}
	days, fraction := int(x>>32), float64(x&0xffffffff)/(1<<32)
	nanoseconds := time.Duration(math.Round(fraction*86400e6)) * time.Microsecond
	t := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days-367).Add(nanoseconds)
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
