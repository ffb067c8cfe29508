package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/source"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

const feedFile = "feed.db"

// openFeed opens the feed of the home folder, and links its papers to the systems of this Gyrus.
func (a *app) openFeed(ctx context.Context) (*feed.Store, error) {
	home, err := a.homeFolder()
	if err != nil {
		return nil, err
	}
	store, err := feed.Open(ctx, filepath.Join(home, feedFile))
	if err != nil {
		return nil, err
	}
	var systems []feed.System
	for _, p := range papers.All() {
		systems = append(systems, feed.System{Slug: p.Slug, Family: string(p.Family), Title: p.Title, ArXiv: p.ArXiv})
	}
	if err := store.Register(ctx, systems...); err != nil {
		store.Close()
		return nil, err
	}
	return store, nil
}

func (a *app) feedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "feed",
		Short: "The feed of papers: import, list, what trends, the archive",
		Long: `The feed of papers: import, list, what trends, the archive. It is kept in feed.db of the home folder.

Only pull, and import of arXiv IDs and DOIs, use the network.`,
		Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.feedImportCommand(), a.feedPullCommand(), a.feedListCommand(), a.feedShowCommand(), a.feedTrendingCommand(), a.feedArchiveCommand(),
		a.feedRemoveCommand(), a.feedRestoreCommand(), a.feedBackupCommand(), a.feedDigestCommand())
	return cmd
}

// network is the client of the verbs that use the network, with the hosts the user chose.
type network struct{ hosts map[string]string }

func (n *network) flag(cmd *cobra.Command) {
	cmd.Flags().StringToStringVar(&n.hosts, "host", nil,
		"use another server: arxiv=URL, oai=URL, huggingface=URL, crossref=URL or doi=URL; it may be at a private address")
}

func (n *network) client() (*source.Client, error) {
	client := source.NewClient()
	for name, address := range n.hosts {
		u, err := url.Parse(address)
		if !slices.Contains([]string{"arxiv", "oai", "huggingface", "crossref", "doi"}, name) || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, &runner.UsageError{Err: fmt.Errorf("--host %s=%s: write a name (arxiv, oai, huggingface, crossref, doi), = and an address such as https://mirror.example", name, address)}
		}
		client.Hosts = append(client.Hosts, u.Host)
	}
	return client, nil
}

// reportOn prints what became of one source.
func reportOn(cmd *cobra.Command, r source.Result) {
	switch {
	case r.NotModified:
		fmt.Fprintf(cmd.OutOrStdout(), "%s: nothing new\n", r.Source)
	case r.Err != nil && r.Summary.Seen == 0:
		fmt.Fprintf(cmd.OutOrStdout(), "%s: failed\n", r.Source)
	case r.Err != nil:
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, then it failed\n", r.Source, r.Summary)
	default:
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", r.Source, r.Summary)
	}
	const shown = 5
	for i := range r.Summary.Reasons[:min(shown, len(r.Summary.Reasons))] {
		fmt.Fprintf(cmd.ErrOrStderr(), "  refused %s\n", r.Summary.Reasons[i].Error())
	}
	if n := r.Summary.Refused - shown; n > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "  and %d more\n", n)
	}
}

// failures is the error of a command that asked several sources.
func failures(ctx context.Context, results []source.Result) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var errs []error
	for _, r := range results {
		if r.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Source, r.Err))
		}
	}
	return errors.Join(errs...)
}

