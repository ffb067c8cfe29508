package sweep

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-dev/gyrus/report"
)

// TestSummarize compares with numpy.mean, std(ddof=1) and quantile of 0.3, 1.7, -2.1, 4.4, 0.9, 3.3, 2.8.
func TestSummarize(t *testing.T) {
	nan := math.NaN()
	s := summarize(0, "toy", "y", []float64{0.3, 1.7, -2.1, nan, 4.4, 0.9, 3.3, math.Inf(1), 2.8})
	for name, pair := range map[string][2]float64{
		"n": {float64(s.N), 7}, "bad": {float64(s.Bad), 2}, "mean": {float64(s.Mean), 1.6142857142857143}, "sd": {float64(s.SD), 2.162119771141716},
		"min": {float64(s.Min), -2.1}, "q05": {float64(s.Q05), -1.38}, "q25": {float64(s.Q25), 0.6}, "median": {float64(s.Median), 1.7},
		"q75": {float64(s.Q75), 3.05}, "q95": {float64(s.Q95), 4.07}, "max": {float64(s.Max), 4.4},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	one := summarize(0, "toy", "y", []float64{3})
	if one.Mean != 3 || one.N != 1 || !math.IsNaN(float64(one.SD)) || !math.IsNaN(float64(one.Low)) {
		t.Errorf("one value gives %+v", one)
	}
	if none := summarize(0, "toy", "y", []float64{nan}); none.N != 0 || none.Bad != 1 || !math.IsNaN(float64(none.Mean)) {
		t.Errorf("no finite value gives %+v", none)
	}
}

// TestBootstrap wants the interval of the mean to hold the true mean about as often as it says, and to be about the normal one when there are
// many values.
func TestBootstrap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	covered := 0
	for range 300 {
		v := make([]float64, 50)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		low, high := bootstrap(v, 500, "a")
		if low <= 0 && high >= 0 {
			covered++
		}
	}
	if covered < 270 || covered > 297 { // 285 of 300 are 95 %
		t.Errorf("%d of 300 intervals hold the mean", covered)
	}
	v := make([]float64, 1000)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	s := summarize(0, "a", "b", v)
	want := 2 * 1.96 * float64(s.SD) / math.Sqrt(1000)
	if got := float64(s.High - s.Low); math.Abs(got/want-1) > 0.1 {
		t.Errorf("the interval is %v wide, want about %v", got, want)
	}
	if again := summarize(0, "a", "b", v); again.Low != s.Low || again.High != s.High {
		t.Error("the same values gave another interval")
	}
}

// TestOrderOfArrival wants the result to be the same however outcomes came.
func TestOrderOfArrival(t *testing.T) {
	p := plan(t, Config{Axes: []Axis{axis(t, "x=1,2")}, Seeds: []int64{5, 3, 9}})
	s := &Sweep{Plan: p}
	for i := range p.Points {
		for _, seed := range p.Seeds {
			s.Outcomes = append(s.Outcomes, Outcome{Job: jobName(i, seed), Point: i, Seed: seed, Status: Done,
				Measurements: []report.Measurement{{System: "toy", Metric: "y", Value: report.Number(0.1 * float64(seed) / 3)}}})
		}
	}
	first, err := s.Summaries()
	if err != nil {
		t.Fatal(err)
	}
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(s.Outcomes), func(i, j int) { s.Outcomes[i], s.Outcomes[j] = s.Outcomes[j], s.Outcomes[i] })
	again, err := s.Summaries()
	if err != nil {
		t.Fatal(err)
	}
	for i := range first {
		if first[i].Mean != again[i].Mean || first[i].SD != again[i].SD || first[i].Low != again[i].Low {
			t.Errorf("%+v became %+v", first[i], again[i])
		}
	}
}
