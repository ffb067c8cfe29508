package lsl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// encode writes one sample in the wire format of protocol 1.10.
func encode(big bool, time float64, deduced bool, data any) []byte {
	if big {
		return bigEndian.append(nil, time, deduced, data)
	}
	return littleEndian.append(nil, time, deduced, data)
}

func orderOf(big bool) binary.ByteOrder {
	if big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// alone is a network of this machine with ports of its own, which the system has just called free.
func alone(t testing.TB) Network {
	t.Helper()
	c, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port := c.Addr().(*net.TCPAddr).Port
	c.Close()
	return Network{Listen: loopback, Peers: []string{"127.0.0.1"}, BasePort: min(port, 65000), Ports: 4}
}

func offer(t testing.TB, n Network, i Info, o OutletOptions) *Outlet {
	t.Helper()
	out, err := NewOutlet(n, i, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return out
}

func attach(t testing.TB, n Network, query string, o InletOptions) *Inlet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	found, err := n.Find(ctx, query, 1)
	if err != nil {
		t.Fatal(err)
	}
	in, err := Open(ctx, n, found[0], o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

// pull gathers samples until there are n.
func pull(t testing.TB, in *Inlet, n int) (all Chunk) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(all.Times) < n {
		c, err := in.Pull(ctx)
		if err != nil {
			t.Fatalf("after %d of %d samples: %v", len(all.Times), n, err)
		}
		if all.Data == nil {
			all = c
			continue
		}
		all.Data, all.Times = join(all.Data, c.Data), append(all.Times, c.Times...)
	}
	return all
}

// waitReader waits until an inlet reads an outlet: what is pushed before is seen by nobody.
func waitReader(t testing.TB, o *Outlet) {
	t.Helper()
	for joined := o.Joined(); o.Readers() == 0; joined = o.Joined() {
		select {
		case <-joined:
		case <-time.After(10 * time.Second):
			t.Fatal("no inlet came")
		}
	}
}

func TestEveryFormatArrives(t *testing.T) {
	long := strings.Repeat("ä", 300)
	for _, data := range []any{
		[]float32{1, -2.5, float32(math.Inf(1)), 4, 5, 1e-42}, []float64{1, -2, math.Pi, 4, 5, math.MaxFloat64},
		[]int8{1, -2, 127, -128, 5, 6}, []int16{1, -2, 32767, -32768, 5, 6}, []int32{1, -2, math.MaxInt32, math.MinInt32, 5, 6},
		[]int64{1, -2, math.MaxInt64, math.MinInt64, 5, 6}, []string{"", "a", long, "left", "right", "\x00"},
	} {
		format, _, err := formatOf(data)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(format.String(), func(t *testing.T) {
			n := alone(t)
			out := offer(t, n, Info{Name: "it's " + format.String(), Type: "EEG", Channels: 3, Rate: 100, Format: format, SourceID: "x"}, OutletOptions{})
			in := attach(t, n, `name="it's `+format.String()+`"`, InletOptions{})
			waitReader(t, out)
			if err := out.Push(data, 50); err != nil {
				t.Fatal(err)
			}
			if err := out.Push(slice(data, 0, 3), 60); err != nil {
				t.Fatal(err)
			}
			got := pull(t, in, 3)
			if want := join(join(emptyOf(format), data), slice(data, 0, 3)); !same(got.Data, want) {
				t.Errorf("got %v, want %v", got.Data, want)
			}
			for i, want := range []float64{49.99, 50, 60} {
				if math.Abs(got.Times[i]-want) > 1e-9 {
					t.Errorf("sample %d came at %g, want %g", i, got.Times[i], want)
				}
			}
			if numbers := got.Float64s(); (numbers == nil) != (format == String) {
				t.Errorf("as numbers: %v", numbers)
			}
		})
	}
}

// TestSix finds and reads a stream over IPv6 alone, and measures its clock.
func TestSix(t *testing.T) {
	n := alone(t)
	n.Listen, n.Peers = netip.IPv6Loopback(), []string{"::1"}
	n.Groups, n.DiscoveryPort = []netip.Addr{n.Listen}, n.BasePort+50
	if c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback}); err != nil {
		t.Skip("this machine has no IPv6: ", err)
	} else {
		c.Close()
	}
	out := offer(t, n, Info{Name: "six", Type: "EEG", Channels: 1, Format: Int32, SourceID: "x"}, OutletOptions{})
	for _, ways := range []string{"peers", "groups"} {
		m := n
		if m.Peers = nil; ways == "peers" {
			m.Peers, m.Groups = []string{"::1"}, nil
		}
		in := attach(t, m, "name='six'", InletOptions{Sync: true})
		if i := in.Info(); i.Address != "" || i.Address6 != "::1" || i.DataPort != 0 || i.DataPort6 == 0 || i.TimePort6 == 0 {
			t.Errorf("by %s it is at %+v", ways, i)
		}
		if offset, trip, ok := in.Offset(); !ok || math.Abs(offset) > 0.01+trip {
			t.Errorf("clocks of one machine differ by %g s (%v)", offset, ok)
		}
		waitReader(t, out)
		out.Push([]int32{7}, 0)
		if got := pull(t, in, 1); fmt.Sprint(got.Data) != "[7]" {
			t.Errorf("got %v", got.Data)
		}
		full := in.Info()
		if _, err := m.Full(t.Context(), &full); err != nil {
			t.Error(err)
		}
		in.Close()
		for out.Readers() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// TestEitherFamily offers a stream over both families and finds it over each; it is one stream.
func TestEitherFamily(t *testing.T) {
	n := Network{Peers: []string{"127.0.0.1", "::1"}, BasePort: alone(t).BasePort, Ports: 4}
	data, service, err := n.listen()
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i].Close()
		service[i].Close()
	}
	if len(data) < 2 {
		t.Skip("this machine has one family only")
	}
	offer(t, n, Info{Name: "both", Channels: 1, Format: Int32, SourceID: "x"}, OutletOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	found, err := n.Find(ctx, "name='both'", 2)
	if err != nil || len(found) != 1 || found[0].Address != "127.0.0.1" || found[0].Address6 != "::1" {
		t.Fatalf("found %+v, %v", found, err)
	}
	for _, without := range []string{"IPv4", "IPv6"} {
		i := *found[0]
		if without == "IPv4" {
			i.DataPort = 1 // where nobody listens
		} else {
			i.Address6 = ""
		}
		in, err := Open(t.Context(), n, &i, InletOptions{})
		if err != nil {
			t.Fatalf("without %s: %v", without, err)
		}
		in.Close()
	}
}

func TestPushRefuses(t *testing.T) {
	out := offer(t, alone(t), Info{Name: "a", Channels: 2, Format: Float32}, OutletOptions{})
	for _, data := range []any{[]float64{1, 2}, []float32{1}, []float32{}, []uint8{1, 2}, nil} {
		if err := out.Push(data, 0); err == nil {
			t.Errorf("%v was pushed", data)
		}
	}
	for _, i := range []Info{{}, {Name: "a", Format: Float32}, {Name: "a", Channels: 1}, {Name: "a", Channels: 1, Format: Int8, Rate: math.NaN()}} {
		if o, err := NewOutlet(alone(t), i, OutletOptions{}); err == nil {
			o.Close()
			t.Errorf("%+v was offered", i)
		}
	}
}

func TestFullInfo(t *testing.T) {
	n := alone(t)
	i := Info{Name: "amp <1>", Type: "EEG", Channels: 2, Rate: 250, Format: Float32, SourceID: "serial & number"}
	i.Describe([]string{"C3", "C<4>"}, "microvolts", "EEG")
	i.Desc.Add("manufacturer", "A & B")
	offer(t, n, i, OutletOptions{})
	offer(t, n, Info{Name: "other", Type: "Markers", Channels: 1, Format: String}, OutletOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	all, err := n.Find(ctx, "", 2)
	if err != nil || len(all) != 2 || all[0].Name != "amp <1>" || all[1].Name != "other" {
		t.Fatalf("found %v, %v", all, err)
	}
	full, err := n.Full(ctx, all[0])
	if err != nil {
		t.Fatal(err)
	}
	if all[0].Desc != nil || full.Rate != 250 || full.SourceID != "serial & number" || full.Address != "127.0.0.1" ||
		fmt.Sprint(full.Labels(), full.Units()) != "[C3 C<4>] [microvolts microvolts]" || full.Desc.Value("manufacturer") != "A & B" {
		t.Errorf("%+v", full)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := n.Find(short, "name='nobody'", 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a stream that is not there: %v", err)
	}
}

func TestStreamIsFoundAgain(t *testing.T) {
	n := alone(t)
	info := Info{Name: "amp", Type: "EEG", Channels: 1, Rate: 10, Format: Int32, SourceID: "42"}
	first := offer(t, n, info, OutletOptions{})
	offer(t, n, Info{Name: "amp", Type: "EEG", Channels: 1, Rate: 10, Format: Int32, SourceID: "43"}, OutletOptions{})
	in := attach(t, n, "source_id='42'", InletOptions{})
	waitReader(t, first)
	first.Push([]int32{1}, 1)
	pull(t, in, 1)
	first.Close()
	second := offer(t, n, info, OutletOptions{})
	waitReader(t, second)
	second.Push([]int32{2}, 2)
	c := pull(t, in, 1)
	if !c.Resumed || !same(c.Data, []int32{2}) || in.Reconnects() != 1 || in.Info().UID != second.Info().UID || !in.Connected() {
		t.Errorf("after the stream came back: %+v, %d reconnects", c, in.Reconnects())
	}
}

func TestSilentStreamIsReplaced(t *testing.T) {
	n := alone(t)
	info := Info{Name: "amp", Channels: 1, Format: Int32, SourceID: "42"}
	first := offer(t, n, info, OutletOptions{})
	in := attach(t, n, "", InletOptions{Silence: 100 * time.Millisecond})
	waitReader(t, first)
	time.Sleep(400 * time.Millisecond)
	if in.Reconnects() != 0 {
		t.Fatal("a stream that is silent and there was given up")
	}
	// The machine of the first outlet dies: it answers nothing, and its connection does not end.
	first.service[0].Close()
	second := offer(t, n, info, OutletOptions{})
	waitReader(t, second)
	if in.Info().UID != second.Info().UID {
		t.Error("the new outlet was not taken")
	}
}

func TestInletWithoutRecoveryEnds(t *testing.T) {
	n := alone(t)
	out := offer(t, n, Info{Name: "amp", Channels: 1, Format: Int8}, OutletOptions{})
	in := attach(t, n, "", InletOptions{Once: true})
	waitReader(t, out)
	out.Push([]int8{7}, 0)
	pull(t, in, 1)
	out.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := in.Pull(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("after the stream ended: %v", err)
	}
}

// TestSlowReaderLosesTheOldest holds both queues to their bounds.
func TestSlowReaderLosesTheOldest(t *testing.T) {
	n := alone(t)
	out := offer(t, n, Info{Name: "amp", Channels: 1, Rate: 1000, Format: Int32}, OutletOptions{})
	in := attach(t, n, "", InletOptions{Buffer: 100})
	waitReader(t, out)
	const total = 5000
	for i := range total {
		out.Push([]int32{int32(i)}, float64(i)+1)
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	time.Sleep(50 * time.Millisecond)
	seen, lost := 0, 0
	for {
		c, err := in.Pull(ctx)
		if err != nil {
			t.Fatal(err)
		}
		values := c.Data.([]int32)
		if len(values) > 100 {
			t.Fatalf("%d samples waited, the bound is 100", len(values))
		}
		seen, lost = seen+len(values), lost+c.Dropped
		if values[len(values)-1] == total-1 {
			break
		}
	}
	if int64(lost) != in.Dropped() || seen+lost+int(out.Dropped()) != total || in.Dropped() == 0 {
		t.Errorf("of %d samples %d came and %d were counted as dropped (%d by the inlet, %d by the outlet)", total, seen, lost, in.Dropped(), out.Dropped())
	}
}

func TestReaderQueueIsBounded(t *testing.T) {
	r := &reader{limit: 10}
	dropped := 0
	for i := range 100000 {
		dropped += r.push([]byte{byte(i), 1, 2})
	}
	if dropped != 99990 || r.queue.samples() != 10 || cap(r.queue.data) > 64<<10 {
		t.Errorf("%d dropped, %d wait in %d bytes", dropped, r.queue.samples(), cap(r.queue.data))
	}
	if got := r.queue.take(nil, 2); !bytes.Equal(got, []byte{150, 1, 2, 151, 1, 2}) { // 99990 mod 256 is 150
		t.Errorf("the oldest are %v", got)
	}
}

func TestOffset(t *testing.T) {
	n := alone(t)
	offer(t, n, Info{Name: "amp", Channels: 1, Format: Int8}, OutletOptions{})
	in := attach(t, n, "", InletOptions{})
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if offset, trip, ok := in.Offset(); ok {
			if math.Abs(offset) > trip || trip < 0 || trip > 0.1 {
				t.Errorf("clocks of one machine differ by %g s, round trip %g s", offset, trip)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("no measurement of the clock")
		}
	}
}

func TestReadProbe(t *testing.T) {
	// The packet left at 10, came at 110, left at 111, came back at 13: a second each way, and their clock is 99 ahead.
	offset, trip, ok := readProbe(" 7 10 110 111 ", "7", 13)
	if !ok || offset != -99 || trip != 2 {
		t.Errorf("offset %g, round trip %g, %v", offset, trip, ok)
	}
	for _, bad := range []string{"", "7", "8 10 110 111", "7 a b c", "7 1 NaN 3"} {
		if _, _, ok := readProbe(bad, "7", 13); ok {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestQuery(t *testing.T) {
	i := &Info{Name: "BioSemi", Type: "EEG", Channels: 8, Rate: 512, Format: Float32, SourceID: `it's "it"`, Version: 110}
	i.Describe([]string{"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8"}, "uV", "EEG")
	root := i.element(true)
	for text, want := range map[string]bool{
		"": true, " ": true, "name='BioSemi'": true, `name="BioSemi" and type='EEG'`: true, "name='x' or type='EEG'": true, "name='x' or type='x'": false,
		"type!='EEG'": false, "not(type='EEG')": false, "not(type='x')": true, "channel_count=8": true, "channel_count>=9": false, "nominal_srate > 500": true,
		"nominal_srate='512'": true, "starts-with(name,'Bio')": true, "contains(name,'Semi') and (type='x' or channel_format='float32')": true,
		"count(desc/channels/channel)=8": true, "desc/channels/channel/label='A3'": true, "desc/channels/channel/label='B3'": false,
		"/info/name='BioSemi'": true, "missing='x'": false, "missing": false, "name": true, "name='a' and name='b' or type='EEG'": true,
		"channel_count<'x'": false, "true()": true, "false()": false, "'EEG'=type": true, "desc/channels/channel/label=desc/channels/channel/label": true,
	} {
		q, err := parseQuery(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if q.matches(root) != want {
			t.Errorf("%s is %v", text, !want)
		}
	}
	for _, text := range []string{"name=", "name='x", "(name='x'", "name='x')", "foo(name)", "name=='x'", "contains(name)", "a/@b", "*", "name='x' type='y'", "()", strings.Repeat("(", 1000),
		strings.Repeat("not(", 60) + "a" + strings.Repeat(")", 60), strings.Repeat("a", maxQuery+1)} {
		var e *recording.Error
		if _, err := parseQuery(text); !errors.As(err, &e) {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

// TestSameStreamQuery makes sure that a stream fits the query by which it is looked for.
func TestSameStreamQuery(t *testing.T) {
	for _, i := range []*Info{
		{Name: "a", Channels: 1, Format: Int8, SourceID: "s"}, {Name: "it's", Type: `"x"`, Channels: 2, Format: String, Host: "h"}, {Name: `'"`, Channels: 1, Format: Int8},
	} {
		q, err := parseQuery(sameStream(i))
		if err != nil || !q.matches(i.element(false)) {
			t.Errorf("%s: %v", sameStream(i), err)
		}
	}
}

func TestBadInfo(t *testing.T) {
	good := string((&Info{Name: "a", Channels: 1, Format: Int8, UID: "u", Version: 110, Desc: nil}).XML(true))
	if _, err := ParseInfo([]byte(good)); err != nil {
		t.Fatal(err)
	}
	replaced := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("%s is not in\n%s", from, good)
		}
		return strings.Replace(good, from, to, 1)
	}
	for name, text := range map[string]string{
		"empty": "", "text": "hello", "two roots": good + "<info/>", "other root": "<inf/>", "unclosed": good[:len(good)-9],
		"no name": replaced("<name>a</name>", ""), "no uid": replaced("<uid>u</uid>", "<uid/>"), "format": replaced("int8", "int9"), "undefined": replaced("int8", "undefined"),
		"no channels": replaced("<channel_count>1<", "<channel_count>0<"), "many channels": replaced("<channel_count>1<", "<channel_count>99999999<"),
		"negative rate": replaced("<nominal_srate>0<", "<nominal_srate>-1<"), "NaN rate": replaced("<nominal_srate>0<", "<nominal_srate>NaN<"),
		"port": replaced("<v4data_port>0<", "<v4data_port>70000<"), "version": replaced("<version>1.1<", "<version>0<"),
		"deep": strings.Repeat("<a>", 100), "entity": `<!DOCTYPE a [<!ENTITY b "c">]><info><name>&b;</name></info>`,
	} {
		var e *recording.Error
		if _, err := ParseInfo([]byte(text)); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBadFeed gives an inlet answers that lie.
func TestBadFeed(t *testing.T) {
	info := &Info{Name: "a", Channels: 2, Format: Float32, UID: "u", Version: 110}
	good := "LSL/110 200 OK\r\nUID: u\r\nByte-Order: 1234\r\nSuppress-Subnormals: 0\r\nData-Protocol-Version: 110\r\n\r\n" +
		string(encode(false, patternTime, false, testPattern(Float32, 2, 4))) + string(encode(false, patternTime, false, testPattern(Float32, 2, 2)))
	if _, err := readFeed(bufio.NewReader(strings.NewReader(good)), info); err != nil {
		t.Fatal(err)
	}
	for n := range len(good) {
		if _, err := readFeed(bufio.NewReader(strings.NewReader(good[:n])), info); err == nil {
			t.Fatalf("cut off after %d bytes and taken", n)
		}
	}
	for name, text := range map[string]string{
		"http": "HTTP/1.1 200 OK\r\n\r\n", "not found": "LSL/110 404 Not found\r\n", "redirect": "LSL/110 301 There\r\n", "status": "LSL/110 x OK\r\n",
		"uid": strings.Replace(good, "UID: u", "UID: v", 1), "order": strings.Replace(good, "1234", "2143", 1), "version": strings.Replace(good, "Version: 110", "Version: 100", 1),
		"pattern": strings.Replace(good, "1234", "4321", 1), "many lines": "LSL/110 200 OK\r\n" + strings.Repeat("a: b\r\n", 1000), "long line": "LSL/110 200 " + strings.Repeat("x", 1<<20),
	} {
		var e *recording.Error
		if _, err := readFeed(bufio.NewReader(strings.NewReader(text)), info); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBadRequests asks an outlet for what it cannot give; it must answer or hang up, and go on.
func TestBadRequests(t *testing.T) {
	n := alone(t)
	out := offer(t, n, Info{Name: "a", Channels: 1, Format: Int32, SourceID: "x"}, OutletOptions{})
	address := out.data[0].Addr().String()
	var wait sync.WaitGroup
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\n\r\n": "", "LSL:streamfeed\r\n0 0\r\n": "\x7f\x01\x09", "LSL:streamfeed\r\nmany\r\n": "\x7f\x01\x09", "LSL:streamfeed\r\n": "", "LSL:streamfeed/200 x\r\n\r\n": "LSL/110 505", "LSL:streamfeed/\r\n\r\n": "LSL/110 400",
		"LSL:streamfeed/110 other\r\n\r\n": "LSL/110 404", "LSL:streamfeed/110\r\nValue-Size: 8\r\n\r\n": "LSL/110 505",
		"LSL:streamfeed/110\r\nMax-Buffer-Length: many\r\n\r\n": "LSL/110 400", "LSL:streamfeed/110\r\nMax-Buffer-Length: -5\r\n\r\n": "LSL/110 200",
		"LSL:shortinfo\r\nname='a'\r\n": "<?xml", "LSL:shortinfo\r\nname='b'\r\n": "", "LSL:fullinfo\r\n": "<?xml", strings.Repeat("x", 100<<10): "",
	} {
		wait.Go(func() {
			c, err := net.Dial("tcp4", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(5 * time.Second))
			io.WriteString(c, request)
			reply, _ := io.ReadAll(c)
			if !strings.HasPrefix(string(reply), want) || want == "" && len(reply) > 0 {
				t.Errorf("%.60q: %.60q, want %q", request, reply, want)
			}
		})
	}
	wait.Wait()
	in := attach(t, n, "", InletOptions{})
	waitReader(t, out)
	out.Push([]int32{1}, 0)
	pull(t, in, 1)
}

func TestBadPackets(t *testing.T) {
	info := Info{Name: "a", Channels: 1, Format: Int32, UID: "u"}
	o := &Outlet{info: &info, query: info.element(true), short: info.XML(false)}
	from := netip.MustParseAddrPort("127.0.0.1:5")
	for _, p := range []string{"", "x", "LSL:shortinfo", "LSL:shortinfo\r\n", "LSL:shortinfo\r\n\r\n", "LSL:shortinfo\r\n\r\n0 1", "LSL:shortinfo\r\n\r\n99999 1", "LSL:shortinfo\r\nname='b'\r\n1 1",
		"LSL:shortinfo\r\nname=\r\n1 1", "LSL:shortinfo\r\n\r\n1 " + strings.Repeat("1", 100), "LSL:timedata", "LSL:timedata\r\nx y", "LSL:timedata\r\n1"} {
		if reply, _, ok := o.reply([]byte(p), from, true, 1); ok {
			t.Errorf("%q was answered: %q", p, reply)
		}
	}
	if _, _, ok := o.reply([]byte("LSL:timedata\r\n1 2\r\n"), from, false, 1); ok {
		t.Error("a discovery port answered a question of time")
	}
}

// TestHugeText declares strings longer than what comes: nothing like that may be allocated.
func TestHugeText(t *testing.T) {
	for _, text := range []string{"\x01\x08\xff\xff\xff\xff\xff\xff\xff\xff", "\x01\x04\xff\xff\xff\x00abc", "\x01\x03", "\x01\x02\xff\xffx", "\x03", ""} {
		d := newDecoder(bufio.NewReader(strings.NewReader(text)), orderOf(false), String, 2)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _, err := d.next([]string(nil))
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; err == nil || grown > 1<<20 {
			t.Errorf("%q: %v, %d bytes allocated", text, err, grown)
		}
	}
}

func FuzzInfo(f *testing.F) {
	for _, g := range loadGolden(f).Feeds {
		f.Add(g.Full)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		i, err := ParseInfo(text)
		if err != nil {
			return
		}
		back, err := ParseInfo(i.XML(true))
		if err != nil || back.UID != i.UID && !strings.ContainsRune(i.UID, '\uFFFD') || back.Channels != i.Channels || back.Rate != i.Rate {
			t.Errorf("written and read again: %v\n%+v\n%+v", err, i, back)
		}
	})
}

func FuzzFeed(f *testing.F) {
	for _, g := range loadGolden(f).Feeds {
		format, _ := parseFormat(g.Format)
		f.Add(uint8(format), g.Stream)
	}
	f.Fuzz(func(t *testing.T, format uint8, stream []byte) {
		info := &Info{Name: "a", Channels: 3, Format: Format(format%7) + 1, Version: 110}
		d, err := readFeed(bufio.NewReader(bytes.NewReader(stream)), info)
		if err != nil {
			return
		}
		for {
			if _, _, _, err := d.next(emptyOf(info.Format)); err != nil {
				return
			}
		}
	})
}

// FuzzSamples reads samples without the head of a feed, which the fuzzer seldom gets right.
func FuzzSamples(f *testing.F) {
	f.Add(uint8(0), false, encode(false, 1, false, []float32{1, 2}))
	f.Add(uint8(2), true, encode(true, 1, true, []string{"a", strings.Repeat("b", 300)}))
	f.Fuzz(func(t *testing.T, format uint8, big bool, stream []byte) {
		var all []any
		f := Format(format%7) + 1
		d := newDecoder(bufio.NewReader(bytes.NewReader(stream)), orderOf(big), f, 2)
		var again []byte
		for {
			got, at, deduced, err := d.next(emptyOf(f))
			if err != nil {
				break
			}
			all = append(all, got)
			again = append(again, encode(big, at, deduced, got)...)
		}
		d = newDecoder(bufio.NewReader(bytes.NewReader(again)), orderOf(big), f, 2)
		for _, want := range all {
			got, _, _, err := d.next(emptyOf(f))
			if err != nil || !same(got, want) && !hasNaN(got) {
				t.Fatalf("%v, %v; want %v", got, err, want)
			}
		}
	})
}

func hasNaN(data any) bool {
	c := Chunk{Data: data}
	return slices.ContainsFunc(c.Float64s(), func(v float64) bool { return v != v })
}

func FuzzRequest(f *testing.F) {
	for _, g := range loadGolden(f).Feeds {
		f.Add(g.Request)
	}
	f.Add([]byte("LSL:shortinfo\r\nname='a' and not(type='b')\r\n1234 5\r\n"))
	f.Add([]byte("LSL:timedata\r\n1 2.5\r\n"))
	info := Info{Name: "a", Channels: 2, Format: Float32, UID: "u"}
	o := &Outlet{info: &info, query: info.element(true), short: info.XML(false)}
	f.Fuzz(func(t *testing.T, packet []byte) {
		o.reply(packet, netip.MustParseAddrPort("127.0.0.1:5"), true, 1)
		in := bufio.NewReader(bytes.NewReader(packet))
		if line, err := readLine(in); err == nil {
			o.agree(in, strings.TrimPrefix(line, "LSL:streamfeed/"))
		}
	})
}
