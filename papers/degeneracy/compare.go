package degeneracy

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/mds"

	"github.com/gyrus-dev/gyrus/measure/similarity"
)

// embedding is the delays q and the rank r of a fit of DSA.
type embedding struct{ Delays, Rank int }

// embeddings are what dynamics are compared at: the first two are registered for claims, the others are printed beside them.
var embeddings = []embedding{{1, 4}, {3, 4}, {1, 8}, {3, 8}}

const registered = 2

func (e embedding) id() string     { return fmt.Sprintf("dsa-%d-%d", e.Delays, e.Rank) }
func (e embedding) nullID() string { return fmt.Sprintf("null-%d-%d", e.Delays, e.Rank) }

// table is a distance for each pair of networks.
type table [][]float64

func newTable(n int) table {
	t := make(table, n)
	for i := range t {
		t[i] = make([]float64, n)
	}
	return t
}

// mean returns mean and standard error over pairs.
func (t table) mean() (mean, se float64) {
	var values []float64
	for i := range t {
		for j := range i {
			values = append(values, t[i][j])
		}
	}
	return meanAndError(values)
}

func meanAndError(values []float64) (mean, se float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		se += (v - mean) * (v - mean) / (n - 1)
	}
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	return mean, math.Sqrt(se / n)
}

// comparison is everything that is measured between networks of one condition.
type comparison struct {
	DSA        []table   // for each of embeddings
	Null       []float64 // for each of embeddings: mean distance between two halves of the trials of one network
	PIF        table
	Capped     int // pairs of which the search for a permutation was ended by its cap
	Procrustes table
	SVCCA      table // 1 - mean canonical correlation
}

// effort is how hard searches look.
type effort struct{ starts, permutations int }

// similar measures all distances between networks, from recurrent weights [n, n] and states of the same trials: of each network a matrix [T, n]
// for each trial. Pairs are worked on in parallel.
func similar(ctx context.Context, weights []*mat.Dense, states [][]*mat.Dense, e effort, progress func(done, total int)) (*comparison, error) {
	n := len(states)
	c := &comparison{PIF: newTable(n), Procrustes: newTable(n), SVCCA: newTable(n), Null: make([]float64, len(embeddings))}
	maps := make([][]*mat.Dense, len(embeddings)) // of each embedding and network
	for k, em := range embeddings {
		c.DSA = append(c.DSA, newTable(n))
		dsa := em.dsa(e)
		for i, s := range states {
			a, err := dsa.Fit(s)
			if err != nil {
				return nil, fmt.Errorf("dynamics of network %d, %d delays, rank %d: %w", i, em.Delays, em.Rank, err)
			}
			maps[k] = append(maps[k], a)
			half := len(s) / 2
			null, err := dsa.Distance(s[:half], s[half:])
			if err != nil {
				return nil, fmt.Errorf("halves of the trials of network %d, %d delays, rank %d: %w", i, em.Delays, em.Rank, err)
			}
			c.Null[k] += null.Frobenius / float64(n)
		}
	}
	stacked := make([]*mat.Dense, n)
	for i, s := range states {
		var err error
		if stacked[i], err = similarity.Stack(s); err != nil {
			return nil, err
		}
	}
	var mu sync.Mutex
	err := pairs(ctx, n, progress, func(i, j int) error {
		for k, em := range embeddings {
			d, err := em.dsa(e).Align(maps[k][i], maps[k][j])
			if err != nil {
				return err
			}
			c.DSA[k][i][j], c.DSA[k][j][i] = d.Frobenius, d.Frobenius
		}
		m, err := similarity.PIF{Starts: e.permutations}.Match(weights[i], weights[j])
		if err != nil {
			return err
		}
		c.PIF[i][j], c.PIF[j][i] = m.Distance, m.Distance
		if m.Capped {
			mu.Lock()
			c.Capped++
			mu.Unlock()
		}
		p, err := similarity.Procrustes(stacked[i], stacked[j])
		if err != nil {
			return err
		}
		s, err := similarity.SVCCA(stacked[i], stacked[j], .99)
		if err != nil {
			return err
		}
		c.Procrustes[i][j], c.Procrustes[j][i], c.SVCCA[i][j], c.SVCCA[j][i] = p, p, 1-s, 1-s
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (e embedding) dsa(by effort) similarity.DSA {
	return similarity.DSA{Delays: e.Delays, Rank: e.Rank, Starts: by.starts}
}

// pairs calls do for all pairs j < i, on all processors, until one fails.
func pairs(ctx context.Context, n int, progress func(done, total int), do func(i, j int) error) error {
	type pair struct{ i, j int }
	todo := make(chan pair, n*n)
	for i := range n {
		for j := range i {
			todo <- pair{i, j}
		}
	}
	close(todo)
	total := len(todo)
	var mu sync.Mutex
	var failed error
	done := 0
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for p := range todo {
				mu.Lock()
				stop := failed != nil || ctx.Err() != nil
				mu.Unlock()
				if stop {
					return
				}
				err := do(p.i, p.j)
				mu.Lock()
				if done++; err != nil && failed == nil {
					failed = fmt.Errorf("networks %d and %d: %w", p.j, p.i, err)
				}
				progress(done, total)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return failed
	}
	return context.Cause(ctx)
}

// scaleDown places networks in the plane so that their distances are kept as well as they can be (Torgerson's scaling).
func scaleDown(t table) (x, y []float64) {
	n := len(t)
	d := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i {
			d.SetSym(i, j, t[i][j])
		}
	}
	var to mat.Dense
	k, _ := mds.TorgersonScaling(&to, nil, d)
	x, y = make([]float64, n), make([]float64, n)
	for i := range n {
		if k > 0 {
			x[i] = to.At(i, 0)
		}
		if k > 1 {
			y[i] = to.At(i, 1)
		}
	}
	return x, y
}
