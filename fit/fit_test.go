package fit

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/nn"
)

// forEachBackend runs a test on every backend of this binary that is always there.
func forEachBackend(t *testing.T, f func(t *testing.T, b backends.Backend)) {
	for _, name := range compute.Names() {
		if name != "go" && name != "cpu" {
			continue
		}
		t.Run(name, func(t *testing.T) { f(t, open(t, name)) })
	}
}

func open(t testing.TB, name string) backends.Backend {
	t.Helper()
	b, err := compute.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// values returns all values of the model's variables, in order.
func values(t testing.TB, vars *mlctx.Context) []float64 {
	t.Helper()
	var out []float64
	for v := range modelVariables(vars) {
		if v.DType() == v.MustValue().DType() && v.DType().IsFloat() {
			x, err := floats(v.MustValue())
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, x...)
		}
	}
	return out
}

// line is data of y = 2 x0 - x1 + 0.5.
func line(n int) []*tensors.Tensor {
	x, y := make([]float32, 2*n), make([]float32, n)
	for i := range y {
		a, b := float32((i*37)%19)/10-0.9, float32((i*53)%23)/10-1.1
		x[2*i], x[2*i+1] = a, b
		y[i] = 2*a - b + 0.5
	}
	return []*tensors.Tensor{tensors.FromFlatDataAndDimensions(x, n, 2), tensors.FromFlatDataAndDimensions(y, n, 1)}
}

func squareError(prediction, want *graph.Node) *graph.Node {
	return graph.ReduceAllMean(graph.Square(graph.Sub(prediction, want)))
}

// linearLoss is the mean square error of a linear map.
func linearLoss(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
	loss := squareError(nn.Linear{Out: 1}.Apply(ctx, batch[0]), batch[1])
	Report(ctx, "rmse", graph.Sqrt(loss))
	return loss
}

func TestTrainFindsALine(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		vars := mlctx.New()
		h, err := Train(context.Background(), b, vars, Problem{Name: "line", Train: line(50), Val: line(20), Loss: linearLoss},
			Options{Epochs: 100, BatchSize: 8, LearningRate: 0.05, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []float64{2, -1, 0.5} {
			if got := values(t, vars)[i]; math.Abs(got-want) > 0.01 {
				t.Errorf("value %d is %v, expected %v", i, got, want)
			}
		}
		if len(h.Epochs) != 100 || h.Stopped != "all epochs done" || h.Epochs[0].Steps != 7 {
			t.Errorf("%d epochs of %d steps, stopped because %q", len(h.Epochs), h.Epochs[0].Steps, h.Stopped)
		}
		for _, e := range h.Epochs {
			if d := e.Val["rmse"] - math.Sqrt(e.Val["loss"]); d > 1e-6 { // Jensen: a mean of roots is at most the root of the mean
				t.Errorf("epoch %d: rmse %v for loss %v", e.Epoch, e.Val["rmse"], e.Val["loss"])
			}
		}
		for v := range vars.IterVariables() {
			if isTraining(v) && v.Name() != mlctx.RNGStateVariableName {
				t.Errorf("variable %s of the training is left behind", v.ScopeAndName())
			}
		}
	})
}

// golden is testdata/golden.json: how PyTorch trains a network of 3 inputs and 4 hidden units.
type golden struct {
	X, Y, W1, B1, W2, B2 []float64
	Cases                map[string][]struct {
		Rate, Loss float64
		Values     []float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// network returns the variables as they begin, the data, and the loss.
func (g golden) network() (*mlctx.Context, Problem) {
	vars := mlctx.New()
	vars.VariableWithValue("w1", tensors.FromFlatDataAndDimensions(g.W1, 3, 4))
	vars.VariableWithValue("b1", tensors.FromFlatDataAndDimensions(g.B1, 1, 4))
	vars.VariableWithValue("w2", tensors.FromFlatDataAndDimensions(g.W2, 4, 1))
	vars.VariableWithValue("b2", tensors.FromFlatDataAndDimensions(g.B2, 1, 1))
	data := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(g.X, 12, 3), tensors.FromFlatDataAndDimensions(g.Y, 12, 1)}
	return vars, Problem{Name: "golden", Train: data, Loss: func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
		of := func(name string) *graph.Node {
			return ctx.GetVariableByScopeAndName("/", name).ValueGraph(batch[0].Graph())
		}
		hidden := graph.Tanh(graph.Add(graph.Dot(batch[0], of("w1")), of("b1")))
		logits := graph.Add(graph.Dot(hidden, of("w2")), of("b2"))
		// Binary cross-entropy: log(1 + exp(l)) - y·l.
		return graph.ReduceAllMean(graph.Sub(graph.Log1P(graph.Exp(logits)), graph.Mul(batch[1], logits)))
	}}
}

