package cpu

import (
	"fmt"
	"io"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/pkg/errors"
)

// TraceVariable is the environment variable that, set to anything, makes every executable measure its steps and print their times to
// standard error after its 1st, 2nd, 4th, 8th ... run.
const TraceVariable = "GYRUS_TRACE"

// Executable is a compiled computation. It may run several times at once.
type Executable struct {
	backend   *Backend
	name      string
	names     []string
	inputs    []shapes.Shape
	outputs   []shapes.Shape
	steps     []step
	ptrs      []unsafe.Pointer // what every frame starts from: the constants
	params    []int            // the value of each parameter
	results   []int            // the value of each output
	donors    []int            // for each output the parameter it may overwrite, or -1
	arena     int              // bytes
	offsets   []arenaValue
	frames    sync.Pool
	finalized atomic.Bool
	trace     *trace
}

type arenaValue struct{ value, offset int }

var _ backends.Executable = (*Executable)(nil)

// compile turns a computation into an executable.
func compile(b *Backend, name string, params, outputs []*node) (*Executable, error) {
	return compileWith(b, name, params, outputs, true)
}

func compileWith(b *Backend, name string, params, outputs []*node, fold bool) (x *Executable, err error) {
	x = &Executable{backend: b, name: name}
	for _, p := range params {
		x.names = append(x.names, p.attr.(*parameter).name)
		x.inputs = append(x.inputs, p.shape)
	}
	for _, o := range outputs {
		x.outputs = append(x.outputs, o.shape)
	}
	params, outputs, graph, err := simplify(b, params, outputs, fold)
	if err != nil {
		return nil, errors.WithMessagef(err, "compiling %q", name)
	}
	gelus(outputs)
	epilogues(outputs)
	e := &emitter{lowering: lower(graph, params, outputs)}
	if err := e.emit(); err != nil {
		return nil, errors.WithMessagef(err, "compiling %q", name)
	}
	e.stages()
	x.arena = e.plan()
	x.steps = e.steps
	x.donors = e.donors(params)
	x.ptrs = make([]unsafe.Pointer, len(e.values))
	for i := range e.values {
		v := &e.values[i]
		switch {
		case v.kind == valueConstant:
			x.ptrs[i] = v.literal.ptr()
		case v.kind == valueArena && v.made >= 0:
			x.offsets = append(x.offsets, arenaValue{i, v.index})
		}
	}
	for _, p := range params {
		x.params = append(x.params, e.placeOf(p).value)
	}
	for _, p := range e.outputs {
		x.results = append(x.results, p.value)
	}
	if fold && os.Getenv(TraceVariable) != "" { // not for what is computed while compiling
		x.trace = &trace{name: name, labels: e.labels, out: os.Stderr, nanos: make([]int64, len(e.steps))}
	}
	return x, nil
}

// evaluate computes a node on constants.
func evaluate(b *Backend, n *node) (*literal, error) {
	x, err := compileWith(b, "constant", nil, []*node{n}, false)
	if err != nil {
		return nil, err
	}
	out, err := x.Execute(nil, nil, 0)
	if err != nil {
		return nil, err
	}
	k := out[0].(*Buffer).take()
	return &literal{k.words[:max(1, (n.shape.Size()*n.shape.DType.Size()+7)/8)]}, nil
}

// Finalize frees what the executable holds. It must not be run afterwards: that gives an error.
func (x *Executable) Finalize() { x.finalized.Store(true) }

// Inputs returns the parameters' names and shapes.
func (x *Executable) Inputs() (names []string, inputShapes []shapes.Shape) { return x.names, x.inputs }

// Outputs returns the outputs' shapes.
func (x *Executable) Outputs() []shapes.Shape { return x.outputs }

