package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// element is one element of a figure, with its attributes and the text directly inside it.
type element struct {
	name string
	attr map[string]string
	text string
}

// parseSVG reads a figure with the standard library's XML parser.
func parseSVG(t testing.TB, svg string) []element {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(svg))
	var all []element
	var open []int
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch k := tok.(type) {
		case xml.StartElement:
			e := element{name: k.Name.Local, attr: map[string]string{}}
			for _, a := range k.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			open, all = append(open, len(all)), append(all, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				all[open[len(open)-1]].text += string(k)
			}
		}
	}
}

// checkFigure fails if a figure breaks a rule that all figures keep.
func checkFigure(t testing.TB, f Figure) []element {
	t.Helper()
	if err := checkSVG(f.SVG); err != nil {
		t.Errorf("%s: the page would not carry it: %v", f.ID, err)
	}
	es := parseSVG(t, f.SVG)
	for _, e := range es {
		for _, a := range []string{"d", "x", "y", "width", "height", "transform", "stroke-width", "stroke-dasharray"} {
			if v := e.attr[a]; strings.Contains(v, "NaN") || strings.Contains(v, "Inf") || strings.Contains(v, "e") && a == "d" {
				t.Errorf("%s: %s of a %s is %.60q", f.ID, a, e.name, v)
			}
		}
	}
	if es[0].name != "svg" || es[0].attr["viewBox"] == "" || es[0].attr["width"] != "100%" || es[0].attr["role"] != "img" {
		t.Errorf("%s: root is %v", f.ID, es[0])
	}
	if es[1].name != "title" {
		t.Errorf("%s: first child is %q, want the title", f.ID, es[1].name)
	}
	box := strings.Fields(es[0].attr["viewBox"])
	h, _ := strconv.ParseFloat(box[3], 64)
	for _, e := range es {
		if e.name != "text" {
			continue
		}
		size := number(t, e.attr["font-size"])
		if size < 11 {
			t.Errorf("%s: text %q has %v px", f.ID, e.text, size)
		}
		sty := textStyle(size, ink, 0, 0)
		if e.attr["font-weight"] == "bold" {
			sty = bold(sty)
		}
		w := width(sty, e.text)
		var x0, x1, y0, y1 float64
		if m := turned.FindStringSubmatch(e.attr["transform"]); m != nil {
			x, y := number(t, m[1]), number(t, m[2])
			x0, x1, y0, y1 = x-0.75*size, x+0.22*size, y-w, y
		} else {
			x, y := number(t, e.attr["x"]), number(t, e.attr["y"])
			x0, x1, y0, y1 = x, x+w, y-0.75*size, y+0.22*size
		}
		if x0 < -0.5 || x1 > figureWidth+0.5 || y0 < -0.5 || y1 > h+0.5 {
			t.Errorf("%s: text %q is clipped: x %.1f to %.1f of %d, y %.1f to %.1f of %.0f", f.ID, e.text, x0, x1, figureWidth, y0, y1, h)
		}
	}
	return es
}

var turned = regexp.MustCompile(`^translate\((\S+) (\S+)\) rotate\(-90\)$`)

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatalf("%q is not a number", s)
	}
	return v
}

// texts returns all text drawn.
func texts(es []element) []string {
	var out []string
	for _, e := range es {
		if e.name == "text" {
			out = append(out, e.text)
		}
	}
	return out
}

func hasText(es []element, want string) bool {
	for _, s := range texts(es) {
		if s == want {
			return true
		}
	}
	return false
}

