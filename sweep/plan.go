package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// Config is a request for a sweep. Zero values stand for what the comments say.
type Config struct {
	Paper      string
	Experiment string            // the paper's first
	Preset     papers.Preset     // papers.Default
	Set        map[string]string // parameters that all jobs share
	Axes       []Axis
	Random     int               // draw this many points instead of taking all
	RandomSeed int64             // of the drawing
	Seeds      []int64           // as many as the experiment asks for, from 0 on
	Inputs     map[string]string // input name -> path; "" is the experiment's first
	Backend    string            // compute.Default
	Runs       bool              // make every job a run with a directory of its own, in the history
	Collect    bool              // with Runs, have workers send the run directories
	Batch      int               // hand this many seeds of a point at once to an experiment that can take them
	Retries    int               // how often a job that failed is tried again; -1: never; 2
	Losses     int               // park a job when this many workers have vanished over it; 5
	Timeout    time.Duration     // of one job; none
	Lease      time.Duration     // how long a silent worker keeps its job; 10 s embedded, 30 s otherwise
	Queue      string            // URL of a NATS server with JetStream; an embedded one
	Replicas   int               // of the queue's streams in a cluster; 1
}

// Plan is a sweep that has been checked: plan.json. What is not in its points, workers read as the sweep's manifest.
type Plan struct {
	Format     int                     `json:"format"` // 1
	ID         string                  `json:"id"`
	Paper      string                  `json:"paper"`
	Experiment string                  `json:"experiment"`
	Preset     papers.Preset           `json:"preset"`
	Set        map[string]string       `json:"set,omitempty"`
	Axes       []Axis                  `json:"axes,omitempty"`
	Random     int                     `json:"random,omitempty"`
	RandomSeed int64                   `json:"randomSeed,omitempty"`
	Seeds      []int64                 `json:"seeds"`
	Inputs     map[string]runner.Input `json:"inputs,omitempty"`
	Backend    string                  `json:"backend"`
	Runs       bool                    `json:"runs,omitempty"`
	Collect    bool                    `json:"collect,omitempty"`
	Batch      int                     `json:"batch,omitempty"`
	Retries    int                     `json:"retries"`
	Losses     int                     `json:"losses"`
	Timeout    time.Duration           `json:"timeout,omitempty"`
	Lease      time.Duration           `json:"lease"`
	Queue      string                  `json:"queue,omitempty"` // without credentials
	Replicas   int                     `json:"replicas,omitempty"`
	Started    time.Time               `json:"started"`
	Gyrus      string                  `json:"gyrus"`
	Registry   string                  `json:"registry"` // digest of what the experiment declares

	Points []map[string]string `json:"points,omitempty"` // values of the axes' parameters

	// Consumer names the queue's consumer. An embedded server makes a new one at each start, so that jobs in the hands of workers that
	// ended with the last one are free at once.
	Consumer string `json:"consumer,omitempty"`

	known map[int64]bool // the seeds, for owns
}

// New checks a request against what the paper offers and expands its grid.
func New(c Config) (*Plan, error) {
	p, err := newPlan(c)
	if err != nil {
		return nil, &runner.UsageError{Err: err}
	}
	return p, nil
}

