// Command compute times the "cpu" backend beside NumPy and PyTorch on the same work, in one run, with two threads each, and prints
// the ratios.
//
//	go run ./bench/compute [-peers python3] [-only name] [-stock]
//
// A peer that the Python interpreter cannot import is skipped and named. Every line is the same dtype (float32), sizes and arithmetic on
// both sides; times are the best of several runs, since other programs can only add to them.
package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego"
	//lint:ignore ST1001 graphs read as formulas
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	_ "github.com/gyrus-dev/gyrus/compute/cpu"
)

//go:embed peers.py
var peersScript string

// work is one line of the table: a graph over float32 inputs of the given shapes.
type work struct {
	name   string
	inputs [][]int
	graph  func(x []*Node) []*Node
}

// step returns a loss and the parameters after one step of gradient descent.
func step(loss *Node, params []*Node) []*Node {
	out := []*Node{loss}
	for i, g := range Gradient(loss, params...) {
		out = append(out, Sub(params[i], MulScalar(g, 0.01)))
	}
	return out
}

func works() []work {
	list := []work{}
	for _, n := range []int{256, 512, 1024, 2048} {
		list = append(list, work{fmt.Sprint("matmul", n), [][]int{{n, n}, {n, n}}, func(x []*Node) []*Node { return []*Node{Dot(x[0], x[1])} }})
	}
	layer := func(f func(x *Node) *Node) func(x []*Node) []*Node {
		return func(x []*Node) []*Node { return []*Node{f(x[0])} }
	}
	return append(list,
		work{"batched", [][]int{{64, 256, 64}, {64, 64, 256}}, func(x []*Node) []*Node {
			return []*Node{DotGeneral(x[0], []int{2}, []int{0}, x[1], []int{1}, []int{0})}
		}},
		work{"softmax", [][]int{{64, 256, 128}}, layer(func(x *Node) *Node { return Softmax(x, -1) })},
		work{"layernorm", [][]int{{64, 256, 128}}, layer(norm)},
		work{"gelu", [][]int{{2 << 20}}, layer(func(x *Node) *Node {
			return Mul(MulScalar(x, 0.5), AddScalar(Erf(MulScalar(x, 0.7071067811865476)), 1))
		})},
		work{"adam", [][]int{{2 << 20}, {2 << 20}, {2 << 20}, {2 << 20}}, adam},
		work{"conv2d", [][]int{{16, 32, 32, 32}, {3, 3, 32, 32}}, func(x []*Node) []*Node {
			return step(ReduceAllMean(Square(Convolve(x[0], x[1]).PadSame().Strides(1).Done())), x)
		}},
		work{"conv1d", [][]int{{64, 1000, 22}, {25, 22, 40}}, func(x []*Node) []*Node {
			return step(ReduceAllMean(Square(Convolve(x[0], x[1]).PadSame().Strides(1).Done())), x)
		}},
		work{"transformer", [][]int{{32, 128, 128}, {128, 128}, {128, 128}, {128, 128}, {128, 128}, {128, 512}, {512, 128}}, transformer},
		work{"rnn", [][]int{{32, 200, 128}, {128, 128}, {128, 128}}, rnn},
		work{"lif", [][]int{{64, 100, 256}, {256, 256}, {256, 256}}, lif},
	)
}

// norm is layer normalisation of the last axis, without gain and bias.
func norm(x *Node) *Node {
	c := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	return Div(c, Sqrt(AddScalar(ReduceAndKeep(Square(c), ReduceMean, -1), 1e-5)))
}

func adam(x []*Node) []*Node {
	w, m, v, g := x[0], x[1], Abs(x[2]), x[3]
	m = Add(MulScalar(m, 0.9), MulScalar(g, 0.1))
	v = Add(MulScalar(v, 0.999), MulScalar(Square(g), 0.001))
	return []*Node{Sub(w, Div(MulScalar(m, 0.001), AddScalar(Sqrt(v), 1e-7))), m, v}
}

// transformer is a pre-norm encoder layer of 4 heads: x[0] [batch, tokens, width].
func transformer(x []*Node) []*Node {
	in := x[0]
	d := in.Shape().Dimensions
	heads := func(y *Node) *Node { return Reshape(y, d[0], d[1], 4, d[2]/4) }
	project := func(y, w *Node) *Node { return DotGeneral(y, []int{2}, nil, w, []int{0}, nil) }
	y := norm(in)
	q, k, v := heads(project(y, x[1])), heads(project(y, x[2])), heads(project(y, x[3]))
	a := Softmax(MulScalar(Einsum("bqhd,bkhd->bhqk", q, k), 0.1767767), -1)
	y = Add(in, project(Reshape(Einsum("bhqk,bkhd->bqhd", a, v), d...), x[4]))
	f := project(norm(y), x[5])
	f = Mul(MulScalar(f, 0.5), AddScalar(Erf(MulScalar(f, 0.7071067811865476)), 1))
	return step(ReduceAllMean(Square(Add(y, project(f, x[6])))), x[1:])
}

// at returns x[:, t] of x [batch, time, units].
func at(x *Node, t int) *Node { return Squeeze(Slice(x, AxisRange(), AxisElem(t), AxisRange()), 1) }