func (a *app) feedImportCommand() *cobra.Command {
	var date string
	var asJSON bool
	var net network
	cmd := &cobra.Command{
		Use:   "import FILE|ID...",
		Short: "Import papers from files, or single papers by arXiv ID or DOI",
		Long: `Import papers from files, or single papers by arXiv ID or DOI (which are looked up on the network).

A file may be a saved daily papers page (text or HTML), a paper's page with citation data, BibTeX, saved JSON of the
daily papers, an RSS or Atom feed, or an answer of the arXiv API. Papers that are known already are not added twice.`,
		Example: "  gyrus feed import daily-papers.txt refs.bib\n  gyrus feed import 2507.11531 10.1038/nature14539",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var o source.Options
			if date != "" {
				t, err := time.Parse(time.DateOnly, date)
				if err != nil {
					return &runner.UsageError{Err: fmt.Errorf("--date %q is not of the form YYYY-MM-DD", date)}
				}
				o.Date = t
			}
			client, err := net.client()
			if err != nil {
				return err
			}
			var files []string
			arxiv, doi := &source.ArXiv{Base: net.hosts["arxiv"]}, &source.DOI{Base: net.hosts["crossref"], Resolver: net.hosts["doi"]}
			for _, arg := range args {
				_, _, isArXiv := feed.ParseArXiv(arg)
				_, isDOI := feed.ParseDOI(arg)
				switch _, err := os.Stat(arg); {
				case err == nil:
					files = append(files, arg)
				case isArXiv:
					arxiv.IDs = append(arxiv.IDs, arXivWithVersion(arg))
				case isDOI:
					doi.DOIs = append(doi.DOIs, arg)
				default:
					return &runner.UsageError{Err: fmt.Errorf("%s is no file, no arXiv ID and no DOI", arg)}
				}
			}
			store, err := a.openFeed(cmd.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			var results []source.Result
			done := func(r source.Result) {
				if !asJSON {
					reportOn(cmd, r)
				}
			}
			for _, file := range files {
				r := source.Result{Source: file}
				var kind string
				var from iter.Seq2[feed.Paper, error]
				if kind, from, r.Err = source.Open(file, o); r.Err == nil {
					r.Summary, r.Err = store.Import(cmd.Context(), kind, from)
				}
				results = append(results, r)
				done(r)
			}
			var lookups []source.Source
			if len(arxiv.IDs) > 0 {
				lookups = append(lookups, arxiv)
			}
			if len(doi.DOIs) > 0 {
				lookups = append(lookups, doi)
			}
			results = append(results, source.Pull(cmd.Context(), store, client, done, lookups...)...)
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), resultLines(results)); err != nil {
					return err
				}
			}
			return failures(cmd.Context(), results)
		},
	}
	cmd.Flags().StringVar(&date, "date", "", "day YYYY-MM-DD on which a page that does not say its year was saved (default the file's date)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	net.flag(cmd)
	return cmd
}

func arXivWithVersion(s string) string {
	id, version, _ := feed.ParseArXiv(s)
	if version > 0 {
		return fmt.Sprintf("%sv%d", id, version)
	}
	return id
}

// resultLine is a source in the output of gyrus feed import and pull --json.
type resultLine struct {
	Source      string       `json:"source"`
	Summary     feed.Summary `json:"summary"`
	NotModified bool         `json:"not_modified,omitempty"`
	Error       string       `json:"error,omitempty"`
}

func resultLines(results []source.Result) []resultLine {
	lines := []resultLine{}
	for _, r := range results {
		l := resultLine{Source: r.Source, Summary: r.Summary, NotModified: r.NotModified}
		if r.Err != nil {
			l.Error = r.Err.Error()
		}
		lines = append(lines, l)
	}
	return lines
}

// registry offers the systems of this Gyrus as papers, so that a feed without the network is not empty.
type registry struct{}

func (registry) Kind() string   { return "registry" }
func (registry) String() string { return "systems of this Gyrus" }

func (registry) Papers(context.Context, *source.Session) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		for _, p := range papers.All() {
			published, err := papers.ParseDate(p.Published)
			if err == nil && !yield(feed.Paper{Title: p.Title, ArXiv: p.ArXiv, AuthorCount: p.Authors, Published: published}, nil) {
				return
			}
		}
	}
}

