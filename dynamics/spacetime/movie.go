package spacetime

import "fmt"

// Movie is events on a grid in steps of time: 1 where there is one, however many there were.
type Movie struct {
	Polarities, Steps, Height, Width int
	bytes                            []byte // [Steps, Polarities, Height, Width]
}

// NewMovie makes a movie without events.
func NewMovie(polarities, steps, height, width int) (*Movie, error) {
	if polarities < 1 || steps < 0 || height < 1 || width < 1 || width > maxWidth {
		return nil, fmt.Errorf("spacetime: a movie of %d polarities, %d steps, %d x %d pixels; the width may be at most %d", polarities, steps, height, width, maxWidth)
	}
	return &Movie{polarities, steps, height, width, make([]byte, polarities*steps*height*width)}, nil
}

// maxWidth keeps columns in 16 bits.
const maxWidth = 1 << 16

// Set puts an event into the movie, or says why it lies outside.
func (m *Movie) Set(p, t, y, x int) error {
	if p < 0 || p >= m.Polarities || t < 0 || t >= m.Steps || y < 0 || y >= m.Height || x < 0 || x >= m.Width {
		return fmt.Errorf("spacetime: an event of polarity %d in step %d at (%d, %d) lies outside a movie of %d polarities, %d steps and %d x %d pixels (width x height)",
			p, t, x, y, m.Polarities, m.Steps, m.Width, m.Height)
	}
	m.Frame(p, t)[y*m.Width+x] = 1
	return nil
}

// Frame is the events of one polarity in one step, [Height, Width] of 0 and 1. It shares the storage.
func (m *Movie) Frame(p, t int) []byte {
	n := m.Height * m.Width
	at := (t*m.Polarities + p) * n
	return m.bytes[at : at+n : at+n]
}

// Events is the number of events.
func (m *Movie) Events() (n int) {
	for _, b := range m.bytes {
		n += int(b)
	}
	return n
}

// Density is the part of all places and steps that has an event.
func (m *Movie) Density() float64 { return float64(m.Events()) / float64(max(1, len(m.bytes))) }

// Swapped is the movie with the order of polarities turned round: what was bright is dark.
func (m *Movie) Swapped() *Movie {
	out := *m
	out.bytes = make([]byte, len(m.bytes))
	for t := range m.Steps {
		for p := range m.Polarities {
			copy(out.Frame(m.Polarities-1-p, t), m.Frame(p, t))
		}
	}
	return &out
}
