//go:build !amd64

package lanes

import "github.com/gyrus-dev/gyrus/compute/cpu/kernel"

func loopsOf(kernel.Tier) loops { return portable }
