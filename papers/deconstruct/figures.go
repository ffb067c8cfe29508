package deconstruct

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/measure"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// roleOf is the role of a system in its experiment.
func roleOf(r *papers.Run, name string) report.Role {
	for _, s := range r.Experiment.Systems {
		if s.Name == name {
			return s.Role
		}
	}
	return ""
}

func draw(r *papers.Run, all []outcome, t *task, s *starts) {
	best := slices.MaxFunc(all, func(a, b outcome) int {
		if mean(a.Valid) < mean(b.Valid) {
			return -1
		}
		return 1
	})
	if t.Dim > 12 {
		drawField(r, best, t, s)
	} else {
		drawTraces(r, best, t, s)
	}
	drawValid(r, all, t)
	times := make([]float64, s.horizon)
	for i := range times {
		times[i] = float64(i+1) * t.Dt
	}
	for _, o := range all {
		capped := make([]float64, len(o.Error))
		for i, e := range o.Error {
			capped[i] = min(e, 5) // a diverging loop would leave nothing to see of the others
		}
		r.Curve(report.Curve{Plot: "Error of closed-loop forecasts, median over starts", Series: o.Name, XLabel: "time (units of the equations)", YLabel: "error (sd), cut at 5", X: report.Numbers(times), Y: report.Numbers(capped),
			Levels: []report.Ref{{At: .5, Label: "no longer valid"}}})
		if len(o.Val) > 0 {
			r.Curve(report.Curve{Plot: "One-step loss on the validation part", Series: o.Name, XLabel: "updates", YLabel: "error over increments", X: report.Numbers(o.Updates), Y: report.Numbers(o.Val), LogY: true})
		}
	}
}

// drawTraces draws some observed values of one start, and what a model made of them.
func drawTraces(r *papers.Run, o outcome, t *task, s *starts) {
	k := example(s)
	errors := measure.ForecastError(s.after(s.truth, k), o.Example, ones(t.Dim))
	valid := measure.ValidTime(errors, .5, t.Dt)
	x := make([]float64, s.horizon)
	for i := range x {
		x[i] = float64(i+1) * t.Dt
	}
	var series []report.Series
	// Below one another, six standard deviations apart.
	shown := min(3, t.Dim)
	for v := range shown {
		truth, said := report.Series{Name: "truth", Role: report.Truth, X: x}, report.Series{Name: "forecast by " + o.Name, Role: report.Subject, X: x}
		if v > 0 {
			truth.Name, said.Name = "", ""
		}
		for i := range x {
			offset := 6 * float64(shown-1-v)
			truth.Y, said.Y = append(truth.Y, float64(s.after(s.truth, k)[i*t.Dim+v])+offset), append(said.Y, max(-8, min(float64(shown)*6+2, float64(o.Example[i*t.Dim+v])+offset)))
		}
		series = append(series, truth, said)
	}
	r.Figure(report.LinePlot(report.Frame{ID: "forecast", Title: "A forecast against the truth", XLabel: "time after the last observation (units of the equations)", YLabel: "first observed values (sd, 6 apart)", Height: 440,
		Events:  []report.Ref{{At: valid, Label: "valid until"}},
		Caption: fmt.Sprintf("The first %d of %d observed values from start %d of %d, by the model with the longest valid time, %s. On this start it stays valid for %.2f units.", shown, t.Dim, k+1, s.n, o.Name, valid)},
		series))
}

// drawField draws a field over space and time: truth, forecast and error.
func drawField(r *papers.Run, o outcome, t *task, s *starts) {
	k := example(s)
	truth := s.after(s.truth, k)
	errors := measure.ForecastError(truth, o.Example, ones(t.Dim))
	valid := measure.ValidTime(errors, .5, t.Dt)
	for _, part := range []struct {
		id, title string
		value     func(i int) float32
		scale     report.Scale
	}{
		{"truth", "The true field", func(i int) float32 { return truth[i] }, report.Scale{Label: "u (sd)", Signed: true, Lim: [2]float64{-3, 3}}},
		{"forecast", "The forecast", func(i int) float32 { return o.Example[i] }, report.Scale{Label: "u (sd)", Signed: true, Lim: [2]float64{-3, 3}}},
		{"error", "Forecast less truth", func(i int) float32 { return o.Example[i] - truth[i] }, report.Scale{Label: "error (sd)", Signed: true, Lim: [2]float64{-3, 3}}},
	} {
		values := make([][]float64, t.Dim)
		for x := range values {
			for i := range s.horizon {
				values[x] = append(values[x], float64(max(-3, min(3, part.value(i*t.Dim+x)))))
			}
		}
		r.Figure(report.HeatMap(report.Frame{ID: part.id, Title: part.title, XLabel: "time after the last observation (units of the equation)", YLabel: "place (grid points)", Height: 230,
			Events:  []report.Ref{{At: valid, Label: "valid until"}},
			Caption: fmt.Sprintf("Start %d of %d, model with the longest valid time: %s. On this start it stays valid for %.0f units, %.1f Lyapunov times.", k+1, s.n, o.Name, valid, valid*t.Exponent)},
			report.Heat{Values: values, YUp: true, Scale: part.scale, XSpan: [2]float64{0, float64(s.horizon) * t.Dt}, YSpan: [2]float64{0, float64(t.Dim)}}))
	}
}

// drawValid draws how valid times spread over starts.
func drawValid(r *papers.Run, all []outcome, t *task) {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b outcome) int {
		if mean(a.Valid) > mean(b.Valid) {
			return -1
		}
		return 1
	})
	var bars []report.Bars
	for _, o := range sorted {
		// Dots for a few starts only: more would hide the bar.
		bars = append(bars, report.Bars{Name: strings.Replace(o.Name, "attention", "att.", 1), Role: roleOf(r, o.Name), Values: [][]float64{quantiles(o.Valid)}})
	}
	r.Figure(report.BarPlot(report.Frame{ID: "valid", Title: "Valid prediction times", XLabel: "time (units of the equations)", Height: 60 + 26*float64(len(bars)),
		Caption: "Deciles over starts of this seed as dots, their mean and standard deviation as bar and line."}, []string{"valid"}, bars))
}

// quantiles are the 9 deciles.
func quantiles(v []float64) []float64 {
	sorted := slices.Sorted(slices.Values(v))
	var out []float64
	for q := 1; q < 10; q++ {
		out = append(out, sorted[min(len(sorted)-1, q*len(sorted)/10)])
	}
	return out
}
