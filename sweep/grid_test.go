package sweep

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParseAxis(t *testing.T) {
	for flag, want := range map[string]Axis{
		"lr=0.1,0.01":               {Param: "lr", Values: []string{"0.1", "0.01"}},
		"width=32:128:32":           {Param: "width", Values: []string{"32", "64", "96", "128"}},
		"width=32:100:32":           {Param: "width", Values: []string{"32", "64", "96"}},
		"x=0.1:0.3:0.1":             {Param: "x", Values: []string{"0.1", "0.2", "0.3"}},
		"x=3:1:-1":                  {Param: "x", Values: []string{"3", "2", "1"}},
		"n=1000000:3000000:1000000": {Param: "n", Values: []string{"1000000", "2000000", "3000000"}},
		"x=5":                       {Param: "x", Values: []string{"5"}},
		"events=T1,T2;T3":           {Param: "events", Values: []string{"T1,T2", "T3"}},
		"at=12:30:00":               {Param: "at", Values: nil}, // a step of 0
		"lr=0.001..0.1":             {Param: "lr", Low: 0.001, High: 0.1},
		"lr=log:0.001..0.1":         {Param: "lr", Low: 0.001, High: 0.1, Log: true},
		"dir=../a,../b":             {Param: "dir", Values: []string{"../a", "../b"}},
		"wait=1s,2m":                {Param: "wait", Values: []string{"1s", "2m"}},
		"lr":                        {},
		"=1":                        {},
		"lr=":                       {},
		"lr=1,,2":                   {},
		"lr=1:2:0":                  {},
		"lr=1:2:-1":                 {},
		"lr=0.1..0.01":              {},
		"lr=log:0..1":               {},
		"lr=log:1,2":                {},
		"lr=a..b":                   {},
		"lr=0:1e9:0.001":            {},
		"lr=0..Inf":                 {},
	} {
		a, err := ParseAxis(flag)
		if refused := len(want.Values) == 0 && want.High == 0; refused != (err != nil) || !refused && !reflect.DeepEqual(a, want) {
			t.Errorf("%s gave %+v, %v; want %+v", flag, a, err, want)
		}
		if err == nil {
			if back, err := ParseAxis(a.String()); err != nil || !reflect.DeepEqual(back, a) {
				t.Errorf("%s is written as %s, which reads as %+v, %v", flag, a, back, err)
			}
		} else if !strings.Contains(err.Error(), "--grid") {
			t.Errorf("%s: the error does not name the flag: %v", flag, err)
		}
	}
}

func TestParseSeeds(t *testing.T) {
	for text, want := range map[string][]int64{
		"0..3": {0, 1, 2, 3}, "3": {0, 1, 2}, "1,5,7": {1, 5, 7}, "1..2,9": {1, 2, 9}, "-1..0": {-1, 0}, "4..4": {4},
		"0": nil, "-2": nil, "3..1": nil, "": nil, "a": nil, "1,1": nil, "1..3,2": nil, "0..99999999999": nil, "-9223372036854775808..9223372036854775807": nil,
	} {
		got, err := ParseSeeds(text)
		if (want == nil) != (err != nil) || !slices.Equal(got, want) {
			t.Errorf("%q gave %v, %v; want %v", text, got, err, want)
		}
		if err == nil {
			if back, err := ParseSeeds(seedsText(got)); err != nil || !slices.Equal(back, got) {
				t.Errorf("%v is written as %s, which reads as %v, %v", got, seedsText(got), back, err)
			}
		}
	}
}

func TestGrid(t *testing.T) {
	p := plan(t, Config{Axes: []Axis{axis(t, "x=1,2"), axis(t, "kind=line,square")}, Seeds: []int64{3, 4}})
	var names []string
	for i := range p.Points {
		names = append(names, p.PointName(i))
	}
	if want := "x=1 kind=line,x=1 kind=square,x=2 kind=line,x=2 kind=square"; strings.Join(names, ",") != want {
		t.Errorf("points are %v", names)
	}
	var jobs []string
	p.tasks(func(job string) bool { return job == "p1-s3" }, func(task task) error { jobs = append(jobs, task.name()); return nil })
	if want := "p0-s3 p2-s3 p3-s3 p0-s4 p1-s4 p2-s4 p3-s4"; strings.Join(jobs, " ") != want {
		t.Errorf("tasks are %v", jobs)
	}
	for _, job := range []string{"p0-s3", "p12-s-5"} {
		if point, seed, ok := parseJob(job); !ok || jobName(point, seed) != job {
			t.Errorf("%s reads as %d, %d, %v", job, point, seed, ok)
		}
	}
	for _, job := range []string{"", "p0", "p-s", "x0-s3", "p0-s3x", "p00-s3", "../p0-s3"} {
		if _, _, ok := parseJob(job); ok {
			t.Errorf("%q passes for a job", job)
		}
	}
}

