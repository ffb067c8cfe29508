package live

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/lsl"
	"github.com/gyrus-dev/gyrus/signal"
)

// summing decides by the sign of a window's sum, and keeps what it saw.
type summing struct {
	window  papers.LiveWindow
	slow    time.Duration
	keep    bool
	seen    [][]float32
	learned int
}

func (s *summing) Window() papers.LiveWindow { return s.window }
func (s *summing) Close()                    {}
func (s *summing) Decide(_ context.Context, w []float32, learn bool) (papers.LiveDecision, error) {
	time.Sleep(s.slow)
	sum := float32(0)
	for _, v := range w {
		sum += v
	}
	if s.keep {
		s.seen = append(s.seen, slices.Clone(w))
	}
	if learn {
		s.learned++
	}
	if sum < 0 {
		return papers.LiveDecision{Class: 1, Name: "down", Probability: []float64{0, 1}}, nil
	}
	return papers.LiveDecision{Name: "up", Probability: []float64{1, 0}}, nil
}

// list is a sink that keeps decisions.
type list struct{ all []Decision }

func (l *list) Send(d Decision) { l.all = append(l.all, d) }
func (l *list) Lost() int64     { return 0 }
func (l *list) Close() error    { return nil }

// script is a source of blocks that were laid out before.
type script struct {
	signal Signal
	blocks []Block
}

func (s *script) Signal() Signal { return s.signal }
func (s *script) Close() error   { return nil }
func (s *script) Next(context.Context) (Block, error) {
	if len(s.blocks) == 0 {
		return Block{}, io.EOF
	}
	b := s.blocks[0]
	s.blocks = s.blocks[1:]
	return b, nil
}

// frames lays out frames of one channel whose values are their numbers, at the given times.
func frames(first int, times ...float64) Block {
	b := Block{Times: times, Arrived: time.Unix(1000, 0)}
	for i := range times {
		b.Samples = append(b.Samples, float32(first+i))
	}
	return b
}

func steady(first, n int, rate, begin float64) Block {
	times := make([]float64, n)
	for i := range times {
		times[i] = begin + float64(i)/rate
	}
	return frames(first, times...)
}

func decide(t *testing.T, s Signal, d *summing, o Options, blocks ...Block) (Report, *list) {
	t.Helper()
	s.Patient = true
	out := &list{}
	o.Sinks = append(o.Sinks, out)
	r, err := Run(t.Context(), &script{signal: s, blocks: blocks}, d, o)
	if err != nil {
		t.Fatal(err)
	}
	return r, out
}

var one = Signal{Name: "test", Width: 1, Rate: 100}

func windowOf(n int) papers.LiveWindow {
	return papers.LiveWindow{Rows: 1, Samples: n, Rate: 100, Classes: []string{"up", "down"}}
}

func TestSlidingWindows(t *testing.T) {
	d := &summing{window: windowOf(10), keep: true}
	r, out := decide(t, one, d, Options{Step: 0.05}, steady(0, 13, 100, 5), steady(13, 12, 100, 5.13))
	if r.Frames != 25 || r.Decisions != 4 || len(out.all) != 4 {
		t.Fatalf("%+v", r)
	}
	for i, w := range d.seen {
		if w[0] != float32(5*i) || w[9] != float32(5*i+9) || out.all[i].Frame != int64(5*i+9) || math.Abs(out.all[i].Time-(5+float64(5*i+9)/100)) > 1e-9 {
			t.Errorf("window %d is %v, decision %+v", i, w, out.all[i])
		}
	}
	// Windows 0 and 2 share no frame; those between overlap with one that was learned from.
	if d.learned != 2 {
		t.Errorf("learned from %d windows", d.learned)
	}
}

