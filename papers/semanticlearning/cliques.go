package semanticlearning

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
)

// cliques is which neurons excite each other: all pairs within a clique. A neuron may belong to several.
type cliques struct {
	neurons    int
	members    [][]int // of each clique
	neighbours [][]int // of each neuron, excited by it and exciting it
}

// circulant makes the graph of the sheet for so many cliques, an even number: neurons are the edges of a ring whose vertices are also joined to the
// third after each, and the edges at a vertex are a clique. Neuron 2i joins vertices i and i+1, neuron 2i+1 joins i and i+3. Each neuron is in two
// cliques of four.
func circulant(count int) (*cliques, error) {
	if count < 10 || count%2 != 0 || count > 1000 {
		return nil, fmt.Errorf("%d cliques; expected an even number from 10 to 1000: with fewer or an odd number the graph has triangles, and cliques nobody asked for", count)
	}
	members := make([][]int, count)
	for i := range count {
		for _, end := range []int{i, (i + 1) % count} {
			members[end] = append(members[end], 2*i)
		}
		for _, end := range []int{i, (i + 3) % count} {
			members[end] = append(members[end], 2*i+1)
		}
	}
	for _, m := range members {
		slices.Sort(m)
	}
	return newCliques(2*count, members)
}

// newCliques checks that the graph has just the cliques given: members in range, none twice, each neuron in one at least, and no other maximal clique.
func newCliques(neurons int, members [][]int) (*cliques, error) {
	g := simple.NewUndirectedGraph()
	c := &cliques{neurons: neurons, members: members, neighbours: make([][]int, neurons)}
	for i := range neurons {
		g.AddNode(simple.Node(i))
	}
	in := make([]bool, neurons)
	for k, list := range members {
		for at, i := range list {
			if i < 0 || i >= neurons {
				return nil, fmt.Errorf("clique %d has the member %d; expected 0 to %d", k, i, neurons-1)
			}
			if slices.Contains(list[:at], i) {
				return nil, fmt.Errorf("clique %d has the member %d twice", k, i)
			}
			in[i] = true
			for _, j := range list[:at] {
				g.SetEdge(simple.Edge{F: simple.Node(i), T: simple.Node(j)})
				if !slices.Contains(c.neighbours[i], j) {
					c.neighbours[i], c.neighbours[j] = append(c.neighbours[i], j), append(c.neighbours[j], i)
				}
			}
		}
	}
	if i := slices.Index(in, false); i >= 0 {
		return nil, fmt.Errorf("neuron %d is in no clique: it would be inhibited by all others for ever", i)
	}
	wanted := map[string]bool{}
	for _, list := range members {
		wanted[fmt.Sprint(slices.Sorted(slices.Values(list)))] = true
	}
	for _, found := range topo.BronKerbosch(g) {
		var list []int
		for _, n := range found {
			list = append(list, int(n.ID()))
		}
		slices.Sort(list)
		if !wanted[fmt.Sprint(list)] {
			return nil, fmt.Errorf("the links of the cliques also make neurons %v a clique, which is not among those given; join fewer of them", list)
		}
	}
	return c, nil
}

// size is that of the largest clique.
func (c *cliques) size() (n int) {
	for _, m := range c.members {
		n = max(n, len(m))
	}
	return n
}
