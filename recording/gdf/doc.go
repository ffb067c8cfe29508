// Package gdf reads the General Data Format for biosignals of versions 1 and 2 (Schloegl, "GDF - A general dataformat for
// biosignals"), which BCI recordings are often kept in.
//
//	r, err := recording.Open("subject01.gdf")
//
// Samples of all integer and floating-point types are read, signals of different types and rates too: as in package edf, a
// Recording runs at the rate of the fastest signal and slower ones hold their samples. Values are in the signal's physical
// unit. Events are labelled with their code in decimal ("769"), as MNE-Python does; package gdf knows no meanings. An event
// table that gives no durations leaves them 0.
//
// Not read: electrode positions, whose unit could not be established; the tagged fields between the signal headers and the
// data (version 2.1 and later); events of version 3.
package gdf
