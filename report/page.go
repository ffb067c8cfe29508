package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gonum.org/v1/plot/vg"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
)

// WriteHTML writes the document as one HTML page that needs nothing else: no network, no script.
func (d *Document) WriteHTML(w io.Writer) error {
	if err := pageTemplate.Execute(w, d.view()); err != nil {
		return fmt.Errorf("writing the report page: %w", err)
	}
	return nil
}

// What follows is the document as the template wants it: every string ready to be shown.
type (
	pageView struct {
		D            *Document
		CSS          template.CSS
		ArXiv, Code  *link
		SeedsLabel   string
		Seeds        string
		Started      string
		Time, Peak   string
		Sections     []section
		Headline     string
		Chips        []statusView
		Caution      string
		WarningCount string
		Claims       []claimView
		Measured     []measuredView
		MeasuredNote string
		MetricSays   []pair
		PerSeed      []tableView
		Bars         []figureView // the first is shown, the others are folded away
		MoreBars     string
		Curves       []figureView
		Figures      []group[figureView]
		Tables       []group[tableView]
		Notes        []noteView
		ParamsNote   string
		Data         []dataView
		Environment  []pair
		Cost         bool
		CostTable    tableView
	}
	link       struct{ Text, URL string }
	section    struct{ ID, Title string }
	pair       struct{ Text, Title string }
	statusView struct{ Class, Text string }
	claimView  struct {
		ID, Says, Origin, Published, Why string
		Status                           statusView
		Conditions                       []conditionView
	}
	conditionView struct {
		Says, Left, Op, Right string
		Holds                 bool
	}
	measuredView struct {
		Heads []headView
		Rows  []rowView
	}
	headView struct {
		Name, Unit string
		Arrow      *pair
	}
	rowView struct {
		Name, Says, Role string
		Subject          bool
		Cells            []cellView
	}
	cellView struct {
		Mean, SD, Note string
		Best           bool
	}
	tableView struct {
		Title, Caption string
		Columns        []textView
		Rows           [][]textView
	}
	textView struct {
		Text   string
		Number bool
	}
	figureView struct {
		Title, Caption string
		SVG            template.HTML
	}
	noteView struct {
		Text, Seeds string
		Warning     bool
	}
	dataView struct {
		Input, Says string
		Facts       []pair
	}
	// group is what one key has in the first seed that has it, and in the others.
	group[T any] struct {
		First     T
		Rest      []T
		RestLabel string
	}
)

func (d *Document) view() *pageView {
	seconds, peak := d.cost()
	v := &pageView{D: d, CSS: template.CSS(pageCSS), ArXiv: arXivLink(d.ArXiv), Code: codeLink(d.Code), Headline: d.headline(), Caution: d.caution(),
		Time: durationText(seconds)}
	v.SeedsLabel, v.Seeds = "Seed", seedList(d.Seeds)
	if len(d.Seeds) != 1 {
		v.SeedsLabel = "Seeds"
	}
	if !d.Started.IsZero() {
		v.Started = d.Started.Format("2 January 2006, 15:04 MST")
	}
	if peak > 0 {
		v.Peak = bytesText(peak)
	}
	n := d.count()
	for _, s := range statuses {
		if n[s] > 0 {
			c := viewStatus(s)
			c.Text = strconv.Itoa(n[s]) + " " + c.Text
			v.Chips = append(v.Chips, c)
		}
	}
	for _, c := range d.Claims {
		v.Claims = append(v.Claims, viewClaim(c))
	}
	d.viewResults(v)
	v.Curves = d.viewCurves()
	d.viewFiguresAndTables(v)
	warnings := 0
	for _, n := range d.notes() {
		nv := noteView{Text: n.Text, Warning: n.Warning}
		if len(n.seeds) < len(d.Records) {
			nv.Seeds = "(" + seedsWord(n.seeds) + ")"
		}
		if n.Warning {
			warnings++
		}
		v.Notes = append(v.Notes, nv)
	}
	if warnings > 0 {
		v.WarningCount = plural(warnings, "warning")
	}
	v.ParamsNote = "As the " + d.Preset + " preset sets them."
	if slices.ContainsFunc(d.Params, func(p Param) bool { return p.Changed }) {
		v.ParamsNote = "As the " + d.Preset + " preset sets them, except those marked “set”, which the user chose."
	}
	for _, s := range d.Data {
		dv := dataView{Input: s.Input, Says: s.Says}
		for _, p := range []pair{{"File", s.Path}, {"Size", ""}, {"SHA-256", s.SHA256}} {
			if p.Text == "Size" && s.Bytes > 0 {
				p.Title = bytesText(s.Bytes)
				if s.Bytes >= 1000 {
					p.Title += " (" + fixed(float64(s.Bytes), 0) + " bytes)"
				}
			}
			if p.Title != "" {
				dv.Facts = append(dv.Facts, p)
			}
		}
		v.Data = append(v.Data, dv)
	}
	d.viewEnvironment(v, seconds, peak)
	for _, s := range []struct {
		there bool
		section
	}{
		{true, section{"result", "Result"}}, {len(v.Claims) > 0, section{"claims", "Claims"}}, {len(v.Measured) > 0, section{"measured", "Measured"}},
		{len(v.Curves) > 0, section{"curves", "Curves"}}, {len(v.Figures) > 0, section{"figures", "Figures"}}, {len(v.Tables) > 0, section{"tables", "Tables"}},
		{len(v.Notes) > 0, section{"notes", "Notes"}}, {len(d.Params) > 0, section{"parameters", "Parameters"}}, {len(v.Data) > 0, section{"data", "Data"}},
		{true, section{"environment", "Environment"}}, {d.Command != "", section{"repeat", "Repeat"}},
	} {
		if s.there {
			v.Sections = append(v.Sections, s.section)
		}
	}
	return v
}

