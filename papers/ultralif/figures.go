package ultralif

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/simulate/eventaudio"
)

func drawTraining(r *papers.Run, one, long map[string]course, steps int) {}
func drawSparsity(r *papers.Run, one map[string]course)                  {}
func drawTwins(r *papers.Run, shown []eventaudio.Sample)                 {}

func drawTraces(r *papers.Run, backend backends.Backend) error { return nil }
