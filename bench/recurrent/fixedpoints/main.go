// Command fixedpoints finds the fixed points of a recurrent network of 256 gated units from 1,024 starts, with package fixedpoint and with PyTorch in the way
// of FixedPointFinder (Golub & Sussillo 2018): Adam on the mean speed of all starts until the speed of each is below the tolerance. It prints the ratio:
//
//	go run ./bench/recurrent/fixedpoints [-python python3,other/python] [-quick]
//
// Both sides get the same weights and starts, in float32, and stop by the same rule, q = |F(h) - h|²/2 ≤ 1e-11 for each start; the fixed points that both
// find are compared: the program fails if Gyrus misses any, and says so if PyTorch does. Compiling a graph is not timed. With -quick there is a tenth of the starts.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/bench/versus"
	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics/fixedpoint"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
)

//go:embed peers.py
var script string

const (
	units, patterns = 256, 3
	tolerance       = 1e-11
)

func main() {
	versus.Main(script, []versus.Work{{
		Name: "fixedpoints", What: "all fixed points of a GRU of 256 units that holds three patterns, from 1,024 starts",
		Prepare: search, Peers: []versus.Peer{{Name: "torch", Must: 3, Aim: 8}}, Turns: 3,
	}})
}

// memory is the weights of a GRU without input: three orthogonal patterns stored in the candidate by Hebb's rule, and random weights everywhere. The
// patterns, their mixtures and silence are fixed points.
func memory(rng *rand.Rand) (reset, update, candidate *mat.Dense, stored [][]float64) {
	random := func(gain float64) *mat.Dense {
		w := mat.NewDense(units, units, nil)
		for i := range units {
			for j := range units {
				w.Set(i, j, gain*rng.NormFloat64()/math.Sqrt(units))
			}
		}
		return w
	}
	reset, update, candidate = random(.5), random(.5), random(.2)
	order := rng.Perm(units)
	for k := range patterns {
		p := make([]float64, units)
		for i := range p {
			p[i] = float64(2*(order[i]>>k&1) - 1) // half of the units are on, and half of those in each other pattern
		}
		stored = append(stored, p)
		for i := range units {
			for j := range units {
				candidate.Set(i, j, candidate.At(i, j)+4*p[i]*p[j]/units)
			}
		}
	}
	return reset, update, candidate, stored
}

func search(dir string, part int) (versus.Timed, error) {
	rng := rand.New(rand.NewPCG(1, 2))
	reset, update, candidate, stored := memory(rng)
	starts := mat.NewDense(1024/part, units, nil)
	rows, _ := starts.Dims()
	for k := range rows {
		row := starts.RawRowView(k)
		for _, p := range stored { // a mixture of patterns, weak or strong, with noise
			weight := float64(rng.IntN(3)-1) * (.3 + .7*rng.Float64())
			for i, v := range p {
				row[i] += weight * v
			}
		}
		for i, v := range row {
			row[i] = math.Tanh(v) + .1*rng.NormFloat64()
		}
	}
	var arrays []*recording.Array
	for _, a := range []struct {
		name string
		m    *mat.Dense
	}{{"reset", reset}, {"update", update}, {"candidate", candidate}, {"starts", starts}} {
		r, c := a.m.Dims()
		arrays = append(arrays, &recording.Array{Name: a.name, Dims: []int{r, c}, Data: a.m.RawMatrix().Data})
	}
	if err := numpy.Save(filepath.Join(dir, "network.npz"), arrays...); err != nil {
		return nil, err
	}
	backend, err := compute.Open("")
	if err != nil {
		return nil, err
	}
	net, err := fixedpoint.New(backend, mlctx.New(), fixedpoint.Network{Units: units, Step: func(_ *mlctx.Context, h *graph.Node) *graph.Node {
		by := func(w *mat.Dense, x *graph.Node) *graph.Node { return graph.Dot(x, constant(x.Graph(), w)) }
		r, u := graph.Sigmoid(by(reset, h)), graph.Sigmoid(by(update, h))
		n := graph.Tanh(graph.Mul(r, by(candidate, h)))
		return graph.Add(n, graph.Mul(u, graph.Sub(h, n)))
	}})
	if err != nil {
		return nil, err
	}
	run := func() (float64, string, error) {
		begin := time.Now()
		found, err := net.Find(context.Background(), starts, fixedpoint.Search{Tolerance: tolerance})
		seconds := time.Since(begin).Seconds()
		if err != nil {
			return 0, "", err
		}
		var states [][]float64
		ended := 0
		for _, p := range found.Fixed {
			states = append(states, p.State)
			ended += len(p.Starts)
		}
		data, err := json.Marshal(states)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "found.json"), data, 0o666)
		}
		return seconds, fmt.Sprintf("%d fixed points, at which %d starts end, %d slow, %d outliers, %.0f descents a start", len(found.Fixed), ended, len(found.Slow), found.Outliers,
			float64(found.Descents)/float64(rows)), err
	}
	_, _, err = run() // compiles
	return run, err
}

func constant(g *graph.Graph, w *mat.Dense) *graph.Node {
	values := make([]float32, units*units)
	for i := range units {
		for j := range units {
			values[i*units+j] = float32(w.At(j, i)) // transposed: rows of states times weights
		}
	}
	return graph.Reshape(graph.Const(g, values), units, units)
}
