package report

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// checkSVG returns nil if a figure's SVG is one that a page may carry inline: a single svg element of drawing elements only, with no
// script, no event handler, no address but embedded PNG, and no style of its own but attributes. It is deliberately narrow: a figure
// comes from this package or draws with what this package draws with.
func checkSVG(s string) error {
	if !strings.HasPrefix(s, "<svg ") || !strings.HasSuffix(strings.TrimRight(s, "\n"), "</svg>") {
		return errors.New("it is not a whole svg element")
	}
	var open []string
	for rest := s; rest != ""; {
		lt := strings.IndexByte(rest, '<')
		if lt < 0 {
			break
		}
		if len(open) == 0 && lt > 0 && lt < len(rest) && len(rest) != len(s) {
			return errors.New("something follows the svg element")
		}
		if n := len(open); n > 0 && open[n-1] == "style" {
			if !colorRules.MatchString(rest[:lt]) {
				return errors.New("it has a style sheet of its own")
			}
		}
		rest = rest[lt+1:]
		if closing := strings.HasPrefix(rest, "/"); closing {
			name, after, found := strings.Cut(rest[1:], ">")
			if n := len(open); !found || n == 0 || open[n-1] != name {
				return fmt.Errorf("its element %q is closed out of order", cut(name, 20))
			}
			open, rest = open[:len(open)-1], after
			if len(open) == 0 && strings.TrimRight(rest, "\n") != "" {
				return errors.New("something follows the svg element")
			}
			continue
		}
		end := strings.IndexAny(rest, " />\n\t")
		if end < 0 {
			return errors.New("an element has no end")
		}
		name := rest[:end]
		if !slices.Contains(svgElements, name) {
			return fmt.Errorf("its element %q is not one that draws", cut(name, 20))
		}
		rest = rest[end:]
		for {
			rest = strings.TrimLeft(rest, " \n\t")
			if after, ok := strings.CutPrefix(rest, "/>"); ok {
				rest = after
				break
			}
			if after, ok := strings.CutPrefix(rest, ">"); ok {
				open, rest = append(open, name), after
				break
			}
			attr, after, found := strings.Cut(rest, `="`)
			value, after, ended := strings.Cut(after, `"`)
			if !found || !ended {
				return fmt.Errorf("an attribute of its element %q has no end", name)
			}
			if err := checkSVGAttribute(attr, value); err != nil {
				return err
			}
			rest = after
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("its element %q is not closed", open[len(open)-1])
	}
	return nil
}

// colorRules matches style sheets such as figureCSS, of this and other versions of the package.
var colorRules = regexp.MustCompile(`^@media screen and \(prefers-color-scheme:dark\)\{(\.gyf \.g[fs]-[a-z]+\{(fill|stroke):#[0-9a-f]{6}\})*\}$`)

var svgElements = []string{"svg", "g", "title", "desc", "style", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "image"}

func checkSVGAttribute(name, value string) error {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == ':') {
			return fmt.Errorf("its attribute %q is malformed", cut(name, 20))
		}
	}
	low := strings.ToLower(name)
	switch {
	case strings.HasPrefix(low, "on"):
		return fmt.Errorf("its attribute %q would run a script", cut(name, 20))
	case low == "id":
		return errors.New("it has an id, which could clash with the page's")
	case strings.HasSuffix(low, "href") && !strings.HasPrefix(value, "data:image/png;base64,"):
		return errors.New("it points outside itself")
	case low != "href" && low != "xlink:href" && low != "xmlns" && low != "xmlns:xlink" && strings.Contains(strings.ToLower(value), "url("):
		return errors.New("it points outside itself")
	case strings.Contains(value, "<") || low == "style" && strings.Contains(value, `\`):
		return fmt.Errorf("its attribute %q is malformed", cut(name, 20))
	}
	return nil
}
