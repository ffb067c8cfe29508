package neuroscan

import (
	"bytes"
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
		Name: "neuroscan", Title: "Neuroscan CNT", Extensions: []string{"cnt"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case h.Gzip:
				return recording.No
			case h.Ext == "cnt" && bytes.HasPrefix(h.Data, []byte(revision)):
				return recording.Sure
			case h.Ext == "cnt":
				return recording.Likely
			case bytes.HasPrefix(h.Data, []byte(revision)):
				return recording.Maybe // averages and epochs begin so too
			}
			return recording.No
		},
		Describe: recording.DescribeWith(Open), Open: Open,
	})
}

const revision = "Version 3"

// Open opens the CNT file at path as a recording. Close it when done.
func Open(path string) (*recording.Recording, error) {
	f, err := records.Open(path, "a CNT file of Neuroscan")
	if err != nil {
		return nil, err
	}
	r, err := read(f)
	if err != nil {
		f.Close()
	}
	return r, err
}

// The parts before the samples.
const (
	setupBytes     = 900
	electrodeBytes = 75
)

var little = binary.LittleEndian

func float(b []byte) float64 { return float64(math.Float32frombits(little.Uint32(b))) }

func text(b []byte) string { return strings.TrimSpace(records.Text(b)) }

// setup is what the header says.
type setup struct {
	channels int64
	start    int64 // of the samples
	table    int64 // of events: the end of the samples
	block    int64 // samples of a channel in a row; 1 when multiplexed
	kind     records.Type
}

func read(f *records.File) (*recording.Recording, error) {
	b, err := f.Bytes(0, setupBytes, "header")
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(b, []byte(revision)) {
		remedy := ""
		if bytes.HasPrefix(b, []byte("RIFF")) {
			remedy = "it is the .cnt of ANT Neuro's eeprobe, another format"
		}
		return nil, f.Error(0, "revision", fmt.Sprintf("%q", b[:12]), `"Version 3.0"`, remedy)
	}
	r := &recording.Recording{Rate: float64(little.Uint16(b[376:])), Metadata: map[string]string{}}
	if r.Rate == 0 {
		return nil, f.Error(376, "rate", "0 Hz", "a sampling rate", "")
	}
	for key, field := range map[string][]byte{"id": b[21:41], "patient": b[121:141], "session": b[205:225]} {
		if s := text(field); s != "" && s != "Unspecified" {
			r.Metadata[key] = s
		}
	}
	if t, err := time.Parse("01/02/06 15:04:05", text(b[225:235])+" "+text(b[235:247])); err == nil {
		r.Start = t
	}
	if x := float(b[875:]); b[438] != 0 && x > 0 {
		r.Metadata["lowpass"] = fmt.Sprintf("%.6g Hz", x)
	}
	if x := float(b[869:]); b[439] != 0 && x > 0 {
		r.Metadata["highpass"] = fmt.Sprintf("%.6g Hz", x)
	}
	s := setup{channels: int64(little.Uint16(b[370:])), block: 1}
	s.start = setupBytes + electrodeBytes*s.channels
	if s.channels == 0 {
		return nil, f.Error(370, "number of channels", "0", "at least 1", "")
	}
	electrodes, err := f.Bytes(setupBytes, electrodeBytes*s.channels, "electrodes")
	if err != nil {
		return nil, err
	}
	frames, err := s.measure(f, b)
	if err != nil {
		return nil, err
	}
	if err := s.findBlocks(f, r, int64(int32(little.Uint32(b[894:]))), frames); err != nil {
		return nil, err
	}
	if left := frames % s.block; left != 0 {
		r.Warn("the last %d frames are left out: their block of %d is not complete", left, s.block)
		frames -= left
	}
	size := int64(s.kind.Size())
	l := records.Layout{Start: s.start, Bytes: s.block * s.channels * size, Frames: s.block, Total: frames}
	names := make([]string, s.channels)
	for i := range names {
		names[i] = text(electrodes[i*electrodeBytes:][:10])
	}
	for i, name := range records.Unique(names) {
		e := electrodes[i*electrodeBytes:][:electrodeBytes]
		baseline := float64(int16(little.Uint16(e[47:])))
		gain := float(e[71:]) * float(e[59:]) / 204.8 // calibration times sensitivity
		if gain-gain != 0 {
			return nil, f.Error(setupBytes+int64(i)*electrodeBytes, "electrode "+names[i], fmt.Sprintf("a gain of %g", gain), "a number", "")
		}
		l.Signals = append(l.Signals, records.Signal{At: int64(i) * s.block * size, Count: s.block, Type: s.kind, Gain: gain, Offset: -baseline * gain})
		r.Channels = append(r.Channels, recording.Channel{Name: name, Type: records.ChannelType(names[i], "uV"), Unit: "uV"})
		if e[14] != 0 {
			r.Metadata["bad channels"] = strings.TrimPrefix(r.Metadata["bad channels"]+", "+name, ", ")
		}
	}
	r.Frames = frames
	if r.Samples, err = records.New(f, l); err != nil {
		return nil, err
	}
	r.Events, err = s.events(f, r.Rate)
	return r, err
}

