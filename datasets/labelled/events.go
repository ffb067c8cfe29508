package labelled

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/events"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
	"github.com/gyrus-dev/gyrus/recording/inflate"
)

// Spikes is spikes of numbered channels with their classes.
type Spikes struct {
	Samples           []SpikeSample
	Channels, Classes int
}

// SpikeSample is one recording.
type SpikeSample struct {
	Times    []float32 // s
	Channels []uint16
	Label    int
}

// maxSHD bounds what a compressed file inflates to.
const maxSHD = 2 << 30

// SHD reads a part of the Spiking Heidelberg Digits from a folder with shd_train.h5 and shd_test.h5, each of which may end in .gz.
func SHD(dir string, part Part) (*Spikes, error) {
	name := "shd_" + part.String() + ".h5"
	file := filepath.Join(dir, name)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		file += ".gz"
	}
	content, err := inflate.Open(file, maxSHD)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = &recording.Error{Path: dir, Offset: -1, Found: fmt.Sprintf("neither %s nor %s.gz", name, name), Expected: "a part of SHD", Remedy: "name the folder that holds it", Err: err}
		}
		return nil, err
	}
	defer content.Close()
	return readSHD(content, file)
}

func readSHD(content *inflate.File, path string) (*Spikes, error) {
	f, err := hdf5.NewFile(content, content.Size, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	labels, err := f.Dataset("/labels")
	if err != nil {
		return nil, err
	}
	array, err := labels.Read(hdf5.Slab{})
	if err != nil {
		return nil, err
	}
	classes, err := array.Float64s()
	if err != nil {
		return nil, err
	}
	rows := func(name string) ([]any, error) {
		d, err := f.Dataset(name)
		if err != nil {
			return nil, err
		}
		all, err := d.Values(hdf5.Slab{})
		if err == nil && len(all) != len(classes) {
			err = &recording.Error{Path: path, Field: name, Offset: -1, Found: fmt.Sprintf("%d recordings", len(all)), Expected: fmt.Sprintf("%d, as there are labels", len(classes))}
		}
		return all, err
	}
	times, err := rows("/spikes/times")
	if err != nil {
		return nil, err
	}
	units, err := rows("/spikes/units")
	if err != nil {
		return nil, err
	}
	s := &Spikes{Channels: 700, Classes: 20, Samples: make([]SpikeSample, len(classes))}
	for i := range s.Samples {
		wrong := func(field, found, expected string) error {
			return &recording.Error{Path: path, Field: fmt.Sprintf("%s[%d]", field, i), Offset: -1, Found: found, Expected: expected}
		}
		if k := classes[i]; k != float64(int(k)) || k < 0 || int(k) >= s.Classes {
			return nil, wrong("/labels", fmt.Sprint(k), fmt.Sprintf("0 to %d", s.Classes-1))
		}
		t, err := floats(times[i])
		if err != nil {
			return nil, wrong("/spikes/times", err.Error(), "a sequence of numbers")
		}
		u, err := floats(units[i])
		if err != nil {
			return nil, wrong("/spikes/units", err.Error(), "a sequence of numbers")
		}
		if len(t) != len(u) {
			return nil, wrong("/spikes/units", fmt.Sprintf("%d spikes", len(u)), fmt.Sprintf("%d, as there are times", len(t)))
		}
		sample := SpikeSample{Times: t, Channels: make([]uint16, len(u)), Label: int(classes[i])}
		for k, c := range u {
			if c != float32(int(c)) || c < 0 || int(c) >= s.Channels {
				return nil, wrong("/spikes/units", fmt.Sprintf("channel %g at spike %d", c, k), fmt.Sprintf("0 to %d", s.Channels-1))
			}
			if !(t[k] >= 0) || k > 0 && t[k] < t[k-1] {
				return nil, wrong("/spikes/times", fmt.Sprintf("%g s at spike %d", t[k], k), "times from 0 on, in order")
			}
			sample.Channels[k] = uint16(c)
		}
		s.Samples[i] = sample
	}
	return s, nil
}

func floats(row any) ([]float32, error) {
	a, ok := row.(*recording.Array)
	if !ok {
		return nil, fmt.Errorf("%T", row)
	}
	return a.Float32s()
}

// Clip is a recording of an event camera with its class.
type Clip struct {
	Events events.Events // times in microseconds from the clip's beginning
	Label  int
}

// Frames counts the clip's events in steps of equal length, each polarity by itself, with blocks of shrink x shrink pixels taken as one: [steps, 2,
// height/shrink, width/shrink], off before on. The steps share length, in microseconds, or if that is 0 the time up to the last event.
func (c Clip) Frames(steps, width, height, shrink int, length int64) ([]float32, error) {
	if steps < 1 || shrink < 1 || width < shrink || height < shrink {
		return nil, fmt.Errorf("labelled: frames of %d steps, %d x %d pixels by %d", steps, width, height, shrink)
	}
	w, h := (width+shrink-1)/shrink, (height+shrink-1)/shrink
	out := make([]float32, steps*2*h*w)
	if c.Events.Len() == 0 {
		return out, nil
	}
	if length == 0 {
		length = slices.Max(c.Events.T) + 1
	}
	for i, t := range c.Events.T {
		x, y := int(c.Events.X[i]), int(c.Events.Y[i])
		if x >= width || y >= height {
			return nil, fmt.Errorf("labelled: event %d is at pixel (%d, %d) of a sensor of %d x %d", i, x, y, width, height)
		}
		if t < 0 || t >= length {
			continue
		}
		p := 0
		if c.Events.On[i] {
			p = 1
		}
		out[((int(t*int64(steps)/length)*2+p)*h+y/shrink)*w+x/shrink]++
	}
	return out, nil
}

// NMNIST reads recordings of N-MNIST (34 x 34 pixels). The folder holds Train and Test, each with folders 0 to 9 of .bin or .bs2 files, as the set's archives
// unpack; or such files directly, with a table labels.tsv of columns sample and class, and then part is not looked at. most limits how many are read of
// each class; 0 means all.
func NMNIST(dir string, part Part, most int) ([]Clip, error) {
	type entry struct {
		path  string
		label int
	}
	var list []entry
	root := filepath.Join(dir, [...]string{"Train", "Test"}[part])
	if _, err := os.Stat(root); err == nil {
		for label := range 10 {
			files, err := os.ReadDir(filepath.Join(root, strconv.Itoa(label)))
			if err != nil {
				return nil, err
			}
			for _, f := range files {
				if ext := strings.ToLower(filepath.Ext(f.Name())); ext == ".bin" || ext == ".bs2" {
					list = append(list, entry{filepath.Join(root, strconv.Itoa(label), f.Name()), label})
				}
			}
		}
	} else {
		rows, err := table(filepath.Join(dir, "labels.tsv"), '\t', 2)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &recording.Error{Path: dir, Offset: -1, Found: "neither Train and Test nor labels.tsv", Expected: "recordings of N-MNIST", Err: err}
		}
		if err != nil {
			return nil, err
		}
		for i, row := range rows {
			label, err := strconv.Atoi(row[1])
			if err != nil || label < 0 || label > 9 {
				return nil, &recording.Error{Path: filepath.Join(dir, "labels.tsv"), Offset: -1, Line: i + 2, Column: 2, Found: row[1], Expected: "a digit"}
			}
			if row[0] != filepath.Base(row[0]) {
				return nil, &recording.Error{Path: filepath.Join(dir, "labels.tsv"), Offset: -1, Line: i + 2, Column: 1, Found: row[0], Expected: "the name of a file in this folder"}
			}
			list = append(list, entry{filepath.Join(dir, row[0]+".bs2"), label})
		}
	}
	var per [10]int
	var clips []Clip
	for _, e := range list {
		if most > 0 && per[e.label] == most {
			continue
		}
		per[e.label]++
		f, err := events.Open(e.path)
		if err != nil {
			return nil, err
		}
		ev, err := f.Read()
		f.Close()
		if err != nil {
			return nil, err
		}
		clips = append(clips, Clip{rebase(ev), e.label})
	}
	return clips, nil
}

