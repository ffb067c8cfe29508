package reader

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/inspection"
	"github.com/gyrus-dev/gyrus/live"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
)

const (
	maxShown    = 64                    // channels that are shown
	shownRate   = 250                   // bins of the envelope in a second, at most
	envelopeGap = 0.1                   // s without frames that are shown as a gap
	sendEvery   = 40 * time.Millisecond // as often as a screen can show it
	lookFor     = 20 * time.Second      // a stream
)

// play reads a signal as it comes, shows it, and lets the model decide.
func (t *Task) play(ctx context.Context, w *writer) error {
	if t.Play == nil {
		return errors.New("nothing is said of what to play")
	}
	p := t.Play
	if p.Paper == "" {
		return p.decode(ctx, w, nil)
	}
	paper, err := papers.Get(p.Paper)
	if err != nil {
		return err
	}
	if paper.Live == nil {
		return papers.Refuse(fmt.Errorf("%s trains nothing that decodes a stream", paper.System))
	}
	b, err := compute.Open(p.Backend)
	if err != nil {
		return err
	}
	defer b.Finalize()
	return compute.Catch("decoding with "+paper.System, func() error {
		decoder, err := paper.Live(ctx, &papers.Application{ModelDir: p.ModelDir, Backend: func() (backends.Backend, error) { return b, nil }})
		if err != nil {
			return err
		}
		defer decoder.Close()
		return p.decode(ctx, w, decoder)
	})
}

// decode runs a decoder, or none, on the signal.
func (p *Play) decode(ctx context.Context, w *writer, decoder papers.Decoder) error {
	source, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	s := source.Signal()
	says := Signal{Name: s.Name, Rate: s.Rate, Width: s.Width}
	o := live.Options{Unit: p.Unit, Sinks: []live.Sink{sink{w}}, Watch: func(r live.Report) { w.say(Reported, r) }, Warn: func(text string) { w.send(Warned, []byte(text)) }}
	picked := make([]int, s.Width)
	for i := range picked {
		picked[i] = i
	}
	if decoder != nil {
		if picked, err = live.Match(s, decoder.Window()); err != nil {
			return papers.Refuse(err)
		}
		o.Step = p.Step
		if len(p.Events) > 0 {
			o.Events = p.Events
		}
		window := decoder.Window()
		says.Classes, says.Window, says.Step = window.Classes, float64(window.Samples)/window.Rate, p.Step
		if _, overLSL := source.(*live.LSL); overLSL && p.Step == 0 && p.Markers == "" {
			return papers.Refuse(errors.New("when is a decision wanted? Name the stream of events, or a step"))
		}
	} else {
		decoder, o.Events = &onlooker{s}, []string{"\x00"} // no event is called that
	}
	shown := picked[:min(len(picked), maxShown)]
	e := newEnvelope(w, s, shown)
	says.Bin = float64(e.factor) / s.Rate
	for _, c := range shown {
		name, unit := fmt.Sprint(c+1), p.Unit
		if s.Channels != nil {
			name = s.Channels[c]
		}
		if unit == "" && s.Units != nil {
			unit = s.Units[c]
		}
		says.Channels, says.Units = append(says.Channels, name), append(says.Units, recording.Unit(unit))
	}
	if err := w.say(Began, says); err != nil {
		return err
	}
	report, err := live.Run(ctx, live.Pick(&shownSource{source, e}, picked), decoder, o)
	e.send()
	w.say(Reported, report)
	return err
}

// open finds the source.
func (p *Play) open(ctx context.Context) (live.Source, error) {
	switch {
	case p.Path != "":
		r, err := inspection.Open(p.Path)
		if err != nil {
			return nil, err
		}
		replay, err := live.NewReplay(r, p.Speed)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		return replay, nil
	case p.LSL != "":
		looking, cancel := context.WithTimeout(ctx, lookFor)
		defer cancel()
		source, err := live.OpenLSL(looking, p.Network, p.LSL, p.Markers)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, papers.Refuse(fmt.Errorf("no stream fits %s: is its program running?", p.LSL))
		} else if err != nil {
			return nil, papers.Refuse(err)
		}
		return source, nil
	case p.TCP != "":
		order := binary.ByteOrder(binary.LittleEndian)
		if p.Big {
			order = binary.BigEndian
		}
		source, err := live.DialTCP(ctx, p.TCP, live.Number(p.Number), order, p.Width, p.Rate)
		if err != nil {
			return nil, papers.Refuse(err)
		}
		return source, nil
	case p.OSC != "":
		source, err := live.ListenOSC(p.OSC, p.OSCPath, p.Marks, p.Width, p.Rate)
		if err != nil {
			return nil, papers.Refuse(err)
		}
		return source, nil
	}
	return nil, papers.Refuse(errors.New("nothing is said of what to play"))
}

