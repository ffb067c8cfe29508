package reader

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/inspection"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/studio/recordings/pyramid"
)

// maxEvents is how many events the viewer is given.
const maxEvents = 20_000

// prepare makes what the page of a recording is drawn from: first what the viewer needs, then the rest.
func (t *Task) prepare(w *writer) error {
	if err := t.prepareSignal(w); err != nil {
		return err
	}
	w.say(Progressed, Progress{Stage: "looking at every sample"})
	d, err := inspection.Describe(t.Path)
	if err != nil {
		return err
	}
	w.say(Progressed, Progress{Stage: "spectra and maps"})
	sheet, err := inspection.PageOf(t.Path, d)
	if err != nil {
		return err
	}
	sheet.Command = ""
	sheet.Parts = slices.DeleteFunc(sheet.Parts, func(p report.Part) bool { return p.ID == "traces" }) // the viewer shows them
	return writeJSON(filepath.Join(t.Dir, SheetFile), sheet)
}

// prepareSignal writes the head and the pyramid of a signal in time; a file that is none is left to its description.
func (t *Task) prepareSignal(w *writer) error {
	r, err := inspection.Open(t.Path)
	var own *recording.Error
	if errors.As(err, &own) {
		return nil
	} else if err != nil {
		return err
	}
	defer r.Close()
	s := pyramid.Shape{Channels: len(r.Channels), Frames: r.Frames}
	if s.Channels == 0 || s.Frames < 2 {
		return nil
	}
	if s.Channels > math.MaxUint16 {
		return &recording.Error{Path: t.Path, Offset: -1, Found: fmt.Sprintf("%d channels", s.Channels), Expected: "at most 65535, to be shown"}
	}
	if t.Write > 0 && s.Bytes() > t.Write {
		return &recording.Error{Path: t.Path, Offset: -1, Found: fmt.Sprintf("%d channels and %d frames", s.Channels, s.Frames), Expected: "a recording whose overview fits in the space this server keeps for that",
			Remedy: "gyrus inspect shows it without"}
	}
	h, err := headOf(r)
	if err != nil {
		return err
	}
	b, err := pyramid.Create(t.Dir, s)
	if err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(t.Dir, HeadFile), h); err != nil {
		return err
	}
	if err := w.say(Opened, h); err != nil {
		return err
	}
	told := time.Now()
	tell := func() error {
		done, err := b.Flush()
		if err != nil {
			return err
		}
		told = time.Now()
		return w.say(Progressed, Progress{Stage: "overview", Done: done, Total: r.Frames})
	}
	err = r.Blocks(func(block []float32, _ int64) error {
		if err := b.Add(block); err != nil {
			return err
		}
		if time.Since(told) > 300*time.Millisecond {
			return tell()
		}
		return nil
	})
	if err == nil {
		err = tell()
	}
	return errors.Join(err, b.Close())
}

