package inspection

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

// Bands are the bands whose power is mapped, Hz.
var Bands = []struct {
	Name     string
	From, To float64
}{{"delta", 1, 4}, {"theta", 4, 8}, {"alpha", 8, 13}, {"beta", 13, 30}}

const (
	traceSeconds  = 10       // of signal that are drawn
	mostNumbers   = 4 << 20  // that are read to be drawn
	mostAnalysed  = 24 << 20 // that spectra are computed from
	mostChannels  = 380      // that are drawn under each other
	mostEventRows = 200
)

// recorded adds what a recording is made of.
func recorded(s *report.Sheet, r *recording.Recording, d *recording.Description) error {
	if len(r.Channels) > 0 && r.Frames > 0 {
		part, err := traces(r)
		if err != nil {
			return err
		}
		s.Parts = append(s.Parts, part)
		if r.Rate > 0 {
			parts, err := spectra(r)
			if err != nil {
				return err
			}
			s.Parts = append(s.Parts, parts...)
		}
	}
	if len(r.Events) > 0 {
		s.Parts = append(s.Parts, eventPart(r))
	}
	if len(r.Channels) > 0 {
		s.Parts = append(s.Parts, channelPart(r, d))
	}
	return nil
}

// traces draws the time about the first event, or the beginning.
func traces(r *recording.Recording) (report.Part, error) {
	part := report.Part{ID: "traces", Title: "Traces"}
	channels := len(r.Channels)
	rate := r.Rate
	if !(rate > 0) {
		rate = 1
	}
	frames := int64(math.Max(2, math.Min(traceSeconds*rate, float64(mostNumbers/channels))))
	if !(r.Rate > 0) {
		frames = int64(min(2000, max(2, mostNumbers/channels)))
	}
	first := int64(0)
	if len(r.Events) > 0 && r.Rate > 0 {
		first = r.Frame(r.Events[0].Onset - math.Min(1, 0.1*float64(frames)/rate))
	}
	first = max(0, min(first, r.Frames-frames))
	frames = min(frames, r.Frames-first)
	x, err := signal.Matrix(r, first, int(frames))
	if err != nil {
		return part, err
	}
	times := make([]float64, frames)
	f := report.Frame{ID: "traces", Title: "Signals", XLabel: "frame"}
	for i := range times {
		times[i] = float64(first + int64(i))
		if r.Rate > 0 {
			times[i] = r.Time(first + int64(i))
			f.XLabel = "time (s)"
		}
	}
	shown := 0
	if r.Rate > 0 {
		for _, e := range r.Events {
			if e.Onset >= times[0] && e.Onset <= times[len(times)-1] {
				f.Events = append(f.Events, report.Ref{At: e.Onset, Label: e.Label})
				shown++
			}
		}
		if shown > 40 { // a fence of lines would hide the signals
			f.Events = nil
		}
	}
	bad := strings.Split(r.Metadata["bad channels"], ",")
	var drawn []report.Trace
	for c, ch := range r.Channels {
		if len(drawn) == mostChannels {
			break
		}
		muted := slices.ContainsFunc(bad, func(b string) bool { return strings.TrimSpace(b) == ch.Name })
		drawn = append(drawn, report.Trace{Name: ch.Name, Kind: ch.Type, Unit: micro(ch.Unit), Values: x.RawRowView(c), Muted: muted})
	}
	f.Caption = "Each channel about its own median; channels of one type share a scale, which the bar at the right gives."
	if r.Rate > 0 {
		f.Caption = fmt.Sprintf("%.4g s of signal, from %.4g s on. ", times[len(times)-1]-times[0], times[0]) + f.Caption
	}
	switch {
	case shown > 40:
		f.Caption += fmt.Sprintf(" %s events fall into this time and are not marked.", counted(shown))
	case shown > 0:
		f.Caption += " Dashed lines are events."
	}
	if len(drawn) < channels {
		f.Caption += fmt.Sprintf(" The first %d of %s channels.", len(drawn), counted(channels))
	}
	part.Figures = []report.Figure{report.Traces(f, times, drawn)}
	return part, nil
}

// micro writes units as people do.
func micro(unit string) string {
	if strings.HasPrefix(unit, "u") && len(unit) > 1 && !strings.HasPrefix(unit, "un") {
		return "µ" + unit[1:]
	}
	return unit
}

