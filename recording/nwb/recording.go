package nwb

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

// Recording gives a series of one value, or one value per channel, as a recording. Samples are read on demand, converted to
// the series' unit. The rows of tables of time intervals become events, in seconds after the first sample. Closing the
// recording does not close the file.
func (s *Series) Recording() (*recording.Recording, error) {
	return s.f.Recording(s.Path)
}

// Recording gives series as one recording, whose channels are those of the first series, then those of the second, and so on.
// All must have the same number of samples at the same times.
func (f *File) Recording(paths ...string) (*recording.Recording, error) {
	r := &recording.Recording{Metadata: map[string]string{}}
	src := &source{}
	r.Samples = src
	var first timing
	for i, path := range paths {
		s, err := f.Series(path)
		if err != nil {
			return nil, err
		}
		channels, err := s.channels()
		if err != nil {
			return nil, err
		}
		t, err := s.timing()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = t
			r.Frames, r.Rate, r.Gaps = int64(t.frames), t.rate, t.gaps
			if !f.Reference.IsZero() {
				r.Start = f.Reference.Add(time.Duration(t.start * float64(time.Second)))
			}
		} else if t.frames != first.frames || t.rate != first.rate || t.start != first.start || !slices.Equal(t.gaps, first.gaps) {
			return nil, s.fail(fmt.Sprintf("%d samples at %g Hz from %g s on", t.frames, t.rate, t.start),
				fmt.Sprintf("%d at %g Hz from %g s on, as %q has", first.frames, first.rate, first.start, paths[0]), "read series of different timing one by one")
		}
		if len(paths) > 1 {
			for k := range channels {
				if len(channels) == 1 {
					channels[k].Name = s.Name
				} else {
					channels[k].Name = s.Name + " " + channels[k].Name
				}
			}
		}
		r.Channels = append(r.Channels, channels...)
		src.series = append(src.series, s)
		src.widths = append(src.widths, len(channels))
	}
	if len(paths) == 0 {
		return nil, f.fail("", "no series asked for", "one or more", "the series are "+listed(f.series))
	}
	src.channels = len(r.Channels)
	for name, value := range map[string]string{"identifier": f.Identifier, "session": f.Description, "subject": f.Metadata["subject/subject_id"]} {
		if value != "" {
			r.Metadata[name] = value
		}
	}
	var err error
	r.Events, err = f.events(first.start)
	return r, err
}

// channels names the channels of a series.
func (s *Series) channels() ([]recording.Channel, error) {
	if s.data == nil || len(s.Dims) < 1 || len(s.Dims) > 2 {
		found := "samples " + recording.FormatDims(s.Dims)
		if s.data == nil {
			found = "no samples"
		}
		return nil, s.fail(found, "one value, or one value per channel, at a time", "read images with Read")
	}
	if t := s.data.Type(); t.IsText() || t.IsComplex() || t.Class == hdf5.Compound {
		return nil, s.fail("samples of type "+t.String(), "real numbers", "use Read")
	}
	n := 1
	if len(s.Dims) == 2 {
		n = s.Dims[1]
	}
	if n > maxChannels {
		return nil, s.fail(fmt.Sprintf("%d channels", n), fmt.Sprintf("at most %d", maxChannels), "read them with Read")
	}
	out := make([]recording.Channel, n)
	labels := s.labels(n)
	for i := range out {
		out[i] = recording.Channel{Name: labels[i], Unit: recording.Unit(s.Unit)}
	}
	return out, nil
}

// maxChannels bounds the description of a recording.
const maxChannels = 1 << 20

// labels are the names of a series' channels: those of its electrodes where the file has any, the identifiers of the rows of
// the table that channels stand for, else numbers from 0.
func (s *Series) labels(n int) []string {
	out := make([]string, n)
	for i := range out {
		switch {
		case n == 1:
			out[i] = s.Name
		case s.Type == "SpatialSeries" && n <= 3:
			out[i] = "xyz"[i : i+1]
		default:
			out[i] = fmt.Sprint(i)
		}
	}
	if len(s.Rows) != n || s.TableOfRows == "" {
		return out
	}
	t, err := s.f.Table(s.TableOfRows)
	if err != nil || slices.ContainsFunc(s.Rows, func(r int) bool { return r < 0 || r >= t.Rows }) {
		return out
	}
	for _, name := range []string{"label", "channel_name", "electrode_name"} {
		c, err := t.Column(name)
		if err != nil || c.Ragged() > 0 {
			continue
		}
		if names, err := c.Strings(); err == nil && len(names) == t.Rows && distinct(names) {
			for i, r := range s.Rows {
				out[i] = names[r]
			}
			return out
		}
	}
	for i, r := range s.Rows {
		if r < len(t.IDs) {
			out[i] = fmt.Sprint(t.IDs[r])
		}
	}
	return out
}

func distinct(names []string) bool {
	seen := map[string]bool{}
	for _, n := range names {
		if n == "" || seen[n] {
			return false
		}
		seen[n] = true
	}
	return true
}

// events makes events of the tables of time intervals, named after the table, as seconds after start.
func (f *File) events(start float64) ([]recording.Event, error) {
	var out []recording.Event
	for _, path := range f.tables {
		t, err := f.Table(path)
		if err != nil || !t.Has("start_time") || !t.Has("stop_time") {
			continue
		}
		var times [2][]float64
		for i, name := range []string{"start_time", "stop_time"} {
			c, err := t.Column(name)
			if err != nil {
				return nil, err
			}
			if times[i], err = c.Float64s(); err != nil {
				return nil, err
			}
		}
		for i, at := range times[0] {
			e := recording.Event{Onset: at - start, Label: base(path)}
			if i < len(times[1]) && times[1][i] > at {
				e.Duration = times[1][i] - at
			}
			if at == at { // not NaN: some tables have rows of trials that were not held
				out = append(out, e)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return out, nil
}

// source reads the samples of series side by side.
type source struct {
	series   []*Series
	widths   []int // channels of each
	channels int
	owner    io.Closer // the file, when the recording closes it
}

// ReadFrames implements recording.Source.
func (s *source) ReadFrames(dst []float32, first int64) (int, error) {
	total := int64(s.series[0].Frames())
	if first < 0 || first >= total || s.channels == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(dst)/s.channels), total-first))
	at := 0
	for i, in := range s.series {
		slab := hdf5.Slab{Start: make([]int, len(in.Dims)), Count: slices.Clone(in.Dims)}
		slab.Start[0], slab.Count[0] = int(first), n
		x, err := in.Converted(slab)
		if err != nil {
			return 0, err
		}
		values, err := x.Float64s()
		if err != nil {
			return 0, err
		}
		width := s.widths[i]
		for frame := range n {
			to := dst[frame*s.channels+at:]
			for c, v := range values[frame*width : (frame+1)*width] {
				to[c] = float32(v)
			}
		}
		at += width
	}
	if n < len(dst)/s.channels {
		return n, io.EOF
	}
	return n, nil
}

// Close implements recording.Source.
func (s *source) Close() error {
	if s.owner == nil {
		return nil
	}
	return s.owner.Close()
}