func TestAgainstPyTorch(t *testing.T) {
	g := readGolden(t)
	adam := Options{LearningRate: 0.05}
	with := func(o Options, change func(*Options)) Options { change(&o); return o }
	cases := map[string]Options{
		"adam":                 adam,
		"adam other constants": with(adam, func(o *Options) { o.Optimizer = Adam{Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-3} }),
		"coupled decay":        with(adam, func(o *Options) { o.WeightDecay = Fixed(0.1) }),
		"coupled decay ramp":   with(adam, func(o *Options) { o.WeightDecay = Ramp(0, 0.4, 10) }),
		"decoupled decay":      with(adam, func(o *Options) { o.WeightDecay, o.Decoupled = Fixed(0.1), true }),
		"clipped":              with(adam, func(o *Options) { o.ClipNorm = 0.05 }),
		"clipped and decayed":  with(adam, func(o *Options) { o.ClipNorm, o.WeightDecay = 0.05, Fixed(0.1) }),
		"sgd":                  {LearningRate: 0.5, Optimizer: SGD{}},
		"plateau":              {LearningRate: 6, Optimizer: SGD{}, Schedule: Plateau{Factor: 0.5, Patience: 2, Floor: 0.4}},
		"cosine":               with(adam, func(o *Options) { o.Schedule = Cosine{Floor: 0.01} }),
		"steps":                with(adam, func(o *Options) { o.Schedule = Steps{Every: 2, Factor: 0.3} }),
	}
	if len(cases) != len(g.Cases) {
		t.Errorf("%d cases for %d golden ones", len(cases), len(g.Cases))
	}
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		for name, o := range cases {
			t.Run(name, func(t *testing.T) {
				want := g.Cases[name]
				vars, p := g.network()
				o.Epochs, o.BatchSize, o.InOrder = len(want), 5, true
				o.OnEpoch = func(e Epoch) error {
					w := want[e.Epoch]
					if math.Abs(e.LearningRate-w.Rate) > 1e-12 || math.Abs(e.Train["loss"]-w.Loss) > 1e-8 {
						t.Fatalf("epoch %d: rate %v and loss %v, PyTorch has %v and %v", e.Epoch, e.LearningRate, e.Train["loss"], w.Rate, w.Loss)
					}
					for i, v := range values(t, vars) {
						if math.Abs(v-w.Values[i]) > 1e-7 {
							t.Fatalf("epoch %d: value %d is %v, PyTorch has %v", e.Epoch, i, v, w.Values[i])
						}
					}
					return nil
				}
				h, err := Train(context.Background(), b, vars, p, o)
				if err != nil {
					t.Fatal(err)
				}
				if len(h.Epochs) != len(want) {
					t.Errorf("%d epochs, expected %d", len(h.Epochs), len(want))
				}
			})
		}
	})
}

// TestShuffledTrainingStepByStep compares training on shuffled batches with Adam to a plain loop.
func TestShuffledTrainingStepByStep(t *testing.T) {
	const n, epochs, size, rate = 23, 3, 6, 0.1
	data := line(n)
	x, y := tensors.MustCopyFlatData[float32](data[0]), tensors.MustCopyFlatData[float32](data[1])
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		vars := mlctx.New()
		vars.VariableWithValue("weights", [][]float32{{0.3}, {-0.2}})
		vars.VariableWithValue("bias", []float32{0.1})
		p := Problem{Name: "line", Train: data, Loss: linearLoss}
		o := Options{Epochs: epochs, BatchSize: size, MinBatch: size, LearningRate: rate, Seed: 5}
		if _, err := Train(context.Background(), b, vars, p, o); err != nil {
			t.Fatal(err)
		}
		w, m, v := [3]float64{0.3, -0.2, 0.1}, [3]float64{}, [3]float64{}
		tr := training{o: o, trainRead: newBatchReader(data)}
		seen := map[int]bool{}
		step := 0
		for epoch := range epochs {
			order := tr.order(epoch)
			for from := 0; from+size <= n; from += size {
				var grad [3]float64
				for _, row := range order[from : from+size] {
					seen[row] = true
					in := [3]float64{float64(x[2*row]), float64(x[2*row+1]), 1}
					e := w[0]*in[0] + w[1]*in[1] + w[2] - float64(y[row])
					for i := range grad {
						grad[i] += 2 * e * in[i] / size
					}
				}
				step++
				for i := range w {
					m[i] = 0.9*m[i] + 0.1*grad[i]
					v[i] = 0.999*v[i] + 0.001*grad[i]*grad[i]
					mHat, vHat := m[i]/(1-math.Pow(0.9, float64(step))), v[i]/(1-math.Pow(0.999, float64(step)))
					w[i] -= rate * mHat / (math.Sqrt(vHat) + 1e-8)
				}
			}
		}
		for i, got := range values(t, vars) {
			if math.Abs(got-w[i]) > 2e-5 {
				t.Errorf("value %d is %v, the loop gives %v", i, got, w[i])
			}
		}
		if len(seen) <= n-n%size {
			t.Errorf("%d of %d rows were used in %d epochs: the rows left out are always the same", len(seen), n, epochs)
		}
	})
}

