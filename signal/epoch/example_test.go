package epoch_test

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/signal/epoch"
)

func ExampleCut() {
	r := &recording.Recording{
		Channels: []recording.Channel{{Name: "Cz", Type: "eeg"}}, Rate: 2, Frames: 10,
		Samples: recording.Memory{Data: []float32{0, 0, 5, 7, 5, 0, 0, 5, 99, 5}, Channels: 1},
		Events:  []recording.Event{{Onset: 1, Label: "target"}, {Onset: 3.5, Label: "target"}, {Onset: 9, Label: "target"}},
	}
	epochs, err := epoch.Cut(r, epoch.Window{From: -0.5, To: 1}, "target")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := epochs.Reject(epoch.Limits{"eeg": {Most: 50}}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(epochs.Trials[0].RawRowView(0))
	for _, d := range epochs.Dropped {
		fmt.Println("dropped the one at", d.Onset, "s:", d.Reason, d.Channels)
	}
	// Output:
	// [0 5 7 5]
	// dropped the one at 9 s: outside []
	// dropped the one at 3.5 s: too large [Cz]
}

func ExampleGlobalThreshold() {
	epochs := someEpochs()
	limit, _, err := epoch.GlobalThreshold(epochs, "eeg", 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := epochs.Reject(epoch.Limits{"eeg": {Most: limit}}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("a limit of %g keeps %d of 9 trials\n", limit, len(epochs.Trials))
	// Output: a limit of 3 keeps 8 of 9 trials
}

// someEpochs are nine trials of one channel, the fifth of them spoilt.
func someEpochs() *epoch.Epochs {
	e := &epoch.Epochs{Channels: []recording.Channel{{Name: "Cz", Type: "eeg"}}, Rate: 100}
	for i := range 9 {
		row := []float64{0, 1 + 0.1*float64(i%2), 2, 3}
		if i == 4 {
			row = []float64{0, 60, -60, 0}
		}
		e.Trials, e.Events = append(e.Trials, mat.NewDense(1, 4, row)), append(e.Events, epoch.Event{Index: i})
	}
	return e
}
