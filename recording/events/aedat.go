package events

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// sensors gives the size of the sensors of cameras by a part of their names in lower case.
var sensors = []struct {
	name          string
	width, height int
}{
	{"davis240", 240, 180}, {"davis346", 346, 260}, {"davis640", 640, 480}, {"davis208", 208, 192}, {"davis128", 128, 128},
	{"davishet640", 640, 480}, {"dvs128", 128, 128}, {"tmpdiff128", 128, 128}, {"dvs640", 640, 480}, {"dvxplorer", 640, 480},
}

// camera takes in the name of a camera, and its size when the name tells it.
func (f *File) camera(name string) {
	f.Camera = name
	for _, s := range sensors {
		if strings.Contains(strings.ToLower(name), s.name) {
			f.Width, f.Height = s.width, s.height
			return
		}
	}
}

// maxLine is the longest line of a header: jAER writes its preferences there, a setting a line.
const maxLine = 64 << 10

// lines calls take with the lines of a text header, which begin with #, and leaves f.at behind the last. take returns true
// when the header ends.
func (f *File) lines(take func(line string) (last bool)) error {
	r := bufio.NewReaderSize(io.NewSectionReader(f.r, 0, f.size), maxLine)
	for {
		if b, err := r.Peek(1); err != nil || b[0] != '#' {
			return nil
		}
		line, err := r.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			return f.broken(f.at, "a line of the header without an end", fmt.Sprintf("a line break within %d bytes", maxLine))
		}
		if err != nil {
			return f.truncated(f.size, "the end of a line of the header", err)
		}
		f.at += int64(len(line))
		if take(strings.TrimRight(string(line), "\r\n")) {
			return nil
		}
	}
}

// header2 reads the header of AEDAT 2.0, which jAER writes.
func (f *File) header2() error {
	f.Format = "AEDAT 2.0"
	var hardware string
	err := f.lines(func(line string) bool {
		if name, ok := strings.CutPrefix(line, "# AEChip: "); ok {
			f.camera(strings.TrimSpace(name))
		}
		if name, ok := strings.CutPrefix(line, "# HardwareInterface: "); ok {
			hardware = strings.TrimSpace(name)
		}
		if rest, ok := strings.CutPrefix(line, "# Creation time: System.currentTimeMillis() "); ok {
			if ms, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64); err == nil {
				f.Start = time.UnixMilli(ms).UTC()
			}
		}
		return strings.HasPrefix(line, "#End Of ASCII") // newer versions write it
	})
	if err != nil {
		return err
	}
	if f.Camera == "" {
		f.camera(hardware)
	}
	name := strings.ToLower(f.Camera)
	f.davi = strings.Contains(name, "davis") || strings.Contains(name, "sbret")
	if !f.davi && !strings.Contains(name, "dvs128") && !strings.Contains(name, "tmpdiff128") {
		return f.broken(0, fmt.Sprintf("the camera %q", f.Camera), "a DAVIS or a DVS128, whose words are known")
	}
	if f.Width == 0 && !f.davi {
		f.Width, f.Height = 128, 128
	}
	if (f.size-f.at)%8 != 0 {
		return f.truncated(f.size, "events of 8 bytes", nil)
	}
	f.read = f.read2
	return nil
}

// read2 reads words of AEDAT 2.0: an address and a time of 32 bits, big-endian.
func (f *File) read2(s *sink) error {
	r := bufio.NewReaderSize(io.NewSectionReader(f.r, f.at, f.end-f.at), 64<<10)
	var b [8]byte
	last, wraps := uint32(0), int64(0)
	for n := int64(0); n < (f.end-f.at)/8; n++ {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return f.truncated(f.at+8*n, "an event", err)
		}
		a, t32 := binary.BigEndian.Uint32(b[:]), binary.BigEndian.Uint32(b[4:])
		// jAER's clock counts 31 or 32 bits; it has wrapped where it falls by most of its range.
		if last > t32 && last-t32 > 1<<30 {
			if last>>31 == 0 {
				wraps += 1 << 31
			} else {
				wraps += 1 << 32
			}
		}
		last = t32
		t := wraps + int64(t32)
		switch {
		case !f.davi:
			if a>>15&1 != 0 {
				s.input(t, "input")
				continue
			}
			// jAER: x runs to the left, y upwards, the lowest bit is 0 for brighter.
			s.events.add(127-uint16(a>>1&0x7f), 127-uint16(a>>8&0x7f), a&1 == 0, t)
		case a>>31 == 1 && a>>11&1 == 1:
			s.skip("words of inertial measurements", 1)
		case a>>31 == 1:
			s.skip("words of frames", 1)
		case a>>10&1 == 1:
			s.input(t, "input")
		default:
			x, y := uint16(a>>12&0x3ff), uint16(a>>22&0x1ff)
			if f.Width > 0 {
				if int(x) >= f.Width || int(y) >= f.Height {
					return f.broken(f.at+8*n, fmt.Sprintf("an event at (%d, %d)", x, y), fmt.Sprintf("one on a sensor of %d x %d", f.Width, f.Height))
				}
				x, y = uint16(f.Width-1)-x, uint16(f.Height-1)-y
			}
			s.events.add(x, y, a>>11&1 == 1, t)
		}
		if err := s.full(); err != nil {
			return err
		}
	}
	return nil
}

