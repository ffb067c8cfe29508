package egi

import (
	"cmp"
	"encoding/binary"
	"encoding/xml"
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
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// OpenMFF opens an MFF folder, continuous or averaged, as a recording. Close it when done.
func OpenMFF(folder string) (*recording.Recording, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return openMFF(folder, names, func(path string) (*records.File, error) { return records.Open(path, "a file of an MFF") })
}

// mff is a folder that is being read.
type mff struct {
	folder string
	names  []string // of the files in it
	file   func(path string) (*records.File, error)
	start  time.Time
	tick   float64 // seconds that numbers in its files count
}

func openMFF(folder string, names []string, file func(string) (*records.File, error)) (*recording.Recording, error) {
	m := &mff{folder: folder, names: names, file: file, tick: 1e-6}
	r := &recording.Recording{Metadata: map[string]string{}}
	var info struct {
		RecordTime string `xml:"recordTime"`
	}
	if err := m.parse("info.xml", &info); errors.Is(err, fs.ErrNotExist) {
		return nil, &recording.Error{Path: folder, Offset: -1, Found: fmt.Sprintf("a folder of %d files without info.xml", len(names)), Expected: "an MFF, which has one",
			Remedy: "copy the folder as a whole", Err: err}
	} else if err != nil {
		return nil, err
	}
	if t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(info.RecordTime)); err == nil {
		m.start, r.Start = t, t
	}
	// Older writers count nanoseconds; they show it by the digits of this time.
	if _, digits, _ := strings.Cut(info.RecordTime, "."); len(digits) > 9 && strings.Trim(digits[:9], "0123456789") == "" {
		m.tick = 1e-9
	}
	samples := &records.Joined{}
	r.Samples = samples
	if err := m.read(r, samples); err != nil {
		samples.Close()
		return nil, err
	}
	return r, nil
}

// has reports whether the folder has a file.
func (m *mff) has(name string) bool { return slices.Contains(m.names, name) }

// parse reads an XML file of the folder.
func (m *mff) parse(name string, into any) error {
	f, err := m.file(filepath.Join(m.folder, name))
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := f.ReadText()
	if err != nil {
		return err
	}
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 by now
	if err := d.Decode(into); err != nil {
		return &recording.Error{Path: f.Path, Offset: -1, Expected: "XML", Err: err}
	}
	return nil
}

// read reads the signals and what is known of them.
func (m *mff) read(r *recording.Recording, samples *records.Joined) error {
	for i := 1; m.has(fmt.Sprintf("signal%d.bin", i)); i++ {
		var info struct {
			EEG *struct{} `xml:"generalInformation>fileDataType>EEG"`
			PNS *struct{} `xml:"generalInformation>fileDataType>PNSData"`
		}
		if err := m.parse(fmt.Sprintf("info%d.xml", i), &info); err != nil {
			return err
		}
		if info.EEG == nil && info.PNS == nil {
			continue // of another kind: the filtered signals of a spectrum, dipoles ...
		}
		f, err := m.file(filepath.Join(m.folder, fmt.Sprintf("signal%d.bin", i)))
		if err != nil {
			return err
		}
		chain, rate, n, err := readBlocks(f)
		if err != nil {
			f.Close()
			return err
		}
		if n == 0 {
			f.Close()
			continue
		}
		if len(r.Channels) > 0 && rate != r.Rate {
			f.Close()
			return f.Error(-1, "rate", fmt.Sprintf("%g Hz", rate), fmt.Sprintf("%g Hz, as the signals before", r.Rate), "")
		}
		if len(r.Channels) == 0 {
			r.Rate, r.Frames = rate, chain.Frames()
		}
		r.Frames = min(r.Frames, chain.Frames())
		samples.Join(chain, n)
		channels := m.physiological
		if info.EEG != nil {
			channels = m.net
		}
		list, err := channels(n)
		if err != nil {
			return err
		}
		r.Channels = append(r.Channels, list...)
	}
	if len(r.Channels) == 0 {
		return &recording.Error{Path: m.folder, Offset: -1, Found: "no signals", Expected: "signal1.bin, and info1.xml that says what is in it"}
	}
	names := make([]string, len(r.Channels))
	for i, c := range r.Channels {
		names[i] = c.Name
	}
	for i, name := range records.Unique(names) {
		r.Channels[i].Name = name
	}
	if err := m.gaps(r); err != nil {
		return err
	}
	return m.events(r)
}