func TestScalarsChangeWithoutCompilingAgain(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		built := 0
		p := Problem{Name: "scalars", Train: line(8), Loss: func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
			built++
			Report(ctx, "weight", Scalar(ctx, batch[0].Graph(), "kl"))
			return linearLoss(ctx, batch)
		}}
		h, err := Train(context.Background(), b, mlctx.New(), p, Options{Epochs: 5, BatchSize: 8, LearningRate: 0.1,
			Scalars: map[string]func(int) float64{"kl": Ramp(0, 0.1, 4)}})
		if err != nil {
			t.Fatal(err)
		}
		weights, _ := h.Curve("weight")
		for e, want := range []float64{0, 0.025, 0.05, 0.075, 0.1} {
			if math.Abs(weights[e]-want) > 1e-7 {
				t.Errorf("epoch %d: %v, expected %v", e, weights[e], want)
			}
		}
		if built != 1 {
			t.Errorf("the loss was built %d times", built)
		}
	})
}

// overfitting has a validation loss that falls and then rises: the best epoch is not the last.
func overfitting() Problem {
	val := line(20)
	tensors.MustMutableFlatData(val[1], func(y []float32) {
		for i := range y {
			y[i] *= 0.5
		}
	})
	return Problem{Name: "valley", Train: line(16), Val: val, Loss: linearLoss}
}

func TestKeepBestAndPatience(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		for _, maximize := range []bool{false, true} {
			p := overfitting()
			loss := p.Loss
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
				l := loss(ctx, batch)
				Report(ctx, "score", graph.Neg(l))
				return l
			}
			o := Options{Epochs: 200, BatchSize: 16, LearningRate: 0.02, KeepBest: true, Patience: 10, Seed: 3}
			if maximize {
				o.Monitor, o.Maximize = "score", true
			}
			var at [][]float64
			vars := mlctx.New()
			o.OnEpoch = func(Epoch) error { at = append(at, values(t, vars)); return nil }
			h, err := Train(context.Background(), b, vars, p, o)
			if err != nil {
				t.Fatal(err)
			}
			_, curve := h.Curve("loss")
			if h.Best == 0 || curve[h.Best] != slices.Min(curve) {
				t.Errorf("the best epoch is %d with loss %v, the least loss is %v", h.Best, curve[h.Best], slices.Min(curve))
			}
			if len(h.Epochs) != h.Best+12 || !strings.Contains(h.Stopped, "not improved for 11 epochs") {
				t.Errorf("stopped after %d epochs (best %d) because %q", len(h.Epochs), h.Best, h.Stopped)
			}
			if !slices.Equal(values(t, vars), at[h.Best]) {
				t.Error("the variables are not those of the best epoch")
			}
		}
	})
}

func TestMinBatchSavesBatchNorm(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		p := Problem{Name: "normalised", Train: line(9), Val: line(3), Loss: func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
			return squareError(nn.Linear{Out: 1}.Apply(ctx, nn.BatchNorm{}.Apply(ctx.In("norm"), batch[0])), batch[1])
		}}
		o := Options{Epochs: 3, BatchSize: 4, LearningRate: 0.1}
		if _, err := Train(context.Background(), b, mlctx.New(), p, o); err == nil || !strings.Contains(err.Error(), "at least 2 values") {
			t.Errorf("a batch of one row gives error %v", err)
		}
		o.MinBatch = 2
		vars := mlctx.New()
		h, err := Train(context.Background(), b, vars, p, o)
		if err != nil {
			t.Fatal(err)
		}
		if h.Epochs[0].Steps != 2 {
			t.Errorf("%d steps, expected 2", h.Epochs[0].Steps)
		}
		mean := vars.GetVariableByScopeAndName("/norm", "running_mean")
		if mean.Trainable || slices.Equal(tensors.MustCopyFlatData[float32](mean.MustValue()), []float32{0, 0}) {
			t.Error("the running statistics did not move, or are trained")
		}
	})
}

