package htm

import (
	"context"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/papers"
)

// Sizes of the paper's scalar pipeline: a block for the value, one for the time of day and one for the day of the week, side by side; 40
// columns win; and the value is decoded into 22 buckets.
const (
	blockWidth    = 29
	valueBits     = 109
	minuteBits    = 600
	dayBits       = 100
	pooledColumns = 40
	bucketBits    = 50
	poolerRecords = 5000
	poolerPasses  = 5
)

// record is one element of a scalar stream.
type record struct{ value, minute, day float64 }

func (s series) record(i int) record { return record{s.Values[i], s.Minutes[i], s.Days[i]} }

// Forecaster predicts a scalar stream with a temporal memory: encoder, spatial pooler, memory, classifier (paper, section 3).
type forecaster struct {
	value, minute, day, bucket Block
	pooler                     *Pooler
	memory                     *Memory
	classifier                 *Classifier
	learning                   bool
	bits                       []int
}

// newForecaster returns a forecaster of values from lo to hi that many steps ahead.
func newForecaster(cfg Config, ahead int, lo, hi float64, rng *rand.Rand) (*forecaster, error) {
	f := &forecaster{
		value:    Block{Name: "value", Bits: valueBits, Width: blockWidth, Min: lo, Max: hi},
		minute:   Block{Name: "time of day", Bits: minuteBits, Width: blockWidth, Min: 0, Max: 1411, Periodic: true},
		day:      Block{Name: "day of week", Bits: dayBits, Width: blockWidth, Min: 0, Max: 7, Periodic: true},
		bucket:   Block{Name: "decoder", Bits: bucketBits, Width: blockWidth, Min: lo, Max: hi},
		learning: true,
	}
	for _, b := range []Block{f.value, f.minute, f.day, f.bucket} {
		if err := b.Check(); err != nil {
			return nil, err
		}
	}
	if err := cfg.Check(pooledColumns); err != nil {
		return nil, err
	}
	var err error
	if f.pooler, err = NewPooler(valueBits+minuteBits+dayBits, cfg.Columns, pooledColumns, rng); err != nil {
		return nil, err
	}
	if f.memory, err = NewMemory(cfg, rng.Uint64()); err != nil {
		return nil, err
	}
	f.classifier, err = NewClassifier(cfg.Columns*cfg.CellsPerColumn, f.bucket.Places(), ahead)
	return f, err
}

func (f *forecaster) encode(r record) []int {
	f.bits = f.value.Append(f.bits[:0], 0, r.value)
	f.bits = f.minute.Append(f.bits, valueBits, r.minute)
	f.bits = f.day.Append(f.bits, valueBits+minuteBits, r.day)
	return f.bits
}

// train adapts the spatial pooler to the first records; afterwards it stays as it is.
func (f *forecaster) train(ctx context.Context, s series) error {
	for range poolerPasses {
		for i := range min(poolerRecords, len(s.Values)) {
			if i%64 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if _, err := f.pooler.Pool(f.encode(s.record(i)), true); err != nil {
				return err
			}
		}
	}
	return nil
}

// step takes in a record and returns the value expected ahead.
func (f *forecaster) step(r record) (float64, error) {
	columns, err := f.pooler.Pool(f.encode(r), false)
	if err != nil {
		return 0, err
	}
	if err := f.memory.Step(columns, f.learning); err != nil {
		return 0, err
	}
	return f.classifier.Step(f.memory.ActiveCells(), f.bucket.Place(r.value), r.value, f.learning), nil
}

// forecast is what a method made of a series.
type forecast struct {
	Predicted []float64 // at i, the value expected for record i+ahead; as long as the series
	Anomaly   []float64 // of the temporal memory, or nil
	Segments  []float64 // of the temporal memory, or nil
	Bytes     int       // held by the temporal memory at the end
}

