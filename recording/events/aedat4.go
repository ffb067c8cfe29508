package events

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// maxPacket is the most bytes a packet of AEDAT 4 may inflate to. DV writes packets of some milliseconds.
const maxPacket = 64 << 20

// maxHeader is the longest header.
const maxHeader = 16 << 20

// dvHeader is what AEDAT 4 says before its packets.
type dvHeader struct {
	compression int32            // 0 none, 1 and 2 LZ4, 3 and 4 Zstandard
	types       map[int32]string // of streams: "EVTS", "FRME", "IMUS", "TRIG" ...
	names       map[int32]string
}

// header4 reads the header: a length, then a FlatBuffer with the compression, the place of the table of packets and an XML
// document about the streams.
func (f *File) header4() error {
	f.Format = "AEDAT 4.0"
	f.at = int64(len(magic) + len("4.0\r\n"))
	var length [4]byte
	if n, err := f.r.ReadAt(length[:], f.at); n < 4 {
		return f.truncated(f.at, "the length of the header", err)
	}
	size := int64(binary.LittleEndian.Uint32(length[:]))
	if size > maxHeader {
		return f.broken(f.at, fmt.Sprintf("a header of %d bytes", size), fmt.Sprintf("at most %d", maxHeader))
	}
	if size > f.size-f.at-4 {
		return f.truncated(f.at, fmt.Sprintf("a header of %d bytes", size), nil)
	}
	head := make([]byte, size)
	if n, err := f.r.ReadAt(head, f.at+4); n < len(head) {
		return f.truncated(f.at, "a header", err)
	}
	t, err := root(head, "IOHE")
	if err != nil {
		return f.inside(f.at, "header", err)
	}
	compression, e1 := t.int32(0)
	table, e2 := t.int64(1, -1)
	info, e3 := t.text(2)
	if err := errors.Join(e1, e2, e3); err != nil {
		return f.inside(f.at, "header", err)
	}
	if compression < 0 || compression > 4 {
		return f.broken(f.at, fmt.Sprintf("compression %d", compression), "0 to 4: none, LZ4 or Zstandard")
	}
	f.dv = &dvHeader{compression: compression, types: map[int32]string{}, names: map[int32]string{}}
	if err := f.streams(info); err != nil {
		return err
	}
	f.at += 4 + size
	switch {
	case table > f.size:
		return f.truncated(f.size, fmt.Sprintf("the table of packets at byte %d", table), nil)
	case table >= f.at:
		f.end = table
	case table >= 0 && table != 0:
		return f.broken(f.at, fmt.Sprintf("a table of packets at byte %d", table), "one behind the header")
	}
	f.read = f.read4
	return nil
}

// node is an element of the XML of a header.
type node struct {
	Name  string `xml:"name,attr"`
	Attrs []struct {
		Key  string `xml:"key,attr"`
		Text string `xml:",chardata"`
	} `xml:"attr"`
	Nodes []node `xml:"node"`
}

func (n node) attr(key string) string {
	for _, a := range n.Attrs {
		if a.Key == key {
			return a.Text
		}
	}
	return ""
}

// streams reads which streams there are.
func (f *File) streams(document string) error {
	var doc node
	if err := xml.Unmarshal([]byte(document), &doc); err != nil {
		return &recording.Error{Path: f.path, Field: "header", Offset: f.at, Found: "XML that cannot be read", Expected: "a document about streams", Err: err}
	}
	for _, out := range doc.Nodes {
		if out.Name != "outInfo" {
			continue
		}
		for _, s := range out.Nodes {
			id, err := strconv.ParseInt(s.Name, 10, 32)
			if err != nil {
				continue
			}
			kind := s.attr("typeIdentifier")
			f.dv.types[int32(id)], f.dv.names[int32(id)] = kind, s.attr("originalOutputName")
			for _, info := range s.Nodes {
				if kind != "EVTS" || info.Name != "info" || f.Width > 0 {
					continue
				}
				f.Camera = info.attr("source")
				w, _ := strconv.Atoi(info.attr("sizeX"))
				h, _ := strconv.Atoi(info.attr("sizeY"))
				if w > 0 && h > 0 && w <= 1<<15 && h <= 1<<15 { // pixels are counted in 15 bits
					f.Width, f.Height = w, h
				}
			}
		}
	}
	return nil
}