func TestTriggeredWindows(t *testing.T) {
	w := windowOf(10)
	w.Events, w.First = []string{"go"}, -2
	d := &summing{window: w, keep: true}
	b := steady(0, 100, 100, 0)
	b.Events = []recording.Event{{Onset: 0.5, Label: "go"}, {Onset: 0.304, Label: "go"}, {Onset: 0.7, Label: "stop"}, {Onset: 0.01, Label: "go"}, {Onset: 0.95, Label: "go"}, {Onset: 1.5, Label: "go"}, {Onset: math.NaN(), Label: "go"}}
	late := steady(100, 1, 100, 1)
	late.Events = []recording.Event{{Onset: 0.2, Label: "go"}}
	r, out := decide(t, one, d, Options{}, b, late)
	var got []string
	for i, w := range d.seen {
		got = append(got, fmt.Sprintf("%g-%g@%g", w[0], w[9], out.all[i].Onset))
	}
	if fmt.Sprint(got) != "[28-37@0.304 48-57@0.5 18-27@0.2]" || r.Outside != 4 || r.Events != 7 || d.learned != 3 {
		t.Errorf("windows %v, %+v", got, r)
	}
	delay := 0.1
	d.seen = nil
	decide(t, one, d, Options{Delay: &delay, Events: []string{"stop"}}, b)
	if len(d.seen) != 1 || d.seen[0][0] != 80 {
		t.Errorf("with a delay: %v", d.seen)
	}
}

// TestPolicies holds what is done about gaps, jumps, and values that are not finite.
func TestPolicies(t *testing.T) {
	nan := steady(50, 10, 100, 0.5)
	nan.Samples[3] = float32(math.NaN())
	resumed := steady(50, 50, 100, 3)
	resumed.Resumed = true
	dropped := steady(60, 40, 100, 0.6)
	dropped.Dropped = 10
	for name, c := range map[string]struct {
		blocks  []Block
		want    Report
		windows int // of ten frames, one a frame
	}{
		"whole":    {[]Block{steady(0, 100, 100, 0)}, Report{Frames: 100}, 91},
		"gap":      {[]Block{steady(0, 50, 100, 0), steady(57, 43, 100, 0.57)}, Report{Frames: 93, Missing: 7, Gaps: 1}, 41 + 34},
		"one lost": {[]Block{steady(0, 1000, 100, 0), steady(1001, 50, 100, 10.01)}, Report{Frames: 1050, Missing: 1, Gaps: 1}, 991 + 41},
		"back":     {[]Block{steady(0, 50, 100, 100), steady(50, 50, 100, 20)}, Report{Frames: 100, Jumps: 1}, 82},
		"NaN time": {[]Block{steady(0, 50, 100, 0), frames(50, math.NaN()), steady(51, 49, 100, 0.51)}, Report{Frames: 100, Jumps: 2}, 41 + 40},
		"NaN":      {[]Block{steady(0, 50, 100, 0), nan, steady(60, 40, 100, 0.6)}, Report{Frames: 100, NotFinite: 1, Spoilt: 10}, 81},
		"resumed":  {[]Block{steady(0, 50, 100, 0), resumed}, Report{Frames: 100, Reconnects: 1, Gaps: 1, Missing: 250}, 82},
		"dropped":  {[]Block{steady(0, 50, 100, 0), dropped}, Report{Frames: 90, Dropped: 10, Gaps: 1}, 41 + 31},
	} {
		d := &summing{window: windowOf(10)}
		r, _ := decide(t, one, d, Options{Step: 0.01}, c.blocks...)
		c.want.Decisions = int64(c.windows)
		c.want.Latency, c.want.Jitter = r.Latency, r.Jitter
		if r != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, r, c.want)
		}
	}
}

// TestClockJumpIsToldFromLoss needs the time of arrival: a signal in real time whose clock gains ten seconds in an instant has lost nothing.
func TestClockJumpIsToldFromLoss(t *testing.T) {
	for _, c := range []struct {
		passed        float64
		jumps, losses int
	}{{0.01, 1, 0}, {10, 0, 1000}} {
		tl := newTimeline(Signal{Rate: 100})
		for i := range 100 {
			tl.next(float64(i)/100, 50+float64(i)/100)
		}
		v := tl.next(11, 51+c.passed)
		if v.jumped != (c.jumps == 1) || v.missing != c.losses {
			t.Errorf("after %g s: %+v", c.passed, v)
		}
	}
}

