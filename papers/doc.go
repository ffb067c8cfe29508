// Package papers is the contract every published system in Gyrus meets, and the registry it is found in.
//
// A paper registers one [Paper] value from an init function; the command line, the runner, the studio, the documentation and the
// tests all read that value. A Paper states its [Claim]s and has one or more [Experiment]s. An Experiment has typed
// parameters with documented defaults ([Presets]), the files it accepts ([Input]), the metrics and systems it reports,
// a Run function that carries out one seed, and a Judge function that ties what all seeds measured to the claims.
//
// What may enter: what every paper needs in order to be found, run and judged. What must not: how runs are stored and resumed
// (package runner), how results look (package report), or anything that only some papers need.
package papers
