package htm_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/papers/htm"
)

// A memory that has seen A B C and X B Y tells by what came before B whether C or Y comes next.
func ExampleMemory() {
	cfg := htm.Discrete()
	memory, err := htm.NewMemory(cfg, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	codes, err := htm.NewCodes(cfg.Columns, 41, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		fmt.Println(err)
		return
	}
	see := func(symbols string, learn bool) {
		memory.Reset()
		for _, s := range symbols {
			memory.Step(codes.Code(int(s)), learn)
		}
	}
	expects := func(symbol rune) bool {
		n := 0
		for _, column := range codes.Code(int(symbol)) {
			if memory.Predicts(column) {
				n++
			}
		}
		return n > 20
	}
	for range 10 {
		see("ABC", true)
		see("XBY", true)
	}
	for _, begin := range []string{"AB", "XB"} {
		see(begin, false)
		fmt.Println(begin, "- expects C:", expects('C'), "Y:", expects('Y'))
	}
	// Output:
	// AB - expects C: true Y: false
	// XB - expects C: false Y: true
}
