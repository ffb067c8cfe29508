package fit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/nn"
)

// everything is a problem whose training depends on everything a checkpoint must hold: random numbers in the graph, running statistics,
// moments, the curves (by a plateau, patience and the best variables), and values that change per epoch.
func everything() (Problem, Options) {
	loss := func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
		h := nn.BatchNorm{}.Apply(ctx.In("norm"), nn.Linear{Out: 6}.Apply(ctx.In("first"), batch[0]))
		h = nn.Dropout(ctx, nn.ReLU(h), 0.3)
		l := squareError(nn.Linear{Out: 1}.Apply(ctx.In("second"), h), batch[1])
		Report(ctx, "error", l)
		penalty := graph.ReduceAllMean(graph.Square(nn.Reparameterize(ctx, h, graph.ZerosLike(h))))
		return graph.Add(l, graph.Mul(Scalar(ctx, l.Graph(), "penalty"), penalty))
	}
	return Problem{Name: "everything", Train: line(42), Val: line(11), Loss: loss}, Options{
		Epochs: 12, BatchSize: 8, MinBatch: 2, LearningRate: 0.2, Schedule: Warmup{Epochs: 1.5, Then: Plateau{Factor: 0.5}},
		WeightDecay: Ramp(0, 0.01, 5), ClipNorm: 1, Scalars: map[string]func(int) float64{"penalty": Ramp(0, 0.1, 6)},
		Monitor: "error", Patience: 9, KeepBest: true, Seed: 11,
	}
}

// outcome is all that two trainings must agree on: the bits of the variables and the curves, but not the time they took.
func outcome(t testing.TB, vars *mlctx.Context, h *History) string {
	t.Helper()
	var s strings.Builder
	for v := range modelVariables(vars) {
		fmt.Fprintf(&s, "%s %v:", v.ScopeAndName(), v.Trainable)
		if err := v.MustValue().ConstBytes(func(b []byte) { fmt.Fprintf(&s, " %x\n", b) }); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(&s, "best %d, %s\n", h.Best, h.Stopped)
	for _, e := range h.Epochs {
		fmt.Fprintf(&s, "%d %d %v %v %v %v\n", e.Epoch, e.Steps, e.LearningRate, e.Monitored, e.Train, e.Val)
	}
	return s.String()
}

func trainOrFail(t testing.TB, b backends.Backend, p Problem, o Options) string {
	t.Helper()
	vars := mlctx.New()
	h, err := Train(context.Background(), b, vars, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return outcome(t, vars, h)
}

func TestSameSeedSameBits(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		p, o := everything()
		first := trainOrFail(t, b, p, o)
		if trainOrFail(t, b, p, o) != first {
			t.Error("the same seed gives other bits")
		}
		o.Seed++
		if trainOrFail(t, b, p, o) == first {
			t.Error("another seed gives the same bits")
		}
	})
}

// TestResumeAfterEveryStep interrupts a training after each of its steps in turn, and resumes it.
func TestResumeAfterEveryStep(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		p, o := everything()
		o.Epochs = 4
		want := trainOrFail(t, b, p, o)
		for stop := 1; stop < 24; stop++ {
			o.Checkpoint.Dir = t.TempDir()
			ctx, cancel := context.WithCancel(context.Background())
			o.Progress = func(pr Progress) {
				if pr.Step == stop {
					cancel()
				}
			}
			h, err := Train(ctx, b, mlctx.New(), p, o)
			if !errors.Is(err, context.Canceled) || h == nil {
				t.Fatalf("a cancelled training returns error %v", err)
			}
			vars := mlctx.New()
			steps := 0
			o.Progress = func(Progress) { steps++ }
			h, err = Train(context.Background(), b, vars, p, o)
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(t, vars, h); got != want || h.Resumed == "" || steps != 24-stop {
				t.Fatalf("resumed after %d steps from %q, %d steps later:\n%s\nuninterrupted:\n%s", stop, h.Resumed, steps, got, want)
			}
			// The end is checkpointed too: once more takes no step and gives the same.
			vars = mlctx.New()
			o.Progress = func(Progress) { t.Error("a finished training is trained again") }
			if h, err = Train(context.Background(), b, vars, p, o); err != nil || outcome(t, vars, h) != want {
				t.Fatalf("resuming a finished training: %v", err)
			}
		}
	})
}

