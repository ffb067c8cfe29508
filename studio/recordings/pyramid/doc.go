// Package pyramid keeps the smallest and the largest values of a long signal at several resolutions, so that any stretch of it can be drawn
// from about as many numbers as a screen has columns.
//
// A level holds, for every channel, one pair (smallest, largest) for each bin of so many frames: 16 in the finest level, four times as many in
// each further one. A level is cut into tiles of [TileBins] bins; a [Tile] of any level, or of the signal itself, is also what a browser
// is sent ([Tile.Append]). A [Builder] makes the levels in one pass over the signal, and what it has made can be read while it goes on.
//
// What may enter: the levels, their files, tiles. What must not: where the signal comes from, or who asks for tiles.
package pyramid
