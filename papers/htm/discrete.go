package htm

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/stream"
)

// discreteParams are the parameters of the experiment on symbols.
type discreteParams struct {
	Elements  int  `param:"elements" min:"300" help:"length of the stream"`
	SwapAt    int  `param:"swap-at" min:"0" help:"element from which the endings are swapped; 0 for never"`
	Noise     int  `param:"noise" min:"0" help:"different noise symbols; one follows every sequence"`
	Columns   int  `param:"columns" help:"mini-columns"`
	Cells     int  `param:"cells" help:"cells per column"`
	Active    int  `param:"active" help:"columns that stand for a symbol"`
	Threshold int  `param:"threshold" help:"active connected synapses that make a segment predict"`
	Match     int  `param:"match" help:"active potential synapses that make a segment match"`
	Reset     bool `param:"reset" help:"tell HTM where sequences begin; the paper never does"`
	LSTMSteps int  `param:"lstm-steps" min:"1" help:"training steps of an LSTM each time it is retrained, for every window"`
	Endings   int  `param:"endings-elements" min:"300" help:"length of the stream with two endings to each context"`
	Death     int  `param:"death-at" min:"300" help:"element at which learning ends and cells die"`
	DeathTest int  `param:"death-test" min:"300" help:"elements over which accuracy is taken after cells have died"`
}

func (p discreteParams) config() Config {
	c := Discrete()
	c.Columns, c.CellsPerColumn, c.ActivationThreshold, c.MinThreshold = p.Columns, p.Cells, p.Threshold, p.Match
	return c
}

// swap returns the element before which the system is measured as it has learned: the swap, or the end if there is none.
func (p discreteParams) swap() int {
	if p.SwapAt == 0 {
		return p.Elements
	}
	return p.SwapAt
}

// The systems of the experiment on symbols.
const (
	systemHTM     = "HTM"
	systemOneCell = "HTM, one cell per column"
	systemFixed   = "HTM, not learning"
	systemELM     = "OS-ELM"
	systemTable   = "first-order table"
)

var lstmWindows = []int{1000, 3000, 9000}

func systemLSTM(window int) string { return fmt.Sprintf("LSTM-%d", window) }

// deathFractions are the shares of cells or units that die, in percent.
var deathFractions = []int{0, 10, 20, 30, 40, 50}

func deathMetric(percent int) string { return fmt.Sprintf("death-%d", percent) }

