package ctf

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// lines gives the lines of a file without surrounding blanks.
func lines(text string) []string {
	list := strings.Split(text, "\n")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// wrong is the error for a line of a file of text.
func (d *Dataset) wrong(name string, line int, found, expected string) error {
	return &recording.Error{Path: filepath.Join(d.folder, name), Line: line, Offset: -1, Found: found, Expected: expected}
}

// headCoils reads the .hc file: for each coil a line that says which and in what frame, then x, y and z in centimetres.
func (d *Dataset) headCoils() error {
	name := d.stem + ".hc"
	text, err := d.optional(name)
	if err != nil {
		return err
	}
	list := lines(text)
	for i := 0; i < len(list); i++ {
		title := strings.ToLower(list[i])
		if title == "" || strings.HasPrefix(title, "#") {
			continue
		}
		if strings.Contains(title, "unable") {
			d.Coils = nil
			return nil // the head was not localised
		}
		var c HeadCoil
		for _, known := range []string{"nasion", "left ear", "right ear", "lpa", "rpa", "spare"} {
			if strings.Contains(title, known) {
				c.Name = known
			}
		}
		switch c.Name {
		case "lpa":
			c.Name = "left ear"
		case "rpa":
			c.Name = "right ear"
		}
		switch {
		case strings.Contains(title, "relative to dewar"):
			c.Frame = "dewar"
		case strings.Contains(title, "relative to head"):
			c.Frame = "head"
		}
		for k, axis := range []string{"x", "y", "z"} {
			if i++; i >= len(list) {
				return d.wrong(name, i, "the end of the file", axis+" of a coil")
			}
			key, number, _ := strings.Cut(list[i], "=")
			v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if strings.TrimSpace(key) != axis || err != nil {
				return d.wrong(name, i+1, strconv.Quote(list[i]), fmt.Sprintf(`"%s = " and a number`, axis))
			}
			c.At[k] = v / 100
		}
		if strings.Contains(title, "measured") && c.Frame != "" {
			d.Coils = append(d.Coils, c)
		}
	}
	return nil
}

// electrodes reads the .eeg file, whose places take precedence over those of the .res4: number, name, x, y and z in
// centimetres.
func (d *Dataset) electrodes() error {
	name := d.stem + ".eeg"
	text, err := d.optional(name)
	if err != nil || text == "" {
		return err
	}
	for i := range d.Channels {
		if d.Channels[i].SensorType == eeg {
			d.Channels[i].Origin = [3]float64{}
		}
	}
	for i, line := range lines(text) {
		parts := strings.Fields(line)
		if len(parts) == 0 {
			continue
		}
		if len(parts) != 5 {
			return d.wrong(name, i+1, fmt.Sprintf("%d words", len(parts)), "number, name, x, y and z")
		}
		var at [3]float64
		for k := range at {
			v, err := strconv.ParseFloat(parts[2+k], 64)
			if err != nil {
				return d.wrong(name, i+1, strconv.Quote(parts[2+k]), "a number")
			}
			at[k] = v / 100
		}
		for k := range d.Channels {
			if c := &d.Channels[k]; strings.EqualFold(c.Name, parts[1]) && c.SensorType == eeg {
				c.Origin = at
			}
		}
	}
	return nil
}

// toHead gives the function from CTF's head frame to the one of package recording (x through the right ear, y through the
// nasion), made of the three points on the head; nil without them.
func (d *Dataset) toHead() func([3]float64) [3]float64 {
	points := map[string][3]float64{}
	for _, c := range d.Coils {
		if _, seen := points[c.Name]; c.Frame == "head" && !seen {
			points[c.Name] = c.At
		}
	}
	left, okLeft := points["left ear"]
	right, okRight := points["right ear"]
	nasion, okNasion := points["nasion"]
	if !okLeft || !okRight || !okNasion {
		return nil
	}
	x := sub(right, left)
	x = scaled(x, 1/math.Sqrt(dot(x, x)))
	along := dot(sub(nasion, left), x)
	origin := sub(left, scaled(x, -along)) // on the line between the ears, below the nasion
	y := sub(nasion, origin)
	y = scaled(y, 1/math.Sqrt(dot(y, y)))
	z := cross(x, y)
	return func(p [3]float64) [3]float64 {
		p = sub(p, origin)
		return [3]float64{dot(p, x), dot(p, y), dot(p, z)}
	}
}

// markers reads MarkerFile.mrk: by name, lists of trial and seconds after the trigger.
func (d *Dataset) markers() ([]recording.Event, error) {
	const name = "MarkerFile.mrk"
	text, err := d.optional(name)
	if err != nil || text == "" {
		return nil, err
	}
	var out []recording.Event
	list := lines(text)
	label := ""
	for i := 0; i < len(list); i++ {
		next := func() string {
			if i++; i < len(list) {
				return list[i]
			}
			return ""
		}
		switch list[i] {
		case "NAME:":
			label = next()
		case "NUMBER OF SAMPLES:":
			if _, err := strconv.Atoi(list[min(i+1, len(list)-1)]); err != nil {
				return nil, d.wrong(name, i+2, strconv.Quote(next()), "a number of samples")
			}
		case "LIST OF SAMPLES:":
			next() // the header of the list
			for i+1 < len(list) {
				parts := strings.Fields(list[i+1])
				if len(parts) < 2 {
					break
				}
				trial, err1 := strconv.ParseFloat(parts[0], 64)
				seconds, err2 := strconv.ParseFloat(parts[1], 64)
				if err1 != nil || err2 != nil {
					break
				}
				i++
				onset := seconds + (trial*float64(d.TrialFrames)+float64(d.PreTrigger))/d.Rate
				out = append(out, recording.Event{Onset: onset, Label: label})
			}
		}
	}
	return out, nil
}

// badSegments reads bad.segments: trial, begin and end in seconds.
func (d *Dataset) badSegments() ([]recording.Event, error) {
	const name = "bad.segments"
	text, err := d.optional(name)
	if err != nil {
		return nil, err
	}
	var out []recording.Event
	for i, line := range lines(text) {
		parts := strings.Fields(line)
		if len(parts) == 0 {
			continue
		}
		if len(parts) < 3 {
			return nil, d.wrong(name, i+1, strconv.Quote(line), "trial, begin and end")
		}
		begin, err1 := strconv.ParseFloat(parts[1], 64)
		end, err2 := strconv.ParseFloat(parts[2], 64)
		if err1 != nil || err2 != nil {
			return nil, d.wrong(name, i+1, strconv.Quote(line), "seconds")
		}
		out = append(out, recording.Event{Onset: begin + float64(d.PreTrigger)/d.Rate, Duration: end - begin, Label: "bad_" + parts[0]})
	}
	return out, nil
}

// badChannels reads BadChannels, which names channels without what follows the hyphen.
func (d *Dataset) badChannels() ([]string, error) {
	text, err := d.optional("BadChannels")
	if err != nil {
		return nil, err
	}
	full := map[string]string{}
	for _, c := range d.Channels {
		short, _, _ := strings.Cut(c.Name, "-")
		full[short] = c.Name
	}
	var out []string
	for _, name := range lines(text) {
		if name == "" {
			continue
		}
		short, _, _ := strings.Cut(name, "-")
		if long, ok := full[short]; ok {
			name = long
		}
		out = append(out, name)
	}
	return out, nil
}