var arXivID = regexp.MustCompile(`^\d{4}\.\d{4,5}(v\d+)?$|^[a-z-]+(\.[A-Z]{2})?/\d{7}(v\d+)?$`)

// arXivLink makes a link of an arXiv identifier or an address; anything else is shown as text.
func arXivLink(s string) *link {
	switch {
	case s == "":
		return nil
	case arXivID.MatchString(s):
		return &link{"arXiv " + s, "https://arxiv.org/abs/" + s}
	}
	return webLink("Paper: ", s)
}

func codeLink(s string) *link {
	if s == "" {
		return nil
	}
	return webLink("Code: ", s)
}

// webLink makes a link of an http(s) address or of a host with a path, such as github.com/a/b.
func webLink(label, s string) *link {
	address := s
	if first, _, _ := strings.Cut(s, "/"); !strings.Contains(s, ":") && strings.Contains(first, ".") {
		address = "https://" + s
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return &link{Text: label + s}
	}
	return &link{label + strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://"), u.String()}
}

func viewStatus(s Status) statusView {
	class := "not-tested"
	switch s {
	case Reproduced, Partly:
		class = string(s)
	case NotReproduced:
		class = "not-reproduced"
	}
	return statusView{class, string(s)}
}

func viewClaim(c ClaimRow) claimView {
	v := claimView{ID: c.ID, Says: c.Says, Origin: "from the paper", Published: c.Published, Why: c.Verdict.Why, Status: viewStatus(c.Verdict.Status)}
	if c.Origin == "ours" {
		v.Origin = "our own check"
	}
	for _, k := range c.Verdict.Conditions {
		l, r := k.sides()
		v.Conditions = append(v.Conditions, conditionView{Says: k.Says, Left: l, Op: k.Op, Right: r, Holds: k.Holds})
	}
	return v
}

func seedList(seeds []int64) string {
	s := make([]string, len(seeds))
	for i, n := range seeds {
		s[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(s, ", ")
}

func seedsWord(seeds []int64) string {
	if len(seeds) == 1 {
		return "seed " + seedList(seeds)
	}
	return "seeds " + seedList(seeds)
}

// perTable is how many metrics stand side by side in one table.
const perTable = 6

func (d *Document) viewResults(v *pageView) {
	t := d.results()
	best := false
	for from := 0; from < len(t.metrics); from += perTable {
		ms := t.metrics[from:min(from+perTable, len(t.metrics))]
		m := measuredView{}
		for _, x := range ms {
			h := headView{Name: x.Name, Unit: x.Unit}
			switch x.Better {
			case Higher:
				h.Arrow = &pair{"↑", "higher is better"}
			case Lower:
				h.Arrow = &pair{"↓", "lower is better"}
			}
			m.Heads = append(m.Heads, h)
		}
		for i, s := range t.systems {
			row := rowView{Name: s.Name, Says: s.Says, Role: string(s.Role), Subject: s.Role == Subject}
			any := false
			for j := range ms {
				c := t.cells[i][from+j]
				cv := cellView{Mean: c.meanText, SD: c.sdText, Best: c.best}
				switch {
				case c.n == 0:
					cv.Mean = "–"
				case c.n < len(t.seeds):
					cv.Note = "of " + plural(c.n, "seed")
				}
				best, any = best || c.best, any || c.n > 0
				row.Cells = append(row.Cells, cv)
			}
			if any {
				m.Rows = append(m.Rows, row)
			}
		}
		v.Measured = append(v.Measured, m)
	}
	if len(t.metrics) == 0 {
		return
	}
	if n := len(t.seeds); n > 1 {
		v.MeasuredNote = "Mean ± standard deviation over " + plural(n, "seed") + "."
	} else {
		v.MeasuredNote = "One seed: there is no spread to judge differences by."
	}
	v.MeasuredNote += " ↑ higher is better, ↓ lower is better."
	if best {
		v.MeasuredNote += " ★ marks the best of a column."
	}
	for _, m := range t.metrics {
		if m.Says != "" {
			v.MetricSays = append(v.MetricSays, pair{m.Name, m.Says})
		}
	}
	v.Bars = t.bars()
	if n := len(v.Bars); n > 1 {
		v.MoreBars = "The same for " + plural(n-1, "other metric")
	}
	if len(t.seeds) < 2 {
		return
	}
	for j, m := range t.metrics {
		tv := tableView{Title: m.Name, Caption: m.Name, Columns: []textView{{Text: "System"}}}
		if m.Unit != "" {
			tv.Caption += " (" + m.Unit + ")"
		}
		for _, s := range t.seeds {
			tv.Columns = append(tv.Columns, textView{"seed " + strconv.FormatInt(s, 10), true})
		}
		for i, s := range t.systems {
			if t.cells[i][j].n == 0 {
				continue
			}
			row := []textView{{Text: s.Name}}
			for _, x := range t.cells[i][j].values {
				row = append(row, textView{significant(float64(x), 5), true})
			}
			tv.Rows = append(tv.Rows, row)
		}
		v.PerSeed = append(v.PerSeed, tv)
	}
}

// bars draws each metric that has a better side and more than one system as bars, with their spread over the seeds.
func (t *results) bars() (out []figureView) {
	for j, m := range t.metrics {
		if m.Better == Neither {
			continue
		}
		var bars []Bars
		for i, s := range t.systems {
			if c := t.cells[i][j]; c.n > 0 {
				bars = append(bars, Bars{Name: s.Name, Role: s.Role, Values: [][]float64{floats(c.values)}})
			}
		}
		if len(bars) < 2 {
			continue
		}
		label := m.Name
		if m.Unit != "" {
			label += " (" + m.Unit + ")"
		}
		caption := map[Better]string{Higher: "Higher is better.", Lower: "Lower is better."}[m.Better]
		if n := len(t.seeds); n > 1 {
			caption += " Bars are means over " + plural(n, "seed") + ", dots the seeds, whiskers one standard deviation to each side."
		} else {
			caption += " One seed."
		}
		f := BarPlot(Frame{ID: "bars-" + strconv.Itoa(j+1), Title: m.Name, Caption: caption, XLabel: label}, nil, bars)
		out = append(out, figureView{Title: f.Title, Caption: f.Caption, SVG: template.HTML(f.SVG)})
	}
	return out
}

// viewCurves draws one figure for each plot title. Where the seeds of a series share their x values the line is their mean and the shade
// reaches from the smallest to the largest; otherwise each seed is a thin line.
func (d *Document) viewCurves() []figureView {
	var titles []string
	curves := map[string][]Curve{}
	for _, r := range d.Records {
		for _, c := range r.Curves {
			if _, seen := curves[c.Plot]; !seen {
				titles = append(titles, c.Plot)
			}
			curves[c.Plot] = append(curves[c.Plot], c)
		}
	}
	_, systems := d.declared()
	var out []figureView
	for i, title := range titles {
		out = append(out, drawCurves("curve-"+strconv.Itoa(i+1), title, curves[title], systems, len(d.Records)))
	}
	return out
}

func drawCurves(id, title string, curves []Curve, systems []System, seeds int) figureView {
	f := Frame{ID: id, Title: title, Height: 340}
	var names []string
	bySeries := map[string][]Curve{}
	for _, c := range curves {
		if _, seen := bySeries[c.Series]; !seen {
			names = append(names, c.Series)
		}
		bySeries[c.Series] = append(bySeries[c.Series], c)
		if f.XLabel == "" {
			f.XLabel = c.XLabel
		}
		if f.YLabel == "" {
			f.YLabel = c.YLabel
		}
		f.XLog, f.YLog = f.XLog || c.LogX, f.YLog || c.LogY
		for _, r := range c.Events {
			if !slices.Contains(f.Events, r) {
				f.Events = append(f.Events, r)
			}
		}
		for _, r := range c.Levels {
			if !slices.Contains(f.Levels, r) {
				f.Levels = append(f.Levels, r)
			}
		}
	}
	looks := seriesLooks(names, systems)
	var series []Series
	var drawn []stroke
	shaded, thinLines := false, false
	for i, name := range names {
		cs := bySeries[name]
		if s, ok := meanCurve(name, cs); ok {
			series, drawn = append(series, s), append(drawn, looks[i])
			shaded = shaded || s.Low != nil
			continue
		}
		thinLines = true
		for k, c := range cs {
			s := Series{X: floats(c.X), Y: floats(c.Y)}
			if k == 0 {
				s.Name = name
			}
			look := looks[i]
			look.width = 1.1
			series, drawn = append(series, s), append(drawn, look)
		}
	}
	var caption []string
	switch {
	case shaded:
		caption = append(caption, fmt.Sprintf("Lines are means over %s; shades reach from the smallest to the largest.", plural(seeds, "seed")))
	case seeds == 1:
		caption = append(caption, "One seed.")
	}
	if thinLines {
		caption = append(caption, "Thin lines are single seeds.")
	}
	f.Caption = strings.Join(caption, " ")
	fig := linePlot(f, series, drawn)
	return figureView{Title: fig.Title, Caption: fig.Caption, SVG: template.HTML(fig.SVG)}
}

// meanCurve returns the mean of curves that share their x values.
func meanCurve(name string, cs []Curve) (Series, bool) {
	n := len(cs[0].Y)
	for _, c := range cs {
		if len(c.Y) != n || len(c.X) != len(cs[0].X) || !slices.Equal(c.X, cs[0].X) {
			return Series{}, false
		}
	}
	s := Series{Name: name, X: floats(cs[0].X), Y: floats(cs[0].Y)}
	if len(cs) == 1 {
		return s, true
	}
	s.Low, s.High = make([]float64, n), make([]float64, n)
	for k := range n {
		sum, lo, hi := 0.0, math.Inf(1), math.Inf(-1)
		for _, c := range cs {
			y := float64(c.Y[k])
			sum, lo, hi = sum+y, math.Min(lo, y), math.Max(hi, y)
		}
		s.Y[k], s.Low[k], s.High[k] = sum/float64(len(cs)), lo, hi
	}
	return s, true
}

func floats(v []Number) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

// seriesLooks gives a series the look of the system it is named after, the same in every plot. Further series of one system, such as
// "X training" beside "X validation", keep its colour and are dashed; series of no system take plain looks.
func seriesLooks(names []string, systems []System) []stroke {
	roles := make([]Role, len(systems))
	for i, s := range systems {
		roles[i] = s.Role
	}
	ofSystem := strokesFor(roles)
	used := map[int]int{}
	looks := make([]stroke, len(names))
	var others []int
	for i, name := range names {
		best := -1
		for k, s := range systems {
			if s.Name != "" && strings.HasPrefix(name, s.Name) && (best < 0 || len(s.Name) > len(systems[best].Name)) {
				best = k
			}
		}
		if best < 0 {
			others = append(others, i)
			continue
		}
		looks[i] = ofSystem[best]
		if n := used[best]; n > 0 {
			looks[i].dashes = furtherDashes[(n-1)%len(furtherDashes)]
		}
		used[best]++
	}
	plainLooks := strokesFor(make([]Role, len(others)))
	for k, i := range others {
		looks[i] = plainLooks[k]
	}
	return looks
}

// furtherDashes are the dashes of a system's second, third, ... series.
var furtherDashes = [][]vg.Length{{2, 3}, {9, 3}, {9, 3, 2, 3}}

func (d *Document) viewFiguresAndTables(v *pageView) {
	figures, tables := map[string]int{}, map[string]int{}
	for _, r := range d.Records {
		seed := " (seed " + strconv.FormatInt(r.Seed, 10) + ")"
		for _, f := range r.Figures {
			fv := viewFigure(f)
			if i, seen := figures[f.ID]; seen {
				g := &v.Figures[i]
				fv.Title += seed
				g.Rest = append(g.Rest, fv)
				g.RestLabel = "The same for " + plural(len(g.Rest), "other seed")
				continue
			}
			figures[f.ID] = len(v.Figures)
			if len(d.Records) > 1 {
				fv.Title += seed
			}
			v.Figures = append(v.Figures, group[figureView]{First: fv})
		}
		for _, t := range r.Tables {
			tv := viewTable(t)
			if i, seen := tables[t.ID]; seen {
				g := &v.Tables[i]
				tv.Title += seed
				g.Rest = append(g.Rest, tv)
				g.RestLabel = "The same for " + plural(len(g.Rest), "other seed")
				continue
			}
			tables[t.ID] = len(v.Tables)
			if len(d.Records) > 1 {
				tv.Title += seed
			}
			v.Tables = append(v.Tables, group[tableView]{First: tv})
		}
	}
}

func viewFigure(f Figure) figureView {
	v := figureView{Title: f.Title, Caption: f.Caption}
	if v.Title == "" {
		v.Title = f.ID
	}
	switch err := checkSVG(f.SVG); {
	case f.SVG == "":
		v.Caption = strings.TrimSpace(v.Caption + " (The picture is not part of this document.)")
	case err != nil:
		v.Caption = strings.TrimSpace(v.Caption + " (The picture is left out: " + err.Error() + ".)")
	default:
		v.SVG = template.HTML(f.SVG)
	}
	return v
}

func viewTable(t Table) tableView {
	v := tableView{Title: t.Title, Caption: t.Caption}
	cols := len(t.Columns)
	for _, r := range t.Rows {
		cols = max(cols, len(r))
	}
	numeric := make([]bool, cols)
	for j := range numeric {
		seen := false
		numeric[j] = true
		for _, r := range t.Rows {
			if j < len(r) && strings.TrimSpace(r[j]) != "" {
				numeric[j], seen = numeric[j] && looksNumeric(r[j]), true
			}
		}
		numeric[j] = numeric[j] && seen
		c := textView{Number: numeric[j]}
		if j < len(t.Columns) {
			c.Text = t.Columns[j]
		}
		v.Columns = append(v.Columns, c)
	}
	for _, r := range t.Rows {
		row := make([]textView, cols)
		for j := range row {
			row[j].Number = numeric[j]
			if j < len(r) {
				row[j].Text = r[j]
			}
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// looksNumeric reports whether a table's cell should stand at the right: it begins like a number and is short, or it is a dash.
func looksNumeric(s string) bool {
	s = strings.TrimSpace(s)
	if s == "–" || s == "-" || s == "—" || strings.EqualFold(s, "nan") {
		return true
	}
	rest := strings.TrimLeft(s, "+-−±<>≤≥≈~ ")
	return len([]rune(s)) <= 24 && rest != "" && (unicode.IsDigit([]rune(rest)[0]) || rest[0] == '.')
}

func (d *Document) viewEnvironment(v *pageView, seconds float64, peak int64) {
	e := d.Environment
	add := func(name, value string) {
		if value != "" {
			v.Environment = append(v.Environment, pair{name, value})
		}
	}
	add("Gyrus", e.Gyrus)
	add("Go", e.Go)
	add("System", strings.Trim(e.OS+"/"+e.Arch, "/"))
	add("Processor", e.CPU)
	if e.Threads > 0 {
		add("Threads", strconv.Itoa(e.Threads))
	}
	if e.Backend == "" {
		add("Backend", "none: this experiment needs no graph engine")
	} else {
		add("Backend", e.Backend)
	}
	add("Computing time", durationText(seconds))
	if !d.Started.IsZero() && !d.Finished.IsZero() {
		add("From start to end", durationText(d.Finished.Sub(d.Started).Seconds()))
	}
	if peak > 0 {
		add("Peak memory", bytesText(peak))
	}
	if len(d.Records) > 1 {
		v.Cost = true
		v.CostTable = tableView{Title: "Time and memory of each seed", Columns: []textView{{Text: "Seed"}, {"Time", true}, {"Peak memory", true}}}
		for _, r := range d.Records {
			mem := "–"
			if r.PeakBytes > 0 {
				mem = bytesText(r.PeakBytes)
			}
			v.CostTable.Rows = append(v.CostTable.Rows, []textView{{Text: strconv.FormatInt(r.Seed, 10)}, {durationText(r.Seconds), true}, {mem, true}})
		}
	}
}
