package search

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/search/searchtest"
	"github.com/gyrus-dev/gyrus/feed/source"
)

// dailyPapers reads the saved page of the recordings.
func dailyPapers(t testing.TB) []feed.Paper {
	folder := os.Getenv("GYRUS_DATA")
	if folder == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	_, from, err := source.Open(filepath.Join(folder, "feed", "daily-papers.txt"), source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out []feed.Paper
	for p, err := range from {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func generated(n int) []feed.Paper {
	var out []feed.Paper
	for p := range searchtest.Papers(n, 3) {
		out = append(out, p)
	}
	return out
}

// Hybrid search finds at least as well as either side on real papers, and better where there is room to be.
func TestQualityOnRealPapers(t *testing.T) {
	q, err := Measure(t.Context(), dailyPapers(t), 1000)
	if err != nil {
		t.Fatal(err)
	}
	q.Write(t.Output())
	if q.Papers != 48 {
		t.Errorf("%d papers", q.Papers)
	}
	for _, task := range q.Tasks {
		bm25, dense, hybrid := task.Modes[0].NDCG.Mean, task.Modes[1].NDCG.Mean, task.Modes[2].NDCG.Mean
		if hybrid < bm25 || hybrid < dense {
			t.Errorf("%s: hybrid %.3f, BM25 %.3f, dense %.3f", task.Name, hybrid, bm25, dense)
		}
		if dense < 0.9 || bm25 < 0.9 { // what a side that is broken does not reach; chance is about 0.1
			t.Errorf("%s: BM25 %.3f, dense %.3f", task.Name, bm25, dense)
		}
		if task.Name == "half to half" && (hybrid <= bm25 || hybrid <= dense) {
			t.Errorf("%s: hybrid %.3f is not above BM25 %.3f and dense %.3f", task.Name, hybrid, bm25, dense)
		}
	}
}

// Where titles use other words than abstracts, hybrid search is clearly better than either side.
func TestQualityWithSynonyms(t *testing.T) {
	q, err := Measure(t.Context(), generated(3000), 400)
	if err != nil {
		t.Fatal(err)
	}
	q.Write(t.Output())
	for _, task := range q.Tasks {
		if task.OverBM25.Low <= 0 || task.OverDense.Low <= 0 {
			t.Errorf("%s: hybrid is better than BM25 by %v, than dense by %v", task.Name, task.OverBM25, task.OverDense)
		}
	}
}
