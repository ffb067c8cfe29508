package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func render(t testing.TB, d *Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// node is an element of a page.
type node struct {
	element
	path []string // names of the elements around it
	all  string   // the text inside it, at any depth
}

// parsePage reads a page: every element must be closed in order, apart from those HTML never closes.
func parsePage(t testing.TB, page string) []*node {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(strings.TrimSpace(page), "<!doctype html>")))
	dec.Strict = false
	dec.AutoClose = []string{"meta", "br", "link", "img", "input"}
	dec.Entity = xml.HTMLEntity
	var all, open []*node
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("page is not well-formed: %v", err)
		}
		switch k := tok.(type) {
		case xml.StartElement:
			n := &node{element: element{name: k.Name.Local, attr: map[string]string{}}}
			for _, a := range k.Attr {
				n.attr[a.Name.Local] = a.Value
			}
			for _, o := range open {
				n.path = append(n.path, o.name)
			}
			open, all = append(open, n), append(all, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			for _, o := range open {
				o.all += string(k)
			}
		}
	}
	for _, n := range all {
		n.all = strings.Join(strings.Fields(n.all), " ")
	}
	return all
}

func find(nodes []*node, name, class string) []*node {
	var out []*node
	for _, n := range nodes {
		if n.name == name && (class == "" || slices.Contains(strings.Fields(n.attr["class"]), class)) {
			out = append(out, n)
		}
	}
	return out
}

// The page's skeleton: landmarks, headings in order, ids that are unique and links that lead somewhere, nothing fetched, nothing run.
func TestPageStructure(t *testing.T) {
	page := render(t, sampleDocument())
	nodes := parsePage(t, page)
	for _, c := range []struct {
		name string
		want int
	}{{"h1", 1}, {"main", 1}, {"header", 1}, {"footer", 1}, {"nav", 1}, {"script", 0}, {"link", 0}, {"img", 0}, {"iframe", 0}, {"section", 11}} {
		if got := len(find(nodes, c.name, "")); got != c.want {
			t.Errorf("%d <%s>, want %d", got, c.name, c.want)
		}
	}
	ids := map[string]bool{}
	level := 0
	for _, n := range nodes {
		if id, ok := n.attr["id"]; ok {
			if ids[id] {
				t.Errorf("id %q twice", id)
			}
			ids[id] = true
		}
		if len(n.name) == 2 && n.name[0] == 'h' && n.name[1] >= '1' && n.name[1] <= '6' {
			l := int(n.name[1] - '0')
			if l > level+1 {
				t.Errorf("heading %q jumps from level %d to %d", n.all, level, l)
			}
			level = l
		}
		if n.name == "figure" && !slices.Contains(n.path, "section") {
			t.Error("a figure stands outside all sections")
		}
		for a, v := range n.attr {
			if strings.HasPrefix(a, "on") {
				t.Errorf("<%s %s> runs a script", n.name, a)
			}
			if (a == "src" || a == "href") && n.name != "a" && !strings.HasPrefix(v, "data:image/png;base64,") {
				t.Errorf("<%s %s=%q> fetches something", n.name, a, v)
			}
		}
	}
	for _, n := range nodes {
		if h := n.attr["href"]; n.name == "a" && strings.HasPrefix(h, "#") && !ids[h[1:]] {
			t.Errorf("link %q leads nowhere", h)
		}
		if l := n.attr["labelledby"]; l != "" && !ids[l] {
			t.Errorf("label %q does not exist", l)
		}
		if l := n.attr["aria-labelledby"]; l != "" && !ids[l] {
			t.Errorf("label %q does not exist", l)
		}
		if n.name == "th" && n.attr["scope"] == "" {
			t.Errorf("table head %q has no scope", n.all)
		}
	}
	if regexp.MustCompile(`(?i)@import|url\(`).MatchString(page) {
		t.Error("a style sheet fetches something")
	}
	// Reading order.
	var order []string
	for _, n := range find(nodes, "section", "") {
		order = append(order, n.attr["id"])
	}
	if want := []string{"result", "claims", "measured", "curves", "figures", "tables", "notes", "parameters", "data", "environment", "repeat"}; !slices.Equal(order, want) {
		t.Errorf("sections %v, want %v", order, want)
	}
}

