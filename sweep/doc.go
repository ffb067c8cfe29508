// Package sweep runs an experiment over a grid of parameters and many seeds, and says how what it measures depends on them.
//
// A [Plan] lists grid points and seeds; each pair of them is a job. Jobs travel through NATS JetStream: a server inside this process that
// listens on the loopback interface with a random token, or a server or cluster elsewhere. Any number of workers ([Work]) take jobs,
// carry them out, and hand in one [Outcome] for each. [Begin] and [Resume] are the sweep's coordinator: they put the jobs into the queue,
// start workers on this machine, gather the outcomes, and write the tables, the figures and the page.
//
// The plan decides what has to be done, not the queue: the coordinator compares the outcomes with the plan and puts a job that has none
// into the queue, again if need be. An outcome is stored only if its job has none yet, so a job that was carried out twice, as happens when
// a lease ran out behind a broken network, counts once. What the sweep directory holds is therefore enough to go on after any end:
//
//	plan.json        what was asked for, with every grid point
//	outcomes.jsonl   one outcome a line, as they came
//	queue/           the embedded server's store, until the sweep is done
//	jobs/            working folders of jobs, emptied as they end
//	runs/            run directories, if the plan asks for them
//	workers/         what each local worker process printed
//	sweep.json, results.csv, jobs.csv, report.html   the result
//
// Workers on this machine are processes rather than goroutines: a job that is killed for its memory, or that brings its process down, costs
// that job one try and no other job anything; memory that a job has leaked goes with its process; and the code is the one that runs on other
// machines.
//
// What may enter: what spreads runs over processes and machines and gathers them again. What must not: how one run is carried out (papers,
// runner), or what any paper measures.
package sweep
