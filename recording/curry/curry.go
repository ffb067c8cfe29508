package curry

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

func init() {
	recording.Register(recording.Format{
		Name: "curry", Title: "Curry", Extensions: []string{"cdt", "dap", "dpa", "dpo"},
		Match: func(h recording.Head) recording.Confidence {
			switch begin := strings.TrimPrefix(string(h.Data[:min(len(h.Data), 64)]), "\ufeff"); {
			case h.Gzip:
				return recording.No
			case strings.HasPrefix(begin, "DATA_PARAMETERS START"):
				return recording.Sure
			case h.Ext == "cdt":
				return recording.Likely // samples without a head
			}
			return recording.No
		},
		Describe: recording.DescribeWith(Open), Open: Open,
	})
}

// Open opens a recording by the path of its parameters, or of a .cdt. Close it when done.
func Open(path string) (*recording.Recording, error) {
	return open(path, func(path string) (*records.File, error) { return records.Open(path, "a file of Curry") })
}

// opener opens files.
type opener func(path string) (*records.File, error)

// first opens the first of some files that is there.
func (o opener) first(paths ...string) (*records.File, error) {
	for _, p := range paths[:len(paths)-1] {
		if f, err := o(p); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return o(paths[len(paths)-1])
}

// open reads the parts of a recording, through a function that opens files.
func open(path string, file opener) (*recording.Recording, error) {
	var parameters *records.File
	var err error
	base := path // the samples of the newer versions
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".cdt":
		parameters, err = file.first(path+".dpa", path+".dpo")
	default:
		if parameters, err = file(path); ext == ".dpa" || ext == ".dpo" {
			base = records.Renamed(path, "")
		}
	}
	if err != nil {
		return nil, err
	}
	old := strings.EqualFold(filepath.Ext(path), ".dap")
	p, err := readParts(parameters)
	parameters.Close()
	if err != nil {
		return nil, err
	}
	samples, events := base, []string{base + ".cef", base + ".ceo"}
	if old {
		samples, events = records.Renamed(path, ".dat"), []string{records.Renamed(path, ".cef"), records.Renamed(path, ".ceo")}
		labels, err := file(records.Renamed(path, ".rs3"))
		if err != nil {
			return nil, &recording.Error{Path: path, Offset: -1, Err: err, Remedy: "put the file of labels beside the .dap"}
		}
		more, err := readParts(labels)
		labels.Close()
		if err != nil {
			return nil, err
		}
		p.lists = append(p.lists, more.lists...)
	}
	r := &recording.Recording{Metadata: map[string]string{}}
	if err := p.header(r); err != nil {
		return nil, err
	}
	cef, err := file.first(events...)
	if err == nil {
		err = readEvents(r, cef)
		cef.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	data, err := file(samples)
	if err != nil {
		return nil, &recording.Error{Path: path, Offset: -1, Err: err, Remedy: "put the file of samples beside the parameters"}
	}
	if err := p.samples(r, data); err != nil {
		data.Close()
		return nil, err
	}
	return r, nil
}

// parts is a file of Curry, which is text: blocks "NAME START ... NAME END" of settings, and "NAME START_LIST ... NAME END_LIST"
// of lines.
type parts struct {
	path   string
	blocks []block
	lists  []list
}

type block struct {
	name  string
	lines []records.Line
}

type list struct {
	name  string
	lines []string
	at    int // line of the file that the first of them is
}

func readParts(f *records.File) (*parts, error) {
	text, err := f.ReadText()
	if err != nil {
		return nil, err
	}
	p := &parts{path: f.Path}
	var open *block
	var filling *list
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		words := strings.Fields(line)
		key := ""
		if len(words) >= 2 {
			key = words[1]
		}
		switch {
		case key == "END_LIST" && filling != nil:
			p.lists, filling = append(p.lists, *filling), nil
		case filling != nil:
			filling.lines = append(filling.lines, line)
		case key == "START_LIST":
			filling = &list{name: words[0], at: n + 1}
		case key == "START":
			open = &block{name: words[0]}
		case key == "END" && open != nil:
			p.blocks, open = append(p.blocks, *open), nil
		case open != nil:
			if k, v, ok := strings.Cut(line, "="); ok {
				open.lines = append(open.lines, records.Line{Number: n, Key: strings.TrimSpace(k), Value: strings.TrimSpace(v)})
			}
		}
	}
	return p, nil
}

// get finds a setting in a block.
func (b block) get(key string) records.Line {
	return records.Section{Lines: b.lines}.Get(key)
}

