// Package measure holds the numbers by which models of neural data are judged: variance explained, likelihood in bits per
// spike, classification accuracy, forecast error.
//
// Arrays come flat and row-major with the number of columns beside them: a column is a neuron or an output, and everything
// before it (trials, bins) is pooled into rows. All sums are taken in float64 in index order, so a metric is the same on
// every machine.
//
// What may enter: metrics and statistics that more than one paper reports, or that a field has agreed on, each with the
// source of its definition. What must not: anything that fits a model, or knows a particular paper.
//
// As in gonum/stat, arguments whose lengths do not match are a mistake of the calling program and panic; a metric that the
// given data leave undefined is NaN.
package measure