// analysed is the stretch that spectra are computed from: the longest without a gap, no longer than memory allows, from its middle.
func analysed(r *recording.Recording, channels int) (first int64, frames int) {
	begin, longest := int64(0), int64(0)
	last := int64(0)
	consider := func(end int64) {
		if end-last > longest {
			begin, longest = last, end-last
		}
		last = end
	}
	for _, g := range r.Gaps {
		if g.Frame > last && g.Frame < r.Frames {
			consider(g.Frame)
		}
	}
	consider(r.Frames)
	most := int64(mostAnalysed / max(channels, 1))
	if longest > most {
		return begin + (longest-most)/2, int(most)
	}
	return begin, int(longest)
}

// kind is the channels of one type and unit.
type kind struct {
	name, unit string
	channels   []int
}

func kindsOf(r *recording.Recording) []kind {
	var out []kind
	for i, c := range r.Channels {
		k := slices.IndexFunc(out, func(k kind) bool { return k.name == c.Type && k.unit == c.Unit })
		if k < 0 {
			k = len(out)
			out = append(out, kind{name: c.Type, unit: c.Unit})
		}
		out[k].channels = append(out[k].channels, i)
	}
	return out
}

// waves says of a type whether its spectrum is of interest.
func waves(name string) bool {
	switch name {
	case "stim", "syst", "misc", "temperature", "ias", "exci", "chpi", "dipole", "gof":
		return false
	}
	return true
}

func spectra(r *recording.Recording) ([]report.Part, error) {
	spectraPart := report.Part{ID: "spectra", Title: "Spectra"}
	maps := report.Part{ID: "maps", Title: "Topography"}
	kinds := slices.DeleteFunc(kindsOf(r), func(k kind) bool { return !waves(k.name) })
	const mostKinds = 6
	if len(kinds) > mostKinds {
		slices.SortStableFunc(kinds, func(a, b kind) int { return cmp.Compare(len(b.channels), len(a.channels)) })
		kinds = kinds[:mostKinds]
		spectraPart.Text = fmt.Sprintf("Of the %d types that have most channels.", mostKinds)
	}
	for _, k := range kinds {
		first, frames := analysed(r, len(k.channels))
		if frames < 8 {
			continue
		}
		x, err := signal.Matrix(r, first, frames, k.channels...)
		if err != nil {
			return nil, err
		}
		channels, rows := finiteRows(k.channels, x)
		if len(channels) == 0 {
			continue
		}
		short := float64(frames)/r.Rate < 2
		if !short {
			segment := int(math.Round(math.Min(4*r.Rate, float64(frames))))
			psd, err := spectrum.Welch{Segment: segment}.PSD(rows, r.Rate)
			if err != nil {
				return nil, err
			}
			spectraPart.Figures = append(spectraPart.Figures, SpectrumFigure(r, channels, psd,
				fmt.Sprintf("Welch's method over %s, Hann windows of %.3g s.", secondsText(float64(frames)/r.Rate), 1/psd.Frequencies[1])))
			if f, ok := bandMaps(r, k, channels, psd); ok {
				maps.Figures = append(maps.Figures, f)
			}
		} else if f, ok := peakMaps(r, k, channels, rows, first); ok {
			maps.Figures = append(maps.Figures, f)
		}
	}
	var out []report.Part
	if len(spectraPart.Figures) > 0 {
		out = append(out, spectraPart)
	}
	if f, ok := contacts(r); ok {
		maps.Figures = append(maps.Figures, f...)
	}
	if len(maps.Figures) > 0 {
		out = append(out, maps)
	}
	return out, nil
}

// finiteRows leaves channels out that hold values that are not finite.
func finiteRows(channels []int, x *mat.Dense) ([]int, *mat.Dense) {
	_, n := x.Dims()
	var keep []int
	var rows []float64
	for i, c := range channels {
		row := x.RawRowView(i)
		if !slices.ContainsFunc(row, func(v float64) bool { return v-v != 0 }) {
			keep = append(keep, c)
			rows = append(rows, row...)
		}
	}
	if len(keep) == 0 {
		return nil, nil
	}
	return keep, mat.NewDense(len(keep), n, rows)
}

