package fit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Checkpoint says where a training is kept so that it can go on after it was interrupted, however abruptly.
//
// The folder holds the last two checkpoints. Each has everything the rest of the training depends on: the variables, the optimiser's
// moments, the state of random numbers, the position in the epoch, the curves, and the best variables. Train goes on from the newer
// one, or from the older one if the newer is damaged (History.Warning says so). It refuses a checkpoint of another problem, other
// data, other options, or another backend, naming the difference; hooks and the checkpoint's own settings may differ.
type Checkpoint struct {
	// Dir is the folder; empty means no checkpoints. It is created if need be, and must be this training's alone.
	Dir string
	// Every is the longest time between two checkpoints (up to one step); zero means one minute. Ends of epochs are
	// checkpointed more often, as long as writing takes less than a twentieth of the time.
	Every time.Duration
}

const (
	checkpointFormat = "gyrus checkpoint 1"
	checkpointFile   = "checkpoint.safetensors"
	previousFile     = "previous.safetensors"
	bestPrefix       = "best:"
)

func (c Checkpoint) due(last time.Time) bool {
	every := c.Every
	if every == 0 {
		every = time.Minute
	}
	return c.Dir != "" && time.Since(last) >= every
}

// cheapToWrite reports whether a checkpoint now would take less than a twentieth of the time since the last one.
func (t *training) cheapToWrite() bool {
	return t.o.Checkpoint.Dir != "" && time.Since(t.lastWrite) > 20*t.writeTook
}

// number is a float64 whose JSON form also has NaN and the infinities.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	return json.Marshal(strconv.FormatFloat(float64(n), 'g', -1, 64))
}

func (n *number) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(s, 64)
	*n = number(v)
	return err
}

// storedState is the JSON form of a state.
type storedState struct {
	Epochs              []storedEpoch
	Best                int
	Stopped             string
	Epoch, Step, Rows   int
	Sums                []number
	Names               []string
	Done                bool
	Seconds, LastFinite number
	Variables           []storedVariable
}

type storedEpoch struct {
	Epoch, Steps                     int
	LearningRate, Monitored, Seconds number
	Train, Val                       map[string]number
}

type storedVariable struct {
	Scope, Name string
	Trainable   bool
}

func numbers(m map[string]float64) map[string]number {
	if m == nil {
		return nil
	}
	out := make(map[string]number, len(m))
	for k, v := range m {
		out[k] = number(v)
	}
	return out
}

func plain(m map[string]number) map[string]float64 {
	if m == nil {
		return nil
	}
	out := make(map[string]float64, len(m))
	for k, v := range m {
		out[k] = float64(v)
	}
	return out
}

// stays reports whether a variable must be in a checkpoint: all but those that are set anew before each use.
func stays(v *mlctx.Variable) bool {
	scope := v.Scope()
	for _, s := range []string{ownScope, rateScope, metricsScope} {
		if scope == s || strings.HasPrefix(scope, s+"/") {
			return false
		}
	}
	return true
}

// write stores the training; without a folder it does nothing.
func (t *training) write() error {
	dir := t.o.Checkpoint.Dir
	if dir == "" {
		return nil
	}
	start := time.Now()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("creating the checkpoint folder: %w", err)
	}
	s := &t.state
	stored := storedState{Best: s.History.Best, Stopped: s.History.Stopped, Epoch: s.Epoch, Step: s.Step, Rows: s.Rows, Names: s.Names,
		Done: s.Done, Seconds: number(s.Seconds), LastFinite: number(t.lastFinite)}
	for _, v := range s.Sums {
		stored.Sums = append(stored.Sums, number(v))
	}
	for _, e := range s.History.Epochs {
		stored.Epochs = append(stored.Epochs, storedEpoch{e.Epoch, e.Steps, number(e.LearningRate), number(e.Monitored),
			number(e.Seconds), numbers(e.Train), numbers(e.Val)})
	}
	var values []named
	for v := range t.vars.IterVariables() {
		if !stays(v) || !v.HasValue() {
			continue
		}
		value, err := v.Value()
		if err != nil {
			return err
		}
		stored.Variables = append(stored.Variables, storedVariable{v.Scope(), v.Name(), v.Trainable})
		values = append(values, named{v.ScopeAndName(), value})
	}
	for v := range modelVariables(t.vars) {
		if best, ok := s.best[v.ScopeAndName()]; ok {
			values = append(values, named{bestPrefix + v.ScopeAndName(), best})
		}
	}
	state, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	traits, err := json.Marshal(t.traits)
	if err != nil {
		return err
	}
	meta := map[string]string{"state": string(state), "problem": string(traits)}
	path := filepath.Join(dir, checkpointFile)
	if err := writeTensors(path, filepath.Join(dir, previousFile), checkpointFormat, meta, values); err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	t.lastWrite = time.Now()
	t.writeTook = t.lastWrite.Sub(start)
	return nil
}

