package recording

import (
	"math"
	"strings"
)

// unitWords are units as instruments and their programs write them out, with the symbols that a Channel has.
var unitWords = map[string]string{
	"microvolts": "uV", "microvolt": "uV", "millivolts": "mV", "millivolt": "mV", "nanovolts": "nV", "nanovolt": "nV", "volts": "V", "volt": "V",
	"uv": "uV", "mv": "mV", "nv": "nV", "v": "V", "teslas": "T", "tesla": "T", "femtoteslas": "fT", "femtotesla": "fT", "picoteslas": "pT", "picotesla": "pT",
	"amperes": "A", "amps": "A", "meters": "m", "metres": "m", "meter": "m", "seconds": "s", "siemens": "S", "ohms": "Ohm",
}

// Unit is the symbol of a unit as a [Channel] has it, with u for micro: "uV" for "microvolts", "µV" and "UV". What is not known
// stays as it is.
func Unit(name string) string {
	name = strings.TrimSpace(name)
	for _, micro := range []string{"\u03bc", "\u00b5"} {
		if rest, ok := strings.CutPrefix(name, micro); ok {
			name = "u" + rest
			break
		}
	}
	if symbol, ok := unitWords[strings.ToLower(name)]; ok && name != "MV" { // which may be a mega
		return symbol
	}
	return name
}

// powers of ten that the prefixes of units stand for.
var powers = map[string]int{"": 0, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "k": 3}

// UnitScale is what numbers in one unit are multiplied by to be numbers in another: 1e6 from "V" to "uV". Not ok are units of different
// quantities and those it does not know, unless the two are the same; it knows volts, teslas and teslas by length.
func UnitScale(from, to string) (factor float64, ok bool) {
	from, to = Unit(from), Unit(to)
	if from == to && from != "" {
		return 1, true
	}
	a, quantity, ok := splitUnit(from)
	b, other, too := splitUnit(to)
	if !ok || !too || quantity != other {
		return 0, false
	}
	return math.Pow10(a - b), true
}

// splitUnit takes "uV" apart into -6 and "V".
func splitUnit(unit string) (power int, base string, ok bool) {
	for _, b := range []string{"T/m", "T/cm", "V", "T"} {
		if p, found := strings.CutSuffix(unit, b); found {
			if power, ok = powers[p]; ok {
				if b == "T/cm" {
					return power + 2, "T/m", true
				}
				return power, b, true
			}
		}
	}
	return 0, unit, false
}
