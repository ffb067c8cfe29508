package sweep

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-dev/gyrus/report"
)

// Summary says how a metric of a system is distributed over the seeds of a grid point. Values that are not finite are counted and left out.
type Summary struct {
	Point  int           `json:"point"`
	System string        `json:"system"`
	Metric string        `json:"metric"`
	N      int           `json:"n"`
	Bad    int           `json:"bad,omitempty"` // seeds that measured something not finite
	Mean   report.Number `json:"mean"`
	SD     report.Number `json:"sd"` // of the sample; NaN for one seed
	Min    report.Number `json:"min"`
	Q05    report.Number `json:"q05"`
	Q25    report.Number `json:"q25"`
	Median report.Number `json:"median"`
	Q75    report.Number `json:"q75"`
	Q95    report.Number `json:"q95"`
	Max    report.Number `json:"max"`
	// Low and High are the 95 % percentile bootstrap interval of the mean (Efron & Tibshirani 1993, chapter 13), of 2,000 resamples; NaN for
	// one seed. With a handful of seeds it is too narrow.
	Low  report.Number `json:"low"`
	High report.Number `json:"high"`

	values []float64 // in seed order
}

const resamples = 2000

// Summaries aggregates what the jobs have measured: by point, and within it in the order in which the experiment declares systems and
// metrics. Points without a job that is done have none.
func (s *Sweep) Summaries() ([]Summary, error) {
	_, exp, err := s.describe()
	if err != nil {
		return nil, err
	}
	type key struct {
		point          int
		system, metric string
	}
	values := map[key][]float64{}
	for _, o := range s.bySeed() {
		if o.Status != Done {
			continue
		}
		for _, m := range o.Measurements {
			k := key{o.Point, m.System, m.Metric}
			values[k] = append(values[k], float64(m.Value))
		}
	}
	var out []Summary
	for point := range s.Points {
		for _, system := range exp.Systems {
			for _, metric := range exp.Metrics {
				if v, ok := values[key{point, system.Name, metric.ID}]; ok {
					out = append(out, summarize(point, system.Name, metric.ID, v))
				}
			}
		}
	}
	return out, nil
}

// bySeed returns the outcomes in the order of points and, within them, of the plan's seeds: how they came must not show in the result.
func (s *Sweep) bySeed() []Outcome {
	place := make(map[int64]int, len(s.Seeds))
	for i, seed := range s.Seeds {
		place[seed] = i
	}
	out := slices.Clone(s.Outcomes)
	slices.SortFunc(out, func(a, b Outcome) int {
		if a.Point != b.Point {
			return a.Point - b.Point
		}
		return place[a.Seed] - place[b.Seed]
	})
	return out
}

func summarize(point int, system, metric string, all []float64) Summary {
	var v []float64
	for _, x := range all {
		if finite(x) {
			v = append(v, x)
		}
	}
	nan := report.Number(math.NaN())
	s := Summary{Point: point, System: system, Metric: metric, N: len(v), Bad: len(all) - len(v), values: v,
		Mean: nan, SD: nan, Min: nan, Q05: nan, Q25: nan, Median: nan, Q75: nan, Q95: nan, Max: nan, Low: nan, High: nan}
	if len(v) == 0 {
		return s
	}
	sorted := slices.Sorted(slices.Values(v))
	at := func(p float64) report.Number { return report.Number(quantile(sorted, p)) }
	s.Mean, s.Min, s.Q05, s.Q25, s.Median, s.Q75, s.Q95, s.Max = report.Number(mean(v)), at(0), at(0.05), at(0.25), at(0.5), at(0.75), at(0.95), at(1)
	if len(v) < 2 {
		return s
	}
	sum := 0.0
	for _, x := range v {
		sum += (x - float64(s.Mean)) * (x - float64(s.Mean))
	}
	s.SD = report.Number(math.Sqrt(sum / float64(len(v)-1)))
	low, high := bootstrap(v, resamples, system+"\x00"+metric)
	s.Low, s.High = report.Number(low), report.Number(high)
	return s
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// quantile interpolates linearly between order statistics, as NumPy does by default (type 7 of Hyndman & Fan 1996).
func quantile(sorted []float64, p float64) float64 {
	h := p * float64(len(sorted)-1)
	i := min(int(h), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (h-float64(i))*(sorted[j]-sorted[i])
}

// bootstrap returns the 2.5 and 97.5 % quantiles of the means of resamples. The same values and name give the same interval.
func bootstrap(v []float64, resamples int, name string) (low, high float64) {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(h.Sum64(), uint64(len(v))))
	means := make([]float64, resamples)
	for i := range means {
		sum := 0.0
		for range v {
			sum += v[rng.IntN(len(v))]
		}
		means[i] = sum / float64(len(v))
	}
	slices.Sort(means)
	return quantile(means, 0.025), quantile(means, 0.975)
}
