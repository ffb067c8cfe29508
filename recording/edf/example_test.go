package edf_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
)

func Example() {
	dir, err := os.MkdirTemp("", "edf")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "two-seconds.edf")
	err = edf.Save(path, &recording.Recording{
		Channels: []recording.Channel{{Name: "C3", Unit: "uV"}, {Name: "C4", Unit: "uV"}},
		Rate:     2, Frames: 4,
		Samples: recording.Memory{Data: []float32{1, -1, 2, -2, 3, -3, 4, -4}, Channels: 2},
		Events:  []recording.Event{{Onset: 0.5, Duration: 1, Label: "left hand"}},
	}, edf.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := edf.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	x := make([]float64, f.Samples(1))
	_, err = f.ReadSignal(1, x, 0)
	fmt.Println(f.Variant, f.Signals[1].Label, x, f.Signals[1].Unit, err)
	fmt.Println(f.Annotations)
	// Output:
	// EDF+C C4 [-1 -2 -3 -4] uV <nil>
	// [{0.5 1 left hand }]
}
