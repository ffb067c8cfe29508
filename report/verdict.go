package report

// Status is what a run says about a claim.
type Status string

// The statuses a claim can have.
const (
	Reproduced    Status = "reproduced"
	Partly        Status = "partly"         // the relation holds, the number does not
	NotReproduced Status = "not reproduced" //
	NotTested     Status = "not tested"     // Why says what is missing
)

// Condition is one comparison of two measured (or one measured and one stated) values that a claim needs.
type Condition struct {
	Says  string `json:"says"`  // such as "rate R² ≥ smoothing + 0.06, mean of seeds"
	Left  Number `json:"left"`  // the measured side
	Op    string `json:"op"`    // one of ≥, >, ≤, <
	Right Number `json:"right"` // the bar: stated, or measured on another system
	// Level marks a comparison with a stated level rather than a relation between systems: failing only such
	// conditions makes the claim partly reproduced.
	Level bool `json:"level,omitempty"`
	Holds bool `json:"holds"`
}

// Verdict ties what a run measured to a claim.
type Verdict struct {
	Claim      string      `json:"claim"` // the claim's ID
	Status     Status      `json:"status"`
	Conditions []Condition `json:"conditions,omitempty"`
	Why        string      `json:"why,omitempty"` // what is missing (not tested), or the best explanation of a failure
}
