package matfile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

// element is a data element with its padding.
func element(kind uint32, data []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	return append(b, make([]byte, (8-len(data)%8)%8)...)
}

func ints(v ...int32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return b
}

func doubles(v ...float64) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// matrix is a miMATRIX element.
func matrix(name string, flags uint32, dims []int32, content ...[]byte) []byte {
	body := element(miUINT32, ints(int32(flags), 0))
	body = append(body, element(miINT32, ints(dims...))...)
	body = append(body, element(miINT8, []byte(name))...)
	return element(miMATRIX, append(body, bytes.Join(content, nil)...))
}

// file puts a level 5 header before elements.
func file(elements ...[]byte) []byte {
	head := make([]byte, headerSize)
	copy(head, "MATLAB 5.0 MAT-file, made by a test")
	binary.LittleEndian.PutUint16(head[124:], 0x0100)
	copy(head[126:], "IM")
	return append(head, bytes.Join(elements, nil)...)
}

func compressed(element []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(element)
	w.Close()
	b := binary.LittleEndian.AppendUint32(nil, miCOMPRESSED)
	b = binary.LittleEndian.AppendUint32(b, uint32(z.Len()))
	return append(b, z.Bytes()...)
}

// readBytes reads every variable of a file in memory.
func readBytes(content []byte) ([]*Value, error) {
	f, err := NewFile(bytes.NewReader(content), int64(len(content)), "test.mat")
	if err != nil {
		return nil, err
	}
	var out []*Value
	for _, entry := range f.Variables() {
		v, err := f.ReadVariable(entry)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// allocated measures the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBuilderMakesSoundFiles(t *testing.T) {
	plain := matrix("x", uint32(Double), []int32{1, 3}, element(miDOUBLE, doubles(1, math.NaN(), -3)))
	for name, content := range map[string][]byte{"plain": file(plain), "compressed": file(compressed(plain))} {
		got, err := readBytes(content)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", name, got, err)
		}
		x, err := got[0].Float64s()
		if err != nil || len(x) != 3 || x[0] != 1 || !math.IsNaN(x[1]) || x[2] != -3 {
			t.Errorf("%s: %v, %v", name, x, err)
		}
	}
}

