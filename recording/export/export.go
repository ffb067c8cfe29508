package export

import (
	"archive/zip"
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// Options say how a file is written.
type Options struct {
	Overwrite bool // replace a file of that name; without it, one that exists is an error
	Types     bool // EDF and BDF: put the types of channels before their names, as EDF+'s standard texts do ("EEG C3")
	Positions bool // write the positions of channels beside it, as BIDS has them: NAME_electrodes.tsv and NAME_coordsystem.json
}

// Endings of the file names that [Recording] writes.
var Endings = []string{".edf", ".bdf", ".npz", ".csv", ".tsv"}

// Recording writes a recording: European Data Format with annotations (.edf, or .bdf with 24 bits), NumPy arrays (.npz) or a table (.csv,
// .tsv). EDF and BDF hold microvolts where the recording has volts, femtoteslas for teslas and fT/cm for T/m.
//
// An NPZ has data (channels x samples, float32), channels, types, units, positions (metres, NaN where not known), rate, onset, duration and
// label of the events, and frame and seconds of gaps. A table has a row for each sample: the time in seconds, each channel, and the labels of the
// events that begin there.
func Recording(path string, r *recording.Recording, o Options) error {
	if !o.Positions {
		return save(path, r, o)
	}
	if err := checkPositions(path, r, o); err != nil {
		return err
	}
	if err := save(path, r, o); err != nil {
		return err
	}
	return savePositions(path, r, o)
}

func save(path string, r *recording.Recording, o Options) error {
	ending := strings.ToLower(filepath.Ext(path))
	switch ending {
	case ".edf", ".bdf":
		scaled, err := inLargeUnits(r)
		if err != nil {
			return err
		}
		return edf.Save(path, scaled, edf.Options{Overwrite: o.Overwrite, Types: o.Types})
	case ".npz":
		return create(path, o, func(w io.Writer) error { return writeZip(w, r) })
	case ".csv":
		return create(path, o, func(w io.Writer) error { return writeTable(w, r, ",") })
	case ".tsv":
		return create(path, o, func(w io.Writer) error { return writeTable(w, r, "\t") })
	}
	return &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("the ending %q", ending), Expected: "one of " + strings.Join(Endings, ", "),
		Remedy: "a recording is written in the format that its name ends in"}
}

// TypesLost counts, by type, the channels whose type would not come back from a file of that name written with o: EDF and BDF have labels and
// units only.
func TypesLost(path string, r *recording.Recording, o Options) map[string]int {
	if ending := strings.ToLower(filepath.Ext(path)); ending != ".edf" && ending != ".bdf" {
		return nil
	}
	var out map[string]int
	for _, c := range r.Channels {
		label := c.Name
		if o.Types {
			label = records.TypedLabel(c.Name, c.Type)
		}
		if c.Type != "" && c.Type != records.ChannelType(label, c.Unit) {
			if out == nil {
				out = map[string]int{}
			}
			out[c.Type]++
		}
	}
	return out
}

// largeUnits are the units of the same quantity in which its numbers fit the eight characters that EDF gives to the ends of a range.
var largeUnits = map[string]struct {
	name   string
	factor float32
}{"V": {"uV", 1e6}, "T": {"fT", 1e15}, "T/m": {"fT/cm", 1e13}}

// mostInHeader is the largest number that the header of EDF has room for, with its sign.
const mostInHeader = 9999999

