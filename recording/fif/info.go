package fif

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Info is what a file says about a measurement.
type Info struct {
	Channels      []Channel // in the order of the samples
	Rate          float64   // samples per second
	Highpass      float64   // Hz, of the filters before the samples were written; 0 for none or not known
	Lowpass       float64   // Hz; half the rate when not known
	LineFrequency float64   // Hz; 0 when not known
	Date          time.Time // to which sample numbers and annotations refer, UTC; zero when not known or taken out
	Description   string
	Experimenter  string
	Bads          []string // names of channels that somebody found bad

	DeviceToHead    *Transform // where the head was in the sensor array; nil when not known
	CTFHeadToHead   *Transform // nil unless from CTF, 4D or KIT
	CTFDeviceToHead *Transform // of CTF: from its device's to its head's frame
	Points          []Point    // digitised on the head; nil for none
	Projectors      []Projector
	Compensations   []Compensation
}

// Channel is one sensor or line of a measurement.
type Channel struct {
	Name    string
	Scan    int         // number in the order of scanning
	Logical int         // number within its kind
	Kind    int         // FIFFV_..._CH: 1 MEG, 2 EEG, 3 trigger ... (see Type)
	Coil    int         // FIFFV_COIL_...: the type of the coil in coil_def.dat
	Range   float64     // times Calibration: what a stored number is multiplied by
	Cal     float64     // calibration
	Unit    int         // FIFF_UNIT_... (see UnitName)
	UnitMul int         // decimal exponent of the unit; like MNE-Python, this package does not apply it
	Frame   Frame       // of the position
	Loc     [12]float64 // origin, then unit vectors x, y, z of a coil, or for EEG position and position of the reference, metres
}

// Coil is a sensor's coordinate system in the frame of its channel: where it is (metres) and where its axes point. Z is the
// normal of the coil; in its x-y plane lie its loops.
type Coil struct {
	Origin, X, Y, Z [3]float64
}

// CoilFrame gives the coil of a channel; without a position in the file, it is all zero or NaN.
func (c Channel) CoilFrame() Coil {
	return Coil{Origin: [3]float64(c.Loc[0:3]), X: [3]float64(c.Loc[3:6]), Y: [3]float64(c.Loc[6:9]), Z: [3]float64(c.Loc[9:12])}
}

// located reports whether a vector says something: it is finite, and not zero.
func located(v [3]float64) bool {
	sum := math.Abs(v[0]) + math.Abs(v[1]) + math.Abs(v[2])
	return sum > 0 && !math.IsInf(sum, 0) // NaN compares false
}

// Kinds of channels this package looks at.
const (
	kindMEG   = 1
	kindRef   = 301
	kindEEG   = 2
	kindStim  = 3
	kindSEEG  = 802
	kindDBS   = 803
	kindECoG  = 902
	kindFNIRS = 1100
	kindEye   = 1400
	unitT     = 112
	unitTM    = 201
)

var typesByKind = map[int]string{kindRef: "ref_meg", kindStim: "stim", 202: "eog", 302: "emg", 402: "ecg", 602: "resp", 502: "misc",
	920: "exci", 910: "ias", 900: "syst", kindSEEG: "seeg", kindDBS: "dbs", 102: "bio", 1000: "dipole", 1001: "gof", kindECoG: "ecog",
	1200: "temperature", 1300: "gsr", 201: "mcg",
	700: "chpi", 701: "chpi", 702: "chpi", 703: "chpi", 704: "chpi", 705: "chpi", 706: "chpi", 707: "chpi", 708: "chpi", 709: "chpi"}

var fnirsByCoil = map[int]string{300: "hbo", 301: "hbr", 302: "fnirs_cw_amplitude", 303: "fnirs_od", 304: "fnirs_fd_ac_amplitude",
	305: "fnirs_fd_phase", 306: "fnirs_td_gated_amplitude", 307: "fnirs_td_moments_intensity", 308: "fnirs_td_moments_mean",
	309: "fnirs_td_moments_variance"}

