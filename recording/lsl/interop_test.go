package lsl

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// peer starts testdata/bench/liblsl.py, on the ports of n and on loopback only. The test is skipped when no Python that has pylsl is named by
// GYRUS_PYLSL.
func peer(t *testing.T, n Network, args ...string) (out *bufio.Scanner, stop func()) {
	t.Helper()
	return peerWith(t, n, "[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {127.0.0.1}\n[ports]\nIPv6 = disable\n", args...)
}

// peerWith is peer with a configuration whose last section is that of the ports.
func peerWith(t *testing.T, n Network, text string, args ...string) (out *bufio.Scanner, stop func()) {
	t.Helper()
	python := os.Getenv("GYRUS_PYLSL")
	if python == "" {
		t.Skip("GYRUS_PYLSL does not name a Python that has pylsl")
	}
	config := filepath.Join(t.TempDir(), "lsl_api.cfg")
	text += fmt.Sprintf("BasePort = %d\nPortRange = %d\nMulticastPort = %d\n[log]\nlevel = -2\n", n.BasePort, n.Ports, n.DiscoveryPort)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, append([]string{"testdata/bench/liblsl.py", config}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			in.Close()
			cmd.Wait()
		}
	}
	t.Cleanup(stop)
	out = bufio.NewScanner(pipe)
	out.Buffer(nil, 16<<20)
	return out, stop
}

func interopNetwork(t *testing.T) Network {
	n := alone(t)
	n.Ports, n.DiscoveryPort = 8, n.BasePort+100
	return n
}

// TestInletReadsLiblsl reads every format from liblsl's outlet, loses it, and finds the next one.
func TestInletReadsLiblsl(t *testing.T) {
	for _, name := range formatNames[1:] {
		t.Run(name, func(t *testing.T) {
			n := interopNetwork(t)
			out, stop := peer(t, n, "offer", name)
			if !out.Scan() || out.Text() != "ready" {
				t.Fatal("the peer did not start")
			}
			in := attach(t, n, "type='EEG' and starts-with(name,'Peer')", InletOptions{})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			info := in.Info()
			full, err := n.Full(ctx, &info)
			if err != nil || fmt.Sprint(full.Labels()) != "[C3 Cz C4]" || full.SourceID != "peer-"+name {
				t.Fatalf("full info %+v, %v", full, err)
			}
			for _, round := range []bool{false, true} {
				c := pull(t, in, 200)
				values := c.Float64s()
				if texts, ok := c.Data.([]string); ok {
					for _, s := range texts {
						var v float64
						fmt.Sscan(s, &v)
						values = append(values, v)
					}
				}
				for i := range c.Times {
					k := math.Round((c.Times[i] - 1000) * 100)
					row := values[3*i : 3*i+3]
					// The first of a chunk of two has the time one period before, and the values of the second.
					v := math.Mod(k, 100)
					if math.Mod(k+1, 3) == 0 && row[0] != v {
						v = math.Mod(k+1, 100)
					}
					if row[0] != v || row[1] != -v || row[2] != 7 {
						t.Fatalf("sample at %g is %v, want %g", c.Times[i], row, v)
					}
				}
				if round {
					if in.Reconnects() != 1 {
						t.Errorf("%d reconnects", in.Reconnects())
					}
					break
				}
				stop()
				if name != "float32" {
					break // once is enough
				}
				out, _ = peer(t, n, "offer", name)
				if !out.Scan() {
					t.Fatal("the peer did not start again")
				}
				for in.Reconnects() == 0 {
					if _, err := in.Pull(ctx); err != nil {
						t.Fatal(err)
					}
				}
			}
			for end := time.Now().Add(3 * time.Second); name == "float32"; time.Sleep(50 * time.Millisecond) {
				if offset, trip, ok := in.Offset(); ok {
					if math.Abs(offset) > 0.01+trip {
						t.Errorf("clocks of one machine differ by %g s", offset)
					}
					break
				}
				if time.Now().After(end) {
					t.Fatal("liblsl answered no question of time")
				}
			}
		})
	}
}

// TestLiblslReadsOutlet lets liblsl find and read every format from our outlet.
func TestLiblslReadsOutlet(t *testing.T) {
	for f := Float32; f <= Int64; f++ {
		t.Run(f.String(), func(t *testing.T) {
			n := interopNetwork(t)
			i := Info{Name: "Ours", Type: "EEG", Channels: 2, Rate: 50, Format: f, SourceID: "ours-1"}
			i.Describe([]string{"C3", "C4"}, "microvolts", "EEG")
			out := offer(t, n, i, OutletOptions{})
			said, _ := peer(t, n, "read", "Ours", "60")
			if !said.Scan() {
				t.Fatal("liblsl did not connect")
			}
			var about struct {
				Labels []string
				Rate   float64
				Source string
				Offset float64
			}
			if err := json.Unmarshal(said.Bytes(), &about); err != nil || strings.Join(about.Labels, " ") != "C3 C4" || about.Rate != 50 || about.Source != "ours-1" || math.Abs(about.Offset) > 0.05 {
				t.Fatalf("liblsl understood %s, %v", said.Text(), err)
			}
			waitReader(t, out)
			for k := range 20 {
				v := []any{float64(3 * k), float64(-3 * k), float64(3*k + 1), float64(-3*k - 1), float64(3*k + 2), float64(-3*k - 2)}
				if f == String {
					for i := range v {
						v[i] = fmt.Sprint(v[i])
					}
				}
				if err := out.Push(typed(f, v), 100+float64(3*k+2)/50); err != nil {
					t.Fatal(err)
				}
			}
			if !said.Scan() {
				t.Fatal("liblsl read nothing")
			}
			var samples [][2]any
			if err := json.Unmarshal(said.Bytes(), &samples); err != nil {
				t.Fatal(err)
			}
			for k, s := range samples {
				row := s[1].([]any)
				if fmt.Sprint(row[0], " ", row[1]) != fmt.Sprint(k, " ", -k) || math.Abs(s[0].(float64)-(100+float64(k)/50)) > 1e-9 {
					t.Fatalf("sample %d: %v", k, s)
				}
			}
			if len(samples) != 60 {
				t.Errorf("%d samples", len(samples))
			}
		})
	}
}

