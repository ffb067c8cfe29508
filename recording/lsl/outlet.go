package lsl

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// protocol is the version of the data protocol that is spoken.
const protocol = 110

// Outlet offers a stream. Push may be called from one goroutine at a time.
type Outlet struct {
	info    *Info
	query   *Element // what queries look at
	short   []byte
	full    []byte
	limit   int // samples that wait for each reader at most
	data    []*net.TCPListener
	service []*net.UDPConn // all answer queries, those on the outlet's own ports also questions of time
	serving sync.WaitGroup

	mu      sync.Mutex
	readers map[*reader]struct{}
	conns   map[net.Conn]struct{}
	joined  chan struct{} // closed and replaced when a reader comes
	closed  bool
	dropped atomic.Int64
	scratch [3][]byte // a sample in every form
}

// OutletOptions are settings of an outlet; zero values are sensible.
type OutletOptions struct {
	// Buffer is how many samples wait for a reader that does not keep up, beyond what it asks for; then the oldest are dropped.
	// 0 means six minutes, or 36,000 samples of an irregular stream.
	Buffer int
}

// maxReaders is how many connections an outlet serves at once.
const maxReaders = 64

// maxWaiting is how many bytes wait for one reader at most, whatever the number of samples.
const maxWaiting = 64 << 20

// NewOutlet offers a stream on a network. Of info the fields above Desc are taken, and Desc; the outlet fills in the others.
func NewOutlet(n Network, info Info, o OutletOptions) (*Outlet, error) {
	if err := info.check(); err != nil {
		return nil, err
	}
	data, service, err := n.listen()
	if err != nil {
		return nil, fmt.Errorf("offering the stream %q: %w", info.Name, err)
	}
	info.Version, info.Created, info.UID, info.Session = protocol, Now(), newUID(), n.session()
	info.Address, info.Address6, info.DataPort, info.TimePort, info.DataPort6, info.TimePort6 = "", "", 0, 0, 0, 0
	for i, d := range data {
		tcp, udp := &info.DataPort, &info.TimePort
		if !isFour(service[i]) {
			tcp, udp = &info.DataPort6, &info.TimePort6
		}
		*tcp, *udp = d.Addr().(*net.TCPAddr).Port, service[i].LocalAddr().(*net.UDPAddr).Port
	}
	if info.Host, err = os.Hostname(); err != nil {
		info.Host = "unknown"
	}
	out := &Outlet{info: &info, query: info.element(true), short: info.XML(false), full: info.XML(true), limit: o.Buffer, data: data,
		service: append(service, n.discovery()...), readers: map[*reader]struct{}{}, conns: map[net.Conn]struct{}{}, joined: make(chan struct{})}
	if out.limit <= 0 {
		out.limit = 36000
		if info.Rate > 0 {
			out.limit = max(1, int(min(360*info.Rate, 1<<30)))
		}
	}
	for i, c := range out.service {
		out.serving.Go(func() { out.answer(c, i < len(data)) })
	}
	for _, l := range data {
		out.serving.Go(func() { out.accept(l) })
	}
	return out, nil
}

// newUID is a random identifier in the form of a UUID.
func newUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Info is the stream as it is offered.
func (o *Outlet) Info() Info { return *o.info }

// Readers is how many inlets read the stream.
func (o *Outlet) Readers() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.readers)
}

// Dropped is how many samples were dropped because a reader did not keep up, over all readers.
func (o *Outlet) Dropped() int64 { return o.dropped.Load() }

// Joined gives a channel that is closed when the next reader comes.
func (o *Outlet) Joined() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.joined
}

