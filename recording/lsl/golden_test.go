package lsl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// golden is what testdata/golden.py recorded of liblsl.
type golden struct {
	Feeds []struct {
		Format                                 string
		Order                                  int
		Query                                  string
		Request, Short, Full, Timedata, Stream []byte
		One                                    []any
		Chunk                                  [][]any
	}
	Requests []struct {
		Format        string
		Info, Request []byte
	}
}

func loadGolden(t testing.TB) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// typed converts JSON values to a slice of the format's type.
func typed(f Format, values []any) any {
	out := emptyOf(f)
	for _, v := range values {
		n, _ := v.(float64)
		switch o := out.(type) {
		case []float32:
			out = append(o, float32(n))
		case []float64:
			out = append(o, n)
		case []int32:
			out = append(o, int32(n))
		case []int16:
			out = append(o, int16(n))
		case []int8:
			out = append(o, int8(n))
		case []int64:
			out = append(o, int64(n))
		case []string:
			out = append(o, v.(string))
		}
	}
	return out
}

// TestReadsLiblsl reads infos and feeds as liblsl's outlets send them, in both byte orders.
func TestReadsLiblsl(t *testing.T) {
	for _, f := range loadGolden(t).Feeds {
		t.Run(fmt.Sprint(f.Format, " ", f.Order), func(t *testing.T) {
			info, ok := readReply(f.Short, "12345")
			if !ok {
				t.Fatalf("short info was not understood:\n%s", f.Short)
			}
			full, err := ParseInfo(f.Full)
			if err != nil {
				t.Fatal(err)
			}
			if info.Desc != nil || info.UID != full.UID || full.Rate != 100 || full.Version != 110 || full.SourceID != "source & <"+f.Format+">" {
				t.Errorf("short %+v\nfull %+v", info, full)
			}
			if got := strings.Join(full.Labels(), " "); got != "C3 Cz Ö4" {
				t.Errorf("labels %q", got)
			}
			if got := full.Desc.Value("manufacturer"); got != "Gyrus & sons" {
				t.Errorf("manufacturer %q", got)
			}
			q, err := parseQuery(f.Query)
			if err != nil || !q.matches(full.element(true)) {
				t.Errorf("query %s does not match: %v", f.Query, err)
			}
			if _, _, ok := readProbe(string(f.Timedata), "77", Now()); !ok {
				t.Errorf("answer to a question of time not understood: %q", f.Timedata)
			}

			d, err := readFeed(bufio.NewReader(bytes.NewReader(f.Stream)), full)
			if err != nil {
				t.Fatal(err)
			}
			want := []any{typed(full.Format, f.One)}
			for _, c := range f.Chunk {
				want = append(want, typed(full.Format, c))
			}
			begin := 2000.5 - float64(len(f.Chunk)-1)/100
			times := []float64{1000.25, begin, math.NaN(), math.NaN()}
			for i, w := range want {
				got, at, deduced, err := d.next(emptyOf(full.Format))
				if err != nil {
					t.Fatal(err)
				}
				if !same(got, w) || deduced != math.IsNaN(times[i]) || !deduced && math.Abs(at-times[i]) > 1e-9 {
					t.Errorf("sample %d: %v at %g (deduced %v), want %v at %g", i, got, at, deduced, w, times[i])
				}
			}
			if _, _, _, err := d.next(emptyOf(full.Format)); err != io.EOF {
				t.Errorf("after the last sample: %v", err)
			}
		})
	}
}

// TestAnswersAsLiblsl gives an outlet the requests that liblsl's outlet got, and compares every byte of the answers but the identifier.
func TestAnswersAsLiblsl(t *testing.T) {
	for _, f := range loadGolden(t).Feeds {
		theirs, err := ParseInfo(f.Full)
		if err != nil {
			t.Fatal(err)
		}
		o := &Outlet{info: theirs, query: theirs.element(true), short: theirs.XML(false)}
		in := bufio.NewReader(bytes.NewReader(f.Request))
		line, err := readLine(in)
		if err != nil {
			t.Fatal(err)
		}
		a, refusal := o.agree(in, strings.TrimPrefix(line, "LSL:streamfeed/"))
		if refusal != "" {
			t.Fatalf("%s: refused: %s", f.Format, refusal)
		}
		got := a.reply
		push := func(time float64, deduced bool, data any) {
			got = a.form.append(got, time, deduced, data)
		}
		push(1000.25, false, typed(theirs.Format, f.One))
		for i, c := range f.Chunk {
			push(2000.5-float64(len(f.Chunk)-1)/100, i > 0, typed(theirs.Format, c))
		}
		if !bytes.Equal(got, f.Stream) {
			t.Errorf("%s, byte order %d: the answer differs from liblsl's\nours   %q\nliblsl %q", f.Format, f.Order, got, f.Stream)
		}
		reply, to, ok := o.reply(fmt.Appendf(nil, "LSL:shortinfo\r\n%s\r\n4711 12345\r\n", f.Query), netip.MustParseAddrPort("127.0.0.1:9"), true, 0)
		if back, understood := readReply(reply, "12345"); !ok || to.Port() != 4711 || !understood || back.UID != theirs.UID || back.Rate != theirs.Rate || back.Created != theirs.Created {
			t.Errorf("%s: answer to a query: %q to %s", f.Format, reply, to)
		}
	}
}

// TestAsksAsLiblsl compares what an inlet asks with what liblsl's asks: the same lines, with values of our own.
func TestAsksAsLiblsl(t *testing.T) {
	keys := func(request []byte) (lines []string) {
		for _, l := range strings.Split(string(request), "\r\n") {
			key, _, _ := strings.Cut(l, ":")
			if strings.HasPrefix(l, "LSL:") || strings.HasPrefix(l, "Value-Size") || strings.HasPrefix(l, "Source-Id") {
				key = l
			}
			lines = append(lines, key)
		}
		return lines
	}
	for _, r := range loadGolden(t).Requests {
		info, err := ParseInfo(r.Info)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := keys(request(info, 36000)), keys(r.Request)
		if fmt.Sprint(ours) != fmt.Sprint(theirs) {
			t.Errorf("%s:\nours   %q\nliblsl %q", r.Format, ours, theirs)
		}
	}
}
