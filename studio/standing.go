package studio

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// mark is a status as a page shows it.
type mark struct{ Class, Text string }

func claimMark(s report.Status) mark {
	class := map[report.Status]string{report.Reproduced: "reproduced", report.Partly: "partly", report.NotReproduced: "not-reproduced"}[s]
	if class == "" {
		class, s = "not-tested", report.NotTested
	}
	return mark{class, string(s)}
}

func runMark(s runner.Status) mark { return mark{string(s), string(s)} }

// claimStanding is what is known about a claim: by the measurements this version was published with, and by runs made here.
type claimStanding struct {
	papers.Claim
	Published *measured // nil if no published run tested it
	Here      *measured // nil if no run here did
	Status    report.Status
}

// measured is what a run said about a claim.
type measured struct {
	Status     report.Status
	Conditions []report.Condition
	Why        string
	When       time.Time
	Preset     string
	Changed    []string // parameters that differ from the preset
	Command    string
	Run        string // ID, if the run was made here
}

// Mark is the measurement's status as a page shows it.
func (m *measured) Mark() mark { return claimMark(m.Status) }

// Mark is the claim's status as a page shows it.
func (c *claimStanding) Mark() mark { return claimMark(c.Status) }

// standing returns what is known about the claims of a paper. A full or default run made here is preferred to the published one only
// in the paper's own page, where both are shown; the status is the published one where there is one.
func (s *Server) standing(ctx context.Context, p *papers.Paper) ([]claimStanding, error) {
	runs, err := s.history.of(ctx, p.Slug)
	if err != nil {
		return nil, err
	}
	out := make([]claimStanding, len(p.Claims))
	for i, c := range p.Claims {
		out[i] = claimStanding{Claim: c, Status: report.NotTested}
		if m := s.published(p.Slug, c.ID); m != nil {
			out[i].Published, out[i].Status = m, m.Status
		}
	}
	// The newest run that tested a claim counts; a quick one only where there is no other.
	for _, quick := range []bool{false, true} {
		for _, r := range runs {
			if r.Status != runner.Done || (r.Preset == string(papers.Quick)) != quick {
				continue
			}
			for _, v := range r.Verdicts {
				i := slices.IndexFunc(out, func(c claimStanding) bool { return c.ID == v.Claim })
				if i < 0 || out[i].Here != nil || v.Status == report.NotTested {
					continue
				}
				out[i].Here = s.measuredHere(r, v)
				if out[i].Published == nil && !quick {
					out[i].Status = v.Status
				}
			}
		}
	}
	return out, nil
}

// statuses returns only the statuses of a paper's claims, without looking at runs.
func (s *Server) statuses(p *papers.Paper) []claimStanding {
	out := make([]claimStanding, len(p.Claims))
	for i, c := range p.Claims {
		out[i] = claimStanding{Claim: c, Status: report.NotTested}
		if m := s.published(p.Slug, c.ID); m != nil {
			out[i].Published, out[i].Status = m, m.Status
		}
	}
	return out
}

// published returns what the ledger says about a claim; a measured status wins over "not tested".
func (s *Server) published(slug, id string) (best *measured) {
	for _, e := range s.ledger.Entries {
		for _, c := range e.Claims {
			if e.Paper == slug && c.ID == id && (best == nil || best.Status == report.NotTested) {
				best = &measured{Status: c.Status, Conditions: c.Conditions, Why: c.Why, When: e.Measured, Preset: e.Preset, Changed: e.Changed, Command: e.Command}
			}
		}
	}
	return best
}

func (s *Server) measuredHere(r runner.Entry, v runner.VerdictLine) *measured {
	m := &measured{Status: v.Status, When: r.Finished, Preset: r.Preset, Run: r.ID}
	d, err := s.documents.get(r.Dir)
	if err != nil {
		return m // the run's folder is gone or damaged; what the history says still holds
	}
	for _, c := range d.Claims {
		if c.ID == v.Claim {
			m.Conditions, m.Why = c.Verdict.Conditions, c.Verdict.Why
		}
	}
	m.Command = d.Command
	for _, p := range d.Params {
		if p.Changed {
			m.Changed = append(m.Changed, p.Name+"="+p.Value)
		}
	}
	return m
}

