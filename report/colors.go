package report

import (
	"image"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/palette/moreland"
)

// colorScale maps 0..1 to colours that look evenly spaced.
type colorScale struct{ table []color.NRGBA }

// sequential is for values that go one way: matplotlib's viridis, from eleven of its colours. diverging is Moreland's smooth blue to
// red, for values on both sides of zero. whitish runs from white to the blue of the palette, for tables with numbers on the cells; greys are for
// images of the body, which are read that way.
var (
	sequential = scaleOf(0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c, 0x22a884, 0x44bf70, 0x7ad151, 0xbddf26, 0xfde725)
	greys      = scaleOf(0x000000, 0xffffff)
	whitish    = scaleOf(0xf7fbff, 0xd0e2f2, 0x94c4e2, 0x4a97c9, 0x1a68ae, 0x083c7d)
	diverging  = func() colorScale {
		m := moreland.SmoothBlueRed()
		m.SetMin(0)
		m.SetMax(1)
		s := colorScale{make([]color.NRGBA, shades)}
		for i := range s.table {
			c, err := m.At(float64(i) / (shades - 1))
			if err != nil {
				c = color.Gray{Y: 221} // the scale's own middle; At fails only outside its range
			}
			s.table[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
		}
		return s
	}()
)

func scaleOf(anchors ...uint32) colorScale {
	s := colorScale{make([]color.NRGBA, shades)}
	for i := range s.table {
		t := float64(i) / (shades - 1) * float64(len(anchors)-1)
		k := min(int(t), len(anchors)-2)
		a, b, f := rgb(anchors[k]), rgb(anchors[k+1]), t-float64(k)
		mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x)*(1-f) + float64(y)*f)) }
		s.table[i] = color.NRGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
	}
	return s
}

// shades is the number of colours of a scale: with transparency they fill the palette of a PNG image.
const shades = 255

// index returns the number of the colour at t, which is clamped to 0..1.
func (s colorScale) index(t float64) int {
	return int(math.Max(0, math.Min(1, t))*(shades-1) + 0.5)
}

// at returns the colour at t, which is clamped to 0..1.
func (s colorScale) at(t float64) color.NRGBA { return s.table[s.index(t)] }

// canvas returns a transparent image in which the palette's entry 1+i is the scale's colour i.
func (s colorScale) canvas(w, h int) *image.Paletted {
	p := make(color.Palette, 0, shades+1)
	p = append(p, color.NRGBA{})
	for _, c := range s.table {
		p = append(p, c)
	}
	return image.NewPaletted(image.Rect(0, 0, w, h), p)
}

// textOn returns the colour, white or near black, that reads best on a background, by WCAG's contrast.
func textOn(bg color.NRGBA) color.NRGBA {
	if l := luminance(bg); (l+0.05)*(l+0.05) > 1.05*(luminance(ink.NRGBA)+0.05) {
		return ink.NRGBA
	}
	return color.NRGBA{255, 255, 255, 255}
}

// luminance is WCAG's relative luminance.
func luminance(c color.NRGBA) float64 {
	f := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*f(c.R) + 0.7152*f(c.G) + 0.0722*f(c.B)
}

// quantile returns the q quantile of values, which it does not change; NaN if there are none.
func quantile(vs []float64, q float64) float64 {
	if len(vs) == 0 {
		return math.NaN()
	}
	s := slices.Clone(vs)
	slices.Sort(s)
	at := q * float64(len(s)-1)
	k := min(int(at), len(s)-1)
	if k == len(s)-1 {
		return s[k]
	}
	return s[k] + (at-float64(k))*(s[k+1]-s[k])
}
