// Package gifti reads GIFTI, the format of surfaces in brain imaging: meshes, and numbers or labels on their vertices.
//
//	f, err := gifti.Read("lh.pial.gii")
//	mesh, err := f.Surface()
//	for _, t := range mesh.Triangles { ... mesh.Points[t[0]] ... }
//
//	f, err = gifti.Read("lh.sulc.gii")
//	depth := f.Arrays[0].Data // a recording.Array, one value a vertex
//
// Data may be written as text, as base64, as base64 of zlib, or lie in another file beside this one; the whole file may be
// compressed by gzip. A file is read at once: XML has no index.
package gifti