func TestFigures(t *testing.T) {
	again := sampleFigures(1)
	for i, f := range sampleFigures(1) {
		t.Run(f.ID, func(t *testing.T) {
			es := checkFigure(t, f)
			if f.SVG != again[i].SVG {
				t.Error("the same data gave different bytes")
			}
			most := 200_000
			if strings.HasPrefix(f.ID, "traces") { // hundreds of channels take their room
				most = 600_000
			}
			if len(f.SVG) > most {
				t.Errorf("%d bytes", len(f.SVG))
			}
			if len(texts(es)) < 3 {
				t.Errorf("hardly any text: %q", texts(es))
			}
		})
	}
	if a, b := sampleFigures(1)[0], sampleFigures(2)[0]; a.SVG == b.SVG {
		t.Error("other data gave the same bytes")
	}
}

// Legends, labels, axes and numbers that a reader needs are there as text.
func TestFiguresSayWhatTheyShow(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, c := range []struct {
		f    Figure
		want []string
	}{
		{sampleLines(rng), []string{"HTM", "online ELM", "element of the stream", "accuracy (share of sequences)", "swap at 10,000", "bar", "10,000", "0.75"}},
		{sampleLog(rng), []string{"1,000", "0.1", "NLL (nats/bin)"}},
		{sampleScatter(rng), []string{"LangevinFlow: every 2nd of 9,000 points is drawn."}},
		{sampleConfusion(), []string{"left hand", "128", "81%", "31", "19%", "n = 159", "share of true class (%)"}},
		{sampleLyingBars(), []string{"0.843", "0.733", "bar 0.82"}},
		{sampleTopomap(), []string{"Cz", "amplitude (µV)", "2"}},
		{sampleHeat(rng), []string{"rate (spikes/s)", "time (s)", "−0.2"}},
		{sampleTimeline(rng), []string{"reach", "decoded"}},
	} {
		es := checkFigure(t, c.f)
		for _, w := range c.want {
			if !hasText(es, w) {
				t.Errorf("%s lacks %q; it has %q", c.f.ID, w, texts(es))
			}
		}
	}
}

func TestHostileStringsInFigures(t *testing.T) {
	const evil = "</text></svg><script>alert(1)</script>\x00\x1b[31m\"'&<img src=x onerror=alert(2)>\xff"
	f := Frame{ID: evil, Title: evil, Caption: evil, XLabel: evil, YLabel: evil, Events: []Ref{{1, evil}}, Levels: []Ref{{1, evil}}}
	for _, fig := range []Figure{
		LinePlot(f, []Series{{Name: evil, Y: []float64{0, 1, 2}}}),
		ScatterPlot(f, []Points{{Name: evil, X: []float64{0, 1, 2}, Y: []float64{0, 1, 2}}}),
		Trajectories(f, []Path{{Group: evil, X: []float64{0, 1}, Y: []float64{0, 1}}}),
		BarPlot(f, []string{evil, evil}, []Bars{{evil, Subject, [][]float64{{1}, {2}}}}),
		BarPlot(f, nil, []Bars{{evil, Subject, [][]float64{{1}}}}),
		HeatMap(f, Heat{Values: [][]float64{{1, 2}}, Rows: []string{evil}, Columns: []string{evil, evil}, Scale: Scale{Label: evil}}),
		ConfusionMatrix(f, []string{evil, evil}, [][]int{{1, 2}, {3, 4}}),
		Raster(f, Spikes{Times: [][]float64{{0, 1}}, Groups: []string{evil}}),
		Topomap(f, montage(5), Scale{Label: evil}, ScalpValues{evil, []float64{1, 2, 3, 4, 5}}),
		Histogram(f, []Sample{{evil, Subject, []float64{1, 2, 3}}}, 0),
		StateTimeline(f, []string{evil}, []States{{evil, []int{0, 1}}}, 1),
	} {
		for _, e := range checkFigure(t, fig) {
			if e.name == "script" || e.name == "img" {
				t.Fatalf("an element %q came through", e.name)
			}
		}
	}
}

