package room

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/studio"
)

// feedSize is how many papers a feed of a query holds.
const feedSize = 100

// feedIn returns the handler of /feed.FORMAT: the papers of a query, for other programs. They come newest first, as programs that follow a
// feed expect.
func (s *Section) feedIn(f readers.Format) studio.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		query := strings.Join(strings.Fields(r.URL.Query().Get("q")), " ")
		list, err := s.found(r.Context(), query)
		if err != nil {
			return problem(err)
		}
		slices.SortStableFunc(list, func(a, b feed.Paper) int { return b.Listed.Compare(a.Listed) })
		title := "Daily Papers"
		if query != "" {
			title += ": " + query
		}
		return s.write(w, r, f, "papers", readers.List{Title: title, Site: s.site(r), Path: searchPath(query), Self: feedOf(string(f), query), Papers: list,
			Page: paperPath})
	}
}

// listIn returns the handler of /me/list.FORMAT.
func (s *Section) listIn(f readers.Format) func(http.ResponseWriter, *http.Request, readers.Reader) error {
	return func(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
		kept, err := s.Readers.ReadingList(r.Context(), me.ID)
		if err != nil {
			return err
		}
		list := readers.List{Title: "Reading list", Site: s.site(r), Path: "/me", Page: paperPath}
		for _, k := range kept {
			list.Papers = append(list.Papers, k.Paper)
		}
		return s.write(w, r, f, "reading-list", list)
	}
}

// cite is one paper as BibTeX.
func (s *Section) cite(w http.ResponseWriter, r *http.Request) error {
	id, err := number(r, "id")
	if err != nil {
		return err
	}
	p, err := s.Config.Feed.Paper(r.Context(), id)
	if err != nil {
		return problem(err)
	}
	return s.write(w, r, readers.BibTeX, "paper-"+strconv.FormatInt(p.ID, 10), readers.List{Title: p.Title, Site: s.site(r), Path: paperPath(p), Papers: []feed.Paper{p}, Page: paperPath})
}

// write answers with a list, or that it is the one the program has.
func (s *Section) write(w http.ResponseWriter, r *http.Request, f readers.Format, name string, list readers.List) error {
	var body bytes.Buffer
	if err := list.Write(&body, f); err != nil {
		return err
	}
	sum := sha256.Sum256(body.Bytes())
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	h := w.Header()
	h.Set("ETag", tag)
	if slices.Contains(strings.Split(strings.ReplaceAll(r.Header.Get("If-None-Match"), " ", ""), ","), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", f.ContentType())
	if f == readers.BibTeX || f == readers.JSON {
		h.Set("Content-Disposition", `attachment; filename="`+name+"."+string(f)+`"`)
	}
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	if r.Method != http.MethodHead {
		body.WriteTo(w) // an error means that the program has gone
	}
	return nil
}
