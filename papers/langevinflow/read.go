package langevinflow

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/table"

	_ "github.com/gyrus-dev/gyrus/recording/all" // every format a lab may keep counts in
)

// layout says how to find spike counts in a file.
type layout struct {
	Array     string  // name of the array; empty for the only one that fits
	Axes      string  // what its axes are, first index first: "trials,bins,neurons" in any order, or "bins,neurons"
	TrialBins int     // where the file is one long stretch: cut it into trials of this many bins
	BinMS     float64 // bin width of the data; 0 if unknown
}

// nlbParts are the tensors of the Neural Latents Benchmark's training block in the order their neurons are joined.
const (
	nlbHeldIn, nlbHeldOut               = "train_spikes_heldin", "train_spikes_heldout"
	nlbHeldInForward, nlbHeldOutForward = "train_spikes_heldin_forward", "train_spikes_heldout_forward"
)

// readCounts reads spike counts and checks that they can be ones. heldOut and forward are the sizes the file itself states, as an
// export of the Neural Latents Benchmark does; -1 otherwise.
func readCounts(path string, l layout) (c *Counts, heldOut, forward int, err error) {
	heldOut, forward = -1, -1
	format, err := recording.Detect(path)
	if err != nil {
		return nil, 0, 0, err
	}
	if format.Name == "table" || strings.HasSuffix(strings.ToLower(path), ".csv") {
		c, err = readTrialTable(path)
	} else {
		var arrays []*recording.Array
		if arrays, err = recording.Arrays(path); err != nil {
			return nil, 0, 0, err
		}
		if i := slices.IndexFunc(arrays, func(a *recording.Array) bool { return a.Name == nlbHeldIn }); i >= 0 && l.Array == "" {
			c, heldOut, forward, err = joinNLB(arrays)
		} else {
			c, err = pickArray(arrays, l)
		}
	}
	if err != nil {
		return nil, 0, 0, fmt.Errorf("%s: %w", path, err)
	}
	c.BinMS = l.BinMS
	return c, heldOut, forward, c.Check(filepath.Base(path))
}

// pickArray takes the named array, or the only numeric one with the right number of axes.
func pickArray(arrays []*recording.Array, l layout) (*Counts, error) {
	axes := strings.Split(l.Axes, ",")
	var fitting []*recording.Array
	var seen []string
	for _, a := range arrays {
		if _, text := a.Data.([]string); text {
			continue
		}
		seen = append(seen, a.String())
		if l.Array == "" && len(a.Dims) == len(axes) && a.Len() > 1 && slices.Min(a.Dims) > 1 || l.Array != "" && a.Name == l.Array {
			fitting = append(fitting, a)
		}
	}
	if len(fitting) != 1 {
		return nil, fmt.Errorf("found %d arrays that could be spike counts with axes %s, expected 1; it holds %s: name one with --set array=NAME and say its axes with --set axes=A,B,C",
			len(fitting), l.Axes, strings.Join(seen, ", "))
	}
	a := fitting[0]
	want := []string{"trials", "bins", "neurons"}
	if len(axes) == 2 {
		want = want[1:]
	}
	var order []int
	for _, w := range want {
		i := slices.Index(axes, w)
		if i < 0 || len(a.Dims) != len(axes) {
			return nil, fmt.Errorf("array %s does not have the axes %q; give %s in the file's order with --set axes=A,B,C", a, l.Axes, strings.Join(want, ","))
		}
		order = append(order, i)
	}
	a, err := a.Permute(order...)
	if err != nil {
		return nil, err
	}
	values, err := a.RowMajor().Float32s()
	if err != nil {
		return nil, err
	}
	if len(want) == 3 {
		return &Counts{Trials: a.Dims[0], Bins: a.Dims[1], Neurons: a.Dims[2], Values: values}, nil
	}
	trials := a.Dims[0] / l.TrialBins
	if trials < 1 {
		return nil, fmt.Errorf("array %s has %d bins, fewer than one trial of %d (--set trial-bins=...)", a.Name, a.Dims[0], l.TrialBins)
	}
	return &Counts{Trials: trials, Bins: l.TrialBins, Neurons: a.Dims[1], Values: values[:trials*l.TrialBins*a.Dims[1]]}, nil
}