// Whatever the numbers are, a figure comes out that is valid and free of NaN.
func TestDegenerateData(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	datasets := map[string][]float64{
		"none": nil, "one": {3}, "constant": {2, 2, 2}, "zeros": {0, 0}, "NaN": {nan, nan}, "gaps": {1, nan, 2, nan, 3, 4}, "infinite": {1, inf, -inf, 2},
		"huge": {-math.MaxFloat64, 0, math.MaxFloat64}, "tiny": {5e-324, 1e-300, 1e-310}, "close": {1e9, 1e9 + 1e-6, 1e9 + 2e-6}, "negative": {-5, -3, -9}, "wide": {1e-12, 1, 1e12},
	}
	sensors := montage(6)
	for name, v := range datasets {
		t.Run(name, func(t *testing.T) {
			for _, f := range []Frame{{ID: "linear"}, {ID: "log", XLog: true, YLog: true}, {ID: "square", Square: true}, {ID: "limits", XLim: [2]float64{nan, 1}, YLim: [2]float64{5, 1}},
				{ID: "refs", Events: []Ref{{nan, "a"}, {1, "b"}}, Levels: []Ref{{inf, "c"}, {2, "d"}}}} {
				checkFigure(t, LinePlot(f, []Series{{Name: "s", Y: v}, {Name: "x", X: v, Y: v, Low: v, High: v}, {Name: "short", X: []float64{1}, Y: v, Low: []float64{1}, High: nil}}))
				checkFigure(t, ScatterPlot(f, []Points{{Name: "s", X: v, Y: v}, {X: []float64{1}, Y: v}}))
				checkFigure(t, Trajectories(f, []Path{{Group: "g", X: v, Y: v}, {Group: "g", X: v, Y: v, Truth: true}}))
				checkFigure(t, BarPlot(f, []string{"a", "b"}, []Bars{{"s", Subject, [][]float64{v, v}}, {"r", Ablation, [][]float64{v}}}))
				checkFigure(t, BarPlot(f, nil, []Bars{{"s", Subject, [][]float64{v}}, {"none", Baseline, nil}}))
				checkFigure(t, HeatMap(f, Heat{Values: [][]float64{v, v, {1}}, Annotate: true}))
				checkFigure(t, HeatMap(f, Heat{Values: [][]float64{v}, Scale: Scale{Signed: true}, Rows: []string{"r"}}))
				checkFigure(t, Raster(f, Spikes{Times: [][]float64{v, nil}}))
				checkFigure(t, Raster(f, Spikes{Times: [][]float64{v, nil}, Bin: 0.5}))
				checkFigure(t, Histogram(f, []Sample{{Name: "s", Values: v}, {Name: "r", Values: []float64{1, 2}}}, 0))
			}
			checkFigure(t, Topomap(Frame{}, sensors, Scale{}, ScalpValues{Values: v}))
			checkFigure(t, Topomap(Frame{}, sensors, Scale{Signed: true}, ScalpValues{Values: append(append([]float64{}, v...), make([]float64, max(0, 6-len(v)))...)[:6]}))
		})
	}
	checkFigure(t, Topomap(Frame{}, nil, Scale{}))
	checkFigure(t, Topomap(Frame{}, []Sensor{{"a", 0, 0}, {"b", 0, 0}, {"c", 0, 0}}, Scale{}, ScalpValues{Values: []float64{1, 2, 3}}))
	checkFigure(t, ConfusionMatrix(Frame{}, nil, nil))
	checkFigure(t, ConfusionMatrix(Frame{}, []string{"a"}, [][]int{{1, 2}}))
	checkFigure(t, ConfusionMatrix(Frame{}, []string{"a", "b"}, [][]int{{0, 0}, {1, 2}}))
	checkFigure(t, StateTimeline(Frame{}, nil, nil, 0))
	checkFigure(t, LinePlot(Frame{}, nil))
	checkFigure(t, BarPlot(Frame{}, nil, nil))
	checkFigure(t, HeatMap(Frame{}, Heat{}))
}

