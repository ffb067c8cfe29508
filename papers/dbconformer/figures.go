package dbconformer

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/simulate/headmodel"
)

// handArea names the electrodes the paper's claim on attention is about.
var handArea = []string{"C3", "C4", "CP3", "CP4", "FC3", "FC4"}

// attend measures and draws where the channel attention lies.
func attend(r *papers.Run, subjects []headmodel.Subject, fs []foldResult, patterns *signal.CSP) {
	montage := subjects[0].Montage
	sensors := make([]report.Sensor, len(montage))
	for i, e := range montage {
		sensors[i] = report.Sensor{Name: e.Name, X: e.X / 4, Y: e.Y / 4}
	}
	var maps []report.ScalpValues
	hits, ratios := 0.0, 0.0
	for k, f := range fs {
		var in, out, nIn, nOut float64
		values := make([]float64, len(f.Attention))
		for c, a := range f.Attention {
			values[c] = a * float64(len(values))
			if slices.Contains(handArea, montage[c].Name) {
				in, nIn = in+a, nIn+1
			} else {
				out, nOut = out+a, nOut+1
			}
		}
		ratio := in / nIn / (out / nOut)
		ratios += ratio / float64(len(fs))
		if ratio > 1 {
			hits++
		}
		maps = append(maps, report.ScalpValues{Label: fmt.Sprintf("person %d", k+1), Values: values})
	}
	r.Measure(dbc, "attentive", hits/float64(len(fs)))
	r.Measure(dbc, "attention-ratio", ratios)
	r.Figure(report.Topomap(report.Frame{ID: "attention", Title: "Channel attention",
		Caption: fmt.Sprintf("Mean over each left-out person's trials, times the number of channels: 1 is even attention. The channels are aligned ones (R^-1/2 X), which stay close to the electrodes. "+
			"Over the hand areas it is %.3f times that elsewhere, mean over people.", ratios)},
		sensors, report.Scale{Label: "attention x channels"}, maps...))
	var spatial []report.ScalpValues
	for k := range min(2, len(patterns.Ratio)) {
		spatial = append(spatial, report.ScalpValues{Label: fmt.Sprintf("ratio %.2f", patterns.Ratio[k]), Values: mat.Row(nil, k, patterns.Patterns)})
	}
	r.Figure(report.Topomap(report.Frame{ID: "csp", Title: "The two best common spatial patterns",
		Caption: "Patterns of the classical reference on aligned trials of the last division; their sign is arbitrary. The ratio is the share of variance in right-hand trials."},
		sensors, report.Scale{Label: "pattern", Signed: true}, spatial...))
}

// timeCourse draws the generator's desynchronisation of one person and what shows of it at C3 and C4.
func timeCourse(s headmodel.Subject) report.Figure {
	const bin = 25
	_, samples := s.Trials[0].EEG.Dims()
	bins := samples / bin
	var series []report.Series
	at := make([]float64, bins)
	for i := range at {
		at[i] = (float64(i) + 0.5) * bin / headmodel.Rate
	}
	for side, name := range []string{"C3", "C4"} {
		channel := slices.IndexFunc(s.Montage, func(e headmodel.Electrode) bool { return e.Name == name })
		power, truth := make([]float64, bins), make([]float64, bins)
		n := 0.0
		for _, tr := range s.Trials {
			if tr.Label != headmodel.Right {
				continue
			}
			n++
			row := tr.EEG.RawRowView(channel)
			for i := range bins {
				for _, v := range row[i*bin : (i+1)*bin] {
					power[i] += v * v / bin
				}
				truth[i] += tr.Envelope(headmodel.Hand(side), at[i])
			}
		}
		base := (power[0] + power[1] + power[2]) / 3
		for i := range power {
			power[i] /= base
			truth[i] /= n
		}
		series = append(series, report.Series{Name: "power at " + name, X: at, Y: power}, report.Series{Name: "mu source under " + name, X: at, Y: truth})
	}
	return report.LinePlot(report.Frame{ID: "erd", Title: "Desynchronisation in right-hand trials of person 1",
		Caption: "Power from 8 to 32 Hz over that before 0.3 s, and the factor on the amplitude of the source that caused it. The left hand area (C3) weakens more.",
		XLabel:  "time in trial (s)", YLabel: "relative to rest", YLim: [2]float64{0, 2}}, series)
}
