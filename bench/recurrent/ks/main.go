// Command ks times 10,000 steps of the Kuramoto-Sivashinsky equation with 512 modes beside the same method in NumPy, in one run, and prints the ratio:
//
//	go run ./bench/recurrent/ks [-python python3] [-quick]
//
// Package versus says how. Both sides take the same steps of ETDRK4 in double precision from the same field. NumPy's side transforms real fields to half
// spectra, as ours does, with its own transform and with SciPy's. The fields after 100 steps, before chaos has parted them, must agree to 1e-9: the program fails if
// they do not.
package main

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gyrus-dev/gyrus/bench/versus"
	"github.com/gyrus-dev/gyrus/simulate/chaos"
)

//go:embed peers.py
var script string

const (
	points, steps = 512, 10_000
	length, dt    = 100., .25
)

func main() {
	versus.Main(script, []versus.Work{{
		Name: "ks", What: "Kuramoto-Sivashinsky, 512 modes, 10,000 steps of ETDRK4",
		Prepare: prepare, Peers: []versus.Peer{{Name: "numpy", Must: 3, Aim: 6}, {Name: "scipy", Must: 3, Aim: 6}},
	}})
}

func prepare(dir string, part int) (versus.Timed, error) {
	k, err := chaos.NewKuramotoSivashinsky(chaos.KuramotoSivashinsky{Length: length, Points: points}, dt)
	if err != nil {
		return nil, err
	}
	start := k.Start(rand.New(rand.NewPCG(1, 2)))
	k.Advance(start, 400) // on the attractor
	soon := slices.Clone(start)
	k.Advance(soon, 100)
	for name, u := range map[string][]float64{"start": start, "soon": soon} {
		data := make([]byte, 0, 8*points)
		for _, v := range u {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, err
		}
	}
	return func() (float64, string, error) {
		u := slices.Clone(start)
		begin := time.Now()
		k.Advance(u, steps/part)
		seconds := time.Since(begin).Seconds()
		square := 0.
		for _, v := range u {
			square += v * v / points
		}
		return seconds, fmt.Sprintf("%.1f µs a step, root mean square %.2f at the end", 1e6*seconds*float64(part)/steps, math.Sqrt(square)), nil
	}, nil
}
