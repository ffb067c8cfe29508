package fit

// History is what happened during a training.
type History struct {
	Epochs  []Epoch
	Best    int    // the epoch with the best monitored value, counted from 0; -1 before the first
	Stopped string // why the training ended; empty if it was interrupted
	// Resumed says from which checkpoint the training went on; empty if it started afresh.
	Resumed string
	// Warning says that a damaged checkpoint was passed over for an older one.
	Warning string
}

// Epoch is one pass over the training data.
type Epoch struct {
	Epoch        int // counted from 0
	Steps        int
	LearningRate float64            // of the last step
	Train        map[string]float64 // means over the epoch's steps: "loss" and what was reported
	Val          map[string]float64 // means over the validation data after the epoch; nil without validation data
	Monitored    float64
	Seconds      float64
}

func (e Epoch) curve(val bool) map[string]float64 {
	if val {
		return e.Val
	}
	return e.Train
}

// Curve returns a training curve and its validation counterpart (nil without validation data), one value per epoch, such as
// Curve("loss").
func (h *History) Curve(name string) (train, val []float64) {
	for _, e := range h.Epochs {
		if v, ok := e.Train[name]; ok {
			train = append(train, v)
		}
		if v, ok := e.Val[name]; ok {
			val = append(val, v)
		}
	}
	return train, val
}

// Monitored returns the monitored value of each epoch.
func (h *History) Monitored() []float64 {
	out := make([]float64, len(h.Epochs))
	for i, e := range h.Epochs {
		out[i] = e.Monitored
	}
	return out
}

// LearningRates returns the learning rate at the end of each epoch.
func (h *History) LearningRates() []float64 {
	out := make([]float64, len(h.Epochs))
	for i, e := range h.Epochs {
		out[i] = e.LearningRate
	}
	return out
}

// add appends an epoch and updates Best. A value that is not a number is never the best.
func (h *History) add(e Epoch, maximize bool) {
	best := len(h.Epochs) == 0
	if !best {
		old := h.Epochs[h.Best].Monitored
		best = e.Monitored < old || old != old
		if maximize {
			best = e.Monitored > old || old != old
		}
	}
	h.Epochs = append(h.Epochs, e)
	if best {
		h.Best = e.Epoch
	}
}
