package studio

import (
	"context"
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
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/jobs"
	"github.com/gyrus-dev/gyrus/studio/watch"
)

// Model is a model that a run has trained and that can be put to work.
type Model struct {
	Run   runner.Entry
	Paper *papers.Paper
	Seeds []int64
}

// Models lists the models there are, the newest first: all, or those of a paper.
func (s *Server) Models(ctx context.Context, slug string) ([]Model, error) {
	runs, err := s.history.all(ctx)
	if err != nil {
		return nil, err
	}
	var out []Model
	for _, e := range runs {
		p, ok := s.Paper(e.Paper)
		if !ok || p.Apply == nil || e.Status != runner.Done || slug != "" && slug != e.Paper {
			continue
		}
		if seeds := modelSeeds(e.Dir); len(seeds) > 0 {
			out = append(out, Model{e, p, seeds})
		}
	}
	return out, nil
}

// Apply queues the application of a run's model to files of the data folders, and returns the job. Its page is /jobs/ID; what it writes
// can be downloaded there.
func (s *Server) Apply(ctx context.Context, runID string, seed int64, refs []string) (jobs.Job, error) {
	e, err := s.history.find(ctx, runID)
	if err != nil {
		return jobs.Job{}, err
	}
	p, ok := s.Paper(e.Paper)
	switch {
	case !ok || p.Apply == nil:
		return jobs.Job{}, Refuse(http.StatusBadRequest, "%s trains nothing that could be used on new files.", e.Paper)
	case !slices.Contains(modelSeeds(e.Dir), seed):
		return jobs.Job{}, Refuse(http.StatusBadRequest, "The run has no model of seed %d.", seed)
	case len(refs) == 0:
		return jobs.Job{}, Refuse(http.StatusBadRequest, "Choose a file.")
	case len(refs) > 50:
		return jobs.Job{}, Refuse(http.StatusBadRequest, "At most 50 files at once.")
	}
	var files []string
	for _, ref := range refs {
		path, err := s.data.Resolve(ref)
		if err != nil {
			return jobs.Job{}, err
		}
		files = append(files, path)
	}
	return s.queue.Submit(jobs.Request{Kind: jobs.Apply, Paper: e.Paper, Experiment: e.Experiment, Seed: seed, RunID: e.ID, RunDir: e.Dir, Files: files})
}

// applyPage is the form that puts a model to work.
func (s *Server) applyPage(w http.ResponseWriter, r *http.Request) error {
	return s.showApply(w, r, http.StatusOK, r.URL.Query(), "")
}

func (s *Server) showApply(w http.ResponseWriter, r *http.Request, status int, sent url.Values, problem string) error {
	models, err := s.Models(r.Context(), sent.Get("paper"))
	if err != nil {
		return err
	}
	files := slices.DeleteFunc(slices.Clone(sent["data"]), func(f string) bool { return strings.TrimSpace(f) == "" })
	for len(files) < 3 {
		files = append(files, "")
	}
	earlier := s.jobLines(func(j *jobs.Job) bool { return j.Request.Kind == jobs.Apply })
	slices.Reverse(earlier)
	return s.Render(w, r, status, View{Title: "Use it on your data", Template: s.core, Name: "apply.html", Data: struct {
		Earlier []jobLine
		Models  []Model
		Model   string
		Files   []string
		Offer   []DataEntry
		Problem string
	}{earlier[:min(len(earlier), 50)], models, modelChoice(models, sent), files, s.data.suggestions(), problem}})
}

// modelChoice is the value of the chosen model: "RUN/SEED".
func modelChoice(models []Model, sent url.Values) string {
	if m := sent.Get("model"); m != "" {
		return m
	}
	for _, m := range models {
		if m.Run.ID == sent.Get("run") || sent.Get("run") == "" {
			return m.Run.ID + "/" + strconv.FormatInt(m.Seeds[0], 10)
		}
	}
	return ""
}

