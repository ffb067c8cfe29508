package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestDepthwise(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	eachTier(t, func(t *testing.T) {
		for _, d := range []Depthwise{
			{1, 1, 1, 1, 0, 1}, {2, 3, 10, 3, 1, 10}, {2, 3, 40, 7, 0, 34}, {1, 2, 20, 9, 12, 30}, {1, 2, 20, 5, -3, 12}, {2, 2, 300, 63, 31, 300}, {3, 2, 145, 16, 15, 145},
		} {
			x, w, dy := random[float32](rng, d.Batch*d.Channels*d.Time), random[float32](rng, d.Channels*d.Taps), random[float32](rng, d.Batch*d.Channels*d.OutTime)
			wantY, wantX, wantW := make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w))
			for b := range d.Batch {
				for c := range d.Channels {
					for i := range d.OutTime {
						for j := range d.Taps {
							s := i + j - d.Before
							if s < 0 || s >= d.Time {
								continue
							}
							in, out, k := (b*d.Channels+c)*d.Time+s, (b*d.Channels+c)*d.OutTime+i, c*d.Taps+j
							wantY[out] += float64(w[k]) * float64(x[in])
							wantX[in] += float64(w[k]) * float64(dy[out])
							wantW[k] += float64(x[in]) * float64(dy[out])
						}
					}
				}
			}
			var first [3][]float32
			for i, par := range []Parallel{Serial{}, crew(3)} {
				got := [3][]float32{make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))}
				d.Forward(par, got[0], x, w)
				d.GradInput(par, got[1], dy, w)
				d.GradKernel(par, got[2], x, dy)
				if i == 0 {
					first = got
				}
				for k, want := range [][]float64{wantY, wantX, wantW} {
					for e := range want {
						if got[k][e] != first[k][e] || !(math.Abs(float64(got[k][e])-want[e]) <= 1e-4) {
							t.Fatalf("%+v: result %d, element %d is %v (%v with one worker), want %v", d, k, e, got[k][e], first[k][e], want[e])
						}
					}
				}
			}
		}
	})
}
