package fif

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// Compensation is a matrix by which CTF's reference sensors take distant interference out of the others: what each row's channel loses is the
// sum of its coefficients times the columns' channels.
type Compensation struct {
	Grade      int // 1 to 3 of CTF's first to third order; another number as the file has it
	Rows       []string
	Columns    []string
	Values     [][]float64 // by row, for samples in the units of the channels; nil if channels whose calibration it needs are not in the file
	Calibrated bool        // the file has them for such samples; if not, they were scaled by the calibrations of the channels
}

// gradesOfCTF are the codes of CTF's grades, which are letters: G1BR, G2BR, G3BR.
var gradesOfCTF = map[int64]int{0x47314252: 1, 0x47324252: 2, 0x47334252: 3}

// Grade is the compensation that the samples were saved with: 0 for none, else the Grade of a matrix. It is an error for channels to differ.
func (info *Info) Grade() (int, error) {
	grade, first := 0, -1
	for i, c := range info.Channels {
		if c.Kind != kindMEG {
			continue
		}
		g := c.Coil >> 16
		if first >= 0 && g != grade {
			return 0, &recording.Error{Field: "compensation", Offset: -1, Found: fmt.Sprintf("grade %d of channel %s and %d of %s", grade, info.Channels[first].Name, g, c.Name),
				Expected: "one grade of all MEG channels"}
		}
		if first < 0 {
			grade, first = g, i
		}
	}
	return grade, nil
}

// compensations reads the matrices of a measurement's info.
func (f *File) compensations(b *block, info *Info, renamed map[string]string) ([]Compensation, error) {
	var out []Compensation
	for _, all := range b.all(blockCompensations) {
		for _, one := range all.all(blockCompensation) {
			c, err := f.compensation(one, info, renamed)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

func (f *File) compensation(b *block, info *Info, renamed map[string]string) (c Compensation, err error) {
	missing := func(what string) (Compensation, error) {
		return c, f.broken(-1, "a compensation matrix without "+what, "one with kind, rows, columns and values")
	}
	t, ok := b.tag(kindCompensationKind)
	if !ok {
		return missing("a kind")
	}
	kind, err := f.int(t)
	if err != nil {
		return c, err
	}
	if c.Grade, ok = gradesOfCTF[kind]; !ok {
		c.Grade = int(kind)
	}
	if t, ok := b.tag(kindCompensationCalibrated); ok {
		x, err := f.int(t)
		if err != nil {
			return c, err
		}
		c.Calibrated = x != 0
	}
	named := b
	if inner := b.first(blockNamedMatrix); inner != nil {
		named = inner
	}
	if t, ok = named.tag(kindCompensationData); !ok {
		return missing("values")
	}
	elements, dims, err := f.matrix(t)
	if err != nil {
		return c, err
	}
	for _, part := range []struct {
		kind int32
		to   *[]string
	}{{kindRowNames, &c.Rows}, {kindColumnNames, &c.Columns}} {
		t, ok := named.tag(part.kind)
		if !ok {
			return missing("names of rows and columns")
		}
		if *part.to, err = f.names(t); err != nil {
			return c, err
		}
		rename(*part.to, renamed)
	}
	if len(dims) != 2 || dims[0] != len(c.Rows) || dims[1] != len(c.Columns) {
		return c, f.broken(t.at, fmt.Sprintf("a compensation matrix of shape %v", dims), fmt.Sprintf("%d rows and %d columns, as it has names", len(c.Rows), len(c.Columns)))
	}
	flat, err := f.numbers(elements)
	if err != nil {
		return c, err
	}
	scale := func(names []string) []float64 {
		out := make([]float64, len(names))
		for i, name := range names {
			k := slices.IndexFunc(info.Channels, func(c Channel) bool { return c.Name == name })
			if k < 0 {
				return nil
			}
			out[i] = info.Channels[k].Range * info.Channels[k].Cal
		}
		return out
	}
	var rows, columns []float64
	if !c.Calibrated {
		if rows, columns = scale(c.Rows), scale(c.Columns); rows == nil || columns == nil {
			return c, nil
		}
	}
	for i := range c.Rows {
		row := flat[i*len(c.Columns) : (i+1)*len(c.Columns) : (i+1)*len(c.Columns)]
		for k := range row {
			if !c.Calibrated {
				row[k] = rows[i] * row[k] * (1 / columns[k])
			}
			if math.IsNaN(row[k]) || math.IsInf(row[k], 0) {
				return c, f.broken(elements.at, fmt.Sprintf("%g in a compensation matrix", row[k]), "a number")
			}
		}
		c.Values = append(c.Values, row)
	}
	return c, nil
}

// compensationText says what is known about compensation; empty when nothing.
func (info *Info) compensationText() string {
	grade, err := info.Grade()
	if err != nil {
		return err.Error()
	}
	if grade == 0 && len(info.Compensations) == 0 {
		return ""
	}
	var grades []string
	for _, c := range info.Compensations {
		grades = append(grades, fmt.Sprint(c.Grade))
	}
	text := "none"
	if grade != 0 {
		text = fmt.Sprintf("samples are of grade %d", grade)
	}
	if len(grades) > 0 {
		text += fmt.Sprintf(", matrices of grades %s", strings.Join(grades, ", "))
	}
	return text
}
