package source

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"strings"

	"github.com/mmcdole/gofeed"

	"github.com/gyrus-dev/gyrus/feed"
)

// Feed is an RSS, Atom or JSON feed.
type Feed struct{ URL string }

// Kind is "rss".
func (f *Feed) Kind() string { return "rss" }

func (f *Feed) String() string { return "feed " + f.URL }

var feedTypes = append([]string{"application/rss+xml", "application/rdf+xml", "application/feed+json", "application/json"}, atomTypes...)

// Papers yields the items of the feed.
func (f *Feed) Papers(ctx context.Context, s *Session) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		body, err := s.GetIfChanged(ctx, f.URL, feedTypes...)
		if err != nil {
			yield(feed.Paper{}, err)
			return
		}
		for p, err := range parseFeed(body) {
			if !yield(p, err) {
				return
			}
		}
	}
}

// announcement is what arXiv's feeds put before an abstract.
var announcement = regexp.MustCompile(`(?s)^\s*arXiv:(\S+)\s+Announce Type:.*?Abstract:\s*`)

func parseFeed(data []byte) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		doc, err := gofeed.NewParser().Parse(bytes.NewReader(data))
		if err != nil {
			yield(feed.Paper{}, fmt.Errorf("reading the feed: %w", err))
			return
		}
		for _, item := range doc.Items {
			if item != nil && !yield(feedPaper(item), nil) {
				return
			}
		}
	}
}

func feedPaper(item *gofeed.Item) feed.Paper {
	p := feed.Paper{Title: plain(item.Title), Abstract: plain(either(item.Description, item.Content)), URL: item.Link}
	if m := announcement.FindStringSubmatch(p.Abstract); m != nil {
		p.Abstract = p.Abstract[len(m[0]):]
		p.ArXiv = m[1]
	}
	for _, id := range []string{p.ArXiv, item.Link, item.GUID} {
		if _, _, ok := feed.ParseArXiv(id); ok {
			p.ArXiv = id
			break
		}
		p.ArXiv = ""
	}
	for _, name := range [][2]string{{"dc", "identifier"}, {"prism", "doi"}} {
		for _, e := range item.Extensions[name[0]][name[1]] {
			if doi, ok := feed.ParseDOI(e.Value); ok {
				p.DOI = doi
			}
		}
	}
	if ext := item.DublinCoreExt; ext != nil && p.DOI == "" {
		for _, id := range ext.Identifier {
			if doi, ok := feed.ParseDOI(id); ok {
				p.DOI = doi
			}
		}
	}
	if u, err := url.Parse(item.Link); err == nil && p.DOI == "" && (u.Host == "doi.org" || u.Host == "dx.doi.org") {
		p.DOI, _ = feed.ParseDOI(item.Link)
	}
	for _, a := range item.Authors {
		if a == nil {
			continue
		}
		if len(item.Authors) > 1 { // one name each
			p.Authors = append(p.Authors, plain(a.Name))
			continue
		}
		for name := range strings.SplitSeq(plain(a.Name), ",") { // dc:creator often holds all of them
			if name = strings.TrimSpace(name); name != "" {
				p.Authors = append(p.Authors, name)
			}
		}
	}
	switch {
	case item.PublishedParsed != nil:
		p.Published = *item.PublishedParsed
	case item.UpdatedParsed != nil:
		p.Published = *item.UpdatedParsed
	}
	return p
}
