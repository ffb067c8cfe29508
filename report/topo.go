package report

import (
	"cmp"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sensor is a sensor on the head seen from above, nose up.
type Sensor struct {
	Name string
	X, Y float64 // right and forward, in radii of the head: the circle of radius 1 goes through nasion, ears and inion
}

// SensorAt projects a position on the head (x right, y forward, z up, in any unit, origin at the centre of the head) onto the map:
// the angle from the vertex becomes the distance from the middle, so that what lies on the level of the ears lies on the circle.
func SensorAt(name string, x, y, z float64) Sensor {
	flat := math.Hypot(x, y)
	if flat == 0 {
		return Sensor{Name: name}
	}
	r := math.Atan2(flat, z) / (math.Pi / 2)
	return Sensor{Name: name, X: r * x / flat, Y: r * y / flat}
}

// ScalpValues is one map of a [Topomap].
type ScalpValues struct {
	Label  string    // written above the map
	Values []float64 // one per sensor; a sensor whose value is not finite is left out
}

// Topomap draws values at sensors as maps of the scalp, side by side on one colour scale: a thin-plate spline through the values,
// contour lines, and the sensors as dots, named if there is room for names. The map ends one sensor spacing beyond the outermost sensors,
// towards which it levels off to the mean of the sensors nearby; where no sensor is near, the head stays blank. Between sensors the map is
// interpolation, not measurement. Only f's ID, Title and Caption are used.
func Topomap(f Frame, sensors []Sensor, scale Scale, maps ...ScalpValues) Figure {
	var all [][]float64
	for i := range maps {
		all = append(all, maps[i].Values)
	}
	fitted := scale.fitted(all)
	barRoom := fitted.room(scale.Label) + 8
	perRow := max(1, min(len(maps), 4))
	cell := math.Min(420, (figureWidth-barRoom-8)/float64(perRow))
	rows := (len(maps) + perRow - 1) / perRow
	label := 0.0
	for _, m := range maps {
		if m.Label != "" {
			label = 22
		}
	}
	tall := cell + label
	var remarks []string
	small := textStyle(noteSize, muted, draw.XLeft, draw.YBottom)
	splines := make([]*spline, len(maps))
	for i, m := range maps {
		s, why := newSpline(sensors, m.Values)
		splines[i] = s
		if why != "" {
			remarks = append(remarks, wrap(small, oneLine(m.Label+" "+why), figureWidth-24, 2)...)
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(sensors), func(q Sensor) bool { return !(math.Hypot(q.X, q.Y) > topoEdge) })); n > 0 {
		remarks = append(remarks, fixed(float64(n), 0)+" of "+fixed(float64(len(sensors)), 0)+" sensors lie far below the ears and are not shown.")
	}
	if len(maps) == 0 {
		remarks = append(remarks, "Nothing to draw: no values.")
	}
	h := 12 + tall*float64(rows) + float64(len(remarks)*(noteSize+4)) + 8
	c := newCanvas(figureWidth, math.Max(60, h))
	c.smooth = true
	area := c.area()
	for i, r := range remarks {
		area.FillText(small, vg.Point{X: 12, Y: vg.Length(8 + (len(remarks)-1-i)*(noteSize+4))}, r)
	}
	left := math.Max(8, (figureWidth-barRoom-cell*float64(perRow))/2)
	for i, m := range maps {
		x := left + cell*float64(i%perRow)
		y := c.h - 6 - tall*float64(i/perRow+1)
		if m.Label != "" {
			sty := textStyle(labelSize, ink, draw.XCenter, draw.YBottom)
			area.FillText(sty, vg.Point{X: vg.Length(x + cell/2), Y: vg.Length(y + cell + 4)}, fit(sty, oneLine(m.Label), cell-8))
		}
		head{area, c, x + cell/2, y + cell/2 - cell*0.015, cell * 0.38}.draw(sensors, m.Values, splines[i], &fitted)
	}
	if len(maps) > 0 {
		mid, half := c.h-6-tall*float64(rows)/2-label/2, math.Min(tall*float64(rows)-label-24, 300)/2
		fitted.bar(area, vg.Length(left+cell*float64(perRow)+16), vg.Length(mid-half), vg.Length(mid+half))
	}
	return Figure{ID: f.ID, Title: f.Title, Caption: f.Caption, SVG: c.svg(f.Title, f.Caption)}
}

// head is the place of one map on the canvas.
type head struct {
	area   draw.Canvas
	c      *canvas
	x, y   float64 // centre
	radius float64
}

func (h head) at(x, y float64) vg.Point {
	return vg.Point{X: vg.Length(h.x + h.radius*x), Y: vg.Length(h.y + h.radius*y)}
}

// The head is drawn as a circle of radius topoReach, and nothing is drawn beyond topoEdge, in radii of the head.
const (
	topoReach = 1.06
	topoEdge  = 1.31
)

func (h head) draw(sensors []Sensor, values []float64, s *spline, scale *fittedScale) {
	if s != nil {
		n := int(math.Max(84, math.Min(190, 2.4*h.radius))) // pixels along each side
		field := make([][]float64, n)                       // from the bottom up; NaN where the map has ended
		img := scale.colors.canvas(n, n)
		for j := range field {
			field[j] = make([]float64, n)
			for i := range field[j] {
				x, y := gridAt(float64(i), n), gridAt(float64(j), n)
				field[j][i] = math.NaN()
				if s.covers(x, y, 4*topoEdge/float64(n)) { // two pixels more, which the frame hides
					field[j][i] = s.at(x, y)
					img.SetColorIndex(i, n-1-j, uint8(1+scale.colors.index(scale.place(field[j][i]))))
				}
			}
		}
		h.area.DrawImage(vg.Rectangle{Min: h.at(-topoEdge, -topoEdge), Max: h.at(topoEdge, topoEdge)}, img)
		h.frame(s)
		h.contours(field, s, scale)
	}
	// Nose, ears, outline.
	line := draw.LineStyle{Color: ink, Width: 1.8}
	h.area.SetLineStyle(line)
	var p vg.Path
	p.Move(h.at(-0.17, 1.045))
	p.QuadTo(h.at(-0.06, 1.10), h.at(0, 1.21))
	p.QuadTo(h.at(0.06, 1.10), h.at(0.17, 1.045))
	for _, side := range []float64{-1, 1} {
		p.Move(h.at(side*1.04, 0.2))
		p.CubeTo(h.at(side*1.20, 0.28), h.at(side*1.17, 0.02), h.at(side*1.15, -0.05))
		p.CubeTo(h.at(side*1.17, -0.22), h.at(side*1.11, -0.26), h.at(side*1.04, -0.2))
	}
	h.area.Stroke(p)
	p = vg.Path{}
	p.Move(h.at(topoReach, 0))
	p.Arc(h.at(0, 0), vg.Length(topoReach*h.radius), 0, 2*math.Pi)
	p.Close()
	h.area.Stroke(p)

	// Sensors. Names need room: about 28 pixels to the nearest neighbour.
	named := nearest(sensors)*h.radius >= 26
	sty := textStyle(11, rgb(0x111111), draw.XCenter, draw.YTop)
	var dots []vg.Point
	for i, q := range sensors {
		if i >= len(values) || !finite(values[i]) || !(math.Hypot(q.X, q.Y) <= topoEdge) {
			continue
		}
		dots = append(dots, h.at(q.X, q.Y))
		if named && q.Name != "" {
			sty.Color = textOn(scale.color(values[i]))
			if s == nil || !s.covers(q.X, q.Y-12/h.radius, 0) { // the name stands on the page
				sty.Color = ink
			}
			h.area.FillText(sty, h.at(q.X, q.Y).Add(vg.Point{Y: -1}), fit(sty, oneLine(q.Name), 40))
		}
	}
	h.area.SetColor(rgb(0x111111))
	h.c.dots(dots, 4)
}

// frame covers what lies beyond the edge of the map, so that its outline is smooth.
func (h head) frame(s *spline) {
	const far = topoEdge + 0.01
	var p vg.Path
	p.Move(h.at(-far, -far))
	p.Line(h.at(-far, far))
	p.Line(h.at(far, far))
	p.Line(h.at(far, -far))
	p.Close()
	for i, q := range s.edge() { // the other way round, so that it is left open
		if i == 0 {
			p.Move(h.at(q[0], q[1]))
		} else {
			p.Line(h.at(q[0], q[1]))
		}
	}
	p.Close()
	h.area.SetColor(page)
	h.area.Fill(p)
}

// gridAt returns where column or row i of n of the image lies, in radii of the head.
func gridAt(i float64, n int) float64 { return (2*(i+0.5)/float64(n) - 1) * topoEdge }

// contours draws lines of equal value at the round steps of the scale.
func (h head) contours(field [][]float64, s *spline, scale *fittedScale) {
	step := roundStep((scale.hi - scale.lo) / 16)
	var p vg.Path
	for k := math.Ceil(scale.lo / step); k*step <= scale.hi; k++ {
		for _, chain := range isolines(field, k*step) {
			pen := false
			for i, q := range chain {
				x, y := gridAt(q[0], len(field)), gridAt(q[1], len(field))
				if !s.covers(x, y, 0) {
					pen = false
					continue
				}
				if !pen {
					p.Move(h.at(x, y))
				} else if i%2 == 0 || i == len(chain)-1 {
					p.Line(h.at(x, y))
				}
				pen = true
			}
		}
	}
	h.area.SetLineStyle(draw.LineStyle{Color: color.NRGBA{17, 17, 17, 120}, Width: 0.8})
	h.area.Stroke(p)
}

// isolines returns the lines on which the grid, indexed [y][x], takes the level: marching squares, joined end to end. Points are in grid
// coordinates.
func isolines(g [][]float64, level float64) [][][2]float64 {
	// An edge of the grid is named by its lower left end and whether it goes up.
	type edge struct {
		x, y int
		up   bool
	}
	cross := func(e edge) [2]float64 {
		a := g[e.y][e.x]
		if e.up {
			return [2]float64{float64(e.x), float64(e.y) + (level-a)/(g[e.y+1][e.x]-a)}
		}
		return [2]float64{float64(e.x) + (level-a)/(g[e.y][e.x+1]-a), float64(e.y)}
	}
	next := map[edge][]edge{}
	var order []edge
	join := func(a, b edge) {
		if len(next[a]) == 0 {
			order = append(order, a)
		}
		if len(next[b]) == 0 {
			order = append(order, b)
		}
		next[a], next[b] = append(next[a], b), append(next[b], a)
	}
	for y := 0; y+1 < len(g); y++ {
		for x := 0; x+1 < len(g[y]); x++ {
			ll, lr, ul, ur := g[y][x] > level, g[y][x+1] > level, g[y+1][x] > level, g[y+1][x+1] > level
			bottom, top, left, right := edge{x, y, false}, edge{x, y + 1, false}, edge{x, y, true}, edge{x + 1, y, true}
			var hit []edge
			if ll != lr {
				hit = append(hit, bottom)
			}
			if lr != ur {
				hit = append(hit, right)
			}
			if ul != ur {
				hit = append(hit, top)
			}
			if ll != ul {
				hit = append(hit, left)
			}
			switch len(hit) {
			case 2:
				join(hit[0], hit[1])
			case 4: // a saddle: the value in the middle says which corners belong together
				if ((g[y][x]+g[y][x+1]+g[y+1][x]+g[y+1][x+1])/4 > level) == ll {
					join(bottom, right)
					join(top, left)
				} else {
					join(bottom, left)
					join(top, right)
				}
			}
		}
	}
	var lines [][][2]float64
	used := map[edge]bool{}
	walk := func(start edge) {
		var line [][2]float64
		for e, ok := start, true; ok; {
			used[e] = true
			line = append(line, cross(e))
			ok = false
			for _, n := range next[e] {
				if !used[n] {
					e, ok = n, true
					break
				}
			}
		}
		if len(next[start]) == 2 {
			line = append(line, line[0]) // a ring
		}
		lines = append(lines, line)
	}
	for _, e := range order { // open lines begin at an edge with one neighbour
		if !used[e] && len(next[e]) == 1 {
			walk(e)
		}
	}
	for _, e := range order {
		if !used[e] {
			walk(e)
		}
	}
	return lines
}

// nearest returns the smallest distance between two sensors.
func nearest(s []Sensor) float64 {
	d := math.Inf(1)
	for i := range s {
		for j := range i {
			d = math.Min(d, math.Hypot(s[i].X-s[j].X, s[i].Y-s[j].Y))
		}
	}
	return d
}

// spline is a thin-plate spline, the surface of least bending, through values at points and through points around them.
type spline struct {
	x, y, w []float64
	a       [3]float64 // plane: a0 + a1 x + a2 y

	hull   [][2]float64 // corners of the convex hull of the sensors, anticlockwise
	margin float64      // how far beyond the hull the map goes on
}

// newSpline returns the spline, or nil and the reason why there is none.
func newSpline(sensors []Sensor, values []float64) (*spline, string) {
	if len(values) != len(sensors) {
		return nil, "Not interpolated: " + fixed(float64(len(values)), 0) + " values for " + fixed(float64(len(sensors)), 0) + " sensors."
	}
	s := &spline{}
	var v []float64
	for i, q := range sensors {
		if finite(values[i]) && math.Hypot(q.X, q.Y) <= topoEdge {
			s.x, s.y, v = append(s.x, q.X), append(s.y, q.Y), append(v, values[i])
		}
	}
	if len(v) < 3 {
		return nil, "Not interpolated: fewer than three sensors have a value."
	}
	const cannot = "Not interpolated: sensors share a place or lie on one line."
	s.hull = convexHull(s.x, s.y)
	spacing := spacingOf(s.x, s.y)
	if len(s.hull) < 3 || spacing < 1e-6 {
		return nil, cannot
	}
	s.margin = math.Max(0.08, math.Min(0.3, spacing))
	v = s.fence(v)
	n := len(v)
	m := mat.NewDense(n+3, n+3, nil)
	b := mat.NewVecDense(n+3, nil)
	for i := range n {
		for j := range n {
			m.Set(i, j, bend(s.x[i]-s.x[j], s.y[i]-s.y[j]))
		}
		for k, p := range []float64{1, s.x[i], s.y[i]} {
			m.Set(i, n+k, p)
			m.Set(n+k, i, p)
		}
		b.SetVec(i, v[i])
	}
	var w mat.VecDense
	if err := w.SolveVec(m, b); err != nil {
		return nil, cannot
	}
	s.w = make([]float64, n)
	for i := range s.w {
		s.w[i] = w.AtVec(i)
	}
	for k := range s.a {
		s.a[k] = w.AtVec(n + k)
	}
	return s, ""
}

// fence adds points around the sensors, at the margin from their hull, and returns the values with those of the fence: means of the sensors
// weighted by the inverse fourth power of distance, so that the nearest count. Without it a spline goes on beyond the sensors with the
// slope it has there, to values nobody measured.
func (s *spline) fence(values []float64) []float64 {
	sensors := len(values)
	for _, p := range s.around() {
		sum, weight := 0.0, 0.0
		for i := range sensors {
			w := 1 / math.Pow(math.Hypot(p[0]-s.x[i], p[1]-s.y[i]), 4)
			sum, weight = sum+w*values[i], weight+w
		}
		s.x, s.y, values = append(s.x, p[0]), append(s.y, p[1]), append(values, sum/weight)
	}
	return values
}

// around returns points at the margin from the hull, about a margin apart: along every side, and on the arc round every corner.
func (s *spline) around() (points [][2]float64) {
	n := len(s.hull)
	side := func(k int) (p, q [2]float64, length, angle float64) {
		p, q = s.hull[k%n], s.hull[(k+1)%n]
		return p, q, math.Hypot(q[0]-p[0], q[1]-p[1]), math.Atan2(p[0]-q[0], q[1]-p[1]) // of the outward normal
	}
	for k := range s.hull {
		p, q, length, angle := side(k)
		_, _, _, next := side(k + 1)
		sin, cos := math.Sincos(angle)
		parts := math.Ceil(length / s.margin)
		for i := range int(parts) {
			t := (float64(i) + 0.5) / parts
			points = append(points, [2]float64{p[0] + t*(q[0]-p[0]) + s.margin*cos, p[1] + t*(q[1]-p[1]) + s.margin*sin})
		}
		turn := math.Mod(next-angle+2*math.Pi, 2*math.Pi)
		for arc, i := math.Ceil(turn), 0; i < int(arc); i++ {
			sin, cos := math.Sincos(angle + turn*(float64(i)+0.5)/arc)
			points = append(points, [2]float64{q[0] + s.margin*cos, q[1] + s.margin*sin})
		}
	}
	return points
}

// covers reports whether the map reaches a place, or would if it reached that much further: it does within the margin of the hull, and
// outside the head within the hull only.
func (s *spline) covers(x, y, further float64) bool {
	limit := s.margin
	if math.Hypot(x, y) > topoReach {
		limit = 0.04 // for sensors below the ears, just their dots
	}
	return s.outside(x, y) <= limit+further
}

// edge returns the outline of the map, anticlockwise. Seen from the middle of the hull it has one distance in each direction, since the map is
// made of convex shapes that hold the hull.
func (s *spline) edge() [][2]float64 {
	var middle [2]float64
	for _, p := range s.hull {
		middle[0], middle[1] = middle[0]+p[0]/float64(len(s.hull)), middle[1]+p[1]/float64(len(s.hull))
	}
	const directions = 200
	out := make([][2]float64, directions)
	for k := range out {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / directions)
		in, beyond := 0.0, 2*topoEdge+1
		for beyond-in > 1e-3 {
			if r := (in + beyond) / 2; s.covers(middle[0]+r*cos, middle[1]+r*sin, 0) {
				in = r
			} else {
				beyond = r
			}
		}
		out[k] = [2]float64{middle[0] + in*cos, middle[1] + in*sin}
	}
	return out
}