// forecastHTM runs a temporal memory along the series; from record freeze on, if that is not 0, it no longer learns.
func forecastHTM(ctx context.Context, s series, cfg Config, ahead int, lo, hi float64, freeze int, rng *rand.Rand, progress func(papers.Progress)) (forecast, error) {
	f, err := newForecaster(cfg, ahead, lo, hi, rng)
	if err != nil {
		return forecast{}, err
	}
	if err := f.train(ctx, s); err != nil {
		return forecast{}, err
	}
	var out forecast
	for i := range s.Values {
		if i%64 == 0 {
			if ctx.Err() != nil {
				return forecast{}, ctx.Err()
			}
			if progress != nil {
				progress(papers.Progress{Stage: "HTM", Done: i, Total: len(s.Values), Unit: "record"})
			}
		}
		f.learning = freeze == 0 || i < freeze
		y, err := f.step(s.record(i))
		if err != nil {
			return forecast{}, err
		}
		out.Predicted = append(out.Predicted, y)
		out.Anomaly = append(out.Anomaly, f.memory.Anomaly())
		out.Segments = append(out.Segments, float64(f.memory.Segments()))
	}
	out.Bytes = f.memory.Bytes()
	return out, nil
}

// scaled returns the records as vectors for the baselines, every component scaled to [-1,1], and the values alone likewise.
func (s series) scaled(lo, hi float64) (inputs, targets [][]float32) {
	for i := range s.Values {
		r := s.record(i)
		v := float32(2*(min(max(r.value, lo), hi)-lo)/(hi-lo) - 1)
		inputs = append(inputs, []float32{v, float32(r.minute/720 - 1), float32(r.day/3 - 1)})
		targets = append(targets, []float32{v})
	}
	return inputs, targets
}

func unscaled(v float32, lo, hi float64) float64 { return lo + (float64(v)+1)/2*(hi-lo) }

// forecastLSTM runs a retrained LSTM along the series.
func forecastLSTM(ctx context.Context, s series, b lstmBudget, ahead int, lo, hi float64, rng *rand.Rand) (forecast, error) {
	l, err := newRetrainedLSTM(ctx, b, 3, 1, ahead, rng)
	if err != nil {
		return forecast{}, err
	}
	var out forecast
	inputs, targets := s.scaled(lo, hi)
	for i := range inputs {
		y, err := l.see(inputs[i], targets[i])
		if err != nil {
			return forecast{}, err
		}
		out.Predicted = append(out.Predicted, unscaled(y[0], lo, hi))
	}
	return out, nil
}

// forecastELM runs an online extreme learning machine along the series.
func forecastELM(ctx context.Context, s series, ahead int, lo, hi float64, rng *rand.Rand) (forecast, error) {
	e := newOnlineELM(3, 1, ahead, rng)
	var out forecast
	inputs, targets := s.scaled(lo, hi)
	for i := range inputs {
		if i%64 == 0 && ctx.Err() != nil {
			return forecast{}, ctx.Err()
		}
		out.Predicted = append(out.Predicted, unscaled(e.see(inputs[i], targets[i])[0], lo, hi))
	}
	return out, nil
}

// persistence predicts that the value stays as it is.
func persistence(s series) forecast { return forecast{Predicted: s.Values} }

// lastWeek predicts the value of the same time a week before, or, in the first week, that the value stays as it is. period is the number of
// records in a week.
func lastWeek(s series, ahead, period int) forecast {
	var out forecast
	for i, v := range s.Values {
		if j := i + ahead - period; j >= 0 && j <= i {
			v = s.Values[j]
		}
		out.Predicted = append(out.Predicted, v)
	}
	return out
}

// score returns sum|y-p| / sum|y| over the targets of records from to to, altMAPE in the paper; NaN if there are none.
func (f forecast) score(s series, ahead, from, to int) float64 {
	miss, size := 0.0, 0.0
	for i := max(from, ahead); i < min(to, len(s.Values)); i++ {
		miss += abs(s.Values[i] - f.Predicted[i-ahead])
		size += abs(s.Values[i])
	}
	return miss / size
}

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}
