// Package docs is the folder of the documentation. It holds no code that runs: its tests keep the pages true to the registry, the ledger and
// the example they show.
package docs
