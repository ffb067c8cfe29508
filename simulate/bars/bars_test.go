package bars_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/simulate/bars"
)

func Example() {
	p := bars.Problem{Side: 3, P: .3}
	for i, on := range p.Bar(4) { // the middle column
		fmt.Print(map[bool]string{true: "#", false: "."}[on])
		if i%3 == 2 {
			fmt.Println()
		}
	}
	// Output:
	// .#.
	// .#.
	// .#.
}

// TestDraw compares pictures with the bars they show, and how often bars are shown with the probability.
func TestDraw(t *testing.T) {
	p := bars.Problem{Side: 5, P: .1}
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 20_000
	count, empty := make([]int, p.Bars()), 0
	for range n {
		picture, shown := p.Draw(rng)
		want := make([]bool, p.Pixels())
		for _, k := range shown {
			count[k]++
			for i, on := range p.Bar(k) {
				want[i] = want[i] || on
			}
		}
		if !slices.Equal(picture, want) {
			t.Fatalf("bars %v: %v", shown, picture)
		}
		if len(shown) == 0 {
			empty++
		}
	}
	for k, c := range count {
		if math.Abs(float64(c)/n-.1) > .01 {
			t.Errorf("bar %d is shown in %d of %d pictures", k, c, n)
		}
	}
	if part := float64(empty) / n; math.Abs(part-math.Pow(.9, 10)) > .015 {
		t.Errorf("%.3f of the pictures are empty, expected %.3f", part, math.Pow(.9, 10))
	}
}

func TestCheck(t *testing.T) {
	for _, p := range []bars.Problem{{Side: 1, P: .1}, {Side: 5, P: 0}, {Side: 5, P: 1}, {Side: 5, P: math.NaN()}} {
		if p.Check() == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}
