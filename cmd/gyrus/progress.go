package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"

	"github.com/gyrus-dev/gyrus/runner"
)

// progress shows a run's events: a live bar on a terminal, a line now and then elsewhere, JSON lines when asked.
type progress struct {
	w        io.Writer
	asJSON   bool
	terminal bool
	bar      *progressbar.ProgressBar
	stage    string
	lastLine time.Time
}

func newProgress(w io.Writer, asJSON bool) *progress {
	_, isTerminal := terminalWidth(w)
	return &progress{w: w, asJSON: asJSON, terminal: isTerminal}
}

func (p *progress) event(e runner.Event) {
	switch {
	case p.asJSON:
		if line, err := json.Marshal(e); err == nil {
			fmt.Fprintf(p.w, "%s\n", line)
		}
	case e.Kind == runner.RunStarted:
		fmt.Fprintf(p.w, "run %s\n", e.Run)
	case e.Kind == runner.Logged:
		p.clear()
		level := ""
		if e.Level != "INFO" {
			level = strings.ToLower(e.Level) + ": "
		}
		fmt.Fprintf(p.w, "%s%s\n", level, e.Message)
	case e.Kind == runner.Progressed:
		p.progressed(e)
	case e.Kind == runner.SeedFinished && e.Seeds > 1:
		p.clear()
		fmt.Fprintf(p.w, "seed %d done (%d of %d)\n", e.Seed, e.SeedIndex+1, e.Seeds)
	}
}

// Columns that a bar takes at least, and those of the numbers around it: " 100% |", "| (138000/138000) [10m59s:10m59s]".
const (
	narrowBar   = 8
	countsWidth = 7 + 33
)

func (p *progress) progressed(e runner.Event) {
	g := e.Progress
	title := g.Stage
	if e.Seeds > 1 {
		title = fmt.Sprintf("seed %d: %s", e.Seed, title)
	}
	var metrics []string
	for _, k := range slices.Sorted(maps.Keys(g.Metrics)) {
		metrics = append(metrics, fmt.Sprintf("%s %.4g", k, g.Metrics[k]))
	}
	if !p.terminal {
		if now := time.Now(); title != p.stage || now.Sub(p.lastLine) > 10*time.Second {
			p.stage, p.lastLine = title, now
			fmt.Fprintf(p.w, "%s %d/%d %s  %s\n", title, g.Done, g.Total, g.Unit, strings.Join(metrics, "  "))
		}
		return
	}
	columns, _ := terminalWidth(p.w)
	room := columns - countsWidth - narrowBar // for the text before the bar
	if p.bar == nil || title != p.stage {
		p.clear()
		total := g.Total
		if total == 0 {
			total = -1
		}
		p.stage = title
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.w), progressbar.OptionSetWidth(min(24, max(narrowBar, columns-countsWidth-utf8.RuneCountInString(title)-20))),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(80*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	text := title
	for _, m := range metrics {
		if utf8.RuneCountInString(text)+2+utf8.RuneCountInString(m) <= room {
			text += "  " + m
		}
	}
	if r := []rune(text); len(r) > max(room, 8) {
		text = string(r[:max(room, 8)-1]) + "…"
	}
	p.bar.Describe(text)
	p.bar.Set(g.Done)
}

// clear removes the bar, so that something else can be printed.
func (p *progress) clear() {
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
}
