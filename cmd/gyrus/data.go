package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/datasets"
	"github.com/gyrus-dev/gyrus/runner"
)

func (a *app) dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "List and get public data sets",
		Long: `List and get public data sets. Nothing is downloaded unless you say get. If GYRUS_DATA names a folder that mirrors
the sets, they are used from there.`,
		Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var asJSON, yes bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List the data sets, with size, licence and whether they are on this machine",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			if asJSON {
				lines := []setLine{}
				for _, s := range datasets.All() {
					l := setLine{Set: s, Here: map[string]string{}}
					for _, f := range s.Files {
						if path, there := store.Path(&s, f); there {
							l.Here[f.Name] = path
						}
					}
					lines = append(lines, l)
				}
				return printJSON(cmd.OutOrStdout(), lines)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "DATA SET\tSIZE\tHERE\tFOR\tLICENCE\tTITLE")
			for _, s := range datasets.All() {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, size(s.Bytes()), presence(store, &s), strings.Join(s.Papers, " "), s.Licence, s.Title)
			}
			return w.Flush()
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	get := &cobra.Command{
		Use:               "get SET",
		Short:             "Download a data set, after showing its size and licence",
		Args:              usage(cobra.ExactArgs(1)),
		ValidArgsFunction: completeSets,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			set, err := datasets.Get(args[0])
			if err != nil {
				return &runner.UsageError{Err: err}
			}
			return getSet(cmd, store, set, yes)
		},
	}
	get.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	verify := &cobra.Command{
		Use:               "verify SET",
		Short:             "Compare a data set on this machine with its checksums",
		Args:              usage(cobra.ExactArgs(1)),
		ValidArgsFunction: completeSets,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			set, err := datasets.Get(args[0])
			if err != nil {
				return &runner.UsageError{Err: err}
			}
			for _, f := range set.Files {
				if err := store.Verify(set, f); err != nil {
					return err
				}
				path, _ := store.Path(set, f)
				note := "checksum right"
				if f.SHA256 == "" {
					note = "no checksum known"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", path, note)
			}
			return nil
		},
	}
	cmd.AddCommand(list, get, verify)
	return cmd
}

// setLine is a data set in the output of gyrus data list --json.
type setLine struct {
	datasets.Set
	Here map[string]string `json:"here"` // path on this machine, by file name, of the files that are there
}

func completeSets(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var out []string
	if len(args) == 0 {
		for _, s := range datasets.All() {
			out = append(out, s.ID+"\t"+s.Title)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func presence(store *datasets.Store, s *datasets.Set) string {
	there := 0
	for _, f := range s.Files {
		if _, ok := store.Path(s, f); ok {
			there++
		}
	}
	switch {
	case there == 0:
		return "no"
	case there < len(s.Files):
		return fmt.Sprintf("%d of %d files", there, len(s.Files))
	}
	return "yes"
}

func size(bytes int64) string {
	if bytes == 0 {
		return "unknown"
	}
	return humanize.Bytes(uint64(bytes))
}

func getSet(cmd *cobra.Command, store *datasets.Store, set *datasets.Set, yes bool) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s\n%s\nlicence: %s\ncite:    %s\n", set.Title, wrap(set.Says, 0), set.Licence, set.Cite)
	if set.Manual != "" {
		return &runner.UsageError{Err: fmt.Errorf("%s cannot be downloaded by Gyrus. %s", set.ID, set.Manual)}
	}
	fmt.Fprintf(w, "size:    %s in %d files\nfrom:    %s\ninto:    %s\n", size(set.Bytes()), len(set.Files), set.Files[0].URL, store.Dir)
	if presence(store, set) == "yes" {
		for _, f := range set.Files {
			if err := store.Verify(set, f); err != nil {
				return err
			}
			path, _ := store.Path(set, f)
			fmt.Fprintf(w, "already here: %s\n", path)
		}
		return nil
	}
	if !yes {
		if ok, err := confirm(cmd, "Download?"); err != nil || !ok {
			return err
		}
	}
	for _, f := range set.Files {
		if path, ok := store.Path(set, f); ok {
			fmt.Fprintf(w, "already here: %s\n", path)
			continue
		}
		var bar *progressbar.ProgressBar
		path, digest, err := store.Fetch(cmd.Context(), set, f, func(f datasets.File, done, total int64) {
			if bar == nil {
				if total == 0 {
					total = -1
				}
				bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(cmd.ErrOrStderr()), progressbar.OptionShowBytes(true),
					progressbar.OptionSetDescription(f.Name), progressbar.OptionClearOnFinish())
			}
			bar.Set64(done)
		})
		if bar != nil {
			bar.Clear()
		}
		if err != nil {
			return err
		}
		note := "checksum right"
		if f.SHA256 == "" {
			note = "SHA-256 " + digest + ", which the catalogue does not know yet"
		}
		fmt.Fprintf(w, "%s  %s\n", path, note)
	}
	return nil
}

// confirm asks on the terminal. Without a terminal the answer must be given by --yes.
func confirm(cmd *cobra.Command, question string) (bool, error) {
	if f, ok := cmd.InOrStdin().(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return false, &runner.UsageError{Err: fmt.Errorf("there is no terminal to ask on; add --yes to go ahead")}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s [y/N] ", question)
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && err != io.EOF {
		return false, err
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

// backendLine is a backend or a plug-in in the output of gyrus backend list --json.
type backendLine struct {
	Name      string `json:"name"` // as in --backend
	Says      string `json:"says"`
	Default   bool   `json:"default,omitempty"`
	Plugin    bool   `json:"plugin,omitempty"`
	Installed string `json:"installed,omitempty"` // path of an installed plug-in
}

func backendCommand() *cobra.Command {
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "backend",
		Short: "List the compute backends, and install plug-ins for them",
		Args:  knownVerb,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List the backends in this binary and the plug-ins they could use",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			lines := []backendLine{}
			for _, name := range compute.Names() {
				lines = append(lines, backendLine{Name: name, Says: compute.Describe(name), Default: name == compute.Default})
			}
			for _, p := range compute.Plugins() {
				lines = append(lines, backendLine{Name: p.Name, Says: p.Says, Plugin: true, Installed: p.Installed})
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, l := range lines {
				note := l.Installed
				switch {
				case l.Default:
					note = "the default"
				case l.Plugin && l.Installed == "":
					note = "not installed; gyrus backend install " + l.Name
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", l.Name, l.Says, note)
			}
			return w.Flush()
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	install := &cobra.Command{
		Use:   "install xla:cpu|xla:cuda",
		Short: "Download a plug-in, after showing its size and source",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			offer, err := compute.FindPlugin(cmd.Context(), args[0])
			if err != nil {
				return &runner.UsageError{Err: err}
			}
			w := cmd.OutOrStdout()
			fmt.Fprintf(w, "plug-in: %s\nsource:  %s\nsize:    %s\ninto:    %s\n", offer.Plugin, offer.Source, size(offer.Bytes), offer.Into)
			if !yes {
				if ok, err := confirm(cmd, "Download and install?"); err != nil || !ok {
					return err
				}
			}
			return offer.Install(w)
		},
	}
	install.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.AddCommand(list, install)
	return cmd
}