// Type is MNE-Python's word for what the channel measures: "mag", "grad", "eeg", "stim" ...; empty for a kind it has none for.
func (c Channel) Type() string {
	switch c.Kind {
	case kindMEG:
		switch c.Unit {
		case unitT:
			return "mag"
		case unitTM:
			return "grad"
		}
		return ""
	case kindEEG:
		if c.Coil == 6 {
			return "csd"
		}
		return "eeg"
	case kindFNIRS:
		return fnirsByCoil[c.Coil]
	case kindEye:
		return map[int]string{400: "eyegaze", 401: "pupil"}[c.Coil]
	}
	return typesByKind[c.Kind]
}

var units = map[int]string{1: "m", 2: "kg", 3: "s", 4: "A", 5: "K", 6: "mol", 7: "rad", 8: "sr", 9: "cd", 10: "mol/m^3", 101: "Hz",
	102: "N", 103: "Pa", 104: "J", 105: "W", 106: "C", 107: "V", 108: "F", 109: "Ohm", 110: "S", 111: "Wb", unitT: "T", 113: "H",
	114: "°C", 115: "lm", 116: "lx", 117: "V/m^2", 118: "s^2", unitTM: "T/m", 202: "Am", 203: "Am/m^2", 204: "Am/m^3", 210: "px"}

// UnitName is the unit of the samples, as "V" or "T/m"; empty when the file does not tell or it has none.
func (c Channel) UnitName() string { return units[c.Unit] }

// Point is a place on the head that was digitised.
type Point struct {
	Kind  PointKind
	Ident int        // of a Fiducial: 1 left ear, 2 nasion, 3 right ear; else a number within the kind
	At    [3]float64 // metres
	Frame Frame
}

// PointKind is what was digitised.
type PointKind int

// The kinds of points, numbered as in the file.
const (
	Fiducial  PointKind = 1 // nasion and the points before the ears
	HeadCoil  PointKind = 2 // a coil of head position indication
	Electrode PointKind = 3
	Extra     PointKind = 4 // elsewhere on the head
	HeadPoint PointKind = 5 // on the surface of the head
)

func (k PointKind) String() string {
	if k >= Fiducial && k <= HeadPoint {
		return [...]string{"fiducial", "head coil", "electrode", "extra point", "head point"}[k-1]
	}
	return fmt.Sprintf("point of kind %d", int(k))
}

