package edf

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// File is an open EDF or BDF file. Its methods may be called from several goroutines at once.
type File struct {
	Header
	Signals     []Signal        // without those that hold annotations
	Annotations []Annotation    // in order of onset
	Gaps        []recording.Gap // in frames of the fastest signal
	Warnings    []string        // what the header or the annotations had wrong and how it was taken

	file        *records.File
	source      *records.Source // of all Signals that have samples
	column      []int           // of each signal in source; -1 for one without samples
	frames      int64           // samples of the fastest signal in a record
	recordBytes int64
}

// Header is what a file says about itself.
type Header struct {
	Variant  Variant
	Patient  string // as it stands: in EDF+ code, sex, birth date and name
	Session  string // the "recording identification": in EDF+ start date, code, technician and equipment
	Start    time.Time
	Records  int64   // data records, as many as the file really has
	Duration float64 // of a data record, seconds; 0 in a file of nothing but annotations
}

// Variant is one of the formats of the family.
type Variant uint8

// The variants, D for discontinuous.
const (
	EDF Variant = iota
	EDFPlusC
	EDFPlusD
	BDF
	BDFPlusC
	BDFPlusD
)

func (v Variant) String() string {
	return [...]string{"EDF", "EDF+C", "EDF+D", "BDF", "BDF+C", "BDF+D"}[v]
}

// bits24 says that samples are 24 bits long, not 16.
func (v Variant) bits24() bool { return v >= BDF }

// plus says that annotations are allowed.
func (v Variant) plus() bool { return v%3 != 0 }

// Signal is what a file says about one of its signals.
type Signal struct {
	Label       string
	Transducer  string
	Unit        string // "uV", "mV", "%" ...; micro is written u
	Filter      string // "HP:0.1Hz LP:75Hz"
	PhysicalMin float64
	PhysicalMax float64
	DigitalMin  float64
	DigitalMax  float64
	Samples     int64   // in a data record
	Rate        float64 // samples per second; 0 when the file does not tell
}

// scale gives the straight line from numbers to values.
func (s *Signal) scale() (gain, offset float64) {
	return records.Scale(s.PhysicalMin, s.PhysicalMax, s.DigitalMin, s.DigitalMax)
}

// Annotation is a text with a time.
type Annotation struct {
	Onset    float64 // seconds after the beginning of the first data record
	Duration float64 // seconds; 0 when not told
	Text     string
	Channel  string // the signal it is about ("text@@label" in the file); empty for all
}

// Open opens the file at path, reads its header and its annotations. Close it when done.
func Open(path string) (*File, error) {
	r, err := records.Open(path, "an EDF or BDF file")
	if err != nil {
		return nil, err
	}
	f, err := NewFile(r)
	if err != nil {
		r.Close()
	}
	return f, err
}

// NewFile is Open for a file that is open already; closing the File closes it.
func NewFile(r *records.File) (*File, error) {
	f := &File{file: r}
	annotations, err := f.readHeader()
	if err != nil {
		return nil, err
	}
	if err := f.readAnnotations(annotations); err != nil {
		return nil, err
	}
	return f, nil
}

// Close releases the file.
func (f *File) Close() error { return f.file.Close() }

// Samples is how many samples a signal has in the whole file.
func (f *File) Samples(signal int) int64 { return f.Records * f.Signals[signal].Samples }

// ReadSignal fills dst with samples of one signal in its physical unit, beginning with sample first, and returns how many it
// read: fewer than fit into dst only together with io.EOF, behind the last.
func (f *File) ReadSignal(signal int, dst []float64, first int64) (int, error) {
	if f.column[signal] < 0 {
		return 0, io.EOF
	}
	return f.source.ReadSignal(dst, f.column[signal], first)
}

// ReadDigital is ReadSignal for the integers that the file holds.
func (f *File) ReadDigital(signal int, dst []float64, first int64) (int, error) {
	if f.column[signal] < 0 {
		return 0, io.EOF
	}
	return f.source.ReadNumbers(dst, f.column[signal], first)
}

// Header sizes: a fixed part, and as much for each signal.
const (
	fixedBytes  = 256
	signalBytes = 256
)

