package live

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// Number is how a value is written.
type Number string

// The numbers that come over TCP.
const (
	Float32 Number = "float32"
	Float64 Number = "float64"
	Int16   Number = "int16"
	Int32   Number = "int32"
)

func (n Number) size() int {
	return map[Number]int{Float32: 4, Float64: 8, Int16: 2, Int32: 4}[n]
}

// TCP reads frames of plain numbers from a server, one frame after the other without anything between. When the connection ends it is opened
// again.
type TCP struct {
	address string
	signal  Signal
	number  Number
	order   binary.ByteOrder

	conn    net.Conn
	begun   float64 // when the connection's first frame came, s
	frames  int64   // of this connection
	held    int     // bytes in buffer that make no whole frame yet
	buffer  []byte
	resumed bool
}

// DialTCP connects to a server.
func DialTCP(ctx context.Context, address string, number Number, order binary.ByteOrder, channels int, rate float64) (*TCP, error) {
	if err := checkSignal(channels, rate); err != nil {
		return nil, err
	}
	if number.size() == 0 {
		return nil, &recording.Error{Field: "format", Offset: -1, Found: fmt.Sprintf("%q", string(number)), Expected: "float32, float64, int16 or int32"}
	}
	t := &TCP{address: address, number: number, order: order, signal: Signal{Name: address, Width: channels, Rate: rate}}
	frame := channels * number.size()
	t.buffer = make([]byte, max(frame, 64<<10/frame*frame))
	return t, t.connect(ctx)
}

func (t *TCP) connect(ctx context.Context) (err error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	t.held, t.frames = 0, 0
	t.conn, err = d.DialContext(ctx, "tcp", t.address)
	return err
}

// Signal implements [Source].
func (t *TCP) Signal() Signal { return t.signal }

// Next implements [Source].
func (t *TCP) Next(ctx context.Context) (Block, error) {
	for {
		if t.conn == nil {
			select { // a server that hangs up at once is not to be called without pause
			case <-ctx.Done():
				return Block{}, context.Cause(ctx)
			case <-time.After(100 * time.Millisecond):
			}
			if t.connect(ctx) != nil {
				t.conn = nil
				continue
			}
			t.resumed = true
		}
		conn := t.conn
		stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
		n, err := conn.Read(t.buffer[t.held:])
		if !stop() {
			return Block{}, context.Cause(ctx)
		}
		if b := t.block(n); len(b.Times) > 0 {
			return b, nil
		}
		if err != nil {
			conn.Close()
			t.conn = nil
		}
	}
}

// block makes frames of the bytes that are there after n more have come.
func (t *TCP) block(n int) Block {
	b := Block{Arrived: time.Now(), Resumed: t.resumed}
	frame := t.signal.Width * t.number.size()
	there := t.held + n
	whole := there / frame
	if whole == 0 {
		t.held = there
		return Block{}
	}
	if t.frames == 0 {
		t.begun = float64(b.Arrived.UnixNano())/1e9 - float64(whole-1)/t.signal.Rate
	}
	size := t.number.size()
	for at := 0; at < whole*frame; at += size {
		var v float32
		switch t.number {
		case Float32:
			v = math.Float32frombits(t.order.Uint32(t.buffer[at:]))
		case Float64:
			v = float32(math.Float64frombits(t.order.Uint64(t.buffer[at:])))
		case Int16:
			v = float32(int16(t.order.Uint16(t.buffer[at:])))
		case Int32:
			v = float32(int32(t.order.Uint32(t.buffer[at:])))
		}
		b.Samples = append(b.Samples, v)
	}
	for range whole {
		// Within a connection nothing is lost, and the server's clock is that of its frames.
		b.Times = append(b.Times, t.begun+float64(t.frames)/t.signal.Rate)
		t.frames++
	}
	t.held = copy(t.buffer, t.buffer[whole*frame:there])
	t.resumed = false
	return b
}

// Close implements [Source].
func (t *TCP) Close() error {
	if t.conn == nil {
		return nil
	}
	return t.conn.Close()
}