// The other ways in which liblsl can be set to speak: protocol 1.00, IPv6, and over the network rather than to this machine.
const (
	oldProtocol = "[tuning]\nUseProtocolVersion = 100\n[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {127.0.0.1}\n[ports]\nIPv6 = disable\n"
	overSix     = "[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {::1}\n[ports]\nIPv6 = force\n"
	overGroups6 = "[multicast]\nResolveScope = site\nTTLOverride = 0\n[ports]\nIPv6 = force\n"
	overGroups4 = "[multicast]\nResolveScope = site\nTTLOverride = 0\n[ports]\nIPv6 = disable\n"
)

// TestLiblslOtherwise reads liblsl's outlets and lets it read ours: every format by protocol 1.00, one over IPv6 and, if GYRUS_MULTICAST is
// set, as found through multicast groups, whose packets leave this machine.
func TestLiblslOtherwise(t *testing.T) {
	six := func(n Network) Network {
		n.Listen, n.Peers = netip.IPv6Loopback(), []string{"::1"}
		return n
	}
	groups := func(groups ...string) func(Network) Network {
		return func(n Network) Network {
			n.Listen, n.Peers, n.Groups = netip.Addr{}, nil, nil
			for _, g := range groups {
				n.Groups = append(n.Groups, netip.MustParseAddr(g))
			}
			return n
		}
	}
	type way struct {
		name, config string
		network      func(Network) Network
		formats      []Format
		multicast    bool
	}
	for _, w := range []way{
		{"protocol 1.00", oldProtocol, func(n Network) Network { return n }, []Format{Float32, Float64, String, Int32, Int16, Int8, Int64}, false},
		{"IPv6", overSix, six, []Format{Float32}, false},
		{"link of IPv6", overGroups6, groups("ff02:" + group6), []Format{Float32}, true},
		{"site of IPv6", overGroups6, groups("ff05:" + group6), []Format{Float32}, true},
		{"link of IPv4", overGroups4, groups("224.0.0.183"), []Format{Float32}, true},
		{"site of IPv4", overGroups4, groups("239.255.172.215"), []Format{Float32}, true},
	} {
		for _, f := range w.formats {
			t.Run(w.name+" "+f.String(), func(t *testing.T) {
				if w.multicast && os.Getenv("GYRUS_MULTICAST") == "" {
					t.Skip("GYRUS_MULTICAST is not set")
				}
				n := w.network(interopNetwork(t))
				out, stop := peerWith(t, n, w.config, "offer", f.String())
				if !out.Scan() || out.Text() != "ready" {
					t.Fatal("the peer did not start")
				}
				in := attach(t, n, "type='EEG' and starts-with(name,'Peer')", InletOptions{})
				if info := in.Info(); (info.Version == 100) != (w.config == oldProtocol) {
					t.Errorf("liblsl speaks %d", info.Version)
				}
				c := pull(t, in, 60)
				for i := range c.Times {
					row := fmt.Sprint(slice(c.Data, 3*i, 3*i+3))
					k := int(math.Round((c.Times[i] - 1000) * 100))
					if now, next := k%100, (k+1)%100; row != fmt.Sprintf("[%d %d 7]", now, -now) && !((k+1)%3 == 0 && row == fmt.Sprintf("[%d %d 7]", next, -next)) {
						t.Fatalf("sample at %g is %s", c.Times[i], row)
					}
				}
				in.Close()
				stop()

				ours := offer(t, n, Info{Name: "Ours", Type: "EEG", Channels: 2, Rate: 50, Format: f, SourceID: "ours-1"}, OutletOptions{})
				said, _ := peerWith(t, n, w.config, "read", "Ours", "3")
				if !said.Scan() {
					t.Fatal("liblsl did not connect")
				}
				waitReader(t, ours)
				v := []any{1.0, -2.0, 0.0, 100.0, -128.0, 127.0}
				if f == String {
					v = []any{"1", "-2", "", "100", "-128", "127"}
				}
				if err := ours.Push(typed(f, v), 100); err != nil {
					t.Fatal(err)
				}
				if !said.Scan() {
					t.Fatal("liblsl read nothing")
				}
				var samples [][2]any
				if err := json.Unmarshal(said.Bytes(), &samples); err != nil {
					t.Fatal(err)
				}
				for i, s := range samples {
					samples[i][0] = math.Round(1e9*s[0].(float64)) / 1e9
				}
				if got := fmt.Sprint(samples); got != fmt.Sprint([][2]any{{99.96, v[:2]}, {99.98, v[2:4]}, {100.0, v[4:]}}) {
					t.Errorf("liblsl read %s", got)
				}
			})
		}
	}
}
