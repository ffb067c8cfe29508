package source

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/gyrus-dev/gyrus/feed"
)

// hidden elements hold no text for readers.
var hidden = map[atom.Atom]bool{atom.Script: true, atom.Style: true, atom.Template: true, atom.Noscript: true, atom.Svg: true, atom.Head: true,
	atom.Textarea: true, atom.Select: true, atom.Iframe: true}

// inline elements do not begin a new line.
var inline = map[atom.Atom]bool{atom.A: true, atom.Abbr: true, atom.B: true, atom.Bdi: true, atom.Cite: true, atom.Code: true, atom.Em: true, atom.Font: true,
	atom.I: true, atom.Label: true, atom.Mark: true, atom.Q: true, atom.S: true, atom.Small: true, atom.Span: true, atom.Strong: true, atom.Sub: true,
	atom.Sup: true, atom.Time: true, atom.U: true, atom.Var: true, atom.Math: true, atom.Img: true, atom.Wbr: true}

// plain is the text of a fragment of HTML: blocks become paragraphs, entities characters. Text without markup stays as it is.
func plain(fragment string) string {
	if !strings.ContainsAny(fragment, "<&") {
		return fragment
	}
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(fragment))
	skipping := 0
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return strings.TrimSpace(b.String())
		case html.TextToken:
			if skipping == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			name = bytes.TrimPrefix(name, []byte("jats:")) // Crossref's abstracts
			a := atom.Lookup(name)
			switch {
			case hidden[a]:
				if kind == html.StartTagToken {
					skipping++
				} else if kind == html.EndTagToken && skipping > 0 {
					skipping--
				}
			case a != 0 && !inline[a]:
				b.WriteByte('\n')
			}
		}
	}
}

// maxHTML bounds pages, in bytes: as a tree they take many times their length.
const maxHTML = 16 << 20

// parseHTML reads a saved page: the data that a Hugging Face page carries with it, else the citation that publishers put into a paper's
// page (citation_title and so on), else its text, which must be that of a daily papers page.
func parseHTML(path string, data []byte, o Options) iter.Seq2[feed.Paper, error] {
	if len(data) > maxHTML {
		return only(formatError(path, 0, fmt.Sprintf("%d bytes of HTML", len(data)), fmt.Sprintf("at most %d", maxHTML), "save the page as text"))
	}
	root, err := html.Parse(bytes.NewReader(data))
	if err != nil {
		return only(formatError(path, 0, fmt.Sprintf("%v", err), "a page of HTML", ""))
	}
	if props := dailyProps(root); props != "" {
		return parseProps(path, []byte(props))
	}
	if p, ok := citedPaper(root); ok {
		return func(yield func(feed.Paper, error) bool) { yield(p, nil) }
	}
	return parsePage(path, pageText(root), o)
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func dailyProps(root *html.Node) string {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && attribute(n, "data-target") == "DailyPapers" {
			return attribute(n, "data-props")
		}
	}
	return ""
}

func citedPaper(root *html.Node) (feed.Paper, bool) {
	var p feed.Paper
	for n := range root.Descendants() {
		if n.DataAtom != atom.Meta {
			continue
		}
		content := strings.TrimSpace(attribute(n, "content"))
		switch strings.ToLower(attribute(n, "name")) {
		case "citation_title":
			p.Title = plain(content)
		case "citation_author":
			if family, given, ok := strings.Cut(content, ","); ok {
				content = strings.TrimSpace(given) + " " + strings.TrimSpace(family)
			}
			p.Authors = append(p.Authors, content)
		case "citation_doi":
			p.DOI, _ = feed.ParseDOI(content)
		case "citation_arxiv_id":
			p.ArXiv, _, _ = feed.ParseArXiv(content)
		case "citation_abstract":
			p.Abstract = plain(content)
		case "citation_abstract_html_url":
			p.URL = content
		case "citation_date", "citation_publication_date", "citation_online_date":
			for _, layout := range []string{"2006/01/02", "2006-01-02", "2006/1/2", "2006"} {
				if t, err := time.Parse(layout, content); err == nil && p.Published.IsZero() {
					p.Published = t
				}
			}
		}
	}
	return p, p.Title != ""
}

// pageText is what a browser shows of a page, a block a paragraph.
func pageText(root *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node, int)
	walk = func(n *html.Node, depth int) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(strings.Join(strings.Fields(n.Data), " "))
			if strings.HasSuffix(n.Data, " ") || strings.HasSuffix(n.Data, "\n") {
				b.WriteByte(' ')
			}
			return
		case n.Type == html.ElementNode && hidden[n.DataAtom] || depth > 500:
			return
		case n.Type == html.ElementNode && n.DataAtom == atom.Br:
			b.WriteByte('\n')
		case n.Type == html.ElementNode && !inline[n.DataAtom]:
			b.WriteString("\n\n")
			defer b.WriteString("\n\n")
		}
		for c := range n.ChildNodes() {
			walk(c, depth+1)
		}
	}
	walk(root, 0)
	return b.String()
}