// SpectrumFigure draws the spectra of channels of one type and unit; says is how they were estimated.
func SpectrumFigure(r *recording.Recording, channels []int, psd *spectrum.PSD, says string) report.Figure {
	var lines []report.Spectrum
	for i, c := range channels {
		lines = append(lines, report.Spectrum{Name: r.Channels[c].Name, Power: psd.Power.RawRowView(i)})
	}
	kind, unit, label := r.Channels[channels[0]].Type, r.Channels[channels[0]].Unit, "power (dB)"
	if unit != "" {
		label = fmt.Sprintf("power (dB re 1 (%s)²/Hz)", micro(unit))
	}
	highest := psd.Frequencies[len(psd.Frequencies)-1]
	f := report.Frame{ID: "spectrum-" + kind + unit, Title: fmt.Sprintf("%s, %s", cmp.Or(kind, "signals"), several(len(channels), "channel")),
		YLabel: label, XLim: [2]float64{math.Min(0.5, highest/4), highest}, Events: Mains(psd),
		Caption: says + " A background that falls as 1/f is a straight line."}
	if len(f.Events) > 0 {
		f.Caption += " Dashed lines: peaks at the frequency of the mains and its harmonics, 6 dB and more above what is beside them."
	}
	return report.Spectra(f, psd.Frequencies, lines)
}

func secondsText(s float64) string {
	if s < 120 {
		return fmt.Sprintf("%.3g s", s)
	}
	return fmt.Sprintf("%.3g min", s/60)
}

// Mains finds peaks of mains hum in the mean spectrum: at 50 or 60 Hz, whichever stands out more, and its harmonics, each at least 6 dB above
// the median of the neighbourhood.
func Mains(psd *spectrum.PSD) []report.Ref {
	channels, n := psd.Power.Dims()
	mean := make([]float64, n)
	for c := range channels {
		for i, p := range psd.Power.RawRowView(c) {
			if p > 0 { // weight channels alike
				mean[i] += math.Log10(p) / float64(channels)
			}
		}
	}
	step := psd.Frequencies[1]
	height := func(f float64) float64 {
		if f+2 > psd.Frequencies[n-1] || step > 1.5 {
			return 0
		}
		var near []float64
		peak := math.Inf(-1)
		for i, v := range psd.Frequencies {
			switch d := math.Abs(v - f); {
			case d <= math.Max(0.5, step):
				peak = math.Max(peak, mean[i])
			case d > math.Max(1, 2*step) && d <= 5:
				near = append(near, mean[i])
			}
		}
		if len(near) < 3 {
			return 0
		}
		return 10 * (peak - quantile(near, 0.5))
	}
	base := 50.0
	if height(60) > height(50) {
		base = 60
	}
	if height(base) < 6 {
		return nil
	}
	out := []report.Ref{{At: base, Label: fmt.Sprintf("%g Hz mains", base)}}
	for k := 2.0; k <= 4; k++ {
		if height(k*base) >= 6 {
			out = append(out, report.Ref{At: k * base, Label: fmt.Sprintf("%g", k*base)})
		}
	}
	return out
}

// onScalp says of a type that a map of the head shows it.
func onScalp(name string) bool {
	switch name {
	case "eeg", "mag", "grad", "", "csd", "fnirs_cw_amplitude", "hbo", "hbr":
		return true
	}
	return false
}

// placed gives the sensors of channels, those at one place joined, and the rows of each.
func placed(r *recording.Recording, k kind, channels []int) (sensors []report.Sensor, rows [][]int, says string) {
	if !onScalp(k.name) {
		return nil, nil, ""
	}
	l := layoutOf(r, channels)
	for i, c := range l.channels {
		row := slices.Index(channels, c)
		q := l.sensors[i]
		same := slices.IndexFunc(sensors, func(s report.Sensor) bool { return math.Hypot(s.X-q.X, s.Y-q.Y) < 0.005 })
		if same < 0 {
			sensors, rows = append(sensors, q), append(rows, []int{row})
		} else {
			rows[same] = append(rows[same], row)
		}
	}
	if len(sensors) < 4 {
		return nil, nil, ""
	}
	says = l.says
	if len(l.channels) < len(channels) {
		says += fmt.Sprintf(" %d of %d channels have no place.", len(channels)-len(l.channels), len(channels))
	}
	if len(sensors) < len(l.channels) {
		says += " Channels at one place are shown as one."
	}
	return sensors, rows, says
}

