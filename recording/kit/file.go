package kit

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/inflate"
)

// MaxInflated is the most bytes that a compressed file may inflate to.
const MaxInflated = 8 << 30

// File is an open SQD or CON. Its methods may be called from several goroutines at once.
type File struct {
	System   string // name of the system, its number, version and model
	Comment  string
	Created  time.Time
	Rate     float64
	Frames   int64
	Highpass float64 // Hz, of the amplifiers; 0 for none or not known
	Lowpass  float64 // likewise
	Channels []Channel

	path    string
	content *inflate.File
	parts   []part
	other   error // why the file is no continuous recording, if it is none
	width   int   // bytes of a sample
	scale   []float64
}

// Channel is one sensor or line.
type Channel struct {
	Name string
	Kind Kind
	// Position and the axes of a coil, metres, in the device's frame: x to the right, y to the front, z up. Z is its normal.
	// All zero for what is not a coil.
	Position, X, Y, Z [3]float64
}

// Kind is what a channel is.
type Kind int32

// The kinds of channels, numbered as in the file.
const (
	Empty         Kind = 0
	Magnetometer  Kind = 1
	Axial         Kind = 2 // gradiometer
	Planar        Kind = 3
	SecondOrder   Kind = 4
	ReferenceMask Kind = 0x100 // added to a kind of coil: far from the head, for noise
	Trigger       Kind = -1
	EEG           Kind = -2
	ECG           Kind = -3
	Other         Kind = -4
)

// coil reports whether a channel measures magnetic fields.
func (k Kind) coil() bool {
	return k&^ReferenceMask >= Magnetometer && k&^ReferenceMask <= SecondOrder && k > 0
}

// Type is MNE-Python's word for what the channel measures.
func (k Kind) Type() string {
	switch {
	case k.coil() && k&ReferenceMask != 0:
		return "ref_meg"
	case k.coil():
		return "mag" // tesla, also of gradiometers
	case k == EEG:
		return "eeg"
	case k == ECG:
		return "ecg"
	}
	return "misc"
}

// part is an entry of the directory at the beginning of the file.
type part struct {
	at          int64
	size, count int64
}

// Parts by their place in the directory.
const (
	partSystem      = 1
	partChannels    = 4
	partSensitivity = 5
	partAmplifier   = 7
	partAcquisition = 8
	partSamples     = 9
	partMarkers     = 12

	entrySize        = 16
	maxParts         = 1024
	maxChannels      = 4096
	acqContinuous    = 1
	secondUMD        = 52 // a system whose files call reference sensors empty
	referencesUpToAt = 160
)

// Open opens the recording at path and reads its header. Close it when done.
func Open(path string) (*File, error) {
	content, err := inflate.Open(path, MaxInflated)
	if err != nil {
		return nil, err
	}
	return newFile(content, path)
}

// NewFile opens a recording of size bytes read through r; name stands for it in errors.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	content, err := inflate.New(r, size, name, MaxInflated)
	if err != nil {
		return nil, err
	}
	return newFile(content, name)
}

func newFile(content *inflate.File, path string) (*File, error) {
	f := &File{path: path, content: content}
	for _, step := range []func() error{f.directory, f.header} {
		if err := step(); err != nil {
			content.Close()
			return nil, err
		}
	}
	return f, nil
}

// Close releases the file.
func (f *File) Close() error { return f.content.Close() }

// bytes reads n bytes at a place.
func (f *File) bytes(at, n int64, what string) (record, error) {
	if at < 0 || n > f.content.Size-at {
		return nil, f.truncated(at, what, nil)
	}
	b := make(record, n)
	if m, err := f.content.ReadAt(b, at); m < len(b) {
		return nil, f.truncated(at, what, err)
	}
	return b, nil
}

// record is a run of fields, little-endian.
type record []byte

func (r record) int(at int) int64 { return int64(int32(binary.LittleEndian.Uint32(r[at:]))) }
func (r record) float(at int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(r[at:]))
}

func (r record) text(at, n int) string {
	s, _, _ := strings.Cut(string(r[at:at+n]), "\x00")
	return strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
}

