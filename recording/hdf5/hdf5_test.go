package hdf5

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

func Example() {
	f, err := Open("testdata/made-example.h5")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	d, err := f.Dataset("/acquisition/lfp")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Dims(), d.Type(), d.Storage())
	x, err := d.Read(Slab{Start: []int{100, 1}, Count: []int{3, 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.Dims, x.Data)
	unit, err := d.Attribute("unit")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(unit.Text())
	// Output:
	// [500 4] int16 chunks 100x4, shuffle, deflate
	// [3 2] [93 95 99 99 100 100]
	// uV <nil>
}

// TestLookup finds objects by their paths and links of every kind, and says what is wrong with the others.
func TestLookup(t *testing.T) {
	for _, name := range []string{"made-earliest.h5.gz", "made-latest.h5.gz"} {
		f, err := openTest(t, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			path, want string // the path of what is found, or part of the error
		}{
			{"/", "/"},
			{"types/bool", "/types/bool"},
			{"/links/hard", "/links/hard"},
			{"links/soft", "/types/bool"},
			{"/links/relative", "/links/deeper/again"},
			{"/links/deeper/up/./deeper/up/soft", "/types/bool"},
			{"/links/dangling", `"/nowhere": found nothing of that name, expected an object; "/" holds committed, dense, layouts, links, many, types`},
			{"/links/circle", "lead on and on, or in a circle"},
			{"/links/external", `an external link to "/x" in the file "elsewhere.h5"`},
			{"/types/bool/x", `"/types/bool": found a dataset, expected a group that holds "x"`},
			{"/layouts/nothing", "and 1"},
		} {
			o, err := f.Lookup(c.path)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = o.Path()
			}
			if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
				t.Errorf("%s: %s gives %s, want %s", name, c.path, got, c.want)
			}
		}
		g, err := f.Group("/links/deeper/up")
		if err != nil {
			t.Fatal(err)
		}
		links, err := g.Links()
		var all []string
		for _, l := range links {
			all = append(all, fmt.Sprint(l.Name, l.Kind, l.Target, l.File))
		}
		if want := []string{"circle1/links/circle", "dangling1/nowhere", "deeper0", "external2/xelsewhere.h5", "hard0", "relative1deeper/again", "soft1/types/bool"}; err != nil || !slices.Equal(all, want) {
			t.Errorf("%s: links %q, %v", name, all, err)
		}
		if !g.Has("soft") || g.Has("Soft") {
			t.Errorf("%s: Has is wrong", name)
		}
		if _, err := f.Group("/types/bool"); err == nil || !strings.Contains(err.Error(), "found a dataset, expected a group") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f.Dataset("/committed"); err == nil || !strings.Contains(err.Error(), "found a datatype, expected a dataset") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestManyLinks reads groups whose B-trees and heaps have several levels, or went through a filter.
func TestManyLinks(t *testing.T) {
	for _, c := range []struct {
		file, group, format string
		n                   int
		created             bool // listed in the order of creation
	}{
		{"made-deep.h5.gz", "many", "link with a longer name %05d", 1500, true},
		{"made-deep-earliest.h5.gz", "many", "%05d", 600, false},
		{"made-shared.h5.gz", "filtered", "link %03d", 300, false},
	} {
		f, err := openTest(t, c.file)
		if err != nil {
			t.Fatal(err)
		}
		g, err := f.Group(c.group)
		if err != nil {
			t.Fatal(err)
		}
		links, err := g.Links()
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.n {
			k := i
			if c.created {
				k = i * 7919 % c.n
			}
			at := i
			if c.file == "made-shared.h5.gz" {
				at += 3 // the three long names come first
				if long := links[i%3].Target; long != strings.Repeat("/nowhere", 500) {
					t.Fatalf("%s: a link to %.30s, %d long", c.file, long, len(long))
				}
			}
			if want := fmt.Sprintf(c.format, k); at >= len(links) || links[at].Name != want || links[at].Kind != SoftLink {
				t.Fatalf("%s: link %d is %+v, want %s", c.file, i, links[at], want)
			}
		}
	}
}

// TestSlabErrors asks for parts that there are not.
func TestSlabErrors(t *testing.T) {
	f, err := openTest(t, "made-example.h5")
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Dataset("acquisition/lfp")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Slab{
		{Start: []int{0}},
		{Start: []int{501, 0}},
		{Start: []int{-1, 0}},
		{Count: []int{501, 4}},
		{Count: []int{-1, 4}},
		{Step: []int{0, 1}},
		{Start: []int{100, 0}, Count: []int{200, 1}, Step: []int{3, 1}},
	} {
		if _, err := d.Read(s); err == nil || !strings.Contains(err.Error(), `"/acquisition/lfp": found a slab`) {
			t.Errorf("%v: %v", s, err)
		}
	}
	for _, s := range []Slab{{Start: []int{500, 0}}, {Count: []int{0, 4}}} {
		if x, err := d.Read(s); err != nil || x.Len() != 0 {
			t.Errorf("%v: %v, %v", s, x, err)
		}
	}
}

// TestAccess reads attributes, members, references and single values through the methods made for them.
func TestAccess(t *testing.T) {
	f, err := openTest(t, "made-v110.h5.gz")
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Group("types")
	if err != nil {
		t.Fatal(err)
	}
	attribute := func(name string) *Attribute {
		a, err := g.Attribute(name)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	dataset := func(name string) *Dataset {
		d, err := g.Dataset(name)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	check := func(what string, got any, err error, want string) {
		t.Helper()
		text := fmt.Sprintf("%v %v", got, err)
		if !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %s", what, text, want)
		}
	}
	text, err := attribute("text").Text()
	check("text", text, err, "Elektrode ° <nil>")
	text, err = attribute("texts").Text()
	check("texts", text, err, `"/types, attribute \"texts\"": found 3 string, expected a single text`)
	number, err := attribute("matrix").Number()
	check("matrix", number, err, "found 2x3 float32, expected a single number")
	x, err := attribute("matrix").Read()
	check("matrix", x.Data, err, "[0 1 2 3 4 5] <nil>")
	x, err = attribute("null").Read()
	check("null", x, err, "null 0 string <nil>")
	check("null", attribute("null").Null(), nil, "true")
	check("type", attribute("reference").Type(), nil, "reference")
	_, err = g.Attribute("nothing")
	check("attribute", nil, err, `expected an attribute "nothing"; it has matrix, null, reference, text, texts, with committed`)
	check("has", []bool{g.HasAttribute("text"), g.HasAttribute("Text")}, nil, "[true false]")

	text, err = dataset("scalar text").Text()
	check("scalar text", text, err, "hello <nil>")
	_, err = dataset("vlen").Number()
	check("vlen", nil, err, "expected a single number")
	x, err = dataset("compound").ReadField("in.x", Slab{})
	check("in.x", x.Data, err, "[0.5 -1] <nil>")
	x, err = dataset("compound").ReadField("m", Slab{Start: []int{1}})
	check("m", fmt.Sprint(x.Dims, x.Data), err, "[1 2 3] [6 7 8 9 10 11]")
	_, err = dataset("compound").ReadField("in.y", Slab{})
	check("in.y", nil, err, `expected a compound with a member "y"; its members are x, ok, name`)
	_, err = dataset("compound").Read(Slab{})
	check("compound", nil, err, "use ReadField or Values")
	check("compound", dataset("compound").Type(), nil, "{id uint16, in {x float32, ok bool, name text}, m [2][3]int16, z complex64, note text}")
	values, err := dataset("compound").Values(Slab{Count: []int{1}})
	check("Get", values[0].(Record).Get("note"), err, "first")
	check("Get", values[0].(Record).Get("nothing"), err, "<nil>")

	refs, err := dataset("object references").References(Slab{})
	if err != nil || len(refs) != 2 {
		t.Fatal(refs, err)
	}
	root, err := f.Deref(refs[0])
	check("Deref", root.(*Group).Has("types"), err, "true")
	o, err := f.Deref(refs[1])
	check("Deref", o.Address() == dataset("bool").Address(), err, "true")
	_, err = f.Deref(Reference{})
	check("Deref", nil, err, "a reference to nothing")
	_, err = dataset("bool").References(Slab{})
	check("References", nil, err, "found elements of type bool, expected object references")

	d, err := f.Dataset("/layouts/extensible shuffle deflate")
	check("dataset", fmt.Sprint(d.Dims(), d.MaxDims(), d.Chunk(), " ", d.Storage()), err, "[23 17 5] [23 -1 8] [2 4 5] chunks 2x4x5, shuffle, deflate")
	for path, want := range map[string]string{"contiguous": "contiguous", "compact": "compact", "virtual": "virtual", "external": "in other files", "bitshuffle zstd": "bitshuffle"} {
		d, err := f.Dataset("/layouts/" + path)
		check(path, d.Storage(), err, want)
	}
	if _, err := f.Dataset("/layouts/far"); err != nil {
		t.Error(err)
	}
}

// TestReadOn reads a compressed set frame by frame, which takes every chunk from the file only once.
func TestReadOn(t *testing.T) {
	content := made(t, "made-example.h5")
	r := &counter{r: bytes.NewReader(content)}
	f, err := NewFile(r, int64(len(content)), "example")
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Dataset("acquisition/lfp")
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.Read(Slab{})
	if err != nil {
		t.Fatal(err)
	}
	r.n = 0
	var got []int16
	for i := range 500 {
		x, err := d.Read(Slab{Start: []int{i, 0}, Count: []int{1, 4}})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, x.Data.([]int16)...)
	}
	if !slices.Equal(got, want.Data.([]int16)) {
		t.Error("frames differ from the whole")
	}
	if r.n != 5 {
		t.Errorf("%d reads of the file for 5 chunks", r.n)
	}
}

type counter struct {
	r *bytes.Reader
	n int
}

func (c *counter) ReadAt(p []byte, at int64) (int, error) {
	c.n++
	return c.r.ReadAt(p, at)
}

// TestAtOnce reads one dataset from several goroutines, and others beside it.
func TestAtOnce(t *testing.T) {
	f, err := openTest(t, "made-latest.h5.gz")
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Dataset("/layouts/extensible shuffle deflate")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for k := range 17 {
				s := Slab{Start: []int{i, k, 0}, Count: []int{10, 1, 5}}
				a, err := d.Read(s)
				if err != nil {
					t.Error(err)
					return
				}
				same, err := f.Dataset("/layouts/contiguous")
				if err != nil {
					t.Error(err)
					return
				}
				b, err := same.Read(s)
				if err != nil || !slices.Equal(a.Data.([]int16), b.Data.([]int16)) {
					t.Errorf("%v: %v, %v, %v", s, a, b, err)
				}
				if texts, err := f.Dataset("/types/vlen"); err != nil {
					t.Error(err)
				} else if x, err := texts.Read(Slab{}); err != nil || x.Len() != 3 {
					t.Errorf("%v, %v", x, err)
				}
			}
		})
	}
	work.Wait()
}

