package live

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"strconv"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// OSC reads Open Sound Control messages over UDP, as consumer headsets send them: every message to an address is a frame.
type OSC struct {
	conn    *net.UDPConn
	signal  Signal
	path    string
	markers string
	buffer  []byte
}

// ListenOSC listens on a UDP address for messages to path, such as /eeg, with so many numbers each; markers is the path of messages that are
// events, whose label is their first argument; empty for none. Frames have the time of their bundle, or when they arrived.
func ListenOSC(address, path, markers string, channels int, rate float64) (*OSC, error) {
	if err := checkSignal(channels, rate); err != nil {
		return nil, err
	}
	a, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", a)
	if err != nil {
		return nil, err
	}
	// Packets are not evenly spaced when they arrive.
	return &OSC{conn: conn, path: path, markers: markers, buffer: make([]byte, 64<<10), signal: Signal{Name: "OSC " + path, Width: channels, Rate: rate, Jitter: 0.5}}, nil
}

func checkSignal(channels int, rate float64) error {
	if channels < 1 || channels > 1<<16 || !(rate > 0) || rate > 1e6 {
		return &recording.Error{Field: "signal", Offset: -1, Found: fmt.Sprintf("%d channels at %g Hz", channels, rate), Expected: "1 to 65536 channels at a positive rate",
			Remedy: "the stream itself does not tell: say channels and rate"}
	}
	return nil
}

// Address is where messages are expected.
func (o *OSC) Address() net.Addr { return o.conn.LocalAddr() }

// Signal implements [Source].
func (o *OSC) Signal() Signal { return o.signal }

// Next implements [Source]. Packets that hold nothing of the kind are passed over.
func (o *OSC) Next(ctx context.Context) (Block, error) {
	stop := context.AfterFunc(ctx, func() { o.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			o.conn.SetReadDeadline(time.Time{})
		}
	}()
	for {
		n, err := o.conn.Read(o.buffer)
		if ctx.Err() != nil {
			return Block{}, context.Cause(ctx)
		}
		if err != nil {
			return Block{}, err
		}
		b := Block{Arrived: time.Now()}
		o.packet(&b, o.buffer[:n], float64(b.Arrived.UnixNano())/1e9, 0)
		if len(b.Times) > 0 {
			return b, nil
		}
	}
}

// maxBundles is how deep bundles may lie in each other.
const maxBundles = 8

// packet adds the frames and events of a packet, a message or a bundle, to a block.
func (o *OSC) packet(b *Block, p []byte, at float64, depth int) {
	if bundle, is := bytes.CutPrefix(p, []byte("#bundle\x00")); is {
		if len(bundle) < 8 || depth == maxBundles {
			return
		}
		if tag := binary.BigEndian.Uint64(bundle); tag > 1 { // 1 is "at once"
			at = float64(tag>>32) + float64(tag&math.MaxUint32)/(1<<32)
		}
		for rest := bundle[8:]; len(rest) >= 4; {
			size := binary.BigEndian.Uint32(rest)
			if uint64(size) > uint64(len(rest)-4) {
				return
			}
			o.packet(b, rest[4:4+size], at, depth+1)
			rest = rest[4+size:]
		}
		return
	}
	path, rest, ok := oscText(p)
	if !ok || path != o.path && (path != o.markers || path == "") {
		return
	}
	types, rest, ok := oscText(rest)
	if !ok || types == "" || types[0] != ',' {
		return
	}
	var frame []float32
	label := ""
	for i, t := range types[1:] {
		var v float64
		switch t {
		case 'f', 'i':
			if len(rest) < 4 {
				return
			}
			bits := binary.BigEndian.Uint32(rest)
			if v = float64(int32(bits)); t == 'f' {
				v = float64(math.Float32frombits(bits))
			}
			rest = rest[4:]
		case 'd', 'h':
			if len(rest) < 8 {
				return
			}
			bits := binary.BigEndian.Uint64(rest)
			if v = float64(int64(bits)); t == 'd' {
				v = math.Float64frombits(bits)
			}
			rest = rest[8:]
		case 's':
			var text string
			if text, rest, ok = oscText(rest); !ok {
				return
			}
			if i == 0 {
				label = text
			}
			v = math.NaN()
		default: // what has no place in a frame
			return
		}
		if i == 0 && label == "" {
			label = strconv.FormatFloat(v, 'g', -1, 64)
		}
		frame = append(frame, float32(v))
	}
	switch {
	case path != o.path:
		b.Events = append(b.Events, recording.Event{Onset: at, Label: label})
	case len(frame) == o.signal.Width:
		b.Samples, b.Times = append(b.Samples, frame...), append(b.Times, at)
	}
}

// oscText reads a text that ends in a zero byte and is filled up to a multiple of four bytes.
func oscText(p []byte) (text string, rest []byte, ok bool) {
	n := bytes.IndexByte(p, 0)
	if n < 0 {
		return "", nil, false
	}
	return string(p[:n]), p[min(n/4*4+4, len(p)):], true
}

// Close implements [Source].
func (o *OSC) Close() error { return o.conn.Close() }
