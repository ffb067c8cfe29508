package report

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// canvas is a gonum/plot canvas that writes SVG meant to stand inline in a page. It differs from gonum's own SVG canvas in that
// colours of the house palette follow the reader's light or dark scheme, text names fallback fonts, coordinates are flat
// numbers of at most two decimals, small images stay sharp when scaled up, and no element carries an id, so that any number of
// figures can share a page.
//
// The unit is the CSS pixel at the figure's natural width; the origin is the lower left corner, as gonum has it.
type canvas struct {
	w, h   float64
	smooth bool // images are fields, not cells
	buf    bytes.Buffer
	state  pen
	stack  []pen
}

// invisible is a line width that makes gonum/plot leave room for ticks but shows none.
const invisible = 0.001

// pen is the drawing state that Push saves.
type pen struct {
	m      [6]float64 // x' = m0 x + m2 y + m4; y' = m1 x + m3 y + m5, in gonum's upward coordinates
	width  float64
	dashes []vg.Length
	offset float64
	color  color.Color
}

func newCanvas(w, h float64) *canvas {
	return &canvas{w: w, h: h, state: pen{m: [6]float64{1, 0, 0, 1, 0, 0}, width: 1, color: ink}}
}

// area returns the whole canvas for drawing with gonum/plot.
func (c *canvas) area() draw.Canvas {
	return draw.Canvas{Canvas: c, Rectangle: vg.Rectangle{Max: vg.Point{X: vg.Length(c.w), Y: vg.Length(c.h)}}}
}

// svg returns the finished element.
func (c *canvas) svg(title, desc string) string {
	var b strings.Builder
	b.Grow(c.buf.Len() + 1024)
	w, h := coord(c.w), coord(c.h)
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" class="gyf" viewBox="0 0 ` + w + ` ` + h + `" width="100%" role="img" style="max-width:` + w +
		`px" fill="none" stroke-linejoin="round" font-family="'Liberation Sans',Arial,Helvetica,sans-serif">` + "\n")
	b.WriteString("<title>" + escape(title) + "</title>\n")
	if desc != "" {
		b.WriteString("<desc>" + escape(desc) + "</desc>\n")
	}
	b.WriteString("<style>" + figureCSS + "</style>\n")
	b.WriteString(`<rect class="gf-paper" fill="` + hex(paper) + `" width="` + w + `" height="` + h + `"/>` + "\n")
	b.Write(c.buf.Bytes())
	b.WriteString("</svg>\n")
	return b.String()
}

func (c *canvas) Size() (vg.Length, vg.Length) { return vg.Length(c.w), vg.Length(c.h) }

func (c *canvas) SetLineWidth(w vg.Length) { c.state.width = float64(w) }

func (c *canvas) SetLineDash(d []vg.Length, offset vg.Length) {
	c.state.dashes, c.state.offset = d, float64(offset)
}

func (c *canvas) SetColor(col color.Color) {
	if col == nil {
		col = ink
	}
	c.state.color = col
}

func (c *canvas) Push() { c.stack = append(c.stack, c.state) }

func (c *canvas) Pop() {
	c.state = c.stack[len(c.stack)-1]
	c.stack = c.stack[:len(c.stack)-1]
}

func (c *canvas) Rotate(rad float64) {
	sin, cos := math.Sincos(rad)
	c.concat([6]float64{cos, sin, -sin, cos, 0, 0})
}

func (c *canvas) Translate(p vg.Point) {
	c.concat([6]float64{1, 0, 0, 1, float64(p.X), float64(p.Y)})
}

func (c *canvas) Scale(x, y float64) { c.concat([6]float64{x, 0, 0, y, 0, 0}) }

func (c *canvas) concat(n [6]float64) {
	m := c.state.m
	c.state.m = [6]float64{
		m[0]*n[0] + m[2]*n[1], m[1]*n[0] + m[3]*n[1],
		m[0]*n[2] + m[2]*n[3], m[1]*n[2] + m[3]*n[3],
		m[0]*n[4] + m[2]*n[5] + m[4], m[1]*n[4] + m[3]*n[5] + m[5],
	}
}

// at maps a point of the current drawing state to SVG coordinates, whose y axis points down.
func (c *canvas) at(p vg.Point) (x, y float64) {
	m, px, py := c.state.m, float64(p.X), float64(p.Y)
	return m[0]*px + m[2]*py + m[4], c.h - (m[1]*px + m[3]*py + m[5])
}

func (c *canvas) Stroke(p vg.Path) {
	d := c.pathData(p)
	if c.state.width <= invisible || d == "" {
		return
	}
	c.buf.WriteString("<path")
	c.paint("stroke")
	c.strokeAttrs()
	c.buf.WriteString(` d="` + d + "\"/>\n")
}

