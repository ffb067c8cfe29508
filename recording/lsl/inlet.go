package lsl

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// Chunk is a run of samples.
type Chunk struct {
	Times []float64 // one a sample, s; of the outlet's clock, or of this machine's with InletOptions.Sync
	Data  any       // a slice of the Go type of the stream's format, row-major samples x channels
	// Dropped is how many samples before the first were dropped because Pull was not called in time.
	Dropped int
	// Resumed says that the connection was lost before the first sample; those that were sent meanwhile are missing.
	Resumed bool
	Arrived time.Time // when the last sample came
}

// Inlet reads a stream. Its methods may be called from several goroutines.
type Inlet struct {
	network Network
	options InletOptions
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	info    *Info
	waiting []Chunk
	samples int // in waiting
	failed  error
	current net.Conn
	ready   chan struct{}

	received     atomic.Int64 // when the last sample came, Unix nanoseconds
	connected    atomic.Bool
	reconnects   atomic.Int64
	totalDropped atomic.Int64
	clock        clock
}

// InletOptions are settings of an inlet; zero values are sensible.
type InletOptions struct {
	// Buffer is how many samples wait for Pull at most; then the oldest are dropped. 0 means six minutes, or 36,000 samples of an
	// irregular stream.
	Buffer int
	// Once ends the inlet when the connection is lost, instead of looking for the stream until it returns.
	Once bool
	// Sync converts times to this machine's clock. Opening a stream then takes the second that a measurement of the clocks takes.
	Sync bool
	// Silence is how long a stream may send nothing until it is checked that it is still there; 0 means 15 s.
	Silence time.Duration
}

// Full asks an outlet for its full info, with Desc.
func (n Network) Full(ctx context.Context, info *Info) (*Info, error) {
	c, err := dial(ctx, info)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "LSL:fullinfo\r\n"); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(c, maxInfo+1))
	if err != nil {
		return nil, fmt.Errorf("asking %s for its full info: %w", info.Name, err)
	}
	full, err := ParseInfo(text)
	if err != nil {
		return nil, err
	}
	full.Address, full.Address6 = info.Address, info.Address6
	return full, nil
}

// dial connects to an outlet, over IPv4 where it can.
func dial(ctx context.Context, info *Info) (c net.Conn, err error) {
	ways := info.ways(info.DataPort, info.DataPort6)
	if len(ways) == 0 {
		return nil, &recording.Error{Field: "stream info, v4address and v4data_port", Offset: -1, Found: fmt.Sprintf("%.80q and %d", info.Address, info.DataPort),
			Expected: "the address of an outlet", Remedy: "take an info that Find returned"}
	}
	d := net.Dialer{Timeout: patience}
	for _, to := range ways {
		if c, err = d.DialContext(ctx, "tcp", to.String()); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// ways are where an outlet is reached, given its ports of each family.
func (i *Info) ways(port, port6 int) (out []netip.AddrPort) {
	for _, w := range []struct {
		address string
		port    int
	}{{i.Address, port}, {i.Address6, port6}} {
		if ip, err := netip.ParseAddr(w.address); err == nil && w.port > 0 {
			out = append(out, netip.AddrPortFrom(ip, uint16(w.port)))
		}
	}
	return out
}

// Open connects to a stream that [Network.Find] returned. It returns when the first connection stands.
func Open(ctx context.Context, n Network, info *Info, o InletOptions) (*Inlet, error) {
	if err := info.check(); err != nil {
		return nil, err
	}
	if o.Buffer <= 0 {
		o.Buffer = 36000
		if info.Rate > 0 {
			o.Buffer = max(1, int(min(360*info.Rate, 1<<30)))
		}
	}
	if o.Silence <= 0 {
		o.Silence = 15 * time.Second
	}
	copied := *info
	in := &Inlet{network: n, options: o, info: &copied, ready: make(chan struct{}, 1)}
	c, d, err := in.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening the stream %q: %w", info.Name, err)
	}
	in.synchronise(ctx)
	in.connected.Store(true)
	background, cancel := context.WithCancel(context.Background())
	in.cancel = cancel
	in.running.Go(func() { in.run(background, c, d) })
	in.running.Go(func() { in.clock.measure(background, in.Info) })
	in.running.Go(func() { in.watch(background) })
	return in, nil
}

// Info is the stream as it is read now; after it was lost and found again, that of the new outlet.
func (in *Inlet) Info() Info {
	in.mu.Lock()
	defer in.mu.Unlock()
	return *in.info
}

// Connected tells whether the connection stands; when not, the stream is being looked for.
func (in *Inlet) Connected() bool { return in.connected.Load() }

// Reconnects is how often the stream was lost and found again.
func (in *Inlet) Reconnects() int64 { return in.reconnects.Load() }

// Dropped is how many samples were dropped because Pull was not called in time.
func (in *Inlet) Dropped() int64 { return in.totalDropped.Load() }

// Offset is what must be added to the outlet's times to get this machine's, s, and the round trip of the packets that told, s,
// which bounds its error. ok is false before the first measurement, under a second after Open.
func (in *Inlet) Offset() (offset, roundTrip float64, ok bool) { return in.clock.get() }

// Pull waits for samples and returns all that have come. After Close, or when a stream opened with Once is lost, it returns what is left
// and then io.EOF or the cause.
func (in *Inlet) Pull(ctx context.Context) (Chunk, error) {
	for {
		in.mu.Lock()
		if len(in.waiting) > 0 {
			c := in.waiting[0]
			in.waiting = in.waiting[1:]
			in.samples -= len(c.Times)
			in.mu.Unlock()
			if offset, _, ok := in.clock.get(); ok && in.options.Sync {
				for i := range c.Times {
					c.Times[i] += offset
				}
			}
			return c, nil
		}
		failed := in.failed
		in.mu.Unlock()
		if failed != nil {
			return Chunk{}, failed
		}
		select {
		case <-in.ready:
		case <-ctx.Done():
			return Chunk{}, context.Cause(ctx)
		}
	}
}

// Close ends the connection.
func (in *Inlet) Close() error {
	in.cancel()
	in.running.Wait()
	in.fail(io.EOF)
	return nil
}

func (in *Inlet) fail(err error) {
	in.mu.Lock()
	in.failed = cmp.Or(in.failed, err)
	in.mu.Unlock()
	in.wake()
}

func (in *Inlet) wake() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// run reads samples, and looks for the stream whenever it is lost.
func (in *Inlet) run(ctx context.Context, c net.Conn, d *decoder) {
	for resumed := false; ; resumed = true {
		err := in.read(ctx, c, d, resumed)
		in.connected.Store(false)
		if ctx.Err() != nil {
			return
		}
		if in.options.Once {
			in.fail(err)
			return
		}
		for {
			if c, d, err = in.reconnect(ctx); err == nil {
				in.synchronise(ctx)
				break
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond): // a stream that refuses must not be asked without pause
			}
		}
		in.connected.Store(true)
		in.reconnects.Add(1)
	}
}