// headOf looks at some stretches of a signal to find out how to draw it.
func headOf(r *recording.Recording) (*Head, error) {
	h := &Head{Rate: r.Rate, Frames: r.Frames, Gaps: r.Gaps, Events: r.Events[:min(len(r.Events), maxEvents)], AllEvents: len(r.Events)}
	if !(h.Rate > 0) || math.IsInf(h.Rate, 0) {
		h.Rate = 0
	}
	h.Events = slices.DeleteFunc(slices.Clone(h.Events), func(e recording.Event) bool { return e.Onset-e.Onset != 0 || e.Duration-e.Duration != 0 })
	if !r.Start.IsZero() {
		h.Start = r.Start.Format(time.RFC3339)
	}
	bad := strings.Split(r.Metadata["bad channels"], ",")
	for i := range bad {
		bad[i] = strings.TrimSpace(bad[i])
	}
	n := len(r.Channels)
	for _, c := range r.Channels {
		h.Channels = append(h.Channels, Channel{Name: c.Name, Type: c.Type, Unit: c.Unit, Bad: slices.Contains(bad, c.Name)})
	}
	length := int64(2000)
	if h.Rate > 0 {
		length = int64(math.Max(16, math.Min(2*h.Rate, 4096)))
	}
	length = min(length, r.Frames, max(16, 1<<22/int64(n)))
	const stretches = 16
	all := make([][]float64, n) // of each channel
	spreads := make([][]float64, n)
	for k := range int64(stretches) {
		first := (r.Frames - length) * k / (stretches - 1)
		x, err := r.Read(first, int(length))
		if err != nil {
			return nil, err
		}
		for c := range n {
			var here []float64
			for i := c; i < len(x); i += n {
				if v := x[i]; v-v == 0 {
					here = append(here, float64(v))
				}
			}
			if len(here) == 0 {
				continue
			}
			slices.Sort(here)
			spreads[c] = append(spreads[c], quantile(here, 0.99)-quantile(here, 0.01))
			for q := range 9 { // enough to tell the middle
				all[c] = append(all[c], quantile(here, float64(q)/8))
			}
		}
		if r.Frames == length {
			break
		}
	}
	type kind struct{ name, unit string }
	rows := map[kind][]float64{}
	for c := range n {
		if len(all[c]) == 0 {
			continue
		}
		slices.Sort(all[c])
		slices.Sort(spreads[c])
		spread := quantile(spreads[c], 0.5)
		if spread == 0 || h.Channels[c].Type == "stim" { // pulses
			spread = 1.6 * (all[c][len(all[c])-1] - all[c][0])
		}
		h.Channels[c].Middle = quantile(all[c], 0.5)
		if h.Channels[c].Type == "stim" {
			h.Channels[c].Middle = all[c][0] + spread/3.2
		}
		if k := (kind{h.Channels[c].Type, h.Channels[c].Unit}); spread > 0 {
			rows[k] = append(rows[k], spread/1.3)
		}
	}
	for c := range h.Channels {
		h.Channels[c].Row = 1
		if r := rows[kind{h.Channels[c].Type, h.Channels[c].Unit}]; len(r) > 0 {
			slices.Sort(r)
			h.Channels[c].Row = quantile(r, 0.5)
		}
	}
	return h, nil
}

// quantile returns the q quantile of values in order.
func quantile(s []float64, q float64) float64 {
	at := q * float64(len(s)-1)
	k := min(int(at), len(s)-1)
	if k == len(s)-1 {
		return s[k]
	}
	return s[k] + (at-float64(k))*(s[k+1]-s[k])
}

// writeJSON writes a file that is there whole or not at all.
func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".part", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// frames gives out tiles of a recording until nobody asks any more.
func (t *Task) frames(w *writer, requests <-chan TileRequest) error {
	r, err := inspection.Open(t.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := w.say(Opened, struct{}{}); err != nil {
		return err
	}
	for q := range requests {
		tile, err := tileOf(r, q)
		if err != nil {
			err = w.send(TileFailed, []byte(t.plain(err)))
		} else {
			err = w.send(TileSent, tile.Append(nil))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func tileOf(r *recording.Recording, q TileRequest) (*pyramid.Tile, error) {
	s := pyramid.Shape{Channels: len(r.Channels), Frames: r.Frames}
	if q.Factor != 1 && q.Factor != pyramid.Step || q.Index < 0 || q.Index >= s.Tiles(q.Factor) || q.From < 0 || q.From >= q.To || q.To > s.Channels {
		return nil, pyramid.ErrNoTile
	}
	first := q.Index * pyramid.TileBins * q.Factor
	x, err := r.Read(first, int(min(r.Frames-first, pyramid.TileBins*q.Factor)))
	if errors.Is(err, io.EOF) {
		err = &recording.Error{Offset: -1, Found: "fewer samples than the recording should have"}
	}
	if err != nil {
		return nil, err
	}
	return pyramid.Reduce(x, s.Channels, q.Factor, q.From, q.To), nil
}
