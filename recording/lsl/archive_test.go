package lsl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

// archives is what testdata/archive.py recorded of liblsl's protocol 1.00.
type archives struct {
	Info, Request []byte
	Feeds         []archivedFeed
}

type archivedFeed struct {
	Format                string
	Info, Request, Stream []byte
	One                   []any
	Chunk                 [][]any
}

func loadArchives(t testing.TB) archives {
	t.Helper()
	text, err := os.ReadFile("testdata/archive.json")
	if err != nil {
		t.Fatal(err)
	}
	var g archives
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestArchives reads feeds of protocol 1.00 as liblsl sends them, and writes them: the same bytes behind the info.
func TestArchives(t *testing.T) {
	g := loadArchives(t)
	for _, f := range g.Feeds {
		t.Run(f.Format, func(t *testing.T) {
			info, err := ParseInfo(f.Info)
			if err != nil || info.Version != 100 {
				t.Fatalf("version %d, %v", info.Version, err)
			}
			in := bufio.NewReader(bytes.NewReader(f.Stream))
			d, err := readFeed(in, info)
			if err != nil {
				t.Fatal(err)
			}
			begin := 2000.5 - float64(len(f.Chunk)-1)/100
			ours := []byte{0, 0}
			for _, offset := range []int{4, 2} {
				ours = archive.append(ours, patternTime, false, testPattern(info.Format, 3, offset))
			}
			for i, values := range append([][]any{f.One}, f.Chunk...) {
				want := typed(info.Format, values)
				time, deduced := begin, i > 1
				if i == 0 {
					time = 1000.25
				}
				got, at, no, err := d.next(emptyOf(info.Format))
				if err != nil {
					t.Fatal(err)
				}
				if !same(got, want) || no != deduced || !deduced && math.Abs(at-time) > 1e-9 {
					t.Errorf("sample %d: %v at %g (deduced %v), want %v at %g", i, got, at, no, want, time)
				}
				ours = archive.append(ours, time, deduced, want)
			}
			if _, _, _, err := d.next(emptyOf(info.Format)); err != io.EOF {
				t.Errorf("after the last sample: %v", err)
			}
			if !bytes.HasSuffix(f.Stream, ours) {
				t.Errorf("ours   % x\nliblsl % x", ours, f.Stream[len(f.Stream)-len(ours):])
			}
			if head := appendText([]byte{archiveMagic, 1, archiveVersion}, string(f.Stream[6:len(f.Stream)-len(ours)])); !bytes.HasPrefix(f.Stream, head) {
				t.Errorf("the head is % x, liblsl's % x", head[:8], f.Stream[:8])
			}
		})
	}
	info, err := ParseInfo(g.Info)
	if err != nil || string(request(info, 36000)) != string(g.Request) {
		t.Errorf("we ask %q, liblsl %q: %v", request(info, 36000), g.Request, err)
	}
}

// TestArchivedFeed lets an inlet read an outlet by protocol 1.00, every format and its extremes.
func TestArchivedFeed(t *testing.T) {
	for _, data := range []any{
		[]float32{1, -2.5, float32(math.Inf(-1)), 4, 0, 1e-42}, []float64{1, -2, math.Pi, 4, 0, math.SmallestNonzeroFloat64},
		[]int8{1, -1, 127, -128, 0, 6}, []int16{255, -256, 32767, -32768, 0, 6}, []int32{1, -65536, math.MaxInt32, math.MinInt32, 0, 6},
		[]int64{1, -2, math.MaxInt64, math.MinInt64, 0, 6}, []string{"", "a", strings.Repeat("ä", 300), "left", "right", "\x00"},
	} {
		format, _, err := formatOf(data)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(format.String(), func(t *testing.T) {
			n := alone(t)
			out := offer(t, n, Info{Name: "old", Type: "EEG", Channels: 3, Rate: 100, Format: format, SourceID: "x"}, OutletOptions{})
			found, err := n.Find(t.Context(), "name='old'", 1)
			if err != nil {
				t.Fatal(err)
			}
			found[0].Version = archiveProtocol // so that the inlet asks as for an old outlet
			in, err := Open(t.Context(), n, found[0], InletOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			modern := attach(t, n, "name='old'", InletOptions{})
			for out.Readers() < 2 {
				waitReader(t, out)
				runtime.Gosched()
			}
			if err := out.Push(data, 50); err != nil {
				t.Fatal(err)
			}
			for which, i := range []*Inlet{in, modern} {
				got := pull(t, i, 2)
				if !same(got.Data, data) || math.Abs(got.Times[0]-49.99) > 1e-9 || math.Abs(got.Times[1]-50) > 1e-9 {
					t.Errorf("inlet %d got %v at %v, want %v", which, got.Data, got.Times, data)
				}
			}
		})
	}
}

// TestBadArchives cuts an archive off at every byte, and lies about what it holds.
func TestBadArchives(t *testing.T) {
	for _, f := range loadArchives(t).Feeds {
		info, err := ParseInfo(f.Info)
		if err != nil {
			t.Fatal(err)
		}
		for n := range f.Stream {
			in := bufio.NewReader(bytes.NewReader(f.Stream[:n]))
			d, err := readFeed(in, info)
			for err == nil {
				_, _, _, err = d.next(emptyOf(info.Format))
			}
			if n == 0 && err != io.EOF || n > 0 && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s, cut off after %d bytes: %v", f.Format, n, err)
			}
		}
	}
	feeds := loadArchives(t).Feeds
	f := feeds[slices.IndexFunc(feeds, func(f archivedFeed) bool { return f.Format == "string" })]
	info, err := ParseInfo(f.Info)
	if err != nil {
		t.Fatal(err)
	}
	behind := bytes.Index(f.Stream, []byte("</info>\n")) + len("</info>\n")
	with := func(at int, b ...byte) []byte {
		return append(append(slices.Clone(f.Stream[:at]), b...), f.Stream[at:]...)
	}
	other := *info
	other.UID = "another"
	for name, c := range map[string]struct {
		stream []byte
		info   *Info
		says   string
	}{
		"magic":          {append([]byte{'L'}, f.Stream[1:]...), info, "first byte of the archive"},
		"long version":   {append([]byte{archiveMagic, 5}, f.Stream[2:]...), info, "version of the archive"},
		"long info":      {append([]byte{archiveMagic, 1, 9, 4, 0xff, 0xff, 0xff, 0x7f}, f.Stream[5:]...), info, "length of the stream info"},
		"negative info":  {append([]byte{archiveMagic, 1, 9, 0xff, 0x80}, f.Stream[5:]...), info, "length of the stream info"},
		"class":          {with(behind, 1, 1), info, "class of the samples"},
		"another stream": {f.Stream, &other, "another stream may be in the place"},
		"tag":            {with(behind+2, 1, 3), info, "tag of a sample"},
		"wide time":      {with(behind+2, 1, 2, 9), info, "time of a sample"},
		"huge text":      {with(behind+2, 1, 2, 0, 4, 0xff, 0xff, 0xff, 0x7f), info, "length of a string"},
		"test sample":    {with(behind+2, 1, 2, 0, 0, 0, 0), info, "test sample"},
	} {
		var e *recording.Error
		if _, err := readFeed(bufio.NewReader(bytes.NewReader(c.stream)), c.info); !errors.As(err, &e) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func FuzzArchive(f *testing.F) {
	for _, g := range loadArchives(f).Feeds {
		format, _ := parseFormat(g.Format)
		f.Add(uint8(format-1), g.Stream[bytes.Index(g.Stream, []byte("</info>\n"))+len("</info>\n")+2:])
	}
	f.Fuzz(func(t *testing.T, format uint8, stream []byte) {
		kind := Format(format%7) + 1
		a := &archived{r: bufio.NewReader(bytes.NewReader(stream)), format: kind, channels: 3}
		var again []byte
		var all []string
		for {
			values, at, deduced, err := a.next(emptyOf(kind))
			if err != nil {
				break
			}
			all = append(all, fmt.Sprint(values, at == at, deduced))
			again = archive.append(again, at, deduced, values)
		}
		a = &archived{r: bufio.NewReader(bytes.NewReader(again)), format: kind, channels: 3}
		for _, want := range all {
			values, at, deduced, err := a.next(emptyOf(kind))
			if got := strings.ReplaceAll(fmt.Sprint(values, at == at, deduced), "-0", "0"); err != nil || got != strings.ReplaceAll(want, "-0", "0") {
				t.Fatalf("written and read again: %s, was %s: %v", got, want, err)
			}
		}
	})
}
