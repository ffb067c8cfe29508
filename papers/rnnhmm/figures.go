package rnnhmm

import (
	"context"
	"fmt"
	"slices"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/report"
)

// saveWeights writes Wx, Wh and Wo.
func saveWeights(path string, s *student) error {
	var arrays []*recording.Array
	for _, w := range []struct {
		name          string
		rows, columns int
		data          []float32
	}{{"Wx", s.Inputs, s.Hidden, s.Wx}, {"Wh", s.Hidden, s.Hidden, s.Wh}, {"Wo", s.Hidden, s.Symbols, s.Wo}} {
		a, err := recording.NewArray(w.name, []int{w.rows, w.columns}, recording.RowMajor, w.data)
		if err != nil {
			return err
		}
		arrays = append(arrays, a)
	}
	return numpy.Save(path, arrays...)
}

// tabulate shows transitions and shares of symbols.
func tabulate(r *papers.Run, symbols int, truth statistics, said map[string]statistics) {
	t := report.Table{ID: "symbols", Title: "Statistics of symbols", Columns: []string{""},
		Caption: "Shares, probabilities that a symbol is followed by itself, and changes in 100 steps, of this seed. A dash: the symbol was never emitted before another."}
	for k := range symbols {
		t.Columns = append(t.Columns, fmt.Sprint("share of ", k))
	}
	for k := range symbols {
		t.Columns = append(t.Columns, fmt.Sprintf("%d to %d", k, k))
	}
	t.Columns = append(t.Columns, "changes")
	row := func(name string, st statistics) {
		cells := []string{name}
		for _, f := range st.Frequency {
			cells = append(cells, fmt.Sprintf("%.3f", f))
		}
		for k, p := range st.Transition {
			if p == nil {
				cells = append(cells, "–")
			} else {
				cells = append(cells, fmt.Sprintf("%.3f", p[k]))
			}
		}
		t.Rows = append(t.Rows, append(cells, fmt.Sprintf("%.1f", st.Volatility)))
	}
	row("teacher", truth)
	for _, s := range r.Experiment.Systems {
		if st, ok := said[s.Name]; ok {
			row(s.Name, st)
		}
	}
	r.Table(t)
}

// drawTraining draws how the divergence falls and when switching sets in.
func drawTraining(r *papers.Run, own trained, p params) {
	steps := p.Sequences / p.Batch
	x := make([]float64, len(own.Divergence))
	for i := range x {
		x[i] = float64((i + 1) * steps)
	}
	floor, _ := r.Record().Value(systemTeacher, "divergence")
	r.Curve(report.Curve{Plot: "Divergence from the teacher", Series: systemRNN, XLabel: "updates", YLabel: "Sinkhorn divergence", X: report.Numbers(x), Y: report.Numbers(own.Divergence),
		Levels: []report.Ref{{At: floor, Label: "floor"}}})
	r.Curve(report.Curve{Plot: "Onset of switching", Series: systemRNN, XLabel: "updates", YLabel: "argmax switches per step", X: report.Numbers(x), Y: report.Numbers(own.Switches)})
}

// drawMechanism draws how the network does it.
func drawMechanism(ctx context.Context, r *papers.Run, s *student, rec *record, p *plane, stay *residence, levels []level, scores []float64, switches func(*student) float64) error {
	var clouds []report.Points
	for _, class := range []string{"cluster", "kick zone", "transition", ""} {
		c := report.Points{Name: class, Size: 5}
		if class == "" {
			c.Name = "long, not sure"
		}
		for i := range stay.RT {
			if stay.class(i) == class {
				c.X, c.Y = append(c.X, stay.X[i]), append(c.Y, stay.Y[i])
			}
		}
		if len(c.X) > 0 {
			clouds = append(clouds, c)
		}
	}
	frame := report.Frame{XLabel: fmt.Sprintf("PC 1 (both: %.0f %% of the variance)", 100*p.part), YLabel: "PC 2", Square: true, Height: 440}
	f := frame
	f.ID, f.Title = "residence", "How long states keep their symbol"
	f.Caption = "States of a driven run in the plane of their first two principal components, by their residence: clusters stay, transitions leave within 2 steps, kick zones lie between."
	r.Figure(report.ScatterPlot(f, clouds))

	var paths []report.Path
	for i := range min(3, rec.n) {
		path := report.Path{Group: fmt.Sprint("trajectory ", i+1)}
		for step := range min(120, len(rec.states)) {
			x, y := p.at(rec.state(step, i))
			path.X, path.Y = append(path.X, x), append(path.Y, y)
		}
		paths = append(paths, path)
	}
	quiet := s.run(1, rec.state(0, 0), 0, 0)
	fall := report.Path{Group: "without noise"}
	for range 60 {
		x, y := p.at(quiet.h)
		fall.X, fall.Y = append(fall.X, x), append(fall.Y, y)
		quiet.step()
	}
	f = frame
	f.ID, f.Title = "orbits", "Orbits that noise keeps up"
	f.Caption = "120 steps of driven trajectories, and one whose noise ends at its dot: it falls to the one fixed point."
	r.Figure(report.Trajectories(f, append(paths, fall)))

	var x, y, z []float64
	for _, l := range levels {
		x, y, z = append(x, l.Sigma), append(y, l.Switches), append(z, l.Radius)
	}
	r.Curve(report.Curve{Plot: "Changes of symbol against noise", Series: systemRNN, XLabel: "standard deviation of the noise", YLabel: "sampled changes per step", X: report.Numbers(x), Y: report.Numbers(y)})
	r.Curve(report.Curve{Plot: "Radius of the orbit against noise", Series: systemRNN, XLabel: "standard deviation of the noise", YLabel: "root mean square distance, PC 1-2", X: report.Numbers(x), Y: report.Numbers(z)})

	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	r.Figure(report.LinePlot(report.Frame{ID: "kick", Title: "Kick scores of all units", XLabel: "units, by score", YLabel: "activity before switches - far from any", Height: 280,
		Caption: "How much more active each unit is in the 4 steps before a switch than more than 10 steps from any. The first three are silenced for the claim."},
		[]report.Series{{Name: "units", Y: sorted}}))

	local, err := s.stability(ctx, rec, 8)
	if err != nil {
		return err
	}
	r.Figure(report.LinePlot(report.Frame{ID: "stability", Title: "Local stability around switches", XLabel: "steps from the switch", YLabel: "number", Height: 280, Events: []report.Ref{{At: 0, Label: "switch"}},
		Caption: "Unstable eigenvalues of the Jacobian and critical pairs, means of 8 switches."},
		[]report.Series{{Name: "unstable eigenvalues", X: local.Offset, Y: local.Unstable}, {Name: "critical pairs", X: local.Offset, Y: local.Critical}}))

	drawSensitivity(r, s, rec, stay)
	return drawGains(ctx, r, s, rec, switches)
}