// Push sends one or more samples: data is a slice of the Go type of the stream's format, row-major samples x channels, and time
// that of the last of them ([Now] when 0). In a regular stream those before it lie one period apart; in an irregular one all have
// the same time. It never waits for readers.
func (o *Outlet) Push(data any, time float64) error {
	format, values, err := formatOf(data)
	if err != nil {
		return err
	}
	channels := o.info.Channels
	if format != o.info.Format || values == 0 || values%channels != 0 {
		return fmt.Errorf("lsl: %d values of %s pushed into the stream %q, which takes multiples of %d of %s", values, format, o.info.Name, channels, o.info.Format)
	}
	if time == 0 {
		time = Now()
	}
	samples := values / channels
	if o.info.Rate > 0 {
		time -= float64(samples-1) / o.info.Rate
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return fmt.Errorf("lsl: the stream %q is closed", o.info.Name)
	}
	if len(o.readers) == 0 {
		return nil
	}
	for k := range samples {
		sample := slice(data, k*channels, (k+1)*channels)
		var made [len(o.scratch)]bool
		for r := range o.readers {
			if !made[r.form] {
				o.scratch[r.form], made[r.form] = r.form.append(o.scratch[r.form][:0], time, k > 0, sample), true
			}
			o.dropped.Add(int64(r.push(o.scratch[r.form])))
		}
	}
	for r := range o.readers {
		r.wake()
	}
	return nil
}

// Close ends the stream; readers see their connection end.
func (o *Outlet) Close() error {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return nil
	}
	o.closed = true
	for c := range o.conns {
		c.Close()
	}
	o.mu.Unlock()
	var err error
	for _, l := range o.data {
		err = errors.Join(err, l.Close())
	}
	for _, c := range o.service {
		c.Close()
	}
	o.serving.Wait()
	return err
}

// answer replies to queries and, on the service port, to questions of time.
func (o *Outlet) answer(c *net.UDPConn, timing bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		arrived := Now()
		if reply, to, ok := o.reply(buffer[:n], from, timing, arrived); ok {
			c.WriteToUDPAddrPort(reply, to) // who does not get an answer asks again
		}
	}
}

// reply is the answer to a packet, if it is one that deserves one.
func (o *Outlet) reply(packet []byte, from netip.AddrPort, timing bool, arrived float64) (reply []byte, to netip.AddrPort, ok bool) {
	method, rest, _ := strings.Cut(string(packet), "\n")
	switch strings.TrimSpace(method) {
	case "LSL:shortinfo":
		text, rest, ok := strings.Cut(rest, "\n")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 2 || !o.fits(strings.TrimSpace(text)) {
			return nil, to, false
		}
		port, err := strconv.ParseUint(fields[0], 10, 16)
		if err != nil || port == 0 || len(fields[1]) > 64 {
			return nil, to, false
		}
		return append([]byte(fields[1]+"\r\n"), o.short...), netip.AddrPortFrom(from.Addr(), uint16(port)), true
	case "LSL:timedata":
		fields := strings.Fields(rest)
		if !timing || len(fields) < 2 {
			return nil, to, false
		}
		wave, err := strconv.ParseInt(fields[0], 10, 64)
		sent, err2 := strconv.ParseFloat(fields[1], 64)
		if err != nil || err2 != nil {
			return nil, to, false
		}
		// Sixteen digits hold a fraction of a microsecond even after years of uptime.
		return fmt.Appendf(nil, " %d %.16g %.16g %.16g", wave, sent, arrived, Now()), from, true
	}
	return nil, to, false
}

// fits reports whether the stream fits a query; one that cannot be read fits nothing.
func (o *Outlet) fits(text string) bool {
	q, err := parseQuery(text)
	return err == nil && q.matches(o.query)
}

func (o *Outlet) accept(l *net.TCPListener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // such as no file descriptor left
			continue
		}
		o.mu.Lock()
		refused := o.closed || len(o.conns) >= maxReaders
		if !refused {
			o.conns[c] = struct{}{}
		}
		o.mu.Unlock()
		if refused {
			c.Close()
			continue
		}
		o.serving.Go(func() {
			o.serve(c)
			c.Close()
			o.mu.Lock()
			delete(o.conns, c)
			o.mu.Unlock()
		})
	}
}

// patience is how long the other side may take for a handshake.
const patience = 10 * time.Second

