package live

import (
	"fmt"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
)

// unlike is how many times larger or smaller than in training a window's amplitude must be to be spoken of: less than the thousand between
// millivolts and microvolts, more than what tells one person or amplifier from another.
const unlike = 300

// refusedAfter is how many windows unlike the training's a signal may begin with when its unit is not known: the first ones may hold the
// response of a filter to the signal's beginning.
const refusedAfter = 3

// convert finds what every channel is multiplied by.
func (l *loop) convert() error {
	for c := range l.signal.Width {
		l.scale = append(l.scale, 1)
		have, want := l.options.Unit, ""
		if have == "" && c < len(l.signal.Units) {
			have = l.signal.Units[c]
		}
		if c < len(l.window.Units) {
			want = l.window.Units[c]
		}
		switch {
		case want == "":
			l.unsure = "the model does not say the unit it was trained on"
			continue
		case have == "":
			l.unsure = fmt.Sprintf("%s does not say its unit; the model was trained on %s", l.signal.Name, want)
			continue
		}
		var ok bool
		if l.scale[c], ok = recording.UnitScale(have, want); !ok {
			name := fmt.Sprint("channel ", c+1)
			if l.signal.Channels != nil {
				name = l.signal.Channels[c]
			}
			return papers.Refuse(fmt.Errorf("%s of %s is in %s, but the model was trained on %s: give a signal of that quantity, or say its unit (--unit) if the stream says a wrong one",
				name, l.signal.Name, have, want))
		}
	}
	if l.unsure != "" {
		l.warn("%s: they are taken to be the same", l.unsure)
	}
	return nil
}

func (l *loop) warn(format string, args ...any) {
	if l.options.Warn != nil {
		l.options.Warn(fmt.Sprintf(format, args...))
	}
}

// judge compares the amplitude of a window with those of the training.
func (l *loop) judge(d papers.LiveDecision) error {
	if d.Amplitude == 0 || d.Amplitude < unlike && d.Amplitude > 1.0/unlike {
		return nil
	}
	if l.report.Unlike++; l.report.Unlike == 1 {
		l.warn("the amplitude is %.3g times that of the training: is the unit right, and are the electrodes on?", d.Amplitude)
	}
	if l.unsure != "" && l.report.Unlike == refusedAfter && l.report.Decisions == refusedAfter-1 {
		return papers.Refuse(fmt.Errorf("%s, and the amplitude is %.3g times that of the training: the signal seems to be in another unit; say which (--unit V, say)", l.unsure, d.Amplitude))
	}
	return nil
}
