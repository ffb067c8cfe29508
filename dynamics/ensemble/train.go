package ensemble

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/compute"
)

// Options say how networks are trained. Each network has a moment of its own at which it stops.
type Options struct {
	Steps, Batch int     // shape of what is drawn
	Rate         float64 // of Adam
	L1           float64 // times the sum of absolute weights (without biases) is added to the loss
	Nuclear      float64 // times the sum of singular values of the recurrent weights is added to the loss

	// A network stops when the running mean of its error (without penalties) falls below Threshold, or after Updates.
	Threshold float64
	Smoothing float64 // of the running mean: the weight of its past; zero means 0.95
	Updates   int
	// Extra updates are made after the threshold is passed.
	Extra int
	// Patience halves the rate of a network whose running mean has not reached a new best for that many updates; zero keeps it.
	Patience int

	// Group is how many networks go through the graph at once; zero means as many as fit the caches of a processor.
	Group int
	// Every is how many updates lie between two points of a curve; zero means 20.
	Every int
	// Progress, if not nil, is told after each round of updates how many networks are done and how many updates the others have had.
	Progress func(done, updates int)
}

// Member is one network of an ensemble, with what becomes of it.
type Member struct {
	Weights Weights // at the beginning, and then at the end
	// Draw fills a batch: x [steps, batch, inputs] and y [steps, batch, outputs]. Draws of one network follow each other; those of
	// different networks may overlap in time.
	Draw func(x, y []float32)

	Converged bool      // the threshold was passed
	Updates   int       // made
	Loss      float64   // running mean of the error at the end
	Rate      float64   // learning rate at the end
	Curve     []float64 // running mean, every Options.Every updates
}

// ErrDiverged says that a network's loss is no longer finite.
var ErrDiverged = errors.New("the loss is not finite any more")

// cacheBytes is how much the states of a group may take: what two processors hold close by.
const cacheBytes = 3 << 20

func (o Options) group(n Network) int {
	if o.Group > 0 {
		return o.Group
	}
	g := 1
	for g < 64 && 2*g*o.Steps*o.Batch*n.Units*4 <= cacheBytes {
		g *= 2
	}
	return g
}

func (o Options) check() error {
	if o.Steps < 1 || o.Batch < 1 || o.Updates < 1 {
		return fmt.Errorf("ensemble: %d updates on batches of %d trials of %d steps; expected at least one of each", o.Updates, o.Batch, o.Steps)
	}
	if !(o.Rate > 0) || !(o.L1 >= 0) || !(o.Nuclear >= 0) || !(o.Smoothing >= 0 && o.Smoothing < 1) || o.Extra < 0 || o.Patience < 0 {
		return fmt.Errorf("ensemble: rate %g, penalties %g and %g, smoothing %g, %d extra updates; expected a positive rate, a smoothing below 1 and nothing negative",
			o.Rate, o.L1, o.Nuclear, o.Smoothing, o.Extra)
	}
	return nil
}

// learner is a member under way.
type learner struct {
	*Member
	flat, first, second []float32
	x, y                []float32 // its next batch
	left                int       // extra updates; -1 before the threshold
	best                float64   // running mean
	waited              int       // updates since then
}

// Train trains all members until each has stopped. When ctx is cancelled it returns ctx's error; members are then as they were at the beginning.
func Train(ctx context.Context, backend backends.Backend, net Network, members []*Member, o Options) error {
	if err := errors.Join(net.Check(), o.check()); err != nil {
		return err
	}
	if o.Smoothing == 0 {
		o.Smoothing = .95
	}
	if o.Every == 0 {
		o.Every = 20
	}
	active := make([]*learner, len(members))
	for i, m := range members {
		l := &learner{Member: m, flat: m.Weights.Flat(), left: -1, best: math.Inf(1)}
		if len(l.flat) != net.size() || m.Draw == nil {
			return fmt.Errorf("ensemble: network %d has %d weights, expected %d, and something to draw from", i, len(l.flat), net.size())
		}
		l.first, l.second = make([]float32, net.size()), make([]float32, net.size())
		l.x, l.y = make([]float32, o.Steps*o.Batch*net.Inputs), make([]float32, o.Steps*o.Batch*net.Outputs)
		m.Converged, m.Updates, m.Loss, m.Rate, m.Curve = false, 0, 0, o.Rate, nil
		active[i] = l
	}
	t := &trainer{net: net, o: o, rounds: map[int]*round{}}
	return compute.Catch("training an ensemble", func() (err error) {
		t.exec, err = graph.NewExec(backend, t.graph)
		if err != nil {
			return err
		}
		defer t.exec.Finalize()
		for len(active) > 0 {
			if active, err = t.update(ctx, active); err != nil {
				return err
			}
			if o.Progress != nil && len(active) > 0 {
				o.Progress(len(members)-len(active), active[0].Updates)
			}
		}
		if o.Progress != nil {
			o.Progress(len(members), 0)
		}
		return nil
	})
}

type trainer struct {
	net    Network
	o      Options
	exec   *graph.Exec
	rounds map[int]*round
}

// round holds the inputs of the graph for one size of group.
type round struct {
	flat, first, second, scales, x, y *tensors.Tensor
	in                                []any
}

func (t *trainer) graph(in []*graph.Node) []*graph.Node {
	flat, first, second, scales, x, y := in[0], in[1], in[2], in[3], in[4], in[5]
	loss, grad := t.net.gradient(flat, x, y, t.o.Steps)
	if penalty := t.net.penalty(flat, t.o.L1, t.o.Nuclear); penalty != nil {
		grad = graph.Add(grad, penalty)
	}
	flat, first, second = adam(flat, first, second, grad, scales)
	return []*graph.Node{flat, first, second, loss}
}

