package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

// readAll reads everything of a file that is not too large for a test, and returns the errors.
func readAll(t testing.TB, f *File) []error {
	var errs []error
	note := func(err error) {
		if err == nil {
			return
		}
		var own *recording.Error
		if !errors.As(err, &own) || own.Path != f.path || own.Found == "" && own.Err == nil {
			t.Errorf("error that does not say where and what: %v", err)
		}
		errs = append(errs, err)
	}
	err := f.Walk(func(path string, o Object, err error) error {
		note(err)
		if o == nil {
			return nil
		}
		all, err := o.Attributes()
		note(err)
		for _, a := range all {
			_, err := a.Values()
			note(err)
		}
		switch o := o.(type) {
		case *Group:
			links, _ := o.Links()
			for _, l := range links {
				if l.Kind == SoftLink {
					_, err := o.Lookup(l.Name)
					note(err)
				}
			}
		case *Dataset:
			n, err := o.space.count()
			if err != nil || n > 1<<16 {
				n = 1 << 16
				_, err := o.Read(Slab{})
				if !o.Type().readable() || err != nil {
					note(err)
				}
				break
			}
			values, err := o.Values(Slab{})
			note(err)
			for _, v := range values {
				if r, ok := v.(Reference); ok && !r.IsNull() {
					_, err := f.Deref(r)
					note(err)
				}
			}
			if _, err := o.Read(Slab{}); o.Type().readable() {
				note(err)
			}
			if n > 1 {
				s := Slab{Start: make([]int, len(o.space.dims)), Step: make([]int, len(o.space.dims))}
				for i, d := range o.space.dims {
					s.Start[i], s.Step[i] = d/3, 1+d/5
				}
				if _, err := o.Read(s); o.Type().readable() {
					note(err)
				}
			}
		}
		return nil
	})
	note(err)
	return errs
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestCut reads files cut short anywhere, first as they are, then pretending that the length is as it should be.
func TestCut(t *testing.T) {
	for _, name := range []string{"made-example.h5", "made-shared.h5.gz"} {
		content := made(t, name)
		for n := 0; n < len(content); n += 1 + len(content)/300 {
			if _, err := NewFile(bytes.NewReader(content[:n]), int64(n), "cut"); err == nil {
				t.Errorf("%s cut to %d bytes is opened", name, n)
			}
			f, err := newFile(bytes.NewReader(content[:n]), int64(n), "cut", true)
			if err == nil && len(readAll(t, f)) == 0 && n < len(content)*9/10 {
				t.Errorf("%s cut to %d bytes has no errors", name, n)
			}
		}
	}
}

// TestDamage changes bytes at random: with checksums compared, then without. Neither may panic, hang, or take much memory.
func TestDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"made-example.h5", "made-shared.h5.gz", "made-earliest.h5.gz", "made-latest.h5.gz"} {
		sound := made(t, name)
		for round := range 60 {
			content := bytes.Clone(sound)
			for range 1 + rng.IntN(200) {
				at := rng.IntN(len(content))
				if content[at] == 0 && rng.IntN(4) > 0 {
					continue // most of a file is zeros that nobody reads
				}
				content[at] = byte(rng.IntN(256))
			}
			f, err := newFile(bytes.NewReader(content), int64(len(content)), "damaged", round%2 == 0)
			if err != nil {
				continue
			}
			if n := allocated(func() { readAll(t, f) }); n > 64<<20 {
				t.Errorf("%s, round %d: %d MB allocated", name, round, n>>20)
			}
		}
	}
}

// patch finds a place in a file by what lies there, and changes bytes behind it.
func patch(t *testing.T, content []byte, after string, skip int, b ...byte) []byte {
	t.Helper()
	at := bytes.Index(content, []byte(after))
	if at < 0 {
		t.Fatalf("no %q in the file", after)
	}
	out := bytes.Clone(content)
	copy(out[at+len(after)+skip:], b)
	return out
}

