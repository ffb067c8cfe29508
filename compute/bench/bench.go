package bench

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/compute/cpu"
)

//go:embed peers.py
var peersScript string

// Threads is how many threads each side may use.
const Threads = 2

// Options of a run.
type Options struct {
	Python string         // interpreter that has the peers; empty for none
	Only   *regexp.Regexp // works to run, by name; nil for all
	Rounds int            // how often each side has its turn, at least 1: a machine that others share is slow at times, and the best counts
	Stock  bool           // also time GoMLX's own Go backend, which is slow
}

// Ours and Stock are the names of the backends of this program among those timed; the others are the peers of peers.py.
const (
	Ours  = cpu.Name
	Stock = "stock"
)

// Measurement is what one side took for a work.
type Measurement struct {
	Milliseconds float64 `json:"ms"`
	// Megabytes is by how much the process's memory grew at its peak, inputs and results included; 0 where it was not measured.
	Megabytes float64 `json:"mb,omitempty"`
}

// Line is one work with what each side took for it.
type Line struct {
	Work  string                 `json:"work"`
	Sides map[string]Measurement `json:"sides"`
}

// Result is what a run measured.
type Result struct {
	Lines     []Line     `json:"lines"`
	Overheads []Overhead `json:"overheads,omitempty"`
	Notes     []string   `json:"notes,omitempty"` // of what was skipped, and why
}

// Run measures the works that the options name. It sets GOMAXPROCS to Threads while it runs.
func Run(ctx context.Context, o Options) (*Result, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(Threads))
	if o.Only == nil {
		o.Only = regexp.MustCompile("")
	}
	r := &Result{}
	for _, w := range works() {
		if !o.Only.MatchString(w.name) {
			continue
		}
		line := Line{w.name, map[string]Measurement{}}
		for range max(o.Rounds, 1) {
			if err := r.round(ctx, o, w, &line); err != nil {
				return nil, err
			}
		}
		r.Lines = append(r.Lines, line)
	}
	if o.Only.MatchString("overheads") {
		var err error
		if r.Overheads, err = overheads(); err != nil {
			return nil, err
		}
	}
	r.Notes = slices.Compact(slices.Sorted(slices.Values(r.Notes)))
	return r, nil
}

// round times a work once on every side, and keeps what was better than in the rounds before.
func (r *Result) round(ctx context.Context, o Options, w work, line *Line) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m, err := measure(func() (backends.Backend, error) { return cpu.New("") }, w)
	if err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	line.keep(Ours, m)
	if o.Stock {
		// Its parallel scheduler deadlocks on unrolled graphs with few processors.
		m, err := measure(func() (backends.Backend, error) { return simplego.New("ops_sequential") }, w)
		if err != nil {
			reason, _, _ := strings.Cut(err.Error(), "\n")
			r.Notes = append(r.Notes, fmt.Sprintf("stock cannot run %s: %s", w.name, reason))
		} else {
			line.keep(Stock, m)
		}
	}
	if o.Python != "" {
		// A process for each work, so that what one leaves behind does not hide what the next one takes.
		r.peers(ctx, o.Python, line)
	}
	return nil
}

// keep keeps the less time and the less memory of a side.
func (l *Line) keep(side string, m Measurement) {
	if old, ok := l.Sides[side]; ok {
		m.Milliseconds = min(m.Milliseconds, old.Milliseconds)
		m.Megabytes = min(m.Megabytes, old.Megabytes)
	}
	l.Sides[side] = m
}

