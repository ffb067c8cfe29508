package fif

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

// raw is a tag with its data, from which tests build files.
type rawTag struct {
	kind, form uint32
	data       []byte
	next       uint32
}

func split(t testing.TB, name string) []rawTag {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []rawTag
	for len(content) > 0 {
		n := binary.BigEndian.Uint32(content[8:])
		out = append(out, rawTag{binary.BigEndian.Uint32(content), binary.BigEndian.Uint32(content[4:]), content[16 : 16+n], binary.BigEndian.Uint32(content[12:])})
		content = content[16+n:]
	}
	return out
}

func (r rawTag) bytes() []byte {
	b := binary.BigEndian.AppendUint32(nil, r.kind)
	b = binary.BigEndian.AppendUint32(b, r.form)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.data)))
	b = binary.BigEndian.AppendUint32(b, r.next)
	return append(b, r.data...)
}

func join(tags []rawTag) []byte {
	var b []byte
	for _, t := range tags {
		b = append(b, t.bytes()...)
	}
	return b
}

func ints(kind uint32, values ...int32) rawTag {
	t := rawTag{kind: kind, form: formInt32}
	for _, v := range values {
		t.data = binary.BigEndian.AppendUint32(t.data, uint32(v))
	}
	return t
}

// readAll reads everything that a file holds.
func readAll(content []byte) error {
	f, err := NewFile(bytes.NewReader(content), int64(len(content)), "test.fif")
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Transforms(); err != nil {
		return err
	}
	if _, err := f.Points(); err != nil {
		return err
	}
	switch {
	case f.raw() != nil && f.Info != nil:
		r, err := f.Recording(Options{Project: true})
		if err != nil {
			return err
		}
		defer r.Close()
		return r.Blocks(func([]float32, int64) error { return nil })
	case f.epochs() != nil && f.Info != nil:
		e, err := f.Epochs()
		if err != nil {
			return err
		}
		_, err = e.Array()
		return err
	case f.root.first(blockEvoked) != nil && f.Info != nil:
		_, err := f.Evokeds()
		return err
	}
	return nil
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestHostile reads files that lie.
func TestHostile(t *testing.T) {
	single := split(t, "made-single_raw.fif")
	// with replaces the data of the first tag of a kind.
	with := func(tags []rawTag, kind uint32, change func(r *rawTag)) []byte {
		tags = slices.Clone(tags)
		i := slices.IndexFunc(tags, func(r rawTag) bool { return r.kind == kind })
		tags[i].data = bytes.Clone(tags[i].data)
		change(&tags[i])
		return join(tags)
	}
	insert := func(tags []rawTag, before uint32, more ...rawTag) []byte {
		i := slices.IndexFunc(tags, func(r rawTag) bool { return r.kind == before })
		return join(slices.Insert(slices.Clone(tags), i, more...))
	}
	lied := func(tags []rawTag, kind uint32, at int, value uint32) []byte {
		content := join(tags)
		pos := 0
		for _, r := range tags {
			if r.kind == kind {
				binary.BigEndian.PutUint32(content[pos+at:], value)
				return content
			}
			pos += 16 + len(r.data)
		}
		panic("no such tag")
	}
	var deep []rawTag
	for range 40 {
		deep = append(deep, ints(104, 100))
	}
	epochs, ave := split(t, "made_epo.fif"), split(t, "made_ave.fif")
	reference := func(name string) []byte {
		return insert(single, 300, ints(105, 102), ints(104, 118), ints(115, 2), rawTag{kind: 118, form: 10, data: []byte(name)}, ints(105, 118), ints(104, 102))
	}
	nan := []byte{0x7f, 0xc0, 0, 0}
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "an empty file"},
		{"another format", []byte("this is not a FIF file at all"), "which begin a FIF"},
		{"negative size", lied(single, 200, 8, 1<<31), "a size that is not negative"},
		{"size beyond the file", lied(single, 200, 8, 1<<30), "1073741824 bytes of a tag of kind 200"},
		{"next in a loop", lied(single, 200, 12, 16), "a next tag at byte 16"},
		{"next behind the end", lied(single, 200, 12, 1<<30), "the end of a block"},
		{"no end of a block", join(single[:len(single)-2]), "the end of a block of kind 100"},
		{"end of another block", with(single, 105, func(r *rawTag) { r.data[3] = 99 }), "the end of a block of kind 99"},
		{"blocks too deep", join(slices.Concat(single[:1], deep)), "nested more than 32 deep"},
		{"block of text", with(single, 104, func(r *rawTag) { r.form = 10 }), "expected numbers"},
		{"no channels", with(single, 200, func(r *rawTag) { r.data = []byte{0, 0, 0, 0} }), "0 channels announced"},
		{"many channels", with(single, 200, func(r *rawTag) { r.data = []byte{0x7f, 0, 0, 0} }), "2130706432 channels announced and 8 described"},
		{"no rate", with(single, 201, func(r *rawTag) { r.data = []byte{0, 0, 0, 0} }), "a sampling rate of 0 Hz"},
		{"rate not a number", with(single, 201, func(r *rawTag) { r.data = nan }), "a sampling rate of NaN Hz"},
		{"negative rate", with(single, 201, func(r *rawTag) { r.data[0] |= 0x80 }), "a sampling rate of -250 Hz"},
		{"short channel", with(single, 203, func(r *rawTag) { r.data = r.data[:90] }), "90 bytes of type 30"},
		{"short transform", with(single, 222, func(r *rawTag) { r.data = r.data[:50] }), "50 bytes of type 35"},
		{"short point", with(single, 213, func(r *rawTag) { r.data = r.data[:19] }), "19 bytes of type 33"},
		{"more points than bytes", insert(single, 213, rawTag{kind: 234, form: 36, data: make([]byte, 12), next: 0}, rawTag{kind: 234, form: 36, data: []byte{0, 0, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}}), "4294967295 points in 12 bytes"},
		{"extensions of some channels", insert(single, 206, ints(104, 113), ints(105, 113)), "blocks about 8 channels"},
		{"buffer of odd size", with(single, 300, func(r *rawTag) { r.data = r.data[:len(r.data)-4] }), "a multiple of 8 channels of 4 bytes"},
		{"complex samples", with(single, 300, func(r *rawTag) { r.form = 20 }), "found complex numbers"},
		{"samples of no type", with(single, 300, func(r *rawTag) { r.form = 99 }), "samples of type 99"},
		{"negative skip", insert(single, 300, ints(301, -5)), "to skip"},
		{"skips of different kinds", insert(single, 300, ints(301, 5), ints(303, -5)), ""},
		{"a skip that is no number", insert(single, 300, rawTag{kind: 301, form: 4, data: nan}), "expected a whole number"},
		{"a skip without a value", insert(single, 300, ints(301)), "expected a number"},
		{"next part outside the folder", reference("../made-split-1_raw.fif"), "without a folder"},
		{"next part with no name", reference(""), "without a folder"},
		{"next part missing", reference("missing.fif"), "copy all parts of the recording into one folder"},
		{"more onsets than ends", with(single, 3568, func(r *rawTag) { r.data = append(r.data, make([]byte, 4)...) }), "ends and 2 descriptions"},
		{"matrix without a shape", with(single, 3415, func(r *rawTag) { r.data = r.data[:4] }), "expected a dense matrix"},
		{"matrix of many axes", with(single, 3415, func(r *rawTag) { r.data[len(r.data)-1] = 200 }), "200 axes"},
		{"matrix larger than its data", with(single, 3415, func(r *rawTag) { r.data[len(r.data)-12] = 0x40 }), "in shape"},
		{"sparse matrix", with(single, 3415, func(r *rawTag) { r.form |= 0x100000 }), "expected a dense matrix"},
		{"vectors for other channels", with(single, 3417, func(r *rawTag) { r.data = []byte("a:b") }), "for each of 2 channels"},
		{"projector without a kind", with(single, 3411, func(r *rawTag) { r.kind = 9999 }), "without a kind"},
		{"projector not finite", with(single, 3415, func(r *rawTag) { copy(r.data, nan) }), "not finite"},
		{"epochs of another shape", with(epochs, 209, func(r *rawTag) { r.data = []byte{0, 0, 0x40, 0} }), "data of shape [2 8 7], expected 2 trials x 8 channels x 16386 samples"},
		{"events in twos", with(epochs, 3561, func(r *rawTag) { r.data = r.data[:8] }), "three for each event"},
		{"complex epochs", with(epochs, 302, func(r *rawTag) { r.form = r.form&^0xff | 20 }), "in shape"},
		{"more samples than data", with(ave, 228, func(r *rawTag) { r.data = []byte{0x40, 0, 0, 0} }), "1073741824, as it says"},
		{"averages of many tags", insert(ave, 302, ints(302, 1)), "2 tags of data"},
		{"averages without data", with(ave, 302, func(r *rawTag) { r.kind = 9999 }), "0 tags of data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			used := allocated(func() { err = readAll(c.content) })
			var own *recording.Error
			if !errors.As(err, &own) {
				if c.want == "" && err == nil {
					return
				}
				t.Fatalf("error %v, want a *recording.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) || own.Path != "test.fif" {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if used > uint64(2<<20+40*len(c.content)) {
				t.Errorf("%d bytes allocated for a file of %d", used, len(c.content))
			}
		})
	}
}

