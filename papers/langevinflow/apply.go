package langevinflow

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
)

// modelFile describes a saved model.
type modelFile struct {
	Format  int // 1
	Config  Config
	BinMS   float64
	Samples int
	Align   alignment // how spike times were cut into trials
}

// apply infers rates and latents of new trials with a saved model.
func apply(ctx context.Context, a *papers.Application) error {
	var about modelFile
	vars, err := fit.Load(a.ModelDir, &about)
	if err != nil {
		return err
	}
	if about.Format != 1 {
		return fmt.Errorf("the model in %s has format %d, this version reads 1", a.ModelDir, about.Format)
	}
	model, err := NewModel(about.Config)
	if err != nil {
		return fmt.Errorf("the model in %s: %w", a.ModelDir, err)
	}
	backend, err := a.Backend()
	if err != nil {
		return err
	}
	m := &Trained{Model: model, vars: vars, backend: backend}
	for i, path := range a.Files {
		out, err := a.OutputPath(path, "-rates"+resultFormat(path))
		if err != nil {
			return err
		}
		switch format := filepath.Ext(out); format {
		case ".npz", ".csv":
		default:
			return papers.Refuse(fmt.Errorf("--out %s: results are written as .npz (rates and latents) or .csv (rates); the name ends in %q", out, format))
		}
		inference, counts, err := m.applyTo(ctx, path, about)
		if err != nil {
			return err
		}
		what := "rates and latents are"
		if filepath.Ext(out) == ".csv" {
			what = "rates are"
			err = m.writeTable(out, counts, inference.Rates)
		} else {
			err = m.writeArrays(out, counts, inference, about)
		}
		if err != nil {
			return err
		}
		a.Say("%s: %s in %s", path, what, out)
		a.Progress(papers.Progress{Stage: "inferring", Done: i + 1, Total: len(a.Files), Unit: "files"})
	}
	return nil
}

// resultFormat is the ending of a result that was given no name: that of a table for a table, else NPZ.
func resultFormat(input string) string {
	if strings.EqualFold(filepath.Ext(input), ".csv") {
		return ".csv"
	}
	return ".npz"
}

func (m *Trained) applyTo(ctx context.Context, path string, about modelFile) (*Inference, *Counts, error) {
	c, err := readSeen(path, layout{Axes: "trials,bins,neurons", TrialBins: m.Observed, BinMS: about.BinMS, Align: about.Align})
	if err != nil {
		return nil, nil, papers.Refuse(err)
	}
	if width, ok := binWidth(path); ok && width != about.BinMS {
		return nil, nil, papers.Refuse(fmt.Errorf("%s: its bins are %g ms wide, the model was trained on bins of %g ms: bin the spikes anew", path, width, about.BinMS))
	}
	if c.Neurons != m.In && c.Neurons != m.Out || c.Bins != m.Observed && c.Bins != m.Bins() {
		return nil, nil, papers.Refuse(fmt.Errorf("%s: trials of %d bins × %d neurons; the model reads %d bins × %d neurons (further bins up to %d and neurons up to %d are ignored)",
			path, c.Bins, c.Neurons, m.Observed, m.In, m.Bins(), m.Out))
	}
	inference, err := m.Infer(ctx, c.window(0, m.Observed, 0, m.In), Passes{Samples: about.Samples, States: true})
	return inference, c, err
}

// writeArrays stores rates and mean latents, [trials, bins, ...], as NPZ.
func (m *Trained) writeArrays(out string, c *Counts, inference *Inference, about modelFile) error {
	var arrays []*recording.Array
	for _, part := range []struct {
		name   string
		width  int
		values []float32
	}{{"rates", m.Out, inference.Rates}, {"h", m.Hidden, inference.H}, {"z", m.Hidden, inference.Z}, {"v", m.Hidden, inference.V}} {
		if part.values == nil {
			continue
		}
		array, err := recording.NewArray(part.name, []int{c.Trials, m.Bins(), part.width}, recording.RowMajor, part.values)
		if err != nil {
			return err
		}
		arrays = append(arrays, array)
	}
	width, err := recording.NewArray("bin_ms", nil, recording.RowMajor, []float64{about.BinMS})
	if err != nil {
		return err
	}
	return numpy.Save(out, append(arrays, width)...)
}

// writeTable stores rates as a table with a row for each trial and bin, numbered as in the input or from 0.
func (m *Trained) writeTable(out string, c *Counts, rates []float32) error {
	return papers.WriteFileAtomic(out, func(file *os.File) error {
		w := csv.NewWriter(file)
		row := []string{"trial", "bin"}
		for n := range m.Out {
			row = append(row, fmt.Sprintf("rate%d", n+1))
		}
		w.Write(row)
		for k := range c.Trials {
			trial := float64(k)
			if c.Numbers != nil {
				trial = c.Numbers[k]
			}
			for t := range m.Bins() {
				row = append(row[:0], fmt.Sprint(trial), fmt.Sprint(c.FirstBin+float64(t)))
				for _, r := range rates[(k*m.Bins()+t)*m.Out:][:m.Out] {
					row = append(row, strconv.FormatFloat(float64(r), 'g', -1, 32))
				}
				w.Write(row)
			}
		}
		w.Flush()
		return w.Error() // also of the writes before
	})
}

// binWidth returns the bin width a file states in a variable bin_ms.
func binWidth(path string) (ms float64, stated bool) {
	arrays, err := recording.Arrays(path, "bin_ms")
	if err != nil || len(arrays) != 1 || arrays[0].Len() != 1 {
		return 0, false
	}
	v, err := arrays[0].Float64s()
	if err != nil {
		return 0, false
	}
	return v[0], true
}
