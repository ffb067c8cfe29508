package htm

import (
	"fmt"
	"math"
	"time"

	"github.com/gyrus-dev/gyrus/recording/table"
	"github.com/gyrus-dev/gyrus/simulate/stream"
)

// series is a scalar stream with what the encoder needs of the calendar.
type series struct {
	stream.Scalar
	Name    string    // of the values
	Minutes []float64 // of the day
	Days    []float64 // of the week: 0 is Monday
}

// withCalendar derives minutes and days from the times.
func withCalendar(s stream.Scalar) series {
	out := series{Scalar: s}
	for _, t := range s.Times {
		out.Minutes = append(out.Minutes, float64(t.Hour()*60+t.Minute()))
		out.Days = append(out.Days, float64((t.Weekday()+6)%7))
	}
	return out
}

// valueNames are the columns the value is looked for in, if none is named: those of the benchmark's and of the authors' files.
var valueNames = []string{"value", "passenger_count"}

// readSeries reads a table with a column timestamp and a column of values: the one named, or else value or passenger_count, or else the
// only column of numbers. Columns timeofday (minutes) and dayofweek (0 is Monday) are used if they are there and are else derived
// from the timestamp. Rows must ascend in time, and every value must be a number.
func readSeries(path, column string) (series, error) {
	r, err := table.Open(path)
	if err != nil {
		return series{}, err
	}
	defer r.Close()
	when, value, minute, day := -1, -1, -1, -1
	var numeric []string
	for i, c := range r.Columns() {
		switch {
		case c.Name == "timestamp":
			when = i
			if c.Kind != table.Time {
				return series{}, fmt.Errorf("%s: column timestamp holds no times but %s; expected such as 2014-07-01 00:30:00", path, kindName(c.Kind))
			}
		case c.Name == "timeofday":
			minute = i
		case c.Name == "dayofweek":
			day = i
		case c.Kind == table.Number:
			numeric = append(numeric, c.Name)
		}
	}
	if when < 0 {
		return series{}, fmt.Errorf("%s: no column is called timestamp; expected timestamp,value or timestamp,passenger_count,timeofday,dayofweek", path)
	}
	if column == "" {
		for _, name := range valueNames {
			if _, err := r.Index(name); err == nil {
				column = name
				break
			}
		}
	}
	if column == "" && len(numeric) == 1 {
		column = numeric[0]
	}
	if column == "" {
		return series{}, fmt.Errorf("%s: cannot tell which column holds the values: none is called value or passenger_count, and the columns of numbers are %q; name one with --set column=NAME",
			path, numeric)
	}
	if value, err = r.Index(column); err != nil {
		return series{}, err
	}
	if k := r.Columns()[value].Kind; k != table.Number {
		return series{}, fmt.Errorf("%s: column %s holds no numbers but %s", path, column, kindName(k))
	}
	var s stream.Scalar
	var minutes, days []float64
	for r.Next() {
		t, v := r.Time(when), r.Number(value)
		line := r.Line()
		switch n := len(s.Times); {
		case r.Missing(when):
			return series{}, fmt.Errorf("%s, line %d: no timestamp", path, line)
		case math.IsNaN(v) || math.IsInf(v, 0):
			return series{}, fmt.Errorf("%s, line %d: %s is %q, not a finite number; fill or remove the row", path, line, column, r.Strings()[value])
		case n > 0 && t.Equal(s.Times[n-1]):
			return series{}, fmt.Errorf("%s, line %d: timestamp %s occurs twice; every row needs a time of its own", path, line, t.Format(time.DateTime))
		case n > 0 && t.Before(s.Times[n-1]):
			return series{}, fmt.Errorf("%s, line %d: timestamp %s comes after %s; sort the rows by time",
				path, line, t.Format(time.DateTime), s.Times[n-1].Format(time.DateTime))
		}
		s.Times, s.Values = append(s.Times, t), append(s.Values, v)
		for _, extra := range []struct {
			column int
			limit  float64
			name   string
			to     *[]float64
		}{{minute, 24 * 60, "timeofday, minutes from 0 to 1440", &minutes}, {day, 7, "dayofweek, from 0 for Monday to 6", &days}} {
			if extra.column < 0 {
				continue
			}
			v := r.Number(extra.column)
			if !(v >= 0 && v < extra.limit) {
				return series{}, fmt.Errorf("%s, line %d: found %q; expected %s", path, line, r.Strings()[extra.column], extra.name)
			}
			*extra.to = append(*extra.to, v)
		}
	}
	if err := r.Err(); err != nil {
		return series{}, err
	}
	if len(s.Values) == 0 {
		return series{}, fmt.Errorf("%s: no rows of data", path)
	}
	out := withCalendar(s)
	out.Name = column
	if minute >= 0 {
		out.Minutes = minutes
	}
	if day >= 0 {
		out.Days = days
	}
	return out, nil
}

func kindName(k table.Kind) string {
	if k == 0 {
		return "nothing"
	}
	return k.String()
}

// check reports what makes a series impossible to forecast that many steps ahead, and returns how many values lie outside the range and
// will be clipped.
func (s series) check(ahead int, lo, hi float64) (clipped int, err error) {
	if !(lo < hi) {
		return 0, fmt.Errorf("range of values: minimum %v is not below maximum %v", lo, hi)
	}
	if len(s.Values) == 0 {
		return 0, fmt.Errorf("the stream is empty")
	}
	if ahead < 1 || ahead >= len(s.Values) {
		return 0, fmt.Errorf("cannot predict %d steps ahead in a stream of %d records; use 1 to %d", ahead, len(s.Values), len(s.Values)-1)
	}
	constant := true
	for _, v := range s.Values {
		constant = constant && v == s.Values[0]
		if v < lo || v > hi {
			clipped++
		}
	}
	if constant {
		return 0, fmt.Errorf("all %d values are %v; there is nothing to predict", len(s.Values), s.Values[0])
	}
	return clipped, nil
}