// read4 reads packets: the number of a stream and a length, then a FlatBuffer, compressed as the header says.
func (f *File) read4(s *sink) error {
	var h [8]byte
	inflate := newInflater(f.dv.compression)
	defer inflate.close()
	for at := f.at; at < f.end; {
		if n, err := f.r.ReadAt(h[:], at); n < len(h) {
			return f.truncated(at, "the header of a packet", err)
		}
		id, size := int32(binary.LittleEndian.Uint32(h[:])), int64(int32(binary.LittleEndian.Uint32(h[4:])))
		if size < 0 {
			return f.broken(at, fmt.Sprintf("a packet of %d bytes", size), "a size that is not negative")
		}
		if size > f.end-at-int64(len(h)) {
			return f.truncated(at, fmt.Sprintf("%d bytes of a packet", size), nil)
		}
		body := at + int64(len(h))
		switch kind := f.dv.types[id]; kind {
		case "EVTS", "TRIG":
			data, err := inflate.packet(io.NewSectionReader(f.r, body, size))
			if err == nil {
				err = packet4(s, kind, data)
			}
			if err != nil {
				return f.inside(at, fmt.Sprintf("packet of stream %d", id), err)
			}
			if err := s.full(); err != nil {
				return err
			}
		case "FRME":
			s.skip("frames", 1)
		default:
			if name := f.dv.names[id]; name != "" {
				s.skip(fmt.Sprintf("packets of stream %q", name), 1)
			} else {
				s.skip(fmt.Sprintf("packets of stream %d", id), 1)
			}
		}
		at = body + size
	}
	return nil
}

// inside puts a place to an error of the bytes of a FlatBuffer or of what compressed them.
func (f *File) inside(offset int64, field string, err error) error {
	var own *recording.Error
	if errors.As(err, &own) {
		return err
	}
	return &recording.Error{Path: f.path, Field: field, Offset: offset, Found: "content that cannot be read", Expected: "what its format promises", Err: err}
}

// inflater undoes the compression of packets.
type inflater struct {
	kind int32
	lz4  *lz4.Reader
	zstd *zstd.Decoder
	data bytes.Buffer
}

func newInflater(kind int32) *inflater { return &inflater{kind: kind} }

// packet gives the content of a packet. It is valid until the next call.
func (x *inflater) packet(r io.Reader) ([]byte, error) {
	var err error
	switch x.kind {
	case 1, 2:
		if x.lz4 == nil {
			x.lz4 = lz4.NewReader(r)
		} else {
			x.lz4.Reset(r)
		}
		r = x.lz4
	case 3, 4:
		if x.zstd == nil {
			x.zstd, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPacket), zstd.WithDecoderMaxWindow(8<<20))
		} else {
			err = x.zstd.Reset(r)
		}
		if err != nil {
			return nil, err
		}
		r = x.zstd
	}
	x.data.Reset()
	if _, err := x.data.ReadFrom(io.LimitReader(r, maxPacket+1)); err != nil {
		return nil, err
	}
	if x.data.Len() > maxPacket {
		return nil, fmt.Errorf("a packet inflates to more than %d bytes", maxPacket)
	}
	return x.data.Bytes(), nil
}

func (x *inflater) close() {
	if x.zstd != nil {
		x.zstd.Close()
	}
}

// inputs4 names the kinds of triggers.
var inputs4 = map[int8]string{0: "reset", 1: "rising", 2: "falling", 3: "pulse"}

// packet4 reads a packet of events or triggers, in each of which field 0 is the list.
func packet4(s *sink, kind string, data []byte) error {
	if len(data) < 4 {
		return errors.New("a packet of fewer than 4 bytes")
	}
	// The FlatBuffer begins with its own length.
	n := binary.LittleEndian.Uint32(data)
	if uint64(n) > uint64(len(data)-4) {
		return fmt.Errorf("a FlatBuffer of %d bytes in a packet of %d", n, len(data))
	}
	t, err := root(data[4:4+n], kind)
	if err != nil {
		return err
	}
	if kind == "EVTS" {
		list, err := t.structs(0, 16) // time of 8 bytes, x and y of 2, polarity of 1
		if err != nil {
			return err
		}
		for e := range slices.Chunk(list, 16) {
			x, y := binary.LittleEndian.Uint16(e[8:]), binary.LittleEndian.Uint16(e[10:])
			s.events.add(x, y, e[12] != 0, int64(binary.LittleEndian.Uint64(e)))
		}
		return nil
	}
	triggers, err := t.tables(0)
	if err != nil {
		return err
	}
	for _, x := range triggers {
		at, e1 := x.int64(0, 0)
		kind, e2 := x.int8(1)
		if err := errors.Join(e1, e2); err != nil {
			return err
		}
		name := inputs4[kind]
		if name == "" {
			name = "input"
		}
		s.input(at, name)
	}
	return nil
}
