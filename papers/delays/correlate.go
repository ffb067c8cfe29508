package delays

import (
	"context"
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

// correlated decodes motion without learning: by the phase correlation of the events of two windows, gap steps long and one right after the other. The class
// is that whose motion during gap steps shifts one picture onto the other best.
func correlated(ctx context.Context, clips []clip, moments []moment, classes []motion.Velocity, gap int, progress func(papers.Progress)) ([]int, error) {
	out := make([]int, len(moments))
	err := parallel(ctx, len(moments), progress, func() func(int) error {
		return func(i int) error {
			m := clips[moments[i].Clip].Movie
			height, width := m.Height, m.Width
			var pictures [2][]complex128
			for k := range pictures {
				pictures[k] = make([]complex128, height*width)
				for t := range gap {
					at := moments[i].T - (2-k)*gap + 1 + t
					if at < 0 {
						continue
					}
					off, on := m.Frame(0, at), m.Frame(1, at)
					for j := range off {
						pictures[k][j] += complex(float64(on[j])-float64(off[j]), 0)
					}
				}
				transform(pictures[k], height, width, (*fourier.CmplxFFT).Coefficients)
			}
			cross := pictures[1]
			for j, z := range pictures[0] {
				cross[j] *= cmplx.Conj(z)
				if a := cmplx.Abs(cross[j]); a > 0 {
					cross[j] /= complex(a, 0)
				}
			}
			transform(cross, height, width, (*fourier.CmplxFFT).Sequence)
			highest := math.Inf(-1)
			for c, v := range classes {
				y, x := wrap(int(math.Round(v.Y*float64(gap))), height), wrap(int(math.Round(v.X*float64(gap))), width)
				// The peak is spread by parts of pixels and by the steps within a window.
				sum := 0.
				for dy := -1; dy <= 1; dy++ {
					for dx := -1; dx <= 1; dx++ {
						sum += real(cross[wrap(y+dy, height)*width+wrap(x+dx, width)])
					}
				}
				if sum > highest {
					highest, out[i] = sum, c
				}
			}
			return nil
		}
	})
	return out, err
}

// transform applies a transform along both axes.
func transform(z []complex128, height, width int, of func(t *fourier.CmplxFFT, dst, x []complex128) []complex128) {
	rows, columns := fourier.NewCmplxFFT(width), fourier.NewCmplxFFT(height)
	for y := range height {
		of(rows, z[y*width:(y+1)*width], z[y*width:(y+1)*width])
	}
	column := make([]complex128, height)
	for x := range width {
		for y := range height {
			column[y] = z[y*width+x]
		}
		of(columns, column, column)
		for y := range height {
			z[y*width+x] = column[y]
		}
	}
}