func newPlan(c Config) (*Plan, error) {
	paper, err := papers.Get(c.Paper)
	if err != nil {
		return nil, err
	}
	exp, err := paper.Experiment(c.Experiment)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	p := &Plan{Format: 1, ID: runner.NewID(paper.Slug, exp.Name, now), Paper: paper.Slug, Experiment: exp.Name, Preset: c.Preset, Set: c.Set,
		Axes: c.Axes, Random: c.Random, RandomSeed: c.RandomSeed, Seeds: c.Seeds, Backend: c.Backend, Runs: c.Runs, Collect: c.Collect,
		Batch: c.Batch, Retries: c.Retries, Losses: c.Losses, Timeout: c.Timeout, Lease: c.Lease, Queue: c.Queue, Replicas: max(1, c.Replicas),
		Started: now, Gyrus: runner.Version(), Registry: registry(paper, exp), Consumer: "workers"}
	if p.Preset == "" {
		p.Preset = papers.Default
	}
	if p.Backend == "" {
		p.Backend = compute.Default
	}
	if kind, _, _ := strings.Cut(p.Backend, ":"); !slices.Contains(compute.Names(), kind) {
		_, err := compute.Open(p.Backend) // it says what is wrong with the name
		return nil, err
	}
	if at := (Connection{URL: p.Queue}); !p.embedded() {
		if err := at.check(); err != nil {
			return nil, err
		}
	}
	if len(p.Seeds) == 0 {
		for s := range exp.Seeds.Of(p.Preset) {
			p.Seeds = append(p.Seeds, int64(s))
		}
	}
	switch {
	case p.Retries == 0:
		p.Retries = 2
	case p.Retries < 0:
		p.Retries = 0
	}
	if p.Losses < 1 {
		p.Losses = 5
	}
	if p.Lease == 0 {
		p.Lease = 10 * time.Second
		if p.Queue != "" {
			p.Lease = 30 * time.Second
		}
	}
	switch {
	case p.Lease < 100*time.Millisecond:
		return nil, fmt.Errorf("a lease of %v is too short for any network; give at least 100ms", p.Lease)
	case p.Timeout < 0 || p.Random < 0 || p.Batch < 0:
		return nil, fmt.Errorf("timeout, random and batch cannot be negative")
	case p.Batch > 1 && p.Runs:
		return nil, fmt.Errorf("a batch trains several seeds at once, and a run directory holds one run after the other: choose one of batch and runs")
	case p.Batch > 1 && exp.Batch == nil:
		return nil, fmt.Errorf("%s/%s cannot carry out several seeds at once; leave out the batch", paper.Slug, exp.Name)
	case p.Collect && !p.Runs:
		return nil, fmt.Errorf("only run directories can be collected: ask for runs as well")
	}
	if p.Inputs, err = p.readInputs(exp, c.Inputs); err != nil {
		return nil, err
	}
	if err := p.expand(exp); err != nil {
		return nil, err
	}
	return p, nil
}

// expand makes the points and checks each as gyrus run --set would.
func (p *Plan) expand(exp *papers.Experiment) error {
	seen := map[string]bool{}
	for _, a := range p.Axes {
		if _, fixed := p.Set[a.Param]; fixed || seen[a.Param] {
			return fmt.Errorf("parameter %q is given twice", a.Param)
		}
		seen[a.Param] = true
	}
	specs := exp.Params.Specs()
	whole := func(param string) bool {
		return slices.ContainsFunc(specs, func(s papers.ParamSpec) bool { return s.Name == param && s.Kind == "integer" })
	}
	var err error
	if p.Random > 0 {
		if len(p.Axes) == 0 {
			return fmt.Errorf("--random draws points of a grid: give --grid as well")
		}
		p.Points, err = draw(p.Axes, p.Random, p.RandomSeed, whole)
	} else {
		p.Points, err = grid(p.Axes)
	}
	if err != nil {
		return err
	}
	if n := len(p.Points) * len(p.Seeds); n > maxJobs {
		return fmt.Errorf("%d points and %d seeds make %d jobs; %d is the most", len(p.Points), len(p.Seeds), n, maxJobs)
	}
	taken := map[string]int{}
	for i, point := range p.Points {
		params, err := exp.Params.Resolve(p.Preset, p.settings(point))
		if err != nil {
			return fmt.Errorf("%s/%s: %w", p.Paper, p.Experiment, err)
		}
		values := papers.ParamValues(params)
		resolved := make(map[string]string, len(p.Axes))
		for _, a := range p.Axes {
			resolved[a.Param] = values[a.Param]
		}
		key := pointName(p.Axes, resolved)
		if j, twice := taken[key]; twice {
			return fmt.Errorf("points %d and %d of the grid are the same: %s", j, i, key)
		}
		taken[key] = i
	}
	return nil
}

