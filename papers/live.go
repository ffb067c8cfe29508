package papers

import "context"

// Decoder is a model that a run has saved, at work on a stream: windows of signal go in, decisions come out. It is for one goroutine.
type Decoder interface {
	// Window says what the model looks at.
	Window() LiveWindow
	// Decide classifies a window, row-major channels x samples, filtered as Window says. What the model keeps between windows, such as
	// an alignment to the person's signal, takes this one in when learn is set; windows must not be learned from twice, so of windows
	// that overlap only some are.
	Decide(ctx context.Context, window []float32, learn bool) (LiveDecision, error)
	Close()
}

// LiveWindow is what a [Decoder] looks at.
type LiveWindow struct {
	Channels []string // names of the rows, in order; nil when the model knows only their number
	Rows     int      // number of channels
	Samples  int      // number of columns
	Rate     float64  // Hz
	// Units are those of the rows in training, as recording.Channel has them, and samples are converted to them; nil, or an empty one,
	// when they are not known.
	Units []string
	// Events are the labels of the events that windows were cut around in training, and First is where a window's first sample lay,
	// in samples after its event (negative before). Events is empty when the training trials came cut.
	Events []string
	First  int
	// Filter makes the causal filter that every channel of the unbroken signal passes through before windows are cut, each channel
	// one of its own; nil for none.
	Filter  func() CausalFilter
	Classes []string
}

// CausalFilter is a filter that looks at nothing of the future; package signal's Stream is one.
type CausalFilter interface {
	Filter(block [][]float64) error // in place, one slice a channel
	Reset()                         // back to rest, as after a gap
}

// LiveDecision is what a [Decoder] makes of a window.
type LiveDecision struct {
	Class       int       `json:"class"`
	Name        string    `json:"name"`
	Probability []float64 `json:"probability"`         // by class
	Attention   []float64 `json:"attention,omitempty"` // by channel; nil if the model has none
	// Amplitude is the root mean square of the window, as filtered and about its mean, in units of that of the training's windows;
	// 0 if not known. Far from 1 it tells of another unit or a lost electrode.
	Amplitude float64 `json:"amplitude,omitempty"`
}
