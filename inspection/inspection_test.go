package inspection

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/all"
	"github.com/gyrus-dev/gyrus/recording/export"
	"github.com/gyrus-dev/gyrus/recording/nifti"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/signal/ica"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

// made is a minute of noise with an alpha rhythm at the back and 50 Hz hum.
func made() *recording.Recording {
	r := &recording.Recording{Rate: 200, Frames: 12000, Events: []recording.Event{{Onset: 12, Label: "left"}, {Onset: 15, Label: "right"}, {Onset: 40, Label: "left"}}}
	names := []string{"Fp1", "Fp2", "F3", "F4", "C3", "Cz", "C4", "P3", "P4", "O1", "Oz", "O2", "T7", "T8"}
	rng := rand.New(rand.NewPCG(3, 4))
	data := make([]float32, 12000*len(names))
	level := make([]float64, len(names))
	for c, n := range names {
		r.Channels = append(r.Channels, recording.Channel{Name: n, Type: "eeg", Unit: "uV"})
		for t := range 12000 {
			level[c] += rng.NormFloat64() - 0.02*level[c]
			v := level[c] + 0.6*math.Sin(2*math.Pi*50*float64(t)/200)
			if strings.HasPrefix(n, "O") {
				v += 10 * math.Sin(2*math.Pi*10*float64(t)/200)
			}
			data[t*len(names)+c] = float32(v)
		}
	}
	r.Samples = recording.Memory{Data: data, Channels: len(names)}
	return r
}

func html(t *testing.T, s *report.Sheet) string {
	t.Helper()
	var b strings.Builder
	if err := s.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageOfRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.edf")
	if err := export.Recording(path, made(), export.Options{}); err != nil {
		t.Fatal(err)
	}
	s, err := Page(path)
	if err != nil {
		t.Fatal(err)
	}
	page := html(t, s)
	for _, want := range []string{"50 Hz mains", "alpha, 8–13 Hz", "2 left, 1 right", ">Oz<", "µV eeg", "from 11 s on", "10-05 system"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "is left out") {
		t.Error("a picture was refused by the page")
	}
}

func TestMains(t *testing.T) {
	for _, c := range []struct {
		hum  float64
		want []float64
	}{{0, nil}, {50, []float64{50, 100}}, {60, []float64{60, 120}}} {
		x := mat.NewDense(1, 30000, nil)
		rng := rand.New(rand.NewPCG(5, 6))
		for i := range x.RawRowView(0) {
			t := float64(i) / 500
			x.Set(0, i, rng.NormFloat64()+0.5*math.Sin(2*math.Pi*c.hum*t)+0.3*math.Sin(4*math.Pi*c.hum*t))
		}
		psd, err := spectrum.Welch{Segment: 1000}.PSD(x, 500)
		if err != nil {
			t.Fatal(err)
		}
		got := Mains(psd)
		if len(got) != len(c.want) {
			t.Errorf("hum at %g Hz: found %v", c.hum, got)
			continue
		}
		for i, r := range got {
			if r.At != c.want[i] {
				t.Errorf("hum at %g Hz: found %v", c.hum, got)
			}
		}
	}
}

