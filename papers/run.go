package papers

import (
	"encoding/gob"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/report"
)

// Progress is how far a run has come. Parts of a run that work side by side report one stage together.
type Progress struct {
	Stage   string             `json:"stage"`             // such as "LangevinFlow"
	Done    int                `json:"done"`              // units of work done in this stage
	Total   int                `json:"total"`             // units of work in this stage; 0 if unknown
	Unit    string             `json:"unit,omitempty"`    // such as "epoch"
	Metrics map[string]float64 `json:"metrics,omitempty"` // current values worth seeing, such as "val loss"
}

// Run is one seed of an experiment being carried out. Its methods are for one goroutine.
type Run struct {
	Paper      *Paper
	Experiment *Experiment
	Preset     Preset
	Seed       int64
	Dir        string // this seed's folder: checkpoints and stored stages live here
	Log        *slog.Logger

	record   report.Record
	params   any
	inputs   map[string]string
	modelDir string
	backend  func() (backends.Backend, error)
	progress func(Progress)
}

// RunConfig is what the runner gives to a [Run].
type RunConfig struct {
	Paper      *Paper
	Experiment *Experiment
	Preset     Preset
	Params     any // as Params.Resolve returned it
	Seed       int64
	Dir        string            // must exist
	ModelDir   string            // where a trained model of this seed is saved
	Inputs     map[string]string // input name -> path
	Backend    func() (backends.Backend, error)
	Progress   func(Progress)
	Log        *slog.Logger
}

// NewRun returns a run ready to be passed to the experiment's Run function.
func NewRun(c RunConfig) *Run {
	r := &Run{
		Paper: c.Paper, Experiment: c.Experiment, Preset: c.Preset, Seed: c.Seed, Dir: c.Dir, Log: c.Log,
		params: c.Params, inputs: c.Inputs, modelDir: c.ModelDir, backend: c.Backend, progress: c.Progress,
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.progress == nil {
		r.progress = func(Progress) {}
	}
	r.record.Seed = c.Seed
	return r
}

// ParamsOf returns the run's parameters as the experiment's own struct type.
func ParamsOf[T any](r *Run) T {
	p, ok := r.params.(T)
	if !ok {
		panic(fmt.Sprintf("papers: %s/%s has parameters of type %T, not %T", r.Paper.Slug, r.Experiment.Name, r.params, p))
	}
	return p
}

// Rand returns the random stream of that name: the same for the same seed and name, and independent of all other streams, so
// that adding a draw to one part of an experiment leaves the others as they were.
func (r *Run) Rand(stream string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(stream))
	return rand.New(rand.NewPCG(uint64(r.Seed), h.Sum64()))
}

// SeedFor derives a non-negative integer seed for a named part of the run, for libraries that take a seed instead of a source.
func (r *Run) SeedFor(stream string) int64 { return r.Rand("seed of " + stream).Int64() }

// Backend opens the compute backend the user chose; every call returns the same one.
func (r *Run) Backend() (backends.Backend, error) {
	if r.backend == nil {
		return nil, errors.New("this run was given no compute backend")
	}
	return r.backend()
}

// Input returns the path the user gave for an input of the experiment, and whether one was given.
func (r *Run) Input(name string) (path string, given bool) {
	if _, ok := r.Experiment.Input(name); !ok {
		panic(fmt.Sprintf("papers: %s/%s has no input %q", r.Paper.Slug, r.Experiment.Name, name))
	}
	path, given = r.inputs[name]
	return path, given
}

// Progress tells whoever watches how far the run has come.
func (r *Run) Progress(p Progress) { r.progress(p) }

// Measure records a value that this seed measured on a system. Both must be declared by the experiment.
func (r *Run) Measure(system, metric string, value float64) {
	if !slices.ContainsFunc(r.Experiment.Systems, func(s report.System) bool { return s.Name == system }) {
		panic(fmt.Sprintf("papers: %s/%s declares no system %q", r.Paper.Slug, r.Experiment.Name, system))
	}
	if !slices.ContainsFunc(r.Experiment.Metrics, func(m report.Metric) bool { return m.ID == metric }) {
		panic(fmt.Sprintf("papers: %s/%s declares no metric %q", r.Paper.Slug, r.Experiment.Name, metric))
	}
	if _, twice := r.record.Value(system, metric); twice {
		panic(fmt.Sprintf("papers: %s/%s measures %s of %s twice", r.Paper.Slug, r.Experiment.Name, metric, system))
	}
	r.record.Measurements = append(r.record.Measurements,
		report.Measurement{System: system, Metric: metric, Value: report.Number(value)})
}

