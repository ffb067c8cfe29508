package feed_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/feedtest"
)

// BenchmarkImport measures papers per second into a new feed and, again, into one that has them all. With -benchtime 100000x it is the
// import of issue 5: 100,000 papers.
func BenchmarkImport(b *testing.B) {
	s, err := feed.Open(b.Context(), filepath.Join(b.TempDir(), "feed.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var papers []feed.Paper
	for p := range feedtest.Papers(b.N, 1) {
		papers = append(papers, p)
	}
	source := func(yield func(feed.Paper, error) bool) {
		for _, p := range papers {
			if !yield(p, nil) {
				return
			}
		}
	}
	b.ResetTimer()
	for _, pass := range []string{"added", "again"} {
		start := time.Now()
		if _, err := s.Import(b.Context(), "arxiv", source); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), pass+"-papers/s")
	}
}

// BenchmarkViews measures what a page of the feed reads, from 100,000 papers.
func BenchmarkViews(b *testing.B) {
	s, err := feed.Open(b.Context(), filepath.Join(b.TempDir(), "feed.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Import(b.Context(), "arxiv", feedtest.Papers(100_000, 1)); err != nil {
		b.Fatal(err)
	}
	end := feedtest.End
	for _, v := range []struct {
		name string
		f    feed.Filter
	}{
		{"newest", feed.Filter{Limit: 30}},
		{"page 100", feed.Filter{Limit: 30, Offset: 3000}},
		{"by date", feed.Filter{Order: feed.ByDate, Limit: 30}},
		{"day of the archive", feed.Filter{Listed: feed.Day.Around(end.AddDate(-1, 0, 0)), Limit: 30}},
		{"trending day", feed.Filter{Order: feed.Trending, Window: feed.Day, Now: end, Limit: 30}},
		{"trending month", feed.Filter{Order: feed.Trending, Window: feed.Month, Now: end, Limit: 30}},
	} {
		b.Run(v.name, func(b *testing.B) {
			for b.Loop() {
				if papers, err := s.List(b.Context(), v.f); err != nil || len(papers) == 0 {
					b.Fatal(len(papers), err)
				}
			}
		})
	}
	b.Run("archive by month", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Archive(b.Context(), feed.Month, feed.Span{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