// joinNLB joins held-in and held-out neurons, and observed and forward bins, of a Neural Latents Benchmark export.
func joinNLB(arrays []*recording.Array) (c *Counts, heldOut, forward int, err error) {
	block := func(name string) (*Counts, error) {
		i := slices.IndexFunc(arrays, func(a *recording.Array) bool { return a.Name == name })
		if i < 0 {
			return nil, nil
		}
		a := arrays[i]
		if len(a.Dims) != 3 {
			return nil, fmt.Errorf("tensor %s has shape %s, expected [trials, bins, neurons]", name, recording.FormatDims(a.Dims))
		}
		values, err := a.RowMajor().Float32s()
		return &Counts{Trials: a.Dims[0], Bins: a.Dims[1], Neurons: a.Dims[2], Values: values}, err
	}
	var parts [4]*Counts
	for i, name := range []string{nlbHeldIn, nlbHeldOut, nlbHeldInForward, nlbHeldOutForward} {
		if parts[i], err = block(name); err != nil {
			return nil, 0, 0, err
		}
	}
	in, out, inForward, outForward := parts[0], parts[1], parts[2], parts[3]
	if out == nil {
		return nil, 0, 0, fmt.Errorf("%w: the file has %s but no %s", errNoHeldOut, nlbHeldIn, nlbHeldOut)
	}
	if (inForward == nil) != (outForward == nil) {
		return nil, 0, 0, errors.New("of the two forward tensors only one is there; export both or neither")
	}
	observed, err := beside(in, out)
	if err != nil || inForward == nil {
		return observed, out.Neurons, 0, err
	}
	later, err := beside(inForward, outForward)
	if err != nil {
		return nil, 0, 0, err
	}
	if later.Trials != observed.Trials || later.Neurons != observed.Neurons {
		return nil, 0, 0, fmt.Errorf("the forward tensors hold %d trials × %d neurons, the observed ones %d × %d",
			later.Trials, later.Neurons, observed.Trials, observed.Neurons)
	}
	c = &Counts{Trials: observed.Trials, Bins: observed.Bins + later.Bins, Neurons: observed.Neurons}
	for k := range c.Trials {
		c.Values = append(append(c.Values, observed.trial(k)...), later.trial(k)...)
	}
	return c, out.Neurons, later.Bins, nil
}

// beside joins the neurons of two blocks of the same trials and bins.
func beside(a, b *Counts) (*Counts, error) {
	if a.Trials != b.Trials || a.Bins != b.Bins {
		return nil, fmt.Errorf("held-in neurons have %d trials × %d bins, held-out ones %d × %d", a.Trials, a.Bins, b.Trials, b.Bins)
	}
	c := &Counts{Trials: a.Trials, Bins: a.Bins, Neurons: a.Neurons + b.Neurons}
	for row := range a.Trials * a.Bins {
		c.Values = append(c.Values, a.Values[row*a.Neurons:(row+1)*a.Neurons]...)
		c.Values = append(c.Values, b.Values[row*b.Neurons:(row+1)*b.Neurons]...)
	}
	return c, nil
}

// readTrialTable reads a text table with a column "trial", a column "bin", and a column of counts for each neuron, sorted by trial and bin.
func readTrialTable(path string) (*Counts, error) {
	t, err := table.ReadFile(path)
	if err != nil {
		return nil, err
	}
	trials, err := t.Numbers("trial")
	if err != nil {
		return nil, err
	}
	if _, err := t.Numbers("bin"); err != nil {
		return nil, err
	}
	var columns [][]float64
	for _, col := range t.Columns {
		if col.Name == "trial" || col.Name == "bin" {
			continue
		}
		values, err := t.Numbers(col.Name)
		if err != nil {
			return nil, err
		}
		columns = append(columns, values)
	}
	if len(columns) == 0 || len(trials) == 0 {
		return nil, errors.New("the table has no neuron columns beside trial and bin, or no rows")
	}
	c := &Counts{Neurons: len(columns)}
	first, length := 0, 0
	finish := func(end int) error {
		c.Trials++
		if n := end - first; c.Trials == 1 {
			length = n
		} else if n != length {
			return fmt.Errorf("trial %g has %d bins, the first has %d: trials must be equally long (cut or pad them)", trials[first], n, length)
		}
		first = end
		return nil
	}
	for row := range trials {
		if math.IsNaN(trials[row]) {
			return nil, fmt.Errorf("row %d has no trial number", row+1)
		}
		if trials[row] != trials[first] {
			if err := finish(row); err != nil {
				return nil, err
			}
		}
		for _, col := range columns {
			c.Values = append(c.Values, float32(col[row]))
		}
	}
	if err := finish(len(trials)); err != nil {
		return nil, err
	}
	c.Bins = length
	return c, nil
}
