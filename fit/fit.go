package fit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/metrics"

	"github.com/gyrus-dev/gyrus/compute"
)

// Problem is what is to be learned from what.
type Problem struct {
	// Name says what is trained, for errors and checkpoints.
	Name string

	// Train and Val hold the examples: tensors of any number and type that share their first axis, one row per example.
	// Val may be nil; then nothing is evaluated and the training curves are monitored instead.
	Train, Val []*tensors.Tensor

	// Loss builds the graph of the scalar loss of a batch. The batch has the tensors of Train (or Val) with a first axis of
	// the batch's size. ctx.IsTraining tells training from evaluation. Other scalars worth a curve are handed to [Report].
	//
	// The loss of an epoch is the mean over its batches weighted by their rows, so a loss that is a mean over rows keeps its
	// meaning.
	Loss func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node
}

// Options says how to train. The zero value of every field but Epochs, BatchSize and LearningRate is a sensible default.
type Options struct {
	Epochs    int
	BatchSize int

	// MinBatch is the fewest rows an incomplete last batch of an epoch must have to be trained on; with fewer it is left out
	// of that epoch. Zero means 1. Batch normalisation needs 2; BatchSize leaves out every incomplete batch, which also saves
	// compiling a second graph.
	MinBatch int
	// EvalBatch is the batch size for Val; zero means BatchSize. All rows of Val are always evaluated.
	EvalBatch int
	// InOrder trains on the rows in the order they are given, instead of shuffling them by (Seed, epoch).
	InOrder bool

	LearningRate float64
	Schedule     Schedule  // what becomes of LearningRate over time; nil keeps it
	Optimizer    Optimizer // nil means Adam{}

	// WeightDecay is the decay in each epoch, counted from 0, of all trainable variables; nil means none. It is coupled, as
	// weight_decay in PyTorch's Adam: the gradient becomes grad + decay·value, after clipping. With Decoupled it is as in
	// AdamW: the value additionally shrinks by learning rate · decay · value.
	WeightDecay func(epoch int) float64
	Decoupled   bool

	// ClipNorm scales the gradient of all variables together down to this Euclidean norm; 0 means no clipping.
	ClipNorm float64

	// Scalars are values that change per epoch (counted from 0) and that Loss reads by [Scalar], such as the weight of a term.
	Scalars map[string]func(epoch int) float64

	// Monitor names the curve of Val (of Train if Val is nil) that KeepBest, Patience and [Plateau] watch: "loss" or a
	// name given to [Report]. Empty means "loss". It is minimised, or maximised if Maximize is set.
	Monitor  string
	Maximize bool
	// Patience stops the training when the monitored curve has not reached a new best for more than this many epochs;
	// 0 means never.
	Patience int
	// KeepBest leaves the variables at the end as they were after the epoch with the best monitored value.
	KeepBest bool

	Checkpoint Checkpoint

	// Seed decides the initial values of variables that have none, the shuffling, and random numbers drawn in the graph.
	Seed int64
	// Tag is anything else that decides what is trained, such as the model's sizes; a checkpoint of another Tag is refused.
	Tag string

	// OnEpoch is called after each epoch. Its error ends the training; the error [ErrStop] ends it well. After a resume it is
	// called again for epochs that are trained again.
	OnEpoch func(Epoch) error
	// Progress is called after each step.
	Progress func(Progress)
}

// ErrStop is returned by Options.OnEpoch to end the training as if it had reached its last epoch.
var ErrStop = errors.New("stop the training")

// Progress is how far a training has come.
type Progress struct {
	Epoch, Epochs int     // Epoch counts from 0
	Step, Steps   int     // steps done and steps there are, over all epochs
	Loss          float64 // mean over the steps of this epoch so far
	Last          *Epoch  // the last complete epoch, or nil
}

// DivergedError says that the loss was no longer finite.
type DivergedError struct {
	Problem      string
	Epoch, Step  int // counted from 0; Step counts within the epoch, and is -1 for the evaluation after it
	LearningRate float64
	Loss         float64
	LastFinite   float64 // the loss one step earlier; NaN if there was none
}

