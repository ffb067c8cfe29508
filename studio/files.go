package studio

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// artefact is a file that a run has left.
type artefact struct {
	Path  string // in the run's folder, with slashes
	Bytes int64
}

const maxArtefacts = 3000

// artefacts lists what a run has left, without what is only for the runner itself.
func artefacts(dir string) (out []artefact, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case len(out) >= maxArtefacts:
			return fs.SkipAll
		case !d.Type().IsRegular() || name == "lock" || strings.HasPrefix(d.Name(), "."):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		out = append(out, artefact{name, info.Size()})
		return nil
	})
	rank := func(a artefact) int {
		if i := slices.Index([]string{"report.html", "metrics.json", "run.json", "events.jsonl"}, a.Path); i >= 0 {
			return i
		}
		if strings.HasPrefix(a.Path, "model/") {
			return 4
		}
		return 5
	}
	slices.SortStableFunc(out, func(a, b artefact) int { return rank(a) - rank(b) })
	return out, err
}

// runFile sends a file of a run. The report is shown, everything else is downloaded.
func (s *Server) runFile(w http.ResponseWriter, r *http.Request) error {
	e, err := s.runOf(r)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if name == "report.html" {
		return s.report(w, r, e.Dir)
	}
	return sendFile(w, r, e.Dir, name)
}

// sendFile sends a file below a folder for downloading. Neither dots nor links in the name lead out of the folder.
func sendFile(w http.ResponseWriter, r *http.Request, dir, name string) error {
	if !fs.ValidPath(name) || name == "." || name == "lock" {
		return fs.ErrNotExist
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fs.ErrNotExist
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return fs.ErrNotExist
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fs.ErrNotExist
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream") // a download, whatever it is
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	http.ServeContent(w, r, "", info.ModTime(), f)
	return nil
}

// runZip sends the models of a run, or all it has left, as one archive.
func (s *Server) runZip(w http.ResponseWriter, r *http.Request) error {
	e, err := s.runOf(r)
	if err != nil {
		return err
	}
	files, err := artefacts(e.Dir)
	if err != nil {
		return fs.ErrNotExist
	}
	under := r.URL.Query().Get("under")
	files = slices.DeleteFunc(files, func(f artefact) bool { return under != "" && !strings.HasPrefix(f.Path, under+"/") })
	if len(files) == 0 {
		return fs.ErrNotExist
	}
	name := e.ID
	if under != "" {
		name += "-" + SafeName(under)
	}
	return sendZip(w, e.Dir, name, files)
}

// sendZip sends files below a folder as an archive.
func sendZip(w http.ResponseWriter, dir, name string, files []artefact) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name + ".zip"}))
	rc := http.NewResponseController(w)
	z := zip.NewWriter(w)
	for _, f := range files {
		if err := rc.SetWriteDeadline(time.Now().Add(10 * time.Minute)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		in, err := root.Open(filepath.FromSlash(f.Path))
		if err != nil {
			continue // gone meanwhile
		}
		out, err := z.CreateHeader(&zip.FileHeader{Name: name + "/" + f.Path, Method: zip.Deflate, Modified: time.Now()})
		if err == nil {
			_, err = io.Copy(out, io.LimitReader(in, f.Bytes)) // of a file that grows, what it had
		}
		in.Close()
		if err != nil {
			return nil // the reader has gone, and half an archive cannot become an error page
		}
	}
	z.Close()
	return nil
}

// The report of a run is a page of its own with styles in it. It is shown in a frame that runs no script, under a policy that allows just
// the styles that stand in it, each by its digest.
var (
	styleElement   = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	styleAttribute = regexp.MustCompile(`\sstyle="([^"]*)"`)
	outsideLink    = []byte(`<a href="http`)
)

// maxReport is the largest report that is shown and not only downloaded.
const maxReport = 64 << 20

// reportPage is a report ready to be sent.
type reportPage struct {
	file   time.Time // of the report when it was read
	page   []byte
	policy string
}

// reportPages keeps the reports shown lately.
type reportPages struct {
	mu   sync.Mutex
	kept map[string]*reportPage
}

func (s *Server) report(w http.ResponseWriter, r *http.Request, dir string) error {
	theme := r.URL.Query().Get("theme")
	if theme != "light" && theme != "dark" {
		theme = ""
	}
	p, err := s.reports.get(dir, theme)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	if r.URL.Query().Has("download") {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": filepath.Base(dir) + ".html"}))
	}
	http.ServeContent(w, r, "", p.file, bytes.NewReader(p.page))
	return nil
}

func (c *reportPages) get(dir, theme string) (*reportPage, error) {
	path := filepath.Join(dir, "report.html")
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	if info.Size() > maxReport {
		return nil, fmt.Errorf("the report %s has %d bytes", path, info.Size())
	}
	key := path + "?" + theme
	c.mu.Lock()
	p := c.kept[key]
	c.mu.Unlock()
	if p != nil && p.file.Equal(info.ModTime()) {
		return p, nil
	}
	page, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	page = themed(bytes.ReplaceAll(page, outsideLink, []byte(`<a target="_blank" rel="noopener noreferrer" href="http`)), theme)
	p = &reportPage{file: info.ModTime(), page: page, policy: reportPolicy(page)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= 16 {
		c.kept = map[string]*reportPage{}
	}
	c.kept[key] = p
	return p, nil
}

// themed makes a report follow the reader's choice instead of the system's: what it has for dark pages then holds always, or never.
func themed(page []byte, theme string) []byte {
	if theme == "" {
		return page
	}
	holds := map[string]string{"light": "not all", "dark": "screen"}[theme]
	return styleElement.ReplaceAllFunc(page, func(style []byte) []byte {
		return []byte(strings.NewReplacer("@media (prefers-color-scheme:dark)", "@media "+holds, "@media screen and (prefers-color-scheme:dark)", "@media "+holds,
			"color-scheme:light dark", "color-scheme:"+theme).Replace(string(style)))
	})
}

// reportPolicy allows the styles of a page and its inlined pictures, and nothing else.
func reportPolicy(page []byte) string {
	digests := func(found [][][]byte, attribute bool) string {
		var out []string
		for _, m := range found {
			text := string(m[1])
			if attribute {
				text = html.UnescapeString(text)
			}
			sum := sha256.Sum256([]byte(text))
			if d := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
		if len(out) == 0 {
			return " 'none'"
		}
		return " " + strings.Join(out[:min(len(out), 100)], " ")
	}
	return "default-src 'none'; img-src data:; style-src-elem" + digests(styleElement.FindAllSubmatch(page, -1), false) +
		"; style-src-attr 'unsafe-hashes'" + digests(styleAttribute.FindAllSubmatch(page, -1), true) +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox allow-downloads"
}
