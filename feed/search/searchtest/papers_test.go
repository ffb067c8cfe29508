package searchtest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/feed"
)

func collect(n int, seed uint64) (out []feed.Paper) {
	for p := range Papers(n, seed) {
		out = append(out, p)
	}
	return out
}

func TestPapers(t *testing.T) {
	if !reflect.DeepEqual(collect(30, 1), collect(30, 1)) {
		t.Error("two runs differ")
	}
	seen := map[string]string{}
	for _, w := range strings.Fields("neuron neurons spike spikes waves network networks abcde edcba") {
		s := synonym(w)
		if before, taken := seen[s]; taken || s == w {
			t.Errorf("%s and %s have the synonym %s", before, w, s)
		}
		seen[s] = w
	}
	// Of the words of titles that are long enough to have synonyms, only some are in the abstract.
	words, shared := 0, 0
	for _, p := range collect(500, 1) {
		abstract := " " + strings.NewReplacer(".", "", ",", "").Replace(strings.ToLower(p.Abstract)) + " "
		for w := range strings.FieldsSeq(strings.ToLower(p.Title)) {
			if w = strings.Trim(w, ":"); len(w) > 5 {
				words++
				if strings.Contains(abstract, " "+w+" ") {
					shared++
				}
			}
		}
	}
	if share := float64(shared) / float64(words); share < 0.3 || share > 0.6 {
		t.Errorf("%.2f of the words of titles are in the abstract", share)
	}
}