func (e *DivergedError) Error() string {
	where := fmt.Sprintf("step %d", e.Step)
	if e.Step < 0 {
		where = "evaluation"
	}
	return fmt.Sprintf("training %s: the loss became %v in epoch %d, %s, at learning rate %g (last finite loss %g): "+
		"lower the learning rate, clip the gradient, or check the data", e.Problem, e.Loss, e.Epoch, where, e.LearningRate, e.LastFinite)
}

// Train minimises the problem's loss over the trainable variables of vars, creating those that do not exist yet. On return vars
// holds the model's variables and nothing of the training (no moments of the optimiser).
//
// With a checkpoint folder, Train goes on from the checkpoint it finds there; see [Checkpoint]. When ctx is cancelled
// Train stops between two steps, writes a checkpoint if it has a folder, and returns ctx's error with the history so far.
//
// Each model needs a context of its own: vars must be at the root scope.
func Train(ctx context.Context, backend backends.Backend, vars *mlctx.Context, p Problem, o Options) (*History, error) {
	o, err := o.withDefaults(p)
	if err != nil {
		return nil, fmt.Errorf("training %s: %w", p.Name, err)
	}
	if vars.Scope() != mlctx.RootScope {
		return nil, fmt.Errorf("training %s: the variables are given at scope %q; give a context of its own, at its root", p.Name, vars.Scope())
	}
	t := &training{backend: backend, vars: vars, p: p, o: o, lastFinite: math.NaN()}
	err = compute.Catch("training "+p.describe(o.BatchSize), func() error { return t.run(ctx) })
	if end := compute.Catch("ending the training of "+p.Name, t.end); err == nil {
		err = end
	}
	var diverged *DivergedError
	if errors.As(err, &diverged) {
		err = diverged
	}
	return &t.state.History, err
}

func (o Options) withDefaults(p Problem) (Options, error) {
	switch {
	case p.Loss == nil:
		return o, errors.New("Problem.Loss is nil")
	case o.Epochs < 1:
		return o, fmt.Errorf("Options.Epochs is %d; it must be at least 1", o.Epochs)
	case o.BatchSize < 1:
		return o, fmt.Errorf("Options.BatchSize is %d; it must be at least 1", o.BatchSize)
	case !(o.LearningRate > 0) || math.IsInf(o.LearningRate, 0):
		return o, fmt.Errorf("Options.LearningRate is %g; it must be positive and finite", o.LearningRate)
	case o.ClipNorm < 0:
		return o, fmt.Errorf("Options.ClipNorm is %g; it must not be negative", o.ClipNorm)
	case o.Patience < 0:
		return o, fmt.Errorf("Options.Patience is %d; it must not be negative", o.Patience)
	case o.MinBatch < 0 || o.EvalBatch < 0:
		return o, fmt.Errorf("Options.MinBatch is %d and EvalBatch %d; they must not be negative", o.MinBatch, o.EvalBatch)
	case o.MinBatch > o.BatchSize:
		return o, fmt.Errorf("Options.MinBatch is %d, more than BatchSize %d", o.MinBatch, o.BatchSize)
	}
	rows, err := rowsOf("Problem.Train", p.Train)
	if err != nil {
		return o, err
	}
	if p.Val != nil {
		if _, err := rowsOf("Problem.Val", p.Val); err != nil {
			return o, err
		}
	}
	o.MinBatch = max(1, o.MinBatch)
	if rows < o.MinBatch {
		return o, fmt.Errorf("there are %d training rows, fewer than the smallest batch allowed (MinBatch %d)", rows, o.MinBatch)
	}
	if o.EvalBatch == 0 {
		o.EvalBatch = o.BatchSize
	}
	if o.Schedule == nil {
		o.Schedule = Constant{}
	}
	if o.Optimizer == nil {
		o.Optimizer = Adam{}
	}
	if o.Monitor == "" {
		o.Monitor = lossName
	}
	return o, nil
}

// training is one call of Train.
type training struct {
	backend backends.Backend
	vars    *mlctx.Context
	p       Problem
	o       Options

	state state

	trainer   *train.Trainer
	eval      *mlctx.Exec
	update    *update
	trainRead batchReader
	valRead   batchReader
	names     []string // of the scalars that a step returns: the loss and what was reported
	valNames  []string // of those that an evaluation returns

	lastFinite float64
	lastWrite  time.Time
	writeTook  time.Duration
	traits     []trait
}

