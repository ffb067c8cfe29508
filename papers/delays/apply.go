package delays

import (
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

// model is what a run saves, as NPZ: weights [polarities, delays, height, width, classes], bias [classes], velocities [classes, (x, y)] in pixels per bin, and
// whether the field is a cone and the layer invariant to polarity.
type model struct {
	shape
	Classes []motion.Velocity
	Layer   layer
}

const modelFile = "layer.npz"

func saveModel(dir string, m model) error {
	var arrays []*recording.Array
	add := func(name string, dims []int, values []float32) error {
		a, err := recording.NewArray(name, dims, recording.RowMajor, values)
		arrays = append(arrays, a)
		return err
	}
	var velocities []float32
	for _, v := range m.Classes {
		velocities = append(velocities, float32(v.X), float32(v.Y))
	}
	flag := func(b bool) []float32 {
		if b {
			return []float32{1}
		}
		return []float32{0}
	}
	n := len(m.Classes)
	for _, err := range []error{
		add("weights", []int{2, m.Depth, m.Width, m.Width, n}, m.Layer.Weights), add("bias", []int{n}, m.Layer.Bias),
		add("velocities", []int{n, 2}, velocities), add("cone", nil, flag(m.Cone)), add("invariant", nil, flag(m.Invariant)),
	} {
		if err != nil {
			return err
		}
	}
	return numpy.Save(filepath.Join(dir, modelFile), arrays...)
}

func loadModel(dir string) (m model, f *field, err error) {
	path := filepath.Join(dir, modelFile)
	arrays, err := recording.Arrays(path, "weights", "bias", "velocities", "cone", "invariant")
	if err != nil {
		return m, nil, err
	}
	var values [5][]float32
	for i, a := range arrays {
		if values[i], err = a.RowMajor().Float32s(); err != nil {
			return m, nil, err
		}
	}
	d := arrays[0].Dims
	if len(d) != 5 || d[0] != 2 || d[2] != d[3] || d[3] > mostWidth || len(values[1]) != d[4] || len(values[2]) != 2*d[4] || len(values[3]) != 1 || len(values[4]) != 1 {
		return m, nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("weights %v, %d biases and %d velocities", d, len(values[1]), len(values[2])/2),
			Expected: "weights [2, delays, width, width, classes], a bias and a velocity for each class"}
	}
	m.shape = shape{Depth: d[1], Width: d[2], Classes: d[4], Cone: values[3][0] != 0, Invariant: values[4][0] != 0}
	m.Layer = layer{values[0], values[1]}
	for c := range d[4] {
		m.Classes = append(m.Classes, motion.Velocity{X: float64(values[2][2*c]), Y: float64(values[2][2*c+1])})
	}
	f, err = newField(m.shape)
	return m, f, err
}

// placesDecoded is how many random places decide about the motion of a recording in each bin.
const placesDecoded = 200

// decodeStream decodes a recording bin by bin, from the first that has all delays behind it. It holds a part of the recording at a time.
func decodeStream(ctx context.Context, s *stream, f *field, l layer, progress func(papers.Progress)) (decoding, error) {
	const part = 1000
	var out decoding
	bins := s.bins()
	for from := f.grid.Depth - 1; from < bins; from += part {
		to := min(from+part, bins)
		m, err := s.movie(from-f.grid.Depth+1, to)
		if err != nil {
			return out, err
		}
		clips := []clip{{Movie: m, Class: make([]int, m.Steps), Since: make([]int, m.Steps), packed: pack(m)}}
		of, err := f.decode(ctx, clips, f.moments(clips, 1), placesDecoded, []layer{l}, uint64(from), func(papers.Progress) {})
		if err != nil {
			return out, err
		}
		out.Class, out.Evidence = append(out.Class, of[0].Class...), append(out.Evidence, of[0].Evidence...)
		progress(papers.Progress{Done: to, Total: bins, Unit: "bins"})
	}
	return out, nil
}

// apply decodes the motion in recordings with a saved layer.
func apply(ctx context.Context, a *papers.Application) error {
	m, f, err := loadModel(a.ModelDir)
	if err != nil {
		return err
	}
	for _, path := range a.Files {
		out, err := a.OutputPath(path, "-motion.csv")
		if err != nil {
			return papers.Refuse(err)
		}
		s, err := readStream(path, 1000, sensor{})
		if err != nil {
			return papers.Refuse(err)
		}
		if err := s.check(f); err != nil {
			return err
		}
		of, err := decodeStream(ctx, s, f, m.Layer, func(p papers.Progress) {
			p.Stage = filepath.Base(path)
			a.Progress(p)
		})
		if err != nil {
			return err
		}
		if err := m.write(out, of, f.grid.Depth-1); err != nil {
			return err
		}
		sure := 0
		for k, c := range of.Class {
			if m.probability(of.Evidence[k], c) >= .5 {
				sure++
			}
		}
		a.Say("%s: %d bins of 1 ms, %.3g %% of places have an event; motion of %d of them written to %s (probability 0.5 or more in %d)", path, s.bins(), 100*s.density(), len(of.Class), out, sure)
	}
	return nil
}

// probability is that of a class, given the mean evidence.
func (m model) probability(evidence []float32, class int) float64 {
	return float64(sigmoid(evidence[class] + m.Layer.Bias[class]))
}

// write writes a line for each bin from first on.
func (m model) write(path string, of decoding, first int) error {
	return papers.WriteFileAtomic(path, func(file *os.File) error {
		w := csv.NewWriter(file)
		w.Write([]string{"ms", "class", "direction_deg", "speed_px_per_ms", "vx", "vy", "probability"})
		short := func(v float64) string { return strconv.FormatFloat(math.Round(v*1e4)/1e4, 'g', -1, 64) }
		for k, c := range of.Class {
			v := m.Classes[c]
			direction := math.Mod(math.Atan2(v.Y, v.X)*180/math.Pi+360, 360)
			w.Write([]string{strconv.Itoa(first + k), strconv.Itoa(c), short(direction), short(math.Hypot(v.X, v.Y)), short(v.X), short(v.Y), short(m.probability(of.Evidence[k], c))})
		}
		w.Flush()
		return w.Error() // also of the writes before
	})
}
