package recordings

import (
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/all" // the names of every format; none is parsed here
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

func openPath(ref string) string   { return "/recordings/open?" + url.Values{"ref": {ref}}.Encode() }
func folderPath(ref string) string { return "/recordings?" + url.Values{"folder": {ref}}.Encode() }

// listed is a line of a list of recordings.
type listed struct {
	studio.DataEntry
	Href   string
	Format string // by its name only
	Known  *about // if it was opened before
}

// formatsByName are the titles of formats by the endings of names, and whether they are signals in time.
func formatsByName() map[string]recording.Format {
	m := map[string]recording.Format{}
	for _, f := range recording.Formats() {
		for _, ext := range f.Extensions {
			if old, taken := m[ext]; !taken || old.Open == nil && f.Open != nil {
				m[ext] = f
			}
		}
	}
	return m
}

// extension is the ending of a name that tells the format.
func extension(name string) string {
	return strings.TrimPrefix(path.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz")), ".")
}

// listing is what a folder holds, sorted by what can be done with it.
type listing struct {
	Folders    []listed
	Recordings []listed
	Others     []listed // pictures, arrays and tables
	Rest       int      // files that nothing here reads, and parts of recordings
}

// list looks at the names in a folder.
func (x *Section) list(ref string, known map[string]*about) (*listing, error) {
	entries, err := x.server.Data().List(ref)
	if err != nil {
		return nil, err
	}
	formats := formatsByName()
	beside := func(name string) bool {
		return slices.ContainsFunc(entries, func(e studio.DataEntry) bool { return e.Name == name })
	}
	l := &listing{}
	for _, e := range entries {
		f, is := formats[extension(e.Name)]
		line := listed{DataEntry: e, Href: openPath(e.Ref), Format: short(f.Title), Known: known[e.Ref]}
		switch {
		case e.Dir && is && f.Folder != nil || e.Dir && strings.EqualFold(filepath.Ext(e.Name), ".ds"):
			l.Recordings = append(l.Recordings, line)
		case e.Dir:
			line.Href, line.Format = folderPath(e.Ref), ""
			l.Folders = append(l.Folders, line)
		case !is || reader.Companion(e.Name, beside):
			l.Rest++
		case f.Open == nil || f.Name == "table":
			l.Others = append(l.Others, line)
		default:
			l.Recordings = append(l.Recordings, line)
		}
	}
	return l, nil
}

// short is a format's title without what stands in brackets.
func short(title string) string {
	s, _, _ := strings.Cut(title, " (")
	return s
}

// uploaded lists the uploads: a folder of one recording stands for it.
func (x *Section) uploaded(known map[string]*about) ([]listed, error) {
	l, err := x.list(x.uploads.Name, known)
	if err != nil {
		return nil, err
	}
	out := slices.Concat(l.Recordings, l.Others)
	for _, f := range l.Folders {
		in, err := x.list(f.Ref, known)
		if err != nil {
			continue
		}
		if all := slices.Concat(in.Recordings, in.Others); len(in.Folders) == 0 && (len(all) == 1 || len(in.Recordings) == 1) {
			out = append(out, all[0])
			continue
		}
		f.Format = "folder"
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b listed) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out, nil
}

// library shows what can be opened, and takes uploads.
func (x *Section) library(w http.ResponseWriter, r *http.Request) error {
	recent := x.shelf.recent(200)
	known := map[string]*about{}
	for i, a := range recent {
		known[a.Ref] = &recent[i]
	}
	type crumb struct{ Name, Href string }
	v := struct {
		Folder   string
		Crumbs   []crumb
		Listing  *listing
		Recent   []about
		Uploaded []listed
		Folders  []studio.DataFolder
		Most     int64
	}{Folder: strings.Trim(r.URL.Query().Get("folder"), "/"), Most: x.config.Upload, Folders: x.server.Data().Folders()[1:]}
	title := "Recordings"
	var err error
	if v.Folder != "" {
		if v.Listing, err = x.list(v.Folder, known); err != nil {
			return err
		}
		parts := strings.Split(v.Folder, "/")
		for i, p := range parts {
			v.Crumbs = append(v.Crumbs, crumb{p, folderPath(strings.Join(parts[:i+1], "/"))})
		}
		title = parts[len(parts)-1]
	} else {
		if v.Uploaded, err = x.uploaded(known); err != nil {
			return err
		}
		v.Recent = recent[:min(8, len(recent))]
	}
	return x.server.Render(w, r, http.StatusOK, studio.View{Title: title, Template: x.pages, Name: "library.html", Data: v})
}

// openRecording goes to the page of the recording that the query names.
func (x *Section) openRecording(w http.ResponseWriter, r *http.Request) error {
	o, err := x.shelf.open(r.URL.Query().Get("ref"))
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/recordings/"+o.about.ID, http.StatusSeeOther)
	return nil
}
