package dbconformer

import (
	"fmt"
	"math"
	"strings"

	"github.com/gyrus-dev/gyrus/report"
)

// placed returns where electrodes of the 10-10 system lie on the map, and whether all names are known.
func placed(names []string) ([]report.Sensor, bool) {
	sensors := make([]report.Sensor, len(names))
	for i, name := range names {
		x, y, ok := place(name)
		if !ok {
			return nil, false
		}
		sensors[i] = report.Sensor{Name: name, X: x, Y: y}
	}
	return sensors, true
}

// rowsFrontToBack are the rows of the 10-10 system with their distance in front of Cz, in steps of a tenth of the way from nasion to inion.
var rowsFrontToBack = map[string]float64{"N": 5, "FP": 4, "AF": 3, "F": 2, "FC": 1, "FT": 1, "C": 0, "T": 0, "CP": -1, "TP": -1, "P": -2, "PO": -3, "O": -4, "I": -5}

// place returns where an electrode of the 10-10 system lies, in radii of the head.
func place(name string) (x, y float64, ok bool) {
	name = strings.ToUpper(plainName(name))
	split := len(name)
	for split > 0 && (name[split-1] >= '0' && name[split-1] <= '9') {
		split--
	}
	number := 0
	if split < len(name) {
		if _, err := fmt.Sscan(name[split:], &number); err != nil || number > 10 {
			return 0, 0, false
		}
	} else if name != "" && name[len(name)-1] == 'Z' {
		split--
	} else {
		return 0, 0, false
	}
	row, ok := rowsFrontToBack[name[:split]]
	if !ok {
		return 0, 0, false
	}
	// Steps to the side: odd numbers left, even ones right, z in the middle. Rows towards the front and back are narrower.
	steps := float64((number + 1) / 2)
	if number%2 == 1 {
		steps = -steps
	}
	y = row * 0.2
	x = steps * 0.2 * math.Sqrt(max(0.05, 1-y*y))
	return x, y, true
}