// settings are all parameters of a point that differ from the preset.
func (p *Plan) settings(point map[string]string) map[string]string {
	set := maps.Clone(p.Set)
	if set == nil {
		set = map[string]string{}
	}
	maps.Copy(set, point)
	return set
}

func (p *Plan) readInputs(exp *papers.Experiment, given map[string]string) (map[string]runner.Input, error) {
	inputs := map[string]runner.Input{}
	for name, path := range given {
		if name == "" {
			if len(exp.Inputs) == 0 {
				return nil, fmt.Errorf("%s/%s reads no file; gyrus show %s lists the experiments that do", p.Paper, exp.Name, p.Paper)
			}
			name = exp.Inputs[0].Name
		}
		if _, ok := exp.Input(name); !ok {
			return nil, fmt.Errorf("%s/%s has no input %q", p.Paper, exp.Name, name)
		}
		if _, twice := inputs[name]; twice {
			return nil, fmt.Errorf("input %q is given twice", name)
		}
		in, err := runner.DescribeInput(path)
		if err != nil {
			return nil, fmt.Errorf("input %q of %s/%s: %w", name, p.Paper, exp.Name, err)
		}
		inputs[name] = in
	}
	for _, in := range exp.Inputs {
		if _, ok := inputs[in.Name]; in.Required && !ok {
			return nil, fmt.Errorf("%s/%s needs a file for its input %q (%s): give it with --data FILE", p.Paper, exp.Name, in.Name, in.Says)
		}
	}
	return inputs, nil
}

// Jobs is the number of jobs of the plan.
func (p *Plan) Jobs() int { return len(p.Points) * len(p.Seeds) }

// PointName writes a point's parameters, as in "lr=0.1 width=64".
func (p *Plan) PointName(point int) string {
	if len(p.Axes) == 0 {
		return "preset"
	}
	return pointName(p.Axes, p.Points[point])
}

// embedded reports whether the sweep has a server of its own.
func (p *Plan) embedded() bool { return p.Queue == "" }

// manifest is the plan without its points: what a worker has to know beside a task.
func (p *Plan) manifest() *Plan {
	m := *p
	m.Points, m.Seeds = nil, nil
	return &m
}

// task is a message of the queue: one job, or with batches several seeds of one point. Tasks follow from the plan alone, so that what a
// resumed coordinator puts into the queue meets what is still there under the same name.
type task struct {
	Point int               `json:"point"`
	Set   map[string]string `json:"set"`
	Seeds []int64           `json:"seeds"`
}

// name is that of the task's first job.
func (t *task) name() string { return jobName(t.Point, t.Seeds[0]) }

// jobName is the key of a job in the queue and in file names.
func jobName(point int, seed int64) string { return fmt.Sprintf("p%d-s%d", point, seed) }

// parseJob is the inverse of jobName.
func parseJob(name string) (point int, seed int64, ok bool) {
	p, s, cut := strings.Cut(strings.TrimPrefix(name, "p"), "-s")
	point, err1 := strconv.Atoi(p)
	seed, err2 := strconv.ParseInt(s, 10, 64)
	return point, seed, cut && err1 == nil && err2 == nil && name == jobName(point, seed)
}