func (a *app) feedPullCommand() *cobra.Command {
	var from, categories []string
	var query, date, set, since string
	var limit int
	var asJSON bool
	var net network
	cmd := &cobra.Command{
		Use:   "pull",
		Short: "Get new papers from the network",
		Long: `Get new papers from the network: from arXiv and the Hugging Face daily papers, or the sources you name.

A source is arxiv (its query interface, newest first), oai (arXiv's bulk interface, everything changed since the last
time), huggingface, gyrus (the systems of this binary; needs no network), or the address of an RSS or Atom feed.
A source that fails is tried again, then reported; the others are asked all the same.`,
		Example: "  gyrus feed pull\n  gyrus feed pull --source arxiv --category cs.NE --query 'abs:\"reservoir computing\"' --max 500\n" +
			"  gyrus feed pull --source oai --set q-bio --since 2026-04-01\n  gyrus feed pull --source https://rss.arxiv.org/rss/q-bio.NC",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := net.client()
			if err != nil {
				return err
			}
			var sources []source.Source
			for _, name := range from {
				switch u, err := url.Parse(name); {
				case name == "arxiv":
					sources = append(sources, &source.ArXiv{Base: net.hosts["arxiv"], Categories: categories, Query: query, Max: limit})
				case name == "oai":
					sources = append(sources, &source.OAI{Base: net.hosts["oai"], Set: set, Since: since, Max: limit})
				case name == "huggingface":
					sources = append(sources, &source.DailyPapers{Base: net.hosts["huggingface"], Date: date, Max: limit})
				case name == "gyrus":
					sources = append(sources, registry{})
				case err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https"):
					client.Hosts = append(client.Hosts, u.Host) // the user's own word
					sources = append(sources, &source.Feed{URL: name})
				default:
					return &runner.UsageError{Err: fmt.Errorf("no source is called %q (there are: arxiv, oai, huggingface, gyrus, and addresses of feeds)", name)}
				}
			}
			store, err := a.openFeed(cmd.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			results := source.Pull(cmd.Context(), store, client, func(r source.Result) {
				if !asJSON {
					reportOn(cmd, r)
				}
			}, sources...)
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), resultLines(results)); err != nil {
					return err
				}
			}
			return failures(cmd.Context(), results)
		},
	}
	cmd.Flags().StringSliceVar(&from, "source", []string{"arxiv", "huggingface"}, "sources to ask")
	cmd.Flags().StringSliceVar(&categories, "category", []string{"q-bio.NC", "cs.NE"}, "arXiv categories, any of which a paper must be in; empty for all")
	cmd.Flags().StringVar(&query, "query", "", "arXiv query that a paper must match as well, in arXiv's syntax")
	cmd.Flags().StringVar(&date, "date", "", "day YYYY-MM-DD of the Hugging Face daily papers (default the newest)")
	cmd.Flags().StringVar(&set, "set", "q-bio", "set of arXiv's bulk interface")
	cmd.Flags().StringVar(&since, "since", "", "day YYYY-MM-DD at which the first import from arXiv's bulk interface begins")
	cmd.Flags().IntVar(&limit, "max", 0, "at most this many papers of each source (default 200 of arxiv, 100 of huggingface, all of oai)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	net.flag(cmd)
	return cmd
}

// withFeed is the RunE of a verb that reads the feed.
func (a *app) withFeed(run func(cmd *cobra.Command, store *feed.Store, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		store, err := a.openFeed(cmd.Context())
		if err != nil {
			return err
		}
		defer store.Close()
		return run(cmd, store, args)
	}
}

func (a *app) feedListCommand() *cobra.Command {
	var f feed.Filter
	var when string
	var byDate, asJSON bool
	var page int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List papers, newest first",
		Args:  usage(cobra.NoArgs),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, _ []string) error {
			if when != "" {
				_, span, err := feed.ParsePeriod(when)
				if err != nil {
					return &runner.UsageError{Err: err}
				}
				f.Listed = span
			}
			for _, family := range f.Families {
				if !slices.Contains(papers.Families, papers.Family(family)) {
					return &runner.UsageError{Err: fmt.Errorf("no family is called %q (there are: %s)", family, join(papers.Families))}
				}
			}
			if f.Limit < 0 || page < 1 {
				return &runner.UsageError{Err: errors.New("--limit and --page count from 1")}
			}
			if byDate {
				f.Order = feed.ByDate
			}
			f.Offset = (page - 1) * f.Limit
			list, err := store.List(cmd.Context(), f)
			if err != nil {
				return err
			}
			if asJSON {
				if list == nil {
					list = []feed.Paper{}
				}
				return printJSON(cmd.OutOrStdout(), list)
			}
			total, err := store.Count(cmd.Context(), f)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if len(list) == 0 {
				if total > 0 {
					fmt.Fprintf(w, "There is no page %d of these %d papers.\n", page, total)
				} else if f.Runnable || when != "" || len(f.Families) > 0 {
					fmt.Fprintln(w, "No paper is like that.")
				} else {
					fmt.Fprintln(w, "The feed is empty. Fill it with: gyrus feed import FILE, or gyrus feed pull")
				}
				return nil
			}
			if err := printPapers(w, list); err != nil {
				return err
			}
			if total > len(list) {
				fmt.Fprintf(w, "%d to %d of %d papers\n", f.Offset+1, f.Offset+len(list), total)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&when, "listed", "", "only papers listed on a day (2026-04-20), in a week (2026-W17) or a month (2026-04)")
	cmd.Flags().StringSliceVar(&f.Families, "family", nil, "only systems of these families")
	cmd.Flags().BoolVar(&f.Runnable, "runnable", false, "only papers that run here")
	cmd.Flags().BoolVar(&byDate, "by-date", false, "newest by the date of the paper, not of its listing")
	cmd.Flags().IntVarP(&f.Limit, "limit", "n", 30, "papers on a page; 0 for all")
	cmd.Flags().IntVar(&page, "page", 1, "the page to show")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printPapers(out io.Writer, list []feed.Paper) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tLISTED\tUPVOTES\tCOMMENTS\tRUNS AS\tTITLE")
	for i := range list {
		p := &list[i]
		fmt.Fprintf(w, "%d\t%s\t%d\t%d\t%s\t%s\n", p.ID, p.Listed.Format(time.DateOnly), p.Upvotes+p.Own.Upvotes, p.Comments+p.Own.Comments, p.Slug, p.Title)
	}
	return w.Flush()
}