const childVariable = "GYRUS_FIT_TEST_CHECKPOINT"

// TestKilledChild is the process that TestResumeAfterKill kills.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(childVariable)
	if dir == "" {
		t.Skip("only does something as a child of TestResumeAfterKill")
	}
	p, o := everything()
	o.Checkpoint = Checkpoint{Dir: dir, Every: time.Nanosecond} // writes after every step: it is always killed near a write
	o.Progress = func(pr Progress) {
		fmt.Println("step", pr.Step)
		time.Sleep(time.Millisecond)
	}
	trainOrFail(t, open(t, "cpu"), p, o)
}

// TestResumeAfterKill kills a process that trains, again and again, and lets it go on.
func TestResumeAfterKill(t *testing.T) {
	p, o := everything()
	b := open(t, "cpu")
	want := trainOrFail(t, b, p, o)
	o.Checkpoint.Dir = t.TempDir()
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano()))) // any moment must do
	kills := 0
	for range 4 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "-test.v")
		child.Env = append(os.Environ(), childVariable+"="+o.Checkpoint.Dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for steps := 0; steps < 5 && lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "step") {
				steps++
			}
		}
		time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if child.Wait() != nil {
			kills++
		}
	}
	if kills == 0 {
		t.Fatal("no child was killed before it was done")
	}
	vars := mlctx.New()
	h, err := Train(context.Background(), b, vars, p, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := outcome(t, vars, h); got != want || h.Resumed == "" {
		t.Errorf("after %d kills, resumed from %q:\n%s\nuninterrupted:\n%s", kills, h.Resumed, got, want)
	}
	if h.Warning != "" {
		t.Errorf("a kill left a damaged checkpoint: %s", h.Warning)
	}
}

// interrupted returns a folder with two checkpoints of a training that is not done.
func interrupted(t *testing.T, b backends.Backend, p Problem, o Options) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	o.Checkpoint = Checkpoint{Dir: t.TempDir(), Every: time.Nanosecond}
	o.Progress = func(pr Progress) {
		if pr.Step == 9 {
			cancel()
		}
	}
	if _, err := Train(ctx, b, mlctx.New(), p, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return o.Checkpoint.Dir
}

func TestDamagedCheckpoints(t *testing.T) {
	b := open(t, "cpu")
	p, o := everything()
	want := trainOrFail(t, b, p, o)
	for name, damage := range map[string]func([]byte) []byte{
		"truncated":      func(data []byte) []byte { return data[:len(data)-100] },
		"empty":          func([]byte) []byte { return nil },
		"flipped bit":    func(data []byte) []byte { data[len(data)-50] ^= 4; return data },
		"flipped header": func(data []byte) []byte { data[200] ^= 1; return data },
		"something else": func([]byte) []byte { return []byte("This is not a checkpoint, it is a sentence.") },
	} {
		t.Run(name, func(t *testing.T) {
			o.Checkpoint.Dir = interrupted(t, b, p, o)
			hurt := func(file string) string {
				path := filepath.Join(o.Checkpoint.Dir, file)
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, damage(data), 0o644); err != nil {
					t.Fatal(err)
				}
				return path
			}
			newer := hurt(checkpointFile)
			vars := mlctx.New()
			h, err := Train(context.Background(), b, vars, p, o)
			if err != nil {
				t.Fatal(err)
			}
			if outcome(t, vars, h) != want || !strings.Contains(h.Warning, newer) || filepath.Base(h.Resumed) != previousFile {
				t.Errorf("resumed from %q with warning %q", h.Resumed, h.Warning)
			}

			o.Checkpoint.Dir = interrupted(t, b, p, o)
			newer, older := hurt(checkpointFile), hurt(previousFile)
			_, err = Train(context.Background(), b, mlctx.New(), p, o)
			if err == nil || !strings.Contains(err.Error(), newer) || !strings.Contains(err.Error(), older) {
				t.Errorf("with both damaged the error is %v", err)
			}
		})
	}
}

