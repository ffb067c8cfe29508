package network

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// Config is what a network consists of.
type Config struct {
	Neurons Neurons
	// Synapses connect the neurons among themselves, with delays of at least 1 step; nil for none.
	Synapses *Synapses
	// Inputs connect sources outside to the neurons; nil for none. A delay of 0 means that a spike given with a step takes
	// effect in that step.
	Inputs *Synapses
	// SynapseDecay is what is left, one step later, of the current that a spike has caused, exp(-Δt/τ). With 0 it lasts one step.
	SynapseDecay float64

	// Learning changes the weights of Synapses; nil keeps them.
	Learning *Learning

	// Workers is how many goroutines Run uses; 0 means GOMAXPROCS. It changes no result.
	Workers int
}

// Drive is what comes from outside in each step.
type Drive struct {
	// Current adds to the currents of neurons from to to-1: current[i] is that of neuron from+i. It is called for
	// disjoint ranges at once, of which each begins at a multiple of 256. May be nil.
	Current func(step, from, to int, current []float32)
	// Sources returns the sources outside that fire. It is called once for each step, in order. May be nil.
	Sources func(step int) []int32
}

// Network is a network in a state.
//
// In step t neuron i takes in I[t] = synapse decay · I[t-1] + Σ weights of the spikes that arrive now, plus what the drive adds for this step,
// and then its model says whether it fires. A spike of step t arrives in step t + delay.
type Network struct {
	c      Config
	blocks []*block
	step   int
	ring   int // slots of each block's queue: the longest delay and one
}

// maxBlock is the most neurons of a block: their numbers within it take 16 bits.
const maxBlock = 1 << 16

// block is a range of neurons with what comes to them. One worker at a time has it.
type block struct {
	from, to  int
	synapses  connections
	inputs    connections
	queue     []*[maxBlock]float32 // for each step ahead, modulo the longest delay and one, the currents that arrive
	synaptic  []float32            // currents that decay; nil if they last one step
	current   []float32
	spikes    [2][]int32 // of the step and the one before
	delivered int64
	learning  *learner
}

// connections are the synapses onto one block. Within a row they lie in runs of equal delay, as they come otherwise.
type connections struct {
	row    []int // [pre+1], into runs
	runs   []run
	target []uint16 // within the block
	weight []float32
	origin []int32 // which synapse of the whole each is; nil unless weights change
}

// run is synapses of equal delay: they end where the next begins.
type run struct {
	begin int
	delay int
}

// New makes a network at rest.
func New(c Config) (*Network, error) {
	if c.Neurons == nil || c.Neurons.Len() == 0 {
		return nil, errors.New("network: there are no neurons")
	}
	n := c.Neurons.Len()
	if !(c.SynapseDecay >= 0 && c.SynapseDecay < 1) {
		return nil, fmt.Errorf("network: a synapse decay of %g; it must lie in [0, 1)", c.SynapseDecay)
	}
	if c.Workers < 0 {
		return nil, fmt.Errorf("network: %d workers", c.Workers)
	}
	longest := 1
	if c.Synapses != nil {
		if err := c.Synapses.check("synapses", n, 1); err != nil {
			return nil, err
		}
		if c.Synapses.Pre != n {
			return nil, fmt.Errorf("network: synapses come from %d neurons, but there are %d", c.Synapses.Pre, n)
		}
		longest = max(longest, c.Synapses.longest())
	}
	if c.Inputs != nil {
		if err := c.Inputs.check("inputs", n, 0); err != nil {
			return nil, err
		}
		longest = max(longest, c.Inputs.longest())
	}
	if c.Learning != nil {
		if err := c.Learning.check(c.Synapses); err != nil {
			return nil, err
		}
	}
	workers := c.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	// Blocks are of equal size but for the last, and begin where noise is drawn.
	count := min(max(workers, (n+maxBlock-1)/maxBlock), (n+noiseChunk-1)/noiseChunk)
	size := (n + count - 1) / count
	size = min((size+noiseChunk-1)/noiseChunk*noiseChunk, maxBlock)
	net := &Network{c: c, ring: longest + 1}
	for from := 0; from < n; from += size {
		b := &block{from: from, to: min(from+size, n)}
		b.current = make([]float32, b.to-b.from)
		if c.SynapseDecay > 0 {
			b.synaptic = make([]float32, b.to-b.from)
		}
		for range net.ring {
			b.queue = append(b.queue, new([maxBlock]float32))
		}
		b.synapses = c.Synapses.onto(b.from, b.to, c.Learning != nil)
		b.inputs = c.Inputs.onto(b.from, b.to, false)
		if c.Learning != nil {
			b.learning = newLearner(c.Learning, &b.synapses, n, b.from, b.to)
		}
		net.blocks = append(net.blocks, b)
	}
	return net, nil
}