// isKIT knows a file by its directory: its first entry describes itself, the second lies behind all of them.
func isKIT(head []byte) bool {
	if len(head) < 2*entrySize {
		return false
	}
	r := record(head)
	n := r.int(12)
	return r.int(0) == 0 && r.int(4) == entrySize && n > partSamples && n <= maxParts && r.int(entrySize) == n*entrySize
}

func (f *File) directory() error {
	head, err := f.bytes(0, min(f.content.Size, 2*entrySize), "a directory")
	if err != nil {
		return err
	}
	if !isKIT(head) {
		return f.broken(0, fmt.Sprintf("the bytes % x", head[:min(16, len(head))]), "the directory of an SQD")
	}
	n := head.int(12)
	all, err := f.bytes(0, n*entrySize, "a directory")
	if err != nil {
		return err
	}
	for i := range int(n) {
		e := all[i*entrySize:]
		p := part{at: int64(binary.LittleEndian.Uint32(e)), size: e.int(4), count: e.int(12)}
		f.parts = append(f.parts, p)
	}
	return nil
}

func (f *File) header() error {
	const systemSize = 736
	b, err := f.bytes(f.parts[partSystem].at, systemSize, "the description of the system")
	if err != nil {
		return err
	}
	version, revision, system := b.int(0), b.int(4), b.int(8)
	if version < 2 || (version == 2 && revision < 3) {
		return f.broken(f.parts[partSystem].at, fmt.Sprintf("version %d revision %d", version, revision), "version 2 revision 3 or newer")
	}
	channels := b.int(268)
	if channels < 1 || channels > maxChannels {
		return f.broken(f.parts[partSystem].at+268, fmt.Sprintf("%d channels", channels), fmt.Sprintf("1 to %d", maxChannels))
	}
	f.System = fmt.Sprintf("%s (%d) V%dR%03d %s", strings.ReplaceAll(b.text(12, 128), "\n", "/"), system, version, revision, strings.ReplaceAll(b.text(140, 128), "\n", "/"))
	f.Comment = b.text(272, 256)
	if created := b.int(528); created > 0 {
		f.Created = time.Unix(created, 0).UTC()
	}
	// Behind the times, with reserved words between them: the dewar, the electronics, trigger and board, then the converter.
	electronics, converter := b.int(564), 716
	converterRange, next := b.float(converter), converter+8
	if version == 2 && revision <= 3 {
		converterRange, next = float64(b.int(converter)), converter+4
	}
	allocated, stored := b.int(next+4), b.int(next+8)
	if (allocated != 16 && allocated != 32) || stored < 1 || stored > allocated || !(converterRange > 0) || math.IsInf(converterRange, 0) {
		return f.broken(f.parts[partSystem].at+int64(converter), fmt.Sprintf("a converter of %d of %d bits over %g V", stored, allocated, converterRange), "samples of 16 or 32 bits")
	}
	f.width = int(allocated / 8)
	gain, err := f.amplifier(electronics)
	if err != nil {
		return err
	}
	volts := converterRange / math.Pow(2, float64(stored))
	if err := f.channels(int(channels), system, volts, volts/gain, float64(stored)); err != nil {
		return err
	}
	return f.acquisition()
}

// filters gives what the switches of an amplifier stand for, by the type of the electronics: high-pass and low-pass.
var filters = map[int64][2][]float64{
	0: {{0, 1, 3, 3}, {10, 20, 50, 100, 200, 500, 1000, 2000}}, 50: {{0, 0.03, 0.1, 0.3, 1, 3, 10, 30}, {10, 20, 50, 100, 200, 500, 1000, 2000}},
	100: {{0, 0.03, 0.1, 0.3, 1, 3, 10, 30}, {10, 20, 50, 100, 200, 500, 1000, 10000}},
	101: {{0, 1, 3, 3}, {10, 20, 50, 100, 200, 500, 1000, 10000}},
	200: {{0, 1, 3, 10, 30, 100, 200, 500}, {10, 30, 100, 300, 1000, 2000, 5000, 10000}},
	300: {{0, 0.03, 0.1, 0.3, 1, 3, 10, 30}, {10, 20, 50, 100, 200, 500, 1000, 2000}},
}

var sameFilters = map[int64]int64{10: 0, 20: 0, 60: 50, 120: 100}

