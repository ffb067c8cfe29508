package motion

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Image is grey values that continue periodically over all four edges.
type Image struct {
	Height, Width int
	Pixels        []float64 // [Height, Width]
}

// DeadLeaves draws disks of random grey, N(0, 1), one in front of the other until nothing is behind them. Their radii have a density in
// proportion to r^-3 from the smallest to the largest, in pixels, which makes the image look alike at all scales between (Lee, Mumford & Huang 2001).
func DeadLeaves(height, width int, smallest, largest float64, rng *rand.Rand) (*Image, error) {
	if height < 1 || width < 1 || !(smallest > 0 && largest >= smallest) || 2*largest > float64(min(height, width)) {
		return nil, fmt.Errorf("dead leaves: radii of %g to %g pixels in %d x %d; the largest disk must fit into the image", smallest, largest, width, height)
	}
	im := &Image{height, width, make([]float64, height*width)}
	taken := make([]bool, height*width)
	ratio := smallest * smallest / (largest * largest)
	for left := height * width; left > 0; {
		// The distribution function of r^-3 is in proportion to 1 - (smallest/r)^2.
		r := smallest / math.Sqrt(1-rng.Float64()*(1-ratio))
		cy, cx := rng.Float64()*float64(height), rng.Float64()*float64(width)
		grey := rng.NormFloat64()
		for y := int(math.Ceil(cy - r)); float64(y) <= cy+r; y++ {
			half := math.Sqrt(max(r*r-(float64(y)-cy)*(float64(y)-cy), 0))
			for x := int(math.Ceil(cx - half)); float64(x) <= cx+half; x++ {
				if at := wrap(y, height)*width + wrap(x, width); !taken[at] {
					taken[at] = true
					im.Pixels[at] = grey
					left--
				}
			}
		}
	}
	return im, nil
}

func wrap(i, n int) int { return (i%n + n) % n }

// Whitened returns the image with its Fourier transform multiplied by f·exp(-(f/cutoff)^4), f in cycles per pixel, and scaled to a variance of 1: the
// spectrum of natural images, which falls as 1/f, becomes flat below the cutoff.
func (im *Image) Whitened(cutoff float64) (*Image, error) {
	if !(cutoff > 0) {
		return nil, fmt.Errorf("whitening with a cutoff of %g cycles per pixel", cutoff)
	}
	plan := newPlane(im.Height, im.Width)
	spectrum := plan.forward(im.Pixels)
	for i := range im.Height {
		for j := range im.Width {
			f := math.Hypot(frequency(i, im.Height), frequency(j, im.Width))
			spectrum[i*im.Width+j] *= complex(f*math.Exp(-math.Pow(f/cutoff, 4)), 0)
		}
	}
	out := &Image{im.Height, im.Width, plan.inverse(spectrum)}
	variance := 0.
	for _, v := range out.Pixels { // the mean is zero, as f is at the origin
		variance += v * v / float64(len(out.Pixels))
	}
	if variance == 0 {
		return nil, fmt.Errorf("whitening a constant image of %d x %d", im.Width, im.Height)
	}
	for i := range out.Pixels {
		out.Pixels[i] /= math.Sqrt(variance)
	}
	return out, nil
}

// frequency is that of the i-th of n Fourier coefficients, in cycles per sample, from -1/2 up to less than 1/2.
func frequency(i, n int) float64 {
	if 2*i >= n {
		i -= n
	}
	return float64(i) / float64(n)
}

// plane transforms arrays [height, width].
type plane struct {
	height, width int
	rows, columns *fourier.CmplxFFT
	column        []complex128
}

func newPlane(height, width int) *plane {
	return &plane{height, width, fourier.NewCmplxFFT(width), fourier.NewCmplxFFT(height), make([]complex128, height)}
}

func (p *plane) forward(x []float64) []complex128 {
	z := make([]complex128, len(x))
	for i, v := range x {
		z[i] = complex(v, 0)
	}
	p.each(z, (*fourier.CmplxFFT).Coefficients)
	return z
}

// inverse returns the real part; z is spoiled.
func (p *plane) inverse(z []complex128) []float64 {
	p.each(z, (*fourier.CmplxFFT).Sequence)
	x := make([]float64, len(z))
	for i, v := range z {
		x[i] = real(v) / float64(len(z))
	}
	return x
}

func (p *plane) each(z []complex128, transform func(t *fourier.CmplxFFT, dst, x []complex128) []complex128) {
	for i := range p.height {
		row := z[i*p.width : (i+1)*p.width]
		transform(p.rows, row, row)
	}
	for j := range p.width {
		for i := range p.height {
			p.column[i] = z[i*p.width+j]
		}
		transform(p.columns, p.column, p.column)
		for i := range p.height {
			z[i*p.width+j] = p.column[i]
		}
	}
}

// Mover shifts an image. It is not for several goroutines at once.
type Mover struct {
	plan     *plane
	spectrum []complex128
	shifted  []complex128
	alongX   []complex128
}

// NewMover prepares to shift an image.
func NewMover(im *Image) *Mover {
	m := &Mover{plan: newPlane(im.Height, im.Width)}
	m.spectrum = m.plan.forward(im.Pixels)
	m.shifted, m.alongX = make([]complex128, len(m.spectrum)), make([]complex128, im.Width)
	return m
}

// Frame returns the image [Height, Width] shifted by dx to the right and dy downwards, in pixels, by the phase of its Fourier transform: exact
// for whole pixels, and for parts of one the image that a band-limited scene would give.
func (m *Mover) Frame(dx, dy float64) []float64 {
	for j := range m.alongX {
		m.alongX[j] = turn(j, len(m.alongX), dx)
	}
	width := m.plan.width
	for i := range m.plan.height {
		alongY := turn(i, m.plan.height, dy)
		for j, x := range m.alongX {
			m.shifted[i*width+j] = m.spectrum[i*width+j] * alongY * x
		}
	}
	return m.plan.inverse(m.shifted)
}

// turn is the factor that shifts the i-th of n coefficients by d samples. Half the sampling rate stands for both its signs, so that it stays real.
func turn(i, n int, d float64) complex128 {
	sin, cos := math.Sincos(-2 * math.Pi * frequency(i, n) * d)
	if 2*i == n {
		sin = 0
	}
	return complex(cos, sin)
}
