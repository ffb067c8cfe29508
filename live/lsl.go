package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/lsl"
)

// LSL is a stream of the Lab Streaming Layer as a source, with the events of another stream if there is one. Times are of this
// machine's clock.
type LSL struct {
	inlet   *lsl.Inlet
	markers *lsl.Inlet
	signal  Signal
	reading sync.WaitGroup
	cancel  context.CancelFunc

	mu     sync.Mutex
	events []recording.Event
	lost   int64 // events dropped because Next was not called in time
}

// maxEvents is how many events wait at most.
const maxEvents = 4096

// OpenLSL finds a stream by a query, such as "type='EEG'" or "name='BioSemi'", and waits for it until ctx ends. Markers is the query of the
// stream of events; empty for none.
func OpenLSL(ctx context.Context, n lsl.Network, query, markers string) (*LSL, error) {
	find := func(query string) (*lsl.Info, error) {
		found, err := n.Find(ctx, query, 1)
		if err != nil {
			return nil, err
		}
		more, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if all, err := n.Find(more, query, 1000); err == nil {
			found = all
		}
		if len(found) > 1 {
			var names []string
			for _, f := range found {
				names = append(names, fmt.Sprintf("%q (type %s, source_id %q, on %s)", f.Name, f.Type, f.SourceID, f.Host))
			}
			return nil, fmt.Errorf("%d streams fit %s: %s; ask for one, such as source_id='...'", len(found), query, strings.Join(names, ", "))
		}
		return n.Full(ctx, found[0])
	}
	info, err := find(query)
	if err != nil {
		return nil, err
	}
	if info.Format == lsl.String || !(info.Rate > 0) {
		return nil, fmt.Errorf("the stream %q is no signal: its rate is %g Hz and its values are %s", info.Name, info.Rate, info.Format)
	}
	s := &LSL{signal: Signal{Name: info.Name, Channels: info.Labels(), Units: info.Units(), Width: info.Channels, Rate: info.Rate}}
	if s.inlet, err = lsl.Open(ctx, n, info, lsl.InletOptions{Sync: true, Buffer: int(max(1, min(30*info.Rate, 1<<24)))}); err != nil {
		return nil, err
	}
	if markers == "" {
		return s, nil
	}
	if info, err = find(markers); err == nil {
		s.markers, err = lsl.Open(ctx, n, info, lsl.InletOptions{Sync: true})
	}
	if err != nil {
		s.inlet.Close()
		return nil, fmt.Errorf("the stream of events: %w", err)
	}
	background, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.reading.Go(func() { s.readMarkers(background) })
	return s, nil
}

// Signal implements [Source].
func (s *LSL) Signal() Signal { return s.signal }

// Inlet is the stream that is read.
func (s *LSL) Inlet() *lsl.Inlet { return s.inlet }

// LostEvents is how many events were dropped because they were not taken in time.
func (s *LSL) LostEvents() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// readMarkers keeps the events that have come: the first value of each sample as text.
func (s *LSL) readMarkers(ctx context.Context) {
	width := s.markers.Info().Channels
	for {
		c, err := s.markers.Pull(ctx)
		if err != nil {
			return
		}
		texts, _ := c.Data.([]string)
		numbers := c.Float64s()
		s.mu.Lock()
		for i, t := range c.Times {
			e := recording.Event{Onset: t}
			if texts != nil {
				e.Label = texts[i*width]
			} else {
				e.Label = fmt.Sprint(numbers[i*width])
			}
			s.events = append(s.events, e)
		}
		if n := len(s.events) - maxEvents; n > 0 {
			s.events = s.events[n:]
			s.lost += int64(n)
		}
		s.mu.Unlock()
	}
}

// Next implements [Source].
func (s *LSL) Next(ctx context.Context) (Block, error) {
	c, err := s.inlet.Pull(ctx)
	if err != nil {
		return Block{}, err
	}
	b := Block{Times: c.Times, Dropped: c.Dropped, Resumed: c.Resumed, Arrived: c.Arrived}
	if samples, ok := c.Data.([]float32); ok {
		b.Samples = samples
	} else {
		b.Samples = single(c.Float64s())
	}
	s.mu.Lock()
	b.Events, s.events = s.events, nil
	s.mu.Unlock()
	return b, nil
}

func single(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// Close implements [Source].
func (s *LSL) Close() error {
	err := s.inlet.Close()
	if s.markers != nil {
		s.cancel()
		err = errors.Join(err, s.markers.Close())
		s.reading.Wait()
	}
	return err
}

// Outlet offers decisions as a stream of doubles: the number of the class, then the probability of every class.
type Outlet struct {
	outlet *lsl.Outlet
	width  int
	timed  bool
}

// NewOutlet offers decisions on a network under a name. When timed, their times are those of the last sample they rest on, which must be of
// this machine's clock, as those of [LSL] are; otherwise, the moments in which they are sent.
func NewOutlet(n lsl.Network, name string, classes []string, timed bool) (*Outlet, error) {
	info := lsl.Info{Name: name, Type: "Decisions", Channels: 1 + len(classes), Format: lsl.Float64, SourceID: "gyrus-live-" + name}
	info.Describe(append([]string{"class"}, classes...), "", "Decision")
	out, err := lsl.NewOutlet(n, info, lsl.OutletOptions{})
	if err != nil {
		return nil, err
	}
	return &Outlet{outlet: out, width: info.Channels, timed: timed}, nil
}

// Send implements [Sink].
func (o *Outlet) Send(d Decision) {
	sample := make([]float64, o.width)
	sample[0] = float64(d.Class)
	copy(sample[1:], d.Probability)
	time := 0.0
	if o.timed {
		time = d.Time
	}
	o.outlet.Push(sample, time) // it fails only when the outlet is closed
}

// Lost implements [Sink].
func (o *Outlet) Lost() int64 { return o.outlet.Dropped() }

// Close implements [Sink].
func (o *Outlet) Close() error { return o.outlet.Close() }