// amplifier reads gain and filters from the switches.
func (f *File) amplifier(electronics int64) (gain float64, err error) {
	b, err := f.bytes(f.parts[partAmplifier].at, 4, "the switches of the amplifiers")
	if err != nil {
		return 0, err
	}
	gains := [8]float64{1, 2, 5, 10, 20, 50, 100, 200}
	s := binary.LittleEndian.Uint32(b)
	var high, low uint32
	if electronics >= 100 {
		gain = gains[s>>12&7] * gains[s>>28&7] * gains[s>>24&7]
		high, low = s>>8&7, s>>16&7
	} else {
		gain = gains[s>>11&3] * gains[s&7]
		high, low = s>>4&7, s>>8&7
	}
	kind := electronics
	if same, ok := sameFilters[kind]; ok {
		kind = same
	}
	if list, ok := filters[kind]; ok {
		f.Lowpass = list[1][low]
		if int(high) < len(list[0]) {
			f.Highpass = list[0][high]
		}
	}
	return gain, nil
}

// nameLengths gives the bytes of the names that channels of some kinds have.
var nameLengths = map[Kind]int{Magnetometer: 6, Axial: 6, Trigger: 32, EEG: 8, ECG: 32, Other: 32}

// channels reads the channels and what a stored number of each is in T or V.
func (f *File) channels(n int, system int64, volts, perGain, bits float64) error {
	list := f.parts[partChannels]
	if list.size < 68 {
		return f.broken(partChannels*entrySize, fmt.Sprintf("descriptions of channels of %d bytes", list.size), "68 or more")
	}
	sensitivity, err := f.bytes(f.parts[partSensitivity].at, int64(16*n), "the sensitivity of the channels")
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for i := range n {
		b, err := f.bytes(list.at+int64(i)*list.size, min(list.size, 128), "the description of a channel")
		if err != nil {
			return err
		}
		c := Channel{Kind: Kind(b.int(0))}
		if system == secondUMD && i < referencesUpToAt && c.Kind == Empty {
			c.Kind = Magnetometer | ReferenceMask
		}
		scale := volts
		switch {
		case c.Kind.coil():
			for k := range c.Position {
				c.Position[k] = b.float(4 + 8*k)
			}
			c.orient(b.float(28), b.float(36))
			if length := nameLengths[c.Kind]; length > 0 {
				c.Name = b.text(60, length)
			}
			if c.Name == "" {
				c.Name = fmt.Sprintf("MEG %03d", i+1)
			}
			if scale = perGain * sensitivity.float(16*i+8); sensitivity.float(16*i) != 0 {
				return f.broken(f.parts[partSensitivity].at+int64(16*i), fmt.Sprintf("an offset of %g of channel %s", sensitivity.float(16*i), c.Name), "none")
			}
		case c.Kind <= Trigger && c.Kind >= Other || c.Kind == Empty:
			label := map[Kind]string{Trigger: "TRIGGER", EEG: "EEG", ECG: "ECG"}[c.Kind]
			if label == "" {
				label = "MISC"
			}
			counts[label]++
			if c.Kind != Empty {
				c.Name = b.text(12, nameLengths[c.Kind])
			}
			if c.Name == "" || c.Name == "EEG" {
				c.Name = fmt.Sprintf("%s %03d", label, counts[label])
			}
			if c.Kind == EEG || c.Kind == ECG {
				at := 12 + nameLengths[c.Kind] + 6
				if c.Kind == ECG {
					at += 2
				}
				if gain := b.float(at) / math.Pow(2, bits-14); gain != 0 { // the 14 was found by measuring known amplitudes
					scale = gain
				}
			}
		default:
			return f.broken(list.at+int64(i)*list.size, fmt.Sprintf("a channel of kind %d", c.Kind), "a coil, trigger, EEG, ECG or other line")
		}
		f.Channels = append(f.Channels, c)
		f.scale = append(f.scale, scale)
	}
	return nil
}

