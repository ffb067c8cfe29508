package studio

import (
	"bytes"
	"html/template"
	"regexp"
	"strings"

	"github.com/gyrus-dev/gyrus/report"
)

// Figures of package report carry a style sheet and a style attribute, which the policy of the pages does not apply. The rules are the
// same for all of them, so that they stand once in a file of their own, where they can also follow the reader's choice of theme.

var (
	figureStyle     = regexp.MustCompile(`(?s)<style>(.*?)</style>\s*`)
	figureAttribute = regexp.MustCompile(` style="[^"]*"`)
	figureDark      = regexp.MustCompile(`(?s)^@media screen and \(prefers-color-scheme:dark\)\{(.*)\}$`)
)

// FigureHTML returns a figure's picture for a page of the studio. Its colours come from core/figures.css, which every page has.
func FigureHTML(f report.Figure) template.HTML {
	svg := figureStyle.ReplaceAllString(f.SVG, "")
	head, rest, _ := strings.Cut(svg, ">") // only the <svg> element itself has the attribute
	return template.HTML(figureAttribute.ReplaceAllString(head, "") + ">" + rest)
}

// figureStyles is core/figures.css: the rules that figures carry, for dark pages by the system's choice and by the reader's.
func figureStyles() []byte {
	sample := report.LinePlot(report.Frame{}, nil)
	m := figureStyle.FindStringSubmatch(sample.SVG)
	if m == nil {
		return nil
	}
	dark := figureDark.FindStringSubmatch(strings.TrimSpace(m[1]))
	if dark == nil {
		return []byte(m[1])
	}
	var b bytes.Buffer
	b.WriteString("@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){" + dark[1] + "}}\n")
	b.WriteString("@media screen{:root[data-theme=dark]{" + dark[1] + "}}\n")
	return b.Bytes()
}