// tasks calls yield for every task that has a job without an outcome. The seeds of a point come one after the other over all points, so that
// a sweep that is looked at early has some of everything.
func (p *Plan) tasks(has func(job string) bool, yield func(task) error) error {
	size := max(1, p.Batch)
	for group := range slices.Chunk(p.Seeds, size) {
		for i, point := range p.Points {
			if !slices.ContainsFunc(group, func(seed int64) bool { return !has(jobName(i, seed)) }) {
				continue
			}
			if err := yield(task{Point: i, Set: p.settings(point), Seeds: group}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Command is the command line that repeats the sweep.
func (p *Plan) Command() string {
	args := []string{"gyrus", "sweep", p.Paper + "/" + p.Experiment}
	if p.Preset != papers.Default {
		args = append(args, "--"+string(p.Preset))
	}
	for _, a := range p.Axes {
		args = append(args, "--grid", quote(a.String()))
	}
	if p.Random > 0 {
		args = append(args, "--random", strconv.Itoa(p.Random), "--random-seed", strconv.FormatInt(p.RandomSeed, 10))
	}
	args = append(args, "--seeds", seedsText(p.Seeds), "--backend", p.Backend)
	for _, name := range slices.Sorted(maps.Keys(p.Inputs)) {
		args = append(args, "--data", quote(name+"="+p.Inputs[name].Path))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Set)) {
		args = append(args, "--set", quote(name+"="+p.Set[name]))
	}
	if p.Batch > 1 {
		args = append(args, "--batch", strconv.Itoa(p.Batch))
	}
	return strings.Join(args, " ")
}

// String writes the axis as [ParseAxis] reads it.
func (a Axis) String() string {
	if a.interval() {
		scale := ""
		if a.Log {
			scale = "log:"
		}
		return fmt.Sprintf("%s=%s%v..%v", a.Param, scale, a.Low, a.High)
	}
	separator := ","
	if slices.ContainsFunc(a.Values, func(v string) bool { return strings.Contains(v, ",") }) {
		separator = ";"
	}
	return a.Param + "=" + strings.Join(a.Values, separator)
}

// seedsText writes seeds as [ParseSeeds] reads them, runs of them as ranges.
func seedsText(seeds []int64) string {
	var parts []string
	for i := 0; i < len(seeds); {
		j := i + 1
		for j < len(seeds) && seeds[j] == seeds[j-1]+1 {
			j++
		}
		parts = append(parts, fmt.Sprintf("%d..%d", seeds[i], seeds[j-1]))
		i = j
	}
	return strings.Join(parts, ",")
}

var plain = regexp.MustCompile(`^[-A-Za-z0-9_=/.,:@+]+$`)

// quote writes a word as a shell reads it back.
func quote(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// registry is a digest of everything an experiment declares about its parameters and what it measures. Two binaries that agree in it mean
// the same by a job and by its outcome.
func registry(p *papers.Paper, e *papers.Experiment) string {
	data, err := json.Marshal(struct {
		Paper, Published, Experiment string
		Params                       []papers.ParamSpec
		Metrics                      []report.Metric
		Systems                      []report.System
		Inputs                       []papers.Input
		Tests                        []string
	}{p.Slug, p.Published, e.Name, e.Params.Specs(), e.Metrics, e.Systems, e.Inputs, e.Tests})
	if err != nil {
		panic("sweep: " + err.Error()) // strings and numbers only
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// describe checks that the paper, the experiment and its declarations are those the plan was made for.
func (p *Plan) describe() (*papers.Paper, *papers.Experiment, error) {
	paper, err := papers.Get(p.Paper)
	if err != nil {
		return nil, nil, fmt.Errorf("sweep %s is of a paper that this Gyrus (%s) does not have: %w", p.ID, runner.Version(), err)
	}
	exp, err := paper.Experiment(p.Experiment)
	if err != nil {
		return nil, nil, fmt.Errorf("sweep %s is of an experiment that this Gyrus (%s) does not have: %w", p.ID, runner.Version(), err)
	}
	if here := registry(paper, exp); here != p.Registry {
		return nil, nil, fmt.Errorf("sweep %s was begun by Gyrus %s, where %s/%s declares other parameters or measurements than here (%s; registry %s, not %s): use the same version",
			p.ID, p.Gyrus, p.Paper, p.Experiment, runner.Version(), here, p.Registry)
	}
	return paper, exp, nil
}