// TestBusySender stamps samples when it gets to them: after a pause come all that are due, close together.
func TestBusySender(t *testing.T) {
	tl := newTimeline(Signal{Rate: 250})
	now, held := 0.0, 0
	for i := range 10000 {
		due := float64(i) / 250
		if i%500 == 100 {
			now = due + 0.09
		}
		if now = max(now+1e-5, due+1e-5*float64(i%7)); now > due+1e-3 {
			held++
		}
		if v := tl.next(now, now); v.missing > 0 || v.jumped {
			t.Fatalf("frame %d: %+v", i, v)
		}
	}
	if held < 200 {
		t.Errorf("only %d samples were late", held)
	}
}

// TestJitterIsNoLoss gives times that scatter, as those of packets do.
func TestJitterIsNoLoss(t *testing.T) {
	tl := newTimeline(Signal{Rate: 250})
	state := uint32(1)
	for i := range 100000 {
		state = state*1664525 + 1013904223
		time := float64(i)/250*1.0001 + 0.01*float64(state)/math.MaxUint32 // a clock that is also 100 ppm fast
		if v := tl.next(time, time); v.missing > 0 || v.jumped {
			t.Fatalf("frame %d: %+v", i, v)
		}
	}
}

// TestFilterRestartsAsOffline compares windows with those cut from a recording that was filtered between what spoils it.
func TestFilterRestartsAsOffline(t *testing.T) {
	band, err := signal.BandPass(4, 8, 32, 100)
	if err != nil {
		t.Fatal(err)
	}
	w := windowOf(20)
	w.Filter = func() papers.CausalFilter { return signal.NewStream(band, 1) }
	raw := make([]float32, 300)
	for i := range raw {
		raw[i] = float32(math.Sin(float64(i*i) / 50))
	}
	raw[150] = float32(math.Inf(1))
	first, second := steady(0, 100, 100, 0), steady(100, 200, 100, 2)
	copy(first.Samples, raw)
	copy(second.Samples, raw[100:])
	d := &summing{window: w, keep: true}
	r, out := decide(t, one, d, Options{Step: 0.01}, first, second)
	want := make([]float32, 300)
	for _, stretch := range [][2]int{{0, 100}, {100, 150}, {151, 300}} {
		x := make([]float64, 0, 300)
		for _, v := range raw[stretch[0]:stretch[1]] {
			x = append(x, float64(v))
		}
		for i, v := range band.Filter(x) {
			want[stretch[0]+i] = float32(v)
		}
	}
	if r.Decisions != 81+31+130 {
		t.Fatalf("%+v", r)
	}
	for i, w := range d.seen {
		end := int(out.all[i].Frame) + 1
		if !slices.Equal(w, want[end-20:end]) {
			t.Fatalf("window up to frame %d differs", end)
		}
	}
}

