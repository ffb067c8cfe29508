// Package all registers every paper: import it for its side effect.
package all
