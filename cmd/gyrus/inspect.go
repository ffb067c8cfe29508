package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/inspection"
	"github.com/gyrus-dev/gyrus/recording/export"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

func inspectCommand() *cobra.Command {
	var asJSON, open, overwrite bool
	var page string
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Say what is in a recording or data file, and draw it",
		Long: `Say what is in a recording or data file: channels, types, positions, rate, length, events, units, gaps, and channels that
are flat or clipped. With --page, also write a page to look at: traces around the first events, spectra, maps of band power and
events of a recording; cuts through an image; rates of an event camera; what else there is of any other file.

FILE may be a folder where a recording is one: CTF .ds, EGI .mff, 4D with its config, and BIDS data sets.`,
		Example: "  gyrus inspect subject01.edf\n  gyrus inspect subject01.edf --page            # writes subject01.edf.html\n  gyrus inspect bold.nii.gz --page=bold.html --open",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := os.Stat(args[0]); err != nil {
				return &runner.UsageError{Err: err}
			}
			wanted := page != "" || open
			if page == "" || page == beside {
				page = filepath.Base(filepath.Clean(args[0])) + ".html"
			}
			if wanted {
				if err := export.Exists(page, export.Options{Overwrite: overwrite}); err != nil {
					return err
				}
			}
			d, err := inspection.Describe(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), d); err != nil {
					return err
				}
			} else {
				fmt.Fprint(cmd.OutOrStdout(), d)
			}
			if !wanted {
				return nil
			}
			sheet, err := inspection.PageOf(args[0], d)
			if err != nil {
				return err
			}
			return showPage(cmd, sheet, page, overwrite, open)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&page, "page", "", "write a page, of this name or that of the file and .html (say --page=NAME)")
	cmd.Flags().Lookup("page").NoOptDefVal = beside
	cmd.Flags().BoolVar(&open, "open", false, "write the page and open it in the browser")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace the page if it exists")
	return cmd
}

// beside stands for a page's name when --page is given without one.
const beside = "FILE.html"

// showPage writes a page, says where it is, and opens it if asked to.
func showPage(cmd *cobra.Command, sheet *report.Sheet, path string, overwrite, open bool) error {
	if err := writePage(sheet, path, overwrite); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Page: %s\n", path)
	if open {
		return openPage(path)
	}
	return nil
}

func writePage(sheet *report.Sheet, path string, overwrite bool) error {
	if err := export.Exists(path, export.Options{Overwrite: overwrite}); err != nil {
		return err
	}
	return writeWith(path, sheet.WriteHTML)
}

// extension is a file name's ending in lower case, with the dot; ".nii.gz" is one.
func extension(path string) string {
	lower := strings.ToLower(path)
	if strings.HasSuffix(lower, ".nii.gz") {
		return ".nii.gz"
	}
	return filepath.Ext(lower)
}
