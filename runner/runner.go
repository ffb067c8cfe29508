package runner

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// Config is a request to run an experiment.
type Config struct {
	Paper      string            // slug
	Experiment string            // empty: the first that accepts the given inputs
	Preset     papers.Preset     // empty: papers.Default
	Set        map[string]string // parameters that differ from the preset's
	Seed       int64             // the first seed; the others follow it
	Seeds      int               // how many; 0: as many as the experiment asks for at this preset
	Inputs     map[string]string // input name -> path; the name "" stands for the experiment's first input
	Backend    string            // empty: compute.Default
	Home       string            // where runs and the history are kept; empty: DefaultHome
	Out        string            // the run directory; empty: Home/runs/ID. It must not exist or be empty
	Listen     func(Event)       // told everything that happens; may be nil. Called from one goroutine at a time
}

// Outcome is what a run came to.
type Outcome struct {
	ID       string
	Dir      string
	Status   Status
	Document *report.Document // nil unless Status is Done
}

// ReportPath is the run's HTML page.
func (o *Outcome) ReportPath() string { return filepath.Join(o.Dir, "report.html") }

// UsageError is a request that cannot be carried out as it is put: an unknown name, a parameter out of bounds, a missing input.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// lockFile is held in a run directory by the process that carries the run out.
const lockFile = "lock"

// ErrBusy is the error of [Lock] while another process has the lock.
var ErrBusy = errors.New("another process is at work on it")

// Input is an input file of a run. Its digest tells whether a resumed run, or one on another machine, reads the same data.
type Input struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"` // empty for a folder
	Bytes  int64  `json:"bytes,omitempty"`
}

// request is run.json: what a run was asked to do, complete enough to resume it.
type request struct {
	Format     int               `json:"format"` // of this file; 1
	ID         string            `json:"id"`
	Paper      string            `json:"paper"`
	Experiment string            `json:"experiment"`
	Preset     papers.Preset     `json:"preset"`
	Params     json.RawMessage   `json:"params"`
	Set        map[string]string `json:"set,omitempty"`
	Seed       int64             `json:"seed"`
	Seeds      int               `json:"seeds"`
	Inputs     map[string]Input  `json:"inputs,omitempty"`
	Backend    string            `json:"backend"`
	Started    time.Time         `json:"started"`
	Gyrus      string            `json:"gyrus"`
}

// Execute carries out an experiment from the beginning. When it is cancelled or fails after the run directory was made, it returns the
// Outcome beside the error, so that the caller can say where the run is and how to resume it.
func Execute(ctx context.Context, c Config) (*Outcome, error) {
	req, err := newRequest(c)
	if err != nil {
		return nil, err
	}
	home, err := homeOf(c.Home)
	if err != nil {
		return nil, err
	}
	history, err := OpenHistory(home)
	if err != nil {
		return nil, err
	}
	defer history.Close()
	dir := c.Out
	if dir == "" {
		dir = filepath.Join(home, "runs", req.ID)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	made, err := makeRunDir(dir)
	if err != nil {
		return nil, err
	}
	var out *Outcome
	err = papers.WriteFileAtomic(filepath.Join(dir, "run.json"), func(f *os.File) error { return writeJSON(f, req) })
	if err != nil {
		err = fmt.Errorf("starting a run in %s: %w", dir, err)
	} else {
		out, err = carryOut(ctx, history, dir, req, c.Listen)
	}
	if out == nil { // it never began, so leave no trace of it
		os.Remove(filepath.Join(dir, "run.json"))
		os.Remove(filepath.Join(dir, lockFile))
		if made {
			os.Remove(dir)
		}
	}
	return out, err
}

// Resume goes on with a run from where it was stopped. The run is given by its ID (or its unique beginning, or "last") or its directory.
// A run that is done is only judged and reported anew.
func Resume(ctx context.Context, home, run string, listen func(Event)) (*Outcome, error) {
	home, err := homeOf(home)
	if err != nil {
		return nil, err
	}
	dir, err := FindRun(ctx, home, run)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "run.json")
	var req request
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &UsageError{fmt.Errorf("%s is not a run directory: %w", dir, err)}
	}
	if err := json.Unmarshal(data, &req); err != nil || req.Format != 1 {
		return nil, fmt.Errorf("%s is not a request this version of Gyrus can read (format %d, expected 1): %v", path, req.Format, err)
	}
	for name, was := range req.Inputs {
		now, err := DescribeInput(was.Path)
		if err != nil {
			return nil, fmt.Errorf("input %q of the run: %w", name, err)
		}
		if now.SHA256 != was.SHA256 {
			return nil, fmt.Errorf("input %q has changed since the run began: %s had SHA-256 %.12s…, has %.12s…; start a new run instead",
				name, was.Path, was.SHA256, now.SHA256)
		}
	}
	history, err := OpenHistory(home)
	if err != nil {
		return nil, err
	}
	defer history.Close()
	return carryOut(ctx, history, dir, &req, listen)
}

