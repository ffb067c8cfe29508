package synchrony

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/dynamics/coupling"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

func config(t *testing.T, experiment string, set, inputs map[string]string) runner.Config {
	return runner.Config{Paper: "synchrony", Experiment: experiment, Preset: papers.Quick, Seed: 1, Set: set, Inputs: inputs, Home: t.TempDir()}
}

// execute runs an experiment's quick preset as the command line would.
func execute(t *testing.T, experiment string, set, inputs map[string]string) *runner.Outcome {
	t.Helper()
	outcome, err := runner.Execute(context.Background(), config(t, experiment, set, inputs))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range outcome.Document.Claims {
		t.Log(c.ID, c.Verdict.Status, c.Verdict.Conditions)
	}
	return outcome
}

// TestDecisionQuick asserts what coupling does, which neither repelling copies nor copies under common noise do.
func TestDecisionQuick(t *testing.T) {
	o := execute(t, "decision", nil, nil)
	for _, claim := range []string{"bound", "copy"} {
		if s := runnertest.Status(t, o, claim); s != report.Reproduced {
			t.Errorf("claim %s is %q", claim, s)
		}
	}
	single, coupled := runnertest.Value(t, o, systemSingle, "error"), runnertest.Value(t, o, systemCoupled, "error")
	uncoupled, common, repelling := runnertest.Value(t, o, systemUncoupled, "error"), runnertest.Value(t, o, systemCommon, "error"), runnertest.Value(t, o, systemRepelling, "error")
	if coupled > .3*uncoupled || common < .5*single || repelling < 100*single {
		t.Errorf("errors: coupled %.3g, uncoupled %.3g, single %.3g, common noise %.3g, repelling %.3g", coupled, uncoupled, single, common, repelling)
	}
	if d := runnertest.Value(t, o, systemCommon, "disagreement"); d > 1e-12 {
		t.Errorf("under common noise D is %v", d)
	}
	if ceiling, one := runnertest.Value(t, o, systemDescent, "accuracy"), runnertest.Value(t, o, systemSingle, "accuracy"); one >= ceiling {
		t.Errorf("a noisy circuit is right in %v, the optimum in %v", one, ceiling)
	}
}

func TestKernelQuick(t *testing.T) {
	o := execute(t, "kernel", nil, nil)
	if off := runnertest.Value(t, o, systemCoupled, "off-linear"); off > .25 {
		t.Errorf("D is off the linear formula by %v", off)
	}
	if over := runnertest.Value(t, o, systemCoupled, "over-bound"); over > 1.1 {
		t.Errorf("D is %v of its bound", over)
	}
}

