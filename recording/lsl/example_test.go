package lsl_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/gyrus-dev/gyrus/recording/lsl"
)

// A program offers a stream, and another one, here the same, finds and reads it.
func Example() {
	network := lsl.Local()
	outlet, err := lsl.NewOutlet(network, lsl.Info{Name: "Gyrus example", Type: "EEG", Channels: 2, Rate: 250, Format: lsl.Float32, SourceID: "example"}, lsl.OutletOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer outlet.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	found, err := network.Find(ctx, "name='Gyrus example'", 1)
	if err != nil {
		log.Fatal(err)
	}
	inlet, err := lsl.Open(ctx, network, found[0], lsl.InletOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer inlet.Close()

	for joined := outlet.Joined(); outlet.Readers() == 0; joined = outlet.Joined() {
		<-joined
	}
	outlet.Push([]float32{1, 2, 3, 4}, 100)
	chunk, err := inlet.Pull(ctx)
	fmt.Println(chunk.Times, chunk.Data, err)
	// Output: [99.996 100] [1 2 3 4] <nil>
}
