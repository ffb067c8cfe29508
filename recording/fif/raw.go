package fif

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// Options say how a recording is to be read. The zero value reads it as it is.
type Options struct {
	// Project takes the file's projectors (Info.Projectors) out of the samples, bad channels left alone.
	Project bool
	// Triggers names the channels whose steps become events. Nil stands for MNE-Python's choice: STI101, else STI 014, else
	// all channels of type stim. An empty list looks for none, which saves a pass over the file.
	Triggers []string
}

// Recording gives the continuous samples of a file, in the units of the channels, and those of the files that continue it,
// which must lie beside it. Closing the recording closes all of them. An event's label is an annotation's description or the
// value of the trigger channel.
func (f *File) Recording(o Options) (*recording.Recording, error) {
	s, err := f.source()
	if err != nil {
		return nil, err
	}
	r, err := s.recording(o)
	if err != nil {
		s.closeParts()
		return nil, err
	}
	return r, nil
}

// closeParts closes the further files, but not the first one, which is the caller's.
func (s *source) closeParts() {
	for _, part := range s.parts[1:] {
		part.Close()
	}
}

// source reads samples from the buffers of one or more files.
type source struct {
	parts       []*File
	buffers     []buffer
	frames      int64
	firstSample int64 // number of the first frame, counted from Info.Date
	gaps        []recording.Gap
	shielded    bool // recorded with active shielding on
	scale       []float64
	basis       [][]float64 // of what is projected out; nil for nothing
}

// buffer is a tag of samples: frames x channels.
type buffer struct {
	tag
	part   int
	first  int64 // frame
	frames int64
}

// maxParts bounds the number of files of a recording.
const maxParts = 1000

// source indexes the buffers of a file and of those that continue it.
func (f *File) source() (*source, error) {
	s := &source{}
	seen := map[string]bool{}
	for part := f; part != nil; {
		s.parts = append(s.parts, part)
		seen[part.path] = true
		if err := s.add(part); err != nil {
			s.closeParts()
			return nil, err
		}
		next, err := part.next()
		if err == nil && next != "" && (seen[next] || len(s.parts) == maxParts) {
			err = part.broken(-1, fmt.Sprintf("the next part %q, which is a part already", filepath.Base(next)), "another file")
		}
		part = nil
		if err == nil && next != "" {
			if part, err = Open(next); err != nil {
				err = &recording.Error{Path: s.parts[len(s.parts)-1].path, Offset: -1, Err: err,
					Found: fmt.Sprintf("a recording that goes on in %q", filepath.Base(next)), Expected: "that file beside it",
					Remedy: "copy all parts of the recording into one folder, under their own names"}
			}
		}
		if err != nil {
			s.closeParts()
			return nil, err
		}
	}
	if s.frames == 0 {
		s.closeParts()
		return nil, f.broken(-1, "a recording without samples", "buffers of samples")
	}
	for _, c := range f.Info.Channels {
		s.scale = append(s.scale, c.Range*c.Cal)
	}
	return s, nil
}

// raw finds the block of samples.
func (f *File) raw() *block {
	measurement := f.root.first(blockMeasurement)
	if measurement == nil {
		return nil
	}
	for _, kind := range []int32{blockRaw, blockContinuous, blockShieldedRaw} {
		if b := measurement.first(kind); b != nil {
			return b
		}
	}
	return nil
}

