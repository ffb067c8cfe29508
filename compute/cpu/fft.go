package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"gonum.org/v1/gonum/dsp/fourier"
)

// fftStep transforms the last axes, one after another, in complex128.
type fftStep struct {
	kind     backends.FFTType
	dst, src ref
	in, out  shapes.Shape
	rank     int // axes transformed
}

func newFFTStep(n *node, dst, src ref, in shapes.Shape) *fftStep {
	t := n.attr.(transform)
	return &fftStep{t.kind, dst, src, in, n.shape, len(t.length)}
}

func (s *fftStep) run(f *frame) {
	load := convertFunc(s.in.DType, dtypes.Complex128)
	store := convertFunc(dtypes.Complex128, s.out.DType)
	dims := slices.Clone(s.in.Dimensions)
	last := len(dims) - 1
	work := make([]complex128, product(dims))
	if len(work) > 0 {
		load(unsafe.Pointer(&work[0]), f.at(s.src), nil, nil, len(work))
	}
	inverse := s.kind == backends.FFTInverse || s.kind == backends.FFTInverseReal
	first := len(dims) - s.rank
	// The real side of a real transform is the last axis: expanded last on the way back.
	for a := first; a < last; a++ {
		lines(f, work, dims, a, inverse)
	}
	switch s.kind {
	case backends.FFTForward, backends.FFTInverse:
		lines(f, work, dims, last, inverse)
	case backends.FFTForwardReal:
		lines(f, work, dims, last, false)
		work = resize(work, dims[last], s.out.Dimensions[last])
	case backends.FFTInverseReal:
		n := s.out.Dimensions[last]
		half := dims[last]
		work = resize(work, half, n)
		for row := range len(work) / max(n, 1) {
			x := work[row*n : (row+1)*n]
			x[0] = complex(real(x[0]), 0)
			if n%2 == 0 && n > 1 {
				x[n/2] = complex(real(x[n/2]), 0)
			}
			for k := half; k < n; k++ {
				x[k] = complex(real(x[n-k]), -imag(x[n-k]))
			}
		}
		dims[last] = n
		lines(f, work, dims, last, true)
	}
	if len(work) > 0 {
		store(f.at(s.dst), unsafe.Pointer(&work[0]), nil, nil, len(work))
	}
}

// resize cuts or zero-extends every row.
func resize(x []complex128, from, to int) []complex128 {
	if from == 0 {
		return nil
	}
	out := make([]complex128, len(x)/from*to)
	for row := range len(x) / from {
		copy(out[row*to:(row+1)*to], x[row*from:(row+1)*from])
	}
	return out
}

// lines transforms x along one axis.
func lines(f *frame, x []complex128, dims []int, axis int, inverse bool) {
	n, inner := dims[axis], product(dims[axis+1:])
	if len(x) == 0 || n == 1 {
		return
	}
	count := len(x) / n
	pieces := min(count, 16)
	f.par.For(pieces, func(p int) {
		plan := fourier.NewCmplxFFT(n)
		line := make([]complex128, n)
		for i := p * count / pieces; i < (p+1)*count/pieces; i++ {
			at := i/inner*n*inner + i%inner
			for k := range line {
				line[k] = x[at+k*inner]
			}
			if inverse {
				plan.Sequence(line, line)
			} else {
				plan.Coefficients(line, line)
			}
			for k, v := range line {
				if inverse {
					v /= complex(float64(n), 0)
				}
				x[at+k*inner] = v
			}
		}
	})
}
