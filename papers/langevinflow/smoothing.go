package langevinflow

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/measure"
)

// Smoother is the baseline that every population model has to beat: each observed neuron's counts are smoothed in time with
// a Gaussian, and Poisson regressions read the other neurons and the bins after the last observed one out of the result.
// What it may see is exactly what the model sees: the observed bins of the held-in neurons.
type Smoother struct {
	Sizes
	SigmaBins float64 // width of the Gaussian
	Log       bool    // the regressions read log(smoothed + logOffset) instead of the smoothed counts
	Ridge     float64 // penalty on the regressions' squared weights, in nats
	// NLL is the mean training loss per count by which SigmaBins and Log were chosen.
	NLL float64

	heldOut []glm   // for each held-out neuron, at the same bin
	forward [][]glm // [Forward][Out], from the last observed bin
}

// logOffset keeps the logarithm of a silent stretch finite; a tenth of the counts' usual scale, so that silence is not an outlier.
const logOffset = 0.05

// smootherWidths are the widths swept, in milliseconds.
var smootherWidths = []float64{20, 40, 60, 80, 100}

// ridges are the penalties swept: from priors of standard deviation 1 on the weights, which only matter where data are few, to ones that leave
// hardly more than the mean.
var ridges = []float64{1, 10, 100, 1000}

// FitSmoother chooses the width, and between smoothed counts and their logarithm, by training likelihood and fits the regressions.
// The likelihood of a held-in neuron is taken with its own bin left out of the smoothing, or the narrowest width would always
// win; that of a held-out neuron is its regression's. The penalty of the regressions is the one by which they predict the validation
// trials best, as those choose the epoch of the models.
func FitSmoother(ctx context.Context, s Sizes, binMS float64, train, validation *Counts) (*Smoother, error) {
	// The sweep needs the order of the widths only, so a part of the trials will do.
	some := train.every(max(1, train.Trials/300))
	best := &Smoother{Sizes: s, Ridge: ridges[0], NLL: math.Inf(1)}
	for _, width := range smootherWidths {
		sigma := width / binMS
		leaveOut := 0.0
		own := smooth(some, s, sigma, true)
		for i := range own.Values {
			t, n := i/s.In%s.Observed, i%s.In
			rate, k := max(float64(own.Values[i]), 1e-2), float64(some.at(i/(s.In*s.Observed), t, n))
			leaveOut += rate - k*math.Log(rate)
		}
		for _, log := range []bool{false, true} {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			try := &Smoother{Sizes: s, SigmaBins: sigma, Log: log, Ridge: ridges[0]}
			nll, err := try.fitHeldOut(some)
			if err != nil {
				return nil, err
			}
			try.NLL = (leaveOut + nll) / float64(some.Trials*s.Observed*s.Out)
			if try.NLL < best.NLL {
				best = try
			}
			if s.Out == s.In && s.Forward == 0 {
				break // nothing is regressed
			}
		}
	}
	if s.Out == s.In && s.Forward == 0 {
		return best, nil
	}
	var chosen *Smoother
	least := math.Inf(1)
	for _, ridge := range ridges {
		try := &Smoother{Sizes: s, SigmaBins: best.SigmaBins, Log: best.Log, NLL: best.NLL, Ridge: ridge}
		if _, err := try.fitHeldOut(train); err != nil {
			return nil, err
		}
		if err := try.fitForward(ctx, train); err != nil {
			return nil, err
		}
		// What is not regressed is the same for all, so the likelihood of everything compares what is.
		rates, counts := try.Rates(validation), validation.window(0, s.Bins(), 0, s.Out).Values
		if nll := -measure.PoissonLogLikelihood(rates, counts); nll < least {
			chosen, least = try, nll
		}
	}
	return chosen, nil
}

// fitHeldOut fits the regressions to the held-out neurons and returns their summed loss.
func (m *Smoother) fitHeldOut(train *Counts) (nll float64, err error) {
	if m.Out == m.In {
		return 0, nil
	}
	x := m.features(smooth(train, m.Sizes, m.SigmaBins, false))
	m.heldOut = m.heldOut[:0]
	y := make([]float64, train.Trials*m.Observed)
	for n := m.In; n < m.Out; n++ {
		for i := range y {
			y[i] = float64(train.at(i/m.Observed, i%m.Observed, n))
		}
		g, loss, err := fitGLM(x, y, m.Ridge)
		if err != nil {
			return 0, fmt.Errorf("regressing held-out neuron %d: %w", n, err)
		}
		m.heldOut = append(m.heldOut, g)
		nll += loss
	}
	return nll, nil
}

func (m *Smoother) fitForward(ctx context.Context, train *Counts) error {
	if m.Forward == 0 {
		return nil
	}
	x := m.last(smooth(train, m.Sizes, m.SigmaBins, false))
	y := make([]float64, train.Trials)
	for f := range m.Forward {
		if err := ctx.Err(); err != nil {
			return err
		}
		var row []glm
		for n := range m.Out {
			for i := range y {
				y[i] = float64(train.at(i, m.Observed+f, n))
			}
			g, _, err := fitGLM(x, y, m.Ridge)
			if err != nil {
				return fmt.Errorf("regressing neuron %d at forward bin %d: %w", n, f, err)
			}
			row = append(row, g)
		}
		m.forward = append(m.forward, row)
	}
	return nil
}