// readInfo reads what there is about the measurement, or nil.
func (f *File) readInfo() (*Info, error) {
	measurement := f.root.first(blockMeasurement)
	if measurement == nil {
		return nil, nil
	}
	b := measurement.first(blockInfo)
	if b == nil {
		return nil, f.broken(-1, "a measurement without a block of information", "a block of kind 101")
	}
	info := &Info{Lowpass: math.NaN()}
	date, err := f.date(b, measurement)
	if err != nil {
		return nil, err
	}
	info.Date = date
	count := int64(-1)
	for _, t := range b.tags {
		var err error
		switch t.kind {
		case kindChannels:
			count, err = f.int(t)
		case kindRate:
			info.Rate, err = f.float(t)
		case kindLowpass:
			info.Lowpass, err = f.float(t)
		case kindHighpass:
			if info.Highpass, err = f.float(t); math.IsNaN(info.Highpass) {
				info.Highpass = 0
			}
		case kindLineRate:
			info.LineFrequency, err = f.float(t)
		case kindComment:
			info.Description, err = f.text(t)
		case kindExperimenter:
			info.Experimenter, err = f.text(t)
		case kindTransform:
			err = f.place(info, t, true)
		}
		if err != nil {
			return nil, err
		}
	}
	if !(info.Rate > 0) || math.IsInf(info.Rate, 0) {
		return nil, f.broken(-1, fmt.Sprintf("a sampling rate of %g Hz", info.Rate), "a positive one")
	}
	if math.IsNaN(info.Lowpass) {
		info.Lowpass = info.Rate / 2
	}
	renamed := map[string]string{}
	if info.Channels, err = f.channels(b, renamed); err != nil {
		return nil, err
	}
	if count != int64(len(info.Channels)) || count == 0 {
		return nil, f.broken(-1, fmt.Sprintf("%d channels announced and %d described", count, len(info.Channels)), "as many, and not none")
	}
	for _, fit := range b.all(blockFit) {
		for _, t := range fit.tags {
			if t.kind == kindTransform {
				if err := f.place(info, t, false); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, bads := range b.all(blockBads) {
		if t, ok := bads.tag(kindNames); ok {
			if info.Bads, err = f.names(t); err != nil {
				return nil, err
			}
			rename(info.Bads, renamed)
		}
	}
	if info.Points, err = f.points(b); err != nil {
		return nil, err
	}
	if info.Projectors, err = f.projectors(b, renamed); err != nil {
		return nil, err
	}
	info.Compensations, err = f.compensations(b, info, renamed)
	return info, err
}

// place puts a transform where it belongs. One of the measurement replaces what was there, one of a coil fit does not.
func (f *File) place(info *Info, t tag, replace bool) error {
	x, err := f.transform(t)
	if err != nil {
		return err
	}
	set := func(at **Transform, x Transform) {
		if *at == nil || replace {
			*at = &x
		}
	}
	switch [2]Frame{x.From, x.To} {
	case [2]Frame{Device, Head}:
		set(&info.DeviceToHead, x)
	case [2]Frame{Head, Device}: // as some software has written it
		set(&info.DeviceToHead, x.Inverse())
	case [2]Frame{CTFHead, Head}:
		set(&info.CTFHeadToHead, x)
	case [2]Frame{CTFDevice, CTFHead}:
		set(&info.CTFDeviceToHead, x)
	}
	return nil
}

// date reads when the measurement was made; without a date, when the file was.
func (f *File) date(info, measurement *block) (time.Time, error) {
	var seconds, micro int64
	if t, ok := info.tag(kindDate); ok {
		x, err := f.numbers(t)
		if err != nil {
			return time.Time{}, err
		}
		if len(x) == 0 {
			return time.Time{}, nil
		}
		if seconds = int64(x[0]); len(x) > 1 {
			micro = int64(x[1])
		}
	} else {
		found := false
		for _, place := range []struct {
			b    *block
			kind int32
		}{{info, kindParentBlockID}, {info, kindBlockID}, {measurement, kindBlockID}, {measurement, kindParentBlockID}, {f.root, kindFileID}} {
			if t, ok := place.b.tag(place.kind); ok && !found {
				id, err := f.record(t, formID, 20)
				if err != nil {
					return time.Time{}, err
				}
				seconds, micro = int64(int32(binary.BigEndian.Uint32(id[12:]))), int64(int32(binary.BigEndian.Uint32(id[16:])))
				found = true
			}
		}
	}
	if seconds == 0 && micro == dateNone {
		return time.Time{}, nil
	}
	return time.Unix(seconds, micro*1000).UTC(), nil
}

// channels reads the descriptions of channels in a block, and notes under which names other parts of the file know those
// whose names are too long for a record.
func (f *File) channels(b *block, renamed map[string]string) ([]Channel, error) {
	var out []Channel
	for _, t := range b.tags {
		if t.kind != kindChannel {
			continue
		}
		r, err := f.record(t, formChannel, channelRecordSize)
		if err != nil {
			return nil, err
		}
		int32At := func(at int) int { return int(int32(binary.BigEndian.Uint32(r[at:]))) }
		floatAt := func(at int) float64 { return float64(math.Float32frombits(binary.BigEndian.Uint32(r[at:]))) }
		c := Channel{Scan: int32At(0), Logical: int32At(4), Kind: int32At(8), Range: floatAt(12), Cal: floatAt(16), Coil: int32At(20),
			Unit: int32At(72), UnitMul: int32At(76)}
		for i := range c.Loc {
			c.Loc[i] = floatAt(24 + 4*i)
		}
		name := r[80:96]
		for i, ch := range name {
			if ch == 0 {
				name = name[:i]
				break
			}
		}
		c.Name = latin1(name)
		switch c.Kind {
		case kindMEG, kindRef:
			c.Frame = Device
		case kindEEG, kindECoG, kindSEEG, kindDBS, kindFNIRS:
			c.Frame = Head
		}
		out = append(out, c)
	}
	more := b.all(blockChannel)
	if len(more) > 0 && len(more) != len(out) {
		return nil, f.broken(-1, fmt.Sprintf("%d blocks about %d channels", len(more), len(out)), "as many, or none")
	}
	for i, extension := range more {
		c := &out[i]
		for _, t := range extension.tags {
			var err error
			whole := func(at *int) {
				var x int64
				if x, err = f.int(t); err == nil {
					*at = int(x)
				}
			}
			switch t.kind {
			case kindChannelScan:
				whole(&c.Scan)
			case kindChannelLog:
				whole(&c.Logical)
			case kindChannelKind:
				whole(&c.Kind)
			case kindChannelRange:
				c.Range, err = f.float(t)
			case kindChannelCal:
				c.Cal, err = f.float(t)
			case kindChannelCoil:
				whole(&c.Coil)
			case kindChannelUnit:
				whole(&c.Unit)
			case kindChannelMul:
				whole(&c.UnitMul)
			case kindChannelFrame:
				whole((*int)(&c.Frame))
			case kindChannelLoc:
				var loc []float64
				if loc, err = f.numbers(t); err == nil {
					copy(c.Loc[:], loc)
				}
			case kindChannelName:
				var name string
				if name, err = f.text(t); err == nil && name != "" {
					renamed[c.Name] = name
					c.Name = name
				}
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func rename(names []string, renamed map[string]string) {
	for i, name := range names {
		if full, ok := renamed[name]; ok {
			names[i] = full
		}
	}
}

// points reads what was digitised: in a measurement's first block of points, or, in a file of points, in its only one.
func (f *File) points(b *block) ([]Point, error) {
	b = b.first(blockPoints)
	if b == nil {
		return nil, nil
	}
	frame := Head
	var out []Point
	point := func(kind int32, ident, at []byte) {
		p := Point{Kind: PointKind(kind), Ident: int(int32(binary.BigEndian.Uint32(ident)))}
		for i := range p.At {
			p.At[i] = float64(math.Float32frombits(binary.BigEndian.Uint32(at[4*i:])))
		}
		out = append(out, p)
	}
	for _, t := range b.tags {
		switch t.kind {
		case kindPoint:
			r, err := f.record(t, formPoint, 20)
			if err != nil {
				return nil, err
			}
			point(int32(binary.BigEndian.Uint32(r)), r[4:8], r[8:])
		case kindPoints: // several of a kind: the kind, the first number, how many, then their places
			r, err := f.record(t, formPoints, 12)
			if err != nil {
				return nil, err
			}
			n := int64(binary.BigEndian.Uint32(r[8:]))
			if n > (t.size-12)/12 {
				return nil, f.broken(t.at, fmt.Sprintf("%d points in %d bytes", n, t.size), "12 bytes for each")
			}
			for i := range n {
				point(int32(binary.BigEndian.Uint32(r)), r[4:8], r[12+12*i:])
			}
		case kindFrame:
			x, err := f.int(t)
			if err != nil {
				return nil, err
			}
			frame = Frame(x)
		}
	}
	for i := range out {
		out[i].Frame = frame
	}
	return out, nil
}

// Points gives the points that were digitised on the head, of a measurement or of a file of points only; nil for none.
func (f *File) Points() ([]Point, error) {
	return f.points(f.root)
}
