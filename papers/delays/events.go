package delays

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/dynamics/spacetime"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/events"
	"github.com/gyrus-dev/gyrus/recording/table"
)

// stream is a recording of an event camera, in order of time. Bins begin with the first event if the file has a clock of its own, and at
// zero in a table of events.
type stream struct {
	events.Events
	path          string
	width, height int
	bin           int64 // width of a bin, microseconds
}

// sensor is the size of a sensor in pixels; zeros for what the file says, or the largest address.
type sensor struct{ width, height int }

// readStream reads events from a recording, or from a table (CSV, TSV) or an array [n, 4] (NPY) of t, x, y, p, with t in microseconds and p of 0 and
// 1 or -1 and 1.
func readStream(path string, bin int64, size sensor) (*stream, error) {
	s := &stream{path: path, width: size.width, height: size.height, bin: bin}
	var err error
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".csv", ".tsv", ".txt":
		err = s.table()
	case ".npy", ".npz":
		err = s.array()
	default:
		err = s.recording()
	}
	if err != nil {
		return nil, err
	}
	if s.Len() == 0 {
		return nil, &recording.Error{Path: path, Offset: -1, Found: "no events", Expected: "changes of brightness"}
	}
	x, y := 0, 0
	for i := range s.X {
		x, y = max(x, int(s.X[i])), max(y, int(s.Y[i]))
	}
	if s.width == 0 {
		s.width = x + 1
	}
	if s.height == 0 {
		s.height = y + 1
	}
	if s.bins() > mostBins {
		return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("times up to %d µs: %d bins of %d µs", s.T[s.Len()-1], s.bins(), bin), Expected: fmt.Sprintf("at most %d bins", mostBins),
			Remedy: "subtract the time of the first event, or cut the recording"}
	}
	return s, nil
}

// mostBins is more than two hours of milliseconds.
const mostBins = 10_000_000

// row adds an event after checking it; where names it.
func (s *stream) row(where string, line int, t, x, y, p float64) error {
	bad := func(field string, v float64, expected, remedy string) error {
		return &recording.Error{Path: s.path, Field: where + ", " + field, Offset: -1, Line: line, Found: fmt.Sprint(v), Expected: expected, Remedy: remedy}
	}
	switch last := s.Len() - 1; {
	case !(t >= 0) || t > math.MaxInt64/2:
		return bad("t", t, "a time in microseconds, zero or more", "subtract the time of the first event")
	case last >= 0 && int64(t) < s.T[last]:
		return bad("t", t, fmt.Sprintf("%d or later, as the event before", s.T[last]), "sort the events by time")
	}
	for _, a := range []struct {
		name string
		v    float64
		size int
	}{{"x", x, s.width}, {"y", y, s.height}} {
		limit := a.size
		if limit == 0 {
			limit = math.MaxUint16 + 1
		}
		if a.v != math.Trunc(a.v) || a.v < 0 || a.v >= float64(limit) {
			return bad(a.name, a.v, fmt.Sprintf("a pixel of 0 to %d", limit-1), "say how large the sensor is (--set sensor-width= and sensor-height=), or leave the event out")
		}
	}
	if p != 0 && p != 1 && p != -1 {
		return bad("p", p, "1 for brighter, 0 or -1 for darker", "")
	}
	s.T, s.X, s.Y, s.On = append(s.T, int64(t)), append(s.X, uint16(x)), append(s.Y, uint16(y)), append(s.On, p == 1)
	return nil
}

func (s *stream) table() error {
	r, err := table.Open(s.path)
	if err != nil {
		return err
	}
	defer r.Close()
	var columns [4]int
	for i, name := range []string{"t", "x", "y", "p"} {
		if columns[i], err = r.Find(name, table.Number); err != nil {
			return err
		}
	}
	for n := 1; r.Next(); n++ {
		if err := s.row(fmt.Sprintf("row %d", n), r.Line(), r.Number(columns[0]), r.Number(columns[1]), r.Number(columns[2]), r.Number(columns[3])); err != nil {
			return err
		}
	}
	return r.Err()
}

