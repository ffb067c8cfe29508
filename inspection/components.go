package inspection

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/signal/ica"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

// Component is what is known about one component of a decomposition.
type Component struct {
	Number    int                `json:"component"`             // from 0
	Explained float64            `json:"explained"`             // part of the variance of all channels
	Kurtosis  float64            `json:"kurtosis"`              // excess over a Gaussian's: large where activity is rare and strong, as of blinks and loose electrodes
	Reference map[string]float64 `json:"correlation,omitempty"` // correlation with each channel recorded beside, such as EOG
	Removed   bool               `json:"removed,omitempty"`
}

// Components makes the page of a decomposition of some channels of a recording, and what it says of every component. X is what was
// decomposed, channels by samples; references are channels (by samples) recorded beside it, by name.
func Components(title string, r *recording.Recording, channels []int, unmixed *ica.ICA, x *mat.Dense, references map[string][]float64, removed []int) (*report.Sheet, []Component, error) {
	sources, err := unmixed.Sources(x)
	if err != nil {
		return nil, nil, err
	}
	n, samples := sources.Dims()
	correlations := map[string][]float64{}
	for name, reference := range references {
		if correlations[name], err = unmixed.Correlation(x, reference); err != nil {
			return nil, nil, err
		}
	}
	out := make([]Component, n)
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range correlations {
			if !yield(name) {
				return
			}
		}
	})
	table := report.Table{ID: "components", Title: "Components", Columns: append([]string{"Component", "Variance (%)", "Kurtosis"}, names...)}
	for i := range out {
		c := Component{Number: i, Explained: unmixed.Explained[i], Kurtosis: kurtosis(sources.RawRowView(i)), Removed: slices.Contains(removed, i), Reference: map[string]float64{}}
		row := []string{fmt.Sprint(i), fmt.Sprintf("%.1f", 100*c.Explained), fmt.Sprintf("%.1f", c.Kurtosis)}
		if c.Removed {
			row[0] += " (removed)"
		}
		for _, name := range names {
			c.Reference[name] = correlations[name][i]
			row = append(row, fmt.Sprintf("%.2f", c.Reference[name]))
		}
		out[i] = c
		table.Rows = append(table.Rows, row)
	}
	state := "converged"
	if !unmixed.Converged {
		state = "did not converge: raise the number of passes or high-pass at 1 Hz first"
	}
	s := &report.Sheet{Kind: "Independent components", Title: title, Summary: fmt.Sprintf("%d components of %d channels, from %d samples; %d passes, %s.", n, len(channels), samples, unmixed.Iterations, state)}
	if !unmixed.Converged {
		s.Notes = append(s.Notes, report.Note{Warning: true, Text: "The decomposition " + state + "."})
	}
	s.Parts = append(s.Parts, report.Part{ID: "list", Title: "Components",
		Text:   "Numbered from 0 by the variance they explain. Blinks show as a front of the map, high kurtosis and correlation with EOG; muscles as a flat spectrum; a loose electrode as a single dot.",
		Tables: []report.Table{table}})

	k := kind{channels: channels}
	if len(channels) > 0 {
		k.name = r.Channels[channels[0]].Type
	}
	if sensors, rows, says := placed(r, k, channels); sensors != nil {
		var shown []report.ScalpValues
		for i := range n {
			values := make([]float64, len(sensors))
			for s, group := range rows {
				for _, row := range group {
					values[s] += unmixed.Mixing.At(row, i) / float64(len(group))
				}
			}
			largest := 0.0
			for _, v := range values {
				largest = math.Max(largest, math.Abs(v))
			}
			if largest > 0 {
				for s := range values {
					values[s] /= largest
				}
			}
			label := fmt.Sprintf("%d (%.1f %%)", i, 100*unmixed.Explained[i])
			if slices.Contains(removed, i) {
				label += " removed"
			}
			shown = append(shown, report.ScalpValues{Label: label, Values: values})
		}
		s.Parts = append(s.Parts, report.Part{ID: "maps", Title: "Maps", Figures: []report.Figure{report.Topomap(report.Frame{ID: "maps", Title: "How each component shows at the sensors",
			Caption: "Each map over its largest value; its sign is arbitrary. In brackets the part of the variance. " + says}, sensors, report.Scale{Label: "weight", Signed: true}, shown...)}})
	} else {
		s.Notes = append(s.Notes, report.Note{Text: "There are no maps: the channels have neither positions nor names of the 10-05 system."})
	}

	shownSamples := min(samples, max(2, int(traceSeconds*r.Rate)))
	times := make([]float64, shownSamples)
	for t := range times {
		times[t] = float64(t) / r.Rate
	}
	var drawn []report.Trace
	for i := range n {
		drawn = append(drawn, report.Trace{Name: fmt.Sprint(i), Values: sources.RawRowView(i)[:shownSamples], Muted: slices.Contains(removed, i)})
	}
	part := report.Part{ID: "activity", Title: "Activity", Figures: []report.Figure{report.Traces(report.Frame{ID: "activity", Title: "The first seconds", XLabel: "time (s)",
		Caption: "Each component in units of its standard deviation. Grey ones are removed."}, times, drawn)}}
	if r.Rate > 0 && float64(samples) >= 2*r.Rate {
		psd, err := spectrum.Welch{Segment: min(samples, int(2*r.Rate))}.PSD(sources, r.Rate)
		if err != nil {
			return nil, nil, err
		}
		const perFigure = 8 // as many as have colours of their own
		for first := 0; first < n; first += perFigure {
			var lines []report.Series
			for i := first; i < min(n, first+perFigure); i++ {
				decibels := make([]float64, len(psd.Frequencies))
				for k, p := range psd.Power.RawRowView(i) {
					decibels[k] = 10 * math.Log10(p)
				}
				lines = append(lines, report.Series{Name: fmt.Sprint(i), X: psd.Frequencies[1:], Y: decibels[1:]})
			}
			part.Figures = append(part.Figures, report.LinePlot(report.Frame{ID: fmt.Sprintf("spectra-%d", first), Title: fmt.Sprintf("Spectra of components %d to %d", first, min(n, first+perFigure)-1),
				XLabel: "frequency (Hz)", YLabel: "power (dB)", XLog: true, XLim: [2]float64{psd.Frequencies[1], r.Rate / 2}, Height: 300}, lines))
		}
	}
	s.Parts = append(s.Parts, part)
	return s, out, nil
}

// kurtosis is the fourth moment over the squared second, less a Gaussian's 3.
func kurtosis(x []float64) float64 {
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	second, fourth := 0.0, 0.0
	for _, v := range x {
		d := (v - mean) * (v - mean)
		second, fourth = second+d, fourth+d*d
	}
	if second == 0 {
		return 0
	}
	return fourth*float64(len(x))/(second*second) - 3
}

// Eye tells of a channel, by type or name, that it records the eyes.
func Eye(c recording.Channel) bool {
	name := strings.ToLower(c.Name)
	return c.Type == "eog" || strings.Contains(name, "eog")
}
