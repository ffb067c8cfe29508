package studio

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/jobs"
	"github.com/gyrus-dev/gyrus/studio/watch"
)

// signOfLife is the time between messages of a quiet stream, so that nobody between takes it for dead.
const signOfLife = 15 * time.Second

// patience is how long a listener may take for a message before it is dropped; it comes back where it was. A test shortens it.
var patience = 10 * time.Second

// runEvents streams the events of a run.
func (s *Server) runEvents(w http.ResponseWriter, r *http.Request) error {
	e, err := s.runOf(r)
	if err != nil {
		return err
	}
	return s.stream(w, r, filepath.Join(e.Dir, "events.jsonl"), func() bool {
		e, err := s.history.find(context.Background(), e.ID)
		return err != nil || e.Status == runner.Running
	})
}

// jobEvents streams the events of an application.
func (s *Server) jobEvents(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	if j.Dir == "" {
		return Refuse(http.StatusNotFound, "This job has no events of its own.")
	}
	return s.stream(w, r, filepath.Join(j.Dir, jobs.ApplicationEvents), func() bool {
		j, _, ok := s.queue.Job(j.ID)
		return ok && !j.State.Ended()
	})
}

// stream sends events until the reader goes. A reader who comes back says with Last-Event-ID what was the last it has; the query
// parameter after does the same for whoever cannot set headers.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, path string, alive func() bool) error {
	after := int64(-1)
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("after")
	}
	if n, err := strconv.ParseInt(last, 10, 64); err == nil && n >= 0 {
		after = n
	}
	l, err := s.hub.Listen(path, after, alive)
	if errors.Is(err, watch.ErrBusy) {
		return Refuse(http.StatusServiceUnavailable, "Too many readers are watching. Try again in a while.")
	} else if err != nil {
		return err
	}
	defer l.Close()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	first := [][]byte{[]byte("retry: 1500\n\n")}
	for messages := first; ; {
		if len(messages) == 0 {
			messages = [][]byte{[]byte(": still here\n\n")}
		}
		if err := rc.SetWriteDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return nil
		}
		for _, m := range messages {
			if _, err := w.Write(m); err != nil {
				return nil // the reader has gone, or is too slow
			}
		}
		if err := rc.Flush(); err != nil {
			return nil
		}
		ctx, cancel := context.WithTimeout(r.Context(), signOfLife)
		messages, err = l.Next(ctx)
		cancel()
		if err != nil {
			return nil
		}
	}
}

// curveFigure is a plot of a metric as a run went on.
type curveFigure struct {
	report.Figure
	Metric string
}

// curveFigures draws the curves of a run as they are now.
func curveFigures(s *watch.Snapshot) (out []curveFigure) {
	byMetric := map[string][]*watch.Curve{}
	for _, c := range s.Curves {
		if len(c.X) > 1 {
			byMetric[c.Metric] = append(byMetric[c.Metric], c)
		}
	}
	for _, metric := range slices.Sorted(maps.Keys(byMetric)) {
		curves := byMetric[metric]
		units := "units of work"
		var series []report.Series
		for _, c := range curves {
			if c.Unit != "" {
				units = c.Unit
			}
			name := c.Stage
			if s.Seeds > 1 {
				name += ", seed " + strconv.FormatInt(c.Seed, 10)
			}
			series = append(series, report.Series{Name: name, X: c.X, Y: c.Y})
		}
		f := report.LinePlot(report.Frame{ID: "progress", Title: metric, XLabel: units, YLabel: metric, Height: 300}, series[:min(len(series), 16)])
		out = append(out, curveFigure{f, metric})
	}
	return out
}
