package blackrock

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// The file types by their first eight bytes: specification 2.1, 2.2 and 2.3, 3.0.
const (
	type21 = "NEURALSG"
	type22 = "NEURALCD"
	type30 = "BRSMPGRP"
)

func init() {
	recording.Register(recording.Format{
		Name: "blackrock", Title: "Blackrock NSx", Extensions: []string{"ns1", "ns2", "ns3", "ns4", "ns5", "ns6", "ns9"},
		Match: func(h recording.Head) recording.Confidence {
			if !h.Gzip && len(h.Data) >= 8 {
				switch string(h.Data[:8]) {
				case type21, type22, type30:
					return recording.Sure
				}
			}
			return recording.No
		},
		Describe: recording.DescribeWith(Open), Open: Open,
	})
}

// Open opens the NSx file at path as a recording. Close it when done.
func Open(path string) (*recording.Recording, error) {
	f, err := records.Open(path, "an NSx file of Blackrock")
	if err != nil {
		return nil, err
	}
	r, err := read(f)
	if err != nil {
		f.Close()
	}
	return r, err
}

var little = binary.LittleEndian

// clock is the rate in Hz that the period is counted in, but for files whose time stamps are nanoseconds.
const clock = 30000

// file is what the header says.
type file struct {
	*records.File
	start      int64 // of the packets
	wide       bool  // time stamps are of 64 bits
	channels   int64
	resolution float64 // time stamps in a second
	gains      []float64
	offsets    []float64
}

func read(f *records.File) (*recording.Recording, error) {
	id, err := f.Bytes(0, 8, "file type")
	if err != nil {
		return nil, err
	}
	r := &recording.Recording{Metadata: map[string]string{}}
	n := &file{File: f}
	switch string(id) {
	case type21:
		err = n.header21(r)
	case type22, type30:
		n.wide = string(id) == type30
		err = n.header22(r)
	default:
		err = f.Error(0, "file type", fmt.Sprintf("%q", id), "NEURALSG, NEURALCD or BRSMPGRP", "")
	}
	if err != nil {
		return nil, err
	}
	chain := records.NewChain(f)
	if string(id) == type21 && !n.packetBehind() {
		frames, left := f.FramesIn(n.start, 2*n.channels)
		warn(r, left)
		err = chain.Append(n.layout(n.start, frames))
	} else {
		err = n.packets(r, chain)
	}
	if err != nil {
		return nil, err
	}
	r.Frames, r.Samples = chain.Frames(), chain
	return r, nil
}

func warn(r *recording.Recording, left int64) {
	if left > 0 {
		r.Warn("the file ends in %d bytes of an incomplete packet or frame", left)
	}
}

// layout is that of frames without anything between them.
func (n *file) layout(start, frames int64) records.Layout {
	return records.Interleaved(start, frames, records.Int16, n.gains, n.offsets)
}

func text(b []byte) string { return strings.TrimSpace(records.Text(b)) }

// setRate sets the rate from a period in ticks.
func (n *file) setRate(r *recording.Recording, ticks, period uint32) error {
	if period == 0 || ticks == 0 {
		return n.Error(-1, "period", fmt.Sprintf("%d ticks of 1/%d s", period, ticks), "positive numbers", "")
	}
	n.resolution = float64(ticks)
	r.Rate = n.resolution / float64(period)
	if ticks == 1e9 { // of a precision time protocol; the period is still one of the amplifier's clock
		r.Rate = clock / float64(period)
	}
	return nil
}

// header21 reads the short header: a period, and the numbers of the channels.
func (n *file) header21(r *recording.Recording) error {
	b, err := n.Bytes(0, 32, "header")
	if err != nil {
		return err
	}
	n.channels = int64(little.Uint32(b[28:]))
	if err := n.setRate(r, clock, little.Uint32(b[24:])); err != nil {
		return err
	}
	ids, err := n.Bytes(32, 4*n.channels, "channel numbers")
	if err != nil {
		return err
	}
	if n.channels == 0 {
		return n.Error(28, "number of channels", "0", "at least 1", "")
	}
	r.Metadata["label"] = text(b[8:24])
	n.start = 32 + 4*n.channels
	names := make([]string, n.channels)
	for i := range names {
		names[i] = fmt.Sprint("chan", little.Uint32(ids[4*i:]))
		n.gains, n.offsets = append(n.gains, 1), append(n.offsets, 0)
	}
	for _, name := range records.Unique(names) {
		r.Channels = append(r.Channels, recording.Channel{Name: name})
	}
	return nil
}

// The parts of the long header.
const (
	basicBytes   = 314
	channelBytes = 66
)