// TestFormat describes a file and reads its arrays through package recording.
func TestFormat(t *testing.T) {
	d, err := recording.Inspect("testdata/made-example.h5")
	if err != nil {
		t.Fatal(err)
	}
	want := `testdata/made-example.h5: HDF5, superblock version 0, 13.3 kB
  subject:  s01
  /acquisition                  group  of 2
  /acquisition/channels  4      text   C3, Cz, C4, Pz
  /acquisition/lfp       500x4  int16  -100 .. 100, mean 0.1435
`
	if d.String() != want {
		t.Errorf("described as\n%s", d)
	}
	all, err := recording.Arrays("testdata/made-example.h5")
	if text := fmt.Sprint(all, err); text != "[/acquisition/channels 4 string /acquisition/lfp 500x4 int16] <nil>" {
		t.Error(text)
	}
	one, err := recording.Arrays("testdata/made-example.h5", "acquisition/lfp")
	if text := fmt.Sprint(one, err); text != "[acquisition/lfp 500x4 int16] <nil>" {
		t.Error(text)
	}
	if _, err := recording.Arrays("testdata/made-example.h5", "acquisition/eeg"); err == nil || !strings.Contains(err.Error(), `"/acquisition" holds channels, lfp`) {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "all.h5")
	if err := os.WriteFile(path, made(t, "made-v110.h5.gz"), 0o644); err != nil {
		t.Fatal(err)
	}
	if d, err = recording.Inspect(path); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/layouts/scaleoffset", "soft link", "to /nowhere", "external link", "float16", "2 infinite", "complex128", "not readable: see the warning below"} {
		if text := d.String() + fmt.Sprint(d.Items); !strings.Contains(text, want) {
			t.Errorf("the description lacks %q:\n%s", want, text)
		}
	}
	if len(d.Warnings) != 4 { // scaleoffset, zstd, virtual, external
		t.Errorf("warnings %q", d.Warnings)
	}
}