func TestPageContents(t *testing.T) {
	d := sampleDocument()
	nodes := parsePage(t, render(t, d))
	text := nodes[0].all
	for _, want := range []string{
		"2 of 5 claims reproduced, 1 partly, 1 not reproduced, 1 not tested.", "0.2012 ≥ 0.2014 fails", "0.843 ≥ 0.793 holds", "needs the MC_Maze recording",
		"0.3650 bits/spike on MC_Maze", "Mean ± standard deviation over 3 seeds", "without position and velocity", "2.25 MB (2,254,848 bytes)",
		"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "gyrus run langevinflow/lorenz --seeds 3 --seed 1 --set epochs=40", "421 MB", "1 warning",
		"Neuron 17 fired no spike in training: it is left out of bits/spike. (seed 2)", "13 min 41 s", "AMD EPYC 9R14", "The same for 2 other seeds", "20 ms",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "This was a quick run") {
		t.Error("a default run is called quick")
	}
	d.Preset = "quick"
	if !strings.Contains(parsePage(t, render(t, d))[0].all, "This was a quick run") {
		t.Error("a quick run is not called one")
	}
	// Statuses in words beside their icons.
	var got []string
	for _, n := range nodes {
		if n.name == "span" && strings.HasPrefix(n.attr["class"], "status") && slices.Contains(n.path, "table") {
			got = append(got, n.all)
		}
	}
	if want := []string{"reproduced", "partly", "not reproduced", "reproduced", "not tested"}; !slices.Equal(got, want) {
		t.Errorf("verdicts %v, want %v", got, want)
	}
	// One figure for each of the four metrics that compare systems, of the three plots, of the five figures of the first seed, and of the ten
	// of the others.
	if n := len(find(nodes, "figure", "")); n != 4+3+5*3 {
		t.Errorf("%d figures, want 22", n)
	}
	hidden := 0
	for _, f := range find(nodes, "figure", "") {
		if slices.Contains(f.path, "details") {
			hidden++
		}
	}
	if hidden != 3+10 {
		t.Errorf("%d figures in details, want 13", hidden)
	}
	if n := len(find(nodes, "tr", "changed")); n != 1 {
		t.Errorf("%d parameters marked as set, want 1", n)
	}
	var links []string
	for _, n := range find(nodes, "a", "") {
		if strings.HasPrefix(n.attr["href"], "http") {
			links = append(links, n.attr["href"])
		}
	}
	if want := []string{"https://arxiv.org/abs/2507.11531", "https://github.com/KingJamesSong/LangevinFlow_CCN"}; !slices.Equal(links, want) {
		t.Errorf("links %v, want %v", links, want)
	}
}

// The star stands at the best mean in the direction that is better, and the mean and deviation are those of the seeds.
func TestResults(t *testing.T) {
	d := &Document{
		Metrics: []Metric{{ID: "up", Name: "up", Better: Higher}, {ID: "down", Name: "down", Better: Lower}, {ID: "free", Name: "free"}, {ID: "unmeasured", Name: "unmeasured"}},
		Systems: []System{{Name: "a", Role: Subject}, {Name: "b", Role: Baseline}, {Name: "silent", Role: Baseline}},
	}
	for i, v := range [][2]float64{{1, 10}, {2, 12}, {3, 11}} {
		r := Record{Seed: int64(i)}
		for _, m := range []string{"up", "down", "free"} {
			r.Measurements = append(r.Measurements, Measurement{"a", m, Number(v[0])})
			if i < 2 {
				r.Measurements = append(r.Measurements, Measurement{"b", m, Number(v[1])})
			}
		}
		d.Records = append(d.Records, r)
	}
	r := d.results()
	if len(r.systems) != 2 || len(r.metrics) != 3 {
		t.Fatalf("%d systems and %d metrics, want 2 and 3: what was not measured has no place", len(r.systems), len(r.metrics))
	}
	a, b := r.cells[0], r.cells[1]
	if a[0].mean != 2 || a[0].sd != 1 || a[0].n != 3 || b[0].mean != 11 || math.Abs(b[0].sd-math.Sqrt2) > 1e-12 || b[0].n != 2 {
		t.Errorf("cells %+v and %+v", a[0], b[0])
	}
	if a[0].best || !b[0].best || !a[1].best || b[1].best || a[2].best || b[2].best {
		t.Error("the best are marked wrongly")
	}
	if a[0].text != "2.0 ± 1.0" {
		t.Errorf("cell reads %q", a[0].text)
	}
	text := parsePage(t, render(t, d))[0].all
	if !strings.Contains(text, "of 2 seeds") {
		t.Error("the page does not say that b has two of three seeds")
	}
}

