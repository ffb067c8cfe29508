package inspection

import (
	"fmt"
	"math/cmplx"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/fif"
	"github.com/gyrus-dev/gyrus/report"
)

// mostAverages is how many conditions of a file are drawn.
const mostAverages = 8

// averages draws the averages of a FIF as short recordings; it adds nothing if the file holds none.
func averages(s *report.Sheet, path string) error {
	f, err := fif.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	evoked, err := f.Evokeds()
	if err != nil {
		return nil // epochs, say: what there is stands in the description
	}
	for i, e := range evoked {
		if i == mostAverages {
			s.Notes = append(s.Notes, report.Note{Text: fmt.Sprintf("The first %d of %d averages are drawn.", i, len(evoked))})
			break
		}
		r := evokedRecording(e)
		if r.Frames == 0 || len(r.Channels) == 0 {
			continue
		}
		drawn, err := traces(r)
		if err != nil {
			return err
		}
		parts, err := spectra(r)
		if err != nil {
			return err
		}
		part := report.Part{ID: fmt.Sprintf("average-%d", i+1), Title: e.Name(), Text: fmt.Sprintf("The %s of %d trials. Times count from the first sample; the event is at %.4g s.",
			strings.ReplaceAll(e.Kind, "_", " "), e.Averages, -e.Times[0]), Figures: drawn.Figures}
		if e.Complex != nil {
			part.Text += " What is drawn is the magnitude of complex numbers."
		}
		for _, p := range parts {
			part.Figures = append(part.Figures, p.Figures...)
		}
		for k := range part.Figures {
			part.Figures[k].ID += fmt.Sprintf("-%d", i+1)
		}
		s.Parts = append(s.Parts, part)
	}
	return nil
}

// evokedRecording is an average as a recording, the magnitude of complex numbers, with an event where the trials were aligned.
func evokedRecording(e *fif.Evoked) *recording.Recording {
	n, channels := len(e.Times), len(e.Channels)
	r := &recording.Recording{Rate: e.Rate, Frames: int64(n)}
	data := make([]float32, n*channels)
	for c, ch := range e.Channels {
		out := recording.Channel{Name: ch.Name, Type: ch.Type(), Unit: ch.UnitName()}
		at := [3]float64(ch.Loc[:3])
		if at != [3]float64{} && at[0]-at[0] == 0 {
			out.Position = &at
		}
		r.Channels = append(r.Channels, out)
		for t := range n {
			if e.Complex != nil {
				data[t*channels+c] = float32(cmplx.Abs(e.Complex[c*n+t]))
				continue
			}
			data[t*channels+c] = float32(e.Data[c*n+t])
		}
	}
	if n > 0 && e.Times[0] < 0 && e.Times[n-1] > 0 {
		r.Events = []recording.Event{{Onset: -e.Times[0], Label: "event"}}
	}
	r.Samples = recording.Memory{Data: data, Channels: channels}
	return r
}