// files writes a labelled table of two noisy classes and a network.
func files(t *testing.T, rows, network string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	in := map[string]string{"table": filepath.Join(dir, "table.csv")}
	if rows == "" {
		rng := rand.New(rand.NewPCG(3, 4))
		var b strings.Builder
		b.WriteString("height,weight,label\n")
		for range 80 {
			x, y := rng.NormFloat64(), rng.NormFloat64()
			label := "wolf"
			if x-2*y+rng.NormFloat64() > 0 {
				label = "dog"
			}
			fmt.Fprintf(&b, "%.4f,%.4f,%s\n", 50+10*x, 30+5*y, label)
		}
		rows = b.String()
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(in["table"], rows)
	if network != "" {
		in["network"] = filepath.Join(dir, "network.csv")
		write(in["network"], network)
	}
	return in
}

func TestTableQuick(t *testing.T) {
	for name, in := range map[string]map[string]string{
		"all to all":    files(t, "", ""),
		"given network": files(t, "", "0,1,0,1\n1,0,1,0\n0,1,0,1\n1,0,1,0\n"),
	} {
		o := execute(t, "table", map[string]string{"circuits": "4"}, in)
		coupled, uncoupled := runnertest.Value(t, o, systemCoupled, "error"), runnertest.Value(t, o, systemUncoupled, "error")
		if coupled > .7*uncoupled {
			t.Errorf("%s: the error of a circuit is %v coupled, %v uncoupled", name, coupled, uncoupled)
		}
		if d, bound := runnertest.Value(t, o, systemCoupled, "disagreement"), runnertest.Value(t, o, systemCoupled, "bound"); d > 1.1*bound || d < .3*bound {
			t.Errorf("%s: D is %v, its bound %v", name, d, bound)
		}
		if best, one := runnertest.Value(t, o, systemDescent, "accuracy"), runnertest.Value(t, o, systemUncoupled, "accuracy"); best < .75 || one >= best {
			t.Errorf("%s: accuracy of the optimum %v, of one circuit %v", name, best, one)
		}
	}
}

func TestRefused(t *testing.T) {
	labelled := func(rows ...string) string { return "a,b,label\n" + strings.Join(rows, "\n") + "\n" }
	ten := func(row func(i int) string) (out []string) {
		for i := range 10 {
			out = append(out, row(i))
		}
		return out
	}
	noisy := func(i int) string { return fmt.Sprintf("%d,%d,%d", i*7%10, i*3%10, i%2) }
	for _, c := range []struct {
		name       string
		experiment string
		set        map[string]string
		inputs     map[string]string
		says       string
	}{
		{"asymmetric", "table", nil, files(t, "", "0,1\n2,0\n"), "symmetric"},
		{"negative", "table", nil, files(t, "", "0,-1\n-1,0\n"), "not negative"},
		{"not square", "table", nil, files(t, "", "0,1,1\n1,0,1\n"), "n x n"},
		{"disconnected", "table", nil, files(t, "", "0,1,0,0\n1,0,0,0\n0,0,0,2\n0,0,2,0\n"), "{1, 2} and {3, 4}"},
		{"separable", "table", map[string]string{"ridge": "0", "burn": "50"}, files(t, labelled(ten(func(i int) string { return fmt.Sprintf("%d,%d,%d", i-5, i*3%10, i/5) })...), ""), "set ridge above 0"},
		{"three classes", "table", nil, files(t, labelled(ten(func(i int) string { return fmt.Sprintf("%d,%d,%d", i, i*3%10, i%3) })...), ""), "two values"},
		{"one class", "table", nil, files(t, labelled(ten(func(i int) string { return fmt.Sprintf("%d,%d,1", i, i*3%10) })...), ""), "two classes"},
		{"no label", "table", map[string]string{"label": "species"}, files(t, "", ""), "species"},
		{"gap", "table", nil, files(t, labelled(append(ten(noisy), ",3,1")...), ""), "row 11 of the data, column a"},
		{"constant", "table", nil, files(t, labelled(ten(func(i int) string { return fmt.Sprintf("4,%d,%d", i*3%10, i%2) })...), ""), "column a"},
		{"text", "table", nil, files(t, labelled(ten(func(i int) string { return fmt.Sprintf("%d,x,%d", i, i%2) })...), ""), "must be numbers"},
		{"dt", "table", map[string]string{"dt": "0.9", "gain": "1"}, files(t, "", ""), "largest stable step"},
		{"sigma", "decision", map[string]string{"sigma": "-1"}, nil, "cannot be negative"},
		{"one circuit", "table", map[string]string{"circuits": "1"}, files(t, "", ""), "nothing to couple"},
		{"burn-in", "decision", map[string]string{"burn": "20"}, nil, "too short"},
	} {
		_, err := runner.Execute(context.Background(), config(t, c.experiment, c.set, c.inputs))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.says)
		} else if !refused(err) {
			t.Errorf("%s: %v is no refusal", c.name, err)
		}
		if in := c.inputs; in != nil && err != nil && c.experiment == "table" && c.name != "dt" && c.name != "one circuit" && !strings.Contains(err.Error(), ".csv") {
			t.Errorf("%s: %v does not name the file", c.name, err)
		}
	}
}

// In a complete graph the linear formula and the bound have closed forms, and for one circuit the mean is everything.
func TestTheory(t *testing.T) {
	l := &learner{optimum: make([]float64, 2), curvature: []float64{.5, .5}, mu: .5}
	p := predict(l, []float64{0, 2, 2, 2}, 1)
	want := 3. / (2 * 4) * 2 / 2.5
	if math.Abs(p.Bound-want) > 1e-12 || math.Abs(p.Linear-want) > 1e-12 || math.Abs(p.MeanLinear-2/(2*4*.5)) > 1e-12 || math.Abs(p.MeanBound-p.MeanLinear) > 1e-12 {
		t.Errorf("%+v, want bound and linear formula %v", p, want)
	}
	if alone := predict(l, []float64{0}, 1); alone.Bound != 0 || alone.Linear != 0 || math.Abs(alone.MeanLinear-2) > 1e-12 {
		t.Errorf("alone: %+v", alone)
	}
	if b := boundOver(l, []float64{0, 2, 2, 2}, 1, 3, 0); math.Abs(b-3-want) > 1e-12 {
		t.Errorf("at time 0 the bound is %v", b)
	}
}

