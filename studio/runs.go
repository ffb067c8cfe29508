package studio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/jobs"
	"github.com/gyrus-dev/gyrus/studio/watch"
)

// runLine is a run in a list.
type runLine struct {
	runner.Entry
	System string
	Tally  []tally // of its verdicts
}

// Mark is the run's status as a page shows it.
func (l *runLine) Mark() mark { return runMark(l.Status) }

// Took is how long the run has lasted.
func (l *runLine) Took() string {
	if l.Finished.IsZero() {
		return ""
	}
	return durationText(l.Finished.Sub(l.Started).Seconds())
}

// LastSeed is the last of the run's seeds.
func (l *runLine) LastSeed() int64 { return l.Seed + int64(l.Seeds) - 1 }

func (s *Server) line(e runner.Entry) runLine {
	l := runLine{Entry: e, System: e.Paper}
	if p, ok := s.Paper(e.Paper); ok {
		l.System = p.System
	}
	l.Tally = tallyOfVerdicts(e.Verdicts)
	return l
}

func tallyOfVerdicts(verdicts []runner.VerdictLine) []tally {
	claims := make([]claimStanding, len(verdicts))
	for i, v := range verdicts {
		claims[i].Status = v.Status
	}
	return tallyOf(claims)
}

// jobLine is a job in a list.
type jobLine struct {
	jobs.Job
	System string
	Before int
	Place  string
}

// Mark is the job's state as a page shows it.
func (l *jobLine) Mark() mark { return mark{string(l.State), string(l.State)} }

// Runs reports whether the job is under way.
func (l *jobLine) Runs() bool { return l.State == jobs.Running }

func (s *Server) jobLines(keep func(*jobs.Job) bool) (out []jobLine) {
	before := 0
	for _, j := range s.queue.Jobs() {
		if keep(&j) {
			l := jobLine{Job: j, System: j.Request.Paper, Before: before, Place: s.jobPlace(&j)}
			if p, ok := s.Paper(j.Request.Paper); ok {
				l.System = p.System
			}
			out = append(out, l)
		}
		if !j.State.Ended() {
			before++
		}
	}
	return out
}

const runsOnPage = 60

// runsPage lists the queue and the history.
func (s *Server) runsPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	runs, err := s.history.all(r.Context())
	if err != nil {
		return err
	}
	known := map[string]bool{}
	var lines []runLine
	for _, e := range runs {
		known[e.Paper] = true
		if (q.Get("paper") == "" || q.Get("paper") == e.Paper) && (q.Get("status") == "" || q.Get("status") == string(e.Status)) {
			lines = append(lines, s.line(e))
		}
	}
	var papersHere []*papers.Paper
	for _, p := range s.config.Papers {
		if known[p.Slug] {
			papersHere = append(papersHere, p)
		}
	}
	page, _ := strconv.Atoi(q.Get("page"))
	pages := max(1, (len(lines)+runsOnPage-1)/runsOnPage)
	page = min(max(1, page), pages)
	total := len(lines)
	lines = lines[(page-1)*runsOnPage : min(len(lines), page*runsOnPage)]
	link := func(n int) string {
		if n < 1 || n > pages {
			return ""
		}
		next := url.Values{"page": {strconv.Itoa(n)}}
		for _, k := range []string{"paper", "status"} {
			if v := q.Get(k); v != "" {
				next.Set(k, v)
			}
		}
		return "/runs?" + next.Encode()
	}
	return s.Render(w, r, http.StatusOK, View{Title: "Runs", Template: s.core, Name: "runs.html", Data: struct {
		Queue          []jobLine
		Lines          []runLine
		Papers         []*papers.Paper
		Paper, Status  string
		Statuses       []runner.Status
		Page, Pages, N int
		Newer, Older   string
	}{s.jobLines(func(j *jobs.Job) bool { return !j.State.Ended() }), lines, papersHere, q.Get("paper"), q.Get("status"),
		[]runner.Status{runner.Running, runner.Done, runner.Failed, runner.Cancelled, runner.Interrupted}, page, pages, total, link(page - 1), link(page + 1)}})
}

// runRequest is what a page needs of a run's run.json.
type runRequest struct {
	Set    map[string]string `json:"set"`
	Inputs map[string]struct {
		Path  string `json:"path"`
		Bytes int64  `json:"bytes"`
	} `json:"inputs"`
	Gyrus string `json:"gyrus"`
}

func readRequest(dir string) (*runRequest, error) {
	data, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil {
		return nil, err
	}
	var r runRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(dir, "run.json"), err)
	}
	return &r, nil
}

