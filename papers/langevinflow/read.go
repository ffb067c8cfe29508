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
	Align     alignment
	Whole     bool // take all trials of a recording together, whatever it sets aside for evaluation
}

// content is what a file of spike counts holds.
type content struct {
	train *Counts // held-in neurons before held-out ones, observed bins before forward ones
	test  *Counts // the part the file sets aside for evaluation, laid out alike; nil if it does not

	// What the file says of how it is to be used, as an export of the Neural Latents Benchmark does; -1 if it says nothing.
	heldOut, forward int
	behaviour        *behaviour // nil if there is none
	note             string     // what the user should know of how the file was read
}

// behaviour is what was recorded beside the spikes, such as hand velocity, in the observed bins.
type behaviour struct {
	train, test []float64 // [trials, observed bins, dims] of content.train and content.test; NaN where nothing was recorded
	dims        int
}

// The tensors of the Neural Latents Benchmark's preprocessing (nlb_tools), after "train_" or "eval_".
const (
	heldInSpikes, heldOutSpikes               = "spikes_heldin", "spikes_heldout"
	heldInForwardSpikes, heldOutForwardSpikes = "spikes_heldin_forward", "spikes_heldout_forward"
	behaviourTensor                           = "behavior"
)

// readCounts reads what a model is trained and scored on, and checks that it can be spike counts.
func readCounts(path string, l layout) (content, error) {
	c, err := readContent(path, l)
	if err != nil {
		return content{}, inFile(path, err)
	}
	for _, part := range []*Counts{c.train, c.test} {
		if part == nil {
			continue
		}
		part.BinMS = l.BinMS
		if err := part.Check(filepath.Base(path)); err != nil {
			return content{}, err
		}
	}
	return c, nil
}

func readContent(path string, l layout) (content, error) {
	plain := content{heldOut: -1, forward: -1}
	format, err := recording.Detect(path)
	switch {
	case err != nil:
		return content{}, err
	case isTable(format, path):
		plain.train, err = readTrialTable(path)
		return plain, err
	case format.Name == "nwb":
		return readNWB(path, l)
	}
	arrays, err := recording.Arrays(path)
	if err != nil {
		return content{}, err
	}
	if l.Array == "" && find(arrays, "train_"+heldInSpikes) != nil {
		return readBenchmark(arrays)
	}
	plain.train, err = pickArray(arrays, l)
	return plain, err
}

// readSeen reads what a trained model is given: the counts of the neurons it reads, and whatever else the array holds. Of an export of
// the benchmark it takes the held-in neurons of the evaluation part, or of the training part if there is no other.
func readSeen(path string, l layout) (*Counts, error) {
	c, err := func() (*Counts, error) {
		format, err := recording.Detect(path)
		if err != nil {
			return nil, err
		} else if isTable(format, path) {
			return readTrialTable(path)
		} else if format.Name == "nwb" {
			l.Whole = true
			c, err := readNWB(path, l)
			return c.train, err
		}
		arrays, err := recording.Arrays(path)
		if err != nil {
			return nil, err
		}
		for _, part := range []string{"eval_", "train_"} {
			if a := find(arrays, part+heldInSpikes); a != nil {
				return counts3D(a)
			}
		}
		return pickArray(arrays, l)
	}()
	if err != nil {
		return nil, inFile(path, err)
	}
	c.BinMS = l.BinMS
	return c, c.Check(filepath.Base(path))
}

func isTable(format recording.Format, path string) bool {
	return format.Name == "table" || strings.HasSuffix(strings.ToLower(path), ".csv")
}