// A line of a million points becomes a small figure that still shows its one outlier.
func TestLongLinesAreThinned(t *testing.T) {
	y := make([]float64, 1_000_000)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range y {
		y[i] = rng.Float64()
	}
	flat := LinePlot(Frame{ID: "noise", YLim: [2]float64{-1, 10}}, []Series{{Name: "a", Y: y}})
	y[777_777] = 9
	spike := LinePlot(Frame{ID: "noise", YLim: [2]float64{-1, 10}}, []Series{{Name: "a", Y: y}})
	if len(flat.SVG) > 60_000 {
		t.Errorf("%d bytes", len(flat.SVG))
	}
	if flat.SVG == spike.SVG {
		t.Error("the outlier is lost")
	}

	pts := make([]vg.Point, 5000)
	for i := range pts {
		pts[i] = vg.Point{X: vg.Length(i) / 100, Y: vg.Length(rng.Float64())}
	}
	pts[1234].Y, pts[4321].Y = 7, -7
	kept := map[vg.Point]bool{}
	for _, p := range thin(pts) {
		kept[p] = true
	}
	if len(kept) > 4*50 || !kept[pts[1234]] || !kept[pts[4321]] || !kept[pts[0]] || !kept[pts[4999]] {
		t.Errorf("%d points kept; the extremes and the ends: %v %v %v %v", len(kept), kept[pts[1234]], kept[pts[4321]], kept[pts[0]], kept[pts[4999]])
	}
}

func TestSubjectIsBlueAndAblationsAreDashed(t *testing.T) {
	s := strokesFor([]Role{Baseline, Ablation, Subject, Baseline})
	if s[2].color.class != "blue" || len(s[2].dashes) > 0 || s[2].width <= s[0].width {
		t.Errorf("the system is drawn as %+v beside a baseline's %+v", s[2], s[0])
	}
	if len(s[1].dashes) == 0 {
		t.Error("the ablation is not dashed")
	}
	if s[0].color == s[3].color {
		t.Error("two baselines look the same")
	}
}

// WCAG: 3 to 1 for lines and shapes, 4.5 to 1 for text, on the light and on the dark page.
func TestContrast(t *testing.T) {
	for _, c := range tones {
		need := 3.0
		switch c.class {
		case "grid", "paper":
			continue
		case "ink", "muted":
			need = 4.5
		}
		if got := contrast(luminance(c.NRGBA), luminance(paper)); got < need {
			t.Errorf("%s on white: %.2f, want %.1f", c.class, got, need)
		}
		if got := contrast(luminance(c.dark), luminance(page.dark)); got < need {
			t.Errorf("%s on dark: %.2f, want %.1f", c.class, got, need)
		}
	}
	for i := range shades {
		bg := sequential.table[i]
		if got := contrast(luminance(textOn(bg)), luminance(bg)); got < 3.9 {
			t.Errorf("text on shade %d: %.2f", i, got)
		}
	}
}

func contrast(a, b float64) float64 { return (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05) }

// A sequential scale must grow evenly lighter, or it would show edges where the data have none.
func TestSequentialScaleIsMonotonic(t *testing.T) {
	for i := 1; i < shades; i++ {
		if luminance(sequential.table[i]) < luminance(sequential.table[i-1])-1e-3 {
			t.Fatalf("shade %d is darker than the one before", i)
		}
		if luminance(whitish.table[i]) > luminance(whitish.table[i-1])+1e-3 {
			t.Fatalf("white-blue shade %d is lighter than the one before", i)
		}
	}
	if a, b := diverging.at(0), diverging.at(1); a.B < a.R || b.R < b.B {
		t.Errorf("signed scale runs from %v to %v, want blue to red", a, b)
	}
}