var discrete = papers.Experiment{
	Name: "discrete",
	Summary: "Eight symbol sequences that share sub-sequences, separated by noise symbols, learned online; half-way their endings are swapped. " +
		"Then streams with two endings per context, and death of cells.",
	Tests: []string{"learns", "adapts", "beats-batch", "cell-death", "two-endings", "context-cells", "sparse-and-burst"},
	Params: papers.Presets[discreteParams]{
		Quick: discreteParams{Elements: 12000, SwapAt: 6000, Noise: 5000, Columns: 2048, Cells: 32, Active: 41, Threshold: 15, Match: 15,
			LSTMSteps: 40, Endings: 6000, Death: 6000, DeathTest: 1000},
		Default: discreteParams{Elements: 20000, SwapAt: 10000, Noise: 5000, Columns: 2048, Cells: 32, Active: 41, Threshold: 15, Match: 15,
			LSTMSteps: 600, Endings: 12000, Death: 10000, DeathTest: 2000},
		Full: discreteParams{Elements: 20000, SwapAt: 10000, Noise: 5000, Columns: 2048, Cells: 32, Active: 41, Threshold: 15, Match: 15,
			LSTMSteps: 2000, Endings: 12000, Death: 10000, DeathTest: 3000},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 10},
	Metrics: append([]report.Metric{
		{ID: "before", Name: "accuracy before the swap", Better: report.Higher, Says: "share of right endings among the last 100 asked, 10 elements before the swap"},
		{ID: "after-1000", Name: "accuracy 1000 after the swap", Says: "the same, 1000 elements after the swap"},
		{ID: "after-4000", Name: "accuracy 4000 after the swap", Better: report.Higher, Says: "the same, 4000 elements after the swap"},
		{ID: "after-5000", Name: "accuracy 5000 after the swap", Better: report.Higher, Says: "the same, 5000 elements after the swap"},
		{ID: "two-endings", Name: "top-2 accuracy, two endings", Better: report.Higher, Says: "share of endings among the two predicted, last 100 asked"},
		{ID: "active-predicted", Name: "active cells, predicted", Says: "median number of active cells where every active column had been predicted, last 2000 elements before the swap"},
		{ID: "active-noise", Name: "active cells, noise", Says: "median number of active cells at noise symbols, last 2000 elements before the swap"},
		{ID: "segments", Name: "segments at the end"},
		{ID: "bytes-per-synapse", Name: "bytes per synapse", Unit: "B", Better: report.Lower, Says: "all memory held over the number of synapses"},
	}, deathMetrics()...),
	Systems: []report.System{
		{Name: systemHTM, Role: report.Subject, Says: "temporal memory, learning after every element"},
		{Name: systemOneCell, Role: report.Ablation, Says: "the same with one cell per column: no context"},
		{Name: systemFixed, Role: report.Ablation, Says: "the same with learning switched off"},
		{Name: systemLSTM(1000), Role: report.Baseline, Says: "20 LSTM units, trained anew every 1000 elements on the last 1000"},
		{Name: systemLSTM(3000), Role: report.Baseline, Says: "the same on the last 3000"},
		{Name: systemLSTM(9000), Role: report.Baseline, Says: "the same on the last 9000"},
		{Name: systemELM, Role: report.Baseline, Says: "200 random units on the last 10 symbols, recursive least squares"},
		{Name: systemTable, Role: report.Baseline, Says: "counts of which symbol follows which"},
	},
	Run:   runDiscrete,
	Judge: judgeDiscrete,
}

func deathMetrics() []report.Metric {
	var out []report.Metric
	for _, percent := range deathFractions {
		out = append(out, report.Metric{ID: deathMetric(percent), Name: fmt.Sprintf("accuracy, %d %% dead", percent), Better: report.Higher,
			Says: "share of right endings after that share of cells or units died and learning ended, without swap"})
	}
	return out
}

// trial is what following a stream gave.
type trial struct {
	Answers []answer
	Seconds float64
	// Of a temporal memory only.
	Active   []int // active cells after each element
	Surprise []float64
	Segments []int
	Bytes    int
	Synapses int
	Cells    [][]uint32 // active cells after each of the last shownElements elements before element showBefore
}

// part is an independent piece of an experiment.
type part struct {
	name string
	run  func(ctx context.Context, rng *rand.Rand, tick func(i int)) (trial, error)
	size int // elements it goes through
}