// synchronise makes sure that no sample is given out by another clock than those after it.
func (in *Inlet) synchronise(ctx context.Context) {
	if in.options.Sync {
		in.clock.probe(ctx, in.Info)
	}
}

// read takes samples from a connection until it ends.
func (in *Inlet) read(ctx context.Context, c net.Conn, d *decoder, resumed bool) error {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	in.mu.Lock()
	rate := in.info.Rate
	in.mu.Unlock()
	buffered := d.r.(*bufio.Reader)
	var last float64
	chunk := Chunk{Data: emptyOf(d.format), Resumed: resumed}
	in.received.Store(time.Now().UnixNano())
	in.mu.Lock()
	in.current = c
	in.mu.Unlock()
	for {
		values, t, deduced, err := d.next(chunk.Data)
		if err != nil {
			in.add(chunk, d)
			return err
		}
		if deduced {
			t = last
			if rate > 0 {
				t += 1 / rate
			}
		}
		last = t
		chunk.Data, chunk.Times = values, append(chunk.Times, t)
		// What has arrived is handed over together; a chunk ends where the next sample would have to be waited for.
		if buffered.Buffered() == 0 || len(chunk.Times) == in.options.Buffer || len(chunk.Times) >= 4096 {
			chunk.Arrived = time.Now()
			in.received.Store(chunk.Arrived.UnixNano())
			in.add(chunk, d)
			chunk = Chunk{Data: emptyOf(d.format)}
		}
	}
}

// add queues a chunk, dropping the oldest samples where there is no room.
func (in *Inlet) add(c Chunk, d *decoder) {
	if len(c.Times) == 0 {
		return
	}
	in.mu.Lock()
	last := len(in.waiting) - 1
	if last >= 0 && !c.Resumed {
		w := &in.waiting[last]
		w.Data, w.Times, w.Arrived = join(w.Data, c.Data), append(w.Times, c.Times...), c.Arrived
	} else {
		in.waiting = append(in.waiting, c)
	}
	in.samples += len(c.Times)
	for excess := in.samples - in.options.Buffer; excess > 0; {
		w := &in.waiting[0]
		n := min(excess, len(w.Times))
		in.totalDropped.Add(int64(n))
		in.samples -= n
		excess -= n
		if n < len(w.Times) {
			w.Times, w.Data = w.Times[n:], slice(w.Data, n*d.channels, len(w.Times)*d.channels)
			w.Dropped += n
			break
		}
		// The chunk is gone; what it knew of losses before it is passed on.
		dropped, resumed := w.Dropped+n, w.Resumed
		in.waiting = in.waiting[1:]
		if len(in.waiting) > 0 {
			in.waiting[0].Dropped += dropped
			in.waiting[0].Resumed = in.waiting[0].Resumed || resumed
		}
	}
	in.mu.Unlock()
	in.wake()
}

