package recordings

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/recordings/pyramid"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

// maxTileChannels is how many channels a tile may have.
const maxTileChannels = 256

// tiler is the process that gives out the samples of a recording. It starts when it is asked, and ends when it has not been asked for a while.
type tiler struct {
	of *opened

	mu      sync.Mutex
	process *reader.Process
	idle    *time.Timer
}

const (
	tilerIdle = time.Minute
	tileWait  = 15 * time.Second // for one tile
)

// tile asks for a tile of samples, as it is sent.
func (t *tiler) tile(q reader.TileRequest) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.of.shelf.section
	if t.process == nil {
		t.of.shelf.restTilers(t)
		p, err := reader.Start(x.ctx, x.config.Reader, reader.Task{Kind: reader.Frames, Path: t.of.path, Memory: x.config.Memory, Readable: x.readable(t.of.path)})
		if err != nil {
			return nil, err
		}
		t.process = p
		if err := t.within(x.deadline(t.of.size), func() error { _, err := p.Next(); return err }); err != nil {
			return nil, err
		}
	}
	if t.idle != nil {
		t.idle.Stop()
	}
	t.idle = time.AfterFunc(tilerIdle, t.close)
	var m reader.Message
	err := t.within(tileWait, func() (err error) {
		if err = t.process.Ask(q); err == nil {
			m, err = t.process.Next()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if m.Kind != reader.TileSent {
		return nil, studio.Refuse(http.StatusUnprocessableEntity, "%s", sentence(string(m.Body)))
	}
	return m.Body, nil
}

// within ends the process if something takes longer, or fails.
func (t *tiler) within(limit time.Duration, f func() error) error {
	p := t.process
	late := false
	stop := time.AfterFunc(limit, func() { p.Close() })
	err := f()
	late = !stop.Stop()
	if err != nil {
		p.Close()
		t.process = nil
		if late {
			return studio.Refuse(http.StatusGatewayTimeout, "The samples could not be read in time.")
		}
		var own *reader.Error
		if errors.As(err, &own) {
			return studio.Refuse(http.StatusUnprocessableEntity, "%s", sentence(own.Text))
		}
	}
	return err
}

// close ends the process.
func (t *tiler) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.process != nil {
		t.process.Close()
		t.process = nil
	}
}

// restTilers ends processes of other recordings until there is room for one more.
func (s *shelf) restTilers(but *tiler) {
	s.mu.Lock()
	var others []*opened
	for _, o := range s.opened {
		if &o.samples != but {
			others = append(others, o)
		}
	}
	s.mu.Unlock()
	n := 0
	for _, o := range others {
		if !o.samples.mu.TryLock() {
			n++ // it is at work
			continue
		}
		if o.samples.process != nil {
			if n++; n >= tilers {
				o.samples.process.Close()
				o.samples.process = nil
			}
		}
		o.samples.mu.Unlock()
	}
}

// bytes gives out a tile as it is sent, and whether more of it will come.
func (o *opened) bytes(factor, index int64, from, to int) (body []byte, partial bool, err error) {
	v := o.view()
	if v.Head == nil {
		return nil, false, pyramid.ErrNoTile
	}
	if s := shapeOf(v.Head); from < 0 || from >= to || to > s.Channels || to-from > maxTileChannels || factor < pyramid.Base && factor != 1 && factor != pyramid.Step || index < 0 || index >= s.Tiles(factor) {
		return nil, false, pyramid.ErrNoTile
	}
	if factor < pyramid.Base {
		body, err = o.samples.tile(reader.TileRequest{Factor: factor, Index: index, From: from, To: to})
		return body, false, err
	}
	o.mu.Lock()
	levels := o.levels
	o.mu.Unlock()
	if levels == nil {
		return nil, false, pyramid.ErrNoTile
	}
	t, err := levels.Tile(factor, index, from, to, v.Progress.Done)
	if err != nil {
		return nil, false, err
	}
	return t.Append(nil), t.Partial, nil
}

// tile sends a tile to the viewer. A tile that is whole never changes, since another file has another ID.
func (x *Section) tile(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	factor, err1 := strconv.ParseInt(r.PathValue("factor"), 10, 64)
	index, err2 := strconv.ParseInt(r.PathValue("index"), 10, 64)
	from, err3 := strconv.Atoi(r.URL.Query().Get("from"))
	to, err4 := strconv.Atoi(r.URL.Query().Get("to"))
	if errors.Join(err1, err2, err3, err4) != nil {
		return studio.Refuse(http.StatusBadRequest, "A tile is asked for by four whole numbers.")
	}
	h := w.Header()
	tag := fmt.Sprintf(`"%s-%d-%d-%d-%d"`, o.about.ID, factor, index, from, to)
	if r.Header.Get("If-None-Match") == tag {
		h.Set("ETag", tag)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body, partial, err := o.bytes(factor, index, from, to)
	if errors.Is(err, pyramid.ErrNoTile) {
		return studio.Refuse(http.StatusNotFound, "There is no such tile.")
	} else if err != nil {
		return err
	}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if partial {
		h.Set("Cache-Control", "no-store")
	} else {
		h.Set("ETag", tag)
		h.Set("Cache-Control", "private, max-age=86400, immutable")
	}
	if r.Method != http.MethodHead {
		w.Write(body)
	}
	return nil
}

// Still pictures are for browsers without scripts, and for print.
const (
	stillSpan = 10.0 // s
	stillRows = 64   // channels
)

// span is the stretch that a query asks for, in seconds by the clock: so many from a time on.
func span(h *reader.Head, r *http.Request) (at, length float64) {
	total := duration(h)
	length = stillSpan
	if h.Rate <= 0 {
		length = 2000
	}
	if v, err := strconv.ParseFloat(r.URL.Query().Get("span"), 64); err == nil && v > 0 {
		length = v
	}
	length = math.Min(length, total)
	if v, err := strconv.ParseFloat(r.URL.Query().Get("at"), 64); err == nil && v > 0 {
		at = math.Min(v, math.Max(0, total-length))
	}
	return at, length
}

// duration is how long a recording goes on by the clock, gaps included, s; frames where it has no rate.
func duration(h *reader.Head) float64 {
	d := float64(h.Frames) / rateOf(h)
	for _, g := range h.Gaps {
		d += g.Seconds
	}
	return d
}

// rateOf is the sampling rate, or 1 where none is known: time is then counted in frames.
func rateOf(h *reader.Head) float64 {
	if h.Rate > 0 {
		return h.Rate
	}
	return 1
}

// draw makes a figure of a stretch of a recording.
func (o *opened) draw(h *reader.Head, at, length float64) (report.Figure, error) {
	s, rate := shapeOf(h), rateOf(h)
	const points = 1200 // bins, about, on the whole width
	factor := int64(1)
	for _, f := range append([]int64{4}, s.Factors()...) {
		if float64(f) <= length*rate/points {
			factor = f
		}
	}
	n := min(len(h.Channels), stillRows)
	traces := make([]report.Trace, n)
	for c := range traces {
		ch := h.Channels[c]
		traces[c] = report.Trace{Name: ch.Name, Kind: ch.Type, Unit: micro(ch.Unit), Muted: ch.Bad}
	}
	var times []float64
	for _, g := range segments(h) {
		first, last := g.first+int64(math.Max(0, math.Floor((at-g.time)*rate))), g.first+int64(math.Ceil((at+length-g.time)*rate))
		if last = min(last, g.end); first >= last {
			continue
		}
		if len(times) > 0 { // a gap is drawn as one
			times = append(times, times[len(times)-1])
			for c := range traces {
				traces[c].Values = append(traces[c].Values, math.NaN())
			}
		}
		for index := first / factor / pyramid.TileBins; index*pyramid.TileBins*factor < last; index++ {
			body, _, err := o.bytes(factor, index, 0, n)
			if err != nil {
				return report.Figure{}, err
			}
			t, ok := pyramid.Parse(body)
			if !ok {
				return report.Figure{}, errors.New("a tile that is none")
			}
			per := len(t.Values) / max(1, t.Channels) / max(1, t.Bins) // values of a bin
			for b := range t.Bins {
				frame := (index*pyramid.TileBins + int64(b)) * factor
				if frame < first-factor || frame >= last {
					continue
				}
				for k := range per {
					times = append(times, g.time+(float64(frame-g.first)+float64(k)*float64(factor)/float64(per))/rate)
					for c := range traces {
						traces[c].Values = append(traces[c].Values, float64(t.Values[(c*t.Bins+b)*per+k]))
					}
				}
			}
		}
	}
	f := report.Frame{ID: "traces", Title: "Traces", XLabel: "time (s)", XLim: [2]float64{at, at + length}}
	if h.Rate <= 0 {
		f.XLabel = "frame"
	}
	for _, e := range h.Events {
		if e.Onset >= at && e.Onset <= at+length && len(f.Events) < 40 {
			f.Events = append(f.Events, report.Ref{At: e.Onset, Label: e.Label})
		}
	}
	return report.Traces(f, times, traces), nil
}

// segment is a stretch without a gap.
type segment struct {
	first, end int64   // frames
	time       float64 // of the first, by the clock, s
}

// segments parts a recording at its gaps.
func segments(h *reader.Head) []segment {
	out := []segment{{0, h.Frames, 0}}
	for _, g := range h.Gaps {
		last := &out[len(out)-1]
		if g.Frame <= last.first || g.Frame >= h.Frames {
			if g.Frame <= last.first && g.Frame >= 0 {
				last.time += g.Seconds
			}
			continue
		}
		begin := last.time + float64(g.Frame-last.first)/rateOf(h) + g.Seconds
		last.end = g.Frame
		out = append(out, segment{g.Frame, h.Frames, begin})
	}
	return out
}

// micro writes units as people do.
func micro(unit string) string {
	if len(unit) > 1 && unit[0] == 'u' && unit[1] != 'n' {
		return "µ" + unit[1:]
	}
	return unit
}
