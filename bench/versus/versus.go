// Package versus times work of Gyrus beside the same work of other libraries in Python, in one run, and prints the ratios. A program of the bench folder
// lists its works and has a script with a function for each of them and each peer, work_peer(), that prepares the work and returns the peer's name and a
// function which does it once and returns seconds and a remark. The script finds these names: part, by which the work is divided, directory, where the
// Go side has left data, and THREADS.
//
// Both sides have two threads. A peer that no Python interpreter can import is left out and named. The sides take turns, several times, and the
// median of each counts. What preparation does is not timed.
package versus

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

//go:embed before.py
var before string

//go:embed after.py
var after string

// Threads is how many each side has.
const Threads = 2

// Work is one line of the table.
type Work struct {
	Name, What string
	// Prepare makes what is needed for one part-th of the work, writes to dir what the peers are to read, and returns what does the work once.
	Prepare func(dir string, part int) (Timed, error)
	Peers   []Peer
	Turns   int // how often each side does the work; 0 means 5
}

// Timed does a piece of work: it tells the seconds it took and a remark.
type Timed func() (seconds float64, remark string, err error)

// Peer is what a work is compared with.
type Peer struct {
	Name string // that the script knows
	// Must is how many times as fast as the peer the work must be, and Aim how many it aims at; 0 where nothing was set.
	Must, Aim float64
}

func (p Peer) said(ratio float64) string {
	switch {
	case p.Must == 0:
		return ""
	case ratio >= p.Aim:
		return fmt.Sprintf("; must %gx and aim %gx met", p.Must, p.Aim)
	case ratio >= p.Must:
		return fmt.Sprintf("; must %gx met, aim %gx not", p.Must, p.Aim)
	}
	return fmt.Sprintf("; must %gx not met", p.Must)
}

// Main is the main function of a program that does these works.
func Main(script string, works []Work) {
	log.SetFlags(0)
	python := flag.String("python", "python3", "Python interpreters that have the peers, separated by commas; each peer runs in the first that it starts in")
	only := flag.String("only", "", "the works to do, by name, separated by commas; all if empty")
	quick := flag.Bool("quick", false, "a tenth of the work")
	flag.Parse()
	var names []string
	if *only != "" {
		names = strings.Split(*only, ",")
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		log.Fatal(err)
	}
	b := bench{script: before + script + after, dir: dir, pythons: strings.Split(*python, ","), part: 1}
	if *quick {
		b.part = 10
	}
	err = b.all(works, names)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

type bench struct {
	script, dir string
	pythons     []string
	part        int
}

func (b bench) all(works []Work, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(works, func(w Work) bool { return w.Name == name }) {
			return fmt.Errorf("there is no work %q", name)
		}
	}
	runtime.GOMAXPROCS(Threads)
	fmt.Printf("%s on %s, %d CPUs, %d threads a side; medians\n", runtime.Version(), runtime.GOARCH, runtime.NumCPU(), Threads)
	for _, w := range works {
		if len(names) > 0 && !slices.Contains(names, w.Name) {
			continue
		}
		if err := b.compare(w); err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
	}
	return nil
}

func (b bench) compare(w Work) error {
	turns := w.Turns
	if turns == 0 {
		turns = 5
	}
	fmt.Printf("%s: %s\n", w.Name, w.What)
	run, err := w.Prepare(b.dir, b.part)
	if err != nil {
		return err
	}
	peers := make([]*process, len(w.Peers))
	for i, p := range w.Peers {
		if peers[i], err = b.start(w.Name, p.Name); err != nil {
			fmt.Printf("    %-22s left out: %v\n", p.Name, err)
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
				return fmt.Errorf("%s: %w", w.Peers[i].Name, err)
			}
			theirs[i] = append(theirs[i], seconds)
		}
	}
	fmt.Printf("    %-22s %s (%s)\n", "gyrus", summary(ours), remark)
	for i, p := range peers {
		if p != nil {
			ratio := median(theirs[i]) / median(ours)
			fmt.Printf("    %-22s %s (%s): gyrus is %.2f times as fast%s\n", p.title, summary(theirs[i]), remarks[i], ratio, w.Peers[i].said(ratio))
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
	switch {
	case seconds < 1e-3:
		return fmt.Sprintf("%.1f us", 1e6*seconds)
	case seconds < 1:
		return fmt.Sprintf("%.1f ms", 1e3*seconds)
	}
	return fmt.Sprintf("%.2f s", seconds)
}

// process is a Python process that does one work over and over.
type process struct {
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

// start starts a peer in the first interpreter that can run it.
func (b bench) start(work, name string) (p *process, err error) {
	var failed error
	for _, python := range b.pythons {
		if p, err = b.startIn(python, work, name); err == nil {
			return p, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func (b bench) startIn(python, work, name string) (*process, error) {
	p := &process{command: exec.Command(python, "-c", b.script, b.dir, work, name, fmt.Sprint(b.part), fmt.Sprint(Threads))}
	p.command.Env = os.Environ()
	for _, library := range []string{"OMP", "MKL", "OPENBLAS"} {
		p.command.Env = append(p.command.Env, fmt.Sprintf("%s_NUM_THREADS=%d", library, Threads))
	}
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

func (p *process) answer() (a answer, err error) {
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

func (p *process) run() (seconds float64, remark string, err error) {
	p.in.WriteString("go\n")
	if err := p.in.Flush(); err != nil {
		return 0, "", err
	}
	a, err := p.answer()
	return a.Seconds, a.Remark, err
}
