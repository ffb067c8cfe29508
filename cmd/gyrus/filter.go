package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/inspection"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/export"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/lazy"
)

func filterCommand() *cobra.Command {
	var band, method, out string
	var notch []float64
	var channels []string
	var order int
	var causal, overwrite, asJSON bool
	cmd := &cobra.Command{
		Use:   "filter FILE --band LOW-HIGH --out FILE",
		Short: "Filter a recording into a new file",
		Long: `Filter a recording into a new file (.edf, .bdf, .npz, .csv), without phase shift unless --causal is given. It is filtered
while it is read, in memory that does not depend on its length; nothing is filtered across a gap. Events, units and names stay.

FIR filters follow MNE-Python's rules (Hamming window, transitions of a quarter of the edge, 2 Hz at least); their gain is 1 at the edges.
IIR filters are Butterworth's of the order that --order says; run both ways their gain at the edges is 1/2, causally 1/√2.

All channels are filtered but triggers and those of types misc, temperature and the like; --channels takes names or types.`,
		Example: `  gyrus filter subject01.edf --band 8-30 --notch 50 --out clean.bdf
  gyrus filter subject01.edf --band 1- --out highpassed.bdf        # above 1 Hz
  gyrus filter subject01.edf --band 8-30 --method iir --causal --out live.bdf`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRecording(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			if err := outAsked(out, overwrite); err != nil {
				return err
			}
			if band == "" && len(notch) == 0 {
				return asked("a filter needs --band, --notch or both")
			}
			if !(r.Rate > 0) {
				return asked("%s does not say its sampling rate, which a filter needs", args[0])
			}
			chosen, err := chosenChannels(r, channels)
			if err != nil {
				return err
			}
			var done []string
			add := func(f signal.Filter, what string) error {
				if fir, ok := f.(signal.FIR); ok {
					what += fmt.Sprintf(", FIR of %d taps (%.3g s)", len(fir), float64(len(fir))/r.Rate)
				} else {
					what += ", IIR"
				}
				if causal {
					what += ", causal"
				}
				done = append(done, what)
				next, err := lazy.Filter(r, f, lazy.Options{Channels: chosen, Causal: causal})
				if err != nil {
					return &runner.UsageError{Err: err}
				}
				r = next
				return nil
			}
			if band != "" {
				low, high, err := parseBand(band)
				if err != nil {
					return err
				}
				f, err := bandFilter(method, order, low, high, r.Rate)
				if err != nil {
					return &runner.UsageError{Err: err}
				}
				if err := add(f, "band "+band+" Hz"); err != nil {
					return err
				}
			}
			if len(notch) > 0 {
				f, err := notchFilter(method, notch, r.Rate)
				if err != nil {
					return &runner.UsageError{Err: err}
				}
				if err := add(f, "notch "+strings.Trim(fmt.Sprint(notch), "[]")+" Hz"); err != nil {
					return err
				}
			}
			if err := export.Recording(out, r, export.Options{Overwrite: overwrite}); err != nil {
				return err
			}
			return wrote(cmd, asJSON, written{File: out, Channels: len(r.Channels), Filtered: len(chosen), Frames: r.Frames, Rate: r.Rate, Events: len(r.Events), Did: done, Lost: export.TypesLost(out, r, export.Options{})})
		},
	}
	cmd.Flags().StringVar(&band, "band", "", "what passes, in Hz: 8-30, 1- (above 1 Hz) or -40 (below)")
	cmd.Flags().Float64SliceVar(&notch, "notch", nil, "frequencies to remove, such as 50,100")
	cmd.Flags().StringVar(&method, "method", "fir", "fir or iir")
	cmd.Flags().IntVar(&order, "order", 4, "of a Butterworth filter (--method iir)")
	cmd.Flags().BoolVar(&causal, "causal", false, "filter as a live decoder would, with the filter's delay")
	cmd.Flags().StringSliceVar(&channels, "channels", nil, "names or types of the channels to filter")
	outFlags(cmd, &out, &overwrite, export.Endings...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	completeWords(cmd, "method", "fir", "iir")
	return cmd
}

func bandFilter(method string, order int, low, high, rate float64) (signal.Filter, error) {
	switch method {
	case "fir":
		return signal.FIRDesign{Low: low, High: high}.Design(rate)
	case "iir":
		switch {
		case high == 0:
			return signal.HighPass(order, low, rate)
		case low == 0:
			return signal.LowPass(order, high, rate)
		}
		return signal.BandPass(order, low, high, rate)
	}
	return nil, fmt.Errorf("--method %q, expected fir or iir", method)
}

func notchFilter(method string, frequencies []float64, rate float64) (signal.Filter, error) {
	switch method {
	case "fir":
		return signal.FIRNotch(rate, frequencies...)
	case "iir":
		var all signal.Sections
		for _, f := range frequencies {
			s, err := signal.Notch(f, 30, rate)
			if err != nil {
				return nil, err
			}
			all = append(all, s...)
		}
		return all, nil
	}
	return nil, fmt.Errorf("--method %q, expected fir or iir", method)
}

// parseBand reads 8-30, 1- or -40; an edge that is not given is 0.
func parseBand(text string) (low, high float64, err error) {
	before, after, found := strings.Cut(text, "-")
	number := func(s string) float64 {
		if s = strings.TrimSpace(s); s == "" {
			return 0
		}
		v, bad := strconv.ParseFloat(s, 64)
		if bad != nil || !(v > 0) || math.IsInf(v, 0) {
			found = false
		}
		return v
	}
	low, high = number(before), number(after)
	if !found || low == 0 && high == 0 || high != 0 && low >= high {
		return 0, 0, asked("--band %q: write 8-30 for a band, 1- for all above 1 Hz, -40 for all below 40 Hz", text)
	}
	return low, high, nil
}

// asked is the error for a request that cannot be carried out as put.
func asked(format string, args ...any) error {
	return &runner.UsageError{Err: fmt.Errorf(format, args...)}
}

// openRecording opens a recording whose reading ends when the context does.
func openRecording(ctx context.Context, path string) (*recording.Recording, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, &runner.UsageError{Err: err}
	}
	r, err := inspection.Open(path)
	if err != nil {
		return nil, err
	}
	if len(r.Channels) == 0 || r.Frames == 0 {
		r.Close()
		return nil, asked("%s holds no samples", path)
	}
	r.Samples = watched{r.Samples, ctx}
	return r, nil
}

