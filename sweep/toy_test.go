package sweep

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// toy are the parameters of an experiment whose jobs are short and can be told to go wrong.
type toy struct {
	X      float64       `param:"x" help:"input"`
	Kind   string        `param:"kind" help:"which curve" oneof:"line square"`
	Width  int           `param:"width" help:"a size" min:"1"`
	Sleep  time.Duration `param:"sleep" help:"how long a job takes" min:"0"`
	Faulty string        `param:"faulty" help:"what goes wrong" oneof:"nothing error once panic exit refuse hang sleepy stage"`
	Which  int64         `param:"which" help:"the seed that goes wrong; -1 for all"`
	Marks  string        `param:"marks" help:"folder in which each start of a job leaves a line"`
}

// value is what a job measures: known, so that a result can be checked.
func (p toy) value(seed int64) float64 {
	y := p.X
	if p.Kind == "square" {
		y = p.X * p.X
	}
	return y + math.Sin(float64(seed))
}

func init() {
	base := toy{X: 1, Kind: "line", Width: 8, Faulty: "nothing", Which: -1}
	e := papers.Experiment{Name: "curve", Summary: "A curve with noise.", Params: papers.Presets[toy]{Quick: base, Default: base, Full: base},
		Seeds:   papers.Seeds{Quick: 1, Default: 3, Full: 5},
		Inputs:  []papers.Input{{Name: "table", Says: "anything", Formats: []string{"CSV"}}},
		Metrics: []report.Metric{{ID: "y", Name: "value", Unit: "mV", Better: report.Higher}},
		Systems: []report.System{{Name: "toy", Role: report.Subject}, {Name: "zero", Role: report.Baseline}},
		Tests:   []string{"above"}, Run: runToy,
		Judge: func(rs *papers.Results) {
			rs.Claim("above").Relation("toy above zero", rs.Mean("toy", "y"), ">", rs.Mean("zero", "y"))
		}}
	e2 := e
	e2.Name = "batched"
	e2.Batch = func(ctx context.Context, runs []*papers.Run) error {
		for _, r := range runs {
			r.Note("in a batch of %d", len(runs))
			if err := runToy(ctx, r); err != nil {
				return err
			}
		}
		return nil
	}
	empty := papers.Experiment{Name: "empty", Summary: "Does nothing.", Params: papers.Presets[struct{}]{},
		Metrics: []report.Metric{{ID: "one", Name: "one"}}, Systems: []report.System{{Name: "nothing"}},
		Run: func(_ context.Context, r *papers.Run) error { r.Measure("nothing", "one", 1); return nil }}
	papers.Register(papers.Paper{Slug: "sweeptoy", System: "Toy", Title: "A toy", Authors: 1, Published: "2026", Family: papers.Recurrent, Summary: "A toy.",
		Claims:      []papers.Claim{{ID: "above", Says: "It is above zero", Origin: papers.Ours}},
		Experiments: []papers.Experiment{e, e2, empty}})
}