// findPaper finds a paper by its number in the feed, arXiv ID, DOI, or the slug of its system.
func findPaper(ctx context.Context, store *feed.Store, name string) (feed.Paper, error) {
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		return store.Paper(ctx, id)
	}
	if _, _, ok := feed.ParseArXiv(name); ok {
		return store.ByArXiv(ctx, name)
	}
	if _, ok := feed.ParseDOI(name); ok {
		return store.ByDOI(ctx, name)
	}
	return store.BySlug(ctx, name)
}

// notFound makes a paper that is not there a mistake of the request.
func notFound(err error) error {
	if errors.Is(err, feed.ErrNotFound) {
		return &runner.UsageError{Err: fmt.Errorf("%w; gyrus feed list shows those there are", err)}
	}
	return err
}

func (a *app) feedShowCommand() *cobra.Command {
	var versions, asJSON bool
	cmd := &cobra.Command{
		Use:   "show PAPER",
		Short: "Show a paper: its number in the feed, arXiv ID, DOI, or the slug of its system",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, args []string) error {
			p, err := findPaper(cmd.Context(), store, args[0])
			if err != nil {
				return notFound(err)
			}
			list := []feed.Paper{p}
			if versions {
				if list, err = store.Versions(cmd.Context(), p.ID); err != nil {
					return err
				}
			}
			switch {
			case asJSON && versions:
				return printJSON(cmd.OutOrStdout(), list)
			case asJSON:
				return printJSON(cmd.OutOrStdout(), p)
			}
			for i := range list {
				if i > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "\n--- version %d ---\n\n", list[i].Version)
				}
				printFeedPaper(cmd.OutOrStdout(), &list[i])
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&versions, "versions", false, "show its earlier texts as well")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printFeedPaper(w io.Writer, p *feed.Paper) {
	fmt.Fprintf(w, "%s\n", wrap(p.Title, 0))
	var by []string
	switch {
	case len(p.Authors) > 12:
		by = append(by, fmt.Sprintf("%s and %d others", strings.Join(p.Authors[:10], ", "), len(p.Authors)-10))
	case len(p.Authors) > 0:
		by = append(by, strings.Join(p.Authors, ", "))
	case p.AuthorCount == 1:
		by = append(by, "1 author")
	case p.AuthorCount > 0:
		by = append(by, fmt.Sprintf("%d authors", p.AuthorCount))
	}
	if p.Organisation != "" {
		by = append(by, p.Organisation)
	}
	if len(by) > 0 {
		fmt.Fprintf(w, "%s\n", wrap(strings.Join(by, "; "), 0))
	}
	for _, paragraph := range strings.Split(p.Abstract, "\n\n") {
		if paragraph != "" {
			fmt.Fprintf(w, "\n%s\n", wrap(paragraph, 0))
		}
	}
	fmt.Fprintln(w)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-10s %s\n", name+":", value)
		}
	}
	if !p.Published.IsZero() {
		line("published", p.Published.Format(time.DateOnly))
	}
	line("listed", p.Listed.Format(time.DateOnly))
	if p.ArXiv != "" && p.ArXivVersion > 0 {
		line("arXiv", fmt.Sprintf("%s, version %d", p.ArXiv, p.ArXivVersion))
	} else {
		line("arXiv", p.ArXiv)
	}
	line("DOI", p.DOI)
	line("read", p.Link())
	line("response", fmt.Sprintf("%d upvotes, %d comments, %d runs", p.Upvotes+p.Own.Upvotes, p.Comments+p.Own.Comments, p.Own.Runs))
	if p.Slug != "" {
		line("run it", fmt.Sprintf("gyrus run %s (family %s)", p.Slug, p.Family))
	}
	line("from", strings.Join(p.Sources, ", "))
}