// bandMaps draws the power of bands, each against its mean over the channels.
func bandMaps(r *recording.Recording, k kind, channels []int, psd *spectrum.PSD) (report.Figure, bool) {
	sensors, rows, says := placed(r, k, channels)
	if sensors == nil {
		return report.Figure{}, false
	}
	var shown []report.ScalpValues
	for _, band := range Bands {
		if band.To > psd.Frequencies[len(psd.Frequencies)-1] {
			continue
		}
		power, err := psd.Band(band.From, band.To)
		if err != nil {
			continue
		}
		values, mean, n := make([]float64, len(sensors)), 0.0, 0
		for i, group := range rows {
			for _, row := range group {
				values[i] += power[row] / float64(len(group))
			}
			values[i] = 10 * math.Log10(values[i])
			if values[i]-values[i] == 0 {
				mean += values[i]
				n++
			}
		}
		for i := range values {
			values[i] -= mean / float64(max(n, 1))
		}
		shown = append(shown, report.ScalpValues{Label: fmt.Sprintf("%s, %g–%g Hz", band.Name, band.From, band.To), Values: values})
	}
	if len(shown) == 0 {
		return report.Figure{}, false
	}
	return report.Topomap(report.Frame{ID: "maps-" + k.name, Title: "Band power, " + cmp.Or(k.name, "signals"),
		Caption: "Power of each sensor against the mean of all, in decibels, seen from above. " + says},
		sensors, report.Scale{Label: "dB re mean", Signed: true}, shown...), true
}

// peakMaps draws a short recording, such as an average, at the moments when it is strongest.
func peakMaps(r *recording.Recording, k kind, channels []int, x *mat.Dense, first int64) (report.Figure, bool) {
	sensors, rows, says := placed(r, k, channels)
	if sensors == nil {
		return report.Figure{}, false
	}
	_, n := x.Dims()
	power := make([]float64, n)
	for i := range channels {
		for t, v := range x.RawRowView(i) {
			power[t] += v * v
		}
	}
	apart := max(1, n/10)
	var moments []int
	for len(moments) < 4 {
		best := -1
		for t, p := range power {
			if (best < 0 || p > power[best]) && !slices.ContainsFunc(moments, func(m int) bool { return max(m-t, t-m) < apart }) {
				best = t
			}
		}
		if best < 0 {
			break
		}
		moments = append(moments, best)
	}
	slices.Sort(moments)
	signed := true
	var shown []report.ScalpValues
	for _, t := range moments {
		values := make([]float64, len(sensors))
		for i, group := range rows {
			for _, row := range group {
				if len(group) == 1 {
					values[i] = x.At(row, t)
				} else { // two gradiometers at right angles
					values[i] = math.Hypot(values[i], x.At(row, t)/math.Sqrt(float64(len(group))))
					signed = false
				}
			}
		}
		shown = append(shown, report.ScalpValues{Label: fmt.Sprintf("%.3g s", r.Time(first+int64(t))), Values: values})
	}
	rms := ""
	if !signed {
		rms = "Of channels at one place, the root mean square. "
	}
	return report.Topomap(report.Frame{ID: "peaks-" + k.name, Title: "Strongest moments, " + cmp.Or(k.name, "signals"),
		Caption: "The recording is too short for spectra of its bands: amplitudes when their power over all channels is largest. " + rms + says},
		sensors, report.Scale{Label: strings.TrimSpace("amplitude " + bracketed(micro(k.unit))), Signed: signed}, shown...), true
}

func bracketed(unit string) string {
	if unit == "" {
		return ""
	}
	return "(" + unit + ")"
}

