package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// WriteMetrics writes the document as JSON, without the pictures of its figures. Values that are not finite are kept as strings.
func (d *Document) WriteMetrics(w io.Writer) error {
	slim := *d
	slim.Records = slices.Clone(d.Records)
	for i := range slim.Records {
		r := &slim.Records[i]
		r.Figures = slices.Clone(r.Figures)
		for k := range r.Figures {
			r.Figures[k].SVG = ""
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "\t")
	if err := enc.Encode(&slim); err != nil {
		return fmt.Errorf("writing metrics: %w", err)
	}
	return nil
}

// ReadDocument reads what [Document.WriteMetrics] wrote.
func ReadDocument(r io.Reader) (*Document, error) {
	var d Document
	dec := json.NewDecoder(r)
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("reading metrics at byte %d: %w (expected the metrics.json of a run)", dec.InputOffset(), err)
	}
	return &d, nil
}
