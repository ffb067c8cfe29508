// Command live measures how long a live decision takes: from the moment a program sends a window's last sample to the decision, over the Lab
// Streaming Layer on this machine, for 22 channels at 250 Hz and DBConformer on windows of four seconds. Gyrus and a loop written with
// pylsl, SciPy and PyTorch on the same stream (peers.py) take turns, several times; medians over the turns and their ratio are printed. The
// peer is left out, and said to be, when --python names no Python that has them.
//
//	go run ./bench/live --python python3 [--seconds 20] [--rounds 3]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/live"
	"github.com/gyrus-dev/gyrus/papers"
	_ "github.com/gyrus-dev/gyrus/papers/all"
	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/all"
	"github.com/gyrus-dev/gyrus/recording/edf"
	"github.com/gyrus-dev/gyrus/recording/lsl"
	"github.com/gyrus-dev/gyrus/runner"
)

const (
	channels = 22
	rate     = 250
	window   = 4.0 // s
	name     = "Gyrus bench"
)

// The bars: 99 % of decisions within so long, and so many times faster than the peer; and what is aimed at.
const (
	barSeconds = 5e-3
	aimSeconds = 2e-3
	barRatio   = 5
)

func main() {
	log.SetFlags(0)
	seconds := flag.Float64("seconds", 20, "how long each side decodes in a turn")
	rounds := flag.Int("rounds", 3, "turns of each side")
	step := flag.Float64("step", 0.1, "time from one decision to the next, s")
	python := flag.String("python", "", "a Python that has pylsl, SciPy and PyTorch")
	feed := flag.Int("feed", 0, "be the amplifier on ports from this one on (what the bench starts itself)")
	flag.Parse()
	var err error
	if *feed > 0 {
		err = amplifier(*feed)
	} else {
		err = bench(*seconds, *step, max(1, *rounds), *python)
	}
	if err != nil {
		log.Fatal("bench/live: ", err)
	}
}

func names() (out []string) {
	for c := range channels {
		out = append(out, fmt.Sprintf("E%d", c+1))
	}
	return out
}

func network(port int) lsl.Network {
	n := lsl.Local()
	n.BasePort, n.Ports, n.DiscoveryPort = port, 8, 0
	return n
}

// amplifier sends noise, one sample at a time, until its input ends.
func amplifier(port int) error {
	info := lsl.Info{Name: name, Type: "EEG", Channels: channels, Rate: rate, Format: lsl.Float32, SourceID: "bench"}
	info.Describe(names(), "microvolts", "EEG")
	out, err := lsl.NewOutlet(network(port), info, lsl.OutletOptions{})
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(ended) }()
	sample := make([]float32, channels)
	begun := time.Now()
	for k := 0; ; k++ {
		select {
		case <-ended:
			return out.Close()
		case <-time.After(time.Until(begun.Add(time.Duration(k) * time.Second / rate))):
		}
		for c := range sample {
			sample[c] = float32(10 * rand.NormFloat64())
		}
		if err := out.Push(sample, 0); err != nil {
			return err
		}
	}
}

func bench(seconds, step float64, rounds int, python string) error {
	folder, err := os.MkdirTemp("", "gyrus-bench-live")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	model, err := train(folder)
	if err != nil {
		return fmt.Errorf("training a model: %w", err)
	}

	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := min(l.Addr().(*net.TCPAddr).Port+1, 65000)
	l.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	amp := exec.Command(self, "-feed", fmt.Sprint(port))
	amp.Stderr = os.Stderr
	off, err := amp.StdinPipe()
	if err != nil {
		return err
	}
	if err := amp.Start(); err != nil {
		return err
	}
	defer func() { off.Close(); amp.Wait() }()

	fmt.Printf("live decision, %d channels at %d Hz, DBConformer on %g s, one every %g s, from the sample sent to the decision; %d turns of %g s:\n",
		channels, rate, window, step, rounds, seconds)
	if python == "" {
		fmt.Println("  peer: not measured; --python names no Python that has pylsl, SciPy and PyTorch")
	}
	var ours, theirs turns
	for range rounds {
		latencies, about, size, err := gyrus(model, port, seconds, step)
		if err != nil {
			return err
		}
		show("Gyrus", latencies, about)
		ours.add(latencies)
		if python == "" {
			continue
		}
		latencies, about, err = peer(python, folder, port, seconds, step, size)
		if err != nil {
			fmt.Printf("  peer: left out: %v\n", err)
			python = ""
			continue
		}
		show("Python", latencies, about)
		theirs.add(latencies)
	}
	p99 := quantile(ours.p99, 0.5)
	fmt.Printf("  Gyrus, medians of the turns: median %.2f ms, 99 %% under %.2f ms\n  bar: 99 %% under %g ms: %s; aim, under %g ms: %s\n", 1e3*quantile(ours.p50, 0.5), 1e3*p99,
		1e3*barSeconds, met(p99 < barSeconds), 1e3*aimSeconds, met(p99 < aimSeconds))
	if len(theirs.p99) == 0 {
		return nil
	}
	ratio := quantile(theirs.p99, 0.5) / p99
	fmt.Printf("  Python, medians of the turns: median %.2f ms, 99 %% under %.2f ms\n  ratio: median %.1fx, 99 %% %.1fx\n  bar: 99 %% at least %dx lower: %s\n",
		1e3*quantile(theirs.p50, 0.5), 1e3*quantile(theirs.p99, 0.5), quantile(theirs.p50, 0.5)/quantile(ours.p50, 0.5), ratio, barRatio, met(ratio >= barRatio))
	return nil
}

