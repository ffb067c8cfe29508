package dbconformer

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/bids"
)

// datasetTrials cuts trials from the recordings of a BIDS data set, as one set of trials that knows whose each is.
func datasetTrials(path string, r reading) (*trialFile, error) {
	refuse := func(format string, args ...any) (*trialFile, error) {
		return nil, papers.Refuse(fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
	}
	d, err := bids.Open(path)
	if err != nil {
		return nil, err
	}
	files := slices.DeleteFunc(d.Recordings(), func(f bids.File) bool {
		return slices.ContainsFunc(r.files, func(part string) bool { return !named(f, part) })
	})
	if len(files) == 0 {
		suffixes := map[string]int{}
		for _, f := range d.Files {
			suffixes[f.Suffix]++
		}
		which := ""
		if len(r.files) > 0 {
			which = " named " + strings.Join(r.files, " and ")
		}
		return refuse("the data set has no recordings of EEG, MEG or iEEG%s; it has %s", which, countedNames(suffixes))
	}
	var all *trialFile
	var events []recording.Event // of all recordings
	var without []string         // recordings without any of the events
	r.anyEvents = true
	for _, file := range files {
		signals, err := d.Recording(file)
		if err != nil {
			return nil, err
		}
		events = append(events, signals.Events...)
		if !slices.ContainsFunc(signals.Events, func(e recording.Event) bool { return slices.Contains(r.events, e.Label) }) || len(r.events) < 2 {
			without = append(without, file.Path)
			signals.Close()
			continue
		}
		if all != nil && math.Abs(signals.Rate-all.rate) > 1e-3*all.rate {
			signals.Close()
			return refuse("%s is sampled at %g Hz, but the recordings before it at %g Hz: resample them to one rate (--set files= chooses recordings)", file.Path, signals.Rate, all.rate)
		}
		f, err := cutUnchecked(d.File(file), signals, r)
		signals.Close()
		if err != nil {
			return nil, err
		}
		warnings := f.warnings
		if all == nil {
			all, r.pick = f, f.channels
			all.assumed, all.warnings = nil, nil
		} else if err := f.likeUnits(d.File(file), all.channels, all.units); err != nil {
			return nil, papers.Refuse(err)
		} else {
			all.train.trials, all.train.labels = append(all.train.trials, f.train.trials...), append(all.train.labels, f.train.labels...)
		}
		person := slices.Index(all.people, file.Entities["sub"])
		if person < 0 {
			person = len(all.people)
			all.people = append(all.people, file.Entities["sub"])
		}
		for range f.train.trials {
			all.train.people, all.sources = append(all.train.people, person), append(all.sources, file.Path)
		}
		for _, w := range warnings {
			all.warnings = append(all.warnings, file.Path+": "+w)
		}
		for i := range f.units { // one recording that does not say its unit makes all of them doubtful
			if f.units[i] == "" {
				all.units[i] = ""
			}
		}
	}
	if len(events) == 0 {
		return refuse("none of its %d recordings has events, and trials begin at events: events.tsv is missing beside them", len(files))
	}
	if len(r.events) < 2 {
		return refuse("the recordings have the events %s: say which of them begin the trials of which class, at least two, with --set events=LABEL,LABEL", countEvents(events))
	}
	for _, l := range r.events {
		if !slices.ContainsFunc(events, func(e recording.Event) bool { return e.Label == l }) {
			return refuse("no event is called %q; the recordings have %s", l, countEvents(events))
		}
	}
	if all == nil || len(all.train.trials) == 0 {
		return refuse("no trial from %g to %g s lies within a recording", r.from, r.to)
	}
	trials := make([]int, len(all.people))
	for _, p := range all.train.people {
		trials[p]++
	}
	var each []string
	for p, name := range all.people {
		each = append(each, fmt.Sprintf("sub-%s (%d)", name, trials[p]))
	}
	all.assumed = append(all.assumed, fmt.Sprintf("%d trials from %g to %g s around the events %s of %d recordings in %s: %s; %d channels, %g to %g Hz",
		len(all.train.trials), r.from, r.to, strings.Join(r.events, " and "), len(files)-len(without), filepath.Base(path), strings.Join(each, ", "), len(all.channels), all.low, all.high))
	if len(without) > 0 {
		all.assumed = append(all.assumed, fmt.Sprintf("%d recordings without these events are left out, such as %s", len(without), without[0]))
	}
	if len(all.people) == 1 {
		all.people, all.train.people = nil, nil
	}
	return all, all.checkSamples()
}

// named tells whether a file has a part such as task-motor, or eeg, in its name.
func named(f bids.File, part string) bool {
	return f.Suffix == part || strings.Contains(part, "-") && f.Is(part)
}

// countedNames lists names with how often each occurs.
func countedNames(count map[string]int) string {
	var out []string
	for name, n := range count {
		out = append(out, fmt.Sprintf("%d files %s", n, name))
	}
	if len(out) == 0 {
		return "no files of BIDS"
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
