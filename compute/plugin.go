package compute

import (
	"context"
	"fmt"
	"io"
)

// Plugin is an accelerator plug-in that a backend needs and that is not part of the binary.
type Plugin struct {
	Name      string // as in --backend, such as "xla:cpu"
	Says      string // what it is and where it comes from
	Installed string // the path it was found at, or empty
}

// Plugins lists the plug-ins this binary could use. Without the build tag xla there are none.
func Plugins() []Plugin { return plugins() }

// Offer is a download that was looked up and not yet made.
type Offer struct {
	Plugin string
	Source string // the address it would be downloaded from
	Bytes  int64  // what would be downloaded; 0 if the source does not say
	Into   string // the folder it would be put in

	install func() error
}

// FindPlugin looks up where a plug-in would be downloaded from and how large it is. It uses the network and downloads nothing.
func FindPlugin(ctx context.Context, name string) (*Offer, error) { return findPlugin(ctx, name) }

// Install downloads and installs the plug-in, telling w what it does.
func (o *Offer) Install(w io.Writer) error {
	fmt.Fprintf(w, "installing %s into %s\n", o.Plugin, o.Into)
	return o.install()
}
