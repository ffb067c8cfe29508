package inspection

import (
	"fmt"
	"math"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/nifti"
	"github.com/gyrus-dev/gyrus/report"
)

// grid is one volume in memory.
type grid struct {
	n      [3]int
	values []float64 // first axis fastest
}

func (g *grid) at(p [3]int) float64 { return g.values[p[0]+g.n[0]*(p[1]+g.n[1]*p[2])] }

// firstVolume reads the first volume; complex values and colours are not shown.
func firstVolume(im *nifti.Image) (*grid, error) {
	g := &grid{n: [3]int{1, 1, 1}}
	copy(g.n[:], im.Dims)
	a, err := im.Volume(0)
	if err != nil {
		return nil, err
	}
	if g.values, err = a.Float64s(); err != nil || len(g.values) != g.n[0]*g.n[1]*g.n[2] {
		return nil, nil
	}
	if a.Order != recording.ColumnMajor {
		return nil, fmt.Errorf("a volume in %s order", a.Order)
	}
	return g, nil
}

func drawVolume(s *report.Sheet, im *nifti.Image) error {
	g, err := firstVolume(im)
	if err != nil {
		return err
	}
	part := report.Part{ID: "slices", Title: "Slices"}
	if g == nil || len(g.values) == 0 {
		part.Text = "Its values are colours, complex numbers or none, which are not drawn."
	} else {
		part.Figures = g.figures(im)
	}
	s.Parts = append(s.Parts, part)
	rows := make([][]string, 3)
	for i, name := range []string{"right (x)", "front (y)", "up (z)"} {
		rows[i] = []string{name}
		for _, v := range im.Affine[i] {
			rows[i] = append(rows[i], fmt.Sprintf("%.6g", v))
		}
	}
	unit := im.SpaceUnit
	if unit == "" {
		unit = "unit not told, usually mm"
	}
	s.Parts = append(s.Parts, report.Part{ID: "affine", Title: "Where it is", Tables: []report.Table{{ID: "affine", Title: "Affine",
		Caption: fmt.Sprintf("Coordinates (%s) of the voxel with indices i, j, k: row by row, the sum of the columns times i, j, k and 1. The axes run %s.", unit, im.Axes()),
		Columns: []string{"", "i", "j", "k", "1"}, Rows: rows}}})
	return nil
}

func (g *grid) figures(im *nifti.Image) []report.Figure {
	var finite []float64
	for _, v := range g.values {
		if v-v == 0 {
			finite = append(finite, v)
		}
	}
	if len(finite) == 0 {
		return nil
	}
	low, high := quantile(finite, 0.01), quantile(finite, 0.995)
	if !(low < high) {
		low, high = quantile(finite, 0), quantile(finite, 1)
	}
	scale := report.Scale{Label: "value", Lim: [2]float64{low, high}}
	if !(low < high) {
		scale.Lim = [2]float64{}
	}
	p := g.middle()
	place := im.Position(p[0], p[1], p[2])
	slices := g.cuts(im)
	volumes := ""
	if n := im.Volumes(); n > 1 {
		volumes = fmt.Sprintf(" The first of %d volumes.", n)
	}
	figures := []report.Figure{report.Slices(report.Frame{ID: "slices", Title: "Through the middle of what is bright",
		Caption: fmt.Sprintf("Voxel (%d, %d, %d), at (%.4g, %.4g, %.4g).%s The left of the picture is the left of the head; voxels are put upright along their nearest axes, not resampled. Grey runs from the 1st to the 99.5th percentile.",
			p[0], p[1], p[2], place[0], place[1], place[2], volumes)}, scale, slices)}
	h := report.Histogram(report.Frame{ID: "values", Title: "Values", XLabel: "value", Caption: "Of the voxels that are not zero.", Height: 300},
		[]report.Sample{{Values: nonzero(finite)}}, binsFor(nonzero(finite)))
	return append(figures, h)
}