func (s *Synapses) longest() int {
	if len(s.Delay) == 0 {
		return 1
	}
	return int(slices.Max(s.Delay))
}

// onto returns the synapses onto neurons from to to-1.
func (s *Synapses) onto(from, to int, keepOrigin bool) connections {
	var c connections
	if s == nil {
		return c
	}
	n := 0
	for _, t := range s.Target {
		if int(t) >= from && int(t) < to {
			n++
		}
	}
	c.row = make([]int, s.Pre+1)
	c.target, c.weight = make([]uint16, 0, n), make([]float32, 0, n)
	if keepOrigin {
		c.origin = make([]int32, 0, n)
	}
	var order []int // synapses of one row
	for i := range s.Pre {
		order = order[:0]
		sorted := true
		for k := s.Start[i]; k < s.Start[i+1]; k++ {
			if t := int(s.Target[k]); t >= from && t < to {
				if len(order) > 0 && s.delay(order[len(order)-1]) > s.delay(k) {
					sorted = false
				}
				order = append(order, k)
			}
		}
		if !sorted {
			slices.SortStableFunc(order, func(a, b int) int { return s.delay(a) - s.delay(b) })
		}
		for at, k := range order {
			if at == 0 || s.delay(k) != s.delay(order[at-1]) {
				c.runs = append(c.runs, run{len(c.target), s.delay(k)})
			}
			c.target, c.weight = append(c.target, uint16(int(s.Target[k])-from)), append(c.weight, s.Weight[k])
			if keepOrigin {
				c.origin = append(c.origin, int32(k))
			}
		}
		c.row[i+1] = len(c.runs)
	}
	c.runs = append(c.runs, run{len(c.target), 0}) // where the last ends
	return c
}

// synapsesOf returns where the synapses of a row begin and end.
func (c *connections) synapsesOf(pre int) (begin, end int) {
	return c.runs[c.row[pre]].begin, c.runs[c.row[pre+1]].begin
}

// Reset brings the network to rest, with empty queues. Weights stay as they are.
func (n *Network) Reset() {
	n.c.Neurons.Reset()
	n.step = 0
	for _, b := range n.blocks {
		for _, q := range b.queue {
			clear(q[:b.to-b.from])
		}
		clear(b.synaptic)
		b.spikes = [2][]int32{}
		b.delivered = 0
		if b.learning != nil {
			b.learning.reset()
		}
	}
}

// Steps is how many steps the network has done since it was at rest.
func (n *Network) Steps() int { return n.step }

// Delivered is how many spikes have been delivered through synapses since the network was at rest: its synaptic operations.
func (n *Network) Delivered() (sum int64) {
	for _, b := range n.blocks {
		sum += b.delivered
	}
	return sum
}

// Step does one step in the calling goroutine: current, which may be nil, is added to what the neurons take in, and sources are those outside
// that fire. It returns the neurons that fire, in order; they stay valid until the next step.
func (n *Network) Step(current []float32, sources []int32) ([]int32, error) {
	if current != nil && len(current) != n.c.Neurons.Len() {
		return nil, fmt.Errorf("network: %d currents for %d neurons", len(current), n.c.Neurons.Len())
	}
	if err := n.checkSources(sources); err != nil {
		return nil, err
	}
	for _, b := range n.blocks {
		var outside []float32
		if current != nil {
			outside = current[b.from:b.to]
		}
		n.advance(b, n.step, sources, outside, nil)
	}
	for _, b := range n.blocks {
		n.deliver(b, n.step)
	}
	parity := n.step & 1
	n.step++
	if len(n.blocks) == 1 {
		return n.blocks[0].spikes[parity], nil
	}
	var all []int32
	for _, b := range n.blocks {
		all = append(all, b.spikes[parity]...)
	}
	return all, nil
}

