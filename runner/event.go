package runner

import (
	"encoding/json"
	"os"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
)

// Kind is what an [Event] tells.
type Kind string

// The kinds of events, in the order a run sends them.
const (
	RunStarted   Kind = "run-started"
	SeedStarted  Kind = "seed-started"
	Progressed   Kind = "progress"
	Logged       Kind = "log"
	SeedFinished Kind = "seed-finished"
	RunFinished  Kind = "run-finished" // Status tells how
)

// Event is something that happened in a run.
type Event struct {
	Time      time.Time        `json:"time"`
	Run       string           `json:"run"`
	Kind      Kind             `json:"kind"`
	Seed      int64            `json:"seed"`
	SeedIndex int              `json:"seedIndex"` // from 0
	Seeds     int              `json:"seeds"`
	Progress  *papers.Progress `json:"progress,omitempty"`
	Level     string           `json:"level,omitempty"`
	Message   string           `json:"message,omitempty"`
	Status    Status           `json:"status,omitempty"`
}

// eventLog appends events to events.jsonl and passes them to the listener. Progress is stored at most once a second, since it is there to
// look back at, while the listener sees every event.
type eventLog struct {
	mu         sync.Mutex
	file       *os.File
	listen     func(Event)
	lastStored time.Time
	failed     error // the first write error; later events are passed on but not stored
}

// openEvents opens an event file for appending. A line that a full disk or a kill has cut short is ended, so that it costs no event after it.
func openEvents(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	end := make([]byte, 1)
	if info, err := file.Stat(); err == nil && info.Size() > 0 {
		if _, err := file.ReadAt(end, info.Size()-1); err == nil && end[0] != '\n' {
			_, err = file.Write([]byte{'\n'})
			if err != nil {
				file.Close()
				return nil, err
			}
		}
	}
	return file, nil
}

func (l *eventLog) send(e Event) {
	e.Time = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Kind != Progressed || e.Time.Sub(l.lastStored) >= time.Second || e.Progress.Done == e.Progress.Total {
		if e.Kind == Progressed {
			l.lastStored = e.Time
		}
		l.store(e)
	}
	if l.listen != nil {
		l.listen(e)
	}
}

func (l *eventLog) store(e Event) {
	if l.failed != nil {
		return
	}
	if e.Progress != nil {
		p := *e.Progress
		p.Metrics = finiteOnly(p.Metrics)
		e.Progress = &p
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	l.failed = err
}

// finiteOnly drops values JSON cannot hold.
func finiteOnly(m map[string]float64) map[string]float64 {
	out := make(map[string]float64, len(m))
	for k, v := range m {
		if v-v == 0 {
			out[k] = v
		}
	}
	return out
}
