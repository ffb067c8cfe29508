package htm

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestCodes(t *testing.T) {
	codes, err := NewCodes(2048, 41, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for symbol := range 200 {
		code := codes.Code(symbol)
		if len(slices.Compact(slices.Clone(code))) != 41 || !slices.IsSorted(code) || code[0] < 0 || code[40] >= 2048 {
			t.Fatalf("symbol %d: %v", symbol, code)
		}
		if !slices.Equal(code, codes.Code(symbol)) {
			t.Fatalf("symbol %d: its code changed", symbol)
		}
	}
	if _, err := NewCodes(40, 41, nil); err == nil || !strings.Contains(err.Error(), "41 active of 40 columns") {
		t.Errorf("got %v", err)
	}
}

func TestBlock(t *testing.T) {
	value := Block{Name: "value", Bits: 109, Width: 29, Min: 0, Max: 40000}
	day := Block{Name: "day", Bits: 100, Width: 29, Min: 0, Max: 7, Periodic: true}
	if value.Places() != 81 || day.Places() != 100 || (Block{Bits: 50, Width: 29}).Places() != 22 {
		t.Errorf("places: %d, %d", value.Places(), day.Places())
	}
	for _, tc := range []struct {
		b    Block
		v    float64
		want int
	}{{value, 0, 0}, {value, 40000, 80}, {value, -5, 0}, {value, 1e9, 80}, {value, 20000, 40}, {day, 0, 0}, {day, 7, 0}, {day, 3.5, 50}, {day, -0.07, 99}} {
		if got := tc.b.Place(tc.v); got != tc.want {
			t.Errorf("%s %v: place %d, want %d", tc.b.Name, tc.v, got, tc.want)
		}
	}
	shared := func(b Block, x, y float64) (n int) {
		bits := b.Append(nil, 0, x)
		for _, i := range b.Append(nil, 0, y) {
			if slices.Contains(bits, i) {
				n++
			}
		}
		return n
	}
	if a, b, c := shared(value, 10000, 10000), shared(value, 10000, 12000), shared(value, 10000, 30000); a != 29 || b != 25 || c != 0 {
		t.Errorf("values share %d, %d and %d bits, want 29, 25 and 0", a, b, c)
	}
	if n := shared(day, 6.9, 0.1); n < 20 {
		t.Errorf("days 6.9 and 0.1 share %d bits: the code does not wrap", n)
	}
	if bits := day.Append(nil, 200, 6.9); !slices.IsSorted(bits) || bits[0] < 200 || bits[28] >= 300 {
		t.Errorf("wrapped code: %v", bits)
	}
	for _, tc := range []struct {
		change func(*Block)
		want   string
	}{
		{func(b *Block) { b.Width = 110 }, "110 active of 109 bits"},
		{func(b *Block) { b.Min = 40000 }, "the minimum must be finite and below the maximum"},
		{func(b *Block) { b.Max = math.NaN() }, "below the maximum"},
		{func(b *Block) { b.Max = math.Inf(1) }, "finite"},
	} {
		b := value
		tc.change(&b)
		if err := b.Check(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want an error with %q", err, tc.want)
		}
	}
}

// TestPoolerAgainstDefinition compares winners and permanences with the definition written out: overlap of connected inputs, the most
// overlapping columns win, winners adapt.
func TestPoolerAgainstDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const inputs, columns, active = 100, 60, 6
	p, err := NewPooler(inputs, columns, active, rng)
	if err != nil {
		t.Fatal(err)
	}
	potential := func(c, i int) bool { return p.potential[c*p.words+i/64]>>(i%64)&1 != 0 }
	want := slices.Clone(p.permanence)
	for range 300 {
		pattern := rng.Perm(inputs)[:20]
		type column struct{ c, overlap int }
		var order []column
		for c := range columns {
			o := 0
			for _, i := range pattern {
				if potential(c, i) && want[c*inputs+i] >= poolerConnected {
					o++
				}
			}
			order = append(order, column{c, o})
		}
		slices.SortFunc(order, func(a, b column) int {
			if a.overlap != b.overlap {
				return b.overlap - a.overlap
			}
			return int(p.rank[b.c]) - int(p.rank[a.c])
		})
		var winners []int
		for _, o := range order[:active] {
			winners = append(winners, o.c)
			for i := range inputs {
				v := &want[o.c*inputs+i]
				if slices.Contains(pattern, i) {
					*v = min(*v+poolerInc, 1)
				} else {
					*v = max(*v-poolerDec, 0)
				}
			}
		}
		slices.Sort(winners)
		got, err := p.Pool(pattern, true)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, winners) {
			t.Fatalf("winners %v, want %v", got, winners)
		}
	}
	if !slices.Equal(p.permanence, want) {
		t.Error("permanences differ")
	}
	if _, err := p.Pool([]int{100}, false); err == nil {
		t.Error("accepted an input bit out of range")
	}
	if _, err := NewPooler(10, 5, 6, rng); err == nil {
		t.Error("accepted 6 active of 5 columns")
	}
}

