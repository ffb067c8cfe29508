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
	Rate       float64  // Hz
	Low, High  float64  // pass band, Hz; 0 for none
	Events     []string // that trials are cut around, in a recording; empty if training trials came cut
	From, To   float64  // of a trial around its event, s
	Channels   []string
	Units      []string `json:",omitempty"` // of the channels, to which new trials are converted; none in models of older programs
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
		how := reading{as: &m, otherwise: m.Rate, low: m.Low, high: m.High, expectedChannels: m.Size.Channels, events: m.Events, from: m.From, to: m.To}
		if len(m.Events) > 0 {
			how.pick = m.Channels
		}
		f, err := readTrials(path, how)
		if err != nil {
			return err
		}
		if err := f.like(path, m.Channels, m.Size.Samples, m.Rate); err != nil {
			return papers.Refuse(err)
		}
		trials := f.train.trials
		training := session{trials: m.Trials, shrink: m.Shrink, covariance: mat.NewSymDense(m.Size.Channels, m.Covariance)}
		if err := f.judgeAmplitude(path, m.Units, training, trials); err != nil {
			return papers.Refuse(err)
		}
		if f.test.trials != nil { // a file as the one the network was trained on: its test trials are the new ones
			trials = f.test.trials
			a.Say("%s: its %d test trials are classified", path, len(trials))
		}
		for _, s := range slices.Concat(f.assumed, f.warnings) {
			a.Say("%s", s)
		}
		of := f.train
		if of.trials = trials; len(trials) != len(of.people) {
			of.people = nil
		}
		aligned, err := training.onlineEach(of)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		o, err := classify(ctx, backend, vars, m.Size.variant(Variant{}), aligned)
		if err != nil {
			return err
		}
		if err := writePredictions(out, m, o, f.sources); err != nil {
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

// writePredictions writes one line a trial: the recording it comes from if there are several, its number, the class, the probability of every class, and
// the attention to every channel.
func writePredictions(path string, m model, o *outcome, sources []string) error {
	return papers.WriteFileAtomic(path, func(file *os.File) error {
		w := bufio.NewWriter(file)
		quoted := func(s string) string { return strings.NewReplacer(",", " ", "\n", " ", `"`, " ").Replace(s) }
		if sources != nil {
			fmt.Fprint(w, "recording,")
		}
		fmt.Fprint(w, "trial,class")
		for _, c := range m.Classes {
			fmt.Fprintf(w, ",p(%s)", quoted(c))
		}
		for _, c := range m.Channels {
			fmt.Fprintf(w, ",attention %s", quoted(c))
		}
		fmt.Fprintln(w)
		first := 0 // trial of the recording
		for i, k := range o.Predicted {
			if sources != nil {
				if i == 0 || sources[i] != sources[i-1] {
					first = i
				}
				fmt.Fprintf(w, "%s,", quoted(sources[i]))
			}
			fmt.Fprintf(w, "%d,%s", i-first+1, quoted(m.Classes[k]))
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
