package search

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/search/searchtest"
)

const benchPapers = 100_000

// BenchmarkSearch is the search of issue 5: hybrid, among 100,000 papers, on one processor; it reports what [Index.MeasureSpeed] measures. It
// also says how long it takes to index the papers, to learn from them, and to open the index again.
func BenchmarkSearch(b *testing.B) {
	store, err := feed.Open(b.Context(), filepath.Join(b.TempDir(), "feed.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	var queries []string
	if _, err := store.Import(b.Context(), "bench", func(yield func(feed.Paper, error) bool) {
		i := 0
		for p := range searchtest.Papers(benchPapers, 3) {
			if i++; i%(benchPapers/1000) == 0 {
				// Searches are of two to six words, of which some are frequent.
				words := strings.Fields(p.Title)
				queries = append(queries, strings.Join(words[:min(len(words), 2+i/(benchPapers/1000)%5)], " "))
			}
			if !yield(p, nil) {
				return
			}
		}
	}); err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	x := open(b, store, Options{})
	refreshed(b, x)
	b.Logf("indexed and learnt in %v", time.Since(begin).Round(time.Millisecond))
	begin = time.Now()
	x = open(b, store, Options{})
	b.Logf("opened again in %v", time.Since(begin).Round(time.Millisecond))
	for b.Loop() {
		speed, err := x.MeasureSpeed(b.Context(), queries)
		if err != nil {
			b.Fatal(err)
		}
		b.Log(speed)
		b.ReportMetric(ms(speed.P50), "p50-ms")
		b.ReportMetric(ms(speed.P99), "p99-ms")
		b.ReportMetric(float64(speed.Bytes)/benchPapers, "B/paper")
	}
	begin = time.Now()
	const more = 20
	for p := range searchtest.Papers(more, 5) {
		p.ArXiv, p.DOI = "", ""
		add(b, store, p)
	}
	refreshed(b, x)
	b.Logf("%d more papers imported and indexed in %v", more, time.Since(begin).Round(time.Millisecond))
}

// BenchmarkFTS5 asks SQLite's FTS5 the same searches by BM25 alone, any of the words, as the ranking of this package does.
func BenchmarkFTS5(b *testing.B) {
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "fts.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE VIRTUAL TABLE f USING fts5(title, abstract, tokenize = 'porter unicode61')`); err != nil {
		b.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	var queries []string
	i := 0
	for p := range searchtest.Papers(benchPapers, 3) {
		if i++; i%(benchPapers/1000) == 0 {
			words := strings.Fields(p.Title)
			var quoted []string
			for _, w := range words[:min(len(words), 2+i/(benchPapers/1000)%5)] {
				if t := strings.ToLower(strings.Trim(w, ":")); !functionWords[t] {
					quoted = append(quoted, strconv.Quote(t))
				}
			}
			if len(quoted) > 0 {
				queries = append(queries, strings.Join(quoted, " OR "))
			}
		}
		if _, err := tx.Exec("INSERT INTO f VALUES (?, ?)", p.Title, p.Abstract); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var took []time.Duration
		for _, q := range queries {
			begin := time.Now()
			rows, err := db.Query("SELECT rowid, rank FROM f WHERE f MATCH ? ORDER BY rank LIMIT 20", q)
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
			}
			if err := rows.Err(); err != nil {
				b.Fatal(err)
			}
			rows.Close()
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
		b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	}
}