func TestDivergenceIsReported(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		p := Problem{Name: "steep", Train: line(8), Loss: linearLoss}
		_, err := Train(context.Background(), b, mlctx.New(), p, Options{Epochs: 500, BatchSize: 4, LearningRate: 50, Optimizer: SGD{}})
		var d *DivergedError
		if !errors.As(err, &d) {
			t.Fatalf("error %v, expected a DivergedError", err)
		}
		if d.LearningRate != 50 || !finite(d.LastFinite) || finite(d.Loss) || !strings.Contains(err.Error(), "training steep") {
			t.Errorf("%+v: %v", d, err)
		}
		nan := line(8)
		tensors.MustMutableFlatData(nan[0], func(x []float32) { x[3] = float32(math.NaN()) })
		p.Val = nan
		_, err = Train(context.Background(), b, mlctx.New(), p, Options{Epochs: 5, BatchSize: 4, LearningRate: 0.1})
		if !errors.As(err, &d) || d.Step != -1 || !strings.Contains(err.Error(), "epoch 0, evaluation") {
			t.Errorf("NaN in the validation data gives error %v", err)
		}
	})
}

func TestMistakesAreExplained(t *testing.T) {
	b := open(t, "cpu")
	good := Options{Epochs: 2, BatchSize: 4, LearningRate: 0.1}
	ok := Problem{Name: "mistaken", Train: line(8), Loss: linearLoss}
	stop := errors.New("disk on fire")
	for _, c := range []struct {
		want   string
		change func(*Problem, *Options)
	}{
		{"Epochs is 0", func(_ *Problem, o *Options) { o.Epochs = 0 }},
		{"BatchSize is -1", func(_ *Problem, o *Options) { o.BatchSize = -1 }},
		{"LearningRate is 0", func(_ *Problem, o *Options) { o.LearningRate = 0 }},
		{"LearningRate is NaN", func(_ *Problem, o *Options) { o.LearningRate = math.NaN() }},
		{"ClipNorm is -1", func(_ *Problem, o *Options) { o.ClipNorm = -1 }},
		{"Patience is -3", func(_ *Problem, o *Options) { o.Patience = -3 }},
		{"MinBatch is 5, more than BatchSize 4", func(_ *Problem, o *Options) { o.MinBatch = 5 }},
		{"8 training rows, fewer than the smallest batch", func(_ *Problem, o *Options) { o.BatchSize, o.MinBatch = 9, 9 }},
		{"Problem.Loss is nil", func(p *Problem, _ *Options) { p.Loss = nil }},
		{"Problem.Train holds no tensor", func(p *Problem, _ *Options) { p.Train = nil }},
		{"Problem.Train[1] has 7 rows", func(p *Problem, _ *Options) { p.Train = []*tensors.Tensor{line(8)[0], line(7)[1]} }},
		{"Problem.Val[0] is nil", func(p *Problem, _ *Options) { p.Val = []*tensors.Tensor{nil} }},
		{"must be a scalar", func(p *Problem, _ *Options) {
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
				return nn.Linear{Out: 1}.Apply(ctx, batch[0])
			}
		}},
		{"training mistaken on batches of (Float32)[4 2] (Float32)[4 1]", func(p *Problem, _ *Options) {
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node { return graph.Add(batch[0], batch[1]) }
		}},
		{"no trainable variable", func(p *Problem, _ *Options) {
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node { return graph.ReduceAllMean(batch[0]) }
		}},
		{`no scalar "beta"`, func(p *Problem, _ *Options) {
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
				return Scalar(ctx, batch[0].Graph(), "beta")
			}
		}},
		{`"rmse" is reported twice`, func(p *Problem, _ *Options) {
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
				Report(ctx, "rmse", graph.ReduceAllMean(batch[0]))
				return linearLoss(ctx, batch)
			}
		}},
		{`"loss" is reported twice`, func(p *Problem, _ *Options) {
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
				Report(ctx, "loss", graph.ReduceAllMean(batch[0]))
				return linearLoss(ctx, batch)
			}
		}},
		{"must report the same for all batches", func(p *Problem, o *Options) {
			o.BatchSize = 5
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
				if batch[0].Shape().Dimensions[0] == 3 {
					Report(ctx, "extra", graph.ReduceAllMean(batch[0]))
				}
				return linearLoss(ctx, batch)
			}
		}},
		{"EvalBatch -2", func(_ *Problem, o *Options) { o.EvalBatch = -2 }},
		{`Monitor is "accuracy", but the curves are [loss rmse]`, func(_ *Problem, o *Options) { o.Monitor = "accuracy" }},
		{"disk on fire", func(_ *Problem, o *Options) { o.OnEpoch = func(Epoch) error { return stop } }},
		{"type Int32", func(p *Problem, _ *Options) {
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
				return graph.ConvertDType(linearLoss(ctx, batch), dtypes.Int32)
			}
		}},
	} {
		p, o := ok, good
		c.change(&p, &o)
		_, err := Train(context.Background(), b, mlctx.New(), p, o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, expected one with %q", err, c.want)
		}
	}
	if _, err := Train(context.Background(), b, mlctx.New().In("part"), ok, good); err == nil || !strings.Contains(err.Error(), `scope "/part"`) {
		t.Errorf("training in a scope gives error %v", err)
	}
}