// rebase lets times begin at that of the first event.
func rebase(e events.Events) events.Events {
	if e.Len() == 0 {
		return e
	}
	first := slices.Min(e.T)
	for i := range e.T {
		e.T[i] -= first
	}
	return e
}

// DVSGesture reads a part of DVS128 Gesture (128 x 128 pixels, classes 0 to 10) from the folder of its archive, with trials_to_train.txt, trials_to_test.txt
// and for each recording named there a table of labels, whose rows class, begin and end (microseconds) become a clip each.
func DVSGesture(dir string, part Part) ([]Clip, error) {
	list := filepath.Join(dir, "trials_to_"+part.String()+".txt")
	text, err := os.ReadFile(list)
	if err != nil {
		return nil, err
	}
	var clips []Clip
	for i, name := range strings.Split(string(text), "\n") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if name != filepath.Base(name) || filepath.Ext(name) != ".aedat" {
			return nil, &recording.Error{Path: list, Offset: -1, Line: i + 1, Found: name, Expected: "the name of an .aedat file in this folder"}
		}
		more, err := gestures(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		clips = append(clips, more...)
	}
	return clips, nil
}

func gestures(path string) ([]Clip, error) {
	labels := strings.TrimSuffix(path, ".aedat") + "_labels.csv"
	rows, err := table(labels, ',', 3)
	if err != nil {
		return nil, err
	}
	f, err := events.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := f.Read()
	if err != nil {
		return nil, err
	}
	if !all.Ordered() {
		at := 1
		for ; all.T[at] >= all.T[at-1]; at++ {
		}
		return nil, &recording.Error{Path: path, Field: fmt.Sprintf("event %d", at), Offset: -1, Found: fmt.Sprintf("%d microseconds after %d", all.T[at], all.T[at-1]), Expected: "times in order"}
	}
	var clips []Clip
	for i, row := range rows {
		var v [3]int64
		for c, text := range row[:3] {
			if v[c], err = strconv.ParseInt(strings.TrimSpace(text), 10, 64); err != nil {
				return nil, &recording.Error{Path: labels, Offset: -1, Line: i + 2, Column: c + 1, Found: text, Expected: "an integer"}
			}
		}
		if v[0] < 1 || v[0] > 11 || v[2] < v[1] {
			return nil, &recording.Error{Path: labels, Offset: -1, Line: i + 2, Found: strings.Join(row, ","), Expected: "a class from 1 to 11, then its begin and end"}
		}
		part := all.Window(v[1], v[2])
		// The parts of one recording must not share times that are moved.
		clip := events.Events{X: part.X, Y: part.Y, On: part.On, T: slices.Clone(part.T)}
		for k := range clip.T {
			clip.T[k] -= v[1]
		}
		clips = append(clips, Clip{clip, int(v[0]) - 1})
	}
	return clips, nil
}

// maxTable bounds a table of labels.
const maxTable = 16 << 20

// table reads the rows below the header of a text with separated columns, at least so many.
func table(path string, separator rune, columns int) ([][]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxTable {
		return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("%d bytes", info.Size()), Expected: "a table of labels"}
	}
	r := csv.NewReader(file)
	r.Comma, r.FieldsPerRecord = separator, -1
	rows, err := r.ReadAll()
	if err != nil {
		line := 0
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			line = cmp.Or(parse.Line, parse.StartLine)
		}
		return nil, &recording.Error{Path: path, Offset: -1, Line: line, Expected: "a table of labels", Err: err}
	}
	for i, row := range rows {
		if len(row) < columns {
			return nil, &recording.Error{Path: path, Offset: -1, Line: i + 1, Found: fmt.Sprintf("%d columns", len(row)), Expected: fmt.Sprintf("%d", columns)}
		}
	}
	return rows[min(1, len(rows)):], nil
}
