package studio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/datasets"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/studio/jobs"
)

// runForm is the form that starts a run of an experiment, as it was filled in.
type runForm struct {
	Paper      *papers.Paper
	Experiment *papers.Experiment
	Preset     papers.Preset
	Presets    []presetChoice
	Params     []paramField
	Changed    int // parameters that were set
	Inputs     []inputField
	Seed       string
	Seeds      string
	Backend    string
	Backends   []string
	Problem    string            // what is wrong with the whole
	Wrong      map[string]string // by field
	Files      []DataEntry       // to choose from
}

type presetChoice struct {
	Name  papers.Preset
	Says  string
	Seeds int
	On    bool
}

type paramField struct {
	papers.ParamSpec
	Value string // empty: as the preset has it
	Wrong string
}

// Preset is the parameter's value at a preset.
func (f *paramField) At(p papers.Preset) string {
	return map[papers.Preset]string{papers.Quick: f.Quick, papers.Default: f.Default, papers.Full: f.Full}[p]
}

// Same reports whether all presets agree.
func (f *paramField) Same() bool { return f.Quick == f.Default && f.Default == f.Full }

type inputField struct {
	papers.Input
	Value string // a reference to a data folder
	Known string // a reference to a data set on this machine that fits
	Wrong string
}

// Names of the form's fields.
const (
	paramPrefix = "p."
	inputPrefix = "in."
)

// newForm fills a form in from the fields of a query or a form that was sent.
func (s *Server) newForm(p *papers.Paper, e *papers.Experiment, sent url.Values) *runForm {
	f := &runForm{Paper: p, Experiment: e, Preset: papers.Preset(sent.Get("preset")), Seed: sent.Get("seed"), Seeds: sent.Get("seeds"), Backend: sent.Get("backend"),
		Backends: compute.Names(), Wrong: map[string]string{}}
	if f.Preset == "" {
		f.Preset = papers.Quick
	}
	for _, c := range []presetChoice{
		{Name: papers.Quick, Says: "some seconds; shows that it works, too small to test claims"},
		{Name: papers.Default, Says: "minutes; tests the claims"},
		{Name: papers.Full, Says: "the paper’s sizes; may take hours"},
	} {
		c.Seeds, c.On = e.Seeds.Of(c.Name), c.Name == f.Preset
		f.Presets = append(f.Presets, c)
	}
	for _, spec := range e.Params.Specs() {
		field := paramField{ParamSpec: spec, Value: strings.TrimSpace(sent.Get(paramPrefix + spec.Name))}
		if field.Value != "" {
			f.Changed++
		}
		f.Params = append(f.Params, field)
	}
	for _, in := range e.Inputs {
		field := inputField{Input: in, Value: strings.TrimSpace(sent.Get(inputPrefix + in.Name)), Known: s.knownData(in)}
		if field.Value == "" && in.Required && !sent.Has("preset") { // not sent yet
			field.Value = field.Known
		}
		f.Inputs = append(f.Inputs, field)
	}
	return f
}

// knownData is the reference of the data set that fits an input, if it is on this machine and may be read.
func (s *Server) knownData(in papers.Input) string {
	if in.Dataset == "" {
		return ""
	}
	set, err := datasets.Get(in.Dataset)
	if err != nil || len(set.Files) == 0 {
		return ""
	}
	path, there := datasets.NewStore(filepath.Join(s.home, "data"), os.Getenv("GYRUS_DATA")).Path(set, set.Files[0])
	if !there {
		return ""
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return ""
	}
	ref, _ := s.data.Reference(path)
	return ref
}

