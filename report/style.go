package report

import (
	"fmt"
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	xfont "golang.org/x/image/font"
)

// tone is a colour of the house palette: the light form is drawn, the dark form replaces it for readers of a dark page.
type tone struct {
	color.NRGBA
	dark  color.NRGBA
	class string
}

// faded returns the tone at an opacity from 0 to 1.
func (t tone) faded(opacity float64) tone {
	t.A = uint8(opacity*255 + 0.5)
	return t
}

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 255}
}

func newTone(class string, light, dark uint32) tone { return tone{rgb(light), rgb(dark), class} }

var (
	ink   = newTone("ink", 0x1f2328, 0xe6e8eb)
	muted = newTone("muted", 0x59636e, 0xa3acb8)
	grid  = newTone("grid", 0xe3e6ea, 0x343b45)
	paper = rgb(0xffffff)
	page  = newTone("paper", 0xffffff, 0x171b21)

	// The hues are Okabe and Ito's, which readers with any common colour vision can tell apart; the light ones are darkened for a
	// white page and the dark ones lightened for a dark page until each has a contrast of 3 to 1 or more with the paper.
	blue    = newTone("blue", 0x0072b2, 0x56a8e8)
	orange  = newTone("orange", 0xc07a00, 0xe69f00)
	green   = newTone("green", 0x009068, 0x2bc093)
	purple  = newTone("purple", 0xb8608f, 0xdf92bb)
	sky     = newTone("sky", 0x2b93cf, 0x7cc6f2)
	red     = newTone("red", 0xd55e00, 0xf08a3c)
	grey    = newTone("grey", 0x7a828c, 0x98a1ac)
	olive   = newTone("olive", 0x8a8300, 0xe4d94a)
	tones   = []tone{ink, muted, grid, page, blue, orange, green, purple, sky, red, grey, olive}
	plain   = []tone{blue, orange, green, purple, ink, sky, red, olive} // series with no role
	subject = []tone{blue, red, purple}
	rivals  = []tone{orange, green, grey, purple, olive, red} // baselines
	removed = []tone{sky, purple, red, green, olive, grey}    // ablations
)

// figureCSS lets the figures follow the colour scheme of the reader. It stands inside every figure so that a figure is right
// wherever it is put.
var figureCSS = func() string {
	var b strings.Builder
	b.WriteString("@media screen and (prefers-color-scheme:dark){")
	for _, t := range tones {
		fmt.Fprintf(&b, ".gyf .gf-%s{fill:%s}.gyf .gs-%s{stroke:%s}", t.class, hex(t.dark), t.class, hex(t.dark))
	}
	b.WriteString("}")
	return b.String()
}()

// stroke is how a series is drawn.
type stroke struct {
	color  tone
	width  float64
	dashes []vg.Length
}

func (s stroke) style() draw.LineStyle {
	return draw.LineStyle{Color: s.color, Width: vg.Length(s.width), Dashes: s.dashes}
}

// strokesFor gives each role of a figure's series its look: the system strong, baselines thinner, ablations dashed, the truth in ink.
func strokesFor(roles []Role) []stroke {
	n := map[Role]int{}
	out := make([]stroke, len(roles))
	for i, r := range roles {
		k := n[r]
		n[r]++
		switch r {
		case Subject:
			out[i] = stroke{color: subject[k%len(subject)], width: 2.6}
		case Baseline:
			out[i] = stroke{color: rivals[k%len(rivals)], width: 1.6}
		case Truth:
			out[i] = stroke{color: ink, width: 1.6}
		case Ablation:
			out[i] = stroke{color: removed[k%len(removed)], width: 1.6, dashes: []vg.Length{6, 3}}
		default:
			out[i] = stroke{color: plain[k%len(plain)], width: 1.8}
			if k >= len(plain) {
				out[i].dashes = []vg.Length{vg.Length(2 + 3*(k/len(plain))), 3}
			}
		}
	}
	return out
}

// Sizes of text in pixels at the figure's natural width.
const (
	labelSize = 14
	tickSize  = 13
	noteSize  = 12
)

func textStyle(size float64, c color.Color, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)},
		XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler}
}

func bold(s text.Style) text.Style {
	s.Font.Weight = xfont.WeightBold
	return s
}

func width(s text.Style, txt string) float64 { return float64(s.Width(txt)) }

// wrap breaks text at spaces into lines of at most w pixels, and at most lines of them; what does not fit is cut with an ellipsis.
func wrap(s text.Style, txt string, w float64, lines int) []string {
	var out []string
	line := ""
	for _, word := range strings.Fields(txt) {
		switch {
		case line == "":
			line = word
		case width(s, line+" "+word) <= w:
			line += " " + word
		default:
			out = append(out, line)
			line = word
		}
	}
	out = append(out, line)
	if len(out) > lines {
		out[lines-1] = strings.Join(out[lines-1:], " ")
		out = out[:lines]
	}
	for i := range out {
		out[i] = fit(s, out[i], w)
	}
	return out
}

// fit cuts text to at most w pixels.
func fit(s text.Style, txt string, w float64) string {
	if width(s, txt) <= w {
		return txt
	}
	r := []rune(txt)
	for len(r) > 1 && width(s, string(r)+"…") > w {
		r = r[:len(r)-1]
	}
	return strings.TrimRight(string(r), " ") + "…"
}

// name puts names instead of numbers on an axis.
func name(a *plot.Axis, ticks plot.ConstantTicks) {
	a.Tick.Marker, a.Tick.Length, a.Tick.Width = ticks, 4, invisible
}

// newPlot returns an empty gonum plot in the house style.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle = draw.LineStyle{Color: muted, Width: 1}
		a.Padding = 0
		a.Label.TextStyle = textStyle(labelSize, ink, draw.XCenter, draw.YBottom)
		a.Label.Padding = 5
		a.Tick.LineStyle = draw.LineStyle{Color: muted, Width: 1}
		a.Tick.Length = 5
	}
	p.X.Tick.Label = textStyle(tickSize, ink, draw.XCenter, draw.YTop)
	p.Y.Tick.Label = textStyle(tickSize, ink, draw.XRight, draw.YCenter)
	return p
}
