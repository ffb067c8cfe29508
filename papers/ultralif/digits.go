package ultralif

import (
	"context"
	"fmt"
	"slices"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/digits"
)

type digitsParams struct {
	Train      int     `param:"train" min:"64" max:"1000000" help:"training images"`
	Validation int     `param:"validation" min:"20" max:"1000000" help:"images by which an epoch is selected"`
	Test       int     `param:"test" min:"20" max:"1000000" help:"test images"`
	Steps      int     `param:"steps" min:"2" max:"100" help:"T of the long run, beside T = 1"`
	Hidden     int     `param:"hidden" min:"1" max:"4096" help:"units of a hidden layer"`
	Epochs     int     `param:"epochs" min:"1" max:"1000" help:"epochs of every network"`
	Long       int     `param:"sparsity-epochs" min:"1" max:"1000" help:"epochs where activation has a price; it falls slowly, and the paper trains 100"`
	Batch      int     `param:"batch" min:"1" max:"4096" help:"images in a step"`
	Rate       float64 `param:"rate" min:"0.000001" max:"1" help:"learning rate of Adam, falling along a cosine to 0"`
	Epsilon    float64 `param:"epsilon" min:"0.1" max:"20" help:"temperature ε at the beginning"`
	Tau        float64 `param:"tau" min:"0.01" max:"0.99" help:"leak τ of the Ultra units, at the beginning where it is learned"`
	Form       string  `param:"form" oneof:"paper code" help:"Ultra units as in the paper's text or as in its published code"`
	Neurons    string  `param:"neurons" help:"all, or systems separated by semicolons"`
}

var drawnDigits = papers.Experiment{
	Name:    "digits",
	Summary: "Drawn digits as random spikes at T = 1 and T = 10: all neurons, and what a price on activation does to activation and accuracy.",
	Tests:   []string{"sparsity"},
	Params: papers.Presets[digitsParams]{
		Quick: digitsParams{Train: 600, Validation: 100, Test: 200, Steps: 3, Hidden: 32, Epochs: 8, Long: 25, Batch: 32, Rate: 3e-3, Epsilon: 1, Tau: .9, Form: "paper",
			Neurons: "UltraDLIF;UltraDLIF, λ = 0.1;LIF, hard spikes"},
		Default: digitsParams{Train: 6000, Validation: 500, Test: 1000, Steps: 10, Hidden: 64, Epochs: 20, Long: 100, Batch: 64, Rate: 1e-3, Epsilon: 1, Tau: .9, Form: "paper", Neurons: "all"},
		Full:    digitsParams{Train: 60000, Validation: 5000, Test: 10000, Steps: 30, Hidden: 64, Epochs: 100, Long: 100, Batch: 128, Rate: 1e-3, Epsilon: 1, Tau: .9, Form: "paper", Neurons: "all"},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: append(metricsOf("one", "T = 1"), append(metricsOf("long", "long T"), metricsOf("priced", "T = 1, more epochs")...)...),
	Systems: slices.DeleteFunc(slices.Clone(systems), func(s report.System) bool {
		return slices.Contains([]string{deepDLIF, deepHard, chance}, s.Name) || slices.Contains(pinned, s.Name)
	}),
	Run:   runDigits,
	Judge: judgeDigits,
}

func runDigits(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[digitsParams](r)
	short, err := lineup(append(slices.Clone(timed), sigmoids), p.Neurons, base(p.Form, p.Epsilon, p.Tau))
	if err != nil {
		return err
	}
	long, err := lineup(timed, p.Neurons, base(p.Form, p.Epsilon, p.Tau))
	if err != nil {
		return err
	}
	sparse, err := lineup(append(slices.Clone(priced), hardLIF), p.Neurons, base(p.Form, p.Epsilon, p.Tau))
	if err != nil {
		return err
	}
	data := &split{classes: digits.Classes}
	for _, part := range []struct {
		name string
		n    int
		to   **examples
	}{{"training digits", p.Train, &data.training}, {"validation digits", p.Validation, &data.validation}, {"test digits", p.Test, &data.testing}} {
		set, err := digits.Generate(part.n, digits.Standard(), r.Rand(part.name))
		if err != nil {
			return papers.Refuse(err)
		}
		*part.to = images(part.name, digits.Size*digits.Size, set.Images, set.Labels)
	}
	data.normalize(1)
	if err := data.check(p.Batch); err != nil {
		return papers.Refuse(err)
	}
	b := budget{p.Hidden, p.Epochs, p.Batch, p.Rate}
	atOne, err := compete(ctx, r, "T = 1", short, data, 1, b)
	if err != nil {
		return err
	}
	atMany, err := compete(ctx, r, fmt.Sprintf("T = %d", p.Steps), long, data, p.Steps, b)
	if err != nil {
		return err
	}
	b.Epochs = p.Long
	atPrice, err := compete(ctx, r, "price of activation", sparse, data, 1, b)
	if err != nil {
		return err
	}
	measureAll(r, "one", atOne)
	measureAll(r, "long", atMany)
	measureAll(r, "priced", atPrice)
	drawTraining(r, atOne, atMany, p.Steps)
	drawSparsity(r, atPrice)
	return nil
}

func judgeDigits(rs *papers.Results) {
	rs.Claim("sparsity").
		Relation("mean activation of UltraDLIF with λ = 0.1, against 0.8 of that without, means of seeds", rs.Mean(sparseDLIF, "priced-activation"), "≤", .8*rs.Mean(ultraDLIF, "priced-activation")).
		Relation("its accuracy, 1.5 points below that without", rs.Mean(sparseDLIF, "priced"), "≥", rs.Mean(ultraDLIF, "priced")-.015)
}
