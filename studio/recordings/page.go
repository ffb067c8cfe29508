package recordings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/recordings/pyramid"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

// still is a picture of a stretch, with the way to others.
type still struct {
	report.Figure
	From, To, Total float64
	Unit            string
	Links           []stillLink
}

type stillLink struct{ Text, Href, Rel string }

// page shows a recording.
func (x *Section) page(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	o.touch()
	ctx, cancel := context.WithTimeout(r.Context(), 700*time.Millisecond) // a short file is done within it
	defer cancel()
	v := o.await(ctx, view.Settled)
	models, err := x.server.Models(r.Context(), "")
	if err != nil {
		return err
	}
	data := struct {
		view
		Name, Ref string
		Crumbs    []stillLink
		Bytes     int64
		Length    string
		Sheet     *sheetView
		Models    []studio.Model
		Live      bool
		Still     *still
		Upload    bool
	}{view: v, Name: o.Name(), Ref: o.about.Ref, Bytes: o.size, Models: models, Upload: strings.HasPrefix(o.about.Ref, x.uploads.Name+"/")}
	parts := strings.Split(path.Dir(o.about.Ref), "/")
	for i, p := range parts {
		data.Crumbs = append(data.Crumbs, stillLink{Text: p, Href: folderPath(strings.Join(parts[:i+1], "/"))})
	}
	if v.Head != nil {
		data.Live = v.Head.Rate > 0
		if r.URL.Query().Has("still") {
			if data.Still, err = o.still(v.Head, r); err != nil {
				return err
			}
		}
	}
	if v.State == ready {
		if data.Sheet, err = o.readSheet(); err != nil {
			return err
		}
	}
	return x.server.Render(w, r, http.StatusOK, studio.View{Title: o.Name(), Template: x.pages, Name: "recording.html", Data: data, Wide: true})
}

// still draws the stretch that the query names.
func (o *opened) still(h *reader.Head, r *http.Request) (*still, error) {
	at, length := span(h, r)
	f, err := o.draw(h, at, length)
	if err != nil {
		return nil, err
	}
	s := &still{Figure: f, From: at, To: at + length, Total: duration(h), Unit: "s"}
	if h.Rate <= 0 {
		s.Unit = ""
	}
	to := func(at, length float64) string {
		q := url.Values{"still": {""}, "at": {strconv.FormatFloat(math.Max(0, at), 'g', 9, 64)}, "span": {strconv.FormatFloat(length, 'g', 6, 64)}}
		return "/recordings/" + o.about.ID + "?" + q.Encode() + "#traces"
	}
	if at > 0 {
		s.Links = append(s.Links, stillLink{"Earlier", to(at-length, length), "prev"})
	}
	if at+length < s.Total {
		s.Links = append(s.Links, stillLink{"Later", to(at+length, length), "next"})
	}
	if length > 8/rateOf(h) {
		s.Links = append(s.Links, stillLink{"Closer", to(at+length/4, length/2), ""})
	}
	if length < s.Total {
		s.Links = append(s.Links, stillLink{"Wider", to(at-length/2, math.Min(2*length, s.Total)), ""})
	}
	return s, nil
}

// sheetView is the description of a file as the page shows it.
type sheetView struct {
	*report.Sheet
	Warnings []string
	Notes    []string
}

// readSheet reads what the process has found out about the file.
func (o *opened) readSheet() (*sheetView, error) {
	data, err := os.ReadFile(filepath.Join(o.dir, reader.SheetFile))
	if err != nil {
		return nil, err
	}
	v := &sheetView{Sheet: &report.Sheet{}}
	if err := json.Unmarshal(data, v.Sheet); err != nil {
		return nil, err
	}
	for _, n := range v.Sheet.Notes {
		if n.Warning {
			v.Warnings = append(v.Warnings, n.Text)
		} else {
			v.Notes = append(v.Notes, n.Text)
		}
	}
	return v, nil
}

// sheet sends the description as a piece of a page, for a page that was loaded before it was there.
func (x *Section) sheet(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	v := o.view()
	if v.State != ready {
		return fs.ErrNotExist
	}
	s, err := o.readSheet()
	if err != nil {
		return err
	}
	html, err := x.pages.Fragment("sheet", s)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, html)
	return nil
}

