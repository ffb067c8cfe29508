package delays

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

type recordedParams struct {
	Images    int     `param:"images" min:"1" max:"1000" help:"the most photographs taken from the folder"`
	Bin       float64 `param:"bin" unit:"ms" min:"0.01" max:"1000" help:"bins of the recording; a layer's ms is one of them, and so slow motion needs wide bins"`
	Width     int     `param:"sensor-width" unit:"pixels" min:"0" max:"65536" help:"of the recording; 0 for what the file says, or its largest address"`
	Height    int     `param:"sensor-height" unit:"pixels" min:"0" max:"65536" help:"of the recording; 0 for what the file says, or its largest address"`
	Movies    int     `param:"movies" min:"1" max:"5000" help:"movies trained on"`
	Tests     int     `param:"tests" min:"1" max:"1000" help:"new movies to test on"`
	Threshold float64 `param:"threshold" min:"0.01" max:"100" help:"of the event camera that films them, in standard deviations of the image"`
	Speeds    string  `param:"speeds" help:"speeds in pixels per bin, separated by blanks"`
	Updates   int     `param:"updates" min:"1" max:"1000000" help:"of the weights by Adam"`
}

// movies is the parameters that films are made and the layer is trained with; base is those of saccades at the same preset.
func (p recordedParams) movies(base saccadesParams) saccadesParams {
	base.Movies, base.Tests, base.Threshold, base.Speeds, base.Updates = p.Movies, p.Tests, p.Threshold, p.Speeds, p.Updates
	return base
}

var recorded = papers.Experiment{
	Name: "recorded",
	Summary: "Your own photographs in place of drawn images, your own recording of an event camera decoded with the layer they train, or both. " +
		"With labels the recording measures accuracy.",
	Params: papers.Presets[recordedParams]{
		Quick:   recordedParams{Images: 4, Bin: 1, Movies: 12, Tests: 3, Threshold: 1.2, Speeds: small.Speeds, Updates: 200},
		Default: recordedParams{Images: 20, Bin: 1, Movies: standard.Movies, Tests: standard.Tests, Threshold: 1.2, Speeds: standard.Speeds, Updates: standard.Updates},
		Full:    recordedParams{Images: 100, Bin: 1, Movies: published().Movies, Tests: published().Tests, Threshold: 1.2, Speeds: standard.Speeds, Updates: published().Updates},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Inputs: []papers.Input{
		{Name: "images", Formats: []string{"PNG", "PGM", "IML (van Hateren)"}, Says: "a folder of large grey images, at least 64 pixels on either side"},
		{Name: "events", Formats: []string{"AEDAT 2, 3.1, 4", "N-MNIST", "CSV", "NPY"}, Says: "a recording of an event camera; as CSV or NPY with t (microseconds from 0 on), x, y, p"},
		{Name: "labels", Formats: []string{"CSV", "NPY"}, Says: "the class of motion in each bin of the recording (column class): direction · speeds + speed, directions from rightwards on downwards; -1 for none"},
	},
	Metrics: []report.Metric{all, late, density},
	Systems: []report.System{
		{Name: systemLayer, Role: report.Subject, Says: "on new movies of the images"},
		{Name: systemCorrelation, Role: report.Baseline, Says: "on the same movies"},
		{Name: systemRecording, Role: report.Subject, Says: "the same layer on the recording, where it has labels"},
	},
	Run: runRecorded,
}

func runRecorded(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[recordedParams](r)
	folder, withImages := r.Input("images")
	path, withEvents := r.Input("events")
	labels, withLabels := r.Input("labels")
	if !withImages && !withEvents {
		return papers.Refuse(fmt.Errorf("this experiment needs images or events: --data images=FOLDER or --data events=FILE, or both"))
	}
	if withLabels && !withEvents {
		return papers.Refuse(fmt.Errorf("there are labels and no recording: --data events=FILE"))
	}
	base := map[papers.Preset]saccadesParams{papers.Quick: small, papers.Default: standard, papers.Full: published()}[r.Preset]
	base = p.movies(base)
	var of scene
	if withImages {
		list, err := readPhotos(folder, p.Images)
		if err != nil {
			return papers.Refuse(err)
		}
		of = photos(list, base.Side)
		r.Note("%d photographs in place of drawn images.", len(list))
	}
	plan, err := base.plan(of)
	if err != nil {
		return papers.Refuse(err)
	}
	// All that can be wrong with the recording is found before the layer is trained.
	var s *stream
	var truth []int
	if withEvents {
		if s, err = readStream(path, max(1, int64(math.Round(p.Bin*1000))), sensor{p.Width, p.Height}); err != nil {
			return papers.Refuse(err)
		}
		if err := s.check(plan.field); err != nil {
			return err
		}
		if withLabels {
			if truth, err = readLabels(labels, s.bins(), len(plan.classes)); err != nil {
				return papers.Refuse(err)
			}
		}
	}
	study, err := learn(ctx, r, plan)
	if err != nil {
		return err
	}
	decoded, err := study.field.decode(ctx, study.test, study.moments, study.Places, []layer{study.layer}, uint64(r.SeedFor("test places")), staged(r, "decoding"))
	if err != nil {
		return err
	}
	study.measure(systemLayer, decoded[0].Class)
	study.drawSince(decoded[0].Class)
	study.drawKernels()
	if err := study.correlation(ctx); err != nil {
		return err
	}
	if err := study.show(ctx); err != nil || s == nil {
		return err
	}
	return study.recording(ctx, s, truth, p.Bin)
}

// recording decodes a recording, and compares it with its labels if there are any.
func (s *study) recording(ctx context.Context, of *stream, truth []int, bin float64) error {
	decoded, err := decodeStream(ctx, of, s.field, s.layer, staged(s.run, "decoding the recording"))
	if err != nil {
		return err
	}
	s.run.Measure(systemRecording, "density", of.density())
	first := s.Depth - 1
	if truth != nil {
		var at []moment
		var class []int
		since := 0
		for t, c := range truth {
			if since++; t == 0 || c != truth[t-1] {
				since = 0
			}
			if t >= first && c >= 0 {
				at, class = append(at, moment{0, t, c, since}), append(class, decoded.Class[t-first])
			}
		}
		if len(at) == 0 {
			return papers.Refuse(fmt.Errorf("none of the bins from %d on has a label: nothing to measure", first))
		}
		s.run.Measure(systemRecording, "accuracy", accuracy(at, class, 0))
		if slices.ContainsFunc(at, func(m moment) bool { return m.Since >= settled }) {
			s.run.Measure(systemRecording, "late", accuracy(at, class, settled))
		}
	}
	velocity := func(class int) motion.Velocity {
		if class < 0 {
			return motion.Velocity{X: math.NaN(), Y: math.NaN()}
		}
		return s.classes[class]
	}
	var times []float64
	decodedV, trueV := make([]motion.Velocity, 0, len(decoded.Class)), []motion.Velocity(nil)
	for k, c := range decoded.Class {
		times, decodedV = append(times, float64(first+k)*bin), append(decodedV, velocity(c))
		if truth != nil {
			trueV = append(trueV, velocity(truth[first+k]))
		}
	}
	s.drawVelocity("recording", "Motion decoded from the recording", "pixels per bin", times, decodedV, trueV)
	return nil
}
