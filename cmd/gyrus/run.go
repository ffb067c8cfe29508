package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/backends"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/datasets"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

func (a *app) runCommand() *cobra.Command {
	var (
		c                   runner.Config
		quick, full, asJSON bool
		sets, data          []string
		resume              string
	)
	cmd := &cobra.Command{
		Use:   "run PAPER[/EXPERIMENT]",
		Short: "Train a paper's system and measure its claims",
		Long: `Train a paper's system and its baselines, measure the claims, and write a report.

Without --data an experiment makes its own data from the seed. With --data FILE the first experiment that reads
files is taken unless one is named; NAME=FILE picks one of several inputs. gyrus show PAPER lists them.
A run can be stopped with Ctrl-C, or by a crash, and goes on from its last checkpoint with --resume RUN.`,
		Example: `  gyrus run htm --quick
  gyrus run langevinflow --seeds 3 --set epochs=40
  gyrus run dbconformer --data trials.mat
  gyrus run --resume last`,
		Args:              usage(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeExperiments,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Home = a.home
			show := newProgress(cmd.ErrOrStderr(), asJSON)
			if resume != "" {
				for _, f := range []string{"set", "data", "seed", "seeds", "quick", "full", "backend", "out"} {
					if cmd.Flags().Changed(f) {
						return &runner.UsageError{Err: fmt.Errorf("--%s cannot be changed when a run is resumed", f)}
					}
				}
				if len(args) > 0 {
					return &runner.UsageError{Err: fmt.Errorf("--resume names the run; do not name a paper beside it")}
				}
				out, err := runner.Resume(cmd.Context(), c.Home, resume, show.event)
				return a.finish(cmd, show, out, err, asJSON)
			}
			if len(args) == 0 {
				return &runner.UsageError{Err: fmt.Errorf("say which paper to run; gyrus papers lists them")}
			}
			if quick && full {
				return &runner.UsageError{Err: fmt.Errorf("--quick and --full exclude each other")}
			}
			c.Paper, c.Experiment, _ = strings.Cut(args[0], "/")
			c.Preset = papers.Default
			if quick {
				c.Preset = papers.Quick
			} else if full {
				c.Preset = papers.Full
			}
			var err error
			if c.Set, err = pairs("--set", sets); err != nil {
				return err
			}
			if c.Inputs, err = a.inputs(&c, data, cmd.ErrOrStderr()); err != nil {
				return err
			}
			if cmd.Flags().Changed("seeds") && c.Seeds < 1 {
				return &runner.UsageError{Err: fmt.Errorf("--seeds %d: give at least 1", c.Seeds)}
			}
			c.Listen = show.event
			out, err := runner.Execute(cmd.Context(), c)
			return a.finish(cmd, show, out, err, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&data, "data", nil, "file to read: FILE or INPUT=FILE; repeatable")
	f.StringArrayVar(&sets, "set", nil, "set a parameter: name=value; repeatable")
	f.Int64Var(&c.Seed, "seed", 0, "first random seed")
	f.IntVar(&c.Seeds, "seeds", 0, "number of seeds, one after another (default: what the experiment asks for)")
	f.BoolVar(&quick, "quick", false, "smallest preset, some seconds: shows that it works, too small to test claims")
	f.BoolVar(&full, "full", false, "the paper's sizes: may take hours")
	f.StringVar(&c.Backend, "backend", "", "compute backend: "+strings.Join(compute.Names(), ", ")+" (default "+compute.Default+")")
	f.StringVar(&c.Out, "out", "", "directory for the run; must be empty or new (default: under the home folder)")
	f.StringVar(&resume, "resume", "", "go on with a stopped run: its ID, the beginning of it, its directory, or last")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON, and before it, on standard error, the run's events as JSON lines")
	cmd.RegisterFlagCompletionFunc("resume", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeRuns(cmd, nil, typed)
	})
	cmd.RegisterFlagCompletionFunc("backend", cobra.FixedCompletions(compute.Names(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("set", completeParams)
	return cmd
}

// completeExperiments offers every paper, and every experiment of one with several.
func completeExperiments(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	out, directive := completePapers(cmd, args, typed)
	if len(args) > 0 {
		return out, directive
	}
	for _, p := range papers.All() {
		for i, e := range p.Experiments {
			if i > 0 {
				out = append(out, p.Slug+"/"+e.Name+"\t"+e.Summary)
			}
		}
	}
	return out, directive
}

// completeParams offers the parameters of the experiment that is being typed.
func completeParams(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	if len(args) == 0 {
		return nil, directive
	}
	slug, name, _ := strings.Cut(args[0], "/")
	p, err := papers.Get(slug)
	if err != nil {
		return nil, directive
	}
	e, err := p.Experiment(name)
	if err != nil {
		return nil, directive
	}
	var out []string
	for _, s := range e.Params.Specs() {
		out = append(out, s.Name+"=\t"+s.Help)
	}
	return out, directive
}

// finish prints what a run came to.
func (a *app) finish(cmd *cobra.Command, show *progress, out *runner.Outcome, err error, asJSON bool) error {
	show.clear()
	if err != nil {
		var refused *papers.RefusedError
		if out != nil && !errors.As(err, &refused) { // what was refused would be refused again
			how := "failed"
			if errors.Is(err, context.Canceled) {
				how, err = "stopped", fmt.Errorf("stopped: %w", err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "The run %s. What it has is in %s; go on with it by:\n  gyrus run --resume %s\n", how, out.Dir, out.ID)
		}
		return err
	}
	w := cmd.OutOrStdout()
	if asJSON {
		return out.Document.WriteMetrics(w)
	}
	if err := printSummary(w, out.Document); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nReport: %s\n", out.ReportPath())
	if entries, err := os.ReadDir(filepath.Join(out.Dir, "model")); err == nil && len(entries) > 0 {
		fmt.Fprintf(w, "Model:  %s (use it with: gyrus apply %s FILE)\n", filepath.Join(out.Dir, "model"), out.ID)
	}
	return nil
}

// pairs reads name=value flags.
func pairs(flag string, list []string) (map[string]string, error) {
	m := make(map[string]string, len(list))
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, &runner.UsageError{Err: fmt.Errorf("%s %s: write it as name=value", flag, s)}
		}
		if _, twice := m[name]; twice {
			return nil, &runner.UsageError{Err: fmt.Errorf("%s %s is given twice", flag, name)}
		}
		m[name] = value
	}
	return m, nil
}

// inputs reads the --data flags. A needed input that was not given is taken from the data sets already on this machine.
func (a *app) inputs(c *runner.Config, data []string, say io.Writer) (map[string]string, error) {
	in := map[string]string{}
	p, err := papers.Get(c.Paper)
	if err != nil {
		return nil, &runner.UsageError{Err: err}
	}
	for _, d := range data {
		name, path := "", d
		// NAME=FILE only if NAME is an input of the paper: file names may hold an equals sign.
		if n, rest, ok := strings.Cut(d, "="); ok && slices.ContainsFunc(p.Experiments, func(e papers.Experiment) bool {
			_, known := e.Input(n)
			return known
		}) {
			name, path = n, rest
		}
		if _, twice := in[name]; twice {
			return nil, &runner.UsageError{Err: fmt.Errorf("--data %s: that input is given twice", d)}
		}
		in[name] = path
	}
	if c.Experiment == "" {
		return in, nil
	}
	exp, err := p.Experiment(c.Experiment)
	if err != nil {
		return nil, &runner.UsageError{Err: err}
	}
	for i, want := range exp.Inputs {
		_, named := in[want.Name]
		_, first := in[""]
		if named || first && i == 0 || !want.Required || want.Dataset == "" {
			continue
		}
		store, err := a.store()
		if err != nil {
			return nil, err
		}
		set, err := datasets.Get(want.Dataset)
		if err != nil {
			return nil, err
		}
		path, ok := "", false
		if len(set.Files) > 0 {
			path, ok = store.Path(set, set.Files[0])
		}
		if !ok {
			return nil, &runner.UsageError{Err: fmt.Errorf("%s/%s needs a file for its input %q (%s): give it with --data FILE, or fetch a fitting one with: gyrus data get %s",
				p.Slug, exp.Name, want.Name, want.Says, want.Dataset)}
		}
		fmt.Fprintf(say, "reading %s (%s)\n", path, set.Title)
		in[want.Name] = path
	}
	return in, nil
}

func (a *app) store() (*datasets.Store, error) {
	home, err := a.homeFolder()
	if err != nil {
		return nil, err
	}
	return datasets.NewStore(filepath.Join(home, "data"), os.Getenv("GYRUS_DATA")), nil
}

func (a *app) applyCommand() *cobra.Command {
	var out, backend string
	var seed int64
	cmd := &cobra.Command{
		Use:   "apply RUN FILE...",
		Short: "Use the model a run has trained on new files",
		Long: `Use the model a run has trained on new files. RUN is a run's ID, the beginning of it, its directory, or last.
Results are written beside each file, or to --out; an existing file is never overwritten.`,
		Args:              usage(cobra.MinimumNArgs(2)),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := runner.FindRun(cmd.Context(), a.home, args[0])
			if err != nil {
				return err
			}
			doc, err := readDocument(dir)
			if err != nil {
				return err
			}
			p, err := papers.Get(doc.Paper)
			if err != nil {
				return err
			}
			if p.Apply == nil {
				return &runner.UsageError{Err: fmt.Errorf("%s trains nothing that could be used on new files", p.System)}
			}
			if !cmd.Flags().Changed("seed") {
				seed = doc.Seeds[0]
			}
			model := filepath.Join(dir, "model", fmt.Sprint(seed))
			if _, err := os.Stat(model); err != nil {
				return &runner.UsageError{Err: fmt.Errorf("experiment %s/%s saved no model of seed %d in %s", doc.Paper, doc.Experiment, seed, dir)}
			}
			var b backends.Backend
			defer func() {
				if b != nil {
					b.Finalize()
				}
			}()
			show := newProgress(cmd.ErrOrStderr(), false)
			defer show.clear()
			return compute.Catch("applying "+p.System, func() error {
				return p.Apply(cmd.Context(), &papers.Application{
					ModelDir: model, Files: args[1:], Out: out,
					Backend: func() (backends.Backend, error) {
						var err error
						if b == nil {
							b, err = compute.Open(backend)
						}
						return b, err
					},
					Progress: func(p papers.Progress) { show.event(runner.Event{Kind: runner.Progressed, Progress: &p, Seeds: 1}) },
					Log:      slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)),
					Say: func(format string, args ...any) {
						show.clear()
						fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...)
					},
				})
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file or folder to write (default: beside each input)")
	cmd.Flags().Int64Var(&seed, "seed", 0, "use the model of this seed (default: the run's first)")
	cmd.Flags().StringVar(&backend, "backend", "", "compute backend (default "+compute.Default+")")
	return cmd
}

// terminalWidth is the width of the terminal behind w, or 100.
func terminalWidth(w io.Writer) (width int, isTerminal bool) {
	if f, ok := w.(interface{ Fd() uintptr }); ok && term.IsTerminal(int(f.Fd())) {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 20 {
			return n, true
		}
		return 100, true
	}
	return 100, false
}