// resume restores the training from its folder and reports whether there was anything to restore.
func (t *training) resume() (bool, error) {
	t.state.History.Best = -1
	if t.o.Checkpoint.Dir == "" {
		return false, nil
	}
	var damaged []error
	for _, name := range []string{checkpointFile, previousFile} {
		path := filepath.Join(t.o.Checkpoint.Dir, name)
		meta, values, err := readTensors(path, checkpointFormat)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = t.restore(path, meta, values)
		}
		var other *otherProblemError
		switch {
		case errors.As(err, &other):
			return false, err
		case err != nil:
			damaged = append(damaged, err)
			continue
		}
		t.state.History.Resumed = path
		if len(damaged) > 0 {
			t.state.History.Warning = fmt.Sprintf("went on from the older checkpoint %s: %v", path, damaged[0])
		}
		return true, nil
	}
	if len(damaged) > 0 {
		return false, fmt.Errorf("no checkpoint can be read; delete the folder %s to start afresh: %w", t.o.Checkpoint.Dir, errors.Join(damaged...))
	}
	return false, nil
}

func (t *training) restore(path string, meta map[string]string, values []named) error {
	var traits []trait
	if err := json.Unmarshal([]byte(meta["problem"]), &traits); err != nil {
		return fmt.Errorf("%s: the description of the problem is damaged: %w", path, err)
	}
	if err := sameTraits(path, traits, t.traits); err != nil {
		return err
	}
	var stored storedState
	if err := json.Unmarshal([]byte(meta["state"]), &stored); err != nil {
		return fmt.Errorf("%s: the state is damaged: %w", path, err)
	}
	if len(values) < len(stored.Variables) || stored.Best < -1 || stored.Best >= len(stored.Epochs) || len(stored.Sums) > len(stored.Names) || stored.Epoch != len(stored.Epochs) {
		return fmt.Errorf("%s: the state is damaged: %d tensors for %d variables, epoch %d after %d epochs", path, len(values),
			len(stored.Variables), stored.Epoch, len(stored.Epochs))
	}
	s := &t.state
	*s = state{Epoch: stored.Epoch, Step: stored.Step, Rows: stored.Rows, Names: stored.Names, Done: stored.Done,
		Seconds: float64(stored.Seconds), History: History{Best: stored.Best, Stopped: stored.Stopped}}
	t.names = stored.Names
	t.lastFinite = float64(stored.LastFinite)
	for _, v := range stored.Sums {
		s.Sums = append(s.Sums, float64(v))
	}
	for _, e := range stored.Epochs {
		s.History.Epochs = append(s.History.Epochs, Epoch{e.Epoch, e.Steps, float64(e.LearningRate), plain(e.Train), plain(e.Val),
			float64(e.Monitored), float64(e.Seconds)})
	}
	for i, v := range stored.Variables {
		if name := mlctx.JoinScope(v.Scope, v.Name); values[i].name != name {
			return fmt.Errorf("%s: tensor %d is %q, expected %q", path, i, values[i].name, name)
		}
		variable := t.vars.GetVariableByScopeAndName(v.Scope, v.Name)
		if variable == nil {
			variable = t.vars.InAbsPath(v.Scope).Checked(false).VariableWithValue(v.Name, values[i].value)
		} else if err := variable.SetValue(values[i].value); err != nil {
			return err
		}
		variable.SetTrainable(v.Trainable)
	}
	for _, v := range values[len(stored.Variables):] {
		name, ok := strings.CutPrefix(v.name, bestPrefix)
		if !ok {
			return fmt.Errorf("%s: tensor %q is not expected", path, v.name)
		}
		if s.best == nil {
			s.best = map[string]*tensors.Tensor{}
		}
		s.best[name] = v.value
	}
	return nil
}