// inLargeUnits gives a recording whose volts are microvolts, teslas femtoteslas and so on; triggers stay as they are, and so do channels of
// nothing in particular whose values would be too large, such as clocks and analogue inputs.
func inLargeUnits(r *recording.Recording) (*recording.Recording, error) {
	out, factors, any := *r, make([]float32, len(r.Channels)), false
	out.Channels = slices.Clone(r.Channels)
	var doubtful []int
	for i, c := range r.Channels {
		factors[i] = 1
		if u, ok := largeUnits[c.Unit]; ok && c.Type != "stim" {
			out.Channels[i].Unit, factors[i], any = u.name, u.factor, true
			if c.Type == "misc" || c.Type == "" {
				doubtful = append(doubtful, i)
			}
		}
	}
	if !any {
		return r, nil
	}
	if len(doubtful) > 0 {
		most := make([]float32, len(r.Channels))
		if err := r.Blocks(func(block []float32, _ int64) error {
			for at := 0; at < len(block); at += len(r.Channels) {
				for _, i := range doubtful {
					v := block[at+i]
					most[i] = max(most[i], v, -v)
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
		for _, i := range doubtful {
			if most[i]*factors[i] > mostInHeader {
				out.Channels[i].Unit, factors[i] = r.Channels[i].Unit, 1
			}
		}
	}
	out.Samples = scaled{r.Samples, factors}
	return &out, nil
}

// scaled is a source whose channels are multiplied.
type scaled struct {
	recording.Source
	factors []float32
}

func (s scaled) ReadFrames(dst []float32, first int64) (int, error) {
	n, err := s.Source.ReadFrames(dst, first)
	for i := range dst[:n*len(s.factors)] {
		dst[i] *= s.factors[i%len(s.factors)]
	}
	return n, err
}

// PositionFiles are the names of the files that positions are written to beside a recording: as BIDS names them, without what says that the
// recording is one of EEG.
func PositionFiles(path string) (electrodes, system string) {
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	for _, suffix := range []string{"_eeg", "_ieeg", "_meg", "_nirs"} {
		stem = strings.TrimSuffix(stem, suffix)
	}
	return stem + "_electrodes.tsv", stem + "_coordsystem.json"
}

// checkPositions says what keeps positions from being written, before anything is.
func checkPositions(path string, r *recording.Recording, o Options) error {
	electrodes, system := PositionFiles(path)
	placed := slices.ContainsFunc(r.Channels, func(c recording.Channel) bool { return c.Position != nil })
	if !placed {
		return &recording.Error{Path: electrodes, Offset: -1, Found: "a recording whose channels have no positions", Expected: "positions to write", Remedy: "leave them out"}
	}
	return cmp.Or(Exists(electrodes, o), Exists(system, o))
}

// savePositions writes the positions of a recording's channels; those without one are left out.
func savePositions(path string, r *recording.Recording, o Options) error {
	electrodes, system := PositionFiles(path)
	err := create(electrodes, o, func(w io.Writer) error {
		if _, err := io.WriteString(w, "name\tx\ty\tz\n"); err != nil {
			return err
		}
		for _, c := range r.Channels {
			if c.Position == nil {
				continue
			}
			p := *c.Position
			if _, err := fmt.Fprintf(w, "%s\t%.6g\t%.6g\t%.6g\n", strings.NewReplacer("\t", " ", "\n", " ").Replace(c.Name), p[0], p[1], p[2]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return create(system, o, func(w io.Writer) error {
		kind := "EEG"
		if slices.ContainsFunc(r.Channels, func(c recording.Channel) bool { return c.Type == "ecog" || c.Type == "seeg" || c.Type == "dbs" }) {
			kind = "iEEG"
		}
		_, err := fmt.Fprintf(w, "{\n  %q: \"Other\",\n  %q: \"as in the recording that was converted: the frame of the head or of the device\",\n  %q: \"m\"\n}\n",
			kind+"CoordinateSystem", kind+"CoordinateSystemDescription", kind+"CoordinateUnits")
		return err
	})
}

// Arrays writes arrays as an NPZ, or one alone as an NPY.
func Arrays(path string, arrays []*recording.Array, o Options) error {
	ending := strings.ToLower(filepath.Ext(path))
	switch {
	case ending == ".npz":
		return create(path, o, func(w io.Writer) error { return numpy.WriteZip(w, arrays...) })
	case ending == ".npy" && len(arrays) == 1:
		return create(path, o, func(w io.Writer) error { return numpy.Write(w, arrays[0]) })
	case ending == ".npy":
		return &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("%d arrays", len(arrays)), Expected: "one, in an .npy", Remedy: "name one, or write an .npz"}
	}
	return &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("the ending %q", ending), Expected: ".npz, or .npy for one array"}
}

// Exists is the error for a file that is not to be replaced, or nil.
func Exists(path string, o Options) error {
	if o.Overwrite {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return &recording.Error{Path: path, Offset: -1, Found: "a file that exists", Expected: "a new name", Remedy: "choose another, or add --overwrite"}
}

// create writes a file that appears under its name only when it is complete.
func create(path string, o Options, write func(io.Writer) error) (err error) {
	if err := Exists(path, o); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".gyrus-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	w := bufio.NewWriterSize(file, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := file.Chmod(0o644); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if o.Overwrite {
		return os.Rename(file.Name(), path)
	}
	// Unlike renaming, linking does not replace what another program may have put there meanwhile.
	if err := os.Link(file.Name(), path); errors.Is(err, fs.ErrExist) {
		return Exists(path, o)
	} else if err != nil { // a file system without links
		return os.Rename(file.Name(), path)
	}
	return os.Remove(file.Name())
}

func writeZip(w io.Writer, r *recording.Recording) error {
	z := zip.NewWriter(w)
	member, err := z.CreateHeader(&zip.FileHeader{Name: "data.npy", Method: zip.Store})
	if err != nil {
		return err
	}
	// Channels x samples, the first axis fastest: the order in which samples are read.
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': True, 'shape': (%d, %d), }", len(r.Channels), r.Frames)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	start := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	if _, err := member.Write(append(start, header...)); err != nil {
		return err
	}
	var bytes []byte
	err = r.Blocks(func(block []float32, _ int64) error {
		bytes = bytes[:0]
		for _, v := range block {
			bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
		}
		_, err := member.Write(bytes)
		return err
	})
	if err != nil {
		return err
	}
	var names, types, units, labels []string
	var positions, onsets, durations, gapSeconds []float64
	var gapFrames []int64
	for _, c := range r.Channels {
		names, types, units = append(names, c.Name), append(types, c.Type), append(units, c.Unit)
		at := [3]float64{math.NaN(), math.NaN(), math.NaN()}
		if c.Position != nil {
			at = *c.Position
		}
		positions = append(positions, at[:]...)
	}
	for _, e := range r.Events {
		onsets, durations, labels = append(onsets, e.Onset), append(durations, e.Duration), append(labels, e.Label)
	}
	for _, g := range r.Gaps {
		gapFrames, gapSeconds = append(gapFrames, g.Frame), append(gapSeconds, g.Seconds)
	}
	start64 := ""
	if !r.Start.IsZero() {
		start64 = r.Start.UTC().Format("2006-01-02T15:04:05.999999Z")
	}
	for _, a := range []*recording.Array{
		{Name: "channels", Dims: []int{len(names)}, Data: names},
		{Name: "types", Dims: []int{len(types)}, Data: types},
		{Name: "units", Dims: []int{len(units)}, Data: units},
		{Name: "positions", Dims: []int{len(names), 3}, Data: positions},
		{Name: "rate", Data: []float64{r.Rate}},
		{Name: "start", Data: []string{start64}},
		{Name: "onset", Dims: []int{len(onsets)}, Data: onsets},
		{Name: "duration", Dims: []int{len(durations)}, Data: durations},
		{Name: "label", Dims: []int{len(labels)}, Data: labels},
		{Name: "gap_frame", Dims: []int{len(gapFrames)}, Data: gapFrames},
		{Name: "gap_seconds", Dims: []int{len(gapSeconds)}, Data: gapSeconds},
	} {
		if len(r.Gaps) == 0 && strings.HasPrefix(a.Name, "gap") {
			continue
		}
		member, err := z.CreateHeader(&zip.FileHeader{Name: a.Name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if err := numpy.Write(member, a); err != nil {
			return err
		}
	}
	return z.Close()
}

func writeTable(w io.Writer, r *recording.Recording, separator string) error {
	b := bufio.NewWriterSize(w, 1<<16)
	cell := func(s string) string {
		if strings.ContainsAny(s, "\"\n\r"+separator) {
			return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		return s
	}
	first := "time (s)"
	if !(r.Rate > 0) {
		first = "frame"
	}
	b.WriteString(first)
	for _, c := range r.Channels {
		title := c.Name
		if c.Unit != "" {
			title += " (" + c.Unit + ")"
		}
		b.WriteString(separator + cell(title))
	}
	labels := map[int64][]string{}
	if r.Rate > 0 {
		for _, e := range r.Events {
			frame := max(0, min(r.Frames-1, r.Frame(e.Onset)))
			labels[frame] = append(labels[frame], e.Label)
		}
	}
	if len(r.Events) > 0 {
		b.WriteString(separator + "event")
	}
	b.WriteString("\n")
	channels := len(r.Channels)
	gaps := slices.Clone(r.Gaps)
	missing := 0.0
	var number []byte
	err := r.Blocks(func(block []float32, first int64) error {
		for i := range len(block) / channels {
			frame := first + int64(i)
			for len(gaps) > 0 && gaps[0].Frame <= frame {
				missing += gaps[0].Seconds
				gaps = gaps[1:]
			}
			if r.Rate > 0 {
				number = strconv.AppendFloat(number[:0], float64(frame)/r.Rate+missing, 'f', 6, 64)
			} else {
				number = strconv.AppendInt(number[:0], frame, 10)
			}
			b.Write(number)
			for _, v := range block[i*channels : (i+1)*channels] {
				b.WriteString(separator)
				number = strconv.AppendFloat(number[:0], float64(v), 'g', -1, 32)
				b.Write(number)
			}
			if len(r.Events) > 0 {
				b.WriteString(separator + cell(strings.Join(labels[frame], "; ")))
			}
			if err := b.WriteByte('\n'); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.Flush()
}