// Rates predicts [Trials, Observed+Forward, Out] rates in counts per bin from the observed bins of the held-in neurons.
func (m *Smoother) Rates(c *Counts) []float32 {
	smoothed := smooth(c, m.Sizes, m.SigmaBins, false)
	x, last := m.features(smoothed), m.last(smoothed)
	out := make([]float32, 0, c.Trials*m.Bins()*m.Out)
	for k := range c.Trials {
		for t := range m.Observed {
			row := k*m.Observed + t
			for n := range m.In {
				out = append(out, max(smoothed.Values[row*m.In+n], 1e-2))
			}
			for _, g := range m.heldOut {
				out = append(out, float32(g.rate(x.RawRowView(row))))
			}
		}
		for f := range m.Forward {
			for _, g := range m.forward[f] {
				out = append(out, float32(g.rate(last.RawRowView(k))))
			}
		}
	}
	return out
}

// features returns the regressors of every trial and observed bin, [Trials*Observed, 1+In], the first being 1.
func (m *Smoother) features(smoothed *Counts) *mat.Dense {
	x := mat.NewDense(smoothed.Trials*smoothed.Bins, 1+m.In, nil)
	for i, v := range smoothed.Values {
		f := float64(v)
		if m.Log {
			f = math.Log(f + logOffset)
		}
		x.Set(i/m.In, 1+i%m.In, f)
	}
	for r := range smoothed.Trials * smoothed.Bins {
		x.Set(r, 0, 1)
	}
	return x
}

// last returns the regressors of the last observed bin of every trial, [Trials, 1+In].
func (m *Smoother) last(smoothed *Counts) *mat.Dense {
	all := m.features(smoothed)
	x := mat.NewDense(smoothed.Trials, 1+m.In, nil)
	for k := range smoothed.Trials {
		x.SetRow(k, all.RawRowView(k*m.Observed+m.Observed-1))
	}
	return x
}

// smooth convolves the observed bins of the held-in neurons with a Gaussian cut at four standard deviations; at the ends of a trial the
// kernel's remaining part is scaled to sum to one. With leaveOut a bin does not contribute to itself.
func smooth(c *Counts, s Sizes, sigma float64, leaveOut bool) *Counts {
	out := &Counts{Trials: c.Trials, Bins: s.Observed, Neurons: s.In, BinMS: c.BinMS, Values: make([]float32, c.Trials*s.Observed*s.In)}
	reach := int(math.Ceil(4 * sigma))
	kernel := make([]float64, reach+1)
	for d := range kernel {
		kernel[d] = math.Exp(-0.5 * float64(d*d) / (sigma * sigma))
	}
	if leaveOut {
		kernel[0] = 0
	}
	sum := make([]float64, s.In)
	for k := range c.Trials {
		for t := range s.Observed {
			clear(sum)
			weight := 0.0
			for u := max(0, t-reach); u <= min(s.Observed-1, t+reach); u++ {
				w := kernel[max(t-u, u-t)]
				weight += w
				for n := range sum {
					sum[n] += w * float64(c.at(k, u, n))
				}
			}
			for n, v := range sum {
				if weight > 0 {
					v /= weight
				}
				out.Values[(k*s.Observed+t)*s.In+n] = float32(v)
			}
		}
	}
	return out
}

// glm is a Poisson regression with a log link.
type glm struct{ weights []float64 } // the first belongs to the constant regressor

func (g glm) rate(x []float64) float64 {
	drive := 0.0
	for i, w := range g.weights {
		drive += w * x[i]
	}
	return math.Exp(min(max(drive, -12), 5))
}

// fitGLM fits under a penalty ½·ridge·w² on all weights but the constant's, by Newton's method with step halving, and returns the
// summed loss Σ rate − y·log rate. x is [rows, features] with a constant first column, y the counts.
func fitGLM(x *mat.Dense, y []float64, ridge float64) (glm, float64, error) {
	rows, features := x.Dims()
	mean := 0.0
	for _, k := range y {
		mean += k / float64(rows)
	}
	g := glm{weights: make([]float64, features)}
	g.weights[0] = math.Log(max(mean, 1e-4))
	objective := func(g glm) (loss, penalised float64) {
		for r, k := range y {
			rate := g.rate(x.RawRowView(r))
			loss += rate - k*math.Log(rate)
		}
		penalised = loss
		for _, w := range g.weights[1:] {
			penalised += 0.5 * ridge * w * w
		}
		return loss, penalised
	}
	loss, value := objective(g)
	gradient := mat.NewVecDense(features, nil)
	hessian := mat.NewSymDense(features, nil)
	for range 30 {
		gradient.Zero()
		hessian.Zero()
		h := hessian.RawSymmetric()
		for r, k := range y {
			row := x.RawRowView(r)
			rate := g.rate(row)
			for i, xi := range row {
				gradient.RawVector().Data[i] += (rate - k) * xi
				scaled := rate * xi
				into := h.Data[i*h.Stride : i*h.Stride+features]
				for j := i; j < features; j++ {
					into[j] += scaled * row[j]
				}
			}
		}
		for i := range features {
			h.Data[i*h.Stride+i] += 1e-6
			if i > 0 {
				gradient.RawVector().Data[i] += ridge * g.weights[i]
				h.Data[i*h.Stride+i] += ridge
			}
		}
		var chol mat.Cholesky
		if !chol.Factorize(hessian) {
			return g, loss, fmt.Errorf("the regression's curvature is not positive definite (%d rows, %d regressors)", rows, features)
		}
		var step mat.VecDense
		if err := chol.SolveVecTo(&step, gradient); err != nil {
			return g, loss, err
		}
		improved := false
		for scale := 1.0; scale > 1e-4; scale /= 2 {
			next := glm{weights: make([]float64, features)}
			for i, w := range g.weights {
				next.weights[i] = w - scale*step.AtVec(i)
			}
			if l, v := objective(next); v < value {
				improved = value-v > 1e-6*math.Abs(value)
				g, loss, value = next, l, v
				break
			}
		}
		if !improved {
			break
		}
	}
	return g, loss, nil
}
