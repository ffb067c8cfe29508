// Package blackrock reads the continuous signals of Blackrock's Cerebus (.ns1 to .ns9), of the file specifications 2.1, 2.2, 2.3
// and 3.0 ("NEV and NSx File Format").
//
//	r, err := recording.Open("array.ns3")
//
// The signals come in packets with a time stamp. Where one begins later than the one before it ended, the Recording has a gap;
// nothing is filled in. The time before the first packet is not counted. Values are in the units of the header (2.1 has
// neither units nor names: its numbers are given as they are, its channels are called after their numbers).
//
// Not read: spikes and events (.nev).
package blackrock
