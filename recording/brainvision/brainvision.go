package brainvision

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

func init() {
	recording.Register(recording.Format{
		Name: "brainvision", Title: "BrainVision", Extensions: []string{"vhdr", "ahdr"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case h.Gzip:
				return recording.No
			case firstLine.Match(h.Data):
				return recording.Sure
			case h.Ext == "vhdr" || h.Ext == "ahdr":
				return recording.Likely
			}
			return recording.No
		},
		Describe: recording.DescribeWith(Open), Open: Open,
	})
}

var firstLine = regexp.MustCompile(`^(\xef\xbb\xbf)?\s*Brain ?Vision( Core| V-Amp)? Data( Exchange)? Header File,? Version [12]\.0`)

// Open opens a recording by the path of its header. Close it when done.
func Open(path string) (*recording.Recording, error) {
	return open(path, func(path string) (*records.File, error) { return records.Open(path, "a file of BrainVision") })
}

// header is what is known of a recording before its samples are touched.
type header struct {
	file     *records.File
	sections []records.Section
	common   records.Section
	rate     float64
	stored   int // channels in the file of samples
	channels []channel
}

type channel struct {
	recording.Channel
	resolution float64
}

// open reads a header and what it refers to, through a function that opens files.
func open(path string, file func(string) (*records.File, error)) (*recording.Recording, error) {
	f, err := file(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := &header{file: f}
	text, err := f.ReadText()
	if err != nil {
		return nil, err
	}
	if !firstLine.MatchString(text) {
		line, _, _ := strings.Cut(text, "\n")
		return nil, &recording.Error{Path: path, Offset: -1, Line: 1, Found: fmt.Sprintf("%.60q", strings.TrimSpace(line)),
			Expected: `"Brain Vision Data Exchange Header File Version 1.0" or 2.0`}
	}
	h.sections = records.Sections(text, "comment")
	h.common = records.Find(h.sections, "Common Infos")
	if err := h.read(); err != nil {
		return nil, err
	}
	r := &recording.Recording{Rate: h.rate, Metadata: map[string]string{}}
	names := make([]string, len(h.channels))
	for i, c := range h.channels {
		names[i] = c.Name
	}
	for i, name := range records.Unique(names) {
		c := h.channels[i].Channel
		c.Name = name
		r.Channels = append(r.Channels, c)
	}
	h.filters(r)
	data, err := h.sibling("DataFile", file)
	if err != nil {
		return nil, err
	}
	if err := h.samples(r, data); err != nil {
		data.Close()
		return nil, err
	}
	if l := h.common.Get("MarkerFile"); l.Value != "" {
		markers, err := h.sibling("MarkerFile", file)
		if errors.Is(err, fs.ErrNotExist) {
			r.Warn("no events: there is no file of markers called %s", l.Value)
			return r, nil
		}
		if err == nil {
			err = readMarkers(r, markers)
			markers.Close()
		}
		if err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// wrong is the error for a line of the header.
func (h *header) wrong(l records.Line, field, expected string) error {
	e := &recording.Error{Path: h.file.Path, Offset: -1, Line: l.Number, Field: field, Found: strconv.Quote(l.Value), Expected: expected}
	if l.Number == 0 {
		e.Found = "no such line"
	}
	return e
}

// read takes in what the header says of channels and rate.
func (h *header) read() error {
	infos := records.Find(h.sections, "Channel Infos").Lines
	l := h.common.Get("NumberOfChannels")
	n, err := records.Integer(l.Value)
	if err != nil || n < 1 || n > int64(len(infos)) {
		return h.wrong(l, "NumberOfChannels", fmt.Sprintf("a number from 1 on, with a line for each (there are %d)", len(infos)))
	}
	h.stored = int(n)
	if strings.EqualFold(filepath.Ext(h.file.Path), ".ahdr") {
		h.stored++ // the V-Amp stores one more, which is not a signal
	}
	l = h.common.Get("SamplingInterval")
	if interval, err := records.Number(l.Value); err != nil || !records.Sane(1e6/interval) {
		return h.wrong(l, "SamplingInterval", "microseconds between samples")
	} else {
		h.rate = 1e6 / interval
	}
	if l := h.common.Get("DataType"); l.Number > 0 && !strings.EqualFold(l.Value, "TIMEDOMAIN") {
		return h.wrong(l, "DataType", "TIMEDOMAIN")
	}
	h.channels = make([]channel, n)
	seen := make([]bool, n)
	for _, l := range infos {
		i, ok := index(l.Key, "Ch", len(h.channels))
		if !ok {
			return h.wrong(records.Line{Number: l.Number, Value: l.Key}, "Channel Infos", fmt.Sprintf("Ch1 to Ch%d", n))
		}
		parts := append(strings.Split(l.Value, ","), "", "", "")
		c := channel{resolution: 1}
		c.Name = comma(parts[0])
		if s := strings.TrimSpace(parts[2]); s != "" {
			if c.resolution, err = records.Number(s); err != nil {
				return h.wrong(l, "resolution", "a number in the third place")
			}
		}
		if c.Unit = records.Unit(strings.TrimSpace(parts[3])); c.Unit == "" {
			c.Unit = "uV"
		}
		c.Type = records.ChannelType(c.Name, c.Unit)
		h.channels[i], seen[i] = c, true
	}
	for i, ok := range seen {
		if !ok {
			return h.wrong(records.Line{}, "Channel Infos", fmt.Sprintf("Ch%d", i+1))
		}
	}
	return h.coordinates()
}

// comma gives back the commas that lists cannot hold.
func comma(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), `\1`, ",") }

// index reads "Ch12" as 11.
func index(key, prefix string, n int) (int, bool) {
	if len(key) <= len(prefix) || !strings.EqualFold(key[:len(prefix)], prefix) {
		return 0, false
	}
	i, err := strconv.Atoi(key[len(prefix):])
	return i - 1, err == nil && i >= 1 && i <= n
}

// headRadius is the radius in metres that stands for 1.
const headRadius = 0.095

// coordinates reads positions on a sphere: radius in millimetres, inclination and azimuth in degrees.
func (h *header) coordinates() error {
	for _, l := range records.Find(h.sections, "Coordinates").Lines {
		i, ok := index(l.Key, "Ch", len(h.channels))
		parts := strings.Split(l.Value, ",")
		var v [3]float64
		if ok = ok && len(parts) >= 3; ok {
			for k := range v {
				var err error
				if v[k], err = records.Number(parts[k]); err != nil {
					ok = false
				}
			}
		}
		if !ok {
			return h.wrong(l, "Coordinates", fmt.Sprintf("Ch1 to Ch%d with radius, theta and phi", len(h.channels)))
		}
		radius := v[0] / 1000
		if v[0] == 1 {
			radius = headRadius
		}
		if radius == 0 {
			continue // not known
		}
		theta, phi := v[1]*math.Pi/180, v[2]*math.Pi/180
		h.channels[i].Position = &[3]float64{radius * math.Sin(theta) * math.Cos(phi), radius * math.Sin(theta) * math.Sin(phi), radius * math.Cos(theta)}
	}
	return nil
}

// sibling opens a file that the header names.
func (h *header) sibling(key string, file func(string) (*records.File, error)) (*records.File, error) {
	l := h.common.Get(key)
	stem := records.Renamed(filepath.Base(h.file.Path), "")
	path := records.Beside(h.file.Path, strings.ReplaceAll(l.Value, "$b", stem))
	if path == "" {
		return nil, h.wrong(l, key, "the name of a file")
	}
	f, err := file(path)
	if errors.Is(err, fs.ErrNotExist) {
		if renamed, err := file(records.Renamed(h.file.Path, filepath.Ext(path))); err == nil {
			return renamed, nil
		}
	}
	if err != nil {
		return nil, &recording.Error{Path: h.file.Path, Offset: -1, Line: l.Number, Field: key, Err: err, Remedy: "put it beside the header"}
	}
	return f, nil
}

// numbers are the binary formats.
var numbers = map[string]records.Type{"INT_16": records.Int16, "UINT_16": records.Uint16, "INT_32": records.Int32, "IEEE_FLOAT_32": records.Float32, "IEEE_FLOAT_64": records.Float64}

// samples finds the samples in the data file.
func (h *header) samples(r *recording.Recording, data *records.File) error {
	l := h.common.Get("DataOrientation")
	vectorized := strings.EqualFold(l.Value, "VECTORIZED")
	if !vectorized && !strings.EqualFold(l.Value, "MULTIPLEXED") && l.Number > 0 {
		return h.wrong(l, "DataOrientation", "MULTIPLEXED or VECTORIZED")
	}
	switch l := h.common.Get("DataFormat"); {
	case strings.EqualFold(l.Value, "ASCII"):
		return h.ascii(r, data, vectorized)
	case !strings.EqualFold(l.Value, "BINARY"):
		return h.wrong(l, "DataFormat", "BINARY or ASCII")
	}
	binary := records.Find(h.sections, "Binary Infos")
	l = binary.Get("BinaryFormat")
	kind, ok := numbers[strings.ToUpper(l.Value)]
	if !ok {
		return h.wrong(l, "BinaryFormat", "INT_16, UINT_16, INT_32 or IEEE_FLOAT_32")
	}
	size := int64(kind.Size())
	frames, left := data.FramesIn(0, size*int64(h.stored))
	if left > 0 {
		r.Warn("the samples end in %d bytes of an incomplete frame", left)
	}
	lay := records.Layout{Bytes: size * int64(h.stored), Frames: 1, Total: frames, BigEndian: strings.EqualFold(binary.Get("UseBigEndianOrder").Value, "YES")}
	apart := size
	count := int64(1)
	if vectorized {
		if l := h.common.Get("DataPoints"); l.Number > 0 {
			points, err := records.Integer(l.Value)
			if err != nil || points < 0 {
				return h.wrong(l, "DataPoints", "the number of samples of a channel")
			}
			if points > frames {
				return data.Error(-1, "samples", fmt.Sprintf("%d of each channel", frames), fmt.Sprintf("%d, as the header says", points), "the file is truncated: copy it again from its source")
			}
			lay.Total = points
		}
		// One record, in which channel follows channel.
		count = lay.Total
		apart *= count
		lay.Frames, lay.Bytes = count, apart*int64(h.stored)
	}
	r.Frames = lay.Total
	if r.Frames == 0 {
		lay.Frames, lay.Bytes, count, apart = 1, size*int64(h.stored), 1, size
	}
	for i, c := range h.channels {
		lay.Signals = append(lay.Signals, records.Signal{At: int64(i) * apart, Count: count, Type: kind, Gain: c.resolution})
	}
	var err error
	r.Samples, err = records.New(data, lay)
	return err
}

// filters notes the filters that were on: those of the software where there are any, else those of the amplifier.
func (h *header) filters(r *recording.Recording) {
	var highs, lows []string
	var highUnit, lowUnit string
	lines := records.Find(h.sections, "Comment").Lines
	for i, l := range lines {
		head := columns(l.Value)
		if len(head) < 3 || head[0] != "#" {
			continue
		}
		high, low := -1, -1
		for k, title := range head {
			switch {
			case strings.HasPrefix(title, "Low Cutoff"):
				high, highUnit = k, title
			case strings.HasPrefix(title, "High Cutoff"):
				low, lowUnit = k, title
			}
		}
		if high < 0 || low < 0 {
			continue
		}
		highs, lows = nil, nil
		for _, row := range lines[i+1:] {
			cells := columns(row.Value)
			if len(cells) <= max(high, low) {
				break
			}
			highs, lows = append(highs, cells[high]), append(lows, cells[low])
		}
	}
	if f, on := weakest(highs, strings.Contains(highUnit, "[s]"), false); on {
		r.Metadata["highpass"] = fmt.Sprintf("%.6g Hz", f)
	}
	if f, on := weakest(lows, strings.Contains(lowUnit, "[s]"), true); on {
		r.Metadata["lowpass"] = fmt.Sprintf("%.6g Hz", f)
	}
}

// columns splits a line of a table where two blanks or more stand.
func columns(s string) []string {
	return wide.Split(strings.TrimSpace(s), -1)
}

var wide = regexp.MustCompile(`\s\s+|\t`)

// weakest gives the highest (or lowest) of cutoff frequencies; a filter that is off anywhere is off. Time constants are
// turned into frequencies.
func weakest(cells []string, seconds, highest bool) (frequency float64, on bool) {
	for _, c := range cells {
		x, err := records.Number(strings.ReplaceAll(c, ",", "."))
		if err != nil || x <= 0 {
			return 0, false // "DC", "Off", "NaN"
		}
		if seconds {
			x = 1 / (2 * math.Pi * x)
		}
		if !on || (x > frequency) == highest {
			frequency, on = x, true
		}
	}
	return frequency, on
}