// request checks the form and returns what to run; ok is false if something is wrong, which the form then says.
func (f *runForm) request(data *DataFolders) (r jobs.Request, ok bool) {
	e := f.Experiment
	r = jobs.Request{Kind: jobs.Run, Paper: f.Paper.Slug, Experiment: e.Name, Preset: f.Preset, Set: map[string]string{}, Inputs: map[string]string{}}
	ok = true
	wrong := func(where *string, format string, args ...any) {
		*where, ok = fmt.Sprintf(format, args...), false
	}
	if !slices.Contains([]papers.Preset{papers.Quick, papers.Default, papers.Full}, f.Preset) {
		wrong(&f.Problem, "There is no preset %q.", f.Preset)
		return r, false
	}
	for i := range f.Params {
		p := &f.Params[i]
		if p.Value == "" {
			continue
		}
		if _, err := e.Params.Resolve(f.Preset, map[string]string{p.Name: p.Value}); err != nil {
			wrong(&p.Wrong, "%s", sentence(err.Error()))
			continue
		}
		r.Set[p.Name] = p.Value
	}
	for i := range f.Inputs {
		in := &f.Inputs[i]
		if in.Value == "" {
			if in.Required {
				wrong(&in.Wrong, "This experiment needs a file: %s.", in.Says)
			}
			continue
		}
		path, err := data.Resolve(in.Value)
		if err != nil {
			wrong(&in.Wrong, "%s", detailOf(err))
			continue
		}
		r.Inputs[in.Name] = path
	}
	number := func(name, text string, lo, hi int64) int64 {
		if text == "" {
			return 0
		}
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || n < lo || n > hi {
			f.Wrong[name], ok = fmt.Sprintf("Give a whole number from %d to %d.", lo, hi), false
		}
		return n
	}
	r.Seed = number("seed", f.Seed, 0, 1<<53)
	r.Seeds = int(number("seeds", f.Seeds, 1, 100))
	if f.Backend != "" && !slices.Contains(f.Backends, f.Backend) {
		f.Wrong["backend"], ok = fmt.Sprintf("There is no backend %q.", f.Backend), false
	}
	r.Backend = f.Backend
	if !ok && f.Problem == "" {
		f.Problem = "The run was not started: something below does not fit."
	}
	return r, ok
}

// detailOf is what a reader is told of an error.
func detailOf(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Detail
	}
	return "This cannot be read."
}

// sentence makes a sentence of the text of an error.
func sentence(s string) string {
	if s == "" {
		return s
	}
	r := []rune(s)
	if !strings.HasPrefix(s, "parameter \"") {
		r[0] = []rune(strings.ToUpper(string(r[0])))[0]
	} else { // the field says which parameter it is
		_, rest, _ := strings.Cut(s, "\": ")
		if r = []rune(rest); len(r) == 0 {
			r = []rune(s)
		}
	}
	if last := r[len(r)-1]; last != '.' && last != '!' && last != '?' {
		r = append(r, '.')
	}
	return string(r)
}

// startRun puts a run into the queue and leads to its page.
func (s *Server) startRun(w http.ResponseWriter, r *http.Request) error {
	p, err := s.paperOf(r)
	if err != nil {
		return err
	}
	e, err := p.Experiment(r.PostForm.Get("experiment"))
	if err != nil {
		return Refuse(http.StatusBadRequest, "%s", err)
	}
	form := s.newForm(p, e, r.PostForm)
	request, ok := form.request(s.data)
	if !ok {
		return s.showPaper(w, r, http.StatusUnprocessableEntity, p, form)
	}
	return s.submit(w, r, request)
}

// submit queues a job and leads to where it can be watched. A run that begins at once has its own page after a moment.
func (s *Server) submit(w http.ResponseWriter, r *http.Request, request jobs.Request) error {
	job, err := s.queue.Submit(request)
	if errors.Is(err, jobs.ErrFull) {
		return &Problem{Status: http.StatusServiceUnavailable, Title: "The queue is full", Detail: sentence(err.Error())}
	} else if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	job, _ = s.queue.Await(ctx, job.ID, func(j jobs.Job) bool {
		_, before, _ := s.queue.Job(j.ID)
		return j.State.Ended() || j.State == jobs.Running && (j.RunID != "" || request.Kind == jobs.Apply) || j.State == jobs.Waiting && before > 0
	})
	http.Redirect(w, r, s.jobPlace(&job), http.StatusSeeOther)
	return nil
}

// jobPlace is the page at which a job is watched.
func (s *Server) jobPlace(j *jobs.Job) string {
	if j.RunID != "" && j.Request.Kind != jobs.Apply && j.State != jobs.Waiting {
		return "/runs/" + url.PathEscape(j.RunID)
	}
	return "/jobs/" + j.ID
}
