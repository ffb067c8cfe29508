package signal

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// FilterBankCSP is CSP in several frequency bands at once, with the features chosen that tell most about the class (Ang et al., Frontiers in
// Neuroscience 6:39, 2012, the selection called MIBIF there).
type FilterBankCSP struct {
	Bands       [][2]float64 // Hz
	CSP         []*CSP       // by band
	Selected    []int        // features by number, those of the first band first, by how much they tell
	Information []float64    // of every feature, bits about the class

	filters []Sections
}

// FilterBank says how to fit FilterBankCSP. The zero value is that of the paper but for the filters, which are Butterworth's here: nine bands of
// 4 Hz from 4 to 40 Hz, two pairs of filters in each, and the four best features with their counterparts.
type FilterBank struct {
	Bands    [][2]float64 // Hz
	Order    int          // of the filters, 4 if 0; they run without phase shift over each trial
	Filters  int          // of CSP in each band, 4 if 0; even
	Features int          // to choose, 4 if 0; the filter at the other end of the same band comes with each
	Shrink   float64      // see [FitCSP]
}

// Fit fits the filters to trials sampled at fs Hz with labels 0 and 1.
func (b FilterBank) Fit(trials []*mat.Dense, labels []int, fs float64) (*FilterBankCSP, error) {
	if b.Bands == nil {
		for low := 4.0; low < 40; low += 4 {
			b.Bands = append(b.Bands, [2]float64{low, low + 4})
		}
	}
	b.Order, b.Filters, b.Features = cmp.Or(b.Order, 4), cmp.Or(b.Filters, 4), cmp.Or(b.Features, 4)
	if b.Filters%2 == 1 {
		return nil, fmt.Errorf("filter-bank CSP: %d filters in a band; the number must be even, as they come in pairs", b.Filters)
	}
	if b.Features < 1 || b.Features > b.Filters*len(b.Bands) {
		return nil, fmt.Errorf("filter-bank CSP: %d features asked of %d", b.Features, b.Filters*len(b.Bands))
	}
	if len(trials) != len(labels) {
		return nil, fmt.Errorf("filter-bank CSP: %d trials but %d labels", len(trials), len(labels))
	}
	f := &FilterBankCSP{Bands: b.Bands, CSP: make([]*CSP, len(b.Bands))}
	for _, band := range b.Bands {
		s, err := BandPass(b.Order, band[0], band[1], fs)
		if err != nil {
			return nil, fmt.Errorf("filter-bank CSP: %w", err)
		}
		f.filters = append(f.filters, s)
	}
	features := make([][]float64, len(trials)) // by trial
	for k := range f.filters {
		filtered := make([]*mat.Dense, len(trials))
		for i, trial := range trials {
			filtered[i] = mat.DenseCopyOf(trial)
			if err := f.filters[k].ZeroPhase(filtered[i]); err != nil {
				return nil, fmt.Errorf("filter-bank CSP: trial %d: %w", i+1, err)
			}
		}
		var err error
		if f.CSP[k], err = FitCSP(filtered, labels, b.Filters, b.Shrink); err != nil {
			return nil, fmt.Errorf("filter-bank %w, from %g to %g Hz", err, b.Bands[k][0], b.Bands[k][1])
		}
		for i, trial := range filtered {
			features[i] = append(features[i], f.CSP[k].Features(trial)...)
		}
	}
	order := make([]int, len(features[0]))
	column := make([]float64, len(trials))
	for j := range order {
		order[j] = j
		for i := range features {
			column[i] = features[i][j]
		}
		f.Information = append(f.Information, mutualInformation(column, labels))
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(f.Information[b], f.Information[a]) })
	for _, j := range order[:b.Features] {
		f.take(j)
		// CSP gives filters of both ends in turn, so that neighbours are a pair.
		f.take(j ^ 1)
	}
	return f, nil
}

func (f *FilterBankCSP) take(feature int) {
	if !slices.Contains(f.Selected, feature) {
		f.Selected = append(f.Selected, feature)
	}
}

// Features returns the chosen features of a trial.
func (f *FilterBankCSP) Features(trial *mat.Dense) ([]float64, error) {
	byBand := make([][]float64, len(f.filters))
	out := make([]float64, len(f.Selected))
	for i, j := range f.Selected {
		filters, _ := f.CSP[0].Filters.Dims()
		k := j / filters
		if byBand[k] == nil {
			filtered := mat.DenseCopyOf(trial)
			if err := f.filters[k].ZeroPhase(filtered); err != nil {
				return nil, fmt.Errorf("filter-bank CSP: %w", err)
			}
			byBand[k] = f.CSP[k].Features(filtered)
		}
		out[i] = byBand[k][j%filters]
	}
	return out, nil
}

// mutualInformation estimates how many bits a feature tells about the class (0 or 1), each class's density estimated with Gaussian kernels
// of Silverman's width.
func mutualInformation(feature []float64, labels []int) float64 {
	var classes [2][]float64
	for i, v := range feature {
		classes[labels[i]] = append(classes[labels[i]], v)
	}
	n := float64(len(feature))
	var width, prior [2]float64
	entropy := 0.0
	for k, values := range classes {
		if len(values) < 2 {
			return 0
		}
		width[k] = stat.StdDev(values, nil) * math.Pow(4/(3*float64(len(values))), 0.2)
		prior[k] = float64(len(values)) / n
		entropy -= prior[k] * math.Log2(prior[k])
		if !(width[k] > 0) {
			return 0
		}
	}
	conditional := 0.0
	for _, v := range feature {
		var joint [2]float64
		for k, values := range classes {
			for _, u := range values {
				z := (v - u) / width[k]
				joint[k] += math.Exp(-z * z / 2)
			}
			joint[k] *= prior[k] / (width[k] * float64(len(values)))
		}
		for _, p := range joint {
			if p > 0 {
				p /= joint[0] + joint[1]
				conditional -= p * math.Log2(p) / n
			}
		}
	}
	return entropy - conditional
}