// runParts carries out parts side by side, as many as there are processors; each draws from its own random stream, so that the
// results do not depend on that.
func runParts(ctx context.Context, r *papers.Run, parts []part) (map[string]trial, error) {
	var mu sync.Mutex
	results := map[string]trial{}
	done, total := map[string]int{}, 0
	for _, p := range parts {
		total += p.size
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(processors())
	for _, p := range parts {
		group.Go(func() error {
			tick := func(i int) {
				if i%100 != 0 && i != p.size {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				done[p.name] = i
				sum := 0
				for _, n := range done {
					sum += n
				}
				// One stage for all, because its parts take turns.
				r.Progress(papers.Progress{Stage: "HTM and baselines", Done: min(sum, total), Total: total, Unit: "element"})
			}
			result, err := papers.Stage(r, p.name, func() (trial, error) { return p.run(ctx, r.Rand(p.name), tick) })
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			tick(p.size)
			mu.Lock()
			results[p.name] = result
			mu.Unlock()
			return nil
		})
	}
	return results, group.Wait()
}

// watch follows a stream with a temporal memory and keeps what the figures show.
func watch(ctx context.Context, h *symbolHTM, s stream.Symbols, guesses, showBefore int, tick func(int)) (trial, error) {
	var t trial
	start := time.Now()
	var err error
	t.Answers, err = follow(ctx, h, s, guesses, func(i int) {
		t.Active = append(t.Active, len(h.memory.ActiveCells()))
		t.Surprise = append(t.Surprise, h.memory.Anomaly())
		t.Segments = append(t.Segments, h.memory.Segments())
		if i < showBefore && i >= showBefore-shownElements {
			t.Cells = append(t.Cells, slices.Clone(h.memory.ActiveCells()))
		}
		tick(i)
	})
	t.Seconds, t.Bytes, t.Synapses = time.Since(start).Seconds(), h.memory.Bytes(), h.memory.Synapses()
	return t, err
}

// simply follows a stream with any predictor.
func simply(ctx context.Context, p predictor, s stream.Symbols, guesses int, tick func(int)) (trial, error) {
	start := time.Now()
	answers, err := follow(ctx, p, s, guesses, tick)
	return trial{Answers: answers, Seconds: time.Since(start).Seconds()}, err
}

func runDiscrete(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[discreteParams](r)
	if err := p.config().Check(p.Active); err != nil {
		return papers.Refuse(err)
	}
	s, err := stream.HighOrder().Draw(stream.SymbolOptions{Elements: p.Elements, Noise: p.Noise, SwapAt: p.SwapAt}, r.Rand("stream"))
	if err != nil {
		return papers.Refuse(err)
	}
	two, err := stream.TwoEndings().Draw(stream.SymbolOptions{Elements: p.Endings, Noise: p.Noise}, r.Rand("two endings"))
	if err != nil {
		return papers.Refuse(err)
	}
	calm, err := stream.HighOrder().Draw(stream.SymbolOptions{Elements: p.Death + p.DeathTest, Noise: p.Noise}, r.Rand("stream"))
	if err != nil {
		return err
	}
	results, err := runParts(ctx, r, discreteParts(p, s, two, calm))
	if err != nil {
		return err
	}
	reportDiscrete(r, p, s, results)
	return nil
}

func discreteParts(p discreteParams, s, two, calm stream.Symbols) []part {
	memory := func(cfg Config, s stream.Symbols, guesses int, learning bool) func(context.Context, *rand.Rand, func(int)) (trial, error) {
		return func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			h, err := newSymbolHTM(cfg, p.Active, s.Alphabet, rng)
			if err != nil {
				return trial{}, err
			}
			h.learning = learning
			if p.Reset {
				if err := h.resetAt(s.Starts, len(s.Values)); err != nil {
					return trial{}, err
				}
			}
			return watch(ctx, h, s, guesses, p.swap(), tick)
		}
	}
	oneCell := p.config()
	oneCell.CellsPerColumn = 1
	var parts []part
	for _, window := range slices.Backward(lstmWindows) {
		parts = append(parts, part{systemLSTM(window), func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			l, err := newSymbolLSTM(ctx, lstmBudget{Every: 1000, Window: window, Steps: p.LSTMSteps}, s.Alphabet, rng)
			if err != nil {
				return trial{}, err
			}
			return simply(ctx, l, s, 1, tick)
		}, p.Elements})
	}
	parts = append(parts,
		part{systemHTM, memory(p.config(), s, 1, true), p.Elements},
		part{systemOneCell, memory(oneCell, s, 1, true), p.Elements},
		part{systemFixed, memory(p.config(), s, 1, false), p.Elements},
		part{systemELM, func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			return simply(ctx, newSymbolELM(s.Alphabet, rng), s, 1, tick)
		}, p.Elements},
		part{systemTable, func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			return simply(ctx, newFirstOrder(s.Alphabet, rng), s, 1, tick)
		}, p.Elements},
		part{"two endings " + systemHTM, memory(p.config(), two, 2, true), p.Endings},
		part{"two endings " + systemELM, func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			return simply(ctx, newSymbolELM(two.Alphabet, rng), two, 2, tick)
		}, p.Endings},
		part{"two endings " + systemTable, func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			return simply(ctx, newFirstOrder(two.Alphabet, rng), two, 2, tick)
		}, p.Endings},
		part{"two endings " + systemLSTM(9000), func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			// Trained once, for the last hundred questions; earlier trainings would not be measured.
			every := max(p.Endings-1200, 2*lstmChunk)
			l, err := newSymbolLSTM(ctx, lstmBudget{Every: every, Window: 9000, Steps: p.LSTMSteps}, two.Alphabet, rng)
			if err != nil {
				return trial{}, err
			}
			return simply(ctx, l, two, 2, tick)
		}, p.Endings},
	)
	return append(parts, deathParts(p, calm)...)
}

