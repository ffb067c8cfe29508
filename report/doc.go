// Package report holds what a run measured and shows it: metrics, curves, tables, figures, the verdict on each claim, and
// one self-contained HTML page per run.
//
// A [Record] is what one seed of an experiment measured. A [Document] is a whole run: its records, its claims with their
// verdicts, its parameters and its environment; it is written as metrics.json and as an HTML page that needs no network.
// The functions that return a [Figure] draw with gonum/plot as SVG.
//
// What may enter: pictures and tables that any paper could use. What must not: knowledge of a particular paper, or of how
// runs are executed. The package imports no other Gyrus package.
package report