func TestBackPressureIsBounded(t *testing.T) {
	// A decision takes as long as 30 frames; the signal comes as fast as it is read.
	s := &script{signal: one}
	for i := range 2000 {
		s.blocks = append(s.blocks, steady(10*i, 10, 100, float64(i)/10))
	}
	q := newQueue(one, 1)
	q.fill(t.Context(), s)
	if q.frames > 100 || len(q.blocks) > 10 || q.blocks[0].Dropped != 20000-q.frames {
		t.Errorf("%d frames wait, the bound is 100; %d dropped", q.frames, q.blocks[0].Dropped)
	}
	m := newMailbox()
	for range 10000 {
		m.put(Decision{})
	}
	if m.lost.Load() != 10000-maxUnsent {
		t.Errorf("%d decisions lost", m.lost.Load())
	}
	l, err := newLoop(one, &summing{window: windowOf(10)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	flood := steady(0, 1, 100, 0)
	for i := range 100000 {
		flood.Events = append(flood.Events, recording.Event{Onset: 1e6 + float64(i)})
	}
	if l.block(t.Context(), flood); len(l.events) != maxPending || l.report.Forgotten != 100000-maxPending {
		t.Errorf("%d events wait, %d forgotten", len(l.events), l.report.Forgotten)
	}
}

// TestSlowDecisionsDropTheOldest runs the loop with its queue.
func TestSlowDecisionsDropTheOldest(t *testing.T) {
	s := &script{signal: one}
	for i := range 500 {
		s.blocks = append(s.blocks, steady(10*i, 10, 100, float64(i)/10))
	}
	d := &summing{window: windowOf(10), slow: 5 * time.Millisecond}
	r, err := Run(t.Context(), s, d, Options{Step: 0.1, Queue: 1})
	if err != nil || r.Dropped == 0 || r.Frames+r.Dropped != 5000 || r.Missing != 0 || r.Jumps != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// day is a source whose clock is its own: 24 hours pass as fast as its frames are taken, with losses, jumps and events on the way.
type day struct {
	frames, at int
	time       float64
}

const dayRate = 50

func (d *day) Signal() Signal {
	return Signal{Name: "day", Width: 2, Rate: dayRate, Patient: true}
}
func (d *day) Close() error { return nil }
func (d *day) Next(context.Context) (Block, error) {
	if d.at >= d.frames {
		return Block{}, io.EOF
	}
	const n = 50
	b := Block{Samples: make([]float32, 2*n), Times: make([]float64, n), Arrived: time.Now()}
	switch second := d.at / n; {
	case second%3600 == 1800:
		d.time -= 7 // somebody sets the clock
	case second%600 == 300:
		d.time += 1.5
	case second%900 == 450:
		b.Samples[3] = float32(math.NaN())
	}
	for i := range b.Times {
		b.Times[i] = d.time
		b.Samples[2*i] += float32(i)
		d.time += 1.0 / dayRate
	}
	if d.at/n%4 == 0 {
		b.Events = []recording.Event{{Onset: b.Times[n/2], Label: "go"}}
	}
	d.at += n
	return b, nil
}

func TestADayLeavesMemoryFlat(t *testing.T) {
	band, err := signal.BandPass(4, 8, 20, dayRate)
	if err != nil {
		t.Fatal(err)
	}
	w := papers.LiveWindow{Rows: 2, Samples: dayRate, Rate: dayRate, Events: []string{"go"}, Filter: func() papers.CausalFilter { return signal.NewStream(band, 1) }}
	text := NewText(io.Discard, false)
	defer text.Close()
	live := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	hour := dayRate * 3600
	d := &day{frames: 24 * hour}
	l, err := newLoop(d.Signal(), &summing{window: w}, Options{Sinks: []Sink{text}})
	if err != nil {
		t.Fatal(err)
	}
	var after1, after24 uint64
	for {
		b, err := d.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err := l.block(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if d.at == hour {
			after1 = live()
		}
	}
	after24 = live()
	r := l.summary()
	if r.Frames != int64(24*hour) || r.Events != 24*900 || r.Jumps != 24 || r.Gaps == 0 || r.NotFinite == 0 || r.Decisions+r.Outside+r.Broken+r.Spoilt+r.Forgotten+int64(len(l.due)+len(l.events)) != r.Events {
		t.Errorf("%+v", r)
	}
	if after24 > after1+256<<10 {
		t.Errorf("memory grew from %d bytes after an hour to %d after a day", after1, after24)
	}
	t.Logf("%d bytes after an hour, %d after a day; %+v", after1, after24, r)
	runtime.KeepAlive(l)
}

func TestReplay(t *testing.T) {
	r := &recording.Recording{Channels: []recording.Channel{{Name: "C3"}, {Name: "Cz"}}, Rate: 100, Frames: 200, Gaps: []recording.Gap{{Frame: 100, Seconds: 2}},
		Events: []recording.Event{{Onset: 0.5, Label: "a"}, {Onset: 3.5, Label: "b"}, {Onset: 99, Label: "c"}}}
	m := recording.Memory{Channels: 2}
	for i := range 200 {
		m.Data = append(m.Data, float32(i), -float32(i))
	}
	r.Samples = m
	w := papers.LiveWindow{Channels: []string{"cz."}, Rows: 1, Samples: 10, Rate: 100}
	for _, speed := range []float64{0, 40} {
		p, err := NewReplay(r, speed)
		if err != nil {
			t.Fatal(err)
		}
		picked, err := Match(p.Signal(), w)
		if err != nil {
			t.Fatal(err)
		}
		d := &summing{window: w, keep: true}
		begun := time.Now()
		got, err := Run(t.Context(), Pick(p, picked), d, Options{})
		if err != nil || got.Events != 3 || got.Decisions != 2 || got.Outside != 1 || got.Missing != 200 || d.seen[0][0] != -50 || d.seen[1][0] != -150 {
			t.Errorf("speed %g: %+v, %v, %v", speed, got, d.seen, err)
		}
		if passed := time.Since(begun); speed > 0 && (passed < 95*time.Millisecond || passed > 2*time.Second) {
			t.Errorf("4 s at 40 times their speed took %v", passed)
		}
	}
	if _, err := NewReplay(&recording.Recording{}, 1); err == nil {
		t.Error("a recording without rate is played")
	}
	if _, err := NewReplay(r, -1); err == nil {
		t.Error("played backwards")
	}
}

func TestMatchRefuses(t *testing.T) {
	s := Signal{Name: "amp", Channels: []string{"C3", "C4"}, Width: 2, Rate: 100}
	for name, w := range map[string]papers.LiveWindow{
		"channel": {Channels: []string{"C3", "Cz"}, Rows: 2, Rate: 100}, "number": {Rows: 3, Rate: 100}, "rate": {Rows: 2, Rate: 128},
	} {
		if _, err := Match(s, w); err == nil {
			t.Errorf("another %s was taken", name)
		}
	}
	got, err := Match(s, papers.LiveWindow{Channels: []string{"C4", "c3"}, Rows: 2, Rate: 100.001})
	if err != nil || !slices.Equal(got, []int{1, 0}) {
		t.Errorf("%v, %v", got, err)
	}
}

// localNetwork is a network of this machine with a port range of its own.
func localNetwork(t *testing.T) lsl.Network {
	c, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := lsl.Local()
	n.BasePort, n.Ports, n.DiscoveryPort = min(c.Addr().(*net.TCPAddr).Port+1, 65000), 8, 0
	return n
}

// TestLSLThereAndBack reads a stream with events, loses it, finds it again, and hands decisions out as another stream.
func TestLSLThereAndBack(t *testing.T) {
	n := localNetwork(t)
	info := lsl.Info{Name: "amp", Type: "EEG", Channels: 2, Rate: 100, Format: lsl.Int16, SourceID: "7"}
	info.Describe([]string{"C3", "C4"}, "microvolts", "EEG")
	open := func() *lsl.Outlet {
		o, err := lsl.NewOutlet(n, info, lsl.OutletOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	amp := open()
	marks, err := lsl.NewOutlet(n, lsl.Info{Name: "marks", Type: "Markers", Channels: 1, Format: lsl.String, SourceID: "8"}, lsl.OutletOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer marks.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	source, err := OpenLSL(ctx, n, "type='EEG'", "type='Markers'")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	out, err := NewOutlet(n, "decisions", []string{"up", "down"}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	found, err := n.Find(ctx, "name='decisions'", 1)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := lsl.Open(ctx, n, found[0], lsl.InletOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	w := papers.LiveWindow{Channels: []string{"C4"}, Rows: 1, Samples: 10, Rate: 100}
	picked, err := Match(source.Signal(), w)
	if err != nil {
		t.Fatal(err)
	}
	d := &summing{window: w, keep: true}
	var report Report
	var wait sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	wait.Go(func() {
		var err error
		if report, err = Run(running, Pick(source, picked), d, Options{Sinks: []Sink{out}}); err != nil {
			t.Error(err)
		}
	})
	ready := func(o *lsl.Outlet) {
		for joined := o.Joined(); o.Readers() == 0; joined = o.Joined() {
			select {
			case <-joined:
			case <-ctx.Done():
				t.Fatal("no reader")
			}
		}
	}
	play := func(o *lsl.Outlet, begin float64, first int) {
		ready(o)
		ready(marks)
		marks.Push([]string{"go"}, begin+0.2)
		for k := 0; k < 50; k += 10 {
			var x []int16
			for i := range 10 {
				x = append(x, 0, -int16(first+k+i))
			}
			if err := o.Push(x, begin+float64(k+9)/100); err != nil {
				t.Error(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	begin := lsl.Now()
	play(amp, begin, 0)
	c, err := listener.Pull(ctx)
	if err != nil || len(c.Times) != 1 || math.Abs(c.Times[0]-(begin+0.29)) > 0.005 || fmt.Sprint(c.Data) != "[1 0 1]" {
		t.Errorf("the decision came as %+v, %v", c, err)
	}
	amp.Close()
	amp = open()
	defer amp.Close()
	play(amp, lsl.Now(), 1000)
	_, missing := listener.Pull(ctx)
	stop()
	wait.Wait()
	if missing != nil {
		t.Fatalf("no second decision: %v; %+v", missing, report)
	}
	if report.Reconnects != 1 || report.Decisions != 2 || report.Gaps != 1 || len(d.seen) != 2 || d.seen[0][0] != -20 || d.seen[1][0] != -1020 {
		t.Errorf("%+v\n%v", report, d.seen)
	}
}

func TestWebSocket(t *testing.T) {
	w, err := ListenWebSocket("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, w.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	for w.Clients() == 0 {
		time.Sleep(time.Millisecond)
	}
	w.Send(Decision{LiveDecision: papers.LiveDecision{Class: 1, Name: "right", Probability: []float64{0.25, 0.75}}, Frame: 9, Time: 1.5, Event: "go"})
	_, text, err := c.Read(ctx)
	var d Decision
	if err != nil || json.Unmarshal(text, &d) != nil || d.Name != "right" || d.Probability[1] != 0.75 || d.Frame != 9 || d.Event != "go" {
		t.Errorf("%s, %v", text, err)
	}
	for range 100000 {
		w.Send(Decision{}) // more than a client that does not read can take
	}
	for name, o := range map[string]*websocket.DialOptions{
		"another origin": {HTTPHeader: map[string][]string{"Origin": {"http://evil.example"}}}, "another name": {Host: "evil.example:80"},
	} {
		if c, _, err := websocket.Dial(ctx, w.URL(), o); err == nil {
			c.CloseNow()
			t.Errorf("a page of %s may listen", name)
		}
	}
	locked := &WebSocket{listener: w.listener, token: "secret"}
	if !strings.HasSuffix(locked.URL(), "?token=secret") {
		t.Error(locked.URL())
	}
	for target, want := range map[string]bool{"/decisions": false, "/decisions?token=": false, "/decisions?token=secre": false, "/decisions?token=secret": true} {
		if r := httptest.NewRequest("GET", target, nil); locked.admitted(r) != want {
			t.Errorf("%s is admitted: %v", target, !want)
		}
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	s := NewText(&b, false)
	s.Send(Decision{LiveDecision: papers.LiveDecision{Name: "left", Probability: []float64{0.9, 0.1}}, Time: 2, Event: "go", Latency: 0.003})
	if err := s.Close(); err != nil || strings.Join(strings.Fields(b.String()), " ") != `2.000 s left p = 0.900 3.00 ms after "go"` {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	for i := 1; i <= 1000; i++ {
		h.add(time.Duration(i) * time.Millisecond)
	}
	p := h.percentiles()
	for _, c := range [][2]float64{{p.P50, 0.5}, {p.P90, 0.9}, {p.P99, 0.99}, {p.Max, 1}} {
		if c[0] < c[1] || c[0] > 1.011*c[1] {
			t.Errorf("%g, want %g", c[0], c[1])
		}
	}
	if (&histogram{}).percentiles() != (Percentiles{}) {
		t.Error("nothing has percentiles")
	}
}

// osc writes a message of floats.
func oscMessage(path string, values ...any) []byte {
	pad := func(s string) []byte { return append([]byte(s), make([]byte, 4-len(s)%4)...) }
	types, args := ",", []byte(nil)
	for _, v := range values {
		switch v := v.(type) {
		case float32:
			types, args = types+"f", binary.BigEndian.AppendUint32(args, math.Float32bits(v))
		case int32:
			types, args = types+"i", binary.BigEndian.AppendUint32(args, uint32(v))
		case float64:
			types, args = types+"d", binary.BigEndian.AppendUint64(args, math.Float64bits(v))
		case string:
			types, args = types+"s", append(args, pad(v)...)
		}
	}
	return slices.Concat(pad(path), pad(types), args)
}

func oscBundle(tag uint64, messages ...[]byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte("#bundle\x00"), tag)
	for _, m := range messages {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(m))), m...)
	}
	return b
}

func TestOSC(t *testing.T) {
	o, err := ListenOSC("127.0.0.1:0", "/eeg", "/mark", 2, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	c, err := net.Dial("udp", o.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write(oscMessage("/acc", float32(1), float32(2)))
	c.Write(oscMessage("/eeg", float32(1)))
	c.Write(oscBundle(100<<32, oscMessage("/eeg", float32(1), int32(-2)), oscBundle(101<<32, oscMessage("/mark", "go"), oscMessage("/eeg", 3.5, float32(4)))))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	b, err := o.Next(ctx)
	if err != nil || !slices.Equal(b.Samples, []float32{1, -2, 3.5, 4}) || !slices.Equal(b.Times, []float64{100, 101}) || len(b.Events) != 1 || b.Events[0] != (recording.Event{Onset: 101, Label: "go"}) {
		t.Errorf("%+v, %v", b, err)
	}
	cancel()
	if _, err := o.Next(ctx); err == nil {
		t.Error("a cancelled wait returned frames")
	}
	if _, err := ListenOSC("127.0.0.1:0", "/eeg", "", 0, 100); err == nil {
		t.Error("no channels")
	}
}

func FuzzOSC(f *testing.F) {
	f.Add(oscMessage("/eeg", float32(1), float32(2)))
	f.Add(oscBundle(1, oscMessage("/mark", "go"), oscBundle(2, oscMessage("/eeg", 1.0, int32(2)))))
	o := &OSC{path: "/eeg", markers: "/mark", signal: Signal{Width: 2}}
	f.Fuzz(func(t *testing.T, p []byte) {
		var b Block
		o.packet(&b, p, 1, 0)
		if len(b.Samples) != 2*len(b.Times) || len(b.Samples) > len(p) {
			t.Errorf("%d values and %d times from %d bytes", len(b.Samples), len(b.Times), len(p))
		}
	})
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for k := range 2 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := []byte{0, 1, 255, 254, 0, byte(3 + k), 0, 4, 0, 5} // two frames and a half
			c.Write(b[:3])
			time.Sleep(20 * time.Millisecond)
			c.Write(b[3:])
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	s, err := DialTCP(ctx, l.Addr().String(), Int16, binary.BigEndian, 2, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for k := range 2 {
		b, err := s.Next(ctx)
		if err != nil || !slices.Equal(b.Samples, []float32{1, -2, float32(3 + k), 4}) || math.Abs(b.Times[1]-b.Times[0]-0.01) > 1e-6 || b.Resumed != (k == 1) {
			t.Errorf("%+v, %v", b, err)
		}
	}
	cancel()
	if _, err := s.Next(ctx); err == nil {
		t.Error("a cancelled wait returned frames")
	}
	if _, err := DialTCP(t.Context(), l.Addr().String(), "int24", binary.BigEndian, 2, 100); err == nil {
		t.Error("an unknown number was taken")
	}
}
