package source

import (
	"context"
	"encoding/xml"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// OAI is the bulk interface of arXiv (OAI-PMH 2.0, metadata format "arXiv"). Its answers come in parts, each with a token for the next.
// It asks for the records changed since the last import that succeeded.
type OAI struct {
	Base  string // such as "https://oaipmh.arxiv.org", the default
	Set   string // such as "q-bio:q-bio:NC" or "cs"
	Since string // date of the first import, YYYY-MM-DD; needed until one has succeeded
	Max   int    // at most this many papers; 0 for no limit
}

// Kind is "arxiv".
func (o *OAI) Kind() string { return "arxiv" }

func (o *OAI) String() string { return "arXiv OAI-PMH set " + o.Set }

type oaiDocument struct {
	XMLName xml.Name `xml:"http://www.openarchives.org/OAI/2.0/ OAI-PMH"`
	Date    string   `xml:"responseDate"`
	Error   *struct {
		Code string `xml:"code,attr"`
		Says string `xml:",chardata"`
	} `xml:"error"`
	Records []struct {
		Header struct {
			Status     string `xml:"status,attr"`
			Identifier string `xml:"identifier"`
		} `xml:"header"`
		Paper struct {
			ID      string `xml:"id"`
			Created string `xml:"created"`
			Authors []struct {
				Family string `xml:"keyname"`
				Given  string `xml:"forenames"`
				Suffix string `xml:"suffix"`
			} `xml:"authors>author"`
			Title    string `xml:"title"`
			DOI      string `xml:"doi"`
			Abstract string `xml:"abstract"`
		} `xml:"metadata>arXiv"`
	} `xml:"ListRecords>record"`
	Token string `xml:"ListRecords>resumptionToken"`
}

// Papers yields the papers part by part.
func (o *OAI) Papers(ctx context.Context, s *Session) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		fail := func(err error) { yield(feed.Paper{}, err) }
		base := o.Base
		if base == "" {
			base = oaiHost
		}
		since := o.Since
		if last := s.Recall("until"); last != "" {
			since = last
		}
		if _, err := time.Parse(time.DateOnly, since); err != nil {
			fail(fmt.Errorf("arXiv OAI-PMH needs a date YYYY-MM-DD to begin at, found %.40q", since))
			return
		}
		params := url.Values{"verb": {"ListRecords"}, "metadataPrefix": {"arXiv"}, "from": {since}}
		if o.Set != "" {
			params.Set("set", o.Set)
		}
		began := ""
		seen := map[string]bool{} // tokens: a server that repeats one would keep us for ever
		for n := 0; ; {
			body, err := s.Get(ctx, strings.TrimSuffix(base, "/")+"/oai?"+params.Encode(), "text/xml", "application/xml")
			if err != nil {
				fail(err)
				return
			}
			var doc oaiDocument
			if err := decodeXML(body, &doc); err != nil {
				fail(fmt.Errorf("reading arXiv's answer: %w", err))
				return
			}
			if began == "" && len(doc.Date) >= 10 {
				began = doc.Date[:10]
			}
			if doc.Error != nil {
				if doc.Error.Code != "noRecordsMatch" {
					fail(fmt.Errorf("arXiv refuses the request: %.40s: %.300s", doc.Error.Code, strings.TrimSpace(doc.Error.Says)))
					return
				}
				break
			}
			for _, r := range doc.Records {
				if r.Header.Status == "deleted" {
					continue
				}
				m := &r.Paper
				p := feed.Paper{ArXiv: m.ID, Title: m.Title, Abstract: m.Abstract}
				if _, ok := feed.ParseDOI(m.DOI); ok {
					p.DOI = m.DOI
				}
				for _, a := range m.Authors {
					p.Authors = append(p.Authors, strings.TrimSpace(strings.Join([]string{a.Given, a.Family, a.Suffix}, " ")))
				}
				var refused error
				if p.Published, err = time.Parse(time.DateOnly, strings.TrimSpace(m.Created)); err != nil || m.ID == "" {
					refused = &feed.Refusal{Where: r.Header.Identifier, Title: p.Title, Reason: fmt.Sprintf("found ID %.80q and date %.40q", m.ID, m.Created)}
				}
				if !yield(p, refused) {
					return
				}
				if n++; n == o.Max {
					return // the rest is for the next import, which begins at the same date
				}
			}
			token := strings.TrimSpace(doc.Token)
			if token == "" {
				break
			}
			if seen[token] {
				fail(fmt.Errorf("arXiv OAI-PMH repeats the resumption token %.60q", token))
				return
			}
			seen[token] = true
			params = url.Values{"verb": {"ListRecords"}, "resumptionToken": {token}}
		}
		if began != "" {
			s.Remember("until", began)
		}
	}
}
