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

// A band-pass by MNE-Python's rules, without phase shift and live: the same taps.
func ExampleFIRDesign() {
	band, err := signal.FIRDesign{Low: 8, High: 30}.Design(250)
	if err != nil {
		fmt.Println(err)
		return
	}
	recorded := mat.NewDense(2, 1000, nil)
	recorded.Set(0, 500, 1)
	if err := band.ZeroPhase(recorded); err != nil {
		fmt.Println(err)
		return
	}
	live := signal.NewStream(band, 2)
	if err := live.Filter([][]float64{{0, 1, 0}, {0, 0, 0}}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d taps, %.3f at the centre, a delay of %d samples when live\n", len(band), recorded.At(0, 500), band.Delay())
	// Output: 413 taps, 0.214 at the centre, a delay of 206 samples when live
}

func ExampleNotch() {
	mains, err := signal.Notch(50, 30, 500)
	if err != nil {
		fmt.Println(err)
		return
	}
	harmonic, err := signal.Notch(100, 30, 500)
	if err != nil {
		fmt.Println(err)
		return
	}
	both := append(mains, harmonic...)
	for _, f := range []float64{40, 50, 75, 100} {
		fmt.Printf("%3.0f Hz: %.3f\n", f, cmplx.Abs(both.Response(f, 500)))
	}
	// Output:
	//  40 Hz: 0.997
	//  50 Hz: 0.000
	//  75 Hz: 0.997
	// 100 Hz: 0.000
}

func ExampleCommonAverage() {
	average, err := signal.CommonAverage([]string{"C3", "C4", "EOG"}, "EOG")
	if err != nil {
		fmt.Println(err)
		return
	}
	y, err := average.Apply(mat.NewDense(3, 2, []float64{1, 2, 3, 6, 50, 60}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(mat.Formatted(y))
	// Output:
	// ⎡-1  -2⎤
	// ⎢ 1   2⎥
	// ⎣50  60⎦
}

func ExampleResamplingTo() {
	half, err := signal.ResamplingTo(500, 250)
	if err != nil {
		fmt.Println(err)
		return
	}
	slow := mat.NewDense(1, 1000, nil)
	for t := range 1000 {
		slow.Set(0, t, math.Sin(2*math.Pi*5*float64(t)/500))
	}
	y, err := half.Apply(slow)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d samples, at 1 s %.2f\n", y.RawMatrix().Cols, y.RawRowView(0)[251:256])
	// Output: 500 samples, at 1 s [0.13 0.25 0.37 0.48 0.59]
}

func ExampleEnvelope() {
	x := mat.NewDense(1, 8, []float64{0, 2, 0, -2, 0, 2, 0, -2})
	envelope, err := signal.Envelope(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", envelope.RawRowView(0))
	// Output: [2.00 2.00 2.00 2.00 2.00 2.00 2.00 2.00]
}
