package inspection

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording/table"
)

// TestStandardPositions holds the table against MNE-Python's spherical positions of the 10-05 system.
func TestStandardPositions(t *testing.T) {
	folder := os.Getenv("GYRUS_DATA")
	if folder == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	f, err := table.ReadFile(filepath.Join(folder, "eeg/montages/spherical_1005.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	names, err := f.Texts("label")
	if err != nil {
		t.Fatal(err)
	}
	var want [3][]float64
	for i, axis := range []string{"x", "y", "z"} {
		if want[i], err = f.Numbers(axis); err != nil {
			t.Fatal(err)
		}
	}
	known := 0
	for i, name := range names {
		if name == "NAS" || name == "LPA" || name == "RPA" {
			continue
		}
		at, ok := Standard(name)
		if !ok {
			t.Logf("%s is not known", name)
			continue
		}
		known++
		p := [3]float64{want[0][i], want[1][i], want[2][i]}
		if off := math.Acos(min(1, dot(at, p)/math.Sqrt(dot(p, p)))) * 180 / math.Pi; off > 0.6 {
			t.Errorf("%s is at %.4f, expected %.4f: %.1f degrees off", name, at, p, off)
		}
	}
	if known < 330 {
		t.Errorf("%d of %d names are known", known, len(names))
	}
}

func TestNamesAsWritten(t *testing.T) {
	for name, want := range map[string]string{"Fc5.": "FC5", "EEG Fpz-Cz": "", "EEG F3-REF": "F3", "T3": "T7", "C3-A2": "C3", "FP1": "Fp1", "EEG Oz": "Oz", "F3-C3": "", "STI 014": "",
		"Cz": "Cz", "PO10": "PO10", "AFF5h": "AFF5h", "EEG 001": "", "EOG": ""} {
		at, ok := Standard(name)
		if !ok || want == "" {
			if ok != (want != "") {
				t.Errorf("%q: placed %v", name, ok)
			}
			continue
		}
		if right, _ := Standard(strings.ToLower(want)); at != right {
			t.Errorf("%q is not where %s is", name, want)
		}
	}
}