// FindRun returns the directory of a run given by directory, ID, unique beginning of an ID, or "last".
func FindRun(ctx context.Context, home, run string) (string, error) {
	if _, err := os.Stat(filepath.Join(run, "run.json")); err == nil {
		return filepath.Abs(run)
	}
	home, err := homeOf(home)
	if err != nil {
		return "", err
	}
	h, err := ReadHistory(home)
	if err != nil {
		return "", err
	}
	defer h.Close()
	e, err := h.Find(ctx, run)
	if err != nil {
		return "", &UsageError{err}
	}
	return e.Dir, nil
}

func homeOf(home string) (string, error) {
	if home == "" {
		return DefaultHome()
	}
	return filepath.Abs(home)
}

// newRequest checks a Config against what the paper offers.
func newRequest(c Config) (*request, error) {
	p, err := papers.Get(c.Paper)
	if err != nil {
		return nil, &UsageError{err}
	}
	exp, err := chooseExperiment(p, c)
	if err != nil {
		return nil, &UsageError{err}
	}
	preset := c.Preset
	if preset == "" {
		preset = papers.Default
	}
	params, err := exp.Params.Resolve(preset, c.Set)
	if err != nil {
		return nil, &UsageError{fmt.Errorf("%s/%s: %w", p.Slug, exp.Name, err)}
	}
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	seeds := c.Seeds
	if seeds == 0 {
		seeds = exp.Seeds.Of(preset)
	}
	if seeds < 1 || seeds > 10_000 {
		return nil, &UsageError{fmt.Errorf("%d seeds asked for; give a number from 1 to 10000", seeds)}
	}
	inputs := map[string]Input{}
	for name, path := range c.Inputs {
		if name == "" {
			name = exp.Inputs[0].Name
		}
		if _, twice := inputs[name]; twice {
			return nil, &UsageError{fmt.Errorf("input %q is given twice", name)}
		}
		if inputs[name], err = DescribeInput(path); err != nil {
			return nil, &UsageError{fmt.Errorf("input %q of %s/%s: %w", name, p.Slug, exp.Name, err)}
		}
	}
	for _, in := range exp.Inputs {
		if _, given := inputs[in.Name]; in.Required && !given {
			return nil, &UsageError{fmt.Errorf("%s/%s needs a file for its input %q (%s): give it with --data FILE", p.Slug, exp.Name, in.Name, in.Says)}
		}
	}
	backend := c.Backend
	if backend == "" {
		backend = compute.Default
	}
	if kind, _, _ := strings.Cut(backend, ":"); !slices.Contains(compute.Names(), kind) {
		_, err := compute.Open(backend) // it says what is wrong with the name; not every experiment would get there
		return nil, &UsageError{err}
	}
	now := time.Now()
	return &request{
		Format: 1, ID: NewID(p.Slug, exp.Name, now), Paper: p.Slug, Experiment: exp.Name, Preset: preset, Params: encoded, Set: c.Set,
		Seed: c.Seed, Seeds: seeds, Inputs: inputs, Backend: backend, Started: now, Gyrus: Version(),
	}, nil
}

// chooseExperiment returns the named experiment, or the first that accepts the given inputs.
func chooseExperiment(p *papers.Paper, c Config) (*papers.Experiment, error) {
	accepts := func(e *papers.Experiment) error {
		for name := range c.Inputs {
			if name == "" && len(e.Inputs) == 0 {
				return fmt.Errorf("%s/%s reads no file; gyrus show %s lists the experiments that do", p.Slug, e.Name, p.Slug)
			}
			if _, ok := e.Input(name); name != "" && !ok {
				var names []string
				for _, in := range e.Inputs {
					names = append(names, in.Name)
				}
				return fmt.Errorf("%s/%s has no input %q (it has: %s)", p.Slug, e.Name, name, strings.Join(names, ", "))
			}
		}
		return nil
	}
	if c.Experiment != "" || len(c.Inputs) == 0 {
		e, err := p.Experiment(c.Experiment)
		if err != nil {
			return nil, err
		}
		return e, accepts(e)
	}
	for i := range p.Experiments {
		if accepts(&p.Experiments[i]) == nil {
			return &p.Experiments[i], nil
		}
	}
	return nil, fmt.Errorf("no experiment of %s reads the given files; gyrus show %s says what each reads", p.Slug, p.Slug)
}

