package report

import (
	"math"
	"strconv"
	"strings"
)

// fixed writes a number with that many decimals, a true minus sign and commas between thousands.
func fixed(v float64, decimals int) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, frac, _ := strings.Cut(s, ".")
	var b strings.Builder
	if v < 0 && strings.Trim(s, "0.") != "" {
		b.WriteString("−")
	}
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if frac != "" {
		b.WriteString("." + frac)
	}
	return b.String()
}

// significant writes a number with about that many significant digits: in full where that reads well, else in powers of ten.
func significant(v float64, digits int) string {
	a := math.Abs(v)
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return fixed(v, 0)
	}
	e := int(math.Floor(math.Log10(a)))
	if r := math.Pow(10, float64(e+1)); a >= r*(1-0.5*math.Pow(10, -float64(digits))) {
		e++ // rounds up to the next power of ten
	}
	if e < -4 || e > 9 {
		return fixed(v/math.Pow(10, float64(e)), digits-1) + "·10" + superscript(e)
	}
	return fixed(v, max(0, digits-1-e))
}

// decimalsFor returns how many decimals a mean deserves when its values spread that much: the spread keeps two significant
// digits when it begins with 1 or 2, else one, and at least as many digits stay as tell the mean from zero.
func decimalsFor(mean, sd float64) int {
	if !(sd > 0) || math.IsInf(sd, 0) {
		if mean == 0 || math.IsNaN(mean) || math.IsInf(mean, 0) {
			return 0
		}
		return min(6, max(0, 3-int(math.Floor(math.Log10(math.Abs(mean))))-1))
	}
	e := math.Floor(math.Log10(sd))
	d := -int(e)
	if sd/math.Pow(10, e) < 3 {
		d++
	}
	return min(6, max(0, d))
}

// meanAndSD returns the mean and the sample standard deviation (NaN for fewer than two values) of the finite values, and how many they are.
func meanAndSD(vs []float64) (mean, sd float64, n int) {
	for _, v := range vs {
		if finite(v) {
			mean += v
			n++
		}
	}
	if n == 0 {
		return math.NaN(), math.NaN(), 0
	}
	mean /= float64(n)
	if n < 2 {
		return mean, math.NaN(), n
	}
	for _, v := range vs {
		if finite(v) {
			sd += (v - mean) * (v - mean)
		}
	}
	return mean, math.Sqrt(sd / float64(n-1)), n
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
