package headmodel

import "math"

// Electrode is a place on the flat head: X to the right, Y to the front, Cz at the origin, neighbours one apart.
type Electrode struct {
	Name string
	X, Y float64
}

// IV2a returns the 22 electrodes of data set 2a of BCI competition IV, in that data set's order, at their grid places.
func IV2a() []Electrode {
	var out []Electrode
	row := func(y, firstX float64, names ...string) {
		for i, name := range names {
			out = append(out, Electrode{Name: name, X: firstX + float64(i), Y: y})
		}
	}
	row(2, 0, "Fz")
	row(1, -2, "FC3", "FC1", "FCz", "FC2", "FC4")
	row(0, -3, "C5", "C3", "C1", "Cz", "C2", "C4", "C6")
	row(-1, -2, "CP3", "CP1", "CPz", "CP2", "CP4")
	row(-2, -1, "P1", "Pz", "P2")
	row(-3, 0, "POz")
	return out
}

// leadField returns how strongly a source at (x, y) shows at each electrode, 1 right above it, with a spread of s grid steps.
func leadField(montage []Electrode, x, y, s float64) []float64 {
	g := make([]float64, len(montage))
	for c, e := range montage {
		g[c] = math.Exp(-((e.X-x)*(e.X-x) + (e.Y-y)*(e.Y-y)) / (2 * s * s))
	}
	return g
}