// TestTruncated cuts sound files at every byte. Only the very last tag, which says nothing, may be missing.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"made-short_raw.fif", "made_epo.fif", "made_ave.fif", "made-compressed_raw.fif.gz"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for cut := range content {
			err := readAll(content[:cut])
			if cut == len(content)-headerSize && !strings.HasSuffix(name, "gz") {
				if err != nil {
					t.Errorf("%s without its last tag: %v", name, err)
				}
				continue
			}
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Fatalf("%s cut to %d bytes: %v", name, cut, err)
			}
		}
	}
}

// TestDamaged turns over every eighth bit: content or an error, and nothing else.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"made-short_raw.fif", "made_epo.fif", "made_ave.fif"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		for at := range content {
			content[at] ^= 1 << (at % 8)
			if err := readAll(content); err != nil {
				failed++
				var own *recording.Error
				if !errors.As(err, &own) {
					t.Errorf("%s, byte %d: %v is not a *recording.Error", name, at, err)
				}
			}
			content[at] ^= 1 << (at % 8)
		}
		if failed == 0 {
			t.Errorf("%s: no damage was noticed", name)
		}
	}
}

// TestBomb refuses what a compressed file says of itself only as far as it is true.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(join(split(t, "made-single_raw.fif"))[:2000])
	z.Write(make([]byte, 4<<20))
	z.Close()
	var err error
	if used := allocated(func() { err = readAll(b.Bytes()) }); err == nil || used > 64<<20 {
		t.Errorf("%v after %d bytes", err, used)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"made-short_raw.fif", "made-skips_raw.fif", "made_epo.fif", "made_ave.fif", "made-split_raw.fif"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		err := readAll(content)
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		}
	})
}
