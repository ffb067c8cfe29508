// Package table reads tables kept as text: CSV, TSV, and columns separated by semicolons, bars or blanks, plain or compressed
// by gzip. It finds out by itself what people otherwise have to say (the separator, the header rows, which columns are
// numbers, times or text, how times are written) and reports what it found. ReadFile takes a whole table into memory:
//
//	t, err := table.ReadFile("nyc_taxi.csv")
//	riders, err := t.Numbers("value")
//	when, err := t.Times("timestamp")
//
// A Reader takes it row by row, in memory that does not depend on its length:
//
//	r, err := table.Open("nyc_taxi.csv")
//	defer r.Close()
//	when, err := r.Find("timestamp", table.Time)
//	riders, err := r.Find("value", table.Number)
//	for r.Next() {
//		learn(r.Time(when), r.Number(riders))
//	}
//	err = r.Err()
//
// Columns are decided on the first thousand rows. A later cell that does not fit its column is an error that names file, line
// and column; it is never quietly turned into a gap or the column into text. Gaps are empty cells and the usual words (NA,
// NaN, null ...); they read as NaN, the zero time or "".
package table
