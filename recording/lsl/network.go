package lsl

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Network says where streams are looked for and offered, over IPv4 and, where the machine has it, IPv6.
type Network struct {
	// Listen is the address that outlets listen on; the zero value means all, which offers a stream to everyone on the network.
	Listen netip.Addr
	// Groups are where a query goes to reach outlets one does not know: multicast groups, the broadcast address, or a host.
	Groups []netip.Addr
	// Peers are hosts that are asked directly, at every service port; a peer with a port is asked at that one.
	Peers []string
	// DiscoveryPort is the port of the Groups; 0 for none.
	DiscoveryPort int
	// BasePort is the first of Ports ports that outlets try; if none is free, or BasePort is 0, the system chooses.
	BasePort, Ports int
	// Session keeps several labs on one network apart; empty means "default".
	Session string
}

// The ports of liblsl.
const (
	discoveryPort = 16571
	basePort      = 16572
	portRange     = 32
)

var loopback = netip.MustParseAddr("127.0.0.1")

// Local is this machine alone: outlets are not seen from outside, and no packet leaves.
func Local() Network {
	return Network{Listen: loopback, Groups: []netip.Addr{loopback}, Peers: []string{"127.0.0.1"}, DiscoveryPort: discoveryPort, BasePort: basePort, Ports: portRange}
}

// Site is the local network, as liblsl's default: this machine, and the groups that reach the same link and site.
func Site() Network {
	n := Network{Peers: []string{"127.0.0.1"}, DiscoveryPort: discoveryPort, BasePort: basePort, Ports: portRange}
	for _, g := range []string{"127.0.0.1", "255.255.255.255", "224.0.0.1", "224.0.0.183", "239.255.172.215",
		"::1", "ff02:" + group6, "ff05:" + group6} {
		n.Groups = append(n.Groups, netip.MustParseAddr(g))
	}
	return n
}

// group6 is liblsl's group of IPv6, behind the scope: 02 is the link, 05 the site.
const group6 = "113d:6fdd:2c17:a643:ffe2:1bd1:3cd2"

// siteHops is how many routers a query to a group may pass: those of a site.
const siteHops = 24

func (n Network) session() string {
	if n.Session == "" {
		return "default"
	}
	return n.Session
}

// broadcast is the address of all hosts on a network.
var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// targets lists where a query goes.
func (n Network) targets(ctx context.Context) []netip.AddrPort {
	var out []netip.AddrPort
	if n.DiscoveryPort > 0 {
		for _, g := range n.Groups {
			out = append(out, netip.AddrPortFrom(g, uint16(n.DiscoveryPort)))
		}
	}
	for _, p := range n.Peers {
		host, port := p, 0
		if h, text, err := net.SplitHostPort(p); err == nil {
			host = h
			port, _ = strconv.Atoi(text)
		}
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			continue // a peer that is away is looked up again in the next wave
		}
		for _, a := range found[:min(len(found), 4)] {
			if port > 0 {
				out = append(out, netip.AddrPortFrom(a.Unmap(), uint16(port)))
				continue
			}
			for k := range n.Ports {
				out = append(out, netip.AddrPortFrom(a.Unmap(), uint16(n.BasePort+k)))
			}
		}
	}
	return out
}

// wave is how long after a query it is sent again: packets get lost, and streams begin.
const wave = 500 * time.Millisecond

// Find looks for streams that fit a query, such as "type='EEG'" (empty: every stream), until it knows atLeast of them or ctx ends.
// It returns those found, in order of name, in the short form; [Network.Full] gets the rest. An end of ctx is no error when
// something was found.
func (n Network) Find(ctx context.Context, query string, atLeast int) ([]*Info, error) {
	if _, err := parseQuery(query); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("session_id='%s'", n.session())
	if strings.TrimSpace(query) != "" {
		text += " and (" + query + ")"
	}
	return n.find(ctx, text, atLeast)
}

