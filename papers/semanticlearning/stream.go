package semanticlearning

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-dev/gyrus/simulate/bars"
)

// picture is a stimulus and, if just one bar is in it, which; otherwise -1.
type picture struct {
	pixels []bool
	bar    int
}

// drawPictures draws the stream of stimuli that all systems see.
func drawPictures(p bars.Problem, count int, rng *rand.Rand) []picture {
	out := make([]picture, count)
	for i := range out {
		pixels, shown := p.Draw(rng)
		out[i] = picture{pixels, -1}
		if len(shown) == 1 {
			out[i].bar = shown[0]
		}
	}
	return out
}

// win is a clique that has won.
type win struct {
	Picture int // which was shown; -1 for none
	Clique  int
	Time    float64
}

// live lets the network see pictures, each for period time units, and returns all winners. progress, which may be nil, is called after each picture.
func (n *network) live(ctx context.Context, pictures []picture, first int, period float64, progress func()) (wins []win, err error) {
	steps := int(math.Round(period / n.c.dt))
	for i, p := range pictures {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		n.show(p.pixels)
		for range steps {
			if k := n.step(); k >= 0 {
				wins = append(wins, win{first + i, k, n.time})
			}
		}
		if err := n.watch(); err != nil {
			return nil, err
		}
		if progress != nil {
			progress()
		}
	}
	return wins, nil
}

// alone lets the network run without input for so many time units.
func (n *network) dream(ctx context.Context, length float64) (wins []win, err error) {
	blank := make([]picture, int(length/100))
	for i := range blank {
		blank[i] = picture{make([]bool, len(n.pixels)), -1}
	}
	wins, err = n.live(ctx, blank, 0, 100, nil)
	for i := range wins {
		wins[i].Picture = -1
	}
	return wins, err
}

// responses is R, [cliques][bars]: the mean of D over the members of each clique for each bar alone.
func (n *network) responses(p bars.Problem) [][]float64 {
	return table(len(n.g.members), p, func(k int, pixels []bool) (sum float64) {
		for _, i := range n.g.members[k] {
			sum += n.response(i, pixels) / float64(len(n.g.members[k]))
		}
		return sum
	})
}

// table is what each of so many units answers to each bar.
func table(units int, p bars.Problem, answer func(unit int, pixels []bool) float64) [][]float64 {
	r := make([][]float64, units)
	for k := range r {
		for b := range p.Bars() {
			r[k] = append(r[k], answer(k, p.Bar(b)))
		}
	}
	return r
}

// score says how units stand for bars.
type score struct {
	Best        []int   // the bar each unit answers most to
	Distinct    int     // how many bars are the best of some unit
	Selectivity float64 // mean over units of (best - second)/best, answers below zero counted as zero
}

func scoreOf(r [][]float64) (s score) {
	seen := map[int]bool{}
	for _, row := range r {
		best, first, second := 0, math.Inf(-1), math.Inf(-1)
		for b, x := range row {
			switch {
			case x > first:
				best, first, second = b, x, first
			case x > second:
				second = x
			}
		}
		s.Best = append(s.Best, best)
		seen[best] = true
		if first > 0 {
			s.Selectivity += (first - max(0, second)) / first / float64(len(r))
		}
	}
	s.Distinct = len(seen)
	return s
}

// match is the part of the wins while one bar was shown in which that is the best bar of who won; NaN if there were none.
func match(wins []win, pictures []picture, best []int) float64 {
	right, all := 0, 0
	for _, w := range wins {
		if bar := pictures[w.Picture].bar; bar >= 0 {
			all++
			if best[w.Clique] == bar {
				right++
			}
		}
	}
	return float64(right) / float64(all)
}

// life is the mean time between wins.
func life(wins []win) float64 {
	if len(wins) < 2 {
		return math.NaN()
	}
	return (wins[len(wins)-1].Time - wins[0].Time) / float64(len(wins)-1)
}

// after returns the wins from a picture on.
func after(wins []win, picture int) []win {
	i := slices.IndexFunc(wins, func(w win) bool { return w.Picture >= picture })
	if i < 0 {
		return nil
	}
	return wins[i:]
}