// deathParts has a part for each system whose cells or units die. Accuracy with each fraction dead is coded as answers whose At is the percentage.
func deathParts(p discreteParams, calm stream.Symbols) []part {
	before := stream.Symbols{Values: calm.Values[:p.Death], Question: slices.Clone(calm.Question[:p.Death]), Alphabet: calm.Alphabet}
	before.Question[p.Death-1] = false // its answer belongs to the test
	after := stream.Symbols{Values: calm.Values[p.Death:], Question: calm.Question[p.Death:], Alphabet: calm.Alphabet}
	test := func(ctx context.Context, rng *rand.Rand, units int, tick func(int), maimed func(dead []int) (predictor, error)) (trial, error) {
		var t trial
		for _, percent := range deathFractions {
			dead := rng.Perm(units)[:units*percent/100]
			slices.Sort(dead)
			victim, err := maimed(dead)
			if err != nil {
				return trial{}, err
			}
			answers, err := follow(ctx, victim, after, 1, nil)
			if err != nil {
				return trial{}, err
			}
			for _, a := range answers {
				t.Answers = append(t.Answers, answer{percent, a.Right})
			}
		}
		return t, nil
	}
	return []part{
		{"cell death " + systemHTM, func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			cfg := p.config()
			cfg.PredictedSegmentDec = 0.01 // as the authors' cell-death runs
			h, err := newSymbolHTM(cfg, p.Active, calm.Alphabet, rng)
			if err != nil {
				return trial{}, err
			}
			if _, err := follow(ctx, h, before, 1, tick); err != nil {
				return trial{}, err
			}
			return test(ctx, rng, p.Columns*p.Cells, tick, func(dead []int) (predictor, error) {
				victim := *h
				victim.memory, victim.learning = h.memory.Clone(), false
				return &victim, victim.memory.Kill(dead)
			})
		}, p.Death},
		{"cell death " + systemLSTM(9000), func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			l, err := newSymbolLSTM(ctx, lstmBudget{Every: p.Death, Window: 9000, Steps: p.LSTMSteps}, calm.Alphabet, rng)
			if err != nil {
				return trial{}, err
			}
			if _, err := follow(ctx, l, before, 1, tick); err != nil {
				return trial{}, err
			}
			return test(ctx, rng, lstmUnits, tick, func(dead []int) (predictor, error) {
				victim := *l
				victim.retrainedLSTM = l.withDead(dead)
				return &victim, nil
			})
		}, p.Death},
		{"cell death " + systemELM, func(ctx context.Context, rng *rand.Rand, tick func(int)) (trial, error) {
			e := newSymbolELM(calm.Alphabet, rng)
			if _, err := follow(ctx, e, before, 1, tick); err != nil {
				return trial{}, err
			}
			return test(ctx, rng, elmHidden, tick, func(dead []int) (predictor, error) {
				victim := *e
				victim.onlineELM = e.withDead(dead)
				return &victim, nil
			})
		}, p.Death},
	}
}

