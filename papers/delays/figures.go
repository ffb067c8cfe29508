package delays

import (
	"context"
	"fmt"
	"math"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

// drawLoads draws accuracy over what is left of the weights.
func (s *study) drawLoads(x, y map[string][]float64) {
	const title = "Accuracy with fewer weights"
	for _, series := range []string{"pruned by magnitude", "pruned at random", "shortened"} {
		s.run.Curve(report.Curve{Plot: title, Series: series, XLabel: "load (part of the weights that are left)", YLabel: "accuracy", LogX: true,
			Levels: []report.Ref{{At: 1 / float64(len(s.classes)), Label: "chance"}}, X: report.Numbers(x[series]), Y: report.Numbers(y[series])})
	}
	var at []float64
	for i := range s.lossesShown {
		at = append(at, (float64(i)+.5)*lossEvery)
	}
	s.run.Curve(report.Curve{Plot: "Training", Series: systemLayer, XLabel: "updates", YLabel: "loss (nats per place, all classes)", X: report.Numbers(at), Y: report.Numbers(s.lossesShown)})
}

// drawSince draws accuracy over the time since the motion changed.
func (s *study) drawSince(class []int) {
	const bin, last, fewMoments = 4, 40, 20 // ms, ms; long segments are rare
	var x, y []float64
	for from := 0; from < last; from += bin {
		right, n := 0, 0
		for k, m := range s.moments {
			if m.Since >= from && m.Since < from+bin {
				n++
				if class[k] == m.Class {
					right++
				}
			}
		}
		if n >= fewMoments {
			x, y = append(x, float64(from)+bin/2.), append(y, float64(right)/float64(n))
		}
	}
	s.run.Curve(report.Curve{Plot: "Accuracy after the motion changed", Series: systemLayer, XLabel: "ms since the change", YLabel: "accuracy",
		Levels: []report.Ref{{At: 1 / float64(len(s.classes)), Label: "chance"}}, X: report.Numbers(x), Y: report.Numbers(y)})
}

// name says what motion a class is.
func (s *study) name(class int) string {
	v := s.classes[class]
	return fmt.Sprintf("%.0f°, %.2g px/ms", math.Mod(math.Atan2(v.Y, v.X)*180/math.Pi+360, 360), math.Hypot(v.X, v.Y))
}

// drawKernels draws slices of kernels.
func (s *study) drawKernels() {
	k := s.field.kernel(s.layer)
	const gap = 2
	step := k.Width + gap
	shown := []int{}
	for c := range min(3, len(s.speeds)) {
		shown = append(shown, c) // the first direction, to the right
	}
	if quarter := s.Directions / 4 * len(s.speeds); s.Directions%4 == 0 {
		shown = append(shown, quarter*2+len(s.speeds)/2) // to the left
	}
	empty := func(rows, columns int) [][]float64 {
		out := make([][]float64, rows)
		for i := range out {
			out[i] = make([]float64, columns)
			for j := range out[i] {
				out[i][j] = math.NaN()
			}
		}
		return out
	}
	for p, polarity := range []string{"off", "on"} {
		heat := empty(k.Depth, len(shown)*step-gap)
		var refs []report.Ref
		for i, c := range shown {
			refs = append(refs, report.Ref{At: float64(i*step) + float64(k.Width)/2, Label: s.name(c)})
			for dt := range k.Depth {
				for dx := -k.Width / 2; dx <= k.Width/2; dx++ {
					sum := 0.
					for dy := -1; dy <= 1; dy++ {
						sum += float64(k.Row(k.Tap(p, dt, dy, dx))[c]) / 3
					}
					heat[dt][i*step+k.Width/2-dx] = sum // what a tap at dx sees lies at -dx
				}
			}
		}
		s.run.Figure(report.HeatMap(report.Frame{
			ID: "kernels-" + polarity, Title: "Kernels in space and delay, weights of " + polarity + " events", XLabel: fmt.Sprintf("x (pixels; each panel %d wide, its neuron in the middle)", k.Width),
			YLabel: "delay (ms)", Events: refs, Height: 340,
			Caption: fmt.Sprintf("Mean of the three middle rows of the field, y = -1 to 1. Older events (below) lie where the pattern came from: to the left for motion to the right (0°). "+
				"Of %d weights, %d delays x %d x %d places x 2 polarities for each class.", s.field.weights(), k.Depth, k.Width, k.Width),
		}, report.Heat{Values: heat, Scale: report.Scale{Label: "weight", Signed: true}}))
	}
	// One oblique class, place by place.
	class := s.Directions/6*len(s.speeds) + len(s.speeds)/2
	delays := []int{}
	for d := 1; d < k.Depth && len(delays) < 5; d += 2 {
		delays = append(delays, d)
	}
	heat := empty(k.Height, len(delays)*step-gap)
	var refs []report.Ref
	for i, dt := range delays {
		refs = append(refs, report.Ref{At: float64(i*step) + float64(k.Width)/2, Label: fmt.Sprintf("%d ms", dt)})
		for dy := -k.Height / 2; dy <= k.Height/2; dy++ {
			for dx := -k.Width / 2; dx <= k.Width/2; dx++ {
				heat[k.Height/2-dy][i*step+k.Width/2-dx] = float64(k.Row(k.Tap(1, dt, dy, dx))[class])
			}
		}
	}
	s.run.Figure(report.HeatMap(report.Frame{
		ID: "kernel-maps", Title: "One kernel delay by delay: " + s.name(class), XLabel: "x (pixels, in panels)", YLabel: "y (pixels, downwards)", Events: refs, Height: 240,
		Caption: "Weights of on events at delays of 1 ms and on. The pattern moves along the direction (0° right, 90° down), so that older events lie behind.",
	}, report.Heat{Values: heat, YSpan: [2]float64{-float64(k.Height) / 2, float64(k.Height) / 2}, Scale: report.Scale{Label: "weight", Signed: true}}))
}

// drawDirections draws how far from its class's direction each kernel is.
func (s *study) drawDirections(lines []line, goesOn []motion.Velocity) {
	roles := []report.Role{report.Ablation, report.Baseline, report.Subject}
	var clouds []report.Points
	for i, speed := range s.speeds {
		ofLines := report.Points{Name: fmt.Sprintf("line, %g px/ms", speed), Role: roles[i%len(roles)], Size: 6}
		for d := range s.Directions {
			c := d*len(s.speeds) + i
			ofLines.X, ofLines.Y = append(ofLines.X, 360*float64(d)/float64(s.Directions)), append(ofLines.Y, turned(s.classes[c], lines[c].Velocity))
		}
		clouds = append(clouds, ofLines)
	}
	stripes := report.Points{Name: "stripes, all speeds", Role: report.Truth, Size: 4}
	for c, v := range s.classes {
		stripes.X, stripes.Y = append(stripes.X, 360*float64(c/len(s.speeds))/float64(s.Directions)), append(stripes.Y, turned(v, goesOn[c]))
	}
	s.run.Figure(report.ScatterPlot(report.Frame{
		ID: "directions", Title: "Kernels against the motion of their class", XLabel: "direction of the class (°)", YLabel: "kernel's direction - class's (°)", YLim: [2]float64{-185, 185},
		Levels: []report.Ref{{At: 20, Label: "20°"}, {At: -20}}, Height: 300,
		Caption: "Lines through the centres of mass of squared weights, delay by delay, over the delays that the motion takes to cross the field; and stripes: the displacement per ms under which " +
			"weights are most like those of later delays (in steps of 15° and 0.25 px/ms).",
	}, append(clouds, stripes)))
}

// turned is the angle from a to b, -180 to 180 degrees.
func turned(a, b motion.Velocity) float64 {
	return math.Atan2(a.X*b.Y-a.Y*b.X, a.X*b.X+a.Y*b.Y) * 180 / math.Pi
}

// show draws a test movie and what is decoded from it.
func (s *study) show(ctx context.Context) error {
	one := s.test[:1]
	moments := s.field.moments(one, 1)
	of, err := s.field.decode(ctx, one, moments, s.Places, []layer{s.layer}, uint64(s.run.SeedFor("shown places")), staged(s.run, "decoding"))
	if err != nil {
		return err
	}
	m := one[0].Movie
	signed := func(t, y, x int) float64 {
		at := y*m.Width + x
		return float64(m.Frame(1, t)[at]) - float64(m.Frame(0, t)[at])
	}
	slice := make([][]float64, m.Width)
	for x := range slice {
		slice[x] = make([]float64, m.Steps)
		for t := range slice[x] {
			slice[x][t] = signed(t, m.Height/2, x)
		}
	}
	var switches []report.Ref
	for t, since := range one[0].Since {
		if since == 0 && t > 0 {
			switches = append(switches, report.Ref{At: float64(t)})
		}
	}
	s.run.Figure(report.HeatMap(report.Frame{
		ID: "events", Title: "Events of a test movie", XLabel: "time (ms)", YLabel: "x (pixels)", Events: switches, Height: 300,
		Caption: fmt.Sprintf("One row of pixels, y = %d: on (+1) and off (-1) events. Dashed lines: the motion changes. %.3g %% of places have an event in each ms.", m.Height/2, 200*m.Density()),
	}, report.Heat{Values: slice, Scale: report.Scale{Label: "event", Signed: true}}))
	frame := make([][]float64, m.Height)
	t := moments[len(moments)/2].T
	for y := range frame {
		frame[y] = make([]float64, m.Width)
		for x := range frame[y] {
			frame[y][x] = signed(t, y, x)
		}
	}
	s.run.Figure(report.HeatMap(report.Frame{
		ID: "frame", Title: fmt.Sprintf("All places at %d ms", t), XLabel: "x (pixels)", YLabel: "y (pixels, downwards)", Height: 420, Square: true,
		Caption: fmt.Sprintf("The image moves at %s then; the layer says %s.", s.name(one[0].Class[t]), s.name(of[0].Class[len(moments)/2])),
	}, report.Heat{Values: frame, Scale: report.Scale{Label: "event", Signed: true}}))
	var times []float64
	var decoded, truth []motion.Velocity
	for k, at := range moments {
		times = append(times, float64(at.T))
		decoded, truth = append(decoded, s.classes[of[0].Class[k]]), append(truth, s.classes[at.Class])
	}
	s.drawVelocity("decoded", "Motion decoded from the same movie", "pixels per ms", times, decoded, truth)
	return nil
}

// drawVelocity draws both parts of a velocity over time; truth may be nil.
func (s *study) drawVelocity(id, title, unit string, times []float64, decoded, truth []motion.Velocity) {
	for _, axis := range []struct {
		name, says string
		of         func(motion.Velocity) float64
	}{{"x", "to the right", func(v motion.Velocity) float64 { return v.X }}, {"y", "downwards", func(v motion.Velocity) float64 { return v.Y }}} {
		list := func(v []motion.Velocity) (out []float64) {
			for _, one := range v {
				out = append(out, axis.of(one))
			}
			return out
		}
		series := []report.Series{{Name: "decoded", Role: report.Subject, X: times, Y: list(decoded), Step: true}}
		if truth != nil {
			series = append(series, report.Series{Name: "true", Role: report.Truth, X: times, Y: list(truth), Step: true})
		}
		s.run.Figure(report.LinePlot(report.Frame{
			ID: id + "-" + axis.name, Title: title + ", " + axis.says, XLabel: "time (ms)", YLabel: fmt.Sprintf("v%s (%s)", axis.name, unit), Height: 240,
			Caption: fmt.Sprintf("The class of the largest mean evidence of %d random places, in every ms from the first that has all %d delays behind it.", s.Places, s.Depth),
		}, series))
	}
}

// drawClouds draws tuning curves.
func (s *study) drawClouds(list []tuning) {
	for _, t := range list {
		series := systemLayer
		if t.Short == "orientation band" {
			series = t.Series
		}
		s.run.Curve(report.Curve{Plot: "Motion Clouds: " + t.Short, Series: series, XLabel: t.Parameter, YLabel: "accuracy", LogX: t.Log,
			Levels: []report.Ref{{At: 1 / float64(len(s.classes)), Label: "chance"}}, X: report.Numbers(t.Values), Y: report.Numbers(t.Accuracy)})
	}
}