func le(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

// TestHostile reads files that lie, and checks what the error says.
func TestHostile(t *testing.T) {
	example := made(t, "made-example.h5")
	latest := made(t, "made-latest.h5.gz")
	for _, c := range []struct {
		name      string
		content   []byte
		unchecked bool
		want      string // part of one of the errors
	}{
		{"nothing", nil, false, "an empty file"},
		{"text", []byte(strings.Repeat("This is no HDF5 file. ", 100)), false, "no HDF5 signature"},
		{"version", patch(t, example, magic, 0, 9), false, "superblock, at byte 9: found version 9"},
		{"sizes", patch(t, example, magic, 5, 3), false, "addresses of 3 and lengths of 8 bytes"},
		{"open for writing", patch(t, latest, magic, 3, 1), true, "still open for writing"},
		{"superblock checksum", patch(t, latest, magic, 20, 1), false, "superblock, at byte 44: found checksum"},
		{"heap checksum", patch(t, latest, "FRHP", 10, 0xff, 0xff), false, "(fractal heap), at byte"},
		{"tree within itself", patch(t, example, "TREE\x00", 0, 1), false, `"/" (B-tree node), at byte 1504: found "SNOD", expected "TREE"`},
		{"tree of another kind", patch(t, example, "TREE\x00", -1, 7), false, "found a node of type 7, expected type 0"},
		{"symbols", patch(t, example, "SNOD", 2, 0xff, 0xff), false, "(symbol table node), at byte 1512: found 2621400 bytes"},
		{"heap beyond the end", patch(t, example, "HEAP", 4, le(1<<40)...), false, "found 1099511627776 bytes, expected at most"},
		{"names beyond the heap", patch(t, example, "SNOD", 4, le(1<<40)...), false, "found a name at 1099511627776"},
		{"data damaged", patch(t, example, "\x78\x5e", 100, 1, 2, 3, 4, 5, 6, 7, 8, 9), false, `chunk`},
		{"text in no heap", patch(t, example, "GCOL", -4, 'X'), false, `"/acquisition/channels" (global heap), at byte 5048: found "XCOL", expected "GCOL"`},
		{"collection beyond the end", patch(t, example, "GCOL\x01\x00\x00\x00", 0, le(1<<50)...), false, "global heap"},
	} {
		var errs []error
		n := allocated(func() {
			f, err := newFile(bytes.NewReader(c.content), int64(len(c.content)), "test.h5", c.unchecked)
			if errs = []error{err}; err == nil {
				errs = readAll(t, f)
			}
		})
		if text := fmt.Sprint(errs); !strings.Contains(text, c.want) {
			t.Errorf("%s: %.600s; want %s", c.name, text, c.want)
		}
		if n > 64<<20 {
			t.Errorf("%s: %d MB allocated", c.name, n>>20)
		}
	}
}

// TestNoMemoryForPromises reads sets that declare far more than the file holds.
func TestNoMemoryForPromises(t *testing.T) {
	f, err := openTest(t, "made-example.h5")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(d *Dataset)
		want   string
	}{
		{func(d *Dataset) { d.space.dims = []int{1 << 40, 4} }, "most of them never written"},
		{func(d *Dataset) { d.space.dims = []int{1 << 61, 1 << 61} }, "more elements than an integer can count"},
		{func(d *Dataset) { d.layout = &layout{kind: contiguous, addr: 8} }, ""},
		{func(d *Dataset) {
			d.layout, d.space.dims = &layout{kind: contiguous, addr: 8}, []int{1 << 20, 4}
		}, "no more than the 13291 bytes of the file"},
		{func(d *Dataset) {
			d.layout, d.space.dims = &layout{kind: contiguous, addr: undefined}, []int{1 << 30, 4}
		}, "read a part with a Slab"},
		{func(d *Dataset) { d.layout = &layout{kind: compact, data: make([]byte, 10)} }, "found 10 bytes of data"},
		{func(d *Dataset) { d.layout.addr = 1 << 40 }, "found address 0x10000000000"},
	} {
		d, err := f.Dataset("acquisition/lfp")
		if err != nil {
			t.Fatal(err)
		}
		c.change(d)
		n := allocated(func() { _, err = d.Read(Slab{}) })
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v, want %s", err, c.want)
		}
		if n > 4<<20 {
			t.Errorf("%s: %d bytes allocated", c.want, n)
		}
	}
}

