package epoch

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
)

// Candidate is a limit that was tried, with its error in cross-validation: the root mean square distance of the mean of the trials kept
// for training from the median of those left out, averaged over the folds. It is infinite where a fold keeps no trial.
type Candidate struct{ Limit, Error float64 }

// GlobalThreshold finds the limit on the peak-to-peak amplitude of channels of one type, the same for all of them, that has the least error
// in cross-validation over stretches of consecutive trials (Jas et al. 2017; five folds are usual). Every trial's amplitude is tried: the
// curve is complete and in ascending order.
func GlobalThreshold(e *Epochs, kind string, folds int) (limit float64, curve []Candidate, err error) {
	channels, err := e.ofType(kind)
	if err != nil {
		return 0, nil, err
	}
	if err := e.enough(folds); err != nil {
		return 0, nil, err
	}
	rows := make([][]float64, len(e.Trials))
	amplitude := make([]float64, len(e.Trials))
	for i, t := range e.Trials {
		for _, c := range channels {
			row := t.RawRowView(c)
			rows[i] = append(rows[i], row...)
			amplitude[i] = max(amplitude[i], peakToPeak(row))
		}
	}
	curve = validate(rows, amplitude, folds, false)
	return best(curve), curve, nil
}

func (e *Epochs) ofType(kind string) ([]int, error) {
	var out []int
	for i, c := range e.Channels {
		if c.Type == kind {
			out = append(out, i)
		}
	}
	if out == nil {
		return nil, fmt.Errorf("no channels of type %q, expected %s", kind, e.types())
	}
	return out, nil
}

func (e *Epochs) enough(folds int) error {
	if folds < 2 {
		return fmt.Errorf("cross-validation in %d folds; it needs at least 2", folds)
	}
	if len(e.Trials) < folds {
		return fmt.Errorf("%d trials are too few for cross-validation in %d folds; cut more trials, or use fewer folds", len(e.Trials), folds)
	}
	return nil
}

// fold returns the trials from first to before last that fold k of n leaves out.
func fold(trials, k, n int) (first, last int) {
	size, rest := trials/n, trials%n
	first = k*size + min(k, rest)
	last = first + size
	if k < rest {
		last++
	}
	return first, last
}

func best(curve []Candidate) float64 {
	return slices.MinFunc(curve, func(a, b Candidate) int {
		switch {
		case a.Error < b.Error:
			return -1
		case a.Error > b.Error:
			return 1
		}
		return 0
	}).Limit
}

// validate tries every amplitude as a limit. Trials enter the mean in order of amplitude, so that it is never summed anew. Where a fold
// would keep no trial it keeps the one of least amplitude, if lenient.
func validate(rows [][]float64, amplitude []float64, folds int, lenient bool) []Candidate {
	limits := slices.Clone(amplitude)
	slices.Sort(limits)
	limits = slices.Compact(limits)
	curve := make([]Candidate, len(limits))
	for i, l := range limits {
		curve[i].Limit = l
	}
	dim := len(rows[0])
	sum := make([]float64, dim)
	for k := range folds {
		first, last := fold(len(rows), k, folds)
		middle := median(rows[first:last])
		var train []int
		for i := range rows {
			if i < first || i >= last {
				train = append(train, i)
			}
		}
		slices.SortStableFunc(train, func(a, b int) int {
			switch {
			case amplitude[a] < amplitude[b]:
				return -1
			case amplitude[a] > amplitude[b]:
				return 1
			}
			return 0
		})
		clear(sum)
		kept, distance := 0, math.Inf(1)
		for i, l := range limits {
			if lenient {
				l = max(l, amplitude[train[0]])
			}
			before := kept
			for kept < len(train) && amplitude[train[kept]] <= l {
				for j, v := range rows[train[kept]] {
					sum[j] += v
				}
				kept++
			}
			if kept > before {
				square := 0.0
				for j, v := range sum {
					d := v/float64(kept) - middle[j]
					square += d * d
				}
				distance = math.Sqrt(square / float64(dim))
			}
			curve[i].Error += distance / float64(folds)
		}
	}
	return curve
}

// median returns the median of every column.
func median(rows [][]float64) []float64 {
	out := make([]float64, len(rows[0]))
	column := make([]float64, len(rows))
	half := len(rows) / 2
	for j := range out {
		for i, r := range rows {
			column[i] = r[j]
		}
		slices.Sort(column)
		out[j] = column[half]
		if len(rows)%2 == 0 {
			out[j] = (out[j] + column[half-1]) / 2
		}
	}
	return out
}

// AutoReject finds by cross-validation a limit for each channel, how many channels above their limit make a trial bad, and how many of
// them are repaired in the trials that stay (Jas et al., NeuroImage 159, 2017). Unlike the authors' code it tries every limit there is
// rather than searching, and does not add trials of interpolated channels when it looks for limits.
type AutoReject struct {
	Type        string    // of the channels, "eeg" if empty; others are left alone
	Folds       int       // 10 if 0
	Consensus   []float64 // to choose from: parts of the channels, from which on a trial is bad; 0, 0.1 ... 1 if nil
	Interpolate []int     // to choose from: channels to repair in a trial; if nil 1, 4 and 32 where every channel has a position, else 0
	Head        signal.Head
}