// startApply queues an application.
func (s *Server) startApply(w http.ResponseWriter, r *http.Request) error {
	run, seedText, _ := strings.Cut(r.PostForm.Get("model"), "/")
	seed, err := strconv.ParseInt(seedText, 10, 64)
	if err != nil {
		return s.showApply(w, r, http.StatusUnprocessableEntity, r.PostForm, "Choose a model.")
	}
	var refs []string
	for _, f := range r.PostForm["data"] {
		if f = strings.TrimSpace(f); f != "" {
			refs = append(refs, f)
		}
	}
	job, err := s.Apply(r.Context(), run, seed, refs)
	if err != nil {
		return s.showApply(w, r, http.StatusUnprocessableEntity, r.PostForm, detailOf(err))
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	s.queue.Await(ctx, job.ID, func(j jobs.Job) bool { return j.State.Ended() })
	http.Redirect(w, r, "/jobs/"+job.ID, http.StatusSeeOther)
	return nil
}

func (s *Server) jobOf(r *http.Request) (jobs.Job, error) {
	j, _, ok := s.queue.Job(r.PathValue("job"))
	if !ok {
		return j, Refuse(http.StatusNotFound, "There is no such job any more.")
	}
	return j, nil
}

// jobPage shows a job that waits, or one that is no run. A run that has begun has its own page.
func (s *Server) jobPage(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	if place := s.jobPlace(&j); place != r.URL.Path {
		http.Redirect(w, r, place, http.StatusSeeOther)
		return nil
	}
	lines := s.jobLines(func(o *jobs.Job) bool { return o.ID == j.ID })
	v := struct {
		jobLine
		Events *watch.Snapshot // of an application
		Files  []artefact
		Inputs []string
	}{jobLine: lines[0]}
	if j.Request.Kind == jobs.Apply {
		if v.Events, _, err = watch.Read(filepath.Join(j.Dir, jobs.ApplicationEvents)); err != nil {
			return err
		}
		if files, err := artefacts(filepath.Join(j.Dir, "out")); err == nil {
			v.Files = files
		}
		for _, f := range j.Request.Files {
			v.Inputs = append(v.Inputs, filepath.Base(f))
		}
	}
	return s.Render(w, r, http.StatusOK, View{Title: "Job", Template: s.core, Name: "job.html", Data: &v})
}

// cancelJob stops a job.
func (s *Server) cancelJob(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	if err := s.queue.Cancel(j.ID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	j, _ = s.queue.Await(ctx, j.ID, func(j jobs.Job) bool { return j.State.Ended() })
	place := s.jobPlace(&j)
	if j.RunID == "" && j.Request.Kind != jobs.Apply {
		place = "/runs"
	}
	http.Redirect(w, r, place, http.StatusSeeOther)
	return nil
}

// deleteJob deletes what an application has written, and forgets it.
func (s *Server) deleteJob(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	if !j.State.Ended() {
		return Refuse(http.StatusConflict, "The job is under way or waits; stop it first.")
	}
	if j.Dir != "" {
		if err := os.RemoveAll(j.Dir); err != nil {
			return err
		}
	}
	s.queue.Forget(j.ID)
	s.Flash(w, "The results were deleted.")
	http.Redirect(w, r, "/apply", http.StatusSeeOther)
	return nil
}

// jobFile sends what an application has written.
func (s *Server) jobFile(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	if j.Dir == "" {
		return fs.ErrNotExist
	}
	return sendFile(w, r, filepath.Join(j.Dir, "out"), r.PathValue("name"))
}

// dataPage shows what the data folders hold, and takes uploads.
func (s *Server) dataPage(w http.ResponseWriter, r *http.Request) error {
	ref := strings.Trim(r.URL.Query().Get("ref"), "/")
	entries, err := s.data.List(ref)
	if err != nil {
		return err
	}
	type crumb struct{ Name, Ref string }
	var crumbs []crumb
	parts := strings.Split(ref, "/")
	for i, p := range parts {
		if p != "" {
			crumbs = append(crumbs, crumb{p, strings.Join(parts[:i+1], "/")})
		}
	}
	return s.Render(w, r, http.StatusOK, View{Title: "Data", Template: s.core, Name: "data.html", Data: struct {
		Ref     string
		Crumbs  []crumb
		Entries []DataEntry
		More    int
		Most    int64
	}{ref, crumbs, entries[:min(len(entries), 1000)], max(0, len(entries)-1000), maxUpload}})
}

// maxUpload is the largest file that can be uploaded.
const maxUpload = 2 << 30

// takeUpload stores a file among the uploads.
func (s *Server) takeUpload(w http.ResponseWriter, r *http.Request) error {
	f, err := s.Receive(r, s.data.folders[0].Path)
	if err != nil {
		return err
	}
	s.Flash(w, "%s is here now. Choose it wherever a file is asked for: %s/%s", f.Name, Uploads, f.Name)
	if wantsJSON(r) {
		return WriteJSON(w, http.StatusCreated, map[string]any{"ref": Uploads + "/" + f.Name, "bytes": f.Bytes})
	}
	http.Redirect(w, r, "/data?ref="+Uploads, http.StatusSeeOther)
	return nil
}

// deleteUpload deletes a file among the uploads; nothing else can be deleted from the web.
func (s *Server) deleteUpload(w http.ResponseWriter, r *http.Request) error {
	name, ok := strings.CutPrefix(r.PostForm.Get("ref"), Uploads+"/")
	if !ok || !fs.ValidPath(name) || strings.Contains(name, "/") || name == "." {
		return Refuse(http.StatusBadRequest, "Only uploads can be deleted here.")
	}
	root, err := os.OpenRoot(s.data.folders[0].Path)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(name); err != nil {
		return fs.ErrNotExist
	}
	s.Flash(w, "%s was deleted.", name)
	http.Redirect(w, r, "/data?ref="+Uploads, http.StatusSeeOther)
	return nil
}
