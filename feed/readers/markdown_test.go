package readers

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func TestRender(t *testing.T) {
	const rel = ` rel="nofollow noopener ugc"`
	for _, c := range []struct{ name, in, want string }{
		{"prose", "One *two* **three** ~~four~~ `five`.", "<p>One <em>two</em> <strong>three</strong> <del>four</del> <code>five</code>.</p>"},
		{"paragraphs", "One\ntwo\n\nthree", "<p>One\ntwo</p>\n<p>three</p>"},
		{"list", "- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"},
		{"numbers", "3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>"},
		{"quotation", "> a", "<blockquote>\n<p>a</p>\n</blockquote>"},
		{"code", "```go\nif a < b {}\n```", "<pre><code>if a &lt; b {}\n</code></pre>"},
		{"heading is text", "# One", "<p># One</p>"},
		{"link", "[a](https://example.org/?q=1&r=2)", `<p><a href="https://example.org/?q=1&amp;r=2"` + rel + `>a</a></p>`},
		{"bare link", "see https://example.org/a.", `<p>see <a href="https://example.org/a"` + rel + `>https://example.org/a</a>.</p>`},
		{"mail", "<ada@example.org>", `<p><a href="mailto:ada@example.org"` + rel + `>ada@example.org</a></p>`},
		{"reference", "[a][b]\n\n[b]: http://example.org", `<p><a href="http://example.org"` + rel + `>a</a></p>`},
		{"picture", "![a brain](https://example.org/a.png)", `<p><a href="https://example.org/a.png"` + rel + `>a brain</a></p>`},
		{"picture without words", "![](https://example.org/a.png)", `<p><a href="https://example.org/a.png"` + rel + `>picture</a></p>`},
		{"picture in a link", "[![a](https://example.org/a.png)](https://example.org/b)", `<p><a href="https://example.org/b"` + rel + `>a</a></p>`},
		{"link in a picture", "![https://example.org/c](https://example.org/a.png)", `<p><a href="https://example.org/a.png"` + rel + `>https://example.org/c</a></p>`},

		{"script", "<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"},
		{"script between lines", "a\n\n<script>\nalert(1)\n</script>\n", "<p>a</p>\n<p>&lt;script&gt;\nalert(1)\n&lt;/script&gt;</p>"},
		{"attribute", `<b onclick="x">a</b>`, `<p>&lt;b onclick=&#34;x&#34;&gt;a&lt;/b&gt;</p>`},
		{"picture element", `<img src=x onerror=alert(1)>`, `<p>&lt;img src=x onerror=alert(1)&gt;</p>`},
		{"comment", "<!-- a -->", "<p>&lt;!-- a --&gt;</p>"},
		{"javascript", "[a](javascript:alert(1))", "<p>a</p>"},
		{"javascript in capitals", "[a](JaVaScRiPt:alert(1))", "<p>a</p>"},
		{"javascript with a tab", "[a](java\tscript:alert(1))", "<p>[a](java\tscript:alert(1))</p>"},
		{"javascript in entities", "[a](&#106;avascript:alert(1))", "<p>a</p>"},
		{"javascript in percents", "[a](javascript%3aalert(1))", "<p>a</p>"},
		{"javascript with a new line entity", "[a](java&#10;script:alert(1))", "<p>a</p>"},
		{"javascript with a control character", "[a](\x01javascript:alert(1))", "<p>a</p>"},
		{"javascript in an autolink", "<javascript:alert(1)>", "<p>javascript:alert(1)</p>"},
		{"data", "[a](data:text/html;base64,PHNjcmlwdD4=)", "<p>a</p>"},
		{"vbscript", "[a](vbscript:x)", "<p>a</p>"},
		{"file", "[a](file:///etc/passwd)", "<p>a</p>"},
		{"relative", "[a](/token/leave)", "<p>a</p>"},
		{"without scheme", "[a](//example.org)", "<p>a</p>"},
		{"empty", "[a]()", "<p>a</p>"},
		{"picture of javascript", "![a](javascript:alert(1))", "<p>a</p>"},
		{"quote out of a link", `[a](https://example.org/"onmouseover="alert(1))`, `<p><a href="https://example.org/%22onmouseover=%22alert%281%29"` + rel + `>a</a></p>`},
		{"title", `[a](https://example.org 'x" onclick="y')`, `<p><a href="https://example.org"` + rel + `>a</a></p>`},
		{"attribute list", `[a](https://example.org){onclick=alert(1)}`, `<p><a href="https://example.org"` + rel + `>a</a>{onclick=alert(1)}</p>`},
		{"language of code", "```\"onclick=alert(1)\nx\n```", "<pre><code>x\n</code></pre>"},
		{"marks of direction", "a\u202eb\u2066c", "<p>abc</p>"},
		{"control characters", "a\x00b\x1bc\x7f", "<p>abc</p>"},
		{"not UTF-8", "a\xff\xfeb", "<p>ab</p>"},
		{"entity", "&lt;script&gt;", "<p>&lt;script&gt;</p>"},
		{"escape", `\<script>`, "<p>&lt;script&gt;</p>"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.TrimSpace(string(Render(c.in)))
			if got != c.want {
				t.Errorf("%q\n is %q\nwant %q", c.in, got, c.want)
			}
			safe(t, c.in, template.HTML(got))
		})
	}
}

