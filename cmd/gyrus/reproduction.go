package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/ledger"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// The README lines between which its table of papers stands.
const (
	tableBegin = "<!-- papers: written by gyrus reproduction write -->"
	tableEnd   = "<!-- end of papers -->"
)

func (a *app) reproductionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reproduction",
		Short: "Keep the published table of measured claims (for maintainers, in a source checkout)",
		Args:  knownVerb,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "add RUN...",
		Short: "Enter what finished runs measured, and write the tables",
		Args:  usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := readLedger()
			if err != nil {
				return err
			}
			for _, run := range args {
				dir, err := runner.FindRun(cmd.Context(), a.home, run)
				if err != nil {
					return err
				}
				d, err := readDocument(dir)
				if err != nil {
					return err
				}
				e, err := ledger.FromDocument(d)
				if err != nil {
					return &runner.UsageError{Err: err}
				}
				l.Put(e)
			}
			data, err := l.JSON()
			if err != nil {
				return err
			}
			if err := writeFile(filepath.Join("ledger", "ledger.json"), data); err != nil {
				return err
			}
			return writeTables(l)
		},
	}, &cobra.Command{
		Use:   "write",
		Short: "Write docs/reproduction.md and the README's table from the ledger and the registry",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			l, err := readLedger()
			if err != nil {
				return err
			}
			return writeTables(l)
		},
	})
	return cmd
}

func readLedger() (*ledger.Ledger, error) {
	path := filepath.Join("ledger", "ledger.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &runner.UsageError{Err: fmt.Errorf("%w (run this in the root of a source checkout)", err)}
	}
	return ledger.Parse(data)
}

func writeTables(l *ledger.Ledger) error {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	text, err := ledger.Between(string(readme), tableBegin, tableEnd, l.PaperTable(papers.All()))
	if err != nil {
		return fmt.Errorf("README.md: %w", err)
	}
	if err := writeFile("README.md", []byte(text)); err != nil {
		return err
	}
	return writeFile(filepath.Join("docs", "reproduction.md"), []byte(l.Page(papers.All())))
}

func writeFile(path string, data []byte) error {
	return papers.WriteFileAtomic(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// readDocument reads the result of a finished run.
func readDocument(dir string) (*report.Document, error) {
	path := filepath.Join(dir, "metrics.json")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &runner.UsageError{Err: fmt.Errorf("the run in %s has no result yet; go on with it by: gyrus run --resume %s", dir, filepath.Base(dir))}
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := report.ReadDocument(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return d, nil
}
