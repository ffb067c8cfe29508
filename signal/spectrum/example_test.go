package spectrum_test

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

// sine is 4 s of 10 Hz with an amplitude of 2, at 100 Hz.
func sine() *mat.Dense {
	x := mat.NewDense(1, 400, nil)
	for t := range 400 {
		x.Set(0, t, 2*math.Sin(2*math.Pi*10*float64(t)/100))
	}
	return x
}

func ExampleWelch() {
	psd, err := spectrum.Welch{Segment: 100}.PSD(sine(), 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	alpha, err := psd.Band(8, 13)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", alpha)
	// Output: [2.00]
}

func ExampleMultitaper() {
	psd, err := spectrum.Multitaper{Bandwidth: 2}.PSD(sine(), 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	alpha, err := psd.Band(8, 13)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", alpha)
	// Output: [2.00]
}

func ExampleMorlet() {
	tf, err := spectrum.Morlet{Frequencies: []float64{5, 10, 20}}.Transform(sine(), 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	power := tf.Power(0)
	fmt.Printf("%.3f\n", mat.Col(nil, 200, power))
	// Output: [0.000 78.986 0.000]
}

func ExampleSTFT() {
	tf, err := spectrum.STFT{Segment: 100}.Transform(sine(), 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	power := tf.Power(0)
	fmt.Printf("%.2f at 10 Hz and %.1f s\n", power.At(10, 4), tf.Times[4])
	// Output: 1.00 at 10 Hz and 2.0 s
}