// TestHostile reads files that lie, and checks what the error says and that no memory is taken on their word.
func TestHostile(t *testing.T) {
	x := element(miDOUBLE, doubles(1, 2, 3))
	deep := matrix("", uint32(Double), []int32{1, 3}, x)
	for range maxDepth {
		deep = matrix("", uint32(Cell), []int32{1, 1}, deep)
	}
	deep = matrix("c", uint32(Cell), []int32{1, 1}, deep)
	lie := func(element []byte, at int, n uint32) []byte {
		b := bytes.Clone(element)
		binary.LittleEndian.PutUint32(b[at:], n)
		return b
	}
	good := matrix("x", uint32(Double), []int32{1, 3}, x)
	sparse := func(dims []int32, rows, starts []int32, values ...float64) []byte {
		return matrix("s", uint32(Sparse), dims, element(miINT32, ints(rows...)), element(miINT32, ints(starts...)), element(miDOUBLE, doubles(values...)))
	}
	level4 := func(mopt, rows, cols, imag, name int32, rest string) []byte {
		return append(ints(mopt, rows, cols, imag, name), rest...)
	}
	bomb := bytes.Repeat(element(miMATRIX, nil), 1<<18)
	cases := []struct {
		name    string
		content []byte
		want    string // part of the error
	}{
		{"nothing", nil, "an empty file"},
		{"short header", file()[:60], "a header of 128 bytes"},
		{"no byte order", append(bytes.Repeat([]byte{'M'}, 126), "XX"...), `found "XX"`},
		{"wrong version", append(append(bytes.Repeat([]byte{'M'}, 124), 9, 9), "IM"...), "version 0x0909"},
		{"HDF5", append([]byte(hdf5Magic), make([]byte, 200)...), "addresses of 0 and lengths of 0 bytes"},
		{"7.3 without HDF5", append(append(bytes.Repeat([]byte{'M'}, 124), 0, 2, 'I', 'M'), make([]byte, 900)...), "no HDF5 signature"},
		{"unknown element", file(element(77, nil)), "an element of type 77"},
		{"element longer than file", file(lie(good, 4, 1<<31)), "a variable of 2147483648 bytes"},
		{"data longer than variable", file(lie(good, len(good)-28, 1<<30)), "an element of 1073741824 bytes"},
		{"fewer numbers than shape", file(matrix("x", uint32(Double), []int32{1000, 1000}, x)), "1000000 numbers, as the dimensions say"},
		{"more numbers than shape", file(matrix("x", uint32(Double), []int32{1, 2}, x)), "2 numbers, as the dimensions say"},
		{"negative dimension", file(matrix("x", uint32(Double), []int32{-1, 3}, x)), "negative length"},
		{"overflowing shape", file(matrix("x", uint32(Double), []int32{1 << 30, 1 << 30, 1 << 30}, x)), "more elements than"},
		{"one dimension", file(matrix("x", uint32(Double), []int32{3}, x)), "two or more"},
		{"33 dimensions", file(matrix("x", uint32(Double), make([]int32, 33), x)), "dimensions of 132 bytes"},
		{"class 0", file(matrix("x", 0, []int32{1, 3}, x)), "array class 0"},
		{"class 99", file(matrix("x", 99, []int32{1, 3}, x)), "array class 99"},
		{"endless name", file(matrix(strings.Repeat("x", 5000), uint32(Double), []int32{1, 3}, x)), "a variable name of 5000 bytes"},
		{"numbers of no type", file(matrix("x", uint32(Double), []int32{1, 3}, element(miMATRIX, nil))), "expected numbers"},
		{"half a number", file(matrix("x", uint32(Double), []int32{1, 3}, element(miDOUBLE, make([]byte, 23)))), "23 bytes, expected numbers"},
		{"integers stored as reals", file(matrix("x", uint32(Int8), []int32{1, 3}, x)), "an integer class stored as floating-point"},
		{"long small element", file(matrix("x", uint32(Double), []int32{1, 3}, ints(0x00090009, 0))), "a small element of 9 bytes"},
		{"a billion cells", file(matrix("c", uint32(Cell), []int32{1, 1 << 30})), "1073741824 cells"},
		{"a billion structs", file(matrix("s", uint32(Struct), []int32{1, 1 << 30}, element(miINT32, ints(4)), element(miINT8, []byte("abc\x00")))), "1073741824 fields"},
		{"names of no length", file(matrix("s", uint32(Struct), []int32{1, 1}, element(miINT32, ints(0)), element(miINT8, []byte("abc\x00")))), "field names of 0 bytes"},
		{"names of negative length", file(matrix("s", uint32(Struct), []int32{1, 1}, element(miINT32, ints(-4)), element(miINT8, []byte("abc\x00")))), "field names of -4 bytes"},
		{"cell of a number", file(matrix("c", uint32(Cell), []int32{1, 1}, x)), "a value: type 14"},
		{"too deep", file(deep), "nested more than 100 deep"},
		{"text too short", file(matrix("t", uint32(Char), []int32{1, 9}, element(miUTF8, []byte("abc")))), "3 characters, expected 9"},
		{"blank text too long", file(matrix("t", uint32(Char), []int32{1 << 15, 1 << 15}, element(miUTF8, nil))), "0 characters, expected 1073741824"},
		{"sparse in three dimensions", file(sparse([]int32{2, 2, 2}, []int32{0}, []int32{0, 1, 1}, 5)), "two dimensions"},
		{"sparse row outside", file(sparse([]int32{2, 2}, []int32{2}, []int32{0, 1, 1}, 5)), "row 3, expected at most 2"},
		{"sparse row negative", file(sparse([]int32{2, 2}, []int32{-1}, []int32{0, 1, 1}, 5)), "negative"},
		{"sparse with too few columns", file(sparse([]int32{2, 1 << 30}, []int32{0}, []int32{0, 1, 1}, 5)), "3 column starts"},
		{"sparse running backwards", file(sparse([]int32{2, 2}, []int32{0, 1}, []int32{0, 2, 1}, 5, 6)), "columns that begin at 0"},
		{"sparse with more entries than rows", file(sparse([]int32{2, 2}, []int32{0}, []int32{0, 1, 7}, 5)), "7 entries"},
		{"sparse with too few values", file(sparse([]int32{2, 2}, []int32{0, 1}, []int32{0, 1, 2}, 5)), "at least 2 numbers"},
		{"compressed lie", file(compressed(lie(good, 4, 1<<30))), "compressed bytes can inflate to"},
		{"compressed lie that deflate could keep", file(compressed(lie(matrix("x", uint32(Double), []int32{1 << 10, 4}, x), 4, 40000))), "found"},
		{"compressed nonsense", file(element(miCOMPRESSED, []byte("no zlib here"))), "zlib"},
		{"compressed with more behind", file(compressed(append(bytes.Clone(good), "more"...))), "more data"},
		{"cells that promise more than inflates", file(compressed(lie(matrix("c", uint32(Cell), []int32{1, 1 << 18}, bomb[:64]), 4, 1<<21))), "found"},
		{"level 4: VAX numbers", level4(2000, 1, 1, 0, 2, "x\x00"), "VAX or Cray"},
		{"level 4: huge", level4(0, math.MaxInt32, math.MaxInt32, 0, 2, "x\x00"), "2147483647x2147483647"},
		{"level 4: negative", level4(0, -1, 1, 0, 2, "x\x00"), "-1 rows"},
		{"level 4: endless name", level4(0, 1, 1, 0, math.MaxInt32, "x\x00"), "a name of 2147483647 bytes"},
		{"level 4: sparse shape", level4(2, 1, 3, 0, 2, "x\x00"+string(doubles(1e300, 1, 0))), "1e+300 rows"},
		{"level 4: sparse outside", level4(2, 2, 3, 0, 2, "x\x00"+string(doubles(9, 3, 1, 3, 5, 0))), "row 9, column 1"},
		{"level 4: text of odd codes", level4(1, 1, 1, 0, 2, "x\x00"+string(doubles(-5))), "character code -5"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var err error
			bytes := allocated(func() { _, err = readBytes(c.content) })
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Fatalf("error %v, want a *recording.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) || own.Path != "test.mat" {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if limit := uint64(1<<20 + 40*len(c.content)); bytes > limit {
				t.Errorf("%d bytes allocated for a file of %d", bytes, len(c.content))
			}
		})
	}
}

