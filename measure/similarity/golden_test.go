package similarity_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/measure/similarity"
)

// golden is what testdata/golden.py found with NumPy, SciPy and the public DSA tool.
type golden struct {
	CKA        float64
	Debiased   float64
	Procrustes float64
	CCA        []float64
	SVCCA90    float64
	DSA        []struct {
		Delays, Rank int
		Sizes        [2][][]float64
		Eigenvalues  [2][]float64
		Least, Tool  float64
	}
	FAQ  float64
	Best float64 `json:"best of 100"`
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err == nil {
		err = json.Unmarshal(data, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// made is the formula of golden.py.
func made(rows, columns, salt int) *mat.Dense {
	m := mat.NewDense(rows, columns, nil)
	for i := range rows {
		for j := range columns {
			x := (i*7919 + j*104729 + i*j*31 + i*i*17 + salt*613) % 10007
			m.Set(i, j, float64(x*x%10007)/10007-.5)
		}
	}
	return m
}

func representations(salt int) (x, y *mat.Dense) {
	x = made(60, 7, salt)
	y = mat.NewDense(60, 9, nil)
	var shared, noise mat.Dense
	shared.Mul(x.Slice(0, 60, 0, 4), made(4, 5, salt+1))
	noise.Scale(.3, made(60, 5, salt+2))
	shared.Add(&shared, &noise)
	y.Slice(0, 60, 0, 5).(*mat.Dense).Copy(&shared)
	y.Slice(0, 60, 5, 9).(*mat.Dense).Copy(made(60, 4, salt+3))
	return x, y
}

// states runs six tanh units, driven by the same made noise in every network.
func states(salt int) []*mat.Dense {
	w, drive := made(6, 6, salt), made(5*40, 6, 99)
	w.Scale(1.2, w)
	var trials []*mat.Dense
	for trial := range 5 {
		out, hidden := mat.NewDense(40, 6, nil), mat.NewVecDense(6, nil)
		for t := range 40 {
			var next mat.VecDense
			next.MulVec(w, hidden)
			for i := range 6 {
				hidden.SetVec(i, math.Tanh(next.AtVec(i)+drive.At(trial*40+t, i)))
				out.Set(t, i, hidden.AtVec(i))
			}
		}
		trials = append(trials, out)
	}
	return trials
}

func TestRepresentationsAgainstNumPy(t *testing.T) {
	want := readGolden(t)
	x, y := representations(1)
	for _, c := range []struct {
		name string
		want float64
		of   func(x, y mat.Matrix) (float64, error)
	}{
		{"CKA", want.CKA, similarity.LinearCKA},
		{"debiased CKA", want.Debiased, similarity.DebiasedCKA},
		{"Procrustes", want.Procrustes, similarity.Procrustes},
		{"SVCCA", want.SVCCA90, func(x, y mat.Matrix) (float64, error) { return similarity.SVCCA(x, y, .9) }},
	} {
		got, err := c.of(x, y)
		if err != nil || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s is %v, %v; NumPy says %v", c.name, got, err, c.want)
		}
	}
	got, err := similarity.CCA(x, y)
	if err != nil || !slices.EqualFunc(got, want.CCA, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
		t.Errorf("CCA is %v, %v; NumPy says %v", got, err, want.CCA)
	}
}

func TestDSAAgainstThePublicTool(t *testing.T) {
	for _, c := range readGolden(t).DSA {
		model := similarity.DSA{Delays: c.Delays, Rank: c.Rank}
		var maps [2]*mat.Dense
		for k, salt := range []int{5, 8} {
			a, err := model.Fit(states(salt))
			if err != nil {
				t.Fatal(err)
			}
			maps[k] = a
			for i, row := range c.Sizes[k] { // signs follow those of singular vectors, which are free
				for j, v := range row {
					if math.Abs(math.Abs(a.At(i, j))-v) > 1e-6 {
						t.Errorf("delays %d, rank %d: entry %d,%d of map %d is %v, NumPy says ±%v", c.Delays, c.Rank, i, j, k, a.At(i, j), v)
					}
				}
			}
			var eigen mat.Eigen
			eigen.Factorize(a, mat.EigenNone)
			var sizes []float64
			for _, v := range eigen.Values(nil) {
				sizes = append(sizes, math.Hypot(real(v), imag(v)))
			}
			slices.Sort(sizes)
			for i, v := range c.Eigenvalues[k] {
				if math.Abs(sizes[i]-v) > 1e-6 {
					t.Errorf("delays %d, rank %d: eigenvalue %d of map %d is of size %v, NumPy says %v", c.Delays, c.Rank, i, k, sizes[i], v)
				}
			}
		}
		got, err := model.Align(maps[0], maps[1])
		if err != nil || math.Abs(got.Frobenius-c.Least) > 1e-5 {
			t.Errorf("delays %d, rank %d: distance %v, %v; SciPy finds %v", c.Delays, c.Rank, got.Frobenius, err, c.Least)
		}
		// The tool's optimiser stops short of the minimum.
		if got.Angle > c.Tool+1e-4 || got.Angle < c.Tool-.05 {
			t.Errorf("delays %d, rank %d: angle %v, the tool finds %v", c.Delays, c.Rank, got.Angle, c.Tool)
		}
	}
}

func TestPIFAgainstSciPy(t *testing.T) {
	want := readGolden(t)
	a, b := made(24, 24, 3), made(24, 24, 4)
	got, err := similarity.PIF{}.Match(a, b)
	if err != nil || got.Distance > want.FAQ {
		t.Errorf("distance %v, %v; SciPy's FAQ alone finds %v", got.Distance, err, want.FAQ)
	}
	many, err := similarity.PIF{Starts: 100}.Match(a, b)
	if err != nil || many.Distance > want.Best*1.015 { // local searches from other random starts
		t.Errorf("distance %v, %v with 100 starts; SciPy finds %v with as many", many.Distance, err, want.Best)
	}
	if many.Distance > got.Distance {
		t.Errorf("100 starts find %v, 3 of them %v", many.Distance, got.Distance)
	}
	t.Logf("3 starts %.4f, 100 starts %.4f, SciPy %.4f alone, %.4f of 100", got.Distance, many.Distance, want.FAQ, want.Best)
}
