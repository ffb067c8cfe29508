package report

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Slice is one cut through a volume.
type Slice struct {
	Title  string      // such as "sagittal, x = 3 mm"
	Values [][]float64 // rows from the top of the picture down; a cell that is not finite stays empty
	// Width and Height are the lengths of the cut's sides in one unit for all slices, such as mm; voxels need not be cubes.
	Width, Height float64
	// Across and Down are where the crosshair is, in cells from the left and from the top.
	Across, Down int
	// Sides name the left, right, upper and lower side, such as L R S I; they may be empty.
	Sides [4]string
}

// Slices draws cuts through a volume side by side, on one scale of grey and one of length, with a crosshair where they meet. Only f's ID,
// Title and Caption are used.
func Slices(f Frame, scale Scale, slices []Slice) Figure {
	var all [][]float64
	wide, high := 0.0, 0.0
	for i := range slices {
		all = append(all, slices[i].Values...)
		if finite(slices[i].Width) && finite(slices[i].Height) && slices[i].Width > 0 && slices[i].Height > 0 {
			wide, high = wide+slices[i].Width, math.Max(high, slices[i].Height)
		}
	}
	fitted := scale.fitted(all)
	if !scale.Signed {
		fitted.colors = greys
	}
	if !(wide > 0) {
		c := newCanvas(figureWidth, 60)
		area := c.area()
		area.FillText(textStyle(noteSize, muted, draw.XLeft, draw.YBottom), vg.Point{X: 12, Y: 8}, "Nothing to draw: no slices.")
		return Figure{ID: f.ID, Title: f.Title, Caption: f.Caption, SVG: c.svg(f.Title, f.Caption)}
	}
	const gap, top, edge = 20., 26., 16. // between slices; above them for titles; around them for the names of sides
	barRoom := fitted.room(scale.Label) + 8
	n := float64(len(slices))
	perUnit := math.Min((figureWidth-barRoom-16-n*2*edge-(n-1)*gap)/wide, 420/high)
	c := newCanvas(figureWidth, math.Max(150, high*perUnit+top+2*edge+14))
	c.smooth = true
	area := c.area()
	title := textStyle(tickSize, ink, draw.XLeft, draw.YBottom)
	x := 8.0
	for _, s := range slices {
		w, h := s.Width*perUnit, s.Height*perUnit
		if !(w > 0) || !(h > 0) || len(s.Values) == 0 {
			continue
		}
		left, y := x+edge, c.h-top-edge-(high*perUnit+h)/2
		box := vg.Rectangle{Min: vg.Point{X: vg.Length(left), Y: vg.Length(y)}, Max: vg.Point{X: vg.Length(left + w), Y: vg.Length(y + h)}}
		area.FillText(title, vg.Point{X: vg.Length(x + 4), Y: vg.Length(c.h - top + 6)}, fit(title, oneLine(s.Title), w+2*edge+gap-6))
		area.SetColor(grid)
		area.Fill(box.Path())
		rows := len(s.Values)
		cols := len(s.Values[0])
		img := fitted.colors.canvas(cols, rows)
		for r, row := range s.Values {
			for k, v := range row {
				if finite(v) && k < cols {
					img.SetColorIndex(k, r, uint8(1+fitted.colors.index(fitted.place(v))))
				}
			}
		}
		area.DrawImage(box, img)
		if s.Across >= 0 && s.Across < cols && s.Down >= 0 && s.Down < rows {
			cx, cy := left+w*(float64(s.Across)+0.5)/float64(cols), y+h*(1-(float64(s.Down)+0.5)/float64(rows))
			line := draw.LineStyle{Color: color.NRGBA{0xe6, 0x9f, 0, 230}, Width: 1}
			const hole = 6 // so that the voxel itself can be seen
			for _, p := range [][4]float64{{left, cy, cx - hole, cy}, {cx + hole, cy, left + w, cy}, {cx, y, cx, cy - hole}, {cx, cy + hole, cx, y + h}} {
				if p[2] >= p[0] && p[3] >= p[1] {
					area.StrokeLine2(line, vg.Length(p[0]), vg.Length(p[1]), vg.Length(p[2]), vg.Length(p[3]))
				}
			}
		}
		side := func(text string, at vg.Point) {
			area.FillText(textStyle(noteSize, muted, draw.XCenter, draw.YCenter), at, text)
		}
		side(s.Sides[0], vg.Point{X: vg.Length(left - edge/2), Y: vg.Length(y + h/2)})
		side(s.Sides[1], vg.Point{X: vg.Length(left + w + edge/2), Y: vg.Length(y + h/2)})
		side(s.Sides[2], vg.Point{X: vg.Length(left + w/2), Y: vg.Length(y + h + edge/2)})
		side(s.Sides[3], vg.Point{X: vg.Length(left + w/2), Y: vg.Length(y - edge/2)})
		x += w + 2*edge + gap
	}
	half := math.Min(high*perUnit, 300) / 2
	middle := c.h - top - edge - high*perUnit/2
	half = math.Max(half, 40)
	fitted.bar(area, vg.Length(x-gap+8), vg.Length(middle-half), vg.Length(middle+half))
	return Figure{ID: f.ID, Title: f.Title, Caption: f.Caption, SVG: c.svg(f.Title, f.Caption)}
}
