package lsl

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A measurement of a clock: so many packets, so far apart, so often; one that takes longer to return than probeWait is not waited for.
const (
	probes        = 8
	minProbes     = 6
	probeInterval = 64 * time.Millisecond
	probeWait     = 128 * time.Millisecond
	probeEvery    = 2 * time.Second
)

// clock knows the difference between an outlet's clock and ours.
type clock struct {
	mu        sync.Mutex
	offset    float64
	roundTrip float64
	known     bool
}

func (c *clock) get() (offset, roundTrip float64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, c.roundTrip, c.known
}

func (c *clock) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = false
}

// measure keeps the difference up to date until ctx ends.
func (c *clock) measure(ctx context.Context, outlet func() Info) {
	for {
		c.probe(ctx, outlet)
		select {
		case <-ctx.Done():
			return
		case <-time.After(probeEvery):
		}
	}
}

// probe measures once.
func (c *clock) probe(ctx context.Context, outlet func() Info) {
	info := outlet()
	if offset, roundTrip, ok := probe(ctx, &info); ok && outlet().UID == info.UID {
		c.mu.Lock()
		c.offset, c.roundTrip, c.known = offset, roundTrip, true
		c.mu.Unlock()
	}
}

// probe exchanges packets with an outlet and takes the difference that the fastest of them tells, as the Network Time Protocol does.
func probe(ctx context.Context, info *Info) (offset, roundTrip float64, ok bool) {
	ways := info.ways(info.TimePort, info.TimePort6)
	if len(ways) == 0 {
		return 0, 0, false
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(ways[0]))
	if err != nil {
		return 0, 0, false
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	wave := strconv.Itoa(int(rand.Int32()))
	conn.SetReadDeadline(time.Now().Add(probes*probeInterval + probeWait))
	var sending sync.WaitGroup
	defer sending.Wait()
	done := make(chan struct{})
	defer close(done)
	sending.Go(func() {
		for range probes {
			fmt.Fprintf(conn, "LSL:timedata\r\n%s %.16g\r\n", wave, Now())
			select {
			case <-done:
				return
			case <-time.After(probeInterval):
			}
		}
	})
	buffer := make([]byte, 512)
	count := 0
	for count < probes {
		n, err := conn.Read(buffer)
		if err != nil {
			if e, isNet := err.(net.Error); isNet && e.Timeout() || ctx.Err() != nil {
				break
			}
			time.Sleep(probeInterval) // refused: the outlet is gone or not yet there
			if ctx.Err() != nil {
				break
			}
			count++ // so that it ends
			continue
		}
		now := Now()
		if o, rtt, fits := readProbe(string(buffer[:n]), wave, now); fits {
			if count++; !ok || rtt < roundTrip {
				offset, roundTrip, ok = o, rtt, true
			}
		}
	}
	return offset, roundTrip, ok && count >= minProbes
}

// readProbe reads the answer to a packet: the wave, when it was sent by our clock, came and went by the outlet's; now it has come back.
func readProbe(text, wave string, now float64) (offset, roundTrip float64, ok bool) {
	f := strings.Fields(text)
	if len(f) < 4 || f[0] != wave {
		return 0, 0, false
	}
	var t [3]float64
	for i := range t {
		var err error
		if t[i], err = strconv.ParseFloat(f[i+1], 64); err != nil || t[i] != t[i] {
			return 0, 0, false
		}
	}
	return ((t[0] - t[1]) + (now - t[2])) / 2, (now - t[0]) - (t[2] - t[1]), true
}
