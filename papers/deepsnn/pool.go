package deepsnn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/papers"
)

// job is one family to be trained, if it is not yet, and shown the test images.
type job struct {
	name   string // of the system
	family family
	ready  bool // it is trained already
	steps  int  // of each test image
	rng    *rand.Rand
}

// meter adds up how far families that work side by side have come.
type meter struct {
	mu    sync.Mutex
	run   *papers.Run
	stage string
	parts []float64
}

func (m *meter) set(part int, share float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parts[part] = share
	sum := 0.
	for _, p := range m.parts {
		sum += p
	}
	m.run.Progress(papers.Progress{Stage: m.stage, Done: int(100 * sum / float64(len(m.parts))), Total: 100, Unit: "%"})
}

// compete trains and tests families, as many at once as there are processors: they are plain Go, each on one.
func compete(ctx context.Context, r *papers.Run, stage string, d *split, jobs []job) (map[string]course, error) {
	m := &meter{run: r, stage: stage, parts: make([]float64, len(jobs))}
	courses := make([]course, len(jobs))
	for i := range jobs {
		jobs[i].rng = r.Rand(jobs[i].name)
	}
	testing := uint64(r.SeedFor("test"))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, j := range jobs {
		group.Go(func() (err error) {
			if !j.ready {
				err = j.family.train(ctx, d, &session{rng: j.rng, progress: func(done, total int, _ string) {
					if done%64 == 0 {
						m.set(i, .9*float64(done)/float64(total))
					}
				}})
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					return papers.Refuse(fmt.Errorf("%s: %w", j.name, err)) // of what can go wrong all is in the data or the parameters
				}
			}
			courses[i], err = assess(ctx, j.family, d.testing, j.steps, testing)
			m.set(i, 1)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := map[string]course{}
	for i, j := range jobs {
		all[j.name] = courses[i]
	}
	return all, nil
}

// fitted trains a family on a graph as a stage of the run. The result is its layers.
func fitted(ctx context.Context, r *papers.Run, name string, f family, d *split, layers func() []layer) ([]layer, error) {
	return papers.Stage(r, name, func() ([]layer, error) {
		err := f.train(ctx, d, &session{rng: r.Rand(name), seed: r.SeedFor(name), backend: r.Backend, dir: filepath.Join(r.Dir, "checkpoints", name), progress: func(done, total int, unit string) {
			r.Progress(papers.Progress{Stage: name, Done: done, Total: total, Unit: unit})
		}})
		return layers(), err
	})
}
