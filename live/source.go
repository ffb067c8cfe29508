package live

import (
	"context"
	"io"
	"math"
	"slices"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// Source gives frames of a signal as they arrive.
type Source interface {
	Signal() Signal
	// Next waits for frames and returns those that have come. The end of the signal is io.EOF.
	Next(ctx context.Context) (Block, error)
	Close() error
}

// Signal is what a source gives.
type Signal struct {
	Name     string
	Channels []string // nil when the source knows only how many there are
	Width    int      // number of channels
	Rate     float64  // Hz
	Units    []string // of the channels, as recording.Channel has them; nil, or empty ones, when the source does not say
	// Jitter is how far the time of a frame may be off, s, before it is taken for a gap; 0 means 100 ms. Where times are exact,
	// as those of a device that counts its samples are, less than a period is tolerated.
	Jitter float64
	// Speed is how many seconds of the signal come in a second; 0 means 1.
	Speed float64
	// Patient says that the source waits until its frames are wanted, so that none need ever be dropped.
	Patient bool
}

// Block is a run of frames that arrived together.
type Block struct {
	Samples []float32         // row-major frames x channels
	Times   []float64         // of every frame, s, by a clock that counts up
	Events  []recording.Event // that have become known, by the same clock: of these frames, or of earlier or later ones
	Dropped int               // frames that the source dropped before the first because it was not read in time
	Resumed bool              // the source was lost before the first frame and found again
	Arrived time.Time         // when the last of them came
}

// Replay plays a recording.
type Replay struct {
	recording *recording.Recording
	speed     float64
	from      int64 // next frame
	event     int   // next event
	begun     time.Time
	first     float64 // time of the first frame that was played
}

// NewReplay returns a source that plays a recording at a speed: 1 is its own, 10 ten times that, and 0 as fast as its frames are taken.
// The recording must know its rate. Close closes it.
func NewReplay(r *recording.Recording, speed float64) (*Replay, error) {
	switch {
	case !(r.Rate > 0):
		return nil, &recording.Error{Field: "sampling rate", Offset: -1, Found: "none", Expected: "a rate, to play the recording in time"}
	case !(speed >= 0) || math.IsInf(speed, 0):
		return nil, &recording.Error{Field: "speed", Offset: -1, Found: "a negative or infinite one", Expected: "1 for the recording's own, 0 for as fast as can be"}
	}
	return &Replay{recording: r, speed: speed}, nil
}

// replayBlock is how long a block of a recording is, s: as long as amplifiers send at a time.
const replayBlock = 0.02

// Signal implements [Source].
func (p *Replay) Signal() Signal {
	s := Signal{Name: "recording", Width: len(p.recording.Channels), Rate: p.recording.Rate, Speed: p.speed, Patient: p.speed == 0}
	for _, c := range p.recording.Channels {
		s.Channels, s.Units = append(s.Channels, c.Name), append(s.Units, c.Unit)
	}
	return s
}

// Next implements [Source].
func (p *Replay) Next(ctx context.Context) (Block, error) {
	r := p.recording
	if err := ctx.Err(); err != nil {
		return Block{}, context.Cause(ctx)
	}
	n := int(min(max(1, int64(math.Round(replayBlock*r.Rate))), r.Frames-p.from))
	if p.speed == 0 {
		n = int(min(1024, r.Frames-p.from))
	}
	if n <= 0 {
		return Block{}, io.EOF
	}
	b := Block{Samples: make([]float32, n*len(r.Channels)), Times: make([]float64, n)}
	if read, err := r.Samples.ReadFrames(b.Samples, p.from); read < n {
		return Block{}, err
	}
	for i := range b.Times {
		b.Times[i] = r.Time(p.from + int64(i))
	}
	p.from += int64(n)
	last := b.Times[n-1]
	for p.event < len(r.Events) && (r.Events[p.event].Onset <= last || p.from == r.Frames) {
		b.Events = append(b.Events, r.Events[p.event])
		p.event++
	}
	if p.speed > 0 {
		if p.begun.IsZero() {
			p.begun, p.first = time.Now(), b.Times[0]
		}
		due := p.begun.Add(time.Duration((last - p.first) / p.speed * float64(time.Second)))
		select {
		case <-ctx.Done():
			return Block{}, context.Cause(ctx)
		case <-time.After(time.Until(due)):
		}
	}
	b.Arrived = time.Now()
	return b, nil
}

// Close implements [Source].
func (p *Replay) Close() error { return p.recording.Close() }

// pick is a source with some of the channels of another, in another order.
type pick struct {
	Source
	signal Signal
	from   []int
}

// Pick returns a source of the given channels of another one, by their numbers and in their order.
func Pick(s Source, channels []int) Source {
	signal := s.Signal()
	if len(channels) == signal.Width && slices.IsSorted(channels) && channels[0] == 0 && channels[len(channels)-1] == signal.Width-1 {
		return s
	}
	p := &pick{Source: s, signal: signal, from: channels}
	p.signal.Width, p.signal.Channels, p.signal.Units = len(channels), nil, nil
	for _, c := range channels {
		if signal.Units != nil {
			p.signal.Units = append(p.signal.Units, signal.Units[c])
		}
		if signal.Channels != nil {
			p.signal.Channels = append(p.signal.Channels, signal.Channels[c])
		}
	}
	return p
}

func (p *pick) Signal() Signal { return p.signal }

func (p *pick) Next(ctx context.Context) (Block, error) {
	b, err := p.Source.Next(ctx)
	if err != nil {
		return b, err
	}
	width := p.Source.Signal().Width
	picked := make([]float32, 0, len(b.Times)*len(p.from))
	for t := range b.Times {
		row := b.Samples[t*width : (t+1)*width]
		for _, c := range p.from {
			picked = append(picked, row[c])
		}
	}
	b.Samples = picked
	return b, nil
}
