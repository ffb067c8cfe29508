//go:build !xla

package compute

import (
	"context"
	"fmt"
)

func plugins() []Plugin { return nil }

func findPlugin(_ context.Context, name string) (*Offer, error) {
	return nil, fmt.Errorf("this binary was built without XLA, so plug-in %q would be of no use: build with -tags xla (needs cgo and a C compiler)", name)
}