func (s *stream) array() error {
	arrays, err := recording.Arrays(s.path)
	if err != nil {
		return err
	}
	if len(arrays) != 1 || len(arrays[0].Dims) != 2 || arrays[0].Dims[1] != 4 {
		found := fmt.Sprintf("%d arrays", len(arrays))
		if len(arrays) == 1 {
			found = arrays[0].String()
		}
		return &recording.Error{Path: s.path, Offset: -1, Found: found, Expected: "one array [n, 4] with a row t, x, y, p for each event"}
	}
	v, err := arrays[0].RowMajor().Float64s()
	if err != nil {
		return err
	}
	for i := 0; i < len(v); i += 4 {
		if err := s.row(fmt.Sprintf("row %d", i/4+1), 0, v[i], v[i+1], v[i+2], v[i+3]); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) recording() error {
	f, err := events.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	all, err := f.Read()
	if err != nil || all.Len() == 0 {
		return err
	}
	if f.Width > 0 && f.Height > 0 {
		s.width, s.height = f.Width, f.Height
	}
	for i := range all.T {
		p := 0.
		if all.On[i] {
			p = 1
		}
		if err := s.row(fmt.Sprintf("event %d", i+1), 0, float64(all.T[i]-all.T[0]), float64(all.X[i]), float64(all.Y[i]), p); err != nil {
			if all.T[i] < all.T[0] || i > 0 && all.T[i] < all.T[i-1] {
				return &recording.Error{Path: s.path, Field: fmt.Sprintf("event %d, t", i+1), Offset: -1, Found: fmt.Sprint(all.T[i]), Expected: fmt.Sprintf("%d or later, as the event before", all.T[max(0, i-1)]),
					Remedy: "cut the recording where its clock was set back"}
			}
			return err
		}
	}
	return nil
}

// bins is how many bins the recording has, the last as full as it may be.
func (s *stream) bins() int { return int(s.T[s.Len()-1]/s.bin) + 1 }

// density is the part of places that have an event in a bin, of any polarity twice if it has both.
func (s *stream) density() float64 {
	seen := make([]int64, 2*s.width*s.height) // the last bin with an event, from 1
	n := 0
	for i, t := range s.T {
		at := 2 * (int(s.Y[i])*s.width + int(s.X[i]))
		if s.On[i] {
			at++
		}
		if b := t/s.bin + 1; seen[at] != b {
			seen[at] = b
			n++
		}
	}
	return float64(n) / float64(s.bins()) / float64(s.width*s.height)
}

// movie is the events of bins from to to-1.
func (s *stream) movie(from, to int) (*spacetime.Movie, error) {
	m, err := spacetime.NewMovie(2, to-from, s.height, s.width)
	if err != nil {
		return nil, err
	}
	e := s.Window(int64(from)*s.bin, int64(to)*s.bin)
	for i, t := range e.T {
		p := 0
		if e.On[i] {
			p = 1
		}
		if err := m.Set(p, int(t/s.bin)-from, int(e.Y[i]), int(e.X[i])); err != nil {
			return nil, fmt.Errorf("%s: %w", s.path, err)
		}
	}
	return m, nil
}

// check says whether a field can look at the recording.
func (s *stream) check(f *field) error {
	wrong := func(found, expected, remedy string) error {
		return papers.Refuse(&recording.Error{Path: s.path, Offset: -1, Found: found, Expected: expected, Remedy: remedy})
	}
	if s.bins() < f.grid.Depth {
		ms := float64(s.bin) / 1000
		return wrong(fmt.Sprintf("a recording of %g ms", float64(s.bins())*ms), fmt.Sprintf("need at least %g ms, as the longest delay", float64(f.grid.Depth)*ms), "")
	}
	if s.width < f.grid.Width || s.height < f.grid.Width {
		return wrong(fmt.Sprintf("a sensor of %d x %d pixels", s.width, s.height), fmt.Sprintf("at least %d x %d, the field of a neuron", f.grid.Width, f.grid.Width), "")
	}
	if err := checkDensity(s.density(), binKnob); err != nil {
		return papers.Refuse(fmt.Errorf("%s: %w", s.path, err))
	}
	return nil
}

// readLabels reads the class of each bin, -1 where there is none, from a table with a column class or an array.
func readLabels(path string, bins, classes int) ([]int, error) {
	var values []float64
	if ext := strings.ToLower(filepath.Ext(path)); ext == ".npy" || ext == ".npz" {
		arrays, err := recording.Arrays(path)
		if err != nil {
			return nil, err
		}
		if len(arrays) != 1 {
			return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("%d arrays", len(arrays)), Expected: "one, with a class for each bin"}
		}
		if values, err = arrays[0].Float64s(); err != nil {
			return nil, err
		}
	} else {
		t, err := table.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if values, err = t.Numbers("class"); err != nil {
			return nil, err
		}
	}
	if len(values) != bins {
		return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("%d labels", len(values)), Expected: fmt.Sprintf("%d, as the recording has bins", bins),
			Remedy: "give the class of every bin, -1 where there is none"}
	}
	out := make([]int, bins)
	for i, v := range values {
		if v != math.Trunc(v) || v < -1 || v >= float64(classes) {
			return nil, &recording.Error{Path: path, Field: fmt.Sprintf("row %d", i+1), Offset: -1, Found: fmt.Sprintf("class %g", v), Expected: fmt.Sprintf("0 to %d, or -1 for none", classes-1),
				Remedy: "number the classes direction by direction, the slowest speed first"}
		}
		out[i] = int(v)
	}
	return out, nil
}
