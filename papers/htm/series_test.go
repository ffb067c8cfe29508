package htm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// file writes a table and returns its path.
func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "series.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// halfHours writes rows a half-hour apart, one per value, after the header.
func halfHours(header string, values ...string) string {
	b := header + "\n"
	for i, v := range values {
		b += fmt.Sprintf("2014-07-%02d %02d:%02d:00,%s\n", 1+i/48, i/2%24, i%2*30, v)
	}
	return b
}

func TestReadSeries(t *testing.T) {
	nab := halfHours("timestamp,value", "10", "11", "12")
	authors := halfHours("timestamp,passenger_count,timeofday,dayofweek\ndatetime,int,int,int\nT,,,", "10,0,1", "11,30,1", "12,60,1")
	for name, text := range map[string]string{"benchmark": nab, "authors": authors, "carriage returns": strings.ReplaceAll(authors, "\n", "\r\n"),
		"another name": strings.Replace(nab, "value", "kw", 1)} {
		s, err := readSeries(file(t, text), "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range 3 {
			if got, want := s.record(i), (record{float64(10 + i), float64(30 * i), 1}); got != want {
				t.Errorf("%s: record %d is %+v, want %+v", name, i, got, want)
			}
		}
	}
}

func TestReadSeriesRejects(t *testing.T) {
	row := "2014-07-01 00:00:00,5\n"
	for _, tc := range []struct{ name, text, column, want string }{
		{"unsorted", "timestamp,value\n2014-07-01 01:00:00,5\n" + row, "", "sort the rows by time"},
		{"duplicate", "timestamp,value\n" + row + row, "", "line 3: timestamp 2014-07-01 00:00:00 occurs twice"},
		{"missing value", halfHours("timestamp,value", "5", "NaN", "7"), "", "line 3: value is \"NaN\", not a finite number"},
		{"not a number", halfHours("timestamp,value", "5", "many", "7"), "", "many"},
		{"infinite", halfHours("timestamp,value", "5", "Inf", "7"), "", "line 3"},
		{"no rows", "timestamp,value\n", "", "series.csv"},
		{"empty", "", "", "series.csv"},
		{"no timestamp", "time,value\n2014-07-01 00:00:00,5\n", "", "no column is called timestamp"},
		{"no time in timestamp", "timestamp,value\nmonday,5\ntuesday,6\n", "", "holds no times"},
		{"which column", "timestamp,a,b\n2014-07-01 00:00:00,5,6\n", "", "--set column=NAME"},
		{"wrong column", halfHours("timestamp,value", "5"), "speed", "speed"},
		{"time of day", halfHours("timestamp,value,timeofday,dayofweek", "5,0,1", "6,3000,1"), "", "line 3: found \"3000\"; expected timeofday"},
	} {
		_, err := readSeries(file(t, tc.text), tc.column)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error with %q", tc.name, err, tc.want)
		}
	}
}

// FuzzReadSeries checks that any bytes give an error or a series that keeps its promises.
func FuzzReadSeries(f *testing.F) {
	f.Add([]byte(halfHours("timestamp,value", "5", "6")))
	f.Add([]byte(halfHours("timestamp,passenger_count,timeofday,dayofweek\ndatetime,int,int,int\nT,,,", "5,0,1", "6,30,1")))
	f.Add([]byte("timestamp,value\n2014-07-01,NaN\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := readSeries(file(t, string(data)), "")
		if err != nil {
			return
		}
		n := len(s.Values)
		if n == 0 || len(s.Times) != n || len(s.Minutes) != n || len(s.Days) != n {
			t.Fatalf("%d values, %d times, %d minutes, %d days", n, len(s.Times), len(s.Minutes), len(s.Days))
		}
		for i := range n {
			if i > 0 && !s.Times[i].After(s.Times[i-1]) || s.Values[i] != s.Values[i] || !(s.Days[i] >= 0 && s.Days[i] < 7) {
				t.Fatalf("record %d: %v %v %v", i, s.Times[i], s.Values[i], s.Days[i])
			}
		}
	})
}

// TestBadRuns asks for runs that cannot be, as a person would, and looks for the reason in the error.
func TestBadRuns(t *testing.T) {
	var week []string
	for i := range 400 {
		week = append(week, fmt.Sprint(i%48))
	}
	good := file(t, halfHours("timestamp,value", week...))
	flat := file(t, halfHours("timestamp,value", slices.Repeat([]string{"5"}, 10)...))
	for _, tc := range []struct {
		experiment string
		set        map[string]string
		input      string
		want       string
	}{
		{"discrete", map[string]string{"match": "16"}, "", "minimum threshold 16 exceeds activation threshold 15"},
		{"discrete", map[string]string{"threshold": "42", "match": "42"}, "", "activation threshold 42 exceeds"},
		{"discrete", map[string]string{"columns": "40"}, "", "41 active columns do not fit 40 columns"},
		{"discrete", map[string]string{"swap-at": "12000"}, "", "swapped at element 12000 of a stream of 12000"},
		{"discrete", map[string]string{"elements": "0"}, "", "at least 300"},
		{"scalar", map[string]string{"records": "0"}, "", "empty"},
		{"scalar", map[string]string{"ahead": "0"}, "", "0 steps ahead"},
		{"scalar", map[string]string{"ahead": "3000"}, "", "3000 steps ahead in a stream of 3000"},
		{"scalar", map[string]string{"change-at": "3000"}, "", "change point at record 3000"},
		{"scalar", map[string]string{"min": "5", "max": "5"}, "", "minimum 5 is not below maximum 5"},
		{"scalar", map[string]string{"from": "3000"}, "", "errors count from record 3000"},
		{"taxi", map[string]string{"from": "1"}, flat, "all 10 values are 5"},
		{"taxi", map[string]string{"change-at": "900"}, good, "change point at record 900"},
		{"taxi", nil, good, "--set from=200"},
		{"taxi", nil, file(t, "timestamp,value\n2014-07-01 01:00:00,5\n2014-07-01 00:00:00,5\n"), "sort the rows by time"},
		{"scalar", map[string]string{"lstm-window": "100"}, "", "must exceed a chunk of 100"},
	} {
		c := runner.Config{Paper: "htm", Experiment: tc.experiment, Preset: papers.Quick, Set: tc.set, Home: t.TempDir()}
		if tc.input != "" {
			c.Inputs = map[string]string{"series": tc.input}
		}
		_, err := runner.Execute(context.Background(), c)
		var refused *papers.RefusedError
		var usage *runner.UsageError
		if err == nil || !strings.Contains(err.Error(), tc.want) || !errors.As(err, &refused) && !errors.As(err, &usage) {
			t.Errorf("%s %v: got %v, want a refusal with %q", tc.experiment, tc.set, err, tc.want)
		}
	}
}

// TestClippedValuesAreCounted runs a series whose values leave the range that is encoded.
func TestClippedValuesAreCounted(t *testing.T) {
	var values []string
	for i := range 400 {
		values = append(values, fmt.Sprint(1000*(i%48)))
	}
	o := execute(t, runner.Config{Experiment: "taxi", Set: map[string]string{"from": "100"},
		Inputs: map[string]string{"series": file(t, halfHours("timestamp,value", values...))}})
	for _, n := range o.Document.Records[0].Notes {
		if n.Warning && strings.Contains(n.Text, "56 of 400 values lie outside 0 to 40000") {
			return
		}
	}
	t.Errorf("no warning counts the values out of range: %v", o.Document.Records[0].Notes)
}
