package signal

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
)

// Matrix reads frames of some channels of a recording, all if none are named, into a matrix of channels by samples.
func Matrix(r *recording.Recording, first int64, frames int, channels ...int) (*mat.Dense, error) {
	if len(channels) == 0 {
		for c := range r.Channels {
			channels = append(channels, c)
		}
	}
	for _, c := range channels {
		if c < 0 || c >= len(r.Channels) {
			return nil, fmt.Errorf("channel number %d was asked for, expected 0 to %d", c, len(r.Channels)-1)
		}
	}
	if len(channels) == 0 || frames < 1 {
		return nil, fmt.Errorf("%d channels by %d frames were asked for, expected at least one of each", len(channels), frames)
	}
	if first < 0 || int64(frames) > r.Frames || first > r.Frames-int64(frames) {
		return nil, fmt.Errorf("frames %d to %d were asked for, expected a part of the %d there are", first, first+int64(frames), r.Frames)
	}
	x := mat.NewDense(len(channels), frames, nil)
	const block = 4096
	width := len(r.Channels)
	buffer := make([]float32, min(frames, block)*width)
	for at := 0; at < frames; at += block {
		n := min(block, frames-at)
		if got, err := r.Samples.ReadFrames(buffer[:n*width], first+int64(at)); got < n {
			if err == nil {
				err = fmt.Errorf("%d of %d frames were read", got, n)
			}
			return nil, err
		}
		for i, c := range channels {
			row := x.RawRowView(i)[at : at+n]
			for t := range row {
				row[t] = float64(buffer[t*width+c])
			}
		}
	}
	return x, nil
}

// ChannelsOf returns the numbers of the recording's channels of the given types, such as "eeg".
func ChannelsOf(r *recording.Recording, types ...string) []int {
	var out []int
	for i, c := range r.Channels {
		if slices.Contains(types, c.Type) {
			out = append(out, i)
		}
	}
	return out
}
