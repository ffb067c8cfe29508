package expectation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestDraw(t *testing.T) {
	p := Standard()
	for i := range p.Blocks {
		p.Blocks[i].Trials = 5000
	}
	trials, err := p.Draw(rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	var a [5]float64
	for i, trial := range trials {
		if trial.Block != i/5000 || trial.Number != i%5000 || trial.At != p.Blocks[trial.Block].Events[trial.Event].At {
			t.Fatalf("trial %d is %+v", i, trial)
		}
		if trial.Event == 0 {
			a[trial.Block] += 1. / 5000
		}
	}
	for i, want := range []float64{.8, .8, .2, .2, .8} {
		if math.Abs(a[i]-want) > .02 {
			t.Errorf("event a happens in %.3f of block %d, want %g", a[i], i, want)
		}
	}
	again, _ := p.Draw(rand.New(rand.NewPCG(1, 2)))
	if !slices.Equal(trials, again) {
		t.Error("the same seed draws other trials")
	}
	sure := Protocol{Steps: 1000, CueLength: 50, Width: 40, Blocks: []Block{Two(1, 400, 700, 50), Two(0, 400, 700, 50)}}
	if trials, err = sure.Draw(rand.New(rand.NewPCG(1, 2))); err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials {
		if trial.Event != trial.Block {
			t.Fatalf("an event of probability 0 happened: %+v", trial)
		}
	}
}

func TestRefuses(t *testing.T) {
	for says, change := range map[string]func(*Protocol){
		"the cue must lie":     func(p *Protocol) { p.CueOn = 990 },
		"no blocks":            func(p *Protocol) { p.Blocks = nil },
		"0 trials":             func(p *Protocol) { p.Blocks[1].Trials = 0 },
		"equally many":         func(p *Protocol) { p.Blocks[2].Events = p.Blocks[2].Events[:1] },
		"probability -0.5":     func(p *Protocol) { p.Blocks[0].Events[0].Probability = -.5 },
		"sum to 1.1":           func(p *Protocol) { p.Blocks[0].Events[0].Probability = .9 },
		"comes at step 149":    func(p *Protocol) { p.Blocks[0].Events[0].At = 149 },
		"two widths before":    func(p *Protocol) { p.Blocks[0].Events[1].At = 921 },
		"probability NaN":      func(p *Protocol) { p.Blocks[0].Events[0].Probability = math.NaN() },
		"bumps of width 0; th": func(p *Protocol) { p.Width = 0 },
	} {
		p := Standard()
		change(&p)
		if _, err := p.Draw(rand.New(rand.NewPCG(1, 2))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func Example() {
	p := Standard()
	trials, err := p.Draw(rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(trials), p.Cue(49), p.Cue(50), p.Expected(0, 0, 400), p.Expected(2, 1, 700))
	// Output: 500 false true 0.8 0.8
}