// contacts draws where electrodes in the brain are, from above and from the right.
func contacts(r *recording.Recording) ([]report.Figure, bool) {
	var views [2][]report.Points
	for _, name := range []string{"ecog", "seeg", "dbs"} {
		var x, y, z []float64
		for _, c := range r.Channels {
			if c.Type == name && c.Position != nil && !math.IsNaN(c.Position[0]+c.Position[1]+c.Position[2]) {
				x, y, z = append(x, 1e3*c.Position[0]), append(y, 1e3*c.Position[1]), append(z, 1e3*c.Position[2])
			}
		}
		if len(x) > 0 {
			views[0] = append(views[0], report.Points{Name: name, X: x, Y: y})
			views[1] = append(views[1], report.Points{Name: name, X: y, Y: z})
		}
	}
	if len(views[0]) == 0 {
		return nil, false
	}
	return []report.Figure{
		report.ScatterPlot(report.Frame{ID: "contacts-above", Title: "Contacts from above", XLabel: "right (mm)", YLabel: "front (mm)", Square: true, Height: 460,
			Caption: "Positions as the file gives them."}, views[0]),
		report.ScatterPlot(report.Frame{ID: "contacts-side", Title: "Contacts from the side", XLabel: "front (mm)", YLabel: "up (mm)", Square: true, Height: 460,
			Caption: "Positions as the file gives them."}, views[1]),
	}, true
}

func eventPart(r *recording.Recording) report.Part {
	count := map[string]int{}
	first := map[string]float64{}
	for _, e := range r.Events {
		if count[e.Label] == 0 {
			first[e.Label] = e.Onset
		}
		count[e.Label]++
	}
	labels := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	counts := report.Table{ID: "counts", Title: "Events by label", Caption: fmt.Sprintf("%s events.", counted(len(r.Events))), Columns: []string{"Label", "Events", "First (s)"}}
	for _, l := range labels {
		counts.Rows = append(counts.Rows, []string{cmp.Or(l, "(none)"), counted(count[l]), fmt.Sprintf("%.3f", first[l])})
	}
	list := report.Table{ID: "events", Title: "Every event", Columns: []string{"Onset (s)", "Duration (s)", "Label"}}
	for i, e := range r.Events {
		if i == mostEventRows {
			list.Title = fmt.Sprintf("The first %d of %s events", mostEventRows, counted(len(r.Events)))
			break
		}
		list.Rows = append(list.Rows, []string{fmt.Sprintf("%.4f", e.Onset), fmt.Sprintf("%.4g", e.Duration), e.Label})
	}
	return report.Part{ID: "events", Title: "Events", Tables: []report.Table{counts, list}}
}

func channelPart(r *recording.Recording, d *recording.Description) report.Part {
	t := report.Table{ID: "channels", Title: fmt.Sprintf("%s channels", counted(len(r.Channels))), Columns: []string{"Channel", "Type", "Unit", "Smallest", "Largest", "Mean", "Position (mm)"}}
	for i, c := range r.Channels {
		row := []string{c.Name, c.Type, micro(c.Unit), "", "", "", ""}
		if i < len(d.Items) && len(d.Items) == len(r.Channels) && d.Items[i].Range != nil {
			g := d.Items[i].Range
			row[3], row[4], row[5] = fmt.Sprintf("%.4g", g.Min), fmt.Sprintf("%.4g", g.Max), fmt.Sprintf("%.4g", g.Mean)
		}
		if p := c.Position; p != nil {
			row[6] = fmt.Sprintf("%.0f, %.0f, %.0f", 1e3*p[0], 1e3*p[1], 1e3*p[2])
		}
		t.Rows = append(t.Rows, row)
	}
	return report.Part{ID: "channels", Title: "Channels", Tables: []report.Table{t}}
}

// Kinds are channels grouped by type and unit, as they share a picture.
func Kinds(r *recording.Recording, channels []int) [][]int {
	var out [][]int
	for _, k := range kindsOf(r) {
		k.channels = slices.DeleteFunc(k.channels, func(c int) bool { return !slices.Contains(channels, c) })
		if len(k.channels) > 0 {
			out = append(out, k.channels)
		}
	}
	return out
}

// Rows are the spectra of some of the channels that psd is of.
func Rows(psd *spectrum.PSD, channels, some []int) *spectrum.PSD {
	out := &spectrum.PSD{Frequencies: psd.Frequencies, Power: mat.NewDense(len(some), len(psd.Frequencies), nil)}
	for i, c := range some {
		out.Power.SetRow(i, psd.Power.RawRowView(slices.Index(channels, c)))
	}
	return out
}