// find gives the first block of a name.
func (p *parts) find(name string) block {
	for _, b := range p.blocks {
		if b.name == name {
			return b
		}
	}
	return block{}
}

func (p *parts) wrong(l records.Line, field, expected string) error {
	e := &recording.Error{Path: p.path, Offset: -1, Line: l.Number, Field: field, Found: strconv.Quote(l.Value), Expected: expected}
	if l.Number == 0 {
		e.Found = "no such line"
	}
	return e
}

// count reads a whole number from least on.
func (p *parts) count(b block, key string, least int64) (int64, error) {
	l := b.get(key)
	n, err := records.Integer(l.Value)
	if err != nil || n < least || n > 1e12 {
		return 0, p.wrong(l, key, fmt.Sprintf("a whole number from %d on", least))
	}
	return n, nil
}

// header reads rate, length and channels.
func (p *parts) header(r *recording.Recording) error {
	d := p.find("DATA_PARAMETERS")
	for key, want := range map[string]string{"NumTrials": "1", "FrequencyDomain": "0"} {
		if l := d.get(key); l.Number > 0 && l.Value != want {
			return p.wrong(l, key, want+", continuous data")
		}
	}
	interval, err := records.Number(d.get("SampleTimeUsec").Value)
	if err != nil || !records.Sane(1e6/interval) {
		return p.wrong(d.get("SampleTimeUsec"), "SampleTimeUsec", "microseconds between samples")
	}
	r.Rate = 1e6 / interval
	if r.Frames, err = p.count(d, "NumSamples", 0); err != nil {
		return err
	}
	p.start(r, d)
	type group struct {
		kind, unit string
		channels   int64
	}
	var groups []group
	total := int64(0)
	for _, b := range p.blocks {
		if !strings.HasPrefix(b.name, "DEVICE_PARAMETERS") {
			continue
		}
		g := group{kind: strings.TrimPrefix(b.name, "DEVICE_PARAMETERS"), unit: records.Unit(b.get("DataUnit").Value)}
		if g.channels, err = p.count(b, "NumChanThisGroup", 0); err != nil {
			return err
		}
		total += g.channels
		groups = append(groups, g)
	}
	var labels []string
	var positions []*[3]float64
	for _, l := range p.lists {
		switch {
		case strings.HasPrefix(l.name, "LABELS"):
			for _, line := range l.lines {
				labels = append(labels, strings.TrimSpace(line))
			}
		case strings.HasPrefix(l.name, "SENSORS"):
			for i, line := range l.lines {
				v, ok := numbers(line, 3)
				if !ok {
					return &recording.Error{Path: p.path, Offset: -1, Field: l.name, Line: l.at + i, Found: fmt.Sprintf("%.60q", line), Expected: "three coordinates in millimetres"}
				}
				positions = append(positions, &[3]float64{v[0] / 1000, v[1] / 1000, v[2] / 1000})
			}
		}
	}
	l := d.get("NumChannels")
	if n, err := records.Integer(l.Value); err != nil || n < 1 || n > int64(len(labels)) {
		return p.wrong(l, "NumChannels", fmt.Sprintf("a number from 1 on, with a label for each (there are %d)", len(labels)))
	}
	if int64(len(labels)) != total {
		return p.wrong(l, "NumChannels", fmt.Sprintf("%d channels in groups, as many as there are labels (%d)", total, len(labels)))
	}
	for _, g := range groups {
		for range g.channels {
			name := labels[len(r.Channels)]
			c := recording.Channel{Name: name, Unit: g.unit}
			switch {
			case strings.Contains(g.kind, "MAG"):
				c.Type = "mag"
			case strings.Contains(g.kind, "OTHER"):
				c.Type = "misc"
			default:
				c.Type = records.ChannelType(name, g.unit)
			}
			if !strings.Contains(g.kind, "OTHER") && len(positions) > 0 {
				c.Position, positions = positions[0], positions[1:]
			}
			r.Channels = append(r.Channels, c)
		}
	}
	return p.place(r, l)
}