func TestTicks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 3000 {
		lo := rng.NormFloat64() * math.Pow(10, float64(rng.IntN(14)-6))
		hi := lo + math.Abs(rng.NormFloat64()+0.01)*math.Pow(10, float64(rng.IntN(14)-6))
		if hi-lo < 1e-9*math.Abs(lo) || hi <= lo {
			continue
		}
		ticks := ticker{500, 60}.Ticks(lo, hi)
		if len(ticks) < 2 || len(ticks) > 10 {
			t.Fatalf("%v..%v: %d ticks", lo, hi, len(ticks))
		}
		seen := map[string]bool{}
		for _, k := range ticks {
			if k.Value < lo-(hi-lo)*1e-6 || k.Value > hi+(hi-lo)*1e-6 {
				t.Fatalf("%v..%v: tick at %v", lo, hi, k.Value)
			}
			if seen[k.Label] {
				t.Fatalf("%v..%v: label %q twice", lo, hi, k.Label)
			}
			seen[k.Label] = true
			if v := readNumber(t, k.Label); math.Abs(v-k.Value) > (hi-lo)*1e-3 {
				t.Fatalf("%v..%v: tick at %v is labelled %q", lo, hi, k.Value, k.Label)
			}
		}
	}
	for _, c := range []struct{ lo, hi float64 }{{1, 1e5}, {1e-8, 1e8}, {0.5, 30}, {2, 3}, {1e-300, 1e300}} {
		labelled := 0
		for _, k := range (logTicker{400, 70}).Ticks(c.lo, c.hi) {
			if k.Label == "" {
				continue
			}
			labelled++
			if v := readNumber(t, k.Label); math.Abs(v/k.Value-1) > 1e-9 {
				t.Errorf("log tick at %v is labelled %q", k.Value, k.Label)
			}
		}
		if labelled < 2 || labelled > 9 {
			t.Errorf("%v..%v: %d labels", c.lo, c.hi, labelled)
		}
	}
}

// readNumber reads what fixed, axisNumber and powerNumber write.
func readNumber(t *testing.T, s string) float64 {
	t.Helper()
	s = strings.NewReplacer(",", "", "−", "-", "·10", "e").Replace(s)
	if strings.HasPrefix(s, "10⁻") || strings.HasPrefix(s, "10⁰") || regexp.MustCompile(`^10[¹²³⁴⁵⁶⁷⁸⁹]`).MatchString(s) {
		s = "1e" + s[2:]
	}
	s = strings.NewReplacer("⁻", "-", "⁰", "0", "¹", "1", "²", "2", "³", "3", "⁴", "4", "⁵", "5", "⁶", "6", "⁷", "7", "⁸", "8", "⁹", "9").Replace(s)
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatalf("label %q is not a number", s)
	}
	return v
}

func TestSplineGoesThroughItsSensors(t *testing.T) {
	sensors := montage(28)
	values := dipole(sensors, 1)
	s, why := newSpline(sensors, values)
	if s == nil {
		t.Fatal(why)
	}
	for i, q := range sensors {
		if got := s.at(q.X, q.Y); math.Abs(got-values[i]) > 1e-9 {
			t.Errorf("at %s: %v, want %v", q.Name, got, values[i])
		}
	}
	// The spline of least bending through a plane is the plane; the levelling off beyond the sensors hardly shows between them.
	for i, q := range sensors {
		values[i] = 2 - 3*q.X + 0.5*q.Y
	}
	s, _ = newSpline(sensors, values)
	if got, want := s.at(0.123, -0.7), 2-3*0.123-0.5*0.7; math.Abs(got-want) > 0.05 {
		t.Errorf("a plane at (0.123, −0.7): %v, want %v", got, want)
	}
	if _, why := newSpline(sensors, values[:3]); why == "" {
		t.Error("three values for 28 sensors gave a map")
	}
}

func TestSensorAt(t *testing.T) {
	for _, c := range []struct {
		x, y, z float64
		want    Sensor
	}{{0, 0, 9, Sensor{X: 0, Y: 0}}, {85, 0, 0, Sensor{X: 1, Y: 0}}, {0, 85, 0, Sensor{X: 0, Y: 1}}, {-1, 0, 1, Sensor{X: -0.5, Y: 0}}} {
		if got := SensorAt("", c.x, c.y, c.z); math.Hypot(got.X-c.want.X, got.Y-c.want.Y) > 1e-12 {
			t.Errorf("SensorAt(%v, %v, %v) = %v, want %v", c.x, c.y, c.z, got, c.want)
		}
	}
}