// TestFilters holds the decoders against data made by hand, and against data that end early or ask for too much.
func TestFilters(t *testing.T) {
	abc := []byte("abcabcabcabcabcabcabc")
	lz4 := []byte{0x3e, 'a', 'b', 'c', 3, 0} // three literals, then 18 bytes from three before
	lzf := []byte{2, 'a', 'b', 'c', 0xe0, 18 - 9, 2}
	if got, err := unLZ4(nil, lz4, 100); err != nil || !bytes.Equal(got, abc) {
		t.Errorf("lz4: %q, %v", got, err)
	}
	if got, err := unLZF(lzf, 100); err != nil || !bytes.Equal(got, abc) {
		t.Errorf("lzf: %q, %v", got, err)
	}
	block := func(total, size uint64, blocks ...[]byte) []byte {
		b := binary.BigEndian.AppendUint64(nil, total)
		b = binary.BigEndian.AppendUint32(b, uint32(size))
		for _, x := range blocks {
			b = binary.BigEndian.AppendUint32(b, uint32(len(x)))
			b = append(b, x...)
		}
		return b
	}
	if got, err := unLZ4Blocks(block(24, 21, lz4, []byte("end")), 100); err != nil || string(got) != string(abc)+"end" {
		t.Errorf("lz4 blocks: %q, %v", got, err)
	}
	for n := range lz4 {
		if n != 4 { // up to there it is a block of its own
			if _, err := unLZ4(nil, lz4[:n], 100); err == nil && n > 0 {
				t.Errorf("lz4 cut to %d bytes is read", n)
			}
		}
	}
	bad := filter{id: filterDeflate}
	f := &File{path: "x"}
	for name, c := range map[string]struct {
		step filter
		b    []byte
		want string
	}{
		"deflate":       {bad, []byte{1, 2, 3}, "invalid header"},
		"nothing":       {bad, nil, "EOF"},
		"fletcher":      {filter{id: filterFletcher32}, []byte{1, 2, 3, 4, 5, 6}, "checksum"},
		"fletcher cut":  {filter{id: filterFletcher32}, []byte{1}, "no room"},
		"lzf before":    {filter{id: filterLZF}, []byte{0xe0, 9, 2}, "before their beginning"},
		"lzf long":      {filter{id: filterLZF}, append([]byte{0, 'a'}, bytes.Repeat([]byte{0xe0, 255, 0}, 100)...), "more than"},
		"lz4 total":     {filter{id: filterLZ4}, block(1<<40, 10), "1099511627776 bytes"},
		"lz4 no block":  {filter{id: filterLZ4}, block(10, 0), "blocks of 0"},
		"bitshuffle":    {filter{id: filterBitshuffle, values: []uint32{0, 4, 4, 0, 9}}, nil, "filter bitshuffle with compression number 9"},
		"bitshuffle 2":  {filter{id: filterBitshuffle, values: []uint32{0, 4}}, nil, "no element size"},
		"too little":    {filter{id: filterShuffle, values: []uint32{2}}, []byte{1, 2, 3}, "found 3 bytes after its filters, expected 16"},
		"shuffle":       {filter{id: filterShuffle}, []byte{1, 2, 3}, "no element size"},
		"szip":          {filter{id: filterSzip}, nil, "filter szip"},
		"nbit":          {filter{id: filterNbit}, nil, "filter nbit"},
		"somebody else": {filter{id: 40000, name: "squeeze"}, nil, "squeeze (number 40000)"},
	} {
		if _, err := f.unfilter([]filter{c.step}, 0, c.b, 16, 0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if got, err := f.unfilter([]filter{bad}, 1, make([]byte, 16), 16, 0); err != nil || len(got) != 16 {
		t.Errorf("a filter that the mask leaves out: %v, %v", got, err)
	}
}

func FuzzFile(f *testing.F) {
	for _, name := range []string{"made-example.h5", "made-small-old.h5", "made-small-new.h5"} {
		f.Add(made(f, name))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := newFile(bytes.NewReader(content), int64(len(content)), "fuzz", true)
		if err != nil {
			return
		}
		readAll(t, file)
	})
}
