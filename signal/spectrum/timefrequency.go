package spectrum

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/fourier"
)

// TimeFrequency is an amplitude and a phase for every channel, frequency and moment.
type TimeFrequency struct {
	Frequencies []float64        // Hz
	Times       []float64        // seconds after the first sample
	Values      [][][]complex128 // by channel, frequency and time
}

// Power returns the squared modulus of one channel, frequencies by times.
func (tf *TimeFrequency) Power(channel int) *mat.Dense {
	out := mat.NewDense(len(tf.Frequencies), len(tf.Times), nil)
	for f, row := range tf.Values[channel] {
		for t, v := range row {
			out.Set(f, t, real(v)*real(v)+imag(v)*imag(v))
		}
	}
	return out
}

// STFT is the Fourier transform of short segments, as SciPy's stft: the signal is extended by half a segment of zeros at either end, and a
// sine of amplitude 1 has a modulus of 1/2.
type STFT struct {
	Segment int           // samples; 256 if 0, and no more than there are
	Step    int           // samples from one segment's first to the next one's; half a segment if 0
	Window  signal.Window // Hann's if zero
}

func (s STFT) complete(n int) (STFT, error) {
	if s.Segment == 0 {
		s.Segment = min(256, n)
	}
	if s.Segment < 2 || s.Segment > n {
		return s, fmt.Errorf("segments of %d samples, expected 2 to the %d there are", s.Segment, n)
	}
	if s.Step == 0 {
		s.Step = s.Segment - s.Segment/2
	}
	if s.Step < 1 || s.Step > s.Segment {
		return s, fmt.Errorf("a step of %d samples from segment to segment, expected 1 to the %d of a segment", s.Step, s.Segment)
	}
	return s, nil
}

// segments returns how many segments n samples make.
func (s STFT) segments(n int) int {
	extended := n + s.Segment/2*2
	return (extended-s.Segment+s.Step-1)/s.Step + 1
}

// Transform returns the transform of x, channels by samples at fs Hz. Times are those of the segments' middles.
func (s STFT) Transform(x *mat.Dense, fs float64) (*TimeFrequency, error) {
	channels, n := x.Dims()
	if err := check(x, fs); err != nil {
		return nil, err
	}
	s, err := s.complete(n)
	if err != nil {
		return nil, err
	}
	window := periodic(s.Window, s.Segment)
	floats.Scale(1/floats.Sum(window), window)
	out := &TimeFrequency{Frequencies: fourier.Frequencies(s.Segment, fs), Values: make([][][]complex128, channels)}
	segments := s.segments(n)
	for k := range segments {
		out.Times = append(out.Times, float64(k*s.Step)/fs)
	}
	each(channels, func(first, last int) {
		t := fourier.NewReal(s.Segment)
		segment, spectrum := make([]float64, s.Segment), make([]complex128, len(out.Frequencies))
		for c := first; c < last; c++ {
			row := x.RawRowView(c)
			values := make([][]complex128, len(out.Frequencies))
			for f := range values {
				values[f] = make([]complex128, segments)
			}
			for k := range segments {
				at := k*s.Step - s.Segment/2
				for i := range segment {
					segment[i] = 0
					if j := at + i; j >= 0 && j < n {
						segment[i] = row[j] * window[i]
					}
				}
				t.Forward(spectrum, segment)
				for f, v := range spectrum {
					values[f][k] = v
				}
			}
			out.Values[c] = values
		}
	})
	return out, nil
}

// Inverse returns the n samples whose transform this is, or those nearest to it in least squares.
func (s STFT) Inverse(tf *TimeFrequency, n int) (*mat.Dense, error) {
	s, err := s.complete(n)
	if err != nil {
		return nil, err
	}
	segments := s.segments(n)
	if len(tf.Times) != segments || len(tf.Frequencies) != s.Segment/2+1 {
		return nil, fmt.Errorf("a transform of %d frequencies at %d times, expected the %d at %d times of segments of %d samples; use the "+
			"settings it was made with", len(tf.Frequencies), len(tf.Times), s.Segment/2+1, segments, s.Segment)
	}
	window := periodic(s.Window, s.Segment)
	floats.Scale(1/floats.Sum(window), window)
	weight := make([]float64, n)
	for k := range segments {
		for i, w := range window {
			if j := k*s.Step - s.Segment/2 + i; j >= 0 && j < n {
				weight[j] += w * w
			}
		}
	}
	for j, w := range weight {
		if !(w > 1e-12*floats.Max(weight)) {
			return nil, fmt.Errorf("no segment says what sample %d is; use a smaller step", j)
		}
	}
	out := mat.NewDense(len(tf.Values), n, nil)
	each(len(tf.Values), func(first, last int) {
		t := fourier.NewReal(s.Segment)
		segment, spectrum := make([]float64, s.Segment), make([]complex128, s.Segment/2+1)
		for c := first; c < last; c++ {
			row := out.RawRowView(c)
			for k := range segments {
				for f := range spectrum {
					spectrum[f] = tf.Values[c][f][k]
				}
				t.Inverse(segment, spectrum)
				for i, v := range segment {
					if j := k*s.Step - s.Segment/2 + i; j >= 0 && j < n {
						row[j] += v * window[i]
					}
				}
			}
			floats.Div(row, weight)
		}
	})
	return out, nil
}

