package feedtest

import (
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/feed"
)

func collect(n int, seed uint64) []feed.Paper {
	var out []feed.Paper
	for p := range Papers(n, seed) {
		out = append(out, p)
	}
	return out
}

func TestSameSeedSamePapers(t *testing.T) {
	if !reflect.DeepEqual(collect(50, 1), collect(50, 1)) {
		t.Error("two runs differ")
	}
	if reflect.DeepEqual(collect(50, 1), collect(50, 2)) {
		t.Error("two seeds do not differ")
	}
}

// The statistics that the package promises.
func TestStatistics(t *testing.T) {
	all := collect(3000, 1)
	count := map[string]int{}
	words, shared, titleWords := 0, 0, 0
	for _, p := range all {
		in := map[string]bool{}
		for w := range strings.FieldsSeq(strings.ToLower(p.Abstract)) {
			w = strings.Trim(w, ".,:")
			count[w]++
			in[w] = true
			words++
		}
		for w := range strings.FieldsSeq(strings.ToLower(p.Title)) {
			titleWords++
			if in[strings.Trim(w, ":")] {
				shared++
			}
		}
	}
	if mean := float64(words) / float64(len(all)); mean < 150 || mean > 200 {
		t.Errorf("an abstract has %.0f words", mean)
	}
	if share := float64(shared) / float64(titleWords); share < 0.6 || share > 0.95 {
		t.Errorf("%.2f of the words of titles are in the abstract", share)
	}
	var frequency []int
	for _, n := range count {
		frequency = append(frequency, n)
	}
	slices.Sort(frequency)
	slices.Reverse(frequency)
	slope := math.Log(float64(frequency[3000])/float64(frequency[100])) / math.Log(3000./100)
	if slope > -0.7 || slope < -1.6 { // about -1 in languages
		t.Errorf("frequency falls with rank to the power %.2f", slope)
	}
	if rate := float64(frequency[0]) / float64(words); rate < 0.02 || rate > 0.1 {
		t.Errorf("the commonest word is %.3f of the text", rate)
	}
	if !slices.IsSortedFunc(all, func(a, b feed.Paper) int { return a.Published.Compare(b.Published) }) {
		t.Error("the papers are not in order of time")
	}
}

func TestPapersStayApart(t *testing.T) {
	s, err := feed.Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sum, err := s.Import(t.Context(), "arxiv", Papers(2000, 7))
	if err != nil || sum.Added != 2000 {
		t.Errorf("%+v, %v", sum, err)
	}
	if sum, err = s.Import(t.Context(), "arxiv", Papers(2000, 7)); err != nil || sum.Unchanged != 2000 {
		t.Errorf("again: %+v, %v", sum, err)
	}
}
