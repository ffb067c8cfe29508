package lsl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Network says where streams are looked for and offered.
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

// Site is the local network, as liblsl's default: this machine, and the groups that reach the same network and site.
func Site() Network {
	n := Network{Peers: []string{"127.0.0.1"}, DiscoveryPort: discoveryPort, BasePort: basePort, Ports: portRange}
	for _, g := range []string{"127.0.0.1", "255.255.255.255", "224.0.0.1", "224.0.0.183", "239.255.172.215"} {
		n.Groups = append(n.Groups, netip.MustParseAddr(g))
	}
	return n
}

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
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
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
	address := net.UDPAddr{}
	if n.Listen.IsValid() {
		address.IP = n.Listen.AsSlice()
	}
	conn, err := net.ListenUDP("udp4", &address)
	if err != nil {
		return nil, fmt.Errorf("looking for streams: %w", err)
	}
	h := fnv.New64a()
	h.Write([]byte(query))
	id := strconv.FormatUint(h.Sum64(), 10)
	message := fmt.Appendf(nil, "LSL:shortinfo\r\n%s\r\n%d %s\r\n", query, conn.LocalAddr().(*net.UDPAddr).Port, id)

	ctx, cancel := context.WithCancel(ctx)
	var sending sync.WaitGroup
	defer sending.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	sending.Go(func() { n.ask(ctx, conn, message) })

	found := map[string]*Info{}
	var order []*Info
	buffer := make([]byte, 64<<10)
	for len(order) < max(1, atLeast) {
		size, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			if errors.Is(err, net.ErrClosed) {
				return nil, err
			}
			continue // such as a port that refused a query
		}
		info, ok := readReply(buffer[:size], id)
		if !ok {
			continue
		}
		if found[info.UID] == nil {
			info.Address = from.Addr().Unmap().String()
			found[info.UID] = info
			order = append(order, info)
		}
	}
	if len(order) == 0 {
		return nil, fmt.Errorf("no stream fits %s: %w", query, context.Cause(ctx))
	}
	sortInfos(order)
	return order, nil
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
	for {
		var ways []*net.UDPConn
		for _, to := range n.targets(ctx) {
			if to.Addr().IsMulticast() || to.Addr() == broadcast {
				if ways == nil {
					ways = interfaceConns()
				}
				for _, w := range ways {
					w.WriteToUDPAddrPort(message, to) // an interface that is down is no reason to stop
				}
			}
			from.WriteToUDPAddrPort(message, to)
		}
		for _, w := range ways {
			w.Close()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// interfaceConns opens a socket on the IPv4 address of every interface that is up: packets for groups leave through it.
func interfaceConns() []*net.UDPConn {
	var out []*net.UDPConn
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
			if c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip.IP}); err == nil {
				out = append(out, c)
			}
		}
	}
	return out
}

// listen opens the TCP and the UDP port of an outlet: those of the range that are free, or what the system gives.
func (n Network) listen() (data *net.TCPListener, service *net.UDPConn, err error) {
	var ip net.IP
	if n.Listen.IsValid() {
		ip = n.Listen.AsSlice()
	}
	ports := make([]int, 0, n.Ports+1)
	if n.BasePort > 0 {
		for k := range n.Ports {
			ports = append(ports, n.BasePort+k)
		}
	}
	ports = append(ports, 0)
	for _, p := range ports {
		if data, err = net.ListenTCP("tcp4", &net.TCPAddr{IP: ip, Port: p}); err == nil {
			break
		}
	}
	if err != nil {
		return nil, nil, err
	}
	for _, p := range ports {
		if service, err = net.ListenUDP("udp4", &net.UDPAddr{IP: ip, Port: p}); err == nil {
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
	host := ""
	if n.Listen.IsValid() {
		host = n.Listen.String()
	}
	config := net.ListenConfig{Control: reuse}
	if c, err := config.ListenPacket(context.Background(), "udp4", net.JoinHostPort(host, strconv.Itoa(n.DiscoveryPort))); err == nil {
		out = append(out, c.(*net.UDPConn))
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
		for _, i := range interfaces {
			if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagMulticast == 0 {
				continue
			}
			if c, err := net.ListenMulticastUDP("udp4", &i, &net.UDPAddr{IP: g.AsSlice(), Port: n.DiscoveryPort}); err == nil {
				out = append(out, c)
			}
		}
	}
	return out
}
