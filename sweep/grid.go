package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// maxJobs bounds a sweep: what is more is a slip of the keyboard, or should be several sweeps.
const maxJobs = 1_000_000

// Axis is one parameter of a grid: the values it takes, or an interval that random points are drawn from.
type Axis struct {
	Param  string   `json:"param"`
	Values []string `json:"values,omitempty"` // as --set takes them
	// Low and High bound an interval; Log draws from it evenly in the logarithm.
	Low  float64 `json:"low,omitempty"`
	High float64 `json:"high,omitempty"`
	Log  bool    `json:"log,omitempty"`
}

// interval reports whether the axis has no list of values.
func (a *Axis) interval() bool { return len(a.Values) == 0 }

// ParseAxis reads one --grid flag:
//
//	lr=0.1,0.01          values; separated by semicolons where a value holds a comma
//	width=32:128:32      from 32 to 128 in steps of 32, both ends included
//	lr=0.001..0.1        an interval for random points
//	lr=log:0.001..0.1    the same, drawn evenly in the logarithm
func ParseAxis(flag string) (Axis, error) {
	name, text, ok := strings.Cut(flag, "=")
	bad := func(format string, args ...any) (Axis, error) {
		return Axis{}, fmt.Errorf("--grid %s: %s; write it as name=1,2,3 or name=32:128:32 (from:to:step), or name=0.1..0.5 with --random", flag, fmt.Sprintf(format, args...))
	}
	if !ok || name == "" || text == "" {
		return bad("there is no name, or no value")
	}
	a := Axis{Param: name}
	if interval, isLog := strings.CutPrefix(text, "log:"); isLog || strings.Contains(text, "..") && !strings.ContainsAny(text, ",;:") {
		low, high, ok := strings.Cut(interval, "..")
		l, err1 := strconv.ParseFloat(low, 64)
		h, err2 := strconv.ParseFloat(high, 64)
		switch {
		case !ok || err1 != nil || err2 != nil || !finite(l) || !finite(h):
			return bad("%q is not an interval of numbers", interval)
		case l >= h:
			return bad("the interval is empty")
		case isLog && l <= 0:
			return bad("a logarithmic interval begins above 0")
		}
		a.Low, a.High, a.Log = l, h, isLog
		return a, nil
	}
	if parts := strings.Split(text, ":"); len(parts) == 3 {
		var v [3]float64
		numbers := true
		for i, p := range parts {
			var err error
			v[i], err = strconv.ParseFloat(p, 64)
			numbers = numbers && err == nil && finite(v[i])
		}
		if numbers {
			var err error
			if a.Values, err = steps(v[0], v[1], v[2]); err != nil {
				return bad("%v", err)
			}
			return a, nil
		}
	}
	separator := ","
	if strings.Contains(text, ";") {
		separator = ";"
	}
	for v := range strings.SplitSeq(text, separator) {
		if v = strings.TrimSpace(v); v == "" {
			return bad("a value is empty")
		}
		a.Values = append(a.Values, v)
	}
	return a, nil
}

// steps lists the values of a range, its end included if a step falls on it.
func steps(from, to, step float64) ([]string, error) {
	if step == 0 || (to-from)/step < 0 {
		return nil, fmt.Errorf("steps of %v do not lead from %v to %v", step, from, to)
	}
	n := math.Floor((to-from)/step + 1e-9)
	if n >= maxJobs {
		return nil, fmt.Errorf("it has %.0f values, and %d is the most", n+1, maxJobs)
	}
	values := make([]string, int(n)+1)
	for i := range values {
		// 12 digits, so that 0.1:0.3:0.1 ends with 0.3 and not with 0.30000000000000004.
		values[i] = strconv.FormatFloat(from+float64(i)*step, 'g', 12, 64)
		if v, err := strconv.ParseFloat(values[i], 64); err == nil && v == math.Trunc(v) && math.Abs(v) < 1e15 {
			values[i] = strconv.FormatFloat(v, 'f', 0, 64) // whole parameters take no exponent
		}
	}
	return values, nil
}