func TestIsolines(t *testing.T) {
	const n = 41
	g := make([][]float64, n)
	for y := range g {
		g[y] = make([]float64, n)
		for x := range g[y] {
			g[y][x] = math.Hypot(float64(x)-20, float64(y)-20)
		}
	}
	lines := isolines(g, 10)
	if len(lines) != 1 || lines[0][0] != lines[0][len(lines[0])-1] {
		t.Fatalf("a circle came out as %d lines", len(lines))
	}
	for _, p := range lines[0] {
		if r := math.Hypot(p[0]-20, p[1]-20); math.Abs(r-10) > 0.02 {
			t.Fatalf("a point of the circle lies at radius %v", r)
		}
	}
	if l := isolines(g, 100); len(l) != 0 {
		t.Errorf("a level the field does not reach has %d lines", len(l))
	}
}

func TestHistogramCountsEveryValue(t *testing.T) {
	// With as many bins as values 0..9, each bin holds one value, so the outline is a single block.
	f := Histogram(Frame{ID: "h", XLim: [2]float64{0, 10}}, []Sample{{Values: []float64{0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5}}}, 10)
	g := Histogram(Frame{ID: "h", XLim: [2]float64{0, 10}}, []Sample{{Values: []float64{0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, math.NaN()}}}, 10)
	if !hasText(checkFigure(t, f), "count") {
		t.Error("the y axis does not say that it counts")
	}
	found := false
	for _, s := range texts(checkFigure(t, g)) {
		found = found || strings.Contains(s, "1 of 10 values are not finite")
	}
	if !found {
		t.Error("the value left out is not mentioned")
	}
}

func FuzzCheckSVG(f *testing.F) {
	for _, g := range sampleFigures(1) {
		if len(g.SVG) < 8_000 {
			f.Add(g.SVG)
		}
	}
	for _, s := range []string{`<svg ></svg>`, `<svg ><script></script></svg>`, `<svg onload="x"></svg>`, `<svg ><image href="http://x"/></svg>`, `<svg ><title><script></title></svg>`,
		`<svg ></svg><b>`, `<svg ><path d="a" id="b"/></svg>`, `<svg ><style>@import url(x)</style></svg>`, `<svg a="1"b="2"></svg>`, `<svg ><!-- --></svg>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if checkSVG(s) != nil {
			return
		}
		low := strings.ToLower(s)
		for _, bad := range []string{"<script", "<foreignobject", "<iframe", "<a ", "<!", "<?", "<use", "<animate", "<set"} {
			if strings.Contains(low, bad) {
				t.Fatalf("accepted %q: %s", bad, s)
			}
		}
		if strings.Count(low, "<svg") != strings.Count(low, "</svg") {
			t.Fatalf("accepted unbalanced %s", s)
		}
	})
}

func TestCheckSVGRefuses(t *testing.T) {
	for _, s := range []string{
		"", "plain", `<svg >`, `<svg ><script>alert(1)</script></svg>`, `<svg onload="alert(1)"></svg>`, `<svg ONLOAD="alert(1)"></svg>`,
		`<svg ><image href="https://example.org/x.png"/></svg>`, `<svg ><image href="data:image/svg+xml;base64,AA"/></svg>`, `<svg ><a href="x">y</a></svg>`,
		`<svg ><style>*{display:none}</style></svg>`, `<svg ><path id="x"/></svg>`, `<svg ><rect fill="url(#a)"/></svg>`, `<svg ></svg><script>1</script></svg>`,
		`<svg ><foreignObject></foreignObject></svg>`, `<?xml version="1.0"?><svg ></svg>`, `<svg ><g></svg></g>`, `<svg a=b></svg>`, `<svg ></svg><svg ></svg>`,
		`<svg ><rect style="background:u\72l(//x)"/></svg>`,
	} {
		if checkSVG(s) == nil {
			t.Errorf("accepted %s", s)
		}
	}
	if err := checkSVG(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><title>a &lt; b</title><path d="M0 0"/></svg>`); err != nil {
		t.Errorf("refused a plain figure: %v", err)
	}
}

