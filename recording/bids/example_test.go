package bids_test

import (
	"fmt"

	"github.com/gyrus-dev/gyrus/recording/bids"
	_ "github.com/gyrus-dev/gyrus/recording/fif" // or all formats, with recording/all
)

func ExampleOpen() {
	d, err := bids.Open("ds000117")
	if err != nil {
		fmt.Println("no such data set here")
		return
	}
	for _, f := range d.Recordings("sub-01") {
		r, err := d.Recording(f)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(f.Path, len(r.Channels), len(r.Events))
		r.Close()
	}
	// Output: no such data set here
}
