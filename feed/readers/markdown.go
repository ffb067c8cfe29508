package readers

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// MaxComment is the length of the longest comment, in bytes. It also bounds what the quadratic corners of Markdown can cost.
const MaxComment = 10_000

// maxNesting is how deep lists and quotations may lie in one another; a comment beyond it is shown as it was typed.
const maxNesting = 12

// Render makes HTML of the Markdown of a comment: paragraphs, emphasis, code, quotations, lists, rules, and links to http, https and
// mailto addresses. Whatever else is written, such as HTML or a heading, appears as the text it is, and a picture as a link to it. The
// result holds only the elements and attributes of the list in allowed. A text longer than [MaxComment] is cut.
func Render(markdown string) (out template.HTML) {
	if len(markdown) > MaxComment {
		markdown = strings.ToValidUTF8(markdown[:MaxComment], "") + "…"
	}
	source := []byte(tidy(markdown))
	defer func() { // one comment must never take a whole discussion with it
		if recover() != nil {
			out = plain(source)
		}
	}()
	tree := commentParser.Parse(text.NewReader(source))
	if depth(tree) > maxNesting {
		return plain(source)
	}
	var b bytes.Buffer
	if err := commentRenderer.Render(&b, source, tree); err != nil { // cannot happen: a buffer takes everything
		return plain(source)
	}
	return template.HTML(allowed.SanitizeBytes(b.Bytes()))
}

// plain shows a text as it was typed.
func plain(source []byte) template.HTML {
	return template.HTML("<p>" + strings.ReplaceAll(template.HTMLEscapeString(string(source)), "\n", "<br>\n") + "</p>")
}

// The parser of comments knows no HTML and no headings, so that both are text to it.
var commentParser = func() parser.Parser {
	var blocks, inlines []util.PrioritizedValue
	unlike := func(all []util.PrioritizedValue, not ...any) (out []util.PrioritizedValue) {
		for _, p := range all {
			keep := true
			for _, n := range not {
				keep = keep && fmt.Sprintf("%T", p.Value) != fmt.Sprintf("%T", n)
			}
			if keep {
				out = append(out, p)
			}
		}
		return out
	}
	blocks = unlike(parser.DefaultBlockParsers(), parser.NewSetextHeadingParser(), parser.NewATXHeadingParser(), parser.NewHTMLBlockParser())
	inlines = unlike(parser.DefaultInlineParsers(), parser.NewRawHTMLParser())
	inlines = append(inlines, util.Prioritized(extension.NewLinkifyParser(), 999), util.Prioritized(extension.NewStrikethroughParser(), 500))
	return parser.NewParser(parser.WithBlockParsers(blocks...), parser.WithInlineParsers(inlines...),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...))
}()

var commentRenderer = func() renderer.Renderer {
	r := goldmark.DefaultRenderer()
	r.AddOptions(renderer.WithNodeRenderers(util.Prioritized(links{}, 1), util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500)))
	return r
}()

// relation is said of every link: it is not ours, and its page gets no hold of the one it was opened from.
const relation = "nofollow noopener ugc"

// allowed is the second line of defence: whatever goldmark writes, this is what remains.
var allowed = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li", "hr")
	p.AllowAttrs("start").Matching(regexp.MustCompile(`^[0-9]{1,9}$`)).OnElements("ol")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("rel").Matching(regexp.MustCompile("^" + relation + "$")).OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.RequireNoFollowOnLinks(true)
	return p
}()

// links renders links and pictures, and leaves those to other places than web pages and mailboxes as text.
type links struct{}

func (l links) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindLink, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		l.tag(w, n, string(n.(*ast.Link).Destination), entering)
		return ast.WalkContinue, nil
	})
	r.Register(ast.KindImage, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		l.tag(w, n, string(n.(*ast.Image).Destination), entering)
		if entering && n.FirstChild() == nil {
			w.WriteString("picture")
		}
		return ast.WalkContinue, nil
	})
	r.Register(ast.KindAutoLink, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		a := n.(*ast.AutoLink)
		to := string(a.URL(source))
		if a.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(to), "mailto:") {
			to = "mailto:" + to
		}
		l.tag(w, n, to, true)
		w.Write(util.EscapeHTML(a.Label(source)))
		l.tag(w, n, to, false)
		return ast.WalkContinue, nil
	})
}

func (links) tag(w util.BufWriter, n ast.Node, to string, opens bool) {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Kind() == ast.KindLink || p.Kind() == ast.KindImage {
			return // a link holds no other
		}
	}
	u, err := url.Parse(to)
	if err != nil || !(u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") || u.Scheme == "mailto" && u.Opaque != "") {
		return
	}
	if opens {
		fmt.Fprintf(w, `<a href="%s" rel="%s">`, template.HTMLEscapeString(u.String()), relation)
	} else {
		w.WriteString("</a>")
	}
}

// depth is how many containers lie in one another.
func depth(root ast.Node) int {
	deepest, at := 0, 0
	ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n.Kind() {
		case ast.KindText, ast.KindString, ast.KindParagraph, ast.KindTextBlock:
			return ast.WalkContinue, nil
		}
		if entering {
			at++
			deepest = max(deepest, at)
		} else {
			at--
		}
		return ast.WalkContinue, nil
	})
	return deepest - 1 // without the document
}