// measure returns the best time of one run and the memory a work takes, on a backend of its own.
func measure(open func() (backends.Backend, error), w work) (m Measurement, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	debug.FreeOSMemory()
	before := restartPeak()
	backend, err := open()
	if err != nil {
		return m, err
	}
	defer backend.Finalize()
	e, err := graph.NewExec(backend, w.graph)
	if err != nil {
		return m, err
	}
	defer e.Finalize()
	rng := rand.New(rand.NewPCG(1, 2))
	var inputs []any
	var held []*tensors.Tensor
	for k, dims := range w.inputs {
		flat := make([]float32, shapes.Make(0, dims...).Size())
		for i := range flat {
			flat[i] = float32(rng.NormFloat64()) * 0.05
			if k > 0 && k == w.positive {
				flat[i] = max(flat[i], -flat[i])
			}
		}
		t := tensors.FromFlatDataAndDimensions(flat, dims...)
		defer t.MustFinalizeAll()
		held, inputs = append(held, t), append(inputs, t)
	}
	best := time.Hour
	for begin, i := time.Now(), 0; i < 4 || time.Since(begin) < time.Second; i++ {
		for k := range w.updates {
			if inputs[k], err = graph.DonateTensorBuffer(held[k], backend, 0); err != nil {
				return m, err
			}
		}
		start := time.Now()
		out := e.MustExec(inputs...)
		best = min(best, time.Since(start))
		for k, o := range out {
			if k < w.updates {
				held[k] = o
				continue
			}
			o.MustFinalizeAll()
		}
		if time.Since(begin) > 20*time.Second {
			break
		}
	}
	m.Milliseconds = best.Seconds() * 1e3
	if before > 0 {
		m.Megabytes = float64(peak()-before) / 1e6
	}
	return m, nil
}

// restartPeak makes the system forget the largest memory this process has had, and returns what it has now; 0 where that cannot be done.
func restartPeak() int64 {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return 0
	}
	return peak()
}

// peak is the largest memory the process has had, in bytes.
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kb, _ := strconv.ParseInt(fields[0], 10, 64)
	return kb << 10
}

// peers runs the Python side on a work and adds what it says.
func (r *Result) peers(ctx context.Context, python string, line *Line) {
	cmd := exec.CommandContext(ctx, python, "-", line.Work)
	cmd.Stdin = strings.NewReader(peersScript)
	threads := strconv.Itoa(Threads)
	for _, v := range os.Environ() {
		// A setting that holds OpenBLAS to an older processor's kernels would be unfair.
		if !strings.HasPrefix(v, "OPENBLAS_CORETYPE=") && !strings.HasPrefix(v, "OPENBLAS_L2_SIZE=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads, "MKL_NUM_THREADS="+threads,
		"XLA_FLAGS=--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads="+threads)
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("all peers skipped: %s: %v %s", python, err, strings.TrimSpace(failure.String())))
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) > 2 && f[0] == "skip":
			r.Notes = append(r.Notes, f[1]+" skipped: "+strings.Join(f[2:], " "))
		case len(f) == 4:
			ms, err1 := strconv.ParseFloat(f[2], 64)
			mb, err2 := strconv.ParseFloat(f[3], 64)
			if err1 == nil && err2 == nil {
				line.keep(f[0], Measurement{ms, mb})
			}
		}
	}
}

// WriteTable writes the result as a person reads it.
func (r *Result) WriteTable(w io.Writer) error {
	var sides []string
	for _, name := range []string{"numpy", "torch", "torch-loop", "torch-fused", "torch-compile", "jax", Stock} {
		for _, l := range r.Lines {
			if _, ok := l.Sides[name]; ok {
				sides = append(sides, name)
				break
			}
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(r.Lines) == 0 {
		table = tabwriter.NewWriter(io.Discard, 0, 0, 2, ' ', 0)
	}
	fmt.Fprintf(table, "work\t%s ms\tMB\t", Ours)
	for _, s := range sides {
		fmt.Fprintf(table, "%s ms\tspeed\tmemory\t", s)
	}
	fmt.Fprintln(table)
	for _, l := range r.Lines {
		ours := l.Sides[Ours]
		fmt.Fprintf(table, "%s\t%.3f\t%.0f\t", l.Work, ours.Milliseconds, ours.Megabytes)
		for _, s := range sides {
			m, ok := l.Sides[s]
			if !ok {
				fmt.Fprint(table, "\t\t\t")
				continue
			}
			fmt.Fprintf(table, "%.3f\t%.2fx\t", m.Milliseconds, m.Milliseconds/ours.Milliseconds)
			if m.Megabytes > 0 && ours.Megabytes > 0 {
				fmt.Fprintf(table, "%.2fx\t", ours.Megabytes/m.Megabytes)
			} else {
				fmt.Fprint(table, "\t")
			}
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "speed: the other's time over ours, above 1 is faster here. memory: our growth at the peak over the other's, below 1 is less here.\n")
	for _, o := range r.Overheads {
		fmt.Fprintf(w, "%s: %.3g %s\n", o.Name, o.Value, o.Unit)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, n)
	}
	return nil
}