// readBlocks indexes a file of signals: blocks of samples, each behind a header or, where the last one still holds, a zero.
func readBlocks(f *records.File) (chain *records.Chain, rate float64, channels int, err error) {
	chain = records.NewChain(f)
	var l records.Layout // of the last header's blocks, as many of them as follow without a header
	var frames int64     // in such a block
	flush := func() error {
		if l.Total == 0 {
			return nil
		}
		err := chain.Append(l)
		l.Total = 0
		return err
	}
	wrong := func(at int64, field, found, expected string) error { return f.Error(at, field, found, expected, "") }
	for at := int64(0); at < f.Size; {
		b, err := f.Bytes(at, 4, "block")
		if err != nil {
			return nil, 0, 0, err
		}
		switch flag := binary.LittleEndian.Uint32(b); {
		case flag == 0 && frames == 0:
			return nil, 0, 0, wrong(at, "block", "a block without a header", "a header first")
		case flag == 0:
			if l.Total == 0 || l.Start+l.Total/frames*l.Bytes != at {
				if err := flush(); err != nil {
					return nil, 0, 0, err
				}
				l.Start = at
			}
			if f.Size-at < l.Bytes {
				return nil, 0, 0, wrong(at, "block", fmt.Sprintf("%d bytes", f.Size-at), fmt.Sprintf("%d", l.Bytes))
			}
			l.Total += frames
			at += l.Bytes
		case flag != 1:
			return nil, 0, 0, wrong(at, "block", fmt.Sprintf("a block that begins with %d", flag), "1, or 0 for one without a header")
		default:
			if err := flush(); err != nil {
				return nil, 0, 0, err
			}
			b, err := f.Bytes(at, 16, "header of a block")
			if err != nil {
				return nil, 0, 0, err
			}
			header, size, n := int64(binary.LittleEndian.Uint32(b[4:])), int64(binary.LittleEndian.Uint32(b[8:])), int64(binary.LittleEndian.Uint32(b[12:]))
			if header < 16+8*n || n < 1 || size%(4*n) != 0 || (channels > 0 && n != int64(channels)) {
				return nil, 0, 0, wrong(at, "header of a block", fmt.Sprintf("%d signals in %d bytes, a header of %d", n, size, header), "a header and samples that fit the signals")
			}
			if f.Size-at < header || f.Size-at-header < size {
				return nil, 0, 0, f.Error(at, "block", fmt.Sprintf("%d bytes", f.Size-at), fmt.Sprintf("%d", header+size), "the file is truncated: copy it again from its source")
			}
			if b, err = f.Bytes(at+16, 8*n, "header of a block"); err != nil {
				return nil, 0, 0, err
			}
			channels, frames = int(n), size/(4*n)
			first := records.Layout{Start: at + header, Bytes: size, Frames: frames, Total: frames}
			for i := range n {
				offset, kind := int64(binary.LittleEndian.Uint32(b[4*i:])), binary.LittleEndian.Uint32(b[4*(n+i):])
				if bits := kind & 0xff; bits != 32 {
					return nil, 0, 0, wrong(at, fmt.Sprintf("signal %d", i+1), fmt.Sprintf("samples of %d bits", bits), "32")
				}
				hz := float64(kind >> 8)
				if rate != 0 && hz != rate || !records.Sane(hz) {
					return nil, 0, 0, wrong(at, fmt.Sprintf("signal %d", i+1), fmt.Sprintf("%g Hz", hz), "one rate for all signals")
				}
				rate = hz
				first.Signals = append(first.Signals, records.Signal{At: offset, Count: frames, Type: records.Float32, Gain: 1})
			}
			if err := chain.Append(first); err != nil {
				return nil, 0, 0, err
			}
			// Blocks that follow without a header have a zero before their samples.
			l = records.Layout{Bytes: 4 + size, Frames: frames, Signals: slices.Clone(first.Signals)}
			for i := range l.Signals {
				l.Signals[i].At += 4
			}
			at += header + size
		}
	}
	return chain, rate, channels, flush()
}

