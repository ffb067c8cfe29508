package all

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

// TestDetect recognises the test files of the formats by their content, under a name that says nothing.
func TestDetect(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		"../matfile/testdata/made-plain.mat":      "matfile",
		"../matfile/testdata/made-compressed.mat": "matfile",
		"../matfile/testdata/made-level4.mat":     "matfile",
		"../numpy/testdata/made.npz":              "npz",
		"../numpy/testdata/made-deflated.npz":     "npz",
		"../numpy/testdata/made-v2.npy":           "npy",
		"../table/testdata/sessions.csv":          "table",
	} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		nameless := filepath.Join(dir, "recording")
		if err := os.WriteFile(nameless, content, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, nameless} {
			if f, err := recording.Detect(p); err != nil || f.Name != want {
				t.Errorf("%s as %s is of format %q, %v; want %s", path, filepath.Base(p), f.Name, err, want)
			}
		}
	}
	for name, content := range map[string]string{
		"letter.txt.bak": "Dear reader,\nthis is prose, not a table.\nIt goes on for a while\nwith commas, or without,\nas it likes.\n",
		"noise":          "\x00\x01\x02\xff\xfe",
		"main.go":        "package main\n\nfunc main() {\n\tprintln(1, 2)\n}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if f, err := recording.Detect(path); err == nil {
			t.Errorf("%s is taken for %s", name, f.Name)
		}
	}
}

// TestArrays reads arrays of any format by name and without.
func TestArrays(t *testing.T) {
	for _, c := range []struct {
		path  string
		names []string
		want  string // of the arrays, or part of the error
	}{
		{"../matfile/testdata/made-plain.mat", []string{"int8", "names", "text"}, "[int8 1x2 int8 names 3 string text 1 string]"},
		{"../matfile/testdata/made-plain.mat", nil, "x 4x3x2 float64"},
		{"../matfile/testdata/made-plain.mat", []string{"info"}, "use Field; it has rate, clab, deep"},
		{"../matfile/testdata/made-plain.mat", []string{"nothing"}, `expected a variable "nothing"`},
		{"../numpy/testdata/made.npz", []string{"int32", "text"}, "[int32 2x3 int32 text 3 string]"},
		{"../numpy/testdata/made.npz", []string{"nothing"}, `expected an array "nothing"; it holds bool`},
		{"../numpy/testdata/made-v1.npy", nil, "[made-v1 2x3x4 float64]"},
		{"../numpy/testdata/made-v1.npy", []string{"x"}, `found the one array "made-v1"`},
		{"../table/testdata/sessions.csv", nil, "[sessions 3x1 float64]"},
		{"../table/testdata/sessions.csv", []string{"subject"}, "[subject 3 string]"},
		{"../table/testdata/sessions.csv", []string{"x"}, `expected a column "x"; it has subject, rate`},
	} {
		got, err := recording.Arrays(c.path, c.names...)
		if text := fmt.Sprint(got, err); !strings.Contains(text, c.want) {
			t.Errorf("%s %v: %s; want %s", c.path, c.names, text, c.want)
		}
	}
}

// TestOpen takes a table for a recording, and refuses what does not say where its time axis is.
func TestOpen(t *testing.T) {
	r, err := recording.Open("../table/testdata/sessions.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x, err := r.Read(0, int(r.Frames))
	if err != nil || len(x) != 3 || x[0] != 12.5 || !math.IsNaN(float64(x[1])) || r.Channels[0].Name != "rate" || r.Rate != 0 {
		t.Errorf("%v, %v, %+v", x, err, r)
	}
	if _, err := recording.Open("../numpy/testdata/made.npz"); err == nil || !strings.Contains(err.Error(), "name the arrays to use") {
		t.Errorf("an NPZ: %v", err)
	}
}

// TestInspectEverything inspects every file of GYRUS_DATA: a description that prints and marshals, or a clear error.
func TestInspectEverything(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	described, refused := map[string]int{}, 0
	err := filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		d, err := recording.Inspect(path)
		if err != nil {
			refused++
			var own *recording.Error
			if !errors.As(err, &own) || own.Path != path || (own.Found == "" && own.Err == nil) {
				t.Errorf("%v does not say where and what", err)
			}
			return nil
		}
		described[d.Format]++
		if _, err := json.Marshal(d); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if text := d.String(); !strings.HasPrefix(text, path+": ") || !strings.HasSuffix(text, "\n") {
			t.Errorf("%s prints as %q", path, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("described %v, refused %d", described, refused)
	if described["matfile"] < 110 || described["table"] < 50 {
		t.Errorf("described only %v", described)
	}
}

func Example() {
	d, err := recording.Inspect("../table/testdata/sessions.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(d)
	// Output:
	// ../table/testdata/sessions.csv: table separated by commas, 35 bytes
	//   rows:         3
	//   columns:      2
	//   header rows:  1
	//   subject  3  text    s01, s02, s03
	//   rate     3  number  8 .. 12.5, mean 10.25, 1 NaN
}

// TestFolders takes folders that are recordings, and says of others what it takes.
func TestFolders(t *testing.T) {
	for path, want := range map[string]string{"../ctf/testdata/made.ds": "ctf", "../ctf/testdata/made.ds/": "ctf"} {
		r, err := recording.Open(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		r.Close()
		if d, err := recording.Inspect(path); err != nil || d.Format != want || d.Bytes == 0 {
			t.Errorf("%s is %+v, %v", path, d, err)
		}
	}
	if data := os.Getenv("GYRUS_DATA"); data != "" {
		for path, want := range map[string]string{"meg/bti-4dsim": "bti", "meg/bti-4dsim/c,rfDC": "bti", "eeg/formats/egi/test_egi_evoked.mff": "mff"} {
			path = filepath.Join(data, path)
			r, err := recording.Open(path)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			r.Close()
			if f, err := recording.Detect(path); err != nil || f.Name != want {
				t.Errorf("%s is %s, %v", path, f.Name, err)
			}
		}
	}
	empty := t.TempDir()
	damaged := map[string]string{empty: "a folder that is one of: BIDS data set, 4D Neuroimaging MEG, CTF MEG, EGI MFF; name a file in it"}
	for name, says := range map[string]string{"a.ds": ".res4", "a.mff": "info.xml"} {
		path := filepath.Join(empty, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		damaged[path] = says
	}
	for path, says := range damaged {
		var own *recording.Error
		if _, err := recording.Open(path); !errors.As(err, &own) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
}