// TestBomb inflates a megabyte of zeros out of a kilobyte: what really is there may be read, and costs about what it is.
func TestBomb(t *testing.T) {
	const n = 1 << 20
	content := file(compressed(matrix("x", uint32(Uint8), []int32{1, n}, element(miUINT8, make([]byte, n)))))
	var got []*Value
	var err error
	bytes := allocated(func() { got, err = readBytes(content) })
	if err != nil || got[0].Len() != n {
		t.Fatal(got, err)
	}
	if bytes > 4*n {
		t.Errorf("%d bytes allocated to read %d", bytes, n)
	}
}

// TestTruncated cuts sound files at every byte.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"made-plain.mat", "made-compressed.mat", "made-level4.mat"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		f, err := NewFile(bytes.NewReader(whole), int64(len(whole)), name)
		if err != nil {
			t.Fatal(err)
		}
		// Cut between two variables, what is left is a sound file with fewer of them.
		vars := map[int]int{}
		if f.Header.Level == 5 {
			vars[headerSize] = 0
		}
		for i, v := range f.Variables() {
			vars[int(v.Offset+v.Bytes)] = i + 1
		}
		for cut := range whole {
			got, err := readBytes(whole[:cut])
			if n, sound := vars[cut]; sound {
				if err != nil || len(got) != n {
					t.Errorf("%s cut to %d bytes: %d variables, %v; want %d", name, cut, len(got), err, n)
				}
				continue
			}
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Errorf("%s cut to %d bytes: error %v, want a *recording.Error", name, cut, err)
			}
		}
	}
}

// TestDamaged turns over every bit of the first kilobyte in turn: content or an error, and nothing else.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"made-plain.mat", "made-compressed.mat", "made-level4.mat"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		for bit := range 8 * min(len(whole), 1024) {
			whole[bit/8] ^= 1 << (bit % 8)
			if _, err := readBytes(whole); err != nil {
				failed++
				var own *recording.Error
				if !errors.As(err, &own) {
					t.Errorf("%s, bit %d: %v is not a *recording.Error", name, bit, err)
				}
			}
			whole[bit/8] ^= 1 << (bit % 8)
		}
		if failed == 0 {
			t.Errorf("%s: no damage was noticed", name)
		}
	}
}

