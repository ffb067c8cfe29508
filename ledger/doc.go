// Package ledger keeps what the published measurements of this version say about every claim, and writes the tables that the documentation
// shows from it.
//
// The measurements are runs that were made with gyrus run and entered with gyrus reproduction add; nothing is typed in by hand. They
// are compiled into the binary, so that gyrus papers can tell the status of a paper nobody here has run yet.
package ledger
