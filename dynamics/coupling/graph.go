package coupling

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Graph is a network of units with symmetric, non-negative weights.
type Graph struct {
	Weights *mat.SymDense // [n, n], zero on the diagonal
	Edges   [][]Edge      // of each unit
}

// Edge leads to a unit.
type Edge struct {
	To     int
	Weight float64
}

// New returns the graph of weights [n, n], which must be symmetric and not negative. What stands on the diagonal must be zero: a unit does not pull itself.
func New(weights mat.Matrix) (*Graph, error) {
	n, columns := weights.Dims()
	if n != columns {
		return nil, fmt.Errorf("weights of %d x %d: a network of n units has n x n", n, columns)
	}
	if n == 0 {
		return nil, fmt.Errorf("a network needs at least one unit")
	}
	g := &Graph{Weights: mat.NewSymDense(n, nil), Edges: make([][]Edge, n)}
	for i := range n {
		for j := range n {
			w := weights.At(i, j)
			switch {
			case math.IsNaN(w) || math.IsInf(w, 0) || w < 0:
				return nil, fmt.Errorf("the weight between units %d and %d is %v; weights are finite and not negative", i+1, j+1, w)
			case i == j && w != 0:
				return nil, fmt.Errorf("unit %d has a weight of %v to itself; the diagonal must be zero", i+1, w)
			case math.Abs(w-weights.At(j, i)) > 1e-9*math.Abs(w):
				return nil, fmt.Errorf("the weight of units %d and %d is %v one way and %v the other; weights must be symmetric", i+1, j+1, w, weights.At(j, i))
			}
			if w > 0 {
				g.Weights.SetSym(i, j, w)
				g.Edges[i] = append(g.Edges[i], Edge{j, w})
			}
		}
	}
	return g, nil
}

// of makes the graph of n units whose edges are those of connected.
func of(n int, weight float64, connected func(i, j int) bool) (*Graph, error) {
	if n < 1 {
		return nil, fmt.Errorf("%d units: a network needs at least one", n)
	}
	w := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range i {
			if connected(i, j) || connected(j, i) {
				w.Set(i, j, weight)
				w.Set(j, i, weight)
			}
		}
	}
	return New(w)
}

// Complete couples all pairs: the eigenvalues but the first are n·weight.
func Complete(n int, weight float64) (*Graph, error) {
	return of(n, weight, func(i, j int) bool { return true })
}

// Ring couples each unit with the two beside it: eigenvalues 2·weight·(1 - cos 2πq/n).
func Ring(n int, weight float64) (*Graph, error) {
	return of(n, weight, func(i, j int) bool { return (j+1)%n == i })
}

// Path is a ring that is cut open: eigenvalues 2·weight·(1 - cos πq/n).
func Path(n int, weight float64) (*Graph, error) {
	return of(n, weight, func(i, j int) bool { return j+1 == i })
}

// Star couples the first unit with all others: eigenvalues weight, n-2 times, and n·weight.
func Star(n int, weight float64) (*Graph, error) {
	return of(n, weight, func(i, j int) bool { return j == 0 })
}

// Regular draws a connected graph in which each unit has as many neighbours as degree says, by pairing loose ends until no pair is of one unit or drawn twice
// (Bollobás 1980). n·degree must be even.
func Regular(n, degree int, weight float64, rng *rand.Rand) (*Graph, error) {
	if degree < 2 || degree >= n || n*degree%2 != 0 {
		return nil, fmt.Errorf("%d units with %d neighbours each: there must be fewer neighbours than units, at least 2, and n·degree even", n, degree)
	}
	const tries = 10_000
draw:
	for range tries {
		ends := make([]int, 0, n*degree)
		for i := range n {
			for range degree {
				ends = append(ends, i)
			}
		}
		rng.Shuffle(len(ends), func(a, b int) { ends[a], ends[b] = ends[b], ends[a] })
		pairs := map[[2]int]bool{}
		for k := 0; k < len(ends); k += 2 {
			pair := [2]int{min(ends[k], ends[k+1]), max(ends[k], ends[k+1])}
			if pair[0] == pair[1] || pairs[pair] {
				continue draw
			}
			pairs[pair] = true
		}
		g, err := of(n, weight, func(i, j int) bool { return pairs[[2]int{j, i}] })
		if err != nil || len(g.Components()) == 1 {
			return g, err
		}
	}
	return nil, fmt.Errorf("no connected graph of %d units with %d neighbours each in %d draws", n, degree, tries)
}

// Units is how many there are.
func (g *Graph) Units() int { return len(g.Edges) }

// Scaled returns the graph with all weights multiplied.
func (g *Graph) Scaled(by float64) *Graph {
	out := &Graph{Weights: mat.NewSymDense(g.Units(), nil), Edges: make([][]Edge, g.Units())}
	out.Weights.ScaleSym(by, g.Weights)
	for i, edges := range g.Edges {
		for _, e := range edges {
			out.Edges[i] = append(out.Edges[i], Edge{e.To, by * e.Weight})
		}
	}
	return out
}

// Laplacian is the diagonal of the sums of each unit's weights, minus the weights.
func (g *Graph) Laplacian() *mat.SymDense {
	n := g.Units()
	l := mat.NewSymDense(n, nil)
	for i, edges := range g.Edges {
		sum := 0.0
		for _, e := range edges {
			sum += e.Weight
			l.SetSym(i, e.To, -e.Weight)
		}
		l.SetSym(i, i, sum)
	}
	return l
}

// Trace is the sum of all weights, both ways: the sum of the Laplacian's eigenvalues.
func (g *Graph) Trace() float64 { return mat.Trace(g.Laplacian()) }

// Spectrum is the eigenvalues of the Laplacian, smallest first. The first is zero; the second, the algebraic connectivity, is zero exactly if the
// network falls into parts.
func (g *Graph) Spectrum() ([]float64, error) {
	var eigen mat.EigenSym
	if !eigen.Factorize(g.Laplacian(), false) {
		return nil, fmt.Errorf("the eigenvalues of the Laplacian of %d units did not converge", g.Units())
	}
	values := eigen.Values(nil)
	parts := len(g.Components())
	for i := range values {
		if i < parts { // zero but for rounding
			values[i] = 0
		}
	}
	return values, nil
}

// Components lists the units of each connected part.
func (g *Graph) Components() [][]int {
	seen := make([]bool, g.Units())
	var parts [][]int
	for start := range g.Edges {
		if seen[start] {
			continue
		}
		seen[start] = true
		part := []int{start}
		for k := 0; k < len(part); k++ {
			for _, e := range g.Edges[part[k]] {
				if !seen[e.To] {
					seen[e.To] = true
					part = append(part, e.To)
				}
			}
		}
		slices.Sort(part)
		parts = append(parts, part)
	}
	return parts
}