// TestSlicesFaceTheReader puts a bright corner at the left, front and top and looks for it in the pictures, whichever way the axes run.
func TestSlicesFaceTheReader(t *testing.T) {
	for _, affine := range [][4][4]float64{
		{{2, 0, 0, -10}, {0, 2, 0, -12}, {0, 0, 2, -14}, {0, 0, 0, 1}},
		{{-2, 0, 0, 10}, {0, 2, 0, -12}, {0, 0, 2, -14}, {0, 0, 0, 1}},
		{{0, 0, 2, -10}, {-2, 0, 0, 12}, {0, -2, 0, 14}, {0, 0, 0, 1}},
	} {
		// Ten voxels along each axis of the image; those whose place is left, front and up are bright.
		values := make([]float32, 1000)
		i := 0
		for z := range 10 {
			for y := range 10 {
				for x := range 10 {
					p := [3]float64{}
					for d := range p {
						p[d] = affine[d][0]*float64(x) + affine[d][1]*float64(y) + affine[d][2]*float64(z) + affine[d][3]
					}
					if p[0] < -6 && p[1] > 0 && p[2] > 0 {
						values[i] = 1
					}
					i++
				}
			}
		}
		path := filepath.Join(t.TempDir(), "a.nii")
		a, err := recording.NewArray("a", []int{10, 10, 10}, recording.ColumnMajor, values)
		if err != nil {
			t.Fatal(err)
		}
		if err := nifti.Write(path, a, nifti.WriteOptions{Affine: affine}); err != nil {
			t.Fatal(err)
		}
		im, err := nifti.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer im.Close()
		g, err := firstVolume(im)
		if err != nil {
			t.Fatal(err)
		}
		for k, s := range g.cuts(im) {
			// Sagittal: front is at the right. Coronal, axial: left is at the left. Up or front is at the top.
			rows, cols := len(s.Values), len(s.Values[0])
			right, top := 0.0, 0.0
			for y, row := range s.Values {
				for x, v := range row {
					if v > 0 {
						right += float64(x) - float64(cols-1)/2
						top += float64(rows-1)/2 - float64(y)
					}
				}
			}
			if (right > 0) != (k == 0) || top <= 0 {
				t.Errorf("affine %v, %s: bright to the right by %g, to the top by %g", affine, s.Title, right, top)
			}
			if s.Values[s.Down][s.Across] != 1 {
				t.Errorf("affine %v, %s: the crosshair is not on the bright part", affine, s.Title)
			}
		}
	}
}

func TestComponents(t *testing.T) {
	r := made()
	x := mat.NewDense(14, 12000, nil)
	data := r.Samples.(recording.Memory).Data
	blinks := make([]float64, 12000)
	for i := range 12000 {
		if i%700 < 40 {
			blinks[i] = 100 * math.Sin(math.Pi*float64(i%700)/40)
		}
		for c := range 14 {
			x.Set(c, i, float64(data[i*14+c])+blinks[i]*[]float64{1, 1, .5, .5, .2, .2, .2, .1, .1, 0, 0, 0, .1, .1}[c])
		}
	}
	unmixed, err := ica.Fit(x, ica.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	channels := make([]int, 14)
	for i := range channels {
		channels[i] = i
	}
	s, list, err := Components("made", r, channels, unmixed, x, map[string][]float64{"EOG": blinks}, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(list[0].Reference["EOG"]) < 0.95 || list[0].Kurtosis < 5 || !list[0].Removed {
		t.Errorf("the first component is not the blinks: %+v", list[0])
	}
	if page := html(t, s); !strings.Contains(page, "0 (removed)") || !strings.Contains(page, "Spectra of components 8 to 13") || strings.Contains(page, "is left out") {
		t.Error("the page is not complete")
	}
}

// TestEveryFile makes the page of every file and folder of the data: none may panic, and a file that can be described can be drawn.
func TestEveryFile(t *testing.T) {
	folder := os.Getenv("GYRUS_DATA")
	if folder == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	if testing.Short() {
		t.Skip("reads every file")
	}
	described, drawn := 0, 0
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if info.IsDir() && filepath.Ext(path) != ".mff" && filepath.Ext(path) != ".ds" && filepath.Base(path) != "bti-4dsim" {
			return nil
		}
		name, _ := filepath.Rel(folder, path)
		d, err := Describe(path)
		if err != nil {
			return nil
		}
		described++
		s, err := PageOf(path, d)
		if err != nil {
			t.Errorf("%s is described but not drawn: %v", name, err)
			return nil
		}
		page := html(t, s)
		for _, bad := range []string{"NaN dB", "is left out", "%!"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page of %s has %q", name, bad)
			}
		}
		if strings.Contains(page, "<svg ") {
			drawn++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files are described, %d have pictures", described, drawn)
	if described < 500 || drawn < 100 {
		t.Errorf("%d files are described, %d have pictures", described, drawn)
	}
}

// TestComplexAverages draws the magnitude of complex averages.
func TestComplexAverages(t *testing.T) {
	s, err := Page("../recording/fif/testdata/made-complex_ave.fif")
	if err != nil {
		t.Fatal(err)
	}
	if page := html(t, s); !strings.Contains(page, "magnitude of complex numbers") || !strings.Contains(page, "<svg ") {
		t.Error("the page does not draw the magnitude")
	}
}
