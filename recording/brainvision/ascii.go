package brainvision

import (
	"fmt"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// ascii reads samples that are text, a line for each frame or for each channel, into memory.
func (h *header) ascii(r *recording.Recording, data *records.File, vectorized bool) error {
	info := records.Find(h.sections, "ASCII Infos")
	skip := [2]int64{}
	for i, key := range []string{"SkipLines", "SkipColumns"} {
		if l := info.Get(key); l.Value != "" {
			var err error
			if skip[i], err = records.Integer(l.Value); err != nil || skip[i] < 0 {
				return h.wrong(l, key, "a number from 0 on")
			}
		}
	}
	comma := info.Get("DecimalSymbol").Value == ","
	text, err := data.Bytes(0, data.Size, "samples")
	if err != nil {
		return err
	}
	rest := string(text)
	var values []float32 // line by line
	width := -1          // numbers in a line
	lines := 0
	for number := 1; rest != ""; number++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if int64(number) <= skip[0] || strings.TrimSpace(line) == "" {
			continue
		}
		cells := strings.FieldsFunc(line, func(c rune) bool {
			return c == ' ' || c == '\t' || c == '\r' || c == ';' || (c == ',' && !comma)
		})
		wrong := func(column int, found, expected string) error {
			return &recording.Error{Path: data.Path, Offset: -1, Line: number, Column: column, Found: found, Expected: expected}
		}
		if int64(len(cells)) < skip[1] {
			return wrong(0, fmt.Sprintf("%d columns", len(cells)), fmt.Sprintf("at least the %d that are to be skipped", skip[1]))
		}
		cells = cells[skip[1]:]
		switch {
		case !vectorized && len(cells) != h.stored:
			return wrong(0, fmt.Sprintf("%d numbers", len(cells)), fmt.Sprintf("one for each of %d channels", h.stored))
		case width >= 0 && len(cells) != width:
			return wrong(0, fmt.Sprintf("%d numbers", len(cells)), fmt.Sprintf("%d, as in the lines before", width))
		}
		width = len(cells)
		for i, c := range cells {
			if comma {
				c = strings.ReplaceAll(c, ",", ".")
			}
			x, err := records.Number(c)
			if err != nil {
				return wrong(int(skip[1])+i+1, fmt.Sprintf("%.40q", c), "a number")
			}
			values = append(values, float32(x))
		}
		lines++
	}
	n := len(h.channels)
	r.Frames = int64(lines)
	if vectorized {
		if lines != h.stored {
			return data.Error(-1, "samples", fmt.Sprintf("%d lines", lines), fmt.Sprintf("one for each of %d channels", h.stored), "")
		}
		r.Frames = int64(width)
	}
	samples := make([]float32, int(r.Frames)*n)
	for f := range int(r.Frames) {
		for c := range n {
			at := f*h.stored + c
			if vectorized {
				at = c*width + f
			}
			samples[f*n+c] = values[at] * float32(h.channels[c].resolution)
		}
	}
	data.Close()
	r.Samples = recording.Memory{Data: samples, Channels: n}
	return nil
}
