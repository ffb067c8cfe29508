package headmodel_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/simulate/headmodel"
)

func generate(t testing.TB, r headmodel.Recipe) []headmodel.Subject {
	t.Helper()
	s, err := headmodel.MotorImagery(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func channel(s headmodel.Subject, name string) int {
	for c, e := range s.Montage {
		if e.Name == name {
			return c
		}
	}
	panic(name)
}

func TestMontage(t *testing.T) {
	m := headmodel.IV2a()
	if len(m) != 22 {
		t.Fatalf("%d electrodes, want 22", len(m))
	}
	seen := map[[2]float64]string{}
	for _, e := range m {
		if other, taken := seen[[2]float64{e.X, e.Y}]; taken {
			t.Errorf("%s and %s share a place", e.Name, other)
		}
		seen[[2]float64{e.X, e.Y}] = e.Name
	}
	for at, name := range map[[2]float64]string{{0, 0}: "Cz", {-2, 0}: "C3", {2, 0}: "C4", {0, 2}: "Fz", {0, -3}: "POz", {-2, 1}: "FC3", {2, -1}: "CP4"} {
		if seen[at] != name {
			t.Errorf("%v is %q, want %s", at, seen[at], name)
		}
	}
}

func TestSameSeedSameTrials(t *testing.T) {
	small := generate(t, headmodel.Recipe{Subjects: 1, Trials: 4, Samples: 300, Seed: 5})
	more := generate(t, headmodel.Recipe{Subjects: 2, Trials: 4, Samples: 300, Seed: 5})
	other := generate(t, headmodel.Recipe{Subjects: 1, Trials: 4, Samples: 300, Seed: 6})
	for i := range small[0].Trials {
		if !mat.Equal(small[0].Trials[i].EEG, more[0].Trials[i].EEG) {
			t.Fatal("a subject changed because there is another one")
		}
		if mat.Equal(small[0].Trials[i].EEG, more[1].Trials[i].EEG) || mat.Equal(small[0].Trials[i].EEG, other[0].Trials[i].EEG) {
			t.Fatal("two subjects or seeds have the same trial")
		}
	}
}

func TestLabelsAreBalancedAndMixed(t *testing.T) {
	s := generate(t, headmodel.Recipe{Subjects: 1, Trials: 80, Samples: 10, Seed: 1})[0]
	right, changes := 0, 0
	for i, tr := range s.Trials {
		right += int(tr.Label)
		if i > 0 && tr.Label != s.Trials[i-1].Label {
			changes++
		}
		if opposite, same := tr.Depths[1-tr.Label], tr.Depths[tr.Label]; opposite < 0 || opposite > 0.95 || same != 0.35*opposite {
			t.Errorf("depths %v of a trial with label %d", tr.Depths, tr.Label)
		}
	}
	if right != 40 || changes == 79 || changes < 20 {
		t.Errorf("%d right-hand trials of 80, %d changes of label", right, changes)
	}
}

// The source that is generated must be the source that is seen: power over the opposite hand area falls while the envelope says so, more than
// over the other hand area.
func TestDesynchronisationShowsAtTheElectrodes(t *testing.T) {
	subjects := generate(t, headmodel.Recipe{Subjects: 4, Trials: 60, Samples: 1000, Seed: 3})
	logRatio := 0.0 // ln power(opposite) - ln power(same side), mean over trials
	for _, s := range subjects {
		sides := [2]int{channel(s, "C3"), channel(s, "C4")}
		for _, tr := range s.Trials {
			power := func(c int) float64 {
				sum := 0.0
				for i, v := range tr.EEG.RawRowView(c) {
					if tr.Desynchronised(float64(i)/headmodel.Rate) == 1 {
						sum += v * v
					}
				}
				return sum
			}
			logRatio += math.Log(power(sides[1-tr.Label])) - math.Log(power(sides[tr.Label]))
		}
	}
	logRatio /= 240
	if logRatio > -0.15 {
		t.Errorf("power over the opposite hand area is %.2f nepers from the other side; it should be lower", logRatio)
	}
}

func TestEnvelope(t *testing.T) {
	tr := headmodel.Trial{Onset: 0.5, Lasts: 3, Depths: [2]float64{0.6, 0.2}}
	for _, c := range []struct{ at, want float64 }{{0, 1}, {0.5, 1}, {0.7, 0.7}, {0.9, 0.4}, {2, 0.4}, {3.1, 0.4}, {3.3, 0.7}, {3.5, 1}, {4, 1}} {
		if got := tr.Envelope(headmodel.Left, c.at); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("envelope at %g s is %g, want %g", c.at, got, c.want)
		}
	}
}

// The recording chain passes 8 to 32 Hz, so that nearly no power is left below 5 or above 50 Hz.
func TestBandIsCut(t *testing.T) {
	s := generate(t, headmodel.Recipe{Subjects: 1, Trials: 10, Samples: 1000, Seed: 2})[0]
	low, err := signal.LowPass(4, 5, headmodel.Rate)
	if err != nil {
		t.Fatal(err)
	}
	high, err := signal.HighPass(4, 50, headmodel.Rate)
	if err != nil {
		t.Fatal(err)
	}
	var all, below, above float64
	for _, tr := range s.Trials {
		x := tr.EEG.RawRowView(0)
		l, h := low.Filter(x), high.Filter(x)
		for i := range x {
			all, below, above = all+x[i]*x[i], below+l[i]*l[i], above+h[i]*h[i]
		}
	}
	if below > 0.05*all || above > 0.05*all {
		t.Errorf("%.3f of the power lies below 5 Hz, %.3f above 50 Hz", below/all, above/all)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		recipe headmodel.Recipe
		says   string
	}{
		{headmodel.Recipe{Trials: 4, Samples: 10}, "0 subjects"},
		{headmodel.Recipe{Subjects: 1, Trials: 5, Samples: 10}, "even number"},
		{headmodel.Recipe{Subjects: 1, Trials: 4}, "0 samples"},
	} {
		if _, err := headmodel.MotorImagery(c.recipe); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: error %v, want %q", c.recipe, err, c.says)
		}
	}
}

func ExampleMotorImagery() {
	subjects, err := headmodel.MotorImagery(headmodel.Recipe{Subjects: 2, Trials: 40, Samples: 1000, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := subjects[0]
	channels, samples := s.Trials[0].EEG.Dims()
	fmt.Println(len(s.Trials), "trials of", channels, "channels and", samples, "samples")
	// Output: 40 trials of 22 channels and 1000 samples
}

func BenchmarkTrial(b *testing.B) {
	for b.Loop() {
		generate(b, headmodel.Recipe{Subjects: 1, Trials: 2, Samples: 1000, Seed: 1})
	}
}