// tally counts statuses, in the order readers see them.
type tally struct {
	mark
	N int
}

func tallyOf(claims []claimStanding) (out []tally) {
	for _, s := range []report.Status{report.Reproduced, report.Partly, report.NotReproduced, report.NotTested} {
		n := 0
		for i := range claims {
			if claims[i].Status == s {
				n++
			}
		}
		if n > 0 {
			out = append(out, tally{claimMark(s), n})
		}
	}
	return out
}

// historyReader reads the history of runs. Pages ask for it often and it changes seldom, so that what was read is kept until the file changes.
type historyReader struct {
	home string
	mu   sync.Mutex
	read time.Time
	file time.Time // of the database when it was read
	size int64
	live bool // a run in it was under way, whose end the file does not always tell
	runs []runner.Entry
}

// maxRuns is how many of the newest runs pages know; those before are found by their address.
const maxRuns = 2000

// all returns the newest runs, newest first. The slice is shared: it must not be changed.
func (h *historyReader) all(ctx context.Context) ([]runner.Entry, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	info, err := os.Stat(filepath.Join(h.home, "history.db"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if h.runs != nil && info.ModTime().Equal(h.file) && info.Size() == h.size && (!h.live || time.Since(h.read) < time.Second) && time.Since(h.read) < time.Minute {
		return h.runs, nil
	}
	db, err := runner.ReadHistory(h.home)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	runs, err := db.Runs(ctx, "", maxRuns)
	if err != nil {
		return nil, err
	}
	h.runs, h.file, h.size, h.read = runs, info.ModTime(), info.Size(), time.Now()
	h.live = slices.ContainsFunc(runs, func(e runner.Entry) bool { return e.Status == runner.Running })
	return runs, nil
}

// of returns the runs of a paper, newest first.
func (h *historyReader) of(ctx context.Context, slug string) ([]runner.Entry, error) {
	runs, err := h.all(ctx)
	var out []runner.Entry
	for _, r := range runs {
		if r.Paper == slug {
			out = append(out, r)
		}
	}
	return out, err
}

// find returns a run by its whole ID, as it stands now.
func (h *historyReader) find(ctx context.Context, id string) (runner.Entry, error) {
	db, err := runner.ReadHistory(h.home)
	if err != nil {
		return runner.Entry{}, err
	}
	defer db.Close()
	e, err := db.Find(ctx, id)
	if err != nil || e.ID != id {
		if ctx.Err() != nil {
			return e, ctx.Err()
		}
		return e, Refuse(404, "There is no run %q here. It may have been deleted.", id)
	}
	return e, nil
}

// documents keeps the results of runs that pages have shown lately.
type documents struct {
	mu   sync.Mutex
	kept []keptDocument // the latest used last
}

type keptDocument struct {
	path string
	file time.Time
	doc  *report.Document
}

const keptDocuments = 48

// get reads the result of a run from its folder. The document is shared: it must not be changed.
func (d *documents) get(dir string) (*report.Document, error) {
	path := filepath.Join(dir, "metrics.json")
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	i := slices.IndexFunc(d.kept, func(k keptDocument) bool { return k.path == path })
	if i >= 0 && d.kept[i].file.Equal(info.ModTime()) {
		k := d.kept[i]
		d.kept = append(slices.Delete(d.kept, i, i+1), k)
		d.mu.Unlock()
		return k.doc, nil
	}
	d.mu.Unlock()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	doc, err := report.ReadDocument(f)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = slices.DeleteFunc(d.kept, func(k keptDocument) bool { return k.path == path })
	if len(d.kept) >= keptDocuments {
		d.kept = slices.Delete(d.kept, 0, 1)
	}
	d.kept = append(d.kept, keptDocument{path, info.ModTime(), doc})
	return doc, nil
}
