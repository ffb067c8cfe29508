package signal

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// Montage is a linear map from the channels that were recorded to those that are looked at: a reference, bipolar pairs, a Laplacian.
// It has no memory and serves blocks of a stream as well as whole recordings.
type Montage struct {
	Names  []string   // of the channels it gives
	Matrix *mat.Dense // channels given by channels recorded
}

// Apply returns the montage of x (channels by samples).
func (m *Montage) Apply(x *mat.Dense) (*mat.Dense, error) {
	channels, _ := x.Dims()
	if _, want := m.Matrix.Dims(); channels != want {
		return nil, fmt.Errorf("the signal has %d channels; this montage was made for %d", channels, want)
	}
	var out mat.Dense
	out.Mul(m.Matrix, x)
	return &out, nil
}

// CommonAverage subtracts the mean of all channels from each. Channels named in except, bad ones or others than EEG, do not count and stay as
// they are.
func CommonAverage(names []string, except ...string) (*Montage, error) {
	unwanted, err := find(names, except)
	if err != nil {
		return nil, err
	}
	var good []int
	for i := range names {
		if !slices.Contains(unwanted, i) {
			good = append(good, i)
		}
	}
	if len(good) == 0 {
		return nil, fmt.Errorf("a common average of %d channels except %d: none is left", len(names), len(except))
	}
	return referenceTo(names, good, good), nil
}

// LinkedReference subtracts the mean of the reference channels, such as the two mastoids M1 and M2, from every channel.
func LinkedReference(names []string, references ...string) (*Montage, error) {
	used, err := find(names, references)
	if err != nil {
		return nil, err
	}
	if len(used) == 0 {
		return nil, fmt.Errorf("a linked reference needs the name of at least one channel")
	}
	all := make([]int, len(names))
	for i := range all {
		all[i] = i
	}
	return referenceTo(names, all, used), nil
}

// referenceTo subtracts the mean of the used channels from the given ones.
func referenceTo(names []string, from, used []int) *Montage {
	n := len(names)
	m := &Montage{Names: slices.Clone(names), Matrix: mat.NewDense(n, n, nil)}
	for i := range n {
		m.Matrix.Set(i, i, 1)
	}
	for _, i := range from {
		for _, j := range used {
			m.Matrix.Set(i, j, m.Matrix.At(i, j)-1/float64(len(used)))
		}
	}
	return m
}

// Bipolar gives one channel for every pair: the first less the second, named "first-second".
func Bipolar(names []string, pairs [][2]string) (*Montage, error) {
	if len(pairs) == 0 {
		return nil, fmt.Errorf("a bipolar montage needs at least one pair of channels")
	}
	m := &Montage{Matrix: mat.NewDense(len(pairs), len(names), nil)}
	for k, p := range pairs {
		at, err := find(names, p[:])
		if err != nil {
			return nil, err
		}
		if at[0] == at[1] {
			return nil, fmt.Errorf("bipolar pair %d is %s less itself", k+1, p[0])
		}
		m.Names = append(m.Names, p[0]+"-"+p[1])
		m.Matrix.Set(k, at[0], 1)
		m.Matrix.Set(k, at[1], -1)
	}
	return m, nil
}

// Laplacian subtracts from every channel the mean of its nearest neighbours, weighted by one over their distance (Hjorth, EEG clin.
// Neurophysiol. 39, 1975). Positions are in any one unit. Four neighbours are usual.
func Laplacian(names []string, positions [][3]float64, neighbours int) (*Montage, error) {
	n := len(names)
	if err := checkPositions(names, positions); err != nil {
		return nil, err
	}
	if neighbours < 1 || neighbours >= n {
		return nil, fmt.Errorf("a Laplacian of %d neighbours among %d channels; it needs at least 1 and fewer than there are channels", neighbours, n)
	}
	m := &Montage{Names: slices.Clone(names), Matrix: mat.NewDense(n, n, nil)}
	distance := make([]float64, n)
	for i := range n {
		var others []int
		for j := range n {
			distance[j] = math.Hypot(math.Hypot(positions[i][0]-positions[j][0], positions[i][1]-positions[j][1]), positions[i][2]-positions[j][2])
			if j == i {
				continue
			}
			if distance[j] == 0 {
				return nil, fmt.Errorf("channels %s and %s are at the same position; leave one out", names[i], names[j])
			}
			others = append(others, j)
		}
		slices.SortStableFunc(others, func(a, b int) int {
			switch {
			case distance[a] < distance[b]:
				return -1
			case distance[a] > distance[b]:
				return 1
			}
			return 0
		})
		total := 0.0
		for _, j := range others[:neighbours] {
			total += 1 / distance[j]
		}
		for _, j := range others[:neighbours] {
			m.Matrix.Set(i, j, -1/distance[j]/total)
		}
		m.Matrix.Set(i, i, 1)
	}
	return m, nil
}

// find returns the indices of the wanted names, compared without regard to case.
func find(names, wanted []string) ([]int, error) {
	var at []int
	for _, w := range wanted {
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, w) })
		if i < 0 {
			return nil, fmt.Errorf("no channel %q, expected one of %s", w, strings.Join(names, ", "))
		}
		at = append(at, i)
	}
	return at, nil
}

func checkPositions(names []string, positions [][3]float64) error {
	if len(positions) != len(names) {
		return fmt.Errorf("%d positions of %d channels", len(positions), len(names))
	}
	for i, p := range positions {
		for _, v := range p {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("the position of channel %s is %v, expected three finite numbers; leave the channel out or give its position",
					names[i], p)
			}
		}
	}
	return nil
}
