// Package assign solves the linear assignment problem: each row of a table of costs gets a column of its own so that the sum of the costs is least.
// Detections are matched with tracks, clusters with classes and units of one network with those of another in this way.
//
//	columns, total, err := assign.Least(cost)
//
// What may enter: exact matchings. What must not: how costs are made, and matchings that are not linear in them (package similarity has one).
package assign
