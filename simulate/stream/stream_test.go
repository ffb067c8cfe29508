package stream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// endings returns every ending of sequences that share all symbols but the last with this one.
func (g Grammar) endings(sequence []int) []int {
	var out []int
	for _, other := range g.Sequences {
		if len(other) == len(sequence) && slices.Equal(other[:len(other)-1], sequence[:len(sequence)-1]) {
			out = append(out, other[len(other)-1])
		}
	}
	return out
}

// TestHighOrderNeedsAllSymbols checks what makes the grammar hard: the ending is determined by the sequence so far, but not by
// any of its tails without the first symbol.
func TestHighOrderNeedsAllSymbols(t *testing.T) {
	g := HighOrder()
	for _, s := range g.Sequences {
		n := len(s)
		if got := g.endings(s); !slices.Equal(got, s[n-1:]) {
			t.Errorf("%v: the whole context allows %v", s, got)
		}
		other := 0
		for _, o := range g.Sequences {
			if len(o) == n && slices.Equal(o[1:n-1], s[1:n-1]) && o[n-1] != s[n-1] {
				other++
			}
		}
		if other != 1 {
			t.Errorf("%v: %d sequences differ in first symbol and ending only, want 1", s, other)
		}
	}
}

func TestSwappedExchangesEndings(t *testing.T) {
	want := map[int]int{0: 5, 5: 0, 1: 6, 6: 1}
	g := HighOrder()
	for i, s := range g.Swapped().Sequences {
		before := g.Sequences[i]
		n := len(before) - 1
		if !slices.Equal(s[:n], before[:n]) || s[n] != want[before[n]] {
			t.Errorf("%v became %v", before, s)
		}
	}
	if got := g.Swapped().Swapped().Sequences; fmt.Sprint(got) != fmt.Sprint(g.Sequences) {
		t.Errorf("swapped twice: %v", got)
	}
}

func TestTwoEndings(t *testing.T) {
	g := TwoEndings()
	if len(g.Sequences) != 16 {
		t.Fatalf("%d sequences, want 16", len(g.Sequences))
	}
	for _, sequence := range g.Sequences {
		if got := g.endings(sequence); len(got) != 2 || got[0] == got[1] {
			t.Errorf("%v: endings %v, want two", sequence, got)
		}
	}
}

func TestDraw(t *testing.T) {
	const n = 20000
	o := SymbolOptions{Elements: n, Noise: 500, SwapAt: n / 2}
	s, err := HighOrder().Draw(o, rng(3))
	if err != nil {
		t.Fatal(err)
	}
	again, _ := HighOrder().Draw(o, rng(3))
	if !slices.Equal(s.Values, again.Values) {
		t.Error("the same seed drew another stream")
	}
	if len(s.Values) != n || len(s.Question) != n {
		t.Fatalf("%d values, %d questions", len(s.Values), len(s.Question))
	}
	noise, questions := 0, 0
	contexts := map[string]map[int]bool{} // ending by context, of each half
	for i, v := range s.Values {
		if v >= s.Alphabet {
			noise++
		}
		if s.Starts[i] != (i == 0 || s.Values[i-1] >= s.Alphabet) {
			t.Fatalf("element %d: start of a sequence is %v", i, s.Starts[i])
		}
		if !s.Question[i] {
			continue
		}
		questions++
		start := i
		for start > 0 && s.Values[start-1] < s.Alphabet {
			start--
		}
		if start > 0 && (i < n/2-8 || i > n/2+8) {
			key := fmt.Sprint(i < n/2, s.Values[start:i+1])
			if contexts[key] == nil {
				contexts[key] = map[int]bool{}
			}
			contexts[key][s.Values[i+1]] = true
		}
	}
	if len(contexts) != 16 {
		t.Errorf("%d contexts in two halves, want 16", len(contexts))
	}
	for key, endings := range contexts {
		if len(endings) != 1 {
			t.Errorf("context %s has endings %v", key, endings)
		}
		if other := strings.Replace(key, "true", "false", 1); other != key {
			for e := range endings {
				if contexts[other][e] {
					t.Errorf("context %s ends alike before and after the swap", key)
				}
			}
		}
	}
	if want := float64(n) / 8.5; math.Abs(float64(questions)-want) > 60 || math.Abs(float64(noise)-want) > 60 {
		t.Errorf("%d questions and %d noise symbols, want about %.0f", questions, noise, want)
	}
}

func TestBadStreams(t *testing.T) {
	for _, tc := range []struct {
		o    SymbolOptions
		want string
	}{
		{SymbolOptions{}, "empty"},
		{SymbolOptions{Elements: 10, Noise: -1}, "-1 noise symbols"},
		{SymbolOptions{Elements: 10, SwapAt: 10}, "swapped at element 10 of a stream of 10"},
	} {
		if _, err := HighOrder().Draw(tc.o, rng(1)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: got %v, want an error with %q", tc.o, err, tc.want)
		}
	}
	for _, r := range []Rhythm{{}, {Records: 10, NoiseSD: -1}, {Records: 10, ChangeAt: 10}, {Records: 10, ChangeAt: -1}} {
		if _, err := CityTraffic(r, rng(1)); err == nil {
			t.Errorf("accepted %+v", r)
		}
	}
}

func TestCityTraffic(t *testing.T) {
	const n, change = 8000, 6000
	plain, err := CityTraffic(Rhythm{Records: n, NoiseSD: 600}, rng(5))
	if err != nil {
		t.Fatal(err)
	}
	changed, err := CityTraffic(Rhythm{Records: n, NoiseSD: 600, ChangeAt: change}, rng(5))
	if err != nil {
		t.Fatal(err)
	}
	var noise, lagged float64
	for i, when := range plain.Times {
		if want := time.Date(2015, 1, 5, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 30 * time.Minute); !when.Equal(want) {
			t.Fatalf("record %d at %v, want %v", i, when, want)
		}
		e := plain.Values[i] - CityRhythm(when)
		noise += e * e
		if i > 0 {
			lagged += e * (plain.Values[i-1] - CityRhythm(plain.Times[i-1]))
		}
		ratio, want := changed.Values[i]/plain.Values[i], 1.0
		if weekend := when.Weekday() == time.Saturday || when.Weekday() == time.Sunday; i >= change && !weekend {
			switch h := when.Hour(); {
			case h >= 7 && h <= 10:
				want = 0.8
			case h == 21 || h == 22:
				want = 1.2
			}
		}
		if plain.Values[i] > 0 && math.Abs(ratio-want) > 1e-12 {
			t.Fatalf("record %d at %v: changed by %v, want %v", i, when, ratio, want)
		}
	}
	if sd := math.Sqrt(noise / n); math.Abs(sd-600) > 40 {
		t.Errorf("noise of standard deviation %.0f, want 600", sd)
	}
	if r := lagged / noise; math.Abs(r-0.8) > 0.03 {
		t.Errorf("noise correlates %.2f from one record to the next, want 0.8", r)
	}
}

func ExampleGrammar_Draw() {
	s, err := HighOrder().Draw(SymbolOptions{Elements: 16, Noise: 5000}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		panic(err)
	}
	for i, q := range s.Question {
		if q {
			fmt.Println("asked after element", i+1, "of", len(s.Values))
		}
	}
	// Output:
	// asked after element 7 of 16
	// asked after element 15 of 16
}