// sink sends decisions to the studio, which does not wait for its readers.
type sink struct{ w *writer }

func (s sink) Send(d live.Decision) { s.w.say(Decided, d) }
func (s sink) Lost() int64          { return 0 }
func (s sink) Close() error         { return nil }

// onlooker takes the place of a decoder where there is none, so that the loop checks and counts the signal all the same.
type onlooker struct{ signal live.Signal }

func (o *onlooker) Window() papers.LiveWindow {
	return papers.LiveWindow{Rows: o.signal.Width, Samples: 1, Rate: o.signal.Rate}
}
func (o *onlooker) Decide(context.Context, []float32, bool) (papers.LiveDecision, error) {
	return papers.LiveDecision{}, nil
}
func (o *onlooker) Close() {}

// shownSource shows what passes.
type shownSource struct {
	live.Source
	envelope *envelope
}

func (s *shownSource) Next(ctx context.Context) (live.Block, error) {
	b, err := s.Source.Next(ctx)
	if err == nil {
		s.envelope.add(b)
	}
	return b, err
}

// envelope thins a signal out for the screen.
//
// A message [Samples] is little-endian: the time of its first bin by the signal's clock (float64), channels and bins (uint16 each), whether a gap is before it
// (uint8), three bytes of nothing; then bin by bin for every channel the smallest and the largest value (float32 each), not a number where there
// is none.
type envelope struct {
	w      *writer
	signal live.Signal
	shown  []int
	factor int

	low, high []float32
	frames    int // in the bin that is being filled
	time      float64
	last      float64 // time of the last frame
	begun     bool

	body   []byte // of the next message
	bins   int
	first  float64
	broken bool
	sent   time.Time
}

func newEnvelope(w *writer, s live.Signal, shown []int) *envelope {
	e := &envelope{w: w, signal: s, shown: shown, factor: max(1, int(math.Ceil(s.Rate/shownRate))), low: make([]float32, len(shown)), high: make([]float32, len(shown))}
	e.clear()
	return e
}

func (e *envelope) clear() {
	e.frames = 0
	for c := range e.low {
		e.low[c], e.high[c] = float32(math.Inf(1)), float32(math.Inf(-1))
	}
}

func (e *envelope) add(b live.Block) {
	for i, t := range b.Times {
		if e.begun && (i == 0 && (b.Dropped > 0 || b.Resumed) || math.Abs(t-e.last) > envelopeGap+1/e.signal.Rate) {
			e.send()
			e.clear()
			e.broken = true
		}
		e.begun, e.last = true, t
		if e.frames == 0 {
			e.time = t
		}
		frame := b.Samples[i*e.signal.Width : (i+1)*e.signal.Width]
		for k, c := range e.shown {
			if v := frame[c]; v-v == 0 {
				e.low[k], e.high[k] = min(e.low[k], v), max(e.high[k], v)
			}
		}
		if e.frames++; e.frames == e.factor {
			e.put()
		}
	}
	if time.Since(e.sent) >= sendEvery {
		e.send()
	}
}

// put ends a bin.
func (e *envelope) put() {
	if e.bins == 0 {
		e.first = e.time
		e.body = append(e.body[:0], make([]byte, 16)...)
	}
	for c, low := range e.low {
		high := e.high[c]
		if low > high {
			low, high = float32(math.NaN()), float32(math.NaN())
		}
		e.body = binary.LittleEndian.AppendUint32(e.body, math.Float32bits(low))
		e.body = binary.LittleEndian.AppendUint32(e.body, math.Float32bits(high))
	}
	e.clear()
	if e.bins++; e.bins == 512 {
		e.send()
	}
}

// send sends the bins there are.
func (e *envelope) send() {
	if e.bins == 0 {
		return
	}
	binary.LittleEndian.PutUint64(e.body, math.Float64bits(e.first))
	binary.LittleEndian.PutUint16(e.body[8:], uint16(len(e.shown)))
	binary.LittleEndian.PutUint16(e.body[10:], uint16(e.bins))
	if e.broken {
		e.body[12] = 1
	}
	e.w.send(Samples, e.body)
	e.bins, e.broken, e.sent = 0, false, time.Now()
}
