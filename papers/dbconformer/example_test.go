package dbconformer_test

import (
	"fmt"
	"log"

	"github.com/gyrus-dev/gyrus/papers/dbconformer"
)

// The network for the trials of BCI competition IV, data set 2a: 22 channels, 4 s at 250 Hz and one sample.
func ExampleSizeFor() {
	size, err := dbconformer.SizeFor(22, 1001, 4, 250, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(size.Tokens(), "tokens of", size.Patch, "samples; a kernel of", size.Kernel)
	_, err = dbconformer.SizeFor(22, 1010, 4, 250, 0)
	fmt.Println(err)
	// Output:
	// 8 tokens of 125 samples; a kernel of 63
	// trials have 1010 samples, which must be a multiple of the patch of 125 (one sample more is dropped): 10 samples would be cut; cut the trials to 1000 samples or choose a patch that divides (--set patch=N)
}
