package stream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Scalar is a series of values with the times they were taken at, ascending.
type Scalar struct {
	Times  []time.Time
	Values []float64
}

// Rhythm says how a [CityTraffic] stream is drawn.
type Rhythm struct {
	Records  int     // half-hours
	ChangeAt int     // record from which [Scalar.Change] applies; 0 for never
	NoiseSD  float64 // of the noise, in passengers; its correlation from one half-hour to the next is 0.8
}

// cityScale is the number of passengers per half-hour that a rhythm of 1 stands for.
const cityScale = 15000

// CityTraffic draws half-hourly passenger counts that resemble those of New York's taxis: two peaks a day at 9 and 19 h, a trough before
// dawn, more on Fridays and Saturdays and less on Sundays, and noise that lasts a few hours. It starts on a Monday at midnight.
// No count is below zero.
func CityTraffic(o Rhythm, rng *rand.Rand) (Scalar, error) {
	switch {
	case o.Records < 1:
		return Scalar{}, fmt.Errorf("a stream of %d records is empty; ask for at least 1", o.Records)
	case !(o.NoiseSD >= 0):
		return Scalar{}, fmt.Errorf("noise of standard deviation %v; it cannot be negative", o.NoiseSD)
	}
	const phi = 0.8
	var s Scalar
	noise := o.NoiseSD * rng.NormFloat64()
	for t := range o.Records {
		when := time.Date(2015, 1, 5, 0, 30*t, 0, 0, time.UTC)
		s.Times = append(s.Times, when)
		s.Values = append(s.Values, max(0, CityRhythm(when)+noise))
		noise = phi*noise + o.NoiseSD*math.Sqrt(1-phi*phi)*rng.NormFloat64()
	}
	if o.ChangeAt == 0 {
		return s, nil
	}
	return s.Change(o.ChangeAt)
}

// CityRhythm is the count that [CityTraffic] expects at a time, without noise or change.
func CityRhythm(when time.Time) float64 {
	hour := float64(when.Hour()) + float64(when.Minute())/60
	bump := func(peak, kappa float64) float64 {
		return math.Exp(kappa * (math.Cos(2*math.Pi*(hour-peak)/24) - 1))
	}
	daily := 0.55 + 0.45*(bump(9, 3)+bump(19, 3)) - 0.4*bump(4.5, 8)
	weekly := 1.0
	switch when.Weekday() {
	case time.Friday, time.Saturday:
		weekly = 1.1
	case time.Sunday:
		weekly = 0.85
	}
	return cityScale * daily * weekly
}

// Change returns the series with the paper's artificial change of habits from a record on: on weekdays, values from 7 to 11 h fall by a
// fifth and those from 21 to 23 h rise by a fifth (section 4.5).
func (s Scalar) Change(from int) (Scalar, error) {
	if from < 1 || from >= len(s.Values) {
		return Scalar{}, fmt.Errorf("change point at record %d lies outside the %d records; use 1 to %d", from, len(s.Values), len(s.Values)-1)
	}
	out := Scalar{Times: s.Times, Values: slices.Clone(s.Values)}
	for i := from; i < len(out.Values); i++ {
		when := s.Times[i]
		if day := when.Weekday(); day == time.Saturday || day == time.Sunday {
			continue
		}
		switch h := when.Hour(); {
		case h >= 7 && h < 11:
			out.Values[i] *= 0.8
		case h >= 21 && h < 23:
			out.Values[i] *= 1.2
		}
	}
	return out, nil
}
