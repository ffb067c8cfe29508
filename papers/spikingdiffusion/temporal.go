package spikingdiffusion

import (
	"math"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// scalars are the temporal scalars p of a network, one row of T for each convolution.
type scalars [][]float64

// temporalScalars reads the scalars of a network, convolution after convolution by name.
func temporalScalars(n *trained) scalars {
	rows := map[string][]float64{}
	var names []string
	for v := range n.vars.IterVariables() {
		if v.Name() != temporal {
			continue
		}
		var row []float64
		for _, x := range tensors.MustCopyFlatData[float32](v.MustValue()) {
			row = append(row, float64(x))
		}
		rows[v.Scope()] = row
		names = append(names, v.Scope())
	}
	slices.Sort(names)
	var all scalars
	for _, name := range names {
		all = append(all, rows[name])
	}
	return all
}

// shift is the mean of |p - 1|.
func (s scalars) shift() float64 {
	sum, n := 0.0, 0
	for _, row := range s {
		for _, v := range row {
			sum += math.Abs(v - 1)
			n++
		}
	}
	return sum / float64(n)
}

// withScalars is a copy of a network that has temporal scalars, all 1.
func withScalars(n *trained, layers []layer) (*trained, error) {
	vars, err := n.vars.Clone()
	if err != nil {
		return nil, err
	}
	one := make([]float32, n.Steps)
	for i := range one {
		one[i] = 1
	}
	for _, l := range layers {
		if l.kind != "embedding" {
			vars.Checked(false).InAbsPath(l.name).VariableWithValue(temporal, one)
		}
	}
	once := *n
	once.vars, once.Scaled = vars, true
	return &once, nil
}