// add indexes the buffers of one file.
func (s *source) add(f *File) error {
	b := f.raw()
	if b == nil || f.Info == nil {
		return &recording.Error{Path: f.path, Offset: -1, Found: "no continuous samples", Expected: "a recording", Remedy: f.remedy()}
	}
	s.shielded = s.shielded || b.kind == blockShieldedRaw
	channels := int64(len(f.Info.Channels))
	first := s.parts[0]
	if n := int64(len(first.Info.Channels)); n != channels || f.Info.Rate != first.Info.Rate {
		return f.broken(-1, fmt.Sprintf("%d channels at %g Hz", channels, f.Info.Rate),
			fmt.Sprintf("%d at %g Hz, as in the first part %q of the recording", n, first.Info.Rate, filepath.Base(first.path)))
	}
	leading := s.frames == 0   // skips before the first buffer tell when the recording began
	var buffers, samples int64 // that are skipped before the next buffer
	for _, t := range b.tags {
		var err error
		switch t.kind {
		case kindFirstSample:
			if leading && len(s.parts) == 1 {
				s.firstSample, err = f.int(t)
			}
		case kindSkip:
			buffers, err = f.int(t)
		case kindSkipSamples:
			samples, err = f.int(t)
		case kindBuffer:
			if t.size == 0 {
				continue
			}
			width := widths[t.form]
			switch {
			case t.form == formComplex64 || t.form == formComplex128:
				return &recording.Error{Path: f.path, Field: "samples", Offset: t.at, Found: "complex numbers", Expected: "real numbers in a continuous recording",
					Remedy: "write the real and imaginary parts, or magnitude and phase, as channels; complex numbers are read in averages and epochs"}
			case width == 0:
				return f.broken(t.at, fmt.Sprintf("samples of type %d", t.form), "integers, floating-point numbers or packed integers of 16 bits")
			case t.size%(width*channels) != 0:
				return f.broken(t.at, fmt.Sprintf("a buffer of %d bytes", t.size), fmt.Sprintf("a multiple of %d channels of %d bytes", channels, width))
			}
			n := t.size / (width * channels)
			missing := buffers*n + samples
			if missing < 0 || buffers < 0 || buffers > math.MaxInt32 || missing > 1<<40 {
				return f.broken(t.at, fmt.Sprintf("%d buffers and %d samples to skip", buffers, samples), "fewer, and not a negative number")
			}
			switch {
			case missing > 0 && leading:
				s.firstSample += missing
			case missing > 0:
				s.gaps = append(s.gaps, recording.Gap{Frame: s.frames, Seconds: float64(missing) / f.Info.Rate})
			}
			buffers, samples, leading = 0, 0, false
			s.buffers = append(s.buffers, buffer{tag: t, part: len(s.parts) - 1, first: s.frames, frames: n})
			s.frames += n
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// remedy says how to read what is not a recording.
func (f *File) remedy() string {
	switch {
	case f.root.first(blockEvoked) != nil:
		return "it holds averages: read them as arrays, or with Evokeds"
	case f.epochs() != nil:
		return "it holds epochs: read them as arrays, or with Epochs"
	}
	return ""
}

// next gives the path of the file that continues f, or "".
func (f *File) next() (string, error) {
	for _, b := range f.root.all(blockReference) {
		if role, ok := b.tag(kindRefRole); ok {
			if x, err := f.int(role); err != nil || x != roleNextFile {
				continue
			}
		}
		if t, ok := b.tag(kindRefName); ok {
			name, err := f.text(t)
			if err != nil {
				return "", err
			}
			return f.beside(name, t.at)
		}
		if t, ok := b.tag(kindRefNumber); ok { // the name is this one's with another number
			number, err := f.int(t)
			if err != nil {
				return "", err
			}
			base, ext, _ := strings.Cut(filepath.Base(f.path), ".")
			if i := strings.LastIndexByte(base, '-'); i >= 0 && digits(base[i+1:]) {
				base = base[:i]
			}
			return f.beside(fmt.Sprintf("%s-%d.%s", base, number, ext), t.at)
		}
	}
	return "", nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// recording makes the recording of a source.
func (s *source) recording(o Options) (*recording.Recording, error) {
	f := s.parts[0]
	info := f.Info
	r := &recording.Recording{Rate: info.Rate, Frames: s.frames, Gaps: s.gaps, Samples: s, Metadata: map[string]string{}}
	for _, c := range info.Channels {
		r.Channels = append(r.Channels, c.channel())
	}
	if !info.Date.IsZero() {
		r.Start = info.Date.Add(time.Duration(float64(s.firstSample) / info.Rate * float64(time.Second)))
	}
	if o.Project {
		basis, err := info.Projection()
		if err != nil {
			if own, ok := err.(*recording.Error); ok {
				own.Path = f.path
			}
			return nil, err
		}
		s.basis = basis
	}
	s.describe(r.Metadata)
	notes, err := f.annotations(s.firstSample)
	if err != nil {
		return nil, err
	}
	triggers := o.Triggers
	if triggers == nil {
		triggers = info.triggers()
	}
	if len(triggers) > 0 {
		steps, err := s.findEvents(triggers, r)
		if err != nil {
			return nil, err
		}
		notes = append(notes, steps...)
	}
	sort.SliceStable(notes, func(i, k int) bool { return notes[i].Onset < notes[k].Onset })
	r.Events = notes
	return r, nil
}

// channel is a channel as package recording knows it.
func (c Channel) channel() recording.Channel {
	out := recording.Channel{Name: c.Name, Type: c.Type(), Unit: c.UnitName()}
	coil := c.CoilFrame()
	if c.Frame != UnknownFrame && located(coil.Origin) {
		out.Position = &coil.Origin
		if (c.Kind == kindMEG || c.Kind == kindRef) && located(coil.Z) {
			out.Orientation = &coil.Z
		}
	}
	return out
}

// describe notes what a person wants to see of the measurement.
func (s *source) describe(notes map[string]string) {
	info := s.parts[0].Info
	note := func(name, value string) {
		if value != "" {
			notes[name] = value
		}
	}
	note("description", info.Description)
	note("experimenter", info.Experimenter)
	note("filtered", fmt.Sprintf("%g to %g Hz", info.Highpass, info.Lowpass))
	if info.LineFrequency > 0 {
		note("line frequency", fmt.Sprintf("%g Hz", info.LineFrequency))
	}
	note("bad channels", strings.Join(info.Bads, ", "))
	active := 0
	for _, p := range info.Projectors {
		if p.Active {
			active++
		}
	}
	if n := len(info.Projectors); n > 0 {
		note("projectors", fmt.Sprintf("%d, of which %d are applied in the file", n, active))
	}
	if len(s.basis) > 0 {
		note("projected out", fmt.Sprintf("%d dimensions", len(s.basis)))
	}
	note("compensation", info.compensationText())
	if t := info.DeviceToHead; t != nil {
		note("head position", fmt.Sprintf("origin at (%.1f, %.1f, %.1f) mm in the device's frame",
			1e3*t.Inverse().Move[0], 1e3*t.Inverse().Move[1], 1e3*t.Inverse().Move[2]))
	}
	if n := len(info.Points); n > 0 {
		note("digitised points", fmt.Sprint(n))
	}
	if n := len(s.parts); n > 1 {
		note("files", fmt.Sprint(n))
	}
	if s.shielded {
		note("active shielding", "on: the samples need Maxwell filtering")
	}
}

// chunkBytes is about how much of a buffer is read at a time.
const chunkBytes = 1 << 20

// each calls f with consecutive samples, frames x channels, of the frames from first on: undecoded bytes of a type.
func (s *source) each(first, frames int64, f func(data []byte, form int32, n int) error) error {
	channels := int64(len(s.scale))
	i := sort.Search(len(s.buffers), func(i int) bool { return s.buffers[i].first+s.buffers[i].frames > first })
	var chunk []byte
	for frames > 0 && i < len(s.buffers) {
		b := s.buffers[i]
		size := channels * widths[b.form]
		n := min(frames, b.first+b.frames-first, max(1, chunkBytes/size))
		if int64(cap(chunk)) < n*size {
			chunk = make([]byte, n*size)
		}
		data := chunk[:n*size]
		at := b.at + (first-b.first)*size
		if m, err := s.parts[b.part].content.ReadAt(data, at); m < len(data) {
			return s.parts[b.part].truncated(at, fmt.Sprintf("%d bytes of samples", len(data)), err)
		}
		if err := f(data, b.form, int(n)); err != nil {
			return err
		}
		first += n
		frames -= n
		if first == b.first+b.frames {
			i++
		}
	}
	return nil
}

// ReadFrames implements recording.Source.
func (s *source) ReadFrames(dst []float32, first int64) (int, error) {
	channels := len(s.scale)
	want := int64(len(dst) / channels)
	if first < 0 || first >= s.frames {
		return 0, io.EOF
	}
	frames := min(want, s.frames-first)
	done := 0
	row := make([]float64, channels)
	err := s.each(first, frames, func(data []byte, form int32, n int) error {
		width := int(widths[form])
		for range n {
			for c := range row {
				row[c] = sample(data[c*width:], form) * s.scale[c]
			}
			data = data[channels*width:]
			project(row, s.basis)
			out := dst[done*channels : (done+1)*channels]
			for c, v := range row {
				out[c] = float32(v)
			}
			done++
		}
		return nil
	})
	if err == nil && frames < want {
		err = io.EOF
	}
	return done, err
}

// sample decodes one number.
func sample(b []byte, form int32) float64 {
	switch form {
	case formFloat32:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case formInt16, formPack16:
		return float64(int16(binary.BigEndian.Uint16(b)))
	case formInt32:
		return float64(int32(binary.BigEndian.Uint32(b)))
	case formFloat64:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	case formUint16:
		return float64(binary.BigEndian.Uint16(b))
	case formUint32:
		return float64(binary.BigEndian.Uint32(b))
	}
	return float64(b[0]) // formByte
}

// project takes the part of x in the span of an orthonormal basis out of it.
func project(x []float64, basis [][]float64) {
	if len(basis) == 0 {
		return
	}
	parts := make([]float64, len(basis))
	for j, u := range basis {
		for i, v := range x {
			parts[j] += u[i] * v
		}
	}
	for j, u := range basis {
		for i := range x {
			x[i] -= parts[j] * u[i]
		}
	}
}

// Close implements recording.Source.
func (s *source) Close() error {
	s.closeParts()
	return s.parts[0].Close()
}

// triggers is MNE-Python's choice of channels to look for events on.
func (info *Info) triggers() []string {
	var all []string
	for _, c := range info.Channels {
		if c.Kind == kindStim {
			all = append(all, c.Name)
		}
	}
	for _, name := range []string{"STI101", "STI 014"} {
		if slices.ContainsFunc(info.Channels, func(c Channel) bool { return c.Name == name }) {
			return []string{name}
		}
	}
	return all
}
