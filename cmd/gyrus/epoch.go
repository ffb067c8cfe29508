package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/export"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/signal/epoch"
)

// epochLine is what gyrus epoch --json prints.
type epochLine struct {
	File    string         `json:"file"`
	Trials  int            `json:"trials"`
	Classes map[string]int `json:"classes"`
	Samples int            `json:"samples"`
	Dropped map[string]int `json:"dropped,omitempty"` // by reason
}

func epochCommand() *cobra.Command {
	var labels, reject, channels []string
	var tmin, tmax float64
	var baseline, out string
	var overwrite, asJSON bool
	cmd := &cobra.Command{
		Use:   "epoch FILE --event LABEL --tmin SECONDS --tmax SECONDS --out FILE.npz",
		Short: "Cut a recording into trials around events",
		Long: `Cut a recording into trials around events and write them as NumPy arrays that a paper's --data takes:

  data       trials x channels x samples, float32, in the units of the recording
  labels     class of each trial, by number; classes has their names
  channels, types, units, rate, times (seconds after the event), onset (seconds after the recording's beginning)

Trials that are not wholly recorded, cross a gap or hold values that are not finite are left out, as are those that --reject refuses: 100uV
is the most that a channel's largest less smallest sample may be, of EEG channels or of the types named (eeg=100uV,eog=250uV).
Filter the recording first (gyrus filter), not the trials.`,
		Example: `  gyrus epoch clean.bdf --event T1 --event T2 --tmin -0.2 --tmax 0.8 --baseline -0.2,0 --reject 100uV --out trials.npz
  gyrus run dbconformer/recording --data trials.npz`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := outAsked(out, overwrite); err != nil {
				return err
			}
			if extension(out) != ".npz" {
				return asked("--out %s: trials are written as .npz", out)
			}
			if !(tmin < tmax) {
				return asked("--tmin %g and --tmax %g: a trial must begin before it ends", tmin, tmax)
			}
			r, err := openRecording(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			if len(r.Events) == 0 {
				return asked("%s holds no events; gyrus inspect says what it does hold", args[0])
			}
			known := map[string]int{}
			for _, e := range r.Events {
				known[e.Label]++
			}
			for _, l := range labels {
				if known[l] == 0 {
					return asked("no event is called %q; there are %s", l, listed(known))
				}
			}
			chosen, err := chosenChannels(r, channels)
			if err != nil {
				return err
			}
			e, err := epoch.Cut(r, epoch.Window{From: tmin, To: tmax}, labels...)
			if err != nil {
				return &runner.UsageError{Err: err}
			}
			if baseline != "" {
				from, to, ok := twoNumbers(baseline)
				if !ok || from < tmin || to > tmax || from > to {
					return asked("--baseline %s: write two times within the trial, such as -0.2,0", baseline)
				}
				if err := e.Baseline(from, to); err != nil {
					return &runner.UsageError{Err: err}
				}
			}
			if len(reject) > 0 {
				limits, err := parseLimits(reject, r.Channels, chosen)
				if err != nil {
					return err
				}
				if err := e.Reject(limits); err != nil {
					return &runner.UsageError{Err: err}
				}
			}
			if len(labels) == 0 {
				for _, v := range e.Events {
					if !slices.Contains(labels, v.Label) {
						labels = append(labels, v.Label)
					}
				}
				slices.Sort(labels)
			}
			arrays, err := trialArrays(e, chosen, labels)
			if err != nil {
				return err
			}
			if err := export.Arrays(out, arrays, export.Options{Overwrite: overwrite}); err != nil {
				return err
			}
			line := epochLine{File: out, Trials: len(e.Trials), Classes: map[string]int{}, Samples: e.Samples(), Dropped: map[string]int{}}
			for _, v := range e.Events {
				line.Classes[v.Label]++
			}
			for _, d := range e.Dropped {
				line.Dropped[string(d.Reason)]++
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), line)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s: %d trials (%s) of %d channels x %d samples, %g to %g s\n", out, line.Trials, listed(line.Classes), len(chosen), line.Samples, tmin, tmax)
			if len(e.Dropped) > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "Left out: %s\n", listed(line.Dropped))
				worst := map[string]int{}
				for _, d := range e.Dropped {
					for _, c := range d.Channels {
						worst[c]++
					}
				}
				if len(worst) > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "because of: %s\n", listed(worst))
				}
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&labels, "event", nil, "label of the events to cut around; give it once for each class. All if none")
	cmd.Flags().Float64Var(&tmin, "tmin", -0.2, "seconds from the event to a trial's first sample")
	cmd.Flags().Float64Var(&tmax, "tmax", 0.8, "seconds from the event to a trial's last sample")
	cmd.Flags().StringVar(&baseline, "baseline", "", "two times whose mean is subtracted, such as -0.2,0")
	cmd.Flags().StringSliceVar(&reject, "reject", nil, "the most a channel may range, such as 100uV or eeg=100uV,eog=250uV")
	cmd.Flags().StringSliceVar(&channels, "channels", nil, "names or types of the channels to write")
	outFlags(cmd, &out, &overwrite, ".npz")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	cmd.RegisterFlagCompletionFunc("event", func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		r, err := openRecording(cmd.Context(), args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer r.Close()
		var out []string
		for _, e := range r.Events {
			if !slices.Contains(out, e.Label) {
				out = append(out, e.Label)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// listed writes counts of things, the most frequent first.
func listed(count map[string]int) string {
	var names []string
	for n := range count {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for i, n := range names {
		if i == 12 {
			parts = append(parts, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%d %s", count[n], n))
	}
	return strings.Join(parts, ", ")
}

func twoNumbers(text string) (a, b float64, ok bool) {
	before, after, found := strings.Cut(text, ",")
	a, err1 := strconv.ParseFloat(strings.TrimSpace(before), 64)
	b, err2 := strconv.ParseFloat(strings.TrimSpace(after), 64)
	return a, b, found && err1 == nil && err2 == nil
}

// parseLimits reads 100uV or eeg=100uV into limits in the units of the channels.
func parseLimits(texts []string, all []recording.Channel, chosen []int) (epoch.Limits, error) {
	limits := epoch.Limits{}
	for _, text := range texts {
		kind, amount, named := strings.Cut(text, "=")
		if !named {
			kind, amount = "eeg", text
			if !slices.ContainsFunc(all, func(c recording.Channel) bool { return c.Type == "eeg" }) {
				kind = all[chosen[0]].Type // a file that does not say what its channels are
			}
		}
		digits := strings.TrimRightFunc(amount, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		value, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || !(value > 0) || math.IsInf(value, 0) {
			return nil, asked("--reject %s: write an amplitude with its unit, such as 100uV, or eeg=100uV", text)
		}
		unit := strings.TrimSpace(amount[len(digits):])
		i := slices.IndexFunc(all, func(c recording.Channel) bool { return c.Type == kind })
		if i < 0 {
			return nil, asked("--reject %s: there is no channel of type %q", text, kind)
		}
		have := all[i].Unit
		if unit != "" && unit != have {
			factor, ok := recording.UnitScale(unit, have)
			if !ok {
				return nil, asked("--reject %s: the channels are in %q; give the limit in that unit", text, have)
			}
			value *= factor
		}
		limits[kind] = epoch.Limit{Most: value}
	}
	return limits, nil
}

// trialArrays are the arrays of a file of trials.
func trialArrays(e *epoch.Epochs, channels []int, classes []string) ([]*recording.Array, error) {
	samples := e.Samples()
	data := make([]float32, 0, len(e.Trials)*len(channels)*samples)
	var onsets []float64
	for i, t := range e.Trials {
		for _, c := range channels {
			for _, v := range t.RawRowView(c) {
				data = append(data, float32(v))
			}
		}
		onsets = append(onsets, e.Events[i].Onset)
	}
	numbers, err := e.Classes(classes...)
	if err != nil {
		return nil, err
	}
	labels := make([]int64, len(numbers))
	for i, n := range numbers {
		labels[i] = int64(n)
	}
	var names, types, units []string
	for _, c := range channels {
		names, types, units = append(names, e.Channels[c].Name), append(types, e.Channels[c].Type), append(units, e.Channels[c].Unit)
	}
	return []*recording.Array{
		{Name: "data", Dims: []int{len(e.Trials), len(channels), samples}, Data: data},
		{Name: "labels", Dims: []int{len(labels)}, Data: labels},
		{Name: "classes", Dims: []int{len(classes)}, Data: classes},
		{Name: "channels", Dims: []int{len(names)}, Data: names},
		{Name: "types", Dims: []int{len(types)}, Data: types},
		{Name: "units", Dims: []int{len(units)}, Data: units},
		{Name: "rate", Data: []float64{e.Rate}},
		{Name: "times", Dims: []int{samples}, Data: e.Times()},
		{Name: "onset", Dims: []int{len(onsets)}, Data: onsets},
	}, nil
}