func TestOnEpochCanStop(t *testing.T) {
	o := Options{Epochs: 9, BatchSize: 4, LearningRate: 0.1}
	o.OnEpoch = func(e Epoch) error {
		if e.Epoch == 3 {
			return ErrStop
		}
		return nil
	}
	steps := 0
	o.Progress = func(p Progress) {
		steps++
		if p.Step != steps || p.Steps != 18 || p.Epochs != 9 || p.Epoch != (steps-1)/2 || (p.Last != nil) != (p.Epoch > 0) {
			t.Errorf("after %d steps: %+v", steps, p)
		}
	}
	h, err := Train(context.Background(), open(t, "cpu"), mlctx.New(), Problem{Name: "stopped", Train: line(8), Loss: linearLoss}, o)
	if err != nil || len(h.Epochs) != 4 || h.Stopped != "stopped by the caller" || steps != 8 {
		t.Errorf("%d epochs and %d steps, %q, error %v", len(h.Epochs), steps, h.Stopped, err)
	}
}

func TestSchedules(t *testing.T) {
	at := func(epoch, step int, monitored ...float64) Moment {
		return Moment{Epoch: epoch, Epochs: 10, Step: step, Steps: 4, Monitored: monitored}
	}
	up := at(3, 0, 1, 1, 2)
	up.Maximize = true
	for _, c := range []struct {
		name     string
		schedule Schedule
		at       Moment
		want     float64
	}{
		{"constant", Constant{}, at(5, 2), 2},
		{"first warm-up step", Warmup{Epochs: 2}, at(0, 0), 0.25},
		{"within warm-up", Warmup{Epochs: 2}, at(1, 1), 1.5},
		{"after warm-up", Warmup{Epochs: 2}, at(2, 0), 2},
		{"half an epoch", Warmup{Epochs: 0.5}, at(0, 0), 1},
		{"warm-up then steps", Warmup{Epochs: 2, Then: Steps{Every: 3, Factor: 0.5}}, at(3, 0), 1},
		{"cosine begins", Cosine{Floor: 0.5}, at(0, 3), 2},
		{"cosine half way", Cosine{Floor: 0.5}, at(5, 0), 1.25},
		{"plateau holds for its patience", Plateau{Factor: 0.5, Patience: 2}, at(3, 0, 1, 1, 1), 2},
		{"plateau falls", Plateau{Factor: 0.5, Patience: 2}, at(4, 0, 1, 1, 1, 1), 1},
		{"small gains do not count", Plateau{Factor: 0.5, Patience: 2}, at(4, 0, 1, 0.99999, 0.99998, 0.99997), 1},
		{"plateau has a floor", Plateau{Factor: 0.1, Floor: 0.9}, at(3, 0, 1, 1, 1), 0.9},
		{"plateau of what is maximised", Plateau{Factor: 0.5, Patience: 1}, up, 2},
	} {
		if got := c.schedule.Rate(2, c.at); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, expected %v", c.name, got, c.want)
		}
	}
	if f := Ramp(1, 3, 4); f(0) != 1 || f(2) != 2 || f(4) != 3 || f(9) != 3 {
		t.Error("Ramp(1, 3, 4) is wrong")
	}
}