// state is everything that a checkpoint must hold beside variables.
type state struct {
	History History
	Epoch   int // the epoch being trained
	Step    int // steps of it that are done
	Sums    []float64
	Rows    int
	Names   []string // what Sums sums
	Done    bool
	Seconds float64 // spent on this epoch before the checkpoint

	best map[string]*tensors.Tensor // the model's variables after the best epoch, by full name, on the host
}

func (t *training) run(ctx context.Context) error {
	if err := t.prepare(); err != nil {
		return err
	}
	for !t.state.Done {
		if err := t.epoch(ctx); err != nil {
			return err
		}
	}
	if t.o.KeepBest {
		return t.restoreBest()
	}
	return nil
}

func (t *training) prepare() error {
	if t.o.Checkpoint.Dir != "" {
		t.traits = traitsOf(t.backend, t.p, t.o)
	}
	resumed, err := t.resume()
	if err != nil {
		return err
	}
	t.lastWrite = time.Now()
	t.trainRead = newBatchReader(t.p.Train)
	t.valRead = newBatchReader(t.p.Val)
	vars := t.vars
	for v := range vars.IterVariables() {
		if v.Trainable {
			vars = vars.Checked(false) // the model's variables exist: it continues with them
			break
		}
	}
	if err := t.setScalars(t.state.Epoch); err != nil {
		return err
	}
	t.update = &update{o: &t.o, rate: t.rate(), decay: t.decay(t.state.Epoch)}
	loss := func(ctx *mlctx.Context, _ any, batch []*graph.Node) []*graph.Node {
		loss := t.loss(ctx, batch)
		train.AddLoss(ctx, loss)
		return []*graph.Node{loss}
	}
	t.trainer = train.NewTrainer(t.backend, vars, loss, nil, t.update, []metrics.Interface{&reported{names: &t.names}}, nil)
	t.eval, err = mlctx.NewExec(t.backend, vars.Checked(false), func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
		return stackReports(ctx, t.loss(ctx, batch), &t.valNames)
	})
	if err != nil {
		return err
	}
	if resumed {
		known := t.modelNames()
		t.update.afterBuild = func() error { return t.checkSameModel(known) }
	}
	return nil
}

// loss builds the loss and checks it.
func (t *training) loss(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
	loss := t.p.Loss(ctx, batch)
	switch {
	case loss == nil:
		panicf("Problem.Loss returned nil")
	case !loss.Shape().IsScalar():
		panicf("the loss must be a scalar, but Problem.Loss returned shape %s", loss.Shape())
	case loss.DType() != dtypes.Float32 && loss.DType() != dtypes.Float64:
		panicf("the loss has type %s; it must be Float32 or Float64", loss.DType())
	}
	return loss
}