func BenchmarkFigures(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	for name, draw := range map[string]func() Figure{
		"LinePlot": func() Figure { return sampleLines(rng) }, "LinePlot50k": func() Figure { return sampleLog(rng) }, "Topomap28": sampleTopomap,
		"HeatMap": func() Figure { return sampleHeat(rng) }, "ConfusionMatrix": sampleConfusion, "Raster": func() Figure { return sampleRaster(rng) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				draw()
			}
		})
	}
}

func ExampleLinePlot() {
	f := LinePlot(Frame{ID: "accuracy", Title: "Accuracy over the stream", XLabel: "element", YLabel: "accuracy",
		Events: []Ref{{At: 2, Label: "swap"}}, Levels: []Ref{{At: 0.5, Label: "chance"}}},
		[]Series{
			{Name: "HTM", Role: Subject, Y: []float64{0.1, 0.8, 0.9, 0.4, 0.9}},
			{Name: "LSTM", Role: Baseline, Y: []float64{0.1, 0.6, 0.8, 0.2, 0.5}},
		})
	fmt.Println(f.ID, f.Title, strings.HasPrefix(f.SVG, "<svg"))
	// Output: accuracy Accuracy over the stream true
}

func ExampleTopomap() {
	sensors := []Sensor{SensorAt("C3", -60, 0, 60), SensorAt("Cz", 0, 0, 85), SensorAt("C4", 60, 0, 60), SensorAt("Fz", 0, 60, 60)}
	f := Topomap(Frame{ID: "pattern", Title: "Right minus left"}, sensors, Scale{Label: "amplitude (µV)", Signed: true},
		ScalpValues{Label: "filter 1", Values: []float64{-1.2, 0.1, 1.4, 0.2}})
	fmt.Println(f.ID, strings.Contains(f.SVG, "Cz"))
	// Output: pattern true
}

// Limits that floats cannot count through must not hang the ticks.
func TestTicksEnd(t *testing.T) {
	for _, c := range [][2]float64{{1e20, 1e20 + 1e5}, {0, 5e-324}, {-1e300, 1e300}, {math.MaxFloat64 / 2, math.MaxFloat64}, {1, math.Nextafter(1, 2)}} {
		checkFigure(t, LinePlot(Frame{XLim: c, YLim: c}, []Series{{Y: []float64{1, 2}}}))
		checkFigure(t, HeatMap(Frame{}, Heat{Values: [][]float64{{1, 2}}, XSpan: c, YSpan: c, Scale: Scale{Lim: c}}))
	}
}

func TestWhatIsLeftOutIsNamed(t *testing.T) {
	s := []Series{{Name: "s", Y: []float64{1, 2, 0, -1, 5}}, {Name: "cut", X: []float64{1, 2}, Y: []float64{1, 2, 3}}}
	es := checkFigure(t, LinePlot(Frame{YLog: true}, s))
	if !hasText(es, "Left out: 2 values not above zero, which a logarithmic axis cannot show.") {
		t.Errorf("lost values are not named: %q", texts(es))
	}
	if !hasText(es, "cut: has 2 x values and 3 y values; the surplus is not drawn.") {
		t.Errorf("the surplus is not named: %q", texts(es))
	}
	if len(s[1].Y) != 3 {
		t.Error("drawing changed the caller's series")
	}
	es = checkFigure(t, LinePlot(Frame{}, []Series{{Name: "s", Y: []float64{math.NaN()}}}))
	if !hasText(es, "Nothing to draw: no finite values.") {
		t.Errorf("an empty figure does not say so: %q", texts(es))
	}
}

