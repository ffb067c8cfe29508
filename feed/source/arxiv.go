package source

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html/charset"

	"github.com/gyrus-dev/gyrus/feed"
)

// ArXiv is the query interface of arXiv, which answers in Atom (arXiv API User's Manual). Newest submissions come first.
type ArXiv struct {
	Base       string   // such as "https://export.arxiv.org", the default
	Categories []string // such as "q-bio.NC": papers in any of these
	Query      string   // in arXiv's own syntax, such as `abs:"spiking network"`; together with Categories both must hold
	IDs        []string // only these papers, with or without version
	Max        int      // at most this many papers; 0 for 200. IDs have no limit
	Page       int      // papers in one request; 0 for 100
}

const (
	arXivHost = "https://export.arxiv.org"
	oaiHost   = "https://oaipmh.arxiv.org"
)

var atomTypes = []string{"application/atom+xml", "application/xml", "text/xml"}

// Kind is "arxiv".
func (a *ArXiv) Kind() string { return "arxiv" }

func (a *ArXiv) String() string {
	if len(a.IDs) > 0 {
		return "arXiv " + strings.Join(a.IDs, ", ")
	}
	return fmt.Sprintf("arXiv %s, newest %d", a.query(), a.max())
}

func (a *ArXiv) max() int {
	if a.Max <= 0 {
		return 200
	}
	return a.Max
}

var category = regexp.MustCompile(`^[a-z-]+(\.[A-Za-z-]+)?\*?$`)

func (a *ArXiv) query() string {
	var parts []string
	for _, c := range a.Categories {
		parts = append(parts, "cat:"+c)
	}
	q := strings.Join(parts, " OR ")
	if a.Query == "" {
		return q
	}
	if q == "" {
		return a.Query
	}
	return "(" + q + ") AND (" + a.Query + ")"
}

// Papers yields the papers page by page. arXiv's interface is known to answer with an empty page now and then; such a page is asked for
// again.
func (a *ArXiv) Papers(ctx context.Context, s *Session) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		fail := func(err error) { yield(feed.Paper{}, err) }
		for _, c := range a.Categories {
			if !category.MatchString(c) {
				fail(fmt.Errorf("%.60q is no arXiv category; they look like q-bio.NC or cs.LG", c))
				return
			}
		}
		page := a.Page
		if page <= 0 {
			page = 100
		}
		if len(a.IDs) > 0 {
			for ids := range slices.Chunk(a.IDs, page) {
				if !a.page(ctx, s, url.Values{"id_list": {strings.Join(ids, ",")}, "max_results": {strconv.Itoa(len(ids))}}, false, yield).more {
					return
				}
			}
			return
		}
		if a.query() == "" {
			fail(errors.New("arXiv needs a category or a query"))
			return
		}
		const tries = 3
		for start, empty := 0, 0; start < a.max(); {
			params := url.Values{"search_query": {a.query()}, "start": {strconv.Itoa(start)}, "max_results": {strconv.Itoa(min(page, a.max()-start))},
				"sortBy": {"submittedDate"}, "sortOrder": {"descending"}}
			r := a.page(ctx, s, params, start == 0, yield)
			switch {
			case !r.more:
				return
			case r.entries == 0 && start < r.total:
				if empty++; empty == tries {
					fail(fmt.Errorf("arXiv says there are %d papers and shows none after the first %d", r.total, start))
					return
				}
				continue
			}
			empty = 0
			if start += r.entries; start >= r.total {
				return
			}
		}
	}
}

type arXivPage struct {
	more           bool // whether the reader wants more
	entries, total int
}

func (a *ArXiv) page(ctx context.Context, s *Session, params url.Values, ifChanged bool, yield func(feed.Paper, error) bool) arXivPage {
	base := a.Base
	if base == "" {
		base = arXivHost
	}
	get := s.Get
	if ifChanged {
		get = s.GetIfChanged
	}
	body, err := get(ctx, strings.TrimSuffix(base, "/")+"/api/query?"+params.Encode(), atomTypes...)
	if err == nil {
		var doc *atomDocument
		if doc, err = parseAtom(body); err == nil {
			r := arXivPage{true, len(doc.Entries), doc.Total}
			for p, err := range doc.papers() {
				if !yield(p, err) {
					r.more = false
					break
				}
			}
			return r
		}
		err = fmt.Errorf("reading arXiv's answer: %w", err)
	}
	yield(feed.Paper{}, err)
	return arXivPage{}
}

// atomDocument is what the query interface of arXiv answers.
type atomDocument struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	Total   int      `xml:"http://a9.com/-/spec/opensearch/1.1/ totalResults"`
	Entries []struct {
		ID        string `xml:"id"`
		Title     string `xml:"title"`
		Summary   string `xml:"summary"`
		Published string `xml:"published"`
		Authors   []struct {
			Name string `xml:"name"`
		} `xml:"author"`
		DOI string `xml:"http://arxiv.org/schemas/atom doi"`
	} `xml:"entry"`
}

// decodeXML is xml.Unmarshal for documents in any encoding. It expands no entities but those of XML itself.
func decodeXML(data []byte, into any) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = charset.NewReaderLabel
	return d.Decode(into)
}

func parseAtom(data []byte) (*atomDocument, error) {
	doc := &atomDocument{}
	return doc, decodeXML(data, doc)
}

// papers are the entries of the document. arXiv reports an error as an entry of its own.
func (doc *atomDocument) papers() iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		for i, e := range doc.Entries {
			where := fmt.Sprintf("entry %d", i+1)
			if strings.Contains(e.ID, "/api/errors") {
				yield(feed.Paper{}, fmt.Errorf("arXiv refuses the query: %.300s", strings.TrimSpace(e.Summary)))
				return
			}
			p := feed.Paper{Title: e.Title, Abstract: e.Summary, DOI: e.DOI}
			id, version, ok := feed.ParseArXiv(e.ID)
			published, err := time.Parse(time.RFC3339, strings.TrimSpace(e.Published))
			if !ok || err != nil {
				if !yield(p, &feed.Refusal{Where: where, Title: strings.Join(strings.Fields(e.Title), " "), Reason: fmt.Sprintf("found ID %.80q and date %.40q", e.ID, e.Published)}) {
					return
				}
				continue
			}
			p.ArXiv, p.ArXivVersion, p.Published = id, version, published
			if _, ok := feed.ParseDOI(p.DOI); !ok { // authors type it in
				p.DOI = ""
			}
			for _, author := range e.Authors {
				p.Authors = append(p.Authors, author.Name)
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}
