package signal

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal/fourier"
)

// Hilbert returns the analytic signal of every channel of x (channels by samples): the signal as the real part and its Hilbert transform as
// the imaginary, by way of one Fourier transform over all samples, as SciPy's hilbert. The signal should be narrow-band for its modulus
// and angle to mean much: filter it first.
func Hilbert(x *mat.Dense) ([][]complex128, error) {
	if err := CheckFinite(x); err != nil {
		return nil, err
	}
	channels, _ := x.Dims()
	out := make([][]complex128, channels)
	analytic(x, func(c int, z []complex128) { out[c] = append([]complex128(nil), z...) })
	return out, nil
}

// Envelope returns the modulus of the analytic signal of every channel of x, the instantaneous amplitude.
func Envelope(x *mat.Dense) (*mat.Dense, error) {
	if err := CheckFinite(x); err != nil {
		return nil, err
	}
	channels, n := x.Dims()
	out := mat.NewDense(channels, n, nil)
	analytic(x, func(c int, z []complex128) {
		row := out.RawRowView(c)
		for t, v := range z {
			row[t] = math.Sqrt(real(v)*real(v) + imag(v)*imag(v))
		}
	})
	return out, nil
}

// analytic calls use with the analytic signal of every channel, which use must not keep.
func analytic(x *mat.Dense, use func(c int, z []complex128)) {
	channels, n := x.Dims()
	const together = 4 // channels to a transform's preparation
	parallel((channels+together-1)/together, func(g int) {
		t := fourier.New(n)
		z := make([]complex128, n)
		for c := g * together; c < min((g+1)*together, channels); c++ {
			for i, v := range x.RawRowView(c) {
				z[i] = complex(v, 0)
			}
			t.Forward(z, z)
			for i := 1; i < (n+1)/2; i++ {
				z[i] *= 2
			}
			clear(z[n/2+1:])
			t.Inverse(z, z)
			use(c, z)
		}
	})
}
