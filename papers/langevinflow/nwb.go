package langevinflow

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
	"github.com/gyrus-dev/gyrus/recording/nwb"
)

// alignment says how a recording of spike times is cut into trials.
type alignment struct {
	Event    string  // TABLE/COLUMN of the recording's intervals that holds the time of each trial's event
	From, To float64 // the observed bins, in milliseconds from the event
}

// What the Neural Latents Benchmark does with MC_Maze (nlb_tools): 200 ms are predicted after what is observed, and the hand's velocity is
// decoded from the rates of 100 ms before.
const (
	benchmarkForwardMS = 200
	benchmarkLagMS     = 100
	unitsTable         = "/units"
	intervals          = "/intervals/"
	handVelocity       = "/processing/behavior/hand_vel"
)

// maxCounts bounds what a recording is binned into, so that a slip in the alignment does not exhaust the memory.
const maxCounts = 1 << 28

// readNWB bins the spike times of a Neurodata Without Borders file around an event of each trial. Bins start at the event itself. If the units
// have a column heldout, the file is taken for one of the benchmark: those units are held out, forward bins follow the observed ones, and the
// trials whose column split says val are for evaluation.
func readNWB(path string, l layout) (content, error) {
	f, err := nwb.Open(path)
	if err != nil {
		return content{}, err
	}
	defer f.Close()
	if l.BinMS <= 0 {
		return content{}, errors.New("spike times need a bin width")
	}
	observed := int(math.Round((l.Align.To - l.Align.From) / l.BinMS))
	if observed < 1 {
		return content{}, fmt.Errorf("from %g to %g ms there is no bin of %g ms (--set align-from=... and align-to=...)", l.Align.From, l.Align.To, l.BinMS)
	}
	spikes, err := f.SpikeTimes()
	if err != nil {
		return content{}, err
	}
	if len(spikes) == 0 {
		return content{}, errors.New("the recording has no units, so no spikes")
	}
	for i, times := range spikes {
		slices.Sort(times)
		if slices.ContainsFunc(times, func(t float64) bool { return math.IsNaN(t) }) {
			return content{}, fmt.Errorf("the spike times of unit %d (counted from 0) are not all numbers", i)
		}
	}
	units, err := f.Table(unitsTable)
	if err != nil {
		return content{}, err
	}
	c := content{heldOut: -1, forward: -1}
	bins := observed
	if units.Has("heldout") {
		column, err := units.Column("heldout")
		if err != nil {
			return content{}, err
		}
		flags, err := column.Float64s()
		if err != nil {
			return content{}, err
		}
		if len(flags) != len(spikes) {
			return content{}, fmt.Errorf("%s/heldout has %d values for %d units", unitsTable, len(flags), len(spikes))
		}
		var in, out [][]float64
		for i, held := range flags {
			if held != 0 {
				out = append(out, spikes[i])
			} else {
				in = append(in, spikes[i])
			}
		}
		spikes, c.heldOut, c.forward = append(in, out...), len(out), int(math.Round(benchmarkForwardMS/l.BinMS))
		bins += c.forward
	}
	train, test, err := events(f, l.Align.Event, l.Whole)
	if err != nil {
		return content{}, err
	}
	if n := float64(len(train)+len(test)) * float64(bins) * float64(len(spikes)); n > maxCounts {
		return content{}, fmt.Errorf("%d trials × %d bins × %d units are %.3g counts, more than the %d this reads at once", len(train)+len(test), bins, len(spikes), n, maxCounts)
	}
	bin := func(events []float64) *Counts {
		out := &Counts{Trials: len(events), Bins: bins, Neurons: len(spikes), Values: make([]float32, len(events)*bins*len(spikes))}
		for k, event := range events {
			for n, times := range spikes {
				// A spike at the edge of two bins belongs to the later one, whatever rounding makes of the edge.
				start := event + l.Align.From/1000 - 1e-9
				first, _ := slices.BinarySearch(times, start)
				for _, t := range times[first:] {
					b := (t - start) * 1000 / l.BinMS
					if !(b < float64(bins)) {
						break
					}
					out.Values[(k*bins+int(b))*len(spikes)+n]++
				}
			}
		}
		return out
	}
	c.train = bin(train)
	if len(test) > 0 {
		c.test = bin(test)
	}
	if c.heldOut >= 0 && slices.Contains(f.SeriesPaths(), handVelocity) {
		if c.behaviour, err = velocity(f, train, test, observed, l); err != nil {
			return content{}, err
		}
	}
	return c, nil
}