// header3 reads the header of AEDAT 3.1, which cAER writes.
func (f *File) header3() error {
	f.Format = "AEDAT 3.1"
	ended := false
	format := "RAW"
	err := f.lines(func(line string) bool {
		switch {
		case strings.HasPrefix(line, "#!END-HEADER"):
			ended = true
		case strings.HasPrefix(line, "#Format:"):
			format = strings.TrimSpace(strings.TrimPrefix(line, "#Format:"))
		case strings.HasPrefix(line, "#Source ") && f.Camera == "":
			if _, name, ok := strings.Cut(line, ":"); ok {
				f.camera(strings.TrimSpace(name))
			}
		case strings.HasPrefix(line, "#Start-Time:"):
			text, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "#Start-Time:")), " (TZ")
			zone := strings.TrimSuffix(line[strings.LastIndex(line, "(TZ")+1:], ")")
			if at, err := time.Parse("2006-01-02 15:04:05 TZ-0700", text+" "+zone); err == nil {
				f.Start = at
			}
		}
		return ended
	})
	if err != nil {
		return err
	}
	if !ended {
		return f.truncated(f.size, "the end of the header", nil)
	}
	if format != "RAW" {
		return f.broken(0, fmt.Sprintf("data of format %q", format), "RAW")
	}
	f.read = f.read3
	return nil
}

// packet3Size is the size of the header of a packet.
const packet3Size = 28

var kinds3 = map[int16]string{2: "frames", 3: "inertial measurements (6 axes)", 4: "inertial measurements (9 axes)", 5: "samples", 6: "ear events",
	7: "configurations", 8: "points in 1-D", 9: "points in 2-D", 10: "points in 3-D", 11: "points in 4-D", 12: "spikes"}

// inputs3 names the special events that are triggers.
var inputs3 = map[uint32]string{1: "reset", 2: "rising", 3: "falling", 4: "pulse"}

// read3 reads packets of AEDAT 3.1: a header, then events of one kind and size, little-endian.
func (f *File) read3(s *sink) error {
	var h [packet3Size]byte
	for at := f.at; at < f.end; {
		if n, err := f.r.ReadAt(h[:], at); n < len(h) {
			return f.truncated(at, "the header of a packet", err)
		}
		word := func(i int) int64 { return int64(int32(binary.LittleEndian.Uint32(h[i:]))) }
		kind := int16(binary.LittleEndian.Uint16(h[:]))
		size, offset, overflow, capacity, number := word(4), word(8), word(12), word(16), word(20)
		if size < 1 || capacity < 0 || number < 0 || number > capacity {
			return f.broken(at, fmt.Sprintf("a packet of %d of %d events of %d bytes", number, capacity, size), "lengths that are not negative and fit")
		}
		body := size * capacity // both below 2^31
		if body > f.end-at-packet3Size {
			return f.truncated(at, fmt.Sprintf("%d bytes of a packet", body), nil)
		}
		if kind == 0 || kind == 1 {
			if size != 8 || offset != 4 {
				return f.broken(at, fmt.Sprintf("events of %d bytes with the time at byte %d", size, offset), "8 bytes and byte 4")
			}
			if err := f.packet3(s, kind, at+packet3Size, number, overflow<<31); err != nil {
				return err
			}
		} else {
			name := kinds3[kind]
			if name == "" {
				name = fmt.Sprintf("events of kind %d", kind)
			}
			s.skip(name, int(number))
		}
		at += packet3Size + body
	}
	return nil
}

func (f *File) packet3(s *sink, kind int16, at, number, base int64) error {
	r := bufio.NewReaderSize(io.NewSectionReader(f.r, at, 8*number), 64<<10)
	var b [8]byte
	for i := range number {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return f.truncated(at+8*i, "an event", err)
		}
		a, t := binary.LittleEndian.Uint32(b[:]), base+int64(int32(binary.LittleEndian.Uint32(b[4:])))
		switch {
		case a&1 == 0:
			s.skip("events marked as not valid", 1)
		case kind == 0:
			if name := inputs3[a>>1&0x7f]; name != "" {
				s.input(t, name)
			} else {
				s.skip("special events", 1)
			}
		default:
			s.events.add(uint16(a>>17), uint16(a>>2&0x7fff), a>>1&1 == 1, t)
		}
		if err := s.full(); err != nil {
			return err
		}
	}
	return nil
}

// headerless takes a file for one of N-MNIST: events of five bytes and nothing else.
func (f *File) headerless() error {
	f.Format, f.Camera = "N-MNIST", ""
	if f.size == 0 || f.size%5 != 0 {
		return f.broken(-1, fmt.Sprintf("a file of %d bytes", f.size), "a multiple of the 5 bytes of an event of N-MNIST")
	}
	f.read = f.readMNIST
	return nil
}

// readMNIST reads events of N-MNIST: x, y, then a bit of polarity and 23 of time. A y of 240 is no event but tells that the
// camera's clock of 13 bits has wrapped.
func (f *File) readMNIST(s *sink) error {
	r := bufio.NewReaderSize(io.NewSectionReader(f.r, 0, f.size), 64<<10)
	var b [5]byte
	wraps := int64(0)
	for n := int64(0); n < f.size/5; n++ {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return f.truncated(5*n, "an event", err)
		}
		if b[1] == 240 {
			wraps += 1 << 13
			continue
		}
		t := int64(b[2]&0x7f)<<16 | int64(b[3])<<8 | int64(b[4])
		s.events.add(uint16(b[0]), uint16(b[1]), b[2]>>7 == 1, wraps+t)
		if err := s.full(); err != nil {
			return err
		}
	}
	return nil
}