// ParseSeeds reads the --seeds flag: a range 0..9, a list 1,5,7 of seeds or ranges, or, as gyrus run has it, the number of seeds from 0 on.
func ParseSeeds(text string) ([]int64, error) {
	bad := func(says string) ([]int64, error) {
		return nil, fmt.Errorf("--seeds %s: %s; write it as 0..9, as 1,5,7, or as the number of seeds from 0 on", text, says)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n < 1 || n > maxJobs {
			return bad(fmt.Sprintf("give from 1 to %d", maxJobs))
		}
		seeds := make([]int64, n)
		for i := range seeds {
			seeds[i] = int64(i)
		}
		return seeds, nil
	}
	var seeds []int64
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "..")
		from, err := strconv.ParseInt(first, 10, 64)
		to := from
		if err == nil && isRange {
			to, err = strconv.ParseInt(last, 10, 64)
		}
		switch {
		case err != nil:
			return bad(fmt.Sprintf("%q is no seed and no range of seeds", part))
		case to < from:
			return bad(fmt.Sprintf("%q is empty", part))
		case uint64(to-from) >= maxJobs || len(seeds)+int(to-from) >= maxJobs:
			return bad(fmt.Sprintf("more than %d seeds", maxJobs))
		}
		for s := from; ; s++ {
			seeds = append(seeds, s)
			if s == to {
				break
			}
		}
	}
	if sorted := slices.Sorted(slices.Values(seeds)); len(slices.Compact(sorted)) != len(seeds) {
		return bad("a seed is given twice")
	}
	return seeds, nil
}

// grid lists every combination of the axes' values, the last axis running fastest.
func grid(axes []Axis) ([]map[string]string, error) {
	n := 1
	for _, a := range axes {
		if a.interval() {
			return nil, fmt.Errorf("--grid %s is an interval, which has no points of its own; give --random N, the number of points to draw from it", a.Param)
		}
		if n *= len(a.Values); n > maxJobs {
			return nil, fmt.Errorf("the grid has more than %d points", maxJobs)
		}
	}
	points := make([]map[string]string, n)
	for i := range points {
		points[i] = make(map[string]string, len(axes))
		rest := i
		for _, a := range slices.Backward(axes) {
			points[i][a.Param] = a.Values[rest%len(a.Values)]
			rest /= len(a.Values)
		}
	}
	return points, nil
}

// draw returns n different points: combinations of the axes' values, and numbers from their intervals, rounded for whole parameters.
func draw(axes []Axis, n int, seed int64, whole func(param string) bool) ([]map[string]string, error) {
	if n > maxJobs {
		return nil, fmt.Errorf("--random %d: %d points is the most", n, maxJobs)
	}
	rng := rand.New(rand.NewPCG(uint64(seed), 0x737765657020))
	if !slices.ContainsFunc(axes, func(a Axis) bool { return a.interval() }) {
		all, err := grid(axes)
		if err != nil {
			return nil, err
		}
		if n > len(all) {
			return nil, fmt.Errorf("--random %d: the grid has only %d points", n, len(all))
		}
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all[:n], nil
	}
	var points []map[string]string
	seen := map[string]bool{}
	for range 1000 + 20*n {
		p := make(map[string]string, len(axes))
		for i := range axes {
			p[axes[i].Param] = axes[i].random(rng, whole(axes[i].Param))
		}
		if key := pointName(axes, p); !seen[key] {
			seen[key] = true
			if points = append(points, p); len(points) == n {
				return points, nil
			}
		}
	}
	return nil, fmt.Errorf("--random %d: the grid has hardly more than %d different points", n, len(points))
}

func (a *Axis) random(rng *rand.Rand, whole bool) string {
	if !a.interval() {
		return a.Values[rng.IntN(len(a.Values))]
	}
	u := rng.Float64()
	v := a.Low + u*(a.High-a.Low)
	if a.Log {
		v = a.Low * math.Pow(a.High/a.Low, u)
	}
	if whole {
		return strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// pointName writes a point in the order of the axes, as in "lr=0.1 width=64".
func pointName(axes []Axis, point map[string]string) string {
	parts := make([]string, len(axes))
	for i, a := range axes {
		parts[i] = a.Param + "=" + point[a.Param]
	}
	return strings.Join(parts, " ")
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