func (c *canvas) strokeAttrs() {
	if c.state.width != 1 {
		c.buf.WriteString(` stroke-width="` + coord(c.state.width) + `"`)
	}
	if len(c.state.dashes) > 0 {
		c.buf.WriteString(` stroke-dasharray="`)
		for i, d := range c.state.dashes {
			if i > 0 {
				c.buf.WriteByte(' ')
			}
			c.buf.WriteString(coord(float64(d)))
		}
		c.buf.WriteByte('"')
	}
}

func (c *canvas) Fill(p vg.Path) {
	d := c.pathData(p)
	if d == "" {
		return
	}
	c.buf.WriteString("<path")
	c.paint("fill")
	c.buf.WriteString(` d="` + d + "\"/>\n")
}

// dots draws filled circles of one colour as a single path of zero-length strokes with round caps, which takes a tenth of the
// bytes that circle elements take.
func (c *canvas) dots(pts []vg.Point, diameter float64) {
	if len(pts) == 0 {
		return
	}
	c.buf.WriteString("<path")
	c.paint("stroke")
	c.buf.WriteString(` stroke-width="` + coord(diameter) + `" stroke-linecap="round" d="`)
	for _, p := range pts {
		x, y := c.at(p)
		fx, fy := tenths(x), tenths(y)
		c.buf.Write(append(appendTenths(appendSpaced(appendTenths([]byte{'M'}, fx), fy), fy), 'h', '0'))
	}
	c.buf.WriteString("\"/>\n")
}

// ticks draws vertical strokes of one colour and height, upwards from their points, as a single path.
func (c *canvas) ticks(pts []vg.Point, height, width float64) {
	if len(pts) == 0 {
		return
	}
	c.buf.WriteString("<path")
	c.paint("stroke")
	c.buf.WriteString(` stroke-width="` + coord(width) + `" d="`)
	up := "v" + coord(-height)
	for _, p := range pts {
		x, y := c.at(p)
		c.buf.WriteString("M" + coord(x) + " " + coord(y) + up)
	}
	c.buf.WriteString("\"/>\n")
}

// paint writes the fill or stroke attribute of the current colour, with the class that lets it follow the colour scheme.
func (c *canvas) paint(attr string) {
	if k, ok := c.state.color.(tone); ok {
		c.buf.WriteString(` class="g` + attr[:1] + `-` + k.class + `" ` + attr + `="` + hex(k.NRGBA) + `"`)
		if k.A != 255 {
			c.buf.WriteString(` ` + attr + `-opacity="` + coord(float64(k.A)/255) + `"`)
		}
		return
	}
	k := color.NRGBAModel.Convert(c.state.color).(color.NRGBA)
	c.buf.WriteString(` ` + attr + `="` + hex(k) + `"`)
	if k.A != 255 {
		c.buf.WriteString(` ` + attr + `-opacity="` + coord(float64(k.A)/255) + `"`)
	}
}

// pathData writes a path. Points are rounded to a tenth of a pixel, and lines are written relative to the rounded point before, which
// halves the size of long curves and lets no error build up.
func (c *canvas) pathData(path vg.Path) string {
	var b []byte
	var x0, y0 int // the pen, in tenths
	var xs, ys int // where the current part of the path began
	var here vg.Point
	var op byte // the command in force, which need not be repeated
	put := func(cmd byte, ps ...vg.Point) {
		if cmd != 'l' || op != 'l' {
			b = append(b, cmd)
		} else {
			b = append(b, ' ')
		}
		op = cmd
		rel := cmd == 'l' || cmd == 'q' || cmd == 'c'
		var x, y int
		for i, p := range ps {
			fx, fy := c.at(p)
			x, y = tenths(fx), tenths(fy)
			if i > 0 {
				b = append(b, ' ')
			}
			if rel {
				b = appendTenths(appendSpaced(appendTenths(b, x-x0), y-y0), y-y0)
			} else {
				b = appendTenths(appendSpaced(appendTenths(b, x), y), y)
			}
		}
		x0, y0, here = x, y, ps[len(ps)-1]
	}
	for _, e := range path {
		switch e.Type {
		case vg.MoveComp:
			put('M', e.Pos)
			xs, ys = x0, y0
		case vg.LineComp:
			put('l', e.Pos)
		case vg.CloseComp:
			b, op = append(b, 'Z'), 'Z'
			x0, y0 = xs, ys
		case vg.CurveComp:
			if len(e.Control) == 1 {
				put('q', e.Control[0], e.Pos)
			} else {
				put('c', e.Control[0], e.Control[1], e.Pos)
			}
		case vg.ArcComp:
			// A cubic for each eighth of a turn is within 1e-5 of the radius and works under every transform.
			n := max(1, int(math.Ceil(math.Abs(e.Angle)/(math.Pi/4))))
			step := e.Angle / float64(n)
			k := vg.Length(4. / 3 * math.Tan(step/4))
			on := func(a float64) (p, tangent vg.Point) {
				sin, cos := math.Sincos(a)
				r := vg.Point{X: e.Radius * vg.Length(cos), Y: e.Radius * vg.Length(sin)}
				return e.Pos.Add(r), vg.Point{X: -r.Y, Y: r.X}
			}
			p0, t0 := on(e.Start)
			if len(b) == 0 {
				put('M', p0)
			} else if p0 != here {
				put('l', p0)
			}
			for i := 1; i <= n; i++ {
				p1, t1 := on(e.Start + float64(i)*step)
				put('c', p0.Add(t0.Scale(k)), p1.Sub(t1.Scale(k)), p1)
				p0, t0 = p1, t1
			}
		}
	}
	return string(b)
}

