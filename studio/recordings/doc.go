// Package recordings is the part of the studio in which measured signals are looked at: the recordings in the data folders and those that were
// uploaded, a page about each with traces to scroll and zoom, and signals that are watched and decoded while they come in.
//
//	section, err := recordings.New(server, recordings.Config{})
//	err = server.Add(section)
//
// This process never parses a recording. Whatever is to be known of one, a process of its own finds out (package reader), within bounds of time,
// memory and folders, and leaves in a cache whose size is bounded too. The traces come from a pyramid of smallest and largest values (package
// pyramid): the browser asks for tiles of about as many numbers as it has columns to draw.
//
// What may enter: pages about recordings and streams, and what they need. What must not: formats (package recording), drawing of figures
// (package report), the loop that decodes (package live).
package recordings