// inFile names the file in an error, unless a reader has done so.
func inFile(path string, err error) error {
	var format *recording.Error
	if errors.As(err, &format) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// few lists the first names of many.
func few(names []string, most int) string {
	if len(names) > most {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

// find returns the array of that name, in whichever group of the file it is; nil if there is none.
func find(arrays []*recording.Array, name string) *recording.Array {
	i := slices.IndexFunc(arrays, func(a *recording.Array) bool { return a.Name[strings.LastIndexByte(a.Name, '/')+1:] == name })
	if i < 0 {
		return nil
	}
	return arrays[i]
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
	if len(seen) == 0 {
		return nil, errors.New("the file holds no array of numbers; export spike counts [trials, bins, neurons] as one")
	}
	if len(fitting) != 1 {
		return nil, fmt.Errorf("found %d arrays that could be spike counts with axes %s, expected 1; it holds %s: name one with --set array=NAME and say its axes with --set axes=A,B,C",
			len(fitting), l.Axes, few(seen, 8))
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

// readBenchmark reads an export of the Neural Latents Benchmark.
func readBenchmark(arrays []*recording.Array) (content, error) {
	c := content{}
	var err error
	if c.train, c.heldOut, c.forward, err = joinPart(arrays, "train_"); err != nil {
		return content{}, err
	}
	if find(arrays, "eval_"+heldInSpikes) != nil {
		test, heldOut, forward, err := joinPart(arrays, "eval_")
		switch {
		case errors.Is(err, errNoHeldOut), err == nil && forward == 0 && c.forward > 0:
			c.note = "the evaluation part of the file lacks the spikes that are to be predicted; the last fifth of the training trials is scored instead"
		case err != nil:
			return content{}, err
		case heldOut != c.heldOut || forward != c.forward || test.Bins != c.train.Bins || test.Neurons != c.train.Neurons:
			return content{}, fmt.Errorf("the evaluation part has %d bins (%d forward) × %d neurons (%d held out), the training part %d (%d) × %d (%d)",
				test.Bins, forward, test.Neurons, heldOut, c.train.Bins, c.forward, c.train.Neurons, c.heldOut)
		default:
			c.test = test
		}
	}
	c.behaviour, err = joinBehaviour(arrays, &c)
	return c, err
}

// joinPart joins held-in and held-out neurons, and observed and forward bins, of the training or the evaluation part.
func joinPart(arrays []*recording.Array, part string) (c *Counts, heldOut, forward int, err error) {
	var parts [4]*Counts
	for i, name := range []string{heldInSpikes, heldOutSpikes, heldInForwardSpikes, heldOutForwardSpikes} {
		if a := find(arrays, part+name); a != nil {
			if parts[i], err = counts3D(a); err != nil {
				return nil, 0, 0, err
			}
		}
	}
	in, out, inForward, outForward := parts[0], parts[1], parts[2], parts[3]
	if out == nil {
		return nil, 0, 0, fmt.Errorf("%w: the file has %s but no %s", errNoHeldOut, part+heldInSpikes, part+heldOutSpikes)
	}
	if (inForward == nil) != (outForward == nil) {
		return nil, 0, 0, fmt.Errorf("of %s and %s only one is there; export both or neither", part+heldInForwardSpikes, part+heldOutForwardSpikes)
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

// joinBehaviour reads the behaviour that belongs to the counts; nil if the file has none.
func joinBehaviour(arrays []*recording.Array, c *content) (*behaviour, error) {
	read := func(part string, counts *Counts) (values []float64, dims int, err error) {
		a := find(arrays, part+behaviourTensor)
		if a == nil || counts == nil {
			return nil, 0, nil
		}
		observed := counts.Bins - c.forward
		if len(a.Dims) != 3 || a.Dims[0] != counts.Trials || a.Dims[1] != observed {
			return nil, 0, fmt.Errorf("tensor %s has shape %s, expected %d trials × %d bins × its dimensions", a.Name, recording.FormatDims(a.Dims), counts.Trials, observed)
		}
		values, err = a.RowMajor().Float64s()
		return values, a.Dims[2], err
	}
	b := &behaviour{}
	var err error
	if b.train, b.dims, err = read("train_", c.train); err != nil || b.dims == 0 {
		return nil, err
	}
	if c.test == nil {
		return b, nil
	}
	var dims int
	if b.test, dims, err = read("eval_", c.test); err != nil {
		return nil, err
	}
	if dims != b.dims {
		c.note = "the file has no behaviour for its evaluation part, so none is decoded"
		return nil, nil
	}
	return b, nil
}

// counts3D takes an array [trials, bins, neurons] as counts.
func counts3D(a *recording.Array) (*Counts, error) {
	if len(a.Dims) != 3 {
		return nil, fmt.Errorf("tensor %s has shape %s, expected [trials, bins, neurons]", a.Name, recording.FormatDims(a.Dims))
	}
	values, err := a.RowMajor().Float32s()
	return &Counts{Trials: a.Dims[0], Bins: a.Dims[1], Neurons: a.Dims[2], Values: values}, err
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
	bins, err := t.Numbers("bin")
	if err != nil {
		return nil, err
	}
	c := &Counts{}
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
	c.Neurons = len(columns)
	first := 0 // row of the trial's first bin
	seen := map[float64]bool{}
	finish := func(end int) error {
		switch n := end - first; {
		case len(c.Numbers) == 0:
			c.Bins = n
		case n != c.Bins:
			return fmt.Errorf("trial %g has %d bins, the first has %d: trials must be equally long (cut or pad them)", trials[first], n, c.Bins)
		}
		c.Numbers = append(c.Numbers, trials[first])
		first = end
		return nil
	}
	for row, trial := range trials {
		if math.IsNaN(trial) || math.IsNaN(bins[row]) {
			return nil, fmt.Errorf("row %d has no number of its trial or bin", row+1)
		}
		if trial != trials[first] {
			if err := finish(row); err != nil {
				return nil, err
			}
		}
		switch {
		case row == first && seen[trial]:
			return nil, fmt.Errorf("row %d belongs to trial %g, which ended before: sort the rows by trial and bin", row+1, trial)
		case row == first && bins[row] != bins[0]:
			return nil, fmt.Errorf("trial %g begins with bin %g, the first trial with bin %g", trial, bins[row], bins[0])
		case row > first && bins[row] != bins[row-1]+1:
			return nil, fmt.Errorf("row %d is bin %g of trial %g after bin %g: rows must be sorted by bin, and no bin may be missing or twice", row+1, bins[row], trial, bins[row-1])
		}
		seen[trial] = true
		for _, col := range columns {
			c.Values = append(c.Values, float32(col[row]))
		}
	}
	if err := finish(len(trials)); err != nil {
		return nil, err
	}
	c.Trials, c.FirstBin = len(c.Numbers), bins[0]
	return c, nil
}
