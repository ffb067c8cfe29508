package edf

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// A record's annotation signal holds lists that look like "+180.5<21>25.5<20>Lights off<20>Close door<20><0>": an onset, a
// duration if there is one, texts. The first list of the first annotation signal has an empty first text, and its onset is
// when the record began.
const (
	endText     = 0x14
	hasDuration = 0x15
)

// readAnnotations reads the annotation signals of all records, and from the records' stamps the gaps.
func (f *File) readAnnotations(signals []records.Signal) error {
	if len(signals) == 0 {
		return nil
	}
	labels := map[string]bool{}
	for _, s := range f.Signals {
		labels[s.Label] = true
	}
	clock := stamps{seconds: f.Duration, frames: f.frames, tolerance: f.Duration / 2}
	if f.Variant == EDFPlusD || f.Variant == BDFPlusD {
		clock.tolerance = min(clock.tolerance, max(1.5e-3, f.Duration/2/float64(max(1, f.frames))))
	}
	damaged := 0
	err := f.eachRecord(signals, func(record int64, lists [][]byte) {
		for i, b := range lists {
			stamp, stamped, bad := f.parse(b, labels)
			damaged += bad
			if i == 0 {
				clock.record(record, stamp, stamped)
			}
		}
	})
	if err != nil {
		return err
	}
	if damaged > 0 {
		f.warn("%d annotations are damaged and left out", damaged)
	}
	f.Gaps = clock.gaps
	for i := range f.Annotations {
		f.Annotations[i].Onset -= clock.first
	}
	if !f.Start.IsZero() {
		f.Start = f.Start.Add(seconds(clock.first))
	}
	slices.SortStableFunc(f.Annotations, func(a, b Annotation) int { return cmp.Compare(a.Onset, b.Onset) })
	return nil
}

// eachRecord calls f with the bytes of the annotation signals of every record. Small records are read many at a time; of
// large ones, only what is needed.
func (f *File) eachRecord(signals []records.Signal, do func(record int64, lists [][]byte)) error {
	const small, atOnce = 16 << 10, 1 << 20
	width := int64(signals[0].Type.Size())
	lists := make([][]byte, len(signals))
	start := fixedBytes + int64(len(f.Signals)+len(signals))*signalBytes
	var err error
	if f.recordBytes <= small {
		for record := int64(0); record < f.Records; {
			n := min(f.Records-record, atOnce/f.recordBytes)
			block, err := f.file.Bytes(start+record*f.recordBytes, n*f.recordBytes, "annotations")
			if err != nil {
				return err
			}
			for range n {
				for i, s := range signals {
					lists[i] = block[s.At : s.At+s.Count*width]
				}
				do(record, lists)
				block = block[f.recordBytes:]
				record++
			}
		}
		return nil
	}
	for record := range f.Records {
		for i, s := range signals {
			if lists[i], err = f.file.Bytes(start+record*f.recordBytes+s.At, s.Count*width, "annotations"); err != nil {
				return err
			}
		}
		do(record, lists)
	}
	return nil
}

// parse takes the lists of one record apart. It gives the record's stamp if there is one, and how many lists made no sense.
func (f *File) parse(b []byte, labels map[string]bool) (stamp float64, stamped bool, bad int) {
	for i := 0; len(b) > 0; {
		end := bytes.IndexByte(b, 0)
		if end == 0 {
			b = bytes.TrimLeft(b, "\x00")
			continue
		}
		list := b
		if end > 0 {
			list, b = b[:end], b[end:]
		} else {
			b = nil
		}
		when, texts, ok := bytes.Cut(list, []byte{endText})
		head, length, long := bytes.Cut(when, []byte{hasDuration})
		var onset, duration float64
		if ok = ok && len(head) > 1 && (head[0] == '+' || head[0] == '-'); ok {
			var err error
			if onset, err = records.Number(string(head)); err != nil || math.Abs(onset) > farthest {
				ok = false
			}
			if long && len(length) > 0 {
				if duration, err = records.Number(string(length)); err != nil || duration < 0 || duration > farthest {
					ok = false
				}
			}
		}
		if !ok {
			bad++
			i++
			continue
		}
		for k := 0; len(texts) > 0; k++ {
			text, rest, _ := bytes.Cut(texts, []byte{endText})
			texts = rest
			if len(text) == 0 {
				if i == 0 && k == 0 {
					stamp, stamped = onset, true
				}
				continue
			}
			a := Annotation{Onset: onset, Duration: duration, Text: records.Text(text)}
			if t, channel, ok := strings.Cut(a.Text, "@@"); ok && labels[channel] {
				a.Text, a.Channel = t, channel
			}
			f.Annotations = append(f.Annotations, a)
		}
		i++
	}
	return stamp, stamped, bad
}

// farthest is the largest onset that is believed, in seconds: 300 years.
const farthest = 1e10

// stamps follows the clock of the records.
type stamps struct {
	seconds float64 // of a record
	frames  int64   // of a record
	// tolerance is how much later or earlier than due a record may begin, in seconds: stamps are rounded, half a sample or a
	// millisecond and a half, and where the header claims that there are no gaps only a large one is believed.
	tolerance float64

	first float64 // stamp of the first record
	due   float64 // when the next record should begin
	gaps  []recording.Gap
}

func (c *stamps) record(record int64, stamp float64, stamped bool) {
	switch {
	case !stamped:
	case record == 0:
		c.first, c.due = stamp, stamp
	case c.frames > 0 && c.seconds > 0:
		late := stamp - c.due
		if math.Abs(late) > c.tolerance {
			c.gaps = append(c.gaps, recording.Gap{Frame: record * c.frames, Seconds: late})
		}
		c.due = stamp // small deviations are not added up: a rounded duration would soon look like a gap
	}
	c.due += c.seconds
}
