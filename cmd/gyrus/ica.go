package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/inspection"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/export"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/ica"
	"github.com/gyrus-dev/gyrus/signal/lazy"
)

// icaMethods are the words for --method.
var icaMethods = map[string]ica.Method{"fastica": ica.FastICA, "infomax": ica.Infomax, "extended": ica.ExtendedInfomax}

// mostFitted is how many numbers components are found from: 256 MB of them.
const mostFitted = 32 << 20

// icaLine is what gyrus ica --json prints.
type icaLine struct {
	Components []inspection.Component `json:"components"`
	Converged  bool                   `json:"converged"`
	Passes     int                    `json:"passes"`
	Written    string                 `json:"written,omitempty"`
	Page       string                 `json:"page,omitempty"`
}

func icaCommand() *cobra.Command {
	var method, out, page string
	var channels []string
	var remove []int
	var components int
	var highpass float64
	var seed uint64
	var open, overwrite, asJSON bool
	cmd := &cobra.Command{
		Use:   "ica FILE",
		Short: "Find independent components of a recording, and take some out",
		Long: `Find independent components of a recording's channels of one type (eeg, unless --channels says otherwise), and say of each how much
of the variance it explains, its kurtosis, and how it correlates with EOG and ECG channels. --page draws maps, activity and spectra of all.

Then take out the artefacts: --remove 0,3 --out clean.bdf writes the recording without components 0 and 3; whatever else is in it stays.
The same options and --seed find the same components, so look first and remove then.

Components are found on a copy that is high-passed at 1 Hz (--highpass), as drifts would fill them; what is written is not filtered.`,
		Example: "  gyrus ica subject01.edf --page=components.html --open\n  gyrus ica subject01.edf --remove 0,3 --out clean.bdf\n  gyrus ica subject01.edf --method extended --components 20",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			way, ok := icaMethods[method]
			if !ok {
				return asked("--method %q, expected fastica, infomax or extended", method)
			}
			if (len(remove) > 0) != (out != "") {
				return asked("--remove and --out go together: which components to take out, and where to write what is left")
			}
			if out != "" {
				if err := outAsked(out, overwrite); err != nil {
					return err
				}
			}
			draw := page != "" || open
			if page == "" || page == beside {
				page = filepath.Base(filepath.Clean(args[0])) + ".ica.html"
			}
			if draw {
				if err := export.Exists(page, export.Options{Overwrite: overwrite}); err != nil {
					return err
				}
			}
			r, err := openRecording(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			if !(r.Rate > 0) {
				return asked("%s does not say its sampling rate", args[0])
			}
			chosen, err := mixed(r, channels)
			if err != nil {
				return err
			}
			x, references, err := fitted(r, chosen, highpass)
			if err != nil {
				return err
			}
			unmixed, err := ica.Fit(x, ica.Options{Method: way, Components: components, Seed: seed})
			if err != nil {
				return &runner.UsageError{Err: err}
			}
			n, _ := unmixed.Unmixing.Dims()
			for _, c := range remove {
				if c < 0 || c >= n {
					return asked("--remove %d: there are components 0 to %d", c, n-1)
				}
			}
			sheet, list, err := inspection.Components(filepath.Base(args[0]), r, chosen, unmixed, x, references, remove)
			if err != nil {
				return err
			}
			sheet.Command = "gyrus ica " + strconv.Quote(args[0]) + " --method " + method
			line := icaLine{Components: list, Converged: unmixed.Converged, Passes: unmixed.Iterations}
			if out != "" {
				names := make([]string, len(chosen))
				for i, c := range chosen {
					names[i] = r.Channels[c].Name
				}
				without, err := unmixed.Without(names, remove...)
				if err != nil {
					return err
				}
				clean, err := lazy.Montage(r, without, chosen)
				if err != nil {
					return err
				}
				if err := export.Recording(out, clean, export.Options{Overwrite: overwrite}); err != nil {
					return err
				}
				line.Written = out
			}
			if draw {
				line.Page = page
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), line); err != nil {
					return err
				}
			} else {
				printComponents(cmd, list, references)
				if !unmixed.Converged {
					fmt.Fprintln(cmd.OutOrStdout(), "It did not converge: raise --highpass or keep fewer components.")
				}
				if out != "" {
					fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s without components %s\n", out, strings.Trim(strings.ReplaceAll(fmt.Sprint(remove), " ", ", "), "[]"))
				}
			}
			if draw {
				return showPage(cmd, sheet, page, overwrite, open)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&method, "method", "fastica", "fastica, infomax or extended (Infomax that also finds sources with light tails)")
	cmd.Flags().IntVar(&components, "components", 0, "how many principal components to unmix; all there are if 0")
	cmd.Flags().IntSliceVar(&remove, "remove", nil, "components to take out, such as 0,3")
	cmd.Flags().StringSliceVar(&channels, "channels", nil, "names or a type of the channels to unmix; eeg if there are any")
	cmd.Flags().Float64Var(&highpass, "highpass", 1, "Hz below which the copy that is unmixed is cut; 0 for not at all")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "of the search's beginning")
	cmd.Flags().StringVar(&page, "page", "", "write a page, of this name or that of the file and .ica.html (say --page=NAME)")
	cmd.Flags().Lookup("page").NoOptDefVal = beside
	cmd.Flags().BoolVar(&open, "open", false, "write the page and open it in the browser")
	outFlags(cmd, &out, &overwrite, export.Endings...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the components as JSON")
	completeWords(cmd, "method", "fastica", "infomax", "extended")
	return cmd
}

