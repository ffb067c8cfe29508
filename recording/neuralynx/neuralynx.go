package neuralynx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

func init() {
	recording.Register(recording.Format{
		Name: "neuralynx", Title: "Neuralynx", Extensions: []string{"ncs", "nev"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case h.Gzip:
				return recording.No
			case bytes.HasPrefix(h.Data, []byte(magic)):
				return recording.Sure
			case h.Ext == "ncs":
				return recording.Likely
			}
			return recording.No
		},
		Describe: recording.DescribeWith(open), Open: open,
	})
}

const (
	magic       = "######## Neuralynx"
	headerBytes = 16384
	ncsBytes    = 1044 // of a record of samples
	ncsSamples  = 512
	nevBytes    = 184 // of a record of an event
)

var little = binary.LittleEndian

// open takes a channel, with the events beside it, or events alone.
func open(path string) (*recording.Recording, error) {
	f, err := records.Open(path, "a file of Neuralynx")
	if err != nil {
		return nil, err
	}
	h, err := readHeader(f)
	if err == nil && strings.EqualFold(h["FileType"], "Event") {
		defer f.Close()
		events, err := readEvents(f)
		if err != nil || len(events) == 0 {
			return &recording.Recording{}, err
		}
		return &recording.Recording{Events: onsets(events, events[0].Time)}, nil
	}
	f.Close()
	if err != nil {
		return nil, err
	}
	r, c, err := openChannels([]string{path})
	if err != nil {
		return nil, err
	}
	events, err := records.Open(filepath.Join(filepath.Dir(path), "Events.nev"), "events of Neuralynx")
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = addEvents(r, c, events)
		events.Close()
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// addEvents reads events if they are of the same session.
func addEvents(r *recording.Recording, c *channel, f *records.File) error {
	h, err := readHeader(f)
	if err != nil || h["SessionUUID"] != c.header["SessionUUID"] {
		return err
	}
	events, err := readEvents(f)
	r.Events = onsets(events, c.first)
	return err
}

// OpenChannels opens .ncs files as the channels of one recording. Their records must agree in rate, number and time.
func OpenChannels(paths ...string) (*recording.Recording, error) {
	r, _, err := openChannels(paths)
	return r, err
}

// openChannels also gives the first channel, which stands for all.
func openChannels(paths []string) (*recording.Recording, *channel, error) {
	s := &records.Joined{}
	r := &recording.Recording{Samples: s, Metadata: map[string]string{}}
	fail := func(err error) (*recording.Recording, *channel, error) {
		s.Close()
		return nil, nil, err
	}
	var first *channel
	names := make([]string, len(paths))
	for i, path := range paths {
		f, err := records.Open(path, "an NCS file of Neuralynx")
		if err != nil {
			return fail(err)
		}
		c, err := readChannel(f)
		if err != nil {
			f.Close()
			return fail(err)
		}
		s.Join(c.chain, 1)
		if first == nil {
			first = c
		}
		if c.rate != first.rate || c.chain.Frames() != first.chain.Frames() || c.first != first.first || len(c.gaps) != len(first.gaps) {
			return fail(f.Error(-1, "records", fmt.Sprintf("%d samples at %g Hz from %d us on", c.chain.Frames(), c.rate, c.first),
				fmt.Sprintf("%d at %g Hz from %d us on, as in %s", first.chain.Frames(), first.rate, first.first, filepath.Base(paths[0])), "open it on its own"))
		}
		names[i] = c.name
	}
	if len(paths) == 0 {
		return fail(&recording.Error{Offset: -1, Found: "no paths", Expected: "at least one"})
	}
	for i, name := range records.Unique(names) {
		r.Channels = append(r.Channels, recording.Channel{Name: name, Type: records.ChannelType(names[i], "uV"), Unit: "uV"})
	}
	c := first
	r.Rate, r.Frames, r.Gaps, r.Start = c.rate, c.chain.Frames(), c.gaps, c.start
	for key, name := range map[string]string{"DspLowCutFrequency": "highpass", "DspHighCutFrequency": "lowpass"} {
		if v := c.header[key]; v != "" && !strings.EqualFold(c.header[strings.Replace(strings.Replace(key, "Dsp", "DSP", 1), "Frequency", "FilterEnabled", 1)], "False") {
			r.Metadata[name] = v + " Hz"
		}
	}
	if c.left > 0 {
		r.Warn("the file ends in %d bytes of an incomplete record", c.left)
	}
	return r, first, nil
}

// readHeader reads the lines "-Key value" of the text at the head of every file.
func readHeader(f *records.File) (map[string]string, error) {
	b, err := f.Bytes(0, headerBytes, "header")
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(b, []byte(magic)) {
		return nil, f.Error(0, "header", fmt.Sprintf("%q", b[:16]), fmt.Sprintf("%q", magic), "")
	}
	h := map[string]string{}
	for line := range strings.Lines(records.Text(b)) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "-")
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(line, " ")
		if _, twice := h[key]; !twice {
			h[key] = strings.TrimSpace(value)
		}
	}
	return h, nil
}

