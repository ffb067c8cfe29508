package compute

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego" // registers "go"

	_ "github.com/gyrus-dev/gyrus/compute/cpu" // registers "cpu"
)

// Default is the name of the backend that is used when none is chosen.
const Default = "cpu"

// Names lists the compiled-in backends.
func Names() []string {
	names := backends.List()
	slices.Sort(names)
	// XLA registers itself under several names; one is enough.
	return slices.DeleteFunc(names, func(n string) bool { return n == "stablehlo" || n == "shlo" || n == "hlo" || n == "pjrt" })
}

// Open opens a backend by name, such as "go" or "xla:cuda"; an empty name means [Default]. What follows the first colon is passed to
// the backend as its configuration.
func Open(name string) (b backends.Backend, err error) {
	if name == "" {
		name = Default
	}
	kind, config, _ := strings.Cut(name, ":")
	if !slices.Contains(Names(), kind) {
		remedy := "choose one of these with --backend"
		if kind == "xla" {
			remedy = "build with -tags xla to compile it in"
		}
		return nil, fmt.Errorf("backend %q is not in this binary, which has %s: %s", name, strings.Join(Names(), ", "), remedy)
	}
	if kind == "go" && config == "" {
		// The parallel scheduler of GoMLX v0.26.0 can wait for itself for ever on long graphs when there are few processors.
		config = "ops_sequential"
	}
	if config != "" {
		kind += ":" + config
	}
	err = Catch("opening backend "+name, func() error {
		b, err = backends.NewWithConfig(kind)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Catch runs f and returns what it returns; a panic of GoMLX inside f (it reports mistakes in graph building that way) becomes an
// error that begins with doing. Mistakes of the Go program itself, such as a nil dereference, are not caught.
func Catch(doing string, f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			var stop interface{ RuntimeError() }
			if errors.As(p, &stop) {
				panic(p)
			}
			err = fmt.Errorf("%s: %w", doing, p)
		case string:
			err = fmt.Errorf("%s: %s", doing, p)
		default:
			panic(p)
		}
	}()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// Describe says in a line what a compiled-in backend is.
func Describe(name string) string {
	switch name {
	case "go":
		return "GoMLX's own, in pure Go"
	case "cpu":
		return "Gyrus's own, in pure Go with vector assembly where the processor has it"
	}
	return "XLA, needs a plug-in (see below)"
}
