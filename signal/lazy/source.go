package lazy

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/gyrus-dev/gyrus/recording"
)

// Options say what is filtered and how.
type Options struct {
	Channels []int // that are filtered; the others pass as they are. Nil filters all but those that [Plain] says to leave alone
	Causal   bool  // as a live decoder would, with the filter's delay; else without phase shift
}

// Plain says of a type of channel that its values are not waves to be filtered: triggers, switches, temperatures.
func Plain(kind string) bool {
	return slices.Contains([]string{"stim", "syst", "misc", "temperature", "ias", "exci", "chpi"}, kind)
}

// operation changes consecutive samples of the chosen channels within a stretch without gaps.
type operation interface {
	// begin is called at the first frame of a stretch of that many frames.
	begin(frames int64) error
	// next gives more filtered samples, one row for each chosen channel, which it may keep until the next call. It takes the
	// unfiltered ones from read, in order.
	next(read func(rows [][]float64) error) ([][]float64, error)
}

// stretch is a part of a recording between gaps.
type stretch struct{ first, end int64 }

func stretches(r *recording.Recording) []stretch {
	var out []stretch
	first := int64(0)
	for _, g := range r.Gaps {
		if g.Frame > first && g.Frame < r.Frames {
			out = append(out, stretch{first, g.Frame})
			first = g.Frame
		}
	}
	return append(out, stretch{first, r.Frames})
}

// source runs an operation over a recording as it is read.
type source struct {
	r         *recording.Recording
	chosen    []int
	operation operation
	parts     []stretch

	mu    sync.Mutex
	part  int   // index of the stretch being read; -1 before any
	taken int64 // frame of the next unfiltered sample
	given int64 // frame of the next filtered sample that ready begins with
	ready [][]float64
	block []float32 // unfiltered frames
}

// wrap gives the recording whose chosen channels an operation changes.
func wrap(r *recording.Recording, chosen []int, op operation) *recording.Recording {
	out := *r
	out.Samples = &source{r: r, chosen: chosen, operation: op, parts: stretches(r), part: -1}
	return &out
}

// chosenOf are the channels that options ask for.
func chosenOf(r *recording.Recording, o Options) ([]int, error) {
	if o.Channels == nil {
		for i, c := range r.Channels {
			if !Plain(c.Type) {
				o.Channels = append(o.Channels, i)
			}
		}
	}
	for _, c := range o.Channels {
		if c < 0 || c >= len(r.Channels) {
			return nil, fmt.Errorf("channel %d was asked for; the recording has channels 0 to %d", c, len(r.Channels)-1)
		}
	}
	if len(o.Channels) == 0 {
		return nil, fmt.Errorf("the recording has no channel to filter: all are triggers or of other types that are left alone; name the channels to filter")
	}
	return o.Channels, nil
}

// ReadFrames implements recording.Source.
func (s *source) ReadFrames(dst []float32, first int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	channels := len(s.r.Channels)
	if channels == 0 || first < 0 || first >= s.r.Frames {
		return 0, io.EOF
	}
	want := len(dst) / channels
	n := int(min(int64(want), s.r.Frames-first))
	dst = dst[:n*channels]
	if got, err := s.r.Samples.ReadFrames(dst, first); got < n {
		return 0, err
	}
	for done := 0; done < n; {
		if err := s.seek(first + int64(done)); err != nil {
			return 0, err
		}
		k := min(n-done, len(s.ready[0]))
		for c, channel := range s.chosen {
			row := s.ready[c][:k]
			for i, v := range row {
				dst[(done+i)*channels+channel] = float32(v)
			}
			s.ready[c] = s.ready[c][k:]
		}
		s.given += int64(k)
		done += k
	}
	if n < want {
		return n, io.EOF
	}
	return n, nil
}

// seek makes ready begin with the frame, running the operation from where it is, or from the beginning of the frame's stretch.
func (s *source) seek(frame int64) error {
	part := slices.IndexFunc(s.parts, func(p stretch) bool { return frame < p.end })
	if part != s.part || frame < s.given {
		p := s.parts[part]
		s.part, s.taken, s.given, s.ready = part, p.first, p.first, nil
		if err := s.operation.begin(p.end - p.first); err != nil {
			s.part = -1
			return s.at(err)
		}
	}
	for s.ready == nil || s.given+int64(len(s.ready[0])) <= frame {
		if s.ready != nil {
			s.given += int64(len(s.ready[0]))
		}
		var err error
		if s.ready, err = s.operation.next(s.read); err != nil {
			s.part = -1
			return s.at(err)
		}
	}
	skip := int(frame - s.given)
	for c := range s.ready {
		s.ready[c] = s.ready[c][skip:]
	}
	s.given = frame
	return nil
}

func (s *source) at(err error) error {
	if len(s.parts) > 1 && s.part >= 0 {
		return fmt.Errorf("between the gaps before frames %d and %d: %w", s.parts[s.part].first, s.parts[s.part].end, err)
	}
	return err
}

// readAtATime is how many numbers are read at a time.
const readAtATime = 1 << 18

// read fills rows with the next unfiltered samples of the chosen channels.
func (s *source) read(rows [][]float64) error {
	channels := len(s.r.Channels)
	most := max(1, readAtATime/channels)
	for done := 0; done < len(rows[0]); {
		n := min(most, len(rows[0])-done)
		if len(s.block) < n*channels {
			s.block = make([]float32, n*channels)
		}
		block := s.block[:n*channels]
		if got, err := s.r.Samples.ReadFrames(block, s.taken); got < n {
			return err
		}
		for c, channel := range s.chosen {
			row := rows[c][done : done+n]
			for i := range row {
				v := float64(block[i*channels+channel])
				if v-v != 0 {
					return &recording.Error{Field: "channel " + s.r.Channels[channel].Name, Offset: -1,
						Found: fmt.Sprintf("%v at frame %d", v, s.taken+int64(i)), Expected: "finite numbers to filter",
						Remedy: "leave the channel out, or cut the recording before that"}
				}
				row[i] = v
			}
		}
		s.taken += int64(n)
		done += n
	}
	return nil
}

// Close implements recording.Source.
func (s *source) Close() error { return s.r.Samples.Close() }