// NewID returns a name for a run or a sweep that begins now.
func NewID(slug, experiment string, at time.Time) string {
	var b [2]byte
	rand.Read(b[:])
	return fmt.Sprintf("%s-%s-%s-%x", slug, experiment, at.Format("20060102-150405"), b)
}

// DescribeInput returns a file's digest and size; a folder has only its path.
func DescribeInput(path string) (Input, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Input{}, err
	}
	switch info, err := os.Stat(abs); { // before it is opened: a pipe would wait, a device need not end
	case errors.Is(err, fs.ErrNotExist):
		return Input{}, fmt.Errorf("there is no file %s", path)
	case err != nil:
		return Input{}, err
	case info.IsDir():
		return Input{Path: abs}, nil
	case !info.Mode().IsRegular():
		return Input{}, fmt.Errorf("%s is neither a file nor a folder", path)
	}
	f, err := os.Open(abs)
	if err != nil {
		return Input{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return Input{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return Input{Path: abs, SHA256: hex.EncodeToString(h.Sum(nil)), Bytes: n}, nil
}

// makeRunDir creates a run directory and reports that it did, or takes an empty one.
func makeRunDir(dir string) (made bool, err error) {
	if entries, err := os.ReadDir(dir); err == nil {
		if len(entries) > 0 {
			return false, &UsageError{fmt.Errorf("%s exists and is not empty; a run never overwrites: choose another --out, or go on with a run there by --resume", dir)}
		}
		return false, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, fmt.Errorf("making the run directory: %w (choose another place with --out, or set GYRUS_HOME)", err)
	}
	return true, nil
}

// carryOut runs the seeds that have no record yet, judges, and writes the report. Its Outcome is nil if the run could not begin.
func carryOut(ctx context.Context, history *History, dir string, req *request, listen func(Event)) (out *Outcome, err error) {
	p, err := papers.Get(req.Paper)
	if err != nil {
		return nil, &UsageError{err}
	}
	exp, err := p.Experiment(req.Experiment)
	if err != nil {
		return nil, &UsageError{err}
	}
	params, err := exp.Params.Decode(req.Params)
	if err != nil {
		return nil, err
	}
	release, err := Lock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("run directory %s: %w", dir, err)
	}
	defer release()
	if err := history.start(Entry{ID: req.ID, Paper: req.Paper, Experiment: req.Experiment, Preset: string(req.Preset), Seed: req.Seed,
		Seeds: req.Seeds, Backend: req.Backend, Dir: dir, Started: req.Started}); err != nil {
		return nil, fmt.Errorf("writing the run history %s: %w", history.path, err)
	}
	spent, err := secondsSpent(filepath.Join(dir, "events.jsonl"))
	if err != nil {
		return nil, err
	}
	file, err := openEvents(filepath.Join(dir, "events.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("writing the run's events: %w", err)
	}
	defer file.Close()

	e := &execution{paper: p, exp: exp, params: params, req: req, dir: dir, spent: spent,
		events: &eventLog{file: file, listen: listen}, backend: &backendOnce{name: req.Backend}}
	defer e.backend.close()
	out = &Outcome{ID: req.ID, Dir: dir}
	e.send(Event{Kind: RunStarted})
	doc, err := e.run(ctx)
	out.Document = doc
	var verdicts []report.Verdict
	message := ""
	switch {
	case err == nil:
		out.Status = Done
		for _, c := range doc.Claims {
			verdicts = append(verdicts, c.Verdict)
		}
	case ctx.Err() != nil:
		out.Status, message, err = Cancelled, "stopped", context.Cause(ctx)
	default:
		out.Status, message = Failed, err.Error()
	}
	if herr := history.finish(req.ID, out.Status, message, verdicts); herr != nil && err == nil {
		err = fmt.Errorf("writing the run history %s: %w", history.path, herr)
	}
	e.send(Event{Kind: RunFinished, Status: out.Status, Message: message})
	if err == nil && e.events.failed != nil {
		err = fmt.Errorf("the report is written, but not all of the run's events: %w", e.events.failed)
	}
	return out, err
}

// execution is one start of a run.
type execution struct {
	paper   *papers.Paper
	exp     *papers.Experiment
	params  any
	req     *request
	dir     string
	spent   map[int64]float64 // wall seconds of earlier starts, by seed
	events  *eventLog
	backend *backendOnce
	index   int // of the current seed
}

func (e *execution) send(ev Event) {
	ev.Run, ev.Seeds, ev.SeedIndex = e.req.ID, e.req.Seeds, e.index
	ev.Seed = e.req.Seed + int64(e.index)
	e.events.send(ev)
}

func (e *execution) run(ctx context.Context) (*report.Document, error) {
	var records []report.Record
	for e.index = 0; e.index < e.req.Seeds; e.index++ {
		rec, err := e.seed(ctx, e.req.Seed+int64(e.index))
		if err != nil {
			return nil, err
		}
		records = append(records, *rec)
	}
	e.index = e.req.Seeds - 1
	doc := e.document(records)
	metrics := filepath.Join(e.dir, "metrics.json")
	if err := papers.WriteFileAtomic(metrics, func(f *os.File) error { return doc.WriteMetrics(f) }); err != nil {
		return nil, fmt.Errorf("writing %s: %w", metrics, err)
	}
	page := filepath.Join(e.dir, "report.html")
	if err := papers.WriteFileAtomic(page, func(f *os.File) error { return doc.WriteHTML(f) }); err != nil {
		return nil, fmt.Errorf("writing %s: %w", page, err)
	}
	return doc, nil
}

// seed returns the record of a seed: the stored one, or that of carrying it out now.
func (e *execution) seed(ctx context.Context, seed int64) (*report.Record, error) {
	name := strconv.FormatInt(seed, 10)
	dir := filepath.Join(e.dir, "seeds", name)
	path := filepath.Join(dir, "record.json")
	if data, err := os.ReadFile(path); err == nil {
		var rec report.Record
		if err := json.Unmarshal(data, &rec); err != nil {
			return nil, fmt.Errorf("reading the stored result %s: %w (delete it to do the seed again)", path, err)
		}
		return &rec, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the seed's folder: %w", err)
	}
	e.send(Event{Kind: SeedStarted})
	inputs := make(map[string]string, len(e.req.Inputs))
	for name, in := range e.req.Inputs {
		inputs[name] = in.Path
	}
	r := papers.NewRun(papers.RunConfig{
		Paper: e.paper, Experiment: e.exp, Preset: e.req.Preset, Params: e.params, Seed: seed,
		Dir: dir, ModelDir: filepath.Join(e.dir, "model", name), Inputs: inputs, Backend: e.backend.open,
		Progress: func(p papers.Progress) { e.send(Event{Kind: Progressed, Progress: &p}) },
		Log:      slog.New(&eventHandler{send: e.send}),
	})
	start := time.Now()
	if err := e.guard(ctx, r, seed); err != nil {
		return nil, err
	}
	rec := r.Record()
	rec.Seconds = e.spent[seed] + time.Since(start).Seconds()
	rec.PeakBytes = peakBytes()
	if err := papers.WriteFileAtomic(path, func(f *os.File) error { return writeJSON(f, rec) }); err != nil {
		return nil, fmt.Errorf("storing the result of seed %d: %w", seed, err)
	}
	e.send(Event{Kind: SeedFinished})
	return rec, nil
}

// guard runs the experiment and turns a panic into an error; the stack goes to a file, since only a developer can use it.
func (e *execution) guard(ctx context.Context, r *papers.Run, seed int64) (err error) {
	doing := fmt.Sprintf("%s/%s, seed %d", e.paper.Slug, e.exp.Name, seed)
	defer func() {
		if p := recover(); p != nil {
			path := filepath.Join(e.dir, "panic.txt")
			err = fmt.Errorf("%s: a mistake in the program: %v (details in %s; please report it)", doing, p, path)
			if werr := os.WriteFile(path, fmt.Appendf(nil, "%v\n\n%s", p, debug.Stack()), 0o644); werr != nil {
				err = fmt.Errorf("%w (and the details could not be written: %v)", err, werr)
			}
		}
	}()
	return compute.Catch(doing, func() error { return e.exp.Run(ctx, r) })
}

// document judges the records and gathers what the report shows.
func (e *execution) document(records []report.Record) *report.Document {
	inputs := map[string]string{}
	var data []report.DataSource
	for _, name := range slices.Sorted(maps.Keys(e.req.Inputs)) {
		in := e.req.Inputs[name]
		inputs[name] = in.Path
		spec, _ := e.exp.Input(name)
		data = append(data, report.DataSource{Input: name, Path: in.Path, SHA256: in.SHA256, Bytes: in.Bytes, Says: spec.Says})
	}
	if len(data) == 0 {
		data = append(data, report.DataSource{Input: "generator", Says: "built-in, from the seed"})
	}
	results := &papers.Results{Preset: e.req.Preset, Params: e.params, Inputs: inputs, Records: records}
	if e.exp.Judge != nil {
		e.exp.Judge(results)
	}
	doc := &report.Document{
		RunID: e.req.ID, Paper: e.paper.Slug, System: e.paper.System, Title: e.paper.Title, Summary: e.paper.Summary,
		ArXiv: e.paper.ArXiv, Code: e.paper.Code, Experiment: e.exp.Name, ExpSummary: e.exp.Summary, Preset: string(e.req.Preset),
		Started: e.req.Started, Finished: time.Now(), Data: data, Environment: environment(e.backend.opened()),
		Metrics: e.exp.Metrics, Systems: e.exp.Systems, Records: records, Command: e.req.command(),
	}
	for i := range records {
		doc.Seeds = append(doc.Seeds, records[i].Seed)
	}
	values := papers.ParamValues(e.params)
	for _, s := range e.exp.Params.Specs() {
		_, changed := e.req.Set[s.Name]
		doc.Params = append(doc.Params, report.Param{Name: s.Name, Value: values[s.Name], Unit: s.Unit, Says: s.Help, Changed: changed})
	}
	for _, id := range e.exp.Tests {
		c, _ := e.paper.Claim(id)
		row := report.ClaimRow{ID: id, Says: c.Says, Origin: string(c.Origin), Published: c.Published,
			Verdict: report.Verdict{Claim: id, Status: report.NotTested, Why: "this run did not measure it"}}
		for _, v := range results.Verdicts() {
			if v.Claim == id {
				row.Verdict = v
			}
		}
		doc.Claims = append(doc.Claims, row)
	}
	return doc
}

// command is the command line that repeats the run.
func (r *request) command() string {
	args := []string{"gyrus", "run", r.Paper + "/" + r.Experiment}
	if r.Preset != papers.Default {
		args = append(args, "--"+string(r.Preset))
	}
	args = append(args, "--seed", strconv.FormatInt(r.Seed, 10), "--seeds", strconv.Itoa(r.Seeds), "--backend", r.Backend)
	for _, name := range slices.Sorted(maps.Keys(r.Inputs)) {
		args = append(args, "--data", shellQuote(name+"="+r.Inputs[name].Path))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Set)) {
		args = append(args, "--set", shellQuote(name+"="+r.Set[name]))
	}
	return strings.Join(args, " ")
}

func shellQuote(s string) string {
	if strings.IndexFunc(s, func(c rune) bool {
		return !(c == '=' || c == '/' || c == '.' || c == '-' || c == '_' || c == ':' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// secondsSpent sums, from the stored events of earlier starts, the wall time each seed has had.
func secondsSpent(path string) (map[int64]float64, error) {
	spent := map[int64]float64{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return spent, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	var began, last time.Time
	var seed int64
	flush := func() {
		if !began.IsZero() {
			spent[seed] += last.Sub(began).Seconds()
		}
		began = time.Time{}
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var ev Event
		if json.Unmarshal(sc.Bytes(), &ev) != nil {
			continue // a line cut short by a kill
		}
		switch ev.Kind {
		case RunStarted:
			flush()
		case SeedStarted:
			flush()
			began, seed = ev.Time, ev.Seed
		}
		last = ev.Time
	}
	flush()
	return spent, sc.Err()
}

// backendOnce opens the chosen backend when it is first asked for.
type backendOnce struct {
	name string
	mu   sync.Mutex
	b    backends.Backend
}

func (o *backendOnce) open() (backends.Backend, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b != nil {
		return o.b, nil
	}
	b, err := compute.Open(o.name)
	if err != nil {
		return nil, &UsageError{err}
	}
	o.b = b
	return b, nil
}

// opened describes the backend if it was opened.
func (o *backendOnce) opened() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b == nil {
		return ""
	}
	return o.name + " (" + o.b.Description() + ")"
}

func (o *backendOnce) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b != nil {
		o.b.Finalize()
		o.b = nil
	}
}

// eventHandler makes a run's log part of its events.
type eventHandler struct {
	send  func(Event)
	attrs []slog.Attr
}

func (h *eventHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h *eventHandler) Handle(_ context.Context, rec slog.Record) error {
	var b strings.Builder
	b.WriteString(rec.Message)
	write := func(a slog.Attr) bool { fmt.Fprintf(&b, " %s=%v", a.Key, a.Value); return true }
	for _, a := range h.attrs {
		write(a)
	}
	rec.Attrs(write)
	h.send(Event{Kind: Logged, Level: rec.Level.String(), Message: b.String()})
	return nil
}

func (h *eventHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &eventHandler{send: h.send, attrs: append(slices.Clone(h.attrs), attrs...)}
}

func (h *eventHandler) WithGroup(string) slog.Handler { return h }

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "\t")
	return enc.Encode(v)
}