// measure finds where the samples end and how long they are.
func (s *setup) measure(f *records.File, b []byte) (frames int64, err error) {
	s.kind = records.Int16
	samples := int64(little.Uint32(b[864:]))
	s.table = int64(little.Uint32(b[16:]))<<32 | int64(little.Uint32(b[886:])) // prevfile has the upper half
	if s.table > f.Size || s.table < s.start {
		s.table = int64(little.Uint32(b[886:]))
	}
	// Newer writers leave a mark in the file's tail, whose place nextfile gives.
	marked := false
	if next := int64(little.Uint32(b[12:])); next > 0 && next+53 <= f.Size {
		mark, err := f.Bytes(next+52, 1, "mark of 32 bits")
		if err != nil {
			return 0, err
		}
		marked = mark[0] == 1
	}
	known := s.table >= s.start && s.table <= f.Size
	perFrame := float64(s.table-s.start) / float64(s.channels) / float64(max(1, samples))
	if marked || (known && samples > 0 && perFrame > 3) {
		s.kind = records.Int32
	}
	size := int64(s.kind.Size()) * s.channels
	if !known {
		s.table = s.start + samples*size
		if samples == 0 || s.table > f.Size {
			return 0, f.Error(886, "event table", fmt.Sprintf("a place at byte %d of %d, and %d samples", little.Uint32(b[886:]), f.Size, samples), "a place within the file",
				"the file is truncated: copy it again from its source")
		}
	}
	return (s.table - s.start) / size, nil
}

// findBlocks decides between blocks and frames.
func (s *setup) findBlocks(f *records.File, r *recording.Recording, channelOffset, frames int64) error {
	size := int64(s.kind.Size())
	block := channelOffset / size
	if channelOffset <= 1 || block <= 1 || block > frames || s.channels == 1 {
		return nil
	}
	n := max(1, min(frames/block, 64<<10/(block*s.channels*size))) // blocks to look at
	values := make([]float64, n*block*s.channels)
	l := records.Layout{Start: s.start, Bytes: size, Frames: 1, Total: int64(len(values)), Signals: []records.Signal{{Count: 1, Type: s.kind, Gain: 1}}}
	source, err := records.New(f, l)
	if err != nil {
		return err
	}
	if _, err := source.ReadNumbers(values, 0, 0); err != nil {
		return err
	}
	blocks, multiplexed := 0.0, 0.0
	for i := range values[s.channels:] {
		multiplexed += math.Abs(values[i+int(s.channels)] - values[i])
	}
	for i := range values[1:] {
		if (i+1)%int(block) != 0 {
			blocks += math.Abs(values[i+1] - values[i])
		}
	}
	multiplexed /= float64(len(values) - int(s.channels))
	blocks /= float64(n*s.channels) * float64(block-1)
	if blocks <= multiplexed {
		s.block = block
		return nil
	}
	r.Warn("the header says blocks of %d, but the samples are taken as multiplexed: the signals are %.3g times as smooth so", block, blocks/multiplexed)
	return nil
}

// events reads the event table.
func (s *setup) events(f *records.File, rate float64) ([]recording.Event, error) {
	if s.table == f.Size {
		return nil, nil
	}
	head, err := f.Bytes(s.table, 9, "event table")
	if err != nil {
		return nil, err
	}
	kind, length := head[0], int64(int32(little.Uint32(head[1:])))
	var width int64
	switch kind {
	case 1:
		width = 8
	case 2, 3:
		width = 19
	default:
		return nil, f.Error(s.table, "event table", fmt.Sprintf("type %d", kind), "1, 2 or 3", "")
	}
	if length < 0 {
		return nil, f.Error(s.table+1, "event table", fmt.Sprintf("a length of %d bytes", length), "0 or more", "")
	}
	b, err := f.Bytes(s.table+9, length, "event table")
	if err != nil {
		return nil, err
	}
	const rejects, accepts = 0xc0, 0xd0
	var events []recording.Event
	var marks []byte
	perFrame := s.channels * int64(s.kind.Size())
	for ; int64(len(b)) >= width; b = b[width:] {
		offset := int64(little.Uint32(b[4:]))
		if kind == 3 {
			offset *= perFrame
		}
		// The reference readers count so, also where the offset is one of frames.
		frame := max(0, (offset-s.start)/perFrame-1)
		label := strconv.Itoa(int(little.Uint16(b)))
		if key := b[3] & 0x0f; key != 0 {
			label = fmt.Sprintf("KeyPad Response %d", key)
		} else if b[2] != 0 {
			label = fmt.Sprintf("Keyboard Response %d", b[2])
		}
		events = append(events, recording.Event{Onset: float64(frame) / rate, Label: label})
		marks = append(marks, b[3])
	}
	return join(events, marks, rejects, accepts), nil
}

// join makes one event of data that are rejected, until they are accepted again.
func join(events []recording.Event, marks []byte, rejects, accepts byte) []recording.Event {
	if bytes.IndexByte(marks, rejects) >= 0 {
		kept := events[:0]
		open := -1 // the last rejection in kept
		for i, e := range events {
			switch marks[i] {
			case rejects:
				e.Label = "BAD_" + e.Label
				open = len(kept)
			case accepts:
				if open >= 0 {
					kept[open].Duration = max(0, e.Onset-kept[open].Onset)
					open = -1
				}
				continue
			}
			kept = append(kept, e)
		}
		events = kept
	}
	slices.SortStableFunc(events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return events
}
