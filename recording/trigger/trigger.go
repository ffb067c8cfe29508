package trigger

// Rise is an event.
type Rise struct {
	Frame         int64
	Before, After int64
}

// Finder looks at one channel, frame by frame. The zero value is ready.
type Finder struct {
	Rises []Rise

	started bool
	last    int64
}

// Add takes the value of the next frame looked at. Signs are ignored, as MNE-Python does.
func (f *Finder) Add(value, frame int64) {
	if value < 0 {
		value = -value
	}
	if f.started && value > f.last {
		f.Rises = append(f.Rises, Rise{Frame: frame, Before: f.last, After: value})
	}
	f.started, f.last = true, value
}

// Merge gives the rises of several channels, each of them once where channels show the same trigger, in the order of the
// channels.
func Merge(channels []Finder) []Rise {
	var out []Rise
	seen := map[Rise]bool{}
	for _, c := range channels {
		for _, r := range c.Rises {
			if !seen[r] {
				seen[r] = true
				out = append(out, r)
			}
		}
	}
	return out
}