// join appends values of one type. Appending to a slice whose beginning was cut off copies it when it is full, so that what was dropped is
// freed in time.
func join(a, b any) any {
	switch a := a.(type) {
	case []float32:
		return append(a, b.([]float32)...)
	case []float64:
		return append(a, b.([]float64)...)
	case []string:
		return append(a, b.([]string)...)
	case []int32:
		return append(a, b.([]int32)...)
	case []int16:
		return append(a, b.([]int16)...)
	case []int8:
		return append(a, b.([]int8)...)
	case []int64:
		return append(a, b.([]int64)...)
	}
	panic(fmt.Sprintf("lsl: joining a %T", a))
}

// connect opens a connection and negotiates how samples are sent.
func (in *Inlet) connect(ctx context.Context) (net.Conn, *decoder, error) {
	info := in.Info()
	if info.Version < archiveProtocol {
		return nil, nil, &recording.Error{Path: info.Name, Field: "version of the protocol", Offset: -1, Found: strconv.Itoa(info.Version), Expected: strconv.Itoa(archiveProtocol) + " or later",
			Remedy: "update the program that offers the stream"}
	}
	c, err := dial(ctx, &info)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	c.SetDeadline(time.Now().Add(patience))
	if _, err = c.Write(request(&info, in.options.Buffer)); err == nil {
		var d *decoder
		if d, err = readFeed(bufio.NewReaderSize(c, 64<<10), &info); err == nil {
			c.SetDeadline(time.Time{})
			return c, d, nil
		}
	}
	c.Close()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, nil, err
}

// request asks for the samples of a stream, of which the outlet shall keep up to buffer.
func request(info *Info, buffer int) []byte {
	var b bytes.Buffer
	if info.Version < protocol {
		fmt.Fprintf(&b, "LSL:streamfeed\r\n%d 0\r\n", buffer)
		return b.Bytes()
	}
	fmt.Fprintf(&b, "LSL:streamfeed/%d %s\r\n", protocol, info.UID)
	fmt.Fprintf(&b, "Native-Byte-Order: 1234\r\nEndian-Performance: 0\r\nHas-IEEE754-Floats: 1\r\nSupports-Subnormals: 1\r\n")
	fmt.Fprintf(&b, "Value-Size: %d\r\nData-Protocol-Version: %d\r\nMax-Buffer-Length: %d\r\nMax-Chunk-Length: 0\r\n", info.Format.size(), protocol, buffer)
	fmt.Fprintf(&b, "Hostname: %s\r\nSource-Id: %s\r\nSession-Id: %s\r\n\r\n", oneLine(info.Host), oneLine(info.SourceID), oneLine(info.Session))
	return b.Bytes()
}