func (n Network) find(ctx context.Context, query string, atLeast int) ([]*Info, error) {
	h := fnv.New64a()
	h.Write([]byte(query))
	id := strconv.FormatUint(h.Sum64(), 10)
	var conns []*net.UDPConn
	var failed error
	for _, f := range n.families() {
		c, err := net.ListenUDP("udp"+f.digit, &net.UDPAddr{IP: f.listen})
		if err != nil {
			failed = err
			continue
		}
		conns = append(conns, c)
	}
	if len(conns) == 0 {
		return nil, fmt.Errorf("looking for streams: %w", failed)
	}
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan *Info)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	for _, c := range conns {
		stop := context.AfterFunc(ctx, func() { c.Close() })
		defer stop()
		defer c.Close()
		message := fmt.Appendf(nil, "LSL:shortinfo\r\n%s\r\n%d %s\r\n", query, c.LocalAddr().(*net.UDPAddr).Port, id)
		working.Go(func() { n.ask(ctx, c, message) })
		working.Go(func() { listenFor(ctx, c, id, answers) })
	}
	found := map[string]*Info{}
	var order []*Info
	for len(order) < max(1, atLeast) {
		select {
		case info := <-answers:
			known := found[info.UID]
			if known == nil {
				found[info.UID] = info
				order = append(order, info)
				continue
			}
			known.Address, known.Address6 = cmp.Or(known.Address, info.Address), cmp.Or(known.Address6, info.Address6)
			continue
		case <-ctx.Done():
		}
		break
	}
	if len(order) == 0 {
		return nil, fmt.Errorf("no stream fits %s: %w", query, context.Cause(ctx))
	}
	sortInfos(order)
	return order, nil
}

// listenFor reads answers to a query until ctx ends.
func listenFor(ctx context.Context, c *net.UDPConn, id string, answers chan<- *Info) {
	buffer := make([]byte, 64<<10)
	for {
		size, from, err := c.ReadFromUDPAddrPort(buffer)
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // such as a port that refused a query
		}
		info, ok := readReply(buffer[:size], id)
		if !ok {
			continue
		}
		// The address is the one the answer came from; what an outlet thinks its address is may not be ours to reach.
		info.Address, info.Address6 = "", ""
		if a := from.Addr().Unmap(); a.Is4() {
			info.Address = a.String()
		} else {
			info.Address6 = a.String()
		}
		select {
		case answers <- info:
		case <-ctx.Done():
			return
		}
	}
}

// readReply reads the answer to a query: its number in the first line, then the short info.
func readReply(packet []byte, id string) (*Info, bool) {
	line, rest, ok := bytes.Cut(packet, []byte("\n"))
	if !ok || string(bytes.TrimSpace(line)) != id {
		return nil, false
	}
	info, err := ParseInfo(rest)
	return info, err == nil // a malformed answer of one outlet must not hide the others
}

// ask sends a query in waves until ctx ends. To groups it goes out through every interface.
func (n Network) ask(ctx context.Context, from *net.UDPConn, message []byte) {
	tick := time.NewTicker(wave)
	defer tick.Stop()
	four := isFour(from)
	for {
		var ways []*way
		for _, to := range n.targets(ctx) {
			if to.Addr().Is4() != four {
				continue
			}
			if to.Addr().IsMulticast() || to.Addr() == broadcast {
				if ways == nil {
					ways = interfaceWays(four)
				}
				for _, w := range ways {
					w.send(message, to) // an interface that is down is no reason to stop
				}
			}
			from.WriteToUDPAddrPort(message, to)
		}
		for _, w := range ways {
			w.conn.Close()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func isFour(c *net.UDPConn) bool { return c.LocalAddr().(*net.UDPAddr).IP.To4() != nil }

// way is a socket whose packets for groups leave through one interface.
type way struct {
	conn *net.UDPConn
	six  *ipv6.PacketConn // nil over IPv4, where the socket's own address chooses the interface
	link int
}

// interfaceWays opens one for every interface that is up.
func interfaceWays(four bool) (out []*way) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 {
			continue
		}
		if !four {
			if i.Flags&net.FlagMulticast == 0 || !slices.ContainsFunc(addresses, isSix) {
				continue
			}
			if c, err := net.ListenUDP("udp6", nil); err == nil {
				w := &way{conn: c, six: ipv6.NewPacketConn(c), link: i.Index}
				w.six.SetMulticastHopLimit(siteHops)
				out = append(out, w)
			}
			continue
		}
		for _, a := range addresses {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
				if c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip.IP}); err == nil {
					ipv4.NewPacketConn(c).SetMulticastTTL(siteHops)
					out = append(out, &way{conn: c})
				}
			}
		}
	}
	return out
}