// modelNames lists the model's variables.
func (t *training) modelNames() []string {
	var names []string
	for v := range modelVariables(t.vars) {
		names = append(names, v.ScopeAndName())
	}
	return names
}

// checkSameModel refuses to go on when the graph has variables that the checkpoint does not know: the model has changed.
func (t *training) checkSameModel(known []string) error {
	for v := range modelVariables(t.vars) {
		if !slices.Contains(known, v.ScopeAndName()) {
			return fmt.Errorf("the checkpoint in %s is of another model: it has no variable %s; delete the folder to start afresh",
				t.o.Checkpoint.Dir, v.ScopeAndName())
		}
	}
	return nil
}

// trait is one thing that decides how a training goes on.
type trait struct{ Name, Value string }

type otherProblemError struct{ error }

func sameTraits(path string, stored, now []trait) error {
	refuse := func(format string, args ...any) error {
		return &otherProblemError{fmt.Errorf("%s is a checkpoint of another training: "+format+
			"; use another folder, or delete this one to start afresh", append([]any{path}, args...)...)}
	}
	for i, n := range now {
		if i >= len(stored) || stored[i].Name != n.Name {
			return refuse("it does not state its %s", n.Name)
		}
		if stored[i].Value != n.Value {
			return refuse("its %s is %s, now it is %s", n.Name, stored[i].Value, n.Value)
		}
	}
	return nil
}

// traitsOf describes a training. Functions of the epoch are described by their values, data by a hash.
func traitsOf(backend backends.Backend, p Problem, o Options) []trait {
	over := func(f func(int) float64) string {
		if f == nil {
			return "none"
		}
		h := sha256.New()
		for e := range o.Epochs {
			fmt.Fprintf(h, "%x ", math.Float64bits(f(e)))
		}
		return fmt.Sprintf("%g … %g (%s)", f(0), f(o.Epochs-1), digest(h))
	}
	ts := []trait{
		{"problem", p.Name}, {"tag", o.Tag}, {"backend", backend.Name()}, {"training data", describeData(p.Train)},
		{"validation data", describeData(p.Val)}, {"seed", strconv.FormatInt(o.Seed, 10)}, {"number of epochs", strconv.Itoa(o.Epochs)},
		{"batch size", fmt.Sprintf("%d (at least %d, %d in evaluation)", o.BatchSize, o.MinBatch, o.EvalBatch)},
		{"order of rows", map[bool]string{true: "as given", false: "shuffled"}[o.InOrder]},
		{"learning rate", fmt.Sprintf("%v", o.LearningRate)}, {"schedule", fmt.Sprintf("%#v", o.Schedule)},
		{"optimizer", fmt.Sprintf("%#v", o.Optimizer)}, {"weight decay", over(o.WeightDecay)},
		{"kind of weight decay", map[bool]string{true: "decoupled", false: "coupled"}[o.Decoupled]},
		{"clipping norm", fmt.Sprintf("%v", o.ClipNorm)},
		{"monitored curve", fmt.Sprintf("%s, maximized: %v", o.Monitor, o.Maximize)}, {"patience", strconv.Itoa(o.Patience)},
		{"keeping of the best", strconv.FormatBool(o.KeepBest)},
	}
	var names []string
	for name := range o.Scalars {
		names = append(names, name)
	}
	slices.Sort(names)
	ts = append(ts, trait{"list of scalars", strings.Join(names, ", ")})
	for _, name := range names {
		ts = append(ts, trait{"scalar " + name, over(o.Scalars[name])})
	}
	return ts
}

func describeData(data []*tensors.Tensor) string {
	h := sha256.New()
	s := ""
	for _, t := range data {
		t.ConstBytes(func(b []byte) { h.Write(b) })
		s += t.Shape().String() + " "
	}
	if s == "" {
		return "none"
	}
	return s + "(" + digest(h) + ")"
}

func digest(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:6]) }
