package source

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// DailyPapers is the JSON interface of the Hugging Face daily papers.
type DailyPapers struct {
	Base string // such as "https://huggingface.co", the default
	Date string // YYYY-MM-DD; empty for the present list
	Max  int    // at most this many papers; 0 for 100
}

// Kind is "huggingface".
func (d *DailyPapers) Kind() string { return "huggingface" }

func (d *DailyPapers) String() string {
	if d.Date == "" {
		return "Hugging Face daily papers"
	}
	return "Hugging Face daily papers of " + d.Date
}

// Papers yields the list.
func (d *DailyPapers) Papers(ctx context.Context, s *Session) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		base, limit := d.Base, d.Max
		if base == "" {
			base = "https://huggingface.co"
		}
		if limit <= 0 {
			limit = 100
		}
		params := url.Values{"limit": {fmt.Sprint(limit)}}
		if d.Date != "" {
			if _, err := time.Parse(time.DateOnly, d.Date); err != nil {
				yield(feed.Paper{}, fmt.Errorf("date %.40q is not of the form YYYY-MM-DD", d.Date))
				return
			}
			params.Set("date", d.Date)
		}
		body, err := s.GetIfChanged(ctx, strings.TrimSuffix(base, "/")+"/api/daily_papers?"+params.Encode(), "application/json")
		if err != nil {
			yield(feed.Paper{}, err)
			return
		}
		n := 0
		for p, err := range parseDailyPapers(body) {
			if !yield(p, err) {
				return
			}
			if n++; n == limit {
				return
			}
		}
	}
}

// dailyPaper is one element of the list, of which most fields are left out.
type dailyPaper struct {
	Title       string    `json:"title"`
	Summary     string    `json:"summary"`
	PublishedAt timestamp `json:"publishedAt"`
	NumComments int       `json:"numComments"`
	Paper       struct {
		ID          string    `json:"id"`
		Title       string    `json:"title"`
		Summary     string    `json:"summary"`
		PublishedAt timestamp `json:"publishedAt"`
		Submitted   timestamp `json:"submittedOnDailyAt"`
		Upvotes     int       `json:"upvotes"`
		Authors     []struct {
			Name string `json:"name"`
		} `json:"authors"`
		Organization *organization `json:"organization"`
	} `json:"paper"`
	Organization *organization `json:"organization"`
}

type organization struct {
	Name     string `json:"name"`
	FullName string `json:"fullname"`
}

// timestamp is a date in JSON; one that is none counts as not known.
type timestamp struct{ time.Time }

func (t *timestamp) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		t.Time, _ = time.Parse(time.RFC3339, s)
	}
	return nil
}

// parseDailyPapers reads a list of daily papers. An element that is not of the expected form is refused; what is not JSON ends the list.
func parseDailyPapers(data []byte) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		broken := func(d *json.Decoder, err error) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			yield(feed.Paper{}, fmt.Errorf("reading the list of daily papers: at byte %d: %w", d.InputOffset(), err))
		}
		d := json.NewDecoder(bytes.NewReader(data))
		first, err := d.Token()
		if err == nil && first != json.Delim('[') {
			err = fmt.Errorf("found %.40v, expected a list", first)
		}
		if err != nil {
			broken(d, err)
			return
		}
		for i := 1; d.More(); i++ {
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				broken(d, err)
				return
			}
			p, err := readDailyPaper(raw)
			if err != nil {
				err = &feed.Refusal{Where: fmt.Sprintf("element %d", i), Reason: err.Error()}
			}
			if !yield(p, err) {
				return
			}
		}
		if _, err := d.Token(); err != nil {
			broken(d, err)
		}
	}
}

func readDailyPaper(raw []byte) (p feed.Paper, err error) {
	var e dailyPaper
	if err := json.Unmarshal(raw, &e); err != nil {
		return p, err
	}
	p = feed.Paper{
		ArXiv: e.Paper.ID, Title: either(e.Paper.Title, e.Title), Abstract: either(e.Paper.Summary, e.Summary), Published: e.Paper.PublishedAt.Time,
		Listed: e.Paper.Submitted.Time, Upvotes: max(0, e.Paper.Upvotes), Comments: max(0, e.NumComments),
	}
	if p.Listed.IsZero() {
		p.Listed = e.PublishedAt.Time
	}
	if _, _, ok := feed.ParseArXiv(p.ArXiv); !ok {
		p.ArXiv = ""
		if e.Paper.ID != "" {
			p.URL = "https://huggingface.co/papers/" + url.PathEscape(e.Paper.ID)
		}
	}
	for _, a := range e.Paper.Authors {
		p.Authors = append(p.Authors, a.Name)
	}
	for _, o := range []*organization{e.Paper.Organization, e.Organization} {
		if o != nil && p.Organisation == "" {
			p.Organisation = either(o.FullName, o.Name)
		}
	}
	return p, nil
}

func either(a, b string) string {
	if strings.TrimSpace(a) != "" {
		return a
	}
	return b
}
