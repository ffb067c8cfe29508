package ledger

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

//go:embed ledger.json
var published []byte

// Ledger is a list of measured runs: at most one for each experiment of a paper.
type Ledger struct {
	Entries []Entry `json:"entries"`
}

// Entry is what one run of an experiment measured.
type Entry struct {
	Paper      string    `json:"paper"`
	Experiment string    `json:"experiment"`
	Preset     string    `json:"preset"`
	Seeds      []int64   `json:"seeds"`
	Measured   time.Time `json:"measured"`
	Seconds    float64   `json:"seconds"`   // wall time of all seeds
	PeakBytes  int64     `json:"peakBytes"` // largest of the seeds
	CPU        string    `json:"cpu"`
	Threads    int       `json:"threads"`
	Backend    string    `json:"backend,omitempty"`
	Gyrus      string    `json:"gyrus"`
	Command    string    `json:"command"`
	Changed    []string  `json:"changed,omitempty"` // parameters that differ from the preset, as name=value
	Claims     []Claim   `json:"claims"`
}

// Claim is what the run said about a claim.
type Claim struct {
	ID         string             `json:"id"`
	Status     report.Status      `json:"status"`
	Conditions []report.Condition `json:"conditions,omitempty"`
	Why        string             `json:"why,omitempty"`
}

// Published returns the ledger this binary was built with.
func Published() (*Ledger, error) { return Parse(published) }

// Parse reads a ledger's JSON.
func Parse(data []byte) (*Ledger, error) {
	var l Ledger
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, fmt.Errorf("reading the ledger of measurements: %w", err)
	}
	return &l, nil
}

// FromDocument makes an entry of a finished run. A quick run is refused: it is smaller than what the claims are about. Parameters
// that were changed from the preset stand in the entry, since it measured something else.
func FromDocument(d *report.Document) (Entry, error) {
	if d.Preset == string(papers.Quick) {
		return Entry{}, fmt.Errorf("run %s used the quick preset, which is too small to test claims; make a default or full run", d.RunID)
	}
	e := Entry{Paper: d.Paper, Experiment: d.Experiment, Preset: d.Preset, Seeds: d.Seeds, Measured: d.Finished.UTC().Truncate(time.Second),
		CPU: d.Environment.CPU, Threads: d.Environment.Threads, Backend: d.Environment.Backend, Gyrus: d.Environment.Gyrus}
	for _, p := range d.Params {
		if p.Changed {
			e.Changed = append(e.Changed, p.Name+"="+p.Value)
		}
	}
	// The command without the input paths, which are the measuring machine's own.
	words := strings.Fields(d.Command)
	for i, w := range words {
		if i > 0 && words[i-1] == "--data" {
			name, path, _ := strings.Cut(strings.Trim(w, "'"), "=")
			words[i] = name + "=" + path[strings.LastIndexByte(path, '/')+1:]
		}
	}
	e.Command = strings.Join(words, " ")
	for _, r := range d.Records {
		e.Seconds += r.Seconds
		e.PeakBytes = max(e.PeakBytes, r.PeakBytes)
	}
	for _, c := range d.Claims {
		e.Claims = append(e.Claims, Claim{ID: c.ID, Status: c.Verdict.Status, Conditions: c.Verdict.Conditions, Why: c.Verdict.Why})
	}
	return e, nil
}

// Put adds an entry in the place of an earlier one of the same experiment, and keeps the ledger sorted.
func (l *Ledger) Put(e Entry) {
	l.Entries = slices.DeleteFunc(l.Entries, func(o Entry) bool { return o.Paper == e.Paper && o.Experiment == e.Experiment })
	l.Entries = append(l.Entries, e)
	slices.SortFunc(l.Entries, func(a, b Entry) int {
		return strings.Compare(a.Paper+"/"+a.Experiment, b.Paper+"/"+b.Experiment)
	})
}

// JSON is the ledger as it is stored.
func (l *Ledger) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(l, "", "\t")
	return append(data, '\n'), err
}

// claim returns the entry and claim that measured a claim; a measured status wins over "not tested".
func (l *Ledger) claim(slug, id string) (*Entry, *Claim) {
	var entry *Entry
	var claim *Claim
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Paper != slug {
			continue
		}
		for j := range e.Claims {
			if c := &e.Claims[j]; c.ID == id && (claim == nil || claim.Status == report.NotTested) {
				entry, claim = e, c
			}
		}
	}
	return entry, claim
}

// CountLine puts numbers of claims by status in words, such as "5 reproduced, 1 not tested".
func CountLine(n map[string]int) string {
	var parts []string
	for _, s := range []report.Status{report.Reproduced, report.Partly, report.NotReproduced, report.NotTested} {
		if n[string(s)] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[string(s)], s))
		}
	}
	if len(parts) == 0 {
		return "none stated"
	}
	return strings.Join(parts, ", ")
}