// turns are what several turns of a side came to, s.
type turns struct{ p50, p99 []float64 }

func (t *turns) add(latencies []float64) {
	t.p50, t.p99 = append(t.p50, quantile(latencies, 0.5)), append(t.p99, quantile(latencies, 0.99))
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "not met"
}

func show(who string, latencies []float64, about string) {
	fmt.Printf("  %-7s %d decisions: median %.2f ms, 99 %% under %.2f ms, largest %.2f ms (%s)\n", who, len(latencies), 1e3*quantile(latencies, 0.5), 1e3*quantile(latencies, 0.99),
		1e3*quantile(latencies, 1), about)
}

// quantile is the smallest value that a share q of all does not exceed.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// train makes a recording and trains DBConformer of the paper's size on it for an epoch: how well it decides does not matter here.
func train(folder string) (model string, err error) {
	r := &recording.Recording{Rate: rate, Frames: 200 * rate, Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	m := recording.Memory{Channels: channels}
	for _, n := range names() {
		r.Channels = append(r.Channels, recording.Channel{Name: n, Type: "eeg", Unit: "uV"})
	}
	noise := rand.New(rand.NewPCG(1, 2))
	for range int(r.Frames) * channels {
		m.Data = append(m.Data, float32(10*noise.NormFloat64()))
	}
	r.Samples = m
	for k := range 40 {
		r.Events = append(r.Events, recording.Event{Onset: float64(5*k) + 0.5, Label: fmt.Sprintf("T%d", 1+k%2)})
	}
	path := filepath.Join(folder, "train.edf")
	if err := edf.Save(path, r, edf.Options{}); err != nil {
		return "", err
	}
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Preset: papers.Quick, Seed: 1, Home: folder,
		Inputs: map[string]string{"trials": path}, Set: map[string]string{"epochs": "1", "depth": "2", "events": "T1,T2", "to": fmt.Sprint(window)}})
	if err != nil {
		return "", err
	}
	return filepath.Join(o.Dir, "model", "1"), nil
}

// arrivals is a sink that keeps how long decisions took.
type arrivals struct{ latencies []float64 }

func (a *arrivals) Send(d live.Decision) { a.latencies = append(a.latencies, lsl.Now()-d.Time) }
func (a *arrivals) Lost() int64          { return 0 }
func (a *arrivals) Close() error         { return nil }

// gyrus decodes the stream for some time.
func gyrus(model string, port int, seconds, step float64) (latencies []float64, about string, samples int, err error) {
	b, err := compute.Open("")
	if err != nil {
		return nil, "", 0, err
	}
	defer b.Finalize()
	p, err := papers.Get("dbconformer")
	if err != nil {
		return nil, "", 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	decoder, err := p.Live(ctx, &papers.Application{ModelDir: model, Backend: func() (backends.Backend, error) { return b, nil }})
	if err != nil {
		return nil, "", 0, err
	}
	defer decoder.Close()
	w := decoder.Window()
	for range 20 { // as the peer, warm up first
		if _, err := decoder.Decide(ctx, make([]float32, w.Rows*w.Samples), false); err != nil {
			return nil, "", 0, err
		}
	}
	source, err := live.OpenLSL(ctx, network(port), "name='"+name+"'", "")
	if err != nil {
		return nil, "", 0, err
	}
	defer source.Close()
	running, stop := context.WithTimeout(context.Background(), time.Duration((window+seconds)*float64(time.Second)))
	defer stop()
	a := &arrivals{}
	r, err := live.Run(running, source, decoder, live.Options{Step: step, Sinks: []live.Sink{a}})
	if err == nil && (r.Decisions == 0 || r.Jumps > 0 || r.Dropped > 0) {
		err = fmt.Errorf("the stream was not decoded whole: %s", r)
	}
	return a.latencies, fmt.Sprintf("within the loop: 99 %% under %.2f ms, jitter 99 %% under %.2f ms; %s", 1e3*r.Latency.P99, 1e3*r.Jitter.P99, b.Name()), w.Samples, err
}

// peer lets Python decode the stream for some time.
func peer(python, folder string, port int, seconds, step float64, samples int) (latencies []float64, about string, err error) {
	config := filepath.Join(folder, "lsl_api.cfg")
	text := fmt.Sprintf("[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {127.0.0.1}\n[ports]\nIPv6 = disable\nBasePort = %d\nPortRange = 8\n[log]\nlevel = -2\n", port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	args := []string{"bench/live/peers.py", config, name, fmt.Sprint(seconds), fmt.Sprint(step)}
	for _, n := range []int{samples, 63, 125, 25, 5} { // the paper's lengths at 250 Hz
		args = append(args, fmt.Sprint(n))
	}
	cmd := exec.Command(python, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, "", err
	}
	var said struct {
		Latencies []float64
		Versions  string
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return nil, "", err
	}
	return said.Latencies, said.Versions, nil
}
