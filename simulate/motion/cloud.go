package motion

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Cloud describes a Motion Cloud: a texture of random phases whose amplitude in the Fourier cube (fx, fy in cycles per pixel, ft in cycles per
// step, f the length of (fx, fy)) is the product of
//
//	radius        (1/f)·exp(-½(ln(f/Frequency)/FrequencyBand)²)
//	speed plane   exp(-½((ft + X·fx + Y·fy)/(SpeedBand·f))²)
//	orientation   exp(cos(2(φ - Orientation))/(4·OrientationBand²)), or 1 if OrientationBand is infinite
//
// with φ the direction of (fx, fy). A grating of orientation φ0 has its bars across that direction.
type Cloud struct {
	Velocity
	Frequency, FrequencyBand     float64
	SpeedBand                    float64
	Orientation, OrientationBand float64 // radians
}

// Frames returns steps frames [steps][height·width], of variance 1 over all of them.
func (c Cloud) Frames(steps, height, width int, rng *rand.Rand) ([][]float64, error) {
	if steps < 1 || height < 2 || width < 2 || !(c.Frequency > 0 && c.FrequencyBand > 0 && c.SpeedBand > 0 && c.OrientationBand > 0) {
		return nil, fmt.Errorf("a motion cloud of %d frames of %d x %d pixels: %+v; frequency and bands must be positive", steps, width, height, c)
	}
	z := make([][]complex128, steps)
	for k := range z {
		z[k] = make([]complex128, height*width)
		for i := range height {
			for j := range width {
				// The real part of what is transformed back has the amplitudes of the cube and its mirror image.
				z[k][i*width+j] = cmplx.Rect(c.amplitude(frequency(j, width), frequency(i, height), frequency(k, steps)), 2*math.Pi*rng.Float64())
			}
		}
	}
	plan, time := newPlane(height, width), fourier.NewCmplxFFT(steps)
	column := make([]complex128, steps)
	for i := range height * width {
		for k := range z {
			column[k] = z[k][i]
		}
		time.Sequence(column, column)
		for k := range z {
			z[k][i] = column[k]
		}
	}
	frames := make([][]float64, steps)
	variance := 0.
	for k := range frames {
		frames[k] = plan.inverse(z[k])
		for _, v := range frames[k] { // the mean is zero, as the amplitude is at f = 0
			variance += v * v / float64(steps*height*width)
		}
	}
	if variance == 0 {
		return nil, fmt.Errorf("a motion cloud without amplitude: %+v does not meet a frequency of %d frames of %d x %d pixels", c, steps, width, height)
	}
	for _, frame := range frames {
		for i := range frame {
			frame[i] /= math.Sqrt(variance)
		}
	}
	return frames, nil
}

func (c Cloud) amplitude(fx, fy, ft float64) float64 {
	f := math.Hypot(fx, fy)
	if f == 0 {
		return 0
	}
	square := func(x float64) float64 { return x * x }
	a := math.Exp(-square(math.Log(f/c.Frequency)/c.FrequencyBand)/2-square((ft+c.X*fx+c.Y*fy)/(c.SpeedBand*f))/2) / f
	if !math.IsInf(c.OrientationBand, 1) {
		// Relative to its largest value, so that narrow bands stay finite.
		a *= math.Exp((math.Cos(2*(math.Atan2(fy, fx)-c.Orientation)) - 1) / (4 * square(c.OrientationBand)))
	}
	return a
}