// orient gives a coil its axes from the two angles of its normal, in degrees, and turns all from the file's frame (x to the
// front, y to the left) into that of package recording. The first axis is the one of the file's frame that is least along
// the normal, made perpendicular to it.
func (c *Channel) orient(theta, phi float64) {
	theta, phi = theta*math.Pi/180, phi*math.Pi/180
	z := unit([3]float64{math.Sin(theta) * math.Cos(phi), math.Sin(theta) * math.Sin(phi), math.Cos(theta)})
	var x [3]float64
	switch {
	case z[1] < z[2] && z[0] < z[1]:
		x[0] = 1
	case z[1] < z[2]:
		x[1] = 1
	case z[0] < z[2]:
		x[0] = 1
	default:
		x[2] = 1
	}
	along := x[0]*z[0] + x[1]*z[1] + x[2]*z[2]
	for k := range x {
		x[k] -= along * z[k]
	}
	x = unit(x)
	y := [3]float64{z[1]*x[2] - z[2]*x[1], z[2]*x[0] - z[0]*x[2], z[0]*x[1] - z[1]*x[0]}
	turn := func(v [3]float64) [3]float64 { return [3]float64{-v[1], v[0], v[2]} }
	c.Position, c.X, c.Y, c.Z = turn(c.Position), turn(x), turn(y), turn(z)
}

func unit(v [3]float64) [3]float64 {
	n := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
	for k := range v {
		v[k] /= n
	}
	return v
}

// acquisition reads how long and how fast was recorded, and sees that all samples are there.
func (f *File) acquisition() error {
	at := f.parts[partAcquisition].at
	b, err := f.bytes(at, 20, "the conditions of acquisition")
	if err != nil {
		return err
	}
	if kind := b.int(0); kind != acqContinuous { // a file of averages may still have markers
		what := map[int64]string{2: "averages", 3: "epochs"}[kind]
		if what == "" {
			what = fmt.Sprintf("an acquisition of kind %d", kind)
		}
		f.other = &recording.Error{Path: f.path, Offset: at, Found: what, Expected: "a continuous recording", Remedy: "open the continuous recording it was made of"}
		return nil
	}
	if f.Rate = b.float(4); !(f.Rate > 0) || math.IsInf(f.Rate, 0) {
		return f.broken(at+4, fmt.Sprintf("a sampling rate of %g Hz", f.Rate), "a positive one")
	}
	f.Frames = b.int(16)
	samples := f.parts[partSamples]
	have := f.content.Size - samples.at
	if f.Frames < 0 || have < 0 || f.Frames > have/int64(len(f.Channels)*f.width) {
		return f.truncated(samples.at, fmt.Sprintf("%d samples of %d channels", f.Frames, len(f.Channels)), nil)
	}
	return nil
}

// Markers reads where the marker coils were in the device, metres in the frame of the channels' positions; nil when the file
// does not have them.
func (f *File) Markers() ([][3]float64, error) {
	if len(f.parts) <= partMarkers || f.parts[partMarkers].count < 1 {
		return nil, nil
	}
	at := f.parts[partMarkers].at
	const before = 4 + 2*16*8 // whether a match was done, two transforms
	b, err := f.bytes(at, before+4, "the markers")
	if err != nil {
		return nil, err
	}
	n := b.int(before)
	if n < 0 || n > 32 {
		return nil, f.broken(at+before, fmt.Sprintf("%d markers", n), "up to 32")
	}
	const size = 4*4 + 6*8
	if b, err = f.bytes(at+before+4, n*size, "the markers"); err != nil {
		return nil, err
	}
	var out [][3]float64
	for ; len(b) > 0; b = b[size:] {
		if b.int(12) != 0 { // found by the coils
			x, y, z := b.float(40), b.float(48), b.float(56)
			out = append(out, [3]float64{-y, x, z})
		}
	}
	return out, nil
}

// broken is the error for bytes that do not follow the format.
func (f *File) broken(offset int64, found, expected string) error {
	return &recording.Error{Path: f.path, Offset: offset, Found: found, Expected: expected}
}

// truncated is the error for bytes that are not there.
func (f *File) truncated(offset int64, expected string, cause error) error {
	e := &recording.Error{Path: f.path, Offset: offset, Found: "the end of the file", Expected: expected,
		Remedy: "the file is truncated: copy it again from its source"}
	if cause != nil && cause != io.EOF {
		e.Err = cause
	}
	return e
}