// readHeader reads the header and lays out the samples. It gives the place of every annotation signal in a record.
func (f *File) readHeader() ([]records.Signal, error) {
	r := f.file
	head, err := r.Bytes(0, fixedBytes, "header")
	if err != nil {
		return nil, err
	}
	h := fields{file: r, rest: head}
	version := h.text(8)
	switch {
	case head[0] == 0xff && string(head[1:8]) == "BIOSEMI":
		f.Variant = BDF
	case version != "0":
		return nil, r.Error(0, "version", fmt.Sprintf("%q", head[:8]), `"0" (EDF) or "\xffBIOSEMI" (BDF)`, "")
	}
	f.Patient = h.text(80)
	f.Session = h.text(80)
	date, clock := h.text(8), h.text(8)
	if start, ok := startTime(date, clock, f.Session); ok {
		f.Start = start
	} else {
		f.warn("no start: %q %q is not a date and a time", date, clock)
	}
	headerBytes := h.integer("header bytes", 8)
	switch reserved := h.text(44); {
	case strings.HasPrefix(reserved, "EDF+D") || strings.HasPrefix(reserved, "BDF+D"):
		f.Variant += 2
	case strings.HasPrefix(reserved, "EDF+") || strings.HasPrefix(reserved, "BDF+"):
		f.Variant++
	}
	claimed := h.integer("number of records", 8)
	f.Duration = h.number("duration of a record", 8)
	n := h.integer("number of signals", 4)
	if h.err != nil {
		return nil, h.err
	}
	if n < 1 {
		return nil, r.Error(252, "number of signals", fmt.Sprint(n), "at least 1", "")
	}
	if want := fixedBytes + n*signalBytes; headerBytes != want {
		return nil, r.Error(184, "header bytes", fmt.Sprint(headerBytes), fmt.Sprintf("%d, for %d signals", want, n), "")
	}
	if f.Duration < 0 || math.IsInf(f.Duration, 0) || f.Duration != f.Duration {
		return nil, r.Error(244, "duration of a record", fmt.Sprintf("%g s", f.Duration), "0 or more", "")
	}
	signals, err := f.readSignals(n)
	if err != nil {
		return nil, err
	}
	return f.layOut(signals, headerBytes, claimed)
}

// readSignals reads the headers of n signals, which stand field by field.
func (f *File) readSignals(n int64) ([]Signal, error) {
	b, err := f.file.Bytes(fixedBytes, n*signalBytes, "signal headers")
	if err != nil {
		return nil, err
	}
	h := fields{file: f.file, rest: b, offset: fixedBytes}
	s := make([]Signal, n)
	column := func(name string, width int, f func(s *Signal, name string, width int)) {
		for i := range s {
			f(&s[i], fmt.Sprintf("%s of signal %d", name, i+1), width)
		}
	}
	column("label", 16, func(s *Signal, _ string, w int) { s.Label = h.text(w) })
	column("transducer", 80, func(s *Signal, name string, w int) { s.Transducer = h.text(w) })
	column("unit", 8, func(s *Signal, name string, w int) { s.Unit = records.Unit(h.text(w)) })
	column("physical minimum", 8, func(s *Signal, name string, w int) { s.PhysicalMin = h.number(name, w) })
	column("physical maximum", 8, func(s *Signal, name string, w int) { s.PhysicalMax = h.number(name, w) })
	column("digital minimum", 8, func(s *Signal, name string, w int) { s.DigitalMin = h.number(name, w) })
	column("digital maximum", 8, func(s *Signal, name string, w int) { s.DigitalMax = h.number(name, w) })
	column("filter", 80, func(s *Signal, name string, w int) { s.Filter = h.text(w) })
	column("samples in a record", 8, func(s *Signal, name string, w int) {
		at := h.offset
		if s.Samples = h.integer(name, w); h.err == nil && s.Samples < 0 {
			h.err = f.file.Error(at, name, fmt.Sprint(s.Samples), "0 or more", "")
		}
		if s.Rate = float64(s.Samples) / f.Duration; f.Duration == 0 {
			s.Rate = 0
		}
	})
	return s, h.err
}