// tenths rounds a coordinate to tenths of a pixel; what is not a number, or far outside any figure, becomes a bound.
func tenths(v float64) int {
	if math.IsNaN(v) {
		return 0
	}
	return int(math.Round(math.Max(-1e5, math.Min(1e5, v)) * 10))
}

func appendTenths(b []byte, t int) []byte {
	if t < 0 {
		b, t = append(b, '-'), -t
	}
	if t >= 10 || t == 0 {
		b = strconv.AppendInt(b, int64(t/10), 10)
	}
	if t%10 != 0 {
		b = append(b, '.', byte('0'+t%10))
	}
	return b
}

// appendSpaced appends the space that must stand before a number unless its sign separates it.
func appendSpaced(b []byte, next int) []byte {
	if next < 0 {
		return b
	}
	return append(b, ' ')
}

func (c *canvas) FillString(f font.Face, pt vg.Point, s string) {
	if f.Font.Size <= 0 || s == "" {
		return
	}
	x, y := c.at(pt)
	c.buf.WriteString("<text")
	if m := c.state.m; m[1] != 0 || m[0] != 1 {
		c.buf.WriteString(` transform="translate(` + coord(x) + ` ` + coord(y) + `) rotate(` + coord(-math.Atan2(m[1], m[0])*180/math.Pi) + `)"`)
	} else {
		c.buf.WriteString(` x="` + coord(x) + `" y="` + coord(y) + `"`)
	}
	c.buf.WriteString(` font-size="` + coord(float64(f.Font.Size)) + `"`)
	if f.Font.Weight > 0 {
		c.buf.WriteString(` font-weight="bold"`)
	}
	c.paint("fill")
	c.buf.WriteString(">" + escape(s) + "</text>\n")
}

// DrawImage embeds the image as PNG. An image of fewer pixels than its place has is scaled up without smoothing, its pixels being
// cells of data, unless the canvas is told to smooth.
func (c *canvas) DrawImage(rect vg.Rectangle, img image.Image) {
	var data bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&data, img); err != nil {
		return // only an image of no pixels fails to encode
	}
	x, y := c.at(vg.Point{X: rect.Min.X, Y: rect.Max.Y})
	size := rect.Size()
	c.buf.WriteString(`<image x="` + coord(x) + `" y="` + coord(y) + `" width="` + coord(float64(size.X)) + `" height="` + coord(float64(size.Y)) +
		`" preserveAspectRatio="none"`)
	if b := img.Bounds(); !c.smooth && float64(b.Dx()) < float64(size.X) && float64(b.Dy()) < float64(size.Y) {
		c.buf.WriteString(` style="image-rendering:pixelated"`)
	}
	c.buf.WriteString(` href="data:image/png;base64,` + base64.StdEncoding.EncodeToString(data.Bytes()) + "\"/>\n")
}

// coord formats a coordinate with at most two decimals. Anything that is not a number becomes 0, so that a figure stays valid.
func coord(v float64) string { return string(appendCoord(nil, v)) }

func appendCoord(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, '0')
	}
	v = math.Round(v*100) / 100
	if v == 0 { // also −0
		return append(b, '0')
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

func hex(c color.NRGBA) string {
	const digits = "0123456789abcdef"
	return string([]byte{'#', digits[c.R>>4], digits[c.R&15], digits[c.G>>4], digits[c.G&15], digits[c.B>>4], digits[c.B&15]})
}

// escape makes text safe inside an SVG element or attribute. Control characters, which XML forbids, become spaces.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\ufffe' || r == '\uffff' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return escaper.Replace(s)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")
