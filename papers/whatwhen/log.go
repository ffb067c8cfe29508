package whatwhen

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/table"
)

// happening is a trial of a log.
type happening struct {
	Event   int     // index of its name
	Latency float64 // of the event after the cue, ms
	Line    int     // of the file
}

// eventLog is the trials of a file, in order.
type eventLog struct {
	Names  []string // of the events
	Trials []happening
}

// readLog reads a table of trials (trial, cue_ms, event_id, event_ms) or, if it has columns onset and trial_type, the events of a BIDS
// recording, in seconds, among which those of type cue begin the trials. names, if not empty, are the events there may be, in their order;
// otherwise they are those of the file in alphabetical order.
func readLog(path, cue string, names []string) (eventLog, error) {
	r, err := table.Open(path)
	if err != nil {
		return eventLog{}, err
	}
	defer r.Close()
	l := logReader{Reader: r, path: path, known: names}
	if _, err := r.Index("trial_type"); err == nil {
		err = l.bids(cue)
		return l.done(err)
	}
	return l.done(l.trials())
}

type logReader struct {
	*table.Reader
	path  string
	known []string
	rows  []logRow
}

type logRow struct {
	event   string
	latency float64
	line    int
}

// bad says what is wrong in a field of the current row.
func (l *logReader) bad(field, found, expected, remedy string) error {
	return &recording.Error{Path: l.path, Field: "column " + field, Offset: -1, Line: l.Line(), Found: found, Expected: expected, Remedy: remedy}
}

// time is a time of the current row, which must be a number of zero or more.
func (l *logReader) time(column int, field, unit string) (float64, error) {
	t := l.Number(column)
	if !(t >= 0) || math.IsInf(t, 1) {
		return 0, l.bad(field, fmt.Sprintf("%q", l.Strings()[column]), "a time in "+unit+", zero or more", "")
	}
	return t, nil
}

// event is the event named in the current row.
func (l *logReader) event(column int, field string) (string, error) {
	name := strings.TrimSpace(l.Strings()[column])
	if l.Missing(column) || name == "" {
		return "", l.bad(field, "nothing", "the name of the event", "leave out trials in which nothing happens")
	}
	if len(l.known) > 0 && !slices.Contains(l.known, name) {
		return "", l.bad(field, fmt.Sprintf("%q", name), "one of "+strings.Join(l.known, ", "), "correct the row, or name the event with --set names")
	}
	return name, nil
}

// trials reads rows of trial, cue_ms, event_id, event_ms.
func (l *logReader) trials() error {
	var columns [4]int
	for i, name := range []string{"trial", "cue_ms", "event_id", "event_ms"} {
		kind := table.Number
		if i == 0 || i == 2 {
			kind = 0 // names may be numbers
		}
		var err error
		if kind == 0 {
			columns[i], err = l.Index(name)
		} else {
			columns[i], err = l.Find(name, kind)
		}
		if err != nil {
			return err
		}
	}
	seen := map[string]int{}
	before := -1.
	for l.Next() {
		trial := strings.TrimSpace(l.Strings()[columns[0]])
		if line, twice := seen[trial]; twice {
			return l.bad("trial", fmt.Sprintf("%q again, after line %d", trial, line), "one event in each trial", "keep the first event of a trial, or split it")
		}
		seen[trial] = l.Line()
		cue, err := l.time(columns[1], "cue_ms", "ms")
		if err != nil {
			return err
		}
		name, err := l.event(columns[2], "event_id")
		if err != nil {
			return err
		}
		at, err := l.time(columns[3], "event_ms", "ms")
		if err != nil {
			return err
		}
		if cue < before {
			return l.bad("cue_ms", fmt.Sprintf("%g, before the event of the row above", cue), fmt.Sprintf("%g or later", before), "sort the rows by time, on one clock for all trials")
		}
		if at < cue {
			return l.bad("event_ms", fmt.Sprintf("%g, before the cue at %g", at, cue), "a time after the cue, on the same clock", "")
		}
		before = at
		l.rows = append(l.rows, logRow{name, at - cue, l.Line()})
	}
	return l.Err()
}

// bids reads rows of onset and trial_type, in which each cue is followed by one event.
func (l *logReader) bids(cue string) error {
	onset, err := l.Find("onset", table.Number)
	if err != nil {
		return err
	}
	kind, err := l.Index("trial_type")
	if err != nil {
		return err
	}
	waiting, cueAt, before := false, 0., -1.
	for l.Next() {
		at, err := l.time(onset, "onset", "seconds")
		if err != nil {
			return err
		}
		if at < before {
			return l.bad("onset", fmt.Sprintf("%g after %g", at, before), "rows in order of time", "sort the rows by onset")
		}
		before = at
		if strings.TrimSpace(l.Strings()[kind]) == cue {
			if waiting {
				return l.bad("trial_type", fmt.Sprintf("%q, and nothing since the last one", cue), "an event after each cue", "leave out trials in which nothing happens")
			}
			waiting, cueAt = true, at
			continue
		}
		name, err := l.event(kind, "trial_type")
		if err != nil {
			return err
		}
		if !waiting {
			return l.bad("trial_type", fmt.Sprintf("%q, with no cue since the last event", name), fmt.Sprintf("one event after each %q", cue),
				"name the cue with --set cue, and leave out rows of other kinds")
		}
		waiting = false
		l.rows = append(l.rows, logRow{name, (at - cueAt) * 1000, l.Line()})
	}
	return l.Err()
}

// done gives the events their numbers.
func (l *logReader) done(err error) (eventLog, error) {
	if err != nil {
		return eventLog{}, err
	}
	out := eventLog{Names: l.known}
	if len(out.Names) == 0 {
		for _, r := range l.rows {
			out.Names = append(out.Names, r.event)
		}
		slices.Sort(out.Names)
		out.Names = slices.Compact(out.Names)
	}
	for _, r := range l.rows {
		out.Trials = append(out.Trials, happening{slices.Index(out.Names, r.event), r.latency, r.line})
	}
	if len(out.Trials) == 0 {
		return out, &recording.Error{Path: l.path, Offset: -1, Found: "no trials", Expected: "rows of trial, cue_ms, event_id, event_ms, or of onset and trial_type"}
	}
	if len(out.Names) > mostEvents {
		return out, &recording.Error{Path: l.path, Offset: -1, Found: fmt.Sprintf("%d different events", len(out.Names)), Expected: fmt.Sprintf("%d or fewer", mostEvents),
			Remedy: "check that the column of events holds names and not, say, numbers of trials"}
	}
	return out, nil
}

// mostEvents bounds the channels of a log.
const mostEvents = 64