// channel is an .ncs file.
type channel struct {
	header map[string]string
	file   *records.File
	name   string
	rate   float64
	start  time.Time
	first  uint64 // time of the first sample, microseconds
	left   int64  // bytes behind the last whole record
	gaps   []recording.Gap
	chain  *records.Chain // of records with the same number of valid samples each
}

func readChannel(f *records.File) (*channel, error) {
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	c := &channel{header: h, file: f, name: h["AcqEntName"]}
	if c.name == "" {
		c.name = records.Renamed(filepath.Base(f.Path), "")
	}
	wrong := func(key, expected string) error {
		return f.Error(-1, "header, -"+key, fmt.Sprintf("%q", h[key]), expected, "")
	}
	if h["RecordSize"] != "" && h["RecordSize"] != fmt.Sprint(ncsBytes) {
		return nil, wrong("RecordSize", fmt.Sprint(ncsBytes))
	}
	if c.rate, err = records.Number(h["SamplingFrequency"]); err != nil || !records.Sane(c.rate) {
		return nil, wrong("SamplingFrequency", "samples per second")
	}
	volts, err := records.Number(h["ADBitVolts"])
	if err != nil {
		return nil, wrong("ADBitVolts", "volts for a step")
	}
	gain := volts * 1e6
	if strings.EqualFold(h["InputInverted"], "True") {
		gain = -gain
	}
	if t, err := time.Parse("2006/01/02 15:04:05", h["TimeCreated"]); err == nil {
		c.start = t
	}
	n, left := f.FramesIn(headerBytes, ncsBytes)
	c.left, c.chain = left, records.NewChain(f)
	return c, c.index(n, gain)
}

// index reads the heads of all records: their times and how many of their samples are valid.
func (c *channel) index(n int64, gain float64) error {
	const atOnce = 256
	tolerance := max(5e-6, 1.5/c.rate) // seconds that a record may be late
	var due float64                    // when the next record should begin, seconds after the first
	begin, valid := int64(0), int64(-1)
	flush := func(record int64) error {
		if valid > 0 {
			l := records.Layout{Start: headerBytes + begin*ncsBytes, Bytes: ncsBytes, Frames: valid, Total: valid * (record - begin),
				Signals: []records.Signal{{At: 20, Count: valid, Type: records.Int16, Gain: gain}}}
			if err := c.chain.Append(l); err != nil {
				return err
			}
		}
		begin = record
		return nil
	}
	frame := int64(0)
	for record := int64(0); record < n; {
		k := min(atOnce, n-record)
		block, err := c.file.Bytes(headerBytes+record*ncsBytes, k*ncsBytes, "records")
		if err != nil {
			return err
		}
		for ; len(block) > 0; block = block[ncsBytes:] {
			at, samples := little.Uint64(block), int64(little.Uint32(block[16:]))
			if samples > ncsSamples {
				return c.file.Error(headerBytes+record*ncsBytes+16, fmt.Sprintf("record %d", record+1), fmt.Sprintf("%d valid samples", samples), "at most 512", "")
			}
			if record == 0 {
				c.first = at
			}
			if samples != valid {
				if err := flush(record); err != nil {
					return err
				}
				valid = samples
			}
			now := float64(int64(at-c.first)) / 1e6
			if late := now - due; record > 0 && samples > 0 && (late > tolerance || late < -tolerance) {
				if frame == 0 {
					c.first, now = at, 0 // nothing was valid before
				} else {
					c.gaps = append(c.gaps, recording.Gap{Frame: frame, Seconds: late})
				}
			}
			if samples > 0 {
				due = now + float64(samples)/c.rate
			}
			frame += samples
			record++
		}
	}
	return flush(n)
}

// Event is an entry of an .nev file.
type Event struct {
	Time uint64 // microseconds, by the clock of the samples
	ID   int
	TTL  uint16 // state of the digital inputs
	Text string
}

// ReadEvents reads an .nev file.
func ReadEvents(path string) ([]Event, error) {
	f, err := records.Open(path, "an NEV file of Neuralynx")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readEvents(f)
}

func readEvents(f *records.File) ([]Event, error) {
	if _, err := readHeader(f); err != nil {
		return nil, err
	}
	n, left := f.FramesIn(headerBytes, nevBytes)
	if left > 0 {
		return nil, f.Error(headerBytes+n*nevBytes, "events", fmt.Sprintf("%d bytes", left), fmt.Sprintf("events of %d", nevBytes), "the file is truncated: copy it again from its source")
	}
	b, err := f.Bytes(headerBytes, n*nevBytes, "events")
	if err != nil {
		return nil, err
	}
	events := make([]Event, n)
	for i := range events {
		r := b[i*nevBytes:][:nevBytes]
		events[i] = Event{Time: little.Uint64(r[6:]), ID: int(int16(little.Uint16(r[14:]))), TTL: little.Uint16(r[16:]), Text: strings.TrimSpace(records.Text(r[56:184]))}
	}
	return events, nil
}

// onsets makes events of a recording whose first sample was at a time.
func onsets(events []Event, first uint64) []recording.Event {
	var out []recording.Event
	for _, e := range events {
		out = append(out, recording.Event{Onset: float64(int64(e.Time-first)) / 1e6, Label: e.Text})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Onset < out[j].Onset })
	return out
}
