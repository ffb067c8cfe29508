package report

import "time"

// ClaimRow is a claim as a reader sees it, with this run's verdict on it.
type ClaimRow struct {
	ID        string  `json:"id"`
	Says      string  `json:"says"`
	Origin    string  `json:"origin"`              // "paper", or "ours" for a bar or sanity check of this project
	Published string  `json:"published,omitempty"` // the paper's number with its metric and source, if it gives one
	Verdict   Verdict `json:"verdict"`
}

// Param is one parameter the run used.
type Param struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Unit    string `json:"unit,omitempty"`
	Says    string `json:"says"`
	Changed bool   `json:"changed,omitempty"` // set by the user, not by the preset
}

// DataSource is what a run read.
type DataSource struct {
	Input  string `json:"input"` // the input's name, or "generator"
	Path   string `json:"path,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	Says   string `json:"says,omitempty"`
}

// Environment is where a run took place.
type Environment struct {
	Gyrus   string `json:"gyrus"` // version
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	CPU     string `json:"cpu"`
	Threads int    `json:"threads"` // GOMAXPROCS
	Backend string `json:"backend"` // empty when the run opened none
}

// Document is one whole run: what metrics.json stores and the HTML page shows.
type Document struct {
	RunID       string       `json:"runId"`
	Paper       string       `json:"paper"` // slug
	System      string       `json:"system"`
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	ArXiv       string       `json:"arxiv,omitempty"`
	Code        string       `json:"code,omitempty"`
	Experiment  string       `json:"experiment"`
	ExpSummary  string       `json:"experimentSummary"`
	Preset      string       `json:"preset"` // quick, default or full
	Started     time.Time    `json:"started"`
	Finished    time.Time    `json:"finished"`
	Seeds       []int64      `json:"seeds"`
	Params      []Param      `json:"params"`
	Data        []DataSource `json:"data"`
	Environment Environment  `json:"environment"`
	Metrics     []Metric     `json:"metrics"`
	Systems     []System     `json:"systems"`
	Claims      []ClaimRow   `json:"claims"`
	Records     []Record     `json:"records"`
	Command     string       `json:"command"` // the command line that repeats this run
}