// events returns the time of every trial's event in seconds, for training and, if the table has a column split and not all are asked for
// together, for evaluation. Trials without the event are left out.
func events(f *nwb.File, name string, whole bool) (train, test []float64, err error) {
	table, event, ok := strings.Cut(name, "/")
	if !ok {
		return nil, nil, fmt.Errorf("event %q is not of the form TABLE/COLUMN, such as trials/move_onset_time", name)
	}
	trials, err := f.Table(intervals + table)
	if err != nil || !trials.Has(event) {
		return nil, nil, fmt.Errorf("the recording has no event %q; it has %s: name one with --set align=TABLE/COLUMN", name, few(eventNames(f), 20))
	}
	column, err := trials.Column(event)
	if err != nil {
		return nil, nil, err
	}
	times, err := column.Float64s()
	if err != nil {
		return nil, nil, err
	}
	var split []string
	if trials.Has("split") && !whole {
		if column, err = trials.Column("split"); err != nil {
			return nil, nil, err
		}
		if split, err = column.Strings(); err != nil {
			return nil, nil, err
		}
		if len(split) != len(times) {
			return nil, nil, fmt.Errorf("column split of %s has %d values for %d trials", table, len(split), len(times))
		}
	}
	for i, t := range times {
		switch {
		case math.IsNaN(t) || math.IsInf(t, 0):
		case split == nil || split[i] == "train":
			train = append(train, t)
		case split[i] == "val":
			test = append(test, t)
		}
	}
	return train, test, nil
}

// eventNames lists the columns of times of all tables of intervals.
func eventNames(f *nwb.File) (names []string) {
	for _, path := range f.Tables() {
		table, ok := strings.CutPrefix(path, intervals)
		if !ok {
			continue
		}
		t, err := f.Table(path)
		if err != nil {
			continue
		}
		for _, c := range t.Columns {
			if strings.HasSuffix(c.Name, "_time") {
				names = append(names, table+"/"+c.Name)
			}
		}
	}
	if names == nil {
		return []string{"no table of intervals"}
	}
	return names
}

// velocity returns the mean hand velocity of every observed bin, taken the benchmark's lag after the bin.
func velocity(f *nwb.File, train, test []float64, observed int, l layout) (*behaviour, error) {
	series, err := f.Series(handVelocity)
	if err != nil {
		return nil, err
	}
	a, err := series.Read(hdf5.Slab{})
	if err != nil {
		return nil, err
	}
	if len(a.Dims) != 2 {
		return nil, fmt.Errorf("%s has shape %s, expected [samples, dimensions]", handVelocity, recording.FormatDims(a.Dims))
	}
	values, err := a.RowMajor().Float64s()
	if err != nil {
		return nil, err
	}
	times, err := series.Timestamps()
	if err != nil {
		return nil, err
	}
	if len(times) != a.Dims[0] || !slices.IsSorted(times) {
		return nil, fmt.Errorf("%s: %d times for %d samples (ascending: %v); expected one for each, ascending", handVelocity, len(times), a.Dims[0], slices.IsSorted(times))
	}
	b := &behaviour{dims: a.Dims[1]}
	bin := func(events []float64) (out []float64) {
		for _, event := range events {
			for t := range observed {
				start := event + (l.Align.From+benchmarkLagMS+float64(t)*l.BinMS)/1000 - 1e-9
				i, _ := slices.BinarySearch(times, start)
				sum, n := make([]float64, b.dims), 0.0
				for ; i < len(times) && times[i] < start+l.BinMS/1000; i++ {
					row := values[i*b.dims : (i+1)*b.dims]
					if slices.ContainsFunc(row, func(v float64) bool { return math.IsNaN(v) }) {
						continue
					}
					n++
					for k, v := range row {
						sum[k] += v
					}
				}
				for _, v := range sum {
					out = append(out, v/n) // NaN where there is no sample
				}
			}
		}
		return out
	}
	b.train, b.test = bin(train), bin(test)
	return b, nil
}
