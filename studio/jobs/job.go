package jobs

import (
	"time"

	"github.com/gyrus-dev/gyrus/papers"
)

// Kind is what a job does.
type Kind string

// The kinds of jobs.
const (
	Run    Kind = "run"    // an experiment from the beginning
	Resume Kind = "resume" // a stopped run
	Apply  Kind = "apply"  // a model that a run has trained, on files
)

// Request is what a job was asked to do. Paths in it are absolute, and have been found to be allowed.
type Request struct {
	Kind Kind `json:"kind"`

	// Of a run.
	Paper      string            `json:"paper"`
	Experiment string            `json:"experiment,omitempty"`
	Preset     papers.Preset     `json:"preset,omitempty"`
	Set        map[string]string `json:"set,omitempty"`
	Seed       int64             `json:"seed,omitempty"` // also the seed whose model is applied
	Seeds      int               `json:"seeds,omitempty"`
	Inputs     map[string]string `json:"inputs,omitempty"`
	Backend    string            `json:"backend,omitempty"`

	// Of a run to go on with, or whose model is applied.
	RunID  string `json:"run,omitempty"`
	RunDir string `json:"runDir,omitempty"`

	// Of an application.
	Files []string `json:"files,omitempty"`
}

// State is how a job stands.
type State string

// The states of a job.
const (
	Waiting     State = "waiting"
	Running     State = "running"
	Done        State = "done"
	Failed      State = "failed"
	Cancelled   State = "cancelled"   // stopped by its user
	Interrupted State = "interrupted" // stopped with the server
)

// Ended reports whether nothing more will happen.
func (s State) Ended() bool { return s != Waiting && s != Running }

// Job is one entry of the queue.
type Job struct {
	ID      string    `json:"id"`
	Request Request   `json:"request"`
	State   State     `json:"state"`
	Queued  time.Time `json:"queued"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	RunID   string    `json:"runId,omitempty"` // known once the run has begun
	Dir     string    `json:"dir,omitempty"`   // of an application: what it wrote
	Error   string    `json:"error,omitempty"`
	Refused bool      `json:"refused,omitempty"` // Error is about what was asked for, not a failure of the program
}
