// Package all registers every paper: import it for its side effect.
package all

import (
	_ "github.com/gyrus-dev/gyrus/papers/dbconformer"
	_ "github.com/gyrus-dev/gyrus/papers/deconstruct"
	_ "github.com/gyrus-dev/gyrus/papers/deepsnn"
	_ "github.com/gyrus-dev/gyrus/papers/degeneracy"
	_ "github.com/gyrus-dev/gyrus/papers/delays"
	_ "github.com/gyrus-dev/gyrus/papers/hlop"
	_ "github.com/gyrus-dev/gyrus/papers/htm"
	_ "github.com/gyrus-dev/gyrus/papers/langevinflow"
	_ "github.com/gyrus-dev/gyrus/papers/rnnhmm"
	_ "github.com/gyrus-dev/gyrus/papers/semanticlearning"
	_ "github.com/gyrus-dev/gyrus/papers/spikingdiffusion"
	_ "github.com/gyrus-dev/gyrus/papers/synchrony"
	_ "github.com/gyrus-dev/gyrus/papers/ultralif"
	_ "github.com/gyrus-dev/gyrus/papers/whatwhen"
)