// oneLine keeps a text from ending the line it stands in.
func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// readFeed reads the answer to a request, checks the two test samples, and returns the decoder of those that follow.
func readFeed(in *bufio.Reader, info *Info) (*decoder, error) {
	if info.Version < protocol {
		d, err := readArchive(in, info)
		if err != nil {
			return nil, err
		}
		return d, d.test(info)
	}
	line, err := readLine(in)
	if err != nil {
		return nil, err
	}
	words := strings.SplitN(line, " ", 3)
	refused := func(expected string) (*decoder, error) {
		return nil, &recording.Error{Path: info.Name, Field: "answer of the outlet", Offset: -1, Found: fmt.Sprintf("%.120q", line), Expected: expected}
	}
	if !strings.HasPrefix(words[0], "LSL/") || len(words) < 2 {
		return refused("LSL/110 200 OK")
	}
	switch status, err := strconv.Atoi(words[1]); {
	case err != nil || status < 200:
		return refused("LSL/110 200 OK")
	case status == 404:
		return refused("the stream that was found; it is gone, and another one may be in its place")
	case status >= 300:
		return refused("that the outlet agrees")
	}
	f, err := readFields(in)
	if err != nil {
		return nil, err
	}
	if uid, there := f["uid"]; there && uid != strings.ToLower(info.UID) {
		return nil, &recording.Error{Path: info.Name, Field: "uid", Offset: -1, Found: fmt.Sprintf("%.80q", uid), Expected: info.UID}
	}
	version, err := f.number("data-protocol-version", 100)
	if err != nil {
		return nil, err
	}
	if version != protocol {
		return nil, &recording.Error{Path: info.Name, Field: "data-protocol-version", Offset: -1, Found: strconv.Itoa(version), Expected: strconv.Itoa(protocol)}
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch o, err := f.number("byte-order", 0); {
	case err != nil:
		return nil, err
	case o == 4321:
		order = binary.BigEndian
	case o != 0 && o != 1234: // 0 is "yours"
		return nil, &recording.Error{Path: info.Name, Field: "byte-order", Offset: -1, Found: strconv.Itoa(o), Expected: "1234 or 4321"}
	}
	d := newDecoder(in, order, info.Format, info.Channels)
	if err := d.test(info); err != nil {
		return nil, err
	}
	d.flush = f["suppress-subnormals"] == "1"
	return d, nil
}

// test reads the two samples with which a feed begins.
func (d *decoder) test(info *Info) error {
	for _, offset := range []int{4, 2} {
		got, t, deduced, err := d.next(emptyOf(info.Format))
		if err != nil {
			return unexpected(err)
		}
		if deduced || t != patternTime || !same(got, testPattern(info.Format, info.Channels, offset)) {
			return &recording.Error{Path: info.Name, Field: "test sample", Offset: -1, Found: fmt.Sprintf("%.120s at %g s", fmt.Sprint(got), t),
				Expected: fmt.Sprintf("%.120s at %g s", fmt.Sprint(testPattern(info.Format, info.Channels, offset)), patternTime),
				Remedy:   "the outlet sends numbers in another form; report its program"}
		}
	}
	return nil
}

// sameStream is the query for the stream of an info after its outlet was replaced.
func sameStream(info *Info) string {
	parts := []string{fmt.Sprintf("channel_count='%d'", info.Channels), fmt.Sprintf("channel_format='%s'", info.Format)}
	add := func(field, value string) {
		switch {
		case value == "":
		case !strings.Contains(value, "'"):
			parts = append(parts, field+"='"+value+"'")
		case !strings.Contains(value, `"`):
			parts = append(parts, field+`="`+value+`"`)
		}
	}
	add("name", info.Name)
	add("type", info.Type)
	if info.SourceID != "" {
		add("source_id", info.SourceID)
	} else {
		add("hostname", info.Host)
	}
	return strings.Join(parts, " and ")
}

// gather is how long answers are collected that could tell whether a lost stream has one successor or several.
const gather = 300 * time.Millisecond

// reconnect finds the stream and connects to it.
func (in *Inlet) reconnect(ctx context.Context) (net.Conn, *decoder, error) {
	before := in.Info()
	finding, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := in.network.Find(finding, sameStream(&before), 1)
	if err != nil {
		return nil, nil, err
	}
	if found[0].UID != before.UID {
		more, cancel := context.WithTimeout(ctx, gather)
		defer cancel()
		if all, err := in.network.Find(more, sameStream(&before), 1000); err == nil {
			found = all
		}
	}
	next := found[0]
	if i := slices.IndexFunc(found, func(f *Info) bool { return f.UID == before.UID }); i >= 0 {
		next = found[i]
	} else if len(found) > 1 {
		return nil, nil, fmt.Errorf("%d streams could be the lost stream %q: give each a source_id of its own", len(found), before.Name)
	}
	next.Desc = before.Desc
	in.mu.Lock()
	in.info = next
	in.mu.Unlock()
	in.clock.reset()
	return in.connect(ctx)
}

// watch makes sure that a stream that has fallen silent is still there: a machine that was switched off ends no connection.
func (in *Inlet) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(in.options.Silence / 2):
		}
		silence := time.Since(time.Unix(0, in.received.Load()))
		if !in.connected.Load() || silence < in.options.Silence {
			continue
		}
		before := in.Info()
		finding, cancel := context.WithTimeout(ctx, 2*time.Second)
		found, err := in.network.Find(finding, sameStream(&before), 1)
		cancel()
		if ctx.Err() != nil {
			return
		}
		// A stream that answers, or of which nothing at all is heard, is left in peace: it may have nothing to say, and the way back may
		// be closed to answers. One that another has replaced is gone.
		if err == nil && !slices.ContainsFunc(found, func(f *Info) bool { return f.UID == before.UID }) {
			in.mu.Lock()
			in.current.Close()
			in.mu.Unlock()
		}
	}
}

func sortInfos(infos []*Info) {
	slices.SortFunc(infos, func(a, b *Info) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID)) })
}
