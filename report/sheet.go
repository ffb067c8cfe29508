package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

// Sheet is a page that is not about a run: what is in a file, what a decomposition found. It is written like a [Document], as one HTML page
// that needs no network and no script.
type Sheet struct {
	Kind    string // what page it is, above the title: "Recording"
	Title   string
	Summary string
	Facts   []Fact
	Notes   []Note
	Parts   []Part
	Command string // the command line that repeats it
}

// Fact is a named property.
type Fact struct{ Name, Value string }

// Part is a section of a [Sheet].
type Part struct {
	ID      string // of its link, such as "traces"
	Title   string
	Text    string
	Figures []Figure
	Tables  []Table
	Tree    []Branch
}

// Branch is a thing with a name and things in it.
type Branch struct {
	Name, Kind, Says string
	In               []Branch
}

var (
	//go:embed sheet.html
	sheetHTML string

	sheetTemplate = template.Must(template.New("sheet").Funcs(template.FuncMap{"figure": viewFigure, "table": viewTable, "long": long}).Parse(sheetHTML))
)

// WriteHTML writes the page.
func (s *Sheet) WriteHTML(w io.Writer) error {
	err := sheetTemplate.Execute(w, struct {
		*Sheet
		CSS template.CSS
	}{s, template.CSS(pageCSS)})
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// long says whether a table is to be folded away at first.
func long(t Table) bool { return len(t.Rows) > 24 }
