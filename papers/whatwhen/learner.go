package whatwhen

import (
	"github.com/gyrus-dev/gyrus/dynamics/network"
)

// learner is what reads a reservoir out: a "when" trace per channel, read in every millisecond, and a "what" value per channel, read
// once per trial.
type learner interface {
	// read gives the trace of each channel for the centred features of the current millisecond.
	read(x []float32, y []float64)
	// learn takes in one millisecond of a trial in which that event happens. bump is the event's target, y what was read.
	learn(ms int, x []float32, y []float64, event int, bump float64)
	// predict gives the value of each channel for the mean features just after the cue.
	predict(mean []float32, q []float64)
	// finish takes in the end of a trial.
	finish(mean []float32, event int)
	// switched tells that the statistics have changed. Only an oracle listens.
	switched()
}

// Traces are limited to this range, so that what is fed back cannot run away.
const lowest, highest = -.5, 1.5

// least is the part of a bump, and of a trace, that opens the time gate.
const least = .05

// local is the paper's read-out and what becomes of it without one of its parts. The "when" weights learn by presynaptic activity ×
// error × gate,
//
//	Δw_k = rate · G_k · (f - y_k) · x/‖x‖²
//
// in every millisecond, and the "what" weights by activity × error at the end of a trial.
type local struct {
	when, what     *network.ReadOut
	rate, whatRate float64
	channelGate    bool // only the channel that happens learns
	timeGate       bool // and only where its bump or its trace is
	merged         bool // there is no "what": one weight vector per channel does both
}

func newLocal(channels, n int, rate, whatRate float64) *local {
	return &local{when: network.NewReadOut(channels, n), what: network.NewReadOut(channels, n), rate: rate, whatRate: whatRate,
		channelGate: true, timeGate: true}
}

func (l *local) read(x []float32, y []float64) {
	for k := range y {
		y[k] = min(max(l.when.Output(k, x), lowest), highest)
	}
}

func (l *local) learn(_ int, x []float32, y []float64, event int, bump float64) {
	norm := -1. // taken when it is first needed
	for k := range y {
		target := 0.
		if k == event {
			target = bump
		} else if l.channelGate {
			continue
		}
		// The second condition lets a trace at a time that has become wrong be unlearned.
		if l.timeGate && bump <= least && y[k] <= least && y[k] >= -least {
			continue
		}
		if norm < 0 {
			norm = network.Norm(x)
		}
		l.when.Learn(k, l.rate, target-y[k], x, norm)
	}
}

func (l *local) predict(mean []float32, q []float64) {
	for k := range q {
		q[k] = 1
		if !l.merged {
			q[k] = min(max(l.what.Output(k, mean), 0), 1)
		}
	}
}

func (l *local) finish(mean []float32, event int) {
	norm := network.Norm(mean)
	for k := range l.what.Weights {
		l.what.Learn(k, l.whatRate, oneHot(k, event)-l.what.Output(k, mean), mean, norm)
	}
}

func (l *local) switched() {}

func oneHot(k, event int) float64 {
	if k == event {
		return 1
	}
	return 0
}

// leastSquares is FORCE learning: both read-outs by recursive least squares that forgets nothing, the "when" weights of the channel that
// happens every few milliseconds.
type leastSquares struct {
	when   []*network.RLS // of each channel, since each sees other samples
	what   *network.RLS
	resets bool // whether it is told of switches, and then restarts
	x      []float64
	errs   []float64
}

// rlsEvery is the time between updates of recursive least squares, ms.
const rlsEvery = 10

func newLeastSquares(channels, n int, resets bool) (*leastSquares, error) {
	l := &leastSquares{resets: resets, x: make([]float64, n), errs: make([]float64, channels)}
	var err error
	if l.what, err = network.NewRLS(channels, n, 1, 1); err != nil {
		return nil, err
	}
	for range channels {
		w, err := network.NewRLS(1, n, 1, 1)
		if err != nil {
			return nil, err
		}
		l.when = append(l.when, w)
	}
	return l, nil
}

func (l *leastSquares) load(x []float32) {
	for i, v := range x {
		l.x[i] = float64(v)
	}
}

func (l *leastSquares) read(x []float32, y []float64) {
	l.load(x)
	for k, w := range l.when {
		y[k] = min(max(w.Output(0, l.x), lowest), highest)
	}
}

func (l *leastSquares) learn(ms int, x []float32, _ []float64, event int, bump float64) {
	if ms%rlsEvery != 0 {
		return
	}
	l.load(x)
	w := l.when[event]
	l.errs[0] = bump - w.Output(0, l.x)
	must(w.Update(l.x, l.errs[:1]))
}

func (l *leastSquares) predict(mean []float32, q []float64) {
	l.load(mean)
	for k := range q {
		q[k] = min(max(l.what.Output(k, l.x), 0), 1)
	}
}

func (l *leastSquares) finish(mean []float32, event int) {
	l.load(mean)
	for k := range l.errs {
		l.errs[k] = oneHot(k, event) - l.what.Output(k, l.x)
	}
	must(l.what.Update(l.x, l.errs))
}

func (l *leastSquares) switched() {
	if !l.resets {
		return
	}
	l.what.Restart()
	for _, w := range l.when {
		w.Restart()
	}
}

// must stops the program where a slice of ours has a length that it cannot have.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
