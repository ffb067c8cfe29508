package semanticlearning

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/report"
)

type patchesParams struct {
	Side      int     `param:"side" unit:"pixels" min:"2" max:"20" help:"width and height of the patches that a picture is cut into; of the rows of an array, their width"`
	Threshold float64 `param:"threshold" help:"values above it are on; the default takes 0 and 1 only in arrays, and half of white in pictures" min:"0" max:"1e9"`
	Cliques   int     `param:"cliques" min:"10" max:"1000" help:"cliques of four neurons, an even number"`
	Pictures  int     `param:"pictures" min:"100" max:"1000000" help:"patches shown one after another, drawn from those there are"`
	Period    float64 `param:"period" unit:"time units" min:"12" max:"10000" help:"how long each is shown"`
	Rate      float64 `param:"rate" min:"0" max:"1" help:"learning rate of afferent weights, per time unit"`
}

const mostPixels = 400

var patches = papers.Experiment{
	Name:    "patches",
	Summary: "Your own binary patches in place of bars: what each clique comes to stand for.",
	Params: papers.Presets[patchesParams]{
		Quick:   patchesParams{Side: 5, Cliques: 10, Pictures: 600, Period: 50, Rate: .005},
		Default: patchesParams{Side: 8, Cliques: 20, Pictures: 14_000, Period: 50, Rate: .005},
		Full:    patchesParams{Side: 8, Cliques: 20, Pictures: 42_000, Period: 50, Rate: .005},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Inputs: []papers.Input{{Name: "images", Required: true, Formats: []string{"PNG", "NPZ", "NPY"},
		Says: "a picture, cut into patches of side x side pixels, or an array [n, pixels] of at most 400 pixels"}},
	Metrics: []report.Metric{
		{ID: "agreement", Name: "agreement", Better: report.Higher, Says: "part of the winners that answer most to the patch before them; last 30 % of the patches"},
		{ID: "chance", Name: "chance", Says: "one of all cliques"},
		{ID: "life", Name: "mean life of a state", Unit: "time units"},
	},
	Systems: []report.System{
		{Name: systemClique, Role: report.Subject},
		{Name: systemUntrained, Role: report.Ablation, Says: "the weights of the start"},
	},
	Run: runPatches,
}

// readPatches reads binary patches of equal size and their width.
func readPatches(path string, side int, threshold float64) (list [][]bool, width int, err error) {
	if strings.EqualFold(filepath.Ext(path), ".png") {
		return cut(path, side, threshold)
	}
	return rows(path, side, threshold)
}

// mostSide bounds the pictures that are decoded.
const mostSide = 16_384

// cut reads a picture and cuts it into patches that do not overlap; what is left over at the right and below is left out.
func cut(path string, side int, threshold float64) ([][]bool, int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	c, err := png.DecodeConfig(f)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w; expected a PNG picture", path, err)
	}
	if c.Width > mostSide || c.Height > mostSide || c.Width < side || c.Height < side {
		return nil, 0, fmt.Errorf("%s: a picture of %d x %d pixels; expected %d to %d on either side", path, c.Width, c.Height, side, mostSide)
	}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, 0, err
	}
	picture, err := png.Decode(f)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w; expected a PNG picture", path, err)
	}
	if threshold == 0 {
		threshold = 127
	}
	var list [][]bool
	for y := 0; y+side <= c.Height; y += side {
		for x := 0; x+side <= c.Width; x += side {
			var patch []bool
			for dy := range side {
				for dx := range side {
					at := picture.Bounds().Min.Add(image.Pt(x+dx, y+dy))
					grey := color.GrayModel.Convert(picture.At(at.X, at.Y)).(color.Gray)
					patch = append(patch, float64(grey.Y) > threshold)
				}
			}
			list = append(list, patch)
		}
	}
	return list, side, nil
}