// head sends what the viewer needs to know.
func (x *Section) head(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	v := o.view()
	if v.Head == nil {
		return fs.ErrNotExist
	}
	type stretch struct {
		First int64   `json:"first"`
		End   int64   `json:"end"`
		Time  float64 `json:"time"`
	}
	var stretches []stretch
	for _, s := range segments(v.Head) {
		stretches = append(stretches, stretch{s.first, s.end, s.time})
	}
	channels := slices.Clone(v.Head.Channels)
	for i := range channels {
		channels[i].Unit = micro(channels[i].Unit)
	}
	type event struct {
		Onset    float64 `json:"onset"`
		Duration float64 `json:"duration"`
		Label    string  `json:"label"`
	}
	events := []event{}
	for _, e := range v.Head.Events {
		events = append(events, event(e))
	}
	return studio.WriteJSON(w, http.StatusOK, map[string]any{
		"name": o.Name(), "rate": rateOf(v.Head), "timed": v.Head.Rate > 0, "frames": v.Head.Frames, "duration": duration(v.Head), "start": v.Head.Start,
		"channels": channels, "segments": stretches, "events": events, "allEvents": v.Head.AllEvents,
		"factors": append([]int64{1, 4}, shapeOf(v.Head).Factors()...), "tileBins": pyramid.TileBins, "done": v.Progress.Done,
	})
}

// progress streams how far the preparation is.
func (x *Section) progress(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	last := ""
	for {
		v := o.view()
		body, err := json.Marshal(map[string]any{"state": v.State, "stage": v.Progress.Stage, "done": v.Progress.Done, "total": v.Progress.Total, "head": v.Head != nil, "problem": v.Problem})
		if err != nil {
			return err
		}
		if err := rc.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return nil
		}
		message := ": still here\n\n"
		if string(body) != last {
			message, last = "data: "+string(body)+"\n\n", string(body)
		}
		if _, err := fmt.Fprint(w, message); err != nil {
			return nil // the reader has gone
		}
		if err := rc.Flush(); err != nil || v.Settled() {
			return nil
		}
		select {
		case <-v.changed:
		case <-time.After(10 * time.Second):
		case <-x.ctx.Done():
			return nil
		case <-r.Context().Done():
			return nil
		}
		select { // not more often than one can see
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
			return nil
		}
	}
}

// again prepares a recording anew, such as after a failure.
func (x *Section) again(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	if !o.view().Settled() {
		return studio.Refuse(http.StatusConflict, "It is being read at this moment.")
	}
	if err := x.shelf.drop(o); err != nil {
		return err
	}
	http.Redirect(w, r, openPath(o.about.Ref), http.StatusSeeOther)
	return nil
}

// apply puts a model to work on the recording.
func (x *Section) apply(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	run, text, _ := strings.Cut(r.PostForm.Get("model"), "/")
	seed, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return studio.Refuse(http.StatusBadRequest, "Choose a model.")
	}
	job, err := x.server.Apply(r.Context(), run, seed, []string{o.about.Ref})
	if err != nil {
		return err
	}
	o.change(func() { o.about.Jobs = append(o.about.Jobs, job.ID) })
	o.keep()
	http.Redirect(w, r, "/jobs/"+job.ID, http.StatusSeeOther)
	return nil
}

// uploadOf is the part of the uploads that a recording came with: its folder, or the file itself.
func (x *Section) uploadOf(o *opened) (dir string, ok bool) {
	rest, ok := strings.CutPrefix(o.about.Ref, x.uploads.Name+"/")
	if !ok {
		return "", false
	}
	first, _, _ := strings.Cut(rest, "/")
	return filepath.Join(x.uploads.Path, first), first != "" && filepath.IsLocal(first)
}

// askDelete asks before an upload is deleted.
func (x *Section) askDelete(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	dir, ok := x.uploadOf(o)
	if !ok {
		return studio.Refuse(http.StatusBadRequest, "Only uploads can be deleted here.")
	}
	var files []string
	err = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(x.uploads.Path, p)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		return err
	}
	return x.server.Render(w, r, http.StatusOK, studio.View{Title: "Delete", Template: x.pages, Name: "delete.html", Data: struct {
		ID, Name string
		Files    []string
		More     int
	}{o.about.ID, o.Name(), files[:min(len(files), 20)], max(0, len(files)-20)}})
}

// delete deletes an upload and what was prepared from it.
func (x *Section) delete(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	dir, ok := x.uploadOf(o)
	if !ok {
		return studio.Refuse(http.StatusBadRequest, "Only uploads can be deleted here.")
	}
	if !o.view().Settled() {
		return studio.Refuse(http.StatusConflict, "It is being read at this moment. Try again when that has ended.")
	}
	if err := errors.Join(x.shelf.drop(o), os.RemoveAll(dir)); err != nil {
		return err
	}
	x.server.Flash(w, "%s is deleted.", o.Name())
	http.Redirect(w, r, "/recordings", http.StatusSeeOther)
	return nil
}
