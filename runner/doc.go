// Package runner carries out experiments: it makes the run directory, runs each seed, keeps what was measured, judges the claims, writes
// the report, and remembers every run in a history.
//
// A run directory is never overwritten. It holds
//
//	run.json        what was asked for: paper, experiment, parameters, seeds, inputs
//	status.json     how far it has come
//	events.jsonl    progress and log, one JSON object per line
//	seeds/N/        one folder per seed: stored stages, checkpoints, and record.json once the seed is done
//	model/N/        the trained model of a seed, if the experiment saves one
//	metrics.json    the whole result as data
//	report.html     the whole result as a page
//
// A run that was stopped in any way, kill -9 included, goes on from there with [Resume] and ends with the numbers an uninterrupted run
// would have measured.
//
// What may enter: what any front end (command line, studio, tests) needs to start, watch, stop and find runs. What must not: front
// ends themselves, or knowledge of a particular paper.
package runner
