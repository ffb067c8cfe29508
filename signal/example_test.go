package signal_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
)

func ExampleBandPass() {
	band, err := signal.BandPass(4, 8, 32, 250)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range []float64{4, 8, 16, 32, 50} {
		fmt.Printf("%2.0f Hz: %6.1f dB\n", f, 20*math.Log10(cmplx.Abs(band.Response(f, 250))))
	}
	// Output:
	// 4 Hz:  -31.5 dB
	//  8 Hz:   -3.0 dB
	// 16 Hz:   -0.0 dB
	// 32 Hz:   -3.0 dB
	// 50 Hz:  -25.1 dB
}

func ExampleStream() {
	low, err := signal.LowPass(2, 10, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	live := signal.NewStream(low, 1)
	for _, block := range [][]float64{{1, 1, 1}, {1, 1}} {
		if err := live.Filter([][]float64{block}); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.3f\n", block)
	}
	// Output:
	// [0.067 0.279 0.561]
	// [0.796 0.948]
}

func ExampleOnlineAlignment() {
	var align signal.OnlineAlignment
	loud := mat.NewDense(2, 4, []float64{10, -10, 10, -10, 1, 1, -1, -1})
	aligned, err := align.Next(loud)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", mat.Formatted(aligned))
	// Output:
	// ⎡ 0.87  -0.87   0.87  -0.87⎤
	// ⎣ 0.87   0.87  -0.87  -0.87⎦
}

// Two classes differ in which of two mixed sources is the louder.
func ExampleFitCSP() {
	rng := rand.New(rand.NewPCG(1, 1))
	make2 := func(class int) *mat.Dense {
		x := mat.NewDense(2, 200, nil)
		for t := range 200 {
			a, b := rng.NormFloat64(), rng.NormFloat64()
			if class == 0 {
				a *= 2
			} else {
				b *= 2
			}
			x.Set(0, t, a+0.8*b)
			x.Set(1, t, 0.8*a+b)
		}
		return x
	}
	var trials []*mat.Dense
	var labels []int
	for i := range 20 {
		trials, labels = append(trials, make2(i%2)), append(labels, i%2)
	}
	csp, err := signal.FitCSP(trials, labels, 2, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	var features [][]float64
	for _, x := range trials {
		features = append(features, csp.Features(x))
	}
	lda, err := signal.FitLDA(features, labels, 2, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	right := 0
	for range 10 {
		for class := range 2 {
			if lda.Predict(csp.Features(make2(class))) == class {
				right++
			}
		}
	}
	fmt.Println(right, "of 20 new trials")
	// Output: 20 of 20 new trials
}
