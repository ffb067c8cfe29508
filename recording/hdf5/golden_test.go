package hdf5

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

// value is what golden.py records of a dataset or an attribute, and object of what it belongs to.
type value struct {
	Dims  []int  `json:"dims"`
	Sha   string `json:"sha"`
	Null  bool   `json:"null"`
	Error string `json:"error"`
}

type object struct {
	value
	Kind  string           `json:"kind"`
	Attrs map[string]value `json:"attrs"`
}

func golden(t testing.TB) map[string]map[string]json.RawMessage {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g map[string]map[string]json.RawMessage
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// openTest opens a file of testdata, inflating it when its name ends in gz, or one of GYRUS_DATA.
func openTest(t testing.TB, name string) (*File, error) {
	t.Helper()
	if !strings.HasPrefix(name, "made-") {
		data := os.Getenv("GYRUS_DATA")
		if data == "" {
			t.Skip("GYRUS_DATA is not set")
		}
		return Open(filepath.Join(data, name))
	}
	content := made(t, name)
	return NewFile(bytes.NewReader(content), int64(len(content)), name)
}

func made(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if content, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return content
}

// Datasets that h5py reads, or not, other than this package does, and why.
var differs = map[string]string{
	"scaleoffset":     "filter scaleoffset",
	"bitshuffle zstd": "filter bitshuffle with zstd",
	"float32":         "filter szip", // of test_missing_filter
	"virtual":         "a virtual dataset",
	"external":        "lie in other files",
}

// What h5py cannot read, or reads in the wrong byte order, as it was written.
var byHand = map[string]string{
	"sequences": "[[1,2,3],[],[-7]]",
	"uint20":    "[0,1,524288,1048575]",
}

// TestGolden holds every object, value and attribute of every file against what h5py makes of it, bit for bit.
func TestGolden(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Log("GYRUS_DATA is not set: real files are skipped, the made-* are not")
	}
	files, values, refused := 0, 0, 0
	for name, want := range golden(t) {
		if data == "" && !strings.HasPrefix(name, "made-") {
			continue
		}
		files++
		t.Run(name, func(t *testing.T) {
			f, err := openTest(t, name)
			if why, broken := want["error"]; broken {
				if err == nil {
					t.Fatalf("no error where h5py says %s", why)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			c := canon{f: f, paths: map[uint64]string{}}
			objects := map[string]Object{}
			err = f.Walk(func(path string, o Object, err error) error {
				if err != nil {
					t.Error(err)
					return nil
				}
				objects[path] = o
				c.paths[o.Address()] = path
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for path, raw := range want {
				var w object
				if err := json.Unmarshal(raw, &w); err != nil {
					t.Fatal(err)
				}
				o, err := f.Lookup(path)
				if err != nil {
					t.Error(err)
					continue
				}
				if c.paths[o.Address()] == "" {
					t.Errorf("%s was not walked over", path)
				}
				delete(objects, c.paths[o.Address()])
				kind := map[string]string{"*hdf5.Group": "group", "*hdf5.Dataset": "dataset", "*hdf5.NamedType": "datatype"}[reflect.TypeOf(o).String()]
				if kind != w.Kind {
					t.Errorf("%s is a %s, want a %s", path, kind, w.Kind)
				}
				all, err := o.Attributes()
				if err != nil {
					t.Error(err)
				}
				for _, a := range all {
					wa, ok := w.Attrs[a.Name]
					if !ok {
						t.Errorf("%s: attribute %s is not in the golden file", path, a.Name)
					}
					delete(w.Attrs, a.Name)
					got, err := a.Values()
					c.compare(t, path+"@"+a.Name, a.Null(), a.Dims(), got, err, wa)
					values++
				}
				for name := range w.Attrs {
					t.Errorf("%s: no attribute %s", path, name)
				}
				d, ok := o.(*Dataset)
				if !ok {
					continue
				}
				got, err := d.Values(Slab{})
				base := path[strings.LastIndex(path, "/")+1:]
				if why := differs[base]; why != "" && (base != "float32" || strings.Contains(name, "missing")) {
					if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), path) {
						t.Errorf("%s: error %v, want one with %q", path, err, why)
					}
					refused++
					continue
				}
				if hand := byHand[base]; hand == "" {
					c.compare(t, path, d.Null(), d.Dims(), got, err, w.value)
				} else if text := c.value(got); text != hand || err != nil {
					t.Errorf("%s: %s, %v; want %s", path, text, err, hand)
				}
				c.sameAsRead(t, d, got)
				values++
			}
			for path := range objects {
				t.Errorf("%s is not in the golden file", path)
			}
		})
	}
	t.Logf("%d files, %d values equal, %d refused", files, values, refused)
	if files < 6 || data != "" && (files < 76 || values < 1700) {
		t.Errorf("only %d files and %d values compared", files, values)
	}
}

// canon writes values as golden.py does.
type canon struct {
	f     *File
	paths map[uint64]string
}

func (c canon) compare(t *testing.T, at string, null bool, dims []int, got []any, err error, want value) {
	t.Helper()
	if want.Error != "" {
		switch {
		case strings.Contains(want.Error, "global heap size is too small"): // which does no harm
		default:
			t.Errorf("%s: an error of h5py that is not accounted for: %s (here %v)", at, want.Error, err)
		}
		if err != nil {
			t.Errorf("%s: %v", at, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", at, err)
		return
	}
	if null != want.Null || !null && !slices.Equal(dims, want.Dims) {
		t.Errorf("%s: null %v, shape %v; want %v, %v", at, null, dims, want.Null, want.Dims)
		return
	}
	if null {
		if len(got) != 0 {
			t.Errorf("%s: %d values in nothing", at, len(got))
		}
		return
	}
	parts := make([]string, len(got))
	for i, v := range got {
		parts[i] = c.value(v)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	if hex.EncodeToString(sum[:])[:16] != want.Sha {
		t.Errorf("%s: values differ: %.300s", at, parts)
	}
}

func (c canon) value(v any) string {
	float := func(x float64) string {
		if math.IsNaN(x) {
			return "nan"
		}
		return fmt.Sprintf("%016x", math.Float64bits(x))
	}
	switch v := v.(type) {
	case float32:
		return float(float64(v))
	case float64:
		return float(v)
	case complex64:
		return "(" + float(float64(real(v))) + "," + float(float64(imag(v))) + ")"
	case complex128:
		return "(" + float(real(v)) + "," + float(imag(v)) + ")"
	case string:
		return quote(v)
	case []byte:
		return hex.EncodeToString(v)
	case Reference:
		if v.IsNull() {
			return "ref:null"
		}
		return "ref:" + c.paths[v.Address]
	case Region:
		if v.IsNull() {
			return "region:null"
		}
		s := "region:" + c.paths[v.Address] + ":"
		switch {
		case v.All:
			return s + "all"
		case v.Points != nil:
			text, _ := json.Marshal(v.Points)
			return s + "points" + string(text)
		}
		var blocks [][][]int
		for _, b := range v.Blocks {
			blocks = append(blocks, [][]int{b.First, b.Last})
		}
		text, _ := json.Marshal(blocks)
		return s + "blocks" + string(text)
	case Record:
		var parts []string
		for _, f := range v {
			parts = append(parts, f.Name+":"+c.value(f.Value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case *recording.Array:
		list := make([]any, v.Len())
		spread(list, v.Data)
		return c.value(list)
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, c.value(x))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	return fmt.Sprint(v)
}

// quote writes text as Python's json.dumps does, in ASCII.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s)
	var out strings.Builder
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		switch {
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, "\\u%04x\\u%04x", 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r > 126:
			fmt.Fprintf(&out, "\\u%04x", r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// sameAsRead holds Read, whole and in random parts, against the values.
func (c canon) sameAsRead(t *testing.T, d *Dataset, all []any) {
	t.Helper()
	x, err := d.Read(Slab{})
	if !d.Type().readable() {
		if err == nil || !strings.Contains(err.Error(), "Values") {
			t.Errorf("%s: Read of %s gives %v", d.Path(), d.Type(), err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", d.Path(), err)
		return
	}
	inner := 1 // elements of an element that is an array
	if len(all) > 0 {
		inner = x.Len() / len(all)
	}
	flat := func(list []any) []any {
		if d.Type().Class != ArrayType {
			return list
		}
		var out []any
		for _, v := range list {
			a := v.(*recording.Array)
			one := make([]any, a.Len())
			spread(one, a.Data)
			out = append(out, one...)
		}
		return out
	}
	same := func(what string, x *recording.Array, want []any) {
		t.Helper()
		got := make([]any, x.Len())
		spread(got, x.Data)
		if a, b := c.value(got), c.value(flat(want)); a != b {
			t.Errorf("%s: %s gives %.200s, want %.200s", d.Path(), what, a, b)
		}
	}
	same("Read", x, all)
	dims := d.Dims()
	if n, _ := recording.Count(dims); n < 2 || n > 30000 {
		return
	}
	rng := rand.New(rand.NewPCG(1, uint64(len(d.Path()))))
	for range 6 {
		s := Slab{make([]int, len(dims)), make([]int, len(dims)), make([]int, len(dims))}
		index := []int{0}
		for i, n := range dims {
			s.Start[i] = rng.IntN(n)
			s.Step[i] = 1 + rng.IntN(2)*rng.IntN(n)
			s.Count[i] = rng.IntN((n-s.Start[i]-1)/s.Step[i]+1) + 1
			var next []int
			for _, at := range index {
				for k := range s.Count[i] {
					next = append(next, at*n+s.Start[i]+k*s.Step[i])
				}
			}
			index = next
		}
		var want []any
		for _, i := range index {
			want = append(want, all[i])
		}
		x, err := d.Read(s)
		if err != nil {
			t.Errorf("%s %v: %v", d.Path(), s, err)
			continue
		}
		same(fmt.Sprint(s), x, want)
		if n, _ := recording.Count(s.Count); n*inner != x.Len() || !slices.Equal(x.Dims[:len(dims)], s.Count) {
			t.Errorf("%s %v: shape %v", d.Path(), s, x.Dims)
		}
	}
}

// TestExpected holds the reader against the list that came with the files: each has as many datasets as the list says, or an
// error where it says error.
func TestExpected(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	list, err := os.ReadFile(filepath.Join(data, "formats", "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if !strings.HasPrefix(fields[0], "hdf5-jhdf/") && !strings.HasPrefix(fields[0], "nwb-pynwb/") {
			continue
		}
		n++
		f, err := Open(filepath.Join(data, "formats", fields[0]))
		if wantErr := strings.HasPrefix(fields[2], "error"); wantErr != (err != nil) {
			t.Errorf("%s: error %v, but the list says %s", fields[0], err, fields[2])
			continue
		} else if wantErr {
			continue
		}
		datasets := 0
		err = f.Walk(func(_ string, o Object, err error) error {
			if _, ok := o.(*Dataset); ok {
				datasets++
			}
			return err
		})
		f.Close()
		if want := fmt.Sprintf("ok: %d datasets", datasets); err != nil || !strings.HasPrefix(fields[2], want) {
			t.Errorf("%s: %s, %v, but the list says %s", fields[0], want, err, fields[2])
		}
	}
	if n != 67 {
		t.Errorf("%d files in the list, want 67", n)
	}
}
