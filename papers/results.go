package papers

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-dev/gyrus/report"
)

// Results is what all seeds of a run measured, for [Experiment.Judge] to tie to claims.
type Results struct {
	Preset  Preset
	Params  any // the run's parameters, of the experiment's own struct type
	Inputs  map[string]string
	Records []report.Record

	verdicts []report.Verdict
}

// Values returns a metric of a system over the seeds, in seed order, leaving out seeds that did not measure it.
func (rs *Results) Values(system, metric string) []float64 {
	var vs []float64
	for i := range rs.Records {
		if v, ok := rs.Records[i].Value(system, metric); ok {
			vs = append(vs, v)
		}
	}
	return vs
}

// Mean returns the mean over seeds, or NaN if no seed measured it.
func (rs *Results) Mean(system, metric string) float64 {
	vs := rs.Values(system, metric)
	sum := 0.0
	for _, v := range vs {
		sum += v
	}
	return sum / float64(len(vs))
}

// Min returns the smallest value over seeds, or NaN if no seed measured it.
func (rs *Results) Min(system, metric string) float64 {
	if vs := rs.Values(system, metric); len(vs) > 0 {
		return slices.Min(vs)
	}
	return math.NaN()
}

// Max returns the largest value over seeds, or NaN if no seed measured it.
func (rs *Results) Max(system, metric string) float64 {
	if vs := rs.Values(system, metric); len(vs) > 0 {
		return slices.Max(vs)
	}
	return math.NaN()
}

// Verdicts returns the verdicts reached so far, in the order of the calls to Claim and NotTested.
func (rs *Results) Verdicts() []report.Verdict { return rs.verdicts }

// Claim opens the verdict on a claim. Its status follows from the conditions added: reproduced if all hold; partly if only
// [Judgement.Level] conditions fail; not reproduced if a [Judgement.Relation] fails; not tested if there is no condition, or if one
// compares a value that was not measured.
func (rs *Results) Claim(id string) *Judgement {
	rs.verdicts = append(rs.verdicts, report.Verdict{Claim: id, Status: report.NotTested})
	return &Judgement{results: rs, index: len(rs.verdicts) - 1}
}

// NotTested records that a claim was not tested and what is missing.
func (rs *Results) NotTested(id, missing string) {
	rs.verdicts = append(rs.verdicts, report.Verdict{Claim: id, Status: report.NotTested, Why: missing})
}

// Judgement is a verdict being reached.
type Judgement struct {
	results *Results
	index   int
}

// Relation requires left op right, where both sides were measured (or right is a margin from a measured value).
// The operator is one of ≥, >, ≤, <.
func (j *Judgement) Relation(says string, left float64, op string, right float64) *Judgement {
	return j.add(report.Condition{Says: says, Left: report.Number(left), Op: op, Right: report.Number(right)})
}

// Level requires a measured value to reach a stated one.
func (j *Judgement) Level(says string, left float64, op string, bar float64) *Judgement {
	return j.add(report.Condition{Says: says, Left: report.Number(left), Op: op, Right: report.Number(bar), Level: true})
}

// Because gives the best explanation of a failure; it is shown only if the claim is not wholly reproduced.
func (j *Judgement) Because(format string, args ...any) *Judgement {
	if v := &j.results.verdicts[j.index]; v.Status != report.Reproduced && v.Why == "" {
		v.Why = fmt.Sprintf(format, args...)
	}
	return j
}

func (j *Judgement) add(c report.Condition) *Judgement {
	left, right := float64(c.Left), float64(c.Right)
	switch c.Op {
	case "≥":
		c.Holds = left >= right
	case ">":
		c.Holds = left > right
	case "≤":
		c.Holds = left <= right
	case "<":
		c.Holds = left < right
	default:
		panic(fmt.Sprintf("papers: operator %q is not one of ≥ > ≤ <", c.Op))
	}
	v := &j.results.verdicts[j.index]
	v.Conditions = append(v.Conditions, c)
	v.Status = report.Reproduced
	for _, c := range v.Conditions {
		switch {
		case !finite(float64(c.Left)) || !finite(float64(c.Right)):
			v.Status = report.NotTested
			v.Why = "not measured: " + c.Says
			return j
		case !c.Holds && !c.Level:
			v.Status = report.NotReproduced
		case !c.Holds && v.Status == report.Reproduced:
			v.Status = report.Partly
		}
	}
	return j
}
