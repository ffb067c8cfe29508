package report

import (
	"math"
	"strings"
	"testing"
)

func TestSheet(t *testing.T) {
	s := Sheet{Kind: "Recording", Title: "<b>.edf", Facts: []Fact{{"rate", "250 Hz"}}, Notes: []Note{{true, "channel Cz is flat"}}, Command: "gyrus inspect",
		Parts: []Part{{ID: "traces", Title: "Traces", Figures: []Figure{sampleSlices()}}, {ID: "tree", Title: "Contents", Tree: []Branch{{Name: "a", Kind: "struct", In: []Branch{{Name: "b</ul>", Kind: "3x4"}}}}},
			{ID: "events", Title: "Events", Tables: []Table{{Title: "short", Columns: []string{"x"}, Rows: [][]string{{"1"}}}, {Title: "long one", Columns: []string{"x"}, Rows: make([][]string, 50)}}}}}
	var b strings.Builder
	if err := s.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"&lt;b&gt;.edf", "250 Hz", "channel Cz is flat", "<svg ", "b&lt;/ul&gt;", "<summary>long one</summary>", `href="#tree"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<summary>short", "<script", "http:", "https:"} {
		if strings.Contains(strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, ""), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

func TestTracesShareAScaleByKind(t *testing.T) {
	times := make([]float64, 101)
	small, large := make([]float64, 101), make([]float64, 101)
	for i := range times {
		times[i] = float64(i)
		small[i] = 1000 + 20*math.Sin(float64(i))
		large[i] = 100 * math.Sin(float64(i))
	}
	for _, c := range []struct {
		kinds [2]string
		want  string
		bars  int
	}{{[2]string{"eeg", "eeg"}, "100 µV eeg", 1}, {[2]string{"eeg", "eog"}, "100 µV eog", 2}} {
		f := Traces(Frame{ID: "t"}, times, []Trace{{"a", c.kinds[0], "µV", small, false}, {"b", c.kinds[1], "µV", large, false}})
		var bars []string
		for _, e := range checkFigure(t, f) {
			if e.name == "text" && strings.Contains(e.text, " µV ") {
				bars = append(bars, e.text)
			}
		}
		if len(bars) != c.bars {
			t.Errorf("%v: bars %q", c.kinds, bars)
		}
	}
	for _, empty := range []Figure{Traces(Frame{ID: "none"}, nil, nil), Traces(Frame{ID: "nan"}, []float64{0, 1}, []Trace{{Values: []float64{math.NaN(), math.Inf(1)}}}),
		Slices(Frame{ID: "none"}, Scale{}, nil), Slices(Frame{ID: "odd"}, Scale{}, []Slice{{Width: math.NaN(), Values: [][]float64{{1}}}}), Spectra(Frame{ID: "none"}, nil, nil),
		Spectra(Frame{ID: "flat"}, []float64{0, 1, 2}, []Spectrum{{"a", []float64{0, 0, 0}}})} {
		checkFigure(t, empty)
	}
}

func TestSpectraAreDecibels(t *testing.T) {
	f := Spectra(Frame{ID: "s", YLim: [2]float64{-10, 30}}, []float64{0, 1, 10, 100}, []Spectrum{{"a", []float64{9, 100, 10, 1}}, {"b", []float64{9, 100, 10, 1}}})
	names := 0
	for _, e := range checkFigure(t, f) {
		if e.name == "text" && (e.text == "mean" || e.text == "a" || e.text == "b") {
			names++
		}
		// Falls by 10 dB a decade: two straight pieces of one slope.
		if e.name == "path" && strings.HasPrefix(e.attr["d"], "M") && strings.Count(e.attr["d"], "l") == 1 && e.attr["stroke-width"] == "2.4" {
			var n []float64
			for _, w := range strings.Fields(strings.NewReplacer("M", " ", "l", " ", "-", " -").Replace(e.attr["d"])) {
				n = append(n, number(t, w))
			}
			if len(n) == 6 && math.Abs(n[3]/n[2]-n[5]/n[4]) > 0.01 {
				t.Errorf("the mean is drawn as %v", n)
			}
		}
	}
	if names != 3 {
		t.Errorf("%d of 3 names in the legend", names)
	}
}
