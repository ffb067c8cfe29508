package trigger

import (
	"fmt"
	"testing"
)

func TestFinder(t *testing.T) {
	for _, c := range []struct {
		values []int64
		want   string // what mne.find_events gives: frame, value before, value after
	}{
		{nil, "[]"},
		{[]int64{5, 5, 5}, "[]"},
		{[]int64{5, 0, 5}, "[{2 0 5}]"},
		{[]int64{0, 1, 1, 3, 2, 0, 0, 2}, "[{1 0 1} {3 1 3} {7 0 2}]"},
		{[]int64{0, -4, 0}, "[{1 0 4}]"},
		{[]int64{0, 7}, "[{1 0 7}]"},
	} {
		var f Finder
		for i, v := range c.values {
			f.Add(v, int64(i))
		}
		if got := fmt.Sprint(f.Rises); got != c.want {
			t.Errorf("%v: %s, want %s", c.values, got, c.want)
		}
	}
}

func ExampleMerge() {
	var a, b Finder
	for frame, v := range []int64{0, 2, 2, 0} {
		a.Add(v, int64(frame))
		b.Add(v+1-v/2, int64(frame)) // 1, 2, 2, 1
	}
	fmt.Println(Merge([]Finder{a, b, a}))
	// Output: [{1 0 2} {1 1 2}]
}
