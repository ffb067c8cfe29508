package kernel

// Depthwise is a convolution along time in which every channel has its own kernel:
//
//	y[b, c, t] = sum over j of w[c, j] * x[b, c, t+j-Before]
//
// where x is taken as zero outside [0, Time). x is [Batch, Channels, Time], w [Channels, Taps] and y [Batch, Channels, OutTime].
type Depthwise struct {
	Batch, Channels, Time, Taps int
	// Before is the padding in front of the first sample; what follows the last is OutTime+Taps-1-Before-Time, and either may be negative.
	Before  int
	OutTime int
}

// depthwiseKernels work on one row of one channel; x has len(dst or dy)+taps-1 elements.
type depthwiseKernels struct {
	// slide sets dst[t] to the sum over j, from first to last, of w[j]*x[t+j].
	slide func(dst, x, w []float32)
	// correlate adds to dw[j] the sum over t of dy[t]*x[t+j].
	correlate func(dw, x, dy []float32)
}

// Forward computes y.
func (d Depthwise) Forward(par Parallel, y, x, w []float32) {
	d.check("Forward", y, x, w)
	if len(y) == 0 {
		return
	}
	split(par, d.Batch*d.Channels, d.grain(), func(from, to int) {
		padded := borrow[float32](d.OutTime + d.Taps - 1)
		defer padded.release()
		for r := from; r < to; r++ {
			place(padded.data, x[r*d.Time:(r+1)*d.Time], d.Before)
			c := r % d.Channels
			active.depthwise.slide(y[r*d.OutTime:(r+1)*d.OutTime], padded.data, w[c*d.Taps:(c+1)*d.Taps])
		}
	})
}

// GradInput computes the gradient dx [Batch, Channels, Time] from dy [Batch, Channels, OutTime].
func (d Depthwise) GradInput(par Parallel, dx, dy, w []float32) {
	d.check("GradInput", dy, dx, w)
	if len(dx) == 0 {
		return
	}
	split(par, d.Batch*d.Channels, d.grain(), func(from, to int) {
		padded, flipped := borrow[float32](d.Time+d.Taps-1), borrow[float32](d.Taps)
		defer padded.release()
		defer flipped.release()
		for r := from; r < to; r++ {
			place(padded.data, dy[r*d.OutTime:(r+1)*d.OutTime], d.Taps-1-d.Before)
			c := r % d.Channels
			for j, v := range w[c*d.Taps : (c+1)*d.Taps] {
				flipped.data[d.Taps-1-j] = v
			}
			active.depthwise.slide(dx[r*d.Time:(r+1)*d.Time], padded.data, flipped.data)
		}
	})
}

// GradKernel computes the gradient dw [Channels, Taps] from dy [Batch, Channels, OutTime]. The batch is summed from first to last.
func (d Depthwise) GradKernel(par Parallel, dw, x, dy []float32) {
	d.check("GradKernel", dy, x, dw)
	split(par, d.Channels, 1, func(from, to int) {
		padded := borrow[float32](d.OutTime + d.Taps - 1)
		defer padded.release()
		for c := from; c < to; c++ {
			sum := dw[c*d.Taps : (c+1)*d.Taps]
			Fill(sum, 0)
			for b := range d.Batch {
				r := b*d.Channels + c
				place(padded.data, x[r*d.Time:(r+1)*d.Time], d.Before)
				active.depthwise.correlate(sum, padded.data, dy[r*d.OutTime:(r+1)*d.OutTime])
			}
		}
	})
}

func (d Depthwise) check(kernel string, y, x, w []float32) {
	if d.Taps < 1 {
		panic("kernel.Depthwise." + kernel + ": a kernel needs at least one tap")
	}
	checkLength("Depthwise."+kernel, len(y), d.Batch*d.Channels*d.OutTime)
	checkLength("Depthwise."+kernel, len(x), d.Batch*d.Channels*d.Time)
	checkLength("Depthwise."+kernel, len(w), d.Channels*d.Taps)
}

func (d Depthwise) grain() int { return ceilDiv(1<<15, max(1, d.OutTime*d.Taps)) }

// place sets dst to x shifted by before, zero where x does not reach.
func place(dst, x []float32, before int) {
	from := min(max(before, 0), len(dst))
	clear(dst[:from])
	n := 0
	if skip := max(-before, 0); skip < len(x) {
		n = copy(dst[from:], x[skip:])
	}
	clear(dst[from+n:])
}

var portableDepthwise = depthwiseKernels{
	slide: func(dst, x, w []float32) {
		clear(dst)
		for j, v := range w {
			for t, s := range x[j : j+len(dst)] {
				dst[t] += v * s
			}
		}
	},
	correlate: func(dw, x, dy []float32) {
		for j := range dw {
			dw[j] += runLanes(Sum, len(dy), func(t int) float32 { return dy[t] * x[t+j] })
		}
	},
}
