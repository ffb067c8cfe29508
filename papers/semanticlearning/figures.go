package semanticlearning

import (
	"fmt"
	"math"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/bars"
)

// fieldsOf is the mean afferent weights of the members of each clique, [cliques][pixels].
func fieldsOf(weights [][]float64, g *cliques) [][]float64 {
	fields := make([][]float64, len(g.members))
	for k, members := range g.members {
		fields[k] = make([]float64, len(weights[0]))
		for _, i := range members {
			for j, w := range weights[i] {
				fields[k][j] += w / float64(len(members))
			}
		}
	}
	return fields
}

// drawFields draws receptive fields side by side, in rows of five.
func drawFields(id, title string, fields [][]float64, width int) report.Figure {
	const across = 5
	height := len(fields[0]) / width
	down := (len(fields) + across - 1) / across
	picture := make([][]float64, down*(height+1)-1)
	for y := range picture {
		picture[y] = make([]float64, min(across, len(fields))*(width+1)-1)
		for x := range picture[y] {
			picture[y][x] = math.NaN()
		}
	}
	for k, f := range fields {
		for i, w := range f {
			picture[k/across*(height+1)+i/width][k%across*(width+1)+i%width] = w
		}
	}
	return report.HeatMap(report.Frame{ID: id, Title: title, Square: true, Height: 70 + 105*float64(down), XLabel: "pixels", YLabel: "pixels",
		Caption: fmt.Sprintf("Afferent weights, mean of the members of each clique: cliques 0 to %d in the first row, and so on.", min(across, len(fields))-1)},
		report.Heat{Values: picture, Scale: report.Scale{Label: "weight"}})
}

// drawBars draws what the experiment on bars shows.
func drawBars(r *papers.Run, problem bars.Problem, g *cliques, pictures []picture, results []outcome, tables map[string][][]float64, dreams []win) {
	own := results[0]
	s := scoreOf(own.R)
	r.Figure(drawFields("fields", "What each clique has come to stand for", fieldsOf(own.Weights, g), problem.Side))

	order := make([]int, 0, len(s.Best)) // cliques by their best bar
	for b := range problem.Bars() {
		for k, best := range s.Best {
			if best == b {
				order = append(order, k)
			}
		}
	}
	sorted, names := make([][]float64, len(order)), make([]string, len(order))
	for i, k := range order {
		sorted[i], names[i] = own.R[k], fmt.Sprint("clique ", k)
	}
	columns := make([]string, problem.Bars())
	for b := range columns {
		columns[b] = barName(problem, b)
	}
	r.Figure(report.HeatMap(report.Frame{ID: "responses", Title: "Answers of cliques to single bars", XLabel: "bar", YLabel: "clique", Height: 420,
		Caption: fmt.Sprintf("Mean drive of the members. %d of %d bars are the best of some clique; selectivity %.2f.", s.Distinct, problem.Bars(), s.Selectivity)},
		report.Heat{Values: sorted, Rows: names, Columns: columns, Scale: report.Scale{Label: "drive"}, Annotate: true}))

	drawFilm(r, problem, g, own.Film, pictures)
	drawTransitions(r, g, dreams)
	drawLearning(r, pictures, results)

	t := report.Table{ID: "bars", Title: "Who finds the bars", Columns: []string{"", "distinct best bars", "selectivity", "match"},
		Caption: "This seed. Selectivity is the mean of (best - second)/best over cliques or units; the match of chance is 0.10 with 10 bars."}
	row := func(name string, table [][]float64, match float64) {
		s := scoreOf(table)
		t.Rows = append(t.Rows, []string{name, fmt.Sprint(s.Distinct), fmt.Sprintf("%.2f", s.Selectivity), fmt.Sprintf("%.2f", match)})
	}
	for i, v := range variants[:fromFrozen] {
		row(v.name, results[i].R, float64(results[i].Match))
	}
	for _, name := range []string{systemICA, systemNMF, systemCompetitive} {
		m, _ := r.Record().Value(name, "match")
		row(name, tables[name], m)
	}
	r.Table(t)
}

func barName(p bars.Problem, b int) string {
	if b < p.Side {
		return fmt.Sprint("row ", b+1)
	}
	return fmt.Sprint("col. ", b-p.Side+1)
}

// drawFilm draws activities and reservoirs, and which pictures are shown.
func drawFilm(r *papers.Run, problem bars.Problem, g *cliques, film []snapshot, pictures []picture) {
	if len(film) == 0 {
		return
	}
	activity, reservoir := make([][]float64, g.neurons), make([][]float64, g.neurons)
	var changes []report.Ref
	last := -1
	for _, m := range film {
		for i := range g.neurons {
			activity[i], reservoir[i] = append(activity[i], m.X[i]), append(reservoir[i], m.Phi[i])
		}
		if m.Picture != last {
			label := ""
			if b := pictures[m.Picture].bar; b >= 0 {
				label = barName(problem, b)
			}
			changes, last = append(changes, report.Ref{At: m.Time, Label: label}), m.Picture
		}
	}
	span := [2]float64{film[0].Time, film[len(film)-1].Time}
	draw := func(id, title, caption, label string, values [][]float64) {
		r.Figure(report.HeatMap(report.Frame{ID: id, Title: title, XLabel: "time (time units)", YLabel: "neuron", Height: 300, Events: changes, Caption: caption},
			report.Heat{Values: values, XSpan: span, YSpan: [2]float64{0, float64(g.neurons)}, Scale: report.Scale{Label: label, Lim: [2]float64{0, 1}}}))
	}
	draw("activities", "Activities of all neurons", "One clique of four after another is active. Lines mark new pictures; those of a single bar are named.", "activity x", activity)
	draw("reservoirs", "Reservoirs of all neurons", "Active neurons empty theirs and hand over when they are nearly empty: that is when a stimulus has a say.", "reservoir φ", reservoir)
}

// drawTransitions draws who follows whom without input.
func drawTransitions(r *papers.Run, g *cliques, dreams []win) {
	n := len(g.members)
	count := make([][]float64, n)
	for k := range count {
		count[k] = make([]float64, n)
	}
	for i := 1; i < len(dreams); i++ {
		count[dreams[i-1].Clique][dreams[i].Clique]++
	}
	r.Figure(report.HeatMap(report.Frame{ID: "transitions", Title: "Who follows whom, without input", XLabel: "next clique", YLabel: "clique", Square: true, Height: 420,
		Caption: fmt.Sprintf("%d winners. Neighbours on the ring share a neuron.", len(dreams))},
		report.Heat{Values: count, Scale: report.Scale{Label: "transitions"}, Annotate: n <= 12}))
}

// drawLearning draws how the match of the final best bars grows.
func drawLearning(r *papers.Run, pictures []picture, results []outcome) {
	const parts = 20
	for i, v := range variants[:fromFrozen] {
		best := scoreOf(results[i].R).Best
		var x, y []float64
		for part := range parts {
			from, to := part*len(pictures)/parts, (part+1)*len(pictures)/parts
			var some []win
			for _, w := range results[i].Wins {
				if w.Picture >= from && w.Picture < to {
					some = append(some, w)
				}
			}
			if m := match(some, pictures, best); !math.IsNaN(m) {
				x, y = append(x, float64(from+to)/2), append(y, m)
			}
		}
		r.Curve(report.Curve{Plot: "Match of winners with the bar shown", Series: v.name, XLabel: "pictures seen", YLabel: "match",
			Levels: []report.Ref{{At: .1, Label: "chance"}}, X: report.Numbers(x), Y: report.Numbers(y)})
	}
}