// Rejection is what AutoReject found.
type Rejection struct {
	Channels    []int     // that it looks at
	Limits      []float64 // by such channel, peak to peak
	Consensus   float64   // a trial is bad if this part of the channels, or more, are above their limits
	Interpolate int       // channels to repair in a trial that stays, the worst first
	Error       [][]float64

	head signal.Head
}

// Fit finds the limits on trials. Rejection.Error is by consensus and number of channels to repair.
func (a AutoReject) Fit(e *Epochs) (*Rejection, error) {
	if a.Type == "" {
		a.Type = "eeg"
	}
	if a.Folds == 0 {
		a.Folds = 10
	}
	channels, err := e.ofType(a.Type)
	if err != nil {
		return nil, err
	}
	if err := e.enough(a.Folds); err != nil {
		return nil, err
	}
	if a.Consensus == nil {
		for i := range 11 {
			a.Consensus = append(a.Consensus, float64(i)/10)
		}
	}
	for _, c := range a.Consensus {
		if !(c >= 0 && c <= 1) {
			return nil, fmt.Errorf("a consensus of %g; it is a part of the channels, from 0 to 1", c)
		}
	}
	positions := !slices.ContainsFunc(channels, func(c int) bool { return e.Channels[c].Position == nil })
	if a.Interpolate == nil {
		if a.Interpolate = []int{0}; positions {
			a.Interpolate = []int{1, 4, min(32, len(channels)-1)}
		}
	}
	for _, n := range a.Interpolate {
		if n < 0 || n >= len(channels) {
			return nil, fmt.Errorf("%d channels to interpolate of %d; it must be at least 0 and fewer than there are", n, len(channels))
		}
		if n > 0 && !positions {
			return nil, fmt.Errorf("channels without positions cannot be interpolated; give positions, or set Interpolate to 0 only")
		}
	}

	r := &Rejection{Channels: channels, Limits: make([]float64, len(channels)), head: a.Head}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for k, c := range channels {
		group.Go(func() error {
			rows, amplitude := make([][]float64, len(e.Trials)), make([]float64, len(e.Trials))
			for i, t := range e.Trials {
				rows[i] = t.RawRowView(c)
				amplitude[i] = peakToPeak(rows[i])
			}
			r.Limits[k] = best(validate(rows, amplitude, a.Folds, true))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return r, r.choose(e, a)
}

// choose finds the consensus and the number of channels to repair.
func (r *Rejection) choose(e *Epochs, a AutoReject) error {
	n := len(r.Channels)
	bad := make([][]int, len(e.Trials))
	for i, t := range e.Trials {
		bad[i] = r.bad(t)
	}
	flat := func(t *mat.Dense) []float64 {
		var out []float64
		for _, c := range r.Channels {
			out = append(out, t.RawRowView(c)...)
		}
		return out
	}
	plain := make([][]float64, len(e.Trials))
	for i, t := range e.Trials {
		plain[i] = flat(t)
	}
	medians := make([][]float64, a.Folds)
	for k := range medians {
		first, last := fold(len(plain), k, a.Folds)
		medians[k] = median(plain[first:last])
	}
	r.Error = make([][]float64, len(a.Consensus))
	for i := range r.Error {
		r.Error[i] = make([]float64, len(a.Interpolate))
	}
	for j, interpolate := range a.Interpolate {
		repair := repairer{epochs: e, rejection: r, maps: map[string]*signal.Montage{}}
		repaired := make([][]float64, len(e.Trials))
		for i, t := range e.Trials {
			repaired[i] = plain[i]
			if worst := r.worst(t, bad[i], interpolate); len(worst) > 0 {
				fixed, err := repair.trial(t, worst)
				if err != nil {
					return err
				}
				repaired[i] = flat(fixed)
			}
		}
		for i, consensus := range a.Consensus {
			if consensus*float64(n) <= float64(interpolate) {
				r.Error[i][j] = math.Inf(1)
				continue
			}
			for k := range a.Folds {
				first, last := fold(len(plain), k, a.Folds)
				sum, kept := make([]float64, len(plain[0])), 0
				for t, row := range repaired {
					if t >= first && t < last || float64(len(bad[t])) >= consensus*float64(n) {
						continue
					}
					kept++
					for d, v := range row {
						sum[d] += v
					}
				}
				if kept == 0 {
					r.Error[i][j] = math.Inf(1)
					break
				}
				square := 0.0
				for d, v := range sum {
					v = v/float64(kept) - medians[k][d]
					square += v * v
				}
				r.Error[i][j] += math.Sqrt(square/float64(len(sum))) / float64(a.Folds)
			}
		}
	}
	least := math.Inf(1)
	for i, consensus := range a.Consensus {
		for j, interpolate := range a.Interpolate {
			if r.Error[i][j] < least {
				least, r.Consensus, r.Interpolate = r.Error[i][j], consensus, interpolate
			}
		}
	}
	if math.IsInf(least, 1) {
		return fmt.Errorf("every choice of consensus (%v) and channels to repair (%v) of %d leaves a fold without trials; allow a higher consensus or "+
			"repair fewer channels", a.Consensus, a.Interpolate, n)
	}
	return nil
}

// bad returns the channels above their limits.
func (r *Rejection) bad(trial *mat.Dense) []int {
	var out []int
	for k, c := range r.Channels {
		if peakToPeak(trial.RawRowView(c)) > r.Limits[k] {
			out = append(out, c)
		}
	}
	return out
}

// worst returns the n bad channels of largest amplitude.
func (r *Rejection) worst(trial *mat.Dense, bad []int, n int) []int {
	if len(bad) <= n {
		return bad
	}
	bad = slices.Clone(bad)
	slices.SortStableFunc(bad, func(a, b int) int {
		pa, pb := peakToPeak(trial.RawRowView(a)), peakToPeak(trial.RawRowView(b))
		switch {
		case pa > pb:
			return -1
		case pa < pb:
			return 1
		}
		return 0
	})
	bad = bad[:n]
	slices.Sort(bad)
	return bad
}

// Repair says of a trial that was kept which channels were above their limits.
type Repair struct {
	Trial        int      // in what was kept
	Interpolated []string // repaired
	Bad          []string // above their limits, but not among the worst
}

// Apply drops the bad trials of e and repairs the channels above their limits in the others; the trials it changes are copies. The
// channels must be those that were fitted on.
func (r *Rejection) Apply(e *Epochs) ([]Repair, error) {
	for _, c := range r.Channels {
		if c >= len(e.Channels) {
			return nil, fmt.Errorf("the trials have %d channels; the limits were found on more", len(e.Channels))
		}
	}
	repair := repairer{epochs: e, rejection: r, maps: map[string]*signal.Montage{}}
	var repairs []Repair
	var failure error
	before := e.Dropped
	fixed := map[int]*mat.Dense{}
	kept := e.keep(func(i int) bool {
		bad := r.bad(e.Trials[i])
		if float64(len(bad)) >= r.Consensus*float64(len(r.Channels)) {
			e.drop(e.Events[i], TooBad, e.names(bad)...)
			return false
		}
		if len(bad) > 0 {
			worst := r.worst(e.Trials[i], bad, r.Interpolate)
			if len(worst) > 0 && failure == nil {
				fixed[i-(len(e.Dropped)-len(before))], failure = repair.trial(e.Trials[i], worst)
			}
			rest := slices.DeleteFunc(slices.Clone(bad), func(c int) bool { return slices.Contains(worst, c) })
			repairs = append(repairs, Repair{Trial: i - (len(e.Dropped) - len(before)), Interpolated: e.names(worst), Bad: e.names(rest)})
		}
		return true
	})
	if failure == nil && len(kept.Trials) == 0 {
		failure = e.empty("check the channels that are bad most often; a cable or reference may be")
	}
	if failure != nil {
		e.Dropped = before
		return nil, failure
	}
	for i, t := range fixed {
		kept.Trials[i] = t
	}
	*e = *kept
	return repairs, nil
}

func (e *Epochs) names(channels []int) []string {
	var out []string
	for _, c := range channels {
		out = append(out, e.Channels[c].Name)
	}
	return out
}

// repairer interpolates channels and keeps the maps it has made.
type repairer struct {
	epochs    *Epochs
	rejection *Rejection
	maps      map[string]*signal.Montage
}

func (p *repairer) trial(trial *mat.Dense, bad []int) (*mat.Dense, error) {
	e, channels := p.epochs, p.rejection.Channels
	key := fmt.Sprint(bad)
	m, ok := p.maps[key]
	if !ok {
		// Names are the channels' numbers here, as those in a file need not differ.
		var positions [][3]float64
		var names, bads []string
		for _, c := range channels {
			names = append(names, strconv.Itoa(c))
			if slices.Contains(bad, c) {
				bads = append(bads, strconv.Itoa(c))
			}
			if e.Channels[c].Position == nil {
				return nil, fmt.Errorf("channel %s has no position, without which nothing can be interpolated", e.Channels[c].Name)
			}
			positions = append(positions, *e.Channels[c].Position)
		}
		var err error
		if m, err = signal.Interpolation(names, positions, p.rejection.head, bads...); err != nil {
			return nil, err
		}
		p.maps[key] = m
	}
	_, samples := trial.Dims()
	part := mat.NewDense(len(channels), samples, nil)
	for k, c := range channels {
		part.SetRow(k, trial.RawRowView(c))
	}
	whole, err := m.Apply(part)
	if err != nil {
		return nil, err
	}
	out := mat.DenseCopyOf(trial)
	for k, c := range channels {
		if slices.Contains(bad, c) {
			out.SetRow(c, whole.RawRowView(k))
		}
	}
	return out, nil
}
