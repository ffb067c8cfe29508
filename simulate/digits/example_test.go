package digits_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/simulate/digits"
)

func Example() {
	set, err := digits.Generate(8000, digits.Standard(), rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Len(), len(set.Image(0)))
	// Output: 8000 784
}
