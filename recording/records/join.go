package records

import (
	"errors"
	"io"

	"github.com/gyrus-dev/gyrus/recording"
)

// Joined is a source whose frames are those of several sources side by side: the channels of the first, then those of the
// next. It has as many frames as the shortest of them.
type Joined struct {
	parts    []recording.Source
	channels []int
	total    int
}

// Join adds a source with so many channels, at least one.
func (j *Joined) Join(s recording.Source, channels int) {
	j.parts, j.channels = append(j.parts, s), append(j.channels, channels)
	j.total += channels
}

// ReadFrames implements recording.Source.
func (j *Joined) ReadFrames(dst []float32, first int64) (int, error) {
	if len(j.parts) == 0 {
		return 0, io.EOF
	}
	if len(j.parts) == 1 {
		return j.parts[0].ReadFrames(dst, first)
	}
	want := len(dst) / j.total
	step := max(1, 1<<14/j.total)
	part := make([]float32, 0, step*j.total)
	for done := 0; done < want; {
		n, column := min(step, want-done), 0
		for i, s := range j.parts {
			c := j.channels[i]
			got, err := s.ReadFrames(part[:n*c], first+int64(done))
			if err != nil && !errors.Is(err, io.EOF) {
				return done, err
			}
			n = min(n, got)
			for f := range n {
				copy(dst[(done+f)*j.total+column:], part[f*c:(f+1)*c])
			}
			column += c
		}
		done += n
		if n < min(step, want-done+n) {
			return done, io.EOF
		}
	}
	return want, nil
}

// Close closes all sources.
func (j *Joined) Close() error {
	var err error
	for _, s := range j.parts {
		err = errors.Join(err, s.Close())
	}
	return err
}