func TestCheckpointsOfOtherTrainingsAreRefused(t *testing.T) {
	b := open(t, "cpu")
	p, o := everything()
	o.Checkpoint.Dir = interrupted(t, b, p, o)
	other := line(42)
	tensors.MustMutableFlatData(other[0], func(x []float32) { x[5] += 0.5 })
	for _, c := range []struct {
		want   string
		change func(*Problem, *Options)
	}{
		{"its problem is everything, now it is nothing", func(p *Problem, _ *Options) { p.Name = "nothing" }},
		{"its tag is , now it is v2", func(_ *Problem, o *Options) { o.Tag = "v2" }},
		{"its training data is (Float32)[42 2] (Float32)[42 1] (", func(p *Problem, _ *Options) { p.Train = other }},
		{"its validation data is", func(p *Problem, _ *Options) { p.Val = nil }},
		{"its seed is 11, now it is 12", func(_ *Problem, o *Options) { o.Seed = 12 }},
		{"its number of epochs is 12, now it is 13", func(_ *Problem, o *Options) { o.Epochs = 13 }},
		{"its batch size is 8 (at least 2, 8 in evaluation)", func(_ *Problem, o *Options) { o.MinBatch = 1 }},
		{"its order of rows is shuffled", func(_ *Problem, o *Options) { o.InOrder = true }},
		{"its learning rate is 0.2, now it is 0.3", func(_ *Problem, o *Options) { o.LearningRate = 0.3 }},
		{"its schedule is fit.Warmup{Epochs:1.5, Then:fit.Plateau{Factor:0.5", func(_ *Problem, o *Options) { o.Schedule = nil }},
		{"its optimizer is fit.Adam{", func(_ *Problem, o *Options) { o.Optimizer = SGD{} }},
		{"its weight decay is 0 … 0.01", func(_ *Problem, o *Options) { o.WeightDecay = Ramp(0, 0.01, 6) }},
		{"its kind of weight decay is coupled", func(_ *Problem, o *Options) { o.Decoupled = true }},
		{"its clipping norm is 1, now it is 2", func(_ *Problem, o *Options) { o.ClipNorm = 2 }},
		{"its monitored curve is error", func(_ *Problem, o *Options) { o.Monitor = "" }},
		{"its patience is 9", func(_ *Problem, o *Options) { o.Patience = 0 }},
		{"its keeping of the best is true", func(_ *Problem, o *Options) { o.KeepBest = false }},
		{"its scalar penalty is", func(_ *Problem, o *Options) { o.Scalars = map[string]func(int) float64{"penalty": Fixed(0)} }},
		{"its list of scalars is penalty, now it is penalty, second", func(_ *Problem, o *Options) {
			o.Scalars = maps.Clone(o.Scalars)
			o.Scalars["second"] = Fixed(1)
		}},
		{"no variable /third/", func(p *Problem, _ *Options) {
			loss := p.Loss
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
				return graph.Add(loss(ctx, batch), graph.ReduceAllMean(nn.Linear{Out: 1}.Apply(ctx.In("third"), batch[0])))
			}
		}},
		{"and as in the checkpoint resumed", func(p *Problem, _ *Options) {
			loss := p.Loss
			p.Loss = func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
				Report(ctx, "more", graph.ReduceAllMean(batch[0]))
				return loss(ctx, batch)
			}
		}},
	} {
		p, o := p, o
		c.change(&p, &o)
		_, err := Train(context.Background(), b, mlctx.New(), p, o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, expected one with %q", err, c.want)
		}
	}
	_, err := Train(context.Background(), open(t, "go"), mlctx.New(), p, o)
	if err == nil || !strings.Contains(err.Error(), "backend") {
		t.Errorf("on another backend the error is %v", err)
	}
}

func TestUnwritableCheckpointFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	p, o := everything()
	o.Checkpoint.Dir = filepath.Join(file, "folder")
	_, err := Train(context.Background(), open(t, "cpu"), mlctx.New(), p, o)
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v, expected one with %q", err, file)
	}
}

func TestSaveAndLoad(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		type about struct {
			Hidden int
			Unit   string
			Zeros  string
		}
		vars := mlctx.New()
		p, o := everything()
		if _, err := Train(context.Background(), b, vars, p, o); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "new", "folder")
		in := about{6, `counts per "bin"`, zeroSum}
		if err := Save(dir, vars, in); err != nil {
			t.Fatal(err)
		}
		var out about
		loaded, err := Load(dir, &out)
		if err != nil {
			t.Fatal(err)
		}
		if out != in || outcome(t, loaded, &History{}) != outcome(t, vars, &History{}) || Size(loaded) != 2*6+6+6+6+6+1 {
			t.Errorf("loaded %+v with %d values", out, Size(loaded))
		}

		// A model gives the same predictions after loading, in batches of any size, and draws the same random numbers.
		predict := func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node {
			h := nn.BatchNorm{}.Apply(ctx.In("norm"), nn.Linear{Out: 6}.Apply(ctx.In("first"), batch[0]))
			return []*graph.Node{nn.Linear{Out: 1}.Apply(ctx.In("second"), nn.ReLU(h)), h}
		}
		data := line(13)[:1]
		want, err := Predict(context.Background(), b, vars, predict, data, 13)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1, 4, 100} {
			got, err := Predict(context.Background(), b, loaded, predict, data, size)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !got[i].Shape().Equal(want[i].Shape()) || !got[i].InDelta(want[i], 1e-5) {
					t.Errorf("output %d in batches of %d is %v, expected %v", i, size, got[i], want[i])
				}
			}
		}
	})
}

func TestPredictorDrawsFromItsSeed(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		p, err := NewPredictor("drawing", b, mlctx.New(), func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node {
			return []*graph.Node{ctx.RandomNormal(batch[0].Graph(), batch[0].Shape())}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		draw := func() []float32 {
			out, err := p.Run(context.Background(), line(5)[:1], 2)
			if err != nil {
				t.Fatal(err)
			}
			return tensors.MustCopyFlatData[float32](out[0])
		}
		first, second := draw(), draw()
		if slices.Equal(first, second) {
			t.Error("two passes draw the same numbers")
		}
		for seed, want := range map[int64]bool{0: true, 1: false} {
			if err := p.Seed(seed); err != nil {
				t.Fatal(err)
			}
			if slices.Equal(draw(), first) != want {
				t.Errorf("after seed %d the first pass repeats: %v, expected %v", seed, !want, want)
			}
		}
	})
}

func TestPredictorMistakes(t *testing.T) {
	b := open(t, "cpu")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	same := func(_ *mlctx.Context, batch []*graph.Node) []*graph.Node { return batch }
	for _, c := range []struct {
		want string
		ctx  context.Context
		size int
		f    func(*mlctx.Context, []*graph.Node) []*graph.Node
	}{
		{"batch size is 0", context.Background(), 0, same},
		{"canceled", cancelled, 2, same},
		{"expected a first axis of the batch's 2 rows", context.Background(), 2, func(_ *mlctx.Context, batch []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.ReduceAllMean(batch[0])}
		}},
		{"does not exist", context.Background(), 2, func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node {
			return []*graph.Node{nn.Linear{Out: 1}.Apply(ctx, batch[0])}
		}},
	} {
		if _, err := Predict(c.ctx, b, mlctx.New(), c.f, line(5)[:1], c.size); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, expected one with %q", err, c.want)
		}
	}
}

func TestModelsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir, nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("an empty folder gives error %v", err)
	}
	if err := Save(dir, mlctx.New(), nil); err == nil || !strings.Contains(err.Error(), "no variables") {
		t.Errorf("saving nothing gives error %v", err)
	}
	vars := mlctx.New()
	vars.VariableWithValue("w", []float32{1, 2})
	if err := Save(dir, vars, math.Inf(1)); err == nil || !strings.Contains(err.Error(), "description") {
		t.Errorf("a description that is no JSON gives error %v", err)
	}
	if err := Save(dir, vars, "text"); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, new(int)); err == nil || !strings.Contains(err.Error(), "does not fit") {
		t.Errorf("a description of another type gives error %v", err)
	}
	// A checkpoint is not a model.
	path := filepath.Join(dir, ModelFile)
	if err := writeTensors(path, "", checkpointFormat, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, nil); err == nil || !strings.Contains(err.Error(), `format is "gyrus checkpoint 1"`) || !strings.Contains(err.Error(), path) {
		t.Errorf("a checkpoint read as a model gives error %v", err)
	}
}

// FuzzRead feeds files to the reader. To get past the checksum, it is set right first.
func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "file")
	for _, v := range [][]named{
		nil,
		{{"/a", tensors.FromValue([]float32{1, 2, 3})}},
		{{"/a/b", tensors.FromScalar(int64(7))}, {"/c", tensors.FromValue([][]bool{{true}, {false}})}},
	} {
		if err := writeTensors(path, "", modelFormat, map[string]string{"about": "{}", "trainable": `{"/a":true}`}, v); err != nil {
			f.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	header := func(text string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	}
	f.Add(header(`{"__metadata__":{"gyrus.sha256":"` + zeroSum + `","gyrus.format":"gyrus model 1"},"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`))
	f.Add(header(`{"__metadata__":{"gyrus.sha256":"` + zeroSum + `","gyrus.format":"gyrus model 1"},"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,-4]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.Clone(data)
		if len(data) > 8 {
			if n := binary.LittleEndian.Uint64(data); n <= uint64(len(data)-8) {
				rightSum(data, data[8:8+n])
			}
		}
		meta, values, err := decodeTensors(data, modelFormat)
		if err != nil {
			return
		}
		// What can be read can be written and read again.
		path := filepath.Join(t.TempDir(), ModelFile)
		if err := writeTensors(path, "", modelFormat, without(meta, formatKey, checksumKey), values); err != nil {
			t.Fatal(err)
		}
		_, again, err := readTensors(path, modelFormat)
		if err != nil || len(again) != len(values) {
			t.Fatalf("%d tensors, written and read again: %d, %v", len(values), len(again), err)
		}
		if _, err := Load(filepath.Dir(path), nil); err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("the error does not name the file: %v", err)
		}
	})
}

// rightSum writes the right checksum into a header that has a place for one.
func rightSum(data, text []byte) {
	at := bytes.Index(text, []byte(checksumField))
	if at < 0 || len(text) < at+len(checksumField)+len(zeroSum) {
		return
	}
	copy(text[at+len(checksumField):], zeroSum)
	sum := sha256.Sum256(data)
	copy(text[at+len(checksumField):], hex.EncodeToString(sum[:]))
}

func without(m map[string]string, keys ...string) map[string]string {
	m = maps.Clone(m)
	for _, k := range keys {
		delete(m, k)
	}
	return m
}

func BenchmarkStep(b *testing.B) {
	backend, err := compute.Open("cpu")
	if err != nil {
		b.Fatal(err)
	}
	p := Problem{Name: "line", Train: line(1024), Loss: linearLoss}
	for b.Loop() {
		if _, err := Train(context.Background(), backend, mlctx.New(), p, Options{Epochs: 10, BatchSize: 32, LearningRate: 0.01}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*320), "µs/step")
}