// TestPoolerKeepsSimilarity checks what the pooler is for: patterns that share bits share columns.
func TestPoolerKeepsSimilarity(t *testing.T) {
	p, err := NewPooler(400, 1024, 20, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	b := Block{Bits: 400, Width: 29, Min: 0, Max: 1}
	winners := func(v float64) []int {
		w, err := p.Pool(b.Append(nil, 0, v), false)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(w)
	}
	at := winners(0.5)
	share := func(v float64) (n int) {
		for _, c := range winners(v) {
			if slices.Contains(at, c) {
				n++
			}
		}
		return n
	}
	if near, far := share(0.505), share(0.9); near < 12 || far > 4 {
		t.Errorf("of 20 columns a near value shares %d and a far one %d", near, far)
	}
}

// TestClassifierLearnsWhatFollows gives patterns in a fixed cycle and expects the value that comes three steps later.
func TestClassifierLearnsWhatFollows(t *testing.T) {
	const cycle, ahead = 7, 3
	c, err := NewClassifier(cycle*10, 5, ahead)
	if err != nil {
		t.Fatal(err)
	}
	valueAt := func(i int) (bucket int, value float64) { b := i * i % cycle % 5; return b, float64(100 * b) }
	wrong := 0
	for i := range 3000 {
		var active []uint32
		for k := range 10 {
			active = append(active, uint32(i%cycle*10+k))
		}
		bucket, value := valueAt(i % cycle)
		got := c.Step(active, bucket, value, true)
		if _, want := valueAt((i + ahead) % cycle); i > 2000 && math.Abs(got-want) > 1e-9 {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d wrong predictions after 2000 steps", wrong)
	}
	if _, err := NewClassifier(10, 5, 0); err == nil {
		t.Error("accepted 0 steps ahead")
	}
}

// TestELMIsRidgeRegression compares the recursive read-out with the solution of the normal equations.
func TestELMIsRidgeRegression(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	e := newOnlineELM(2, 1, 1, rng)
	const n = 800
	gram, moment := make([]float64, elmHidden*elmHidden), make([]float64, elmHidden)
	for i := range elmHidden {
		gram[i*elmHidden+i] = 1 / float64(elmPrior)
	}
	for step := range n {
		x := []float32{rng.Float32(), rng.Float32()}
		y := []float32{rng.Float32()}
		if step >= elmStart {
			h := e.past[(step-1)%2]
			for i, hi := range h {
				moment[i] += hi * float64(y[0])
				for j, hj := range h {
					gram[i*elmHidden+j] += hi * hj
				}
			}
		}
		e.see(x, y)
	}
	for i := range elmHidden { // the read-out must satisfy the normal equations
		sum := 0.0
		for j := range elmHidden {
			sum += gram[i*elmHidden+j] * e.beta[j]
		}
		if math.Abs(sum-moment[i]) > 1e-6*(1+math.Abs(moment[i])) {
			t.Fatalf("normal equation %d: %v, want %v", i, sum, moment[i])
		}
	}
}

func TestForecastScores(t *testing.T) {
	s := series{}
	s.Values = []float64{10, 20, 30, 40}
	if got, want := persistence(s).score(s, 1, 0, 4), 30.0/90; math.Abs(got-want) > 1e-12 {
		t.Errorf("persistence scores %v, want %v", got, want)
	}
	if got := lastWeek(s, 1, 2).Predicted; !slices.Equal(got, []float64{10, 10, 20, 30}) {
		t.Errorf("last week predicts %v", got)
	}
}
