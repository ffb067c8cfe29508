// Package confine shuts a process in some folders: what a stranger's file or request makes it open elsewhere, the system refuses. It is the second
// lock on a door; whoever starts the process checks paths as well.
//
// On Linux it is Landlock. Elsewhere, and on kernels without it, nothing is refused.
package confine

// Folders are what a process may reach, besides what the runtime and libraries look at: to write and read, and only to read. A path that does not
// exist is left out.
type Folders struct{ Write, Read []string }
