package ica

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/gyrus-dev/gyrus/signal"
)

// Method is how components are found.
type Method int

// The methods. FastICA needs the fewest passes over the signal. Infomax finds sources with heavy tails only, ExtendedInfomax also those with light
// ones, such as mains hum.
const (
	FastICA Method = iota
	Infomax
	ExtendedInfomax
)

// Options says how to fit; the zero value fits FastICA to all components there are.
type Options struct {
	Method     Method
	Components int       // to keep of the principal components; the rank of the signal if 0
	Scale      []float64 // by channel, divides each before anything else: for channels of different units; nil for one unit
	Iterations int       // at most; 200 if 0
	Tolerance  float64   // to stop at; 1e-4 for FastICA and 1e-12 for Infomax if 0, as scikit-learn and MNE-Python
	Seed       uint64
}

// ICA is a fitted decomposition. Components are sorted by how much of the variance they explain, the largest first, and have unit
// variance.
type ICA struct {
	Unmixing   *mat.Dense // components by channels
	Mixing     *mat.Dense // channels by components: how each component shows at the channels
	Mean       []float64  // of each channel
	Explained  []float64  // by component: the part of the variance of all channels
	Iterations int        // passes that were made
	Converged  bool       // false where the limit on passes ended the search
}

// rankTolerance is the variance, as a part of the largest principal component's, below which a direction counts as empty.
const rankTolerance = 1e-10

// Fit unmixes x, channels by samples.
func Fit(x *mat.Dense, o Options) (*ICA, error) {
	channels, samples := x.Dims()
	switch {
	case o.Method < FastICA || o.Method > ExtendedInfomax:
		return nil, fmt.Errorf("no method numbered %d; use FastICA, Infomax or ExtendedInfomax", o.Method)
	case samples <= channels:
		return nil, fmt.Errorf("%d samples of %d channels are too few to unmix; use a longer stretch", samples, channels)
	case o.Scale != nil && len(o.Scale) != channels:
		return nil, fmt.Errorf("%d scales for %d channels", len(o.Scale), channels)
	case o.Iterations < 0 || o.Tolerance < 0 || o.Components < 0:
		return nil, fmt.Errorf("%d iterations, a tolerance of %g and %d components; none must be negative", o.Iterations, o.Tolerance, o.Components)
	}
	if err := signal.CheckFinite(x); err != nil {
		return nil, err
	}
	for c, s := range o.Scale {
		if !(s > 0) || math.IsInf(s, 0) {
			return nil, fmt.Errorf("the scale of channel %d is %g; it must be positive", c+1, s)
		}
	}
	if o.Iterations == 0 {
		o.Iterations = 200
	}
	w, err := whiten(x, o)
	if err != nil {
		return nil, err
	}
	var rotation *mat.Dense
	out := &ICA{Mean: w.mean}
	random := rand.New(rand.NewPCG(o.Seed, 0x1ca))
	if o.Method == FastICA {
		start := mat.NewDense(w.components, w.components, nil)
		start.Apply(func(int, int, float64) float64 { return random.NormFloat64() }, start)
		rotation, out.Iterations, out.Converged, err = fastICA(w, start, o.Iterations, cmp.Or(o.Tolerance, 1e-4))
	} else {
		run := infomax{data: w.data, samples: samples, n: w.components, extended: o.Method == ExtendedInfomax, maximum: o.Iterations,
			tolerance: cmp.Or(o.Tolerance, 1e-12), random: random, shuffle: random.Perm}
		rotation, out.Iterations, out.Converged, err = run.fit()
	}
	if err != nil {
		return nil, err
	}
	return out, out.complete(w, rotation)
}

// whitened is a signal reduced to its principal components, each of unit variance.
type whitened struct {
	components int
	data       []float64 // samples by components
	samples    int
	mean       []float64
	forward    *mat.Dense // components by channels
	back       *mat.Dense // channels by components
}

