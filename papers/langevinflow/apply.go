package langevinflow

import (
	"context"
	"fmt"

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
		out, err := a.OutputPath(path, "-rates.npz")
		if err != nil {
			return err
		}
		if err := m.applyTo(ctx, path, out, about); err != nil {
			return err
		}
		a.Say("%s: rates and latents are in %s", path, out)
		a.Progress(papers.Progress{Stage: "inferring", Done: i + 1, Total: len(a.Files), Unit: "files"})
	}
	return nil
}

func (m *Trained) applyTo(ctx context.Context, path, out string, about modelFile) error {
	c, _, _, err := readCounts(path, layout{Axes: "trials,bins,neurons", TrialBins: m.Observed, BinMS: about.BinMS})
	if err != nil {
		return err
	}
	if width, ok := binWidth(path); ok && width != about.BinMS {
		return fmt.Errorf("%s: its bins are %g ms wide, the model was trained on bins of %g ms: bin the spikes anew", path, width, about.BinMS)
	}
	if c.Neurons != m.In && c.Neurons != m.Out || c.Bins != m.Observed && c.Bins != m.Bins() {
		return fmt.Errorf("%s: trials of %d bins × %d neurons; the model reads %d bins × %d neurons (further bins up to %d and neurons up to %d are ignored)",
			path, c.Bins, c.Neurons, m.Observed, m.In, m.Bins(), m.Out)
	}
	inference, err := m.Infer(ctx, c.window(0, m.Observed, 0, m.In), Passes{Samples: about.Samples, States: true})
	if err != nil {
		return err
	}
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
