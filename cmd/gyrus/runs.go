package main

import (
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

	"github.com/gyrus-dev/gyrus/ledger"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

func (a *app) runsCommand() *cobra.Command {
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "runs [PAPER]",
		Short:             "List past runs, newest first",
		Args:              usage(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completePapers,
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := a.readHistory()
			if err != nil {
				return err
			}
			defer h.Close()
			runs, err := h.Runs(cmd.Context(), strings.Join(args, ""), limit)
			if err != nil {
				return err
			}
			if asJSON {
				if runs == nil {
					runs = []runner.Entry{}
				}
				return printJSON(cmd.OutOrStdout(), runs)
			}
			if len(runs) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "There is no run yet. Start one with: gyrus run PAPER")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "RUN\tPRESET\tSEEDS\tSTARTED\tTIME\tSTATUS")
			for _, r := range runs {
				took := ""
				if !r.Finished.IsZero() {
					took = r.Finished.Sub(r.Started).Round(time.Second).String()
				}
				status := string(r.Status)
				if r.Status == runner.Done && len(r.Verdicts) > 0 {
					n := map[string]int{}
					for _, v := range r.Verdicts {
						n[string(v.Status)]++
					}
					status = ledger.CountLine(n)
				}
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", r.ID, r.Preset, r.Seeds, r.Started.Format("2006-01-02 15:04"), took, status)
			}
			return w.Flush()
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 30, "show at most this many; 0 for all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) reportCommand() *cobra.Command {
	var open, asJSON bool
	cmd := &cobra.Command{
		Use:               "report RUN",
		Short:             "Print what a run measured and where its page is; --open shows the page",
		Long:              "Print what a run measured and where its page is. RUN is a run's ID, the beginning of it, its directory, or last.",
		Args:              usage(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := runner.FindRun(cmd.Context(), a.home, args[0])
			if err != nil {
				return err
			}
			d, err := readDocument(dir)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if asJSON {
				return d.WriteMetrics(w)
			}
			page := filepath.Join(dir, "report.html")
			if err := printSummary(w, d); err != nil {
				return err
			}
			fmt.Fprintf(w, "\nReport: %s\n", page)
			if open {
				return openPage(page)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&open, "open", false, "open the page in the browser")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print metrics.json")
	return cmd
}

// completeRuns offers the newest runs for the first argument, and files after it.
func (a *app) completeRuns(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	out := []string{"last\tthe newest run"}
	h, err := a.readHistory()
	if err != nil {
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	defer h.Close()
	runs, err := h.Runs(cmd.Context(), "", 50)
	if err != nil {
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	for _, r := range runs {
		out = append(out, r.ID+"\t"+string(r.Status))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func printSummary(w io.Writer, d *report.Document) error {
	width, isTerminal := terminalWidth(w)
	return d.WriteSummary(w, width, isTerminal && os.Getenv("NO_COLOR") == "")
}

// openPage hands a page to the system's browser. A browser that starts may live on after this; one that cannot says so at once.
func openPage(path string) error {
	name, args := "xdg-open", []string{path}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", path}
	}
	browser := exec.Command(name, args...)
	err := browser.Start()
	if err == nil {
		ended := make(chan error, 1)
		go func() { ended <- browser.Wait() }()
		select {
		case err = <-ended:
		case <-time.After(time.Second):
		}
	}
	if err != nil {
		return fmt.Errorf("opening the page: %s: %w (open %s yourself)", name, err, path)
	}
	return nil
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version and where things are kept",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := a.homeFolder()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]string{"gyrus": runner.Version(), "go": runtime.Version(),
					"os": runtime.GOOS, "arch": runtime.GOARCH, "home": home, "data": os.Getenv("GYRUS_DATA")})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "gyrus %s, %s %s/%s\nhome: %s\n", runner.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, home)
			if mirror := os.Getenv("GYRUS_DATA"); mirror != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "data: %s (mirror, from GYRUS_DATA)\n", mirror)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
