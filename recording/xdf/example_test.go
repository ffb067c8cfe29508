package xdf_test

import (
	"fmt"
	"log"

	"github.com/gyrus-dev/gyrus/recording/xdf"
)

func Example() {
	f, err := xdf.Open("testdata/made-formats.xdf")
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range f.Streams[5:7] {
		fmt.Printf("%s: %d samples of %d %s\n", s.Name, len(s.Stamps), s.Channels, s.Format)
	}
	r, err := f.Recording("int16")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close() // closes f too
	fmt.Printf("%s in %s, an event after %.2f s: %s\n", r.Channels[0].Name, r.Channels[0].Unit, r.Events[0].Onset, r.Events[0].Label)
	// Output:
	// double64: 12 samples of 2 double64
	// texts: 2 samples of 2 string
	// Cz in uV, an event after 0.02 s: texts: left, a
}