func TestAccessErrors(t *testing.T) {
	f, err := Open("testdata/made-plain.mat")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	value := func(name string) *Value {
		v, err := f.Value(name)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	cases := []struct {
		name string
		call func() error
		want string
	}{
		{"no variable", func() error { _, err := f.Array("y"); return err }, `a variable "y"; it holds x, single`},
		{"text as numbers", func() error { _, err := f.Array("text"); return err }, `variable "text": found 1x10 char, expected numbers; use Text or Rows`},
		{"struct as numbers", func() error { _, err := f.Array("info"); return err }, "use Field; it has rate, clab, deep"},
		{"sparse as numbers", func() error { _, err := f.Array("sparse"); return err }, "use Sparse"},
		{"numbers as text", func() error { _, err := value("x").Text(); return err }, "found 4x3x2 double, expected text"},
		{"rows as text", func() error { _, err := value("rows").Text(); return err }, "use Rows"},
		{"no field", func() error { _, err := value("info").Field("x"); return err }, "its fields are rate, clab, deep"},
		{"field of many", func() error { _, err := value("many").Field("v"); return err }, `use Fields("v")`},
		{"field of a cell", func() error { _, err := value("names").Field("v"); return err }, "expected a struct"},
		{"scalar of many", func() error { _, err := value("x").Scalar(); return err }, "a single number"},
		{"real of complex", func() error { _, err := value("z").Float64s(); return err }, "take the real part"},
		{"dense as sparse", func() error { _, err := value("x").Sparse(); return err }, "a sparse matrix"},
		{"strings of numbers", func() error { _, err := value("info").Strings(); return err }, "a list of text"},
	}
	for _, c := range cases {
		if err := c.call(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"made-plain.mat", "made-compressed.mat", "made-level4.mat", "made-73.mat"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	x := element(miDOUBLE, doubles(1, 2, 3))
	f.Add(file(matrix("c", uint32(Cell), []int32{1, 2}, matrix("", uint32(Double), []int32{1, 3}, x), element(miMATRIX, nil))))
	f.Add(file(compressed(matrix("o", uint32(Opaque), []int32{1, 1}))))
	f.Fuzz(func(t *testing.T, content []byte) {
		values, err := readBytes(content)
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		}
		for _, v := range values {
			check(t, v)
		}
	})
}

// check holds a value against its own shape.
func check(t *testing.T, v *Value) {
	if v.data != nil && v.data.Len() != v.Len() {
		t.Fatalf("%d numbers in shape %v", v.data.Len(), v.Dims)
	}
	if v.Class == Char && len(v.chars) != v.Len() {
		t.Fatalf("%d characters in shape %v", len(v.chars), v.Dims)
	}
	if rows, err := v.Rows(); err == nil && v.Len() > 0 && len(rows) != v.Dims[0] {
		t.Fatalf("%d rows in shape %v", len(rows), v.Dims)
	}
	if s, err := v.Sparse(); err == nil && s.Dims[0]*s.Dims[1] < 1<<20 {
		if _, err := s.Dense(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range v.FieldNames() {
		if _, err := v.Fields(name); err != nil {
			t.Fatal(err)
		}
	}
	v.Strings()
	v.item(0)
	for _, c := range append(v.Cells, v.fields...) {
		check(t, c)
	}
}

// BenchmarkDouble reads 64 MB of uncompressed float64 from a file.
func BenchmarkDouble(b *testing.B) {
	const n = 8 << 20
	path := filepath.Join(b.TempDir(), "big.mat")
	content := file(matrix("x", uint32(Double), []int32{n, 1}, element(miDOUBLE, make([]byte, 8*n))))
	if err := os.WriteFile(path, content, 0o644); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(8 * n)
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Array("x"); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

// BenchmarkCompressed reads the same amount of noise, which zlib makes little of.
func BenchmarkCompressed(b *testing.B) {
	const n = 1 << 20
	data := make([]byte, 0, 8*n)
	for i := range n {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(math.Sin(float64(i)*1e3)))
	}
	content := file(compressed(matrix("x", uint32(Double), []int32{n, 1}, element(miDOUBLE, data))))
	b.SetBytes(8 * n)
	for b.Loop() {
		if _, err := readBytes(content); err != nil {
			b.Fatal(err)
		}
	}
}

func Example() {
	f, err := Open("testdata/made-compressed.mat")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for _, v := range f.Variables()[:3] {
		fmt.Println(v.Name, v.Class, v.Dims)
	}
	x, err := f.Array("int8")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.Data)
	info, err := f.Value("info")
	if err != nil {
		fmt.Println(err)
		return
	}
	clab, err := info.Field("clab")
	if err != nil {
		fmt.Println(err)
		return
	}
	names, err := clab.Strings()
	fmt.Println(names, err)
	_, err = f.Array("text")
	fmt.Println(err)
	// Output:
	// x double [4 3 2]
	// single single [3 2]
	// int8 int8 [1 2]
	// [-128 127]
	// [C3 Cz C4] <nil>
	// testdata/made-compressed.mat: variable "text": found 1x10 char, expected numbers; use Text or Rows
}
