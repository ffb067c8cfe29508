// Package report holds what a run measured and shows it: metrics, curves, tables, figures, the verdict on each claim, and
// one self-contained HTML page per run.
//
// A [Record] is what one seed of an experiment measured. A [Document] is a whole run: its records, its claims with their
// verdicts, its parameters and its environment. It is written as metrics.json ([Document.WriteMetrics]), as an HTML page that
// needs no network and no script ([Document.WriteHTML]), and as a summary for a terminal ([Document.WriteSummary]).
//
// A [Sheet] is a page that is not about a run, such as what is in a recording.
//
// [LinePlot], [ScatterPlot], [Trajectories], [BarPlot], [Histogram], [HeatMap], [ConfusionMatrix], [Raster], [StateTimeline],
// [Topomap], [Traces], [Spectra] and [Slices] draw a [Figure] with gonum/plot on an SVG canvas of this package's own: 700 pixels wide, text of 11 pixels and more,
// colours that stay apart for readers with any common colour vision and follow a light or dark page by themselves. The same input
// gives the same bytes. They never fail: what cannot be drawn is left out and, where a reader could be misled, named under the axes.
//
// The Role of a series gives it its look: the published system is strong and blue, baselines are thinner, ablations dashed.
//
// What may enter: pictures and tables that any paper could use. What must not: knowledge of a particular paper, or of how
// runs are executed. The package imports no other Gyrus package.
package report