// The gradient is that of the loss, and vanishes at the optimum, which no other point betters; the Hessian's eigenvalues are those of differences.
func TestLogistic(t *testing.T) {
	s := draw(60, rand.New(rand.NewPCG(1, 2)))
	l, err := logistic(s, .1)
	if err != nil {
		t.Fatal(err)
	}
	loss := func(w []float64) float64 {
		sum := .05 * dot(w, w)
		for i, x := range s.x {
			sum += math.Log1p(math.Exp(-s.y[i]*dot(w, x))) / float64(len(s.x))
		}
		return sum
	}
	g := make([]float64, 5)
	w := []float64{.3, -.2, .5, 1, -1}
	l.gradient(g, w)
	for j := range w {
		w[j] += 1e-5
		up := loss(w)
		w[j] -= 2e-5
		if want := (up - loss(w)) / 2e-5; math.Abs(g[j]-want) > 1e-8 {
			t.Errorf("slope %d is %v, by differences %v", j, g[j], want)
		}
		w[j] += 1e-5
	}
	l.gradient(g, l.optimum)
	if norm := math.Sqrt(dot(g, g)); norm > 1e-10 {
		t.Errorf("at the optimum the slope is %v", norm)
	}
	if l.mu > l.curvature[0] || l.steepest < l.curvature[4] {
		t.Errorf("curvatures %v are not between %v and %v", l.curvature, l.mu, l.steepest)
	}
}

// A quadratic population in steps of Euler has the variance of the linear formula, larger by 1/(1 - a·dt/2) in each mode.
func TestQuadraticPopulation(t *testing.T) {
	curvature := []float64{.5, 2}
	l := &learner{optimum: []float64{1, -1}, curvature: curvature, mu: .5, steepest: 2}
	l.gradient = func(to, w []float64) {
		for q, h := range curvature {
			to[q] = h * (w[q] - l.optimum[q])
		}
	}
	ring, err := coupling.Ring(6, .4)
	if err != nil {
		t.Fatal(err)
	}
	p := population{learner: l, graph: ring, sigma: .7, dt: .1, length: 6000, every: .2, decide: 1, seed: 5}
	o, err := p.run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	spectrum, err := ring.Spectrum()
	if err != nil {
		t.Fatal(err)
	}
	var want, mean float64
	for _, h := range curvature {
		for r, s := range spectrum {
			a := h + s
			v := .49 / (2 * 6) / a / (1 - a*.1/2)
			if r == 0 {
				mean += v
			} else {
				want += v
			}
		}
	}
	if math.Abs(o.Disagreement/want-1) > .03 || math.Abs(o.Mean/mean-1) > .08 {
		t.Errorf("D is %v, want %v; the mean's error %v, want %v", o.Disagreement, want, o.Mean, mean)
	}
}

// Circuits that all feel the same noise are one circuit, to the last bit.
func TestCommonNoise(t *testing.T) {
	l, err := logistic(draw(60, rand.New(rand.NewPCG(1, 2))), .1)
	if err != nil {
		t.Fatal(err)
	}
	var copies [2]float64
	for i, n := range []int{1, 8} {
		g, err := coupling.Complete(n, .25)
		if err != nil {
			t.Fatal(err)
		}
		p := population{learner: l, graph: g, sigma: .5, dt: .01, length: 20, every: .2, decide: 1, common: 1, seed: 9}
		o, err := p.run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		copies[i] = o.Copy
	}
	if math.Abs(copies[0]-copies[1]) > 1e-12*copies[0] {
		t.Errorf("errors %v of one and of eight circuits under common noise", copies)
	}
}

func TestVotes(t *testing.T) {
	for _, c := range [][3]float64{{1, 1, 0}, {-1, 1, 1}, {0, 1, .5}, {4, -1, 1}, {-3, -1, 0}, {0, -1, .5}} {
		if got := wrong(c[0], c[1]); got != c[2] {
			t.Errorf("votes of %v for %v count %v wrong, want %v", c[0], c[1], got, c[2])
		}
	}
}

func refused(err error) bool {
	var r *papers.RefusedError
	return errors.As(err, &r)
}
