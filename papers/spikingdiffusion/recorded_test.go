package spikingdiffusion

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
	"github.com/gyrus-dev/gyrus/simulate/shapes"
)

// array writes images of shapes, or what change makes of them, as an NPY.
func array(t *testing.T, dims []int, change func(x []float32)) string {
	t.Helper()
	n := 1
	for _, d := range dims {
		n *= d
	}
	x := make([]float32, n)
	template := shapes.New().Template(0)
	for i := range x {
		x[i] = float32(template[i%len(template)])
	}
	if change != nil {
		change(x)
	}
	a, err := recording.NewArray("images", dims, recording.RowMajor, x)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "images.npy")
	if err := numpy.Save(path, a); err != nil {
		t.Fatal(err)
	}
	return path
}

// idx writes a file of MNIST's form.
func idx(t *testing.T, path string, dims []byte, data []byte) {
	t.Helper()
	head := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		head = append(head, 0, 0, 0, d)
	}
	if err := os.WriteFile(path, append(head, data...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mnist writes a set of n images of high x wide pixels, of which the brightest is top, and says where.
func mnist(t *testing.T, n, high, wide int, top byte) string {
	t.Helper()
	dir := t.TempDir()
	for part, prefix := range []string{"train", "t10k"} {
		pixels := make([]byte, n*high*wide)
		for i := range pixels {
			pixels[i] = byte((i*7+part)%13) * (top / 12)
			if top < 12 {
				pixels[i] = byte(i) % (top + 1)
			}
		}
		idx(t, filepath.Join(dir, prefix+"-images-idx3-ubyte"), []byte{byte(n), byte(high), byte(wide)}, pixels)
		idx(t, filepath.Join(dir, prefix+"-labels-idx1-ubyte"), []byte{byte(n)}, make([]byte, n))
	}
	return dir
}

// TestImagesQuick trains on a small set in MNIST's form, and makes images with the network that it saved; one of another T is refused.
func TestImagesQuick(t *testing.T) {
	set := mnist(t, 80, 12, 12, 240)
	home := t.TempDir()
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "spikingdiffusion", Experiment: "images", Preset: papers.Quick, Inputs: map[string]string{"mnist": set}, Home: home})
	if err != nil {
		t.Fatal(err)
	}
	if e := runnertest.Value(t, o, systemSpiking, "epsilon-mse"); !(e < 1.5) {
		t.Errorf("error %.3f", e)
	}
	if a, b := runnertest.Value(t, o, systemTrue, "frechet"), runnertest.Value(t, o, systemNoise, "frechet"); a >= b {
		t.Errorf("true images are %.3f from the truth, noise %.3f", a, b)
	}
	var model string
	_ = filepath.WalkDir(home, func(path string, d os.DirEntry, _ error) error {
		if d.Name() == "model.safetensors" {
			model = filepath.Dir(path)
		}
		return nil
	})
	again := execute(t, "images", map[string]string{"threshold": "0.99"}, map[string]string{"mnist": set, "model": model})
	if a, b := runnertest.Value(t, o, systemTSM, "epsilon-mse"), runnertest.Value(t, again, systemTSM, "epsilon-mse"); math.Abs(a-b) > .3 {
		t.Errorf("the network saved has error %.4f, when it was trained %.4f", b, a)
	}
	refused(t, map[string]string{"steps": "3"}, map[string]string{"mnist": set, "model": model}, "T = 2", "T = 3", "steps=2")
	refused(t, nil, map[string]string{"array": array(t, []int{40, 16, 16, 3}, nil), "model": model}, "3", model)
}

// refused runs the experiment on images and checks that it is refused with what its message must say.
func refused(t *testing.T, set, inputs map[string]string, says ...string) {
	t.Helper()
	_, err := runner.Execute(context.Background(), runner.Config{Paper: "spikingdiffusion", Experiment: "images", Preset: papers.Quick, Set: set, Inputs: inputs, Home: t.TempDir()})
	checkRefusal(t, err, says...)
}

