package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Better says which direction of a metric is an improvement.
type Better string

// The directions a metric can have.
const (
	Higher  Better = "higher"
	Lower   Better = "lower"
	Neither Better = ""
)

// Metric describes a quantity that an experiment measures.
type Metric struct {
	ID     string `json:"id"`             // stable key, such as "rate-r2"
	Name   string `json:"name"`           // what a reader sees, such as "rate R²"
	Unit   string `json:"unit,omitempty"` // such as "bits/spike"; empty for a pure number
	Better Better `json:"better,omitempty"`
	Says   string `json:"says,omitempty"` // one line: what it is and on which data it is taken
}

// Role says why a system is in an experiment.
type Role string

// The roles of the systems in an experiment.
const (
	Subject  Role = "system"   // the published system
	Baseline Role = "baseline" // another method with the same data, budget and care
	Ablation Role = "ablation" // the published system with a part removed
	Truth    Role = "truth"    // not a system: what a figure holds the systems against
)

// System is one of the methods an experiment runs side by side.
type System struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	Says string `json:"says,omitempty"` // one line: what it is
}

// Number is a float64 whose JSON form keeps NaN and the infinities, as the strings "NaN", "+Inf" and "-Inf".
type Number float64

// MarshalJSON implements [json.Marshaler].
func (n Number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte(strconv.Quote(strconv.FormatFloat(v, 'g', -1, 64))), nil
	}
	return json.Marshal(v)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Number) UnmarshalJSON(b []byte) error {
	s := string(b)
	if len(s) >= 2 && s[0] == '"' {
		s = s[1 : len(s)-1]
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return fmt.Errorf("report: %s is not a number", b)
	}
	*n = Number(v)
	return nil
}

// Numbers converts a float64 slice for storage.
func Numbers(v []float64) []Number {
	out := make([]Number, len(v))
	for i, x := range v {
		out[i] = Number(x)
	}
	return out
}

// Measurement is one number that one seed measured on one system.
type Measurement struct {
	System string `json:"system"`
	Metric string `json:"metric"` // a [Metric] ID
	Value  Number `json:"value"`
}

// Curve is a series that belongs on a shared plot: all curves with one Plot title are drawn together.
type Curve struct {
	Plot   string   `json:"plot"`   // title of the plot, such as "validation loss"
	Series string   `json:"series"` // legend entry, usually the system's name
	XLabel string   `json:"xLabel"` // with unit, such as "epoch"
	YLabel string   `json:"yLabel"` // with unit, such as "NLL (nats/bin)"
	X      []Number `json:"x"`
	Y      []Number `json:"y"`

	// What follows belongs to the whole plot: it is enough that one of its curves says it.
	LogX   bool  `json:"logX,omitempty"`   // logarithmic axes
	LogY   bool  `json:"logY,omitempty"`   //
	Events []Ref `json:"events,omitempty"` // vertical lines, such as {10000, "swap"}
	Levels []Ref `json:"levels,omitempty"` // horizontal lines, such as {0.5, "chance"}
}

// Figure is a picture that belongs to the method.
type Figure struct {
	ID      string `json:"id"`            // stable key, such as "latents"
	Title   string `json:"title"`         //
	Caption string `json:"caption"`       // what to see in it, with what was measured
	SVG     string `json:"svg,omitempty"` // a whole <svg> element; metrics.json leaves it out. The page takes drawing elements only: no script, id or outside address
}

// Table is a table of measured values. Cells are already formatted.
type Table struct {
	ID      string     `json:"id"`
	Title   string     `json:"title"`
	Caption string     `json:"caption,omitempty"`
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// Note is a remark that the reader of a result must see: a deviation, a warning about the data, an explanation.
type Note struct {
	Warning bool   `json:"warning,omitempty"`
	Text    string `json:"text"`
}

// Record is everything one seed of an experiment measured.
type Record struct {
	Seed         int64         `json:"seed"`
	Measurements []Measurement `json:"measurements"`
	Curves       []Curve       `json:"curves,omitempty"`
	Figures      []Figure      `json:"figures,omitempty"`
	Tables       []Table       `json:"tables,omitempty"`
	Notes        []Note        `json:"notes,omitempty"`
	Seconds      float64       `json:"seconds"`   // wall time, summed over interruptions
	PeakBytes    int64         `json:"peakBytes"` // largest resident size of the process seen during this seed
}

// Value returns what the record holds for a system and metric, and whether it holds it.
func (r *Record) Value(system, metric string) (float64, bool) {
	for _, m := range r.Measurements {
		if m.System == system && m.Metric == metric {
			return float64(m.Value), true
		}
	}
	return math.NaN(), false
}
