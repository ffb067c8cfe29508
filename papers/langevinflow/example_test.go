package langevinflow_test

import (
	"fmt"

	"github.com/gyrus-dev/gyrus/papers/langevinflow"
)

// The force of the oscillators is the gradient of their energy.
func ExampleOscillators() {
	kernel := make([]float32, langevinflow.Groups*langevinflow.Groups*3)
	for i := range kernel {
		kernel[i] = float32(i%5) - 2
	}
	o, err := langevinflow.NewOscillators(kernel, 8)
	if err != nil {
		fmt.Println(err)
		return
	}
	z, force := []float64{0.1, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -0.8}, make([]float64, 8)
	o.Force(z, force)
	const h = 1e-5
	z[2] += h
	up := o.Energy(z)
	z[2] -= 2 * h
	fmt.Printf("%.4f %.4f\n", force[2], (up-o.Energy(z))/(2*h))
	// Output: -0.2137 -0.2137
}

func ExampleNewModel() {
	_, err := langevinflow.NewModel(langevinflow.Config{Sizes: langevinflow.Sizes{In: 22, Out: 30, Observed: 40, Forward: 10},
		Variant: langevinflow.Langevin, Balance: langevinflow.Released, Hidden: 30, FeedForward: 64, Heads: 2, Eta: 0.01, Gamma: 0.55, Keep: 0.5})
	fmt.Println(err)
	// Output: hidden size 30 does not divide into the 4 oscillator groups: choose a multiple of 4
}