func whiten(x *mat.Dense, o Options) (*whitened, error) {
	channels, samples := x.Dims()
	w := &whitened{samples: samples, mean: make([]float64, channels)}
	centred := make([]float64, channels*samples)
	for c := range channels {
		row := centred[c*samples : (c+1)*samples]
		w.mean[c] = stat.Mean(x.RawRowView(c), nil)
		scale := 1.0
		if o.Scale != nil {
			scale = 1 / o.Scale[c]
		}
		for t, v := range x.RawRowView(c) {
			row[t] = (v - w.mean[c]) * scale
		}
	}
	covariance := mat.NewSymDense(channels, nil)
	product := make([]float64, channels*channels)
	multiply(product, channels, channels, samples, kernel.View[float64]{Data: centred, Row: samples, Col: 1},
		kernel.View[float64]{Data: centred, Row: 1, Col: samples}, false)
	for i := range channels {
		for j := i; j < channels; j++ {
			covariance.SetSym(i, j, product[i*channels+j]/float64(samples))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(covariance, true) {
		return nil, fmt.Errorf("the principal components of %d channels did not converge", channels)
	}
	values := eigen.Values(nil) // ascending
	largest := values[channels-1]
	if !(largest > 0) {
		return nil, fmt.Errorf("every channel is flat: there is nothing to unmix")
	}
	rank := 0
	for _, v := range values {
		if v > rankTolerance*largest {
			rank++
		}
	}
	w.components = o.Components
	if w.components == 0 {
		w.components = rank
	}
	if w.components > rank {
		return nil, fmt.Errorf("%d components were asked for, but %d channels hold only %d independent ones (an average reference, or "+
			"interpolated or flat channels, take some); ask for at most %d", w.components, channels, rank, rank)
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	w.forward, w.back = mat.NewDense(w.components, channels, nil), mat.NewDense(channels, w.components, nil)
	for k := range w.components {
		from := channels - 1 - k
		root := math.Sqrt(values[from])
		for c := range channels {
			v := vectors.At(c, from)
			scale := 1.0
			if o.Scale != nil {
				scale = o.Scale[c]
			}
			w.forward.Set(k, c, v/root/scale)
			w.back.Set(c, k, v*root*scale)
		}
	}
	w.data = make([]float64, samples*w.components)
	forward := w.forward
	if o.Scale != nil { // the centred data have been scaled already
		forward = mat.DenseCopyOf(forward)
		for c, s := range o.Scale {
			for k := range w.components {
				forward.Set(k, c, forward.At(k, c)*s)
			}
		}
	}
	multiply(w.data, samples, w.components, channels, kernel.View[float64]{Data: centred, Row: 1, Col: samples},
		kernel.View[float64]{Data: forward.RawMatrix().Data, Row: 1, Col: channels}, false)
	return w, nil
}

// complete turns a rotation of the whitened signal (components by components) into unmixing and mixing of the channels.
func (i *ICA) complete(w *whitened, rotation *mat.Dense) error {
	n := w.components
	var unmixing, inverse, mixing mat.Dense
	unmixing.Mul(rotation, w.forward)
	if err := inverse.Inverse(rotation); err != nil {
		return fmt.Errorf("the components found are dependent: %w; use a longer stretch or fewer components", err)
	}
	mixing.Mul(w.back, &inverse)
	channels, _ := mixing.Dims()
	// The whitened signal has unit covariance, so that a row's norm is the standard deviation of its component.
	power := make([]float64, n)
	for k := range n {
		scale := floats.Norm(rotation.RawRowView(k), 2)
		largest := 0
		for c := range channels {
			if math.Abs(mixing.At(c, k)) > math.Abs(mixing.At(largest, k)) {
				largest = c
			}
		}
		if mixing.At(largest, k) < 0 {
			scale = -scale
		}
		floats.Scale(1/scale, unmixing.RawRowView(k))
		for c := range channels {
			v := mixing.At(c, k) * scale
			mixing.Set(c, k, v)
			power[k] += v * v
		}
	}
	order := make([]int, n)
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(power[b], power[a]) })
	total := floats.Sum(power)
	i.Unmixing, i.Mixing = mat.NewDense(n, channels, nil), mat.NewDense(channels, n, nil)
	for k, from := range order {
		i.Unmixing.SetRow(k, unmixing.RawRowView(from))
		i.Mixing.SetCol(k, mat.Col(nil, from, &mixing))
		i.Explained = append(i.Explained, power[from]/total)
	}
	return nil
}

// multiply sets c (rows by columns, row-major) to a·b, or adds it.
func multiply(c []float64, rows, columns, inner int, a, b kernel.View[float64], add bool) {
	g := kernel.GEMM[float64]{M: rows, N: columns, K: inner, A: a, B: b, C: c, LDC: columns, Accumulate: add}
	g.Run(kernel.Serial{})
}

// Sources returns the components of x, components by samples.
func (i *ICA) Sources(x *mat.Dense) (*mat.Dense, error) {
	if err := i.fits(x); err != nil {
		return nil, err
	}
	var out mat.Dense
	out.Mul(i.Unmixing, x)
	components, _ := out.Dims()
	for k := range components {
		floats.AddConst(-floats.Dot(i.Unmixing.RawRowView(k), i.Mean), out.RawRowView(k))
	}
	return &out, nil
}

func (i *ICA) fits(x *mat.Dense) error {
	channels, _ := x.Dims()
	if channels != len(i.Mean) {
		return fmt.Errorf("the signal has %d channels; the components were found on %d", channels, len(i.Mean))
	}
	return nil
}

// Without returns the montage that takes components out of the channels and leaves everything else, the channels' means included, as it
// is. The names are those of the channels.
func (i *ICA) Without(names []string, components ...int) (*signal.Montage, error) {
	channels, n := i.Mixing.Dims()
	if len(names) != channels {
		return nil, fmt.Errorf("%d names for %d channels", len(names), channels)
	}
	m := &signal.Montage{Names: slices.Clone(names), Matrix: mat.NewDense(channels, channels, nil)}
	for c := range channels {
		m.Matrix.Set(c, c, 1)
	}
	for at, k := range components {
		if k < 0 || k >= n {
			return nil, fmt.Errorf("component number %d is to be taken out, expected 0 to %d", k, n-1)
		}
		if slices.Contains(components[:at], k) {
			continue
		}
		for r := range channels {
			for c := range channels {
				m.Matrix.Set(r, c, m.Matrix.At(r, c)-i.Mixing.At(r, k)*i.Unmixing.At(k, c))
			}
		}
	}
	return m, nil
}

// Correlation returns Pearson's correlation of every component of x with a reference recorded beside it, such as an EOG channel.
func (i *ICA) Correlation(x *mat.Dense, reference []float64) ([]float64, error) {
	_, samples := x.Dims()
	if len(reference) != samples {
		return nil, fmt.Errorf("the reference has %d samples, the signal %d", len(reference), samples)
	}
	sources, err := i.Sources(x)
	if err != nil {
		return nil, err
	}
	components, _ := sources.Dims()
	out := make([]float64, components)
	for k := range out {
		out[k] = stat.Correlation(sources.RawRowView(k), reference, nil)
		if math.IsNaN(out[k]) {
			return nil, fmt.Errorf("the reference is flat or not finite; there is nothing to correlate with")
		}
	}
	return out, nil
}

// Outliers returns the components whose score is more than z standard deviations from the mean of the scores, looking a second time without
// those found in the first, as MNE-Python does. Three is usual.
func Outliers(scores []float64, z float64) []int {
	out := []int{}
	found := make([]bool, len(scores))
	for range 2 {
		var rest []float64
		for k, s := range scores {
			if !found[k] {
				rest = append(rest, s)
			}
		}
		mean, deviation := stat.PopMeanStdDev(rest, nil)
		for k, s := range scores {
			if !found[k] && math.Abs(s-mean) > z*deviation {
				found[k] = true
			}
		}
	}
	for k, f := range found {
		if f {
			out = append(out, k)
		}
	}
	return out
}