// epoch trains what is left of the current epoch and closes it.
func (t *training) epoch(ctx context.Context) error {
	s := &t.state
	start := time.Now()
	before := s.Seconds
	order := t.order(s.Epoch)
	if s.Step == 0 {
		if err := t.vars.SetRNGStateFromSeed(streamSeed(t.o.Seed, "train", s.Epoch)); err != nil {
			return err
		}
	}
	if err := t.setEpoch(s.Epoch); err != nil {
		return err
	}
	for steps := t.stepsPerEpoch(); s.Step < steps; {
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), t.write())
		}
		rate, err := t.setRate()
		if err != nil {
			return err
		}
		from := s.Step * t.o.BatchSize
		rows := order[from:min(from+t.o.BatchSize, len(order))]
		batch, err := t.trainRead.read(rows)
		if err != nil {
			return err
		}
		out, err := t.trainer.TrainStep(nil, batch, nil)
		if err != nil {
			return err
		}
		values, err := floats(out[len(out)-1])
		for _, o := range out {
			o.MustFinalizeAll()
		}
		if err != nil {
			return err
		}
		if check := t.update.afterBuild; check != nil {
			t.update.afterBuild = nil
			if err := check(); err != nil {
				return err
			}
		}
		if !finite(values[0]) {
			return &DivergedError{t.p.Name, s.Epoch, s.Step, rate, values[0], t.lastFinite}
		}
		t.lastFinite = values[0]
		if s.Step == 0 {
			s.Sums, s.Rows, s.Names = make([]float64, len(values)), 0, t.names
		}
		if !slices.Equal(s.Names, t.names) {
			return fmt.Errorf("the loss reports %v, but before %v: it must report the same for all batches, and as in the checkpoint resumed",
				t.names, s.Names)
		}
		for i, v := range values {
			s.Sums[i] += v * float64(len(rows))
		}
		s.Rows += len(rows)
		s.Step++
		s.Seconds = before + time.Since(start).Seconds()
		if t.o.Progress != nil {
			pr := Progress{Epoch: s.Epoch, Epochs: t.o.Epochs, Step: s.Epoch*steps + s.Step, Steps: t.o.Epochs * steps,
				Loss: s.Sums[0] / float64(s.Rows)}
			if n := len(s.History.Epochs); n > 0 {
				pr.Last = &s.History.Epochs[n-1]
			}
			t.o.Progress(pr)
		}
		if s.Step < steps && t.o.Checkpoint.due(t.lastWrite) {
			if err := t.write(); err != nil {
				return err
			}
		}
	}
	return t.closeEpoch(start, before)
}

// closeEpoch evaluates, keeps the best variables, decides whether to go on, and writes a checkpoint if that is cheap.
func (t *training) closeEpoch(start time.Time, before float64) error {
	s := &t.state
	e := Epoch{Epoch: s.Epoch, Steps: s.Step, LearningRate: t.update.rate, Train: t.means(s.Names, s.Sums, s.Rows)}
	if t.p.Val != nil {
		var err error
		if e.Val, err = t.evaluate(); err != nil {
			return err
		}
	}
	value, ok := e.curve(t.p.Val != nil)[t.o.Monitor]
	if !ok {
		return fmt.Errorf("Options.Monitor is %q, but the curves are %v", t.o.Monitor, slices.Sorted(maps.Keys(e.curve(t.p.Val != nil))))
	}
	e.Monitored = value
	e.Seconds = before + time.Since(start).Seconds()
	s.History.add(e, t.o.Maximize)
	if s.History.Best == e.Epoch && t.o.KeepBest {
		if err := t.keepBest(); err != nil {
			return err
		}
	}
	s.Epoch, s.Step, s.Sums, s.Rows, s.Seconds = s.Epoch+1, 0, nil, 0, 0
	if t.o.OnEpoch != nil {
		switch err := t.o.OnEpoch(e); {
		case errors.Is(err, ErrStop):
			s.Done, s.History.Stopped = true, "stopped by the caller"
		case err != nil:
			return err
		}
	}
	switch {
	case s.Done:
	case t.o.Patience > 0 && e.Epoch-s.History.Best > t.o.Patience:
		s.Done = true
		s.History.Stopped = fmt.Sprintf("%s has not improved for %d epochs", t.o.Monitor, e.Epoch-s.History.Best)
	case s.Epoch == t.o.Epochs:
		s.Done = true
		s.History.Stopped = "all epochs done"
	}
	if s.Done || t.o.Checkpoint.due(t.lastWrite) || t.cheapToWrite() {
		return t.write()
	}
	return nil
}

// evaluate returns the mean of the loss and of what was reported over Val. It draws the same random numbers in every epoch, so that
// epochs differ by their variables alone.
func (t *training) evaluate() (map[string]float64, error) {
	if err := t.vars.SetRNGStateFromSeed(streamSeed(t.o.Seed, "val", 0)); err != nil {
		return nil, err
	}
	n := t.valRead.rows
	var sums []float64
	for from := 0; from < n; from += t.o.EvalBatch {
		rows := make([]int, min(t.o.EvalBatch, n-from))
		for i := range rows {
			rows[i] = from + i
		}
		batch, err := t.valRead.read(rows)
		if err != nil {
			return nil, err
		}
		out, err := t.eval.Exec(anys(batch)...)
		if err != nil {
			return nil, fmt.Errorf("evaluating: %w", err)
		}
		values, err := floats(out[0])
		out[0].MustFinalizeAll()
		if err != nil {
			return nil, err
		}
		if !finite(values[0]) {
			return nil, &DivergedError{t.p.Name, t.state.Epoch, -1, t.update.rate, values[0], t.lastFinite}
		}
		if sums == nil {
			sums = make([]float64, len(values))
		}
		for i, v := range values {
			sums[i] += v * float64(len(rows))
		}
	}
	return t.means(t.valNames, sums, n), nil
}

