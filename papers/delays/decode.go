package delays

import (
	"context"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/papers"
)

// moment is a time of a clip at which motion is decoded.
type moment struct{ Clip, T, Class, Since int }

// moments lists every so many steps of clips, from the first that has all delays behind it.
func (f *field) moments(clips []clip, every int) (out []moment) {
	for i, c := range clips {
		for t := f.grid.Depth - 1; t < c.Movie.Steps; t += every {
			out = append(out, moment{i, t, c.Class[t], c.Since[t]})
		}
	}
	return out
}

// decoding is what a layer makes of some moments.
type decoding struct {
	Evidence  [][]float32 // [moments][classes], mean over places, without bias
	Class     []int       // [moments]
	Additions float64     // of weights that are not zero, per place and moment: counted from the events
}

// decode reads out several layers of one field from the same random places at each moment: the class is that of the largest mean evidence.
func (f *field) decode(ctx context.Context, clips []clip, moments []moment, places int, layers []layer, seed uint64, progress func(papers.Progress)) ([]decoding, error) {
	out := make([]decoding, len(layers))
	counts := make([][]int32, len(layers)) // of each tap
	for i, l := range layers {
		out[i].Evidence, out[i].Class = make([][]float32, len(moments)), make([]int, len(moments))
		counts[i] = f.count(l)
	}
	additions := make([][]int64, len(moments))
	err := parallel(ctx, len(moments), progress, func() func(int) error {
		g := f.glance()
		return func(k int) error {
			at := moments[k]
			movie := clips[at.Clip].Movie
			rng := rand.New(rand.NewPCG(seed, uint64(k)))
			additions[k] = make([]int64, len(layers))
			for i := range layers {
				out[i].Evidence[k] = make([]float32, f.classes)
			}
			for range places {
				y, x := f.place(movie.Height, movie.Width, rng)
				g.look(clips[at.Clip].packed, at.T, y, x)
				for i, l := range layers {
					sum := out[i].Evidence[k]
					for c, v := range g.sum(l) {
						sum[c] += v / float32(places)
					}
					n := int64(0)
					for _, tap := range g.found {
						n += int64(counts[i][tap])
					}
					additions[k][i] += n
				}
			}
			for i, l := range layers {
				out[i].Class[k] = best(out[i].Evidence[k], l.Bias)
			}
			return nil
		}
	})
	for i := range layers {
		for k := range additions {
			out[i].Additions += float64(additions[k][i]) / float64(places) / float64(len(moments))
		}
	}
	return out, err
}

// count is how many weights of each tap are not zero, in all orders of polarities that are looked at.
func (f *field) count(l layer) []int32 {
	out := make([]int32, len(f.mask))
	for swap := range f.orders() {
		for tap, at := range f.begins[swap] {
			for _, w := range l.Weights[at : int(at)+f.classes] {
				if w != 0 {
					out[tap]++
				}
			}
		}
	}
	return out
}

// accuracy is the part of moments, of those at least since steps after a switch, whose class is right.
func accuracy(moments []moment, class []int, since int) float64 {
	right, all := 0, 0
	for k, m := range moments {
		if m.Since >= since {
			all++
			if class[k] == m.Class {
				right++
			}
		}
	}
	return float64(right) / float64(max(1, all))
}
