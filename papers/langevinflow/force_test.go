package langevinflow

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/compute"
)

func randomKernel(rng *rand.Rand) []float32 {
	kernel := make([]float32, Groups*Groups*3)
	for i := range kernel {
		kernel[i] = float32(0.1 * rng.NormFloat64())
	}
	return kernel
}

func normals(rng *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	return v
}

// relative is the distance between two vectors over the length of the second.
func relative(a, b []float64) float64 {
	var d, n float64
	for i := range a {
		d += (a[i] - b[i]) * (a[i] - b[i])
		n += b[i] * b[i]
	}
	return math.Sqrt(d / n)
}

// The closed form must be the gradient of the potential three ways: by central differences of an independent evaluation of U, by
// the graph's matrix, and by automatic differentiation of U as the paper writes it.
func TestForceIsGradientOfPotential(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	for seed, hidden := range []int{4, 8, 64, 100} {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		kernel, z := randomKernel(rng), normals(rng, hidden)
		o, err := NewOscillators(kernel, hidden)
		if err != nil {
			t.Fatal(err)
		}
		force, numeric := make([]float64, hidden), make([]float64, hidden)
		o.Force(z, force)
		const h = 1e-4
		for i := range z {
			up, down := append([]float64(nil), z...), append([]float64(nil), z...)
			up[i], down[i] = z[i]+h, z[i]-h
			numeric[i] = (o.Energy(up) - o.Energy(down)) / (2 * h)
		}
		if d := relative(force, numeric); d > 1e-8 {
			t.Errorf("H=%d: force is %g away from the numeric gradient", hidden, d)
		}
		z32 := make([]float32, hidden)
		for i, v := range z {
			z32[i] = float32(v)
		}
		exec, err := NewExec(backend, func(kernel, z *Node) []*Node {
			u := Potential(kernel, z)
			return []*Node{u, Gradient(u, z)[0], Dot(z, ForceMatrix(kernel, hidden))}
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Exec(tensors.FromFlatDataAndDimensions(kernel, Groups, Groups, 3), tensors.FromFlatDataAndDimensions(z32, 1, hidden))
		if err != nil {
			t.Fatal(err)
		}
		if u := float64(tensors.ToScalar[float32](out[0])); math.Abs(u-o.Energy(z)) > 1e-4*(1+math.Abs(u)) {
			t.Errorf("H=%d: graph energy %g, plain %g", hidden, u, o.Energy(z))
		}
		for i, name := range []string{"automatic differentiation", "force matrix"} {
			got := make([]float64, hidden)
			tensors.MustConstFlatData(out[1+i], func(flat []float32) {
				for j, v := range flat {
					got[j] = float64(v)
				}
			})
			if d := relative(got, force); d > 1e-5 {
				t.Errorf("H=%d: %s is %g away from the closed form", hidden, name, d)
			}
		}
	}
}

// Without damping and noise explicit Euler does not conserve energy, but its drift over a fixed time halves with the step.
func TestEnergyDriftHalvesWithStep(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	o, err := NewOscillators(randomKernel(rng), 64)
	if err != nil {
		t.Fatal(err)
	}
	z, v := normals(rng, 64), normals(rng, 64)
	coarse, fine := o.Drift(z, v, 0.01, 0.5), o.Drift(z, v, 0.005, 0.5)
	if ratio := coarse / fine; coarse == 0 || ratio < 1.7 || ratio > 2.4 {
		t.Errorf("halving η changes the drift from %g to %g, a factor %.2f; want about 2", coarse, fine, ratio)
	}
}

func TestOscillatorsReject(t *testing.T) {
	if _, err := NewOscillators(make([]float32, 48), 30); err == nil {
		t.Error("hidden size 30 accepted")
	}
	if _, err := NewOscillators(make([]float32, 47), 32); err == nil {
		t.Error("short kernel accepted")
	}
}