// serve carries out what a connection asks for.
func (o *Outlet) serve(c net.Conn) {
	c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(io.LimitReader(c, maxHeader))
	method, err := readLine(in)
	if err != nil {
		return
	}
	switch {
	case method == "LSL:shortinfo":
		if text, err := readLine(in); err == nil && o.fits(text) {
			c.Write(o.short)
		}
	case method == "LSL:fullinfo":
		c.Write(o.full)
	case method == "LSL:streamfeed":
		if line, err := readLine(in); err == nil {
			o.feed(c, o.agreeArchive(line), "")
		}
	case strings.HasPrefix(method, "LSL:streamfeed/"):
		head, refusal := o.agree(in, strings.TrimPrefix(method, "LSL:streamfeed/"))
		o.feed(c, head, refusal)
	}
}

// feed sends samples until the connection ends, or says why not.
func (o *Outlet) feed(c net.Conn, head agreement, refusal string) {
	if refusal != "" {
		fmt.Fprintf(c, "LSL/%d %s\r\n", protocol, refusal)
		return
	}
	if _, err := c.Write(head.reply); err != nil || head.buffer <= 0 {
		return // a reader that takes no samples only wanted to see the test samples
	}
	c.SetDeadline(time.Time{})
	r := &reader{form: head.form, limit: min(head.buffer, o.limit), chunk: head.chunk, ready: make(chan struct{}, 1)}
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	o.readers[r] = struct{}{}
	close(o.joined)
	o.joined = make(chan struct{})
	o.mu.Unlock()
	gone := make(chan struct{})
	o.serving.Go(func() { // a reader says nothing more; what ends is its connection
		io.Copy(io.Discard, c)
		close(gone)
	})
	r.send(c, gone)
	c.Close()
	o.mu.Lock()
	delete(o.readers, r)
	o.mu.Unlock()
}

// agreement is what a request for samples and an outlet settle on.
type agreement struct {
	form   form
	buffer int // samples that may wait
	chunk  int // samples sent at once at most; 0: as many as wait
	reply  []byte
}

// agree reads a request for samples and makes the answer with the two test samples, or says why there is none.
func (o *Outlet) agree(in *bufio.Reader, request string) (a agreement, refusal string) {
	words := strings.Fields(request)
	if len(words) == 0 {
		return a, "400 Bad request"
	}
	version, err := strconv.Atoi(words[0])
	if err != nil || version < protocol || version/100 > protocol/100 {
		return a, "505 Version not supported"
	}
	if len(words) > 1 && words[1] != o.info.UID {
		return a, "404 Not found"
	}
	fields, err := readFields(in)
	if err != nil {
		return a, "400 Bad request"
	}
	order, err := fields.number("native-byte-order", 1234)
	if err == nil {
		a.buffer, err = fields.number("max-buffer-length", 0)
	}
	if err == nil {
		a.chunk, err = fields.number("max-chunk-length", 0)
	}
	size := o.info.Format.size()
	if err == nil && size > 0 {
		var theirs int
		if theirs, err = fields.number("value-size", size); err == nil && theirs != size {
			return a, "505 Value size not supported"
		}
	}
	if err != nil || a.chunk < 0 {
		return a, "400 Bad request"
	}
	if fields["has-ieee754-floats"] == "0" && (o.info.Format == Float32 || o.info.Format == Float64) {
		return a, "505 Number format not supported"
	}
	use := 1234
	if order == 4321 && size > 1 {
		a.form, use = bigEndian, 4321
	}
	subnormals := 0
	if fields["supports-subnormals"] == "0" && (o.info.Format == Float32 || o.info.Format == Float64) {
		subnormals = 1
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "LSL/%d 200 OK\r\nUID: %s\r\nByte-Order: %d\r\nSuppress-Subnormals: %d\r\nData-Protocol-Version: %d\r\n\r\n",
		protocol, o.info.UID, use, subnormals, protocol)
	for _, offset := range []int{4, 2} {
		b.Write(a.form.append(nil, patternTime, false, testPattern(o.info.Format, o.info.Channels, offset)))
	}
	a.reply = b.Bytes()
	return a, ""
}

