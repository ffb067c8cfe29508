package search

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/feed"
)

// The signs choose so well that of the ten nearest papers few are missed, although only one in fifty is looked at closely, which is
// the share of a hundred thousand.
func TestNearest(t *testing.T) {
	s, err := inMemory(t.Context(), generated(5000), func(p *feed.Paper) feed.Paper { return *p })
	if err != nil {
		t.Fatal(err)
	}
	v := s.vectors[0]
	any := func(int) bool { return true }
	found, wanted := 0, 0
	for i := range 100 {
		q := newQuery(v.vector(i * 50))
		all := v.nearest(q, 10, v.len(), 0, any, nil)
		some := v.nearest(q, 10, v.len()/50, 0, any, nil)
		if all[0].doc != i*50 || math.Abs(float64(all[0].score)-1) > 0.01 {
			t.Fatalf("paper %d is nearest to %+v", i*50, all[0])
		}
		for _, h := range all {
			wanted++
			if slices.Contains(some, h) {
				found++
			}
		}
	}
	if share := float64(found) / float64(wanted); share < 0.95 {
		t.Errorf("%.3f of the nearest are found", share)
	} else {
		t.Logf("%.3f of the nearest are found", share)
	}
	odd := v.nearest(newQuery(v.vector(1)), 10, 500, 1000, func(i int) bool { return i%2 == 1 }, nil)
	for _, h := range odd {
		if h.doc%2 != 1 || h.doc < 1000 {
			t.Errorf("paper %d was not let through", h.doc)
		}
	}
}

func TestVectorsAreExactEnough(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, dim := range []int{1, 63, 64, 65, 192, maxDim} {
		v := &vectors{dim: dim}
		var rows [][]float32
		for range 20 {
			row := make([]float32, dim)
			for i := range row {
				row[i] = float32(r.NormFloat64())
			}
			rows = append(rows, row)
			v.add(row)
		}
		v.add(make([]float32, dim))
		q := newQuery(rows[0])
		for i, row := range rows {
			dot := 0.
			for j := range row {
				dot += float64(row[j]) * float64(rows[0][j])
			}
			want := dot / float64(length(row)) / float64(length(rows[0]))
			if got := float64(v.dot(i, q)); math.Abs(got-want) > 0.01 {
				t.Errorf("%d dimensions: cosine %.4f, want %.4f", dim, got, want)
			}
		}
		w, err := decodeVectors(v.encode())
		if err != nil || w.len() != 21 || w.dot(3, q) != v.dot(3, q) || w.likeness(3, q) != v.likeness(3, q) {
			t.Errorf("%d dimensions: they are not the same once read, %v", dim, err)
		}
		if got := v.nearest(q, 30, 5, 0, func(int) bool { return true }, nil); slices.ContainsFunc(got, func(h hit) bool { return h.doc == 20 }) {
			t.Errorf("%d dimensions: a vector that says nothing was found", dim)
		}
	}
	if newQuery(make([]float32, 8)) != nil || newQuery([]float32{float32(math.NaN())}) != nil {
		t.Error("a query that says nothing")
	}
}

func TestBest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 3, 50, 1000} {
		var hits []hit
		for i := range 500 {
			hits = append(hits, hit{i, float32(r.IntN(40))})
		}
		r.Shuffle(len(hits), func(i, j int) { hits[i], hits[j] = hits[j], hits[i] })
		want := slices.Clone(hits)
		slices.SortFunc(want, func(a, b hit) int {
			if a.score != b.score {
				return int(b.score - a.score)
			}
			return a.doc - b.doc
		})
		if got := best(hits, n); !slices.Equal(got, want[:min(n, len(want))]) {
			t.Errorf("the best %d: %v", n, got)
		}
	}
}

// What is stored is read as it was, and what is damaged is refused, whatever the damage.
func FuzzDecodeSegment(f *testing.F) {
	b := newBuilder()
	for _, p := range few() {
		b.add(&p)
	}
	s := b.segment()
	data := s.encode()
	if back, err := decodeSegment(data); err != nil || !slices.Equal(back.terms, s.terms) || !slices.Equal(back.postings, s.postings) || !slices.Equal(back.papers, s.papers) {
		f.Fatal(err)
	}
	f.Add(data, 20, byte(1))
	f.Add(data, len(data)-1, byte(200))
	f.Fuzz(func(t *testing.T, data []byte, at int, change byte) {
		if at < 0 || at >= len(data) || change == 0 {
			return
		}
		data = slices.Clone(data)
		data[at] += change
		if _, err := decodeSegment(data); err == nil {
			t.Fatal("damage went unnoticed")
		}
		if _, err := decodeSegment(data[:at]); err == nil {
			t.Fatal("a missing end went unnoticed")
		}
		decodeVectors(data)
		decodeLatent(data)
	})
}
