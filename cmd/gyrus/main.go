// Command gyrus makes papers about neural dynamics run: it trains the published systems, measures them against their own claims, and puts what was
// trained to work on new recordings.
//
// Exit status: 0 done; 1 failed while running; 2 the request cannot be carried out as put (unknown name, parameter out of bounds, missing
// file, data that do not fit); 130 stopped by the user, to be resumed with gyrus run --resume.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	_ "github.com/gyrus-dev/gyrus/papers/all"
	_ "github.com/gyrus-dev/gyrus/recording/all"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/runner"
)

func main() {
	// The first Ctrl-C asks the run to stop at its next safe point; the second ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { <-ctx.Done(); stop() }()
	out := &output{File: os.Stdout}
	root := rootCommand()
	root.SetOut(out)
	err := root.ExecuteContext(ctx)
	if err == nil && out.failed != nil {
		err = fmt.Errorf("printing the result: %w", out.failed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gyrus:", err)
	}
	if runner.DiskFull(err) {
		fmt.Fprintln(os.Stderr, "The disk is full. What was stored before is whole; free some space and try again.")
	}
	os.Exit(exitStatus(err))
}

// output is standard output that remembers whether it took everything: a result sent to a full disk must not pass for printed.
type output struct {
	*os.File
	failed error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.File.Write(p)
	if o.failed == nil {
		o.failed = err
	}
	return n, err
}

func (o *output) WriteString(s string) (int, error) { return o.Write([]byte(s)) }

func exitStatus(err error) int {
	var usage *runner.UsageError
	var refused *papers.RefusedError
	var format *recording.Error
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		return 130
	case errors.As(err, &usage), errors.As(err, &refused), errors.As(err, &format):
		return 2
	}
	return 1
}

// usage wraps the error of a positional-argument or flag check.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &runner.UsageError{Err: fmt.Errorf("%w; see: %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
}

// knownVerb refuses a word that is no verb and suggests the nearest one.
func knownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("%s has no verb %q; see: %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		err = fmt.Errorf("%s has no verb %q; did you mean %q?", cmd.CommandPath(), args[0], near[0])
	}
	return &runner.UsageError{Err: err}
}

// app is what every verb needs.
type app struct {
	home string // of --home; empty for the default
}

func (a *app) homeFolder() (string, error) {
	if a.home == "" {
		return runner.DefaultHome()
	}
	return filepath.Abs(a.home)
}

func rootCommand() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:   "gyrus",
		Short: "Make papers about neural dynamics run",
		Long: `Gyrus makes papers about neural dynamics run: it trains published systems, measures them against
their own claims, and puts what was trained to work on new recordings.

  gyrus papers               the systems there are
  gyrus show langevinflow    what one is, what it claims, what can be set
  gyrus run langevinflow     train it and measure its claims
  gyrus apply last FILE      use the trained model on a file of yours
  gyrus serve --open         papers, search, runs and recordings in the browser

Runs are kept under $GYRUS_HOME (see: gyrus version). Nothing is downloaded unless you ask for it.

Exit status: 0 done; 1 failed while running; 2 the request or its data cannot be used as given; 130 stopped
by you (go on with: gyrus run --resume RUN).`,
		SuggestionsMinimumDistance: 2,

		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          knownVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &runner.UsageError{Err: fmt.Errorf("%w; see: %s --help", err, cmd.CommandPath())}
	})
	root.PersistentFlags().StringVar(&a.home, "home", "", "folder for runs, models and data (default $GYRUS_HOME or the user's data folder)")
	root.AddCommand(a.papersCommand(), a.showCommand(), a.runCommand(), a.runsCommand(), a.reportCommand(), a.applyCommand(),
		a.dataCommand(), inspectCommand(), filterCommand(), psdCommand(), epochCommand(), icaCommand(), convertCommand(), backendCommand(), benchCommand(), a.reproductionCommand(), a.versionCommand())
	root.AddCommand(a.liveCommand(), a.feedCommand(), a.searchCommand(), a.serveCommand(), a.readersCommand(), a.digestCommand(), a.sweepCommand(), a.workerCommand(), readerCommand())
	return root
}