func rnn(x []*Node) []*Node {
	d := x[0].Shape().Dimensions
	h := Zeros(x[0].Graph(), shapes.Make(x[0].DType(), d[0], d[2]))
	for t := range d[1] {
		h = Tanh(Add(Dot(at(x[0], t), x[1]), Dot(h, x[2])))
	}
	return step(ReduceAllMean(Square(h)), x[1:])
}

// lif is a recurrent layer of leaky integrate-and-fire neurons with the fast-sigmoid surrogate gradient 1/(1+25|u|)^2.
func lif(x []*Node) []*Node {
	d := x[0].Shape().Dimensions
	g := x[0].Graph()
	u := Zeros(g, shapes.Make(x[0].DType(), d[0], d[2]))
	spikes := u
	total := u
	for t := range d[1] {
		u = Add(Sub(MulScalar(u, 0.9), spikes), Add(Dot(at(x[0], t), x[1]), Dot(spikes, x[2])))
		over := AddScalar(u, -1)
		soft := Div(over, AddScalar(MulScalar(Abs(over), 25), 1)) // its derivative is the surrogate
		hard := ConvertDType(GreaterThan(over, ZerosLike(over)), u.DType())
		spikes = Add(soft, StopGradient(Sub(hard, soft)))
		total = Add(total, spikes)
	}
	return step(ReduceAllMean(Square(total)), x[1:])
}

// measure returns the best time of one run in milliseconds.
func measure(backend backends.Backend, w work) (ms float64, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	e, err := NewExec(backend, w.graph)
	if err != nil {
		return 0, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var inputs []any
	for _, dims := range w.inputs {
		flat := make([]float32, shapes.Make(0, dims...).Size())
		for i := range flat {
			flat[i] = float32(rng.NormFloat64()) * 0.05
		}
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(flat, dims...))
	}
	best := time.Hour
	for begin, i := time.Now(), 0; i < 4 || time.Since(begin) < time.Second && i < 200; i++ {
		start := time.Now()
		out := e.MustExec(inputs...)
		best = min(best, time.Since(start))
		for _, o := range out {
			o.MustFinalizeAll()
		}
		if time.Since(begin) > 20*time.Second {
			break
		}
	}
	return best.Seconds() * 1e3, nil
}

// peers runs the Python side on the same work; times[peer][work] are milliseconds.
func peers(python string, only string) (times map[string]map[string]float64, notes []string) {
	times = map[string]map[string]float64{}
	cmd := exec.Command(python, "-", only)
	cmd.Stdin = strings.NewReader(peersScript)
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=2", "OPENBLAS_NUM_THREADS=2", "MKL_NUM_THREADS=2")
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		notes = append(notes, fmt.Sprintf("all peers skipped: %s: %v %s", python, err, strings.TrimSpace(failure.String())))
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		f := strings.SplitN(lines.Text(), " ", 3)
		if len(f) != 3 {
			continue
		}
		if f[0] == "skip" {
			notes = append(notes, f[1]+" skipped: "+f[2])
			continue
		}
		ms, err := strconv.ParseFloat(f[2], 64)
		if err != nil {
			continue
		}
		if times[f[0]] == nil {
			times[f[0]] = map[string]float64{}
		}
		times[f[0]][f[1]] = ms
	}
	return times, notes
}

func main() {
	python := flag.String("peers", "python3", "Python interpreter that has the peers")
	only := flag.String("only", ".", "run the work whose name matches this regular expression")
	stock := flag.Bool("stock", false, "also time GoMLX's own Go backend (slow)")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "-only:", err)
		os.Exit(2)
	}
	runtime.GOMAXPROCS(2)
	ours, err := backends.NewWithConfig("cpu")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	times, notes := peers(*python, *only)
	if *stock {
		b, err := backends.NewWithConfig("go:ops_sequential")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		times["stock"] = map[string]float64{}
		for _, w := range works() {
			if !match.MatchString(w.name) {
				continue
			}
			if ms, err := measure(b, w); err == nil {
				times["stock"][w.name] = ms
			} else {
				reason, _, _ := strings.Cut(err.Error(), "\n")
				notes = append(notes, fmt.Sprintf("stock cannot run %s: %s", w.name, reason))
			}
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	names := []string{"numpy", "torch", "torch-loop", "stock"}
	fmt.Fprint(table, "work\tcpu ms\t")
	for _, n := range names {
		if times[n] != nil {
			fmt.Fprintf(table, "%s ms\tratio\t", n)
		}
	}
	fmt.Fprintln(table)
	for _, w := range works() {
		if !match.MatchString(w.name) {
			continue
		}
		ms, err := measure(ours, w)
		if err != nil {
			fmt.Fprintln(os.Stderr, w.name+":", err)
			os.Exit(1)
		}
		fmt.Fprintf(table, "%s\t%.3f\t", w.name, ms)
		for _, n := range names {
			if times[n] == nil {
				continue
			}
			if peer, ok := times[n][w.name]; ok {
				fmt.Fprintf(table, "%.3f\t%.2fx\t", peer, peer/ms)
			} else {
				fmt.Fprint(table, "\t\t")
			}
		}
		fmt.Fprintln(table)
	}
	table.Flush()
	fmt.Println("A ratio above 1 means that the cpu backend is faster.")
	for _, n := range notes {
		fmt.Println(n)
	}
}