// Morlet is the convolution with complex Morlet wavelets, as MNE-Python's tfr_array_morlet: each of zero mean, with a norm of √2, cut
// where its envelope has five standard deviations.
type Morlet struct {
	Frequencies []float64 // Hz
	// Cycles is how many cycles a wavelet has, for all frequencies or by frequency: more of them resolve frequency better and time worse.
	// Seven if nil.
	Cycles []float64
}

// Wavelets returns the wavelet of every frequency at fs Hz; its middle is at time zero.
func (m Morlet) Wavelets(fs float64) ([][]complex128, error) {
	if !(fs > 0) || math.IsInf(fs, 0) {
		return nil, fmt.Errorf("sampling rate is %g Hz; it must be positive", fs)
	}
	if len(m.Frequencies) == 0 {
		return nil, fmt.Errorf("no frequencies to make wavelets of")
	}
	if len(m.Cycles) > 1 && len(m.Cycles) != len(m.Frequencies) {
		return nil, fmt.Errorf("%d numbers of cycles for %d frequencies, expected one for all or one for each", len(m.Cycles), len(m.Frequencies))
	}
	var out [][]complex128
	for k, f := range m.Frequencies {
		cycles := 7.0
		if len(m.Cycles) > 0 {
			cycles = m.Cycles[min(k, len(m.Cycles)-1)]
		}
		if !(f > 0 && f <= fs/2) {
			return nil, fmt.Errorf("a wavelet of %g Hz is outside 0 to %g Hz, half the sampling rate", f, fs/2)
		}
		if !(cycles > 0 && cycles <= 1000) {
			return nil, fmt.Errorf("a wavelet of %g cycles; it must have more than 0 and at most 1000", cycles)
		}
		sigma := cycles / (2 * math.Pi * f) // seconds
		half := int(math.Ceil(5*sigma/(1/fs))) - 1
		offset := math.Exp(-2 * (math.Pi * f * sigma) * (math.Pi * f * sigma))
		w := make([]complex128, 2*half+1)
		norm := 0.0
		for i := range w {
			t := float64(i-half) / fs
			envelope := math.Exp(-t * t / (2 * sigma * sigma))
			sin, cos := math.Sincos(2 * math.Pi * f * t)
			w[i] = complex(envelope*(cos-offset), envelope*sin)
			norm += real(w[i])*real(w[i]) + imag(w[i])*imag(w[i])
		}
		scale := complex(math.Sqrt(2/norm), 0)
		for i := range w {
			w[i] *= scale
		}
		out = append(out, w)
	}
	return out, nil
}

// Transform returns the wavelet transform of x, channels by samples at fs Hz, at every sample.
func (m Morlet) Transform(x *mat.Dense, fs float64) (*TimeFrequency, error) {
	channels, n := x.Dims()
	if err := check(x, fs); err != nil {
		return nil, err
	}
	wavelets, err := m.Wavelets(fs)
	if err != nil {
		return nil, err
	}
	longest := 0
	for k, w := range wavelets {
		if len(w) > n {
			return nil, fmt.Errorf("the wavelet of %g Hz has %d samples, the signal only %d; use longer signals, fewer cycles or higher frequencies",
				m.Frequencies[k], len(w), n)
		}
		longest = max(longest, len(w))
	}
	size := fourier.FastLength(n + longest - 1)
	spectra := make([][]complex128, len(wavelets))
	t := fourier.New(size)
	for k, w := range wavelets {
		spectra[k] = make([]complex128, size)
		copy(spectra[k], w)
		t.Forward(spectra[k], spectra[k])
	}
	out := &TimeFrequency{Frequencies: append([]float64(nil), m.Frequencies...), Values: make([][][]complex128, channels)}
	for i := range n {
		out.Times = append(out.Times, float64(i)/fs)
	}
	each(channels, func(first, last int) {
		t := fourier.New(size)
		z, product := make([]complex128, size), make([]complex128, size)
		for c := first; c < last; c++ {
			clear(z)
			for i, v := range x.RawRowView(c) {
				z[i] = complex(v, 0)
			}
			t.Forward(z, z)
			for k, spectrum := range spectra {
				for i, v := range spectrum {
					product[i] = z[i] * v
				}
				t.Inverse(product, product)
				middle := len(wavelets[k]) / 2
				out.Values[c] = append(out.Values[c], append([]complex128(nil), product[middle:middle+n]...))
			}
		}
	})
	return out, nil
}