// Execute runs the computation. Donated inputs are gone afterwards, also if it fails.
func (x *Executable) Execute(inputs []backends.Buffer, donate []bool, device backends.DeviceNum) (outputs []backends.Buffer, err error) {
	doing := func() string { return fmt.Sprintf("Execute(%q)", x.name) }
	if err := x.backend.checkLive("Execute"); err != nil {
		return nil, err
	}
	if x.finalized.Load() {
		return nil, errors.Errorf("%s: the executable is finalized", doing())
	}
	if device != 0 {
		return nil, errors.Errorf("%s: got device %d, backend %q has only device 0", doing(), device, Name)
	}
	if len(inputs) != len(x.inputs) || len(donate) != 0 && len(donate) != len(inputs) {
		return nil, errors.Errorf("%s: got %d inputs and %d donation marks, want %d inputs", doing(), len(inputs), len(donate), len(x.inputs))
	}
	for i, in := range inputs {
		buf, err := x.backend.buffer("Execute", in)
		if err != nil {
			return nil, errors.WithMessagef(err, "%s: input #%d (%q)", doing(), i, x.names[i])
		}
		if !buf.shape.Equal(x.inputs[i]) {
			return nil, errors.Errorf("%s: input #%d (%q) has shape %s, want %s", doing(), i, x.names[i], buf.shape, x.inputs[i])
		}
	}
	f, err := x.frame()
	if err != nil {
		return nil, errors.WithMessage(err, doing())
	}
	defer x.release(f)
	for i, in := range inputs {
		f.ptrs[x.params[i]] = in.(*Buffer).block.ptr()
	}
	var donated []*block
	if len(donate) > 0 {
		donated = make([]*block, len(inputs))
		defer func() {
			for _, k := range donated {
				x.backend.memory.put(k)
			}
		}()
		for i, in := range inputs {
			if !donate[i] {
				continue
			}
			if donated[i] = in.(*Buffer).take(); donated[i] == nil {
				return nil, errors.Errorf("%s: input #%d (%q) is donated and also used as another input", doing(), i, x.names[i])
			}
		}
		for i, in := range inputs {
			if !donate[i] && !in.(*Buffer).valid.Load() {
				return nil, errors.Errorf("%s: input #%d (%q) is also donated as another input", doing(), i, x.names[i])
			}
		}
	}
	outputs = make([]backends.Buffer, len(x.outputs))
	for i, shape := range x.outputs {
		var buf *Buffer
		if d := x.donors[i]; d >= 0 && donated != nil && donated[d] != nil {
			buf = newBufferOver(shape, donated[d])
			donated[d] = nil
		} else if buf, err = x.backend.newBuffer(shape); err != nil {
			return nil, errors.WithMessagef(err, "%s: output #%d", doing(), i)
		}
		outputs[i] = buf
		f.ptrs[x.results[i]] = buf.block.ptr()
	}
	if err := x.runSteps(f); err != nil {
		return nil, errors.WithMessage(err, doing())
	}
	return outputs, nil
}

func (x *Executable) runSteps(f *frame) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Errorf("a step failed: %v", p)
		}
	}()
	f.par = currentCrew()
	if x.trace != nil {
		x.trace.run(x, f)
		return nil
	}
	for _, s := range x.steps {
		s.run(f)
	}
	return nil
}

// frame returns memory for one execution.
func (x *Executable) frame() (*frame, error) {
	if f, ok := x.frames.Get().(*frame); ok {
		return f, nil
	}
	k, err := x.backend.memory.get(x.arena)
	if err != nil {
		return nil, errors.WithMessage(err, "intermediate values")
	}
	f := &frame{ptrs: append([]unsafe.Pointer(nil), x.ptrs...), arena: k}
	f.alone = &frame{ptrs: f.ptrs, arena: k, par: kernel.Serial{}}
	for _, v := range x.offsets {
		f.ptrs[v.value] = unsafe.Add(k.ptr(), v.offset)
	}
	return f, nil
}

func (x *Executable) release(f *frame) {
	for _, p := range x.params {
		f.ptrs[p] = nil
	}
	for _, p := range x.results {
		f.ptrs[p] = nil
	}
	x.frames.Put(f)
}

// trace sums the time of every step.
type trace struct {
	mu     sync.Mutex
	name   string
	labels []string
	out    io.Writer
	nanos  []int64
	runs   int64
}

func (t *trace) run(x *Executable, f *frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := time.Now()
	for i, s := range x.steps {
		s.run(f)
		now := time.Now()
		t.nanos[i] += now.Sub(last).Nanoseconds()
		last = now
	}
	t.runs++
	if t.runs&(t.runs-1) == 0 {
		t.print()
	}
}

// print writes the time of each kind of step, longest first.
func (t *trace) print() {
	type line struct {
		label string
		count int
		nanos int64
	}
	byLabel := map[string]*line{}
	var lines []*line
	var total int64
	for i, label := range t.labels {
		l := byLabel[label]
		if l == nil {
			l = &line{label: label}
			byLabel[label] = l
			lines = append(lines, l)
		}
		l.count++
		l.nanos += t.nanos[i]
		total += t.nanos[i]
	}
	sort.SliceStable(lines, func(i, j int) bool { return lines[i].nanos > lines[j].nanos })
	fmt.Fprintf(t.out, "%s: %d runs, %d steps, %.1f us a run\n", t.name, t.runs, len(t.labels), float64(total)/1e3/float64(t.runs))
	const most = 40
	for i, l := range lines {
		if i == most {
			fmt.Fprintf(t.out, "  and %d more kinds\n", len(lines)-most)
			break
		}
		fmt.Fprintf(t.out, "%10.1f us %5.1f%% %5dx  %.160s\n", float64(l.nanos)/1e3/float64(t.runs),
			100*float64(l.nanos)/float64(max(total, 1)), l.count, l.label)
	}
}