// mixed are the channels to unmix: those named, or all of the type of which there are most, EEG first.
func mixed(r *recording.Recording, names []string) ([]int, error) {
	chosen, err := chosenChannels(r, names)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		groups := inspection.Kinds(r, chosen)
		best := groups[0]
		for _, g := range groups {
			if r.Channels[best[0]].Type != "eeg" && (r.Channels[g[0]].Type == "eeg" || len(g) > len(best)) {
				best = g
			}
		}
		chosen = slices.DeleteFunc(best, func(c int) bool { return inspection.Eye(r.Channels[c]) })
	}
	if len(chosen) < 2 {
		return nil, asked("independent components need two channels and more; %d were chosen", len(chosen))
	}
	return chosen, nil
}

// fitted reads what components are found from, high-passed, and the channels to correlate them with. Of a long recording it takes as much as
// memory allows, from the middle.
func fitted(r *recording.Recording, chosen []int, highpass float64) (*mat.Dense, map[string][]float64, error) {
	all := slices.Clone(chosen)
	for i, c := range r.Channels {
		if !slices.Contains(chosen, i) && (inspection.Eye(c) || c.Type == "ecg") {
			all = append(all, i)
		}
	}
	if highpass > 0 {
		f, err := signal.FIRDesign{Low: highpass}.Design(r.Rate)
		if err != nil {
			return nil, nil, &runner.UsageError{Err: err}
		}
		if r, err = lazy.Filter(r, f, lazy.Options{Channels: all}); err != nil {
			return nil, nil, &runner.UsageError{Err: err}
		}
	}
	first, frames := int64(0), r.Frames
	if most := int64(mostFitted / len(all)); frames > most {
		first, frames = (frames-most)/2, most
	}
	x, err := signal.Matrix(r, first, int(frames), all...)
	if err != nil {
		return nil, nil, err
	}
	references := map[string][]float64{}
	for i, c := range all[len(chosen):] {
		references[r.Channels[c].Name] = x.RawRowView(len(chosen) + i)
	}
	return x.Slice(0, len(chosen), 0, int(frames)).(*mat.Dense), references, nil
}

func printComponents(cmd *cobra.Command, list []inspection.Component, references map[string][]float64) {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	var names []string
	for n := range references {
		names = append(names, n)
	}
	slices.Sort(names)
	fmt.Fprint(w, "COMPONENT\tVARIANCE\tKURTOSIS")
	for _, n := range names {
		fmt.Fprintf(w, "\t%s", n)
	}
	fmt.Fprintln(w)
	for _, c := range list {
		fmt.Fprintf(w, "%d\t%.1f %%\t%.1f", c.Number, 100*c.Explained, c.Kurtosis)
		for _, n := range names {
			fmt.Fprintf(w, "\t%.2f", c.Reference[n])
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}
