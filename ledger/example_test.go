package ledger_test

import (
	"fmt"

	"github.com/gyrus-dev/gyrus/ledger"
	"github.com/gyrus-dev/gyrus/papers"
)

func ExampleLedger_PaperTable() {
	all := []*papers.Paper{{Slug: "leaky", System: "Leaky integrator", Title: "A leaky integrator", Family: papers.Recurrent,
		Claims: []papers.Claim{{ID: "follows", Says: "It follows", Origin: papers.Ours}}}}
	fmt.Print((&ledger.Ledger{}).PaperTable(all))
	// Output:
	// | paper | system | family | claims |
	// |---|---|---|---|
	// | `leaky` | Leaky integrator: A leaky integrator | recurrent | 1 not tested |
}