func (n *Network) checkSources(sources []int32) error {
	if len(sources) > 0 && n.c.Inputs == nil {
		return errors.New("network: sources fire, but there are no inputs")
	}
	for _, s := range sources {
		if s < 0 || int(s) >= n.c.Inputs.Pre {
			return fmt.Errorf("network: source %d fires, but there are %d", s, n.c.Inputs.Pre)
		}
	}
	return nil
}

// advance does the first half of a step of a block: its neurons take in what is due and what comes from outside (outside and drive, each of
// which may be nil), and fire.
func (n *Network) advance(b *block, step int, sources []int32, outside []float32, drive func(step, from, to int, current []float32)) {
	for _, s := range sources {
		b.delivered += b.spread(&b.inputs, int(s), step, n.ring)
	}
	due := b.queue[step%n.ring][:b.to-b.from]
	if b.synaptic != nil {
		settleSynapses(b.current, b.synaptic, due, outside, float32(n.c.SynapseDecay))
	} else {
		copy(b.current, due)
		clear(due)
		if outside != nil {
			kernel.Binary(kernel.Add, b.current, b.current, outside)
		}
	}
	if drive != nil {
		drive(step, b.from, b.to, b.current)
	}
	b.spikes[step&1] = n.c.Neurons.Step(b.from, b.to, b.current, b.spikes[step&1][:0])
}

// settleSynapsesPortable lets synaptic currents decay, adds what is due and forgets it, and writes them plus what comes from outside, if that is not nil,
// into current.
func settleSynapsesPortable(current, synaptic, due, outside []float32, decay float32) {
	kernel.Axpy(synaptic, decay, synaptic, due)
	clear(due)
	if outside == nil {
		copy(current, synaptic)
	} else {
		kernel.Binary(kernel.Add, current, synaptic, outside)
	}
}

// deliver does the second half: the spikes of all blocks reach this one's queue.
func (n *Network) deliver(b *block, step int) {
	if n.c.Synapses == nil {
		return
	}
	if b.learning != nil {
		b.learning.decay()
	}
	for _, other := range n.blocks {
		for _, s := range other.spikes[step&1] {
			b.delivered += b.spread(&b.synapses, int(s), step, n.ring)
		}
	}
	if b.learning != nil {
		for _, other := range n.blocks {
			b.learning.presynaptic(other.spikes[step&1])
		}
		b.learning.postsynaptic(b.spikes[step&1])
		for _, other := range n.blocks {
			b.learning.remember(other.spikes[step&1])
		}
	}
}

// spread adds the weights of a row to the steps they are due in, and returns how many there are.
func (b *block) spread(c *connections, pre, step, ring int) int64 {
	runs := c.runs[c.row[pre] : c.row[pre+1]+1]
	for k := range len(runs) - 1 {
		at := runs[k].begin
		targets := c.target[at:runs[k+1].begin]
		weights := c.weight[at:][:len(targets)]
		into := b.queue[(step+runs[k].delay)%ring]
		for j, t := range targets {
			into[t] += weights[j]
		}
	}
	return int64(runs[len(runs)-1].begin - runs[0].begin)
}

