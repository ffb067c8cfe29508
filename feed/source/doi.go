package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// DOI looks papers up by DOI in the registry Crossref, and where that does not know one, at the resolver with content negotiation for
// citation data (CSL JSON).
type DOI struct {
	Base     string // such as "https://api.crossref.org", the default
	Resolver string // such as "https://doi.org", the default
	DOIs     []string
}

// Kind is "doi".
func (d *DOI) Kind() string { return "doi" }

func (d *DOI) String() string { return "DOI " + strings.Join(d.DOIs, ", ") }

// Papers yields the papers in the given order. A DOI that nobody knows is refused, and the next one looked up.
func (d *DOI) Papers(ctx context.Context, s *Session) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		base, resolver := d.Base, d.Resolver
		if base == "" {
			base = "https://api.crossref.org"
		}
		if resolver == "" {
			resolver = "https://doi.org"
		}
		for _, doi := range d.DOIs {
			id, ok := feed.ParseDOI(doi)
			if !ok {
				if !yield(feed.Paper{}, &feed.Refusal{Where: doi, Reason: "it is no DOI"}) {
					return
				}
				continue
			}
			p, err := lookUp(ctx, s, id, base, resolver)
			if ctx.Err() != nil {
				yield(p, ctx.Err())
				return
			}
			if err != nil {
				err = &feed.Refusal{Where: "DOI " + id, Reason: err.Error()}
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

func lookUp(ctx context.Context, s *Session, doi, base, resolver string) (feed.Paper, error) {
	body, err := s.Get(ctx, strings.TrimSuffix(base, "/")+"/works/"+url.PathEscape(doi), "application/json")
	if err == nil {
		var answer struct {
			Message json.RawMessage `json:"message"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return feed.Paper{}, err
		}
		return parseCitation(answer.Message, doi)
	}
	body, second := s.Get(ctx, strings.TrimSuffix(resolver, "/")+"/"+(&url.URL{Path: doi}).EscapedPath(), "application/vnd.citationstyles.csl+json")
	if second != nil {
		return feed.Paper{}, fmt.Errorf("%w; %w", err, second)
	}
	return parseCitation(body, doi)
}

// citation is what Crossref and CSL have in common, both of which wrap single values in lists at times.
type citation struct {
	Title    texts  `json:"title"`
	Subtitle texts  `json:"subtitle"`
	Abstract string `json:"abstract"` // JATS or HTML
	Author   []struct {
		Given   string `json:"given"`
		Family  string `json:"family"`
		Literal string `json:"literal"`
		Name    string `json:"name"`
		Suffix  string `json:"suffix"`
	} `json:"author"`
	Issued          date   `json:"issued"`
	PublishedOnline date   `json:"published-online"`
	Posted          date   `json:"posted"`
	URL             string `json:"URL"`
	DOI             string `json:"DOI"`
}

// texts is a string or a list of strings.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// date is {"date-parts": [[year, month, day]]}, of which the last parts may be missing. Numbers are strings in places.
type date struct{ time.Time }

func (d *date) UnmarshalJSON(data []byte) error {
	var form struct {
		Parts [][]json.Number `json:"date-parts"`
	}
	if json.Unmarshal(data, &form) != nil || len(form.Parts) == 0 {
		return nil // not known
	}
	numbers := [3]int64{0, 1, 1}
	for i, n := range form.Parts[0][:min(3, len(form.Parts[0]))] {
		v, err := n.Int64()
		if err != nil || v < 1 || v > 9999 {
			return nil
		}
		numbers[i] = v
	}
	if numbers[0] > 0 {
		d.Time = time.Date(int(numbers[0]), time.Month(numbers[1]), int(numbers[2]), 0, 0, 0, 0, time.UTC)
	}
	return nil
}

func parseCitation(data []byte, doi string) (p feed.Paper, err error) {
	var c citation
	if err := json.Unmarshal(data, &c); err != nil {
		return p, fmt.Errorf("reading its citation: %w", err)
	}
	if len(c.Title) == 0 || c.Title[0] == "" {
		return p, errors.New("its citation has no title")
	}
	p = feed.Paper{DOI: doi, Title: plain(c.Title[0]), Abstract: strings.TrimPrefix(plain(c.Abstract), "Abstract\n")}
	if len(c.Subtitle) > 0 && c.Subtitle[0] != "" && !strings.Contains(p.Title, c.Subtitle[0]) {
		p.Title += ": " + plain(c.Subtitle[0])
	}
	for _, a := range c.Author {
		if name := strings.Join(strings.Fields(strings.Join([]string{a.Given, a.Family, a.Suffix}, " ")), " "); name != "" {
			p.Authors = append(p.Authors, name)
		} else if a.Name != "" || a.Literal != "" { // a group
			p.Authors = append(p.Authors, either(a.Name, a.Literal))
		}
	}
	for _, d := range []date{c.PublishedOnline, c.Posted, c.Issued} {
		if p.Published.IsZero() {
			p.Published = d.Time
		}
	}
	return p, nil
}