func TestDraw(t *testing.T) {
	axes := []Axis{axis(t, "x=log:0.001..10"), axis(t, "kind=line,square"), axis(t, "width=1..1000")}
	p := plan(t, Config{Axes: axes, Random: 200, RandomSeed: 5})
	same := plan(t, Config{Axes: axes, Random: 200, RandomSeed: 5})
	other := plan(t, Config{Axes: axes, Random: 200, RandomSeed: 6})
	if !reflect.DeepEqual(p.Points, same.Points) || reflect.DeepEqual(p.Points, other.Points) {
		t.Error("what is drawn does not follow from the seed")
	}
	below := 0
	for _, point := range p.Points {
		x, err := strconv.ParseFloat(point["x"], 64)
		if err != nil || x < 0.001 || x > 10 {
			t.Fatalf("drew %v", point)
		}
		if x < 0.1 { // the middle of the logarithm
			below++
		}
		if n, err := strconv.Atoi(point["width"]); err != nil || n < 1 || n > 1000 {
			t.Fatalf("a whole parameter is %q", point["width"])
		}
	}
	if below < 70 || below > 130 {
		t.Errorf("%d of 200 values are in the lower half of the logarithm", below)
	}
	sub := plan(t, Config{Axes: []Axis{axis(t, "x=1:20:1")}, Random: 20})
	if len(sub.Points) != 20 {
		t.Errorf("drew %d of 20", len(sub.Points))
	}
	if _, err := New(Config{Paper: "sweeptoy", Axes: []Axis{axis(t, "x=1:20:1")}, Random: 21}); err == nil {
		t.Error("drew 21 of 20 points")
	}
	if _, err := New(Config{Paper: "sweeptoy", Axes: []Axis{axis(t, "width=1..3"), axis(t, "x=1,2")}, Random: 50}); err == nil {
		t.Error("drew 50 of 6 points")
	}
}

func TestPlanRefuses(t *testing.T) {
	for name, c := range map[string]Config{
		"no paper called":         {Paper: "nothing"},
		"no experiment is called": {Experiment: "nothing"},
		"no parameter is called":  {Axes: []Axis{axis(t, "y=1,2")}},
		"did you mean \"width\"":  {Axes: []Axis{axis(t, "widht=1,2")}},
		"is not at least 1":       {Axes: []Axis{axis(t, "width=4:0:-1")}},
		"is not a whole number":   {Axes: []Axis{axis(t, "width=1.5,2")}},
		"is not one of":           {Axes: []Axis{axis(t, "kind=line,circle")}},
		"given twice":             {Axes: []Axis{axis(t, "x=1,2"), axis(t, "x=3,4")}},
		"\"x\" is given twice":    {Set: map[string]string{"x": "1"}, Axes: []Axis{axis(t, "x=3,4")}},
		"are the same: x=0.1":     {Axes: []Axis{axis(t, "x=0.1,0.10")}},
		"more than 1000000":       {Axes: []Axis{axis(t, "x=1:2000:1"), axis(t, "width=1:2000:1")}},
		"make 1002000 jobs":       {Axes: []Axis{axis(t, "x=1:501:1")}, Seeds: seeds(t, "2000")},
		"--random N":              {Axes: []Axis{axis(t, "x=0..1")}},
		"give --grid as well":     {Random: 3},
		"no input \"other\"":      {Inputs: map[string]string{"other": "grid.go"}},
		"there is no file":        {Inputs: map[string]string{"": "no-such-file"}},
		"several seeds at once":   {Batch: 4},
		"choose one of":           {Experiment: "batched", Batch: 4, Runs: true},
		"only run directories":    {Collect: true},
		"backend":                 {Backend: "abacus"},
		"too short":               {Lease: 1},
	} {
		if c.Paper == "" {
			c.Paper = "sweeptoy"
		}
		if _, err := New(c); err == nil || refusal(err) == nil || !strings.Contains(err.Error(), name) && name != "no paper called" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
