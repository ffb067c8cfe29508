package egi

import (
	"fmt"
	"io"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// segments is how a simple binary file is divided; a continuous one is a single segment.
type segments struct {
	f          *records.File
	at         int64    // where to read on
	categories []string // nil in a continuous file
	count      int64
	frames     int64 // of each segment
	lines      int   // of stimuli

	heads []segmentHead
}

// segmentHead is what stands before the samples of a segment.
type segmentHead struct {
	category int
	time     float64 // seconds since the recording began
}

// headBytes is its length in the file.
const headBytes = 6

// header reads the rest of the header, which is all but the codes of the stimulus lines.
func (s *segments) header(segmented bool) error {
	read := func(n int64, what string) (b []byte, err error) {
		if b, err = s.f.Bytes(s.at, n, what); err == nil {
			s.at += n
		}
		return b, err
	}
	s.count = 1
	if segmented {
		s.categories = []string{}
		b, err := read(2, "number of categories")
		if err != nil {
			return err
		}
		n := int(int16(big.Uint16(b)))
		if n < 0 {
			return s.f.Error(s.at-2, "number of categories", fmt.Sprint(n), "0 or more", "")
		}
		for range n {
			if b, err = read(1, "length of a category's name"); err != nil {
				return err
			}
			if b, err = read(int64(b[0]), "name of a category"); err != nil {
				return err
			}
			s.categories = append(s.categories, records.Text(b))
		}
		if b, err = read(2, "number of segments"); err != nil {
			return err
		}
		if s.count = int64(int16(big.Uint16(b))); s.count < 0 {
			return s.f.Error(s.at-2, "number of segments", fmt.Sprint(s.count), "0 or more", "")
		}
	}
	b, err := read(6, "number of samples and of stimulus lines")
	if err != nil {
		return err
	}
	s.frames, s.lines = int64(int32(big.Uint32(b))), int(int16(big.Uint16(b[4:])))
	switch {
	case s.frames < 0:
		return s.f.Error(s.at-6, "number of samples", fmt.Sprint(s.frames), "0 or more", "")
	case s.lines < 0:
		return s.f.Error(s.at-2, "number of stimulus lines", fmt.Sprint(s.lines), "0 or more", "")
	}
	return nil
}

// without reads the heads of the segments and gives the file as it would be without them: what follows the header is samples alone.
func (s *segments) without(start, frame int64) (*records.File, error) {
	body := s.frames * frame
	if body < 0 || s.count > 0 && body > (s.f.Size-start)/s.count-headBytes {
		return nil, s.f.Error(start, "segments", fmt.Sprintf("%d bytes", s.f.Size-start), fmt.Sprintf("%d segments of %d bytes", s.count, body+headBytes),
			"the file is truncated: copy it again from its source")
	}
	for i := range s.count {
		at := start + i*(headBytes+body)
		b, err := s.f.Bytes(at, headBytes, "segment")
		if err != nil {
			return nil, err
		}
		h := segmentHead{category: int(int16(big.Uint16(b))), time: float64(int32(big.Uint32(b[2:]))) / 1e3}
		if h.category < 1 || h.category > max(1, len(s.categories)) {
			return nil, s.f.Error(at, "category of a segment", fmt.Sprint(h.category), fmt.Sprintf("1 to %d", len(s.categories)), "")
		}
		s.heads = append(s.heads, h)
	}
	return &records.File{ReaderAt: headless{s.f, start, body}, Size: start + s.count*body, Path: s.f.Path}, nil
}

// headless is a file of segments without their heads.
type headless struct {
	*records.File
	start, body int64
}

// ReadAt implements io.ReaderAt.
func (h headless) ReadAt(b []byte, at int64) (int, error) {
	done := 0
	for done < len(b) {
		part, from := b[done:], at+int64(done)
		if from < h.start {
			part = part[:min(int64(len(part)), h.start-from)]
		} else {
			if h.body == 0 {
				return done, io.EOF
			}
			segment, within := (from-h.start)/h.body, (from-h.start)%h.body
			part = part[:min(int64(len(part)), h.body-within)]
			from = h.start + segment*(h.body+headBytes) + headBytes + within
		}
		n, err := h.File.ReadAt(part, from)
		done += n
		if n < len(part) {
			return done, err
		}
	}
	return done, nil
}

// owned closes the file below when the samples are closed.
type owned struct {
	recording.Source
	f *records.File
}

func (o owned) Close() error { return o.f.Close() }

// place tells when the segments were and what they are.
func (s *segments) place(r *recording.Recording) {
	r.Samples = owned{r.Samples, s.f}
	length := float64(s.frames) / r.Rate
	rising := true
	for i := 1; i < len(s.heads); i++ {
		rising = rising && s.heads[i].time >= s.heads[i-1].time+length-0.0015 // times are whole milliseconds
	}
	r.Metadata["segments"] = fmt.Sprintf("%d of %d samples", len(s.heads), s.frames)
	if s.frames == 0 {
		return
	}
	if !rising {
		r.Warn("the segments are not in the order of their times, or overlap: they follow each other without the time between them")
	} else if len(s.heads) > 0 && !r.Start.IsZero() {
		r.Start = r.Start.Add(time.Duration(s.heads[0].time * float64(time.Second)))
	}
	for i := 1; i < len(s.heads); i++ {
		g := recording.Gap{Frame: int64(i) * s.frames}
		if rising {
			g.Seconds = max(0, s.heads[i].time-s.heads[i-1].time-length)
		}
		r.Gaps = append(r.Gaps, g)
	}
	for i, h := range s.heads {
		label := fmt.Sprintf("category %d", h.category)
		if h.category <= len(s.categories) {
			label = s.categories[h.category-1]
		}
		r.Events = append(r.Events, recording.Event{Onset: r.Time(int64(i) * s.frames), Duration: length, Label: label})
	}
}