// outside returns how far a place lies from the hull; 0 within it.
func (s *spline) outside(x, y float64) float64 {
	inside, d := true, math.Inf(1)
	for k, p := range s.hull {
		q := s.hull[(k+1)%len(s.hull)]
		dx, dy := q[0]-p[0], q[1]-p[1]
		inside = inside && dx*(y-p[1])-dy*(x-p[0]) >= 0
		t := math.Max(0, math.Min(1, (dx*(x-p[0])+dy*(y-p[1]))/(dx*dx+dy*dy)))
		d = math.Min(d, math.Hypot(x-p[0]-t*dx, y-p[1]-t*dy))
	}
	if inside {
		return 0
	}
	return d
}

// convexHull returns the corners of the smallest convex shape that holds the points, anticlockwise; fewer than three if the points lie on a
// line (Andrew's monotone chain).
func convexHull(x, y []float64) [][2]float64 {
	order := make([][2]float64, len(x))
	for i := range order {
		order[i] = [2]float64{x[i], y[i]}
	}
	slices.SortFunc(order, func(p, q [2]float64) int { return cmp.Or(cmp.Compare(p[0], q[0]), cmp.Compare(p[1], q[1])) })
	var hull [][2]float64
	half := func(p [2]float64, floor int) {
		for len(hull) >= floor+2 {
			a, b := hull[len(hull)-2], hull[len(hull)-1]
			if (b[0]-a[0])*(p[1]-a[1])-(b[1]-a[1])*(p[0]-a[0]) > 1e-9 {
				break
			}
			hull = hull[:len(hull)-1]
		}
		hull = append(hull, p)
	}
	for _, p := range order {
		half(p, 0)
	}
	floor := len(hull) - 1
	for _, p := range slices.Backward(order[:len(order)-1]) {
		half(p, floor)
	}
	return hull[:len(hull)-1]
}

// spacingOf returns the median distance of a point to its nearest neighbour.
func spacingOf(x, y []float64) float64 {
	var d []float64
	for i := range x {
		least := math.Inf(1)
		for j := range x {
			if i != j {
				least = math.Min(least, math.Hypot(x[i]-x[j], y[i]-y[j]))
			}
		}
		d = append(d, least)
	}
	return quantile(d, 0.5)
}

// bend is the thin plate's response at a distance: r² log r.
func bend(dx, dy float64) float64 {
	r2 := dx*dx + dy*dy
	if r2 == 0 {
		return 0
	}
	return 0.5 * r2 * math.Log(r2)
}

func (s *spline) at(x, y float64) float64 {
	v := s.a[0] + s.a[1]*x + s.a[2]*y
	for i, w := range s.w {
		v += w * bend(x-s.x[i], y-s.y[i])
	}
	return v
}
