package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/search"
	"github.com/gyrus-dev/gyrus/feed/search/searchtest"
	"github.com/gyrus-dev/gyrus/feed/search/sentence"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// openIndex opens the search index of the feed and takes in what changed. model is the folder of a sentence model, empty for the built-in
// embedding.
func (a *app) openIndex(cmd *cobra.Command, store *feed.Store, model string) (*search.Index, error) {
	latest, err := a.latestVerdicts(cmd)
	if err != nil {
		return nil, err
	}
	o := search.Options{Status: func(slug string) []string {
		p, err := papers.Get(slug)
		if err != nil {
			return nil
		}
		var out []string
		for _, c := range p.Claims {
			out = append(out, string(latest.status(slug, c.ID)))
		}
		return out
	}}
	if model != "" {
		if o.Embedder, err = sentence.Open(model); err != nil {
			return nil, &runner.UsageError{Err: err}
		}
	}
	index, err := search.Open(cmd.Context(), store, o)
	if err != nil {
		return nil, err
	}
	_, err = index.Refresh(cmd.Context())
	return index, err
}

func (a *app) searchCommand() *cobra.Command {
	var r search.Request
	var like, model string
	var by string
	var bench, asJSON bool
	var generated, queries, page int
	cmd := &cobra.Command{
		Use:   "search QUERY...",
		Short: "Find papers of the feed by words and by meaning",
		Long: `Find papers of the feed by words and by meaning.

  seizure forecasting              papers about it, in whatever words
  '"spiking neurons"'              with these words in this order
  +word -word word*                with, without, beginning so
  title:word author:name           in one place
  family:spiking is:runnable       systems of this Gyrus
  status:reproduced                with a claim of that status
  after:2024 before:2026-04        by date; also from:, until:, published:, listed:

--bench measures how well and how fast papers are found, on the papers of the feed or on invented ones.`,
		Example: "  gyrus search seizure forecasting\n  gyrus search --like langevinflow\n  gyrus search --bench --generated 100000",
		RunE: func(cmd *cobra.Command, args []string) error {
			mode, known := map[string]search.Mode{"both": search.Hybrid, "words": search.Lexical, "meaning": search.Dense}[by]
			switch {
			case !known:
				return &runner.UsageError{Err: fmt.Errorf("--by %s: there are both, words and meaning", by)}
			case r.Limit < 1 || page < 1:
				return &runner.UsageError{Err: errors.New("--limit and --page count from 1")}
			case bench && (len(args) > 0 || like != ""):
				return &runner.UsageError{Err: errors.New("--bench makes its own searches; leave the query out")}
			case bench && generated > 0:
				return benchGenerated(cmd, generated, queries, asJSON)
			case !bench && len(args) == 0 && like == "":
				return &runner.UsageError{Err: errors.New("say what to search for")}
			case like != "" && len(args) > 0:
				return &runner.UsageError{Err: errors.New("--like takes no query")}
			}
			r.Query, r.Mode, r.Offset = strings.Join(args, " "), mode, (page-1)*r.Limit
			return a.withFeed(func(cmd *cobra.Command, store *feed.Store, _ []string) error {
				index, err := a.openIndex(cmd, store, model)
				switch {
				case err != nil:
					return err
				case bench:
					return benchFeed(cmd, store, index, queries, asJSON)
				case like != "":
					p, err := findPaper(cmd.Context(), store, like)
					if err != nil {
						return notFound(err)
					}
					found, err := index.More(cmd.Context(), p.ID, search.Filter{}, r.Limit)
					if err != nil {
						return notFound(err)
					}
					return printFound(cmd, &search.Found{Results: found, Total: len(found)}, 0, asJSON)
				}
				found, err := index.Search(cmd.Context(), r)
				if err != nil {
					return err
				}
				return printFound(cmd, found, r.Offset, asJSON)
			})(cmd, args)
		},
	}
	cmd.Flags().IntVarP(&r.Limit, "limit", "n", 10, "papers on a page")
	cmd.Flags().IntVar(&page, "page", 1, "the page to show")
	cmd.Flags().StringVar(&by, "by", "both", "find by: both, words, meaning")
	cmd.Flags().StringVar(&like, "like", "", "find papers like this one: its number in the feed, arXiv ID, DOI, or the slug of its system")
	cmd.Flags().StringVar(&model, "model", "", "folder of a sentence model (model.onnx, vocab.txt) to embed with, instead of what is learnt from the feed")
	cmd.Flags().BoolVar(&bench, "bench", false, "measure how well and how fast papers are found")
	cmd.Flags().IntVar(&generated, "generated", 0, "with --bench: measure on so many invented papers, in a feed of their own")
	cmd.Flags().IntVar(&queries, "queries", 1000, "with --bench: searches of each kind, at most")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// foundLine is a paper in the output of gyrus search --json.
type foundLine struct {
	feed.Paper
	Score   float64 `json:"score"`
	Words   float64 `json:"words"`
	Meaning float64 `json:"meaning"`
	Snippet string  `json:"snippet,omitempty"`
}

func printFound(cmd *cobra.Command, found *search.Found, offset int, asJSON bool) error {
	out := cmd.OutOrStdout()
	for _, note := range found.Query.Notes {
		fmt.Fprintln(cmd.ErrOrStderr(), note)
	}
	if asJSON {
		lines := []foundLine{}
		for _, r := range found.Results {
			lines = append(lines, foundLine{r.Paper, r.Score, r.Lexical, r.Dense, r.Snippet.String()})
		}
		return printJSON(out, lines)
	}
	for _, c := range found.Corrected {
		fmt.Fprintf(out, "No paper has %q; searched for %q.\n", c.From, c.To)
	}
	if len(found.Results) == 0 {
		fmt.Fprintln(out, "No paper is like that.")
		return nil
	}
	for i, r := range found.Results {
		date := "no date"
		if !r.Paper.Published.IsZero() {
			date = r.Paper.Published.Format(time.DateOnly)
		}
		runs := ""
		if r.Paper.Slug != "" {
			runs = ", runs as " + r.Paper.Slug
		}
		fmt.Fprintf(out, "%3d. %s\n     %d, %s%s\n", offset+i+1, wrap(r.Paper.Title, 5), r.Paper.ID, date, runs)
		if snippet := r.Snippet.String(); snippet != "" {
			fmt.Fprintf(out, "     %s\n", wrap(snippet, 5))
		}
	}
	if found.Total > offset+len(found.Results) {
		fmt.Fprintf(out, "%d to %d of %d papers\n", offset+1, offset+len(found.Results), found.Total)
	}
	return nil
}

// benchResult is what gyrus search --bench --json prints.
type benchResult struct {
	Quality *search.Quality `json:"quality"`
	Speed   search.Speed    `json:"speed"`
}

// benchFeed measures on all papers of a feed.
func benchFeed(cmd *cobra.Command, store *feed.Store, index *search.Index, queries int, asJSON bool) error {
	all, err := store.List(cmd.Context(), feed.Filter{})
	if err != nil {
		return err
	}
	quality, err := search.Measure(cmd.Context(), all, queries)
	if err != nil {
		return &runner.UsageError{Err: err}
	}
	step := max(1, len(all)/max(1, queries))
	var titles []string
	for i := 0; i < len(all) && len(titles) < queries; i += step {
		titles = append(titles, all[i].Title)
	}
	all = nil
	speed, err := index.MeasureSpeed(cmd.Context(), titles)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), benchResult{quality, speed})
	}
	return printBench(cmd.OutOrStdout(), quality, speed)
}

func printBench(w io.Writer, quality *search.Quality, speed search.Speed) error {
	if err := quality.Write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, speed)
	return err
}

// benchGenerated measures on invented papers, in a feed that is gone afterwards.
func benchGenerated(cmd *cobra.Command, n, queries int, asJSON bool) error {
	dir, err := os.MkdirTemp("", "gyrus-search-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store, err := feed.Open(cmd.Context(), filepath.Join(dir, feedFile))
	if err != nil {
		return err
	}
	defer store.Close()
	begin := time.Now()
	if _, err := store.Import(cmd.Context(), "generated", searchtest.Papers(n, 3)); err != nil {
		return err
	}
	imported := time.Since(begin)
	index, err := search.Open(cmd.Context(), store, search.Options{})
	if err != nil {
		return err
	}
	begin = time.Now()
	if _, err := index.Refresh(cmd.Context()); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d papers imported in %.1f s, indexed and learnt from in %.1f s\n", n, imported.Seconds(), time.Since(begin).Seconds())
	return benchFeed(cmd, store, index, queries, asJSON)
}