func (t *training) means(names []string, sums []float64, rows int) map[string]float64 {
	m := make(map[string]float64, len(names))
	for i, name := range names {
		m[name] = sums[i] / float64(rows)
	}
	return m
}

// keepBest copies the model's variables to the host.
func (t *training) keepBest() error {
	if t.state.best == nil {
		t.state.best = map[string]*tensors.Tensor{}
	}
	for v := range modelVariables(t.vars) {
		value, err := v.Value()
		if err != nil {
			return err
		}
		name := v.ScopeAndName()
		if kept := t.state.best[name]; kept != nil {
			if err := copyTensor(kept, value); err != nil {
				return err
			}
			continue
		}
		if t.state.best[name], err = value.LocalClone(); err != nil {
			return err
		}
	}
	return nil
}

func (t *training) restoreBest() error {
	for v := range modelVariables(t.vars) {
		best, ok := t.state.best[v.ScopeAndName()]
		if !ok {
			continue
		}
		value, err := best.LocalClone()
		if err != nil {
			return err
		}
		if err := v.SetValue(value); err != nil {
			return err
		}
	}
	return nil
}

// end frees the graphs and removes from the variables what only training needs.
func (t *training) end() error {
	if t.trainer != nil {
		t.trainer.ResetComputationGraphs()
	}
	if t.eval != nil {
		t.eval.Finalize()
	}
	t.trainRead.free()
	t.valRead.free()
	if err := deleteTrainingVariables(t.vars); err != nil {
		return err
	}
	return t.vars.SetRNGStateFromSeed(streamSeed(t.o.Seed, "after", 0))
}

func (t *training) stepsPerEpoch() int {
	full, rest := t.trainRead.rows/t.o.BatchSize, t.trainRead.rows%t.o.BatchSize
	if rest >= t.o.MinBatch {
		full++
	}
	return full
}

// setEpoch gives the graph the values that hold for an epoch.
func (t *training) setEpoch(epoch int) error {
	if err := t.setScalars(epoch); err != nil {
		return err
	}
	t.update.decay = t.decay(epoch)
	return t.update.setDecay(t.vars)
}

func (t *training) decay(epoch int) float64 {
	if t.o.WeightDecay == nil {
		return 0
	}
	return t.o.WeightDecay(epoch)
}

func (t *training) setScalars(epoch int) error {
	for name, f := range t.o.Scalars {
		if err := setScalar(t.vars, name, f(epoch)); err != nil {
			return err
		}
	}
	return nil
}

// rate is the learning rate of the next step.
func (t *training) rate() float64 {
	s := &t.state
	return t.o.Schedule.Rate(t.o.LearningRate, Moment{
		Epoch: s.Epoch, Epochs: t.o.Epochs, Step: s.Step, Steps: t.stepsPerEpoch(),
		Monitored: s.History.Monitored(), Maximize: t.o.Maximize,
	})
}

func (t *training) setRate() (float64, error) {
	rate := t.rate()
	if rate == t.update.rate {
		return rate, nil
	}
	t.update.rate = rate
	return rate, t.update.setRate(t.vars)
}

// describe names the problem with the shapes of its batches.
func (p Problem) describe(batch int) string {
	s := p.Name + " on batches of"
	for _, x := range p.Train {
		shape := x.Shape().Clone()
		shape.Dimensions[0] = min(batch, shape.Dimensions[0])
		s += " " + shape.String()
	}
	return s
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func anys(ts []*tensors.Tensor) []any {
	out := make([]any, len(ts))
	for i, t := range ts {
		out[i] = t
	}
	return out
}
