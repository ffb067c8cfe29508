package fif_test

import (
	"fmt"
	"log"

	"github.com/gyrus-dev/gyrus/recording/fif"
)

func Example() {
	f, err := fif.Open("testdata/made-single_raw.fif")
	if err != nil {
		log.Fatal(err)
	}
	r, err := f.Recording(fif.Options{Project: true})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close() // closes f too
	fmt.Printf("%d channels, %d frames at %g Hz\n", len(r.Channels), r.Frames, r.Rate)
	fmt.Printf("%s measures %s in %s\n", r.Channels[2].Name, r.Channels[2].Type, r.Channels[2].Unit)
	fmt.Printf("%+v\n", r.Events[0])
	inHead := f.Info.DeviceToHead.Apply(*r.Channels[2].Position)
	fmt.Printf("at %.3f m in the head's frame\n", inHead)
	// Output:
	// 8 channels, 130 frames at 250 Hz
	// MEG 0111 measures mag in T
	// {Onset:0.012 Duration:0 Label:1}
	// at [0.223 -0.028 0.070] m in the head's frame
}

func ExampleFile_Evokeds() {
	f, err := fif.Open("testdata/made_ave.fif")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	all, err := f.Evokeds()
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range all {
		fmt.Println(e.Name(), e.Averages, e.Array().Dims)
	}
	// Output:
	// left 1 [8 7]
	// 0.50 × left + 0.50 × right (standard error) 2 [8 7]
}