// runView is a run's page.
type runView struct {
	runLine
	Known     *papers.Paper // nil if this binary does not know the paper
	Request   *runRequest
	State     *watch.Snapshot
	At        int64
	Document  *report.Document // nil unless the run is done
	Headline  string
	Files     []artefact
	Models    []int64
	Job       *jobs.Job // that carries it out, if this server does
	Live      bool
	CanResume bool
	CanDelete bool
	Curves    []curveFigure // as they were, for readers without JavaScript
	Missing   bool          // its folder is gone
}

func (s *Server) runOf(r *http.Request) (runner.Entry, error) {
	return s.history.find(r.Context(), r.PathValue("run"))
}

// runPage shows a run.
func (s *Server) runPage(w http.ResponseWriter, r *http.Request) error {
	e, err := s.runOf(r)
	if err != nil {
		return err
	}
	v := runView{runLine: s.line(e), State: &watch.Snapshot{}, Request: &runRequest{}}
	v.Known, _ = s.Paper(e.Paper)
	if _, err := os.Stat(e.Dir); err != nil {
		v.Missing = true
	} else {
		if v.State, v.At, err = watch.Read(filepath.Join(e.Dir, "events.jsonl")); err != nil {
			return err
		}
		if e.Status == runner.Running && v.State.Status != runner.Running && v.State.Status != "" { // it has ended meanwhile
			if e, err = s.runOf(r); err != nil {
				return err
			}
			v.runLine = s.line(e)
		}
		if v.Request, err = readRequest(e.Dir); err != nil {
			v.Request = &runRequest{}
		}
		if v.Files, err = artefacts(e.Dir); err != nil {
			return err
		}
		v.Models = modelSeeds(e.Dir)
	}
	if e.Status == runner.Done && !v.Missing {
		if v.Document, err = s.documents.get(e.Dir); err != nil {
			s.config.Log.Warn("reading a run's result", "run", e.ID, "error", err)
		} else {
			v.Headline = headline(v.Document)
		}
	}
	v.Live = e.Status == runner.Running
	if j, ok := s.queue.OfRun(e.ID); ok {
		v.Job = &j
		if !v.Live && j.Request.Kind == jobs.Resume && !j.State.Ended() && j.Queued.After(e.Finished) { // it is about to go on
			v.Live, v.Status = true, runner.Running
		}
	}
	v.Curves = curveFigures(v.State)
	operator := s.IsOperator(r)
	v.CanResume = operator && !v.Live && !v.Missing && e.Status != runner.Done && v.Known != nil
	v.CanDelete = operator && !v.Live
	return s.Render(w, r, http.StatusOK, View{Title: v.System + " · " + e.Experiment, Template: s.core, Name: "run.html", Data: &v})
}

// headline counts a run's verdicts in a sentence.
func headline(d *report.Document) string {
	n := map[report.Status]int{}
	for _, c := range d.Claims {
		n[c.Verdict.Status]++
	}
	if len(d.Claims) == 0 {
		return "This experiment tests no claim."
	}
	if d.Preset == string(papers.Quick) {
		return "A quick run: it shows that the system works, and is too small to test claims."
	}
	return fmt.Sprintf("%d of %s reproduced.", n[report.Reproduced], countText("claim", len(d.Claims)))
}

