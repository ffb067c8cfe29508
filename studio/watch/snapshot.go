package watch

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// Snapshot is how a run stands, as its events tell it.
type Snapshot struct {
	Status    runner.Status    `json:"status,omitempty"`
	Message   string           `json:"message,omitempty"`
	Began     time.Time        `json:"began,omitzero"` // the latest start
	Last      time.Time        `json:"last,omitzero"`  // the latest event
	Seed      int64            `json:"seed"`
	SeedIndex int              `json:"seedIndex"`
	Seeds     int              `json:"seeds"`
	Progress  *papers.Progress `json:"progress,omitempty"`
	Since     time.Time        `json:"since,omitzero"` // when the stage was first heard of
	Curves    []*Curve         `json:"curves,omitempty"`
	Log       []Line           `json:"log,omitempty"`
}

// Curve is one metric of one stage of one seed over the units of work done.
type Curve struct {
	Metric string    `json:"metric"`
	Stage  string    `json:"stage"`
	Seed   int64     `json:"seed"`
	Unit   string    `json:"unit,omitempty"`
	X      []float64 `json:"x"`
	Y      []float64 `json:"y"`

	every, seen int // of so many points one is kept
}

// Line is a line of the log.
type Line struct {
	Time  time.Time `json:"time"`
	Level string    `json:"level,omitempty"`
	Text  string    `json:"text"`
	Seed  int64     `json:"seed"`
}

// Bounds of what is kept of a run.
const (
	maxPoints = 512 // of a curve; beyond it every other point goes
	maxCurves = 120
	maxLines  = 200
	maxText   = 2000 // bytes of a line
)

// Add takes an event in.
func (s *Snapshot) Add(e *runner.Event) {
	s.Last, s.Seed, s.SeedIndex, s.Seeds = e.Time, e.Seed, e.SeedIndex, e.Seeds
	switch e.Kind {
	case runner.RunStarted:
		s.Status, s.Message, s.Began, s.Progress = runner.Running, "", e.Time, nil
	case runner.SeedStarted:
		s.Progress = nil
	case runner.Progressed:
		if e.Progress == nil {
			return
		}
		if s.Progress == nil || s.Progress.Stage != e.Progress.Stage {
			s.Since = e.Time
		}
		s.Progress = e.Progress
		for _, name := range slices.Sorted(maps.Keys(e.Progress.Metrics)) {
			s.point(name, e)
		}
	case runner.Logged:
		text := strings.TrimSpace(e.Message)
		if len(text) > maxText {
			text = strings.ToValidUTF8(text[:maxText], "") + " …"
		}
		s.Log = append(s.Log, Line{e.Time, e.Level, text, e.Seed})
		if len(s.Log) > maxLines {
			s.Log = slices.Delete(s.Log, 0, len(s.Log)-maxLines)
		}
	case runner.RunFinished:
		s.Status, s.Message = e.Status, e.Message
	}
}

// point adds a value to its curve. A run that was resumed does some units of work again; they take the place of what they had given.
func (s *Snapshot) point(metric string, e *runner.Event) {
	i := slices.IndexFunc(s.Curves, func(c *Curve) bool { return c.Metric == metric && c.Stage == e.Progress.Stage && c.Seed == e.Seed })
	if i < 0 {
		if len(s.Curves) >= maxCurves {
			return
		}
		i = len(s.Curves)
		s.Curves = append(s.Curves, &Curve{Metric: metric, Stage: e.Progress.Stage, Seed: e.Seed, Unit: e.Progress.Unit, every: 1})
	}
	c := s.Curves[i]
	x := float64(e.Progress.Done)
	for n := len(c.X); n > 0 && c.X[n-1] >= x; n-- {
		c.X, c.Y = c.X[:n-1], c.Y[:n-1]
	}
	if c.seen++; c.seen%c.every != 0 && e.Progress.Done != e.Progress.Total {
		return
	}
	c.X, c.Y = append(c.X, x), append(c.Y, e.Progress.Metrics[metric])
	if len(c.X) > maxPoints {
		for k := range len(c.X) / 2 {
			c.X[k], c.Y[k] = c.X[2*k+1], c.Y[2*k+1]
		}
		c.X, c.Y = c.X[:len(c.X)/2], c.Y[:len(c.Y)/2]
		c.every *= 2
	}
}

// read takes a line of the file in. A line that is none, as a kill may leave it, is passed over.
func (s *Snapshot) read(line []byte) (e runner.Event, ok bool) {
	if json.Unmarshal(line, &e) != nil || e.Kind == "" {
		return e, false
	}
	s.Add(&e)
	return e, true
}
