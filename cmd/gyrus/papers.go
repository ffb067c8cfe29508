package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/ledger"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// paperLine is a paper in the output of gyrus papers --json.
type paperLine struct {
	Slug      string         `json:"slug"`
	System    string         `json:"system"`
	Title     string         `json:"title"`
	Family    papers.Family  `json:"family"`
	Published string         `json:"published"`
	ArXiv     string         `json:"arxiv,omitempty"`
	Claims    int            `json:"claims"`
	Status    map[string]int `json:"status"` // number of claims by status
}

func (a *app) papersCommand() *cobra.Command {
	var family, status string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "papers",
		Short: "List the systems, with what has been reproduced",
		Long: `List the systems, with what has been reproduced.

The status counts the claims of each paper by their newest measurement: your own runs (quick ones do not count)
before the measurements this version was published with.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if family != "" && !slices.Contains(papers.Families, papers.Family(family)) {
				return &runner.UsageError{Err: fmt.Errorf("no family is called %q (there are: %s)", family, join(papers.Families))}
			}
			statuses := []report.Status{report.Reproduced, report.Partly, report.NotReproduced, report.NotTested}
			if status != "" && !slices.Contains(statuses, report.Status(status)) {
				return &runner.UsageError{Err: fmt.Errorf("no status is called %q (there are: %s)", status, join(statuses))}
			}
			latest, err := a.latestVerdicts(cmd)
			if err != nil {
				return err
			}
			lines := []paperLine{}
			for _, p := range papers.All() {
				l := paperLine{Slug: p.Slug, System: p.System, Title: p.Title, Family: p.Family, Published: p.Published, ArXiv: p.ArXiv,
					Claims: len(p.Claims), Status: map[string]int{}}
				for _, c := range p.Claims {
					l.Status[string(latest.status(p.Slug, c.ID))]++
				}
				if (family == "" || p.Family == papers.Family(family)) && (status == "" || l.Status[status] > 0) {
					lines = append(lines, l)
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "PAPER\tSYSTEM\tFAMILY\tYEAR\tCLAIMS")
			for _, l := range lines {
				fmt.Fprintf(w, "%s\t%s\t%s\t%.4s\t%s\n", l.Slug, l.System, l.Family, l.Published, ledger.CountLine(l.Status))
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&family, "family", "", "only this family: "+join(papers.Families))
	cmd.Flags().StringVar(&status, "status", "", "only papers with a claim of this status, such as 'not tested'")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// verdicts holds the newest status of each claim, keyed by "slug claim".
type verdicts map[string]report.Status

func (v verdicts) status(slug, claim string) report.Status {
	if s, ok := v[slug+" "+claim]; ok {
		return s
	}
	return report.NotTested
}

// latestVerdicts takes the measurements published with this version and lets the user's own non-quick runs replace them.
func (a *app) latestVerdicts(cmd *cobra.Command) (verdicts, error) {
	v := verdicts{}
	published, err := ledger.Published()
	if err != nil {
		return nil, err
	}
	for _, e := range published.Entries {
		for _, c := range e.Claims {
			if c.Status != report.NotTested || v[e.Paper+" "+c.ID] == "" {
				v[e.Paper+" "+c.ID] = c.Status
			}
		}
	}
	h, err := a.readHistory()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	runs, err := h.Runs(cmd.Context(), "", 0)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(runs) { // oldest first, so that the newest wins
		if r.Preset == string(papers.Quick) {
			continue
		}
		for _, c := range r.Verdicts {
			if c.Status != report.NotTested {
				v[r.Paper+" "+c.Claim] = c.Status
			}
		}
	}
	return v, nil
}

func (a *app) readHistory() (*runner.History, error) {
	home, err := a.homeFolder()
	if err != nil {
		return nil, err
	}
	return runner.ReadHistory(home)
}

func (a *app) showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "show PAPER",
		Short:             "Say what a paper's system is, what it claims, and what can be run and set",
		Args:              usage(cobra.ExactArgs(1)),
		ValidArgsFunction: completePapers,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := papers.Get(args[0])
			if err != nil {
				return &runner.UsageError{Err: err}
			}
			latest, err := a.latestVerdicts(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), describe(p, latest))
			}
			printPaper(cmd.OutOrStdout(), p, latest)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// The JSON form of gyrus show.
type (
	paperJSON struct {
		paperLine
		Summary     string           `json:"summary"`
		Code        string           `json:"code,omitempty"`
		Applies     string           `json:"applies,omitempty"`
		Live        []string         `json:"live,omitempty"` // the kinds of streams its model decodes
		ClaimList   []claimJSON      `json:"claimList"`
		Experiments []experimentJSON `json:"experiments"`
	}
	claimJSON struct {
		ID        string        `json:"id"`
		Says      string        `json:"says"`
		Origin    papers.Origin `json:"origin"`
		Published string        `json:"published,omitempty"`
		Status    report.Status `json:"status"`
	}
	experimentJSON struct {
		Name    string             `json:"name"`
		Summary string             `json:"summary"`
		Tests   []string           `json:"tests"`
		Params  []papers.ParamSpec `json:"params"`
		Inputs  []papers.Input     `json:"inputs"`
		Metrics []report.Metric    `json:"metrics"`
		Systems []report.System    `json:"systems"`
	}
)

func describe(p *papers.Paper, latest verdicts) paperJSON {
	out := paperJSON{paperLine: paperLine{Slug: p.Slug, System: p.System, Title: p.Title, Family: p.Family, Published: p.Published,
		ArXiv: p.ArXiv, Claims: len(p.Claims), Status: map[string]int{}}, Summary: p.Summary, Code: p.Code, Applies: p.Applies}
	if p.Live != nil {
		for _, k := range streamKinds {
			out.Live = append(out.Live, k.name)
		}
	}
	for _, c := range p.Claims {
		s := latest.status(p.Slug, c.ID)
		out.Status[string(s)]++
		out.ClaimList = append(out.ClaimList, claimJSON{c.ID, c.Says, c.Origin, c.Published, s})
	}
	for _, e := range p.Experiments {
		out.Experiments = append(out.Experiments, experimentJSON{e.Name, e.Summary, e.Tests, e.Params.Specs(), e.Inputs, e.Metrics, e.Systems})
	}
	return out
}

func printPaper(w io.Writer, p *papers.Paper, latest verdicts) {
	fmt.Fprintf(w, "%s — %s\n", p.System, p.Title)
	fmt.Fprintf(w, "%s, %d authors, %s", p.Family, p.Authors, p.Published)
	if p.ArXiv != "" {
		fmt.Fprintf(w, ", arXiv %s", p.ArXiv)
	}
	if p.Code != "" {
		fmt.Fprintf(w, ", %s", p.Code)
	}
	fmt.Fprintf(w, "\n\n%s\n\nClaims\n", wrap(p.Summary, 0))
	for _, c := range p.Claims {
		fmt.Fprintf(w, "  %-16s %s (%s)\n", latest.status(p.Slug, c.ID), wrap(c.Says, 19), c.Origin)
		if c.Published != "" {
			fmt.Fprintf(w, "  %-16s published: %s\n", "", wrap(c.Published, 19))
		}
	}
	for i, e := range p.Experiments {
		note := ""
		if i == 0 {
			note = "  (the default)"
		}
		fmt.Fprintf(w, "\nExperiment %s/%s%s\n  %s\n", p.Slug, e.Name, note, wrap(e.Summary, 2))
		for _, in := range e.Inputs {
			need := "optional"
			if in.Required {
				need = "needed"
			}
			fmt.Fprintf(w, "  --data %s=FILE  %s: %s (%s)\n", in.Name, need, wrap(in.Says, 2), strings.Join(in.Formats, ", "))
			if in.Dataset != "" {
				fmt.Fprintf(w, "    fitting data set: gyrus data get %s\n", in.Dataset)
			}
		}
		var beside []string
		for _, s := range e.Systems {
			if s.Role != report.Subject {
				beside = append(beside, s.Name)
			}
		}
		if len(beside) > 0 {
			fmt.Fprintf(w, "  beside it: %s\n", wrap(strings.Join(beside, ", "), 2))
		}
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tw, "  --set\tquick\tdefault\tfull\t")
		for _, s := range e.Params.Specs() {
			fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s%s\n", s.Name, s.Quick, s.Default, s.Full, s.Help, bounds(s))
		}
		tw.Flush()
	}
	if p.Applies != "" {
		fmt.Fprintf(w, "\nA trained model: gyrus apply RUN FILE\n  %s\n", wrap(p.Applies, 2))
	}
	if p.Live != nil {
		var kinds []string
		for _, k := range streamKinds {
			kinds = append(kinds, k.says)
		}
		last := len(kinds) - 1
		fmt.Fprintf(w, "\nA trained model on a stream: gyrus live --model RUN --stream STREAM\n  %s\n",
			wrap("decides while the signal comes in; STREAM is "+strings.Join(kinds[:last], ", ")+" or "+kinds[last], 2))
	}
}

// bounds says in brackets what a parameter may be.
func bounds(s papers.ParamSpec) string {
	var parts []string
	if s.Unit != "" {
		parts = append(parts, s.Unit)
	}
	switch {
	case len(s.OneOf) > 0:
		parts = append(parts, strings.Join(s.OneOf, " | "))
	case s.Min != "" && s.Max != "":
		parts = append(parts, s.Min+" to "+s.Max)
	case s.Min != "":
		parts = append(parts, "at least "+s.Min)
	case s.Max != "":
		parts = append(parts, "at most "+s.Max)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func completePapers(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, p := range papers.All() {
		out = append(out, p.Slug+"\t"+p.System)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// wrap breaks text into lines of at most 100 columns, indenting all but the first.
func wrap(text string, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > 100:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

func join[S ~string](list []S) string {
	var s []string
	for _, x := range list {
		s = append(s, string(x))
	}
	return strings.Join(s, ", ")
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