// TestTopomapStaysNearTheSensors holds the map to what was measured: it goes through the values, levels off beyond the sensors instead of
// going on with their slope, and leaves the head blank where no sensor is near.
func TestTopomapStaysNearTheSensors(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	occipital := []Sensor{{"O1", -0.3, -0.85}, {"Oz", 0, -0.95}, {"O2", 0.3, -0.85}, {"PO3", -0.25, -0.65}, {"POz", 0, -0.65}, {"PO4", 0.25, -0.65}}
	for name, sensors := range map[string][]Sensor{"whole head": montage(28), "dense": montage(64), "occipital": occipital, "three": occipital[:3]} {
		for trial := range 20 {
			values := make([]float64, len(sensors))
			for i, q := range sensors {
				values[i] = 5*q.X - 3*q.Y + 0.2*rng.NormFloat64() // a slope that reaches the edge
			}
			s, why := newSpline(sensors, values)
			if s == nil {
				t.Fatal(name, why)
			}
			lo, hi := slices.Min(values), slices.Max(values)
			slack := 0.1 * (hi - lo)
			for i, q := range sensors {
				if math.Abs(s.at(q.X, q.Y)-values[i]) > 1e-6*(hi-lo) || !s.covers(q.X, q.Y, 0) {
					t.Fatalf("%s, trial %d: at %s the map has %g (shown: %v), measured is %g", name, trial, q.Name, s.at(q.X, q.Y), s.covers(q.X, q.Y, 0), values[i])
				}
			}
			for j := range 60 {
				for i := range 60 {
					x, y := gridAt(float64(i), 60), gridAt(float64(j), 60)
					if v := s.at(x, y); s.covers(x, y, 0) && (v < lo-slack || v > hi+slack) {
						t.Fatalf("%s, trial %d: at (%.2f, %.2f) the map has %g, the values run from %g to %g", name, trial, x, y, v, lo, hi)
					}
				}
			}
		}
	}
	s, _ := newSpline(occipital, []float64{1, 2, 3, 4, 5, 6})
	for _, q := range s.edge() {
		if !s.covers(q[0], q[1], 0) || s.covers(q[0]+0.02*q[0], q[1], 0) && s.covers(q[0], q[1]+0.02*q[1], 0) && math.Hypot(q[0], q[1]) > 1 {
			t.Errorf("(%.2f, %.2f) is not on the edge of what is covered", q[0], q[1])
		}
	}
	for _, at := range [][2]float64{{0, 0.5}, {0, 0}, {0.9, 0}} {
		if s.covers(at[0], at[1], 0) {
			t.Errorf("the map reaches (%.1f, %.1f), far from any sensor", at[0], at[1])
		}
	}
	far := Topomap(Frame{}, append(montage(8), Sensor{"nose", 0, 1.9}), Scale{}, ScalpValues{Values: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}})
	checkFigure(t, far)
	if !strings.Contains(far.SVG, "1 of 9 sensors lie far below the ears") {
		t.Error("a sensor that is not shown is not told")
	}
}

func TestConvexHull(t *testing.T) {
	for _, tc := range []struct {
		x, y []float64
		want int
	}{
		{[]float64{0, 1, 1, 0, 0.5, 0.5}, []float64{0, 0, 1, 1, 0.5, 0}, 4},
		{[]float64{0, 1, 2}, []float64{0, 1, 2}, 2},
		{[]float64{0, 0, 1}, []float64{0, 0, 0}, 2},
		{[]float64{0, 0, 0}, []float64{0, 0, 0}, 1},
	} {
		if got := convexHull(tc.x, tc.y); len(got) != tc.want && !(tc.want < 3 && len(got) < 3) {
			t.Errorf("the hull of %v %v is %v, want %d corners", tc.x, tc.y, got, tc.want)
		}
	}
}
