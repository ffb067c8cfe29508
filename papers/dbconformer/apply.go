package dbconformer

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/papers"
)

// model is what is saved beside a network's variables.
type model struct {
	Size       Size
	Rate       float64 // Hz
	Low, High  float64 // pass band, Hz; 0 for none
	Channels   []string
	Classes    []string
	Covariance []float64 // of the training trials, from which online alignment starts; row by row
	Trials     int       // how many trials it is the mean of
	Shrink     float64
}

// apply classifies the trials of new files with a saved network and writes one CSV file for each.
func apply(ctx context.Context, a *papers.Application) error {
	var m model
	vars, err := fit.Load(a.ModelDir, &m)
	if err != nil {
		return err
	}
	backend, err := a.Backend()
	if err != nil {
		return err
	}
	for _, path := range a.Files {
		out, err := a.OutputPath(path, "-predictions.csv")
		if err != nil {
			return err
		}
		f, err := readTrials(path, layout{rate: m.Rate, low: m.Low, high: m.High, expectedChannels: m.Size.Channels})
		if err != nil {
			return err
		}
		trials := f.train.trials
		if f.test.trials != nil { // a file as the one the network was trained on: its test trials are the new ones
			trials = f.test.trials
			a.Say("%s: its %d test trials are classified", path, len(trials))
		}
		if err := m.fits(path, f, trials); err != nil {
			return err
		}
		for _, s := range f.assumed {
			a.Say("%s", s)
		}
		ref := reference{trials: m.Trials, shrink: m.Shrink, covariance: mat.NewSymDense(m.Size.Channels, m.Covariance)}
		aligned, err := ref.online(trials)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		o, err := classify(ctx, backend, vars, m.Size.variant(Variant{}), aligned)
		if err != nil {
			return err
		}
		if err := writePredictions(out, m, o); err != nil {
			return err
		}
		count := make([]string, len(m.Classes))
		for k, c := range m.Classes {
			n := 0
			for _, p := range o.Predicted {
				if p == k {
					n++
				}
			}
			count[k] = fmt.Sprintf("%d of class %s", n, c)
		}
		a.Say("%s: %d trials, %s; written to %s", path, len(trials), strings.Join(count, ", "), out)
	}
	return nil
}

// fits says whether the network can read the trials.
func (m *model) fits(path string, f *trialFile, trials []*mat.Dense) error {
	channels, samples := trials[0].Dims()
	if channels != m.Size.Channels {
		return fmt.Errorf("%s has %d channels (%s), but the network was trained on %d (%s): position codes and spatial filters belong to a montage; give the same channels in the same order",
			path, channels, strings.Join(f.channels, " "), m.Size.Channels, strings.Join(m.Channels, " "))
	}
	named := !strings.HasPrefix(f.channels[0], "channel ") && !strings.HasPrefix(m.Channels[0], "channel ")
	if named && !slices.Equal(f.channels, m.Channels) {
		return fmt.Errorf("%s has the channels %s, but the network was trained on %s: give the same channels in the same order",
			path, strings.Join(f.channels, " "), strings.Join(m.Channels, " "))
	}
	if samples != m.Size.Samples {
		return fmt.Errorf("%s has trials of %d samples, but the network was trained on %d (%g s at %g Hz): cut the trials to that", path, samples, m.Size.Samples,
			float64(m.Size.Samples)/m.Rate, m.Rate)
	}
	return nil
}

// writePredictions writes one line a trial: its number, the class, the probability of every class, and the attention to every channel.
func writePredictions(path string, m model, o *outcome) error {
	return papers.WriteFileAtomic(path, func(file *os.File) error {
		w := bufio.NewWriter(file)
		quoted := func(s string) string { return strings.NewReplacer(",", " ", "\n", " ", `"`, " ").Replace(s) }
		fmt.Fprint(w, "trial,class")
		for _, c := range m.Classes {
			fmt.Fprintf(w, ",p(%s)", quoted(c))
		}
		for _, c := range m.Channels {
			fmt.Fprintf(w, ",attention %s", quoted(c))
		}
		fmt.Fprintln(w)
		for i, k := range o.Predicted {
			fmt.Fprintf(w, "%d,%s", i+1, quoted(m.Classes[k]))
			for _, p := range o.Probability[i] {
				fmt.Fprintf(w, ",%.6f", p)
			}
			for _, v := range o.Attention[i] {
				fmt.Fprintf(w, ",%.6f", v)
			}
			fmt.Fprintln(w)
		}
		return w.Flush()
	})
}