// Run does so many steps. observe, which may be nil, is called after each step with the neurons that fired in it, in order; it must not
// keep them. Run stops early when ctx is cancelled, and fails when a membrane is no longer finite.
func (n *Network) Run(ctx context.Context, steps int, drive Drive, observe func(step int, spikes []int32)) error {
	if drive.Sources != nil && n.c.Inputs == nil {
		return errors.New("network: the drive has sources, but there are no inputs")
	}
	r := &running{n: n, drive: drive, observe: observe, first: n.step, end: n.step + steps, ctx: ctx}
	workers := min(len(n.blocks), max(1, n.c.Workers))
	if n.c.Workers == 0 {
		workers = min(len(n.blocks), runtime.GOMAXPROCS(0))
	}
	r.meet.workers = int32(workers)
	var group sync.WaitGroup
	for w := 1; w < workers; w++ {
		group.Add(1)
		go func() {
			defer group.Done()
			r.work(w, workers)
		}()
	}
	r.work(0, workers)
	group.Wait()
	n.step = r.done
	if r.err != nil {
		return r.err
	}
	return n.c.Neurons.Check()
}

// running is one call of Run.
type running struct {
	n          *Network
	ctx        context.Context
	drive      Drive
	observe    func(step int, spikes []int32)
	first, end int
	meet       barrier

	// Worker 0 writes these between two meetings, and the others read them after the second.
	sources []int32
	stop    bool

	err  error
	done int // steps
	all  []int32
}

// work does the steps of every so manieth block.
func (r *running) work(w, workers int) {
	n := r.n
	for step := r.first; ; step++ {
		if w == 0 {
			r.prepare(step)
		}
		if r.drive.Sources != nil || step == r.first || step%64 == 0 {
			r.meet.wait() // for what worker 0 prepared
		}
		if r.stop || step == r.end {
			if w == 0 {
				r.done = step
			}
			return
		}
		for k := w; k < len(n.blocks); k += workers {
			n.advance(n.blocks[k], step, r.sources, nil, r.drive.Current)
		}
		r.meet.wait() // for the spikes of all
		for k := w; k < len(n.blocks); k += workers {
			n.deliver(n.blocks[k], step)
		}
		if w == 0 && r.observe != nil {
			// The others may be in the next step: it writes its spikes elsewhere, and the one after must wait.
			r.all = r.all[:0]
			for _, b := range n.blocks {
				r.all = append(r.all, b.spikes[step&1]...)
			}
			r.observe(step, r.all)
		}
	}
}

// prepare gets what a step needs from outside, and decides every 64 steps whether to go on.
func (r *running) prepare(step int) {
	if step%64 == 0 && r.ctx.Err() != nil {
		r.err, r.stop = context.Cause(r.ctx), true
		return
	}
	if r.drive.Sources != nil && step < r.end {
		r.sources = r.drive.Sources(step)
		if err := r.n.checkSources(r.sources); err != nil {
			// Only where all meet may the run stop, and with sources they do so at each step.
			r.err, r.stop = err, true
		}
	}
}

// barrier lets workers go on when all have come. They look for one another without sleeping at first, as a step is short.
type barrier struct {
	workers int32
	came    atomic.Int32
	round   atomic.Int32
}

func (b *barrier) wait() {
	if b.workers == 1 {
		return
	}
	round := b.round.Load()
	if b.came.Add(1) == b.workers {
		b.came.Store(0)
		b.round.Add(1)
		return
	}
	for tries := 0; b.round.Load() == round; tries++ {
		switch {
		case tries > 4000:
			time.Sleep(20 * time.Microsecond)
		case tries > 400:
			runtime.Gosched()
		}
	}
}

// Weights returns the weights in the order of Config.Synapses, as learning has left them.
func (n *Network) Weights() []float32 {
	if n.c.Synapses == nil {
		return nil
	}
	w := slices.Clone(n.c.Synapses.Weight)
	for _, b := range n.blocks {
		for k, o := range b.synapses.origin {
			w[o] = b.synapses.weight[k]
		}
	}
	return w
}

// Rate is spikes per neuron and second, of so many spikes of so many neurons in steps of dt ms.
func Rate(spikes, neurons, steps int, dt float64) float64 {
	return float64(spikes) / float64(neurons) / (float64(steps) * dt / 1000)
}

// DecayOf is exp(-dt/tau), the factor by which what decays with the time constant tau does so in a step of dt.
func DecayOf(dt, tau float64) float64 { return math.Exp(-dt / tau) }
