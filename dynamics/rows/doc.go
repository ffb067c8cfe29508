// Package rows sums rows of a table that are picked by where they begin, and adds one row to many: what a layer does whose inputs are a few events
// out of many possible ones, forward and for its gradient. Sums run in vector registers where the processor has them.
//
// What may enter: loops over picked rows. What must not: what the rows mean.
package rows
