package brainvision

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// readMarkers reads the file of markers: events, the start, and the gaps between segments.
func readMarkers(r *recording.Recording, f *records.File) error {
	text, err := f.ReadText()
	if err != nil {
		return err
	}
	type marker struct {
		kind, text     string
		frame, size    int64
		date           time.Time
		first, segment bool
	}
	var markers []marker
	sections := records.Sections(text)
	for _, l := range records.Find(sections, "Marker Infos").Lines {
		if _, ok := index(l.Key, "Mk", 1<<62); !ok {
			continue
		}
		parts := strings.Split(l.Value, ",")
		wrong := func(column int, expected string) error {
			return &recording.Error{Path: f.Path, Offset: -1, Line: l.Number, Column: column, Found: fmt.Sprintf("%.80q", l.Value), Expected: expected}
		}
		if len(parts) < 3 {
			return wrong(0, "type, description, position and size, separated by commas")
		}
		m := marker{kind: comma(parts[0]), text: parts[1]}
		m.text = strings.ReplaceAll(m.text, `\1`, ",")
		position, err := records.Integer(parts[2])
		if err != nil || position < 0 {
			return wrong(3, "a position, counted from 1")
		}
		m.frame = max(0, position-1)
		if len(parts) > 3 {
			if size, err := records.Integer(parts[3]); err == nil && size > 0 {
				m.size = size
			}
		}
		m.segment = m.kind == "New Segment"
		m.first = m.segment && len(markers) == 0
		if m.segment && len(parts) > 5 {
			m.date = date(parts[5])
		}
		markers = append(markers, m)
	}
	slices.SortStableFunc(markers, func(a, b marker) int { return cmp.Compare(a.frame, b.frame) })
	missing := 0.0 // seconds in the gaps so far
	for _, m := range markers {
		if m.segment && !m.date.IsZero() && m.frame < max(1, r.Frames) {
			if r.Start.IsZero() {
				r.Start = m.date.Add(-time.Duration(float64(m.frame) / r.Rate * 1e9))
			} else if late := m.date.Sub(r.Start).Seconds() - float64(m.frame)/r.Rate - missing; late > 1.5/r.Rate && m.frame > 0 {
				r.Gaps = append(r.Gaps, recording.Gap{Frame: m.frame, Seconds: late})
				missing += late
			}
		}
		if m.first {
			continue
		}
		r.Events = append(r.Events, recording.Event{Onset: float64(m.frame)/r.Rate + missing, Duration: float64(m.size) / r.Rate, Label: m.kind + "/" + m.text})
	}
	return nil
}

// date reads YYYYMMDDhhmmssuuuuuu; without a zone, UTC stands for it.
func date(s string) time.Time {
	s = strings.TrimSpace(s)
	if len(s) != 20 {
		return time.Time{}
	}
	t, err := time.Parse("20060102150405", s[:14])
	micro, err2 := strconv.Atoi(s[14:])
	if err != nil || err2 != nil || micro < 0 {
		return time.Time{}
	}
	return t.Add(time.Duration(micro) * time.Microsecond)
}