// rows reads an array [n, pixels].
func rows(path string, side int, threshold float64) ([][]bool, int, error) {
	arrays, err := recording.Arrays(path)
	if err != nil {
		return nil, 0, err
	}
	arrays = slices.DeleteFunc(arrays, func(a *recording.Array) bool { return len(a.Dims) != 2 })
	if len(arrays) != 1 {
		return nil, 0, fmt.Errorf("%s: %d arrays of two dimensions; expected one, [n, pixels]", path, len(arrays))
	}
	a := arrays[0].RowMajor()
	n, pixels := a.Dims[0], a.Dims[1]
	if n == 0 || pixels < 4 || pixels > mostPixels {
		return nil, 0, fmt.Errorf("%s: an array of %d patches of %d pixels; expected 1 or more of 4 to %d pixels; cut larger patches into smaller ones", path, n, pixels, mostPixels)
	}
	if pixels%side != 0 {
		return nil, 0, fmt.Errorf("%s: patches of %d pixels are no rows of %d; set side to the width of a patch", path, pixels, side)
	}
	values, err := a.Float64s()
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	list := make([][]bool, n)
	for i, v := range values {
		if math.IsNaN(v) || threshold == 0 && v != 0 && v != 1 {
			return nil, 0, fmt.Errorf("%s: pixel %d of patch %d is %g; expected 0 or 1, or set threshold above which values are on", path, i%pixels, i/pixels, v)
		}
		list[i/pixels] = append(list[i/pixels], v > threshold)
	}
	return list, side, nil
}

func runPatches(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[patchesParams](r)
	path, given := r.Input("images")
	if !given {
		return papers.Refuse(errors.New("this experiment needs images: --data images=FILE.png or FILE.npz"))
	}
	list, width, err := readPatches(path, p.Side, p.Threshold)
	if err != nil {
		return papers.Refuse(err)
	}
	on := 0
	for _, patch := range list {
		for _, x := range patch {
			if x {
				on++
			}
		}
	}
	part := float64(on) / float64(len(list)*len(list[0]))
	if on == 0 || part == 1 {
		return papers.Refuse(fmt.Errorf("%s: %.0f %% of all pixels are on; expected patches that differ; set another threshold", path, 100*part))
	}
	r.Note("%d patches of %d pixels, %.0f %% of them on.", len(list), len(list[0]), 100*part)
	graph, err := circulant(p.Cliques)
	if err != nil {
		return papers.Refuse(err)
	}
	net, err := newNetwork(graph, standard(), len(list[0]), plasticity{rate: p.Rate}, r.Rand("network"))
	if err != nil {
		return papers.Refuse(err)
	}
	untrained := net.clone(r.Rand("untrained"))
	untrained.learn.rate = 0
	order := r.Rand("order")
	pictures := make([]picture, p.Pictures)
	for i := range pictures {
		pictures[i] = picture{list[order.IntN(len(list))], -1}
	}
	done := 0
	for _, s := range []struct {
		name string
		net  *network
	}{{systemUntrained, untrained}, {systemClique, net}} {
		wins, err := s.net.live(ctx, pictures, 0, p.Period, func() {
			if done++; done%100 == 0 {
				r.Progress(papers.Progress{Stage: "watching", Done: done, Total: 2 * p.Pictures, Unit: "patches"})
			}
		})
		if err != nil {
			return err
		}
		last := after(wins, p.Pictures*7/10)
		r.Measure(s.name, "agreement", agreement(s.net, last, pictures))
		r.Measure(s.name, "chance", 1/float64(p.Cliques))
		r.Measure(s.name, "life", life(last))
	}
	fields := fieldsOf(net.v, graph)
	r.Figure(drawFields("fields", "What each clique has come to stand for", fields, width))
	return writeFields(filepath.Join(r.Dir, "receptive-fields.png"), fields, width)
}

// agreement is the part of wins by the clique that answers most.
func agreement(n *network, wins []win, pictures []picture) float64 {
	right := 0
	for _, w := range wins {
		best, top := -1, math.Inf(-1)
		for k, members := range n.g.members {
			sum := 0.
			for _, i := range members {
				sum += n.response(i, pictures[w.Picture].pixels) / float64(len(members))
			}
			if sum > top {
				best, top = k, sum
			}
		}
		if best == w.Clique {
			right++
		}
	}
	return float64(right) / float64(len(wins))
}

// writeFields writes receptive fields side by side as a picture, each pixel eight times as large, white the largest weight.
func writeFields(path string, fields [][]float64, width int) error {
	const zoom, gap = 8, 8
	height := len(fields[0]) / width
	picture := image.NewGray(image.Rect(0, 0, len(fields)*(width*zoom+gap)-gap, height*zoom))
	top := 0.
	for _, f := range fields {
		for _, x := range f {
			top = max(top, x)
		}
	}
	for k, f := range fields {
		for i, x := range f {
			for dy := range zoom {
				for dx := range zoom {
					picture.SetGray(k*(width*zoom+gap)+i%width*zoom+dx, i/width*zoom+dy, color.Gray{Y: uint8(255 * max(0, x) / max(top, 1e-12))})
				}
			}
		}
	}
	return papers.WriteFileAtomic(path, func(f *os.File) error { return png.Encode(f, picture) })
}
