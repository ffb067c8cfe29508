package ctf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// Dataset is an open .ds folder. Its methods may be called from several goroutines at once.
type Dataset struct {
	Rate        float64
	TrialFrames int       // samples of a trial
	PreTrigger  int       // of those, before the trigger
	Start       time.Time // as the file has it, taken for UTC; zero when not told
	Subject     string
	Operator    string
	Description string
	Channels    []Channel
	Filters     []Filter
	Coils       []HeadCoil // where the coils on the head were; nil when not measured

	folder, stem string
	files        []dataFile
	frames       int64
}

// Filter is one that was applied during acquisition.
type Filter struct {
	Frequency float64 // Hz
	Type      string  // "lowpass", "highpass", "notch"
}

// Channel is one sensor or line.
type Channel struct {
	Name       string
	SensorType int     // CTF's number: 0 and 1 references, 5 gradiometer, 9 EEG, 11 trigger ...
	Gain       float64 // what a stored number is multiplied by, to T or V
	GradOrder  int     // order of the gradient compensation in the samples
	// Of a coil: origin and axes in metres, in the device's frame; Z is the normal, X and Y are chosen across it. Of an EEG
	// electrode, Origin only, in CTF's head frame (x to the nose, y to the left ear). Zero where not known.
	Origin, X, Y, Z [3]float64
}

// HeadCoil is a coil on the head, as the .hc file has it.
type HeadCoil struct {
	Name  string     // "nasion", "left ear", "right ear" ... in lower case
	Frame string     // "dewar" (CTF's device frame, not turned) or "head" (CTF's)
	At    [3]float64 // metres
}

// dataFile is one file of samples.
type dataFile struct {
	file   *os.File
	path   string
	trials int64
	frames int64 // that are valid
	first  int64 // frame
}

// Types of sensors.
const (
	refMag  = 0
	refGrad = 1
	grad    = 5
	eeg     = 9
	stim    = 11
)

const (
	clockName    = "SCLK01-177" // counts while samples are valid
	meg4Header   = 8
	maxSmallFile = 64 << 20
	maxFiles     = 1000
)

