package sweep

import (
	"time"

	"github.com/gyrus-dev/gyrus/report"
)

// Status is what became of a job.
type Status string

// A job is done, or parked: not tried again unless asked for.
const (
	Done   Status = "done"
	Parked Status = "parked"
)

// Outcome is what a job came to. The queue stores one for each job, for good: whoever is second is refused.
type Outcome struct {
	Job          string               `json:"job"`
	Point        int                  `json:"point"`
	Seed         int64                `json:"seed"`
	Status       Status               `json:"status"`
	Measurements []report.Measurement `json:"measurements,omitempty"`
	Notes        []report.Note        `json:"notes,omitempty"`
	Error        string               `json:"error,omitempty"` // why it is parked
	Tries        []Try                `json:"tries,omitempty"` // earlier ones
	Batch        int                  `json:"batch,omitempty"` // number of seeds that were carried out together, itself included
	Run          string               `json:"run,omitempty"`   // run directory, on the worker's machine
	Worker       string               `json:"worker"`
	Gyrus        string               `json:"gyrus"`
	Started      time.Time            `json:"started"`
	Seconds      float64              `json:"seconds"` // of the job, or of its batch
}

// Try is a delivery of a task that left jobs without an outcome, as its worker reported it. Deliveries that nobody reported are those whose
// worker has vanished.
type Try struct {
	At       time.Time         `json:"at"`
	Worker   string            `json:"worker"`
	Returned bool              `json:"returned,omitempty"` // the worker was stopped and gave the task back
	Errors   map[string]string `json:"errors,omitempty"`   // of the jobs that failed
}

// failures counts the tries in which a job failed.
func failures(tries []Try, job string) int {
	n := 0
	for _, t := range tries {
		if _, failed := t.Errors[job]; failed {
			n++
		}
	}
	return n
}

// ofJob are the tries that say something about a job.
func ofJob(tries []Try, job string) []Try {
	var out []Try
	for _, t := range tries {
		if e, failed := t.Errors[job]; failed {
			out = append(out, Try{At: t.At, Worker: t.Worker, Errors: map[string]string{job: e}})
		}
	}
	return out
}