func runToy(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[toy](r)
	if p.Marks != "" {
		f, err := os.OpenFile(filepath.Join(p.Marks, fmt.Sprintf("x%v-s%d", p.X, r.Seed)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		fmt.Fprintf(f, "%d\n", os.Getpid())
		f.Close()
	}
	pause(ctx, p.Sleep)
	if ctx.Err() != nil && p.Sleep > 0 {
		return ctx.Err()
	}
	if p.Faulty != "nothing" && (p.Which == -1 || p.Which == r.Seed) {
		switch p.Faulty {
		case "error":
			return errors.New("it cannot be done")
		case "once":
			data, _ := os.ReadFile(filepath.Join(p.Marks, fmt.Sprintf("x%v-s%d", p.X, r.Seed)))
			if strings.Count(string(data), "\n") == 1 {
				return errors.New("not at first")
			}
		case "panic":
			var m map[string]int
			//lint:ignore SA5000 a mistake in a paper, as it panics
			m["nil"] = 1
		case "exit":
			os.Exit(7)
		case "refuse":
			return papers.Refuse(errors.New("the data do not fit"))
		case "hang": // until told to stop
			<-ctx.Done()
			return ctx.Err()
		case "stage": // is stopped in the second of two stages, at the first start
			first, err := papers.Stage(r, "first", func() (int, error) { return os.Getpid(), nil })
			if err != nil {
				return err
			}
			data, _ := os.ReadFile(filepath.Join(p.Marks, fmt.Sprintf("x%v-s%d", p.X, r.Seed)))
			if starts := strings.Count(string(data), "\n"); starts == 1 {
				os.WriteFile(filepath.Join(p.Marks, "in-second-stage"), nil, 0o644)
				<-ctx.Done()
				return ctx.Err()
			}
			r.Note("first stage by %d", first)
		}
	}
	r.Measure("toy", "y", p.value(r.Seed))
	r.Measure("zero", "y", 0)
	return nil
}

// TestMain lets the test's binary be a worker process or a server, so that both can be killed.
func TestMain(m *testing.M) {
	switch os.Getenv("GYRUS_SWEEP_TEST") {
	case "worker":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		if os.Getenv("GYRUS_SWEEP_TEST_FREE") == "" {
			ctx = EndWith(ctx, os.Stdin)
		}
		err := Work(ctx, WorkerConfig{Connection: Connection{URL: os.Getenv("GYRUS_SWEEP_TEST_URL"), Token: os.Getenv("GYRUS_SWEEP_TEST_TOKEN")},
			Sweep: os.Getenv("GYRUS_SWEEP_TEST_ID"), Home: os.Getenv("GYRUS_SWEEP_TEST_HOME"), AnyVersion: true, Say: func(s string) { fmt.Println(s) }})
		stop()
		fmt.Println(err)
		if refusal(err) != nil {
			os.Exit(2)
		} else if err != nil && !errors.Is(err, context.Canceled) {
			os.Exit(1)
		}
		os.Exit(0)
	case "server":
		port, _ := strconv.Atoi(os.Getenv("GYRUS_SWEEP_TEST_PORT"))
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, JetStream: true, StoreDir: os.Getenv("GYRUS_SWEEP_TEST_STORE"),
			Authorization: os.Getenv("GYRUS_SWEEP_TEST_TOKEN")})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		s.Start()
		EndWith(context.Background(), os.Stdin)
		<-EndWith(context.Background(), os.Stdin).Done()
		os.Exit(0)
	case "sweep": // a coordinator with worker processes, to be killed
		s, err := Find(os.Getenv("GYRUS_SWEEP_TEST_HOME"), os.Getenv("GYRUS_SWEEP_TEST_ID"))
		if err == nil {
			_, err = Resume(EndWith(context.Background(), os.Stdin), s.ID, Options{Home: os.Getenv("GYRUS_SWEEP_TEST_HOME"), Workers: 3, Command: command(os.Getenv("GYRUS_SWEEP_TEST_HOME")),
				Listen: func(e Event) { fmt.Println(e.Done, e.Says) }})
		}
		fmt.Println(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// command makes worker processes of this binary.
func command(home string) func(int, Connection, string) *exec.Cmd {
	return func(i int, c Connection, sweep string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "GYRUS_SWEEP_TEST=worker", "GYRUS_SWEEP_TEST_URL="+c.URL, "GYRUS_SWEEP_TEST_TOKEN="+c.Token, "GYRUS_SWEEP_TEST_ID="+sweep,
			"GYRUS_SWEEP_TEST_HOME="+home, "GOMAXPROCS=2")
		return cmd
	}
}

// check wants every job of a sweep done, once, with the value it has to have.
func check(t *testing.T, s *Sweep) {
	t.Helper()
	if s.State != Finished || len(s.Outcomes) != s.Jobs() {
		t.Fatalf("%s with %d outcomes of %d jobs", s.State, len(s.Outcomes), s.Jobs())
	}
	_, exp, err := s.describe()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, o := range s.Outcomes {
		if seen[o.Job] {
			t.Errorf("job %s counts twice", o.Job)
		}
		seen[o.Job] = true
		if o.Status != Done {
			t.Errorf("job %s is %s: %s", o.Job, o.Status, o.Error)
			continue
		}
		params, err := exp.Params.Resolve(s.Preset, s.settings(s.Points[o.Point]))
		if err != nil {
			t.Fatal(err)
		}
		rec := report.Record{Measurements: o.Measurements}
		if v, ok := rec.Value("toy", "y"); !ok || v != params.(toy).value(o.Seed) {
			t.Errorf("job %s measured %v, want %v", o.Job, v, params.(toy).value(o.Seed))
		}
	}
	sums, err := s.Summaries()
	if err != nil {
		t.Fatal(err)
	}
	if len(sums) != 2*len(s.Points) {
		t.Errorf("%d summaries of %d points", len(sums), len(s.Points))
	}
	for _, sum := range sums {
		if sum.N != len(s.Seeds) {
			t.Errorf("point %d has %d values of %s, want one for each of %d seeds", sum.Point, sum.N, sum.System, len(s.Seeds))
		}
	}
}

// axis is a grid flag that parses.
func axis(t testing.TB, flag string) Axis {
	t.Helper()
	a, err := ParseAxis(flag)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func seeds(t testing.TB, text string) []int64 {
	t.Helper()
	s, err := ParseSeeds(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func plan(t testing.TB, c Config) *Plan {
	t.Helper()
	if c.Paper == "" {
		c.Paper = "sweeptoy"
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// listen logs what a sweep says.
func listen(t testing.TB) func(Event) {
	return func(e Event) {
		if e.Says != "" {
			t.Log(e.Says)
		}
	}
}
