package recording

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
)

// Description answers the question "what is in this file?". It marshals to JSON and prints as a table.
type Description struct {
	Path       string     `json:"path"`
	Format     string     `json:"format"` // Format.Name
	Title      string     `json:"title"`  // what a person calls the format, with its version
	Bytes      int64      `json:"bytes"`
	Properties []Property `json:"properties,omitempty"` // of the file as a whole
	Items      []Item     `json:"items"`
	Warnings   []string   `json:"warnings,omitempty"`
}

// Property is a named fact about a file.
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Item is a variable, a column, a channel: a thing in a file that has a name.
type Item struct {
	Name  string `json:"name"`
	Type  string `json:"type"`           // of its elements: "float64", "text", "struct" ...
	Dims  []int  `json:"dims,omitempty"` // its shape
	Range *Range `json:"range,omitempty"`
	Text  string `json:"text,omitempty"` // what it says, or begins with
	Items []Item `json:"items,omitempty"`
}

// Range sums up numbers.
type Range struct {
	Min      float64 `json:"min"` // of the finite values; 0 when there are none
	Max      float64 `json:"max"`
	Mean     float64 `json:"mean"`
	Finite   int     `json:"finite"`             // how many
	NaN      int     `json:"nan,omitempty"`      // not a number, or missing
	Infinite int     `json:"infinite,omitempty"` // plus or minus infinity
}

// Add takes in one value.
func (r *Range) Add(x float64) {
	switch {
	case math.IsNaN(x):
		r.NaN++
		return
	case math.IsInf(x, 0):
		r.Infinite++
		return
	case r.Finite == 0:
		r.Min, r.Max = x, x
	}
	r.Min, r.Max = min(r.Min, x), max(r.Max, x)
	r.Finite++
	r.Mean += (x - r.Mean) / float64(r.Finite)
}

// RangeOf sums up real numbers or truth values; it gives nil for complex numbers and text.
func RangeOf(a *Array) *Range {
	var r Range
	switch d := a.Data.(type) {
	case []bool:
		for _, v := range d {
			if v {
				r.Add(1)
			} else {
				r.Add(0)
			}
		}
	case []int8:
		addAll(&r, d)
	case []int16:
		addAll(&r, d)
	case []int32:
		addAll(&r, d)
	case []int64:
		addAll(&r, d)
	case []uint8:
		addAll(&r, d)
	case []uint16:
		addAll(&r, d)
	case []uint32:
		addAll(&r, d)
	case []uint64:
		addAll(&r, d)
	case []float32:
		addAll(&r, d)
	case []float64:
		addAll(&r, d)
	default:
		return nil
	}
	return &r
}

func addAll[T number](r *Range, values []T) {
	for _, v := range values {
		r.Add(float64(v))
	}
}

func (r *Range) String() string {
	if r == nil {
		return ""
	}
	var parts []string
	switch {
	case r.Finite == 1:
		parts = append(parts, fmt.Sprintf("%.6g", r.Min))
	case r.Finite > 1 && r.Min == r.Max:
		parts = append(parts, fmt.Sprintf("all %.6g", r.Min))
	case r.Finite > 1:
		parts = append(parts, fmt.Sprintf("%.6g .. %.6g, mean %.6g", r.Min, r.Max, r.Mean))
	}
	if r.NaN > 0 {
		parts = append(parts, fmt.Sprintf("%d NaN", r.NaN))
	}
	if r.Infinite > 0 {
		parts = append(parts, fmt.Sprintf("%d infinite", r.Infinite))
	}
	return strings.Join(parts, ", ")
}

// maxPrinted is how many items String lists; the JSON form has all.
const maxPrinted = 100

// String is the description as a person reads it in a terminal, ending in a newline.
func (d *Description) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s\n", d.Path, d.Title, formatBytes(d.Bytes))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range d.Properties {
		fmt.Fprintf(w, "  %s:\t%s\n", p.Name, printable(p.Value))
	}
	w.Flush()
	w = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.DiscardEmptyColumns)
	for i, it := range d.Items {
		if i == maxPrinted && len(d.Items) > maxPrinted+1 {
			fmt.Fprintf(w, "  ... and %d more\n", len(d.Items)-i)
			break
		}
		it.print(w, "  ")
	}
	w.Flush()
	for _, warning := range d.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", printable(warning))
	}
	return b.String()
}

func (it Item) print(w *tabwriter.Writer, indent string) {
	shape := ""
	if it.Dims != nil {
		shape = FormatDims(it.Dims)
	}
	note := it.Range.String()
	if it.Text != "" {
		if note != "" {
			note += ", "
		}
		note += printable(it.Text)
	}
	fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\n", indent, printable(it.Name), shape, it.Type, note)
	for _, in := range it.Items {
		in.print(w, indent+"  ")
	}
}

// printable keeps a file's text from moving the cursor or colouring the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '·'
		}
		return r
	}, s)
}

func formatBytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.2f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
