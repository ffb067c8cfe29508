package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/sweep"
)

func (a *app) sweepCommand() *cobra.Command {
	var (
		c                  sweep.Config
		o                  sweep.Options
		q                  queueFlags
		grids, sets, data  []string
		seeds, out, resume string
		quick, full        bool
		retries            int
		dryRun, asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "sweep PAPER[/EXPERIMENT]",
		Short: "Run an experiment over a grid of parameters and many seeds",
		Long: `Run an experiment over a grid of parameters and many seeds, on all cores or on many machines, and draw what it measures
against the parameters, with its spread over seeds.

  --grid lr=0.1,0.01        values
  --grid width=32:128:32    from 32 to 128 in steps of 32
  --grid lr=log:0.001..0.1  an interval, from which --random N draws points
  --seeds 0..9              every point with every seed

A sweep can be stopped with Ctrl-C, or by a crash, and goes on with --resume SWEEP. A job that keeps failing is parked with
its error while the others go on; gyrus sweep show tells, and --resume SWEEP --retry tries it again.
With --queue, jobs go through a NATS server with JetStream, and gyrus worker does them on other machines.`,
		Example: `  gyrus sweep htm --quick --grid cells=4,16,32 --seeds 0..9
  gyrus sweep langevinflow --grid learning-rate=log:0.0001..0.01 --random 20 --seeds 3
  gyrus sweep --resume last
  gyrus sweep show last --open`,
		Args:              usage(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeExperiments,
		RunE: func(cmd *cobra.Command, args []string) error {
			home, err := a.homeFolder()
			if err != nil {
				return err
			}
			o.Home, o.Connection = home, q.connection()
			if o.Workers == 0 && cmd.Flags().Changed("workers") {
				o.Workers = -1
			}
			show := newProgress(cmd.ErrOrStderr(), false)
			o.Listen = sweepListener(cmd.ErrOrStderr(), show, asJSON)
			if out != "" {
				if err := os.MkdirAll(out, 0o755); err != nil {
					return &runner.UsageError{Err: err}
				}
			}
			if resume != "" {
				for _, f := range []string{"grid", "set", "data", "seeds", "random", "random-seed", "quick", "full", "backend", "runs", "collect", "batch",
					"retries", "losses", "timeout", "lease", "replicas", "dry-run"} {
					if cmd.Flags().Changed(f) {
						return &runner.UsageError{Err: fmt.Errorf("--%s cannot be changed when a sweep is resumed", f)}
					}
				}
				if len(args) > 0 {
					return &runner.UsageError{Err: fmt.Errorf("--resume names the sweep; do not name a paper beside it")}
				}
				s, err := sweep.Find(home, resume)
				if err != nil {
					return err
				}
				if s.Queue == "" {
					if cmd.Flags().Changed("queue") {
						return &runner.UsageError{Err: fmt.Errorf("sweep %s has a queue of its own and cannot move to another", s.ID)}
					}
					o.Connection = sweep.Connection{} // it has a queue of its own, whatever the environment says
				}
				a.workerProcesses(&o, s.Jobs(), s.Queue == "")
				s, err = sweep.Resume(cmd.Context(), s.ID, o)
				return finishSweep(cmd, show, s, err, out, asJSON)
			}
			if o.Retry {
				return &runner.UsageError{Err: fmt.Errorf("--retry goes with --resume SWEEP")}
			}
			if len(args) == 0 {
				return &runner.UsageError{Err: fmt.Errorf("say which paper to sweep; gyrus papers lists them")}
			}
			if quick && full {
				return &runner.UsageError{Err: fmt.Errorf("--quick and --full exclude each other")}
			}
			if quick {
				c.Preset = papers.Quick
			} else if full {
				c.Preset = papers.Full
			}
			c.Paper, c.Experiment, _ = strings.Cut(args[0], "/")
			if c.Set, err = pairs("--set", sets); err != nil {
				return err
			}
			for _, g := range grids {
				axis, err := sweep.ParseAxis(g)
				if err != nil {
					return &runner.UsageError{Err: err}
				}
				c.Axes = append(c.Axes, axis)
			}
			if seeds != "" {
				if c.Seeds, err = sweep.ParseSeeds(seeds); err != nil {
					return &runner.UsageError{Err: err}
				}
			}
			if c.Inputs, err = a.inputs(&runner.Config{Paper: c.Paper, Experiment: c.Experiment}, data, cmd.ErrOrStderr()); err != nil {
				return err
			}
			if c.Retries = retries; retries == 0 {
				c.Retries = -1
			}
			c.Queue = o.Connection.URL
			p, err := sweep.New(c)
			if err != nil {
				return err
			}
			if dryRun {
				return printPlan(cmd.OutOrStdout(), p, asJSON)
			}
			if w := o.Connection.Warning(); w != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
			}
			a.workerProcesses(&o, p.Jobs(), p.Queue == "")
			fmt.Fprintf(cmd.ErrOrStderr(), "sweep %s: %d points and %d seeds, %d jobs\n", p.ID, len(p.Points), len(p.Seeds), p.Jobs())
			s, err := sweep.Begin(cmd.Context(), p, o)
			return finishSweep(cmd, show, s, err, out, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&grids, "grid", nil, "a parameter and its values: name=1,2,3, name=FROM:TO:STEP or name=LOW..HIGH; repeatable")
	f.StringVar(&seeds, "seeds", "", "seeds: 0..9, a list, or their number (default: what the experiment asks for)")
	f.IntVar(&c.Random, "random", 0, "draw this many points at random instead of taking the whole grid")
	f.Int64Var(&c.RandomSeed, "random-seed", 0, "seed of the drawing")
	f.StringArrayVar(&sets, "set", nil, "set a parameter in all jobs: name=value; repeatable")
	f.StringArrayVar(&data, "data", nil, "file to read: FILE or INPUT=FILE; repeatable")
	f.BoolVar(&quick, "quick", false, "smallest preset")
	f.BoolVar(&full, "full", false, "the paper's sizes")
	f.StringVar(&c.Backend, "backend", "", "compute backend: "+strings.Join(compute.Names(), ", ")+" (default "+compute.Default+")")
	f.IntVar(&o.Workers, "workers", 0, "worker processes on this machine (default: one a core; none with --queue)")
	f.IntVar(&c.Batch, "batch", 0, "train this many seeds of a point at once, if the experiment can")
	f.BoolVar(&c.Runs, "runs", false, "make every job a run with its own directory and report, listed by gyrus runs")
	f.BoolVar(&c.Collect, "collect", false, "with --runs and --queue: have workers send their run directories here")
	f.IntVar(&retries, "retries", 2, "how often a job that failed is tried again before it is parked")
	f.IntVar(&c.Losses, "losses", 5, "park a job when so many workers have died over it")
	f.DurationVar(&c.Timeout, "timeout", 0, "stop a job that takes longer, such as 30m (default: never)")
	f.DurationVar(&c.Lease, "lease", 0, "how long a worker that is not heard of keeps its job (default 10s; 30s with --queue)")
	f.IntVar(&c.Replicas, "replicas", 1, "copies of the queue's streams in a NATS cluster: 1, 3 or 5")
	q.add(f)
	f.StringVar(&out, "out", "", "folder to write the page, the tables and the JSON to as well")
	f.StringVar(&resume, "resume", "", "go on with a stopped sweep: its ID, the beginning of it, or last")
	f.BoolVar(&o.Retry, "retry", false, "with --resume: try parked jobs again")
	f.BoolVar(&dryRun, "dry-run", false, "list the points and run nothing")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON, and before it, on standard error, events as JSON lines")
	cmd.RegisterFlagCompletionFunc("grid", completeParams)
	cmd.RegisterFlagCompletionFunc("set", completeParams)
	cmd.RegisterFlagCompletionFunc("backend", cobra.FixedCompletions(compute.Names(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("resume", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeSweeps(cmd, nil, typed)
	})
	cmd.AddCommand(a.sweepListCommand(), a.sweepShowCommand(), a.sweepRemoveCommand())
	return cmd
}

// workerProcesses lets the workers of this machine be processes of this program, which share its processors.
func (a *app) workerProcesses(o *sweep.Options, jobs int, embedded bool) {
	n := o.Workers
	if n == 0 && embedded {
		n = runtime.NumCPU()
	}
	threads := threadsEach(min(n, jobs))
	home := o.Home
	o.Command = func(_ int, c sweep.Connection, id string) *exec.Cmd {
		return mustProcess(workerProcess(home, c, threads, "--sweep", id))
	}
}

// sweepListener shows a sweep's events.
func sweepListener(w io.Writer, show *progress, asJSON bool) func(sweep.Event) {
	return func(e sweep.Event) {
		if asJSON {
			if line, err := json.Marshal(e); err == nil {
				fmt.Fprintf(w, "%s\n", line)
			}
			return
		}
		if e.Says != "" {
			show.clear()
			fmt.Fprintln(w, e.Says)
			return
		}
		if e.Outcome != nil && e.Outcome.Status == sweep.Parked {
			show.clear()
			fmt.Fprintf(w, "job %s is parked: %s\n", e.Outcome.Job, e.Outcome.Error)
		}
		p := papers.Progress{Stage: "sweep", Done: e.Done + e.Parked, Total: e.Jobs, Unit: "jobs"}
		if e.Parked > 0 {
			p.Metrics = map[string]float64{"parked": float64(e.Parked)}
		}
		show.event(runner.Event{Kind: runner.Progressed, Progress: &p, Seeds: 1})
	}
}

// finishSweep prints what a sweep came to.
func finishSweep(cmd *cobra.Command, show *progress, s *sweep.Sweep, err error, out string, asJSON bool) error {
	show.clear()
	if err != nil {
		if s != nil {
			how := "failed"
			if errors.Is(err, context.Canceled) {
				how, err = "was stopped", fmt.Errorf("stopped: %w", err)
			}
			done, parked := s.Counts()
			fmt.Fprintf(cmd.ErrOrStderr(), "The sweep %s with %d of %d jobs done and %d parked. Go on with it by:\n  gyrus sweep --resume %s\n", how, done, s.Jobs(), parked, s.ID)
		}
		return err
	}
	if out != "" {
		if err := s.WriteResult(out); err != nil {
			return err
		}
	}
	w := cmd.OutOrStdout()
	r, err := s.Result()
	if err != nil {
		return err
	}
	if asJSON {
		if err := printJSON(w, r); err != nil {
			return err
		}
	} else if err := printSweep(w, s, r, out); err != nil {
		return err
	}
	if _, parked := s.Counts(); parked > 0 {
		return fmt.Errorf("%d of %d jobs are parked; try them again with: gyrus sweep --resume %s --retry", parked, s.Jobs(), s.ID)
	}
	return nil
}

// mostPrinted is how many lines of a table a terminal is given.
const mostPrinted = 40

func printSweep(w io.Writer, s *sweep.Sweep, r *sweep.Result, out string) error {
	done, parked := s.Counts()
	fmt.Fprintf(w, "%s of %s/%s, %s preset: %d of %d jobs done, %d parked, %s\n\n", s.ID, s.Paper, s.Experiment, s.Preset, done, s.Jobs(), parked, s.State)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "POINT\tSYSTEM\tMETRIC\tN\tMEAN\tSD\tMEDIAN\t95 % OF THE MEAN")
	for i, sum := range r.Summaries {
		if i == mostPrinted {
			break
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%.4g\t%.3g\t%.4g\t%.4g to %.4g\n", s.PointName(sum.Point), sum.System, sum.Metric, sum.N,
			float64(sum.Mean), float64(sum.SD), float64(sum.Median), float64(sum.Low), float64(sum.High))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := len(r.Summaries) - mostPrinted; more > 0 {
		fmt.Fprintf(w, "... and %d more lines\n", more)
	}
	n := 0
	for _, o := range r.Outcomes {
		if o.Status == sweep.Parked {
			if n++; n == 1 {
				fmt.Fprintln(w, "\nParked:")
			}
			if n <= mostPrinted {
				fmt.Fprintf(w, "  %s (%s, seed %d), after %d tries: %s\n", o.Job, s.PointName(o.Point), o.Seed, len(o.Tries)+1, o.Error)
			}
		}
	}
	if n > mostPrinted {
		fmt.Fprintf(w, "  ... and %d more\n", n-mostPrinted)
	}
	if out == "" {
		out = s.Dir
	}
	if _, err := os.Stat(filepath.Join(out, "report.html")); err == nil {
		fmt.Fprintf(w, "\nReport: %s\nTables: %s, %s\n", filepath.Join(out, "report.html"), filepath.Join(out, "results.csv"), filepath.Join(out, "jobs.csv"))
	}
	return nil
}

func printPlan(w io.Writer, p *sweep.Plan, asJSON bool) error {
	if asJSON {
		return printJSON(w, p)
	}
	fmt.Fprintf(w, "%s/%s, %s preset: %d points and %d seeds, %d jobs\n", p.Paper, p.Experiment, p.Preset, len(p.Points), len(p.Seeds), p.Jobs())
	for i := range p.Points {
		fmt.Fprintf(w, "  %s\n", p.PointName(i))
	}
	return nil
}

func (a *app) sweepListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List sweeps, newest first",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := a.homeFolder()
			if err != nil {
				return err
			}
			all, err := sweep.List(home)
			if err != nil {
				return err
			}
			type line struct {
				ID      string      `json:"id"`
				Jobs    int         `json:"jobs"`
				Done    int         `json:"done"`
				Parked  int         `json:"parked"`
				Started time.Time   `json:"started"`
				State   sweep.State `json:"state"`
				Dir     string      `json:"dir"`
			}
			lines := []line{}
			for _, s := range all {
				done, parked := s.Counts()
				lines = append(lines, line{s.ID, s.Jobs(), done, parked, s.Started, s.State, s.Dir})
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			if len(lines) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "There is no sweep yet. Start one with: gyrus sweep PAPER --grid NAME=VALUES --seeds 0..9")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SWEEP\tJOBS\tDONE\tPARKED\tSTARTED\tSTATE")
			for _, l := range lines {
				fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\n", l.ID, l.Jobs, l.Done, l.Parked, l.Started.Format("2006-01-02 15:04"), l.State)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) sweepShowCommand() *cobra.Command {
	var asJSON, open bool
	var out string
	cmd := &cobra.Command{
		Use:   "show SWEEP",
		Short: "Print what a sweep has measured so far, and which jobs are parked and why",
		Long: `Print what a sweep has measured so far, and which jobs are parked and why. SWEEP is its ID, the beginning of it, or last.
The page and the tables are written when a sweep is done; --out writes them for one that is not.`,
		Args:              usage(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeSweeps,
		RunE: func(cmd *cobra.Command, args []string) error {
			home, err := a.homeFolder()
			if err != nil {
				return err
			}
			s, err := sweep.Find(home, args[0])
			if err != nil {
				return err
			}
			r, err := s.Result()
			if err != nil {
				return err
			}
			if out != "" {
				if err := s.WriteResult(out); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			if err := printSweep(cmd.OutOrStdout(), s, r, out); err != nil {
				return err
			}
			if open {
				page := filepath.Join(s.Dir, "report.html")
				if out != "" {
					page = filepath.Join(out, "report.html")
				}
				if _, err := os.Stat(page); err != nil {
					return &runner.UsageError{Err: fmt.Errorf("the sweep is not done, so it has no page yet; write one with: gyrus sweep show %s --out FOLDER --open", s.ID)}
				}
				return openPage(page)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print everything as JSON")
	cmd.Flags().BoolVar(&open, "open", false, "open the page in the browser")
	cmd.Flags().StringVar(&out, "out", "", "folder to write the page, the tables and the JSON to")
	return cmd
}

func (a *app) sweepRemoveCommand() *cobra.Command {
	var q queueFlags
	cmd := &cobra.Command{
		Use:               "remove SWEEP",
		Short:             "Delete a sweep's folder, and its jobs from the queue if it is not done",
		Args:              usage(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeSweeps,
		RunE: func(cmd *cobra.Command, args []string) error {
			home, err := a.homeFolder()
			if err != nil {
				return err
			}
			s, err := sweep.Find(home, args[0])
			if err != nil {
				return err
			}
			if err := sweep.Remove(cmd.Context(), s, q.connection()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", s.ID)
			return nil
		},
	}
	q.add(cmd.Flags())
	return cmd
}

// completeSweeps offers sweeps for the first argument.
func (a *app) completeSweeps(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	out := []string{"last\tthe newest sweep"}
	if home, err := a.homeFolder(); err == nil {
		all, _ := sweep.List(home)
		for _, s := range all {
			out = append(out, s.ID+"\t"+string(s.State))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