// cancelRun stops a run that this server carries out.
func (s *Server) cancelRun(w http.ResponseWriter, r *http.Request) error {
	e, err := s.runOf(r)
	if err != nil {
		return err
	}
	j, ok := s.queue.OfRun(e.ID)
	if !ok || j.State.Ended() {
		if e.Status == runner.Running {
			return &Problem{Status: http.StatusConflict, Title: "Not this server’s run", Detail: "Another process carries this run out; stop it there, with Ctrl-C."}
		}
		http.Redirect(w, r, "/runs/"+url.PathEscape(e.ID), http.StatusSeeOther)
		return nil
	}
	if err := s.queue.Cancel(j.ID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	s.queue.Await(ctx, j.ID, func(j jobs.Job) bool { return j.State.Ended() })
	http.Redirect(w, r, "/runs/"+url.PathEscape(e.ID), http.StatusSeeOther)
	return nil
}

// resumeRun goes on with a stopped run. What it reads must lie in the data folders, whoever started it.
func (s *Server) resumeRun(w http.ResponseWriter, r *http.Request) error {
	e, err := s.runOf(r)
	if err != nil {
		return err
	}
	if e.Status == runner.Running || e.Status == runner.Done {
		return Refuse(http.StatusConflict, "The run is %s; there is nothing to go on with.", e.Status)
	}
	if j, ok := s.queue.OfRun(e.ID); ok && !j.State.Ended() {
		if j.Request.Kind == jobs.Resume && j.Queued.After(e.Finished) { // asked for twice
			http.Redirect(w, r, s.jobPlace(&j), http.StatusSeeOther)
			return nil
		}
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second) // the run has ended, and its process is about to
		defer cancel()
		if _, ended := s.queue.Await(ctx, j.ID, func(j jobs.Job) bool { return j.State.Ended() }); !ended {
			return Refuse(http.StatusConflict, "The run is still being stopped. Try again in a moment.")
		}
	}
	request, err := readRequest(e.Dir)
	if err != nil {
		return Refuse(http.StatusConflict, "The run's folder is gone or damaged.")
	}
	for name, in := range request.Inputs {
		full, err := filepath.EvalSymlinks(in.Path)
		if err != nil || !s.data.Holds(full) {
			return &Problem{Status: http.StatusForbidden, Title: "Its data lie elsewhere",
				Detail: fmt.Sprintf("The run read its input %q from outside the data folders of this server. Go on with it on the command line: gyrus run --resume %s", name, e.ID)}
		}
		if ref, _ := s.data.Reference(full); ref != "" {
			if _, err := s.data.Resolve(ref); err != nil {
				return err
			}
		}
	}
	return s.submit(w, r, jobs.Request{Kind: jobs.Resume, Paper: e.Paper, Experiment: e.Experiment, Preset: papers.Preset(e.Preset), RunID: e.ID, RunDir: e.Dir, Backend: e.Backend})
}

// askDelete asks before a run is deleted.
func (s *Server) askDelete(w http.ResponseWriter, r *http.Request) error {
	e, err := s.runOf(r)
	if err != nil {
		return err
	}
	files, _ := artefacts(e.Dir)
	var bytes int64
	for _, f := range files {
		bytes += f.Bytes
	}
	return s.Render(w, r, http.StatusOK, View{Title: "Delete a run", Template: s.core, Name: "delete.html", Data: struct {
		runLine
		Files int
		Bytes int64
	}{s.line(e), len(files), bytes}})
}

// deleteRun deletes a run's folder and its line in the history.
func (s *Server) deleteRun(w http.ResponseWriter, r *http.Request) error {
	e, err := s.runOf(r)
	if err != nil {
		return err
	}
	j, ok := s.queue.OfRun(e.ID)
	if e.Status == runner.Running || ok && !j.State.Ended() {
		return Refuse(http.StatusConflict, "The run is under way or waits; stop it first.")
	}
	own := filepath.Join(s.home, "runs")
	rel, err := filepath.Rel(own, e.Dir)
	if err != nil || !filepath.IsLocal(rel) || rel == "." || strings.ContainsRune(rel, filepath.Separator) {
		if _, err := os.Stat(e.Dir); !errors.Is(err, fs.ErrNotExist) {
			return Refuse(http.StatusConflict, "The run lies outside this server's folder of runs and is not deleted from the web.")
		}
	} else {
		root, err := os.OpenRoot(own)
		if err != nil {
			return err
		}
		defer root.Close()
		if err := root.RemoveAll(rel); err != nil {
			return fmt.Errorf("deleting run %s: %w", e.ID, err)
		}
	}
	history, err := runner.OpenHistory(s.home)
	if err != nil {
		return err
	}
	defer history.Close()
	if err := history.Delete(r.Context(), e.ID); err != nil {
		return err
	}
	if ok {
		s.queue.Forget(j.ID)
	}
	s.Flash(w, "The run %s was deleted.", e.ID)
	http.Redirect(w, r, "/runs", http.StatusSeeOther)
	return nil
}

// modelSeeds lists the seeds of a run whose models were saved.
func modelSeeds(dir string) (seeds []int64) {
	entries, err := os.ReadDir(filepath.Join(dir, "model"))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if n, err := strconv.ParseInt(e.Name(), 10, 64); err == nil && e.IsDir() {
			seeds = append(seeds, n)
		}
	}
	slices.Sort(seeds)
	return seeds
}

// durationText writes seconds as people say them.
func durationText(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case d < 10*time.Second:
		return strconv.FormatFloat(seconds, 'f', 1, 64) + " s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d.Round(time.Second).Seconds())) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Round(time.Minute).Minutes())) + " min"
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}
