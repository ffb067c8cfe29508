package lazy

import (
	"fmt"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

// Welch estimates the spectra of channels from the frames first to end-1 of a recording, in memory that does not depend on how many they are:
// the average over all segments that lie within a stretch without gaps, the same as of the whole in one go.
func Welch(r *recording.Recording, w spectrum.Welch, first, end int64, channels ...int) (*spectrum.PSD, error) {
	if w.Median {
		return nil, fmt.Errorf("a median over segments needs all of them at once; use the mean")
	}
	if w.Segment < 2 || w.Step < 0 || w.Step > w.Segment {
		return nil, fmt.Errorf("segments of %d samples, %d from one to the next", w.Segment, w.Step)
	}
	if w.Step == 0 {
		w.Step = w.Segment - w.Segment/2
	}
	if first < 0 || end > r.Frames {
		return nil, fmt.Errorf("frames %d to %d of a recording of %d", first, end, r.Frames)
	}
	n := len(channels)
	if n == 0 {
		return nil, fmt.Errorf("no channels to estimate spectra of")
	}
	// Whole segments: pieces overlap by what a segment's successor takes back.
	perPiece := int64(max(1, (1<<22)/n/w.Step))
	var sum *spectrum.PSD
	segments := 0.0
	longest := int64(0)
	for _, part := range stretches(r) {
		a, b := max(part.first, first), min(part.end, end)
		longest = max(longest, b-a)
		for b-a >= int64(w.Segment) {
			count := min(perPiece, (b-a-int64(w.Segment))/int64(w.Step)+1)
			x, err := signal.Matrix(r, a, w.Segment+int(count-1)*w.Step, channels...)
			if err != nil {
				return nil, err
			}
			psd, err := w.PSD(x, r.Rate)
			if err != nil {
				return nil, fmt.Errorf("from frame %d on: %w", a, err)
			}
			if sum == nil {
				sum = &spectrum.PSD{Frequencies: psd.Frequencies, Power: mat.NewDense(n, len(psd.Frequencies), nil)}
			}
			psd.Power.Scale(float64(count), psd.Power)
			sum.Power.Add(sum.Power, psd.Power)
			segments += float64(count)
			a += count * int64(w.Step)
		}
	}
	if sum == nil {
		return nil, fmt.Errorf("segments of %d samples, but the longest stretch without a gap has %d; use shorter ones", w.Segment, max(longest, 0))
	}
	sum.Power.Scale(1/segments, sum.Power)
	return sum, nil
}

// Multitaper estimates the spectra of channels from the frames first to end-1 of a recording as the average over windows of so many frames, each
// estimated with all tapers: frequencies are one over a window apart, and memory does not depend on the length. Windows follow each other
// without overlap, since tapers share a window's edges as evenly as its middle, and lie within stretches without gaps; what is left behind the
// last of a stretch is not used.
func Multitaper(r *recording.Recording, m spectrum.Multitaper, window int, first, end int64, channels ...int) (*spectrum.PSD, error) {
	switch n := len(channels); {
	case window < 2:
		return nil, fmt.Errorf("windows of %d samples", window)
	case first < 0 || end > r.Frames:
		return nil, fmt.Errorf("frames %d to %d of a recording of %d", first, end, r.Frames)
	case n == 0:
		return nil, fmt.Errorf("no channels to estimate spectra of")
	}
	n := len(channels)
	perPiece := int64(max(1, (1<<22)/n/window)) // the tapers are made once for a piece
	var sum *spectrum.PSD
	windows := 0.0
	longest := int64(0)
	for _, part := range stretches(r) {
		a, b := max(part.first, first), min(part.end, end)
		longest = max(longest, b-a)
		for b-a >= int64(window) {
			count := int(min(perPiece, (b-a)/int64(window)))
			x, err := signal.Matrix(r, a, count*window, channels...)
			if err != nil {
				return nil, err
			}
			// A channel's row is its windows one after the other, so that each window is a row of a matrix of the same numbers.
			psd, err := m.PSD(mat.NewDense(n*count, window, x.RawMatrix().Data), r.Rate)
			if err != nil {
				return nil, fmt.Errorf("from frame %d on: %w", a, err)
			}
			if sum == nil {
				sum = &spectrum.PSD{Frequencies: psd.Frequencies, Power: mat.NewDense(n, len(psd.Frequencies), nil)}
			}
			for row := range n * count {
				floats.Add(sum.Power.RawRowView(row/count), psd.Power.RawRowView(row))
			}
			windows += float64(count)
			a += int64(count * window)
		}
	}
	if sum == nil {
		return nil, fmt.Errorf("windows of %d samples, but the longest stretch without a gap has %d; use shorter ones", window, max(longest, 0))
	}
	sum.Power.Scale(1/windows, sum.Power)
	return sum, nil
}