// agreeArchive is agree for a request of protocol 1.00, a line with the number of samples that may wait and that are sent at once.
func (o *Outlet) agreeArchive(line string) agreement {
	a := agreement{form: archive}
	fmt.Sscan(line, &a.buffer, &a.chunk) // a number that is missing is 0: one who asks for nothing gets nothing
	a.chunk = max(0, a.chunk)
	a.reply = appendHead(nil, o.short)
	for _, offset := range []int{4, 2} {
		a.reply = a.form.append(a.reply, patternTime, false, testPattern(o.info.Format, o.info.Channels, offset))
	}
	return a
}

// form is how samples lie on the wire.
type form uint8

const (
	littleEndian form = iota // protocol 1.10
	bigEndian
	archive // protocol 1.00
)

// append writes a sample.
func (f form) append(b []byte, time float64, deduced bool, data any) []byte {
	switch f {
	case archive:
		return appendArchived(b, time, deduced, data)
	case bigEndian:
		return appendSample(b, binary.BigEndian, time, deduced, data)
	}
	return appendSample(b, binary.LittleEndian, time, deduced, data)
}

// reader is the queue of one connection.
type reader struct {
	form  form
	limit int // samples
	chunk int

	mu    sync.Mutex
	queue ring
	ready chan struct{}
}

// push queues a sample and returns how many of the oldest were dropped for it.
func (r *reader) push(sample []byte) (dropped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.queue.samples() > 0 && (r.queue.samples() >= r.limit || r.queue.bytes()+len(sample) > maxWaiting) {
		r.queue.drop(1)
		dropped++
	}
	r.queue.push(sample)
	return dropped
}

func (r *reader) wake() {
	select {
	case r.ready <- struct{}{}:
	default:
	}
}

// send writes what is queued until the connection ends.
func (r *reader) send(c net.Conn, gone <-chan struct{}) {
	var block []byte
	for {
		r.mu.Lock()
		n := r.queue.samples()
		if r.chunk > 0 {
			n = min(n, r.chunk)
		}
		n = min(n, max(1, 4096))
		block = r.queue.take(block[:0], n)
		r.mu.Unlock()
		if n > 0 {
			if _, err := c.Write(block); err != nil {
				return
			}
			continue
		}
		select {
		case <-r.ready:
		case <-gone:
			return
		}
	}
}

// ring is a queue of samples of varying size in one buffer.
type ring struct {
	data  []byte
	head  int // of data
	sizes []int
	first int // of sizes
}

func (q *ring) samples() int { return len(q.sizes) - q.first }
func (q *ring) bytes() int   { return len(q.data) - q.head }

func (q *ring) push(sample []byte) {
	// What was taken is given back before the buffer grows for it, and at least half of it each time, so that pushing stays cheap.
	if q.head > len(q.data)/2 && q.head > 4096 {
		q.data = q.data[:copy(q.data, q.data[q.head:])]
		q.head = 0
	}
	if q.first > len(q.sizes)/2 && q.first > 256 {
		q.sizes = q.sizes[:copy(q.sizes, q.sizes[q.first:])]
		q.first = 0
	}
	q.data = append(q.data, sample...)
	q.sizes = append(q.sizes, len(sample))
}

func (q *ring) drop(n int) {
	for _, s := range q.sizes[q.first : q.first+n] {
		q.head += s
	}
	q.first += n
	if q.first == len(q.sizes) {
		q.data, q.head, q.sizes, q.first = q.data[:0], 0, q.sizes[:0], 0
	}
}

// take appends the oldest n samples to b and removes them.
func (q *ring) take(b []byte, n int) []byte {
	from := q.head
	to := from
	for _, s := range q.sizes[q.first : q.first+n] {
		to += s
	}
	b = append(b, q.data[from:to]...)
	q.drop(n)
	return b
}