// Curve records a series for one of the report's plots.
func (r *Run) Curve(c report.Curve) { r.record.Curves = append(r.record.Curves, c) }

// Figure records a picture.
func (r *Run) Figure(f report.Figure) { r.record.Figures = append(r.record.Figures, f) }

// Table records a table of measured values.
func (r *Run) Table(t report.Table) { r.record.Tables = append(r.record.Tables, t) }

// Note records a remark the reader of the report must see.
func (r *Run) Note(format string, args ...any) {
	r.record.Notes = append(r.record.Notes, report.Note{Text: fmt.Sprintf(format, args...)})
}

// Warn records a warning, for the report and for the log.
func (r *Run) Warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.record.Notes = append(r.record.Notes, report.Note{Warning: true, Text: text})
	r.Log.Warn(text)
}

// Record returns what the run has recorded so far.
func (r *Run) Record() *report.Record { return &r.record }

// ModelDir creates and returns the folder in which the trained model of this seed is saved for [Paper.Apply].
func (r *Run) ModelDir() (string, error) {
	if err := os.MkdirAll(r.modelDir, 0o755); err != nil {
		return "", fmt.Errorf("creating the model folder: %w", err)
	}
	return r.modelDir, nil
}

// Stage carries out a named part of a run and stores its result, so that a resumed run takes the stored result instead of doing the
// part again. The result must hold everything later parts need, in exported fields that encoding/gob can store.
// Do not record measurements inside f: record them from the result, so that a resumed run records them too.
func Stage[T any](r *Run, name string, f func() (T, error)) (T, error) {
	var result T
	path := filepath.Join(r.Dir, "stages", name+".gob")
	file, err := os.Open(path)
	switch {
	case err == nil:
		defer file.Close()
		if err := gob.NewDecoder(file).Decode(&result); err != nil {
			return result, fmt.Errorf("reading the stored stage %s: %w (delete that file to do the stage again)", path, err)
		}
		r.Log.Info("stage taken from an earlier start", "stage", name)
		return result, nil
	case !errors.Is(err, fs.ErrNotExist):
		return result, fmt.Errorf("opening the stored stage: %w", err)
	}
	if result, err = f(); err != nil {
		return result, err
	}
	err = WriteFileAtomic(path, func(file *os.File) error { return gob.NewEncoder(file).Encode(&result) })
	if err != nil {
		return result, fmt.Errorf("storing stage %q: %w", name, err)
	}
	return result, nil
}

// WriteFileAtomic writes a file so that after a crash the path holds either its old content or all of its new content.
// It creates the folder if need be.
func WriteFileAtomic(path string, write func(*os.File) error) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if err := write(file); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Chmod(0o644); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// Application is one use of a saved model on files.
type Application struct {
	ModelDir string   // as a run saved it
	Files    []string // what to read
	Out      string   // file or folder to write; empty means beside the input, never over it
	Backend  func() (backends.Backend, error)
	Progress func(Progress)
	Log      *slog.Logger
	// Say receives what a person wants to know about the outcome, line by line.
	Say func(format string, args ...any)
}

// OutputPath names the result of an input file: its name with another ending, beside it, in the folder Out, or the file Out. It refuses a
// name that is taken, so that nothing is overwritten.
func (a *Application) OutputPath(input, ending string) (string, error) {
	name := strings.TrimSuffix(filepath.Base(input), filepath.Ext(input)) + ending
	target := a.Out
	info, err := os.Stat(a.Out)
	switch {
	case a.Out == "":
		target = filepath.Join(filepath.Dir(input), name)
	case err == nil && info.IsDir():
		target = filepath.Join(a.Out, name)
	case len(a.Files) > 1:
		return "", Refuse(fmt.Errorf("--out %s is not a folder, and %d files are to be written", a.Out, len(a.Files)))
	}
	if _, err := os.Lstat(target); err == nil {
		return "", Refuse(fmt.Errorf("%s exists and is not overwritten; move it away or choose another --out", target))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return target, nil
}

// RefusedError is the error of a run or an application that cannot be carried out with what it was given: data that do not hold what they
// should, a parameter that does not fit them. Front ends tell it apart from a failure of the program; the command line ends with status 2.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// Refuse marks an error as a refusal of what the user gave; nil stays nil.
func Refuse(err error) error {
	if err == nil {
		return nil
	}
	return &RefusedError{err}
}

// finite reports whether v is neither NaN nor infinite.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