// watched is a source that a Ctrl-C ends.
type watched struct {
	recording.Source
	ctx context.Context
}

func (w watched) ReadFrames(dst []float32, first int64) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Source.ReadFrames(dst, first)
}

// chosenChannels finds channels by name or type; without any, those that are signals.
func chosenChannels(r *recording.Recording, names []string) ([]int, error) {
	var out []int
	if len(names) == 0 {
		for i, c := range r.Channels {
			if !lazy.Plain(c.Type) {
				out = append(out, i)
			}
		}
		if len(out) == 0 {
			return nil, asked("all channels are triggers or of types that are left alone; name those you mean with --channels")
		}
		return out, nil
	}
	for _, name := range names {
		if i, err := r.Channel(name); err == nil {
			out = append(out, i)
			continue
		}
		found := false
		for i, c := range r.Channels {
			if strings.EqualFold(c.Type, name) {
				out, found = append(out, i), true
			}
		}
		if !found {
			_, err := r.Channel(name)
			return nil, err
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func outFlags(cmd *cobra.Command, out *string, overwrite *bool, endings ...string) {
	cmd.Flags().StringVar(out, "out", "", "the file to write: "+strings.Join(endings, " "))
	cmd.Flags().BoolVar(overwrite, "overwrite", false, "replace the file if it exists")
	var bare []string
	for _, e := range endings {
		bare = append(bare, strings.TrimPrefix(e, "."))
	}
	cmd.RegisterFlagCompletionFunc("out", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return bare, cobra.ShellCompDirectiveFilterFileExt
	})
}

func completeWords(cmd *cobra.Command, flag string, words ...string) {
	cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// outAsked checks the name of a file to write before any work is done.
func outAsked(out string, overwrite bool) error {
	if out == "" {
		return asked("say where to write with --out")
	}
	return export.Exists(out, export.Options{Overwrite: overwrite})
}

// written is what a command that writes a recording says.
type written struct {
	File     string   `json:"file"`
	Channels int      `json:"channels"`
	Filtered int      `json:"filtered,omitempty"`
	Frames   int64    `json:"frames"`
	Rate     float64  `json:"rate"`
	Events   int      `json:"events"`
	Did      []string `json:"did,omitempty"`
	// Lost counts channels whose type the file has no place for, by type.
	Lost map[string]int `json:"typesLost,omitempty"`
}

func wrote(cmd *cobra.Command, asJSON bool, w written) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), w)
	}
	for _, d := range w.Did {
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n", d)
	}
	note := ""
	if w.Filtered > 0 && w.Filtered < w.Channels {
		note = fmt.Sprintf(" (%d filtered)", w.Filtered)
	}
	if len(w.Lost) > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "Note: EDF and BDF have no place for types, and the names of some channels do not tell: %s\n", listed(w.Lost))
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s: %d channels%s, %d frames at %.6g Hz, %d events\n", w.File, w.Channels, note, w.Frames, w.Rate, w.Events)
	return err
}