// drawSensitivity draws how noise spreads from clusters and from kick zones.
func drawSensitivity(r *papers.Run, s *student, rec *record, stay *residence) {
	var series []report.Series
	for _, class := range []string{"cluster", "kick zone"} {
		var starts [][]float32
		for i := range stay.RT {
			if stay.class(i) == class && len(starts) < 10 {
				starts = append(starts, rec.state(stay.Step[i], stay.Trajectory[i]))
			}
		}
		if len(starts) == 0 {
			continue
		}
		for _, c := range []float64{.5, 1} {
			series = append(series, report.Series{Name: fmt.Sprintf("%s, c = %g", class, c), X: []float64{1, 2, 3, 4, 5}, Y: s.sensitivity(starts, c, uint64(r.SeedFor("sensitivity")))})
		}
	}
	r.Figure(report.LinePlot(report.Frame{ID: "sensitivity", Title: "How noise spreads", XLabel: "steps", YLabel: "trace of the covariance", Height: 280,
		Caption: "States played again 100 times, with a part c of their noise fresh and the rest the same; means of 10 states. With c = 0 nothing spreads."}, series))
}

// drawGains draws switching against the gain of the kick units' recurrent drive, of the noise of what drives them, and of what is left.
func drawGains(ctx context.Context, r *papers.Run, s *student, rec *record, switches func(*student) float64) error {
	main := largest(shareOfBest(rec, s.Symbols), 2)
	a, b := largest(rec.kickScores(main[0], main[1]), 3), largest(rec.kickScores(main[1], main[0]), 3)
	kick := append(slices.Clone(a), b...)
	integrators := s.integrators(a, b, s.Hidden*7/15)
	var rest []int
	for u := range s.Hidden {
		if !slices.Contains(kick, u) && !slices.Contains(integrators, u) {
			rest = append(rest, u)
		}
	}
	var gains []float64
	for mu := 0.; mu < 2.05; mu += .25 {
		gains = append(gains, mu)
	}
	var series []report.Series
	for _, g := range []struct {
		name  string
		units []int
		drive bool
	}{{"recurrent drive of kick units", kick, true}, {"noise into integrating units", integrators, false}, {"noise into all others", rest, false}} {
		line := report.Series{Name: g.name, X: gains}
		for _, mu := range gains {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			changed := s.scaled(g.units, 1, float32(mu))
			if g.drive {
				changed = s.scaled(g.units, float32(mu), 1)
			}
			line.Y = append(line.Y, switches(changed))
		}
		series = append(series, line)
	}
	r.Figure(report.LinePlot(report.Frame{ID: "gains", Title: "What drives switches", XLabel: "gain", YLabel: "argmax switches per step", Height: 320, Events: []report.Ref{{At: 1, Label: "as trained"}},
		Caption: fmt.Sprintf("Kick units %v for switches from symbol %d to %d and %v back, the %d units that excite one group and inhibit the other, and all others.", a, main[0], main[1], b, len(integrators))}, series))
	return nil
}

// shareOfBest is how often each symbol has the largest logit.
func shareOfBest(rec *record, symbols int) []float64 {
	share := make([]float64, symbols)
	for _, row := range rec.best {
		for _, b := range row {
			share[b]++
		}
	}
	return share
}
