package cpu_test

import (
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// TestTiers runs whole graphs on every tier this processor has. Tiers differ in how functions are evaluated, and the portable one rounds
// products before it adds them: every output must be within 1e-5 of the largest value of the best tier's. A
// computation compiled for the best tier runs on the others, too.
func TestTiers(t *testing.T) {
	best := kernel.Active()
	defer kernel.Use(best)
	tiers := kernel.Tiers()
	slices.Reverse(tiers)
	for _, w := range works() {
		switch w.name {
		case "gru50":
		case "transformer":
			w.inputs[0] = []int{2, 128, 128}
		case "conv1d":
			w.inputs[0] = []int{2, 1000, 22}
		case "conv2d":
			w.inputs[0] = []int{2, 32, 32, 32}
		case "softmax":
			w.inputs[0] = []int{4, 256, 128}
		case "adam":
			w.inputs = [][]int{{100003}, {100003}, {100003}, {100003}}
		default:
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			var want [][]float32
			var first *Exec
			for _, tier := range tiers {
				if err := kernel.Use(tier); err != nil {
					t.Fatal(err)
				}
				exec, inputs := prepare(t, ours, w)
				if tier == tiers[0] {
					for _, o := range exec.MustExec(inputs...) {
						want = append(want, tensors.MustCopyFlatData[float32](o))
					}
					first = exec
					continue
				}
				for how, e := range map[string]*Exec{"compiled for it": exec, "compiled for " + tiers[0].String(): first} {
					for i, o := range e.MustExec(inputs...) {
						var most, off float64
						for k, v := range tensors.MustCopyFlatData[float32](o) {
							most = max(most, math.Abs(float64(want[i][k])))
							off = max(off, math.Abs(float64(v-want[i][k])))
						}
						if !(off <= 1e-5*most) {
							t.Errorf("on tier %s, %s, output %d differs by %g where the largest value is %g", tier, how, i, off, most)
						}
					}
				}
			}
		})
	}
}

// TestWrongTier runs this test binary, which opens a backend before any test, with a tier that does not exist.
func TestWrongTier(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ tier, want string }{{"abacus", `backend "cpu": kernel: GYRUS_CPU_TIER="abacus" is no tier`}, {"portable", ""}} {
		child := exec.Command(program, "-test.run=^$")
		child.Env = append(os.Environ(), kernel.TierVariable+"="+c.tier)
		out, err := child.CombinedOutput()
		if failed := err != nil; failed != (c.want != "") || !strings.Contains(string(out), c.want) {
			t.Errorf("with tier %s: %v\n%s", c.tier, err, out)
		}
	}
}