func TestHostileDocument(t *testing.T) {
	const evil = `</style></title><script>alert(1)</script><img src=x onerror=alert(2)>"'` + "`{{.}}\x00\u202e"
	d := sampleDocument()
	d.Records[0].Figures = append(d.Records[0].Figures,
		Figure{ID: "script", Title: "x", SVG: `<svg ><script>alert(1)</script></svg>`},
		Figure{ID: "break", Title: "x", SVG: `</div><script>alert(1)</script>`})
	poison(reflect.ValueOf(d).Elem(), evil)
	d.ArXiv, d.Code = "javascript:alert(1)", "data:text/html,<script>alert(1)</script>"
	page := render(t, d)
	if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
		t.Error("an element came through")
	}
	for _, n := range parsePage(t, page) {
		for a, v := range n.attr {
			if strings.HasPrefix(a, "on") || strings.HasPrefix(strings.ToLower(v), "javascript:") || a == "href" && strings.HasPrefix(v, "data:text") {
				t.Errorf("<%s %s=%q>", n.name, a, v)
			}
		}
	}
	var b bytes.Buffer
	if err := d.WriteSummary(&b, 80, false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x00\x1b\u202e") {
		t.Error("control characters reach the terminal")
	}
}

// poison puts s into every string but pictures, and leaves keys that tie things together alone.
func poison(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.Pointer:
		poison(v.Elem(), s)
	case reflect.Struct:
		for i := range v.NumField() {
			switch name := v.Type().Field(i).Name; {
			case !v.Field(i).CanSet(), name == "SVG", name == "Metric", name == "ID" && v.Type() != reflect.TypeFor[ClaimRow](), v.Type() == reflect.TypeFor[Measurement]():
			case v.Type().String() == "time.Time":
			default:
				poison(v.Field(i), s)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), s)
		}
	case reflect.String:
		v.SetString(v.String() + s)
	}
}

func TestEmptyDocument(t *testing.T) {
	nodes := parsePage(t, render(t, &Document{}))
	if !strings.Contains(nodes[0].all, "tied to no claim") {
		t.Error("the page of an empty run does not say that it has no claims")
	}
	if err := new(Document).WriteSummary(io.Discard, 0, true); err != nil {
		t.Error(err)
	}
}

func TestMetricsRoundTrip(t *testing.T) {
	d := sampleDocument()
	d.Records[0].Measurements[0].Value = Number(math.NaN())
	d.Records[0].Curves[0].Y[3] = Number(math.Inf(-1))
	d.Records[0].Curves[0].Events = []Ref{{math.Inf(1), "never"}}
	d.Claims[0].Verdict.Conditions[0].Left = Number(math.Inf(1))
	var b bytes.Buffer
	if err := d.WriteMetrics(&b); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b.Bytes()) || bytes.Contains(b.Bytes(), []byte("<svg")) || bytes.Contains(b.Bytes(), []byte(`\u003csvg`)) {
		t.Error("metrics.json is not valid JSON without pictures")
	}
	if d.Records[0].Figures[0].SVG == "" {
		t.Error("writing the metrics took the pictures out of the document")
	}
	got, err := ReadDocument(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(float64(got.Records[0].Measurements[0].Value)) || got.Records[0].Curves[0].Y[3] != Number(math.Inf(-1)) ||
		got.Records[0].Curves[0].Events[0].At != math.Inf(1) || got.Claims[0].Verdict.Conditions[0].Left != Number(math.Inf(1)) {
		t.Error("values that are not finite were lost")
	}
	got.Records[0].Measurements[0].Value, d.Records[0].Measurements[0].Value = 0, 0
	for i := range d.Records {
		for k := range d.Records[i].Figures {
			d.Records[i].Figures[k].SVG = ""
		}
	}
	if !reflect.DeepEqual(got, d) {
		t.Error("the document read is not the one written")
	}
	for _, bad := range []string{"", "{", "[]", `{"records":[{"measurements":[{"value":"much"}]}]}`} {
		if _, err := ReadDocument(strings.NewReader(bad)); err == nil {
			t.Errorf("read %q", bad)
		}
	}
}