func checkRefusal(t *testing.T, err error, says ...string) {
	t.Helper()
	var refusal *papers.RefusedError
	if !errors.As(err, &refusal) {
		t.Errorf("got %v, want a refusal", err)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

func TestBadImagesAreRefused(t *testing.T) {
	good := array(t, []int{40, 16, 16}, nil)
	for _, c := range []struct {
		name        string
		set, inputs map[string]string
		says        []string
	}{
		{"no data", nil, nil, []string{"--data mnist=FOLDER"}},
		{"two sets", nil, map[string]string{"array": good, "mnist": t.TempDir()}, []string{"one set at a time"}},
		{"not square", nil, map[string]string{"array": array(t, []int{40, 16, 8}, nil)}, []string{"images.npy", "16x8", "square"}},
		{"not square, IDX", nil, map[string]string{"mnist": mnist(t, 40, 16, 12, 240)}, []string{"16x12", "square"}},
		{"side", map[string]string{"levels": "3"}, map[string]string{"array": array(t, []int{40, 10, 10}, nil)}, []string{"images.npy", "10 pixels", "multiple of 4"}},
		{"bytes taken for -1 to 1", nil, map[string]string{"array": array(t, []int{40, 16, 16}, func(x []float32) { x[3] = 255 })}, []string{"images.npy", "to 255", "x/127.5 - 1"}},
		{"too low", nil, map[string]string{"array": array(t, []int{40, 16, 16}, func(x []float32) { x[3] = -9 })}, []string{"from -9", "-1 to 1"}},
		{"0 and 1 taken for bytes", nil, map[string]string{"mnist": mnist(t, 40, 16, 16, 1)}, []string{"from 0 to 1", "0 to 255"}},
		{"not finite", nil, map[string]string{"array": array(t, []int{40, 16, 16}, func(x []float32) { x[3] = float32(math.NaN()) })}, []string{"NaN", "place 3"}},
		{"two colours", nil, map[string]string{"array": array(t, []int{40, 16, 16, 2}, nil)}, []string{"2 colours"}},
		{"one axis", nil, map[string]string{"array": array(t, []int{256}, nil)}, []string{"[256]", "[n, side, side]"}},
		{"few", nil, map[string]string{"array": array(t, []int{8, 16, 16}, nil)}, []string{"6 images", "batches of 8"}},
		{"T", map[string]string{"steps": "0"}, map[string]string{"array": good}, []string{"T is 0"}},
		{"sampling", map[string]string{"sampling": "1001"}, map[string]string{"array": good}, []string{"sampling", "1000"}},
		{"threshold 0", map[string]string{"threshold": "0"}, map[string]string{"array": good}, []string{"threshold 0"}},
		{"threshold 3", map[string]string{"threshold": "3"}, map[string]string{"array": good}, []string{"threshold 3", "silent"}},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, c.set, c.inputs, c.says...) })
	}
}

// TestRecordedMNIST reads the real set, where it is at hand.
func TestRecordedMNIST(t *testing.T) {
	root := os.Getenv("GYRUS_DATA")
	if root == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	o := execute(t, "images", map[string]string{"most": "200", "samples": "100"}, map[string]string{"mnist": filepath.Join(root, "images", "mnist")})
	if a, b := runnertest.Value(t, o, systemTrue, "frechet"), runnertest.Value(t, o, systemNoise, "frechet"); a > .5*b {
		t.Errorf("true images are %.3f from the truth, noise %.3f", a, b)
	}
}

// TestBadParametersAreRefused has what the experiments on shapes do not take.
func TestBadParametersAreRefused(t *testing.T) {
	for _, c := range []struct {
		set  map[string]string
		says []string
	}{
		{map[string]string{"steps": "0"}, []string{"T is 0"}},
		{map[string]string{"sampling": "1001"}, []string{"sampling", "1 to 1000"}},
		{map[string]string{"ancestral": "1001"}, []string{"ancestral", "1 to 1000"}},
		{map[string]string{"low": "0"}, []string{"threshold 0"}},
		{map[string]string{"high": "2.5"}, []string{"threshold 2.5", "silent"}},
		{map[string]string{"high": "0.99"}, []string{"both sides of 1"}},
	} {
		_, err := runner.Execute(context.Background(), runner.Config{Paper: "spikingdiffusion", Preset: papers.Quick, Set: c.set, Home: t.TempDir()})
		checkRefusal(t, err, c.says...)
	}
}