func isSix(a net.Addr) bool {
	ip, ok := a.(*net.IPNet)
	return ok && ip.IP.To4() == nil
}

func (w *way) send(message []byte, to netip.AddrPort) {
	if w.six != nil {
		w.six.WriteTo(message, &ipv6.ControlMessage{IfIndex: w.link}, net.UDPAddrFromAddrPort(to))
		return
	}
	w.conn.WriteToUDPAddrPort(message, to)
}

// family is a version of the Internet Protocol.
type family struct {
	digit  string // "4" or "6"
	listen net.IP // nil for all
}

// families are the versions a network is used with.
func (n Network) families() []family {
	if n.Listen.IsValid() {
		digit := "4"
		if n.Listen.Unmap().Is6() {
			digit = "6"
		}
		return []family{{digit, n.Listen.Unmap().AsSlice()}}
	}
	return []family{{"4", nil}, {"6", nil}}
}

// listen opens the TCP and the UDP port of an outlet in each family that the machine has: those of the range that are free, or what the
// system gives.
func (n Network) listen() (data []*net.TCPListener, service []*net.UDPConn, err error) {
	for _, f := range n.families() {
		d, s, failed := n.listenIn(f)
		if failed != nil {
			err = cmp.Or(err, failed)
			continue
		}
		data, service = append(data, d), append(service, s)
	}
	if len(data) > 0 {
		err = nil
	}
	return data, service, err
}

func (n Network) listenIn(f family) (data *net.TCPListener, service *net.UDPConn, err error) {
	ports := make([]int, 0, n.Ports+1)
	if n.BasePort > 0 {
		for k := range n.Ports {
			ports = append(ports, n.BasePort+k)
		}
	}
	ports = append(ports, 0)
	for _, p := range ports {
		if data, err = net.ListenTCP("tcp"+f.digit, &net.TCPAddr{IP: f.listen, Port: p}); err == nil {
			break
		}
	}
	if err != nil {
		return nil, nil, err
	}
	for _, p := range ports {
		if service, err = net.ListenUDP("udp"+f.digit, &net.UDPAddr{IP: f.listen, Port: p}); err == nil {
			return data, service, nil
		}
	}
	data.Close()
	return nil, nil, err
}

// discovery opens the sockets on which queries to the groups arrive. Groups that cannot be joined are left out: the outlet is then
// found by other ways.
func (n Network) discovery() []*net.UDPConn {
	if n.DiscoveryPort == 0 {
		return nil
	}
	var out []*net.UDPConn
	config := net.ListenConfig{Control: reuse}
	for _, f := range n.families() {
		host := ""
		if f.listen != nil {
			host = f.listen.String()
		}
		if c, err := config.ListenPacket(context.Background(), "udp"+f.digit, net.JoinHostPort(host, strconv.Itoa(n.DiscoveryPort))); err == nil {
			out = append(out, c.(*net.UDPConn))
		}
	}
	if n.Listen.IsValid() {
		return out
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return out
	}
	for _, g := range n.Groups {
		if !g.IsMulticast() {
			continue
		}
		network := "udp4"
		if g.Is6() {
			network = "udp6"
		}
		for _, i := range interfaces {
			if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagMulticast == 0 {
				continue
			}
			if c, err := net.ListenMulticastUDP(network, &i, &net.UDPAddr{IP: g.AsSlice(), Port: n.DiscoveryPort}); err == nil {
				out = append(out, c)
			}
		}
	}
	return out
}