// cuts are the three through the middle, as a reader sees them: the head's left at the left, its front or top at the top.
func (g *grid) cuts(im *nifti.Image) []report.Slice {
	p := g.middle()
	place := im.Position(p[0], p[1], p[2])
	// Which axis of the array runs most to the right, to the front and up, and whether it runs the other way.
	axis, flip := orientation(im)
	var size [3]float64
	for d := range size {
		k := axis[d]
		length := 0.0
		for i := range 3 {
			length += im.Affine[i][k] * im.Affine[i][k]
		}
		size[d] = math.Sqrt(length)
		if !(size[d] > 0) {
			size[d] = 1
		}
	}
	cut := func(title string, across, down int, sides [4]string) report.Slice {
		a, b := axis[across], axis[down]
		nx, ny := g.n[a], g.n[b]
		out := report.Slice{Title: title, Width: float64(nx) * size[across], Height: float64(ny) * size[down], Sides: sides, Values: make([][]float64, ny)}
		for y := range ny {
			out.Values[y] = make([]float64, nx)
			for x := range nx {
				q := p
				q[a], q[b] = x, ny-1-y // the picture's top is the far end of the axis
				if flip[across] {
					q[a] = nx - 1 - x
				}
				if flip[down] {
					q[b] = y
				}
				out.Values[y][x] = g.at(q)
			}
		}
		out.Across, out.Down = p[a], ny-1-p[b]
		if flip[across] {
			out.Across = nx - 1 - p[a]
		}
		if flip[down] {
			out.Down = p[b]
		}
		return out
	}
	title := func(name, letter string, i int) string { return fmt.Sprintf("%s, %s = %.3g", name, letter, place[i]) }
	return []report.Slice{
		cut(title("sagittal", "x", 0), 1, 2, [4]string{"P", "A", "S", "I"}),
		cut(title("coronal", "y", 1), 0, 2, [4]string{"L", "R", "S", "I"}),
		cut(title("axial", "z", 2), 0, 1, [4]string{"L", "R", "A", "P"}),
	}
}

// binsFor is how many bins a histogram has: of whole numbers, each bin as many of them as the others if that can be had, so that it shows no
// stripes.
func binsFor(values []float64) int {
	const most = 64
	lowest, highest := quantile(values, 0), quantile(values, 1)
	for _, v := range values {
		if v != math.Trunc(v) {
			return most
		}
	}
	span := int(math.Min(highest-lowest, 1e9))
	for each := max(1, (span+most-1)/most); each <= span/8; each++ {
		if span%each == 0 {
			return span / each
		}
	}
	return max(1, min(span, most))
}

func nonzero(v []float64) []float64 {
	var out []float64
	for _, x := range v {
		if x != 0 {
			out = append(out, x)
		}
	}
	return out
}

// middle is the centre of mass of the voxels above the mean, or of all.
func (g *grid) middle() [3]int {
	mean, n := 0.0, 0
	for _, v := range g.values {
		if v-v == 0 {
			mean += v
			n++
		}
	}
	mean /= float64(max(n, 1))
	var sum [3]float64
	count := 0.0
	i := 0
	for z := range g.n[2] {
		for y := range g.n[1] {
			for x := range g.n[0] {
				if g.values[i] > mean {
					sum[0], sum[1], sum[2] = sum[0]+float64(x), sum[1]+float64(y), sum[2]+float64(z)
					count++
				}
				i++
			}
		}
	}
	out := [3]int{g.n[0] / 2, g.n[1] / 2, g.n[2] / 2}
	if count > 0 {
		for d := range out {
			out[d] = int(math.Round(sum[d] / count))
		}
	}
	return out
}

// orientation gives for right, front and up the axis of the image that runs along it most, each axis once, and whether against it.
func orientation(im *nifti.Image) (axis [3]int, flip [3]bool) {
	best := -1.0
	for _, p := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		score := 0.0
		for d, k := range p {
			length := math.Hypot(math.Hypot(im.Affine[0][k], im.Affine[1][k]), im.Affine[2][k])
			if length > 0 {
				score += math.Abs(im.Affine[d][k]) / length
			}
		}
		if score > best+1e-9 {
			best, axis = score, p
		}
	}
	for d, k := range axis {
		flip[d] = im.Affine[d][k] < 0
	}
	return axis, flip
}