// sensors is the part that the layouts of net and inputs share.
type sensors struct {
	Sensors []struct {
		Name   string `xml:"name"`
		Number string `xml:"number"`
		Type   string `xml:"type"`
		Unit   string `xml:"unit"`
		X      string `xml:"x"`
		Y      string `xml:"y"`
		Z      string `xml:"z"`
	} `xml:"sensors>sensor"`
}

// net names the channels of the net: electrodes are of type 0, references of type 1; behind them come the points of the head by
// which the coordinates, in centimetres, are turned to its frame.
func (m *mff) net(n int) ([]recording.Channel, error) {
	var c struct {
		sensors
		Layout sensors `xml:"sensorLayout"`
	}
	name := "coordinates.xml"
	if !m.has(name) {
		name = "sensorLayout.xml" // flat, for the screen: good for names only
	}
	if m.has(name) {
		if err := m.parse(name, &c); err != nil {
			return nil, err
		}
	}
	var out []recording.Channel
	points := map[string]point{}
	for _, s := range append(c.Layout.Sensors, c.Sensors...) {
		var p point
		for i, text := range []string{s.X, s.Y, s.Z} {
			v, err := records.Number(cmp.Or(text, "0"))
			if err != nil {
				return nil, &recording.Error{Path: filepath.Join(m.folder, name), Offset: -1, Field: "sensor " + s.Number, Found: strconv.Quote(text), Expected: "a coordinate in centimetres"}
			}
			p[i] = v / 100
		}
		if s.Type != "0" && s.Type != "1" {
			points[s.Name] = p
			continue
		}
		ch := recording.Channel{Name: cmp.Or(strings.TrimSpace(s.Name), "E"+s.Number), Type: "eeg", Unit: "uV"}
		if name == "coordinates.xml" {
			at := [3]float64(p)
			ch.Position = &at
		}
		out = append(out, ch)
	}
	if len(out) == 0 {
		for i := range n {
			out = append(out, recording.Channel{Name: fmt.Sprint("E", i+1), Type: "eeg", Unit: "uV"})
		}
	}
	if len(out) != n {
		return nil, &recording.Error{Path: filepath.Join(m.folder, name), Offset: -1, Found: fmt.Sprintf("%d sensors", len(out)), Expected: fmt.Sprintf("one for each of %d signals", n)}
	}
	left, hasLeft := points["Left periauricular point"]
	right, hasRight := points["Right periauricular point"]
	nasion, hasNasion := points["Nasion"]
	if hasLeft && hasRight && hasNasion {
		toHead(out, left, right, nasion)
	}
	return out, nil
}

// point is a place or a direction in metres.
type point [3]float64

func (p point) plus(q point, times float64) point {
	return point{p[0] + times*q[0], p[1] + times*q[1], p[2] + times*q[2]}
}

func (p point) dot(q point) float64 { return p[0]*q[0] + p[1]*q[1] + p[2]*q[2] }

func (p point) unit() point { return point{}.plus(p, 1/math.Sqrt(p.dot(p))) }

// toHead turns positions to the frame of the head: the x axis runs through the periauricular points to the right, the y axis
// from it to the nasion, z is up. Points that span no frame leave them as they are.
func toHead(channels []recording.Channel, left, right, nasion point) {
	x := right.plus(left, -1).unit()
	origin := left.plus(x, nasion.plus(left, -1).dot(x))
	y := nasion.plus(origin, -1).unit()
	z := point{x[1]*y[2] - x[2]*y[1], x[2]*y[0] - x[0]*y[2], x[0]*y[1] - x[1]*y[0]}
	if !(z.dot(z) > 0.9) {
		return
	}
	for _, c := range channels {
		if c.Position != nil {
			p := point(*c.Position).plus(origin, -1)
			*c.Position = [3]float64{p.dot(x), p.dot(y), p.dot(z)}
		}
	}
}

