package cpu

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/pkg/errors"
)

// Name is the name the backend is registered under in GoMLX.
const Name = "cpu"

func init() { backends.Register(Name, New) }

// Backend implements [backends.Backend] on the processor the program runs on.
type Backend struct {
	memory    memory
	finalized atomic.Bool
}

var _ backends.Backend = (*Backend)(nil)

// New returns a backend. The configuration must be empty: the number of workers follows GOMAXPROCS. It fails where [kernel.TierVariable]
// asks for what this processor cannot run.
func New(config string) (backends.Backend, error) {
	if strings.TrimSpace(config) != "" {
		return nil, errors.Errorf("backend %q takes no configuration, got %q: use GOMAXPROCS to set the number of workers", Name, config)
	}
	if err := kernel.EnvError(); err != nil {
		return nil, errors.WithMessagef(err, "backend %q", Name)
	}
	return &Backend{}, nil
}

// Name returns "cpu".
func (b *Backend) Name() string { return Name }

// String returns "cpu".
func (b *Backend) String() string { return Name }

// Description says in words what the backend is and runs on.
func (b *Backend) Description() string {
	return fmt.Sprintf("Gyrus compiled backend for %s/%s (%s), %d workers", runtime.GOOS, runtime.GOARCH, kernel.Active(), runtime.GOMAXPROCS(0))
}

// NumDevices is 1.
func (b *Backend) NumDevices() int { return 1 }

// DeviceDescription describes the only device, number 0.
func (b *Backend) DeviceDescription(backends.DeviceNum) string { return "the host processor" }

// Capabilities lists what the backend can build. Collective operations are not among it.
func (b *Backend) Capabilities() backends.Capabilities {
	c := backends.Capabilities{Operations: map[backends.OpType]bool{}, DTypes: map[dtypes.DType]bool{}}
	for op := backends.OpTypeInvalid + 1; op < backends.OpTypeLast; op++ {
		switch op {
		case backends.OpTypeAllReduce, backends.OpTypeCollectiveBroadcast, backends.OpTypeAllGather, backends.OpTypeSelectAndScatterSum:
		default:
			c.Operations[op] = true
		}
	}
	for _, d := range supportedDTypes {
		c.DTypes[d] = true
	}
	return c
}

var supportedDTypes = []dtypes.DType{dtypes.Bool, dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64, dtypes.Uint8, dtypes.Uint16,
	dtypes.Uint32, dtypes.Uint64, dtypes.Float16, dtypes.BFloat16, dtypes.Float32, dtypes.Float64, dtypes.Complex64, dtypes.Complex128}

func isSupported(d dtypes.DType) bool {
	return d >= dtypes.Bool && d <= dtypes.Complex128
}

// Builder returns a new builder of the computation with the given name.
func (b *Backend) Builder(name string) backends.Builder {
	return newBuilder(b, name)
}

// Finalize drops the memory kept for reuse. Buffers and executables must not be used afterwards: they return errors.
func (b *Backend) Finalize() {
	b.finalized.Store(true)
	b.memory.drop()
}

// IsFinalized reports whether Finalize was called.
func (b *Backend) IsFinalized() bool { return b.finalized.Load() }

func (b *Backend) checkLive(doing string) error {
	if b.finalized.Load() {
		return errors.Errorf("%s: backend %q is finalized", doing, Name)
	}
	return nil
}
