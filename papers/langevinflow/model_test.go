package langevinflow

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

// pass runs a model's stochastic pass once. fill, if given, sets the variables by scope and name.
func pass(t *testing.T, c Config, x *Counts, seed int64, fill map[string]int) (logRates, z, v, kernel []float64) {
	t.Helper()
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModel(c)
	if err != nil {
		t.Fatal(err)
	}
	vars := mlctx.New()
	if err := vars.SetRNGStateFromSeed(seed); err != nil {
		t.Fatal(err)
	}
	f := func(ctx *mlctx.Context, x *Node) []*Node {
		out := m.Forward(ctx, x, false)
		if c.Variant != Langevin {
			return []*Node{out.LogRates}
		}
		return []*Node{out.LogRates, out.Z, out.V, ctx.In("potential").Reuse().GetVariable("kernel").ValueGraph(x.Graph())}
	}
	// The first execution creates the variables.
	if _, err := mlctx.ExecOnceN(backend, vars, f, x.tensor()); err != nil {
		t.Fatal(err)
	}
	filled := 0
	for variable := range vars.IterVariables() {
		j, ok := fill[variable.ScopeAndName()]
		if !ok {
			if variable.Trainable && fill != nil {
				t.Fatalf("the golden values have no variable %s", variable.ScopeAndName())
			}
			continue
		}
		filled++
		flat := make([]float32, variable.Shape().Size())
		for i := range flat {
			flat[i] = float32(0.4 * math.Sin(0.7*float64(i)+float64(j)))
		}
		if err := variable.SetValue(tensors.FromFlatDataAndDimensions(flat, variable.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
	if filled != len(fill) {
		t.Fatalf("the model has %d of the %d variables of the golden values", filled, len(fill))
	}
	out, err := mlctx.ExecOnceN(backend, vars.Reuse(), f, x.tensor())
	if err != nil {
		t.Fatal(err)
	}
	wide := make([][]float64, 4)
	for i, o := range out {
		tensors.MustConstFlatData(o, func(flat []float32) {
			for _, v := range flat {
				wide[i] = append(wide[i], float64(v))
			}
		})
	}
	return wide[0], wide[1], wide[2], wide[3]
}

// The deterministic part (encoder over observed and forward bins, decoder, readout) against PyTorch 2.15 in float64: nn.GRUCell,
// nn.TransformerEncoderLayer(4, 2 heads, 6, batch_first) and a matrix, flat element i of variable j being 0.4·sin(0.7 i + j) in Gyrus's
// layout [in, out], j as below; 2 trials × 5 of 7 bins × 3 of 5 neurons with element i being i² mod 7 mod 4.
func TestEncoderAndDecoderAgainstPyTorch(t *testing.T) {
	variables := map[string]int{
		"/encoder/reset/input_weights": 0, "/encoder/reset/hidden_weights": 1, "/encoder/reset/input_bias": 2, "/encoder/reset/hidden_bias": 3,
		"/encoder/update/input_weights": 4, "/encoder/update/hidden_weights": 5, "/encoder/update/input_bias": 6, "/encoder/update/hidden_bias": 7,
		"/encoder/new/input_weights": 8, "/encoder/new/hidden_weights": 9, "/encoder/new/input_bias": 10, "/encoder/new/hidden_bias": 11,
		"/decoder/attention/query/weights": 12, "/decoder/attention/query/bias": 13, "/decoder/attention/key/weights": 26, "/decoder/attention/key/bias": 27,
		"/decoder/attention/value/weights": 28, "/decoder/attention/value/bias": 29, "/decoder/attention/out/weights": 14, "/decoder/attention/out/bias": 15,
		"/decoder/norm1/scale": 16, "/decoder/norm1/offset": 17, "/decoder/expand/weights": 18, "/decoder/expand/bias": 19,
		"/decoder/contract/weights": 20, "/decoder/contract/bias": 21, "/decoder/norm2/scale": 22, "/decoder/norm2/offset": 23,
		"/readout/weights": 24, "/readout/bias": 25,
	}
	want := []float64{
		0.180976, 0.228671, 0.168819, 0.029569, -0.123588, 0.175463, 0.180455, 0.100576, -0.026605, -0.141273,
		0.135750, 0.318234, 0.351047, 0.218758, -0.016417, 0.176691, 0.235308, 0.183255, 0.045015, -0.114397,
		0.161270, 0.105841, 0.000633, -0.104872, -0.161055, 0.097624, 0.055868, -0.012164, -0.074475, -0.101759,
		0.057427, 0.048625, 0.016954, -0.022691, -0.051664, 0.100540, 0.354930, 0.442391, 0.321789, 0.049844,
		0.112064, 0.344756, 0.415304, 0.290528, 0.029112, 0.130384, 0.326279, 0.368720, 0.237746, -0.005043,
		0.142791, 0.310983, 0.332915, 0.198272, -0.029622, 0.122656, 0.334121, 0.388444, 0.260076, 0.009390,
		0.117236, 0.339542, 0.402156, 0.275629, 0.019470, 0.115274, 0.341425, 0.406999, 0.281155, 0.023079,
	}
	x := &Counts{Trials: 2, Bins: 5, Neurons: 3}
	for i := range 30 {
		x.Values = append(x.Values, float32(i*i%7%4))
	}
	got, _, _, _ := pass(t, Config{Sizes: Sizes{In: 3, Out: 5, Observed: 5, Forward: 2}, Variant: NoFlow, Balance: Released, Hidden: 4, FeedForward: 6,
		Heads: 2, Eta: 0.01, Gamma: 0.5, Keep: 1}, x, 1, variables)
	if len(got) != len(want) {
		t.Fatalf("%d log-rates, want %d", len(got), len(want))
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-5 {
			t.Fatalf("log-rate %d is %.6f, PyTorch says %.6f", i, got[i], want[i])
		}
	}
}

// Every step of the sampled path must obey the discretised equations: z moves by exactly η times the old velocity, and what the
// force and the damping do not explain of the new velocity is white noise of variance 2γ.
func TestPathFollowsLangevinEquations(t *testing.T) {
	const trials, bins, hidden, eta, gamma = 40, 12, 16, 0.1, 0.3
	rng := rand.New(rand.NewPCG(1, 2))
	x := &Counts{Trials: trials, Bins: bins, Neurons: 3}
	for range trials * bins * 3 {
		x.Values = append(x.Values, float32(rng.IntN(3)))
	}
	_, z, v, kernel := pass(t, Config{Sizes: Sizes{In: 3, Out: 3, Observed: bins}, Variant: Langevin, Balance: Released, Hidden: hidden, FeedForward: 8,
		Heads: 2, Eta: eta, Gamma: gamma, Keep: 1}, x, 3, nil)
	kernel32 := make([]float32, len(kernel))
	for i, k := range kernel {
		kernel32[i] = float32(k)
	}
	o, err := NewOscillators(kernel32, hidden)
	if err != nil {
		t.Fatal(err)
	}
	at := func(path []float64, trial, bin int) []float64 { return path[(trial*bins+bin)*hidden:][:hidden] }
	force := make([]float64, hidden)
	var sum, square, along, pulls float64
	n := 0
	for k := range trials {
		for b := 1; b < bins; b++ {
			z0, v0, z1, v1 := at(z, k, b-1), at(v, k, b-1), at(z, k, b), at(v, k, b)
			o.Force(z0, force)
			for i := range hidden {
				if d := math.Abs(z1[i] - z0[i] - eta*v0[i]); d > 1e-5 {
					t.Fatalf("trial %d, bin %d: z is %g away from z + η v", k, b, d)
				}
				noise := v1[i] - (1-gamma)*(v0[i]-eta*force[i])
				sum, square = sum+noise, square+noise*noise
				pull := -(1 - gamma) * eta * force[i]
				along, pulls = along+(v1[i]-(1-gamma)*v0[i])*pull, pulls+pull*pull
				n++
			}
		}
	}
	// Left with the noise, the force must be there in full: the regression of velocity changes on it has slope 1.
	if slope, sd := along/pulls, math.Sqrt(2*gamma/pulls); math.Abs(slope-1) > 5*sd || sd > 0.1 {
		t.Errorf("the force acts with %.2f of its strength (± %.2f), want 1", slope, sd)
	}
	if mean := sum / float64(n); math.Abs(mean) > 5*math.Sqrt(2*gamma/float64(n)) {
		t.Errorf("the noise has mean %.4f, want 0", mean)
	}
	if variance := square / float64(n); math.Abs(variance/(2*gamma)-1) > 5*math.Sqrt(2/float64(n)) {
		t.Errorf("the noise has variance %.4f, want 2γ = %.4f", variance, 2*gamma)
	}
}