func FuzzReadDocument(f *testing.F) {
	var b bytes.Buffer
	d := sampleDocument()
	d.Records = d.Records[:1]
	d.Records[0].Curves, d.Records[0].Figures = d.Records[0].Curves[:1], nil
	if err := d.WriteMetrics(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"records":[{"curves":[{"plot":"p","x":[1e308,"NaN"],"y":["+Inf"],"logY":true}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ReadDocument(bytes.NewReader(b))
		if err != nil {
			return
		}
		if err := d.WriteHTML(io.Discard); err != nil {
			t.Fatal(err)
		}
		if err := d.WriteSummary(io.Discard, 80, false); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSummary(t *testing.T) {
	d := sampleDocument()
	for _, width := range []int{50, 80, 120} {
		var b bytes.Buffer
		if err := d.WriteSummary(&b, width, false); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("width %d: a line has %d columns: %q", width, n, line)
			}
		}
		if strings.Contains(b.String(), "\x1b") {
			t.Error("colours without being asked for them")
		}
		var c bytes.Buffer
		if err := d.WriteSummary(&c, width, true); err != nil {
			t.Fatal(err)
		}
		if plain := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(c.String(), ""); strings.Join(strings.Fields(plain), " ") != strings.Join(strings.Fields(b.String()), " ") {
			t.Error("the coloured summary says something else")
		}
	}
}

func TestNumberFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{fixed(1234567.891, 2), "1,234,567.89"}, {fixed(-0.0004, 2), "0.00"}, {fixed(-12.5, 1), "−12.5"}, {fixed(math.NaN(), 3), "–"}, {fixed(math.Inf(-1), 0), "−∞"}, {fixed(999, 0), "999"},
		{significant(0.0123456, 3), "0.0123"}, {significant(99.96, 3), "100"}, {significant(12345, 3), "12,345"}, {significant(1.5e12, 3), "1.50·10¹²"}, {significant(2e-7, 2), "2.0·10⁻⁷"},
		{significant(0, 3), "0"}, {bytesText(999), "999 bytes"}, {bytesText(1), "1 byte"}, {bytesText(1500), "1.50 kB"}, {bytesText(2_254_848), "2.25 MB"}, {bytesText(999_999), "1.00 MB"},
		{durationText(0.0124), "12 ms"}, {durationText(12.34), "12.3 s"}, {durationText(59.99), "60.0 s"}, {durationText(61), "1 min 1 s"}, {durationText(7322), "2 h 2 min"}, {durationText(-1), "–"},
		{strconv.Itoa(decimalsFor(0.843, 0.015)), "3"}, {strconv.Itoa(decimalsFor(0.843, 0.06)), "2"}, {strconv.Itoa(decimalsFor(1234, 250)), "0"}, {strconv.Itoa(decimalsFor(0.843, math.NaN())), "3"},
		{ordinal(2), "2nd"}, {ordinal(11), "11th"}, {ordinal(23), "23rd"}, {ordinal(101), "101st"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	for _, c := range []struct {
		l, r        float64
		left, right string
	}{{0.8434, 0.82, "0.843", "0.820"}, {0.20119, 0.20141, "0.2012", "0.2014"}, {5, 5, "5", "5"}, {0.1873, 0, "0.187", "0"}, {1234.5, 1000, "1,234", "1,000"}, {math.NaN(), 1, "–", "1"},
		{1, 0.98, "1.000", "0.980"}, {1.65e-12, 1e-4, "1.65·10⁻¹²", "0.000100"}, {1312, 1246.4, "1,312", "1,246"}, {41, 40, "41", "40"}, {-0.341, 0.3, "−0.341", "0.300"}, {1, 0.999999, "1.000000", "0.999999"}} {
		k := Condition{Left: Number(c.l), Right: Number(c.r)}
		if l, r := k.sides(); l != c.left || r != c.right {
			t.Errorf("%v and %v read %q and %q, want %q and %q", c.l, c.r, l, r, c.left, c.right)
		}
	}
}

// Series are drawn like the systems they are named after, in every plot.
func TestSeriesLooks(t *testing.T) {
	systems := []System{{Name: "Flow", Role: Subject}, {Name: "Flow balanced", Role: Subject}, {Name: "base", Role: Baseline}}
	l := seriesLooks([]string{"base", "Flow balanced", "Flow training", "Flow validation", "other"}, systems)
	want := strokesFor([]Role{Subject, Subject, Baseline})
	if l[0].color != want[2].color || l[1].color != want[1].color || l[2].color != want[0].color || l[3].color != want[0].color {
		t.Error("a series does not have its system's colour")
	}
	if len(l[2].dashes) > 0 || len(l[3].dashes) == 0 {
		t.Error("the second series of a system should be dashed, the first not")
	}
}

// The mean of curves is drawn only where every seed has a value at every x.
func TestMeanCurve(t *testing.T) {
	a := Curve{X: []Number{1, 2}, Y: []Number{1, 5}}
	b := Curve{X: []Number{1, 2}, Y: []Number{3, 4}}
	s, ok := meanCurve("s", []Curve{a, b})
	if !ok || !slices.Equal(s.Y, []float64{2, 4.5}) || !slices.Equal(s.Low, []float64{1, 4}) || !slices.Equal(s.High, []float64{3, 5}) {
		t.Errorf("mean %+v", s)
	}
	if _, ok := meanCurve("s", []Curve{a, {X: []Number{1}, Y: []Number{3}}}); ok {
		t.Error("curves of different length were averaged")
	}
	if _, ok := meanCurve("s", []Curve{a, {X: []Number{1, 3}, Y: []Number{3, 4}}}); ok {
		t.Error("curves at different x were averaged")
	}
}

// WCAG AA: text on its background, in both schemes, as the style sheet has them.
func TestPageContrast(t *testing.T) {
	vars := regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{3,6})`)
	light, dark, _ := strings.Cut(pageCSS, "@media (prefers-color-scheme:dark)")
	dark, _, _ = strings.Cut(dark, "}}")
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		c := map[string]float64{}
		for _, m := range vars.FindAllStringSubmatch(css, -1) {
			h := m[2][1:]
			if len(h) == 3 {
				h = string([]byte{h[0], h[0], h[1], h[1], h[2], h[2]})
			}
			v, err := strconv.ParseUint(h, 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			c[m[1]] = luminance(rgb(uint32(v)))
		}
		for _, p := range [][2]string{{"ink", "bg"}, {"ink", "card"}, {"ink", "soft"}, {"muted", "bg"}, {"muted", "card"}, {"link", "bg"}, {"link", "card"}, {"good", "good-bg"}, {"good", "card"},
			{"part", "part-bg"}, {"part", "card"}, {"bad", "bad-bg"}, {"bad", "card"}, {"none", "none-bg"}, {"ink", "part-bg"}, {"muted", "part-bg"}, {"link", "part-bg"}} {
			fg, ok1 := c[p[0]]
			bg, ok2 := c[p[1]]
			if !ok1 || !ok2 {
				t.Fatalf("%s: no colour %v", scheme, p)
			}
			if got := contrast(fg, bg); got < 4.5 {
				t.Errorf("%s: %s on %s has %.2f, want 4.5", scheme, p[0], p[1], got)
			}
		}
	}
}

// A run of three seeds with twelve curves and five figures each must be a page in under 200 ms.
func BenchmarkWriteHTML(b *testing.B) {
	d := sampleDocument()
	b.ReportAllocs()
	for b.Loop() {
		if err := d.WriteHTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleDocument_WriteSummary() {
	d := &Document{
		System: "HTM", Experiment: "sequences", Preset: "default",
		Metrics: []Metric{{ID: "accuracy", Name: "accuracy", Better: Higher}},
		Systems: []System{{Name: "HTM", Role: Subject}, {Name: "first order", Role: Baseline}},
		Claims: []ClaimRow{{ID: "high-order", Says: "HTM learns high-order sequences.", Origin: "paper", Published: "1.0 (figure 3)", Verdict: Verdict{Status: Reproduced,
			Conditions: []Condition{{Says: "accuracy of HTM against first order + 0.3", Left: 0.98, Op: "≥", Right: 0.8, Holds: true}}}}},
		Records: []Record{{Seed: 1, Seconds: 3.21, Measurements: []Measurement{{"HTM", "accuracy", 0.98}, {"first order", "accuracy", 0.5}}}},
	}
	if err := d.WriteSummary(os.Stdout, 80, false); err != nil {
		fmt.Println(err)
	}
	// Output:
	// HTM · sequences, default preset, 1 seed, 3.21 s
	// 1 of 1 claim reproduced.
	//
	// ✓ reproduced  HTM learns high-order sequences. (paper)
	//               published: 1.0 (figure 3)
	//               ✓ 0.980 ≥ 0.800 accuracy of HTM against first order + 0.3
	//
	//              accuracy ↑
	// HTM               0.980*
	// first order       0.500
	// * best of its column
}

func ExampleDocument_WriteHTML() {
	d := &Document{System: "HTM", Title: "Continuous online sequence learning", Experiment: "sequences", Preset: "quick"}
	var page strings.Builder
	if err := d.WriteHTML(&page); err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.Contains(page.String(), "<h1>HTM</h1>"), strings.Contains(page.String(), "This was a quick run"))
	// Output: true true
}
