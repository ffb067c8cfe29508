package edf

import (
	"cmp"
	"fmt"
	"io"
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
		Name: "edf", Title: "European Data Format (EDF, EDF+, BDF, BDF+)", Extensions: []string{"edf", "bdf", "rec"},
		Match: match, Open: open,
		Describe: func(path string) (*recording.Description, error) {
			f, err := Open(path)
			if err != nil {
				return nil, err
			}
			d, err := recording.DescribeWith(func(string) (*recording.Recording, error) { return f.Recording() })(path)
			if err == nil {
				d.Title = f.Variant.String()
			}
			return d, err
		},
	})
}

// match knows BDF by its first bytes, and EDF by a version of "0" and a header length that fits the number of signals.
func match(h recording.Head) recording.Confidence {
	switch b := h.Data; {
	case h.Gzip:
		return recording.No
	case len(b) >= 8 && b[0] == 0xff && string(b[1:8]) == "BIOSEMI":
		return recording.Sure
	case len(b) >= fixedBytes && string(b[:8]) == "0       ":
		bytes, err1 := records.Integer(string(b[184:192]))
		signals, err2 := records.Integer(string(b[252:256]))
		if err1 == nil && err2 == nil && bytes == fixedBytes+signals*signalBytes {
			return recording.Sure
		}
	}
	if h.Ext == "edf" || h.Ext == "bdf" {
		return recording.Likely // opening it says what is wrong
	}
	return recording.No
}

func open(path string) (*recording.Recording, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	r, err := f.Recording()
	if err != nil {
		f.Close()
	}
	return r, err
}

// Recording gives all signals together, at the rate of the fastest; closing it closes the file. The trigger channel of a BDF
// file is read through for its events, nothing else is read. Labels stay as they are, unless the file was written with Options.Types.
func (f *File) Recording() (*recording.Recording, error) {
	_, marked := f.session()
	return f.recording(marked)
}

// RecordingByTypes is Recording with the words for types taken off the labels that begin with one: "EEG Fpz-Cz" becomes a channel Fpz-Cz.
func (f *File) RecordingByTypes() (*recording.Recording, error) { return f.recording(true) }

// session is the header's recording field without the mark of labels that begin with types.
func (f *File) session() (session string, marked bool) {
	words := strings.Fields(f.Session)
	kept := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == typesMark })
	if len(kept) == len(words) {
		return f.Session, false
	}
	return strings.Join(kept, " "), true
}

func (f *File) recording(byTypes bool) (*recording.Recording, error) {
	session, _ := f.session()
	r := &recording.Recording{Frames: f.Records * f.frames, Start: f.Start, Gaps: f.Gaps, Samples: f.source, Metadata: map[string]string{}}
	for key, value := range map[string]string{"patient": f.Patient, "session": session} {
		if value != "" {
			r.Metadata[key] = value
		}
	}
	labels := make([]string, len(f.Signals))
	for i, s := range f.Signals {
		labels[i] = s.Label
		if byTypes {
			labels[i], _, _ = records.SplitLabel(s.Label, s.Unit)
		}
	}
	status := -1
	filters := map[string][]string{}
	for i, name := range records.Unique(labels) {
		s := f.Signals[i]
		if f.column[i] < 0 {
			continue
		}
		c := recording.Channel{Name: name, Type: records.ChannelType(s.Label, s.Unit), Unit: s.Unit}
		if _, kind, ok := records.SplitLabel(s.Label, s.Unit); byTypes && ok {
			c.Type = kind
		}
		if c.Type == "stim" {
			c.Unit = ""
		}
		if f.Variant.bits24() && strings.EqualFold(s.Label, "Status") && status < 0 {
			status = i
		}
		if s.Filter != "" {
			filters[s.Filter] = append(filters[s.Filter], name)
		}
		r.Rate = max(r.Rate, s.Rate)
		r.Channels = append(r.Channels, c)
	}
	describeFilters(r, filters)
	for _, a := range f.Annotations {
		e := recording.Event{Onset: a.Onset, Duration: a.Duration, Label: a.Text}
		// One mark on several channels is one event; its copies stand close together.
		if n := len(r.Events); a.Channel != "" && slices.Contains(r.Events[max(0, n-64):], e) {
			continue
		}
		r.Events = append(r.Events, e)
	}
	if status >= 0 && r.Rate > 0 {
		triggers, err := f.triggers(status)
		if err != nil {
			return nil, err
		}
		s := f.Signals[status]
		gaps, missing := f.Gaps, 0.0
		type mark struct {
			frame float64
			label string
		}
		known := map[mark]bool{} // a copy of a file may have the same triggers as annotations
		for _, e := range r.Events {
			known[mark{math.Round(e.Onset * r.Rate), e.Label}] = true
		}
		for _, t := range triggers {
			frame := int64(math.Ceil(float64(t.sample) * float64(f.frames) / float64(s.Samples))) // the first that holds the value
			for len(gaps) > 0 && gaps[0].Frame <= frame {
				missing += gaps[0].Seconds
				gaps = gaps[1:]
			}
			e := recording.Event{Onset: float64(frame)/r.Rate + missing, Label: strconv.Itoa(t.code)}
			if !known[mark{math.Round(e.Onset * r.Rate), e.Label}] {
				r.Events = append(r.Events, e)
			}
		}
		slices.SortStableFunc(r.Events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	}
	return r, nil
}

// describeFilters notes what the amplifier's filters were, if all signals that tell agree or a few groups do.
func describeFilters(r *recording.Recording, filters map[string][]string) {
	if len(filters) == 0 || len(filters) > 4 {
		return
	}
	var parts []string
	for filter, names := range filters {
		if len(filters) > 1 {
			filter = fmt.Sprintf("%s (%d channels)", filter, len(names))
		}
		parts = append(parts, filter)
	}
	slices.Sort(parts)
	r.Metadata["filter"] = strings.Join(parts, "; ")
}

// trigger is a code that a trigger channel went to.
type trigger struct {
	sample int64
	code   int
}

// triggers finds where the lower 16 bits of a signal go to another value than 0 and the one at the beginning, which is what
// idle lines show.
func (f *File) triggers(signal int) ([]trigger, error) {
	var out []trigger
	buffer := make([]float64, min(1<<16, f.Samples(signal)))
	idle, last := -1, -1
	for first := int64(0); first < f.Samples(signal); first += int64(len(buffer)) {
		n, err := f.ReadDigital(signal, buffer, first)
		if err != nil && err != io.EOF {
			return nil, err
		}
		for i, v := range buffer[:n] {
			code := int(v) & 0xffff
			if idle < 0 {
				idle, last = code, code
			}
			if code != last && code != 0 && code != idle {
				out = append(out, trigger{first + int64(i), code})
			}
			last = code
		}
	}
	return out, nil
}

// seconds makes a duration of seconds; out of range it is 0.
func seconds(s float64) time.Duration {
	if math.Abs(s) > 1e9 {
		return 0
	}
	return time.Duration(math.Round(s * 1e9))
}