// place puts the channels into the order of the file, and leaves out those that are not in it, by the lists of channels in the
// file where there are any.
func (p *parts) place(r *recording.Recording, count records.Line) error {
	var order []int64
	for _, l := range p.lists {
		if !strings.HasPrefix(l.name, "CHAN_IN_FILE") {
			continue
		}
		for i, line := range l.lines {
			n, err := records.Integer(line)
			if err != nil || n < 0 {
				return &recording.Error{Path: p.path, Offset: -1, Field: l.name, Line: l.at + i, Found: fmt.Sprintf("%.60q", line), Expected: "the place of a channel, or 0"}
			}
			order = append(order, n)
		}
	}
	n, _ := records.Integer(count.Value)
	if len(order) == len(r.Channels) {
		placed := make([]recording.Channel, n)
		seen := make([]bool, n)
		for i, at := range order {
			if at == 0 {
				continue
			}
			if at > n || seen[at-1] {
				return p.wrong(count, "CHAN_IN_FILE", fmt.Sprintf("each place from 1 to %d once, not %d", n, at))
			}
			placed[at-1], seen[at-1] = r.Channels[i], true
		}
		if slices.Contains(seen, false) {
			return p.wrong(count, "CHAN_IN_FILE", fmt.Sprintf("each place from 1 to %d", n))
		}
		r.Channels = placed
	}
	if int64(len(r.Channels)) != n {
		return p.wrong(count, "NumChannels", fmt.Sprintf("%d, the length of the list of labels", len(r.Channels)))
	}
	names := make([]string, n)
	for i, c := range r.Channels {
		names[i] = c.Name
	}
	for i, name := range records.Unique(names) {
		r.Channels[i].Name = name
	}
	return nil
}

// start reads the date, which may make no sense and is then not known.
func (p *parts) start(r *recording.Recording, d block) {
	var v [7]int
	for i, key := range []string{"StartYear", "StartMonth", "StartDay", "StartHour", "StartMin", "StartSec", "StartMillisec"} {
		n, err := strconv.Atoi(d.get(key).Value)
		if err != nil || n < 0 || n > []int{9999, 12, 31, 23, 59, 59, 999}[i] || (i < 3 && n == 0) {
			return
		}
		v[i] = n
	}
	r.Start = time.Date(v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], v[6]*1e6, time.UTC)
}

// numbers reads the first n numbers of a line.
func numbers(line string, n int) ([]float64, bool) {
	words := strings.Fields(line)
	if len(words) < n {
		return nil, false
	}
	v := make([]float64, n)
	for i := range v {
		var err error
		if v[i], err = records.Number(words[i]); err != nil {
			return nil, false
		}
	}
	return v, true
}

// samples lays out the file of samples.
func (p *parts) samples(r *recording.Recording, data *records.File) error {
	d := p.find("DATA_PARAMETERS")
	n := int64(len(r.Channels))
	gains, offsets := make([]float64, n), make([]float64, n)
	for i := range gains {
		gains[i] = 1
	}
	l := records.Interleaved(0, 0, records.Float32, gains, offsets)
	switch order := d.get("DataByteOrder"); order.Value {
	case "INTEL", "":
	case "MOTOROLA":
		l.BigEndian = true
	default:
		return p.wrong(order, "DataByteOrder", "INTEL or MOTOROLA")
	}
	there, left := data.FramesIn(0, l.Bytes)
	short := there < r.Frames
	if short {
		r.Warn("the parameters count %d samples, the file has %d and %d bytes", r.Frames, there, left)
		r.Frames = there
	}
	l.Total = r.Frames
	if order := d.get("DataSampOrder"); order.Value == "CHAN" && r.Frames > 0 {
		if short { // where a channel begins depends on the length
			return data.Error(-1, "samples", fmt.Sprintf("%d of each channel", there), "as many as the parameters say", "the file is truncated: copy it again from its source")
		}
		l.Frames, l.Bytes = r.Frames, 4*r.Frames*n
		for i := range l.Signals {
			l.Signals[i].At, l.Signals[i].Count = 4*r.Frames*int64(i), r.Frames
		}
	}
	var err error
	r.Samples, err = records.New(data, l)
	return err
}

// readEvents reads the list of events and their remarks.
func readEvents(r *recording.Recording, f *records.File) error {
	p, err := readParts(f)
	if err != nil {
		return err
	}
	var entries, remarks list
	for _, l := range p.lists {
		switch l.name {
		case "NUMBER_LIST":
			entries = l
		case "REMARK_LIST":
			remarks = l
		}
	}
	for i, line := range entries.lines {
		v, ok := numbers(line, 3)
		if !ok || math.Abs(v[0]) > 1e15 {
			return &recording.Error{Path: p.path, Offset: -1, Line: entries.at + i, Field: entries.name, Found: fmt.Sprintf("%.60q", line), Expected: "sample, state and code of an event"}
		}
		e := recording.Event{Onset: v[0] / r.Rate, Label: strconv.FormatFloat(v[2], 'f', -1, 64)}
		if i < len(remarks.lines) {
			e.Label = cmp.Or(strings.TrimSpace(remarks.lines[i]), e.Label)
		}
		r.Events = append(r.Events, e)
	}
	slices.SortStableFunc(r.Events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return nil
}