// scoredLine is a paper in the output of gyrus feed trending --json.
type scoredLine struct {
	feed.Paper
	Score float64 `json:"score"`
}

func (a *app) feedTrendingCommand() *cobra.Command {
	var window string
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "trending",
		Short: "List what trends: by upvotes, comments and runs, newer ones counting more",
		Args:  usage(cobra.NoArgs),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, _ []string) error {
			if !slices.Contains([]string{"day", "week", "month"}, window) {
				return &runner.UsageError{Err: fmt.Errorf("no window is called %q (there are: day, week, month)", window)}
			}
			list, err := store.Trending(cmd.Context(), feed.Period(window), time.Time{}, limit)
			if err != nil {
				return err
			}
			if asJSON {
				lines := []scoredLine{}
				for _, p := range list {
					lines = append(lines, scoredLine{p.Paper, p.Score})
				}
				return printJSON(cmd.OutOrStdout(), lines)
			}
			if len(list) == 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "Nothing has happened in the last %s.\n", window)
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SCORE\tID\tUPVOTES\tCOMMENTS\tRUNS\tRUNS AS\tTITLE")
			for _, p := range list {
				fmt.Fprintf(w, "%.2f\t%d\t%d\t%d\t%d\t%s\t%s\n", p.Score, p.ID, p.Upvotes+p.Own.Upvotes, p.Comments+p.Own.Comments, p.Own.Runs, p.Slug, p.Title)
			}
			return w.Flush()
		}),
	}
	cmd.Flags().StringVar(&window, "window", "week", "day, week or month")
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "show at most this many; 0 for all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// bucketLine is a period in the output of gyrus feed archive --json.
type bucketLine struct {
	Period string    `json:"period"`
	From   time.Time `json:"from"`
	Papers int       `json:"papers"`
}

func (a *app) feedArchiveCommand() *cobra.Command {
	var by string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "List the days, weeks or months in which papers were listed",
		Long:  "List the days, weeks or months in which papers were listed. Show the papers of one with: gyrus feed list --listed PERIOD",
		Args:  usage(cobra.NoArgs),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, _ []string) error {
			if !slices.Contains([]string{"day", "week", "month"}, by) {
				return &runner.UsageError{Err: fmt.Errorf("no period is called %q (there are: day, week, month)", by)}
			}
			buckets, err := store.Archive(cmd.Context(), feed.Period(by), feed.Span{})
			if err != nil {
				return err
			}
			lines := []bucketLine{}
			for _, b := range buckets {
				lines = append(lines, bucketLine{b.Name, b.Span.From, b.Papers})
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, l := range lines {
				fmt.Fprintf(w, "%s\t%d\n", l.Period, l.Papers)
			}
			return w.Flush()
		}),
	}
	cmd.Flags().StringVar(&by, "by", "month", "day, week or month")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) feedRemoveCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "remove PAPER",
		Short: "Take a paper out of the feed; sources that offer it again are refused",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return &runner.UsageError{Err: errors.New("say why with --reason")}
			}
			p, err := findPaper(cmd.Context(), store, args[0])
			if err != nil {
				return notFound(err)
			}
			if err := store.Remove(cmd.Context(), p.ID, reason); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Removed %d, %s. Bring it back with: gyrus feed restore %d\n", p.ID, p.Title, p.ID)
			return nil
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (needed)")
	return cmd
}

func (a *app) feedRestoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore ID",
		Short: "Bring back a paper that was removed, by its number in the feed",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return &runner.UsageError{Err: fmt.Errorf("%q is not the number of a paper", args[0])}
			}
			if err := store.Restore(cmd.Context(), id); err != nil {
				return notFound(err)
			}
			p, err := store.Paper(cmd.Context(), id)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Restored %d, %s.\n", p.ID, p.Title)
			return nil
		}),
	}
}

func (a *app) feedBackupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a whole copy of the feed, readers included, to a new file",
		Long: `Write a whole copy of the feed, readers included, to a new file that only you can read. Others may read and write
meanwhile. To go back to a copy, put it in the place of feed.db (and delete feed.db-wal and feed.db-shm) while no Gyrus runs.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, args []string) error {
			if err := store.Backup(cmd.Context(), args[0]); errors.Is(err, os.ErrExist) {
				return &runner.UsageError{Err: err}
			} else if err != nil {
				return err
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", args[0], size(info.Size()))
			return nil
		}),
	}
}