// Open opens a .ds folder, named itself or by the .meg4 or .res4 file in it, and reads all of it but the samples. Close it
// when done.
func Open(path string) (*Dataset, error) {
	d := &Dataset{folder: path}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".meg4", ".res4":
		d.folder = filepath.Dir(path)
		d.stem = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	default:
		found, err := filepath.Glob(filepath.Join(escape(path), "*.res4"))
		if err != nil || len(found) != 1 {
			return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("%d files .res4", len(found)), Expected: "a folder .ds with one", Err: err}
		}
		d.stem = strings.TrimSuffix(filepath.Base(found[0]), ".res4")
	}
	content, err := d.small(d.stem + ".res4")
	if err != nil {
		return nil, err
	}
	if err := d.resources(content); err != nil {
		return nil, err
	}
	for _, step := range []func() error{d.headCoils, d.electrodes, d.openFiles} {
		if err := step(); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// escape keeps Glob from reading a path as a pattern.
func escape(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

// small reads a file of the folder that describes others.
func (d *Dataset) small(name string) ([]byte, error) {
	path := filepath.Join(d.folder, name)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSmallFile {
		return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("something of %d bytes", info.Size()), Expected: fmt.Sprintf("a file of at most %d", maxSmallFile)}
	}
	return os.ReadFile(path)
}

// optional is small for a file that need not be there.
func (d *Dataset) optional(name string) (string, error) {
	b, err := d.small(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

// resources reads the .res4 file.
func (d *Dataset) resources(content []byte) error {
	r := &reader{b: content, path: filepath.Join(d.folder, d.stem+".res4")}
	if !strings.HasPrefix(string(content), "MEG4") {
		return r.broken(0, fmt.Sprintf("the bytes % x", content[:min(8, len(content))]), `"MEG4", which begins a .res4`)
	}
	d.Description = r.text(520, 256)
	at, date := r.text(778, 255), r.text(1033, 255)
	if strings.Contains(at, "/") && strings.Contains(date, ":") { // as some software has written them
		at, date = date, at
	}
	d.Start = when(date, at)
	samples, channels := r.int32(1288), r.int16(1292)
	d.Rate = r.float(1296)
	d.PreTrigger = r.int32(1316)
	d.Subject, d.Operator = r.text(1712, 32), r.text(1744, 32)
	description := r.int32(1836)
	if r.err != nil {
		return r.err
	}
	switch {
	case samples < 1:
		return r.broken(1288, fmt.Sprintf("%d samples in a trial", samples), "1 or more")
	case channels < 1:
		return r.broken(1292, fmt.Sprintf("%d channels", channels), "1 or more")
	case !(d.Rate > 0) || math.IsInf(d.Rate, 0):
		return r.broken(1296, fmt.Sprintf("a sampling rate of %g Hz", d.Rate), "a positive one")
	case description < 0 || description > len(content):
		return r.broken(1836, fmt.Sprintf("a description of %d bytes", description), "one within the file")
	}
	d.TrialFrames = samples
	const descriptionAt = 1844
	pos := descriptionAt + description
	filters := r.int16(pos)
	pos += 2
	for range filters {
		if r.err != nil {
			return r.err
		}
		kind := map[int]string{1: "lowpass", 2: "highpass", 3: "notch"}[r.int32(pos+12)]
		d.Filters = append(d.Filters, Filter{Frequency: r.float(pos), Type: kind})
		parameters := r.int16(pos + 16)
		if parameters < 0 {
			return r.broken(pos+16, fmt.Sprintf("%d parameters of a filter", parameters), "a number that is not negative")
		}
		pos += 18 + 8*parameters
	}
	const nameSize, recordSize = 32, 1328
	if need := channels * (nameSize + recordSize); need > len(content)-pos {
		return r.truncated(len(content), fmt.Sprintf("%d channels of %d bytes", channels, nameSize+recordSize))
	}
	for i := range channels {
		c := Channel{Name: r.text(pos+i*nameSize, nameSize)}
		c.read(r, pos+channels*nameSize+i*recordSize)
		d.Channels = append(d.Channels, c)
	}
	return r.err
}

// read reads the record of a channel.
func (c *Channel) read(r *reader, at int) {
	c.SensorType = r.int16(at)
	proper, q := r.float(at+8), r.float(at+16)
	if c.Gain = 1 / (proper * q); math.IsInf(c.Gain, 0) || math.IsNaN(c.Gain) {
		c.Gain = 0 // a channel that was not connected
	}
	c.GradOrder = r.int16(at + 42)
	const coils, size = 48, 80
	vector := func(at int) [3]float64 { return [3]float64{r.float(at), r.float(at + 8), r.float(at + 16)} }
	first, normal := scaled(vector(at+coils), 0.01), vector(at+coils+32) // positions are in centimetres
	switch c.SensorType {
	case eeg:
		c.Origin = first
	case refMag, refGrad, grad:
		if dot(first, first) < 1e-6 || !(dot(normal, normal) >= 1e-6) {
			return // without a place
		}
		z := normal
		if proper > 0 {
			z = scaled(z, -1)
		}
		z = scaled(z, 1/math.Sqrt(dot(z, z)))
		x, y := across(z)
		origin := first
		if second := scaled(vector(at+coils+size), 0.01); c.SensorType == refGrad {
			// Where the line through both coils is across the normal, the gradient is off the diagonal: x runs along it, and
			// the origin is between the coils.
			line := sub(first, second)
			length := math.Sqrt(dot(line, line))
			if length > 0 {
				line = scaled(line, 1/length)
			}
			if math.Abs(dot(line, z)) < 1e-3 {
				origin = sub(first, scaled(line, length/2))
				x, y = line, cross(z, line)
			}
		}
		c.Origin, c.X, c.Y, c.Z = turned(origin), turned(x), turned(y), turned(z)
		c.Origin[2] += 0.19
	}
}

// turned turns CTF's device frame by 45 degrees, to x to the right and y to the front.
func turned(v [3]float64) [3]float64 {
	s := math.Sqrt(0.5)
	return [3]float64{s*v[0] - s*v[1], s*v[0] + s*v[1], v[2]}
}

// across chooses two axes across a unit vector: the first from the axis that is least along it.
func across(z [3]float64) (x, y [3]float64) {
	switch {
	case math.Abs(1-math.Abs(z[2])) < 1e-5:
		x[0] = 1
	case z[1] < z[2] && z[0] < z[1]:
		x[0] = 1
	case z[1] < z[2]:
		x[1] = 1
	case z[0] < z[2]:
		x[0] = 1
	default:
		x[2] = 1
	}
	x = sub(x, scaled(z, dot(x, z)))
	x = scaled(x, 1/math.Sqrt(dot(x, x)))
	return x, cross(z, x)
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func scaled(a [3]float64, s float64) [3]float64 { return [3]float64{s * a[0], s * a[1], s * a[2]} }

func sub(a, b [3]float64) [3]float64 { return [3]float64{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }

func cross(a, b [3]float64) [3]float64 {
	return [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// when reads date and time in the forms that are met.
func when(date, at string) time.Time {
	for _, d := range []string{"02/01/2006", "2-Jan-2006", "Mon, Jan 2, 2006", "2006/01/02"} {
		for _, t := range []string{"15:04:05", "15:04"} {
			if x, err := time.Parse(d+" "+t, strings.TrimSpace(date)+" "+strings.TrimSpace(at)); err == nil {
				return x
			}
		}
	}
	return time.Time{}
}

// reader reads fields, big-endian, and keeps the first error.
type reader struct {
	b    []byte
	path string
	err  error
}

func (r *reader) at(at, n int) []byte {
	if at < 0 || n > len(r.b)-at {
		if r.err == nil {
			r.err = r.truncated(len(r.b), fmt.Sprintf("%d bytes at byte %d", n, at))
		}
		return make([]byte, n)
	}
	return r.b[at : at+n]
}

func (r *reader) int16(at int) int { return int(int16(binary.BigEndian.Uint16(r.at(at, 2)))) }
func (r *reader) int32(at int) int { return int(int32(binary.BigEndian.Uint32(r.at(at, 4)))) }
func (r *reader) float(at int) float64 {
	return math.Float64frombits(binary.BigEndian.Uint64(r.at(at, 8)))
}

func (r *reader) text(at, n int) string {
	s, _, _ := strings.Cut(string(r.at(at, n)), "\x00")
	return strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
}

func (r *reader) broken(at int, found, expected string) error {
	return &recording.Error{Path: r.path, Offset: int64(at), Found: found, Expected: expected}
}

func (r *reader) truncated(at int, expected string) error {
	return &recording.Error{Path: r.path, Offset: int64(at), Found: "the end of the file", Expected: expected, Remedy: "the file is truncated: copy it again from its source"}
}

// openFiles opens the files of samples and finds how much of them is valid.
func (d *Dataset) openFiles() error {
	clock := -1
	for i, c := range d.Channels {
		if c.Name == clockName {
			clock = i
		}
	}
	for n := range maxFiles {
		name := d.stem + ".meg4"
		if n > 0 {
			name = fmt.Sprintf("%s.%d_meg4", d.stem, n)
		}
		path := filepath.Join(d.folder, name)
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) && n > 0 {
			break
		}
		if err != nil {
			return err
		}
		d.files = append(d.files, dataFile{file: file, path: path, first: d.frames})
		f := &d.files[len(d.files)-1]
		if err := d.measure(f, clock); err != nil {
			return err
		}
		d.frames += f.frames
	}
	if d.frames == 0 {
		return &recording.Error{Path: d.files[0].path, Offset: -1, Found: "no valid samples", Expected: "some"}
	}
	return nil
}

// measure counts the trials of a file and the frames before its clock stops.
func (d *Dataset) measure(f *dataFile, clock int) error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, meg4Header)
	if n, _ := f.file.ReadAt(head, 0); n < len(head) || string(head[:4]) != "MEG4" {
		return &recording.Error{Path: f.path, Offset: 0, Found: fmt.Sprintf("the bytes % x", head[:n]), Expected: `"MEG4", which begins a file of samples`}
	}
	trial := 4 * int64(d.TrialFrames) * int64(len(d.Channels))
	if size := info.Size() - meg4Header; size%trial != 0 {
		return &recording.Error{Path: f.path, Offset: info.Size(), Found: fmt.Sprintf("%d bytes of samples", size),
			Expected: fmt.Sprintf("a multiple of the %d of a trial (%d samples of %d channels)", trial, d.TrialFrames, len(d.Channels)),
			Remedy:   "the file may be truncated: copy it again from its source"}
	}
	f.trials = (info.Size() - meg4Header) / trial
	f.frames = f.trials * int64(d.TrialFrames)
	if clock < 0 {
		return nil
	}
	buffer := make([]byte, 4*min(d.TrialFrames, chunkFrames))
	for t := range f.trials {
		for s := 0; s < d.TrialFrames; s += chunkFrames {
			b := buffer[:4*min(chunkFrames, d.TrialFrames-s)]
			if err := f.read(b, d.place(t, clock, s)); err != nil {
				return err
			}
			for k := 0; k < len(b); k += 4 {
				if binary.BigEndian.Uint32(b[k:]) == 0 {
					f.frames = t*int64(d.TrialFrames) + int64(s+k/4)
					return nil
				}
			}
		}
	}
	return nil
}

// chunkFrames is how many samples of a channel are read at a time.
const chunkFrames = 16384

// place is where the sample of a channel in a trial is in a file: trials follow each other, in each of them channels do.
func (d *Dataset) place(trial int64, channel, sample int) int64 {
	return meg4Header + 4*((trial*int64(len(d.Channels))+int64(channel))*int64(d.TrialFrames)+int64(sample))
}

func (f *dataFile) read(b []byte, at int64) error {
	if n, err := f.file.ReadAt(b, at); n < len(b) {
		if err == io.EOF {
			err = nil
		}
		return &recording.Error{Path: f.path, Offset: at, Found: "the end of the file", Expected: fmt.Sprintf("%d bytes of samples", len(b)), Err: err,
			Remedy: "the file is truncated: copy it again from its source"}
	}
	return nil
}

// Close releases the files. Recordings end with it.
func (d *Dataset) Close() error {
	var err error
	for _, f := range d.files {
		err = errors.Join(err, f.file.Close())
	}
	return err
}
