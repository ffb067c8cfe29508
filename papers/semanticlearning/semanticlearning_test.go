package semanticlearning

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/all"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

func execute(t *testing.T, experiment string, set, inputs map[string]string) (*runner.Outcome, error) {
	t.Helper()
	return runnertest.Execute(t, runner.Config{Paper: "semanticlearning", Experiment: experiment, Seed: 1, Set: set, Inputs: inputs})
}

// TestBarsQuick asserts the claims that a short run can meet, and that what ought to break them does.
func TestBarsQuick(t *testing.T) {
	o, err := execute(t, "bars", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range o.Document.Claims {
		// Seven cliques of ten or so have found their bar by now: the bars of that claim are for longer runs.
		if c.ID != "bars" && c.Verdict.Status != report.Reproduced {
			t.Errorf("claim %s is %s: %v", c.ID, c.Verdict.Status, c.Verdict.Conditions)
		}
	}
	value := func(system, metric string) float64 { return runnertest.Value(t, o, system, metric) }
	if got, untrained := value(systemClique, "match"), value(systemUntrained, "match"); got < .45 || got < untrained+.2 {
		t.Errorf("match %.2f, untrained %.2f", got, untrained)
	}
	if got, untrained := value(systemClique, "selectivity"), value(systemUntrained, "selectivity"); got < 2*untrained {
		t.Errorf("selectivity %.2f, untrained %.2f", got, untrained)
	}
	if got := value(systemNMF, "distinct"); got < 9 {
		t.Errorf("non-negative matrix factorisation tells %g bars", got)
	}
}

func TestBarsRefused(t *testing.T) {
	for want, set := range map[string]map[string]string{
		"probability 1":       {"p": "1"},
		"even number":         {"cliques": "11"},
		"overshoot":           {"dt": "0.6"},
		"at least 12":         {"period": "5"},
		"no unique winner":    {"inhibition": "0.3"},
		"expected both above": {"fill": "0"},
	} {
		if _, err := execute(t, "bars", set, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", set, err, want)
		}
	}
}

// save writes an array of patches.
func save(t *testing.T, name string, n, pixels int, value func(i, j int) float64) string {
	t.Helper()
	data := make([]float64, n*pixels)
	for i := range data {
		data[i] = value(i/pixels, i%pixels)
	}
	a, err := recording.NewArray("patches", []int{n, pixels}, recording.RowMajor, data)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := numpy.Save(path, a); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPatches learns ten patterns of an array, and a picture of stripes.
func TestPatches(t *testing.T) {
	path := save(t, "rows.npz", 10, 25, func(i, j int) float64 {
		if i < 5 && j/5 == i || i >= 5 && j%5 == i-5 {
			return 1
		}
		return 0
	})
	o, err := execute(t, "patches", nil, map[string]string{"images": path})
	if err != nil {
		t.Fatal(err)
	}
	trained, _ := o.Document.Records[0].Value(systemClique, "agreement")
	untrained, _ := o.Document.Records[0].Value(systemUntrained, "agreement")
	if trained < untrained+.1 || trained < .4 {
		t.Errorf("agreement %.2f, untrained %.2f", trained, untrained)
	}

	picture := image.NewGray(image.Rect(0, 0, 40, 23))
	for y := range 23 {
		for x := range 40 {
			if (x/3+y/7)%2 == 0 {
				picture.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	stripes := filepath.Join(t.TempDir(), "stripes.png")
	f, err := os.Create(stripes)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, picture); err != nil {
		t.Fatal(err)
	}
	f.Close()
	list, width, err := readPatches(stripes, 5, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 8*4 || width != 5 || len(list[0]) != 25 || !list[0][0] || list[0][3] {
		t.Errorf("%d patches of %d: %v", len(list), width, list[0])
	}
}

func TestPatchesRefused(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.png")
	if err := os.WriteFile(text, []byte("not a picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, path := range map[string]string{
		"pixel 3 of patch 0 is 0.5": save(t, "half.npy", 4, 25, func(_, j int) float64 { return float64(j%2) * map[bool]float64{true: .5, false: 1}[j == 3] }),
		"4 to 400 pixels":           save(t, "large.npz", 2, 900, func(i, _ int) float64 { return float64(i) }),
		"no rows of 5":              save(t, "odd.npz", 2, 24, func(i, _ int) float64 { return float64(i) }),
		"0 % of all pixels are on":  save(t, "empty.npz", 2, 25, func(_, _ int) float64 { return 0 }),
		"expected a PNG picture":    text,
	} {
		if _, err := execute(t, "patches", nil, map[string]string{"images": path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", filepath.Base(path), err, want)
		}
	}
}
