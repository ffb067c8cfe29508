package main

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/inspection"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/lazy"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

// psdLine is a channel in the output of gyrus psd --json.
type psdLine struct {
	Channel string             `json:"channel"`
	Unit    string             `json:"unit"`
	Bands   map[string]float64 `json:"bands"` // power, unit²
	Power   []float64          `json:"power"` // unit²/Hz
}

func psdCommand() *cobra.Command {
	var method, out string
	var channels []string
	var segment, bandwidth, from, to float64
	var overwrite, asJSON bool
	cmd := &cobra.Command{
		Use:   "psd FILE",
		Short: "Estimate the power spectra of a recording's channels",
		Long: `Estimate the power spectral density of a recording's channels: Welch's average over overlapping Hann windows, or multitaper. Without
--out it prints the power in the usual bands. The file of --out decides what is written: a table (.csv), one picture (.svg) or a page (.html).
Neither takes memory that depends on the length: multitaper takes the signal at once where it is short, and else the average over windows
of a minute, or of --segment seconds.`,
		Example: "  gyrus psd subject01.edf\n  gyrus psd subject01.edf --channels O1,Oz,O2 --out alpha.svg\n  gyrus psd subject01.edf --method multitaper --from 10 --to 70 --out psd.csv",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ending := extension(out)
			if out != "" {
				if ending != ".csv" && ending != ".svg" && ending != ".html" {
					return asked("--out %s: name a .csv, .svg or .html", out)
				}
				if err := outAsked(out, overwrite); err != nil {
					return err
				}
			}
			r, err := openRecording(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			if !(r.Rate > 0) {
				return asked("%s does not say its sampling rate, which a spectrum needs", args[0])
			}
			chosen, err := chosenChannels(r, channels)
			if err != nil {
				return err
			}
			first, end := int64(0), r.Frames
			if from > 0 {
				first = r.Frame(from)
			}
			if to > 0 {
				end = min(end, r.Frame(to))
			}
			if first >= end {
				return asked("from %g to %g s is no part of a recording of %.6g s", from, to, float64(r.Frames)/r.Rate)
			}
			if method == "multitaper" && !cmd.Flags().Changed("segment") {
				segment = 0
			}
			psd, says, err := estimate(r, method, segment, bandwidth, first, end, chosen)
			if err != nil {
				return &runner.UsageError{Err: err}
			}
			switch {
			case ending == ".csv":
				err = writeWith(out, func(w io.Writer) error { return psdTable(w, r, chosen, psd) })
			case ending == ".svg":
				kinds := inspection.Kinds(r, chosen)
				if len(kinds) > 1 {
					return asked("the channels are of %d types or units, and a picture shows one; choose with --channels, or write an .html", len(kinds))
				}
				err = writeWith(out, func(w io.Writer) error {
					_, err := io.WriteString(w, inspection.SpectrumFigure(r, chosen, psd, says).SVG)
					return err
				})
			case ending == ".html":
				sheet := &report.Sheet{Kind: "Spectra", Title: filepath.Base(args[0]), Summary: says, Command: "gyrus psd " + strconv.Quote(args[0]) + " --method " + method}
				part := report.Part{ID: "spectra", Title: "Spectra"}
				for _, k := range inspection.Kinds(r, chosen) {
					part.Figures = append(part.Figures, inspection.SpectrumFigure(r, k, inspection.Rows(psd, chosen, k), says))
				}
				part.Tables = []report.Table{bandTable(r, chosen, psd)}
				sheet.Parts = []report.Part{part}
				err = writePage(sheet, out, overwrite)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return psdJSON(cmd.OutOrStdout(), r, chosen, psd)
			}
			if out != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s\nWrote %s: %d channels, %d frequencies up to %.6g Hz\n", says, out, len(chosen), len(psd.Frequencies), psd.Frequencies[len(psd.Frequencies)-1])
				return nil
			}
			fmt.Fprintln(cmd.OutOrStdout(), says)
			t := bandTable(r, chosen, psd)
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, row := range append([][]string{t.Columns}, t.Rows...) {
				for i, cell := range row {
					if i > 0 {
						fmt.Fprint(w, "\t")
					}
					fmt.Fprint(w, cell)
				}
				fmt.Fprintln(w)
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&method, "method", "welch", "welch or multitaper")
	cmd.Flags().Float64Var(&segment, "segment", 4, "seconds of a window; frequencies are one over it apart (multitaper: all at once, or a minute of a long recording)")
	cmd.Flags().Float64Var(&bandwidth, "bandwidth", 0, "Hz over which tapers smooth (multitaper); 8 frequency steps if 0")
	cmd.Flags().Float64Var(&from, "from", 0, "seconds to begin at")
	cmd.Flags().Float64Var(&to, "to", 0, "seconds to end at; the end if 0")
	cmd.Flags().StringSliceVar(&channels, "channels", nil, "names or types of the channels")
	outFlags(cmd, &out, &overwrite, ".csv", ".svg", ".html")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the spectra as JSON")
	completeWords(cmd, "method", "welch", "multitaper")
	return cmd
}

// mostAtOnce is how many numbers multitaper takes at once: 32 MB of them, and as many again for each of its steps.
const mostAtOnce = 4 << 20

// minute is the window of multitaper in a longer recording, s.
const minute = 60

func estimate(r *recording.Recording, method string, segment, bandwidth float64, first, end int64, channels []int) (*spectrum.PSD, string, error) {
	seconds := float64(end-first) / r.Rate
	switch method {
	case "welch":
		n := int(math.Min(math.Round(segment*r.Rate), float64(end-first)))
		psd, err := lazy.Welch(r, spectrum.Welch{Segment: n}, first, end, channels...)
		return psd, fmt.Sprintf("Welch's method over %.6g s, Hann windows of %.4g s.", seconds, float64(n)/r.Rate), err
	case "multitaper":
		if segment == 0 && (end-first)*int64(len(channels)) > mostAtOnce || segment == 0 && gapWithin(r, first, end) {
			segment = minute
		}
		if segment > 0 {
			n := int(math.Min(math.Round(segment*r.Rate), float64(end-first)))
			psd, err := lazy.Multitaper(r, spectrum.Multitaper{Bandwidth: bandwidth}, n, first, end, channels...)
			return psd, fmt.Sprintf("Multitaper over %.6g s, the average of windows of %.4g s.", seconds, float64(n)/r.Rate), err
		}
		x, err := signal.Matrix(r, first, int(end-first), channels...)
		if err != nil {
			return nil, "", err
		}
		psd, err := spectrum.Multitaper{Bandwidth: bandwidth}.PSD(x, r.Rate)
		return psd, fmt.Sprintf("Multitaper over %.6g s.", seconds), err
	}
	return nil, "", fmt.Errorf("--method %q, expected welch or multitaper", method)
}

// gapWithin tells whether frames do not all follow each other.
func gapWithin(r *recording.Recording, first, end int64) bool {
	return slices.ContainsFunc(r.Gaps, func(g recording.Gap) bool { return g.Frame > first && g.Frame < end })
}

func psdTable(w io.Writer, r *recording.Recording, channels []int, psd *spectrum.PSD) error {
	out := csv.NewWriter(w)
	row := []string{"frequency (Hz)"}
	for _, c := range channels {
		unit := cmp.Or(r.Channels[c].Unit, "unit")
		row = append(row, fmt.Sprintf("%s (%s^2/Hz)", r.Channels[c].Name, unit))
	}
	out.Write(row)
	for i, f := range psd.Frequencies {
		row = append(row[:0], strconv.FormatFloat(f, 'g', 10, 64))
		for c := range channels {
			row = append(row, strconv.FormatFloat(psd.Power.At(c, i), 'g', 8, 64))
		}
		out.Write(row)
	}
	out.Flush()
	return out.Error()
}

func bandTable(r *recording.Recording, channels []int, psd *spectrum.PSD) report.Table {
	t := report.Table{ID: "bands", Title: "Power by band", Columns: []string{"Channel", "Unit"}}
	var powers [][]float64
	for _, b := range inspection.Bands {
		if p, err := psd.Band(b.From, b.To); err == nil {
			powers = append(powers, p)
			t.Columns = append(t.Columns, fmt.Sprintf("%s %g-%g Hz", b.Name, b.From, b.To))
		}
	}
	for i, c := range channels {
		unit := r.Channels[c].Unit
		if unit != "" {
			unit += "^2"
		}
		row := []string{r.Channels[c].Name, unit}
		for _, p := range powers {
			row = append(row, fmt.Sprintf("%.4g", p[i]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func psdJSON(w io.Writer, r *recording.Recording, channels []int, psd *spectrum.PSD) error {
	out := struct {
		Frequencies []float64 `json:"frequencies"`
		Channels    []psdLine `json:"channels"`
	}{Frequencies: psd.Frequencies}
	for i, c := range channels {
		l := psdLine{Channel: r.Channels[c].Name, Unit: r.Channels[c].Unit, Bands: map[string]float64{}, Power: psd.Power.RawRowView(i)}
		for _, b := range inspection.Bands {
			if p, err := psd.Band(b.From, b.To); err == nil {
				l.Bands[b.Name] = p[i]
			}
		}
		out.Channels = append(out.Channels, l)
	}
	return printJSON(w, out)
}

// writeWith writes a file and removes it when that fails.
func writeWith(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	err = write(w)
	if flushed := w.Flush(); err == nil {
		err = flushed
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}
