package persyst

import (
	"bytes"
	"cmp"
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
		Name: "persyst", Title: "Persyst", Extensions: []string{"lay"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case h.Gzip:
				return recording.No
			case bytes.HasPrefix(bytes.ToLower(h.Data), []byte("[fileinfo]")):
				return recording.Sure
			case h.Ext == "lay":
				return recording.Likely
			}
			return recording.No
		},
		Describe: recording.DescribeWith(Open), Open: Open,
	})
}

// Open opens a recording by the path of its .lay file. Close it when done.
func Open(path string) (*recording.Recording, error) {
	return open(path, func(path string) (*records.File, error) { return records.Open(path, "a file of Persyst") })
}

// layout is a .lay file.
type layout struct {
	path     string
	sections []records.Section
}

// wrong is the error for a line.
func (y *layout) wrong(l records.Line, field, expected string) error {
	e := &recording.Error{Path: y.path, Offset: -1, Line: l.Number, Field: field, Found: strconv.Quote(l.Value), Expected: expected}
	if l.Number == 0 {
		e.Found = "no such line"
	}
	return e
}

// open reads a .lay file and what it names, through a function that opens files.
func open(path string, file func(string) (*records.File, error)) (*recording.Recording, error) {
	lay, err := file(path)
	if err != nil {
		return nil, err
	}
	text, err := lay.ReadText()
	lay.Close()
	if err != nil {
		return nil, err
	}
	y := &layout{path, records.Sections(text, "comments")}
	info := records.Find(y.sections, "FileInfo")
	r := &recording.Recording{Metadata: map[string]string{}}
	if r.Rate, err = records.Number(info.Get("SamplingRate").Value); err != nil || !records.Sane(r.Rate) {
		return nil, y.wrong(info.Get("SamplingRate"), "SamplingRate", "samples per second")
	}
	gain, err := records.Number(info.Get("Calibration").Value)
	if err != nil {
		return nil, y.wrong(info.Get("Calibration"), "Calibration", "microvolts for a step")
	}
	header, err := records.Integer(cmp.Or(info.Get("HeaderLength").Value, "0"))
	if err != nil || header < 0 {
		return nil, y.wrong(info.Get("HeaderLength"), "HeaderLength", "a number of bytes")
	}
	kind, ok := map[string]records.Type{"0": records.Int16, "7": records.Int32}[info.Get("DataType").Value]
	if !ok {
		return nil, y.wrong(info.Get("DataType"), "DataType", "0 (16 bits) or 7 (32 bits)")
	}
	if l := info.Get("FileType"); l.Number > 0 && !strings.EqualFold(l.Value, "Interleaved") {
		return nil, y.wrong(l, "FileType", "Interleaved")
	}
	names, err := y.channels(info.Get("WaveformCount"))
	if err != nil {
		return nil, err
	}
	y.patient(r)
	if r.Events, err = y.comments(); err != nil {
		return nil, err
	}
	gains, offsets := make([]float64, len(names)), make([]float64, len(names))
	for i, name := range records.Unique(names) {
		gains[i] = gain
		r.Channels = append(r.Channels, recording.Channel{Name: name, Type: records.ChannelType(names[i], "uV"), Unit: "uV"})
	}
	at := records.Beside(path, info.Get("File").Value)
	if at == "" {
		return nil, y.wrong(info.Get("File"), "File", "the name of the file of samples")
	}
	data, err := file(at)
	if err != nil {
		return nil, &recording.Error{Path: path, Offset: -1, Line: info.Get("File").Number, Field: "File", Err: err, Remedy: "put it beside the .lay"}
	}
	l := records.Interleaved(header, 0, kind, gains, offsets)
	var left int64
	if l.Total, left = data.FramesIn(header, l.Bytes); left > 0 {
		r.Warn("the samples end in %d bytes of an incomplete frame", left)
	}
	r.Frames = l.Total
	if r.Samples, err = records.New(data, l); err != nil {
		data.Close()
		return nil, err
	}
	return r, nil
}

// channels reads the channel map: a name, and which place in a frame is its.
func (y *layout) channels(count records.Line) ([]string, error) {
	lines := records.Find(y.sections, "ChannelMap").Lines
	n, err := records.Integer(count.Value)
	if err != nil || n < 1 || n != int64(len(lines)) {
		return nil, y.wrong(count, "WaveformCount", fmt.Sprintf("%d, the length of the channel map", len(lines)))
	}
	names, seen := make([]string, n), make([]bool, n)
	for _, l := range lines {
		i, err := records.Integer(l.Value)
		if err != nil || i < 1 || i > n || seen[i-1] {
			return nil, y.wrong(l, "ChannelMap", fmt.Sprintf("a number from 1 to %d, each once", n))
		}
		name, _, _ := strings.Cut(strings.ToUpper(l.Key), "-REF")
		names[i-1], seen[i-1] = name, true
	}
	return names, nil
}

// patient notes who was recorded and when.
func (y *layout) patient(r *recording.Recording) {
	p := records.Find(y.sections, "Patient")
	for key, name := range map[string]string{"ID": "patient id", "Sex": "sex", "Hand": "hand"} {
		if v := p.Get(key).Value; v != "" {
			r.Metadata[name] = v
		}
	}
	for _, layout := range []string{"1/2/2006", "2-1-2006", "2006.1.2"} {
		if t, err := time.Parse(layout+" 15:04:05", p.Get("TestDate").Value+" "+p.Get("TestTime").Value); err == nil {
			r.Start = t
		}
	}
}

// comments reads lines of onset, duration, state, type and text.
func (y *layout) comments() ([]recording.Event, error) {
	var events []recording.Event
	for _, l := range records.Find(y.sections, "Comments").Lines {
		if strings.TrimSpace(l.Value) == "" {
			continue
		}
		parts := strings.SplitN(l.Value, ",", 5)
		if len(parts) < 5 {
			return nil, y.wrong(l, "Comments", "time, duration, state, type and text")
		}
		onset, err := records.Number(parts[0])
		duration, err2 := records.Number(parts[1])
		if err != nil || err2 != nil || duration < 0 || math.Abs(onset) > 1e10 || duration > 1e10 {
			return nil, y.wrong(l, "Comments", "a time and a duration in seconds")
		}
		events = append(events, recording.Event{Onset: onset, Duration: duration, Label: strings.TrimSpace(parts[4])})
	}
	slices.SortStableFunc(events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return events, nil
}
