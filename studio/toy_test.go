package studio

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/jobs"
)

// TestMain lets the test binary act as the process that carries a run out.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if err := jobs.Work(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// slopeParams are the parameters of the paper of the tests, which slides down a slope.
type slopeParams struct {
	Steps int           `param:"steps" help:"number of steps" min:"1" max:"10000"`
	Pause time.Duration `param:"pause" help:"time of a step" min:"0"`
	Rate  float64       `param:"rate" help:"how much of the way a step takes" unit:"1/step" min:"0" max:"1"`
	Mode  string        `param:"mode" help:"which way it goes" oneof:"down up broken"`
	Dry   bool          `param:"dry" help:"whether the slope is dry"`
}

func init() {
	quick, full := slopeParams{Steps: 12, Pause: time.Millisecond, Rate: 0.3, Mode: "down"}, slopeParams{Steps: 40, Pause: time.Millisecond, Rate: 0.1, Mode: "down", Dry: true}
	e := papers.Experiment{
		Name: "slide", Summary: "Slides down a slope, beside a stone that lies still.", Tests: []string{"descends", "arrives"},
		Params:  papers.Presets[slopeParams]{Quick: quick, Default: full, Full: full},
		Seeds:   papers.Seeds{Default: 2},
		Metrics: []report.Metric{{ID: "end", Name: "height at the end", Unit: "m", Better: report.Lower}},
		Systems: []report.System{{Name: "slider", Role: report.Subject}, {Name: "stone", Role: report.Baseline}},
		Run:     slide,
		Judge: func(rs *papers.Results) {
			rs.Claim("descends").Relation("height at the end below the stone's", rs.Mean("slider", "end"), "<", rs.Mean("stone", "end"))
			rs.Claim("arrives").Level("height at the end", rs.Mean("slider", "end"), "≤", 1e-9).Because("the slope is long")
		},
	}
	read := e
	read.Name, read.Summary, read.Tests = "given", "Slides down a slope that a file gives.", nil
	read.Inputs = []papers.Input{{Name: "slope", Says: "numbers, one a line", Formats: []string{"text"}, Required: true}}
	papers.Register(papers.Paper{
		Slug: "slope", System: "Slider", Title: "On slopes & <b>sliding</b>", Authors: 2, Published: "2026-02", ArXiv: "2602.00001", Code: "https://example.org/slope",
		Family: papers.Recurrent, Summary: "A thing slides down a slope.",
		Claims:      []papers.Claim{{ID: "descends", Says: "It descends.", Origin: papers.FromPaper, Published: "1 m, table 1"}, {ID: "arrives", Says: "It arrives.", Origin: papers.Ours}},
		Experiments: []papers.Experiment{e, read},
		Applies:     "Reads a text and writes its length.",
		Apply: func(_ context.Context, a *papers.Application) error {
			if _, err := os.Stat(filepath.Join(a.ModelDir, "weights")); err != nil {
				return err
			}
			for _, f := range a.Files {
				data, err := os.ReadFile(f)
				if err != nil {
					return err
				}
				out, err := a.OutputPath(f, "-length.txt")
				if err != nil {
					return err
				}
				if err := os.WriteFile(out, fmt.Append(nil, len(data)), 0o644); err != nil {
					return err
				}
				a.Say("%s holds %d bytes", filepath.Base(f), len(data))
			}
			return nil
		},
	})
}

func slide(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[slopeParams](r)
	height := 1 + 0.1*r.Rand("start").Float64()
	if len(r.Experiment.Inputs) > 0 {
		path, _ := r.Input("slope")
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		height += float64(len(data))
	}
	stone := height
	var x, y []float64
	for i := range p.Steps {
		next, err := papers.Stage(r, fmt.Sprint("step-", i), func() (float64, error) {
			if p.Mode == "broken" {
				return 0, papers.Refuse(errors.New("the slope is <i>broken</i>"))
			}
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(p.Pause):
			}
			return height * (1 - p.Rate), nil
		})
		if err != nil {
			return err
		}
		height = next
		x, y = append(x, float64(i+1)), append(y, height)
		r.Progress(papers.Progress{Stage: "slider", Done: i + 1, Total: p.Steps, Unit: "step", Metrics: map[string]float64{"height": height, "bad": math.NaN()}})
	}
	dir, err := r.ModelDir()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "weights"), fmt.Append(nil, height), 0o644); err != nil {
		return err
	}
	r.Curve(report.Curve{Plot: "height", Series: "slider", XLabel: "step", YLabel: "height (m)", X: report.Numbers(x), Y: report.Numbers(y)})
	r.Figure(report.LinePlot(report.Frame{ID: "way", Title: "The way down", XLabel: "step", YLabel: "height (m)"}, []report.Series{{Name: "slider", X: x, Y: y}}))
	r.Measure("slider", "end", height)
	r.Measure("stone", "end", stone)
	r.Log.Info("slid <down>", "steps", p.Steps)
	return nil
}

// newRunning is a server whose runs are carried out by the test binary.
func newRunning(t *testing.T, c Config) *site {
	t.Helper()
	c.Worker = []string{os.Args[0], "worker"}
	return newSite(t, c)
}

// execute makes a run in this process, as gyrus run does, and returns its ID.
func execute(t *testing.T, home string, c runner.Config) string {
	t.Helper()
	c.Home = home
	if c.Paper == "" {
		c.Paper = "slope"
	}
	if c.Preset == "" {
		c.Preset = papers.Quick
	}
	out, err := runner.Execute(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return out.ID
}

var tags = regexp.MustCompile(`(?s)<head>.*?</head>|<[^>]*>`)

// has reports texts that a page lacks.
func has(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("the page lacks %q; its text is %.1500s", text, strings.Join(strings.Fields(tags.ReplaceAllString(body, " ")), " "))
		}
	}
}
