package nihonkohden

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

func init() {
	recording.Register(recording.Format{
		Name: "nihonkohden", Title: "Nihon Kohden EEG", Extensions: []string{"eeg"},
		Match: func(h recording.Head) recording.Confidence {
			switch known := len(h.Data) >= 16 && version.Match(h.Data[:16]); {
			case h.Gzip || !known:
				return recording.No // .eeg is an ending of several formats
			case h.Ext == "eeg":
				return recording.Sure
			case h.Ext == "":
				return recording.Maybe // logs and patient files begin so too
			}
			return recording.No
		},
		Describe: recording.DescribeWith(Open), Open: Open,
	})
}

// version begins every file of the family.
var version = regexp.MustCompile(`^(EEG-1100[ABC]|EEG-1200A|EEG-2100|QI-403A|DAE-2100D) +V0[12]\.[03]0$`)

// Open opens the recording at path. Close it when done.
func Open(path string) (*recording.Recording, error) {
	return open(path, func(path string) (*records.File, error) { return records.Open(path, "a file of Nihon Kohden") })
}

var little = binary.LittleEndian

// open reads a recording and what lies beside it, through a function that opens files.
func open(path string, file func(string) (*records.File, error)) (*recording.Recording, error) {
	f, err := file(path)
	if err != nil {
		return nil, err
	}
	// beside opens a file of the same name with another ending, in capitals or not; nil when there is none.
	beside := func(ending string) (*records.File, error) {
		for _, e := range []string{strings.ToUpper(ending), strings.ToLower(ending)} {
			other, err := file(records.Renamed(path, e))
			if err == nil || !errors.Is(err, fs.ErrNotExist) {
				return other, err
			}
		}
		return nil, nil
	}
	r := &recording.Recording{}
	if err = read(r, f, beside); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

func read(r *recording.Recording, f *records.File, beside func(string) (*records.File, error)) error {
	names := defaultNames()
	if e, err := beside(".21e"); err != nil {
		return err
	} else if e != nil {
		err := readNames(e, names)
		e.Close()
		if err != nil {
			return err
		}
	}
	if err := readSignals(r, f, names); err != nil {
		return err
	}
	log, err := beside(".log")
	if err != nil || log == nil {
		return err
	}
	defer log.Close()
	return readLog(r, log)
}

// defaultNames are the inputs of the junction boxes by their numbers.
func defaultNames() map[int]string {
	list := strings.Fields("FP1 FP2 F3 F4 C3 C4 P3 P4 O1 O2 F7 F8 T3 T4 T5 T6 FZ CZ PZ E PG1 PG2 A1 A2 T1 T2")
	add := func(format string, first, last int) {
		for i := first; i <= last; i++ {
			list = append(list, fmt.Sprintf(format, i))
		}
	}
	add("X%d", 1, 11)
	add("NA%d", 1, 5)
	add("DC%02d", 1, 32)
	list = append(list, "BN1", "BN2", "Mark1", "Mark2")
	add("NA%d", 6, 27)
	list = append(list, "X12/BP1", "X13/BP2", "X14/BP3", "X15/BP4")
	add("X%d", 16, 165)
	list = append(list, "NA28", "Z")
	names := map[int]string{}
	for i, n := range list {
		names[i] = n
	}
	return names
}

// readNames reads an .21E: lines "0007=C3" in the sections of electrodes and references.
func readNames(f *records.File, names map[int]string) error {
	text, err := f.ReadText()
	if err != nil {
		return err
	}
	for _, s := range records.Sections(text) {
		if !strings.Contains(s.Name, "ELECTRODE") && !strings.Contains(s.Name, "REFERENCE") {
			continue
		}
		for _, l := range s.Lines {
			if i, err := strconv.Atoi(l.Key); err == nil && i >= 0 && i < 256 { // a byte in the recording
				names[i] = l.Value
			}
		}
	}
	return nil
}

// Places in the recording.
const (
	deviceAt  = 0x81   // the version again
	blocksAt  = 0x91   // number of control blocks, then their addresses, 20 bytes apart
	signAt    = 0x17fe // 1 where waveforms begin
	entryStep = 20
)

// block is what a data block says of itself.
type block struct {
	channels []byte // numbers of the inputs
	rate     int64
	frames   int64
	start    time.Time // whole seconds
	data     int64     // offset of the samples
}

func readSignals(r *recording.Recording, f *records.File, names map[int]string) error {
	head, err := f.Bytes(0, signAt+1, "header")
	if err != nil {
		return err
	}
	if !version.Match(head[:16]) || !version.Match(head[deviceAt:deviceAt+16]) {
		return f.Error(0, "version", fmt.Sprintf("%q and %q", head[:16], head[deviceAt:deviceAt+16]), `"EEG-1100C V01.00" or another of the family`, "")
	}
	if head[signAt] != 1 {
		return f.Error(signAt, "waveform sign", fmt.Sprint(head[signAt]), "1", "")
	}
	r.Metadata = map[string]string{"device": strings.Join(strings.Fields(string(head[:16])), " ")}
	if t, err := time.Parse("20060102150405", string(head[0x40:0x4e])); err == nil {
		r.Start = t
	}
	if n := head[blocksAt]; n != 1 {
		return f.Error(blocksAt, "control blocks", fmt.Sprint(n), "1", "")
	}
	control := int64(little.Uint32(head[blocksAt+1:]))
	b, err := f.Bytes(control+17, 1, "control block")
	if err != nil {
		return err
	}
	n := int64(b[0])
	if n == 0 {
		return f.Error(control+17, "data blocks", "0", "at least 1", "")
	}
	entries, err := f.Bytes(control+18, n*entryStep, "addresses of data blocks")
	if err != nil {
		return err
	}
	chain := records.NewChain(f)
	var first, last *block
	for i := range n {
		at := int64(little.Uint32(entries[i*entryStep:]))
		d, err := readBlock(f, at)
		if err != nil {
			return err
		}
		if first == nil {
			first = d
			r.Rate = float64(d.rate)
			if err := channels(r, d, names); err != nil {
				return err
			}
		} else if !bytes.Equal(d.channels, first.channels) || d.rate != first.rate {
			return f.Error(at, fmt.Sprintf("data block %d", i+1), fmt.Sprintf("%d channels at %d Hz", len(d.channels), d.rate),
				fmt.Sprintf("the %d at %d Hz of the first block", len(first.channels), first.rate), "")
		} else if late := d.start.Sub(last.start).Seconds() - float64(last.frames)/r.Rate; late >= 2 && chain.Frames() > 0 && !d.start.IsZero() && !last.start.IsZero() {
			r.Gaps = append(r.Gaps, recording.Gap{Frame: chain.Frames(), Seconds: late})
		}
		if err := chain.Append(d.layout()); err != nil {
			return err
		}
		last = d
	}
	r.Frames, r.Samples = chain.Frames(), chain
	return nil
}

func readBlock(f *records.File, at int64) (*block, error) {
	b, err := f.Bytes(at, 0x27, "data block")
	if err != nil {
		return nil, err
	}
	n := int64(b[0x26])
	d := &block{rate: int64(little.Uint16(b[0x1a:]) & 0x3fff), data: at + 0x27 + 10*n}
	tenths := int64(little.Uint32(b[0x1c:]))
	if n == 0 || d.rate == 0 {
		return nil, f.Error(at, "data block", fmt.Sprintf("%d channels at %d Hz", n, d.rate), "at least one of each", "")
	}
	d.frames = tenths * d.rate / 10
	if t, err := time.Parse("060102150405", fmt.Sprintf("%x", b[0x14:0x1a])); err == nil { // decimal digits, two in a byte
		d.start = t
	}
	inputs, err := f.Bytes(at+0x27, 10*n, "channels of a data block")
	if err != nil {
		return nil, err
	}
	for i := range n {
		d.channels = append(d.channels, inputs[10*i])
	}
	frame := 2 * (n + 1)
	if there, _ := f.FramesIn(d.data, frame); there < d.frames {
		return nil, f.Error(d.data, "samples", fmt.Sprintf("%d frames", there), fmt.Sprintf("%d, as the data block says", d.frames), "the file is truncated: copy it again from its source")
	}
	return d, nil
}

// channels names and types the channels of the recording.
func channels(r *recording.Recording, d *block, names map[int]string) error {
	labels := make([]string, len(d.channels))
	for i, input := range d.channels {
		labels[i] = names[int(input)]
		if labels[i] == "" {
			labels[i] = fmt.Sprint("UNK", input)
		}
	}
	for i, name := range records.Unique(labels) {
		unit, _, _ := scale(d.channels[i])
		r.Channels = append(r.Channels, recording.Channel{Name: name, Type: kind(labels[i]), Unit: unit})
	}
	return nil
}

// scale gives the unit of an input and the line from its unsigned numbers to values.
func scale(input byte) (unit string, gain, offset float64) {
	low, high := -3200., 3199.902
	unit = "uV"
	if input >= 42 && input <= 73 || input == 76 || input == 77 {
		unit, low, high = "mV", -12002.9, 12002.56
	}
	gain, offset = records.Scale(low, high, 0, 65535)
	return unit, gain, offset
}

var (
	dcInput    = regexp.MustCompile(`^(DC\d*|NA\d*|Z|\$.*|SpO2|EtCO2|Pulse|CO2Wave)$`)
	otherInput = regexp.MustCompile(`^X\d+(/BP\d)?$`)
)

// kind is the type of a channel by its name.
func kind(label string) string {
	switch {
	case strings.HasPrefix(label, "Mark"):
		return "stim"
	case dcInput.MatchString(label):
		return "misc"
	case otherInput.MatchString(label):
		return "bio"
	}
	return records.ChannelType(label, "uV")
}

// layout is that of a block's frames: a number for each channel, and one of marks that is not a signal.
func (d *block) layout() records.Layout {
	gains, offsets := make([]float64, len(d.channels)), make([]float64, len(d.channels))
	for i, input := range d.channels {
		_, gains[i], offsets[i] = scale(input)
	}
	l := records.Interleaved(d.data, d.frames, records.Uint16, gains, offsets)
	l.Bytes += 2
	return l
}

// Places in the log.
const (
	logEntry  = 45
	subBlocks = 22 // blocks from here on hold the fractions of seconds of those before
)

// readLog reads the events: a text and a time for each, and from blocks of their own, more text and microseconds.
func readLog(r *recording.Recording, f *records.File) error {
	head, err := f.Bytes(0, blocksAt+1, "header of the log")
	if err != nil {
		return err
	}
	if !version.Match(head[:16]) {
		return f.Error(0, "version", fmt.Sprintf("%q", head[:16]), `"EEG-1100C V01.00" or another of the family`, "")
	}
	n := int64(head[blocksAt])
	for i := range n {
		entries, err := logBlock(f, i)
		if err != nil {
			return err
		}
		var more []byte
		if n < subBlocks {
			if more, err = logBlock(f, i+subBlocks); err != nil || len(more) != len(entries) {
				more = nil // older logs have none
			}
		}
		for k := 0; k+logEntry <= len(entries); k += logEntry {
			e := entries[k : k+logEntry]
			t, err := time.Parse("150405", string(e[20:26]))
			if err != nil {
				continue // an entry that was never filled
			}
			onset := float64(t.Hour()*3600 + t.Minute()*60 + t.Second())
			text := records.Text(e[:20])
			if more != nil {
				s := more[k : k+logEntry]
				if micro, err := records.Integer(string(s[24:30])); err == nil && micro >= 0 {
					onset += float64(micro) / 1e6
				}
				text += records.Text(s[:20])
			}
			r.Events = append(r.Events, recording.Event{Onset: onset, Label: text})
		}
	}
	slices.SortStableFunc(r.Events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return nil
}

// logBlock gives the entries of a block of the log; none when the block has no address.
func logBlock(f *records.File, i int64) ([]byte, error) {
	at := blocksAt + 1 + i*entryStep
	if at+4 > f.Size {
		return nil, nil
	}
	b, err := f.Bytes(at, 4, "address of a log block")
	if err != nil {
		return nil, err
	}
	address := int64(little.Uint32(b))
	if address == 0 {
		return nil, nil
	}
	count, err := f.Bytes(address+0x12, 1, "log block")
	if err != nil {
		return nil, err
	}
	return f.Bytes(address+0x14, int64(count[0])*logEntry, "entries of the log")
}