// What is as long as a comment may be, or longer, and made to cost much.
func TestRenderHuge(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, MaxComment/len(s)) }
	halves := func(a, b string) string {
		n := MaxComment / (len(a) + len(b))
		return strings.Repeat(a, n) + strings.Repeat(b, n)
	}
	var rising strings.Builder
	for i := 1; rising.Len() < MaxComment; i++ {
		rising.WriteString("e" + strings.Repeat("`", i))
	}
	var references strings.Builder
	for i := 0; references.Len() < MaxComment; i++ {
		fmt.Fprintf(&references, "[%d]: http://a.b\n[%d]\n\n", i, i)
	}
	for name, in := range map[string]string{
		"quotations": fill("> "), "quotations without blanks": fill(">"), "lists": fill("- "), "lists in quotations": fill("> - "), "brackets": fill("["), "closed brackets": halves("[", "]"),
		"links in links": halves("[a](", ")"), "emphasis": fill("*a "), "emphasis closed": fill("a**b*c"), "underscores": fill("_a __b "), "emphasis in emphasis": halves("*a", "b*"), "strong in strong": halves("**a", "b**"),
		"ticks": rising.String(), "exclamation": fill("!["), "pictures in pictures": halves("![a", "](http://a.b)"), "references": references.String(), "same reference": fill("[a]: b\n"),
		"angles": fill("<a"), "comments": fill("<!--"), "instructions": fill("<?"), "cdata": fill("<![CDATA["), "entities": fill("&amp;"), "backslashes": fill("\\"), "tildes": fill("~~a"), "addresses": fill("a@b.c "),
		"long address": fill("a.") + "@a.b", "links": fill("http://a.b "), "one link": "http://" + fill("a."), "parentheses": "[a](" + halves("(", ")") + ")", "tabs": fill("\t"), "lines": fill("\n"), "rules": fill("---\n"),
		"fences": fill("```\n"), "numbers": fill("1. "), "deep list": deepList(), "longer than a comment": strings.Repeat("a *b* ", 1<<20), "runes cut": strings.Repeat("é", MaxComment),
	} {
		began := time.Now()
		out := Render(in)
		if took := time.Since(began); took > 3*time.Second { // some milliseconds on a quiet machine
			t.Errorf("%s: took %v", name, took)
		}
		if len(out) > 60*MaxComment {
			t.Errorf("%s: became %d bytes", name, len(out))
		}
		safe(t, name, out)
	}
}

func deepList() string {
	var b strings.Builder
	for i := 0; b.Len() < MaxComment; i++ {
		b.WriteString(strings.Repeat("  ", i) + "- a\n")
	}
	return b.String()
}

// safe checks that a fragment holds nothing but what comments may hold, is well nested, and not deep.
func safe(t *testing.T, in string, out template.HTML) {
	t.Helper()
	attributes := map[string][]string{"p": nil, "br": nil, "em": nil, "strong": nil, "del": nil, "code": nil, "pre": nil, "blockquote": nil, "ul": nil, "ol": {"start"},
		"li": nil, "hr": nil, "a": {"href", "rel"}}
	z := html.NewTokenizer(strings.NewReader(string(out)))
	var open []string
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("%.200q leaves %v open: %.300q", in, open, out)
			}
			return
		case html.TextToken:
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			token := z.Token()
			may, known := attributes[token.Data]
			if !known {
				t.Fatalf("%.200q became an element %q: %.300q", in, token.Data, out)
			}
			if kind == html.EndTagToken {
				if len(open) == 0 || open[len(open)-1] != token.Data {
					t.Fatalf("%.200q closes %q within %v: %.300q", in, token.Data, open, out)
				}
				open = open[:len(open)-1]
			} else if kind == html.StartTagToken && token.Data != "br" && token.Data != "hr" {
				if token.Data == "a" && slices.Contains(open, "a") {
					t.Fatalf("%.200q has a link in a link: %.300q", in, out)
				}
				if open = append(open, token.Data); len(open) > 2*maxNesting+4 {
					t.Fatalf("%.200q nests %d deep", in, len(open))
				}
			}
			for _, a := range token.Attr {
				if !slices.Contains(may, a.Key) {
					t.Fatalf("%.200q became an attribute %s of %s: %.300q", in, a.Key, token.Data, out)
				}
				switch lower := strings.ToLower(a.Val); {
				case a.Key == "href" && !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "mailto:"):
					t.Fatalf("%.200q became a link to %q", in, a.Val)
				case a.Key == "rel" && (!strings.Contains(a.Val, "nofollow") || !strings.Contains(a.Val, "noopener")):
					t.Fatalf("%.200q became a link with relation %q", in, a.Val)
				}
			}
			if token.Data == "a" && kind == html.StartTagToken && len(token.Attr) != 2 {
				t.Fatalf("%.200q became a link with %v", in, token.Attr)
			}
		default:
			t.Fatalf("%.200q became a %v: %.300q", in, kind, out)
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"a *b* [c](https://d.e)", "<script>alert(1)</script>", "![a](javascript:x)", "> - 1. `a`", "[a]: <b> 'c'\n[a]", "<a@b.c> http://a.b/\"x", "&#x3c;p onclick=x>", "~~~\na\n~~~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { safe(t, in, Render(in)) })
}

func BenchmarkRender(b *testing.B) {
	const comment = "The second claim *almost* holds: see [table 2](https://example.org/t2).\n\n- **R2** is 0.84 with `--seeds 3`\n- the paper says 0.9\n\n> trained for 40 epochs\n\nWith more epochs it rises."
	b.SetBytes(int64(len(comment)))
	for b.Loop() {
		Render(comment)
	}
}
