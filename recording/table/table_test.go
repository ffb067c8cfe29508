package table

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

func read(o Options, text string) (*Table, error) {
	r, err := o.NewReader(strings.NewReader(text), "test.csv")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.ReadAll()
}

// show writes a table the way the tests below state it: columns as name/kind, then the cells of each row.
func show(t *Table) string {
	var b strings.Builder
	for i, c := range t.Columns {
		fmt.Fprintf(&b, "%s/%s ", c.Name, c.Kind)
		for r := range t.Rows {
			switch c.Kind {
			case Number:
				fmt.Fprintf(&b, "%g ", t.numbers[i][r])
			case Time:
				fmt.Fprintf(&b, "%s ", t.times[i][r].Format("060102T150405"))
			case Text:
				fmt.Fprintf(&b, "%q ", t.texts[i][r])
			}
		}
	}
	return strings.TrimSpace(b.String())
}

func TestTables(t *testing.T) {
	cases := []struct {
		name, text, want string
	}{
		{"header", "time,rate\n0,5\n1,6\n", "time/number 0 1 rate/number 5 6"},
		{"no header", "0,5\n1,6\n", "column 1/number 0 1 column 2/number 5 6"},
		{"tabs, CRLF, byte order mark", "\ufefft\tx\r\n1\t2\r\n", "t/number 1 x/number 2"},
		{"semicolons beat commas inside", "a;b\n\"1,2\";3\n\"4,5\";6\n", `a/text "1,2" "4,5" b/number 3 6`},
		{"bars", "a|b\n1|2\n", "a/number 1 b/number 2"},
		{"blanks", "  a   b\n 1.5   2\n-3\t4\n", "a/number 1.5 -3 b/number 2 4"},
		{"one column", "5\n6\n7\n", "column 1/number 5 6 7"},
		{"one column with a title", "[C3-A1]\n5\n6\n", "[C3-A1]/number 5 6"},
		{"title above two columns", "[spindles/C3]\n5\t1\n6\t2\n", "column 1/number 5 6 column 2/number 1 2"},
		{"no newline at the end", "a,b\n1,2", "a/number 1 b/number 2"},
		{"quotes", "name,x\n\"a \"\"b\"\", c\",1\n\"two\nlines\",2\n", `name/text "a \"b\", c" "two\nlines" x/number 1 2`},
		{"gaps", "a,b,c\n1,,x\nNA,2,\nnan,NULL,y\n", `a/number 1 NaN NaN b/number NaN 2 NaN c/text "x" "" "y"`},
		{"column of gaps", "a,b\n1,\n2,\n", "a/number 1 2 b/number NaN NaN"},
		{"infinities", "a\n1\n-inf\n+Inf\n", "a/number 1 -Inf +Inf"},
		{"hexadecimal is text", "a,b\n1,0x10\n2,1_000\n", `a/number 1 2 b/text "0x10" "1_000"`},
		{"times", "timestamp,value\n2014-07-01 00:00:00,10844\n2014-07-01 00:30:00,8127\n", "timestamp/time 140701T000000 140701T003000 value/number 10844 8127"},
		{"ISO times", "t,v\n2014-07-01T12:00:00.250Z,1\n,2\n", "t/time 140701T120000 010101T000000 v/number 1 2"},
		{"month first", "t,v\n7/2/10 0:00,1\n7/13/10 1:00,2\n", "t/time 100702T000000 100713T010000 v/number 1 2"},
		{"day first", "t,v\n13/07/2010,1\n14/07/2010,2\n", "t/time 100713T000000 100714T000000 v/number 1 2"},
		{"day first because time goes on", "t,v\n11/01/2010,1\n12/01/2010,2\n01/02/2010,3\n", "t/time 100111T000000 100112T000000 100201T000000 v/number 1 2 3"},
		{"three header rows of Numenta", "timestamp,kw,note\ndatetime,float,string\nT,,\n7/2/10 0:00,21.2,5\n7/2/10 1:00,16.4,6\n",
			`timestamp/time 100702T000000 100702T010000 kw/number 21.2 16.4 note/text "5" "6"`},
		{"header rows with numbers in them", "network,1,1\nnode,1,2\nhemi,lh,rh\n,,\n0,56.5,92.1\n1,55,91\n2,54,90\n3,53,89\n",
			"network/number 0 1 2 3 1/number 56.5 55 54 53 1/number 92.1 91 90 89"},
		{"text only", "subject,group\ns1,a\ns2,b\n", `subject/text "s1" "s2" group/text "a" "b"`},
		{"header only in name", "a,a\n1,2\n", "a/number 1 a/number 2"},
		{"single row", "1,2,3\n", "column 1/number 1 column 2/number 2 column 3/number 3"},
		{"first column unnamed", ",x,y\ns1,1,2\ns2,3,4\n", `column 1/text "s1" "s2" x/number 1 3 y/number 2 4`},
	}
	for _, c := range cases {
		got, err := read(Options{}, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if show(got) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, show(got), c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	zone := time.FixedZone("east", 3600)
	got, err := read(Options{Separator: ';', HeaderRows: -1, Kinds: map[string]Kind{"column 2": Text}, Location: zone}, "2014-07-01 00:00,1;7\n2014-07-01 00:30,2;8\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := `column 1/text "2014-07-01 00:00,1" "2014-07-01 00:30,2" column 2/text "7" "8"`; show(got) != want {
		t.Errorf("got %s, want %s", show(got), want)
	}
	got, err = read(Options{Location: zone}, "t\n2014-07-01 00:00\n2014-07-01 00:30\n")
	if err != nil {
		t.Fatal(err)
	}
	times, err := got.Times("t")
	if err != nil || !times[0].Equal(time.Date(2014, 6, 30, 23, 0, 0, 0, time.UTC)) {
		t.Errorf("times %v, %v", times, err)
	}
	got, err = read(Options{HeaderRows: 2}, "1,2\n3,4\n5,6\n")
	if err != nil || show(got) != "1/number 5 2/number 6" || got.Columns[1].Header[1] != "4" {
		t.Errorf("%s, %v", show(got), err)
	}
}

// long is a table whose row n holds a bad cell, far behind the sample.
func long(rows, bad int, cell string) string {
	var b strings.Builder
	b.WriteString("t,x\n")
	for i := range rows {
		if i == bad {
			fmt.Fprintf(&b, "%d,%s\n", i, cell)
		} else {
			fmt.Fprintf(&b, "%d,0.5\n", i)
		}
	}
	return b.String()
}

func TestErrors(t *testing.T) {
	cases := []struct {
		name, text, want string
	}{
		{"nothing", "", "found nothing, expected a table"},
		{"blank lines", "\n \n\r\n", "found nothing"},
		{"text in numbers", long(5000, 4000, "oops"), `test.csv: line 4002, column 2 (x): found "oops", expected a number`},
		{"text in a few numbers", "a,b\n1,2\n3,x\n5,6\n7,8\n9,10\n", `line 3, column 2 (b): found "x", expected a number`},
		{"bad first row without header", "1,x\n2,3\n4,5\n", `line 1, column 2 (column 2): found "x", expected a number`},
		{"decimal comma", "a;b\n1;2\n2;3,5\n3;4\n4;5\n5;6\n", "write decimals with a point"},
		{"number too large", long(5000, 4000, "1e999"), `found "1e999"`},
		{"row too short", "a,b\n1,2\n3\n5,6\n", "line 3: found 1 columns, expected 2"},
		{"row too long, late", long(5000, 4000, "1,2"), "line 4002: found 3 columns, expected 2"},
		{"header too short", "a,b\n1,2,3\n4,5,6\n", "line 1: found 2 columns in the header, expected 3"},
		{"open quote", "a,b\n1,\"2\n3,4\n", "one that is never closed"},
		{"stray quote", "a,b\n1,2\"2\n3,4\n", `found a " inside an unquoted cell`},
		{"zero byte", "a,b\n1,\x002\n", "line 2: found a zero byte"},
		{"Latin-1", "a,b\ncaf\xe9,2\n3,4\n", "line 2: found bytes that are not UTF-8"},
		{"UTF-16", "\xff\xfea\x00,\x00b\x00", "UTF-16"},
		{"another time", "t,v\n2014-07-01 00:00:00,1\n2014-07-01 00:30:00,2\n" + strings.Repeat("2014-07-01 01:00:00,3\n", 2000) + "yesterday,4\n",
			`line 2004, column 1 (t): found "yesterday", expected a time written like "2006-01-02 15:04:05"`},
	}
	for _, c := range cases {
		_, err := read(Options{}, c.text)
		var own *recording.Error
		if !errors.As(err, &own) {
			t.Errorf("%s: error %v, want a *recording.Error", c.name, err)
		} else if !strings.Contains(err.Error(), c.want) || own.Path != "test.csv" {
			t.Errorf("%s: error %q does not say %q", c.name, err, c.want)
		}
	}
	good, err := read(Options{}, "a,a,name\n1,2,x\n3,4,y\n")
	if err != nil {
		t.Fatal(err)
	}
	for want, call := range map[string]func() error{
		`a column "b"; it has a, a, name`:   func() error { _, err := good.Numbers("b"); return err },
		`several columns called "a"`:        func() error { _, err := good.Numbers("a"); return err },
		"found text cells, expected number": func() error { _, err := good.Numbers("name"); return err },
		"found text cells, expected time":   func() error { _, err := good.Times("name"); return err },
		"cells that are not times":          func() error { _, err := read(Options{Kinds: map[string]Kind{"x": Time}}, "x\na\nb\n"); return err },
		"found 1 rows, expected 9 rows of":  func() error { _, err := read(Options{HeaderRows: 9}, "x\n"); return err },
		`found "x", expected a number; corr`: func() error {
			_, err := read(Options{Kinds: map[string]Kind{"name": Number}}, "name,v\nx,1\ny,2\n")
			return err
		},
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func zipped(t testing.TB, text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGzip(t *testing.T) {
	text := long(3000, -1, "")
	whole := zipped(t, text)
	r, err := NewReader(bytes.NewReader(whole), "test.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.ReadAll()
	if err != nil || got.Rows != 3000 {
		t.Errorf("%d rows, %v", got.Rows, err)
	}
	for cut := range whole {
		r, err := NewReader(bytes.NewReader(whole[:cut]), "test.csv.gz")
		if err == nil {
			_, err = r.ReadAll()
		}
		var own *recording.Error
		if !errors.As(err, &own) && cut > 1 { // one byte is a table of one cell, if an odd one
			t.Errorf("cut to %d bytes: error %v, want a *recording.Error", cut, err)
		}
	}
}

// TestStreams reads a table much larger than the memory it may take.
func TestStreams(t *testing.T) {
	const rows = 400_000
	pr, pw := io.Pipe()
	go func() {
		w := &strings.Builder{}
		for i := range rows {
			fmt.Fprintf(w, "%d,%d.25,abc\n", i, i%100)
			if w.Len() > 1<<16 || i == rows-1 {
				if _, err := io.WriteString(pw, w.String()); err != nil {
					return
				}
				w.Reset()
			}
		}
		pw.Close()
	}()
	r, err := NewReader(pr, "pipe")
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0
	var peak, start runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&start)
	for r.Next() {
		sum += r.Number(1)
		if n++; n == rows-1 {
			runtime.GC()
			runtime.ReadMemStats(&peak)
		}
	}
	if want := float64(rows) * 49.75; r.Err() != nil || n != rows || sum != want {
		t.Errorf("%d rows, sum %g, %v; want %d rows, sum %g", n, sum, r.Err(), rows, want)
	}
	if grown := int64(peak.HeapAlloc) - int64(start.HeapAlloc); grown > 4<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

// TestBomb refuses a line that never ends, compressed or not, before it fills memory.
func TestBomb(t *testing.T) {
	for name, text := range map[string][]byte{
		"plain":      []byte("a,b\n1,2\n" + strings.Repeat("1", 2*MaxLine)),
		"compressed": zipped(t, "a,b\n1,2\n"+strings.Repeat("1", 2*MaxLine)),
		"quoted":     zipped(t, "a b\n1 2\n"+strings.Repeat("1", 2*MaxLine)),
	} {
		r, err := NewReader(bytes.NewReader(text), name)
		if err == nil {
			_, err = r.ReadAll()
		}
		if err == nil || !strings.Contains(err.Error(), "a line of more than") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if n, err := io.Copy(io.Discard, &bounded{r: zeros{}, left: 1 << 20}); n != 1<<20 || !errors.Is(err, errTooLarge) {
		t.Errorf("a bounded stream gave %d bytes, %v", n, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestRoundTrip writes random numbers in random dress and reads them back.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		rows, cols := 1+rng.IntN(40), 1+rng.IntN(6)
		sep := ",\t;|"[rng.IntN(4):][:1]
		end := []string{"\n", "\r\n"}[rng.IntN(2)]
		var b strings.Builder
		if rng.IntN(2) == 0 {
			b.WriteString("\ufeff")
		}
		for c := range cols {
			if c > 0 {
				b.WriteString(sep)
			}
			fmt.Fprintf(&b, "name %d", c)
		}
		b.WriteString(end)
		want := make([]float64, rows*cols)
		for i := range want {
			want[i] = math.Float64frombits(rng.Uint64())
			if math.IsNaN(want[i]) || i%11 == 10 {
				want[i] = math.NaN()
			}
			cell := fmt.Sprint(want[i])
			if rng.IntN(3) == 0 {
				cell = `"` + cell + `"`
			}
			b.WriteString(cell)
			if i%cols == cols-1 {
				b.WriteString(end)
			} else {
				b.WriteString(sep)
			}
		}
		got, err := read(Options{}, b.String())
		if err != nil {
			t.Fatalf("%v in\n%s", err, b.String())
		}
		a, names := got.Matrix()
		x, err := a.Float64s()
		if err != nil || len(names) != cols || fmt.Sprint(x) != fmt.Sprint(want) {
			t.Fatalf("%v, %v; want %v in\n%s", x, err, want, b.String())
		}
	}
}

// TestRealTables reads the series of GYRUS_DATA. Sums and row counts come from awk.
func TestRealTables(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	for _, c := range []struct {
		path, column string
		header, rows int
		sum          float64
		rate         float64
		start        string
	}{
		{"series/nyc_taxi.csv", "value", 1, 10320, 156219716, 1.0 / 1800, "2014-07-01T00:00:00Z"},
		{"series/nyc-taxi-long/nyc_taxi.csv.gz", "passenger_count", 3, 17520, 264125792, 1.0 / 1800, "2014-07-01T00:00:00Z"},
		{"series/rec-center-hourly/rec-center-hourly.csv", "kw_energy_consumption", 3, 4391, 137459.3, 1.0 / 3600, "2010-07-02T00:00:00Z"},
		{"series/nab/realTraffic/speed_7578.csv", "value", 1, 1127, 72183, 0, "2015-09-08T11:39:00Z"},
	} {
		path := filepath.Join(data, filepath.FromSlash(c.path))
		got, err := ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		x, err := got.Numbers(c.column)
		if err != nil {
			t.Error(err)
			continue
		}
		sum := 0.0
		for _, v := range x {
			sum += v
		}
		if got.Header != c.header || got.Rows != c.rows || math.Abs(sum-c.sum) > 1e-9*c.sum {
			t.Errorf("%s: %d header rows, %d rows, sum %.10g; want %d, %d, %.10g", c.path, got.Header, got.Rows, sum, c.header, c.rows, c.sum)
		}
		r, err := recording.Open(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if math.Abs(r.Rate-c.rate) > 1e-12 || r.Start.Format(time.RFC3339) != c.start || r.Frames != int64(c.rows) {
			t.Errorf("%s: rate %g, start %v, %d frames", c.path, r.Rate, r.Start, r.Frames)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"timestamp,value\n2014-07-01 00:00:00,10844\n2014-07-01 00:30:00,8127\n", "a;b\n1;\"x;\n\"\n", "timestamp,kw\ndatetime,float\nT,\n7/2/10 0:00,21.2\n",
		"#1\t#2\r\n1.5\tNaN\r\n", " 1 2\n 3 4\n", "\ufeffa|b\n1|2", "network,1\nnode,1\n,\n0,5\n1,6\n", "\x1f\x8b\x08\x00",
	} {
		f.Add([]byte(s))
	}
	f.Add(zipped(f, "a,b\n1,2\n3,4\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := NewReader(bytes.NewReader(content), "fuzz")
		var got *Table
		if err == nil {
			got, err = r.ReadAll()
		}
		var own *recording.Error
		if err != nil {
			if !errors.As(err, &own) || own.Path != "fuzz" {
				t.Fatalf("%v is not a *recording.Error", err)
			}
			return
		}
		for i := range got.Columns {
			if n := len(got.numbers[i]) + len(got.times[i]) + len(got.texts[i]); n != got.Rows {
				t.Fatalf("column %d has %d cells in %d rows", i, n, got.Rows)
			}
		}
		a, _ := got.Matrix()
		if n, err := recording.Count(a.Dims); err != nil || n != a.Len() {
			t.Fatalf("%d numbers in shape %v", a.Len(), a.Dims)
		}
	})
}

// BenchmarkRead streams a table of a time and three numbers.
func BenchmarkRead(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("timestamp,x,y,z\n")
	at := time.Date(2014, 7, 1, 0, 0, 0, 0, time.UTC)
	for i := range 50_000 {
		fmt.Fprintf(&text, "%s,%d,%.6f,%g\n", at.Add(time.Duration(i)*time.Minute).Format("2006-01-02 15:04:05"), i, math.Sin(float64(i)), float64(i)/7)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(text.Bytes()), "bench")
		if err != nil {
			b.Fatal(err)
		}
		for r.Next() {
		}
		if r.Err() != nil {
			b.Fatal(r.Err())
		}
	}
}

func ExampleReader() {
	text := "timestamp,value\n2014-07-01 00:00:00,10844\n2014-07-01 00:30:00,\n2014-07-01 01:00:00,6210\n"
	r, err := NewReader(strings.NewReader(text), "taxi.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	when, err := r.Find("timestamp", Time)
	if err != nil {
		fmt.Println(err)
		return
	}
	riders, err := r.Find("value", Number)
	if err != nil {
		fmt.Println(err)
		return
	}
	for r.Next() {
		fmt.Println(r.Time(when).Format("15:04"), r.Number(riders))
	}
	fmt.Println(r.Err())
	// Output:
	// 00:00 10844
	// 00:30 NaN
	// 01:00 6210
	// <nil>
}

func ExampleReadFile() {
	t, err := ReadFile("testdata/sessions.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	rate, err := t.Numbers("rate")
	fmt.Println(rate, err)
	_, err = t.Numbers("subject")
	fmt.Println(err)
	// Output:
	// [12.5 NaN 8] <nil>
	// testdata/sessions.csv: column "subject": found text cells, expected number cells
}