// reportDiscrete records what the parts gave.
func reportDiscrete(r *papers.Run, p discreteParams, s stream.Symbols, results map[string]trial) {
	swap := p.swap()
	for _, system := range r.Experiment.Systems {
		t := results[system.Name]
		r.Measure(system.Name, "before", accuracyAt(t.Answers, swap-10))
		for _, after := range []int{1000, 4000, 5000} {
			if p.SwapAt > 0 && swap+after <= p.Elements {
				r.Measure(system.Name, fmt.Sprintf("after-%d", after), accuracyAt(t.Answers, swap+after))
			}
		}
		if ends, ok := results["two endings "+system.Name]; ok {
			r.Measure(system.Name, "two-endings", accuracyAt(ends.Answers, p.Endings))
		}
		if death, ok := results["cell death "+system.Name]; ok {
			for _, percent := range deathFractions {
				r.Measure(system.Name, deathMetric(percent), accuracy(having(death.Answers, percent)))
			}
		}
	}
	t := results[systemHTM]
	var sparse, burst []int
	for i := max(0, swap-2000); i < swap; i++ {
		switch {
		case s.Values[i] >= s.Alphabet:
			burst = append(burst, t.Active[i])
		case t.Surprise[i] == 0:
			sparse = append(sparse, t.Active[i])
		}
	}
	r.Measure(systemHTM, "active-predicted", median(sparse))
	r.Measure(systemHTM, "active-noise", median(burst))
	r.Measure(systemHTM, "segments", float64(t.Segments[len(t.Segments)-1]))
	r.Measure(systemHTM, "bytes-per-synapse", float64(t.Bytes)/float64(t.Synapses))
	drawDiscrete(r, p, s, results)
	r.Note("The temporal memory took in %.0f elements per second, learning, while other parts ran beside it.", float64(p.Elements)/t.Seconds)
}

func having(answers []answer, at int) []answer {
	return slices.DeleteFunc(slices.Clone(answers), func(a answer) bool { return a.At != at })
}

// median returns the middle value, the lower one of two, or NaN of nothing.
func median(v []int) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	return float64(v[(len(v)-1)/2])
}

func judgeDiscrete(rs *papers.Results) {
	p := rs.Params.(discreteParams)
	htm := func(metric string) float64 { return rs.Mean(systemHTM, metric) }
	rs.Claim("learns").
		Relation("HTM above its one-cell ablation before the swap, mean of seeds", htm("before"), ">", rs.Mean(systemOneCell, "before")).
		Level("HTM's accuracy before the swap, mean of seeds", htm("before"), "≥", 0.98).
		Because("the stream had %d elements before the swap", p.SwapAt)
	rs.Claim("adapts").
		Relation("accuracy recovers: 5000 elements after the swap above 1000 after it", htm("after-5000"), ">", htm("after-1000")).
		Level("HTM's accuracy 1000 elements after the swap, mean of seeds", htm("after-1000"), "<", 0.65).
		Level("HTM's accuracy 5000 elements after the swap, mean of seeds", htm("after-5000"), "≥", 0.98)
	rs.Claim("beats-batch").
		Relation("HTM 4000 after the swap, LSTM-9000 + 0.3, mean of seeds", htm("after-4000"), "≥", rs.Mean(systemLSTM(9000), "after-4000")+0.3).
		Relation("HTM 4000 after the swap, OS-ELM + 0.3, mean of seeds", htm("after-4000"), "≥", rs.Mean(systemELM, "after-4000")+0.3)
	rs.Claim("cell-death").
		Relation("HTM with 30 % dead, HTM whole − 0.03", htm("death-30"), "≥", htm("death-0")-0.03).
		Relation("LSTM-9000 with 30 % dead, LSTM-9000 whole − 0.3", rs.Mean(systemLSTM(9000), "death-30"), "≤", rs.Mean(systemLSTM(9000), "death-0")-0.3).
		Because("an LSTM trained for %d steps is right in %.2f of its answers while whole", p.LSTMSteps, rs.Mean(systemLSTM(9000), "death-0"))
	rs.Claim("two-endings").
		Relation("HTM above the first-order table", htm("two-endings"), ">", rs.Mean(systemTable, "two-endings")).
		Level("HTM's top-2 accuracy, mean of seeds", htm("two-endings"), "≥", 0.95)
	rs.Claim("context-cells").
		Level("accuracy with one cell per column before the swap", rs.Mean(systemOneCell, "before"), "≤", 0.45).
		Level("accuracy without learning before the swap", rs.Mean(systemFixed, "before"), "≤", 0.2)
	rs.Claim("sparse-and-burst").
		Level("median active cells at predicted elements", rs.Max(systemHTM, "active-predicted"), "≤", float64(p.Active)).
		Level("median active cells at predicted elements", rs.Min(systemHTM, "active-predicted"), "≥", float64(p.Active-1)).
		Level("median active cells at noise symbols", rs.Min(systemHTM, "active-noise"), "≥", 0.95*float64(p.Active*p.Cells))
}