// header22 reads the long header: what is common, then a part for each channel.
func (n *file) header22(r *recording.Recording) error {
	b, err := n.Bytes(0, basicBytes, "header")
	if err != nil {
		return err
	}
	n.start = int64(little.Uint32(b[10:]))
	n.channels = int64(little.Uint32(b[310:]))
	if err := n.setRate(r, little.Uint32(b[290:]), little.Uint32(b[286:])); err != nil {
		return err
	}
	if n.channels == 0 || n.start < basicBytes+channelBytes*n.channels || n.start > n.Size {
		return n.Error(10, "header length", fmt.Sprintf("%d bytes for %d channels in a file of %d", n.start, n.channels, n.Size),
			fmt.Sprintf("at least %d", basicBytes+channelBytes*max(1, n.channels)), "")
	}
	at := func(i int) int { return int(little.Uint16(b[294+2*i:])) }
	if month, day := at(1), at(3); month >= 1 && month <= 12 && day >= 1 && day <= 31 {
		r.Start = time.Date(at(0), time.Month(month), day, at(4), at(5), at(6), at(7)%1000*1e6, time.UTC)
	}
	for key, v := range map[string]string{"label": text(b[14:30]), "comment": text(b[30:286]), "version": fmt.Sprintf("%d.%d", b[8], b[9])} {
		if v != "" {
			r.Metadata[key] = v
		}
	}
	parts, err := n.Bytes(basicBytes, channelBytes*n.channels, "channels")
	if err != nil {
		return err
	}
	names := make([]string, n.channels)
	for i := range names {
		c := parts[i*channelBytes:][:channelBytes]
		names[i] = text(c[4:20])
		number := func(at int) float64 { return float64(int16(little.Uint16(c[at:]))) }
		gain, offset := records.Scale(number(26), number(28), number(22), number(24))
		n.gains, n.offsets = append(n.gains, gain), append(n.offsets, offset)
		r.Channels = append(r.Channels, recording.Channel{Type: "seeg", Unit: records.Unit(text(c[30:46]))})
	}
	for i, name := range records.Unique(names) {
		r.Channels[i].Name = name
	}
	// Corner frequencies of the first channel, in mHz.
	for key, corner := range map[string]uint32{"highpass": little.Uint32(parts[46:]), "lowpass": little.Uint32(parts[56:])} {
		if corner > 0 {
			r.Metadata[key] = fmt.Sprintf("%g Hz", float64(corner)/1000)
		}
	}
	return nil
}

// packetHead reads the head of a packet at an offset: its length, a time stamp, how many frames follow.
func (n *file) packetHead(b []byte) (length int64, stamp uint64, frames int64, ok bool) {
	if n.wide {
		return 13, little.Uint64(b[1:]), int64(little.Uint32(b[9:])), b[0] == 1
	}
	return 9, uint64(little.Uint32(b[1:])), int64(little.Uint32(b[5:])), b[0] == 1
}

// headBytes is the length of a packet's head.
func (n *file) headBytes() int64 {
	if n.wide {
		return 13
	}
	return 9
}

// packetBehind says whether a file of the oldest kind has a packet where only frames should be, one that ends with the file.
func (n *file) packetBehind() bool {
	b, err := n.Bytes(n.start, 9, "packet")
	if err != nil {
		return false
	}
	_, _, frames, ok := n.packetHead(b)
	return ok && n.start+9+frames*2*n.channels == n.Size
}

// packets follows the packets through the file.
func (n *file) packets(r *recording.Recording, chain *records.Chain) error {
	head, frame := n.headBytes(), 2*n.channels
	due := 0.0 // stamp that the next packet should have
	// Packets of a single frame, which newer systems write, are records of one frame behind a head.
	var single records.Layout
	flush := func() error {
		l := single
		single = records.Layout{}
		return chain.Append(l)
	}
	buffer, bufferAt := []byte(nil), int64(0)
	total := int64(0)
	for at := n.start; at < n.Size; {
		if at+head > n.Size {
			warn(r, n.Size-at)
			break
		}
		if at < bufferAt || at+head > bufferAt+int64(len(buffer)) {
			var err error
			if buffer, err = n.Bytes(at, min(n.Size-at, 64<<10), "packets"); err != nil {
				return err
			}
			bufferAt = at
		}
		_, stamp, frames, ok := n.packetHead(buffer[at-bufferAt:])
		if !ok {
			return n.Error(at, "packet", fmt.Sprintf("a packet that begins with %d", buffer[at-bufferAt]), "1", "the file is damaged, or its end was never written")
		}
		there := (n.Size - at - head) / frame
		if frames > there {
			warn(r, n.Size-at-head-there*frame)
			r.Warn("the last packet should have %d frames and has %d", frames, there)
			frames = there
		}
		perFrame := n.resolution / r.Rate
		if late := float64(stamp) - due; total > 0 && frames > 0 && math.Abs(late) > 1.5*perFrame {
			r.Gaps = append(r.Gaps, recording.Gap{Frame: total, Seconds: late / n.resolution})
		}
		if frames > 0 {
			due = float64(stamp) + float64(frames)*perFrame
		}
		if frames == 1 {
			if single.Total == 0 {
				single = n.layout(at, 0)
				single.Bytes += head
				for i := range single.Signals {
					single.Signals[i].At += head
				}
			}
			single.Total++
		} else {
			if err := flush(); err != nil {
				return err
			}
			if err := chain.Append(n.layout(at+head, frames)); err != nil {
				return err
			}
		}
		total += frames
		at += head + frames*frame
	}
	return flush()
}