// layOut finds the places of all signals and how many records there are.
func (f *File) layOut(all []Signal, start, claimed int64) (annotations []records.Signal, err error) {
	kind := records.Int16
	if f.Variant.bits24() {
		kind = records.Int24
	}
	l := records.Layout{Start: start}
	for i, s := range all {
		place := records.Signal{At: l.Bytes, Count: s.Samples, Type: kind, Gain: 1}
		l.Bytes += s.Samples * int64(kind.Size()) // at most 9999 signals of 99999999 samples
		if s.Label == "EDF Annotations" || s.Label == "BDF Annotations" {
			annotations = append(annotations, place)
			continue
		}
		f.Signals = append(f.Signals, s)
		if s.Samples == 0 {
			f.warn("signal %d (%s) has no samples", i+1, s.Label)
			f.column = append(f.column, -1)
			continue
		}
		if s.Rate != 0 && !records.Sane(s.Rate) {
			return nil, f.file.Error(244, "duration of a record", fmt.Sprintf("%g s with %d samples", f.Duration, s.Samples), "a rate below 100 MHz", "")
		}
		if s.PhysicalMin == s.PhysicalMax || s.DigitalMin == s.DigitalMax {
			f.warn("signal %d (%s) has the physical range %g to %g and the digital range %g to %g: a range of nothing counts as 1",
				i+1, s.Label, s.PhysicalMin, s.PhysicalMax, s.DigitalMin, s.DigitalMax)
		}
		place.Gain, place.Offset = s.scale()
		if isStatus(s.Label) && f.Variant.bits24() {
			place.Gain, place.Offset, place.Mask = 1, 0, 1<<17-1
		}
		f.column = append(f.column, len(l.Signals))
		l.Signals = append(l.Signals, place)
		l.Frames = max(l.Frames, s.Samples)
	}
	f.recordBytes, f.frames = l.Bytes, l.Frames
	if l.Bytes == 0 {
		return nil, f.file.Error(fixedBytes, "signal headers", "records without a sample", "samples", "")
	}
	f.Records = (f.file.Size - start) / l.Bytes
	if left := (f.file.Size - start) % l.Bytes; claimed != f.Records || left != 0 {
		if claimed > 0 && f.Records == 0 {
			return nil, f.file.Error(start, "data", fmt.Sprintf("%d bytes", f.file.Size-start), fmt.Sprintf("%d records of %d bytes", claimed, l.Bytes),
				"the file is truncated: copy it again from its source")
		}
		what := ""
		if left != 0 {
			what = fmt.Sprintf(" and %d bytes of another", left)
		}
		f.warn("the header counts %d records, the file has %d%s", claimed, f.Records, what)
	}
	if l.Frames == 0 {
		l.Frames = 1 // nothing but annotations
	}
	l.Total = f.Records * l.Frames
	f.source, err = records.New(f.file, l)
	return annotations, err
}

// isStatus recognises the labels that MNE-Python takes for trigger channels.
func isStatus(label string) bool {
	return strings.EqualFold(label, "Status") || strings.EqualFold(label, "Trigger")
}

// warn adds to Warnings, once for each kind of message.
func (f *File) warn(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); len(f.Warnings) < 20 && !slices.Contains(f.Warnings, s) {
		f.Warnings = append(f.Warnings, s)
	}
}

// fields takes a header apart, field after field, and keeps the first error.
type fields struct {
	file   *records.File
	rest   []byte
	offset int64
	err    error
}

func (h *fields) next(width int) []byte {
	b := h.rest[:width]
	h.rest = h.rest[width:]
	h.offset += int64(width)
	return b
}

func (h *fields) text(width int) string {
	return strings.TrimSpace(records.Text(h.next(width)))
}

// number reads a decimal number; some writers put a comma for the point.
func (h *fields) number(name string, width int) float64 {
	at := h.offset
	s := strings.ReplaceAll(h.text(width), ",", ".")
	x, err := records.Number(s)
	if err != nil && h.err == nil {
		h.err = h.file.Error(at, name, fmt.Sprintf("%q", s), "a number", "")
	}
	return x
}

func (h *fields) integer(name string, width int) int64 {
	at := h.offset
	s := h.text(width)
	x, err := records.Integer(s)
	if (err != nil || x > 1e9 || x < -1e9) && h.err == nil {
		h.err = h.file.Error(at, name, fmt.Sprintf("%q", s), "an integer", "")
	}
	return x
}

// startTime reads the start date dd.mm.yy, whose years are those from 1985 to 2084, and time hh.mm.ss; an EDF+ session
// ("Startdate 02-MAR-2002 ...") has the year in full. The clock's zone is not known: UTC stands for it.
func startTime(date, clock, session string) (time.Time, bool) {
	day, month, year, ok := three(date)
	if ok {
		if year += 1900; year < 1985 {
			year += 100
		}
	}
	full := false
	if words := strings.Fields(session); len(words) > 1 && strings.EqualFold(words[0], "Startdate") {
		if d, err := time.Parse("2-Jan-2006", words[1]); err == nil {
			day, month, year, ok, full = d.Day(), int(d.Month()), d.Year(), true, true
		}
	}
	hour, minute, second, clockOK := three(clock)
	if !ok || !clockOK || month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60 {
		return time.Time{}, false
	}
	if !full && date == "01.01.85" && clock == "00.00.00" {
		return time.Time{}, true // EDF+'s way not to tell
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC), true
}

// three reads "16.09.87"; other separators are in use too.
func three(s string) (a, b, c int, ok bool) {
	if len(s) != 8 {
		return 0, 0, 0, false
	}
	var v [3]int
	for i := range v {
		p := s[3*i : 3*i+2]
		if p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9' || (i > 0 && bytes.IndexByte([]byte(".:-/ "), s[3*i-1]) < 0) {
			return 0, 0, 0, false
		}
		v[i] = int(p[0]-'0')*10 + int(p[1]-'0')
	}
	return v[0], v[1], v[2], true
}
