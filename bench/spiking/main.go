// Command spiking times the spiking toolkit beside Brian2, NEST, snnTorch, SpikingJelly, PyTorch and NumPy on the same work, in one run, and prints the
// ratios:
//
//	go run ./bench/spiking [-python python3,other/python] [-only name] [-quick]
//
// Both sides have two threads. A peer that no Python interpreter can import is left out and named. The sides take turns, several times, and the
// median of each counts. Building a network, compiling a graph or a peer's C++, and making data are not timed. With -quick there is a tenth of the work.
package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

//go:embed peers.py
var peersScript string

// threads is how many each side has.
const threads = 2

// turns is how often each side does a work.
const turns = 5

// bar is how many times as fast as a peer the work must be, and how many it aims at; 0 where nothing was set.
type bar struct{ must, aim float64 }

func (b bar) said(ratio float64) string {
	switch {
	case b.must == 0:
		return ""
	case ratio >= b.aim:
		return fmt.Sprintf("; must %gx and aim %gx met", b.must, b.aim)
	case ratio >= b.must:
		return fmt.Sprintf("; must %gx met, aim %gx not", b.must, b.aim)
	}
	return fmt.Sprintf("; must %gx not met", b.must)
}

// work is one line of the table.
type work struct {
	name, what string
	bar        bar
	// prepare makes what is needed, writes to dir what the peers are to read, and returns what does the work once: it tells the seconds it took and a
	// remark.
	prepare func(dir string, part int) (func() (seconds float64, remark string, err error), error)
	peers   []string // names that peers.py knows
}

var works = []work{
	{"network", "1 s of 10,000 Izhikevich neurons with 1,000 synapses each, 1 ms a step", bar{1, 2}, network, []string{"brian2", "nest"}},
	{"training", "training step, LIF 784-512-512-10, 25 steps of time, batch 128, spikes of every step given", bar{2, 5}, training(false), []string{"snntorch", "spikingjelly"}},
	{"direct", "the same with the image as a constant current", bar{2, 5}, training(true), []string{"snntorch", "spikingjelly"}},
	{"reservoir", "1 s of a reservoir of 1,000 Izhikevich neurons with two read-outs that learn by three factors", bar{20, 50}, reservoir, []string{"numpy"}},
	{"delays", "delay layer, 36 classes, 21 delays, 17x17 places in a cone, on 1 M events of 64x64 pixels", bar{5, 20}, delays(0), []string{"torch"}},
	{"pruned", "the same with the largest tenth of its weights", bar{5, 20}, delays(.9), []string{"torch"}},
}

func main() {
	log.SetFlags(0)
	python := flag.String("python", "python3", "Python interpreters that have the peers, separated by commas; each peer runs in the first that it starts in")
	only := flag.String("only", "", "the work to do, by name; all if empty")
	quick := flag.Bool("quick", false, "a tenth of the work")
	flag.Parse()
	dir, err := os.MkdirTemp("", "bench-spiking")
	if err != nil {
		log.Fatal(err)
	}
	err = bench(dir, *python, *only, *quick)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func bench(dir, python, only string, quick bool) error {
	if only != "" && !slices.ContainsFunc(works, func(w work) bool { return w.name == only }) {
		return fmt.Errorf("there is no work %q", only)
	}
	runtime.GOMAXPROCS(threads)
	part := 1
	if quick {
		part = 10
	}
	fmt.Printf("%s on %s, %d CPUs, %d threads a side; the median of %d turns\n", runtime.Version(), runtime.GOARCH, runtime.NumCPU(), threads, turns)
	for _, w := range works {
		if only != "" && only != w.name {
			continue
		}
		if err := w.compare(dir, python, part); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

func (w work) compare(dir, python string, part int) error {
	fmt.Printf("%s: %s\n", w.name, w.what)
	run, err := w.prepare(dir, part)
	if err != nil {
		return err
	}
	peers := make([]*peer, len(w.peers))
	for i, name := range w.peers {
		if peers[i], err = startPeer(python, dir, w.name, name, part); err != nil {
			fmt.Printf("    %-22s left out: %v\n", name, err)
			continue
		}
		defer peers[i].close()
	}
	var ours []float64
	var remark string
	theirs, remarks := make([][]float64, len(peers)), make([]string, len(peers))
	for range turns {
		runtime.GC()
		seconds, said, err := run()
		if err != nil {
			return err
		}
		ours, remark = append(ours, seconds), said
		for i, p := range peers {
			if p == nil {
				continue
			}
			if seconds, remarks[i], err = p.run(); err != nil {
				return fmt.Errorf("%s: %w", w.peers[i], err)
			}
			theirs[i] = append(theirs[i], seconds)
		}
	}
	fmt.Printf("    %-22s %s (%s)\n", "gyrus", summary(ours), remark)
	for i, p := range peers {
		if p != nil {
			ratio := median(theirs[i]) / median(ours)
			fmt.Printf("    %-22s %s (%s): gyrus is %.2f times as fast%s\n", p.title, summary(theirs[i]), remarks[i], ratio, w.bar.said(ratio))
		}
	}
	return nil
}

func median(values []float64) float64 {
	sorted, n := slices.Sorted(slices.Values(values)), len(values)
	if n == 0 {
		return math.Inf(1)
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func summary(values []float64) string {
	return fmt.Sprintf("%s, fastest %s", duration(median(values)), duration(slices.Min(values)))
}

func duration(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.1f ms", 1e3*seconds)
	}
	return fmt.Sprintf("%.2f s", seconds)
}

// peer is a Python process that does one work over and over.
type peer struct {
	title   string
	command *exec.Cmd
	in      *bufio.Writer
	out     *bufio.Reader
	close   func()
}

// answer is a line from a peer.
type answer struct {
	Title   string  // at first, when it is ready
	Seconds float64 // then
	Remark  string
	Error   string
}

// startPeer starts a peer in the first interpreter that can run it.
func startPeer(pythons, dir, work, name string, part int) (p *peer, err error) {
	var failed error
	for python := range strings.SplitSeq(pythons, ",") {
		if p, err = startIn(python, dir, work, name, part); err == nil {
			return p, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func startIn(python, dir, work, name string, part int) (*peer, error) {
	p := &peer{command: exec.Command(python, "-c", peersScript, dir, work, name, fmt.Sprint(part))}
	p.command.Env = append(os.Environ(), fmt.Sprintf("OMP_NUM_THREADS=%d", threads), fmt.Sprintf("MKL_NUM_THREADS=%d", threads), fmt.Sprintf("OPENBLAS_NUM_THREADS=%d", threads))
	stdin, err := p.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = bufio.NewWriter(stdin), bufio.NewReader(stdout)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	p.close = func() {
		stdin.Close()
		p.command.Wait()
	}
	ready, err := p.answer()
	if err != nil {
		p.close()
		return nil, err
	}
	p.title = ready.Title
	return p, nil
}

func (p *peer) answer() (a answer, err error) {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return a, fmt.Errorf("it ended: %w", err)
	}
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (p *peer) run() (seconds float64, remark string, err error) {
	p.in.WriteString("go\n")
	if err := p.in.Flush(); err != nil {
		return 0, "", err
	}
	a, err := p.answer()
	return a.Seconds, a.Remark, err
}
