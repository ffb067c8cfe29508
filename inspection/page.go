package inspection

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/events"
	"github.com/gyrus-dev/gyrus/recording/nifti"
	"github.com/gyrus-dev/gyrus/report"
)

// Page describes the file or folder at path and draws what is in it.
func Page(path string) (*report.Sheet, error) {
	d, err := Describe(path)
	if err != nil {
		return nil, err
	}
	return PageOf(path, d)
}

// PageOf is Page for a file that is described already.
func PageOf(path string, d *recording.Description) (*report.Sheet, error) {
	s := &report.Sheet{Kind: "Recording", Title: filepath.Base(path), Summary: fmt.Sprintf("%s, %s", d.Title, bytesText(d.Bytes)), Command: "gyrus inspect --page " + strconv.Quote(path)}
	for _, p := range d.Properties {
		s.Facts = append(s.Facts, report.Fact{Name: p.Name, Value: p.Value})
	}
	for _, w := range d.Warnings {
		s.Notes = append(s.Notes, report.Note{Warning: true, Text: w})
	}
	var err error
	switch d.Format {
	case "nifti", "mgh":
		s.Kind = "Image"
		err = volume(s, path)
	case "aedat", "nmnist":
		s.Kind = "Event camera"
		err = eventCamera(s, path)
	default:
		err = signals(s, path, d)
	}
	return s, err
}

// signals shows a file as a recording if it can be read as one, and else lists what it holds.
func signals(s *report.Sheet, path string, d *recording.Description) error {
	r, err := Open(path)
	var own *recording.Error
	switch {
	case err == nil:
		defer r.Close()
		return recorded(s, r, d)
	case !errors.As(err, &own):
		return err
	}
	if d.Format == "fif" {
		if err := averages(s, path); err != nil {
			return err
		}
	}
	if len(s.Parts) == 0 {
		s.Kind = "Data"
	}
	if len(d.Items) > 0 {
		s.Parts = append(s.Parts, report.Part{ID: "contents", Title: "Contents", Tree: branches(d.Items)})
	}
	return nil
}

// branches are the items of a description as a tree.
func branches(items []recording.Item) []report.Branch {
	var out []report.Branch
	for _, it := range items {
		b := report.Branch{Name: it.Name, Kind: it.Type, Says: it.Range.String(), In: branches(it.Items)}
		if it.Dims != nil {
			b.Kind = recording.FormatDims(it.Dims) + " " + it.Type
		}
		if it.Text != "" {
			if b.Says != "" {
				b.Says += ", "
			}
			b.Says += it.Text
		}
		out = append(out, b)
	}
	return out
}

// eventCamera shows how many events there were over time, and where.
func eventCamera(s *report.Sheet, path string) error {
	f, err := events.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	first, last, width, height := int64(0), int64(0), f.Width, f.Height
	n := 0
	err = f.Blocks(func(e events.Events) error {
		for i, t := range e.T {
			if n == 0 {
				first, last = t, t
			}
			first, last = min(first, t), max(last, t)
			width, height = max(width, int(e.X[i])+1), max(height, int(e.Y[i])+1)
			n++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n == 0 {
		s.Notes = append(s.Notes, report.Note{Text: "The file holds no events."})
		return nil
	}
	const bins = 200
	span := float64(last-first)/1e6 + 1e-6
	var rates [2][]float64
	rates[0], rates[1] = make([]float64, bins), make([]float64, bins)
	image := make([][]float64, height)
	for y := range image {
		image[y] = make([]float64, width)
	}
	err = f.Blocks(func(e events.Events) error {
		for i, t := range e.T {
			bin := min(bins-1, int(float64(t-first)/1e6/span*bins))
			sign := 0
			if e.On[i] {
				sign = 1
			}
			rates[sign][bin] += bins / span / 1e3
			image[e.Y[i]][e.X[i]] += float64(2*sign - 1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	times := make([]float64, bins)
	for i := range times {
		times[i] = (float64(i) + 0.5) * span / bins
	}
	// A few hot pixels must not set the scale.
	var sizes []float64
	for _, row := range image {
		for _, v := range row {
			if v != 0 {
				sizes = append(sizes, max(v, -v))
			}
		}
	}
	most := cmp.Or(quantile(sizes, 0.99), 1)
	s.Parts = append(s.Parts, report.Part{ID: "events", Title: "Events", Figures: []report.Figure{
		report.LinePlot(report.Frame{ID: "rate", Title: "Rate", Caption: fmt.Sprintf("%s events, in %d bins of %.4g ms.", counted(n), bins, 1e3*span/bins), XLabel: "time (s)", YLabel: "thousand events per second"},
			[]report.Series{{Name: "brighter", X: times, Y: rates[1]}, {Name: "darker", X: times, Y: rates[0]}}),
		report.HeatMap(report.Frame{ID: "image", Title: "Accumulated image", XLabel: "x (pixel)", YLabel: "y (pixel)", Square: true, Height: 480,
			Caption: "All events: brighter ones counted up, darker ones down. Colours end at the 99th percentile."},
			report.Heat{Values: image, Scale: report.Scale{Label: "brighter less darker events", Signed: true, Lim: [2]float64{-most, most}}}),
	}})
	return nil
}

// volume shows an image: cuts, where it is, values.
func volume(s *report.Sheet, path string) error {
	im, err := nifti.Open(path)
	if err != nil {
		return err
	}
	defer im.Close()
	return drawVolume(s, im)
}
