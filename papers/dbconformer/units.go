package dbconformer

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
)

// convert brings signals, channels by samples, from the file's units to those of the model they are for, or voltages to microvolts in
// training, so that what is trained on volts and on microvolts is the same. Units that are not known stay.
func (f *trialFile) convert(path string, r reading, signals []*mat.Dense) error {
	for c, have := range f.units {
		if r.unit != "" {
			have = r.unit
		}
		have = recording.Unit(have)
		want := have
		switch _, voltage := recording.UnitScale(have, "uV"); {
		case r.as == nil && voltage:
			want = "uV"
		case r.as != nil && c < len(r.as.Units) && have != "" && r.as.Units[c] != "":
			want = r.as.Units[c]
		}
		f.units[c] = want
		if have == want {
			continue
		}
		factor, ok := recording.UnitScale(have, want)
		if !ok {
			return fmt.Errorf("%schannel %s is in %s, but the network was trained on %s, which is another quantity", prefix(path), f.channels[c], have, want)
		}
		for _, x := range signals {
			floats.Scale(factor, x.RawRowView(c))
		}
	}
	return nil
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// order brings the channels into the order of names, if they are the same ones.
func (f *trialFile) order(names []string) {
	if len(names) != len(f.channels) || slices.Equal(names, f.channels) {
		return
	}
	from := make([]int, len(names))
	for i, name := range names {
		if from[i] = slices.IndexFunc(f.channels, func(c string) bool { return strings.EqualFold(plainName(c), plainName(name)) }); from[i] < 0 {
			return
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(from)))) != len(from) { // a name twice
		return
	}
	units := slices.Clone(f.units)
	for i, k := range from {
		f.units[i] = units[k]
	}
	for _, x := range slices.Concat(f.train.trials, f.test.trials) {
		old := mat.DenseCopyOf(x)
		for i, k := range from {
			x.SetRow(i, old.RawRowView(k))
		}
	}
	f.channels = slices.Clone(names)
	f.assumed = append(f.assumed, "the channels are put into the order of the training")
}

// likeUnits refuses units of another quantity than the training's.
func (f *trialFile) likeUnits(path string, channels, units []string) error {
	for c, u := range units {
		if u != "" && f.units[c] != "" && u != f.units[c] {
			return fmt.Errorf("%s: channel %s is in %s, but in training it was in %s", path, channels[c], f.units[c], u)
		}
	}
	return nil
}

// unlike is how many times larger or smaller than in training amplitudes must be to be taken for another unit: less than the thousand
// between millivolts and microvolts, more than what tells one person or amplifier from another.
const unlike = 300

// judgeAmplitude compares the amplitude of trials with the training's. If it is another by orders of magnitude, the trials are refused where
// the unit is not known on both sides, and a warning is given where it is.
func (f *trialFile) judgeAmplitude(path string, units []string, training session, trials []*mat.Dense) error {
	var sizes []float64
	for _, x := range trials {
		sizes = append(sizes, amplitudeOf(x))
	}
	slices.Sort(sizes)
	ratio := sizes[len(sizes)/2] / training.amplitude()
	here, there := unitOf(f.units), unitOf(units)
	known := here != "" && there != ""
	far := ratio > unlike || ratio < 1.0/unlike
	says := fmt.Sprintf("the amplitude of its trials is %.3g times that of the training's", ratio)
	switch {
	case math.IsNaN(ratio):
		return nil
	case far && !known:
		return fmt.Errorf("%s: %s, and %s: it seems to be in another unit; convert it, or give a file that says its unit", path, says, notKnown(here, there))
	case far:
		f.warnings = append(f.warnings, says+", though both are in "+here+": are these the electrodes and the amplifier of the training?")
	case !known:
		f.assumed = append(f.assumed, notKnown(here, there)+": taken to be the same, as the amplitudes allow")
	}
	return nil
}

// notKnown says whose unit is not known.
func notKnown(here, there string) string {
	switch {
	case here == "" && there == "":
		return "neither the file nor the model says its unit"
	case here == "":
		return "the file does not say its unit (the model was trained on " + there + ")"
	}
	return "the model does not say the unit it was trained on (the file is in " + here + ")"
}

// unitOf is the units of all channels, one after the other where they differ; empty if one of them is not known.
func unitOf(units []string) string {
	distinct := slices.Compact(slices.Sorted(slices.Values(units)))
	if slices.Contains(distinct, "") {
		return ""
	}
	return strings.Join(distinct, " and ")
}
