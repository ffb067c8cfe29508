package studio

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

//go:embed all:templates
var coreTemplates embed.FS

// Templates are the pages of a section. Each file defines "content", and may define "head" (more of the page's <head>).
type Templates struct {
	pages map[string]*template.Template // by file name
}

// Templates parses the files of a section that match the patterns. A file whose name begins with "_" (embed it with all:) is no page: what it defines can be
// used in all of the others. It panics on a mistake in a template, which is a mistake in the program.
//
// Beside html/template's own functions there are: asset "section/file" (an address), date, clock and ago (times), bytes, count "run" n
// ("1 run", "2 runs"), num (a measured number), duration (seconds), figure (a picture of package report), join, and dict. The templates
// "status" and "icon" draw the mark of a status, given a Class and a Text.
func (s *Server) Templates(files fs.FS, patterns ...string) *Templates {
	t, err := s.parse(files, patterns)
	if err != nil {
		panic("studio: " + err.Error())
	}
	return t
}

func (s *Server) parse(files fs.FS, patterns []string) (*Templates, error) {
	var pages, shared []string
	for _, p := range patterns {
		names, err := fs.Glob(files, p)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if strings.HasPrefix(path.Base(n), "_") {
				shared = append(shared, n)
			} else {
				pages = append(pages, n)
			}
		}
	}
	base, err := template.New("layout").Funcs(s.funcs()).ParseFS(coreTemplates, "templates/_*.html")
	if err != nil {
		return nil, err
	}
	if len(shared) > 0 {
		if base, err = base.ParseFS(files, shared...); err != nil {
			return nil, err
		}
	}
	t := &Templates{pages: map[string]*template.Template{}}
	for _, n := range pages {
		page, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if page, err = page.ParseFS(files, n); err != nil {
			return nil, err
		}
		t.pages[path.Base(n)] = page
	}
	return t, nil
}

// View is what [Server.Render] shows.
type View struct {
	Title    string // of the page, without the name of the site
	Summary  string // for the page's description; may be empty
	Template *Templates
	Name     string // the file
	Data     any    // .Data in the template
	Wide     bool   // the page uses the width of a large screen, such as tables and traces
}

// Frame is what a template sees: the view and what every page needs.
type Frame struct {
	View
	Site     string
	Path     string // of the request
	Here     string // path and query
	Nav      []NavLink
	Search   string // action of the search form, or empty
	Query    string // q of the request
	Theme    string // "light", "dark" or empty for the system's
	Reader   *Reader
	Operator bool
	Token    bool // the operator has shown a token and can leave
	Flash    string
	Version  string
	csrf     string
}

// NavLink is a link of the head as a page shows it.
type NavLink struct {
	NavItem
	Current bool
}

// CSRF is the hidden field that every form that posts holds.
func (f *Frame) CSRF() template.HTML {
	return template.HTML(`<input type="hidden" name="csrf" value="` + f.csrf + `">`)
}

// CSRFToken is what a script sends in X-CSRF-Token.
func (f *Frame) CSRFToken() string { return f.csrf }

// Render writes a page. The page is made whole before anything is sent, so that a mistake in it becomes an error page.
func (s *Server) Render(w http.ResponseWriter, r *http.Request, status int, v View) error {
	t := v.Template.pages[v.Name]
	if t == nil {
		return fmt.Errorf("studio: there is no template %q", v.Name)
	}
	session := s.startSession(w, r)
	f := &Frame{View: v, Site: "Gyrus", Path: r.URL.Path, Here: LocalPath(r.URL.RequestURI()), Search: s.search, Query: r.URL.Query().Get("q"),
		Theme: s.Cookie(r, "theme"), Reader: ReaderOf(r), Operator: s.IsOperator(r), Flash: s.takeFlash(w, r), Version: runner.Version(), csrf: s.csrfToken(session)}
	f.Token = f.Operator && s.config.Token != ""
	if f.Theme != "light" && f.Theme != "dark" {
		f.Theme = ""
	}
	if s.MayRead(r) {
		for _, n := range s.nav {
			f.Nav = append(f.Nav, NavLink{n, r.URL.Path == n.Href || strings.HasPrefix(r.URL.Path, strings.TrimSuffix(n.Href, "/")+"/") && n.Href != "/"})
		}
	} else {
		f.Search = ""
	}
	var page bytes.Buffer
	if err := t.ExecuteTemplate(&page, "layout", f); err != nil {
		return fmt.Errorf("page %s: %w", v.Name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		page.WriteTo(w) // an error means that the reader has gone
	}
	return nil
}

// WriteJSON writes a value as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(data)
	return nil
}

// Panel is a part that a section adds to the page of a paper.
type Panel struct {
	ID    string // of the link to it
	Title string
	HTML  template.HTML // made by the section's own templates
	First bool          // above the claims instead of at the end
}

// Fragment makes a piece of a page, such as a [Panel], with a template that a shared file ("_panel.html") defines.
func (t *Templates) Fragment(name string, data any) (template.HTML, error) {
	for _, page := range t.pages {
		var b bytes.Buffer
		err := page.ExecuteTemplate(&b, name, data)
		return template.HTML(b.String()), err
	}
	return "", fmt.Errorf("studio: there is no template %q", name)
}

func (s *Server) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":    func(name string) (string, error) { return s.assets.address(name) },
		"date":     func(t time.Time) string { return t.Format("2 January 2006") },
		"clock":    func(t time.Time) string { return t.Format("2 January 2006, 15:04") },
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":      func(t time.Time) string { return humanize.RelTime(t, s.Now(), "ago", "from now") },
		"bytes":    func(n int64) string { return humanize.Bytes(uint64(max(0, n))) },
		"count":    countText,
		"dict":     dict,
		"num":      func(n report.Number) string { return number(float64(n)) },
		"duration": durationText,
		"figure":   FigureHTML,
		"base":     filepath.Base,
		"inc":      func(n int) int { return n + 1 },
		"join":     strings.Join,
		"keys":     func(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) },
	}
}

func countText(noun string, n int) string {
	if n == 1 {
		return "1 " + noun
	}
	return humanize.Comma(int64(n)) + " " + noun + "s"
}

// dict makes a map of alternating keys and values, to give a template more than one argument.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict needs pairs")
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict needs names")
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}
