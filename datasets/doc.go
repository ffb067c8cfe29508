// Package datasets is the catalogue of public data that the papers are run on: where a set comes from, its licence, size and checksum,
// and where it lies on this machine.
//
// Nothing is downloaded unless [Store.Fetch] is called. A folder that mirrors the sets (GYRUS_DATA) is looked at first, so that a machine
// without a network can use them. What may enter: sets with a canonical source and stated terms. What must not: reading the files
// (packages recording and labelled), or data themselves.
package datasets