// draw draws the next batches of networks, in the background.
func draw(learners []*learner) (drawn chan struct{}) {
	drawn = make(chan struct{})
	go func() {
		for _, l := range learners {
			l.Draw(l.x, l.y)
		}
		close(drawn)
	}()
	return drawn
}

// update makes one update of each network and returns those that go on.
func (t *trainer) update(ctx context.Context, active []*learner) ([]*learner, error) {
	size := t.o.group(t.net)
	var groups [][]*learner
	for from := 0; from < len(active); from += size {
		groups = append(groups, active[from:min(from+size, len(active))])
	}
	<-draw(groups[0])
	var rest []*learner
	for i, group := range groups {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		r := t.round(len(group), size)
		if err := t.fill(r, group); err != nil {
			return nil, err
		}
		var drawn chan struct{}
		if i+1 < len(groups) {
			drawn = draw(groups[i+1])
		}
		out, err := t.exec.Exec(r.in...)
		if drawn != nil {
			<-drawn
		}
		if err != nil {
			return nil, err
		}
		left, err := t.take(group, out)
		if err != nil {
			return nil, err
		}
		rest = append(rest, left...)
	}
	return rest, nil
}

// round returns inputs for at least n networks: groups are of powers of two, or full, to compile few graphs.
func (t *trainer) round(n, most int) *round {
	size := 1
	for size < n {
		size *= 2
	}
	size = min(size, most)
	if r := t.rounds[size]; r != nil {
		return r
	}
	tensor := func(dims ...int) *tensors.Tensor {
		return tensors.FromScalarAndDimensions(float32(0), append([]int{size}, dims...)...)
	}
	rows := t.o.Steps * t.o.Batch
	r := &round{flat: tensor(t.net.size()), first: tensor(t.net.size()), second: tensor(t.net.size()), scales: tensor(3),
		x: tensor(rows, t.net.Inputs), y: tensor(rows, t.net.Outputs)}
	r.in = []any{r.flat, r.first, r.second, r.scales, r.x, r.y}
	t.rounds[size] = r
	return r
}

// fill copies what belongs to a group into the inputs of the graph. Places that are left over stay as they are.
func (t *trainer) fill(r *round, group []*learner) error {
	put := func(to *tensors.Tensor, of func(*learner) []float32) error {
		return tensors.MutableFlatData(to, func(flat []float32) {
			width := len(flat) / to.Shape().Dimensions[0]
			for i, l := range group {
				copy(flat[i*width:][:width], of(l))
			}
		})
	}
	return errors.Join(
		put(r.flat, func(l *learner) []float32 { return l.flat }),
		put(r.first, func(l *learner) []float32 { return l.first }),
		put(r.second, func(l *learner) []float32 { return l.second }),
		put(r.scales, func(l *learner) []float32 {
			n := float64(l.Updates + 1)
			return []float32{float32(l.Rate), float32(1 / (1 - math.Pow(.9, n))), float32(1 / (1 - math.Pow(.999, n)))}
		}),
		put(r.x, func(l *learner) []float32 { return l.x }),
		put(r.y, func(l *learner) []float32 { return l.y }),
	)
}

// take stores what the graph has made of a group, and returns the networks that go on.
func (t *trainer) take(group []*learner, out []*tensors.Tensor) (rest []*learner, err error) {
	get := func(i int, to func(*learner) []float32) error {
		defer out[i].MustFinalizeAll()
		return tensors.ConstFlatData(out[i], func(flat []float32) {
			width := len(flat) / out[i].Shape().Dimensions[0]
			for k, l := range group {
				copy(to(l), flat[k*width:][:width])
			}
		})
	}
	losses := make([][1]float32, len(group))
	if err := errors.Join(
		get(0, func(l *learner) []float32 { return l.flat }),
		get(1, func(l *learner) []float32 { return l.first }),
		get(2, func(l *learner) []float32 { return l.second }),
		tensors.ConstFlatData(out[3], func(flat []float32) {
			for k := range group {
				losses[k][0] = flat[k]
			}
		}),
	); err != nil {
		return nil, err
	}
	out[3].MustFinalizeAll()
	for k, l := range group {
		loss := float64(losses[k][0])
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, fmt.Errorf("ensemble: after %d updates of a network, at the rate %g, %w", l.Updates, l.Rate, ErrDiverged)
		}
		if l.Updates == 0 {
			l.Loss = loss
		}
		l.Loss = t.o.Smoothing*l.Loss + (1-t.o.Smoothing)*loss
		l.Updates++
		if l.Updates%t.o.Every == 0 {
			l.Curve = append(l.Curve, l.Loss)
		}
		if l.waited++; l.Loss < l.best {
			l.best, l.waited = l.Loss, 0
		} else if t.o.Patience > 0 && l.waited >= t.o.Patience {
			l.Rate, l.waited = l.Rate/2, 0
		}
		if l.left < 0 && l.Loss < t.o.Threshold {
			l.Converged, l.left = true, t.o.Extra
		} else if l.left > 0 {
			l.left--
		}
		if l.left == 0 || l.Updates >= t.o.Updates {
			l.Weights = t.net.cut(l.flat)
			continue
		}
		rest = append(rest, l)
	}
	return rest, nil
}