// physiological names the channels of the other inputs.
func (m *mff) physiological(n int) ([]recording.Channel, error) {
	var set sensors
	if m.has("pnsSet.xml") {
		if err := m.parse("pnsSet.xml", &set); err != nil {
			return nil, err
		}
	}
	var out []recording.Channel
	for i := range n {
		c := recording.Channel{Name: fmt.Sprint("PNS", i+1), Type: "bio", Unit: "uV"}
		if i < len(set.Sensors) {
			s := set.Sensors[i]
			c.Name, c.Unit = cmp.Or(strings.TrimSpace(s.Name), c.Name), records.Unit(s.Unit)
			if kind := records.ChannelType(c.Name, ""); kind != "eeg" {
				c.Type = kind
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// gaps compares the ends and beginnings of epochs.
func (m *mff) gaps(r *recording.Recording) error {
	if !m.has("epochs.xml") {
		return nil
	}
	var list struct {
		Epochs []struct {
			Begin float64 `xml:"beginTime"`
			End   float64 `xml:"endTime"`
		} `xml:"epoch"`
	}
	if err := m.parse("epochs.xml", &list); err != nil {
		return err
	}
	frame, due := 0.0, 0.0
	for i, e := range list.Epochs {
		begin, length := e.Begin*m.tick, (e.End-e.Begin)*m.tick
		if !(length >= 0 && length < 1e10 && begin > -1e10 && begin < 1e10) {
			return &recording.Error{Path: filepath.Join(m.folder, "epochs.xml"), Offset: -1, Field: fmt.Sprintf("epoch %d", i+1), Found: fmt.Sprintf("times %g to %g", e.Begin, e.End), Expected: "a stretch of time"}
		}
		if at := int64(frame + 0.5); i > 0 && begin-due > 1.5/r.Rate && at > 0 && at < r.Frames {
			r.Gaps = append(r.Gaps, recording.Gap{Frame: at, Seconds: begin - due})
		}
		frame += length * r.Rate
		due = begin + length
	}
	return nil
}

// events reads the tracks of events, and the averages of categories.
func (m *mff) events(r *recording.Recording) error {
	for _, name := range m.names {
		if !strings.HasPrefix(name, "Events") || !strings.HasSuffix(name, ".xml") {
			continue
		}
		var track struct {
			Events []struct {
				Begin    string  `xml:"beginTime"`
				Duration float64 `xml:"duration"`
				Code     string  `xml:"code"`
			} `xml:"event"`
		}
		if err := m.parse(name, &track); err != nil {
			return err
		}
		for i, e := range track.Events {
			t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(e.Begin))
			if err != nil || m.start.IsZero() {
				return &recording.Error{Path: filepath.Join(m.folder, name), Offset: -1, Field: fmt.Sprintf("event %d", i+1), Found: fmt.Sprintf("%.60q", e.Begin), Expected: "a time, and one of the beginning in info.xml"}
			}
			d := e.Duration * m.tick
			if !(d >= 0 && d < 1e10) {
				d = 0
			}
			r.Events = append(r.Events, recording.Event{Onset: t.Sub(m.start).Seconds(), Duration: d, Label: e.Code})
		}
	}
	if m.has("categories.xml") {
		var list struct {
			Categories []struct {
				Name     string `xml:"name"`
				Segments []struct {
					Begin float64 `xml:"beginTime"`
					End   float64 `xml:"endTime"`
				} `xml:"segments>seg"`
			} `xml:"cat"`
		}
		if err := m.parse("categories.xml", &list); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, c := range list.Categories {
			for _, s := range c.Segments {
				begin, length := s.Begin*m.tick, (s.End-s.Begin)*m.tick
				if begin > -1e10 && begin < 1e10 && length >= 0 && length < 1e10 {
					r.Events = append(r.Events, recording.Event{Onset: begin, Duration: length, Label: c.Name})
				}
			}
		}
	}
	slices.SortStableFunc(r.Events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return nil
}
